//! `tandem check FILE`: everything that is wrong with a script, for a person or for a tool.
//!
//! The script is compiled and an engine is made of it, as for serving; no socket opens, no file is written.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use engine::limits::Limits;
use engine::resolve::Hosts;
use engine::{Config, Engine, ShardId};
use script::{Compiled, Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use super::{Command, ScriptArguments, praise, say};
use crate::listen;
use crate::script_file::Origin;

pub(crate) const COMMAND: Command = Command {
    name: "check",
    usage: "FILE [-p COMMAND] [-o NAME[=VALUE]] [--json] [--listing]",
    does: "all that is wrong with a script",
    options: OPTIONS,
    run,
};

const OPTIONS: &str = "  FILE, -f FILE      the routing script (`-`: standard input)
  -p COMMAND         send the script through this command first: -p m4; no shell
  -o NAME[=VALUE]    a value for $argv(NAME); repeatable
  --json             one JSON document of all findings
  --listing          print the compiled program of a script that is correct
  -h, --help         this help
";

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let mut script = ScriptArguments::default();
    let Some([as_json, with_listing]) = script.read(&COMMAND, parser, ["json", "listing"])? else {
        return COMMAND.say_help();
    };
    let arguments = script.finish("check")?;
    let origin = Origin::find(&arguments)?;
    let (_, result) = origin.examine()?;
    let (found, listing) = match result {
        Err(found) => (found, None),
        Ok(compiled) => {
            let listing = with_listing.then(|| compiled.program.listing(&compiled.catalog));
            (
                on_trial(compiled, &arguments.defines, &origin.name()),
                listing,
            )
        }
    };
    let is_ok = found.errors() == 0;
    if as_json {
        let mut document = document(&origin.name(), &found);
        if let Some(listing) = listing {
            document["listing"] = Value::from(listing);
        }
        say(&format!("{document:#}\n"))?;
    } else {
        let _ = write!(std::io::stderr(), "{found}");
        if let Some(listing) = listing.filter(|_| is_ok) {
            say(&listing)?;
        } else if is_ok {
            say(&praise(&origin.name()))?;
        }
    }
    Ok(if is_ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes an engine of a script that compiled, and says what it objects to beside the warnings.
pub(super) fn on_trial(
    compiled: Compiled,
    defines: &[(String, String)],
    name: &str,
) -> Diagnostics {
    let mut found = compiled.warnings;
    if let Err(error) = trial(compiled.program, defines) {
        found.list.extend(objections(&error, name));
    }
    found
}

fn trial(program: script::Program, defines: &[(String, String)]) -> Result<(), String> {
    let program = Arc::new(program);
    let listeners = listen::listeners(&program.globals, &[], false)?;
    let mut engine = Engine::new(Config {
        shard: ShardId(0),
        shards: 1,
        owner_key: [0; 16],
        seed: 1,
        sockets: Arc::new(listen::sockets(&listeners, &program.globals)),
        hosts: Arc::new(Hosts::parse("")),
        files: Arc::new(control::Disk),
        program,
        registry: &modules::registry(),
        limits: Limits::default(),
    })?;
    engine.set_arguments(defines.to_vec());
    Ok(())
}

/// What an engine says is text: diagnostics one a line, or a sentence about the script as a whole.
fn objections(error: &str, name: &str) -> Vec<Diagnostic> {
    let placed: Vec<_> = error.lines().filter_map(placed).collect();
    if !placed.is_empty() {
        return placed;
    }
    vec![Diagnostic {
        severity: Severity::Error,
        file: name.to_owned(),
        line: 0,
        column: 0,
        end_column: 0,
        reason: error.trim_end().to_owned(),
        hint: None,
        included_from: Vec::new(),
        context: Vec::new(),
    }]
}

/// `parse error in FILE:LINE:COL-COL: REASON`.
fn placed(line: &str) -> Option<Diagnostic> {
    let (place, reason) = line.strip_prefix("parse error in ")?.split_once(": ")?;
    let (place, columns) = place.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    let (column, end_column) = columns.split_once('-')?;
    Some(Diagnostic {
        severity: Severity::Error,
        file: file.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
        end_column: end_column.parse().ok()?,
        reason: reason.to_owned(),
        hint: None,
        included_from: Vec::new(),
        context: Vec::new(),
    })
}

/// One JSON document of all findings. `omitted` counts warnings beyond the bound; `stopped` says that the compiler gave
/// up after so many errors, and that there may be more.
pub(super) fn document(name: &str, found: &Diagnostics) -> Value {
    let errors = found.errors();
    json!({
        "file": name,
        "ok": errors == 0,
        "errors": errors,
        "warnings": found.list.len() - errors,
        "omitted": found.omitted,
        "stopped": found.stopped,
        "diagnostics": found.list.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// Lines and columns count from 1, columns in characters; the end column is the one after the last. Line 0: the whole file.
fn finding(one: &Diagnostic) -> Value {
    let includes = one.included_from.iter();
    json!({
        "severity": match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "endColumn": one.end_column,
        "reason": one.reason,
        "hint": one.hint,
        "includedFrom": includes
            .map(|(file, line)| json!({ "file": file, "line": line }))
            .collect::<Vec<_>>(),
    })
}
