//! Commands about the process itself: `ps`, `which`, `help`, `uptime`, `version`, `pwd`, `arg`, `kill`.

use std::time::SystemTime;

use chrono::{DateTime, Local};
use engine::Command;
use serde_json::{Value, json};

use super::rpc::{Failure, INVALID_PARAMS, METHOD_NOT_FOUND, SERVER_ERROR};

/// What the process knows of itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `Tandem (0.1.0 (x86_64/linux))`.
    pub version: String,
    /// When it started.
    pub started: SystemTime,
    /// Its parts.
    pub processes: Vec<Process>,
    /// Its command line.
    pub arguments: Vec<String>,
    /// Commands that the engines answer.
    pub commands: Vec<String>,
}

/// One part of the process, as `ps` lists it.
#[derive(Clone, Debug)]
pub struct Process {
    /// `shard 0`.
    pub kind: String,
}

/// Commands about the process, which need no engine.
const OWN: [&str; 8] = [
    "ps", "which", "help", "uptime", "version", "pwd", "arg", "kill",
];

const RELOAD: &str = "reload_routes";

/// Every command of this room: those of [`OWN`], and the one that all shards take part in.
pub fn own_commands() -> impl Iterator<Item = &'static str> {
    OWN.into_iter().chain([RELOAD])
}

/// The prefix of OpenSIPS 4.0.
const PREFIX: &str = "core:";

/// Whether a command asks for the script to be read again; the control side does that with all shards.
pub(crate) fn is_reload(command: &Command) -> bool {
    command.name.strip_prefix(PREFIX).unwrap_or(&command.name) == RELOAD
}

/// Answers a command of ours; `None` if it is not.
pub(crate) fn answer(command: &Command, facts: &Facts) -> Option<Result<Value, Failure>> {
    let name = command.name.strip_prefix(PREFIX).unwrap_or(&command.name);
    let own = OWN.iter().find(|own| **own == name)?;
    let takes = match *own {
        "which" => &["command"][..],
        "help" => &["mi_cmd"][..],
        "version" => &["revision"][..],
        _ => &[],
    };
    let fits = command.parameters.len() <= takes.len()
        && command
            .parameters
            .iter()
            .all(|(name, _)| name.as_deref().is_none_or(|name| takes.contains(&name)));
    if !fits {
        return Some(Err(Failure::with(INVALID_PARAMS, "no match")));
    }
    let parameter = command.parameters.first().map(|(_, value)| value.as_str());
    Some(match *own {
        "ps" => Ok(ps(facts)),
        "which" => which(parameter, facts),
        "help" => help(parameter, facts),
        "uptime" => Ok(uptime(facts)),
        "version" => Ok(json!({ "Server": facts.version })),
        "pwd" => std::env::current_dir()
            .map(|path| json!({ "WD": path.to_string_lossy() }))
            .map_err(|error| Failure::with(SERVER_ERROR, error.to_string())),
        "arg" => Ok(json!(facts.arguments)),
        _ => kill(),
    })
}

fn ps(facts: &Facts) -> Value {
    let list: Vec<Value> = facts
        .processes
        .iter()
        .enumerate()
        .map(|(id, process)| json!({ "ID": id, "PID": std::process::id(), "Type": process.kind }))
        .collect();
    json!({ "Processes": list })
}

fn uptime(facts: &Facts) -> Value {
    let ctime = |time: SystemTime| {
        DateTime::<Local>::from(time)
            .format("%a %b %e %H:%M:%S %Y")
            .to_string()
    };
    #[expect(clippy::disallowed_methods, reason = "control owns a clock")]
    let now = SystemTime::now();
    let seconds = now
        .duration_since(facts.started)
        .unwrap_or_default()
        .as_secs();
    json!({
        "Now": ctime(now),
        "Up since": ctime(facts.started),
        "Up time": format!("{seconds} [sec]"),
    })
}

fn which(command: Option<&str>, facts: &Facts) -> Result<Value, Failure> {
    let all = names(facts);
    match command {
        None => Ok(json!(all)),
        Some(command) if all.iter().any(|name| name == command) => Ok(json!([command])),
        Some(_) => Err(Failure::with(404, "Command not found")),
    }
}

fn help(command: Option<&str>, facts: &Facts) -> Result<Value, Failure> {
    match command {
        None => Ok(
            json!({ "Help": "help mi_cmd - says where a command comes from", "Exported by": "core" }),
        ),
        Some(command)
            if own_commands().any(|own| own == command.strip_prefix(PREFIX).unwrap_or(command)) =>
        {
            Ok(json!({ "Help": command, "Exported by": "core" }))
        }
        Some(command) if facts.commands.iter().any(|name| name == command) => {
            Ok(json!({ "Help": command, "Exported by": "a module" }))
        }
        Some(_) => Err(Failure::new(METHOD_NOT_FOUND, "")),
    }
}

fn kill() -> Result<Value, Failure> {
    // The same way out as for everybody: the signal is taken in by the main thread.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
        .map(|()| json!("OK"))
        .map_err(|error| Failure::with(SERVER_ERROR, error.to_string()))
}

fn names(facts: &Facts) -> Vec<String> {
    let mut names: Vec<String> = own_commands().map(str::to_owned).collect();
    names.extend(own_commands().map(|name| format!("{PREFIX}{name}")));
    for name in &facts.commands {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
