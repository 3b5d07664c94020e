//! `proto_udp`: the name by which scripts ask for SIP over UDP (RFC 3261 §18). The bytes move in
//! `wire` and `shards`, whether or not a script loads this; a `socket=udp:...` needs it.
//!
//! Keeps no state.

use engine::module::{Exports, Module};

/// The module.
#[derive(Debug)]
pub(crate) struct ProtoUdp;

impl Module for ProtoUdp {
    const NAME: &'static str = "proto_udp";

    fn new() -> Self {
        ProtoUdp
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.difference("Accepted by name; the transport is always there.");
    }
}
