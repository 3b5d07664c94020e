//! The real clock: monotonic microseconds from the processor's counter, wall time beside it.
//!
//! All shards count from the same start, so that a time in a letter means the same everywhere.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::Now;

/// How often wall time is asked of the kernel; in between it follows the counter.
const RECALIBRATE_US: u64 = 1_000_000;

/// A clock of one shard.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start: u64,
    /// Wall time at `calibrated_us`.
    unix_us: u64,
    calibrated_us: u64,
}

impl Clock {
    /// Starts at one second, so that zero is never a time. Clone it for the other shards.
    pub fn start() -> Clock {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        let mut clock = Clock {
            counter,
            start,
            unix_us: 0,
            calibrated_us: 0,
        };
        clock.calibrate(clock.mono_us());
        clock
    }

    /// The time.
    pub fn now(&mut self) -> Now {
        let mono_us = self.mono_us();
        if mono_us - self.calibrated_us >= RECALIBRATE_US {
            self.calibrate(mono_us);
        }
        Now {
            mono_us,
            unix_us: self.unix_us + (mono_us - self.calibrated_us),
        }
    }

    /// Microseconds since a second before the start; never less than before.
    pub fn mono_us(&self) -> u64 {
        let elapsed_ns = self.counter.delta_as_nanos(self.start, self.counter.raw());
        (elapsed_ns / 1000 + 1_000_000).max(self.calibrated_us)
    }

    fn calibrate(&mut self, mono_us: u64) {
        self.calibrated_us = mono_us;
        self.unix_us = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64);
    }
}

/// Microseconds of the processor's counter, from anywhere but 0: for how long something took.
pub fn stopwatch_us() -> u64 {
    static COUNTER: OnceLock<(quanta::Clock, u64)> = OnceLock::new();
    let (counter, start) = COUNTER.get_or_init(|| {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        (counter, start)
    });
    counter.delta_as_nanos(*start, counter.raw()) / 1000 + 1
}
