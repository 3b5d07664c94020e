//! Where a response goes: RFC 3261 §18.2.2, RFC 3581 §4.

use std::net::SocketAddr;

use parser::{Host, Message};

use crate::input::Flow;

/// By which way the response to a request that came by `flow` leaves. `force_rport`: as if the
/// Via had asked for the source port.
#[must_use]
pub fn reply_flow(request: &Message, flow: &Flow, force_rport: bool) -> Flow {
    if flow.transport.is_reliable() {
        // The connection it came by; if that is gone, another one is opened then.
        return *flow;
    }
    let via = request.top_via();
    if let Some(maddr) = via.maddr()
        && let Ok(host) = Host::parse(maddr)
        && let Some(ip) = host.ip()
    {
        return Flow {
            remote: SocketAddr::new(ip, via_port(request, flow)),
            ..*flow
        };
    }
    if force_rport || via.rport().is_some() {
        return *flow;
    }
    Flow {
        remote: SocketAddr::new(flow.remote.ip(), via_port(request, flow)),
        ..*flow
    }
}

/// The port of the Via's sent-by, or the transport's own.
pub(super) fn via_port(request: &Message, flow: &Flow) -> u16 {
    request
        .top_via()
        .port
        .filter(|&port| port != 0)
        .unwrap_or_else(|| flow.transport.default_port())
}
