//! Hosts and ports: RFC 3261 §25.1 `hostport`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grammar::{Cursor, LABEL, is};
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

    #[inline(always)]
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
        let (mut last, mut labels) = (cursor.take(LABEL), 1);
        let begins_well = last.first().is_some_and(u8::is_ascii_alphanumeric);
        while !last.is_empty() && cursor.eat(b'.') {
            let label = cursor.take(LABEL);
            if label.is_empty() {
                // One dot may end a name; a second one ends no label.
                last = if cursor.peek() == Some(b'.') {
                    label
                } else {
                    last
                };
                break;
            }
            last = label;
            labels += 1;
        }
        let is_numeric = labels > 1 && last.iter().all(u8::is_ascii_digit);
        if !begins_well || is_numeric {
            return Err(Fault::expected(Expected::Host, start));
        }
        Ok(Self::Name(cursor.since(start)))
    }
}

/// Four numbers of at most three digits, and no more of a host behind them; else nothing is passed.
#[inline(never)]
fn read_v4(cursor: &mut Cursor<'_>) -> Option<Ipv4Addr> {
    let text = cursor.bytes.get(cursor.at..)?;
    let (mut address, mut dots) = (0_u32, 0);
    let (mut octet, mut digits) = (0_u32, 0);
    let mut len = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            octet = octet * 10 + u32::from(digit);
            digits += 1;
            if digits > 3 {
                return None;
            }
        } else if byte == b'.' && dots < 3 {
            if digits == 0 || octet > 255 {
                return None;
            }
            address = address << 8 | octet;
            dots += 1;
            (octet, digits) = (0, 0);
        } else if byte == b'.' || is(byte, LABEL) {
            return None;
        } else {
            break;
        }
        len += 1;
    }
    if dots < 3 || digits == 0 || octet > 255 {
        return None;
    }
    cursor.at += len;
    Some(Ipv4Addr::from_bits(address << 8 | octet))
}

#[inline(never)]
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

/// A host and the port behind it.
pub(crate) struct HostPort<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) port: Option<u16>,
    /// The host as written.
    pub(crate) host_text: &'a [u8],
    /// Both as written.
    pub(crate) text: &'a [u8],
}

/// A host, a port if one follows, and both as written. With `blanks` they may stand round the
/// colon, as in a Via.
#[inline(always)]
pub(crate) fn read_host_port<'a>(
    cursor: &mut Cursor<'a>,
    blanks: bool,
) -> Result<HostPort<'a>, Fault> {
    let start = cursor.at;
    let host = Host::read(cursor)?;
    let host_text = cursor.since(start);
    let (mut text, mut port) = (host_text, None);
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
        text = cursor.since(start);
    }
    Ok(HostPort {
        host,
        port,
        host_text,
        text,
    })
}
