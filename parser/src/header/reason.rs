//! Reason: RFC 3326. Why a request was sent: `Q.850;cause=16;text="Terminated"`.

use crate::grammar::{Cursor, TOKEN};
use crate::{Expected, Fault, Params};

/// One reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another.
    pub protocol: &'a [u8],
    /// `cause`, `text`.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let protocol = cursor.some(TOKEN, Expected::Token)?;
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self { protocol, params })
    }

    /// `cause`, when it is a number.
    #[must_use]
    pub fn cause(&self) -> Option<u16> {
        super::number::parse(self.params.get(b"cause")?, 1 << 16)
            .ok()
            .and_then(|cause| u16::try_from(cause).ok())
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.protocol);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> Reason<'_> {
        let value =
            Reason::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            Reason::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            Reason::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        let reason = reads("SIP ;cause=200 ;text=\"Call completed elsewhere\"");
        assert_eq!((reason.protocol, reason.cause()), (&b"SIP"[..], Some(200)));
        assert_eq!(
            reason.params.get(b"text"),
            Some(&b"Call completed elsewhere"[..])
        );
        assert_eq!(reads("Q.850;cause=x").cause(), None);
        fails(";cause=1", Expected::Token, 0);
        fails("SIP;text=\"x", Expected::ClosingQuote, 11);
    }
}
