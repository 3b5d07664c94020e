//! The account: what became of every call, and how long things took.
//!
//! One per thread, added up at the end. Started calls are the sum of all outcomes, always: what has none
//! when the run ends is lost, by the state it was last seen in.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::connections::Kept;
use super::held::Held;
use super::metrics::{Attempts, Kind};
use super::part::Tag;
use super::series::{Second, Series};
use super::sockets::Traffic;
use super::trace::Traces;
use crate::phone::{CallState, Counters, Failure, Micros, Notice, What};

/// The longest time a histogram tells apart; two minutes. Longer counts as this.
pub(super) const LONGEST: u64 = 120_000_000;

/// How a call ends that was not meant to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Planned {
    /// The caller gave up while it rang, because it was told to.
    GaveUp,
    /// Nobody answered in time.
    Unanswered,
    /// Rejected with a code that was expected.
    Rejected(u16),
}

/// What became of one part of a mix.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) started: u64,
    pub(super) succeeded: u64,
    pub(super) by_plan: u64,
    pub(super) failed: u64,
    /// From the intended start to the 200.
    pub(super) time: Histogram<u64>,
}

impl Account {
    /// Without an outcome when the run ended.
    pub(super) fn lost(&self) -> u64 {
        self.started
            .saturating_sub(self.succeeded + self.by_plan + self.failed)
    }
}

/// Times up to [`LONGEST`], three digits of them.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("fixed bounds"))
}

#[derive(Clone, Debug)]
pub(super) struct Tally {
    // The calling side (or registrations, or requests).
    pub(super) started: u64,
    pub(super) answered: u64,
    pub(super) succeeded: u64,
    /// Given up by plan.
    pub(super) cancelled: u64,
    /// Rejected by plan.
    pub(super) declined: u64,
    /// The codes that a call may be rejected with and still go as planned.
    pub(super) planned: Vec<u16>,
    /// What became of calls that ended without an answer, as planned: `cancelled` and `declined`, by cause.
    pub(super) by_plan: BTreeMap<Planned, u64>,
    /// Registrations kept up: refreshed before they expired, and why not.
    pub(super) refreshed: u64,
    pub(super) refresh_failures: BTreeMap<Failure, u64>,
    /// The parts of a mix; empty when there is only one.
    pub(super) parts: Vec<Account>,
    /// Causes of failure that a scenario file names.
    pub(super) named: BTreeMap<String, u64>,
    pub(super) refused: u64,
    pub(super) failures: BTreeMap<Failure, u64>,
    pub(super) lost: BTreeMap<CallState, u64>,
    pub(super) lost_others: u64,
    pub(super) forked: u64,
    pub(super) reinvites: BTreeMap<u16, u64>,
    /// What the parts of the run are, by their number; without it, all are sessions.
    pub(super) kinds: Vec<Kind>,
    pub(super) sessions: Attempts,
    pub(super) registrations: Attempts,
    /// What some calls went through.
    pub(super) traces: Traces,
    /// From the intended start to the first status of an INVITE that was answered (RFC 6076 §4.3.1).
    pub(super) indicated: Histogram<u64>,
    /// The same of an INVITE that was rejected (§4.3.2).
    pub(super) indicated_failed: Histogram<u64>,
    /// From the intended REGISTER to its 200 (§4.1).
    pub(super) registered: Histogram<u64>,
    /// From the intended start to the first 180 or 183.
    pub(super) post_dial: Histogram<u64>,
    /// From the intended start to the 200.
    pub(super) setup: Histogram<u64>,
    /// From BYE to its response (RFC 6076: SDD).
    pub(super) hang_up: Histogram<u64>,
    /// From the intended time to the final response of REGISTER or OPTIONS.
    pub(super) response: Histogram<u64>,
    /// How late calls started: what the generator itself is guilty of.
    pub(super) lateness: Histogram<u64>,
    /// The most calls that were held at once.
    pub(super) held: Held,
    /// Connections that were kept.
    pub(super) kept: Kept,
    pub(super) caller: Counters,
    // The answering side.
    pub(super) incoming: u64,
    pub(super) acknowledged: u64,
    pub(super) callee_ended: u64,
    pub(super) callee_failures: BTreeMap<Failure, u64>,
    pub(super) callee_open: u64,
    pub(super) callee: Counters,
    pub(super) traffic: Traffic,
    /// In turns that only looked whether there was something to do.
    pub(super) idle: Micros,
    pub(super) seconds: Series<Second>,
    pub(super) began: Micros,
    /// When the plan is to have offered everything.
    pub(super) offered_until: Micros,
    /// Whether something is still to start.
    pub(super) is_offering: bool,
    /// Answered and succeeded while calls were offered.
    pub(super) answered_meanwhile: u64,
    pub(super) succeeded_meanwhile: u64,
    /// Repetitions that stand in `seconds` already, ours and the peer's.
    pub(super) repetitions: (u64, u64),
    /// When the last call was started, later than intended if the generator could not keep up.
    pub(super) last_start: Micros,
    pub(super) receive_buffer: usize,
    /// What the forwarder was told to withhold, by first line.
    pub(super) withheld: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn new(began: Micros) -> Self {
        Self {
            started: 0,
            answered: 0,
            succeeded: 0,
            cancelled: 0,
            declined: 0,
            planned: Vec::new(),
            by_plan: BTreeMap::new(),
            refreshed: 0,
            refresh_failures: BTreeMap::new(),
            parts: Vec::new(),
            named: BTreeMap::new(),
            refused: 0,
            failures: BTreeMap::new(),
            lost: BTreeMap::new(),
            lost_others: 0,
            forked: 0,
            reinvites: BTreeMap::new(),
            kinds: Vec::new(),
            sessions: Attempts::default(),
            registrations: Attempts::default(),
            traces: Traces::default(),
            indicated: histogram(),
            indicated_failed: histogram(),
            registered: histogram(),
            post_dial: histogram(),
            setup: histogram(),
            hang_up: histogram(),
            response: histogram(),
            lateness: histogram(),
            held: Held::default(),
            kept: Kept::default(),
            caller: Counters::default(),
            incoming: 0,
            acknowledged: 0,
            callee_ended: 0,
            callee_failures: BTreeMap::new(),
            callee_open: 0,
            callee: Counters::default(),
            traffic: Traffic::default(),
            idle: 0,
            seconds: Series::new(),
            began,
            offered_until: began,
            is_offering: false,
            answered_meanwhile: 0,
            succeeded_meanwhile: 0,
            repetitions: (0, 0),
            last_start: began,
            receive_buffer: 0,
            withheld: BTreeMap::new(),
        }
    }

