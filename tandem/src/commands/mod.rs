//! The commands: `tandem WORD ...`, each a file here and a line in the table.
//!
//! Without a word the server runs; that is `main.rs`.

mod explain;
mod mi;

use std::process::ExitCode;

/// A command of the command line.
pub(crate) struct Command {
    /// The word after `tandem`.
    pub(crate) name: &'static str,
    /// What follows it, for the help: `FILE [--json]`.
    pub(crate) usage: &'static str,
    /// What it does, in the words of the help.
    pub(crate) does: &'static str,
    /// Runs it on the rest of the command line. The error is for a person; a command that has said what is wrong by
    /// itself answers with a status.
    pub(crate) run: fn(&mut lexopt::Parser) -> Result<ExitCode, String>,
}

/// All of them, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[explain::COMMAND, mi::COMMAND];

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
