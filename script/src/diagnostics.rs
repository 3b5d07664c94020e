//! What is wrong with a script, for the person who wrote it.
//!
//! The first line of an error is the one that editors and tools know from OpenSIPS, `parse error in FILE:LINE:COL-COL:
//! REASON`; below it stand the includes that led there, the line between its neighbours, a marker and what to do.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The script does not start.
    Error,
    /// The script starts, and may not do what it says.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; 0 if the finding is about the file as a whole.
    pub line: u32,
    /// The first column of what is meant, from 1, in characters.
    pub column: u32,
    /// The column after the last one.
    pub end_column: u32,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where the file was included, outermost first.
    pub included_from: Vec<(String, u32)>,
    /// Lines to show, with their numbers: up to two before, the line, up to two after.
    pub context: Vec<(u32, String)>,
}

/// Everything found in one run, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// The findings.
    pub list: Vec<Diagnostic>,
    /// Warnings beyond the bound in `limits.rs`, only counted.
    pub omitted: usize,
    /// There were more errors than the bound in `limits.rs`, and the rest of the script was not looked at. How many
    /// more there are is not known.
    pub stopped: bool,
}

impl Diagnostics {
    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Number of errors.
    pub fn errors(&self) -> usize {
        self.list
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .count()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.list {
            write!(f, "{one}")?;
        }
        if self.omitted > 0 {
            let s = if self.omitted == 1 { "" } else { "s" };
            writeln!(f, "and {} more warning{s}", self.omitted)?;
        }
        match self.errors() {
            errors if self.stopped => {
                let s = if errors == 1 { "" } else { "s" };
                writeln!(f, "stopped after {errors} error{s}; there may be more")
            }
            0 => Ok(()),
            1 => writeln!(f, "1 error"),
            errors => writeln!(f, "{errors} errors"),
        }
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "parse error",
            Severity::Warning => "warning",
        };
        if self.line == 0 {
            writeln!(f, "{word} in {}: {}", self.file, self.reason)?;
        } else {
            let (from, to) = (self.column, self.end_column.max(self.column + 1));
            writeln!(
                f,
                "{word} in {}:{}:{from}-{to}: {}",
                self.file, self.line, self.reason
            )?;
        }
        let levels = self.included_from.len();
        for (level, (file, line)) in self.included_from.iter().enumerate() {
            if levels > 6 && level == 3 {
                writeln!(f, "  and through {} more files", levels - 6)?;
            }
            if levels <= 6 || level < 3 || level >= levels - 3 {
                writeln!(f, "  included from {file}:{line}")?;
            }
        }
        if self.context.is_empty() {
            if let Some(hint) = &self.hint {
                writeln!(f, "  {hint}")?;
            }
            return Ok(());
        }
        for (number, text) in &self.context {
            writeln!(
                f,
                "{}",
                format_args!("{number:>5} | {text}").to_string().trim_end()
            )?;
            if *number == self.line {
                self.write_marker(f, text)?;
            }
        }
        Ok(())
    }
}

impl Diagnostic {
    fn write_marker(&self, f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
        let start = (self.column as usize).saturating_sub(1);
        // Tabs are repeated so that the marker stands under its text at any tab width.
        let lead: String = text
            .chars()
            .take(start)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let end = (self.end_column as usize).saturating_sub(1);
        let marked = text.chars().count().min(end).saturating_sub(start);
        write!(f, "      | {lead}^{}", "~".repeat(marked.saturating_sub(1)))?;
        match &self.hint {
            Some(hint) => writeln!(f, " {hint}"),
            None => writeln!(f),
        }
    }
}
