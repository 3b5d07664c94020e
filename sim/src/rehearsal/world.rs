//! The stage of a test: servers, peers and the network between them on one clock.
//!
//! No chance: what is due at the same time happens in the order it was decided. A step ends when nothing is on its
//! way any more; what is due later waits for a `wait`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use engine::outbox::Output;
use engine::{Answer, Command, Flow, Input, Now, Query, ShardId, Ticket, Transport};
use parser::Frame;

use super::fault::Fault;
use super::files::Shelf;
use super::limits::{CALM_US_MAX, ENTRIES_MAX, EVENTS_PER_STEP_MAX};
use super::mask::Said;
use super::peer::{Peer, Way};
use super::plan::{Act, Plan};
use super::server::{Server, WATCH_MARK, WATCH_SEPARATOR};
use super::sip::{Sip, place_of, uri_of};
use crate::dns::Zone;
use crate::ladder::describe;
use crate::queue::Queue;

/// How long a handover or letter lies in a mailbox between two shards.
const RING_US: u64 = 20;
/// How long the name server thinks.
const DNS_US: u64 = 2_000;

/// Who lives at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Server(usize),
    Peer(usize),
}

enum Event {
    /// A message arrives.
    Arrive {
        from: SocketAddr,
        to: SocketAddr,
        transport: Transport,
        bytes: Vec<u8>,
    },
    /// Something comes to an engine from inside or from the name server.
    Inner(usize, ShardId, Input),
    /// The same, but nobody is on the way: a pause of a script.
    Later(usize, ShardId, Input),
    Tick(usize, ShardId),
    /// A reply of a peer is due.
    Reply {
        peer: usize,
        to: SocketAddr,
        transport: Transport,
        sip: Sip,
        answers: Option<(String, String, u32)>,
        /// It is due at once, so a step waits for it.
        at_once: bool,
    },
}

impl Event {
    fn is_on_its_way(&self) -> bool {
        matches!(
            self,
            Event::Arrive { .. } | Event::Inner(..) | Event::Reply { at_once: true, .. }
        )
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A step begins: its number.
    Step(usize),
    /// A message was sent.
    Message {
        at_us: u64,
        from: String,
        to: String,
        what: String,
        /// As a server sent it.
        text: Option<String>,
    },
    /// A line of a server's log.
    Log {
        server: usize,
        level: i8,
        line: String,
    },
    /// Values at the end of a run.
    Watched { server: usize, values: Vec<String> },
    /// Anything else that a person reads.
    Note(String),
}

/// Everything there is.
pub(super) struct World {
    pub(super) entries: Vec<Entry>,
    pub(super) servers: Vec<Server>,
    peers: Vec<Peer>,
    directory: BTreeMap<SocketAddr, Place>,
    said: Said,
    now_us: u64,
    epoch_us: u64,
    delay_us: u64,
    log_level: i8,
    zone: Zone,
    files: Shelf,
    queue: Queue<Event>,
    on_their_way: usize,
    shard: Option<u16>,
    losses: Vec<(u32, String, String, String)>,
    commands: u64,
    events: usize,
}

impl World {
    /// Compiles the scripts and starts the servers.
    pub(super) fn new(
        plan: &Plan,
        folder: &Path,
        line: impl Fn(usize) -> String,
    ) -> Result<World, Fault> {
        let mut world = World {
            entries: Vec::new(),
            servers: Vec::new(),
            peers: Vec::new(),
            directory: BTreeMap::new(),
            said: Said::default(),
            now_us: 1_000_000,
            epoch_us: plan.epoch_us,
            delay_us: plan.delay_us,
            log_level: plan.log_level,
            zone: Zone::default(),
            files: Shelf::new(folder, plan),
            queue: Queue::default(),
            on_their_way: 0,
            shard: None,
            losses: Vec::new(),
            commands: 0,
            events: 0,
        };
        for one in &plan.zone {
            world
                .zone
                .add(one)
                .map_err(|reason| Fault::of_file(&plan.file, reason, ""))?;
        }
        for number in 0..plan.servers.len() {
            let server = Server::new(plan, number, folder, &world.files, &line)?;
            for listener in &server.listeners {
                let other = world
                    .directory
                    .insert(listener.address, Place::Server(number));
                if other.is_some_and(|other| other != Place::Server(number)) {
                    let reason = format!("two servers listen at {}", listener.address);
                    return Err(Fault::of_file(
                        &plan.file,
                        reason,
                        "give each its own with `listen`",
                    ));
                }
            }
            for (file, _) in &server.files {
                world.said.shorten(folder, Path::new(file));
            }
            if let Some(beside) = folder.join(&server.plan.script).parent() {
                for (file, _) in &plan.files {
                    world.said.shorten(folder, &beside.join(file));
                }
            }
            world.servers.push(server);
        }
        for (number, peer) in plan.peers.iter().enumerate() {
            let server = &world.servers[peer.server];
            let domain = match server.plan.domains.first() {
                Some(domain) => domain.clone(),
                None => server.listeners[0].address.ip().to_string(),
            };
            let other = world.directory.insert(peer.address, Place::Peer(number));
            if other.is_some() {
                let reason = format!(
                    "{} is taken: `{}` cannot be there as well",
                    peer.address, peer.name
                );
                return Err(Fault::of_file(
                    &plan.file,
                    reason,
                    "give each its own address or port",
                ));
            }
            world.peers.push(Peer::new(peer.clone(), &domain));
        }
        for server in 0..world.servers.len() {
            for shard in 0..world.servers[server].engines.len() {
                world.engine(server, ShardId(shard as u16), Input::Tick);
            }
        }
        world.settle();
        Ok(world)
    }