    /// A start, meant for `intended` and made `now`.
    pub(super) fn start(&mut self, intended: Micros, now: Micros) {
        self.started += 1;
        self.last_start = self.last_start.max(now);
        self.lateness.saturating_record((now - intended).max(1));
        self.second(intended).offered += 1;
        self.second(now).started += 1;
    }

    /// What was sent again until now, by us and by the peer.
    pub(super) fn count_repetitions(&mut self, now: Micros, ours: u64, theirs: u64) {
        let (our, their) = self.repetitions;
        self.repetitions = (ours, theirs);
        // What is seen at the end of a second happened in it.
        let second = self.second(now.saturating_sub(1));
        second.repeated += ours.saturating_sub(our);
        second.absorbed += theirs.saturating_sub(their);
    }

    /// Accounts for these parts one by one as well, when there are several.
    pub(super) fn divide<'n>(&mut self, names: impl ExactSizeIterator<Item = &'n str>) {
        if names.len() > 1 {
            let account = |name: &str| Account {
                name: name.to_owned(),
                started: 0,
                succeeded: 0,
                by_plan: 0,
                failed: 0,
                time: histogram(),
            };
            self.parts = names.map(account).collect();
        }
    }

    /// That what was started is of this part.
    pub(super) fn start_of(&mut self, part: usize) {
        if let Some(attempts) = self.attempts(part) {
            attempts.requests += 1;
        }
        if let Some(account) = self.parts.get_mut(part) {
            account.started += 1;
        }
    }

    /// What the calling side says; its tags are those of `part.rs`.
    pub(super) fn caller_notice(&mut self, notice: &Notice) {
        let tag = Tag::from_u64(notice.tag);
        let since = notice.at.saturating_sub(tag.intended).max(1);
        if let Some(account) = self.parts.get_mut(tag.part) {
            match notice.what {
                What::Answered | What::Registered(_) | What::Replied(200..300) => {
                    account.time.saturating_record(since);
                }
                _ => {}
            }
        }
        if let Some(attempts) = self.attempts(tag.part) {
            attempts.hear(notice.what);
        }
        if tag.is_followed {
            self.traces.hear(&tag, notice);
        }
        let before = (self.succeeded, self.cancelled + self.declined);
        self.outcome(notice, since, tag.is_patience);
        if notice.what.is_outcome()
            && let Some(account) = self.parts.get_mut(tag.part)
        {
            let succeeded = self.succeeded - before.0;
            let by_plan = self.cancelled + self.declined - before.1;
            account.succeeded += succeeded;
            account.by_plan += by_plan;
            account.failed += 1 - (succeeded + by_plan).min(1);
        }
    }

    fn attempts(&mut self, part: usize) -> Option<&mut Attempts> {
        match self.kinds.get(part).copied().unwrap_or_default() {
            Kind::Session => Some(&mut self.sessions),
            Kind::Registration => Some(&mut self.registrations),
            Kind::Request => None,
        }
    }

    /// A registration was refreshed, or could not be.
    pub(super) fn refresh(&mut self, what: What) {
        self.registrations.requests += 1;
        self.registrations.hear(what);
        match what {
            What::Registered(_) => self.refreshed += 1,
            What::Failed(failure) => *self.refresh_failures.entry(failure).or_default() += 1,
            _ => {}
        }
    }

    fn by_plan(&mut self, planned: Planned, at: Micros) {
        self.second(at).by_plan += 1;
        match planned {
            Planned::GaveUp | Planned::Unanswered => self.cancelled += 1,
            Planned::Rejected(_) => self.declined += 1,
        }
        *self.by_plan.entry(planned).or_default() += 1;
    }

    fn outcome(&mut self, notice: &Notice, since: Micros, is_patience: bool) {
        match notice.what {
            What::Provisional(180 | 183) => {
                self.post_dial.saturating_record(since);
                self.second(notice.at).record_delay(since);
            }
            What::Indicated { at, answered } => {
                let since = since.saturating_sub(notice.at.saturating_sub(at)).max(1);
                let histogram = match answered {
                    true => &mut self.indicated,
                    false => &mut self.indicated_failed,
                };
                histogram.saturating_record(since);
            }
            What::Answered => {
                self.answered += 1;
                self.second(notice.at).answered += 1;
                self.answered_meanwhile += u64::from(self.is_meanwhile(notice.at));
                self.setup.saturating_record(since);
            }
            What::Ended { by_us, answer } => {
                if by_us {
                    self.hang_up.saturating_record(answer.max(1));
                }
                self.succeed(notice.at);
            }
            What::Registered(_) => {
                self.registered.saturating_record(since);
                self.respond(since, notice.at);
                self.succeed(notice.at);
            }
            What::Replied(status) => {
                self.respond(since, notice.at);
                if (200..300).contains(&status) {
                    self.succeed(notice.at);
                } else if self.planned.contains(&status) {
                    self.by_plan(Planned::Rejected(status), notice.at);
                } else {
                    self.fail(Failure::Rejected(status), notice.at);
                }
            }
            What::Cancelled { .. } if is_patience => self.by_plan(Planned::Unanswered, notice.at),
            What::Cancelled { .. } => self.by_plan(Planned::GaveUp, notice.at),
            What::Failed(Failure::Rejected(status)) if self.planned.contains(&status) => {
                self.by_plan(Planned::Rejected(status), notice.at);
            }
            What::Failed(failure) => self.fail(failure, notice.at),
            What::Refused => {
                self.refused += 1;
                self.second(notice.at).failed += 1;
            }
            What::Reinvited(status) => *self.reinvites.entry(status).or_default() += 1,
            What::Forked => self.forked += 1,
            What::Calling
            | What::Repeated(_)
            | What::Provisional(_)
            | What::Incoming
            | What::Acknowledged
            | What::Updated(_)
            | What::Unregistered => {}
        }
    }

    /// What the answering side says.
    pub(super) fn callee_notice(&mut self, notice: &Notice) {
        match notice.what {
            What::Incoming => self.incoming += 1,
            What::Acknowledged => self.acknowledged += 1,
            What::Ended { .. } | What::Cancelled { .. } => self.callee_ended += 1,
            What::Failed(failure) => *self.callee_failures.entry(failure).or_default() += 1,
            _ => {}
        }
    }

    pub(super) fn succeed(&mut self, at: Micros) {
        self.succeeded += 1;
        self.second(at).succeeded += 1;
        self.succeeded_meanwhile += u64::from(self.is_meanwhile(at));
    }

    fn respond(&mut self, since: Micros, at: Micros) {
        self.response.saturating_record(since);
        self.second(at).record_delay(since);
    }

    /// Whether calls were offered then: the plan says until when, a late generator goes on for longer.
    fn is_meanwhile(&self, at: Micros) -> bool {
        self.is_offering || at <= self.offered_until
    }

    /// For how long calls were offered.
    pub(super) fn offered_for(&self) -> Micros {
        self.offered_until
            .max(self.last_start)
            .saturating_sub(self.began)
    }

    /// What failed for a cause that has no code.
    pub(super) fn fail_named(&mut self, cause: &str, at: Micros) {
        match self.named.get_mut(cause) {
            Some(count) => *count += 1,
            None => {
                self.named.insert(cause.to_owned(), 1);
            }
        }
        self.second(at).failed += 1;
    }

    fn fail(&mut self, failure: Failure, at: Micros) {
        *self.failures.entry(failure).or_default() += 1;
        let second = self.second(at);
        second.failed += 1;
        *second.causes.entry(failure).or_default() += 1;
    }

    fn second(&mut self, at: Micros) -> &mut Second {
        self.seconds.row(at.saturating_sub(self.began) / 1_000_000)
    }

    /// Calls that went another way than planned.
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum::<u64>()
            + self.named.values().sum::<u64>()
            + self.lost()
            + self.refused
    }

    /// Registrations that could not be kept up.
    pub(super) fn unrefreshed(&self) -> u64 {
        self.refresh_failures.values().sum()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.values().sum::<u64>() + self.lost_others
    }

    /// Answered calls whose ACK the answering side never saw, as far as it is ours.
    pub(super) fn unacknowledged(&self) -> u64 {
        if self.incoming == 0 {
            return 0;
        }
        self.answered.saturating_sub(self.acknowledged)
    }

    /// Calls that stood on the answering side and did not end as they should.
    pub(super) fn callee_failed(&self) -> u64 {
        let counts = self.callee_failures.iter().filter(|(failure, _)| {
            // What it rejects is its plan; a BYE that crosses another finds nothing.
            matches!(failure, Failure::NoAck | Failure::Timeout(_))
        });
        counts.map(|(_, count)| count).sum()
    }

    /// Calls that came to an end, however: what the server's work is divided by.
    pub(super) fn ended(&self) -> u64 {
        (self.started - self.lost().min(self.started))
            .max(self.callee_ended)
            .max(1)
    }

    /// Whether every start has its outcome; a bug of ours if not.
    pub(super) fn adds_up(&self) -> bool {
        self.started == self.succeeded + self.cancelled + self.declined + self.failed()
    }

    pub(super) fn add(&mut self, other: &Tally) {
        self.started += other.started;
        self.last_start = self.last_start.max(other.last_start);
        self.answered += other.answered;
        self.succeeded += other.succeeded;
        self.cancelled += other.cancelled;
        self.declined += other.declined;
        self.refused += other.refused;
        merge(&mut self.by_plan, &other.by_plan);
        self.refreshed += other.refreshed;
        merge(&mut self.refresh_failures, &other.refresh_failures);
        for (name, count) in &other.named {
            *self.named.entry(name.clone()).or_default() += count;
        }
        if self.parts.is_empty() {
            self.parts.clone_from(&other.parts);
        } else {
            for (ours, theirs) in self.parts.iter_mut().zip(&other.parts) {
                ours.started += theirs.started;
                ours.succeeded += theirs.succeeded;
                ours.by_plan += theirs.by_plan;
                ours.failed += theirs.failed;
                let added = ours.time.add(&theirs.time);
                debug_assert!(added.is_ok());
            }
        }
        self.sessions.add(&other.sessions);
        self.registrations.add(&other.registrations);
        self.traces.add(&other.traces);
        merge(&mut self.failures, &other.failures);
        merge(&mut self.lost, &other.lost);
        self.lost_others += other.lost_others;
        self.forked += other.forked;
        merge(&mut self.reinvites, &other.reinvites);
        for (ours, theirs) in [
            (&mut self.indicated, &other.indicated),
            (&mut self.indicated_failed, &other.indicated_failed),
            (&mut self.registered, &other.registered),
            (&mut self.post_dial, &other.post_dial),
            (&mut self.setup, &other.setup),
            (&mut self.hang_up, &other.hang_up),
            (&mut self.response, &other.response),
            (&mut self.lateness, &other.lateness),
        ] {
            // Same bounds, so it always fits.
            let added = ours.add(theirs);
            debug_assert!(added.is_ok());
        }
        self.held.add(&other.held);
        self.kept.add(&other.kept);
        self.caller.add(&other.caller);
        self.incoming += other.incoming;
        self.acknowledged += other.acknowledged;
        self.callee_ended += other.callee_ended;
        merge(&mut self.callee_failures, &other.callee_failures);
        self.callee_open += other.callee_open;
        self.callee.add(&other.callee);
        self.traffic.add(&other.traffic);
        self.idle += other.idle;
        for (kind, count) in &other.withheld {
            *self.withheld.entry(kind.clone()).or_default() += count;
        }
        self.seconds.add(&other.seconds);
        self.offered_until = self.offered_until.max(other.offered_until);
        self.answered_meanwhile += other.answered_meanwhile;
        self.succeeded_meanwhile += other.succeeded_meanwhile;
        self.receive_buffer = match (self.receive_buffer, other.receive_buffer) {
            (0, other) => other,
            (ours, other) => ours.min(other),
        };
    }
}

pub(super) fn merge<K: Ord + Copy>(ours: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (&key, &count) in theirs {
        *ours.entry(key).or_default() += count;
    }
}
