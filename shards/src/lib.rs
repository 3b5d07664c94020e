//! Gives each core its own world: an executor, an engine, sockets, and nothing shared.
//!
//! Moves bytes and time between the kernel and [`engine::Engine::handle`]; knows no SIP header but for `steering`. One
//! [`Shard`](shard) a thread: its *turn* receives a batch, lets the engine handle it, looks into the rings from
//! the other shards and the control thread, lets timers fire and flushes what the engine left.
//!
//! Way in: `start` binds and starts all of it, `steering` has the kernel find the owner, `turn` is the list of calls a turn makes, `deliver` carries out
//! what an engine asks for, `mesh` are the rings, `connections` TCP, `dns` the questions.

#![allow(
    clippy::disallowed_methods,
    reason = "shards own the clock and the threads"
)]

mod alarms;
mod clock;
mod connections;
mod counters;
mod datagrams;
mod deliver;
mod dns;
mod gather;
pub mod limits;
mod logbook;
mod mesh;
pub mod profile;
mod quarantine;
mod shard;
mod start;
mod statistics;
mod steering;
mod turn;

#[cfg(test)]
mod tests;

pub use clock::{Clock, stopwatch_us};
pub use connections::StreamSettings;
pub use counters::Counters;
pub use dns::DnsSettings;
pub use profile::{Profile, Steering};
pub use start::{Bound, EngineMaker, Running, Settings, bind, probe, probe_files};
pub use steering::{Steered, probe_ebpf};
