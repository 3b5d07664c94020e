//! The page: verdict, figures side by side, then each record. Nothing is fetched from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

use super::read::{list, number};
use super::style::{PALETTE, STYLE};
use super::{Record, Sort, charts, comparison, search, tables};
use crate::load::progress::time;

pub(super) fn page(records: &[Record]) -> String {
    let title = match records {
        [one] => escape(&one.name),
        _ => format!("{} records", records.len()),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>Load report: {title}</title><style>{PALETTE}\n{STYLE}</style>\n<h1>Load report</h1>\n"
    );
    for record in records {
        out.push_str(&verdict(record));
    }
    if let [one] = records {
        out.push_str(&tiles(&one.value));
    }
    let runs: Vec<&Record> = records
        .iter()
        .filter(|record| record.sort() == Sort::Run)
        .collect();
    if records.len() > 1 && !runs.is_empty() {
        out.push_str("<h2>Beside each other</h2>\n");
        out.push_str(&figures(&runs));
        out.push_str(&charts::side_by_side(&runs));
    }
    for record in records {
        if records.len() > 1 {
            let _ = writeln!(out, "<h2>{}</h2>", escape(&record.name));
        }
        let value = &record.value;
        match record.sort() {
            Sort::Comparison => out.push_str(&comparison::sections(value)),
            Sort::Run => {
                if value["search"].is_array() {
                    out.push_str(&search::sections(value));
                }
                out.push_str(&charts::charts(value));
                // Several were shown beside each other.
                if records.len() == 1 {
                    out.push_str("<h2>All figures</h2>\n");
                    out.push_str(&figures(&runs));
                }
                out.push_str(&tables::tables(value));
            }
            Sort::Search => out.push_str(&search::sections(value)),
        }
        out.push_str(&tables::origin(value));
    }
    out.push_str("</html>\n");
    out
}

/// One sentence, with colour and word; then whatever else is to be known.
pub(super) fn verdict(record: &Record) -> String {
    let good = record.value["good"].as_bool() == Some(true);
    let (class, word) = if good {
        ("good", "✓ PASSED")
    } else {
        ("bad", "✗ FAILED")
    };
    let name = escape(&record.name);
    let sentence = escape(&record.sentence());
    let mut out = format!(
        "<section class=\"{class}\"><p class=\"verdict\"><b>{word}</b> {name}: {sentence}</p>"
    );
    let remarks = list(&record.value["remarks"])
        .iter()
        .filter_map(Value::as_str)
        .map(|remark| format!("note: {remark}"));
    let objections = list(&record.value["objections"]).iter();
    // The first one is in the sentence.
    let objections = objections
        .skip(1)
        .filter_map(Value::as_str)
        .map(str::to_owned);
    let lines: String = objections
        .chain(remarks)
        .map(|line| format!("<li>{}", escape(&line)))
        .collect();
    if !lines.is_empty() {
        let _ = write!(out, "<ul>{lines}</ul>");
    }
    out.push_str("</section>\n");
    out
}

/// The figures that are asked for first.
fn tiles(value: &Value) -> String {
    const TILES: [Row; 8] = [
        ("highest rate held, 1/s", "/highest", plain),
        ("succeeded, 1/s", "/succeeded_per_second", plain),
        ("failed", "/failed", plain),
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
        ("sent again by us", "/retransmissions", plain),
        ("server, µs of CPU a call", "/server_cpu/us_per_call", fine),
        ("SER, %", "/rfc6076/SER_percent", fine),
    ];
    let tile = |(name, path, write): Row| {
        let value = number(value, path)?;
        Some(format!(
            "<div class=\"tile\"><span>{name}</span><b>{}</b></div>",
            write(value)
        ))
    };
    let tiles: String = TILES.into_iter().filter_map(tile).collect();
    if tiles.is_empty() {
        return tiles;
    }
    format!("<div class=\"tiles\">{tiles}</div>\n")
}

/// A row of the figures: its name, where the record has it, and how it is written.
pub(super) type Row = (&'static str, &'static str, fn(f64) -> String);

const ROWS: [Row; 25] = [
    ("rate asked, 1/s", "/rate", plain),
    ("succeeded, 1/s", "/succeeded_per_second", plain),
    (
        "goodput while calls were offered, 1/s",
        "/goodput_per_second",
        plain,
    ),
    ("started", "/started", plain),
    ("succeeded", "/succeeded", plain),
    ("failed", "/failed", plain),
    ("sent again by the generator", "/retransmissions", plain),
    (
        "datagrams dropped at the generator's sockets",
        "/drops/ours",
        plain,
    ),
    (
        "datagrams dropped at the target's sockets",
        "/drops/target",
        plain,
    ),
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
    ("response p50", "/times_us/response/p50", micros),
    ("response p99", "/times_us/response/p99", micros),
    ("server, µs of CPU a call", "/server_cpu/us_per_call", fine),
    (
        "generator, µs of CPU a call",
        "/generator_cpu/us_per_call",
        fine,
    ),
    ("generator busy, share", "/generator_busy", fine),
    (
        "server, MiB resident",
        "/server_cpu/resident_bytes",
        mebibytes,
    ),
    (
        "server's memory, MiB a minute",
        "/server_memory_mib_per_minute/all",
        fine,
    ),
    (
        "the same, second half of the run",
        "/server_memory_mib_per_minute/second_half",
        fine,
    ),
    ("calls held at once", "/held/open", plain),
    (
        "server, bytes a held call",
        "/held/server_grew_per_call",
        plain,
    ),
    (
        "generator, bytes a held call",
        "/held/generator_grew_per_call",
        plain,
    ),
    ("connections kept", "/connections/open", plain),
    ("CRLF to its answer p99", "/connections/pong_us/p99", micros),
];

/// With a blank between thousands.
pub(super) fn plain(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let first = match digits.len() % 3 {
        0 => 3.min(digits.len()),
        first => first,
    };
    let mut out = format!("{sign}{}", &digits[..first]);
    for group in digits.as_bytes()[first..].chunks(3) {
        out.push('\u{202f}');
        out.extend(group.iter().map(|&digit| char::from(digit)));
    }
    out
}

fn fine(value: f64) -> String {
    format!("{value:.2}")
}

fn mebibytes(value: f64) -> String {
    format!("{:.1}", value / f64::from(1 << 20))
}

pub(super) fn micros(value: f64) -> String {
    time(value as u64).replace(" us", " µs")
}

/// Whether it is of a part that not every run has.
fn is_of_some(path: &str) -> bool {
    const PARTS: [&str; 3] = ["/times_us/", "/held/", "/connections/"];
    PARTS.iter().any(|part| path.starts_with(part))
}

/// Records side by side; each but the first with its ratio to the first.
pub(super) fn figures(records: &[&Record]) -> String {
    let mut out = "<div class=\"wide\"><table><tr><th></th>".to_owned();
    for record in records {
        let _ = write!(out, "<th>{}</th>", escape(&record.name));
    }
    out.push_str("</tr>\n");
    for (name, path, write) in ROWS {
        // Not asked for: of calls there are no responses, few runs hold calls or connections.
        let has = |record: &&Record| number(&record.value, path).is_some();
        if is_of_some(path) && !records.iter().any(has) {
            continue;
        }
        let first = records
            .first()
            .and_then(|record| number(&record.value, path));
        let _ = write!(out, "<tr><td>{name}</td>");
        for (at, record) in records.iter().enumerate() {
            let Some(value) = number(&record.value, path) else {
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
    out.push_str("</table></div>\n");
    out
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
