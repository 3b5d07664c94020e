//! Two servers by turns: each figure as bars with what lay between the rounds, and A in terms of B.

use std::fmt::Write as _;

use serde_json::Value;

use super::chart::{Bar, bars};
use super::page::plain;
use super::read::list;
use crate::load::find::{FIGURES, Ratio, ratio};

pub(super) fn sections(value: &Value) -> String {
    let rounds: Vec<[Value; 2]> = list(&value["rounds"])
        .iter()
        .map(|round| [round[0].clone(), round[1].clone()])
        .collect();
    let mut out = format!(
        "<h2>A and B, {} rounds by turns</h2>\n<div class=\"charts\">\n",
        rounds.len()
    );
    let figures: Vec<(&str, Ratio)> = FIGURES
        .iter()
        .filter_map(|(title, name)| Some((*title, ratio(&rounds, name)?)))
        .collect();
    for (title, ratio) in &figures {
        let bar = |name, values: &[f64]| Bar {
            name,
            value: median(values),
            least: values.first().copied().unwrap_or(0.0),
            most: values.last().copied().unwrap_or(0.0),
            told: told(median(values)),
        };
        let note = format!(
            "A/B {:.3}, {:.3} to {:.3} in single rounds; whiskers are the rounds",
            median(&ratio.ratios),
            ratio.ratios.first().copied().unwrap_or(0.0),
            ratio.ratios.last().copied().unwrap_or(0.0)
        );
        let title = title.replace(", us", ", µs");
        out.push_str(&bars(
            &title,
            &note,
            &[bar("A", &ratio.a), bar("B", &ratio.b)],
        ));
    }
    out.push_str(
        "</div>\n<div class=\"wide\"><table><tr><th>round</th><th class=\"text\">server</th>",
    );
    for (title, _) in FIGURES {
        let _ = write!(out, "<th>{}</th>", title.replace(", us", ", µs"));
    }
    out.push_str("<th>failed</th><th class=\"text\">held</th></tr>\n");
    for (number, round) in rounds.iter().enumerate() {
        for (name, side) in ["A", "B"].iter().zip(round) {
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"text\">{name}</td>",
                number + 1
            );
            for (_, figure) in FIGURES {
                let value = side[figure].as_f64().map_or("-".to_owned(), told);
                let _ = write!(out, "<td>{value}</td>");
            }
            let failed = side["failed"].as_f64().map_or("-".to_owned(), plain);
            let held = match side["held"].as_bool() {
                Some(true) => "✓\u{a0}held",
                _ => "✗\u{a0}lost",
            };
            let _ = writeln!(out, "<td>{failed}</td><td class=\"text\">{held}</td></tr>");
        }
    }
    out + "</table></div>\n"
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    crate::load::find::median(sorted)
}

fn told(value: f64) -> String {
    if value < 1000.0 {
        format!("{value:.1}")
    } else {
        plain(value)
    }
}
