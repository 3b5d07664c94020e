//! name-addr and addr-spec: From, To, Contact, Route, Record-Route, Path, Refer-To and their like.
//! RFC 3261 §20.10, §25.1: `"A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s`.

use crate::grammar::{self, Cursor, TOKEN, is, is_blank};
use crate::message::Value;
use crate::{Expected, Fault, Params, Uri};

/// A display name, a URI and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes included; `None` where there is none.
    pub display: Option<&'a [u8]>,
    /// The URI as written, without brackets. `*` for the Contact of that name.
    pub addr_spec: &'a [u8],
    /// Whether the URI stands in angle brackets.
    pub bracketed: bool,
    /// The header's parameters: `tag`, `q`, `expires`. Not the URI's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. Judges its own structure, not the URI inside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let value = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(value)
    }

    /// The URI.
    pub fn uri(&self) -> Result<Uri<'a>, Fault> {
        Uri::parse(self.addr_spec)
    }

    /// The tag; `None` where there is none.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get(b"tag")
    }

    /// Whether it is `Contact: *`.
    #[must_use]
    pub fn is_star(&self) -> bool {
        self.addr_spec == b"*"
    }

    /// `expires` of a Contact. What is malformed counts as 3600 (RFC 3261 §20.10).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get(b"expires")?;
        Some(super::number::expires(text))
    }

    /// `q` of a Contact in thousandths. What is malformed is as if it were absent.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        match self.params.get(b"q")? {
            [b'1'] => Some(1_000),
            [b'1', b'.', zeros @ ..] if zeros.len() <= 3 => {
                zeros.iter().all(|&b| b == b'0').then_some(1_000)
            }
            [b'0'] => Some(0),
            [b'0', b'.', digits @ ..] | [b'.', digits @ ..] if digits.len() <= 3 => {
                let mut thousandths = 0;
                for place in 0..3 {
                    let digit = digits.get(place).copied().unwrap_or(b'0');
                    thousandths =
                        thousandths * 10 + u16::from(digit.checked_sub(b'0').filter(|&d| d < 10)?);
                }
                Some(thousandths)
            }
            _ => None,
        }
    }

    /// Appends the display name without quotes and escapes.
    pub fn write_display_text(&self, out: &mut Vec<u8>) {
        grammar::write_unquoted(self.display.unwrap_or_default(), out);
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(display) = self.display {
            out.extend_from_slice(display);
            out.push(b' ');
        }
        if self.bracketed {
            out.push(b'<');
            out.extend_from_slice(self.addr_spec);
            out.push(b'>');
        } else {
            out.extend_from_slice(self.addr_spec);
        }
        out.extend_from_slice(self.params.raw());
    }
}

impl<'a> Value<'a> for NameAddr<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        cursor.skip_blanks();
        let start = cursor.at;
        let display = match cursor.peek() {
            Some(b'<') => None,
            Some(b'"') => Some(cursor.quoted()?),
            _ => match read_words(cursor) {
                Words::Display(end) => Some(&cursor.bytes[start..end]),
                Words::AddrSpec => return read_addr_spec(cursor, start),
            },
        };
        cursor.skip_blanks();
        cursor.expect(b'<')?;
        let rest = cursor.bytes.get(cursor.at..).unwrap_or_default();
        let Some(len) = memchr::memchr(b'>', rest) else {
            cursor.at = cursor.bytes.len();
            return Err(cursor.expected(Expected::Byte(b'>')));
        };
        cursor.at += len + 1;
        let params = Params::read(cursor)?;
        Ok(Self {
            display,
            addr_spec: &rest[..len],
            bracketed: true,
            params,
        })
    }
}

enum Words {
    /// A display name without quotes, up to here.
    Display(usize),
    /// No display name: the URI stands by itself.
    AddrSpec,
}

/// Tells a display name of bare words from a URI without brackets. RFC 4475 §3.1.1.6: `caller<sip:...>`
/// is well-formed although the grammar wants a blank before the bracket.
fn read_words(cursor: &mut Cursor<'_>) -> Words {
    let start = cursor.at;
    let mut end = start;
    while let Some(byte) = cursor.peek() {
        // Bytes past ASCII are no token, but names are written in them every day.
        if is(byte, TOKEN) || byte >= 0x80 {
            end = cursor.at + 1;
        } else if byte == b'<' {
            return Words::Display(end);
        } else if !is_blank(byte) {
            break;
        }
        cursor.at += 1;
    }
    if end == start || cursor.bytes[start..end].iter().any(|&byte| is_blank(byte)) {
        return Words::Display(end);
    }
    cursor.at = start;
    Words::AddrSpec
}

