//! Keeps the calls: transactions, proxy core, user agent core, script machine.
//!
//! One door: [`Engine::handle`] takes one [`Input`] to completion and leaves in the [`Outbox`]
//! everything the world has to do. There is no clock, socket, thread or randomness in here: time is
//! an argument ([`Now`]), chance is a seed given at construction, waiting is a [`Ticket`].
//!
//! Way in: `engine.rs` is the list of calls an input makes; `transaction` holds the figures of
//! RFC 3261 §17, `proxy` §16, `agent` §8, `resolve` RFC 3263, `run` executes the script, `module` is
//! what a feature module sees.

pub mod agent;
pub mod blacklist;
mod complaints;
pub mod core;
mod engine;
pub mod files;
pub mod input;
pub mod jobs;
pub mod limits;
pub mod module;
pub mod outbox;
pub mod owner;
pub mod proxy;
pub mod random;
pub mod resolve;
pub mod run;
pub mod slab;
pub mod sockets;
pub mod statistics;
pub mod timer;
pub mod trace;
pub mod transaction;

pub use core::Core;
pub use engine::{Config, Counts, Engine, InHand};
pub use input::{
    Answer, Command, ConnectionId, Flow, Input, Letter, Now, Reload, ShardId, SocketId, Ticket,
    Transport,
};
pub use outbox::{Outbox, Output, Query};