    /// Does a step. The error is a reason and a hint.
    pub(super) fn step(&mut self, number: usize, act: &Act) -> Result<(), (String, String)> {
        self.entries.push(Entry::Step(number));
        self.events = 0;
        match act {
            Act::Wait(time) => self.pass(self.now_us + time),
            Act::Calm => self.calm(),
            Act::Send(send) => {
                let hint = "a call begins with `PEER > INVITE sip:...`, or when an INVITE arrives at the peer";
                let (sip, way) = self.peers[send.peer]
                    .compose(send)
                    .map_err(|reason| (reason, hint.to_owned()))?;
                let bytes = sip.write();
                self.send_of_peer(send.peer, &bytes, way)?;
                self.peers[send.peer].last = Some((bytes, way));
            }
            Act::Raw {
                peer,
                bytes,
                transport,
                to,
            } => {
                let way = Way {
                    transport: *transport,
                    to: *to,
                };
                self.send_of_peer(*peer, bytes, way)?;
                self.peers[*peer].last = Some((bytes.clone(), way));
            }
            Act::Again(peer) => {
                let last = self.peers[*peer].last.clone();
                let reason = || {
                    (
                        "it has sent nothing yet".to_owned(),
                        "`> METHOD URI` first".to_owned(),
                    )
                };
                let (bytes, way) = last.ok_or_else(reason)?;
                self.send_of_peer(*peer, &bytes, way)?;
            }
            Act::Rule(peer, rule) => self.peers[*peer].obey(rule.clone()),
            Act::Acks(peer, does) => self.peers[*peer].sends_ack = *does,
            Act::Command {
                server,
                name,
                parameters,
            } => self.command(*server, name, parameters),
            Act::Lose {
                count,
                from,
                to,
                what,
            } => self
                .losses
                .push((*count, from.clone(), to.clone(), what.clone())),
            Act::Shard(shard) => self.shard = *shard,
            Act::File(path, bytes) => self.files.put(path, bytes),
            Act::Show(_) => {}
        }
        self.settle();
        if self.events >= EVENTS_PER_STEP_MAX {
            let reason = format!(
                "more than {EVENTS_PER_STEP_MAX} events in one step: something goes round for ever"
            );
            return Err((
                reason,
                "look at the last lines of the ladder with a shorter `wait`".to_owned(),
            ));
        }
        if self.entries.len() >= ENTRIES_MAX {
            return Err((
                format!("more than {ENTRIES_MAX} lines"),
                "make two tests of it".to_owned(),
            ));
        }
        Ok(())
    }

    fn now(&self) -> Now {
        Now {
            mono_us: self.now_us,
            unix_us: self.epoch_us + self.now_us - 1_000_000,
        }
    }

    fn at(&mut self, at_us: u64, event: Event) {
        self.on_their_way += usize::from(event.is_on_its_way());
        self.queue.at(at_us.max(self.now_us), event);
    }

    fn is_worn_out(&self) -> bool {
        self.events >= EVENTS_PER_STEP_MAX || self.entries.len() >= ENTRIES_MAX
    }

    /// Lets everything arrive that is on its way, and everything that this leads to.
    fn settle(&mut self) {
        while self.on_their_way > 0 && !self.is_worn_out() {
            let Some((at_us, event)) = self.queue.next(u64::MAX) else {
                return;
            };
            self.now_us = at_us;
            self.take(event);
        }
    }

