//! Event: RFC 6665 §8.2.1. A package with its templates, and parameters: `presence.winfo;id=7`.

use crate::grammar::{Cursor, TOKEN};
use crate::{Expected, Fault, Params};

/// An event package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// The package with its templates, as written: `presence.winfo`.
    pub package: &'a [u8],
    /// `id` and whatever the package defines.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let package = cursor.some(TOKEN, Expected::Token)?;
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self { package, params })
    }

    /// `id`.
    #[must_use]
    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.get(b"id")
    }

    /// Whether two name the same subscription: package and `id`, byte by byte (RFC 6665 §8.2.1).
    #[must_use]
    pub fn is_same(&self, other: &Event<'_>) -> bool {
        self.package == other.package && self.id() == other.id()
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.package);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> Event<'_> {
        let value = Event::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            Event::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            Event::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        assert_eq!(reads("presence").package, b"presence");
        assert_eq!(reads("dialog;id=7 ; sla").id(), Some(&b"7"[..]));
        assert!(reads("Refer").is_same(&reads("Refer")));
        fails("", Expected::Token, 0);
        fails("a b", Expected::End, 2);
        fails("a;", Expected::Parameter, 2);
    }

    #[test]
    fn packages_and_ids_compare_with_case() {
        assert!(reads("presence;id=1").is_same(&reads("presence;x;id=1")));
        assert!(!reads("presence;id=1").is_same(&reads("presence")));
        assert!(!reads("presence").is_same(&reads("Presence"))); // RFC 6665 §8.2.1
    }
}
