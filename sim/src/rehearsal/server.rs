//! A server of a test: the script compiled with what is watched, its sockets, its engines.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::limits::Limits;
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, ConnectionId, Engine, Flow, Outbox, ShardId, SocketId, Transport};
use script::globals::Globals;
use script::{Loader, Program, Severity};

use super::fault::Fault;
use super::files::Shelf;
use super::plan::{At, Plan, ServerPlan};

/// Where a server listens whose script names no address: a wildcard, an interface, a name, or nothing.
const DEFAULT_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
/// The route that prints what is watched.
const EPILOGUE: &str = "tandem_test_watch";
/// Begins the line it prints; no script writes that.
pub(super) const WATCH_MARK: char = '\u{1}';
/// Stands between two values.
pub(super) const WATCH_SEPARATOR: char = '\u{1f}';

/// One server.
pub(super) struct Server {
    pub(super) plan: ServerPlan,
    pub(super) program: Arc<Program>,
    pub(super) engines: Vec<Engine>,
    pub(super) outbox: Outbox,
    pub(super) ticks: Vec<Option<u64>>,
    pub(super) listeners: Vec<Listener>,
    connections: BTreeMap<SocketAddr, ConnectionId>,
    /// The text of the script's files as far as they are shown by `--coverage`.
    pub(super) files: Vec<(String, String)>,
}

impl Server {
    /// Compiles the script and starts the engines.
    pub(super) fn new(
        plan: &Plan,
        number: usize,
        folder: &Path,
        shelf: &Shelf,
        line: impl Fn(usize) -> String,
    ) -> Result<Server, Fault> {
        let of = &plan.servers[number];
        let fault = |at: At, reason: String, hint: &str, details: String| Fault {
            file: plan.file.clone(),
            line: at.line,
            column: at.column,
            width: at.width,
            text: line(at.line),
            reason,
            hint: hint.to_owned(),
            details,
        };
        let path = folder.join(&of.script);
        if let Err(error) = std::fs::metadata(&path) {
            let reason = format!("cannot read the script {}: {error}", path.display());
            return Err(fault(
                of.script_at,
                reason,
                "it is looked for beside the test",
                String::new(),
            ));
        }
        let mut files = Files {
            script: path.clone(),
            epilogue: epilogue(of),
            lines: 0,
            read: Vec::new(),
        };
        let registry = modules::registry();
        let compiled = registry.compile(&path, &mut files, &script::Options::default());
        let compiled = compiled.map_err(|diagnostics| {
            let name = path.display().to_string();
            let watched = diagnostics.list.iter().find(|one| {
                one.severity == Severity::Error
                    && one.file == name
                    && one.line as usize > files.lines
            });
            match (watched, of.watched.first()) {
                (Some(one), Some((_, first))) => {
                    let is_named = |(variable, _): &&(String, At)| {
                        one.reason
                            .contains(variable.split(['(', '{']).next().unwrap_or("$"))
                    };
                    let at = of
                        .watched
                        .iter()
                        .find(is_named)
                        .map_or(*first, |(_, at)| *at);
                    fault(
                        at,
                        one.reason.clone(),
                        "what is watched is written as in the script",
                        String::new(),
                    )
                }
                _ => fault(
                    of.script_at,
                    "the script has errors".to_owned(),
                    "",
                    diagnostics.to_string(),
                ),
            }
        })?;
        let program = Arc::new(compiled.program);
        let listeners = listeners(of, &program.globals);
        let sockets = Arc::new(sockets(of, &listeners, &program.globals));
        // Fixed: the same file is the same run.
        let mut owner_key = *b"a key for tests.";
        owner_key[15] = number as u8;
        let make = |shard| {
            let mut engine = Engine::new(Config {
                shard: ShardId(shard),
                shards: of.shards,
                owner_key,
                seed: 20_260_101 + (number as u64) * 0x1_0000 + u64::from(shard),
                sockets: Arc::clone(&sockets),
                hosts: Arc::new(Hosts::default()),
                files: Arc::new(shelf.clone()),
                program: Arc::clone(&program),
                registry: &registry,
                limits: Limits::default(),
            })?;
            engine.set_arguments(of.defines.clone());
            engine.observe(if of.watched.is_empty() {
                b""
            } else {
                EPILOGUE.as_bytes()
            });
            Ok(engine)
        };
        let engines = (0..of.shards).map(make).collect::<Result<Vec<_>, String>>();
        let engines = engines.map_err(|details| {
            fault(
                of.script_at,
                "the script does not start".to_owned(),
                "",
                details + "\n",
            )
        })?;
        Ok(Server {
            plan: of.clone(),
            program,
            ticks: vec![None; engines.len()],
            engines,
            outbox: Outbox::new(),
            listeners,
            connections: BTreeMap::new(),
            files: files.read,
        })
    }

    /// The socket of ours that a message to there reaches.
    pub(super) fn socket_at(&self, transport: Transport, address: SocketAddr) -> Option<SocketId> {
        let found = self
            .listeners
            .iter()
            .position(|one| one.transport == transport && one.address == address);
        found.map(|at| SocketId(at as u16))
    }

