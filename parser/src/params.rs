//! Parameters: `;name=value;flag;name="quoted value"`, in headers and in URIs.

use crate::grammar::{self, Cursor, TOKEN, VALUE};
use crate::{Expected, Fault};

/// Parameters as they stand, each preceded by `;`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Params<'a> {
    pub(crate) raw: &'a [u8],
}

/// One parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value as written, quotes included; `None` for a flag.
    pub value: Option<&'a [u8]>,
    /// The whole of it, with the `;` before it.
    pub whole: &'a [u8],
}

impl<'a> Params<'a> {
    /// Takes `raw` (`;a=b;c`) as parameters, judging every one.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(raw);
        let params = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(params)
    }

    /// Reads parameters up to what is none: a comma, or the end.
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        Self::read_each(cursor, |_| {})
    }

    /// The same, and tells of each.
    #[inline(always)]
    pub(crate) fn read_each(
        cursor: &mut Cursor<'a>,
        mut tell: impl FnMut(&Param<'a>),
    ) -> Result<Self, Fault> {
        cursor.skip_blanks();
        let start = cursor.at;
        while let Some(param) = Param::read(cursor)? {
            tell(&param);
        }
        Ok(Self {
            raw: cursor.since(start).trim_ascii_end(),
        })
    }

    /// As they stand.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + Clone + use<'a> {
        let mut cursor = Cursor::new(self.raw);
        std::iter::from_fn(move || Param::read(&mut cursor).ok().flatten())
    }

    /// The value of the first parameter of this name (case-insensitive), without its quotes; a
    /// flag's is empty.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        // Nearly always it is the first, written without blanks: `;tag=1`, `;branch=z9hG4bK1`.
        if let Some((front, rest)) = self.raw.split_at_checked(name.len() + 2)
            && let [b';', first @ .., b'='] = front
            && first.eq_ignore_ascii_case(name)
        {
            let mut value = Cursor::new(rest);
            let value = value.take(VALUE);
            if !value.is_empty() {
                return Some(value);
            }
        }
        let mut cursor = Cursor::new(self.raw);
        while let Ok(Some(param)) = Param::read(&mut cursor) {
            if param.name.eq_ignore_ascii_case(name) {
                return Some(grammar::without_quotes(param.value.unwrap_or_default()));
            }
        }
        None
    }

    /// Whether a parameter of this name is there.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }
}

impl<'a> Param<'a> {
    /// Reads one parameter; `None` when no `;` follows. Passes blanks behind it.
    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>) -> Result<Option<Self>, Fault> {
        let start = cursor.at;
        if !cursor.eat(b';') {
            return Ok(None);
        }
        cursor.skip_blanks();
        let name = cursor.some(TOKEN, Expected::Parameter)?;
        let mut end = cursor.at;
        cursor.skip_blanks();
        let mut value = None;
        if cursor.eat(b'=') {
            cursor.skip_blanks();
            value = Some(match cursor.peek() {
                Some(b'"') => cursor.quoted()?,
                _ => cursor.some(VALUE, Expected::Value)?,
            });
            end = cursor.at;
            cursor.skip_blanks();
        }
        Ok(Some(Self {
            name,
            value,
            whole: &cursor.bytes[start..end],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::fmt::Write;

    fn check(raw: &str, expected: Expect) {
        let mut listing = String::new();
        match Params::parse(raw.as_bytes()) {
            Ok(params) => {
                for param in params.iter() {
                    let _ = write!(listing, "{}", param.name.escape_ascii());
                    if let Some(value) = param.value {
                        let _ = write!(listing, " = {}", value.escape_ascii());
                    }
                    listing.push('\n');
                }
            }
            Err(fault) => listing = fault.to_string(),
        }
        expected.assert_eq(&listing);
    }

    #[test]
    fn reads_flags_values_and_quotes_with_blanks_anywhere() {
        check(
            " ;lr; transport = tcp ;text=\"a;b\\\"c\"\r\n ;x",
            expect![[r#"
                lr
                transport = tcp
                text = \"a;b\\\"c\"
                x
            "#]],
        );
    }

    #[test]
    fn refuses_what_is_empty_or_open() {
        check(";;a", expect!["expected a parameter at byte 1"]);
        check(";a=", expect!["expected a value at byte 3"]);
        check(";a=\"b", expect!["expected a closing quote at byte 5"]);
        check(";a=\"b\\", expect!["expected a closing quote at byte 6"]);
        check(";a b", expect!["expected the end of the value at byte 3"]);
    }

    #[test]
    fn finds_the_first_of_a_name_in_any_case() {
        let params = Params::parse(b";Tag=1;tag=2;q=\"0.5\";lr").unwrap();
        assert_eq!(params.get(b"TAG"), Some(&b"1"[..]));
        assert_eq!(params.get(b"q"), Some(&b"0.5"[..]));
        assert_eq!(params.get(b"lr"), Some(&b""[..]));
        assert_eq!(params.get(b"l"), None);
    }
}
