//! What is seen while a run goes on.
//!
//! Workers publish a few figures five times a second; the main thread draws them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Plan;
use super::tally::Tally;

/// What the threads of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Start no more; finish what is open.
    pub(super) stop: AtomicBool,
    figures: Vec<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    open: AtomicU64,
    repeated: AtomicU64,
    median: AtomicU64,
    tail: AtomicU64,
    dropped: AtomicU64,
}

impl Shared {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            figures: (0..threads).map(|_| Figures::default()).collect(),
        }
    }

    /// What the kernel dropped at a worker's sockets until now.
    pub(super) fn show_dropped(&self, thread: usize, dropped: u64) {
        self.figures[thread].dropped.store(dropped, Relaxed);
    }

    /// What the kernel dropped at all of them.
    pub(super) fn dropped(&self) -> u64 {
        self.sum(|figures| &figures.dropped)
    }

    /// A worker's figures as they are now.
    pub(super) fn show(&self, thread: usize, tally: &Tally, open: u64) {
        let figures = &self.figures[thread];
        let times = if tally.post_dial.is_empty() {
            &tally.response
        } else {
            &tally.post_dial
        };
        figures
            .started
            .store(tally.started.max(tally.incoming), Relaxed);
        figures
            .succeeded
            .store(tally.succeeded.max(tally.callee_ended), Relaxed);
        figures.failed.store(tally.failed(), Relaxed);
        figures.open.store(open, Relaxed);
        figures
            .repeated
            .store(tally.caller.repeated() + tally.callee.repeated(), Relaxed);
        figures.median.store(times.value_at_quantile(0.5), Relaxed);
        figures.tail.store(times.value_at_quantile(0.99), Relaxed);
    }

    fn sum(&self, figure: impl Fn(&Figures) -> &AtomicU64) -> u64 {
        self.figures
            .iter()
            .map(|figures| figure(figures).load(Relaxed))
            .sum()
    }

    fn worst(&self, figure: impl Fn(&Figures) -> &AtomicU64) -> u64 {
        self.figures
            .iter()
            .map(|figures| figure(figures).load(Relaxed))
            .max()
            .unwrap_or(0)
    }
}

/// The line at the bottom of the terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    before: (Duration, u64),
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let bar = match (plan.quiet, plan.is_active()) {
            (true, _) => ProgressBar::hidden(),
            (false, false) => ProgressBar::new_spinner(),
            (false, true) => ProgressBar::new(plan.expected()),
        };
        let template = match plan.is_active() {
            false => "{spinner} {elapsed_precise} {msg}",
            true => "{elapsed_precise} [{bar:28}] {pos}/{len} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            before: (Duration::ZERO, 0),
        }
    }

    /// Draws, unless it was drawn less than `every` ago.
    pub(super) fn draw_at(&mut self, shared: &Shared, every: Duration) {
        if self.bar.elapsed() < self.before.0 + every {
            return;
        }
        let (started, succeeded) = (shared.sum(|f| &f.started), shared.sum(|f| &f.succeeded));
        let elapsed = self.bar.elapsed();
        let passed = elapsed.saturating_sub(self.before.0).as_secs_f64();
        let rate = (succeeded.saturating_sub(self.before.1)) as f64 / passed.max(0.001);
        self.before = (elapsed, succeeded);
        self.bar.set_position(started);
        self.bar.set_message(format!(
            "{rate:.0}/s done, {} open, {} failed, {} repeated, delay p50 {} p99 {}",
            shared.sum(|f| &f.open),
            shared.sum(|f| &f.failed),
            shared.sum(|f| &f.repeated),
            time(shared.worst(|f| &f.median)),
            time(shared.worst(|f| &f.tail)),
        ));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Microseconds as a person reads them.
pub(super) fn time(micros: u64) -> String {
    match micros {
        0 => "-".to_owned(),
        1..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}
