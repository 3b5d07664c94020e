//! Hosts and ports: RFC 3261 §25.1 `hostport`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grammar::{Cursor, HOST, is};
use crate::{Expected, Fault};

/// A host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// A name, as written.
    Name(&'a [u8]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address (written in brackets).
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host that fills `bytes`; IPv6 in brackets.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let host = Self::read(&mut cursor)?;
        if cursor.at < bytes.len() {
            Err(cursor.expected(Expected::End))
        } else {
            Ok(host)
        }
    }

    /// The address, when it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Whether two hosts are the same: names without case, addresses by value. A name never equals
    /// an address (RFC 3261 §19.1.4).
    #[must_use]
    pub fn equivalent(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Host::V4(b)) => a == b,
            (Self::V6(a), Host::V6(b)) => a == b,
            (Self::Name(_) | Self::V4(_) | Self::V6(_), _) => false,
        }
    }

    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let start = cursor.at;
        if cursor.eat(b'[') {
            return read_v6(cursor, start);
        }
        if matches!(cursor.peek(), Some(b'0'..=b'9'))
            && let Some(address) = read_v4(cursor)
        {
            return Ok(Self::V4(address));
        }
        // The last label of a name begins with a letter, so that 1.2.3 and 300.1.1.1 are neither
        // a name nor an address. Labels are not empty; one dot may end a name.
        let name = take_labels(cursor);
        let labels = name.strip_suffix(b".").unwrap_or(name);
        let last = labels
            .iter()
            .rposition(|&byte| byte == b'.')
            .map_or(0, |dot| dot + 1);
        let is_numeric = last > 0 && labels[last..].iter().all(u8::is_ascii_digit);
        let has_empty_label = cursor.peek() == Some(b'.');
        if has_empty_label || is_numeric || !labels.first().is_some_and(u8::is_ascii_alphanumeric) {
            return Err(Fault::expected(Expected::Host, start));
        }
        Ok(Self::Name(name))
    }
}

/// Passes the characters of a name, up to a dot that has no label before it.
#[inline]
fn take_labels<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let rest = cursor.bytes.get(cursor.at..).unwrap_or_default();
    let mut before = b'.';
    let end = rest.iter().position(|&byte| {
        let ends = !is(byte, HOST) | ((byte == b'.') & (before == b'.'));
        before = byte;
        ends
    });
    let len = end.unwrap_or(rest.len());
    cursor.at += len;
    &rest[..len]
}

/// Four numbers of at most three digits, and no more of a host behind them; else nothing is passed.
fn read_v4(cursor: &mut Cursor<'_>) -> Option<Ipv4Addr> {
    let text = cursor.bytes;
    let mut octets = [0_u8; 4];
    let mut at = cursor.at;
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let start = at;
        let mut number = 0_u16;
        while let Some(digit @ b'0'..=b'9') = text.get(at)
            && at < start + 3
        {
            number = number * 10 + u16::from(digit - b'0');
            at += 1;
        }
        if at == start {
            return None;
        }
        *octet = u8::try_from(number).ok()?;
    }
    if text.get(at).is_some_and(|&byte| is(byte, HOST)) {
        return None;
    }
    cursor.at = at;
    Some(Ipv4Addr::from(octets))
}

fn read_v6<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Host<'a>, Fault> {
    let rest = cursor.bytes.get(cursor.at..).unwrap_or_default();
    // The longest text of an IPv6 address is 45 bytes.
    let len = rest.iter().take(46).position(|&byte| byte == b']');
    let address = len
        .and_then(|len| std::str::from_utf8(&rest[..len]).ok())
        .and_then(|text| text.parse::<Ipv6Addr>().ok())
        .ok_or_else(|| Fault::expected(Expected::Host, start))?;
    cursor.at += len.unwrap_or(0) + 1;
    Ok(Host::V6(address))
}

/// A host, a port if one follows, and both as written. With `blanks` they may stand round the
/// colon, as in a Via.
pub(crate) fn read_host_port<'a>(
    cursor: &mut Cursor<'a>,
    blanks: bool,
) -> Result<(Host<'a>, Option<u16>, &'a [u8]), Fault> {
    let start = cursor.at;
    let host = Host::read(cursor)?;
    let mut end = cursor.at;
    let mut port = None;
    if blanks {
        cursor.skip_blanks();
    }
    if cursor.eat(b':') {
        if blanks {
            cursor.skip_blanks();
        }
        let at = cursor.at;
        let number = cursor
            .number(1 << 16)
            .map_err(|_| Fault::expected(Expected::Port, at))?;
        port = u16::try_from(number).ok();
        end = cursor.at;
    }
    Ok((host, port, &cursor.bytes[start..end]))
}

/// How much of `host:port` is the host.
pub(super) fn len_without_port(host_port: &[u8]) -> usize {
    match host_port {
        [b'[', ..] => host_port
            .iter()
            .position(|&byte| byte == b']')
            .map_or(host_port.len(), |at| at + 1),
        _ => host_port
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(host_port.len()),
    }
}
