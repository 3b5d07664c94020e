//! The part of TOML that files of ours need: tables, lists of tables, and keys with one value each.
//!
//! Values are given as words, whatever their kind, because they mean what the option of the same name means.

use crate::source::Source;

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) key: &'t str,
    /// Where the key stands.
    pub(super) at: usize,
    pub(super) value: String,
    /// Where the value stands, and how long it is there.
    pub(super) value_at: usize,
    pub(super) value_width: usize,
}

/// What stands under one `[name]` or `[[name]]`; the first has no name.
#[derive(Debug)]
pub(super) struct Table<'t> {
    pub(super) name: &'t str,
    pub(super) at: usize,
    pub(super) is_listed: bool,
    pub(super) entries: Vec<Entry<'t>>,
}

/// All tables in their order.
pub(super) fn read<'t>(source: &Source<'t>) -> Result<Vec<Table<'t>>, String> {
    let text = source.text;
    let mut tables = vec![Table {
        name: "",
        at: 0,
        is_listed: false,
        entries: Vec::new(),
    }];
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let at = start + indent;
        start += line.len();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            tables.push(header(source, line, at)?);
            continue;
        }
        let entry = entry(source, line, at)?;
        let Some(table) = tables.last_mut() else {
            continue;
        };
        if table.entries.iter().any(|known| known.key == entry.key) {
            let what = format!("`{}` is said twice", entry.key);
            return Err(source.fault(entry.at, entry.key.len(), &what));
        }
        table.entries.push(entry);
    }
    Ok(tables)
}

fn header<'t>(source: &Source<'t>, line: &'t str, at: usize) -> Result<Table<'t>, String> {
    let line = without_comment(line);
    let is_listed = line.starts_with("[[");
    let inner = if is_listed {
        line.strip_prefix("[[")
            .and_then(|rest| rest.strip_suffix("]]"))
    } else {
        line.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
    };
    match inner.map(str::trim) {
        Some(name) if is_key(name) => Ok(Table {
            name,
            at,
            is_listed,
            entries: Vec::new(),
        }),
        _ => Err(source.fault(at, line.len(), "expected `[name]` or `[[name]]`")),
    }
}

fn entry<'t>(source: &Source<'t>, line: &'t str, at: usize) -> Result<Entry<'t>, String> {
    let Some((key, value)) = line
        .split_once('=')
        .filter(|(key, _)| is_key(key.trim_end()))
    else {
        return Err(source.fault(at, line.len(), "expected `key = value`"));
    };
    let value_at = at + key.len() + 1 + (value.len() - value.trim_start().len());
    let key = key.trim_end();
    let fault = |what: &str| source.fault(value_at, 1, what);
    let value = value.trim_start();
    let (value, value_width) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (text, width) = quoted(value, quote)
                .map_err(|(place, what)| source.fault(value_at + place, 1, what))?;
            let rest = without_comment(&value[width..]);
            if !rest.is_empty() {
                return Err(source.fault(
                    value_at + width,
                    rest.len(),
                    "expected the end of the line",
                ));
            }
            (text, width)
        }
        _ => {
            let word = without_comment(value);
            let is_number = word.replace('_', "").parse::<f64>().is_ok();
            if !is_number && !matches!(word, "true" | "false") {
                let what = "expected a number, true, false, or a text in quotes";
                return Err(if word.is_empty() {
                    fault(what)
                } else {
                    source.fault(value_at, word.len(), what)
                });
            }
            let value = if is_number {
                word.replace('_', "")
            } else {
                word.to_owned()
            };
            (value, word.len())
        }
    };
    Ok(Entry {
        key,
        at,
        value,
        value_at,
        value_width,
    })
}

/// The text between quotes, and how much of `value` it took.
fn quoted(value: &str, quote: char) -> Result<(String, usize), (usize, &'static str)> {
    let mut text = String::new();
    let mut letters = value.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Ok((text, at + 1));
        }
        if letter != '\\' || quote == '\'' {
            text.push(letter);
            continue;
        }
        text.push(match letters.next() {
            Some((_, 'n')) => '\n',
            Some((_, 'r')) => '\r',
            Some((_, 't')) => '\t',
            Some((_, letter @ ('"' | '\\'))) => letter,
            _ => return Err((at, "expected one of \\n \\r \\t \\\" \\\\")),
        });
    }
    Err((0, "this quote is never closed"))
}

fn without_comment(line: &str) -> &str {
    match line.split_once('#') {
        Some((before, _)) => before.trim(),
        None => line.trim(),
    }
}

fn is_key(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
