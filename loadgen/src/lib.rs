//! Makes the calls and measures them.
//!
//! [`phone`] is sans-I/O: correct RFC 3261 user agents that know neither socket nor clock; the
//! simulator runs the same ones. Everything else here belongs to the binary `tandem-loadgen`, which
//! gives those phones sockets, a clock and a schedule, and accounts for every call it started.

// The walls of clippy.toml: this crate's binary owns sockets, a clock and its threads.
pub mod phone;
