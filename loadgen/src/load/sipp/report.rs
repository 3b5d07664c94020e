//! What a run of a scenario ends with: the table of its steps, why calls failed, times; the same as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::super::observe::{self, CpuTime};
use super::super::progress::time;
use super::super::sockets::Traffic;
use super::options::Run;
use crate::phone::Micros;
use crate::sipp::program::{Kind, Optional, Program, Role};
use crate::sipp::tally::{Cause, Tally};

/// Everything a run brought.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) traffic: Traffic,
    pub(super) idle: Micros,
    pub(super) receive_buffer: usize,
    pub(super) elapsed: Micros,
    /// Seconds since 1970.
    pub(super) started_at: u64,
    pub(super) server: Option<CpuTime>,
    pub(super) generator: CpuTime,
    /// Datagrams that the kernel dropped because a socket of ours was full.
    pub(super) dropped: u64,
    pub(super) interrupted: bool,
}

const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

impl Outcome {
    /// Successes a second of starting, as planned or as long as a generator that was late took.
    fn success_rate(&self, run: &Run, program: &Program) -> f64 {
        let tally = &self.tally;
        let took = tally.last_start.saturating_sub(tally.began) as f64 / 1e6;
        let planned = match program.role {
            Role::Caller if run.settings.users == 0 => tally.started as f64 / run.rate,
            _ => self.elapsed as f64 / 1e6,
        };
        tally.succeeded as f64 / planned.max(took).max(0.001)
    }
}

/// Why the run was not good; empty when it was.
pub(super) fn objections(run: &Run, program: &Program, outcome: &Outcome) -> Vec<String> {
    let mut objections = Vec::new();
    let tally = &outcome.tally;
    if tally.failed() > run.max_failed {
        objections.push(format!(
            "{} calls failed, {} may",
            tally.failed(),
            run.max_failed
        ));
    }
    if tally.refused > 0 {
        objections.push(format!(
            "{} calls were not begun: the table is full",
            tally.refused
        ));
    }
    if program.role == Role::Caller && tally.started == 0 && !outcome.interrupted {
        objections.push("no call was started".to_owned());
    }
    let rate = outcome.success_rate(run, program);
    if let Some(target) = run.target_cps
        && rate < target * 0.999
    {
        objections.push(format!(
            "{rate:.1} calls per second succeeded, {target} were asked for"
        ));
    }
    objections
}

pub(super) fn table(
    run: &Run,
    program: &Program,
    outcome: &Outcome,
    objections: &[String],
) -> String {
    let mut out = String::new();
    let tally = &outcome.tally;
    steps_table(&mut out, program, tally);
    let seconds = outcome.elapsed as f64 / 1e6;
    let begun = match program.role {
        Role::Caller => "started  ",
        Role::Callee => "came in  ",
    };
    let _ = writeln!(
        out,
        "{begun} {} in {seconds:.1} s, {} open at once at most",
        tally.started, tally.open_max
    );
    let rate = outcome.success_rate(run, program);
    let _ = writeln!(out, "succeeded {} ({rate:.1}/s)", tally.succeeded);
    if tally.stopped > 0 {
        let _ = writeln!(out, "stopped   {} by the scenario", tally.stopped);
    }
    let _ = writeln!(out, "failed    {}", tally.failed());
    for (cause, count) in causes(program, tally) {
        let _ = writeln!(out, "          {count:>8}  {cause}");
    }
    times_table(&mut out, program, tally);
    repartitions(&mut out, program, tally);
    for (name, count) in program.counters.iter().zip(&tally.counters) {
        let _ = writeln!(out, "counter   {name}: {count}");
    }
    traffic_table(&mut out, outcome);
    for objection in objections {
        let _ = writeln!(out, "FAILED    {objection}");
    }
    if objections.is_empty() {
        let _ = writeln!(out, "passed");
    }
    out
}

fn steps_table(out: &mut String, program: &Program, tally: &Tally) {
    let _ = writeln!(
        out,
        "step line  {:<28}{:>10}{:>10}{:>10}{:>12}{:>8}",
        program.name.chars().take(27).collect::<String>(),
        "messages",
        "repeated",
        "timeouts",
        "unexpected",
        "lost"
    );
    for (place, (step, count)) in program.steps.iter().zip(&tally.steps).enumerate() {
        let arrow = match (&step.kind, program.role) {
            (Kind::Send(_), Role::Caller) | (Kind::Recv(_), Role::Callee) => "---->",
            (Kind::Recv(_), Role::Caller) | (Kind::Send(_), Role::Callee) => "<----",
            _ => "     ",
        };
        let optional = match &step.kind {
            Kind::Recv(recv) if recv.optional != Optional::No => " (optional)",
            _ => "",
        };
        let what = format!("{arrow} {}{optional}", program.shown(place));
        let or_blank = |number: u64| match number {
            0 => String::new(),
            number => number.to_string(),
        };
        let _ = writeln!(
            out,
            "{place:>4} {:>4}  {what:<28}{:>10}{:>10}{:>10}{:>12}{:>8}",
            step.line,
            count.messages,
            or_blank(count.repeated),
            or_blank(count.timeouts),
            or_blank(count.unexpected),
            or_blank(count.lost),
        );
        if step.gap {
            let _ = writeln!(out);
        }
    }
}

