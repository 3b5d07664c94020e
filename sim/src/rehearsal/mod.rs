//! Rehearsals: a routing script on simulated time, with messages in and text out. `tandem test` is the command.
//!
//! A `.test` file names a script and peers, says what the peers send and how they answer, and below the line `---`
//! what then happens: the ladder, log lines, values of variables, messages. [`rehearse`] plays it and compares;
//! `docs/testing-scripts.md` tells the format. Its peers are not phones ([`loadgen`]'s are, in [`crate::flow`]): they send what
//! the test says, also what is wrong.
//!
//! Deterministic: no chance, no real time, no order of a map. The same files are the same result.

#![expect(
    clippy::result_large_err,
    reason = "a fault ends a test; what it says is for a person"
)]

mod coverage;
mod difference;
mod fault;
mod files;
mod limits;
mod mask;
mod peer;
mod plan;
mod read;
mod report;
mod says;
mod server;
mod sip;
mod words;
mod world;

use std::io::Read as _;
use std::path::Path;

pub use coverage::{Coverage, FileCoverage};
pub use difference::{Line, difference};
pub use fault::Fault;

use limits::FILE_BYTES_MAX;
use world::World;

/// A test that was played.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// What happened.
    pub actual: String,
    /// What was expected; `None` when the file says nothing of it.
    pub expected: Option<String>,
    /// Where they differ; empty when the test passed.
    pub difference: Vec<Line>,
    /// How many steps there were.
    pub steps: usize,
    /// What ran of the scripts.
    pub coverage: Coverage,
    /// The file with what happened below the line.
    pub updated: String,
}

impl Rehearsal {
    /// Whether everything happened as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.expected.is_some() && self.difference.is_empty()
    }
}

/// Plays a test file. The fault says what is wrong with the file or its script.
pub fn rehearse(path: &Path) -> Result<Rehearsal, Fault> {
    let name = path.display().to_string();
    let text = load(path).map_err(|reason| Fault::of_file(&name, reason, ""))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let plan = read::read(&name, &text, folder)?;
    let line = |number: usize| {
        let line = text.lines().nth(number.saturating_sub(1));
        line.unwrap_or_default().to_owned()
    };
    let mut world = World::new(&plan, folder, line)?;
    for (number, step) in plan.steps.iter().enumerate() {
        world
            .step(number, &step.act)
            .map_err(|(reason, hint)| Fault {
                file: name.clone(),
                line: step.at.line,
                column: step.at.column,
                width: step.at.width,
                text: line(step.at.line),
                reason,
                hint,
                details: String::new(),
            })?;
    }
    let actual = report::text(&plan, &world.entries);
    let mut coverage = Coverage::default();
    for server in &world.servers {
        let mut one = Coverage::default();
        one.add(server);
        coverage.merge(&one);
    }
    let expected = plan.expected_at.map(|at| text[at..].to_owned());
    let above = plan.expected_at.map_or(text.as_str(), |at| &text[..at]);
    let line_end = if above.ends_with('\n') { "" } else { "\n" };
    let line = if plan.expected_at.is_some() {
        ""
    } else {
        "---\n"
    };
    Ok(Rehearsal {
        difference: difference(
            expected.as_deref().unwrap_or_default().trim_end(),
            actual.trim_end(),
        ),
        updated: format!("{above}{line_end}{line}{actual}"),
        steps: plan.steps.len(),
        actual,
        expected,
        coverage,
    })
}

fn load(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read it: {error}"))?;
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read it: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("more than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
}
