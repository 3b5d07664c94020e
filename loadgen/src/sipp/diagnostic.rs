//! What is wrong with a file, where it stands, and what to do.

use std::fmt;
use std::ops::Range;

/// A file as it was read, and what to call it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    file: String,
    line: usize,
    column: usize,
    width: usize,
    text: String,
    message: String,
    help: String,
}

impl Source {
    /// The mistake `message` at these bytes; `help` says what would be right and may be empty.
    pub(crate) fn diagnostic(
        &self,
        at: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        let start = at.start.min(self.bytes.len());
        let line_start = self.bytes[..start]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |place| place + 1);
        let rest = &self.bytes[line_start..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let text = &rest[..length.unwrap_or(rest.len())];
        let text = String::from_utf8_lossy(text).trim_end().replace('\t', " ");
        let before = String::from_utf8_lossy(&self.bytes[line_start..start]);
        let column = before.chars().count() + 1;
        let room = text.chars().count().saturating_sub(column - 1).max(1);
        Diagnostic {
            file: self.name.clone(),
            line: self.line_of(start),
            column,
            width: at.end.saturating_sub(at.start).clamp(1, room),
            text,
            message: message.into(),
            help: help.into(),
        }
    }

    /// The line of a byte, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        let before = &self.bytes[..at.min(self.bytes.len())];
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            width,
            text,
            message,
            help,
        } = self;
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line:>5} | {text}")?;
        let mark = format!("{}{}", " ".repeat(column - 1), "^".repeat(*width));
        writeln!(f, "      | {mark} {help}").map(|()| ())
    }
}

impl Diagnostic {
    /// By file and place.
    pub(crate) fn order(&self) -> (&str, usize, usize) {
        (&self.file, self.line, self.column)
    }
}

/// The nearest of some names, when one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = names
        .into_iter()
        .map(|name| (distance(word, name), name))
        .min()?;
    (found.0 <= 1 + word.len() / 4).then_some(found.1)
}

/// How many letters have to be changed, put in or left out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &other) in b.iter().enumerate() {
            let cost = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
