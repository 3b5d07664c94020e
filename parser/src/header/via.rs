//! Via: RFC 3261 §20.42. Protocol, transport, who sent it, and parameters:
//! `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK87asdks7;rport`.

use std::net::{IpAddr, SocketAddr};

use crate::{Fault, Host, Params};

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
}

impl<'a> Via<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let _ = bytes;
        todo!()
    }
    /// The branch; empty where there is none.
    #[must_use]
    pub fn branch(&self) -> &'a [u8] {
        self.params.get(b"branch").unwrap_or_default()
    }
    /// Whether the branch begins with the magic cookie of RFC 3261 §8.1.1.7.
    #[must_use]
    pub fn has_magic_cookie(&self) -> bool {
        todo!()
    }
    /// The address that the receiver saw; brackets are tolerated (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        todo!()
    }
    /// `rport` (RFC 3581): `None` absent, `Some(None)` asked for, `Some(Some(port))` filled.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        todo!()
    }
    /// `maddr`.
    #[must_use]
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.get(b"maddr")
    }
    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
    /// Writes it with `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 want them for a
    /// request that came from `source`.
    pub fn write_received(&self, source: SocketAddr, out: &mut Vec<u8>) {
        let _ = (source, out);
        todo!()
    }
}