    /// Lets time pass.
    fn pass(&mut self, until_us: u64) {
        while !self.is_worn_out() {
            let Some((at_us, event)) = self.queue.next(until_us) else {
                break;
            };
            self.now_us = at_us;
            self.take(event);
        }
        self.now_us = self.now_us.max(until_us);
    }

    /// Waits until every table is empty.
    fn calm(&mut self) {
        let begun = self.now_us;
        while !self.is_calm() && self.now_us < begun + CALM_US_MAX && !self.is_worn_out() {
            self.pass(self.now_us + 1_000_000);
        }
        let note = if self.is_calm() {
            "all transactions have ended".to_owned()
        } else {
            let counts: Vec<_> = self
                .servers
                .iter()
                .flat_map(|server| &server.engines)
                .map(engine::Engine::counts)
                .collect();
            format!("after an hour there is still: {counts:?}")
        };
        self.entries.push(Entry::Note(note));
    }

    fn is_calm(&self) -> bool {
        let mut engines = self.servers.iter().flat_map(|server| &server.engines);
        engines.all(|engine| {
            let counts = engine.counts();
            counts.server_transactions
                + counts.client_transactions
                + counts.contexts
                + counts.agents
                + counts.parked_runs
                == 0
        })
    }

    fn take(&mut self, event: Event) {
        self.events += 1;
        self.on_their_way -= usize::from(event.is_on_its_way());
        match event {
            Event::Arrive {
                from,
                to,
                transport,
                bytes,
            } => match self.directory.get(&to) {
                Some(&Place::Server(server)) => self.arrive(server, from, to, transport, &bytes),
                Some(&Place::Peer(peer)) => self.tell(peer, from, transport, &bytes),
                None => {}
            },
            Event::Inner(server, shard, input) | Event::Later(server, shard, input) => {
                self.engine(server, shard, input)
            }
            Event::Tick(server, shard) => {
                let tick = &mut self.servers[server].ticks[usize::from(shard.0)];
                if *tick == Some(self.now_us) {
                    *tick = None;
                    self.engine(server, shard, Input::Tick);
                }
            }
            Event::Reply {
                peer,
                to,
                transport,
                sip,
                answers,
                ..
            } => {
                let is_due = answers.is_none_or(|key| self.peers[peer].due(&key, &sip));
                if is_due {
                    let from = self.peers[peer].plan.address;
                    self.carry(from, to, transport, &sip.write(), false);
                }
            }
        }
    }

    fn arrive(
        &mut self,
        server: usize,
        from: SocketAddr,
        to: SocketAddr,
        transport: Transport,
        bytes: &[u8],
    ) {
        let shard = self.shard;
        let at = &mut self.servers[server];
        // Nobody listens there by that transport.
        let Some(socket) = at.socket_at(transport, to) else {
            return;
        };
        let (shard, flow) = at.flow(socket, transport, from, shard);
        let frame = Frame::copy_of(bytes);
        self.engine(server, shard, Input::Received { frame, flow });
    }

    fn tell(&mut self, number: usize, from: SocketAddr, transport: Transport, bytes: &[u8]) {
        let peer = &mut self.peers[number];
        if peer.is_silent() || peer.is_unreachable() {
            return;
        }
        let sip = Sip::read(bytes);
        if sip.code().is_some() {
            if let Some((ack, way)) = peer.on_response(&sip) {
                // An ACK that goes nowhere was the script's doing; the ladder shows that none came.
                let _ = self.send_of_peer(number, &ack.write(), way);
            }
            return;
        }
        for reply in peer.on_request(&sip, transport) {
            self.at(
                self.now_us + reply.after_us,
                Event::Reply {
                    peer: number,
                    to: from,
                    transport,
                    sip: reply.sip,
                    answers: reply.answers,
                    at_once: reply.after_us == 0,
                },
            );
        }
    }

