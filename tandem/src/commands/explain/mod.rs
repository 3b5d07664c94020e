//! `tandem explain`: what is offered of all that OpenSIPS has.
//!
//! `--all` prints `docs/opensips.md`.

mod document;

use std::io::Write;
use std::process::ExitCode;

use lexopt::prelude::*;

use super::Command;
use crate::arguments::say;

pub(crate) const COMMAND: Command = Command {
    name: "explain",
    usage: "--all",
    does: "what is offered of all that OpenSIPS has, as Markdown",
    run,
};

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let mut all = false;
    while let Some(argument) = parser.next().map_err(say)? {
        match argument {
            Long("all") => all = true,
            other => return Err(say(other.unexpected())),
        }
    }
    if !all {
        return Err("explain what? `tandem explain --all`".to_owned());
    }
    let _ = std::io::stdout().write_all(document::text().as_bytes());
    Ok(ExitCode::SUCCESS)
}
