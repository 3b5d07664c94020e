//! Management: JSON-RPC 2.0 commands, as OpenSIPS's tools send them.
//!
//! A transport (today the FIFO) brings one request at a time and takes one answer; `rpc` reads and
//! writes the envelope, `own` answers what is about the process, the rest goes to the shards and
//! comes back through `merge`.

use crate::reload::Fresh;

mod client;
mod fifo;
pub(crate) mod merge;
pub(crate) mod own;
pub(crate) mod rpc;

pub use client::{Answered, ask};
pub use fifo::FifoSettings;
#[cfg(test)]
pub(crate) use fifo::{Cut, cut, make_again};
pub(crate) use fifo::{Fifo, UnderWay, serve};
pub use own::{Facts, Process, own_commands};

/// What a transport brings.
pub(crate) enum Arrived {
    /// A request.
    Request(Request),
    /// Bytes that are none.
    Broken(Vec<u8>),
    /// No request either: the transport is gone for now, and why it cannot come back.
    Gone(String),
    /// Not from outside: the script of this reload was compiled, or not.
    Compiled(u32, Result<Fresh, String>),
}

/// A request that a transport has read, and where its answer goes.
pub(crate) struct Request {
    pub(crate) text: Vec<u8>,
    /// `None` answers a notification: nothing is sent.
    pub(crate) reply: tokio::sync::oneshot::Sender<Option<Vec<u8>>>,
}
