//! The load generator: open loop, batched, one thread a core, every started call accounted for.
//!
//! What to do is a [`Plan`](plan::Plan) read from the command line; a [`worker`] thread runs phones on sockets
//! by it and fills a [`tally`]; `observe` reads what kernel and server count meanwhile; `report` prints, and
//! `verdict` decides the exit status. What a call *is* belongs to `crate::phone`.
//!
//! Calls start when the schedule says so, not when an answer makes room, and every time is counted from the
//! moment the schedule meant: a server that stalls is charged for all who waited meanwhile.

// The walls of clippy.toml: time and threads are this room's work.
#![allow(
    clippy::disallowed_methods,
    reason = "the binary's room owns clock and threads"
)]

mod connections;
mod find;
mod forward;
mod held;
mod metrics;
mod mix;
mod observe;
mod part;
mod people;
mod plan;
mod progress;
mod record;
mod report;
mod results;
mod schedule;
mod search;
mod series;
mod server;
mod sipp;
mod sockets;
mod supervise;
mod tally;
mod toml;
mod trace;
mod usage;
mod verdict;
mod words;
mod worker;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line. 0: all as planned. 1: calls failed, or the target was missed. 2: could not run.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|verb| verb == "report") {
        return match results::report(arguments[2..].to_vec()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error),
        };
    }
    if arguments.get(1).is_some_and(|verb| verb == "index") {
        return match results::index(&arguments[2..]) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => complain(&error),
        };
    }
    if arguments.get(1).is_some_and(|verb| verb == "sipp") {
        return sipp::run(&arguments[2..]);
    }
    match plan::parse(arguments) {
        Ok(plan::Request::Help(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(plan::Request::Run(plan)) => match supervise::supervise(&plan) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => complain(&error),
        },
        Err(error) => complain(&error),
    }
}

fn complain(error: &str) -> ExitCode {
    eprintln!("tandem-loadgen: {error}");
    ExitCode::from(2)
}
