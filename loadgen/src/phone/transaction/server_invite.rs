//! The server INVITE transaction: RFC 3261 §17.2.1, Figure 7, with the Accepted state of RFC 6026.
//!
//! A phone's own core sits right behind it, so the repetition of a 2xx until its ACK (§13.3.1.4) runs
//! on this transaction's clocks; the figure would leave it to the core.

use super::{Actions, Micros, NEVER, Surroundings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Proceeding,
    Completed,
    Confirmed,
    /// A 2xx is out, its ACK is not in.
    Accepted,
    /// The ACK to the 2xx is in; retransmitted INVITEs are absorbed until Timer L.
    Acknowledged,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The INVITE again.
    Request,
    Ack,
    Provisional,
    Success,
    Failure,
    /// Timer G, and the same for a 2xx.
    Repeat,
    /// Timers H, I and L.
    Deadline,
}

impl State {
    pub(crate) fn on_event(
        self,
        event: Event,
        around: &Surroundings,
        interval: &mut Micros,
        actions: &mut Actions,
    ) -> State {
        use Event::*;
        use State::*;

        match (self, event) {
            (Proceeding, Request) => {
                actions.repeat = true;
                Proceeding
            }
            (Proceeding, Provisional) => Proceeding,
            (Proceeding, Success) => {
                // A 2xx is repeated on every transport: a proxy further on may use another.
                *interval = around.timers.t1;
                actions.repeat_in = Some(*interval);
                actions.deadline_in = Some(around.timers.timeout());
                Accepted
            }
            (Proceeding, Failure) => {
                *interval = around.timers.t1;
                actions.repeat_in = around.repeats().then_some(*interval);
                actions.deadline_in = Some(around.timers.timeout());
                Completed
            }
            (state @ (Completed | Accepted), Repeat) => {
                actions.repeat = true;
                *interval = (*interval * 2).min(around.timers.t2);
                actions.repeat_in = Some(*interval);
                state
            }
            (Completed, Request) => {
                actions.repeat = true;
                Completed
            }
            (Completed, Ack) => {
                actions.repeat_in = Some(NEVER);
                actions.deadline_in =
                    Some(around.absorbing(around.timers.t4.min(around.timers.linger)));
                Confirmed
            }
            (Accepted, Ack) => {
                actions.tell = true;
                actions.repeat_in = Some(NEVER);
                actions.deadline_in = Some(around.absorbing(around.timers.linger));
                Acknowledged
            }
            (Accepted, Deadline) => {
                actions.timeout = true;
                Terminated
            }
            (Completed | Confirmed | Acknowledged, Deadline) => Terminated,
            // RFC 6026 §7.1: retransmissions of the INVITE are absorbed without an answer.
            (state @ (Accepted | Acknowledged | Confirmed), Request) => state,
            (state @ (Confirmed | Acknowledged | Proceeding), Ack | Repeat)
            | (state @ Proceeding, Deadline)
            | (
                state @ (Completed | Confirmed | Accepted | Acknowledged),
                Provisional | Success | Failure,
            )
            | (
                state @ Terminated,
                Request | Ack | Provisional | Success | Failure | Repeat | Deadline,
            ) => state,
        }
    }
}
