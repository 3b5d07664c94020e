//! A received INVITE, seen from outside: RFC 3261 §17.2.1, Figure 7, with RFC 6026.

use super::clock::{LATE_US, Repeats, Times, after};
use super::{Cause, Owes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was said yet.
    Heard {
        since_us: u64,
    },
    /// 1xx was said.
    Proceeding,
    /// 300 to 699 was said, and is said again until the ACK or timer H.
    Completed {
        repeats: Option<Repeats>,
        timer_h_us: u64,
    },
    /// ACKs that come again are absorbed until timer I.
    Confirmed {
        timer_i_us: u64,
    },
    /// 2xx was said. Until timer L an INVITE that comes again is absorbed.
    Accepted {
        timer_l_us: u64,
    },
    Ended,
}

/// The shadow of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct InviteServer {
    state: State,
    is_stream: bool,
}

/// §17.2.1: a server that does not know that it answers within this says 100.
const TRYING_US: u64 = 200_000;

impl InviteServer {
    /// Its INVITE came.
    pub(super) fn begin(at_us: u64, is_stream: bool) -> Self {
        InviteServer {
            state: State::Heard { since_us: at_us },
            is_stream,
        }
    }

    /// Its INVITE came again.
    pub(super) fn request_again(&self) -> Owes {
        match self.state {
            State::Proceeding | State::Completed { .. } => Owes::Response,
            State::Heard { .. }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Ended => Owes::Nothing,
        }
    }

    /// The ACK to a final response came.
    pub(super) fn ack(&mut self, at_us: u64, times: &Times) {
        if let State::Completed { .. } = self.state {
            self.state = if self.is_stream {
                State::Ended
            } else {
                State::Confirmed {
                    timer_i_us: after(at_us, times.t4_us),
                }
            };
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
            (State::Heard { .. } | State::Proceeding, ..200) => State::Proceeding,
            (State::Heard { .. } | State::Proceeding, 200..300) => State::Accepted {
                timer_l_us: after(at_us, times.spent_us()),
            },
            (State::Heard { .. } | State::Proceeding, _) => State::Completed {
                repeats: (!self.is_stream).then(|| Repeats::begin(at_us, times)),
                timer_h_us: after(at_us, times.spent_us()),
            },
            // RFC 6026 §7.1: a 2xx of the user's, which repeats it, passes in every state.
            (state, 200..300) if cause == Cause::Response => state,
            (state @ State::Completed { .. }, 300..) if cause == Cause::Request => state,
            (
                State::Completed {
                    repeats: Some(mut repeats),
                    timer_h_us,
                },
                300..,
            ) => {
                repeats.again(at_us, times.t2_us, "G")?;
                State::Completed {
                    repeats: Some(repeats),
                    timer_h_us,
                }
            }
            (state, _) => return Err(format!("{status} was sent in {state:?}")),
        };
        Ok(())
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) -> Result<(), String> {
        self.state = match self.state {
            State::Heard { since_us } if at_us > since_us + TRYING_US + LATE_US => {
                return Err(format!(
                    "an INVITE that came at {since_us} us got no response within 200 ms (RFC 3261 §17.2.1)"
                ));
            }
            State::Completed {
                timer_h_us: end_us, ..
            }
            | State::Confirmed { timer_i_us: end_us }
            | State::Accepted { timer_l_us: end_us }
                if at_us > end_us + LATE_US =>
            {
                State::Ended
            }
            State::Completed {
                repeats: Some(repeats),
                timer_h_us,
            } => {
                repeats.pass(at_us, timer_h_us, "G")?;
                self.state
            }
            state => state,
        };
        Ok(())
    }

    /// When time has to pass next.
    pub(super) fn wakes_us(&self) -> Option<u64> {
        match self.state {
            State::Heard { since_us } => Some(since_us + TRYING_US + LATE_US + 1),
            State::Completed {
                repeats: Some(repeats),
                timer_h_us,
            } => Some(repeats.wakes_us().min(timer_h_us + LATE_US + 1)),
            _ => self.ends_us().map(|end_us| end_us + LATE_US + 1),
        }
    }

    /// When it ends by itself, if it does.
    pub(super) fn ends_us(&self) -> Option<u64> {
        match self.state {
            State::Heard { .. } | State::Proceeding | State::Ended => None,
            State::Completed { timer_h_us, .. } => Some(timer_h_us),
            State::Confirmed { timer_i_us } => Some(timer_i_us),
            State::Accepted { timer_l_us } => Some(timer_l_us),
        }
    }

    /// Whether nothing was said yet.
    pub(super) fn is_heard_only(&self) -> bool {
        matches!(self.state, State::Heard { .. })
    }

    /// Whether its final response was sent.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self.state, State::Heard { .. } | State::Proceeding)
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
