//! The ratios of RFC 6076 and the rates of RFC 7501, from what became of every attempt.
//!
//! An attempt is one call or one registration, however many requests a challenge makes of it: what RFC 6076 takes out
//! for 401 and 407 is never in. What has no response when the run ends was requested all the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::plan::Plan;
use super::record::times;
use super::report::Outcome;
use super::tally::merge;
use crate::phone::{Failure, Stage, What};

/// What an attempt asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Session,
    Registration,
    /// Neither: OPTIONS, MESSAGE.
    Request,
}

/// What became of sessions or registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempts {
    pub(super) requests: u64,
    /// Answered with a 2xx.
    pub(super) established: u64,
    /// Established and ended as they should.
    pub(super) completed: u64,
    /// Final responses but 2xx.
    pub(super) rejected: BTreeMap<u16, u64>,
    /// No final response in time.
    pub(super) timeouts: u64,
    /// Established, and nobody answered the BYE.
    pub(super) unanswered_byes: u64,
}

impl Attempts {
    /// A notice of the calling side.
    pub(super) fn hear(&mut self, what: What) {
        match what {
            What::Answered | What::Registered(_) => self.established += 1,
            What::Ended { .. } => self.completed += 1,
            What::Failed(Failure::Rejected(status) | Failure::Challenged(status)) => {
                *self.rejected.entry(status).or_default() += 1;
            }
            What::Failed(Failure::Timeout(Stage::Bye)) => self.unanswered_byes += 1,
            What::Failed(Failure::Timeout(_)) => self.timeouts += 1,
            // It was never sent.
            What::Refused => self.requests = self.requests.saturating_sub(1),
            _ => {}
        }
    }

    pub(super) fn add(&mut self, other: &Attempts) {
        self.requests += other.requests;
        self.established += other.established;
        self.completed += other.completed;
        merge(&mut self.rejected, &other.rejected);
        self.timeouts += other.timeouts;
        self.unanswered_byes += other.unanswered_byes;
    }

    fn rejected_with(&self, which: impl Fn(u16) -> bool) -> u64 {
        let which = self.rejected.iter().filter(|(status, _)| which(**status));
        which.map(|(_, count)| count).sum()
    }

    /// §4.6: established of those that were not redirected.
    pub(super) fn establishment_ratio(&self) -> Option<f64> {
        percent(self.established, self.not_redirected())
    }

    /// §4.7: the same, and what the called user decided counts as well.
    pub(super) fn effectiveness_ratio(&self) -> Option<f64> {
        let decided = self.rejected_with(|status| matches!(status, 480 | 486 | 600 | 603));
        percent(self.established + decided, self.not_redirected())
    }

    /// §4.8: failed for want of a server.
    pub(super) fn ineffective(&self) -> Option<f64> {
        let ineffective = self.rejected_with(|status| matches!(status, 408 | 500 | 503 | 504));
        percent(ineffective + self.timeouts, self.requests)
    }

    /// §4.9: established, and ended without a missing response.
    pub(super) fn completion_ratio(&self) -> Option<f64> {
        percent(self.completed, self.requests)
    }

    /// §4.2: registrations that failed, a challenge apart.
    pub(super) fn ineffective_registrations(&self) -> Option<f64> {
        let failed =
            self.rejected_with(|status| status >= 400 && !matches!(status, 401 | 402 | 407));
        percent(failed + self.timeouts, self.requests)
    }

    fn not_redirected(&self) -> u64 {
        let redirected = self.rejected_with(|status| (300..400).contains(&status));
        self.requests.saturating_sub(redirected)
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// What a record says by the names of RFC 6076; `null` where there was nothing to measure.
pub(super) fn rfc6076(outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let (sessions, registrations) = (&tally.sessions, &tally.registrations);
    json!({
        "session_requests": sessions.requests,
        "SER_percent": sessions.establishment_ratio(),
        "SEER_percent": sessions.effectiveness_ratio(),
        "ISA_percent": sessions.ineffective(),
        "SCR_percent": sessions.completion_ratio(),
        "SRD_successful_us": times(&tally.indicated),
        "SRD_failed_us": times(&tally.indicated_failed),
        "SDD_successful_us": times(&tally.hang_up),
        "SDD_failed": (sessions.requests > 0).then_some(sessions.unanswered_byes),
        "register_requests": registrations.requests,
        "RRD_us": times(&tally.registered),
        "IRA_percent": registrations.ineffective_registrations(),
    })
}

/// What a record says by the terms of RFC 7501. Rates are per second while attempts were offered.
pub(super) fn rfc7501(plan: &Plan, outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let seconds = (tally.offered_for() as f64 / 1e6).max(0.001);
    let (sessions, registrations) = (&tally.sessions, &tally.registrations);
    let rate = |count: u64, of: u64| (of > 0).then(|| count as f64 / seconds);
    let failures = |attempts: &Attempts| {
        (attempts.requests > 0).then(|| attempts.requests.saturating_sub(attempts.established))
    };
    json!({
        "session_attempt_rate": rate(sessions.requests, sessions.requests),
        "session_establishment_rate": rate(tally.answered_meanwhile, sessions.requests),
        "session_attempt_failures": failures(sessions),
        "registration_rate": rate(registrations.established, registrations.requests),
        "registration_attempt_failures": failures(registrations),
        "establishment_threshold_time_us": plan.retransmit.then_some(THRESHOLD),
    })
}

/// Timers B and F: 64*T1, when an attempt without a final response is given up (RFC 3261 §17.1).
const THRESHOLD: u64 = 32_000_000;
