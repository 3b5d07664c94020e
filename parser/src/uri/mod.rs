//! URIs: RFC 3261 §19.1, `tel` of RFC 3966, and any other scheme as opaque text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Fault, Params};

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
        let _ = bytes;
        todo!()
    }

    /// RFC 3261 §19.1.4 (RFC 3966 §4 for `tel`).
    #[must_use]
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        let _ = other;
        todo!()
    }

    /// Writes it as it was read.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }

    /// The headers after `?`, name and value, escapes not decoded.
    pub fn header_fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        std::iter::empty()
    }
}

impl<'a> Host<'a> {
    /// Reads a host that fills `bytes`; IPv6 in brackets.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let _ = bytes;
        todo!()
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
}

/// Decodes `%HH` once, appending to `out`. What is no escape stays as it is.
pub fn unescape(bytes: &[u8], out: &mut Vec<u8>) {
    let _ = (bytes, out);
    todo!()
}

/// Appends `bytes` as a userpart, escaping what RFC 3261 does not allow there.
pub fn escape_user(bytes: &[u8], out: &mut Vec<u8>) {
    let _ = (bytes, out);
    todo!()
}
