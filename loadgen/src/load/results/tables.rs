//! One run in tables: why calls failed, what the RFCs call it, times, what the server counted, where it was measured.

use std::fmt::Write as _;

use serde_json::Value;

use super::page::{escape, micros, plain};
use super::read::{list, number, offered_for};
use super::{date, ladder, terms};

/// Why calls failed, what the RFCs call it, the parts, the answering side, single calls.
pub(super) fn tables(value: &Value) -> String {
    let mut out = "<h3>Why calls failed</h3>\n".to_owned();
    out.push_str(&causes(value));
    out.push_str(&terms::tables(value));
    out.push_str(&parts(value));
    out.push_str(&steps(value));
    out.push_str(&times_table(value));
    out.push_str(&counters(value));
    out.push_str(&ladder::ladders(value));
    out
}

pub(super) fn causes(value: &Value) -> String {
    let Some(causes) = value["causes"].as_object() else {
        return "<p class=\"no\">Why calls failed is not recorded.</p>\n".to_owned();
    };
    let mut out = String::new();
    if causes.is_empty() {
        out.push_str("<p>No call failed.</p>\n");
    } else {
        let started = number(value, "/started").unwrap_or(0.0).max(1.0);
        let mut rows: Vec<(&String, f64)> = causes
            .iter()
            .map(|(cause, count)| (cause, count.as_f64().unwrap_or(0.0)))
            .collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        out.push_str(
            "<div class=\"wide\"><table><tr><th>cause</th><th>calls</th><th>% of all</th></tr>\n",
        );
        for (cause, count) in rows {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{:.3}</td></tr>",
                escape(cause),
                plain(count),
                100.0 * count / started
            );
        }
        out.push_str("</table></div>\n");
    }
    let planned: Vec<String> = value["by_plan"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(how, count)| format!("{count} {}", escape(how)))
        .collect();
    if !planned.is_empty() {
        let _ = writeln!(out, "<p>As planned: {}.</p>", planned.join("; "));
    }
    out
}

fn parts(value: &Value) -> String {
    let parts = list(&value["parts"]);
    if parts.is_empty() {
        return String::new();
    }
    let mut out = "<h3>Parts of the mix</h3>\n<div class=\"wide\"><table><tr><th>part</th><th>started</th><th>succeeded</th><th>by plan</th><th>failed</th><th>lost</th><th>p50</th><th>p99</th></tr>\n".to_owned();
    for part in parts {
        let _ = write!(
            out,
            "<tr><td>{}</td>",
            escape(part["name"].as_str().unwrap_or(""))
        );
        for name in ["started", "succeeded", "by_plan", "failed", "lost"] {
            let _ = write!(
                out,
                "<td>{}</td>",
                number(part, &format!("/{name}")).map_or("?".to_owned(), plain)
            );
        }
        for name in ["p50", "p99"] {
            let time = number(part, &format!("/time_us/{name}")).map_or("-".to_owned(), micros);
            let _ = write!(out, "<td>{time}</td>");
        }
        out.push_str("</tr>\n");
    }
    out + "</table></div>\n"
}

/// The steps of a scenario file, as `sipp` records them.
fn steps(value: &Value) -> String {
    const COUNTS: [&str; 5] = ["messages", "repeated", "timeouts", "unexpected", "lost"];
    let steps = list(&value["steps"]);
    if steps.is_empty() {
        return String::new();
    }
    let head: String = COUNTS
        .iter()
        .map(|name| format!("<th>{name}</th>"))
        .collect();
    let mut out = format!(
        "<h3>Steps of the scenario</h3>\n<div class=\"wide\"><table><tr><th>line</th><th class=\"text\">step</th>{head}</tr>\n"
    );
    for step in steps {
        let [kind, what] = ["kind", "what"].map(|name| step[name].as_str().unwrap_or(""));
        // What is shown may name its kind itself.
        let what = match what.starts_with(kind) {
            true => what.to_owned(),
            false => format!("{kind} {what}"),
        };
        let line = number(step, "/line").map_or(String::new(), plain);
        let _ = write!(
            out,
            "<tr><td>{line}</td><td class=\"text\">{}</td>",
            escape(&what)
        );
        for name in COUNTS {
            let count = number(step, &format!("/{name}")).map_or("-".to_owned(), plain);
            let _ = write!(out, "<td>{count}</td>");
        }
        out.push_str("</tr>\n");
    }
    out + "</table></div>\n"
}

fn times_table(value: &Value) -> String {
    const QUANTILES: [&str; 6] = ["p50", "p90", "p99", "p99.9", "p99.99", "max"];
    let mut rows = String::new();
    for (name, times) in value["times_us"].as_object().into_iter().flatten() {
        let Some(count) = number(times, "/count").filter(|&count| count > 0.0) else {
            continue;
        };
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td>",
            escape(name),
            plain(count)
        );
        for quantile in QUANTILES {
            let time = times[quantile].as_f64().map_or("-".to_owned(), micros);
            let _ = write!(rows, "<td>{time}</td>");
        }
        rows.push_str("</tr>\n");
    }
    if rows.is_empty() {
        return rows;
    }
    let head: String = QUANTILES
        .iter()
        .map(|name| format!("<th>{name}</th>"))
        .collect();
    format!(
        "<h3>Times</h3>\n<div class=\"wide\"><table><tr><th></th><th>how many</th>{head}</tr>\n{rows}</table></div>\n"
    )
}

/// What the server counted itself, before and after.
fn counters(value: &Value) -> String {
    let Some(counters) = value["server_counters"]
        .as_object()
        .filter(|counters| !counters.is_empty())
    else {
        return String::new();
    };
    let mut out = "<h3>What the server counted meanwhile</h3>\n<details><summary>".to_owned();
    let _ = writeln!(
        out,
        "{} counters changed</summary><div class=\"wide\"><table><tr><th>counter</th><th>before</th><th>after</th><th>more by</th></tr>",
        counters.len()
    );
    for (name, pair) in counters {
        let [before, after] = [0, 1].map(|at| pair[at].as_f64().unwrap_or(0.0));
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            plain(before),
            plain(after),
            plain(after - before)
        );
    }
    out + "</table></div></details>\n"
}

/// Where it was measured, and how to repeat it.
pub(super) fn origin(value: &Value) -> String {
    let mut out = "<h3>Machine and command</h3><div class=\"wide\"><table>\n".to_owned();
    for (name, value) in value["machine"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or("");
        let value = if value.is_empty() {
            "not offered here"
        } else {
            value
        };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"text\">{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    let row = |name: &str, text: Option<String>| {
        text.map_or(String::new(), |text| {
            format!("<tr><td>{name}</td><td class=\"text\">{text}</td></tr>\n")
        })
    };
    out.push_str(&row(
        "started at",
        value["started_at_unix"].as_u64().map(date::utc),
    ));
    out.push_str(&row(
        "calls offered for",
        offered_for(value).map(|seconds| format!("{seconds:.1} s")),
    ));
    out.push_str(&row("commit", value["commit"].as_str().map(escape)));
    out.push_str(&row(
        "seed",
        value["seed"].as_u64().map(|seed| seed.to_string()),
    ));
    let command = escape(value["command"].as_str().unwrap_or("not recorded"));
    let _ = writeln!(out, "</table></div><pre>{command}</pre>");
    for server in list(&value["servers"]).iter().filter_map(Value::as_str) {
        let _ = writeln!(out, "<pre>{}</pre>", escape(server));
    }
    out
}
