//! What is wrong with a test file: place, line, what to do.

use std::fmt;

/// A finding in a test file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As the file was named.
    pub file: String,
    /// From 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// Bytes that are meant.
    pub width: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// What the script's compiler says, whole.
    pub details: String,
}

impl Fault {
    /// About the file as a whole.
    pub fn of_file(file: &str, reason: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault {
            file: file.to_owned(),
            line: 0,
            column: 0,
            width: 0,
            text: String::new(),
            reason: reason.into(),
            hint: hint.into(),
            details: String::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            writeln!(f, "{}: {}", self.file, self.reason)?;
            if !self.hint.is_empty() {
                writeln!(f, "      {}", self.hint)?;
            }
        } else {
            let (line, column) = (self.line, self.column);
            writeln!(f, "{}:{line}:{column}: {}", self.file, self.reason)?;
            writeln!(f, "{line:>5} | {}", self.text)?;
            // Tabs are repeated so that the marker stands under its text at any tab width.
            let before = self
                .text
                .char_indices()
                .take_while(|(at, _)| at + 1 < column);
            let lead: String = before
                .map(|(_, c)| if c == '\t' { c } else { ' ' })
                .collect();
            let marker = "^".repeat(self.width.max(1));
            let marked = format!("      | {lead}{marker} {}", self.hint);
            writeln!(f, "{}", marked.trim_end())?;
        }
        f.write_str(&self.details)
    }
}
