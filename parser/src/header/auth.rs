//! Credentials and challenges: RFC 3261 §20.7, §20.27, §20.28, §20.44, RFC 8760.
//! `Digest username="bob", realm="example.com", nonce="84a4"`.
//!
//! Knows how they are written. What makes them valid is not here.

use crate::grammar::{self, Cursor, TOKEN, VALUE};
use crate::{Expected, Fault};

/// An Authorization or Proxy-Authorization value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials<'a> {
    /// `Digest`, or anything else.
    pub scheme: &'a [u8],
    /// What follows, as written.
    pub raw: &'a [u8],
}

/// A WWW-Authenticate or Proxy-Authenticate value. Reads like credentials.
pub type Challenge<'a> = Credentials<'a>;

impl<'a> Credentials<'a> {
    /// Reads one value. Of a scheme other than Digest the parameters are not judged
    /// (RFC 4475 §3.3.7: an unknown scheme is no error).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let scheme = cursor.some(TOKEN, Expected::Token)?;
        let behind = cursor.at;
        cursor.skip_blanks();
        if cursor.at == behind && cursor.peek().is_some() {
            return Err(cursor.expected(Expected::Space));
        }
        let credentials = Self {
            scheme,
            raw: grammar::trim(&bytes[cursor.at..]),
        };
        if credentials.is_digest() {
            if cursor.peek().is_none() {
                return Err(cursor.expected(Expected::Parameter));
            }
            while read_param(&mut cursor)?.is_some() {}
            cursor.end()?;
        }
        Ok(credentials)
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// The value of a parameter (case-insensitive) without its quotes: `username`, `realm`,
    /// `nonce`, `uri`, `response`, `algorithm`, `cnonce`, `nc`, `qop`, `opaque`, `stale`.
    /// Escapes inside quotes stay.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| grammar::without_quotes(value))
    }

    /// Name and value (as written, quotes included), one after the other.
    pub fn iter(&self) -> impl Iterator<Item = AuthParam<'a>> + Clone + use<'a> {
        let mut cursor = Cursor::new(self.raw);
        std::iter::from_fn(move || read_param(&mut cursor).ok().flatten())
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.scheme);
        if !self.raw.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.raw);
        }
    }
}

/// Name and value as written.
pub type AuthParam<'a> = (&'a [u8], &'a [u8]);

/// `name=value` and the comma behind it; `None` at the end.
fn read_param<'a>(cursor: &mut Cursor<'a>) -> Result<Option<AuthParam<'a>>, Fault> {
    cursor.skip_blanks();
    if cursor.peek().is_none() {
        return Ok(None);
    }
    let name = cursor.some(TOKEN, Expected::Parameter)?;
    cursor.skip_blanks();
    cursor.expect(b'=')?;
    cursor.skip_blanks();
    let value = match cursor.peek() {
        Some(b'"') => cursor.quoted()?,
        _ => cursor.some(VALUE, Expected::Value)?,
    };
    cursor.skip_blanks();
    if cursor.peek().is_some() {
        cursor.expect(b',')?;
    }
    Ok(Some((name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, params: &[(&str, &str)]) {
        let credentials =
            Credentials::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        for (name, value) in params {
            assert_eq!(
                credentials.get(name.as_bytes()),
                Some(value.as_bytes()),
                "{text}: {name}"
            );
        }
        assert_eq!(credentials.iter().count(), params.len(), "{text}");
        let mut written = Vec::new();
        credentials.write(&mut written);
        assert_eq!(Credentials::parse(&written), Ok(credentials));
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            Credentials::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads(
            "Digest username=\"Alice\", realm=\"atlanta.com\",\r\n nonce=\"84a4cc6f\",nc=00000001 , qop = auth",
            &[
                ("Username", "Alice"),
                ("realm", "atlanta.com"),
                ("nonce", "84a4cc6f"),
                ("NC", "00000001"),
                ("qop", "auth"),
            ],
        );
        reads("digest qop=\"auth,auth-int\"", &[("qop", "auth,auth-int")]); // a comma inside quotes
        reads("DIGEST username=\"a\\\"b\"", &[("username", "a\\\"b")]);
        reads("Digest realm=\"x\",", &[("realm", "x")]); // a trailing comma hurts nobody
        let unknown = Credentials::parse(b"NoOneKnowsThisScheme opaque-data=here").unwrap();
        assert!(!unknown.is_digest()); // RFC 4475 §3.3.7
        fails("", Expected::Token, 0);
        fails("Digest", Expected::Parameter, 6);
        fails("Digest realm", Expected::Byte(b'='), 12);
        fails("Digest realm=\"x", Expected::ClosingQuote, 15);
        fails("Digest realm=\"x\" nonce=\"y\"", Expected::Byte(b','), 17);
    }
}
