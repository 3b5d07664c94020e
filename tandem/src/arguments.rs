//! The command line: OpenSIPS's options where it has one, ours in words.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::commands::{self, COMMANDS, Command};

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) script: Option<PathBuf>,
    /// `-c`, `-C`.
    pub(crate) only_check: bool,
    /// `-p`.
    pub(crate) preprocessor: Option<String>,
    /// `-l`.
    pub(crate) listen: Vec<String>,
    /// `-o`: name and value, in order.
    pub(crate) defines: Vec<(String, String)>,
    /// `-F`, `-D`.
    pub(crate) foreground: bool,
    /// `-D`, and `-d` for each level.
    pub(crate) debug: u8,
    /// `-E`.
    pub(crate) log_to_stderr: bool,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) root: Option<PathBuf>,
    pub(crate) shards: Option<u16>,
    pub(crate) tuning: Option<PathBuf>,
    /// `-n`, `-m`, `-M`: given, without effect.
    pub(crate) ignored: Vec<char>,
}

/// What to do.
pub(crate) enum Task {
    /// Serve, or check.
    Serve(Box<Arguments>),
    /// A command, with the rest of the command line.
    Command(&'static Command, lexopt::Parser),
    /// Say this and leave.
    Say(String),
}

pub(crate) const VERSION: &str = concat!(
    "Tandem ",
    env!("CARGO_PKG_VERSION"),
    " (",
    "x86_64/linux",
    ")\n"
);

const HELP: &str = "\
Tandem: a SIP server that runs OpenSIPS routing scripts.

  tandem [options]
      the server
{COMMANDS}
  tandem COMMAND -h
      the options of a command

Options of the server:

  -f FILE            the routing script (`-`: standard input); without it /etc/tandem/tandem.cfg,
                     and without that the built-in registrar and proxy
  -c, -C             check the script and leave
  -l PROTO:IP:PORT   listen there as well; repeatable; replaces the built-in script's sockets
  -o NAME[=VALUE]    a value for $argv(NAME)
  -p COMMAND         send the script through this command first: -p m4; no shell
  -F                 stay in the foreground
  -D                 stay in the foreground, and log in detail
  -d                 log in more detail; repeatable
  -E                 log to standard error
  -u USER, -g GROUP  become this user and group once the sockets are bound
  -P FILE            write the process number there
  -w DIR             work in this directory
  -t DIR             make this directory the root
  -n, -m, -M N       of OpenSIPS; accepted, without effect
  -V, -h             version, this help

  --shards N         number of shards; without it one a core
  --tuning FILE      how to use this machine; samples are in tuning/
  --print-script     print the built-in script

With -f, Tandem goes to the background as OpenSIPS does, unless -F, -D or debug_mode; with the
built-in script it stays in the foreground.
";

/// Reads the command line. The error is for a person.
pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Task, String> {
    let mut read = Arguments::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut is_first = true;
    while let Some(argument) = parser.next().map_err(say)? {
        let is_command = std::mem::take(&mut is_first);
        match argument {
            Value(word) if is_command => {
                if word == "help" {
                    return help_about(&mut parser);
                }
                let command = commands::find(&word.to_string_lossy())?;
                return Ok(Task::Command(command, parser));
            }
            Short('f') => read.script = Some(parser.value().map_err(say)?.into()),
            Short('c' | 'C') => read.only_check = true,
            Short('l') => read.listen.push(text(&mut parser)?),
            Short('o') => {
                let written = text(&mut parser)?;
                read.defines.push(define(&written));
            }
            Short('p') => read.preprocessor = Some(text(&mut parser)?),
            Short('F') => read.foreground = true,
            Short('D') => {
                read.foreground = true;
                read.log_to_stderr = true;
                read.debug = read.debug.max(1);
            }
            Short('d') => read.debug = read.debug.saturating_add(1),
            Short('E') => read.log_to_stderr = true,
            Short('u') => read.user = Some(text(&mut parser)?),
            Short('g') => read.group = Some(text(&mut parser)?),
            Short('P') => read.pid_file = Some(parser.value().map_err(say)?.into()),
            Short('w') => read.directory = Some(parser.value().map_err(say)?.into()),
            Short('t') => read.root = Some(parser.value().map_err(say)?.into()),
            Short(option @ ('n' | 'm' | 'M')) => {
                parser.value().map_err(say)?;
                read.ignored.push(option);
            }
            Short('V') | Long("version") => return Ok(Task::Say(VERSION.to_owned())),
            Short('h') | Long("help") => return Ok(Task::Say(help())),
            Long("print-script") => return Ok(Task::Say(crate::BUILT_IN.to_owned())),
            Long("shards") => {
                let shards = text(&mut parser)?;
                let number = shards
                    .parse::<u16>()
                    .ok()
                    .filter(|&number| (1..=1024).contains(&number));
                read.shards = Some(number.ok_or_else(|| {
                    format!("--shards is a number from 1 to 1024, not `{shards}`")
                })?);
            }
            Long("tuning") => read.tuning = Some(parser.value().map_err(say)?.into()),
            other => {
                return Err(format!(
                    "{}. `tandem -h` shows what there is",
                    other.unexpected()
                ));
            }
        }
    }
    Ok(Task::Serve(Box::new(read)))
}

/// `tandem help [COMMAND]`.
fn help_about(parser: &mut lexopt::Parser) -> Result<Task, String> {
    Ok(Task::Say(match parser.next().map_err(say)? {
        Some(Value(word)) => commands::find(&word.to_string_lossy())?.help(),
        _ => help(),
    }))
}

fn help() -> String {
    let commands: String = COMMANDS
        .iter()
        .map(|command| {
            let Command {
                name, usage, does, ..
            } = command;
            format!("  tandem {name} {usage}\n      {does}\n")
        })
        .collect();
    HELP.replace("{COMMANDS}\n", &commands)
}

/// `NAME[=VALUE]`.
pub(crate) fn define(written: &str) -> (String, String) {
    let (name, value) = written.split_once('=').unwrap_or((written, ""));
    (name.to_owned(), value.to_owned())
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(say)
}

fn say(error: lexopt::Error) -> String {
    format!("{error}. `tandem -h` shows what there is")
}
