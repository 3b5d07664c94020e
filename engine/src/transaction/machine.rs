//! What the four machines share: what they are told, and what they ask for.
//!
//! A machine gets one event, changes its state and leaves [`Actions`]: small, `Copy`, performed by
//! its table. It knows no clock, address or byte.

use super::TmSettings;
use crate::timer::Timer;

/// Whether retransmission is the transport's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reliability {
    /// TCP, TLS, SCTP, WebSocket.
    Reliable,
    /// UDP.
    Unreliable,
}

/// The times of one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing<'a> {
    /// What the operator set.
    pub(super) tm: &'a TmSettings,
    /// Of the flow.
    pub(super) reliability: Reliability,
    /// `fr_timeout` of this transaction.
    pub(super) fr_ms: u32,
    /// `fr_inv_timeout` of this transaction.
    pub(super) fr_inv_ms: u32,
}

impl Timing<'_> {
    /// Whether we have to retransmit.
    #[must_use]
    pub(super) fn unreliable(&self) -> bool {
        self.reliability == Reliability::Unreliable
    }

    /// 64*T1: when a peer has certainly stopped retransmitting.
    #[must_use]
    pub(super) fn retransmissions_ms(&self) -> u32 {
        self.tm.t1_ms.saturating_mul(64)
    }

    /// How long a finished transaction stays for what comes late: 64*T1, or `wt_timer`.
    #[must_use]
    pub(super) fn linger_ms(&self) -> u32 {
        self.tm.wt_ms.unwrap_or_else(|| self.retransmissions_ms())
    }
}

/// What a machine asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send the kept copy again.
    SendKept,
    /// Keep a copy of what is in hand and send it.
    KeepAndSend,
    /// Send what is in hand; it will not have to be repeated.
    SendOnly,
    /// Make the ACK to the response in hand, send it, and keep it in place of the request.
    Acknowledge,
    /// Give the response in hand to the user.
    TellResponse,
    /// Tell the user that nobody answered in time.
    TellTimeout,
    /// Tell the user that it could not be sent.
    TellTransportError,
    /// Nothing will have to be sent again: the kept copy can go.
    Forget,
    /// Set a timer this many milliseconds ahead. A transaction has two: one that retransmits and
    /// one that ends waiting; each is one of either at a time.
    Set(Timer, u32),
    /// Stop the timer that retransmits.
    StopRetransmitting,
}

/// Actions of one event, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actions {
    list: [Action; Self::MOST],
    len: u8,
}

impl Actions {
    /// The fullest is a final response to an INVITE: tell, acknowledge, stop, set.
    const MOST: usize = 5;

    /// None yet.
    #[must_use]
    pub(super) fn none() -> Self {
        Self {
            list: [Action::Forget; Self::MOST],
            len: 0,
        }
    }

    /// Asks for one more.
    pub(super) fn push(&mut self, action: Action) {
        self.list[usize::from(self.len)] = action;
        self.len += 1;
    }

    /// In order.
    #[must_use]
    pub(super) fn as_slice(&self) -> &[Action] {
        &self.list[..usize::from(self.len)]
    }
}