/// A URI without brackets: what follows the first `;` belongs to the header (RFC 3261 §20).
fn read_addr_spec<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<NameAddr<'a>, Fault> {
    while let Some(byte) = cursor.peek() {
        match byte {
            b';' | b',' => break,
            b'?' => return Err(cursor.expected(Expected::Brackets)),
            byte if is_blank(byte) => break,
            _ => cursor.at += 1,
        }
    }
    let addr_spec = cursor.since(start);
    if addr_spec.is_empty() {
        return Err(cursor.expected(Expected::Uri));
    }
    let params = Params::read(cursor)?;
    Ok(NameAddr {
        display: None,
        addr_spec,
        bracketed: false,
        params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, display: Option<&str>, uri: &str, params: &str) {
        let value =
            NameAddr::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(value.display, display.map(str::as_bytes), "{text}");
        assert_eq!(value.addr_spec, uri.as_bytes(), "{text}");
        assert_eq!(value.params.raw(), params.as_bytes(), "{text}");
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            NameAddr::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            NameAddr::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads(
            "\"A. G. Bell\" <sip:agb@bell.com>;tag=a48s",
            Some("\"A. G. Bell\""),
            "sip:agb@bell.com",
            ";tag=a48s",
        );
        reads(
            "sip:+12125551212@server.phone2net.com;tag=887s",
            None,
            "sip:+12125551212@server.phone2net.com",
            ";tag=887s",
        );
        reads(
            "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
            Some("Anonymous"),
            "sip:c8oqz84zk7z@privacy.org",
            ";tag=hyh8",
        );
        reads(
            "caller<sip:caller@example.com>",
            Some("caller"),
            "sip:caller@example.com",
            "",
        ); // RFC 4475 §3.1.1.6
        reads(
            "Watson\t and  Bell <sip:w@b>",
            Some("Watson\t and  Bell"),
            "sip:w@b",
            "",
        );
        reads(
            "\"a\\\"<b>\"<sip:a@b;x=y>",
            Some("\"a\\\"<b>\""),
            "sip:a@b;x=y",
            "",
        );
        reads("<sip:a,b@c>", None, "sip:a,b@c", ""); // a comma inside brackets separates nothing
        reads("Jürgen <sip:j@b>", Some("Jürgen"), "sip:j@b", "");
        reads("*", None, "*", "");
        reads("<>", None, "", ""); // the URI is judged by whoever reads it
        fails(
            "\"Mr. J. User <sip:j.user@example.com>",
            Expected::ClosingQuote,
            37,
        ); // RFC 4475 §3.1.2.6
        fails("Bell, Alexander <sip:agb@bell.com>", Expected::End, 4); // RFC 4475 §3.1.2.15, in a list
        fails("Bell (inc) <sip:agb@bell.com>", Expected::End, 5);
        fails(
            "sip:user@example.com?Route=%3Csip:x%3E",
            Expected::Brackets,
            20,
        ); // RFC 4475 §3.1.2.13
        fails("<sip:a@b", Expected::Byte(b'>'), 8);
        fails("", Expected::Byte(b'<'), 0);
        fails("<sip:a@b> x", Expected::End, 10);
    }

    #[test]
    fn q_is_thousandths() {
        let q = |q: &str| {
            NameAddr::parse(format!("<sip:a@b>;q={q}").as_bytes())
                .unwrap()
                .q()
        };
        let table = [
            ("1", 1000),
            ("1.0", 1000),
            ("0", 0),
            ("0.5", 500),
            ("0.75", 750),
            ("0.001", 1),
            (".3", 300),
        ];
        for (text, thousandths) in table {
            assert_eq!(q(text), Some(thousandths), "{text}");
        }
        for text in ["1.1", "2", "0.5555", "-1", "0.x", "1.0000"] {
            assert_eq!(q(text), None, "{text}");
        }
    }

    #[test]
    fn malformed_expires_counts_as_an_hour() {
        let expires = |text: &str| {
            NameAddr::parse(format!("<sip:a@b>;expires={text}").as_bytes())
                .unwrap()
                .expires()
        };
        assert_eq!(expires("60"), Some(60));
        assert_eq!(expires("1000000000000000000"), Some(3600)); // RFC 4475 §3.1.2.4
        assert_eq!(expires("soon"), Some(3600));
        assert_eq!(NameAddr::parse(b"<sip:a@b>").unwrap().expires(), None);
    }
}
