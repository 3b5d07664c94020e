//! Via: RFC 3261 §20.42. Protocol, transport, who sent it, and parameters:
//! `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK87asdks7;rport`.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use crate::grammar::{Cursor, TOKEN, without_quotes, write_number};
use crate::message::Value;
use crate::params::Param;
use crate::uri::read_host_port;
use crate::{Expected, Fault, Host, Params};

/// What every branch of RFC 3261 begins with.
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// The transport of a Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Transport<'a> {
    Udp,
    Tcp,
    Tls,
    Sctp,
    TlsSctp,
    Ws,
    Wss,
    /// Any other, as written.
    Other(&'a [u8]),
}

/// One Via value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// The transport.
    pub transport: Transport<'a>,
    /// The host of sent-by.
    pub host: Host<'a>,
    /// The host and port as written.
    pub sent_by: &'a [u8],
    /// The port of sent-by, when written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and so on.
    pub params: Params<'a>,
    pub(crate) named: Named<'a>,
}

/// The values of the parameters that every hop asks for, found while all are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Named<'a> {
    pub(crate) branch: Option<&'a [u8]>,
    pub(crate) received: Option<&'a [u8]>,
    pub(crate) rport: Option<&'a [u8]>,
    pub(crate) maddr: Option<&'a [u8]>,
}

impl<'a> Via<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let via = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(via)
    }

    /// The branch; empty where there is none.
    #[must_use]
    pub fn branch(&self) -> &'a [u8] {
        self.named.branch.unwrap_or_default()
    }

    /// Whether the branch begins with the magic cookie of RFC 3261 §8.1.1.7.
    #[must_use]
    pub fn has_magic_cookie(&self) -> bool {
        let branch = self.branch();
        // Tokens compare without case (§7.3.1).
        branch
            .get(..MAGIC_COOKIE.len())
            .is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
    }

    /// The address that the receiver saw; brackets are tolerated (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = std::str::from_utf8(self.named.received?).ok()?;
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse().ok()
    }

    /// `rport` (RFC 3581): `None` absent, `Some(None)` asked for, `Some(Some(port))` filled.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let text = self.named.rport?;
        Some(
            std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok()),
        )
    }

    /// `maddr`.
    #[must_use]
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.named.maddr
    }

    /// `ttl`.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        std::str::from_utf8(self.params.get(b"ttl")?)
            .ok()?
            .parse()
            .ok()
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_front(out);
        out.extend_from_slice(self.params.raw());
    }

    /// Writes it with `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 want them for a
    /// request that came from `source`. `force_port`: as if `rport` stood in it.
    pub fn write_received(&self, source: SocketAddr, force_port: bool, out: &mut Vec<u8>) {
        self.write_front(out);
        let asks_for_port = force_port || self.named.rport.is_some();
        for param in self.params.iter() {
            // What the peer claims here is for us to say.
            if !param.name.eq_ignore_ascii_case(b"received")
                && !param.name.eq_ignore_ascii_case(b"rport")
            {
                out.extend_from_slice(param.whole);
            }
        }
        if asks_for_port || self.host.ip() != Some(source.ip()) {
            out.extend_from_slice(b";received=");
            write_ip(source.ip(), out);
        }
        if asks_for_port {
            out.extend_from_slice(b";rport=");
            write_number(source.port().into(), out);
        }
    }

    fn write_front(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0/");
        out.extend_from_slice(self.transport.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.sent_by);
    }
}

impl<'a> Value<'a> for Via<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        cursor.skip_blanks();
        if let Some(b"SIP/2.0/") = cursor.bytes.get(cursor.at..cursor.at + 8) {
            cursor.at += 8;
        } else {
            read_protocol(cursor)?;
        }
        cursor.skip_blanks();
        let transport = Transport::of(cursor.some(TOKEN, Expected::Token)?);
        let before = cursor.at;
        cursor.skip_blanks();
        if cursor.at == before {
            return Err(cursor.expected(Expected::Space));
        }
        let sent_by = read_host_port(cursor, true)?;
        let mut named = Named::default();
        let params = Params::read_each(cursor, |param| named.note(param))?;
        Ok(Self {
            transport,
            host: sent_by.host,
            sent_by: sent_by.text,
            port: sent_by.port,
            params,
            named,
        })
    }
}

