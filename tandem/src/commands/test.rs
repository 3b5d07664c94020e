//! `tandem test`: plays test files through their scripts and says what is different.
//!
//! The work is [`sim::rehearsal`]'s; here are the command line and the ways to say what came out.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;
use serde_json::{Value as Json, json};
use sim::rehearsal::{Coverage, Fault, FileCoverage, Line, Rehearsal, rehearse};

use super::Command;

pub(crate) const COMMAND: Command = Command {
    name: "test",
    usage: "[--update] [--coverage[=missed]] [--json] FILE.test...",
    does: "plays test files through their scripts on simulated time",
    options: OPTIONS,
    run,
};

const OPTIONS: &str = "  FILE.test          a test file; a folder stands for all of its *.test
  --update           write what happens into the files of the tests that fail; read the diff
  --coverage         show how often each line of the scripts ran
  --coverage=missed  show the lines that never ran
  --json             one JSON document
  -h, --help         this help

Status: 0 all passed, 1 a test failed, 2 one could not be played or the command line is wrong.
";

/// A test failed.
const FAILED: u8 = 1;
/// A test could not be played: it or its script has errors, or the command line means none.
const BROKEN: u8 = 2;
/// With more files than this each has no line of its own unless something is wrong with it.
const FEW_FILES: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Nothing,
    Missed,
    All,
}

/// What came out of a file.
enum Outcome {
    Played(Box<Rehearsal>),
    /// Written anew.
    Updated(Box<Rehearsal>),
    Broken(Fault),
}

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    Ok(play_all(parser).unwrap_or_else(|error| {
        crate::fail(&error);
        ExitCode::from(BROKEN)
    }))
}

fn play_all(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let say = |error| COMMAND.refuse(error);
    let (mut update, mut json, mut show) = (false, false, Show::Nothing);
    let mut names: Vec<PathBuf> = Vec::new();
    while let Some(argument) = parser.next().map_err(say)? {
        match argument {
            Short('h') | Long("help") => return COMMAND.say_help(),
            Long("update") => update = true,
            Long("json") => json = true,
            Long("coverage") => {
                show = match parser.optional_value() {
                    None => Show::All,
                    Some(value) if value == "missed" => Show::Missed,
                    Some(value) => {
                        let value = value.to_string_lossy().into_owned();
                        return Err(format!("--coverage or --coverage=missed, not `{value}`"));
                    }
                }
            }
            Value(name) => names.push(name.into()),
            other => return Err(say(other.unexpected())),
        }
    }
    if names.is_empty() {
        return Err(
            "test which files? `tandem test FILE.test...`; a folder stands for all of its *.test"
                .to_owned(),
        );
    }
    let files = find(&names)?;
    let terminal = std::io::stderr().is_terminal() && !json;
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut coverage = Coverage::default();
    let mut outcomes = Vec::new();
    for (number, file) in files.iter().enumerate() {
        if terminal && files.len() > FEW_FILES {
            eprint!(
                "\r\x1b[K[{}/{}] {}",
                number + 1,
                files.len(),
                file.display()
            );
        }
        let outcome = play(file, update)?;
        if let Outcome::Played(one) | Outcome::Updated(one) = &outcome {
            coverage.merge(&one.coverage);
        }
        if !json {
            let text = told(file, &outcome, files.len() > FEW_FILES, colour);
            if terminal && files.len() > FEW_FILES && !text.is_empty() {
                eprint!("\r\x1b[K");
            }
            super::say(&text)?;
        }
        outcomes.push((file, outcome));
    }
    if terminal && files.len() > FEW_FILES {
        eprint!("\r\x1b[K");
    }
    let count =
        |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| is(outcome)).count();
    let broken = count(&|outcome| matches!(outcome, Outcome::Broken(_)));
    let failed = count(&|outcome| matches!(outcome, Outcome::Played(one) if !one.passed()));
    let updated = count(&|outcome| matches!(outcome, Outcome::Updated(_)));
    let passed = outcomes.len() - broken - failed - updated;
    if json {
        let mut report =
            json!({ "passed": passed, "failed": failed, "broken": broken, "updated": updated });
        report["files"] = outcomes
            .iter()
            .map(|(file, outcome)| as_json(file, outcome))
            .collect();
        if show != Show::Nothing {
            report["coverage"] = coverage
                .files
                .iter()
                .map(|(name, file)| coverage_as_json(name, file))
                .collect();
        }
        super::say(&format!("{report:#}\n"))?;
    } else {
        super::say(&covered(&coverage, show))?;
        let mut summary = vec![format!("{passed} passed")];
        for (number, word) in [
            (failed, "failed"),
            (broken, "not playable"),
            (updated, "written anew"),
        ] {
            if number > 0 {
                summary.push(format!("{number} {word}"));
            }
        }
        super::say(&format!("{}\n", summary.join(", ")))?;
    }
    Ok(match (broken, failed) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(FAILED),
        _ => ExitCode::from(BROKEN),
    })
}

/// The files that are meant: a folder is all of its tests, a `*` that the shell left alone is one of ours.
fn find(names: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for name in names {
        let last = name
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.is_dir() {
            files.extend(inside(name, "*.test")?);
        } else if last.contains('*') && !name.exists() {
            files.extend(inside(name.parent().unwrap_or(Path::new("")), &last)?);
        } else {
            files.push(name.clone());
        }
    }
    Ok(files)
}

