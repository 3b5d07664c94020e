//! What a run ends with, and its table for people. The JSON of it is in `record.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::connections;
use super::held;
use super::observe::{CpuTime, Drops};
use super::plan::{Plan, Scenario};
use super::progress::time;
use super::series::{Sample, Series, slope};
use super::tally::{Planned, Tally};
use super::verdict::Verdict;
use crate::phone::{CallState, Failure, Micros, Stage};

/// Everything a run brought.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// From the first intended start to the last outcome.
    pub(super) elapsed: Micros,
    /// Seconds since 1970.
    pub(super) started_at: u64,
    pub(super) server: Option<CpuTime>,
    pub(super) generator: CpuTime,
    pub(super) drops: Drops,
    /// What was read of kernel and processes every second.
    pub(super) samples: Series<Sample>,
    /// What the server counted itself, where it changed: before and after.
    pub(super) counted: BTreeMap<String, [f64; 2]>,
    pub(super) interrupted: bool,
}

impl Outcome {
    /// The share of its threads' time that the generator spent on calls. It looks rather than sleeps while the next
    /// start is near, so its CPU time alone does not say how much room it has.
    pub(super) fn busy(&self, plan: &Plan) -> f64 {
        let time = self.elapsed.max(1) as f64 * plan.threads as f64;
        let used = self.generator.total as f64 / 1e3;
        (used.min(time - self.tally.idle as f64) / time).max(0.0)
    }

    /// Successes per second of starting: as planned, or as long as it took a generator that was late.
    pub(super) fn success_rate(&self, plan: &Plan) -> f64 {
        let by_calls = self.tally.started as f64 / plan.whole_rate();
        let planned = by_calls.min(plan.shape().at_full_rate(plan.duration));
        let took = self.tally.last_start.saturating_sub(self.tally.began);
        let took = plan.shape().at_full_rate(took);
        self.tally.succeeded as f64 / planned.max(took).max(0.001)
    }

    /// Successes per second while calls were offered: what overload leaves. A call that is held for long
    /// succeeds after that, and does not count.
    pub(super) fn goodput(&self) -> f64 {
        self.meanwhile(self.tally.succeeded_meanwhile)
    }

    /// Answers per second while calls were offered.
    pub(super) fn answer_rate(&self) -> f64 {
        self.meanwhile(self.tally.answered_meanwhile)
    }

    fn meanwhile(&self, count: u64) -> f64 {
        count as f64 / (self.tally.offered_for() as f64 / 1e6).max(0.001)
    }

    /// How the server's resident memory grew while calls were offered, MiB a minute: all the time, and in its
    /// second half, when what fills once is full. `None` without a server's process, or too short.
    pub(super) fn memory_slope(&self) -> [Option<f64>; 2] {
        let every = self.samples.every() as f64;
        let window = self.tally.offered_for() as f64 / 1e6;
        let rows = self.samples.rows().iter().enumerate();
        let points: Vec<(f64, f64)> = rows
            .map(|(at, row)| ((at as f64 + 1.0) * every, row.resident as f64))
            .filter(|&(at, resident)| at <= window && resident > 0.0)
            .collect();
        let half = points.partition_point(|point| point.0 <= window / 2.0);
        let per_minute = |points| Some(slope(points)? * 60.0 / f64::from(1 << 20));
        [per_minute(&points), per_minute(&points[half..])]
    }
}

pub(super) const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

pub(super) fn table(plan: &Plan, outcome: &Outcome, verdict: &Verdict) -> String {
    let mut out = String::new();
    let tally = &outcome.tally;
    if plan.scenario == Scenario::Uas {
        answering_table(&mut out, tally);
    } else if plan.is_active() {
        calling_table(&mut out, plan, outcome);
        parts_table(&mut out, tally);
        ratios_table(&mut out, tally);
        times_table(&mut out, tally);
        if tally.incoming > 0 {
            answering_table(&mut out, tally);
        }
    }
    held::line(&mut out, tally);
    connections::line(&mut out, tally);
    traffic_table(&mut out, plan, outcome);
    for remark in &verdict.remarks {
        let _ = writeln!(out, "note      {remark}");
    }
    for objection in &verdict.objections {
        let _ = writeln!(out, "FAILED    {objection}");
    }
    if verdict.is_good() && plan.is_active() {
        let _ = writeln!(out, "passed");
    }
    out
}

