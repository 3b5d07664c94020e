//! Replaces and Join: RFC 3891 §6.1, RFC 3911. A dialog: `12345@h;to-tag=1;from-tag=2;early-only`.

use crate::grammar::{Cursor, WORD};
use crate::{Expected, Fault, Params};

/// The dialog that is to be replaced or joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaces<'a> {
    /// Its Call-ID.
    pub call_id: &'a [u8],
    /// The tag of our side.
    pub to_tag: &'a [u8],
    /// The tag of the other side.
    pub from_tag: &'a [u8],
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> Replaces<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let start = cursor.at;
        cursor.some(WORD, Expected::Token)?;
        if cursor.eat(b'@') {
            cursor.some(WORD, Expected::Token)?;
        }
        let call_id = cursor.since(start);
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        let tag = |name: &[u8]| params.get(name).filter(|tag| !tag.is_empty());
        let missing = || Fault::expected(Expected::Parameter, bytes.len());
        let (to_tag, from_tag) = (
            tag(b"to-tag").ok_or_else(missing)?,
            tag(b"from-tag").ok_or_else(missing)?,
        );
        Ok(Self {
            call_id,
            to_tag,
            from_tag,
            params,
        })
    }

    /// Whether only an early dialog may be replaced.
    #[must_use]
    pub fn is_early_only(&self) -> bool {
        self.params.has(b"early-only")
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.call_id);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> Replaces<'_> {
        let value =
            Replaces::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            Replaces::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            Replaces::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        let replaces = reads("98732@sip.example.com ;from-tag=r33th4x0r;to-tag=ff87ff;early-only");
        assert_eq!(
            (replaces.call_id, replaces.to_tag),
            (&b"98732@sip.example.com"[..], &b"ff87ff"[..])
        );
        assert!(replaces.is_early_only());
        assert!(!reads("1;to-tag=0;from-tag=2").is_early_only()); // a zero stands for no tag, §3
        fails("1;to-tag=1", Expected::Parameter, 10);
        fails("1@;to-tag=1;from-tag=1", Expected::Token, 2);
    }
}
