//! Values of a script: script-language §8.3.
//!
//! On a run's stack a [`Value`] is sixteen bytes; its text lies in the run's [`Text`] arena, which keeps its
//! memory from run to run. Elsewhere a value is borrowed ([`ValueRef`]) or owned by whoever stores it ([`Store`]).

use std::ops::Range;

/// A stretch of a run's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first byte.
    pub(crate) start: u32,
    /// How many bytes.
    pub(crate) len: u32,
}

impl Stretch {
    /// As a range of indices.
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }

    /// From `start` up to the end of `text`.
    pub(crate) fn since(text: &[u8], start: usize) -> Stretch {
        Stretch {
            start: start as u32,
            len: (text.len() - start) as u32,
        }
    }
}

/// A value on the stack of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    /// Not there.
    #[default]
    Null,
    /// A number of a variable; reads as decimal text as well.
    Int(i32),
    /// A number written in the script: it has no string form (`"a" + 1` fails).
    Literal(i32),
    /// Text.
    Text(Stretch),
    /// Text and a number; counts as a number.
    Both(i32, Stretch),
    /// What a failed subexpression leaves.
    Failed,
}

impl Value {
    /// Its number, if it has one.
    pub(crate) fn int(self) -> Option<i32> {
        match self {
            Value::Int(n) | Value::Literal(n) | Value::Both(n, _) => Some(n),
            Value::Null | Value::Text(_) | Value::Failed => None,
        }
    }

    /// Whether it is NULL.
    pub(crate) fn is_null(self) -> bool {
        matches!(self, Value::Null)
    }

    /// Its text, a number's in decimal; `None` of NULL and of what failed.
    pub(crate) fn bytes<'t>(self, text: &'t [u8], digits: &'t mut Digits) -> Option<&'t [u8]> {
        match self {
            Value::Null | Value::Failed => None,
            Value::Int(n) | Value::Literal(n) => Some(digits.of(n)),
            Value::Text(stretch) | Value::Both(_, stretch) => text.get(stretch.range()),
        }
    }

    /// Borrowed, its text out of `text`.
    pub(crate) fn with(self, text: &[u8]) -> ValueRef<'_> {
        let of = |stretch: Stretch| text.get(stretch.range()).unwrap_or_default();
        match self {
            Value::Null | Value::Failed => ValueRef::Null,
            Value::Int(n) | Value::Literal(n) => ValueRef::Int(n),
            Value::Text(stretch) => ValueRef::Str(of(stretch)),
            Value::Both(n, stretch) => ValueRef::Both(n, of(stretch)),
        }
    }
}

/// A value somebody else owns. What modules read from arguments and hand to variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// Not there.
    #[default]
    Null,
    /// A number; reads as decimal text as well.
    Int(i32),
    /// Text.
    Str(&'a [u8]),
    /// Text and a number; counts as a number.
    Both(i32, &'a [u8]),
}

impl<'a> ValueRef<'a> {
    /// Its number, if it has one.
    pub fn int(self) -> Option<i32> {
        match self {
            ValueRef::Int(n) | ValueRef::Both(n, _) => Some(n),
            ValueRef::Null | ValueRef::Str(_) => None,
        }
    }

    /// Its text, if it is text and not only a number. See [`ValueRef::write`] for the text of any value.
    pub fn text(self) -> Option<&'a [u8]> {
        match self {
            ValueRef::Str(text) | ValueRef::Both(_, text) => Some(text),
            ValueRef::Null | ValueRef::Int(_) => None,
        }
    }

    /// Whether it is NULL.
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// Appends its text: a number in decimal, nothing for NULL.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            ValueRef::Null => {}
            ValueRef::Int(n) => write_int(n, out),
            ValueRef::Str(text) | ValueRef::Both(_, text) => out.extend_from_slice(text),
        }
    }
}

impl From<i32> for ValueRef<'_> {
    fn from(n: i32) -> Self {
        ValueRef::Int(n)
    }
}

impl<'a> From<&'a [u8]> for ValueRef<'a> {
    fn from(text: &'a [u8]) -> Self {
        ValueRef::Str(text)
    }
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(text: &'a str) -> Self {
        ValueRef::Str(text.as_bytes())
    }
}

/// Appends a number in decimal.
pub fn write_int(n: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(Digits::default().of(n));
}

/// Room for a number's decimal text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digits([u8; 11]);

impl Digits {
    /// The decimal text of a number.
    pub(crate) fn of(&mut self, n: i32) -> &[u8] {
        let mut at = self.0.len();
        let mut rest = n.unsigned_abs();
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if n < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        &self.0[at..]
    }
}

/// What reading a variable comes to. Text stands at the end of the buffer that the reader was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// NULL.
    Null,
    /// A number; reads as decimal text as well.
    Int(i32),
    /// The text that was appended.
    Text,
    /// The text that was appended, and this number.
    Both(i32),
    /// Not known yet: the run parks under this ticket and reads again.
    Wait(crate::Ticket),
}

impl Reading {
    /// Appends a borrowed value.
    pub fn of(value: ValueRef<'_>, out: &mut Vec<u8>) -> Reading {
        match value {
            ValueRef::Null => Reading::Null,
            ValueRef::Int(n) => Reading::Int(n),
            ValueRef::Str(text) => Reading::text(text, out),
            ValueRef::Both(n, text) => {
                out.extend_from_slice(text);
                Reading::Both(n)
            }
        }
    }

    /// Appends this text.
    pub fn text(text: &[u8], out: &mut Vec<u8>) -> Reading {
        out.extend_from_slice(text);
        Reading::Text
    }

    /// Appends this text, or is NULL.
    pub fn maybe(text: Option<&[u8]>, out: &mut Vec<u8>) -> Reading {
        text.map_or(Reading::Null, |text| Reading::text(text, out))
    }
}

/// Values that outlive an operation (`$var`, `$avp`, parameters of routes): the values and, in one
/// arena, their text. Text of values that were replaced is dead until the arena is packed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) text: Vec<u8>,
}

impl Store {
    /// Copies a value in.
    pub(crate) fn keep(&mut self, value: ValueRef<'_>) -> Value {
        let start = self.text.len();
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Int(n) => Value::Int(n),
            ValueRef::Str(text) => {
                self.text.extend_from_slice(text);
                Value::Text(Stretch::since(&self.text, start))
            }
            ValueRef::Both(n, text) => {
                self.text.extend_from_slice(text);
                Value::Both(n, Stretch::since(&self.text, start))
            }
        }
    }

    /// Makes room by copying the text that is still referred to together.
    pub(crate) fn pack<'v>(&mut self, values: impl Iterator<Item = &'v mut Value>) {
        let old = std::mem::take(&mut self.text);
        for value in values {
            let (Value::Text(stretch) | Value::Both(_, stretch)) = value else {
                continue;
            };
            let start = self.text.len();
            self.text
                .extend_from_slice(old.get(stretch.range()).unwrap_or_default());
            *stretch = Stretch::since(&self.text, start);
        }
    }
}
