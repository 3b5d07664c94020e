//! The table of own requests under way. Bounded.

use super::{AgentId, AgentOwner};
use crate::input::{ConnectionId, SocketId};
use crate::resolve::Addresses;
use crate::run::Scene;
use crate::slab::Slab;
use crate::transaction::ClientId;

/// One request of ours.
#[derive(Debug)]
pub(super) struct Agent {
    /// Who is told.
    pub owner: AgentOwner,
    /// The request, while no run holds it.
    pub scene: Option<Box<Scene>>,
    /// Its client transaction.
    pub client: Option<ClientId>,
    /// Where it may still go, next first.
    pub addresses: Addresses,
    /// The next hop, when it is not the Request-URI.
    pub destination: Vec<u8>,
    /// The socket it has to leave by.
    pub socket: Option<SocketId>,
    /// The connection it has to leave by, for the first attempt.
    pub connection: ConnectionId,
    /// How long to wait, when not as tm says.
    pub timeout_ms: Option<u32>,
    /// Whether its owner acknowledges a 2xx.
    pub own_ack: bool,
    /// Whether a provisional response has come.
    pub is_proceeding: bool,
    /// Whether its owner has been told how it ended.
    pub is_told: bool,
    /// How often it has waited for the resolver.
    pub rounds: u8,
}

/// Requests of our own under way.
#[derive(Debug)]
pub struct Agents {
    pub(super) slab: Slab<AgentId, Agent>,
    /// The text of the request being made.
    pub(super) text: Vec<u8>,
}

impl Agents {
    /// An empty table that never holds more than `limit`.
    pub fn new(limit: u32) -> Self {
        Agents {
            slab: Slab::new(limit),
            text: Vec::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }
}
