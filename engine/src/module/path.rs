//! Paths in the parentheses of a variable: `$json(list[$var(i)]/$var(key))`.
//!
//! What a variable says is one element, whatever it says: an agent's name with a slash in it leads nowhere else. So
//! the machine frames it (see [`script::SubName::Path`]), and a module takes a path apart with [`PathText`].

use std::borrow::Cow;

/// Opens the frame of an element that was made at run time: its length follows as four bytes, least first.
pub(crate) const ELEMENT: u8 = 1;

const HEAD: usize = 1 + 4;

/// The rest of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathText<'a>(&'a [u8]);

impl<'a> PathText<'a> {
    /// The text in parentheses.
    pub fn new(text: &'a [u8]) -> PathText<'a> {
        PathText(text)
    }

    /// Whether nothing is left.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, if the script wrote it.
    pub fn peek(self) -> Option<u8> {
        self.0.first().copied().filter(|byte| *byte != ELEMENT)
    }

    /// Skips a byte that the script wrote; false if another comes.
    pub fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// Whether the script wrote this next.
    pub fn starts_with(self, text: &[u8]) -> bool {
        self.0.starts_with(text)
    }

    /// Whether the script wrote this next, and nothing comes behind it.
    pub fn is_exactly(self, text: &[u8]) -> bool {
        self.0 == text
    }

    /// Skips a text that the script wrote; false if something else comes.
    pub fn skip_text(&mut self, text: &[u8]) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Everything up to a byte that the script wrote and that `ends` it. Text and variables side by side are one.
    pub fn take(&mut self, ends: impl Fn(u8) -> bool) -> Cow<'a, [u8]> {
        let mut taken: Cow<'a, [u8]> = Cow::Borrowed(b"");
        loop {
            let part = match self.0.first() {
                None => return taken,
                Some(&ELEMENT) => self.element(),
                Some(&byte) if ends(byte) => return taken,
                Some(_) => {
                    let is_end = |byte: &u8| *byte == ELEMENT || ends(*byte);
                    let end = self.0.iter().position(is_end).unwrap_or(self.0.len());
                    let (part, rest) = self.0.split_at(end);
                    self.0 = rest;
                    part
                }
            };
            if taken.is_empty() {
                taken = Cow::Borrowed(part);
            } else {
                taken.to_mut().extend_from_slice(part);
            }
        }
    }

    /// The path without what it ends in, if the script wrote that.
    pub fn strip_suffix(self, suffix: &[u8]) -> Option<PathText<'a>> {
        let whole = self;
        let mut rest = self;
        let mut tail = rest.0;
        // The literal text behind the last frame.
        while !rest.is_empty() {
            if rest.0[0] == ELEMENT {
                rest.element();
                tail = rest.0;
            } else {
                rest.0 = &rest.0[1..];
            }
        }
        tail.ends_with(suffix)
            .then(|| PathText(&whole.0[..whole.0.len() - suffix.len()]))
    }

    fn element(&mut self) -> &'a [u8] {
        let Some((head, rest)) = self.0.split_at_checked(HEAD) else {
            self.0 = b"";
            return b"";
        };
        let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (element, rest) = rest.split_at(len.min(rest.len()));
        self.0 = rest;
        element
    }

    /// For a log line: what variables say stands there as it is.
    pub fn written(self) -> Vec<u8> {
        let mut rest = self;
        rest.take(|_| false).into_owned()
    }
}
