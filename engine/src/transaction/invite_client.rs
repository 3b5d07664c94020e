//! The client INVITE transaction: RFC 3261 §17.1.1, Figure 5, as RFC 6026 §8.4 changed it.
//!
//! Retransmits the INVITE until somebody answers, acknowledges a final response of 300 or more by
//! itself, and stays after a 2xx so that further ones find their way to the user.
//! Finding the transaction of a response is the table's work, not this file's.
//!
//! Timer C (§16.6, step 11) stands here and not in the proxy core, because a provisional response
//! turns timer B into it: OpenSIPS's `fr_timeout` and `fr_inv_timeout`.

use super::machine::{Action, Actions, Timing};
use crate::timer::Timer;

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The user hands over the request.
    Request,
    TimerA,
    TimerB,
    TimerC,
    TimerD,
    TimerM,
    /// 100 to 199.
    Provisional(u16),
    /// 2xx.
    Success,
    /// 300 to 699.
    Failure,
    /// The user gave up and CANCEL went out.
    Cancel,
    /// 64*T1 after that (§9.1).
    TimerCancelled,
    TransportError,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct InviteClient {
    state: State,
    cancelled: bool,
    /// The highest provisional response.
    status: u16,
    interval_ms: u32,
}

impl InviteClient {
    /// Before its request is sent.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            state: State::Calling,
            cancelled: false,
            status: 0,
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
        use Action::{Acknowledge, Forget, KeepAndSend, SendKept, Set, StopRetransmitting};
        use Action::{TellResponse, TellTimeout, TellTransportError};
        use Event::*;
        use State::*;

        self.state = match (self.state, event) {
            (Calling, Request) => {
                actions.push(KeepAndSend);
                if timing.unreliable() {
                    self.interval_ms = timing.tm.t1_ms;
                    actions.push(Set(Timer::A, self.interval_ms));
                }
                actions.push(Set(Timer::B, timing.fr_ms));
                Calling
            }
            (Calling, TimerA) => {
                actions.push(SendKept);
                self.interval_ms = self.interval_ms.saturating_mul(2);
                actions.push(Set(Timer::A, self.interval_ms));
                Calling
            }
            (Calling, TimerB) | (Proceeding, TimerCancelled) => {
                actions.push(TellTimeout);
                Terminated
            }
            // §16.8: somebody may be ringing, so the user cancels; its 487 or 64*T1 end it.
            (Proceeding, TimerC) => {
                actions.push(TellTimeout);
                actions.push(Set(Timer::Cancelled, timing.retransmissions_ms()));
                Proceeding
            }
            (Calling, TransportError) => {
                actions.push(TellTransportError);
                Terminated
            }
            (Calling, Provisional(status)) => {
                self.status = status;
                actions.push(TellResponse);
                actions.push(StopRetransmitting);
                actions.push(Set(Timer::C, timing.fr_inv_ms));
                Proceeding
            }
            (Proceeding, Provisional(status)) => {
                actions.push(TellResponse);
                // §16.7, step 2: 100 does not count. Who begins to ring gets the whole time in any case. After CANCEL
                // nothing prolongs the wait.
                let begins_to_ring = self.status < 180 && status >= 180;
                let counts = status > 100 && timing.tm.restart_fr_on_each_reply;
                if (counts || begins_to_ring) && !self.cancelled {
                    actions.push(Set(Timer::C, timing.fr_inv_ms));
                }
                self.status = self.status.max(status);
                Proceeding
            }
            (Proceeding, Cancel) => {
                self.cancelled = true;
                actions.push(Set(Timer::Cancelled, timing.retransmissions_ms()));
                Proceeding
            }
            (Calling | Proceeding, Success) => {
                actions.push(TellResponse);
                actions.push(StopRetransmitting);
                actions.push(Forget);
                // RFC 6026 §7.2: further 2xx of other forks belong to the same user.
                actions.push(Set(Timer::M, timing.linger_ms()));
                Accepted
            }
            (Calling | Proceeding, Failure) => {
                actions.push(Acknowledge);
                actions.push(TellResponse);
                actions.push(StopRetransmitting);
                if timing.unreliable() {
                    actions.push(Set(Timer::D, timing.linger_ms()));
                    Completed
                } else {
                    // Timer D is zero: nobody will retransmit.
                    Terminated
                }
            }
            (Completed, Failure) => {
                actions.push(SendKept);
                Completed
            }
            // The user has its final response already; nothing it could do about the ACK.
            (Completed, TransportError | TimerD) => Terminated,
            (Accepted, Success) => {
                actions.push(TellResponse);
                Accepted
            }
            (Accepted, TimerM) => Terminated,
            // What was queued before the state changed, and responses that no longer matter. An error
            // after a provisional response says nothing: the request arrived, and the final response may
            // come by another connection (§18.2.2).
            (
                state,
                Request | TimerA | TimerB | TimerC | TimerD | TimerM | TimerCancelled | Cancel
                | Provisional(_) | Success | Failure | TransportError,
            ) => state,
        };
    }
}

impl Default for InviteClient {
    fn default() -> Self {
        Self::new()
    }
}
