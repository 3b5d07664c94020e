//! A Tandem in the simulated world: N engines behind one address, with the kernel's part played here.
//!
//! Chooses the engine a datagram lands on as SO_REUSEPORT would (by the sender), and holds the
//! stream connections. What an engine leaves in its outbox is the world's to carry.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{
    Config, ConnectionId, Engine, Flow, Input, Now, Outbox, ShardId, SocketId, Transport,
};

/// Both listeners of a server, in this order.
const UDP: SocketId = SocketId(0);
const TCP: SocketId = SocketId(1);

/// One server.
pub struct Server {
    /// In ladders.
    pub name: String,
    /// Where it listens, on UDP and TCP.
    pub address: SocketAddr,
    /// Its engines, by shard.
    pub engines: Vec<Engine>,
    /// What the engines leave behind; drained after each input.
    pub outbox: Outbox,
    /// The earliest tick that is scheduled, by shard.
    pub ticks: Vec<Option<u64>>,
    connections: BTreeMap<SocketAddr, ConnectionId>,
    /// The name of its script.
    script: String,
}

fn compile(name: &str, text: &str) -> Result<Arc<script::Program>, String> {
    let path = Path::new(name);
    let mut loader = script::InMemory::new(path, text);
    modules::registry()
        .compile(path, &mut loader, &script::Options::default())
        .map(|compiled| Arc::new(compiled.program))
        .map_err(|errors| errors.to_string())
}

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// In ladders.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// How many engines.
    pub shards: u16,
    /// A name of its own beside the address.
    pub domain: Option<String>,
    /// The script's name and text.
    pub script: (String, String),
    /// For everything random in it.
    pub seed: u64,
}

impl Server {
    /// Compiles the script and starts the engines. The error is for a person.
    pub fn new(plan: &ServerPlan) -> Result<Self, String> {
        let mut sockets =
            Sockets::new([Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, plan.address)));
        if let Some(domain) = &plan.domain {
            sockets.add_alias(None, domain, 0);
        }
        let sockets = Arc::new(sockets);
        let registry = modules::registry();
        let program = compile(&plan.script.0, &plan.script.1)?;
        let mut owner_key = [0u8; 16];
        owner_key[..8].copy_from_slice(&plan.seed.to_le_bytes());
        let engines = (0..plan.shards)
            .map(|shard| {
                Engine::new(Config {
                    shard: ShardId(shard),
                    shards: plan.shards,
                    owner_key,
                    seed: plan.seed ^ (u64::from(shard) << 32),
                    sockets: sockets.clone(),
                    hosts: Arc::new(Hosts::default()),
                    files: Arc::new(engine::files::InMemory::default()),
                    program: program.clone(),
                    registry: &registry,
                    limits: engine::limits::Limits::default(),
                })
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Server {
            name: plan.name.clone(),
            script: plan.script.0.clone(),
            address: plan.address,
            ticks: vec![None; engines.len()],
            engines,
            outbox: Outbox::new(),
            connections: BTreeMap::new(),
        })
    }

    /// Another text of its script. The error is for a person.
    pub fn compile(&self, text: &str) -> Result<Arc<script::Program>, String> {
        compile(&self.script, text)
    }

    /// The flow of a datagram from there, and the shard whose socket the kernel gives it to.
    pub fn datagram(&self, from: SocketAddr) -> (ShardId, Flow) {
        let shard = self.reuseport(from);
        (
            shard,
            Flow {
                socket: UDP,
                transport: Transport::Udp,
                remote: from,
                connection: ConnectionId::NONE,
            },
        )
    }

    /// The flow of a message on the stream from there, and the shard that accepted it.
    pub fn stream(&mut self, from: SocketAddr) -> (ShardId, Flow) {
        let shard = self.reuseport(from);
        let connection = self.connect(from, shard);
        (
            connection.shard(),
            Flow {
                socket: TCP,
                transport: Transport::Tcp,
                remote: from,
                connection,
            },
        )
    }

    /// The connection to there, made by `shard` if there is none.
    pub fn connect(&mut self, to: SocketAddr, shard: ShardId) -> ConnectionId {
        let next = self.connections.len() as u32 + 1;
        *self
            .connections
            .entry(to)
            .or_insert_with(|| ConnectionId::new(shard, 1, next))
    }

    /// Hands an input to an engine; what it leaves is in `outbox`.
    pub fn handle(&mut self, shard: ShardId, now: Now, input: Input) {
        self.engines[usize::from(shard.0)].handle(now, input, &mut self.outbox);
    }

    fn reuseport(&self, from: SocketAddr) -> ShardId {
        // Any fixed function of the sender's address serves: FNV-1a over its text.
        let text = from.to_string();
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        ShardId(((hash >> 32) % self.engines.len() as u64) as u16)
    }
}
