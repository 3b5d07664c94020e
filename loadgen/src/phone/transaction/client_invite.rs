//! The client INVITE transaction: RFC 3261 §17.1.1, Figure 5, with the Accepted state of RFC 6026.
//!
//! The ACK to a 2xx is the dialog's work, not this file's.

use super::{Actions, Micros, NEVER, Surroundings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Provisional,
    Success,
    Failure,
    /// Timer A.
    Repeat,
    /// Timers B, D and M.
    Deadline,
}

impl State {
    pub(crate) fn begin(
        around: &Surroundings,
        interval: &mut Micros,
        actions: &mut Actions,
    ) -> State {
        *interval = around.timers.t1;
        actions.repeat_in = around.repeats().then_some(*interval);
        actions.deadline_in = Some(around.timers.timeout());
        State::Calling
    }

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
            (Calling, Repeat) => {
                actions.repeat = true;
                *interval *= 2;
                actions.repeat_in = Some(*interval);
                Calling
            }
            (Calling, Deadline) => {
                actions.timeout = true;
                Terminated
            }
            // The figure sets no timer here. Ringing is repeated every minute (§13.3.1.1), so after three
            // silent ones nobody is left to answer: a final response was lost and its sender is gone.
            (Calling | Proceeding, Provisional) => {
                actions.tell = true;
                actions.repeat_in = Some(NEVER);
                actions.deadline_in = Some(around.timers.patience);
                Proceeding
            }
            (Calling | Proceeding, Success) => {
                actions.tell = true;
                actions.repeat_in = Some(NEVER);
                actions.deadline_in = Some(around.timers.linger);
                Accepted
            }
            (Calling | Proceeding, Failure) => {
                actions.tell = true;
                actions.acknowledge = true;
                actions.repeat_in = Some(NEVER);
                actions.deadline_in = Some(around.absorbing(around.timers.linger));
                Completed
            }
            (Completed, Failure) => {
                actions.acknowledge = true;
                Completed
            }
            // RFC 6026 §7.2: further 2xx, of this dialog or another, are the user's to acknowledge.
            (Accepted, Success) => {
                actions.tell = true;
                Accepted
            }
            (Completed | Accepted, Deadline) => Terminated,
            // Set by a knob: a request sent once more after its end.
            (state @ (Completed | Accepted), Repeat) => {
                actions.repeat = true;
                actions.repeat_in = Some(NEVER);
                state
            }
            // A user that gives up on an INVITE it cancelled sets the deadline of §9.1 here.
            (Proceeding, Deadline) => {
                actions.timeout = true;
                Terminated
            }
            // Late, or for the losers of a race between a final response and another.
            (state @ Completed, Provisional | Success)
            | (state @ Accepted, Provisional | Failure)
            | (state @ Proceeding, Repeat)
            | (state @ Terminated, Provisional | Success | Failure | Repeat | Deadline) => state,
        }
    }
}
