//! Content-Type and the elements of Accept: RFC 3261 §20.1, §20.15.
//! `multipart/mixed;boundary="unique-1"`.

use crate::grammar::{Cursor, TOKEN};
use crate::{Expected, Fault, Params};

/// A media type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaType<'a> {
    /// `application`, `text`, `multipart`; `*` in an Accept.
    pub kind: &'a [u8],
    /// `sdp`, `plain`, `mixed`; `*` in an Accept.
    pub subtype: &'a [u8],
    /// `charset`, `boundary`, `q`.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let kind = cursor.some(TOKEN, Expected::Token)?;
        cursor.skip_blanks();
        cursor.expect(b'/')?;
        cursor.skip_blanks();
        let subtype = cursor.some(TOKEN, Expected::Token)?;
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self {
            kind,
            subtype,
            params,
        })
    }

    /// Whether it is `kind/subtype`, in any case.
    #[must_use]
    pub fn is(&self, kind: &[u8], subtype: &[u8]) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether, as an element of Accept, it admits `other`.
    #[must_use]
    pub fn admits(&self, other: &MediaType<'_>) -> bool {
        let one = |range: &[u8], text: &[u8]| range == b"*" || range.eq_ignore_ascii_case(text);
        one(self.kind, other.kind) && one(self.subtype, other.subtype)
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.kind);
        out.push(b'/');
        out.extend_from_slice(self.subtype);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, kind: &str, subtype: &str) {
        let value =
            MediaType::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert!(value.is(kind.as_bytes(), subtype.as_bytes()), "{text}");
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(MediaType::parse(&written), Ok(value));
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            MediaType::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads("application/sdp", "application", "sdp");
        reads("Text / HTML ; charset=ISO-8859-4", "text", "html");
        reads("multipart/mixed;boundary=\"a;b\"", "multipart", "mixed");
        reads("*/*", "*", "*");
        fails("application", Expected::Byte(b'/'), 11);
        fails("application/", Expected::Token, 12);
        fails("text/plain text", Expected::End, 11);
    }

    #[test]
    fn a_range_admits_what_it_covers() {
        let admits = |range: &'static str, kind: &'static str| {
            MediaType::parse(range.as_bytes())
                .unwrap()
                .admits(&MediaType::parse(kind.as_bytes()).unwrap())
        };
        assert!(admits("*/*", "application/sdp"));
        assert!(admits("Application/*", "application/sdp"));
        assert!(!admits("text/*", "application/sdp"));
    }
}
