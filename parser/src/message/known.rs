//! What `check` has read of the first Via, From and To, as places: every room asks for them, and nobody reads
//! them again.

use std::net::IpAddr;

use crate::header::via::{Named, Transport};
use crate::{Host, NameAddr, Params, Span, Via};

/// The values that are kept; `None` before `check`, and where there is nothing to be read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) via: Option<ViaPlace>,
    pub(super) from: Option<AddressPlace>,
    pub(super) to: Option<AddressPlace>,
}

/// A [`Via`] as places.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViaPlace {
    pub(super) whole: Span,
    transport: Span,
    /// Of a host that is a name, its text.
    host: Span,
    ip: Option<IpAddr>,
    sent_by: Span,
    port: Option<u16>,
    params: Span,
    branch: Option<Span>,
    received: Option<Span>,
    rport: Option<Span>,
    maddr: Option<Span>,
}

impl ViaPlace {
    /// Where the parts of `via` stand in `bytes`, which it was read from. `None`: it was not.
    pub(super) fn new(bytes: &[u8], whole: Span, via: &Via<'_>) -> Option<Self> {
        let place = |part: &[u8]| Span::within(bytes, part);
        let known = |part: Option<&[u8]>| part.map(|part| place(part).unwrap_or_default());
        // The token stands before a blank and the sent-by, in the case of the peer.
        let sent_by = place(via.sent_by)?;
        let front = Span {
            start: whole.start,
            end: sent_by.start,
        };
        let before = front.of(bytes).trim_ascii_end();
        let len = via.transport.as_bytes().len();
        let transport = place(before.get(before.len().checked_sub(len)?..)?)?;
        Some(Self {
            whole,
            transport,
            host: match via.host {
                Host::Name(name) => place(name)?,
                Host::V4(_) | Host::V6(_) => Span::default(),
            },
            ip: via.host.ip(),
            sent_by,
            port: via.port,
            params: match via.params.raw() {
                [] => Span::default(),
                raw => place(raw)?,
            },
            branch: known(via.named.branch),
            received: known(via.named.received),
            rport: known(via.named.rport),
            maddr: known(via.named.maddr),
        })
    }

    #[inline]
    pub(super) fn of<'a>(&self, bytes: &'a [u8]) -> Via<'a> {
        let known = |span: Option<Span>| span.map(|span| span.of(bytes));
        Via {
            transport: Transport::of(self.transport.of(bytes)),
            host: match self.ip {
                Some(IpAddr::V4(ip)) => Host::V4(ip),
                Some(IpAddr::V6(ip)) => Host::V6(ip),
                None => Host::Name(self.host.of(bytes)),
            },
            sent_by: self.sent_by.of(bytes),
            port: self.port,
            params: Params {
                raw: self.params.of(bytes),
            },
            named: Named {
                branch: known(self.branch),
                received: known(self.received),
                rport: known(self.rport),
                maddr: known(self.maddr),
            },
        }
    }
}

/// A [`NameAddr`] as places.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressPlace {
    display: Option<Span>,
    addr_spec: Span,
    bracketed: bool,
    params: Span,
    pub(super) tag: Option<Span>,
}

impl AddressPlace {
    /// Where the parts of `address` stand in `bytes`, which it was read from. `None`: it was not.
    pub(super) fn new(bytes: &[u8], address: &NameAddr<'_>) -> Option<Self> {
        let place = |part: &[u8]| Span::within(bytes, part);
        let known = |part: Option<&[u8]>| part.map(|part| place(part).unwrap_or_default());
        Some(Self {
            display: known(address.display),
            addr_spec: place(address.addr_spec)?,
            bracketed: address.bracketed,
            params: match address.params.raw() {
                [] => Span::default(),
                raw => place(raw)?,
            },
            tag: known(address.tag()),
        })
    }

    #[inline]
    pub(super) fn of<'a>(&self, bytes: &'a [u8]) -> NameAddr<'a> {
        NameAddr {
            display: self.display.map(|display| display.of(bytes)),
            addr_spec: self.addr_spec.of(bytes),
            bracketed: self.bracketed,
            params: Params {
                raw: self.params.of(bytes),
            },
        }
    }
}
