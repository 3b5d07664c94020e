//! Own requests and responses: RFC 3261 §8.
//!
//! Builds a request of ours, lets `local_route` see it, sends it by a client transaction, and tells
//! its owner how it ended. Forwarding is `proxy`'s work.
//!
//! Owned by the Call-ID that we mint here, so responses come back to this shard.

mod ack;
mod build;
mod send;
mod table;

pub use send::{
    cancel, local_route_ended, on_ended, on_resolved, on_response, on_timeout, on_transport_error,
    send_request,
};
pub use table::Agents;

use crate::input::{ConnectionId, SocketId};

/// Names one own request: its slot, and which of the slot's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct AgentId {
    /// The place in the table.
    pub slot: u32,
    /// Counts from 1.
    pub generation: u32,
}

/// Who is told about the responses to an own request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentOwner {
    /// Nobody.
    #[default]
    Nobody,
    /// A module, by its place in the program's list of modules; the number is the module's own.
    Module {
        /// The module.
        module: u16,
        /// What the module calls it.
        token: u64,
    },
}

/// A request of ours. What is empty is made: Call-ID, From tag, CSeq 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnRequest<'a> {
    /// `OPTIONS`, `MESSAGE`...
    pub method: &'a [u8],
    /// The Request-URI.
    pub request_uri: &'a [u8],
    /// The next hop, when it is not the Request-URI.
    pub destination: &'a [u8],
    /// From: a URI, a display name and a URI (`Bob sip:bob@a.org`), or a whole name-addr. A tag is added when it has none.
    pub from: &'a [u8],
    /// To: the same, with its tag inside a dialog.
    pub to: &'a [u8],
    /// Call-ID; empty mints one that belongs to this shard.
    pub call_id: &'a [u8],
    /// CSeq number; 0 means 1.
    pub cseq: u32,
    /// Further header lines, each with its CRLF.
    pub headers: &'a [u8],
    /// The type of the body; not written without a body.
    pub content_type: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// The socket it has to leave by.
    pub socket: Option<SocketId>,
    /// The connection it has to leave by (a client behind NAT), when still there.
    pub connection: ConnectionId,
    /// Who is told.
    pub owner: AgentOwner,
    /// What its routes find in `$avp(uac_ctx)`; empty for nothing.
    pub context: &'a [u8],
    /// Its owner acknowledges a 2xx to an INVITE himself; otherwise it is done here.
    pub own_ack: bool,
    /// How long to wait for the final response, in ms; 0 means tm's `fr_timeout`.
    pub timeout_ms: u32,
}

/// How an own request went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentEvent {
    /// Whose.
    pub agent: AgentId,
    /// Who is told.
    pub owner: AgentOwner,
    /// The status code; ours are 408 (nobody answered), 503 (it could not be sent), 478 (it leads
    /// nowhere) and 477 (its `local_route` dropped it).
    pub code: u16,
    /// Whether we made the answer ourselves.
    pub local: bool,
}
