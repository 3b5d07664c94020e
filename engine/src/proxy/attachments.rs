//! What the proxy core remembers of a request while a script works on it: part of its scene.

use crate::input::SocketId;
use crate::jobs::Purpose;
use crate::sockets::Socket;
use crate::transaction::Matched;

use super::identity::LoopPart;
use super::{Path, RelayError, RelayFlags, Rewrite};

/// The proxy's fields of a scene. Keeps its memory when cleared.
#[derive(Debug, Default)]
pub struct Attachments {
    /// Why the route that works on it runs; the engine's.
    pub purpose: Purpose,
    /// What the request turned out to be, when it is the ACK or CANCEL of a transaction.
    pub matched: Option<Matched>,
    /// Header lines that every reply of ours to this request gets (`append_to_reply`), each with its CRLF.
    pub reply_headers: Vec<u8>,
    /// The type of `reply_body`.
    pub reply_content_type: Vec<u8>,
    /// The body that the next reply of ours gets.
    pub reply_body: Vec<u8>,
    /// The Record-Route that every branch will get.
    pub record_route: RecordRoute,
    /// Modules that watch the transaction which this request will have, a bit each.
    pub watchers: u64,
    /// Parameters for it (`add_rr_param`), each with its `;`.
    pub record_route_params: Vec<u8>,
    /// The Path that every branch will get.
    pub path: Option<Path>,
    /// What `loose_route` found.
    pub route: RouteFound,
    /// Parameters of our own Route URIs that `loose_route` removed (`$rr_params`), each with its `;`.
    pub route_params: Vec<u8>,
    /// What of it is rewritten on its way out.
    pub rewrite: Rewrite,
    /// `force_rport`: answer to the source port as if the Via had asked (RFC 3581).
    pub force_rport: bool,
    /// `add_local_rport`: ask for rport in our own Via.
    pub add_local_rport: bool,
    /// Answer to the Via's sent-by instead of the source.
    pub reply_to_via: bool,
    /// The socket that a script forces for all branches (`$fs`, `force_send_socket`).
    pub forced_socket: Option<SocketId>,
    /// Who we say we are in what is sent of it, where that is not the socket's own name.
    pub advertised: Advertised,
    /// The blacklists it is under, besides those that all are.
    pub blacklists: crate::blacklist::Chosen,
    /// Why the last relay or forward failed; what `sl_reply_error` answers.
    pub error: Option<RelayError>,
    /// Header lines for a CANCEL of ours (`t_add_cancel_reason`), each with its CRLF.
    pub cancel_headers: Vec<u8>,
    /// Header lines for every request of the transaction (`t_add_hdrs`), its ACKs and CANCELs too, each with its CRLF.
    pub request_headers: Vec<u8>,
    /// The options of the last `relay`.
    pub relay: RelayFlags,
    /// The destination of the last `relay`, text as the script gave it; empty for none.
    pub relay_destination: Vec<u8>,
    /// The final-response timers of this transaction when the script set its own (`$T_fr_timeout`), in ms.
    pub fr_ms: Option<u32>,
    /// The timer after a provisional response (`$T_fr_inv_timeout`), in ms.
    pub fr_inv_ms: Option<u32>,
    /// The To-tag of replies we make ourselves, minted once a request; empty until then.
    pub local_tag: Vec<u8>,
    /// The loop part of its branches, once a relay has worked it out.
    pub(super) loop_part: Option<LoopPart>,
    /// It has been answered without a transaction because a table was full; nothing more is said.
    pub refused: bool,
    /// How often this `relay` has waited for the resolver; bounded.
    pub resolve_rounds: u8,
}

/// The Record-Route that a script asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum RecordRoute {
    /// None.
    #[default]
    None,
    /// Our own, made for the sockets that a branch arrives and leaves by; with this user part.
    Own(Vec<u8>),
    /// Given by the script: `host[:port]`, and a second one when there are two (`record_route_preset`).
    Preset(Vec<u8>, Option<Vec<u8>>),
}

