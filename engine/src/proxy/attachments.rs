//! What the proxy core remembers of a request while a script works on it: part of its scene.

use crate::input::SocketId;
use crate::jobs::Purpose;
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
