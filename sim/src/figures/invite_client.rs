//! A forwarded INVITE, seen from outside: RFC 3261 §17.1.1, Figure 5, with RFC 6026 and timer C of §16.6.

use super::clock::{LATE_US, Repeats, Times, after};
use super::{Event, Owes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Without a response. Repeated, unless a stream carries it, until timer B.
    Calling {
        repeats: Option<Repeats>,
        timer_b_us: u64,
    },
    /// Ringing until timer C; then it must be cancelled.
    Proceeding {
        timer_c_us: u64,
        /// The highest provisional response.
        status: u16,
    },
    /// CANCEL went out; without a final response it ends after 64*T1 (§9.1).
    Cancelled {
        until_us: u64,
    },
    /// Until timer D a failure that comes again gets its ACK again.
    Completed {
        timer_d_us: u64,
    },
    /// Until timer M further 2xx pass.
    Accepted {
        timer_m_us: u64,
    },
    Ended,
}

/// The shadow of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct InviteClient {
    state: State,
    is_stream: bool,
}

impl InviteClient {
    /// Its INVITE was sent.
    pub(super) fn begin(at_us: u64, is_stream: bool, times: &Times) -> Self {
        InviteClient {
            state: State::Calling {
                repeats: (!is_stream).then(|| Repeats::begin(at_us, times)),
                timer_b_us: after(at_us, times.unanswered_us),
            },
            is_stream,
        }
    }

    /// Something was sent for it or came for it.
    pub(super) fn on_event(
        &mut self,
        event: Event,
        at_us: u64,
        times: &Times,
    ) -> Result<Owes, String> {
        let mut owes = Owes::Nothing;
        self.state = match (self.state, event) {
            (
                State::Calling {
                    repeats: Some(mut repeats),
                    timer_b_us,
                },
                Event::SentAgain,
            ) => {
                repeats.again(at_us, u64::MAX, "A")?;
                State::Calling {
                    repeats: Some(repeats),
                    timer_b_us,
                }
            }
            (state, Event::SentAgain) => {
                return Err(format!("an INVITE was sent again in {state:?}"));
            }
            (State::Calling { .. }, Event::Response(status @ ..200)) => State::Proceeding {
                timer_c_us: after(at_us, times.ringing_us),
                status,
            },
            (
                State::Proceeding {
                    timer_c_us,
                    status: before,
                },
                Event::Response(status @ ..200),
            ) => {
                let begins_to_ring = before < 180 && status >= 180;
                let restarts = begins_to_ring || times.ringing_restarts && status > 100;
                State::Proceeding {
                    timer_c_us: if restarts {
                        after(at_us, times.ringing_us)
                    } else {
                        timer_c_us
                    },
                    status: status.max(before),
                }
            }
            (State::Proceeding { .. }, Event::Cancel) => State::Cancelled {
                until_us: after(at_us, times.spent_us()),
            },
            (state, Event::Cancel) => return Err(format!("a CANCEL in {state:?}")),
            (
                State::Calling { .. } | State::Proceeding { .. } | State::Cancelled { .. },
                Event::Response(200..300),
            ) => State::Accepted {
                timer_m_us: after(at_us, times.spent_us()),
            },
            (
                State::Calling { .. } | State::Proceeding { .. } | State::Cancelled { .. },
                Event::Response(300..),
            ) => {
                owes = Owes::Ack;
                if self.is_stream {
                    State::Ended
                } else {
                    State::Completed {
                        timer_d_us: after(at_us, times.spent_us()),
                    }
                }
            }
            (state @ State::Completed { .. }, Event::Response(300..)) => {
                owes = Owes::Ack;
                state
            }
            (state, Event::Response(_)) => state,
        };
        Ok(owes)
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) -> Result<(), String> {
        self.state = match self.state {
            State::Calling { timer_b_us, .. } if at_us > timer_b_us + LATE_US => State::Ended,
            State::Calling {
                repeats: Some(repeats),
                timer_b_us,
            } => {
                repeats.pass(at_us, timer_b_us, "A")?;
                self.state
            }
            State::Proceeding { timer_c_us, .. } if at_us > timer_c_us + LATE_US => {
                return Err(format!(
                    "timer C was due at {timer_c_us} us and no CANCEL was sent (RFC 3261 §16.8)"
                ));
            }
            State::Cancelled { until_us: end_us }
            | State::Completed { timer_d_us: end_us }
            | State::Accepted { timer_m_us: end_us }
                if at_us > end_us + LATE_US =>
            {
                State::Ended
            }
            state => state,
        };
        Ok(())
    }

    /// When time has to pass next.
    pub(super) fn wakes_us(&self) -> Option<u64> {
        let end_us = self.ends_us()? + LATE_US + 1;
        match self.state {
            State::Calling {
                repeats: Some(repeats),
                ..
            } => Some(end_us.min(repeats.wakes_us())),
            _ => Some(end_us),
        }
    }

    /// When it leaves its state by itself; `None` when it has ended.
    pub(super) fn ends_us(&self) -> Option<u64> {
        match self.state {
            State::Calling { timer_b_us, .. } => Some(timer_b_us),
            State::Proceeding { timer_c_us, .. } => Some(timer_c_us),
            State::Cancelled { until_us } => Some(until_us),
            State::Completed { timer_d_us } => Some(timer_d_us),
            State::Accepted { timer_m_us } => Some(timer_m_us),
            State::Ended => None,
        }
    }

    /// Whether a final response may still come, so that nobody may answer in its place.
    pub(super) fn is_open(&self, at_us: u64) -> bool {
        match self.state {
            State::Calling {
                timer_b_us: end_us, ..
            }
            | State::Proceeding {
                timer_c_us: end_us, ..
            } => at_us < end_us,
            _ => false,
        }
    }

    /// Whether it waits for its final response, cancelled or not.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(
            self.state,
            State::Calling { .. } | State::Proceeding { .. } | State::Cancelled { .. }
        )
    }

    /// Whether it rings, uncancelled.
    pub(super) fn is_ringing(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// It ends.
    pub(super) fn end(&mut self) {
        self.state = State::Ended;
    }
}
