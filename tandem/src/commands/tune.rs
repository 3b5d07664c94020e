//! `tandem tune`: compares this machine with a tuning profile, sets what the profile wants, writes a profile.
//!
//! The status is 0 if all is well, 1 if something of the machine is bad or could not be set, 2 if the command could not be
//! carried out at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;
use shards::Profile;

use super::{Command, say};
use crate::settings;
use crate::tune::{self, Applied, Grade, Machine, Order, Root};

pub(crate) const COMMAND: Command = Command {
    name: "tune",
    usage: "check PROFILE [--json] [--only-faults] | apply PROFILE [--dry-run] | undo | suggest [-o FILE]",
    does: "what this machine offers to a tuning profile, and how to set it",
    options: OPTIONS,
    run,
};

const OPTIONS: &str = "  check PROFILE      compare the machine with the profile: what there is, what is wanted, why, what it
                     costs to ignore it, what to do
      --json         one JSON document of all findings
      --only-faults  leave out what is well
  apply PROFILE      set what can be set until the next start of the machine, and say each change
      --dry-run      say it, change nothing
  undo               put back what was before the first apply
      --dry-run      say it, change nothing
  suggest            write a profile for this machine, with the reason of each choice
      -o FILE        there, if it does not exist yet; without it to standard output
  --undo-file FILE   apply, undo: where the values of before are kept; without it tune-undo.json in
                     $STATE_DIRECTORY or /var/lib/tandem
  --root DIR         a copied tree of /proc and /sys instead of this machine
  -h, --help         this help

Status: 0 all is well, 1 something is bad or could not be set, 2 the command could not be carried out.
";

const VERBS: &str = "check PROFILE, apply PROFILE, undo, suggest";

/// What the command line says.
#[derive(Default)]
struct Given {
    verb: String,
    profile: Option<PathBuf>,
    is_json: bool,
    only_faults: bool,
    is_dry: bool,
    undo_file: Option<PathBuf>,
    root: Option<PathBuf>,
    out: Option<PathBuf>,
}

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let done = match read(parser) {
        Ok(Some(given)) => carry_out(&given),
        Ok(None) => return COMMAND.say_help(),
        Err(error) => Err(error),
    };
    Ok(match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody may be there to hear it; the status says it as well.
            let _ = writeln!(std::io::stderr(), "tandem: {}", error.trim_end());
            ExitCode::from(2)
        }
    })
}

/// `None`: its help is what was asked for.
fn read(parser: &mut lexopt::Parser) -> Result<Option<Given>, String> {
    let refuse = |error| COMMAND.refuse(error);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(refuse)? {
        let verb = given.verb.as_str();
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(word) if verb.is_empty() => {
                let word = word.string().map_err(refuse)?;
                if !["check", "apply", "undo", "suggest"].contains(&word.as_str()) {
                    return Err(format!("`tune {word}` is not a command; there is {VERBS}"));
                }
                given.verb = word;
            }
            Value(file) if matches!(verb, "check" | "apply") && given.profile.is_none() => {
                given.profile = Some(file.into());
            }
            Long("json") if verb == "check" => given.is_json = true,
            Long("only-faults") if verb == "check" => given.only_faults = true,
            Long("dry-run") if matches!(verb, "apply" | "undo") => given.is_dry = true,
            Long("undo-file") if matches!(verb, "apply" | "undo") => {
                given.undo_file = Some(parser.value().map_err(refuse)?.into());
            }
            Short('o') if verb == "suggest" => {
                given.out = Some(parser.value().map_err(refuse)?.into());
            }
            Long("root") => given.root = Some(parser.value().map_err(refuse)?.into()),
            other => return Err(refuse(other.unexpected())),
        }
    }
    match given.verb.as_str() {
        "" => Err(format!("tune what? There is {VERBS}")),
        verb @ ("check" | "apply") if given.profile.is_none() => Err(format!(
            "tune {verb} which profile? Samples are in tuning/, and `tandem tune suggest` writes one"
        )),
        _ => Ok(Some(given)),
    }
}

/// Whether all is well.
fn carry_out(given: &Given) -> Result<bool, String> {
    let root = match &given.root {
        None => Root::this_machine(),
        Some(path) if path.join("proc").is_dir() => Root::at(path),
        Some(path) => {
            return Err(format!(
                "--root {}: there is no directory proc in it.",
                path.display()
            ));
        }
    };
    let undo_file = given.undo_file.clone().unwrap_or_else(|| undo_file(&root));
    if given.verb == "undo" {
        return tell(&tune::undo(&root, &undo_file, given.is_dry)?);
    }
    let Some(path) = &given.profile else {
        let text = tune::suggest(&Machine::read(root));
        return match &given.out {
            None => say(&text).map(|()| true),
            Some(path) => write_new(path, &text).map(|()| true),
        };
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}."))?;
    let profile = Profile::read(&name, &text)?;
    let machine = Machine::read(root);
    if given.verb == "apply" {
        let place = |path: PathBuf| path.canonicalize().unwrap_or(path).display().to_string();
        let program = std::env::current_exe().unwrap_or_else(|_| "tandem".into());
        let again = format!("{} tune apply {}", place(program), place(path.clone()));
        let order = Order {
            again: &again,
            profile: &name,
            undo_file: &undo_file,
            is_dry: given.is_dry,
        };
        return tell(&tune::apply(&profile, &machine, &order)?);
    }
    let found = tune::check(&profile, &machine);
    let summary = machine.summary();
    say(&match given.is_json {
        true => format!("{:#}\n", tune::as_json(&name, &summary, &found)),
        false => tune::as_text(&format!("{name} on {summary}"), &found, given.only_faults),
    })?;
    Ok(found.iter().all(|one| one.grade != Grade::Bad))
}

fn tell(applied: &Applied) -> Result<bool, String> {
    say(&applied.text)?;
    Ok(applied.is_whole)
}

/// Where an installation keeps it; that of a copied tree is in the tree.
fn undo_file(root: &Root) -> PathBuf {
    let directory = match root.is_this_machine() {
        true => settings::state_path(),
        false => root.path(settings::STATE_DIRECTORY),
    };
    directory.join(tune::UNDO_FILE)
}

/// A profile is somebody's work: none is written over.
fn write_new(path: &Path, text: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}.", path.display()))
}
