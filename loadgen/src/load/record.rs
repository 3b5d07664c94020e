//! What a run leaves for later: JSON, complete enough that every table and chart is drawn from it alone.
//!
//! What was not measured is `null`. A new name may appear at any time; a name that changes its meaning makes a new
//! [`FORMAT`].

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde_json::{Value, json};

use super::connections;
use super::held;
use super::metrics;
use super::observe::{self, CpuTime};
use super::plan::Plan;
use super::report::{Outcome, QUANTILES, causes, describe, describe_planned, kinds_of_times};
use super::series::{Sample, Second, Series};
use super::verdict::Verdict;
use crate::phone::{Counters, Failure};

/// The version of records. 2: `series` and `samples` instead of `seconds`, `hdr` instead of `buckets`; what was not measured is `null`.
pub(super) const FORMAT: u64 = 2;

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
    let machine = machine();
    let traffic = &tally.traffic;
    let mut value = json!({
        "format": FORMAT,
        "command": plan.command,
        "scenario": format!("{:?}", plan.scenario).to_lowercase(),
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
        "offered_for_us": tally.offered_for(),
        "goodput_per_second": outcome.goodput(),
        "answered_per_second": outcome.answer_rate(),
        "cancelled": tally.cancelled,
        "declined": tally.declined,
        "failed": tally.failed(),
        "by_plan": tally.by_plan.iter().map(|(planned, count)| (describe_planned(*planned), *count)).collect::<BTreeMap<_, _>>(),
        "refreshed": tally.refreshed,
        "refresh_failures": tally.refresh_failures.iter().map(|(failure, count)| (describe(*failure), *count)).collect::<BTreeMap<_, _>>(),
        "parts": tally.parts.iter().map(|part| json!({
            "name": part.name, "started": part.started, "succeeded": part.succeeded, "by_plan": part.by_plan,
            "failed": part.failed, "lost": part.lost(), "time_us": times(&part.time),
        })).collect::<Vec<_>>(),
    });
    let account = json!({
        "causes": causes(tally).into_iter().collect::<BTreeMap<_, _>>(),
        "reinvites": tally.reinvites.iter().map(|(status, count)| (status.to_string(), *count)).collect::<BTreeMap<_, _>>(),
        "forked": tally.forked,
        "times_us": kinds_of_times(tally).into_iter().map(|(name, histogram)| (name.to_owned(), times(histogram))).collect::<BTreeMap<_, _>>(),
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
    });
    let measured = json!({
        "withheld": tally.withheld,
        "drops": {
            "ours": outcome.drops.ours, "target": outcome.drops.target,
            "receive_buffers": outcome.drops.receive_buffers, "send_buffers": outcome.drops.send_buffers,
        },
        "generator_cpu": cpu(&outcome.generator),
        "generator_busy": outcome.busy(plan),
        "server_cpu": outcome.server.as_ref().map_or(Value::Null, cpu),
        "server_memory_mib_per_minute": { "all": outcome.memory_slope()[0], "second_half": outcome.memory_slope()[1] },
        "held": held::json(tally),
        "connections": connections::json(tally),
        "rfc6076": metrics::rfc6076(outcome),
        "rfc7501": metrics::rfc7501(plan, outcome),
        "traces": tally.traces.json(tally.began),
        "server_counters": outcome.counted,
        "series": series(&tally.seconds),
        "samples": samples(&outcome.samples, outcome),
    });
    for more in [account, measured] {
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
    }
    format!("{value:#}\n")
}

/// Of what has no run that counts: who was asked, and where.
pub(super) fn empty(plan: &Plan) -> Value {
    json!({ "format": FORMAT, "command": plan.command, "machine": machine() })
}

fn machine() -> BTreeMap<&'static str, String> {
    observe::machine().into_iter().collect()
}

/// Times of one kind: quantiles, and all of it as HdrHistogram V2 (deflated, base64), by which runs are added up.
pub(super) fn times(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return json!({ "count": 0 });
    }
    let mut value =
        json!({ "count": histogram.len(), "mean": histogram.mean(), "min": histogram.min() });
    for (name, quantile) in QUANTILES {
        value[name] = json!(histogram.value_at_quantile(quantile));
    }
    let mut bytes = Vec::new();
    let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    value["hdr"] = match written {
        Ok(_) => json!(STANDARD.encode(&bytes)),
        Err(_) => unreachable!("memory takes everything"),
    };
    value
}

/// What [`times`] wrote.
pub(super) fn histogram(value: &Value) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(value["hdr"].as_str()?).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
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

/// Columns by name; the n-th value of each belongs to the n-th stretch of `every_s` seconds. Causes name their stretches.
fn series(series: &Series<Second>) -> Value {
    let column = |of: fn(&Second) -> u64| series.rows().iter().map(of).collect::<Vec<_>>();
    let delay = |quantile: f64| {
        let values = series.rows().iter().map(|row| {
            let delay = row.delay.as_ref()?;
            Some(delay.value_at_quantile(quantile))
        });
        values.collect::<Vec<_>>()
    };
    let mut causes: BTreeMap<Failure, Vec<[u64; 2]>> = BTreeMap::new();
    for (at, row) in series.rows().iter().enumerate() {
        for (&failure, &count) in &row.causes {
            causes.entry(failure).or_default().push([at as u64, count]);
        }
    }
    let causes: BTreeMap<_, _> = causes
        .into_iter()
        .map(|(failure, rows)| (describe(failure), rows))
        .collect();
    json!({
        "every_s": series.every(),
        "offered": column(|row| row.offered),
        "started": column(|row| row.started),
        "answered": column(|row| row.answered),
        "succeeded": column(|row| row.succeeded),
        "by_plan": column(|row| row.by_plan),
        "failed": column(|row| row.failed),
        "causes": causes,
        "repeated_by_us": column(|row| row.repeated),
        "repeated_by_the_peer": column(|row| row.absorbed),
        "delay_p50_us": delay(0.5),
        "delay_p99_us": delay(0.99),
    })
}

/// The same of what was read of kernel and processes. Shares are of one core.
fn samples(series: &Series<Sample>, outcome: &Outcome) -> Value {
    let rows = series.rows();
    let column = |of: &dyn Fn(&Sample) -> Option<f64>| rows.iter().map(of).collect::<Vec<_>>();
    let share =
        |nanos: u64, row: &Sample| (row.took > 0).then(|| nanos as f64 / 1e3 / row.took as f64);
    let server = outcome.server.is_some();
    let count = |count: u64| Some(count as f64);
    json!({
        "every_s": series.every(),
        "took_us": column(&|row| count(row.took)),
        "server_cores": column(&|row| share(row.server, row).filter(|_| server)),
        "generator_cores": column(&|row| share(row.generator, row)),
        "server_resident_bytes": column(&|row| count(row.resident).filter(|_| server)),
        "dropped_ours": column(&|row| count(row.ours)),
        "dropped_target": column(&|row| count(row.target).filter(|_| outcome.drops.target.is_some())),
        "dropped_anywhere": column(&|row| count(row.machine)),
    })
}