impl<'a> Named<'a> {
    /// Of two of a name the first counts, as everywhere.
    #[inline]
    fn note(&mut self, param: &Param<'a>) {
        let (name, slot) = match param.name.len() {
            6 => (&b"branch"[..], &mut self.branch),
            8 => (&b"received"[..], &mut self.received),
            5 if matches!(param.name[0], b'r' | b'R') => (&b"rport"[..], &mut self.rport),
            5 => (&b"maddr"[..], &mut self.maddr),
            _ => return,
        };
        if !param.name.eq_ignore_ascii_case(name) {
            return;
        }
        slot.get_or_insert(without_quotes(param.value.unwrap_or_default()));
    }
}

/// `SIP / 2.0 /` with blanks round the slashes.
#[cold]
fn read_protocol(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    let start = cursor.at;
    let name = cursor.some(TOKEN, Expected::SipVersion)?;
    cursor.skip_blanks();
    cursor.expect(b'/')?;
    cursor.skip_blanks();
    let version = cursor.some(TOKEN, Expected::SipVersion)?;
    if !name.eq_ignore_ascii_case(b"SIP") || version != b"2.0" {
        return Err(Fault::expected(Expected::SipVersion, start));
    }
    cursor.skip_blanks();
    cursor.expect(b'/')
}

impl Default for Via<'_> {
    fn default() -> Self {
        let nothing = b"";
        Self {
            transport: Transport::Other(nothing),
            host: Host::Name(nothing),
            sent_by: nothing,
            port: None,
            params: Params::default(),
            named: Named::default(),
        }
    }
}

impl<'a> Transport<'a> {
    /// The transport of this token.
    #[must_use]
    pub fn of(token: &'a [u8]) -> Self {
        match token {
            b"UDP" => Self::Udp,
            b"TCP" => Self::Tcp,
            b"TLS" => Self::Tls,
            b"WS" => Self::Ws,
            b"WSS" => Self::Wss,
            _ => Self::of_any_case(token),
        }
    }

    fn of_any_case(token: &'a [u8]) -> Self {
        let known = [
            (&b"UDP"[..], Self::Udp),
            (b"TCP", Self::Tcp),
            (b"TLS", Self::Tls),
            (b"SCTP", Self::Sctp),
            (b"TLS-SCTP", Self::TlsSctp),
            (b"WS", Self::Ws),
            (b"WSS", Self::Wss),
        ];
        let found = known
            .iter()
            .find(|(name, _)| token.eq_ignore_ascii_case(name));
        found.map_or(Self::Other(token), |(_, transport)| *transport)
    }

    /// As it is written in a Via.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Udp => b"UDP",
            Self::Tcp => b"TCP",
            Self::Tls => b"TLS",
            Self::Sctp => b"SCTP",
            Self::TlsSctp => b"TLS-SCTP",
            Self::Ws => b"WS",
            Self::Wss => b"WSS",
            Self::Other(token) => token,
        }
    }

    /// Whether it delivers by itself: everything but UDP.
    #[must_use]
    pub fn is_reliable(&self) -> bool {
        !matches!(self, Self::Udp)
    }
}

/// An address as Via parameters hold it: IPv6 without brackets (RFC 5118 §4.5).
fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(v4) => {
            for (place, octet) in v4.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                write_number(octet.into(), out);
            }
        }
        IpAddr::V6(v6) => {
            let mut text = Text(out);
            // Writing to memory cannot fail.
            let _ = write!(text, "{v6}");
        }
    }
}

