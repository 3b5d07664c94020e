//! Takes a profile's lines apart: sections, keys, values, and where each of them stands.
//!
//! A part of TOML: what it takes, TOML takes and means the same by it. A value stands in one line.

use std::fmt::{self, Write as _};
use std::ops::Range;

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The section it stands in; empty before the first.
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    pub(super) value: Value<'a>,
    pub(super) key_place: Place<'a>,
    pub(super) value_place: Place<'a>,
}

/// What is written behind `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Truth(bool),
    Text(&'a str),
    List(Vec<Value<'a>>),
    /// Anything else, as it is written: for the one who says what should stand there.
    Other(&'a str),
}

/// A part of a line.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) number: usize,
    pub(super) line: &'a str,
    /// In bytes.
    pub(super) range: Range<usize>,
}

/// What is wrong, collected.
pub(super) struct Faults<'n> {
    name: &'n str,
    /// The line of each, and what is said.
    list: Vec<(usize, String)>,
}

impl<'n> Faults<'n> {
    pub(super) fn new(name: &'n str) -> Faults<'n> {
        Faults {
            name,
            list: Vec::new(),
        }
    }

    /// Says it with file, line, column, and the line itself.
    pub(super) fn say(&mut self, place: &Place<'_>, reason: &str) {
        let Place {
            number,
            line,
            range,
        } = place;
        let characters =
            |range: Range<usize>| line.get(range).map_or(0, |text| text.chars().count());
        let before = characters(0..range.start);
        let width = characters(range.clone()).max(1);
        // Tabs stay tabs, so that the mark stands below what it means.
        let indent: String = line
            .chars()
            .take(before)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let said = format!(
            "{}:{number}:{}: {reason}\n{number:>5} | {}\n      | {indent}{}\n",
            self.name,
            before + 1,
            line.trim_end(),
            "^".repeat(width)
        );
        self.list.push((*number, said));
    }

    /// `good`, if nothing was wrong.
    pub(super) fn none_or<T>(mut self, good: T) -> Result<T, String> {
        if self.list.is_empty() {
            return Ok(good);
        }
        self.list.sort_by_key(|(line, _)| *line);
        Err(self.list.into_iter().map(|(_, said)| said).collect())
    }
}

/// All entries of a profile, in order; lines that are none are said.
pub(super) fn entries<'a>(text: &'a str, faults: &mut Faults<'_>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut section = "";
    for (number, line) in (1..).zip(text.lines()) {
        let place = |range: Range<usize>| Place {
            number,
            line,
            range,
        };
        let start = line.len() - line.trim_start().len();
        let end = end_of_content(line);
        let content = line[..end].trim();
        if content.is_empty() {
            continue;
        }
        if let Some(rest) = content.strip_prefix('[') {
            match rest.strip_suffix(']').map(str::trim) {
                Some(name) if !name.is_empty() && name.chars().all(is_bare_or_dot) => {
                    section = name
                }
                _ => faults.say(
                    &place(start..start + content.len()),
                    "expected a section like `[machine]`",
                ),
            }
            continue;
        }
        let Some(equals) = equals_of(&line[..end]) else {
            faults.say(
                &place(start..start + content.len()),
                "expected `key = value`",
            );
            continue;
        };
        let written = line[start..equals].trim();
        let key_place = place(start..start + written.len());
        let is_quoted = written.len() >= 2 && written.starts_with('"') && written.ends_with('"');
        let key = match is_quoted {
            true => &written[1..written.len() - 1],
            false => written,
        };
        if key.is_empty() || !is_quoted && !key.chars().all(is_bare) {
            faults.say(
                &key_place,
                "expected a key of letters, digits and `_`; one with dots stands in quotes",
            );
            continue;
        }
        let behind = &line[equals + 1..end];
        let from = equals + 1 + (behind.len() - behind.trim_start().len());
        let value_place = place(from..from + behind.trim().len());
        let before = entries
            .iter()
            .find(|one| one.section == section && one.key == key);
        if let Some(before) = before {
            let line = before.key_place.number;
            faults.say(
                &key_place,
                &format!("`{key}` is given twice, first in line {line}"),
            );
            continue;
        }
        entries.push(Entry {
            section,
            key,
            value: value(behind.trim()),
            key_place,
            value_place,
        });
    }
    entries
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_bare_or_dot(c: char) -> bool {
    is_bare(c) || c == '.'
}

/// Where a line's comment begins, or its end. Neither `#` nor `=` counts inside quotes.
fn end_of_content(line: &str) -> usize {
    outside_quotes(line, '#').unwrap_or(line.len())
}

fn equals_of(line: &str) -> Option<usize> {
    outside_quotes(line, '=')
}

fn outside_quotes(line: &str, wanted: char) -> Option<usize> {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == wanted => return Some(at),
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
        }
    }
    None
}

fn value(written: &str) -> Value<'_> {
    let other = Value::Other(written);
    match written {
        "true" => return Value::Truth(true),
        "false" => return Value::Truth(false),
        _ => {}
    }
    if let Some(list) = written.strip_prefix('[') {
        let Some(list) = list.strip_suffix(']') else {
            return other;
        };
        let mut values = Vec::new();
        let mut rest = list.trim();
        while !rest.is_empty() {
            let end = outside_quotes(rest, ',').unwrap_or(rest.len());
            match value(rest[..end].trim()) {
                Value::Other(_) | Value::List(_) => return other,
                one => values.push(one),
            }
            rest = rest.get(end + 1..).unwrap_or_default().trim_start();
        }
        return Value::List(values);
    }
    for quote in ['"', '\''] {
        if let Some(text) = written.strip_prefix(quote) {
            // A backslash means something in TOML's "", and we have no use for what it means.
            return match text.strip_suffix(quote) {
                Some(text) if !text.contains(['"', '\'', '\\']) => Value::Text(text),
                _ => other,
            };
        }
    }
    number(written).map_or(other, Value::Number)
}

/// Digits, with `_` between them where one likes.
fn number(written: &str) -> Option<u64> {
    let is_apart = |written: &str| {
        written.starts_with('_') || written.ends_with('_') || written.contains("__")
    };
    let begins_with_zero = written.len() > 1 && written.starts_with('0');
    if is_apart(written) || begins_with_zero || written.starts_with('+') {
        return None;
    }
    written.replace('_', "").parse().ok()
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Text(text) => write!(f, "\"{text}\""),
            Value::Other(text) => f.write_str(text),
            Value::List(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    value.fmt(f)?;
                }
                f.write_char(']')
            }
        }
    }
}

/// A list of cores as the kernel writes it: `0-3,8`. `None`: it is none, or it names a core beyond
/// [`CORE_MAX`](crate::limits::CORE_MAX).
pub fn cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    let text = text.trim();
    if text.is_empty() {
        return Some(cores);
    }
    for part in text.split(',') {
        let (from, to) = part.trim().split_once('-').unwrap_or((part, part));
        let from: usize = from.trim().parse().ok()?;
        let to: usize = to.trim().parse().ok()?;
        if to > crate::limits::CORE_MAX || from > to {
            return None;
        }
        cores.extend(from..=to);
    }
    Some(cores)
}
