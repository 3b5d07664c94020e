//! A search for the highest rate: every trial, held or lost, and why.

use std::fmt::Write as _;

use serde_json::Value;

use super::chart::{self, Axis, Chart, Line, Mark, Stroke};
use super::page::{escape, plain};
use super::read::{list, number};

pub(super) fn sections(value: &Value) -> String {
    let trials = list(&value["search"]);
    let mut out = "<h2>The search</h2>\n<div class=\"charts\">\n".to_owned();
    out.push_str(&draw(value, trials));
    if let Some(chart) = costs(trials) {
        out.push_str(&chart);
    }
    out.push_str("</div>\n<div class=\"wide\"><table><tr><th>trial</th><th>rate, 1/s</th><th class=\"text\">kind</th><th class=\"text\">outcome</th><th>failed</th><th>µs of CPU a call</th><th class=\"text\">why</th></tr>\n");
    for (at, trial) in trials.iter().enumerate() {
        let held = trial["held"].as_bool() == Some(true);
        let why: Vec<&str> = list(&trial["why"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let cost =
            number(trial, "/server_us_per_call").map_or("-".to_owned(), |us| format!("{us:.1}"));
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"text\">{}</td><td class=\"text\">{}</td><td>{}</td><td>{cost}</td><td class=\"text\">{}</td></tr>",
            at + 1,
            number(trial, "/rate").map_or("-".to_owned(), plain),
            escape(trial["kind"].as_str().unwrap_or("")),
            if held {
                "✓\u{a0}held"
            } else {
                "✗\u{a0}lost"
            },
            number(trial, "/failed").map_or("-".to_owned(), plain),
            escape(&why.join("; "))
        );
    }
    out + "</table></div>\n"
}

fn draw(value: &Value, trials: &[Value]) -> String {
    let rate = |trial: &Value| number(trial, "/rate").unwrap_or(0.0);
    let mark = |(at, trial): (usize, &Value)| {
        let good = trial["held"].as_bool() == Some(true);
        let word = if good { "held" } else { "lost" };
        Mark {
            x: (at + 1) as f64,
            y: rate(trial),
            good,
            told: format!(
                "{} {}/s: {word}",
                trial["kind"].as_str().unwrap_or(""),
                plain(rate(trial))
            ),
        }
    };
    let most = trials.iter().map(rate).fold(0.0, f64::max);
    let path = trials
        .iter()
        .enumerate()
        .map(|(at, trial)| ((at + 1) as f64, Some(rate(trial))));
    let mut lines = vec![Line {
        name: "trials".to_owned(),
        points: path.collect(),
        stroke: Stroke::Solid,
    }];
    let end = trials.len() as f64 + 0.5;
    if let Some(highest) = number(value, "/highest") {
        lines.push(Line {
            name: format!("highest held, {}/s", plain(highest)),
            points: vec![(0.5, Some(highest)), (end, Some(highest))],
            stroke: Stroke::Dashed,
        });
    }
    let every = trials.len().div_ceil(12).max(1);
    let ticks = (1..=trials.len())
        .step_by(every)
        .map(|at| (at as f64, at.to_string()));
    Chart {
        title: "Rates that were tried",
        note: "● held   ✗ lost; the last one held is the confirmation.".to_owned(),
        x: Axis {
            ticks: ticks.collect(),
            ends: (0.5, end),
            title: "trial".to_owned(),
        },
        y: chart::even(most, "calls per second"),
        lines,
        marks: trials.iter().enumerate().map(mark).collect(),
    }
    .draw()
}

/// What a call costs the server at each rate.
fn costs(trials: &[Value]) -> Option<String> {
    let mut points: Vec<(f64, f64, bool)> = trials
        .iter()
        .filter_map(|trial| {
            let held = trial["held"].as_bool() == Some(true);
            Some((
                number(trial, "/rate")?,
                number(trial, "/server_us_per_call")?,
                held,
            ))
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let most = |of: fn(&(f64, f64, bool)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    if points.is_empty() {
        return None;
    }
    let chart = Chart {
        title: "What a call costs the server",
        note: "● held   ✗ lost".to_owned(),
        x: chart::even(most(|point| point.0), "calls per second"),
        y: chart::even(most(|point| point.1), "µs of CPU a call"),
        lines: vec![Line {
            name: "cost".to_owned(),
            points: points
                .iter()
                .map(|point| (point.0, Some(point.1)))
                .collect(),
            stroke: Stroke::Solid,
        }],
        marks: points
            .iter()
            .map(|&(x, y, good)| Mark {
                x,
                y,
                good,
                told: format!("{y:.1} µs at {}/s", plain(x)),
            })
            .collect(),
    };
    Some(chart.draw())
}