    /// Where a message of a peer goes: where the step says, to its first Route, in a dialog to its Request-URI, else to
    /// its server.
    fn send_of_peer(
        &mut self,
        number: usize,
        bytes: &[u8],
        way: Way,
    ) -> Result<(), (String, String)> {
        let peer = &self.peers[number].plan;
        let (from, server) = (peer.address, peer.server);
        let sip = Sip::read(bytes);
        let in_dialog = sip
            .get("To")
            .is_some_and(|to| super::sip::param(to, "tag").is_some());
        let is_follower = matches!(sip.method(), Some("CANCEL"));
        let next = match sip.list("Route").first() {
            Some(route) => Some(uri_of(route).to_owned()),
            None if in_dialog && !is_follower => sip.start.split(' ').nth(1).map(str::to_owned),
            None => None,
        };
        let mut transport = way.transport.unwrap_or(peer.transport);
        let mut to = way.to;
        if let (None, Some(next)) = (to, next) {
            let (host, port, is_tcp) = place_of(&next);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if is_tcp && way.transport.is_none() {
                transport = Transport::Tcp;
            }
            to = host
                .parse()
                .ok()
                .map(|ip| SocketAddr::new(ip, port.unwrap_or(5060)));
            to = to.or_else(|| {
                let owner = self
                    .servers
                    .iter()
                    .find(|server| server.plan.domains.iter().any(|name| name == host))?;
                owner.first(transport)
            });
        }
        let to = to.or_else(|| self.servers[server].first(transport));
        let Some(to) = to else {
            let reason = format!(
                "`{}` does not listen on {}",
                self.servers[server].plan.name,
                transport.as_str()
            );
            return Err((
                reason,
                "add it with `listen` in the head, or send `by` the other transport".to_owned(),
            ));
        };
        self.carry(from, to, transport, bytes, false);
        Ok(())
    }

    /// Gives a message to the network.
    fn carry(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        transport: Transport,
        bytes: &[u8],
        of_server: bool,
    ) {
        let text = String::from_utf8_lossy(bytes);
        self.said.hear(&text, of_server);
        let (mut what, _) = describe(bytes, false);
        let (from_name, to_name) = (self.name_of(from, transport), self.name_of(to, transport));
        let loss = self.losses.iter_mut().find(|(count, a, b, beginning)| {
            *count > 0 && *a == from_name && *b == to_name && what.starts_with(beginning.as_str())
        });
        let is_lost = loss.is_some();
        if let Some(loss) = loss {
            loss.0 -= 1;
        }
        if transport != Transport::Udp {
            what += &format!("  [{}]", transport.as_str());
        }
        if is_lost {
            what += "  (lost)";
        } else if !self.directory.contains_key(&to) {
            what += "  (nobody is there)";
        }
        self.entries.push(Entry::Message {
            at_us: self.now_us,
            from: from_name,
            to: to_name,
            what: self.said.mask(&what),
            text: of_server.then(|| self.said.mask(&text)),
        });
        if !is_lost {
            self.at(
                self.now_us + self.delay_us,
                Event::Arrive {
                    from,
                    to,
                    transport,
                    bytes: bytes.to_vec(),
                },
            );
        }
    }

    fn name_of(&self, address: SocketAddr, transport: Transport) -> String {
        match self.directory.get(&address) {
            Some(&Place::Server(number)) => {
                let server = &self.servers[number];
                let named = server
                    .listeners
                    .iter()
                    .find(|one| one.address == address && one.transport == transport);
                named
                    .and_then(|one| one.tag.clone())
                    .unwrap_or_else(|| server.plan.name.clone())
            }
            Some(&Place::Peer(number)) => self.peers[number].plan.name.clone(),
            None => address.to_string(),
        }
    }

    fn command(&mut self, server: usize, name: &str, parameters: &[(Option<String>, String)]) {
        self.commands += 1;
        for shard in 0..self.servers[server].engines.len() {
            let command = Command {
                name: name.to_owned(),
                parameters: parameters.to_vec(),
            };
            let ticket = Ticket(self.commands);
            self.engine(
                server,
                ShardId(shard as u16),
                Input::Command(ticket, command),
            );
        }
    }

    fn engine(&mut self, number: usize, shard: ShardId, input: Input) {
        let now = self.now();
        let mut outbox = std::mem::take(&mut self.servers[number].outbox);
        self.servers[number].engines[usize::from(shard.0)].handle(now, input, &mut outbox);
        let (outputs, bytes) = outbox.drain();
        for output in outputs {
            self.output(number, shard, output, bytes);
        }
        outbox.clear();
        self.servers[number].outbox = outbox;
        self.schedule_tick(number, shard);
    }

