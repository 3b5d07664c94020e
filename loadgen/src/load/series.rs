//! What happens second by second, in bounded memory: the rows of a long run become wider, not more.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::tally::LONGEST;
use crate::phone::{Failure, Micros};

/// Rows of a series at most; one more, and each covers twice the time. Half an hour has a row a second, a day one in
/// 64 seconds.
pub(super) const ROWS_MAX: usize = 2048;

/// What a row holds.
pub(super) trait Row: Default {
    /// Takes in what came later, or what another thread saw in the same time.
    fn append(&mut self, other: &Self);
}

/// Rows from the start of a run on, each [`every`](Self::every) seconds wide.
#[derive(Clone, Debug)]
pub(super) struct Series<R> {
    every: u64,
    rows: Vec<R>,
}

impl<R: Row> Series<R> {
    pub(super) fn new() -> Self {
        Self {
            every: 1,
            rows: Vec::new(),
        }
    }

    /// Seconds that a row covers.
    pub(super) fn every(&self) -> u64 {
        self.every
    }

    pub(super) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The row of this second.
    pub(super) fn row(&mut self, second: u64) -> &mut R {
        while second / self.every >= ROWS_MAX as u64 {
            self.widen();
        }
        let at = (second / self.every) as usize;
        if at >= self.rows.len() {
            self.rows.resize_with(at + 1, R::default);
        }
        &mut self.rows[at]
    }

    /// Another thread's rows of the same run.
    pub(super) fn add(&mut self, other: &Self) {
        while self.every < other.every {
            self.widen();
        }
        for (at, row) in other.rows.iter().enumerate() {
            self.row(at as u64 * other.every).append(row);
        }
    }

    fn widen(&mut self) {
        self.every *= 2;
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        while let Some(mut row) = rows.next() {
            if let Some(later) = rows.next() {
                row.append(&later);
            }
            self.rows.push(row);
        }
    }
}

/// What a thread does in a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// Meant to start.
    pub(super) offered: u64,
    pub(super) started: u64,
    pub(super) answered: u64,
    pub(super) succeeded: u64,
    pub(super) by_plan: u64,
    pub(super) failed: u64,
    pub(super) causes: BTreeMap<Failure, u64>,
    /// Sent again by us.
    pub(super) repeated: u64,
    /// Sent again by the peer.
    pub(super) absorbed: u64,
    /// Post-dial delays, or response times of what is no call; two digits of them.
    pub(super) delay: Option<Histogram<u32>>,
}

impl Second {
    pub(super) fn record_delay(&mut self, delay: Micros) {
        let histogram = self.delay.get_or_insert_with(|| {
            Histogram::new_with_bounds(1, LONGEST, 2)
                .unwrap_or_else(|_| unreachable!("fixed bounds"))
        });
        histogram.saturating_record(delay);
    }
}

impl Row for Second {
    fn append(&mut self, other: &Self) {
        self.offered += other.offered;
        self.started += other.started;
        self.answered += other.answered;
        self.succeeded += other.succeeded;
        self.by_plan += other.by_plan;
        self.failed += other.failed;
        for (&failure, &count) in &other.causes {
            *self.causes.entry(failure).or_default() += count;
        }
        self.repeated += other.repeated;
        self.absorbed += other.absorbed;
        match (&mut self.delay, &other.delay) {
            (Some(ours), Some(theirs)) => {
                // Same bounds, so it always fits.
                let added = ours.add(theirs);
                debug_assert!(added.is_ok());
            }
            (ours @ None, theirs) => ours.clone_from(theirs),
            (Some(_), None) => {}
        }
    }
}

/// What was read of kernel and processes between one look and the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// How long that was.
    pub(super) took: Micros,
    /// CPU time, nanoseconds.
    pub(super) server: u64,
    pub(super) generator: u64,
    /// Datagrams dropped at the generator's sockets, at the target's, for full receive buffers anywhere.
    pub(super) ours: u64,
    pub(super) target: u64,
    pub(super) machine: u64,
    /// Resident memory of the server at the end, bytes.
    pub(super) resident: u64,
}

impl Row for Sample {
    fn append(&mut self, later: &Self) {
        self.took += later.took;
        self.server += later.server;
        self.generator += later.generator;
        self.ours += later.ours;
        self.target += later.target;
        self.machine += later.machine;
        self.resident = later.resident;
    }
}

/// The straight line through points (seconds, value) with the least squares: its growth a second. `None` for less
/// than two different times.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    (spread > 0.0).then(|| together / spread)
}
