//! Transactions: RFC 3261 §17 with RFC 6026.
//!
//! One file a figure: `invite_client` (5), `client` (6), `invite_server` (7), `server` (8). The
//! machines are pure; `servers` and `clients` are their tables, which match, keep flat copies of
//! what has to be sent again, set timers and tell whoever uses a transaction. What a request is
//! for and where it goes is not known here.
//!
//! Owned by the Call-ID. A server transaction and its client transactions are on one shard.

mod settings;
pub use settings::TmSettings;

use crate::agent::AgentId;
use crate::core::Core;
use crate::input::Flow;
use crate::outbox::Outbox;
use crate::owner::{BRANCH_TOKEN_LEN, Token};
use crate::proxy::ContextId;
pub use crate::slab::{ClientId, ServerId};
use parser::{Message, Method};

/// What a request turned out to be. What can be answered from here has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Nothing we know: it goes to the script.
    New,
    /// Seen before; the last response went out again.
    Retransmission,
    /// The ACK to a final response of 300 or more; it ends here.
    AckToFinal,
    /// The ACK to a 2xx of this transaction; it goes to the script, and this transaction is its `t_check_trans`.
    AckTo2xx(ServerId),
    /// A CANCEL; this is the INVITE it means (or another request: RFC 3261 §9.2 answers 200 all the same).
    Cancel(ServerId),
}

/// A table is full: answer 503 with Retry-After.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload;

/// Who is told about a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientUser {
    /// A branch of a response context: `proxy::on_response`, `on_client_timeout`, `on_transport_error`.
    Branch(ContextId, u8),
    /// A request of our own: `agent::on_response`, ...
    Agent(AgentId),
    /// Nobody.
    Nobody,
}

/// A request to send by a client transaction.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// From [`Core::reserve_client`].
    pub id: ClientId,
    /// Its method.
    pub method: Method<'a>,
    /// By which way it goes.
    pub flow: Flow,
    /// Who is told.
    pub user: ClientUser,
    /// `fr_timeout` of this transaction, else tm's.
    pub fr_ms: Option<u32>,
    /// `fr_inv_timeout` of this transaction, else tm's.
    pub fr_inv_ms: Option<u32>,
}

/// The server transactions of a shard.
#[derive(Debug)]
pub struct ServerTransactions {}

impl ServerTransactions {
    /// An empty table.
    #[must_use]
    pub fn new(limit: u32, seed: u64) -> Self {
        let _ = (limit, seed);
        todo!()
    }
    /// The response context of a transaction, once it has one.
    #[must_use]
    pub fn context(&self, id: ServerId) -> Option<ContextId> {
        let _ = id;
        todo!()
    }
    /// Says whose it is: who is told of CANCEL, ACK and its end.
    pub fn set_context(&mut self, id: ServerId, context: ContextId) {
        let _ = (id, context);
        todo!()
    }
    /// Where its responses go.
    #[must_use]
    pub fn reply_flow(&self, id: ServerId) -> Option<Flow> {
        let _ = id;
        todo!()
    }
    /// Changes where its responses go: `force_rport`.
    pub fn set_reply_flow(&mut self, id: ServerId, flow: Flow) {
        let _ = (id, flow);
        todo!()
    }
    /// The status of the last response; 0 before the first.
    #[must_use]
    pub fn last_status(&self, id: ServerId) -> u16 {
        let _ = id;
        todo!()
    }
    /// Whether it is still there.
    #[must_use]
    pub fn contains(&self, id: ServerId) -> bool {
        let _ = id;
        todo!()
    }
}

/// The client transactions of a shard.
#[derive(Debug)]
pub struct ClientTransactions {}

impl ClientTransactions {
    /// An empty table.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        let _ = limit;
        todo!()
    }
    /// Whether it is still there.
    #[must_use]
    pub fn contains(&self, id: ClientId) -> bool {
        let _ = id;
        todo!()
    }
    /// Changes the timer after a provisional response, `fr_inv_timeout`, of a transaction under way.
    pub fn set_fr_inv_ms(&mut self, id: ClientId, fr_inv_ms: u32) {
        let _ = (id, fr_inv_ms);
        todo!()
    }
    /// Nobody waits for it any more; it goes on by itself to its end.
    pub fn abandon(&mut self, id: ClientId) {
        let _ = id;
        todo!()
    }
}

impl Core {
    /// Matches a request to its transaction (RFC 3261 §17.2.3) and answers what needs no script.
    pub fn match_request(
        &mut self,
        request: &Message,
        flow: &Flow,
        outbox: &mut Outbox,
    ) -> Matched {
        let _ = (request, flow, outbox);
        todo!()
    }
    /// Makes the server transaction of a request that matched none. An INVITE's says 100 by itself
    /// after 200 ms if nothing else was said.
    pub fn create_server(&mut self, request: &Message, flow: &Flow) -> Result<ServerId, Overload> {
        let _ = (request, flow);
        todo!()
    }
    /// Says 100 now, if nothing was said yet.
    pub fn send_trying(&mut self, id: ServerId, outbox: &mut Outbox) {
        let _ = (id, outbox);
        todo!()
    }
    /// Sends a response and keeps a flat copy as long as it may have to be repeated. `write`
    /// appends the whole message. `false`: the transaction is gone or has had its final response.
    pub fn respond(
        &mut self,
        id: ServerId,
        status: u16,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let _ = (id, status, outbox, &write);
        todo!()
    }
    /// Nobody will ever answer it: it goes without a word, and its request's retransmissions are new requests.
    pub fn release_server(&mut self, id: ServerId) {
        let _ = id;
        todo!()
    }
    /// Takes a place for a client transaction and mints its branch (without the magic cookie; `.` and more may follow it).
    pub fn reserve_client(
        &mut self,
        call_id: &[u8],
    ) -> Result<(ClientId, Token<BRANCH_TOKEN_LEN>), Overload> {
        let _ = call_id;
        todo!()
    }
    /// Gives a reserved place back unused.
    pub fn release_client(&mut self, id: ClientId) {
        let _ = id;
        todo!()
    }
    /// Sends a request and starts its client transaction. `write` appends the whole message.
    pub fn start_client(
        &mut self,
        start: Start<'_>,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let _ = (start, outbox, &write);
        todo!()
    }
    /// Cancels an INVITE (RFC 3261 §9.1): now, or as soon as a provisional response is there.
    /// `headers` are further header lines (Reason), each with its CRLF.
    pub fn cancel_client(&mut self, id: ClientId, headers: &[u8], outbox: &mut Outbox) {
        let _ = (id, headers, outbox);
        todo!()
    }
}
