//! What is expected and what happened, side by side: a unified difference that names the step.

use super::limits::DIFFERENCE_CELLS_MAX;

/// Lines shown around a difference.
const CONTEXT: usize = 2;

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Begins a stretch: the step it is in.
    Step(String),
    /// In both.
    Both(String),
    /// Expected, and did not happen.
    Missing(String),
    /// Happened, and was not expected.
    New(String),
}

/// The differing stretches with the lines around them. Nothing if both are the same.
pub fn difference(expected: &str, actual: &str) -> Vec<Line> {
    let old: Vec<&str> = expected.lines().map(str::trim_end).collect();
    let new: Vec<&str> = actual.lines().map(str::trim_end).collect();
    let lines = edits(&old, &new);
    let is_change = |line: &Line| !matches!(line, Line::Both(_));
    let mut out = Vec::new();
    let mut step = String::new();
    let mut shown_until = 0;
    for at in 0..lines.len() {
        let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len());
        let is_shown = lines[near].iter().any(is_change);
        let (Line::Both(text) | Line::Missing(text) | Line::New(text) | Line::Step(text)) =
            &lines[at];
        let is_heading = !text.starts_with([' ', '\t']) && !text.is_empty();
        if is_heading && !matches!(lines[at], Line::Missing(_)) {
            step.clone_from(text);
        }
        if is_shown {
            if shown_until != at || out.is_empty() {
                out.push(Line::Step(step.clone()));
            }
            out.push(lines[at].clone());
            shown_until = at + 1;
        }
    }
    out
}

/// Both texts as one list: the longest common subsequence stays.
fn edits(old: &[&str], new: &[&str]) -> Vec<Line> {
    let same = |a: &[&str], b: &[&str]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let head = same(old, new);
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (
        &old_rest[..old_rest.len() - tail],
        &new_rest[..new_rest.len() - tail],
    );
    let both = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| Line::Both((*line).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut out = both(&old[..head]);
    let width = b.len() + 1;
    if (a.len() + 1).saturating_mul(width) > DIFFERENCE_CELLS_MAX {
        out.extend(a.iter().map(|line| Line::Missing((*line).to_owned())));
        out.extend(b.iter().map(|line| Line::New((*line).to_owned())));
    } else {
        // Length of the longest common subsequence of what is left from (i, j) on.
        let mut table = vec![0u32; (a.len() + 1) * width];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                table[i * width + j] = if a[i] == b[j] {
                    table[(i + 1) * width + j + 1] + 1
                } else {
                    table[(i + 1) * width + j].max(table[i * width + j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            if i < a.len() && j < b.len() && a[i] == b[j] {
                out.push(Line::Both(a[i].to_owned()));
                (i, j) = (i + 1, j + 1);
            } else if i < a.len()
                && (j == b.len() || table[(i + 1) * width + j] >= table[i * width + j + 1])
            {
                out.push(Line::Missing(a[i].to_owned()));
                i += 1;
            } else {
                out.push(Line::New(b[j].to_owned()));
                j += 1;
            }
        }
    }
    out.extend(both(&old_rest[old_rest.len() - tail..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_its_step_and_keeps_what_is_common() {
        let old = "a > INVITE\n  1\n  2\n  3\n  4\nb > BYE\n  5\n  6\n";
        let new = "a > INVITE\n  1\n  2\n  3\n  4\nb > BYE\n  x\n  6\n";
        assert!(difference(old, old).is_empty());
        let text = |text: &str| text.to_owned();
        assert_eq!(
            difference(old, new),
            [
                Line::Step(text("a > INVITE")),
                Line::Both(text("  4")),
                Line::Both(text("b > BYE")),
                Line::Missing(text("  5")),
                Line::New(text("  x")),
                Line::Both(text("  6")),
            ]
        );
    }
}
