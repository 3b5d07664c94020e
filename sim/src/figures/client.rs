//! A request other than INVITE that was sent, seen from outside: RFC 3261 §17.1.2, Figure 6.

use super::clock::{LATE_US, Repeats, Times, after};
use super::{Event, Owes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Without a final response. Repeated, unless a stream carries it, until timer F.
    Trying {
        repeats: Option<Repeats>,
        /// After a provisional response it is repeated every T2.
        is_proceeding: bool,
        timer_f_us: u64,
    },
    /// What comes again until timer K is absorbed.
    Completed {
        timer_k_us: u64,
    },
    Ended,
}

/// The shadow of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    state: State,
    is_stream: bool,
}

impl Client {
    /// Its request was sent.
    pub(super) fn begin(at_us: u64, is_stream: bool, times: &Times) -> Self {
        Client {
            state: State::Trying {
                repeats: (!is_stream).then(|| Repeats::begin(at_us, times)),
                is_proceeding: false,
                timer_f_us: after(at_us, times.unanswered_us),
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
        self.state = match (self.state, event) {
            (
                State::Trying {
                    repeats: Some(mut repeats),
                    is_proceeding,
                    timer_f_us,
                },
                Event::SentAgain,
            ) => {
                repeats.again(at_us, times.t2_us, "E")?;
                if is_proceeding {
                    repeats = Repeats::every(at_us, times.t2_us);
                }
                State::Trying {
                    repeats: Some(repeats),
                    is_proceeding,
                    timer_f_us,
                }
            }
            (state, Event::SentAgain) => {
                return Err(format!("a request was sent again in {state:?}"));
            }
            (
                State::Trying {
                    repeats,
                    timer_f_us,
                    ..
                },
                Event::Response(..200),
            ) => State::Trying {
                repeats,
                is_proceeding: true,
                timer_f_us,
            },
            (State::Trying { .. }, Event::Response(200..)) if self.is_stream => State::Ended,
            (State::Trying { .. }, Event::Response(200..)) => State::Completed {
                timer_k_us: after(at_us, times.t4_us),
            },
            (state, Event::Response(_)) => state,
            (state, Event::Cancel) => return Err(format!("a CANCEL in {state:?}")),
        };
        Ok(Owes::Nothing)
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) -> Result<(), String> {
        self.state = match self.state {
            State::Trying {
                timer_f_us: end_us, ..
            }
            | State::Completed { timer_k_us: end_us }
                if at_us > end_us + LATE_US =>
            {
                State::Ended
            }
            State::Trying {
                repeats: Some(repeats),
                timer_f_us,
                ..
            } => {
                repeats.pass(at_us, timer_f_us, "E")?;
                self.state
            }
            state => state,
        };
        Ok(())
    }

    /// When time has to pass next.
    pub(super) fn wakes_us(&self) -> Option<u64> {
        let end_us = self.ends_us()? + LATE_US + 1;
        match self.state {
            State::Trying {
                repeats: Some(repeats),
                ..
            } => Some(end_us.min(repeats.wakes_us())),
            _ => Some(end_us),
        }
    }

    /// When it leaves its state by itself; `None` when it has ended.
    pub(super) fn ends_us(&self) -> Option<u64> {
        match self.state {
            State::Trying { timer_f_us, .. } => Some(timer_f_us),
            State::Completed { timer_k_us } => Some(timer_k_us),
            State::Ended => None,
        }
    }

    /// Whether a final response may still come, so that nobody may answer in its place.
    pub(super) fn is_open(&self, at_us: u64) -> bool {
        matches!(self.state, State::Trying { timer_f_us, .. } if at_us < timer_f_us)
    }

    /// Whether it waits for its final response.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// It ends.
    pub(super) fn end(&mut self) {
        self.state = State::Ended;
    }
}
