//! Asks and answers what is not SIP: management now, databases and metrics later. And it writes the log.
//!
//! One thread with one tokio runtime, and for every shard a [`link`]: two bounded rings and a way
//! to wake either end. A shard never waits for anything here: a full ring fails the question at once, an
//! answer that comes too late is dropped and counted.
//!
//! What a command means is the engines' business; this crate sends it to all shards and merges what
//! they say. Only what is about the process (`ps`, `uptime`, `version`) is answered here.

mod files;
pub mod limits;
pub mod link;
mod log;
mod management;
mod reload;
mod run;

pub use files::Disk;
pub use link::{CommandResult, ControlEnd, Order, Report, ShardEnd, link};
pub use log::{LogFormat, LogSettings, SYSLOG_SOCKET, Syslog};
pub use management::{Answered, Facts, FifoSettings, Process, ask, own_commands};
pub use reload::{Fresh, Scripts};
pub use run::{Control, Prepared, Settings};

#[cfg(test)]
mod tests;