/// Our name in Via, Record-Route and Path of one message (`set_advertised_address`, `set_advertised_port`). What is unsaid
/// is the socket's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Advertised {
    host: Vec<u8>,
    port: Option<u16>,
}

impl Advertised {
    /// Sets the host. `false`: that cannot stand in a Via, and nothing is changed.
    pub fn set_host(&mut self, host: &[u8]) -> bool {
        let Some(is_bare_ipv6) = host_form(host) else {
            return false;
        };
        self.host.clear();
        if is_bare_ipv6 {
            self.host.push(b'[');
        }
        self.host.extend_from_slice(host);
        if is_bare_ipv6 {
            self.host.push(b']');
        }
        true
    }

    /// Sets the port. `false`: it is none, and nothing is changed.
    pub fn set_port(&mut self, port: &[u8]) -> bool {
        let port = advertised_port(port);
        self.port = port.or(self.port);
        port.is_some()
    }

    /// Appends `host:port` for a socket of ours.
    pub(super) fn write(&self, socket: &Socket, out: &mut Vec<u8>) {
        if self.host.is_empty() && self.port.is_none() {
            out.extend_from_slice(socket.sent_by.as_bytes());
            return;
        }
        out.extend_from_slice(match &self.host[..] {
            [] => socket.host.as_bytes(),
            host => host,
        });
        out.push(b':');
        let port = self.port.unwrap_or(socket.port);
        out.extend_from_slice(super::forward::port_text(port, &mut [0; 5]));
    }
}

/// Whether this is a host name or address (RFC 3261 §25.1 `host`): then, whether it is an IPv6 address without brackets.
pub(crate) fn host_form(text: &[u8]) -> Option<bool> {
    let is_ipv6 = |text: &[u8]| {
        std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let inside = text
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"));
    match inside {
        Some(inside) => is_ipv6(inside).then_some(false),
        None if text.contains(&b':') => is_ipv6(text).then_some(true),
        None => {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
            (!text.is_empty() && text.len() <= HOST_BYTES_MAX && text.iter().all(is_name))
                .then_some(false)
        }
    }
}

/// A port that can be advertised.
pub(crate) fn advertised_port(text: &[u8]) -> Option<u16> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let port = std::str::from_utf8(text).ok()?.parse().ok()?;
    (is_number && port != 0).then_some(port)
}

/// RFC 1035 §2.3.4: a name is no longer.
const HOST_BYTES_MAX: usize = 255;

/// What `loose_route` found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RouteFound {
    /// Whether it has run.
    pub done: bool,
    /// Whether the request is routed by a Route header.
    pub routed: bool,
    /// Where the route leads to next: the socket that our second Record-Route names.
    pub socket: Option<SocketId>,
    /// A Route of ours names no socket of ours: an alias, or what `record_route_preset` wrote.
    pub unknown_socket: bool,
    /// Whether our Route said who called (`;ftag`): then, whether this request goes the caller's way.
    pub downstream: Option<bool>,
}

impl Attachments {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        fn kept(buffer: &mut Vec<u8>) -> Vec<u8> {
            buffer.clear();
            std::mem::take(buffer)
        }
        let mut rewrite = std::mem::take(&mut self.rewrite);
        rewrite.clear();
        *self = Attachments {
            rewrite,
            advertised: Advertised {
                host: kept(&mut self.advertised.host),
                port: None,
            },
            record_route_params: kept(&mut self.record_route_params),
            route_params: kept(&mut self.route_params),
            cancel_headers: kept(&mut self.cancel_headers),
            request_headers: kept(&mut self.request_headers),
            relay_destination: kept(&mut self.relay_destination),
            local_tag: kept(&mut self.local_tag),
            reply_headers: kept(&mut self.reply_headers),
            reply_content_type: kept(&mut self.reply_content_type),
            reply_body: kept(&mut self.reply_body),
            ..Attachments::default()
        };
    }
}
