//! The command: reads the command line and the script, binds, becomes who it should be, serves, stops.
//!
//! No logic of its own: an order of steps. Everything that can be wrong with what the operator wrote
//! is said before the first socket opens; everything that can be wrong with the machine before the first
//! thread starts.

#![allow(
    clippy::disallowed_methods,
    reason = "the command measures its own start"
)]

mod arguments;
mod background;
mod banner;
mod commands;
mod effects;
mod listen;
mod preprocessor;
mod reload;
mod script_file;
mod settings;
mod tune;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arguments::{Arguments, Task};
use background::Place;
use control::{Facts, FifoSettings, Prepared, Process};
use engine::limits::Limits;
use engine::owner::Owner;
use engine::resolve::Hosts;
use engine::sockets::Sockets;
use engine::{Command, Config, Engine, Input, Now, Outbox, Output, ShardId, Ticket};
use reload::{Current, Reloads};
use script::Program;
use script_file::Script;
use settings::Chance;
use shards::{EngineMaker, Running};
use wire::process::{Signal, Signals};

/// The script that runs when there is no other.
pub(crate) const BUILT_IN: &str = include_str!("builtin.cfg");

/// Of one shard: 16,000 calls a second that linger for 32 s, in 3 MiB of indexes, 15 when all of them is touched.
const SERVER_TRANSACTIONS_READY: u32 = 1 << 20;

/// How long a start waits for the names of `auto_aliases`.
const NAMES_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let begun = Instant::now();
    let task = match arguments::read(std::env::args_os().skip(1)) {
        Ok(task) => task,
        Err(error) => return fail(&error),
    };
    match task {
        Task::Say(text) => match commands::say(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Task::Command(command, mut rest) => match (command.run)(&mut rest) {
            Ok(status) => status,
            Err(error) => fail(&error),
        },
        Task::Serve(arguments) => match serve(&arguments, begun) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
    }
}

fn fail(error: &str) -> ExitCode {
    // Diagnostics are several lines and stand for themselves.
    let prefix = if error.starts_with("parse error") || error.starts_with("warning") {
        ""
    } else {
        "tandem: "
    };
    // Nobody may be there to hear it; the status says it as well.
    let _ = writeln!(std::io::stderr(), "{prefix}{}", error.trim_end());
    ExitCode::FAILURE
}

/// The whole life of the server.
fn serve(arguments: &Arguments, begun: Instant) -> Result<(), String> {
    let profile = settings::profile(arguments.tuning.as_deref())?;
    let script = Script::read(arguments)?;
    let (is_built_in, name) = (script.is_built_in(), script.name());
    let program = Arc::new(script.program);
    let globals = &program.globals;
    let chance = Chance::gather()?;
    let mut listeners = listen::listeners(globals, &arguments.listen, is_built_in)?;
    if globals.is_on("auto_aliases") == Some(true)
        && let Err(error) = listen::add_names(&mut listeners, wire::host::name_of, NAMES_WITHIN)
    {
        eprintln!("tandem: warning: {error}");
    }
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let hosts = Hosts::parse(&text("/etc/hosts")).with_search(&text("/etc/resolv.conf"));
    let hosts = Arc::new(hosts);
    // An engine on trial: what modules say about their parameters is said before a socket opens.
    let trial = Arc::new(listen::sockets(&listeners, globals));
    let defines = &arguments.defines;
    let current = Current::default();
    let maker = make_engine(
        &program,
        &current,
        &trial,
        &hosts,
        &chance,
        1,
        defines,
        Limits::default(),
    );
    let on_trial = maker(ShardId(0))?;
    let commands = commands(on_trial);
    let settings = settings::shards(globals, arguments, profile, chance.seed)?;
    if arguments.only_check {
        return commands::say(&commands::praise(&name));
    }
    if listeners.is_empty() {
        return Err(
            "nothing to listen on: the script has no socket=, and there is no -l.".to_owned(),
        );
    }
    let mut fifo = settings::fifo(&program)?;
    let log = settings::log(globals, arguments);
    if log.goes_nowhere() {
        eprintln!(
            "tandem: warning: log and accounting go nowhere: stderror_enabled is off, and there is no {}. \
             Start the system's log, or set stderror_enabled=yes or -E.",
            control::SYSLOG_SOCKET
        );
    }

    let stays = arguments.foreground || is_built_in || globals.is_on("debug_mode") == Some(true);
    let Place::Here(place) = background::choose(stays)? else {
        return Ok(());
    };
    shards::probe()?;
    let open_files = globals.int("open_files_limit").unwrap_or(0).max(0) as u64;
    let open_files = wire::process::raise_open_files(open_files).unwrap_or(u64::MAX);
    shards::probe_files(open_files, settings.shards, listeners.len())?;
    let owner = Owner::new(chance.owner_key, settings.shards);
    let bound = shards::bind(listeners, &settings, &owner)?;
    let steering = bound.steered().describe();
    for warning in bound.warnings() {
        eprintln!("tandem: warning: {warning}");
    }
    let sockets = Arc::new(listen::sockets(bound.listeners(), globals));
    let pid_file = background::settle(arguments, globals)?;

    let signals = Signals::take().map_err(|error| format!("cannot take signals: {error}."))?;
    let facts = facts(settings.shards, commands);
    let scripts = Arc::new(Reloads {
        origin: script.origin,
        first: program.clone(),
        current: current.clone(),
    });
    let prepared = prepare(&mut fifo, is_built_in, log, facts, scripts)?;
    let limits = settings.profile.limits(settings.shards, own_limits());
    let maker = make_engine(
        &program,
        &current,
        &sockets,
        &hosts,
        &chance,
        settings.shards,
        defines,
        limits,
    );
    let listeners = bound.listeners().to_vec();
    let running = bound.start(&settings, maker, prepared)?;
    let banner = banner::Banner {
        listeners: &listeners,
        shards: settings.shards,
        cores: &settings.profile.cores,
        steering: steering.as_deref(),
        program: std::env::current_exe().ok(),
        script: (!is_built_in).then_some(name.as_str()),
        fifo: fifo.as_ref(),
        took: begun.elapsed(),
        pid: std::process::id(),
    };
    let _ = std::io::stdout().write_all(banner.text().as_bytes());
    place.announce(arguments.log_to_stderr);
    let ended = wait(&running, &signals, stays);
    let stopped = running.stop();
    drop(pid_file);
    let counters = stopped.ok_or("a shard did not end well; its last words are above.")?;
    let farewell = banner::farewell(&counters, begun.elapsed(), wire::process::cpu_time());
    wire::process::say(&format!("{farewell}\n"));
    ended
}

