//! Proves it: engines, phones, a network, a name server and one clock, all drawn from one seed.
//!
//! No socket and no real time: a [`World`] is a queue of events, and the same seed is the same
//! trace. [`flow`] plays stories and prints their ladders; [`storm`] makes random calls in bad
//! weather while [`checkers`] watch every message and [`figures`] every timer.

pub mod checkers;
pub mod dns;
pub mod figures;
pub mod flow;
pub mod ladder;
pub mod network;
pub mod queue;
pub mod rehearsal;
pub mod server;
pub mod storm;
mod world;

pub use world::{Act, Happened, InCall, Place, World};