fn calling_table(out: &mut String, plan: &Plan, outcome: &Outcome) {
    let tally = &outcome.tally;
    let (seconds, rate) = (outcome.elapsed as f64 / 1e6, outcome.success_rate(plan));
    let _ = writeln!(
        out,
        "started   {} in {seconds:.1} s at {:.0}/s, to {}",
        tally.started,
        plan.whole_rate(),
        plan.target
    );
    let _ = writeln!(
        out,
        "succeeded {} ({rate:.1}/s; goodput {:.1}/s while calls were offered)",
        tally.succeeded,
        outcome.goodput()
    );
    if tally.cancelled > 0 {
        let _ = writeln!(out, "cancelled {} by plan", tally.cancelled);
    }
    if tally.declined > 0 {
        let _ = writeln!(out, "rejected  {} by plan", tally.declined);
    }
    for (planned, count) in &tally.by_plan {
        let _ = writeln!(out, "          {count:>8}  {}", describe_planned(*planned));
    }
    if tally.refreshed > 0 || tally.unrefreshed() > 0 {
        let _ = writeln!(
            out,
            "refreshed {} registrations, {} were lost",
            tally.refreshed,
            tally.unrefreshed()
        );
        for (failure, count) in &tally.refresh_failures {
            let _ = writeln!(out, "          {count:>8}  {}", describe(*failure));
        }
    }
    let _ = writeln!(out, "failed    {}", tally.failed());
    for (cause, count) in causes(tally) {
        let _ = writeln!(out, "          {count:>8}  {cause}");
    }
    for (status, count) in &tally.reinvites {
        let _ = writeln!(out, "re-INVITE {count} answered {status}");
    }
    if tally.forked > 0 {
        let _ = writeln!(
            out,
            "forked    {} further answers, acknowledged and hung up",
            tally.forked
        );
    }
}

/// The parts of a mix, one by one.
fn parts_table(out: &mut String, tally: &Tally) {
    if tally.parts.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>11}{:>11}",
        "part", "started", "succeeded", "by plan", "failed", "lost", "p50", "p99"
    );
    for part in &tally.parts {
        let [median, tail] =
            [0.5, 0.99].map(|quantile| time(part.time.value_at_quantile(quantile)));
        let _ = writeln!(
            out,
            "  {:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{median:>11}{tail:>11}",
            part.name,
            part.started,
            part.succeeded,
            part.by_plan,
            part.failed,
            part.lost()
        );
    }
}

/// The ratios of RFC 6076, where there is something to divide.
fn ratios_table(out: &mut String, tally: &Tally) {
    let (sessions, registrations) = (&tally.sessions, &tally.registrations);
    let ratios = [
        ("SER", sessions.establishment_ratio()),
        ("SEER", sessions.effectiveness_ratio()),
        ("SCR", sessions.completion_ratio()),
        ("ISA", sessions.ineffective()),
        ("IRA", registrations.ineffective_registrations()),
    ];
    let told: Vec<String> = ratios
        .iter()
        .filter_map(|(name, ratio)| Some(format!("{name} {:.3} %", (*ratio)?)))
        .collect();
    if !told.is_empty() {
        let _ = writeln!(out, "RFC 6076  {}", told.join(", "));
    }
}

fn times_table(out: &mut String, tally: &Tally) {
    let names: String = QUANTILES
        .iter()
        .map(|(name, _)| format!("{name:>11}"))
        .collect();
    let _ = writeln!(out, "{:<28}{names}", "times from the intended start");
    for (name, histogram) in kinds_of_times(tally) {
        if histogram.is_empty() {
            continue;
        }
        let values = QUANTILES
            .iter()
            .map(|&(_, quantile)| time(histogram.value_at_quantile(quantile)));
        let values: String = values.map(|value| format!("{value:>11}")).collect();
        let _ = writeln!(out, "  {name:<27}{values}");
    }
}

fn answering_table(out: &mut String, tally: &Tally) {
    let _ = writeln!(
        out,
        "answering {} calls came in, {} acknowledged, {} ended, {} open",
        tally.incoming, tally.acknowledged, tally.callee_ended, tally.callee_open
    );
    for (failure, count) in &tally.callee_failures {
        let _ = writeln!(out, "          {count:>8}  {}", describe(*failure));
    }
}

