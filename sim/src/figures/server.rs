//! A received request other than INVITE, seen from outside: RFC 3261 §17.2.2, Figure 8.

use super::clock::{LATE_US, Times, after};
use super::{Cause, Owes};

/// What a final response is kept for on a stream, where the RFC's timer J is zero: if the connection turns
/// out to be gone, it can go by another (§18.2.2).
const STREAM_US: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was said yet.
    Trying,
    /// 1xx was said.
    Proceeding,
    /// The final response was said, and is said again to the same request until timer J.
    Completed {
        timer_j_us: u64,
    },
    Ended,
}

/// The shadow of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    state: State,
    is_stream: bool,
}

impl Server {
    /// Its request came.
    pub(super) fn begin(is_stream: bool) -> Self {
        Server {
            state: State::Trying,
            is_stream,
        }
    }

    /// Its request came again.
    pub(super) fn request_again(&self) -> Owes {
        match self.state {
            State::Proceeding | State::Completed { .. } => Owes::Response,
            State::Trying | State::Ended => Owes::Nothing,
        }
    }

    /// A response to it was sent.
    pub(super) fn responded(
        &mut self,
        status: u16,
        cause: Cause,
        at_us: u64,
        times: &Times,
    ) -> Result<(), String> {
        self.state = match (self.state, status) {
            (State::Trying | State::Proceeding, ..200) => State::Proceeding,
            (State::Trying | State::Proceeding, _) => {
                let wait_us = if self.is_stream {
                    STREAM_US
                } else {
                    times.spent_us()
                };
                State::Completed {
                    timer_j_us: after(at_us, wait_us),
                }
            }
            (state @ State::Completed { .. }, 200..) if cause == Cause::Request => state,
            (state, _) => return Err(format!("{status} was sent in {state:?}")),
        };
        Ok(())
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) {
        if let State::Completed { timer_j_us } = self.state
            && at_us > timer_j_us + LATE_US
        {
            self.state = State::Ended;
        }
    }

    /// When it ends by itself, if it does.
    pub(super) fn ends_us(&self) -> Option<u64> {
        match self.state {
            State::Completed { timer_j_us } => Some(timer_j_us),
            State::Trying | State::Proceeding | State::Ended => None,
        }
    }

    /// Whether nothing was said yet.
    pub(super) fn is_heard_only(&self) -> bool {
        self.state == State::Trying
    }

    /// Whether its final response was sent.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Ended)
    }

    /// Whether it is no more.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// It ends.
    pub(super) fn end(&mut self) {
        self.state = State::Ended;
    }
}