    /// The first socket of a transport.
    pub(super) fn first(&self, transport: Transport) -> Option<SocketAddr> {
        let found = self.listeners.iter().find(|one| one.transport == transport);
        found.map(|one| one.address)
    }

    /// By which flow a message comes, and the shard that receives it.
    pub(super) fn flow(
        &mut self,
        socket: SocketId,
        transport: Transport,
        remote: SocketAddr,
        shard: Option<u16>,
    ) -> (ShardId, Flow) {
        let chosen = shard.unwrap_or_else(|| self.reuseport(remote));
        let chosen = ShardId(chosen.min(self.engines.len() as u16 - 1));
        let connection = match transport {
            Transport::Udp => ConnectionId::NONE,
            _ => self.connect(remote, chosen),
        };
        let shard = if connection.is_none() {
            chosen
        } else {
            connection.shard()
        };
        (
            shard,
            Flow {
                socket,
                transport,
                remote,
                connection,
            },
        )
    }

    /// The connection to there, made by `shard` if there is none.
    pub(super) fn connect(&mut self, to: SocketAddr, shard: ShardId) -> ConnectionId {
        let next = self.connections.len() as u32 + 1;
        *self
            .connections
            .entry(to)
            .or_insert_with(|| ConnectionId::new(shard, 1, next))
    }

    /// The shard whose socket the kernel would give a datagram to: any fixed function of the sender serves.
    fn reuseport(&self, from: SocketAddr) -> u16 {
        let hash = from
            .to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
                (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
            });
        ((hash >> 32) % self.engines.len() as u64) as u16
    }
}

/// The route behind the script that prints what is watched.
fn epilogue(plan: &ServerPlan) -> String {
    if plan.watched.is_empty() {
        return String::new();
    }
    let values: Vec<_> = plan
        .watched
        .iter()
        .map(|(variable, _)| variable.as_str())
        .collect();
    let values = values.join(&WATCH_SEPARATOR.to_string());
    format!("\nroute[{EPILOGUE}] {{ xlog(\"L_ALERT\", \"{WATCH_MARK}{values}\"); }}\n")
}

fn listeners(plan: &ServerPlan, globals: &Globals) -> Vec<Listener> {
    if !plan.listen.is_empty() {
        let of = |one: &super::plan::ListenPlan| {
            let mut listener = Listener::new(one.transport, one.address);
            listener.tag.clone_from(&one.name);
            listener
        };
        return plan.listen.iter().map(of).collect();
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for socket in &globals.sockets {
        let Some(transport) = Transport::parse(socket.protocol.as_bytes()) else {
            continue;
        };
        let named = socket
            .host
            .parse::<IpAddr>()
            .ok()
            .filter(|ip| !ip.is_unspecified());
        let ip = named.unwrap_or(IpAddr::V4(DEFAULT_IP));
        let port = socket
            .ports
            .first()
            .map_or(transport.default_port(), |ports| ports.0);
        let mut listener = Listener::new(transport, SocketAddr::new(ip, port));
        listener.advertised_host = socket.advertised.as_ref().map(|(host, _)| host.clone());
        listener.advertised_port = socket
            .advertised
            .as_ref()
            .and_then(|(_, ports)| Some(ports.first()?.0));
        listener.tag.clone_from(&socket.tag);
        let is_new = !listeners
            .iter()
            .any(|one| one.transport == transport && one.address == listener.address);
        if is_new {
            listeners.push(listener);
        }
    }
    if listeners.is_empty() {
        let address = SocketAddr::new(IpAddr::V4(DEFAULT_IP), 5060);
        listeners = vec![
            Listener::new(Transport::Udp, address),
            Listener::new(Transport::Tcp, address),
        ];
    }
    listeners
}

fn sockets(plan: &ServerPlan, listeners: &[Listener], globals: &Globals) -> Sockets {
    let mut sockets = Sockets::new(listeners.iter().cloned());
    let text = |name: &str| {
        globals
            .text(name)
            .map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let port = globals
        .int("advertised_port")
        .and_then(|port| u16::try_from(port).ok());
    let host = text("advertised_address");
    if host.is_some() || port.is_some() {
        sockets.advertise(host, port);
    }
    for alias in &globals.aliases {
        let transport = alias
            .protocol
            .as_ref()
            .and_then(|name| Transport::parse(name.as_bytes()));
        sockets.add_alias(transport, &alias.host, alias.port.unwrap_or(0));
    }
    for domain in &plan.domains {
        sockets.add_alias(None, domain, 0);
    }
    sockets
}

/// Files of this machine; the script has the epilogue behind it.
struct Files {
    script: PathBuf,
    epilogue: String,
    /// Lines of the script without the epilogue.
    lines: usize,
    read: Vec<(String, String)>,
}

impl Loader for Files {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = std::fs::read(path)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let name = path.display().to_string();
        let lines = text.lines().count();
        if !self.read.iter().any(|(known, _)| *known == name) {
            self.read.push((name, text));
        }
        if path == self.script {
            self.lines = lines;
            bytes.extend_from_slice(self.epilogue.as_bytes());
        }
        Ok(bytes)
    }
}
