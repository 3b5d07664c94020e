//! Letting datagrams gather: at middle load a wake-up for each costs more than what it says.
//!
//! A shard that gets many datagrams a second does not look at its sockets again as soon as it can, but a stated
//! time after it looked last; what came meanwhile is one batch, and nobody had to wake it. At low load it answers at
//! once, and one that is behind never pauses.

use crate::limits::{GATHER_LEAST_US, GATHERED_LEAST};

/// How quickly the measured rate follows what comes: one part in this many, a look.
const FOLLOWS: u64 = 8;

/// The rate is counted in datagrams per this many microseconds, so that it needs no fractions.
const SCALE: u64 = 1 << 20;

/// When a shard pauses, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// `gather_us` of the profile; 0 never pauses.
    time_us: u64,
    /// When it looked last, and how many datagrams there had been until then.
    looked_us: u64,
    received: u64,
    /// Datagrams per `SCALE` microseconds, smoothed.
    rate: u64,
}

impl Gather {
    pub(crate) fn new(time_us: u64) -> Gather {
        Gather {
            time_us,
            ..Gather::default()
        }
    }

    /// Notes a look at the sockets, after the turn for what it brought; `received` counts from the start.
    pub(crate) fn looked(&mut self, now_us: u64, received: u64) {
        let passed = now_us.saturating_sub(self.looked_us).max(1);
        let current = (received - self.received) * SCALE / passed;
        self.rate = (self.rate * (FOLLOWS - 1) + current) / FOLLOWS;
        (self.looked_us, self.received) = (now_us, received);
    }

    /// How long to pause now, at most until `next_us` when a timer is due. `None`: too little would come.
    pub(crate) fn pause(&self, now_us: u64, next_us: Option<u64>) -> Option<u64> {
        if self.rate * self.time_us < GATHERED_LEAST * SCALE {
            return None;
        }
        let until = self.looked_us + self.time_us;
        let until = next_us.map_or(until, |next_us| until.min(next_us));
        let time = until.saturating_sub(now_us).min(self.time_us);
        (time >= GATHER_LEAST_US).then_some(time)
    }
}