    fn output(&mut self, number: usize, shard: ShardId, output: Output, bytes: &[u8]) {
        let text = |range: &std::ops::Range<u32>| &bytes[range.start as usize..range.end as usize];
        let string = |range: &std::ops::Range<u32>| {
            String::from_utf8_lossy(text(range)).trim_end().to_owned()
        };
        let several = self.servers[number].engines.len() > 1;
        let who = if several {
            format!(" of shard {}", shard.0)
        } else {
            String::new()
        };
        match output {
            Output::Send {
                range,
                flow,
                ticket,
                ..
            } => self.sent(number, shard, text(&range), flow, ticket),
            Output::Handover { to, frame, flow } => {
                let input = Input::Handover {
                    frame,
                    flow,
                    from: shard,
                };
                self.at(self.now_us + RING_US, Event::Inner(number, to, input));
            }
            Output::Letter(letter) => {
                let to = letter.to;
                self.at(
                    self.now_us + RING_US,
                    Event::Inner(number, to, Input::Letter(letter)),
                );
            }
            Output::Query {
                ticket,
                query,
                deadline_us,
            } => match query {
                Query::Dns { name, record_type } => {
                    let answer = Answer::Dns(Frame::copy_of(&self.zone.answer(&name, record_type)));
                    self.at(
                        self.now_us + DNS_US,
                        Event::Inner(number, shard, Input::Answer(ticket, answer)),
                    );
                }
                Query::File { path, bytes_max } => {
                    let read = engine::files::Files::read(&self.files, &path, bytes_max);
                    let answer = read.map(Into::into).map_err(Into::into);
                    let input = Input::Answer(ticket, Answer::File(answer));
                    self.at(self.now_us, Event::Inner(number, shard, input));
                }
                Query::Sleep => {
                    let input = Input::Answer(ticket, Answer::Slept);
                    self.at(deadline_us, Event::Later(number, shard, input));
                }
            },
            Output::Log { level, range } => {
                let line = self.said.mask(&string(&range));
                match line.strip_prefix(WATCH_MARK) {
                    Some(values) => {
                        let values = values.split(WATCH_SEPARATOR).map(str::to_owned).collect();
                        self.entries.push(Entry::Watched {
                            server: number,
                            values,
                        });
                    }
                    None if level <= self.log_level => self.entries.push(Entry::Log {
                        server: number,
                        level,
                        line,
                    }),
                    None => {}
                }
            }
            Output::CommandAnswer { result, .. } => {
                let answer = match result {
                    Ok(range) => string(&range),
                    Err((code, range)) => format!("error {code}: {}", string(&range)),
                };
                let answer = self.said.mask(&answer);
                self.entries
                    .push(Entry::Note(format!("answer{who} {answer}")));
            }
            Output::Alias(flow) => self.entries.push(Entry::Note(format!(
                "requests to {} leave by the connection that is there",
                flow.remote
            ))),
            Output::Close(flow) => {
                let peer = self.name_of(flow.remote, flow.transport);
                self.entries
                    .push(Entry::Note(format!("the connection of {peer} is closed")));
            }
            Output::Abort => self
                .entries
                .push(Entry::Note("the process aborts".to_owned())),
            Output::Quarantine { reason, .. } => {
                let reason = string(&reason);
                self.entries.push(Entry::Note(format!(
                    "THE SERVER PANICKED: {reason}; please report it"
                )));
            }
        }
    }

    fn sent(&mut self, number: usize, shard: ShardId, bytes: &[u8], flow: Flow, ticket: Ticket) {
        let refuses = match self.directory.get(&flow.remote) {
            Some(&Place::Peer(peer)) => self.peers[peer].is_unreachable(),
            Some(Place::Server(_)) => false,
            // A datagram to nobody vanishes, a connection to nobody is not made.
            None => flow.transport != Transport::Udp,
        };
        if flow.transport != Transport::Udp {
            self.servers[number].connect(flow.remote, shard);
        }
        let socket = self.servers[number]
            .listeners
            .get(usize::from(flow.socket.0));
        let from = socket.map_or(flow.remote, |socket| socket.address);
        if refuses {
            let (what, _) = describe(bytes, false);
            let (from, to) = (
                self.name_of(from, flow.transport),
                self.name_of(flow.remote, flow.transport),
            );
            self.entries.push(Entry::Message {
                at_us: self.now_us,
                from,
                to,
                what: self.said.mask(&what) + "  (refused)",
                text: Some(self.said.mask(&String::from_utf8_lossy(bytes))),
            });
            let failed = Input::SendFailed(ticket, flow);
            self.at(
                self.now_us + self.delay_us,
                Event::Inner(number, shard, failed),
            );
            return;
        }
        self.carry(from, flow.remote, flow.transport, bytes, true);
    }

    fn schedule_tick(&mut self, number: usize, shard: ShardId) {
        let server = &mut self.servers[number];
        let place = usize::from(shard.0);
        let Some(due) = server.engines[place].next_due() else {
            return;
        };
        let due = due.max(self.now_us + 1);
        if server.ticks[place].is_none_or(|tick| due < tick) {
            server.ticks[place] = Some(due);
            self.at(due, Event::Tick(number, shard));
        }
    }
}
