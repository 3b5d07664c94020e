//! What is seen while a run goes on: on a terminal, three lines at its foot; elsewhere nothing.
//!
//! Workers publish a few figures five times a second; the main thread draws them. Colours are left out with NO_COLOR.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Plan;
use super::tally::Tally;
use crate::phone::{Counters, Micros};

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
    absorbed: AtomicU64,
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
        let theirs = |counters: &Counters| counters.requests_absorbed + counters.responses_absorbed;
        figures
            .absorbed
            .store(theirs(&tally.caller) + theirs(&tally.callee), Relaxed);
        figures.median.store(times.value_at_quantile(0.5), Relaxed);
        figures.tail.store(times.value_at_quantile(0.99), Relaxed);
    }

    /// Calls that are open now.
    pub(super) fn open(&self) -> u64 {
        self.sum(|figures| &figures.open)
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

/// The lines at the foot of the terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// When it was drawn lately, with what was started and succeeded then; not longer ago than [`LATELY`].
    lately: VecDeque<(Duration, u64, u64)>,
    rate: f64,
    is_active: bool,
    is_red: bool,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let bar = match (plan.quiet, plan.is_active()) {
            (true, _) => ProgressBar::hidden(),
            (false, false) => ProgressBar::new_spinner(),
            (false, true) => ProgressBar::new(plan.expected()),
        };
        let progress = Self {
            bar,
            lately: VecDeque::from([(Duration::ZERO, 0, 0)]),
            rate: plan.whole_rate(),
            is_active: plan.is_active(),
            is_red: false,
        };
        progress.dress("green");
        progress
    }

    fn dress(&self, colour: &str) {
        let template = match self.is_active {
            false => "{spinner} {elapsed_precise}  {msg}".to_owned(),
            true => format!("{{elapsed_precise}} [{{bar:40.{colour}}}] {{pos}} of {{len}}{{msg}}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    /// Draws, unless it was drawn less than `every` ago.
    pub(super) fn draw_at(&mut self, shared: &Shared, every: Duration) {
        let elapsed = self.bar.elapsed();
        if self
            .lately
            .back()
            .is_some_and(|last| elapsed < last.0 + every)
        {
            return;
        }
        while self.lately.len() > 1 && self.lately[0].0 + LATELY < elapsed {
            self.lately.pop_front();
        }
        let (then, started_then, succeeded_then) = self.lately.front().copied().unwrap_or_default();
        let [started, succeeded, failed] = [
            shared.sum(|f| &f.started),
            shared.sum(|f| &f.succeeded),
            shared.sum(|f| &f.failed),
        ];
        if failed > 0 && !self.is_red {
            self.is_red = true;
            self.dress("red");
        }
        let seen = Seen {
            passed: elapsed.saturating_sub(then),
            started,
            succeeded,
            failed,
            before: (started_then, succeeded_then),
            open: shared.sum(|f| &f.open),
            repeated: shared.sum(|f| &f.repeated),
            absorbed: shared.sum(|f| &f.absorbed),
            dropped: shared.dropped(),
            median: shared.worst(|f| &f.median),
            tail: shared.worst(|f| &f.tail),
        };
        self.lately.push_back((elapsed, started, succeeded));
        let left = self
            .bar
            .length()
            .map(|length| length.saturating_sub(started));
        let left = left.filter(|_| self.is_active);
        self.bar.set_message(seen.told(left, self.rate));
        self.bar.set_position(started);
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Rates are of so long: workers publish in steps, and a shorter time would show the steps.
const LATELY: Duration = Duration::from_secs(2);

/// What is to be told of a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Since an earlier moment.
    pub(super) passed: Duration,
    pub(super) started: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Started and succeeded then.
    pub(super) before: (u64, u64),
    pub(super) open: u64,
    pub(super) repeated: u64,
    pub(super) absorbed: u64,
    pub(super) dropped: u64,
    pub(super) median: Micros,
    pub(super) tail: Micros,
}

impl Seen {
    /// `left`: how many are still to start, at this rate; without it there is no end in sight.
    pub(super) fn told(&self, left: Option<u64>, rate: f64) -> String {
        let seconds = self.passed.as_secs_f64().max(0.001);
        let a_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let end = match left {
            Some(0) => ", waiting for what is open".to_owned(),
            Some(left) => format!(", {} to go", clock((left as f64 / rate.max(1e-9)).ceil())),
            None => String::new(),
        };
        let ended = self.succeeded + self.failed;
        let success = match ended {
            0 => String::new(),
            _ => format!(" ({:.3} %)", 100.0 * self.succeeded as f64 / ended as f64),
        };
        format!(
            "{end}\n  {:.0}/s started, {:.0}/s succeeded{success}, {} failed, {} open\n  delay p50 {} p99 {}, sent again {} by us {} by the peer, {} dropped here",
            a_second(self.started, self.before.0),
            a_second(self.succeeded, self.before.1),
            self.failed,
            self.open,
            time(self.median),
            time(self.tail),
            self.repeated,
            self.absorbed,
            self.dropped,
        )
    }
}

/// Seconds as 1:02:03 or 2:03.
fn clock(seconds: f64) -> String {
    let seconds = seconds.min(1e9) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
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
