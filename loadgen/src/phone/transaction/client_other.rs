//! The client non-INVITE transaction: RFC 3261 §17.1.2, Figure 6.

use super::{Actions, Micros, NEVER, Surroundings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Provisional,
    Final,
    /// Timer E.
    Repeat,
    /// Timers F and K.
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
        State::Trying
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
            (Trying, Repeat) => {
                actions.repeat = true;
                *interval = (*interval * 2).min(around.timers.t2);
                actions.repeat_in = Some(*interval);
                Trying
            }
            (Proceeding, Repeat) => {
                actions.repeat = true;
                *interval = around.timers.t2;
                actions.repeat_in = Some(*interval);
                Proceeding
            }
            (Trying | Proceeding, Deadline) => {
                actions.timeout = true;
                Terminated
            }
            (Trying | Proceeding, Provisional) => {
                actions.tell = true;
                Proceeding
            }
            (Trying | Proceeding, Final) => {
                actions.tell = true;
                actions.repeat_in = Some(NEVER);
                actions.deadline_in =
                    Some(around.absorbing(around.timers.t4.min(around.timers.linger)));
                Completed
            }
            (Completed, Deadline) => Terminated,
            // Set by a knob: a request sent once more after its end.
            (Completed, Repeat) => {
                actions.repeat = true;
                actions.repeat_in = Some(NEVER);
                Completed
            }
            // What comes again, or late.
            (state @ Completed, Provisional | Final)
            | (state @ Terminated, Provisional | Final | Repeat | Deadline) => state,
        }
    }
}
