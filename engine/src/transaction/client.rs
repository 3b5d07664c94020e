//! The client non-INVITE transaction: RFC 3261 §17.1.2, Figure 6.
//!
//! Retransmits the request until a final response, ever more slowly, and absorbs what comes after it.
//! CANCEL is one of these, whatever it cancels.

use super::machine::{Action, Actions, Timing};
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
    /// The user hands over the request.
    Request,
    TimerE,
    TimerF,
    TimerK,
    /// 1xx.
    Provisional,
    /// 200 to 699.
    Final,
    TransportError,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    state: State,
    interval_ms: u32,
}

impl Client {
    /// Before its request is sent.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            state: State::Trying,
            interval_ms: 0,
        }
    }

    /// Where it is.
    #[must_use]
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Takes one event.
    pub(super) fn on_event(&mut self, event: Event, timing: &Timing<'_>, actions: &mut Actions) {
        use Action::{Forget, KeepAndSend, SendKept, Set, StopRetransmitting};
        use Action::{TellResponse, TellTimeout, TellTransportError};
        use Event::*;
        use State::*;

        self.state = match (self.state, event) {
            (Trying, Request) => {
                actions.push(KeepAndSend);
                if timing.unreliable() {
                    self.interval_ms = timing.tm.t1_ms;
                    actions.push(Set(Timer::E, self.interval_ms));
                }
                actions.push(Set(Timer::F, timing.fr_ms));
                Trying
            }
            (Trying, TimerE) => {
                actions.push(SendKept);
                self.interval_ms = self.interval_ms.saturating_mul(2).min(timing.tm.t2_ms);
                actions.push(Set(Timer::E, self.interval_ms));
                Trying
            }
            (Proceeding, TimerE) => {
                actions.push(SendKept);
                actions.push(Set(Timer::E, timing.tm.t2_ms));
                Proceeding
            }
            (Trying | Proceeding, TimerF) => {
                actions.push(TellTimeout);
                Terminated
            }
            (Trying | Proceeding, TransportError) => {
                actions.push(TellTransportError);
                Terminated
            }
            (Trying | Proceeding, Provisional) => {
                actions.push(TellResponse);
                Proceeding
            }
            (Trying | Proceeding, Final) => {
                actions.push(TellResponse);
                actions.push(StopRetransmitting);
                if timing.unreliable() {
                    actions.push(Forget);
                    actions.push(Set(Timer::K, timing.tm.t4_ms));
                    Completed
                } else {
                    // Timer K is zero: nobody will retransmit.
                    Terminated
                }
            }
            (Completed, TimerK) => Terminated,
            // What was queued before the state changed, and repeated responses.
            (state, Request | TimerE | TimerF | TimerK | Provisional | Final | TransportError) => {
                state
            }
        };
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}