fn inside(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let shown = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries =
        std::fs::read_dir(shown).map_err(|error| format!("{}: {error}", shown.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(folder.join(entry.ok()?.file_name())))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| matches(pattern, &name.to_string_lossy()))
        })
        .collect();
    found.sort();
    match found.is_empty() {
        true => Err(format!("no {pattern} in {}", shown.display())),
        false => Ok(found),
    }
}

/// A name against a pattern with `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            (0..=name.len()).any(|at| name.is_char_boundary(at) && matches(rest, &name[at..]))
        }),
    }
}

fn play(file: &Path, update: bool) -> Result<Outcome, String> {
    let played = match rehearse(file) {
        Err(fault) => return Ok(Outcome::Broken(fault)),
        Ok(played) => played,
    };
    if !update || played.passed() {
        return Ok(Outcome::Played(Box::new(played)));
    }
    std::fs::write(file, &played.updated)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Outcome::Updated(Box::new(played)))
}

fn told(file: &Path, outcome: &Outcome, many: bool, colour: bool) -> String {
    let name = file.display();
    let steps = |one: &Rehearsal| match one.steps {
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    match outcome {
        Outcome::Played(one) if one.passed() && many => String::new(),
        Outcome::Played(one) if one.passed() => format!("ok      {name} ({})\n", steps(one)),
        Outcome::Updated(one) => format!("written {name} ({})\n", steps(one)),
        Outcome::Broken(fault) => format!("error   {fault}"),
        Outcome::Played(one) if one.expected.is_none() => format!(
            "FAILED  {name}: nothing is expected: there is no line `---`. `tandem test --update {name}` writes what happens\n"
        ),
        Outcome::Played(one) => {
            let mut text = format!("FAILED  {name}\n");
            for line in &one.difference {
                let (mark, paint, line) = match line {
                    Line::Step(step) => ("@@", "36", step),
                    Line::Both(line) => (" ", "", line),
                    Line::Missing(line) => ("-", "31", line),
                    Line::New(line) => ("+", "32", line),
                };
                let shown = match mark {
                    "@@" if line.is_empty() => "@@ before the first step @@".to_owned(),
                    "@@" => format!("@@ {line} @@"),
                    mark => format!("{mark}{line}"),
                };
                let _ = match colour && !paint.is_empty() {
                    true => writeln!(text, "\x1b[{paint}m{shown}\x1b[0m"),
                    false => writeln!(text, "{shown}"),
                };
            }
            let _ = writeln!(
                text,
                "        - was expected, + happened. If that is right: tandem test --update {name}"
            );
            text
        }
    }
}

/// The scripts with how often each line ran, or the lines that never did.
fn covered(coverage: &Coverage, show: Show) -> String {
    let mut text = String::new();
    if show == Show::Nothing {
        return text;
    }
    for (name, file) in &coverage.files {
        let _ = writeln!(
            text,
            "\n{name}: {} of {} lines ran, {} %",
            file.run(),
            file.lines(),
            file.percent()
        );
        for (number, line) in (1u32..).zip(file.text.lines()) {
            let hits = file.hits.get(&number);
            let is_shown = show == Show::All || hits == Some(&0);
            let hits = match hits {
                None => String::new(),
                Some(0) => "never".to_owned(),
                Some(hits) => hits.to_string(),
            };
            if is_shown {
                let _ = writeln!(
                    text,
                    "{}",
                    format!("{hits:>8} {number:>5} | {line}").trim_end()
                );
            }
        }
    }
    let (run, lines) = coverage.files.values().fold((0, 0), |(run, lines), file| {
        (run + file.run(), lines + file.lines())
    });
    if coverage.files.len() > 1 && lines > 0 {
        let _ = writeln!(
            text,
            "\nall scripts: {run} of {lines} lines ran, {} %",
            run * 100 / lines
        );
    }
    text.push('\n');
    text
}

fn as_json(file: &Path, outcome: &Outcome) -> Json {
    let name = file.display().to_string();
    match outcome {
        Outcome::Broken(fault) => json!({
            "file": name, "result": "broken",
            "error": {
                "file": fault.file, "line": fault.line, "column": fault.column,
                "reason": fault.reason, "hint": fault.hint, "details": fault.details,
            },
        }),
        Outcome::Updated(one) => json!({ "file": name, "result": "updated", "steps": one.steps }),
        Outcome::Played(one) if one.passed() => {
            json!({ "file": name, "result": "passed", "steps": one.steps })
        }
        Outcome::Played(one) => {
            let line = |line: &Line| match line {
                Line::Step(text) => json!({ "step": text }),
                Line::Both(text) => json!({ "both": text }),
                Line::Missing(text) => json!({ "expected": text }),
                Line::New(text) => json!({ "happened": text }),
            };
            let difference: Vec<Json> = one.difference.iter().map(line).collect();
            json!({ "file": name, "result": "failed", "steps": one.steps, "difference": difference })
        }
    }
}

fn coverage_as_json(name: &str, file: &FileCoverage) -> Json {
    let hits: serde_json::Map<String, Json> = file
        .hits
        .iter()
        .map(|(line, hits)| (line.to_string(), json!(hits)))
        .collect();
    json!({
        "script": name, "lines": file.lines(), "run": file.run(), "percent": file.percent(),
        "never": file.missed().collect::<Vec<_>>(), "hits": hits,
    })
}
