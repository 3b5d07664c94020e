//! sed expressions: `/pattern/replacement/flags`.
//!
//! Any byte may be the delimiter, a backslash before it makes it a plain one. Flags: `i` ignores
//! case, `g` replaces every match, `s` lets a dot match a line break. In the replacement `\0` is the
//! whole match and `\1` to `\9` its groups. What variables said comes in escaped, and stands for itself.

use regex::bytes::{Captures, Regex};
use script::posix;
use std::borrow::Cow;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Subst<'p> {
    pattern: Cow<'p, Pattern>,
    replacement: Vec<Part>,
}

/// What is to be found.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Pattern and flags as written.
    source: (Vec<u8>, Vec<u8>),
    regex: Regex,
    global: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

impl Pattern {
    fn compile(source: (Vec<u8>, Vec<u8>)) -> Result<Pattern, String> {
        let (pattern, flags) = &source;
        let mut global = false;
        let mut insensitive = false;
        let mut dot_is_all = false;
        for flag in flags {
            match flag {
                b'g' => global = true,
                b'i' => insensitive = true,
                b's' => dot_is_all = true,
                other => return Err(format!("unknown flag `{}`", char::from(*other))),
            }
        }
        let regex = posix::compile(
            pattern,
            posix::Flags {
                ignore_case: insensitive,
                lines: !dot_is_all,
            },
        )?;
        Ok(Pattern {
            source,
            regex,
            global,
        })
    }

    fn most(&self) -> usize {
        if self.global { usize::MAX } else { 1 }
    }
}

impl<'p> Subst<'p> {
    /// Reads an expression.
    pub(super) fn parse(text: &[u8]) -> Result<Subst<'p>, String> {
        Self::parse_with(text, None)
    }

    /// Reads an expression whose pattern and flags are probably those of an earlier one.
    pub(super) fn parse_with(text: &[u8], known: Option<&'p Pattern>) -> Result<Subst<'p>, String> {
        let (delimiter, rest) = text.split_first().ok_or("an empty expression")?;
        if *delimiter == b'\\' {
            return Err("a backslash cannot be the delimiter".into());
        }
        let mut fields = split(rest, *delimiter);
        let (Some(pattern), Some(replacement), Some(flags), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            // Written with what is a letter here, the form could not be read.
            return Err("expected `/pattern/replacement/flags`".into());
        };
        let source = (pattern, flags);
        let pattern = match known.filter(|known| known.source == source) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(Pattern::compile(source)?),
        };
        Ok(Subst {
            pattern,
            replacement: parts(&replacement),
        })
    }

    /// What is to be found.
    pub(super) fn into_pattern(self) -> Pattern {
        self.pattern.into_owned()
    }

    /// The text with its matches replaced; `None` when there is no match.
    pub(super) fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len() + 32);
        let mut copied = 0;
        let pattern = &*self.pattern;
        for captures in pattern.regex.captures_iter(text).take(pattern.most()) {
            let whole = captures.get(0)?;
            out.extend_from_slice(&text[copied..whole.start()]);
            self.write(&captures, &mut out);
            copied = whole.end();
        }
        (copied > 0 || !out.is_empty()).then(|| {
            out.extend_from_slice(&text[copied..]);
            out
        })
    }

    /// Calls `edit` with the range of each match and what comes in its place. Says whether there was one.
    pub(super) fn edits(
        &self,
        text: &[u8],
        mut edit: impl FnMut(std::ops::Range<usize>, &[u8]),
    ) -> bool {
        let mut found = false;
        let mut out = Vec::new();
        let pattern = &*self.pattern;
        for captures in pattern.regex.captures_iter(text).take(pattern.most()) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            out.clear();
            self.write(&captures, &mut out);
            edit(whole.range(), &out);
            found = true;
        }
        found
    }

    fn write(&self, captures: &Captures<'_>, out: &mut Vec<u8>) {
        for part in &self.replacement {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Group(number) => out
                    .extend_from_slice(captures.get(*number).map_or(b"", |group| group.as_bytes())),
            }
        }
    }
}

/// The fields between delimiters; an escaped delimiter becomes a plain one, other escapes stay.
fn split(text: &[u8], delimiter: u8) -> impl Iterator<Item = Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let field = fields.last_mut().expect("never empty");
        if *byte == delimiter {
            fields.push(Vec::new());
        } else if *byte == b'\\' {
            match bytes.next() {
                Some(next) if *next == delimiter => field.push(delimiter),
                Some(next) => field.extend_from_slice(&[b'\\', *next]),
                None => field.push(b'\\'),
            }
        } else {
            field.push(*byte);
        }
    }
    fields.into_iter()
}

fn parts(text: &[u8]) -> Vec<Part> {
    let mut parts = vec![];
    let mut plain = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        match bytes.next() {
            Some(digit) if digit.is_ascii_digit() => {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Group(usize::from(digit - b'0')));
            }
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(b't') => plain.push(b'\t'),
            Some(other) => plain.push(*other),
            None => plain.push(b'\\'),
        }
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    parts
}
