//! The account of one thread: what became of every call, and what every step saw. Added up at the end.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::limits::LONGEST;
use super::program::Program;
use crate::phone::Micros;

/// Why a call failed, at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Another message came than this step waits for.
    Unexpected,
    /// Nothing came in time.
    Timeout,
    /// Sent again as often as may be, and nothing came.
    Retransmissions,
    /// A regular expression with `check_it` did not match.
    NotFound,
    /// A regular expression with `check_it_inverse` matched.
    Found,
    /// Steps without end.
    Endless,
    /// A jump to where there is no step.
    Astray,
    /// A message longer than a datagram.
    TooLong,
    /// Still open when the run ended.
    Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepTally {
    /// Sent, received, begun.
    pub(crate) messages: u64,
    /// Sent again, or received again.
    pub(crate) repeated: u64,
    pub(crate) timeouts: u64,
    pub(crate) unexpected: u64,
    /// Thrown away as `lost` says.
    pub(crate) lost: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) steps: Vec<StepTally>,
    pub(crate) started: u64,
    pub(crate) succeeded: u64,
    /// Ended by `stop_call`.
    pub(crate) stopped: u64,
    pub(crate) failures: BTreeMap<(Cause, u32), u64>,
    /// By timer of the program: from start to stop, microseconds.
    pub(crate) responses: Vec<Histogram<u64>>,
    /// From the intended start to the end, of calls that succeeded.
    pub(crate) lengths: Histogram<u64>,
    /// How late calls started.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) counters: Vec<u64>,
    /// Messages of no call of ours.
    pub(crate) strays: u64,
    /// Of calls that are over, or responses that came after the final one.
    pub(crate) late: u64,
    pub(crate) malformed: u64,
    /// Requests that were answered beside the scenario (`-aa`, and BYE or CANCEL that nobody waited for).
    pub(crate) answered: u64,
    /// ACK, BYE and CANCEL for calls that failed.
    pub(crate) tidied: u64,
    /// Calls that found the table full.
    pub(crate) refused: u64,
    pub(crate) warnings: u64,
    pub(crate) log_lost: u64,
    pub(crate) open_max: u64,
    /// By second from the start: started, succeeded, failed.
    pub(crate) seconds: Vec<[u64; 3]>,
    pub(crate) began: Micros,
    pub(crate) last_start: Micros,
}

impl Tally {
    pub(crate) fn new(program: &Program, began: Micros) -> Self {
        Self {
            steps: vec![StepTally::default(); program.steps.len() + 1],
            started: 0,
            succeeded: 0,
            stopped: 0,
            failures: BTreeMap::new(),
            responses: program.timers.iter().map(|_| histogram()).collect(),
            lengths: histogram(),
            lateness: histogram(),
            counters: vec![0; program.counters.len()],
            strays: 0,
            late: 0,
            malformed: 0,
            answered: 0,
            tidied: 0,
            refused: 0,
            warnings: 0,
            log_lost: 0,
            open_max: 0,
            seconds: Vec::new(),
            began,
            last_start: began,
        }
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(crate) fn fail(&mut self, cause: Cause, step: u32) {
        *self.failures.entry((cause, step)).or_default() += 1;
    }

    /// Counts in the second that `now` lies in: 0 started, 1 succeeded, 2 failed.
    pub(crate) fn mark(&mut self, now: Micros, what: usize) {
        let second = (now.saturating_sub(self.began) / 1_000_000) as usize;
        // Two days of seconds; a run beyond that has no series there.
        if second >= 172_800 {
            return;
        }
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, [0; 3]);
        }
        self.seconds[second][what] += 1;
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        for (ours, theirs) in self.steps.iter_mut().zip(&other.steps) {
            ours.messages += theirs.messages;
            ours.repeated += theirs.repeated;
            ours.timeouts += theirs.timeouts;
            ours.unexpected += theirs.unexpected;
            ours.lost += theirs.lost;
        }
        for (&key, count) in &other.failures {
            *self.failures.entry(key).or_default() += count;
        }
        for (ours, theirs) in self.responses.iter_mut().zip(&other.responses) {
            add_times(ours, theirs);
        }
        add_times(&mut self.lengths, &other.lengths);
        add_times(&mut self.lateness, &other.lateness);
        for (ours, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *ours += theirs;
        }
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), [0; 3]);
        }
        for (ours, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            for (ours, theirs) in ours.iter_mut().zip(theirs) {
                *ours += theirs;
            }
        }
        self.started += other.started;
        self.succeeded += other.succeeded;
        self.stopped += other.stopped;
        self.strays += other.strays;
        self.late += other.late;
        self.malformed += other.malformed;
        self.answered += other.answered;
        self.tidied += other.tidied;
        self.refused += other.refused;
        self.warnings += other.warnings;
        self.log_lost += other.log_lost;
        self.open_max += other.open_max;
        self.last_start = self.last_start.max(other.last_start);
    }
}

/// A time enters a histogram; what is longer than it knows counts as its longest.
pub(crate) fn enter(times: &mut Histogram<u64>, time: Micros) {
    times.saturating_record(time.clamp(1, LONGEST));
}

fn histogram() -> Histogram<u64> {
    // Three digits of 1 us to ten minutes: these bounds always make one.
    Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("constant bounds"))
}

fn add_times(ours: &mut Histogram<u64>, theirs: &Histogram<u64>) {
    // Both have the same bounds, so this cannot fail.
    let _ = ours.add(theirs);
}
