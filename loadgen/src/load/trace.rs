//! What some calls went through, message by message: the slowest of those that were followed, and one of each failure.
//!
//! Everything heard of a call whose tag says so is kept until it ends. So many starts a second are followed that a run
//! of any rate does not notice; memory is bounded by the names below. No state but its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::part::Tag;
use super::report::describe;
use crate::phone::{CallId, Failure, Micros, Notice, Verb, What};

/// Starts a second that are followed, about.
const FOLLOWED: f64 = 250.0;
/// Calls that are followed at once.
const OPEN_MAX: usize = 4096;
/// Of one call; what comes after is not kept.
const STEPS_MAX: usize = 64;
/// Slowest calls that are kept.
const SLOWEST: usize = 3;
/// Failed calls that are kept, one of each cause.
const FAILED_MAX: usize = 12;

/// One call, from its intended start.
#[derive(Clone, Debug)]
struct Followed {
    intended: Micros,
    steps: Vec<(Micros, What)>,
    /// From the intended start to the answer; 0 before.
    setup: Micros,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    /// One start in so many is followed; 0 is none.
    every: u64,
    open: BTreeMap<CallId, Followed>,
    slowest: Vec<Followed>,
    failed: BTreeMap<Failure, Followed>,
}

impl Traces {
    /// Of a run with so many starts a second.
    pub(super) fn of_starts(rate: f64) -> Self {
        Self {
            every: (rate / FOLLOWED).ceil().max(1.0) as u64,
            ..Self::default()
        }
    }

    /// Whether the start of this number is to be followed.
    pub(super) fn follows(&self, number: u64) -> bool {
        self.every > 0 && number.is_multiple_of(self.every) && self.open.len() < OPEN_MAX
    }

    pub(super) fn hear(&mut self, tag: &Tag, notice: &Notice) {
        let followed = self.open.entry(notice.call).or_insert_with(|| Followed {
            intended: tag.intended,
            steps: Vec::new(),
            setup: 0,
        });
        if followed.steps.len() < STEPS_MAX && !matches!(notice.what, What::Indicated { .. }) {
            followed.steps.push((notice.at, notice.what));
        }
        if notice.what == What::Answered {
            followed.setup = notice.at.saturating_sub(tag.intended);
        }
        if notice.what.is_outcome()
            && let Some(followed) = self.open.remove(&notice.call)
        {
            match notice.what {
                What::Failed(failure) => self.keep_failed(failure, followed),
                What::Ended { .. } => self.keep_slow(followed),
                _ => {}
            }
        }
    }

    fn keep_failed(&mut self, failure: Failure, followed: Followed) {
        if self.failed.len() < FAILED_MAX {
            self.failed.entry(failure).or_insert(followed);
        }
    }

    fn keep_slow(&mut self, followed: Followed) {
        let at = self
            .slowest
            .partition_point(|kept| kept.setup >= followed.setup);
        if at < SLOWEST {
            self.slowest.insert(at, followed);
            self.slowest.truncate(SLOWEST);
        }
    }

    /// Another thread's, whose calls have other names.
    pub(super) fn add(&mut self, other: &Traces) {
        for followed in &other.slowest {
            self.keep_slow(followed.clone());
        }
        for (&failure, followed) in &other.failed {
            self.keep_failed(failure, followed.clone());
        }
        self.every = self.every.max(other.every);
    }

    /// For the record: times in microseconds, of each step from the intended start.
    pub(super) fn json(&self, began: Micros) -> Value {
        let told = |followed: &Followed| {
            let since = |at: Micros| at.saturating_sub(followed.intended);
            let steps = followed.steps.iter();
            let mut steps: Vec<_> = steps
                .flat_map(|&(at, what)| messages(since(at), what))
                .collect();
            // A BYE is told of when it was answered, after it was sent again.
            steps.sort_by_key(|step| step.0);
            let steps = steps
                .into_iter()
                .map(|(at, ours, text)| json!({ "at_us": at, "ours": ours, "text": text }));
            json!({
                "started_at_us": followed.intended.saturating_sub(began),
                "setup_us": followed.setup,
                "steps": steps.collect::<Vec<_>>(),
            })
        };
        let failed: BTreeMap<_, _> = self
            .failed
            .iter()
            .map(|(failure, followed)| (describe(*failure), told(followed)))
            .collect();
        json!({
            "one_start_in": self.every,
            "slowest": self.slowest.iter().map(told).collect::<Vec<_>>(),
            "failed": failed,
        })
    }
}

/// The messages of a notice: when, whether it is ours, and its words.
fn messages(at: Micros, what: What) -> Vec<(Micros, bool, String)> {
    let ours = |text: &str| vec![(at, true, text.to_owned())];
    let theirs = |text: String| vec![(at, false, text)];
    match what {
        What::Calling => ours("INVITE"),
        What::Repeated(verb) => ours(&format!("{} again", name(verb))),
        What::Provisional(status) => theirs(status.to_string()),
        What::Answered => [theirs("200".to_owned()), ours("ACK")].concat(),
        What::Reinvited(status) => theirs(format!("{status} (re-INVITE)")),
        What::Updated(status) => theirs(format!("{status} (UPDATE)")),
        What::Forked => [theirs("200 of another branch".to_owned()), ours("ACK, BYE")].concat(),
        What::Ended {
            by_us: true,
            answer,
        } => vec![
            (at.saturating_sub(answer), true, "BYE".to_owned()),
            (at, false, "200 (BYE)".to_owned()),
        ],
        What::Ended { by_us: false, .. } => [theirs("BYE".to_owned()), ours("200 (BYE)")].concat(),
        What::Cancelled { .. } => theirs("487".to_owned()),
        What::Failed(Failure::Rejected(status) | Failure::Challenged(status)) => {
            [theirs(status.to_string()), ours("ACK")].concat()
        }
        What::Failed(Failure::ByeRejected(status)) => theirs(format!("{status} (BYE)")),
        What::Failed(failure) => ours(&describe(failure)),
        What::Indicated { .. }
        | What::Incoming
        | What::Acknowledged
        | What::Registered(_)
        | What::Unregistered
        | What::Replied(_)
        | What::Refused => Vec::new(),
    }
}

fn name(verb: Verb) -> String {
    String::from_utf8_lossy(verb.as_bytes()).into_owned()
}
