//! Lists of tokens: Allow, Supported, Require, Proxy-Require, Unsupported, Allow-Events (comma),
//! and Privacy (semicolon, RFC 3323 §4.2).

use crate::grammar::{self, TOKEN, trim};
use crate::{Expected, Fault, Span};

/// Tokens of one value, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenList<'a> {
    raw: &'a [u8],
    separator: u8,
}

impl<'a> TokenList<'a> {
    /// Reads `a, b,c`. An empty value is an empty list (§20.37).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::separated(bytes, b',')
    }

    /// Reads a Privacy: `id;critical`.
    pub fn parse_privacy(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::separated(bytes, b';')
    }

    fn separated(bytes: &'a [u8], separator: u8) -> Result<Self, Fault> {
        let list = Self {
            raw: trim(bytes),
            separator,
        };
        let strange = list.iter().find(|token| !grammar::all(token, TOKEN));
        match strange.and_then(|token| Span::within(bytes, token)) {
            Some(span) => Err(Fault::expected(Expected::Token, span.start.into())),
            None => Ok(list),
        }
    }

    /// One after the other; empty ones are left out.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let separator = self.separator;
        self.raw
            .split(move |&byte| byte == separator)
            .map(trim)
            .filter(|token| !token.is_empty())
    }

    /// Whether `token` is among them, in any case. (Methods have case: compare those with `iter`.)
    #[must_use]
    pub fn contains(&self, token: &[u8]) -> bool {
        self.iter().any(|other| other.eq_ignore_ascii_case(token))
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, tokens: &[&str]) {
        let list =
            TokenList::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let found: Vec<_> = list
            .iter()
            .map(|token| token.escape_ascii().to_string())
            .collect();
        assert_eq!(found, tokens, "{text}");
        let mut written = Vec::new();
        list.write(&mut written);
        assert_eq!(TokenList::parse(&written), Ok(list));
    }

    #[test]
    fn table() {
        reads("INVITE, ACK,BYE", &["INVITE", "ACK", "BYE"]);
        reads("", &[]); // Supported may be empty, §20.37
        reads(" 100rel ,\r\n path,, timer,", &["100rel", "path", "timer"]);
        assert_eq!(
            TokenList::parse(b"a, b c"),
            Err(Fault::expected(Expected::Token, 3))
        );
        assert_eq!(
            TokenList::parse(b"a;b"),
            Err(Fault::expected(Expected::Token, 0))
        );
    }

    #[test]
    fn privacy_is_separated_by_semicolons() {
        let privacy = TokenList::parse_privacy(b"id; Critical").unwrap();
        assert!(
            privacy.contains(b"ID") && privacy.contains(b"critical") && !privacy.contains(b"none")
        );
    }
}
