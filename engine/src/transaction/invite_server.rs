//! The server INVITE transaction: RFC 3261 §17.2.1, Figure 7, as RFC 6026 §8.5 changed it.
//!
//! Says 100 when the user is silent for 200 ms, repeats what was said to a repeated INVITE, repeats a
//! final response of 300 or more until the ACK, and stays after a 2xx so that a late INVITE
//! does not begin a second call.
//! Matching a request to its transaction is the table's work, not this file's.

use super::machine::{Action, Actions, Timing};
use crate::limits::{TRYING_MS, UNANSWERED_INVITE_MS};
use crate::timer::Timer;

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The INVITE that made it. The kept copy is a 100 by then.
    Begin,
    /// 200 ms have passed, or the user asks for the 100 now.
    TimerTrying,
    /// The INVITE again.
    Request,
    Ack,
    /// The user answers 1xx.
    Provisional,
    /// The user answers 2xx.
    Success,
    /// The user answers 300 to 699.
    Failure,
    TimerG,
    TimerH,
    TimerI,
    TimerL,
    /// Nobody answered at all, for longer than any call rings.
    TimerUnanswered,
    TransportError,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct InviteServer {
    state: State,
    interval_ms: u32,
}

impl InviteServer {
    /// Before it has begun.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            state: State::Proceeding,
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
        use Action::{
            Forget, KeepAndSend, SendKept, SendOnly, Set, StopRetransmitting, TellTimeout,
        };
        use Event::*;
        use State::*;

        self.state = match (self.state, event) {
            (Proceeding, Begin) => {
                if timing.tm.auto_100_trying {
                    actions.push(Set(Timer::Trying, TRYING_MS));
                }
                actions.push(Set(Timer::Unanswered, UNANSWERED_INVITE_MS));
                Proceeding
            }
            (Proceeding, TimerTrying) => {
                actions.push(SendKept);
                actions.push(StopRetransmitting);
                Proceeding
            }
            (Proceeding | Completed, Request) => {
                actions.push(SendKept);
                self.state
            }
            (Proceeding, Provisional) => {
                actions.push(KeepAndSend);
                actions.push(StopRetransmitting);
                actions.push(Set(Timer::Unanswered, UNANSWERED_INVITE_MS));
                Proceeding
            }
            (Proceeding, Success) => {
                // RFC 6026 §7.1: its repetition is the user's work. On a connection it is kept,
                // in case the connection turns out to be gone.
                if timing.unreliable() {
                    actions.push(SendOnly);
                    actions.push(Forget);
                } else {
                    actions.push(KeepAndSend);
                }
                actions.push(StopRetransmitting);
                actions.push(Set(Timer::L, timing.linger_ms()));
                Accepted
            }
            (Proceeding, Failure) => {
                actions.push(KeepAndSend);
                if timing.unreliable() {
                    self.interval_ms = timing.tm.t1_ms;
                    actions.push(Set(Timer::G, self.interval_ms));
                } else {
                    actions.push(StopRetransmitting);
                }
                actions.push(Set(Timer::H, timing.retransmissions_ms()));
                Completed
            }
            (Proceeding, TimerUnanswered) => Terminated,
            (Completed, TimerG) => {
                actions.push(SendKept);
                self.interval_ms = self.interval_ms.saturating_mul(2).min(timing.tm.t2_ms);
                actions.push(Set(Timer::G, self.interval_ms));
                Completed
            }
            (Completed, TimerH) => {
                actions.push(TellTimeout);
                Terminated
            }
            (Completed, Ack) => {
                actions.push(StopRetransmitting);
                if timing.unreliable() {
                    actions.push(Forget);
                    actions.push(Set(Timer::I, timing.tm.t4_ms));
                    Confirmed
                } else {
                    // Timer I is zero: nobody will retransmit.
                    Terminated
                }
            }
            (Confirmed, TimerI) => Terminated,
            (Accepted, Success) => {
                actions.push(SendOnly);
                Accepted
            }
            (Accepted, TimerL) => Terminated,
            // RFC 6026 §7.1: an INVITE repeated after a 2xx is absorbed, an ACK to it is the user's. A transport
            // error changes nothing (§8.5): timers H and L end it, or the next repetition arrives.
            (
                state,
                Begin | TimerTrying | Request | Ack | Provisional | Success | Failure | TimerG
                | TimerH | TimerI | TimerL | TimerUnanswered | TransportError,
            ) => state,
        };
    }
}

impl Default for InviteServer {
    fn default() -> Self {
        Self::new()
    }
}
