//! Retry-After: RFC 3261 §20.33. Seconds, a comment, parameters: `120 (in a meeting);duration=60`.

use crate::grammar::{Cursor, write_number};
use crate::{Expected, Fault, Params};

/// When to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryAfter<'a> {
    /// In so many seconds.
    pub seconds: u32,
    /// The comment with its parentheses; empty when there is none.
    pub comment: &'a [u8],
    /// `duration`.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let seconds = cursor.number(1 << 32)?;
        cursor.skip_blanks();
        let start = cursor.at;
        // Comments nest (§25.1); a counter is all that takes.
        let mut depth = 0_u16;
        while depth > 0 || cursor.peek() == Some(b'(') {
            match cursor.peek() {
                Some(b'(') => depth = depth.saturating_add(1),
                Some(b')') => depth -= 1,
                Some(b'\\') => cursor.at += 1,
                Some(_) => {}
                None => return Err(cursor.expected(Expected::Byte(b')'))),
            }
            cursor.at += 1;
        }
        let comment = cursor.since(start);
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self {
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            comment,
            params,
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_number(self.seconds.into(), out);
        if !self.comment.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.comment);
        }
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> RetryAfter<'_> {
        let value =
            RetryAfter::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            RetryAfter::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            RetryAfter::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        assert_eq!(reads("18000;duration=3600").seconds, 18_000);
        assert_eq!(
            reads("120 (I'm in a (long) meeting)").comment,
            b"(I'm in a (long) meeting)"
        );
        assert_eq!(reads("5 (a \\) b);duration=1").comment, b"(a \\) b)");
        fails("949302838503028349304023988", Expected::Below(1 << 32), 0); // RFC 4475 §3.1.2.5
        fails("1 (a", Expected::Byte(b')'), 4);
        fails("soon", Expected::Number, 0);
    }
}
