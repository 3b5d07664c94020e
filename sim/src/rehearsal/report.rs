//! What happened, as the lower half of a test file shows it.

use std::fmt::Write as _;

use super::plan::{Act, Plan, Show};
use super::sip::is_name;
use super::world::Entry;

/// The levels of log lines in words.
fn level_name(level: i8) -> &'static str {
    match level {
        4.. => "debug",
        3 => "info",
        2 => "notice",
        0 | 1 => "warning",
        -1 => "error",
        -2 => "critical",
        _ => "alert",
    }
}

/// The whole text. Steps stand at the beginning of the line, what they led to is indented.
pub(super) fn text(plan: &Plan, entries: &[Entry]) -> String {
    let names = entries.iter().filter_map(|entry| match entry {
        Entry::Message { from, to, .. } => Some(from.len().max(to.len())),
        _ => None,
    });
    let width = names.max().unwrap_or(6);
    let several = plan.servers.len() > 1;
    let of = |server: usize| match several {
        true => format!("{} ", plan.servers[server].name),
        false => String::new(),
    };
    let mut show = Show::Nothing;
    let mut out = String::new();
    let mut zero_us = None;
    for entry in entries {
        match entry {
            Entry::Step(number) => {
                let step = &plan.steps[*number];
                if let Act::Show(wanted) = &step.act {
                    show = wanted.clone();
                }
                let _ = writeln!(out, "{}", step.text);
            }
            Entry::Message {
                at_us,
                from,
                to,
                what,
                text,
            } => {
                let zero = *zero_us.get_or_insert(*at_us);
                let ms = at_us.saturating_sub(zero) / 1000;
                let line = format!("{ms:>8}ms  {from:width$} > {to:width$}  {what}");
                let _ = writeln!(out, "{}", line.trim_end());
                if let Some(text) = text {
                    shown(&show, text, &mut out);
                }
            }
            Entry::Log {
                server,
                level,
                line,
            } => {
                let mut lines = line.lines();
                let first = lines.next().unwrap_or_default();
                let _ = writeln!(
                    out,
                    "            {}log {}: {first}",
                    of(*server),
                    level_name(*level)
                );
                for more in lines {
                    let _ = writeln!(
                        out,
                        "{}",
                        format_args!("              {more}").to_string().trim_end()
                    );
                }
            }
            Entry::Watched { server, values } => {
                let watched = &plan.servers[*server].watched;
                let values = watched
                    .iter()
                    .zip(values)
                    .map(|((name, _), value)| format!("{name} = {value}"));
                let _ = writeln!(
                    out,
                    "            {}{}",
                    of(*server),
                    values.collect::<Vec<_>>().join("   ")
                );
            }
            Entry::Note(note) => {
                let _ = writeln!(out, "            {note}");
            }
        }
    }
    out
}

/// A message below its line of the ladder.
fn shown(show: &Show, text: &str, out: &mut String) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut put = |line: &str| {
        let _ = writeln!(
            out,
            "{}",
            format_args!("              | {line}")
                .to_string()
                .trim_end()
        );
    };
    let has_body = match show {
        Show::Nothing => return,
        Show::All => {
            head.lines().for_each(&mut put);
            true
        }
        Show::Fields(fields) => {
            for line in head.lines().skip(1) {
                let name = line.split(':').next().unwrap_or_default();
                if fields.iter().any(|field| is_name(field, name)) {
                    put(line);
                }
            }
            fields.iter().any(|field| field == "body")
        }
    };
    if has_body && !body.is_empty() {
        put("");
        body.lines().for_each(&mut put);
    }
}
