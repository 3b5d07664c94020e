//! Bytes as the life of an engine that runs the stock script: what they mean is in `driver`. No panic
//! gets as far as the net, invariants hold after every step, and in the end everything ends.
#![no_main]

#[path = "../../engine/tests/support/driver.rs"]
mod driver;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use engine::limits::Limits;
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, Engine, ShardId, Transport};
use libfuzzer_sys::fuzz_target;
use script::{InMemory, Options, Program};

const SCRIPT: &str = include_str!("../../sim/flows/scripts/residential.cfg");

static STOCK: LazyLock<(Arc<Program>, Arc<Sockets>)> = LazyLock::new(|| {
    let path = Path::new("residential.cfg");
    let mut loader = InMemory::new(path, SCRIPT);
    let compiled = modules::registry()
        .compile(path, &mut loader, &Options::default())
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let listeners = [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, ([10, 0, 0, 1], 5060).into()));
    (Arc::new(compiled.program), Arc::new(Sockets::new(listeners)))
});

fuzz_target!(|bytes: &[u8]| {
    let (program, sockets) = &*STOCK;
    let engine = Engine::new(Config {
        shard: ShardId(0),
        shards: 1,
        owner_key: [1; 16],
        seed: 1,
        sockets: sockets.clone(),
        hosts: Arc::new(Hosts::default()),
        files: Arc::new(engine::files::InMemory::default()),
        program: program.clone(),
        registry: &modules::registry(),
        limits: Limits::default(),
    })
    .unwrap_or_else(|error| panic!("{error}"));
    if let Err(wrong) = driver::play(engine, bytes) {
        panic!("{wrong}");
    }
});
