//! Transactions: RFC 3261 §17 with RFC 6026.
//!
//! One file a figure: `invite_client` (5), `client` (6), `invite_server` (7), `server` (8). The
//! machines are pure; `servers` and `clients` are their tables, which match, keep flat copies of
//! what has to be sent again, set timers and tell whoever uses a transaction. What a request is
//! for and where it goes is not known here.
//!
//! Owned by the Call-ID. A server transaction and its client transactions are on one shard.

mod client;
mod clients;
mod flat;
mod identity;
mod invite_client;
mod invite_server;
mod machine;
mod reply_flow;
mod server;
mod servers;
mod settings;

pub use clients::ClientTransactions;
pub use reply_flow::reply_flow;
pub use servers::ServerTransactions;
pub use settings::TmSettings;

pub use crate::slab::{ClientId, ServerId};

use parser::Method;

use crate::agent::AgentId;
use crate::core::Core;
use crate::input::{Flow, Ticket};
use crate::outbox::Outbox;
use crate::proxy::ContextId;
use crate::slab::Key;

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
    /// A request of our own: `agent::on_response` and so on.
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
    /// Header lines for its ACK and CANCEL, each with its CRLF; the request has them already.
    pub headers: &'a [u8],
}

/// The top four bits of a ticket name its table; a transaction's slot and generation follow.
fn ticket<K: Key>(table: u64, id: K) -> Ticket {
    Ticket((table << 60) | (u64::from(id.generation()) << 28) | u64::from(id.slot()))
}

impl Core {
    /// What was sent with a transaction's ticket did not arrive.
    pub(crate) fn on_send_failed(&mut self, ticket: Ticket, flow: Flow, outbox: &mut Outbox) {
        let slot = ticket.0 as u32 & 0xfff_ffff;
        let generation = (ticket.0 >> 28) as u32;
        match ticket.0 >> 60 {
            clients::TICKET_TABLE => {
                self.on_client_send_failed(ClientId::new(slot, generation), outbox)
            }
            servers::TICKET_TABLE => {
                self.on_server_send_failed(ServerId::new(slot, generation), flow, outbox)
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