struct Text<'o>(&'o mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, transport: Transport<'_>, sent_by: &str, port: Option<u16>, branch: &str) {
        let via = Via::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(via.transport, transport, "{text}");
        assert_eq!(via.sent_by, sent_by.as_bytes(), "{text}");
        assert_eq!(via.port, port, "{text}");
        assert_eq!(via.branch(), branch.as_bytes(), "{text}");
        let mut written = Vec::new();
        via.write(&mut written);
        assert_eq!(Via::parse(&written), Ok(via), "{}", written.escape_ascii());
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            Via::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads(
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
            Transport::Udp,
            "192.0.2.1:5060",
            Some(5060),
            "z9hG4bK1",
        );
        reads("SIP / 2.0 / tcp\r\n host", Transport::Tcp, "host", None, ""); // §25.1: SWS round the slashes
        reads(
            "SIP/2.0/TLS [2001:db8::9:1]:7",
            Transport::Tls,
            "[2001:db8::9:1]:7",
            Some(7),
            "",
        );
        reads(
            "SIP/2.0/UNKNOWN h;branch=b ",
            Transport::Other(b"UNKNOWN"),
            "h",
            None,
            "b",
        );
        fails("SIP/2.0/UDP 192.0.2.15;;,;,,", Expected::Parameter, 23); // RFC 4475 §3.1.2.1
        fails("SIP/3.0/UDP h", Expected::SipVersion, 0);
        fails("SIP/2.0/UDP", Expected::Space, 11);
        fails("SIP/2.0/UDP h:0x", Expected::End, 15);
        fails("SIP/2.0/UDP h:65536", Expected::Port, 14);
        fails("SIP/2.0/UDP 1.2.3.4.5", Expected::Host, 12);
    }

    #[test]
    fn rport_is_absent_asked_for_or_filled() {
        let rport = |text: &'static str| Via::parse(text.as_bytes()).unwrap().rport();
        assert_eq!(rport("SIP/2.0/UDP h"), None);
        assert_eq!(rport("SIP/2.0/UDP h;rport"), Some(None));
        assert_eq!(rport("SIP/2.0/UDP h;rport=9988"), Some(Some(9988)));
    }

    #[test]
    fn received_is_read_with_and_without_brackets() {
        let received = |text: &'static str| Via::parse(text.as_bytes()).unwrap().received();
        let address = Some("2001:db8::9:255".parse().unwrap());
        assert_eq!(
            received("SIP/2.0/UDP h;received=[2001:db8::9:255]"),
            address
        );
        assert_eq!(
            received("SIP/2.0/UDP h;received=2001:db8::9:255;branch=1"),
            address
        );
    }

    #[test]
    fn stamps_what_the_receiver_saw() {
        let stamped_so = |text: &str, source: &str, force_port| {
            let mut out = Vec::new();
            Via::parse(text.as_bytes()).unwrap().write_received(
                source.parse().unwrap(),
                force_port,
                &mut out,
            );
            String::from_utf8(out).unwrap()
        };
        let stamped = |text: &str, source: &str| stamped_so(text, source, false);
        // RFC 3261 §18.2.1: only when sent-by is not the source address.
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:5060"),
            "SIP/2.0/UDP 192.0.2.1;branch=b"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP bobs:5061;branch=b", "192.0.2.1:5060"),
            "SIP/2.0/UDP bobs:5061;branch=b;received=192.0.2.1"
        );
        // RFC 3581 §4: rport brings received along, even when it is the same.
        assert_eq!(
            stamped("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=b", "10.1.1.1:9988"),
            "SIP/2.0/UDP 10.1.1.1:4540;branch=b;received=10.1.1.1;rport=9988"
        );
        assert_eq!(
            stamped_so("SIP/2.0/UDP 10.1.1.1;branch=b", "10.1.1.1:9988", true),
            "SIP/2.0/UDP 10.1.1.1;branch=b;received=10.1.1.1;rport=9988"
        );
        // A peer cannot say for us what we saw.
        assert_eq!(
            stamped("SIP/2.0/TCP h;received=1.2.3.4;branch=b", "[2001:db8::1]:7"),
            "SIP/2.0/TCP h;branch=b;received=2001:db8::1"
        );
    }
}
