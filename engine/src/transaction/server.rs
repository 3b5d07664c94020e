//! The server non-INVITE transaction: RFC 3261 §17.2.2, Figure 8.
//!
//! Absorbs retransmissions of a request and repeats the user's response to it.
//! Matching a request to its transaction is the table's work, not this file's.

use super::machine::{Action, Actions, Timing};
use crate::limits::UNANSWERED_MS;
use crate::timer::Timer;

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The request that made it.
    Begin,
    /// The request again.
    Request,
    /// The user answers 1xx.
    Provisional,
    /// The user answers 200 to 699.
    Final,
    TimerJ,
    /// Nobody answered at all, long after the client gave up.
    TimerUnanswered,
    TransportError,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    state: State,
}

impl Server {
    /// Before it has begun.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            state: State::Trying,
        }
    }

    /// Where it is.
    #[must_use]
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Takes one event.
    pub(super) fn on_event(&mut self, event: Event, timing: &Timing<'_>, actions: &mut Actions) {
        use Action::{KeepAndSend, SendKept, Set};
        use Event::*;
        use State::*;

        self.state = match (self.state, event) {
            (Trying, Begin) => {
                actions.push(Set(Timer::Unanswered, UNANSWERED_MS));
                Trying
            }
            (state @ (Proceeding | Completed), Request) => {
                actions.push(SendKept);
                state
            }
            (Trying | Proceeding, Provisional) => {
                actions.push(KeepAndSend);
                Proceeding
            }
            (Trying | Proceeding, Final) => {
                actions.push(KeepAndSend);
                // RFC 3261 says zero on a reliable transport. A second is kept all the same, so that a
                // connection that turns out to be gone can be replaced (§18.2.2).
                let linger_ms = if timing.unreliable() {
                    timing.linger_ms()
                } else {
                    timing.tm.t1_ms * 2
                };
                actions.push(Set(Timer::J, linger_ms));
                Completed
            }
            (Completed, TimerJ) | (Trying | Proceeding, TimerUnanswered) => Terminated,
            // §17.2.2 ends the transaction on a transport error; here the table has tried another
            // connection first, and timer J ends it soon enough.
            (Completed, TransportError) => Terminated,
            // A repeated request before any response, a second final response, or what was queued
            // before the state changed.
            (
                state,
                Begin | Request | Provisional | Final | TimerJ | TimerUnanswered | TransportError,
            ) => state,
        };
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
