//! `tandem-loadgen`: places calls and registrations on schedule and accounts for every one.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadgen::load::run(std::env::args_os())
}
