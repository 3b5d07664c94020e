//! Which lines of a script ran, and how often.
//!
//! A line counts if an operation of the program was written there. What the compiler adds by itself (the jump behind a
//! block, the end of a route) counts for no line.

use std::collections::BTreeMap;

use script::Op;
use script::program::Program;

use super::server::Server;

/// Of all scripts of some tests, by file name.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By file name.
    pub files: BTreeMap<String, FileCoverage>,
}

/// Of one file.
#[derive(Clone, Debug, Default)]
pub struct FileCoverage {
    /// Its text.
    pub text: String,
    /// By line, from 1: how often it ran.
    pub hits: BTreeMap<u32, u64>,
}

impl FileCoverage {
    /// Lines that can run.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.hits.len()
    }

    /// Lines that ran.
    #[must_use]
    pub fn run(&self) -> usize {
        self.hits.values().filter(|hits| **hits > 0).count()
    }

    /// In whole percent, rounded down: 100 is all.
    #[must_use]
    pub fn percent(&self) -> usize {
        match self.lines() {
            0 => 100,
            lines => self.run() * 100 / lines,
        }
    }

    /// Lines that never ran.
    pub fn missed(&self) -> impl Iterator<Item = u32> {
        self.hits
            .iter()
            .filter(|(_, hits)| **hits == 0)
            .map(|(line, _)| *line)
    }
}

impl Coverage {
    /// Adds what a server's engines have seen.
    pub(super) fn add(&mut self, server: &Server) {
        let program = &server.program;
        for (at, op) in program.ops.iter().enumerate() {
            if is_added(op) {
                continue;
            }
            let hits = server.engines.iter().filter_map(|engine| {
                let observer = engine.core().machine.observer.as_ref()?;
                observer.hits.get(at).copied()
            });
            self.line(program, server, at, hits.map(u64::from).sum());
        }
    }

    fn line(&mut self, program: &Program, server: &Server, at: usize, hits: u64) {
        let position = program.positions[at];
        let name = program.file(position);
        let Some((_, text)) = server.files.iter().find(|(file, _)| file == name) else {
            return;
        };
        // Behind the last line stands what the test has added.
        if position.line == 0 || position.line as usize > text.lines().count() {
            return;
        }
        let file = self.files.entry(name.to_owned()).or_default();
        if file.text.is_empty() {
            file.text.clone_from(text);
        }
        let line = file.hits.entry(position.line).or_default();
        // Several operations of a line ran as often as the one that ran most.
        *line = (*line).max(hits);
    }

    /// Adds another test's.
    pub fn merge(&mut self, other: &Coverage) {
        for (name, file) in &other.files {
            let own = self.files.entry(name.clone()).or_default();
            own.text.clone_from(&file.text);
            for (line, hits) in &file.hits {
                *own.hits.entry(*line).or_default() += hits;
            }
        }
    }
}

fn is_added(op: &Op) -> bool {
    matches!(op, Op::RouteEnd | Op::Jump(_))
}
