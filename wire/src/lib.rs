//! Moves bytes: sockets, batches, readiness, and what a server asks of its process.
//!
//! Knows nothing of SIP and no other crate of ours. Everything here is non-blocking and timerless:
//! who calls decides when and how long to wait.
//!
//! The only crate with `unsafe`: each block says why it is sound and what asked for it. The walls
//! around it are safe functions over slices and descriptors that close themselves.
//!
//! `datagram` is UDP in batches, `steering` the programs that choose among its sockets, `stream` is TCP, `readiness` is epoll and the eventfd doorbell,
//! `host` is what this machine has, `ethtool` what its network devices say, `process` is what a daemon does to itself.

#![allow(clippy::disallowed_types, reason = "sockets live here")]

mod address;
pub mod datagram;
pub mod ethtool;
pub mod host;
pub mod limits;
mod option;
pub mod process;
pub mod readiness;
pub mod steering;
pub mod stream;

#[cfg(test)]
mod tests;

pub use datagram::{DatagramSocket, ReceiveBatch, SendBatch, Unreachable};
pub use readiness::{Doorbell, Epoll, Events, Interest};
pub use stream::{Listener, Stream};