/// Why calls failed, by step.
fn causes(program: &Program, tally: &Tally) -> Vec<(String, u64)> {
    let mut causes: Vec<(String, u64)> = tally
        .failures
        .iter()
        .map(|(&(cause, step), &count)| {
            let place = step as usize;
            let line = program.steps.get(place).map_or(0, |step| step.line);
            let at = format!("step {step} ({}, line {line})", program.shown(place));
            let why = match cause {
                Cause::Unexpected => format!("an unexpected message came at {at}"),
                Cause::Timeout => format!("nothing came in time at {at}"),
                Cause::Retransmissions => format!("no answer to all retransmissions of {at}"),
                Cause::NotFound => format!("a regular expression did not match at {at}"),
                Cause::Found => format!("a regular expression matched that must not, at {at}"),
                Cause::Endless => format!("steps without end at {at}"),
                Cause::Astray => format!("a jump to no step, at {at}"),
                Cause::TooLong => format!("a message longer than a datagram at {at}"),
                Cause::Open => format!("lost: at {at} when the run ended"),
            };
            (why, count)
        })
        .collect();
    if tally.refused > 0 {
        causes.push((
            "not begun: the generator had no room".to_owned(),
            tally.refused,
        ));
    }
    causes
}

/// Names and times: the scenario's timers, how long calls took, how late they began.
fn times<'t>(program: &Program, tally: &'t Tally) -> Vec<(String, &'t Histogram<u64>)> {
    let timers = program.timers.iter().zip(&tally.responses);
    let mut times: Vec<_> = timers
        .map(|(name, times)| (format!("response time {name}"), times))
        .collect();
    times.push(("length of calls".to_owned(), &tally.lengths));
    times.push(("start too late by".to_owned(), &tally.lateness));
    times
}

fn times_table(out: &mut String, program: &Program, tally: &Tally) {
    let names: String = QUANTILES
        .iter()
        .map(|(name, _)| format!("{name:>11}"))
        .collect();
    let _ = writeln!(out, "{:<28}{names}", "times");
    for (name, histogram) in times(program, tally) {
        if histogram.is_empty() {
            continue;
        }
        let values = QUANTILES
            .iter()
            .map(|&(_, quantile)| time(histogram.value_at_quantile(quantile)));
        let values: String = values.map(|value| format!("{value:>11}")).collect();
        let _ = writeln!(out, "  {name:<26}{values}");
    }
}

/// What the scenario asked to have counted by bounds.
fn partitions<'t>(program: &'t Program, tally: &'t Tally) -> Vec<(String, Vec<(String, u64)>)> {
    let mut all = Vec::new();
    let timers = program.response_bounds.iter();
    let mut asked: Vec<(String, &Vec<u64>, &Histogram<u64>)> = timers
        .map(|(timer, bounds)| {
            let name = format!("response time {}", program.timers[*timer]);
            (name, bounds, &tally.responses[*timer])
        })
        .collect();
    if !program.length_bounds.is_empty() {
        let name = "length of calls".to_owned();
        asked.push((name, &program.length_bounds, &tally.lengths));
    }
    for (name, bounds, times) in asked {
        let (mut rows, mut below) = (Vec::new(), 0);
        for &bound in bounds {
            let upto = times.count_between(0, (bound * 1_000).saturating_sub(1));
            let upto = if bound == 0 { 0 } else { upto };
            rows.push((format!("< {bound} ms"), upto - below));
            below = upto;
        }
        let last = bounds.last().copied().unwrap_or(0);
        rows.push((format!(">= {last} ms"), times.len() - below));
        all.push((name, rows));
    }
    all
}

fn repartitions(out: &mut String, program: &Program, tally: &Tally) {
    for (name, rows) in partitions(program, tally) {
        if rows.iter().all(|(_, count)| *count == 0) {
            continue;
        }
        let rows: Vec<String> = rows
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(bound, count)| format!("{bound}: {count}"))
            .collect();
        let _ = writeln!(out, "{name}: {}", rows.join(", "));
    }
}

