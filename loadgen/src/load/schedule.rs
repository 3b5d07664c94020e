//! When calls start: a list of intended times that nothing but the plan decides.

use super::plan::Arrivals;
use crate::phone::Micros;

/// How the starts of a run lie in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) arrivals: Arrivals,
    /// The rate grows evenly from nothing for so long, then stands.
    pub(super) ramp: Micros,
    /// So many start together; the rate stays what it is.
    pub(super) burst: u64,
    pub(super) duration: Micros,
}

impl Shape {
    /// So many seconds at the full rate start as many as `elapsed` from the beginning does.
    pub(super) fn at_full_rate(&self, elapsed: Micros) -> f64 {
        let (elapsed, ramp) = (elapsed as f64 / 1e6, self.ramp as f64 / 1e6);
        if elapsed < ramp {
            elapsed * elapsed / (2.0 * ramp)
        } else {
            elapsed - ramp / 2.0
        }
    }

    /// The other way: when so many seconds at the full rate are over. Microseconds.
    fn when(&self, seconds: f64) -> f64 {
        let ramp = self.ramp as f64 / 1e6;
        if seconds < ramp / 2.0 {
            (2.0 * ramp * seconds).sqrt() * 1e6
        } else {
            (seconds + ramp / 2.0) * 1e6
        }
    }
}

/// The intended times of one thread.
#[derive(Debug)]
pub(super) struct Schedule {
    shape: Shape,
    rate: f64,
    random: fastrand::Rng,
    start: Micros,
    /// Of the next start, from `start`.
    offset: f64,
    /// How many the rate has brought when the next start is due; the ramp bends it into a time.
    due: f64,
    number: u64,
    left: u64,
}

impl Schedule {
    pub(super) fn new(shape: Shape, rate: f64, calls: u64, start: Micros, seed: u64) -> Self {
        let mut schedule = Self {
            shape,
            rate,
            random: fastrand::Rng::with_seed(seed),
            start,
            offset: 0.0,
            due: 0.0,
            number: 0,
            left: calls,
        };
        if shape.arrivals == Arrivals::Poisson {
            schedule.advance();
        }
        schedule
    }

    /// The next intended time; `None` when all have been.
    pub(super) fn next(&self) -> Option<Micros> {
        (self.left > 0 && self.offset < self.shape.duration as f64)
            .then(|| self.start + self.offset as Micros)
    }

    /// Takes the next intended time if it has come.
    pub(super) fn take(&mut self, now: Micros) -> Option<Micros> {
        let next = self.next().filter(|&next| next <= now)?;
        self.left -= 1;
        self.number += 1;
        if self.number.is_multiple_of(self.shape.burst) {
            self.advance();
        }
        Some(next)
    }

    /// When the last of what is left will have been due.
    pub(super) fn end(&self) -> Micros {
        let by_calls = self.shape.when(self.left as f64 / self.rate);
        self.start + by_calls.min(self.shape.duration as f64) as Micros
    }

    /// Nothing more starts.
    pub(super) fn stop(&mut self) {
        self.left = 0;
    }

    /// To the next time at which something starts.
    fn advance(&mut self) {
        self.due = match self.shape.arrivals {
            // From the beginning each time, so that nothing adds up.
            Arrivals::Even => self.number as f64,
            Arrivals::Poisson => {
                self.due - (1.0 - self.random.f64()).ln() * self.shape.burst as f64
            }
        };
        self.offset = self.shape.when(self.due / self.rate);
    }
}