/// Waits for the end: a signal, or a shard that is gone.
fn wait(running: &Running, signals: &Signals, stays: bool) -> Result<(), String> {
    let has_terminal = stays && std::io::stdin().is_terminal();
    loop {
        match signals.wait(Duration::from_millis(500)) {
            Some(Signal::Stop) => return Ok(()),
            // The terminal is closed: whoever started us there is gone.
            Some(Signal::Hangup) if has_terminal => return Ok(()),
            Some(Signal::Hangup) => running.reload(),
            None => {}
        }
        if !running.is_whole() {
            return Err(
                "a shard has ended by itself; please report its last words above.".to_owned(),
            );
        }
    }
}

/// The bounds of an engine where the profile has none.
fn own_limits() -> Limits {
    Limits {
        server_transactions_ready: SERVER_TRANSACTIONS_READY,
        ..Limits::default()
    }
}

/// How the engine of a shard is made, on its own thread.
#[allow(
    clippy::too_many_arguments,
    reason = "all of it goes into one `Config`"
)]
fn make_engine(
    program: &Arc<Program>,
    current: &Current,
    sockets: &Arc<Sockets>,
    hosts: &Arc<Hosts>,
    chance: &Chance,
    shards: u16,
    defines: &[(String, String)],
    limits: Limits,
) -> EngineMaker {
    let (program, sockets, hosts) = (program.clone(), sockets.clone(), hosts.clone());
    let (seed, owner_key) = (chance.seed, chance.owner_key);
    let defines = defines.to_vec();
    let current = current.clone();
    Arc::new(move |shard| {
        let mut engine = Engine::new(Config {
            shard,
            shards,
            owner_key,
            seed: seed.wrapping_add(u64::from(shard.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            sockets: sockets.clone(),
            hosts: hosts.clone(),
            files: Arc::new(control::Disk),
            program: program.clone(),
            registry: &modules::registry(),
            limits: limits.clone(),
        })?;
        engine.set_arguments(defines.clone());
        engine.set_stopwatch(shards::stopwatch_us);
        // One that is started anew later: its modules are made as they were, its routes are those of today.
        match current.get() {
            Some(program) => engine.replace_script(program),
            None => Ok(()),
        }?;
        Ok(engine)
    })
}

/// The management commands that an engine of this script answers.
fn commands(mut engine: Engine) -> Vec<String> {
    let command = Command {
        name: "which".to_owned(),
        parameters: Vec::new(),
    };
    let mut outbox = Outbox::new();
    let now = Now {
        mono_us: 1_000_000,
        unix_us: 1_000_000,
    };
    engine.handle(now, Input::Command(Ticket(1), command), &mut outbox);
    let answer = outbox.outputs().iter().find_map(|output| match output {
        Output::CommandAnswer {
            result: Ok(range), ..
        } => Some(outbox.slice(range)),
        _ => None,
    });
    // Names hold nothing that JSON escapes.
    let text = String::from_utf8_lossy(answer.unwrap_or_default()).into_owned();
    text.split(['[', ']', ',', '"'])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn facts(shards: u16, commands: Vec<String>) -> Facts {
    let mut processes: Vec<Process> = (0..shards)
        .map(|shard| Process {
            kind: format!("shard {shard}"),
        })
        .collect();
    processes.push(Process {
        kind: "control".to_owned(),
    });
    Facts {
        version: arguments::VERSION.trim_end().to_owned(),
        started: SystemTime::now(),
        processes,
        arguments: std::env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        commands,
    }
}

/// The control side, with its FIFO. The built-in script does without if another server has it.
fn prepare(
    fifo: &mut Option<FifoSettings>,
    is_built_in: bool,
    log: control::LogSettings,
    facts: Facts,
    scripts: Arc<Reloads>,
) -> Result<Prepared, String> {
    let settings = control::Settings {
        scripts,
        log,
        fifo: fifo.clone(),
        facts,
    };
    match Prepared::new(settings.clone()) {
        Err(error) if is_built_in => {
            eprintln!("tandem: {error} Going on without it.");
            *fifo = None;
            Prepared::new(control::Settings {
                fifo: None,
                ..settings
            })
        }
        prepared => prepared,
    }
}
