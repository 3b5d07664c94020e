//! Makes the calls and measures them.
//!
//! [`phone`] is sans-I/O: correct RFC 3261 user agents that know neither socket nor clock; the
//! simulator runs the same ones. [`load`] is the binary `tandem-loadgen`, which gives those phones
//! sockets, a clock and a schedule, and accounts for every call it started. `sipp` is the other kind
//! of phone: it does what a scenario file says, and `load` drives it in the same way.

pub mod load;
pub mod phone;

mod sipp;
mod source;
