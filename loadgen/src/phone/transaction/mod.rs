//! The four transactions of RFC 3261 §17, as a user agent meets them: one file a figure.
//!
//! The figures only choose states and say what follows from it; who the transaction belongs to, its
//! bytes and its place in the wheel are in [`Transaction`], moved by `../drive.rs`.
//!
//! Each transaction has two clocks: `Repeat` (Timers A, E, G) and `Deadline` (Timers B, D, F, H, I,
//! J, K, L, M; the state says which).

pub(crate) mod client_invite;
pub(crate) mod client_other;
pub(crate) mod server_invite;
pub(crate) mod server_other;

use std::net::SocketAddr;

use super::settings::{Timers, Transport};
use super::slab::Key;
use super::wheel::TimerId;
use super::{Micros, Verb};

/// What a transaction belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Call(Key),
    Registration(Key),
    /// A request outside calls, with the tag its command gave.
    Probe(u64),
    Nobody,
}

#[derive(Debug)]
pub(crate) enum Machine {
    ClientInvite(client_invite::State),
    ClientOther(client_other::State),
    ServerInvite(server_invite::State),
    ServerOther(server_other::State),
}

#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) machine: Machine,
    pub(crate) owner: Owner,
    pub(crate) verb: Verb,
    pub(crate) cseq: u32,
    pub(crate) line: u32,
    /// Where its messages go.
    pub(crate) to: SocketAddr,
    pub(crate) started: Micros,
    pub(crate) repeat_at: Micros,
    pub(crate) deadline: Micros,
    pub(crate) interval: Micros,
    pub(crate) timer: TimerId,
    /// A server transaction's places in the table: its own, and its INVITE's without the branch.
    pub(crate) table_keys: [u64; 2],
    /// What is repeated: a client's request until its final response, a server's last response.
    /// While an INVITE rings, the INVITE itself.
    pub(crate) text: Vec<u8>,
    /// The last response of a server; the best provisional of a client.
    pub(crate) status: u16,
    /// How often credentials were added.
    pub(crate) challenges: u8,
    /// Set by a knob: the request goes out once more after its end.
    pub(crate) late: bool,
}

/// What follows from a transition. All off at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions {
    /// Send the kept message again.
    pub(crate) repeat: bool,
    /// Acknowledge a final response of 300 or more.
    pub(crate) acknowledge: bool,
    /// Tell the user of the transaction what came.
    pub(crate) tell: bool,
    /// Tell the user that time is up.
    pub(crate) timeout: bool,
    /// Set the repeating clock (`Some(NEVER)` stops it).
    pub(crate) repeat_in: Option<Micros>,
    /// Set the deadline.
    pub(crate) deadline_in: Option<Micros>,
}

/// Further than any run.
pub(crate) const NEVER: Micros = Micros::MAX / 4;

/// What the figures need to know of their surroundings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    pub(crate) timers: Timers,
    pub(crate) transport: Transport,
}

impl Surroundings {
    pub(crate) fn repeats(&self) -> bool {
        !self.transport.is_reliable()
    }

    /// How long a state only absorbs retransmissions: no time on a reliable transport.
    pub(crate) fn absorbing(&self, wait: Micros) -> Micros {
        if self.transport.is_reliable() {
            0
        } else {
            wait
        }
    }
}
