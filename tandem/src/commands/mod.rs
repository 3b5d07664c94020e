//! The commands: `tandem WORD ...`, each a file here and a line in the table.
//!
//! Without a word the server runs; that is `main.rs`.

mod check;
mod explain;
mod mi;
mod test;
mod tune;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::arguments::{Arguments, define};

/// A command of the command line.
pub(crate) struct Command {
    /// The word after `tandem`.
    pub(crate) name: &'static str,
    /// What follows it, for the help, with every option: `FILE [--json]`.
    pub(crate) usage: &'static str,
    /// What it does, in the words of the help.
    pub(crate) does: &'static str,
    /// Its options, one a line, for its own help.
    pub(crate) options: &'static str,
    /// Runs it on the rest of the command line. The error is for a person; a command that has said what is wrong by
    /// itself answers with a status.
    pub(crate) run: fn(&mut lexopt::Parser) -> Result<ExitCode, String>,
}

impl Command {
    /// The help of this command alone.
    pub(crate) fn help(&self) -> String {
        let Command {
            name,
            usage,
            does,
            options,
            ..
        } = self;
        format!("tandem {name}: {does}.\n\n  tandem {name} {usage}\n\n{options}")
    }

    /// Says its help.
    fn say_help(&self) -> Result<ExitCode, String> {
        say(&self.help())?;
        Ok(ExitCode::SUCCESS)
    }

    /// What is wrong with its command line, and where it says what is right.
    fn refuse(&self, error: lexopt::Error) -> String {
        format!("{error}. `tandem {} -h` shows what there is", self.name)
    }

    /// The value of the option just read.
    fn text(&self, parser: &mut lexopt::Parser) -> Result<String, String> {
        let value = parser.value().and_then(|value| value.string());
        value.map_err(|error| self.refuse(error))
    }
}

/// Writes an answer to standard output. Nobody takes a part of it for the whole: what cannot be written is an error.
/// Whoever reads no further, like `head`, has what he wants.
pub(crate) fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// What a script is told that has no errors.
pub(crate) fn praise(name: &str) -> String {
    format!("{name}: config file ok\n")
}

/// All of them, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[
    check::COMMAND,
    explain::COMMAND,
    mi::COMMAND,
    test::COMMAND,
    tune::COMMAND,
];

/// The command of this name.
pub(crate) fn find(name: &str) -> Result<&'static Command, String> {
    let found = COMMANDS.iter().find(|command| command.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        format!(
            "`{name}` is not a command; there is {}. A script is given with -f FILE",
            names.join(", ")
        )
    })
}

/// What commands that take a script have in common: the file, `-p` and `-o`.
#[derive(Default)]
struct ScriptArguments {
    read: Arguments,
}

impl ScriptArguments {
    /// Reads the whole command line; true for each of `flags` that is given, in their order. `None`: its help is
    /// what was asked for.
    fn read<const N: usize>(
        &mut self,
        command: &Command,
        parser: &mut lexopt::Parser,
        flags: [&str; N],
    ) -> Result<Option<[bool; N]>, String> {
        let say = |error| command.refuse(error);
        let mut given = [false; N];
        while let Some(argument) = parser.next().map_err(say)? {
            match argument {
                Value(file) if self.read.script.is_none() => self.read.script = Some(file.into()),
                Value(file) => {
                    return Err(format!(
                        "`{}` is one file too many: one script at a time",
                        file.to_string_lossy()
                    ));
                }
                Short('f') if self.read.script.is_none() => {
                    self.read.script = Some(parser.value().map_err(say)?.into());
                }
                Short('p') => self.read.preprocessor = Some(command.text(parser)?),
                Short('o') => self.read.defines.push(define(&command.text(parser)?)),
                Short('h') | Long("help") => return Ok(None),
                Long(word) if flags.contains(&word) => {
                    let at = flags.iter().position(|flag| *flag == word);
                    given[at.unwrap_or_default()] = true;
                }
                other => return Err(say(other.unexpected())),
            }
        }
        Ok(Some(given))
    }

    /// What was read; `command` asks for the file if there is none.
    fn finish(self, command: &str) -> Result<Arguments, String> {
        match self.read.script {
            Some(_) => Ok(self.read),
            None => Err(format!(
                "{command} which script? `tandem {command} FILE`, `-` is standard input"
            )),
        }
    }
}
