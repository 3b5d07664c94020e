//! URIs: RFC 3261 §19.1, `tel` of RFC 3966, and any other scheme as opaque text.
//!
//! Comparing them is in `compare`, escapes are in `escape`.

mod compare;
mod escape;
mod host;
#[cfg(test)]
mod tests;

pub use escape::{escape_user, unescape};
pub use host::Host;
pub(crate) use host::read_host_port;

use crate::grammar::{Cursor, URI, URI_HEADER, URI_PARAM, USER, is};
use crate::{Expected, Fault, Params};

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme<'a> {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other, as written.
    Other(&'a [u8]),
}

/// A URI. Of an opaque scheme only `scheme` and `rest` are filled; of `tel` the number is the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// The scheme.
    pub scheme: Scheme<'a>,
    /// What stands before the `@` (and before `:`), escapes not decoded; the number of a `tel`.
    pub user: Option<&'a [u8]>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// The host; an empty name where the scheme has none.
    pub host: Host<'a>,
    /// The host as written, brackets included.
    pub host_text: &'a [u8],
    /// The port, when written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
    /// What follows `?`, when there is one: `name=value&name=value`.
    pub headers: Option<&'a [u8]>,
    /// Everything after the scheme's colon.
    pub rest: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Reads a URI that fills `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::read(bytes)
    }

    /// Whether [`parse`](Self::parse) would succeed. A reading of its own, so that the compiler leaves out what nobody asks for.
    #[inline(never)]
    pub(crate) fn judge(bytes: &'a [u8]) -> Result<(), Fault> {
        Self::read(bytes).map(drop)
    }

    #[inline(always)]
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let mut uri = Self::of_scheme(read_scheme(&mut cursor)?, &bytes[cursor.at..]);
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.read_sip(&mut cursor)?,
            Scheme::Tel => uri.read_tel(&mut cursor)?,
            Scheme::Other(_) => {
                cursor.some(URI, Expected::Uri)?;
            }
        }
        if cursor.at < bytes.len() {
            Err(cursor.expected(Expected::End))
        } else {
            Ok(uri)
        }
    }

    #[inline(always)]
    fn of_scheme(scheme: Scheme<'a>, rest: &'a [u8]) -> Self {
        Self {
            scheme,
            user: None,
            password: None,
            host: Host::Name(b""),
            host_text: b"",
            port: None,
            params: Params::default(),
            headers: None,
            rest,
        }
    }

    /// Whether the scheme is `sip` or `sips`.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// Writes it as it was read; the scheme in its usual case.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.scheme.as_bytes());
        out.push(b':');
        out.extend_from_slice(self.rest);
    }

    /// The headers after `?`, name and value, escapes not decoded.
    pub fn header_fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        let fields = self.headers.unwrap_or_default().split(|&byte| byte == b'&');
        fields.filter(|field| !field.is_empty()).map(|field| {
            let equals = memchr::memchr(b'=', field).unwrap_or(field.len());
            (
                &field[..equals],
                field.get(equals + 1..).unwrap_or_default(),
            )
        })
    }

    #[inline(always)]
    fn read_sip(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.read_userinfo(cursor)?;
        let authority = read_host_port(cursor, false)?;
        (self.host, self.port, self.host_text) =
            (authority.host, authority.port, authority.host_text);
        self.params = read_params(cursor)?;
        if cursor.eat(b'?') {
            let start = cursor.at;
            take_escaped(cursor, URI_HEADER)?;
            self.headers = Some(cursor.since(start));
        }
        Ok(())
    }

    #[inline(always)]
    fn read_userinfo(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.at;
        // Nearly always there is a user and no password, or nothing behind that no user may hold.
        let user = take_escaped(cursor, USER).map(|()| cursor.since(start));
        match (user, cursor.peek()) {
            (Ok(user @ [_, ..]), Some(b'@')) => {
                self.user = Some(user);
                cursor.at += 1;
                return Ok(());
            }
            _ => cursor.at = start,
        }
        // Neither parameters nor headers may hold a bare `@`, so the first one ends the userinfo.
        let Some(len) = memchr::memchr(b'@', self.rest) else {
            return Ok(());
        };
        self.user = Some(read_user(cursor)?);
        if cursor.eat(b':') {
            let start = cursor.at;
            take_escaped(cursor, USER)?;
            self.password = Some(cursor.since(start));
        }
        if cursor.at != start + len {
            return Err(cursor.expected(Expected::Byte(b'@')));
        }
        cursor.at += 1;
        Ok(())
    }

    /// RFC 3966 §3: digits and visual separators, a global number with `+`.
    fn read_tel(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.at;
        cursor.eat(b'+');
        while matches!(
            cursor.peek(),
            Some(b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'*' | b'#' | b'-' | b'.' | b'(' | b')')
        ) {
            cursor.at += 1;
        }
        let number = cursor.since(start);
        if !number
            .iter()
            .any(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#'))
        {
            return Err(cursor.expected(Expected::Number));
        }
        self.user = Some(number);
        self.params = read_params(cursor)?;
        Ok(())
    }
}

impl<'a> Scheme<'a> {
    /// The scheme of these bytes, in any case.
    #[must_use]
    pub fn of(name: &'a [u8]) -> Self {
        match name {
            b"sip" => Self::Sip,
            b"sips" => Self::Sips,
            b"tel" => Self::Tel,
            other if other.eq_ignore_ascii_case(b"sip") => Self::Sip,
            other if other.eq_ignore_ascii_case(b"sips") => Self::Sips,
            other if other.eq_ignore_ascii_case(b"tel") => Self::Tel,
            other => Self::Other(other),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Sip => b"sip",
            Self::Sips => b"sips",
            Self::Tel => b"tel",
            Self::Other(name) => name,
        }
    }
}

#[inline(always)]
fn read_scheme<'a>(cursor: &mut Cursor<'a>) -> Result<Scheme<'a>, Fault> {
    if let Some(b"sip:") = cursor.bytes.get(..4) {
        cursor.at = 4;
        return Ok(Scheme::Sip);
    }
    let start = cursor.at;
    while matches!(cursor.peek(), Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    {
        cursor.at += 1;
    }
    let name = cursor.since(start);
    if !name.first().is_some_and(u8::is_ascii_alphabetic) || !cursor.eat(b':') {
        return Err(Fault::expected(Expected::Scheme, start));
    }
    Ok(Scheme::of(name))
}

fn read_user<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    let start = cursor.at;
    take_escaped(cursor, USER)?;
    let user = cursor.since(start);
    if user.is_empty() {
        Err(cursor.expected(Expected::Uri))
    } else {
        Ok(user)
    }
}

/// URI parameters: no blanks, no quotes, `%HH` well-formed.
#[inline(always)]
fn read_params<'a>(cursor: &mut Cursor<'a>) -> Result<Params<'a>, Fault> {
    let start = cursor.at;
    while cursor.eat(b';') {
        let name = cursor.at;
        take_escaped(cursor, URI_PARAM)?;
        if cursor.at == name {
            return Err(cursor.expected(Expected::Parameter));
        }
        if cursor.eat(b'=') {
            let value = cursor.at;
            take_escaped(cursor, URI_PARAM)?;
            if cursor.at == value {
                return Err(cursor.expected(Expected::Value));
            }
        }
    }
    Ok(Params {
        raw: cursor.since(start),
    })
}

/// Passes bytes of this class and escapes; may be none.
#[inline(always)]
fn take_escaped(cursor: &mut Cursor<'_>, class: u8) -> Result<(), Fault> {
    loop {
        cursor.take(class);
        if cursor.peek() != Some(b'%') {
            return Ok(());
        }
        take_escape(cursor)?;
    }
}

#[cold]
fn take_escape(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    match cursor.bytes.get(cursor.at + 1..cursor.at + 3) {
        Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {
            cursor.at += 3;
            Ok(())
        }
        _ => Err(cursor.expected(Expected::Escape)),
    }
}

/// Whether `bytes` can stand as a URI's userpart without escaping.
#[must_use]
pub fn is_user(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is(byte, USER) || byte == b'%')
}
