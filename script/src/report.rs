//! Collects what is found while compiling, and shows it with its surroundings.

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::limits::{ERRORS_MAX, WARNINGS_MAX};
use crate::source::{Place, Source, Span};

pub(crate) struct Report<'s> {
    pub(crate) source: &'s Source,
    found: Vec<Found>,
    errors: usize,
    warnings: usize,
}

struct Found {
    place: Place,
    severity: Severity,
    reason: String,
    hint: Option<String>,
    /// The line, where the files do not say what it is.
    line: Option<String>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(source: &'s Source) -> Report<'s> {
        Report {
            source,
            found: Vec::new(),
            errors: 0,
            warnings: 0,
        }
    }

    pub(crate) fn error(&mut self, span: Span, reason: impl Into<String>) {
        self.add_at(span, Severity::Error, reason.into(), None);
    }

    pub(crate) fn error_with(
        &mut self,
        span: Span,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add_at(span, Severity::Error, reason.into(), Some(hint.into()));
    }

    pub(crate) fn warn(&mut self, span: Span, reason: impl Into<String>, hint: Option<String>) {
        self.add_at(span, Severity::Warning, reason.into(), hint);
    }

    pub(crate) fn fault(&mut self, place: Place, reason: String, hint: Option<String>) {
        self.add(place, None, Severity::Error, reason, hint);
    }

    fn add_at(&mut self, span: Span, severity: Severity, reason: String, hint: Option<String>) {
        let line = self.source.preprocessed_line(span).map(shown);
        self.add(self.source.place(span), line, severity, reason, hint);
    }

    /// Says more about what was reported last.
    pub(crate) fn amend_last(&mut self, hint: &str) {
        if let Some(last) = self.found.last_mut().filter(|last| last.hint.is_none()) {
            last.hint = Some(hint.to_owned());
        }
    }

    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Enough was found that going on helps nobody.
    pub(crate) fn is_full(&self) -> bool {
        self.errors > ERRORS_MAX
    }

    fn add(
        &mut self,
        place: Place,
        line: Option<String>,
        severity: Severity,
        reason: String,
        hint: Option<String>,
    ) {
        let (count, max) = match severity {
            Severity::Error => (&mut self.errors, ERRORS_MAX),
            Severity::Warning => (&mut self.warnings, WARNINGS_MAX),
        };
        *count += 1;
        if *count <= max {
            self.found.push(Found {
                place,
                severity,
                reason,
                hint,
                line,
            });
        }
    }

    /// Everything of this severity and worse, in the order of the source.
    pub(crate) fn finish(mut self, least: Severity) -> Diagnostics {
        let stopped = self.is_full();
        let omitted = match least {
            Severity::Error => 0,
            Severity::Warning => self.warnings.saturating_sub(WARNINGS_MAX),
        };
        self.found
            .sort_by_key(|found| (found.place, found.severity));
        self.found
            .dedup_by(|one, other| one.place == other.place && one.reason == other.reason);
        let list = self
            .found
            .iter()
            .filter(|found| found.severity <= least)
            .map(|found| self.show(found))
            .collect();
        Diagnostics {
            list,
            omitted,
            stopped,
        }
    }

    fn show(&self, found: &Found) -> Diagnostic {
        let place = found.place;
        let mut included_from = Vec::new();
        let mut file = self.source.files.get(usize::from(place.file));
        while let Some((from, line)) = file.and_then(|file| file.included_at) {
            file = self.source.files.get(usize::from(from));
            included_from.push((file.map_or(String::new(), |file| file.name.clone()), line));
        }
        included_from.reverse();
        let file = self.source.files.get(usize::from(place.file));
        Diagnostic {
            severity: found.severity,
            file: file.map_or(String::new(), |file| file.name.clone()),
            line: place.line,
            column: place.column,
            end_column: place.end_column,
            reason: found.reason.clone(),
            hint: found.hint.clone(),
            included_from,
            context: match &found.line {
                Some(line) => vec![(place.line, line.clone())],
                None => file.map_or(Vec::new(), |file| context(&file.text, place.line)),
            },
        }
    }
}

fn context(text: &[u8], line: u32) -> Vec<(u32, String)> {
    if line == 0 {
        return Vec::new();
    }
    let first = line.saturating_sub(2).max(1);
    text.split(|byte| *byte == b'\n')
        .zip(1u32..)
        .skip(first as usize - 1)
        .take((line - first) as usize + 3)
        .map(|(text, number)| (number, shown(text)))
        .collect()
}

/// A line as it is shown. One of a megabyte helps nobody; what is marked is nearly always at its beginning.
fn shown(line: &[u8]) -> String {
    let line = &line[..line.len().min(400)];
    // Whoever reads it sits at a terminal, which obeys control characters.
    let is_control = |c: char| c != '\t' && c.is_control();
    String::from_utf8_lossy(line)
        .trim_end()
        .replace(is_control, "?")
}

/// Of these names, the one most like what was written, if any is close.
pub(crate) fn suggest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = match written.len() {
        0..=2 => 0,
        3..=5 => 1,
        6..=10 => 2,
        _ => 3,
    };
    let first = |text: &str| text.bytes().next().map(|byte| byte.to_ascii_lowercase());
    let names: Vec<&str> = names.collect();
    let near = names
        .iter()
        .filter(|name| name.len().abs_diff(written.len()) <= allowed.max(1))
        .map(|name| (distance(written, name), *name))
        .filter(|(distance, name)| *distance <= allowed || name.eq_ignore_ascii_case(written))
        // Two slips, one of them in the first letter, are another word.
        .filter(|(distance, name)| *distance <= 1 || first(name) == first(written))
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, name)) = near {
        return Some(name);
    }
    // Words that begin alike and end otherwise: `fr_timer`, `fr_timeout`.
    let shared = |name: &str| {
        let pairs = name.bytes().zip(written.bytes());
        pairs.take_while(|(one, other)| one == other).count()
    };
    names
        .into_iter()
        .map(|name| (shared(name), name))
        .filter(|(shared, name)| {
            *shared >= 5 && shared * 4 >= written.len().max(name.len() - 2) * 3
        })
        .min_by_key(|(shared, name)| (std::cmp::Reverse(*shared), name.len()))
        .map(|(_, name)| name)
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() > 64 || other.len() > 64 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (above[j] + usize::from(a != b))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[other.len()]
}
