//! String literals: script-language §2.1.
//!
//! Escapes are resolved, and every byte still knows where it was written, so that an error inside a long format string
//! points at the variable and not at the quote.

use crate::source::Span;

/// The contents of a string literal, or of several in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// The literal with its quotes.
    pub(crate) span: Span,
    offsets: Offsets,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Offsets {
    /// Byte after byte from here: no escapes.
    From(u32),
    /// One per byte.
    Each(Vec<u32>),
}

impl Text {
    /// Reads a string token: quotes included in `written`.
    pub(crate) fn decode(written: &[u8], span: Span) -> Text {
        let inner = written
            .get(1..written.len().saturating_sub(1))
            .unwrap_or_default();
        let start = span.start + 1;
        if written.first() != Some(&b'"') || !inner.contains(&b'\\') {
            return Text {
                bytes: inner.to_vec(),
                span,
                offsets: Offsets::From(start),
            };
        }
        let mut bytes = Vec::with_capacity(inner.len());
        let mut offsets = Vec::with_capacity(inner.len());
        let mut at = 0;
        while at < inner.len() {
            let (escape, len) = escape(&inner[at..]);
            bytes.extend_from_slice(escape.as_slice());
            offsets.extend(escape.as_slice().iter().map(|_| start + at as u32));
            at += len;
        }
        Text {
            bytes,
            span,
            offsets: Offsets::Each(offsets),
        }
    }

    /// Text that stands for itself in the source: no quotes, no escapes.
    pub(crate) fn plain(bytes: &[u8], span: Span) -> Text {
        Text {
            bytes: bytes.to_vec(),
            span,
            offsets: Offsets::From(span.start),
        }
    }

    /// The next literal of a row.
    pub(crate) fn append(&mut self, next: Text) {
        let mut all: Vec<u32> = (0..self.bytes.len()).map(|at| self.offset(at)).collect();
        all.extend((0..next.bytes.len()).map(|at| next.offset(at)));
        self.offsets = Offsets::Each(all);
        self.bytes.extend(next.bytes);
        self.span = self.span.to(next.span);
    }

    fn offset(&self, at: usize) -> u32 {
        match &self.offsets {
            Offsets::From(start) => start + at as u32,
            Offsets::Each(all) => all
                .get(at)
                .copied()
                .unwrap_or(self.span.end.saturating_sub(1)),
        }
    }

    /// Where these bytes were written.
    pub(crate) fn span_of(&self, start: usize, end: usize) -> Span {
        let first = self.offset(start);
        let last = if end > start {
            self.offset(end - 1) + 1
        } else {
            first
        };
        Span {
            start: first,
            end: last.max(first),
        }
    }

    /// A part of it, with its places.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Text {
        let offsets = match &self.offsets {
            Offsets::From(first) => Offsets::From(first + start as u32),
            Offsets::Each(all) => Offsets::Each(all[start..end].to_vec()),
        };
        Text {
            bytes: self.bytes[start..end].to_vec(),
            span: self.span_of(start, end),
            offsets,
        }
    }

    /// For messages.
    pub(crate) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What an escape stands for: none, one or two bytes.
struct Escape {
    bytes: [u8; 2],
    len: usize,
}

impl Escape {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Reads one byte or escape; also says how many bytes were read.
fn escape(rest: &[u8]) -> (Escape, usize) {
    let one = |byte, read| {
        (
            Escape {
                bytes: [byte, 0],
                len: 1,
            },
            read,
        )
    };
    if rest[0] != b'\\' {
        return one(rest[0], 1);
    }
    let Some(next) = rest.get(1) else {
        return one(b'\\', 1);
    };
    match next {
        b'n' => one(b'\n', 2),
        b'r' => one(b'\r', 2),
        b't' => one(b'\t', 2),
        b'a' => one(7, 2),
        b'"' | b'\\' => one(*next, 2),
        b'\n' => (
            Escape {
                bytes: [0; 2],
                len: 0,
            },
            2,
        ),
        b'x' => match digits(&rest[2..], 16, 2) {
            (0, _) => (
                Escape {
                    bytes: [b'\\', b'x'],
                    len: 2,
                },
                2,
            ),
            (read, value) => one(value, 2 + read),
        },
        // A single digit is a back-reference and stays: `\1`.
        b'0'..=b'7' => match digits(&rest[1..], 8, 3) {
            (0 | 1, _) => (
                Escape {
                    bytes: [b'\\', *next],
                    len: 2,
                },
                2,
            ),
            (read, value) => one(value, 1 + read),
        },
        _ => (
            Escape {
                bytes: [b'\\', *next],
                len: 2,
            },
            2,
        ),
    }
}

/// Up to `max` digits: how many, and their value, cut to a byte.
fn digits(rest: &[u8], radix: u32, max: usize) -> (usize, u8) {
    let mut value = 0u32;
    let mut read = 0;
    for byte in rest.iter().take(max) {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        value = value * radix + digit;
        read += 1;
    }
    (read, value as u8)
}
