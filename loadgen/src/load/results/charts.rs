//! One run in charts: what happened second by second, and how long things took.

use std::fmt::Write as _;

use serde_json::Value;

use super::Record;
use super::chart::{self, Axis, Chart, Line, Stroke};
use super::read::{buckets, column, every, list, number, steps, together};

/// Points of a line at most; longer runs are averaged, or the worst of them is shown.
const POINTS: usize = 480;
/// Causes of failure that have a line of their own.
const CAUSES: usize = 5;

pub(super) fn charts(value: &Value) -> String {
    let mut drawn = Vec::new();
    let mut quiet = Vec::new();
    drawn.extend(calls(value));
    // What was lost belongs to no second.
    let nobody = match number(value, "/failed") {
        Some(failed) if failed > 0.0 => "no call failed before the run ended",
        _ => "no call failed",
    };
    sort(failures(value), nobody, &mut drawn, &mut quiet);
    drawn.extend(delay(value));
    sort(
        repetitions(value),
        "nothing was sent again",
        &mut drawn,
        &mut quiet,
    );
    drawn.extend(processors(value));
    drawn.extend(memory(value));
    sort(
        drops(value),
        "the kernel dropped nothing",
        &mut drawn,
        &mut quiet,
    );
    drawn.extend(percentiles(&own_times(value)));
    let mut out = "<h2>Second by second</h2>\n".to_owned();
    if drawn.is_empty() {
        return "<p class=\"no\">No seconds and no times in this record.</p>\n".to_owned();
    }
    if !quiet.is_empty() {
        let _ = writeln!(out, "<p class=\"no\">Not drawn: {}.</p>", quiet.join("; "));
    }
    let _ = writeln!(out, "<div class=\"charts\">\n{}</div>", drawn.concat());
    out
}

/// What a chart came to.
enum Drawn {
    Chart(String),
    /// Measured, and all of it 0.
    Nothing,
    NotMeasured,
}

fn sort(chart: Drawn, nothing: &str, drawn: &mut Vec<String>, quiet: &mut Vec<String>) {
    match chart {
        Drawn::Chart(chart) => drawn.push(chart),
        Drawn::Nothing => quiet.push(nothing.to_owned()),
        Drawn::NotMeasured => {}
    }
}

/// How rows become one point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fold {
    Mean,
    Worst,
}

/// A column as a line over time: at most [`POINTS`] of it.
fn line(name: &str, values: &[Option<f64>], every: f64, unit: f64, fold: Fold) -> Line {
    let group = values.len().div_ceil(POINTS).max(1);
    let point = |(at, values): (usize, &[Option<f64>])| {
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        let middle = (at * group) as f64 + values.len() as f64 / 2.0;
        let value = match fold {
            _ if known.is_empty() => None,
            Fold::Mean => Some(known.iter().sum::<f64>() / known.len() as f64),
            Fold::Worst => known.into_iter().reduce(f64::max),
        };
        (middle * every * unit, value)
    };
    Line {
        name: name.to_owned(),
        points: values.chunks(group).enumerate().map(point).collect(),
        stroke: Stroke::Solid,
    }
}

fn most(lines: &[Line]) -> f64 {
    let values = lines.iter().flat_map(|line| &line.points);
    values.filter_map(|point| point.1).fold(0.0, f64::max)
}

/// Columns of counts as lines a second.
fn counted(value: &Value, series: &str, names: &[(&str, &str)]) -> Option<(Vec<Line>, Axis)> {
    let every = every(value, series);
    let columns: Vec<(&str, Vec<Option<f64>>)> = names
        .iter()
        .map(|&(name, column_name)| (name, column(value, series, column_name)))
        .filter(|(_, column)| column.iter().any(Option::is_some))
        .collect();
    let rows = columns.iter().map(|(_, column)| column.len()).max()?;
    let (x, unit) = chart::seconds(rows as f64 * every);
    let lines = columns.into_iter().map(|(name, values)| {
        let values: Vec<_> = values
            .iter()
            .map(|value| value.map(|value| value / every))
            .collect();
        line(name, &values, every, unit, Fold::Mean)
    });
    Some((lines.collect(), x))
}

fn calls(value: &Value) -> Option<String> {
    let names = [
        ("offered", "offered"),
        ("started", "started"),
        ("succeeded", "succeeded"),
    ];
    let (mut lines, x) = counted(value, "series", &names)?;
    if let Some(offered) = lines.iter_mut().find(|line| line.name == "offered") {
        offered.stroke = Stroke::Dashed;
    }
    let chart = Chart {
        title: "Calls",
        note: "Offered is what the plan meant to start in that second.".to_owned(),
        x,
        y: chart::even(most(&lines), "calls per second"),
        lines,
        marks: Vec::new(),
    };
    Some(chart.draw())
}

