//! Whether a run went as planned, and if not, why.

use super::held;
use super::plan::Plan;
use super::report::Outcome;
use super::tally::Tally;

/// Busier than this, and the generator may be what limits.
const BUSY: f64 = 0.85;

/// Of answered calls, one in so many may end before its ACK arrives: a server with several processes lets
/// a BYE overtake it.
const OVERTAKEN: u64 = 100;

/// The reasons against a run. None: it was good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) objections: Vec<String>,
    /// What does not fail the run but has to be known when its figures are read.
    pub(super) remarks: Vec<String>,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.objections.is_empty()
    }
}

pub(super) fn judge(plan: &Plan, outcome: &Outcome) -> Verdict {
    let tally = &outcome.tally;
    let mut verdict = Verdict::default();
    let failed = tally.failed();
    if failed > plan.max_failed {
        verdict.objections.push(format!(
            "{failed} of {} failed, {} were allowed",
            tally.started, plan.max_failed
        ));
    }
    let failed = tally.unrefreshed();
    if failed > plan.max_failed {
        verdict.objections.push(format!(
            "{failed} registrations were lost when they were refreshed, {} were allowed",
            plan.max_failed
        ));
    }
    let failed = tally.callee_failed();
    if failed > plan.max_failed && plan.is_active() {
        verdict.objections.push(format!(
            "{failed} calls failed on the answering side, {} were allowed",
            plan.max_failed
        ));
    }
    let unacknowledged = tally.unacknowledged();
    if unacknowledged > plan.max_failed.max(tally.answered / OVERTAKEN) {
        verdict.objections.push(format!(
            "{unacknowledged} of {} answered calls were never acknowledged on the answering side",
            tally.answered
        ));
    } else if unacknowledged > 0 {
        verdict.remarks.push(format!(
            "{unacknowledged} calls were hung up before their ACK arrived"
        ));
    }
    if !tally.adds_up() {
        verdict
            .objections
            .push("the account does not add up: a bug of the generator".to_owned());
    }
    verdict.objections.extend(held::objection(plan, tally));
    if tally.started == 0 && plan.is_active() {
        verdict.objections.push("nothing was started".to_owned());
    }
    if outcome.interrupted && plan.is_active() {
        verdict.objections.push("interrupted".to_owned());
    }
    if let Some(target) = plan.target_cps {
        let reached = outcome.success_rate(plan);
        // Even arrivals end a fraction of a call early.
        if reached < target * 0.995 {
            verdict.objections.push(format!(
                "{reached:.0} per second succeeded, the target is {target:.0}"
            ));
            let limits = limits(plan, outcome).into_iter();
            verdict
                .remarks
                .extend(limits.map(|limit| format!("limit: {limit}")));
        }
    }
    let late = tally.lateness.value_at_quantile(0.99);
    if late > plan.max_late {
        let [late, allowed] = [late, plan.max_late].map(super::progress::time);
        verdict.objections.push(format!(
            "one start in a hundred was {late} late, {allowed} is allowed: the generator is at its limit and measured itself"
        ));
    }
    let busy = outcome.busy(plan);
    if busy > BUSY && plan.calls() {
        let busy = 100.0 * busy;
        verdict.remarks.push(format!(
            "the generator was {busy:.0} % busy: it may be what limits"
        ));
    }
    if outcome.drops.ours > 0 {
        let dropped = outcome.drops.ours;
        verdict.remarks.push(format!(
            "{dropped} datagrams were dropped at the generator's own sockets"
        ));
    }
    if tally.traffic.unsent > 0 {
        verdict.remarks.push(format!(
            "{} datagrams could not be sent",
            tally.traffic.unsent
        ));
    }
    if tally.traffic.unreachable > 0 {
        let count = tally.traffic.unreachable;
        verdict.remarks.push(format!(
            "{count} times the kernel reported that nobody listens at the target"
        ));
    }
    if tally.callee_open > 0 && plan.is_active() {
        verdict.remarks.push(format!(
            "{} calls are still open on the answering side",
            tally.callee_open
        ));
    }
    verdict
}

/// Of what the generator sends in a run that is held, one datagram in so many may be a repetition.
const REPEATED: u64 = 1_000;

/// What stands against a rate beyond what stands against a run: losses that timers mended.
pub(super) fn not_held(tally: &Tally) -> Vec<String> {
    let mut objections = Vec::new();
    let (repeated, sent) = repetitions(tally);
    if repeated > sent / REPEATED {
        objections.push(format!(
            "{repeated} of {sent} datagrams were repetitions, one in {REPEATED} is allowed"
        ));
    }
    objections
}

/// What the generator sent again, and all that it sent.
fn repetitions(tally: &Tally) -> (u64, u64) {
    let repeated = tally.caller.repeated() + tally.callee.repeated();
    (repeated, tally.traffic.sent)
}

/// A server that uses this share of a core is full.
const FULL: f64 = 0.95;

/// What stood in the way of more: everything that shows, the generator's own part first.
pub(super) fn limits(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let tally = &outcome.tally;
    let mut limits = Vec::new();
    let busy = outcome.busy(plan);
    let late = tally.lateness.value_at_quantile(0.99);
    if busy > BUSY || late > plan.max_late {
        limits.push(format!(
            "the generator: {:.0} % busy, one start in a hundred {} late or more",
            100.0 * busy,
            super::progress::time(late)
        ));
    }
    if outcome.drops.ours > 0 {
        limits.push(format!(
            "the generator: {} datagrams dropped at its sockets",
            outcome.drops.ours
        ));
    }
    if tally.traffic.unsent > 0 {
        limits.push(format!(
            "the kernel would not take {} datagrams",
            tally.traffic.unsent
        ));
    }
    let cores = outcome
        .server
        .as_ref()
        .map(|used| used.total as f64 / 1e3 / outcome.elapsed.max(1) as f64);
    if let Some(cores) = cores.filter(|&cores| cores > FULL) {
        limits.push(format!("the server used {cores:.2} cores"));
    }
    if let Some(dropped) = outcome.drops.target.filter(|&dropped| dropped > 0) {
        limits.push(format!(
            "the server read too slowly: {dropped} datagrams dropped at its sockets"
        ));
    }
    let elsewhere = outcome.drops.receive_buffers;
    if elsewhere > 0 && outcome.drops.target.is_none_or(|dropped| dropped == 0) {
        limits.push(format!(
            "{elsewhere} datagrams were dropped for full receive buffers on this machine"
        ));
    }
    if tally.failed() > 0 {
        limits.push(format!("{} calls failed", tally.failed()));
    }
    let (repeated, _) = repetitions(tally);
    if limits.is_empty() && repeated > 0 {
        limits.push("nothing but the repetitions shows: nobody was full or late".to_owned());
    }
    if limits.is_empty() {
        limits.push("nothing shows: nobody was full, late or lost anything".to_owned());
    }
    limits
}
