//! Times of RFC 3261 Table 4, and the clock of whatever is sent again.
//!
//! Time is exact in a simulated world, but for the millisecond: timers are counted from the one that is
//! under way, so that what is due comes up to 1 ms early, and never later.

/// Later than this is not at all.
pub const LATE_US: u64 = 2_000;

/// When a timer fires that is set at `at_us`.
pub const fn after(at_us: u64, wait_us: u64) -> u64 {
    at_us / 1000 * 1000 + wait_us
}

/// Timers of transactions, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// T1: the first interval of everything that is sent again.
    pub t1_us: u64,
    /// T2: the longest, but for an INVITE.
    pub t2_us: u64,
    /// T4: timers I and K.
    pub t4_us: u64,
    /// Timers B and F: `fr_timeout`.
    pub unanswered_us: u64,
    /// Timer C: `fr_inv_timeout`.
    pub ringing_us: u64,
    /// Whether each response from 101 to 199 begins timer C anew, not only the first and the first of
    /// 180 or more: `restart_fr_on_each_reply`.
    pub ringing_restarts: bool,
    /// How long the script may take, when all branches have ended, to answer or to begin another one: waits of
    /// `failure_route`, names that do not resolve.
    pub script_waits_us: u64,
}

impl Times {
    /// 64*T1: timers D, H, J, L, M, and what a cancelled INVITE is waited for.
    pub const fn spent_us(&self) -> u64 {
        64 * self.t1_us
    }
}

/// What has to be sent at T1, 2*T1 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    next_us: u64,
    interval_us: u64,
}

impl Repeats {
    /// Sent at `at_us` for the first time.
    pub const fn begin(at_us: u64, times: &Times) -> Self {
        Repeats {
            next_us: after(at_us, times.t1_us),
            interval_us: times.t1_us,
        }
    }

    /// Sent at `at_us`, and from now on at one interval.
    pub const fn every(at_us: u64, interval_us: u64) -> Self {
        Repeats {
            next_us: after(at_us, interval_us),
            interval_us,
        }
    }

    /// Sent again: only when it is due. Then the interval doubles, up to `longest_us`.
    pub fn again(&mut self, at_us: u64, longest_us: u64, timer: &str) -> Result<(), String> {
        if at_us < self.next_us {
            return Err(format!(
                "timer {timer} fired {} us early",
                self.next_us - at_us
            ));
        }
        self.interval_us = (self.interval_us * 2).min(longest_us);
        self.next_us = after(at_us, self.interval_us);
        Ok(())
    }

    /// Time has passed: what was due before `end_us` must have been sent.
    pub fn pass(&self, at_us: u64, end_us: u64, timer: &str) -> Result<(), String> {
        if self.next_us < end_us && at_us > self.next_us + LATE_US {
            return Err(format!(
                "timer {timer} was due at {} us and nothing was sent again",
                self.next_us
            ));
        }
        Ok(())
    }

    /// When it is late.
    pub const fn wakes_us(&self) -> u64 {
        self.next_us + LATE_US + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        t1_us: 500_000,
        t2_us: 4_000_000,
        t4_us: 5_000_000,
        unanswered_us: 32_000_000,
        ringing_us: 180_000_000,
        ringing_restarts: true,
        script_waits_us: 0,
    };

    #[test]
    fn an_interval_doubles_up_to_the_longest() {
        let mut repeats = Repeats::begin(0, &TIMES);
        let due = [500, 1_500, 3_500, 7_500, 11_500].map(|ms| ms * 1000);
        for at_us in due {
            assert_eq!(repeats.next_us, at_us);
            assert_eq!(repeats.again(at_us, TIMES.t2_us, "G"), Ok(()));
        }
    }

    #[test]
    fn what_comes_early_or_never_is_told() {
        let mut repeats = Repeats::begin(0, &TIMES);
        assert!(repeats.again(400_000, TIMES.t2_us, "E").is_err());
        assert!(repeats.pass(500_000 + LATE_US, u64::MAX, "E").is_ok());
        assert!(repeats.pass(500_001 + LATE_US, 500_000, "E").is_ok());
        assert!(repeats.pass(500_001 + LATE_US, u64::MAX, "E").is_err());
    }
}
