//! Bytes as a script and as what happens to an engine that runs it. Shared by the test `babble` and the fuzz target
//! `machine`, beside `babble` and `driver`.

use std::sync::Arc;

use engine::limits::Limits;
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, Engine, ShardId, Transport};

use crate::babble::Babbler;
use crate::driver;

/// A life is hundreds of runs: each may do less than in a server, so that one life takes a moment.
const RUN_WORK: u32 = 2_000;

/// Half of the bytes is the script, the other half its life. Says whether there was one: a script may have nothing that
/// compiles, and a module may miss a parameter that what the script calls needs. `Err`: what went wrong, and the script.
pub fn live(babbler: &Babbler, bytes: &[u8]) -> Result<bool, String> {
    let (script, life) = bytes.split_at(bytes.len() / 2);
    let (text, Some(compiled)) = babbler.script(script) else {
        return Ok(false);
    };
    if std::env::var_os("BABBLE_SHOW").is_some() {
        eprintln!("{text}");
    }
    let listeners = [Transport::Udp, Transport::Tcp]
        .map(|transport| Listener::new(transport, ([10, 0, 0, 1], 5060).into()));
    let engine = Engine::new(Config {
        shard: ShardId(0),
        shards: 1,
        owner_key: [1; 16],
        seed: 1,
        sockets: Arc::new(Sockets::new(listeners)),
        hosts: Arc::new(Hosts::default()),
        files: Arc::new(engine::files::InMemory::default()),
        program: Arc::new(compiled.program),
        registry: babbler.registry(),
        limits: Limits {
            run_work: RUN_WORK,
            ..Limits::default()
        },
    });
    let Ok(engine) = engine else {
        return Ok(false);
    };
    driver::play(engine, life).map_err(|wrong| format!("{wrong}\n{text}"))?;
    Ok(true)
}
