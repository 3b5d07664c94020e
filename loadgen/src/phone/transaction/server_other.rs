//! The server non-INVITE transaction: RFC 3261 §17.2.2, Figure 8.
//!
//! A phone answers at once, so Trying and Proceeding are never seen: it begins in Completed. What is
//! repeated is written anew from the request that came again, so nothing is kept but the status.

use super::Actions;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Request,
    /// Timer J.
    Deadline,
}

impl State {
    pub(crate) fn on_event(self, event: Event, actions: &mut Actions) -> State {
        match (self, event) {
            (State::Completed, Event::Request) => {
                actions.repeat = true;
                State::Completed
            }
            (State::Completed, Event::Deadline) => State::Terminated,
            (State::Terminated, Event::Request | Event::Deadline) => State::Terminated,
        }
    }
}
