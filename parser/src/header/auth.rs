//! Credentials and challenges: RFC 3261 §20.7, §20.27, §20.28, §20.44, RFC 8760.
//! `Digest username="bob", realm="example.com", nonce="84a4"`.

use crate::Fault;

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
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let _ = bytes;
        todo!()
    }
    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }
    /// The value of a parameter (case-insensitive) without its quotes: `username`, `realm`,
    /// `nonce`, `uri`, `response`, `algorithm`, `cnonce`, `nc`, `qop`, `opaque`, `stale`.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let _ = name;
        todo!()
    }
    /// Name and value (as written, quotes included), one after the other.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        std::iter::empty()
    }
    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
}
