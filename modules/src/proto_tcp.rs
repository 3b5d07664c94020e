//! `proto_tcp`: the name by which scripts ask for SIP over TCP (RFC 3261 §18). The bytes move in
//! `wire` and `shards`; a `socket=tcp:...` needs it.
//!
//! Keeps no state. Parameters that tune what a shard does anyway are read and have no effect.

use engine::module::{Exports, Kind, Module, ParamValue};

/// The module.
#[derive(Debug)]
pub(crate) struct ProtoTcp;

impl Module for ProtoTcp {
    const NAME: &'static str = "proto_tcp";

    fn new() -> Self {
        ProtoTcp
    }

    fn exports(exports: &mut Exports<Self>) {
        // A shard never blocks on a write: there is no other way than the asynchronous one.
        exports.param("tcp_async", Kind::Int, Self::no_effect);
        exports.param("tcp_async_max_postponed_chunks", Kind::Int, Self::no_effect);
        // A message is read as it comes, in as many pieces as it likes; its size and its time are bounded.
        exports.param("tcp_max_msg_chunks", Kind::Int, Self::no_effect);
        // The shard that accepted a connection reads and handles it.
        exports.param("tcp_parallel_handling", Kind::Int, Self::no_effect);
        exports.difference(
            "Accepted by name. `tcp_async`, `tcp_async_max_postponed_chunks`, `tcp_max_msg_chunks` and \
             `tcp_parallel_handling` describe what a shard does anyway.",
        );
    }
}

impl ProtoTcp {
    fn no_effect(&mut self, _: ParamValue<'_>) -> Result<(), String> {
        Ok(())
    }
}