fn traffic_table(out: &mut String, outcome: &Outcome) {
    let (tally, traffic) = (&outcome.tally, &outcome.traffic);
    let _ = writeln!(
        out,
        "datagrams {} sent ({:.1} a call of the kernel), {} received ({:.1})",
        traffic.sent,
        traffic.sent as f64 / traffic.send_calls.max(1) as f64,
        traffic.received,
        traffic.received as f64 / traffic.receive_calls.max(1) as f64,
    );
    let _ = writeln!(
        out,
        "beside    {} late, {} of no call, {} malformed; {} answered and {} sent to leave calls in order",
        tally.late, tally.strays, tally.malformed, tally.answered, tally.tidied
    );
    if tally.warnings > 0 || tally.log_lost > 0 {
        let _ = writeln!(
            out,
            "scenario  {} warnings; {} lines of its log had no room",
            tally.warnings, tally.log_lost
        );
    }
    let _ = writeln!(
        out,
        "dropped   by the kernel at our sockets: {}; {} nobody listened for, {} not sent",
        outcome.dropped, traffic.unreachable, traffic.unsent
    );
    let mut cpu = |name: &str, used: &CpuTime| {
        let per_call = used.total as f64 / 1e3 / tally.started.max(1) as f64;
        let _ = writeln!(
            out,
            "{name} {per_call:.2} us a call, {:.1} % of a core, {:.1} MiB resident",
            used.total as f64 / 10.0 / outcome.elapsed.max(1) as f64,
            used.resident as f64 / (1 << 20) as f64,
        );
    };
    cpu("generator", &outcome.generator);
    if let Some(server) = &outcome.server {
        cpu("server   ", server);
    }
}

pub(super) fn json(
    run: &Run,
    program: &Program,
    outcome: &Outcome,
    objections: &[String],
) -> String {
    let (tally, traffic) = (&outcome.tally, &outcome.traffic);
    let cpu = |used: &CpuTime| {
        json!({
            "total_ns": used.total, "user_ns": used.user, "system_ns": used.system,
            "us_per_call": used.total as f64 / 1e3 / tally.started.max(1) as f64,
            "resident_bytes": used.resident,
        })
    };
    let steps = program.steps.iter().zip(&tally.steps).enumerate();
    let steps = steps.map(|(place, (step, count))| {
        let kind = match &step.kind {
            Kind::Send(_) => "send",
            Kind::Recv(_) => "recv",
            Kind::Pause(_) => "pause",
            Kind::Nop => "nop",
            Kind::TimeWait(_) => "timewait",
        };
        json!({
            "step": place, "line": step.line, "kind": kind, "what": program.shown(place),
            "messages": count.messages, "repeated": count.repeated, "timeouts": count.timeouts,
            "unexpected": count.unexpected, "lost": count.lost,
        })
    });
    let machine: BTreeMap<_, _> = observe::machine().into_iter().collect();
    let counters = program.counters.iter().zip(&tally.counters);
    let repeated: u64 = tally.steps.iter().map(|step| step.repeated).sum();
    let value = json!({
        "format": 1,
        "command": run.command,
        "machine": machine,
        "started_at_unix": outcome.started_at,
        "scenario": program.name,
        "target": run.settings.constants.remote.map(|remote| remote.to_string()),
        "rate": run.rate,
        "seed": run.seed,
        "elapsed_us": outcome.elapsed,
        "good": objections.is_empty(),
        "objections": objections,
        "remarks": [],
        "started": tally.started,
        "succeeded": tally.succeeded,
        "succeeded_per_second": outcome.success_rate(run, program),
        "stopped": tally.stopped,
        "failed": tally.failed(),
        "causes": causes(program, tally).into_iter().collect::<BTreeMap<_, _>>(),
        "steps": steps.collect::<Vec<_>>(),
        "counters": counters.collect::<BTreeMap<_, _>>(),
        "times_us": times(program, tally).into_iter().map(|(name, times)| (name, quantiles(times))).collect::<BTreeMap<_, _>>(),
        "repartitions": partitions(program, tally).into_iter().map(|(name, rows)| (name, json!(rows))).collect::<BTreeMap<_, _>>(),
        "open_max": tally.open_max,
        "retransmissions": repeated,
        "beside": {
            "late": tally.late, "strays": tally.strays, "malformed": tally.malformed,
            "answered": tally.answered, "tidied": tally.tidied,
            "warnings": tally.warnings, "log_lost": tally.log_lost,
        },
        "datagrams": {
            "sent": traffic.sent, "received": traffic.received, "send_calls": traffic.send_calls,
            "receive_calls": traffic.receive_calls, "waits": traffic.waits, "unsent": traffic.unsent,
            "unreachable": traffic.unreachable, "receive_buffer_bytes": outcome.receive_buffer,
        },
        "drops": { "ours": outcome.dropped },
        "generator_cpu": cpu(&outcome.generator),
        "idle_us": outcome.idle,
        "server_cpu": outcome.server.as_ref().map_or(Value::Null, cpu),
        "seconds": tally.seconds,
    });
    format!("{value:#}\n")
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
