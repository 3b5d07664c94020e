//! `tandem mi`: a management command for a server that runs, and its answer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use control::FifoSettings;
use lexopt::prelude::*;
use serde_json::Value as Json;

use super::Command;
use crate::arguments::Arguments;
use crate::script_file::Origin;
use crate::settings;

pub(crate) const COMMAND: Command = Command {
    name: "mi",
    usage: "[-f FILE [-p COMMAND]] [--fifo PATH] [--reply-dir DIR] [--timeout SECONDS] [--json]\n            \
            CMD [VALUE...|NAME=VALUE...]",
    does: "a management command for the server that runs here",
    options: OPTIONS,
    run,
};

const OPTIONS: &str =
    "  CMD                the command: `which` lists them; what follows it is the command's own
  -f FILE            the server's script, which says where its FIFO and its reply directory are
  -p COMMAND         send the script through this command first: -p m4; no shell
  --fifo PATH        the server's FIFO; without it and without -f /tmp/opensips_fifo
  --reply-dir DIR    where the server writes its answer; without it and without -f /tmp/
  --timeout SECONDS  how long to wait for the answer, 1 to 3600; without it 10
  --json             the answer on one line, as JSON
  -h, --help         this help
";

/// How long a server may take; its own bound is shorter.
const SECONDS: u64 = 10;

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let mut fifo = None;
    let mut reply_directory = None;
    let mut script = Arguments::default();
    let mut is_compact = false;
    let mut seconds = SECONDS;
    let mut words = Vec::new();
    let say = |error| COMMAND.refuse(error);
    while let Some(argument) = parser.next().map_err(say)? {
        match argument {
            Long("fifo") => fifo = Some(PathBuf::from(parser.value().map_err(say)?)),
            Long("reply-dir") => {
                reply_directory = Some(PathBuf::from(parser.value().map_err(say)?));
            }
            Short('f') => script.script = Some(parser.value().map_err(say)?.into()),
            Short('p') => script.preprocessor = Some(COMMAND.text(parser)?),
            Short('h') | Long("help") => return COMMAND.say_help(),
            Long("json") => is_compact = true,
            Long("timeout") => {
                let given = COMMAND.text(parser)?;
                seconds = given
                    .parse()
                    .ok()
                    .filter(|seconds| (1..=3600).contains(seconds))
                    .ok_or_else(|| {
                        format!("--timeout is a number of seconds from 1 to 3600, not `{given}`")
                    })?;
            }
            Value(word) if words.is_empty() => {
                words.push(word.string().map_err(say)?);
                // What follows is the command's own, dashes included.
                for word in parser.raw_args().map_err(say)? {
                    words.push(word.string().map_err(say)?);
                }
            }
            other => return Err(say(other.unexpected())),
        }
    }
    let Some((method, rest)) = words.split_first() else {
        return Err("which command? `tandem mi which` lists them".to_owned());
    };
    let settings = match &script.script {
        Some(_) => of_script(&script)?,
        None => FifoSettings::default(),
    };
    let answered = control::ask(
        &fifo.unwrap_or(settings.path),
        &reply_directory.unwrap_or(settings.reply_directory),
        method,
        &rest.iter().map(|word| parameter(word)).collect::<Vec<_>>(),
        Duration::from_secs(seconds),
    )?;
    match answered {
        Ok(result) => {
            super::say(&show(&result, is_compact))?;
            Ok(ExitCode::SUCCESS)
        }
        Err((code, why)) => Err(format!("{method}: {code} {why}")),
    }
}

/// `name=value`, where the name is one; else a value.
fn parameter(word: &str) -> (Option<String>, String) {
    match word.split_once('=') {
        Some((name, value))
            if !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
        {
            (Some(name.to_owned()), value.to_owned())
        }
        _ => (None, word.to_owned()),
    }
}

fn show(result: &Json, is_compact: bool) -> String {
    let text = match result {
        _ if is_compact => result.to_string(),
        // Names and text are for people as they are.
        Json::String(text) => text.clone(),
        _ => serde_json::to_string_pretty(result).unwrap_or_else(|_| result.to_string()),
    };
    format!("{text}\n")
}

/// Where the server of this script has its pipe.
fn of_script(arguments: &Arguments) -> Result<FifoSettings, String> {
    let origin = Origin::find(arguments)?;
    let compiled = origin.compile().map_err(|errors| {
        format!("{errors}\nThe server may run well: say where its pipe is with --fifo PATH.")
    })?;
    settings::fifo(&compiled.program)?
        .ok_or_else(|| format!("{} does not load mi_fifo.", origin.name()))
}
