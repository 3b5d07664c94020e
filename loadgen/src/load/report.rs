//! What a run ends with: a table for people, JSON for records.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::observe::{self, CpuTime, Drops};
use super::plan::{Plan, Scenario};
use super::progress::time;
use super::tally::{Planned, Tally};
use super::verdict::Verdict;
use crate::phone::{CallState, Counters, Failure, Micros, Stage};

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
}

const QUANTILES: [(&str, f64); 6] = [
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
        times_table(&mut out, tally);
        if tally.incoming > 0 {
            answering_table(&mut out, tally);
        }
    }
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
    let _ = writeln!(out, "succeeded {} ({rate:.1}/s)", tally.succeeded);
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

fn times_table(out: &mut String, tally: &Tally) {
    let names: String = QUANTILES
        .iter()
        .map(|(name, _)| format!("{name:>11}"))
        .collect();
    let _ = writeln!(out, "{:<28}{names}", "times from the intended start");
    for (name, histogram) in times(tally) {
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
    let _ = writeln!(
        out,
        "dropped   by the kernel: {} at our sockets, {} at the target's, {} for full receive buffers anywhere, {} for full send buffers",
        drops.ours, drops.target, drops.receive_buffers, drops.send_buffers
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
    if plan.calls() {
        let busy = 100.0 * outcome.busy(plan);
        let _ = writeln!(
            out,
            "busy      {busy:.1} % of the generator's time was spent on calls"
        );
    }
}

pub(super) fn json(plan: &Plan, outcome: &Outcome, verdict: &Verdict) -> String {
    let tally = &outcome.tally;
    let calls = tally.ended() as f64;
    let cpu = |used: &CpuTime| {
        json!({
            "total_ns": used.total, "user_ns": used.user, "system_ns": used.system,
            "us_per_call": used.total as f64 / 1e3 / calls,
            "user_us_per_call": used.user as f64 / 1e3 / calls,
            "system_us_per_call": used.system as f64 / 1e3 / calls,
            "resident_bytes": used.resident, "processes": used.processes, "threads": used.threads,
        })
    };
    let machine: BTreeMap<_, _> = observe::machine().into_iter().collect();
    let traffic = &tally.traffic;
    let value = json!({
        "format": 1,
        "command": plan.command,
        "machine": machine,
        "started_at_unix": outcome.started_at,
        "target": plan.target.to_string(),
        "rate": plan.whole_rate(),
        "seed": plan.seed,
        "elapsed_us": outcome.elapsed,
        "good": verdict.is_good(),
        "objections": verdict.objections,
        "remarks": verdict.remarks,
        "started": tally.started,
        "answered": tally.answered,
        "succeeded": tally.succeeded,
        "succeeded_per_second": outcome.success_rate(plan),
        "cancelled": tally.cancelled,
        "declined": tally.declined,
        "failed": tally.failed(),
        "by_plan": tally.by_plan.iter().map(|(planned, count)| (describe_planned(*planned), *count)).collect::<BTreeMap<_, _>>(),
        "refreshed": tally.refreshed,
        "refresh_failures": tally.refresh_failures.iter().map(|(failure, count)| (describe(*failure), *count)).collect::<BTreeMap<_, _>>(),
        "parts": tally.parts.iter().map(|part| json!({
            "name": part.name, "started": part.started, "succeeded": part.succeeded, "by_plan": part.by_plan,
            "failed": part.failed, "lost": part.lost(), "time_us": quantiles(&part.time),
        })).collect::<Vec<_>>(),
        "causes": causes(tally).into_iter().collect::<BTreeMap<_, _>>(),
        "reinvites": tally.reinvites.iter().map(|(status, count)| (status.to_string(), *count)).collect::<BTreeMap<_, _>>(),
        "forked": tally.forked,
        "times_us": times(tally).into_iter().map(|(name, histogram)| (name.to_owned(), quantiles(histogram))).collect::<BTreeMap<_, _>>(),
        "answering": {
            "incoming": tally.incoming, "acknowledged": tally.acknowledged,
            "unacknowledged": tally.unacknowledged(),
            "ended": tally.callee_ended, "open": tally.callee_open,
            "failures": tally.callee_failures.iter().map(|(failure, count)| (describe(*failure), *count)).collect::<BTreeMap<_, _>>(),
        },
        "caller": counters(&tally.caller),
        "callee": counters(&tally.callee),
        "retransmissions": tally.caller.repeated() + tally.callee.repeated(),
        "datagrams": {
            "sent": traffic.sent, "received": traffic.received, "send_calls": traffic.send_calls,
            "receive_calls": traffic.receive_calls, "waits": traffic.waits, "unsent": traffic.unsent,
            "unreachable": traffic.unreachable, "receive_buffer_bytes": tally.receive_buffer,
        },
        "withheld": tally.withheld,
        "drops": {
            "ours": outcome.drops.ours, "target": outcome.drops.target,
            "receive_buffers": outcome.drops.receive_buffers, "send_buffers": outcome.drops.send_buffers,
        },
        "generator_cpu": cpu(&outcome.generator),
        "generator_busy": outcome.busy(plan),
        "server_cpu": outcome.server.as_ref().map_or(Value::Null, cpu),
        "seconds": tally.seconds,
    });
    format!("{value:#}\n")
}

fn times(tally: &Tally) -> [(&'static str, &Histogram<u64>); 5] {
    [
        ("post-dial delay (18x)", &tally.post_dial),
        ("setup (200)", &tally.setup),
        ("BYE to its response", &tally.hang_up),
        ("response", &tally.response),
        ("start too late by", &tally.lateness),
    ]
}

fn quantiles(histogram: &Histogram<u64>) -> Value {
    let mut value = json!({ "count": histogram.len(), "mean": histogram.mean() });
    for (name, quantile) in QUANTILES {
        value[name] = json!(histogram.value_at_quantile(quantile));
    }
    // The whole of it: upper bound and count of each bucket that is not empty.
    let buckets = histogram
        .iter_recorded()
        .map(|step| json!([step.value_iterated_to(), step.count_since_last_iteration()]));
    value["buckets"] = Value::Array(buckets.collect());
    value
}

fn counters(counters: &Counters) -> Value {
    json!({
        "requests_sent": counters.requests_sent, "responses_sent": counters.responses_sent,
        "requests_received": counters.requests_received, "responses_received": counters.responses_received,
        "invites_repeated": counters.invites_repeated, "byes_repeated": counters.byes_repeated,
        "others_repeated": counters.others_repeated, "responses_repeated": counters.responses_repeated,
        "requests_absorbed": counters.requests_absorbed, "responses_absorbed": counters.responses_absorbed,
        "strays": counters.strays, "malformed": counters.malformed,
    })
}

/// Why calls failed, and how many of each.
fn causes(tally: &Tally) -> Vec<(String, u64)> {
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

fn describe_planned(planned: Planned) -> String {
    match planned {
        Planned::GaveUp => "given up by the caller while it rang".to_owned(),
        Planned::Unanswered => "not answered in time, given up".to_owned(),
        Planned::Rejected(status) => format!("rejected with {status}, as expected"),
    }
}

fn describe(failure: Failure) -> String {
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