fn traffic_table(out: &mut String, plan: &Plan, outcome: &Outcome) {
    let tally = &outcome.tally;
    let traffic = &tally.traffic;
    let (per_send, per_receive) = (
        traffic.sent as f64 / traffic.send_calls.max(1) as f64,
        traffic.received as f64 / traffic.receive_calls.max(1) as f64,
    );
    let _ = writeln!(
        out,
        "datagrams {} sent ({per_send:.1} a call of the kernel), {} received ({per_receive:.1})",
        traffic.sent, traffic.received
    );
    let ours = tally.caller.repeated() + tally.callee.repeated();
    let _ = writeln!(
        out,
        "repeated  by us: {} INVITE, {} BYE, {} other requests, {} responses ({:.4} % of sent); by the peer: {} requests, {} responses",
        tally.caller.invites_repeated + tally.callee.invites_repeated,
        tally.caller.byes_repeated + tally.callee.byes_repeated,
        tally.caller.others_repeated + tally.callee.others_repeated,
        tally.caller.responses_repeated + tally.callee.responses_repeated,
        100.0 * ours as f64 / traffic.sent.max(1) as f64,
        tally.caller.requests_absorbed + tally.callee.requests_absorbed,
        tally.caller.responses_absorbed + tally.callee.responses_absorbed,
    );
    let _ = writeln!(
        out,
        "strange   {} belong to nothing, {} malformed",
        tally.caller.strays + tally.callee.strays,
        tally.caller.malformed + tally.callee.malformed
    );
    for (kind, count) in &tally.withheld {
        let _ = writeln!(out, "withheld  {count} {kind}, as --drop-every says");
    }
    let drops = &outcome.drops;
    let target = match drops.target {
        Some(dropped) => format!("{dropped} at the target's"),
        None => "those at the target's cannot be seen".to_owned(),
    };
    let _ = writeln!(
        out,
        "dropped   by the kernel: {} at our sockets, {target}, {} for full receive buffers anywhere, {} for full send buffers",
        drops.ours, drops.receive_buffers, drops.send_buffers
    );
    let (calls, unit) = match tally.started + tally.incoming {
        0 => (traffic.received.max(1), "datagram"),
        _ => (tally.ended(), "call"),
    };
    let mut cpu = |name: &str, used: &CpuTime| {
        let per_call = |nanos: u64| nanos as f64 / 1e3 / calls as f64;
        let _ = writeln!(
            out,
            "{name} {:.2} us a {unit} ({:.2} user, {:.2} system), {:.1} % of a core, {:.1} MiB resident",
            per_call(used.total),
            per_call(used.user),
            per_call(used.system),
            used.total as f64 / 10.0 / outcome.elapsed.max(1) as f64,
            used.resident as f64 / (1 << 20) as f64,
        );
    };
    cpu("generator", &outcome.generator);
    if let Some(server) = &outcome.server {
        cpu("server   ", server);
    }
    if let [Some(all), Some(late)] = outcome.memory_slope() {
        let _ = writeln!(
            out,
            "memory    of the server grew by {all:.2} MiB a minute, in the second half by {late:.2}"
        );
    }
    if plan.calls() {
        let busy = 100.0 * outcome.busy(plan);
        let _ = writeln!(
            out,
            "busy      {busy:.1} % of the generator's time was spent on calls"
        );
    }
}

pub(super) fn kinds_of_times(tally: &Tally) -> [(&'static str, &Histogram<u64>); 5] {
    [
        ("post-dial delay (18x)", &tally.post_dial),
        ("setup (200)", &tally.setup),
        ("BYE to its response", &tally.hang_up),
        ("response", &tally.response),
        ("start too late by", &tally.lateness),
    ]
}

/// Why calls failed, and how many of each.
pub(super) fn causes(tally: &Tally) -> Vec<(String, u64)> {
    let mut causes: Vec<_> = tally
        .failures
        .iter()
        .map(|(failure, count)| (describe(*failure), *count))
        .collect();
    causes.extend(
        tally
            .lost
            .iter()
            .map(|(state, count)| (format!("lost: {}", whereabouts(*state)), *count)),
    );
    causes.extend(
        tally
            .named
            .iter()
            .map(|(cause, count)| (cause.clone(), *count)),
    );
    if tally.lost_others > 0 {
        causes.push((
            "lost: no response when the run ended".to_owned(),
            tally.lost_others,
        ));
    }
    if tally.refused > 0 {
        causes.push((
            "not started: the generator had no room or no address".to_owned(),
            tally.refused,
        ));
    }
    causes
}

pub(super) fn describe_planned(planned: Planned) -> String {
    match planned {
        Planned::GaveUp => "given up by the caller while it rang".to_owned(),
        Planned::Unanswered => "not answered in time, given up".to_owned(),
        Planned::Rejected(status) => format!("rejected with {status}, as expected"),
    }
}

pub(super) fn describe(failure: Failure) -> String {
    match failure {
        Failure::Rejected(status) => format!("rejected with {status}"),
        Failure::ByeRejected(status) => format!("BYE rejected with {status}"),
        Failure::Challenged(status) => {
            format!("challenged with {status}, credentials missing or refused")
        }
        Failure::NoAck => "no ACK to the 200 in 32 s".to_owned(),
        Failure::Unusable => "answered with a 200 that makes no dialog".to_owned(),
        Failure::Timeout(Stage::Calling) => "no response to INVITE in 32 s".to_owned(),
        Failure::Timeout(Stage::Cancelling) => "no final response to a cancelled INVITE".to_owned(),
        Failure::Timeout(Stage::Bye) => "no response to BYE in 32 s".to_owned(),
        Failure::Timeout(Stage::Request) => "no response in 32 s".to_owned(),
    }
}

fn whereabouts(state: CallState) -> &'static str {
    match state {
        CallState::Calling => "nothing but 100 when the run ended",
        CallState::Ringing => "ringing when the run ended",
        CallState::Answered => "answered, not acknowledged when the run ended",
        CallState::Established => "talking when the run ended",
        CallState::Ending => "waiting for the response to BYE when the run ended",
    }
}
