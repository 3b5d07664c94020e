//! When calls start: a list of intended times that nothing but the plan decides.

use super::plan::Arrivals;
use crate::phone::Micros;

/// The intended times of one thread.
#[derive(Debug)]
pub(super) struct Schedule {
    arrivals: Arrivals,
    /// Mean microseconds between two starts.
    gap: f64,
    random: fastrand::Rng,
    start: Micros,
    /// Of the next start, from `start`.
    offset: f64,
    duration: Micros,
    number: u64,
    left: u64,
}

impl Schedule {
    pub(super) fn new(
        arrivals: Arrivals,
        rate: f64,
        calls: u64,
        start: Micros,
        duration: Micros,
        seed: u64,
    ) -> Self {
        let mut schedule = Self {
            arrivals,
            gap: 1e6 / rate,
            random: fastrand::Rng::with_seed(seed),
            start,
            offset: 0.0,
            duration,
            number: 0,
            left: calls,
        };
        if arrivals == Arrivals::Poisson {
            schedule.offset = schedule.draw();
        }
        schedule
    }

    /// The next intended time; `None` when all have been.
    pub(super) fn next(&self) -> Option<Micros> {
        (self.left > 0 && self.offset < self.duration as f64)
            .then(|| self.start + self.offset as Micros)
    }

    /// Takes the next intended time if it has come.
    pub(super) fn take(&mut self, now: Micros) -> Option<Micros> {
        let next = self.next().filter(|&next| next <= now)?;
        self.left -= 1;
        self.number += 1;
        self.offset = match self.arrivals {
            // From the beginning each time, so that nothing adds up.
            Arrivals::Even => self.number as f64 * self.gap,
            Arrivals::Poisson => self.offset + self.draw(),
        };
        Some(next)
    }

    /// Nothing more starts.
    pub(super) fn stop(&mut self) {
        self.left = 0;
    }

    fn draw(&mut self) -> f64 {
        -(1.0 - self.random.f64()).ln() * self.gap
    }
}
