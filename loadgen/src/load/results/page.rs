//! The page: verdict, figures side by side, charts, causes, machine, command. Nothing is fetched from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

use super::Record;
use super::chart::{Line, Ticks, chart, even_ticks};
use crate::load::progress::time;
use crate::load::record::histogram;

/// Points of a line at most; longer runs are averaged.
const POINTS: usize = 600;

const STYLE: &str = ":root{color-scheme:light dark;--fg:#1a1a1a;--bg:#fff;--dim:#666;--rule:#ddd;--good:#137333;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--fg:#e6e6e6;--bg:#16181c;--dim:#9aa0a6;--rule:#3a3d42;--good:#6dd58c;--bad:#f2b8b5}}
@media print{:root{--fg:#000;--bg:#fff;--dim:#444;--rule:#bbb;--good:#137333;--bad:#b3261e}figure,table{break-inside:avoid}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:60rem;margin:2rem auto;padding:0 1rem}
.good,.bad{border-left:.4rem solid;padding:.3rem 1rem;margin:1rem 0}.good{border-color:var(--good)}.bad{border-color:var(--bad)}
.good b{color:var(--good)}.bad b{color:var(--bad)}table{border-collapse:collapse;margin:.5rem 0}
td,th{padding:.2rem .8rem;border-bottom:1px solid var(--rule);text-align:right}td:first-child,th:first-child{text-align:left}
figure{margin:1.2rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--dim)}
.grid{stroke:var(--rule)}polyline{fill:none;stroke-width:1.6}.key{font-weight:400;margin-left:.8rem}.key::before{content:'\\25A0\\00A0'}
.l0{stroke:#1a73e8}.l1{stroke:#e8710a}.l2{stroke:#12a178}.l3{stroke:#d93025}.l4{stroke:#9334e6}.l5{stroke:#7a7a7a}
.k0::before{color:#1a73e8}.k1::before{color:#e8710a}.k2::before{color:#12a178}.k3::before{color:#d93025}.k4::before{color:#9334e6}.k5::before{color:#7a7a7a}
pre{white-space:pre-wrap;overflow-wrap:anywhere}.no{color:var(--dim)}";

pub(super) fn page(records: &[Record]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n<title>tandem-loadgen</title><style>{STYLE}</style>\n<h1>Load report</h1>\n"
    );
    for record in records {
        out.push_str(&verdict(record));
    }
    out.push_str(&figures(records));
    for record in records {
        let _ = writeln!(out, "<h2>{}</h2>", escape(&record.name));
        out.push_str(&series(&record.value));
        out.push_str(&percentiles(&record.value));
        out.push_str(&causes(&record.value));
        out.push_str(&origin(&record.value));
    }
    out.push_str("</html>\n");
    out
}

pub(super) fn verdict(record: &Record) -> String {
    let good = record.value["good"].as_bool() == Some(true);
    let (class, word) = if good {
        ("good", "passed")
    } else {
        ("bad", "FAILED")
    };
    let mut out = format!(
        "<section class=\"{class}\"><b>{word}</b> {}",
        escape(&record.name)
    );
    for (list, before) in [("objections", ""), ("remarks", "note: ")] {
        for line in record.value[list].as_array().into_iter().flatten() {
            let _ = write!(out, "<br>{before}{}", escape(line.as_str().unwrap_or("")));
        }
    }
    out.push_str("</section>\n");
    out
}

/// A row of the figures: its name, where the record has it, and how it is written.
type Row = (&'static str, &'static str, fn(f64) -> String);

const ROWS: [Row; 15] = [
    ("rate asked, 1/s", "/rate", plain),
    ("succeeded, 1/s", "/succeeded_per_second", plain),
    ("goodput while offered, 1/s", "/goodput_per_second", plain),
    ("started", "/started", plain),
    ("succeeded", "/succeeded", plain),
    ("failed", "/failed", plain),
    (
        "retransmissions by the generator",
        "/retransmissions",
        plain,
    ),
    ("drops at the generator", "/drops/ours", plain),
    ("drops at the target", "/drops/target", plain),
    (
        "post-dial delay p50",
        "/times_us/post-dial delay (18x)/p50",
        micros,
    ),
    (
        "post-dial delay p99",
        "/times_us/post-dial delay (18x)/p99",
        micros,
    ),
    (
        "post-dial delay p99.9",
        "/times_us/post-dial delay (18x)/p99.9",
        micros,
    ),
    ("server, us of CPU a call", "/server_cpu/us_per_call", fine),
    (
        "generator, us of CPU a call",
        "/generator_cpu/us_per_call",
        fine,
    ),
    (
        "server, bytes resident",
        "/server_cpu/resident_bytes",
        plain,
    ),
];

fn plain(value: f64) -> String {
    format!("{value:.0}")
}

fn fine(value: f64) -> String {
    format!("{value:.2}")
}

fn micros(value: f64) -> String {
    time(value as u64)
}

/// Records side by side; each but the first with its ratio to the first.
pub(super) fn figures(records: &[Record]) -> String {
    let mut out = "<table><tr><th></th>".to_owned();
    for record in records {
        let _ = write!(out, "<th>{}</th>", escape(&record.name));
    }
    out.push_str("</tr>\n");
    for (name, path, write) in ROWS {
        let first = records.first().and_then(|record| number(record, path));
        let _ = write!(out, "<tr><td>{name}</td>");
        for (at, record) in records.iter().enumerate() {
            let Some(value) = number(record, path) else {
                out.push_str("<td class=\"no\">not measured</td>");
                continue;
            };
            let _ = write!(out, "<td>{}", write(value));
            if let Some(first) = first.filter(|first| at > 0 && *first > 0.0) {
                let _ = write!(out, " <span class=\"no\">×{:.2}</span>", value / first);
            }
            out.push_str("</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
    out
}

/// Times of which none was taken are absent, not zero.
fn number(record: &Record, path: &str) -> Option<f64> {
    if let Some((times, _)) = path
        .strip_prefix("/times_us/")
        .and_then(|path| path.rsplit_once('/'))
        && record.value["times_us"][times]["count"].as_u64() == Some(0)
    {
        return None;
    }
    record.value.pointer(path)?.as_f64()
}

fn series(value: &Value) -> String {
    let seconds = Seconds::of(value);
    if seconds.count == 0 {
        return "<p class=\"no\">No seconds in this record.</p>\n".to_owned();
    }
    let group = seconds.count.div_ceil(POINTS);
    let every = seconds.every;
    let line = |name: &str, column: &str| {
        let values: Vec<f64> = seconds.column(column);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / (values.len() as f64 * every);
        let groups = values.chunks(group).enumerate();
        Line {
            name: name.to_owned(),
            points: groups
                .map(|(at, values)| ((at * group) as f64 * every, mean(values)))
                .collect(),
        }
    };
    let draw = |title: &str, lines: &[Line]| {
        let points = lines.iter().flat_map(|line| &line.points);
        let most = points.map(|point| point.1).fold(0.0, f64::max);
        chart(
            title,
            &seconds_ticks(seconds.count as f64 * every),
            &even_ticks(most),
            lines,
        )
    };
    draw(
        "calls per second",
        &[line("started", "started"), line("succeeded", "succeeded")],
    ) + &draw("failures per second", &[line("failed", "failed")])
}

/// What happened second by second, in records of both formats.
struct Seconds<'r> {
    value: &'r Value,
    count: usize,
    every: f64,
}

impl<'r> Seconds<'r> {
    fn of(value: &'r Value) -> Self {
        let rows = value["seconds"].as_array();
        let columns = value["series"]["started"].as_array();
        Self {
            value,
            count: rows.or(columns).map_or(0, Vec::len),
            every: value["series"]["every_s"].as_f64().unwrap_or(1.0).max(1.0),
        }
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let old = ["started", "succeeded", "failed"];
        let at = old.iter().position(|known| *known == name);
        let value = |row: usize| match (self.value["seconds"].as_array(), at) {
            (Some(rows), Some(at)) => rows[row][at].as_f64(),
            _ => self.value["series"][name][row].as_f64(),
        };
        (0..self.count)
            .map(|row| value(row).unwrap_or(0.0))
            .collect()
    }
}

/// The unit stands at the last one.
fn seconds_ticks(most: f64) -> Ticks {
    let mut ticks = even_ticks(most);
    if let Some((_, word)) = ticks.last_mut() {
        word.push_str(" s");
    }
    ticks
}

/// Upper bound and count of each bucket that is not empty, in records of both formats.
fn buckets(times: &Value) -> Vec<(f64, f64)> {
    if let Some(histogram) = histogram(times) {
        let steps = histogram.iter_recorded();
        return steps
            .map(|step| {
                let count = step.count_since_last_iteration() as f64;
                (step.value_iterated_to() as f64, count)
            })
            .collect();
    }
    let buckets = times["buckets"].as_array().into_iter().flatten();
    buckets
        .filter_map(|bucket| Some((bucket[0].as_f64()?, bucket[1].as_f64()?)))
        .collect()
}

/// Time over the share of calls that took longer, both logarithmic.
fn percentiles(value: &Value) -> String {
    let mut lines = Vec::new();
    for (name, times) in value["times_us"].as_object().into_iter().flatten() {
        let count = times["count"].as_f64().unwrap_or(0.0);
        let (mut seen, mut points) = (0.0, Vec::new());
        for (micros, times) in buckets(times) {
            let above = ((count - seen) / count.max(1.0)).max(1e-5);
            points.push((-above.log10(), micros.max(1.0).log10()));
            seen += times;
        }
        if !points.is_empty() {
            let name = escape(name);
            // A page holds a few hundred points of a curve, and always its end.
            let every = points.len().div_ceil(POINTS);
            let last = points.len() - 1;
            let points = points.into_iter().enumerate();
            let points = points.filter(|(at, _)| at % every == 0 || *at == last);
            let points = points.map(|(_, point)| point).collect();
            lines.push(Line { name, points });
        }
    }
    if lines.is_empty() {
        return "<p class=\"no\">No times in this record.</p>\n".to_owned();
    }
    let words = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"];
    let x: Ticks = (0..).map(f64::from).zip(words.map(str::to_owned)).collect();
    let values = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let most = values.fold(1.0, f64::max).ceil() as u32;
    let y: Ticks = (0..=most)
        .map(|power| (f64::from(power), time(10u64.pow(power))))
        .collect();
    chart("times by percentile", &x, &y, &lines)
}

pub(super) fn causes(value: &Value) -> String {
    let Some(causes) = value["causes"].as_object() else {
        return "<p class=\"no\">Why calls failed is not recorded.</p>\n".to_owned();
    };
    if causes.is_empty() {
        return "<p>No call failed.</p>\n".to_owned();
    }
    let mut out = "<table><tr><th>cause</th><th>calls</th></tr>\n".to_owned();
    for (cause, count) in causes {
        let _ = writeln!(out, "<tr><td>{}</td><td>{count}</td></tr>", escape(cause));
    }
    out + "</table>\n"
}

fn origin(value: &Value) -> String {
    let mut out = "<h3>Machine and command</h3><table>\n".to_owned();
    for (name, value) in value["machine"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or("");
        let value = if value.is_empty() {
            "not offered here"
        } else {
            value
        };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    let command = escape(value["command"].as_str().unwrap_or("not recorded"));
    let _ = writeln!(out, "</table><pre>{command}</pre>");
    out
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