fn failures(value: &Value) -> Drawn {
    let Some((all, x)) = counted(value, "series", &[("failed", "failed")]) else {
        return Drawn::NotMeasured;
    };
    if most(&all) == 0.0 {
        return Drawn::Nothing;
    }
    let rows = column(value, "series", "failed").len();
    let every = every(value, "series");
    let (_, unit) = chart::seconds(rows as f64 * every);
    let mut causes: Vec<(&String, &Value)> = value["series"]["causes"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    let sum = |rows: &Value| -> f64 { list(rows).iter().filter_map(|row| row[1].as_f64()).sum() };
    causes.sort_by(|a, b| sum(b.1).total_cmp(&sum(a.1)));
    let by_cause = causes.iter().take(CAUSES).map(|(cause, cells)| {
        let mut values = vec![Some(0.0); rows];
        for cell in list(cells) {
            let at = cell[0].as_u64().unwrap_or(u64::MAX) as usize;
            if let Some(place) = values.get_mut(at) {
                *place = cell[1].as_f64().map(|count| count / every);
            }
        }
        line(cause, &values, every, unit, Fold::Mean)
    });
    let mut lines: Vec<Line> = by_cause.collect();
    if lines.is_empty() {
        lines = all;
    }
    let note = match causes.len() {
        1 => format!(
            "{}. What was lost when the run ended has no second.",
            causes[0].0
        ),
        0..=CAUSES => "By cause. What was lost when the run ended has no second.".to_owned(),
        more => format!("The {CAUSES} most frequent of {more} causes."),
    };
    let chart = Chart {
        title: "Failures",
        note,
        x,
        y: chart::even(most(&lines), "calls per second"),
        lines,
        marks: Vec::new(),
    };
    Drawn::Chart(chart.draw())
}

fn delay(value: &Value) -> Option<String> {
    let every = every(value, "series");
    let [median, tail] = ["delay_p50_us", "delay_p99_us"].map(|name| column(value, "series", name));
    let known = || {
        median
            .iter()
            .chain(&tail)
            .copied()
            .flatten()
            .filter(|&us| us > 0.0)
    };
    let (least, worst) = (
        known().fold(f64::MAX, f64::min),
        known().fold(0.0, f64::max),
    );
    if worst == 0.0 {
        return None;
    }
    let (x, unit) = chart::seconds(median.len() as f64 * every);
    let logarithms = |line: Line| Line {
        points: line
            .points
            .into_iter()
            .map(|(x, y)| (x, y.map(|us| us.max(1.0).log10())))
            .collect(),
        ..line
    };
    let is_call = number(value, "/times_us/post-dial delay (18x)/p50").is_some();
    let chart = Chart {
        title: if is_call {
            "Post-dial delay"
        } else {
            "Response time"
        },
        note: "From the intended start to the first 180 or 183, or to the response; logarithmic."
            .to_owned(),
        x,
        y: chart::times(least, worst, "time"),
        lines: vec![
            logarithms(line("median", &median, every, unit, Fold::Mean)),
            logarithms(line("99 %", &tail, every, unit, Fold::Worst)),
        ],
        marks: Vec::new(),
    };
    Some(chart.draw())
}

fn repetitions(value: &Value) -> Drawn {
    let names = [
        ("by us", "repeated_by_us"),
        ("by the peer", "repeated_by_the_peer"),
    ];
    let Some((lines, x)) = counted(value, "series", &names) else {
        return Drawn::NotMeasured;
    };
    if most(&lines) == 0.0 {
        return Drawn::Nothing;
    }
    let chart = Chart {
        title: "Sent again",
        note: "Ours by our timers; the peer's as they came here.".to_owned(),
        x,
        y: chart::even(most(&lines), "messages per second"),
        lines,
        marks: Vec::new(),
    };
    Drawn::Chart(chart.draw())
}

fn processors(value: &Value) -> Option<String> {
    let every = every(value, "samples");
    let percent = |name: &str| -> Vec<Option<f64>> {
        let cores = column(value, "samples", name).into_iter();
        cores
            .map(|cores| cores.map(|cores| 100.0 * cores))
            .collect()
    };
    let lines = [("server", "server_cores"), ("generator", "generator_cores")]
        .map(|(name, column)| (name, percent(column)));
    let rows = lines.iter().map(|(_, values)| values.len()).max()?;
    let (x, unit) = chart::seconds(rows as f64 * every);
    let lines: Vec<Line> = lines
        .iter()
        .filter(|(_, values)| values.iter().any(Option::is_some))
        .map(|(name, values)| line(name, values, every, unit, Fold::Mean))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let chart = Chart {
        title: "Processor time",
        note: match lines.iter().any(|line| line.name == "server") {
            true => "The generator looks rather than sleeps while a start is near.".to_owned(),
            false => "Of the generator alone: no --server-pid was given.".to_owned(),
        },
        x,
        y: chart::even(most(&lines), "% of one core"),
        lines,
        marks: Vec::new(),
    };
    Some(chart.draw())
}

fn memory(value: &Value) -> Option<String> {
    let every = every(value, "samples");
    let resident = column(value, "samples", "server_resident_bytes");
    let resident: Vec<_> = resident
        .into_iter()
        .map(|bytes| bytes.map(|bytes| bytes / f64::from(1 << 20)))
        .collect();
    if !resident.iter().any(Option::is_some) {
        return None;
    }
    let (x, unit) = chart::seconds(resident.len() as f64 * every);
    let lines = vec![line("resident", &resident, every, unit, Fold::Worst)];
    let slope = |which: &str| number(value, &format!("/server_memory_mib_per_minute/{which}"));
    let note = match (slope("all"), slope("second_half")) {
        (Some(all), Some(late)) => format!(
            "{all:+.2} MiB a minute while calls were offered, {late:+.2} in the second half of that."
        ),
        _ => "Too short for a slope.".to_owned(),
    };
    let chart = Chart {
        title: "Memory of the server",
        note,
        x,
        y: chart::even(most(&lines), "MiB resident"),
        lines,
        marks: Vec::new(),
    };
    Some(chart.draw())
}

fn drops(value: &Value) -> Drawn {
    let names = [
        ("at the generator's sockets", "dropped_ours"),
        ("at the target's", "dropped_target"),
        ("anywhere", "dropped_anywhere"),
    ];
    let Some((mut lines, x)) = counted(value, "samples", &names) else {
        return Drawn::NotMeasured;
    };
    // As a rule it is the sum of the others.
    if let Some(anywhere) = lines.iter_mut().find(|line| line.name == "anywhere") {
        anywhere.stroke = Stroke::Dashed;
    }
    if most(&lines) == 0.0 {
        return Drawn::Nothing;
    }
    let chart = Chart {
        title: "Dropped by the kernel",
        note: "For full receive buffers.".to_owned(),
        x,
        y: chart::even(most(&lines), "datagrams per second"),
        lines,
        marks: Vec::new(),
    };
    Drawn::Chart(chart.draw())
}

/// Bucket by bucket, by name.
type Times = Vec<(String, Vec<(f64, f64)>)>;

/// All kinds of times of one record.
fn own_times(value: &Value) -> Times {
    let kinds = value["times_us"].as_object().into_iter().flatten();
    let kinds = kinds.map(|(name, times)| (name.clone(), buckets(times)));
    kinds.filter(|(_, buckets)| !buckets.is_empty()).collect()
}

/// Charts of each kind of times with a line a record, and one for all together where records have them whole.
pub(super) fn side_by_side(records: &[&Record]) -> String {
    let mut kinds: Vec<&String> = Vec::new();
    for record in records {
        for name in record.value["times_us"].as_object().into_iter().flatten() {
            if !kinds.contains(&name.0) {
                kinds.push(name.0);
            }
        }
    }
    let mut out = String::new();
    for kind in kinds {
        let of = |record: &&Record| {
            (
                record.name.clone(),
                buckets(&record.value["times_us"][kind]),
            )
        };
        let mut times: Times = records
            .iter()
            .map(of)
            .filter(|(_, times)| !times.is_empty())
            .collect();
        if times.len() < 2 {
            continue;
        }
        let all = records.iter().map(|record| &record.value["times_us"][kind]);
        if let Some(sum) = together(all.filter(|times| times["count"] != 0)) {
            times.push(("together".to_owned(), steps(&sum)));
        }
        if let Some(chart) = titled_percentiles(&format!("{kind}, by percentile"), &times) {
            out.push_str(&chart);
        }
    }
    format!("<div class=\"charts\">\n{out}</div>\n")
}

fn percentiles(times: &Times) -> Option<String> {
    titled_percentiles("Times by percentile", times)
}

/// Time over the share of calls that took no longer, both logarithmic.
fn titled_percentiles(title: &str, times: &Times) -> Option<String> {
    let mut lines = Vec::new();
    let (mut least, mut worst, mut depth) = (f64::MAX, 1.0f64, 1.0f64);
    for (name, buckets) in times {
        let count: f64 = buckets.iter().map(|bucket| bucket.1).sum();
        let (mut seen, mut points) = (0.0, Vec::new());
        for &(us, times) in buckets {
            let us = us.max(1.0);
            (least, worst) = (least.min(us), worst.max(us));
            let above = ((count - seen) / count.max(1.0)).max(1e-6);
            points.push((-above.log10(), Some(us.log10())));
            seen += times;
        }
        depth = depth.max(count.max(10.0).log10().min(6.0));
        // A page holds a few hundred points of a curve, and always its end.
        let every = points.len().div_ceil(POINTS).max(1);
        let last = points.len().saturating_sub(1);
        let points = points.into_iter().enumerate();
        let points = points.filter(|(at, _)| at % every == 0 || *at == last);
        lines.push(Line {
            name: name.clone(),
            points: points.map(|(_, point)| point).collect(),
            stroke: Stroke::Solid,
        });
    }
    if lines.is_empty() {
        return None;
    }
    let words = ["0", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
    let ticks = words.iter().enumerate().take(depth as usize + 1);
    let chart = Chart {
        title,
        note:
            "From the intended start, so that a server that stalls is charged for all who waited."
                .to_owned(),
        x: Axis {
            ticks: ticks
                .map(|(at, word)| (at as f64, (*word).to_owned()))
                .collect(),
            ends: (0.0, depth),
            title: "% of them took no longer".to_owned(),
        },
        y: chart::times(least, worst, "time"),
        lines,
        marks: Vec::new(),
    };
    Some(chart.draw())
}
