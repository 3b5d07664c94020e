//! The world: servers, phones and the network between them, on one clock.
//!
//! `step` takes the next event to completion and carries away what it left. Everything random is
//! drawn from one seed in the order of events, so a world is a function of its plan and its seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use engine::outbox::Output;
use engine::{Answer, Input, Now, Query, Reload, ShardId, Ticket, Transport};
use loadgen::phone::{self, Command, Event as PhoneEvent, Notice, Phone, Settings};
use parser::{Frame, Message};

use crate::checkers::Checkers;
use crate::dns::Zone;
use crate::figures::Figures;
use crate::flow::parse::Loss;
use crate::ladder::{Fate, Ladder};
use crate::network::Weather;
use crate::queue::Queue;
use crate::server::{Server, ServerPlan};

/// Wall time at the start of every world: 2026-01-01T00:00:00Z.
const EPOCH_US: u64 = 1_767_225_600_000_000;
/// How long a handover or letter lies in a mailbox between two shards.
const RING_US: u64 = 20;
/// How far apart the shards of a server take one step of a reload.
const SKEW_US: u64 = 3_000;
/// Whoever asks for a reload.
const RELOAD: Ticket = Ticket(1);
/// How long the name server thinks.
const DNS_US: u64 = 2_000;

/// Who lives at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A server, by its number.
    Server(usize),
    /// A phone and its line.
    Phone(usize, u32),
}

/// Something a phone's user does, scheduled.
#[derive(Clone, Debug)]
pub enum Act {
    /// A call: line, Request-URI, plan, tag.
    Call(u32, String, phone::CallPlan, u64),
    /// A registration: line, seconds, whether it is kept up, tag.
    Register(u32, u32, bool, u64),
    /// A registration taken back, by the phone's first registration.
    Unregister,
    /// A request outside calls: line, method, Request-URI, tag.
    Request(u32, phone::Verb, String, u64),
    /// How calls are answered from now on.
    Answering(phone::Answering),
    /// Something in the call that stands: the first one, if there are several.
    InCall(InCall),
}

/// What somebody does in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InCall {
    /// Sends a re-INVITE.
    Reinvite,
    /// Sends an UPDATE.
    Update,
    /// Hangs up.
    HangUp,
}

/// What a phone said happened.
#[derive(Clone, Copy, Debug)]
pub struct Happened {
    /// Which phone.
    pub phone: usize,
    /// What.
    pub notice: Notice,
}

enum Event {
    Arrive {
        from: SocketAddr,
        to: SocketAddr,
        transport: Transport,
        bytes: Vec<u8>,
    },
    Tick(usize, ShardId),
    Inner(usize, ShardId, Input),
    PhoneTick(usize),
    Act(usize, Act),
}

struct PhoneAt {
    phone: Phone,
    transport: Transport,
    tick: Option<u64>,
}

/// Everything there is.
pub struct World {
    /// The clock, microseconds.
    pub now_us: u64,
    /// The network.
    pub weather: Weather,
    /// The name server.
    pub zone: Zone,
    /// Messages the network will lose.
    pub losses: Vec<Loss>,
    /// Who can neither be heard nor hear by datagrams.
    pub cut_off: Option<SocketAddr>,
    /// Handovers and letters lost to a full ring, per mille.
    pub ring_loss: u32,
    /// Questions that the name server leaves without an answer, per mille.
    pub dns_loss: u32,
    /// Questions that the name server left without an answer so far.
    pub unanswered: u64,
    /// Shards that swapped to a new script.
    pub reloads: u64,
    /// Who sent what.
    pub ladder: Option<Ladder>,
    /// What is watched at every message.
    pub checkers: Checkers,
    /// What is watched at every step, if the world has one server whose times are known.
    pub figures: Option<Figures>,
    /// What happened to the phones' calls.
    pub happened: Vec<Happened>,
    /// The servers' log lines: server, level, text.
    pub log: Vec<(usize, i8, String)>,
    servers: Vec<Server>,
    phones: Vec<PhoneAt>,
    directory: BTreeMap<SocketAddr, Place>,
    queue: Queue<Event>,
    chance: fastrand::Rng,
    phone_outbox: phone::Outbox,
}

impl World {
    /// An empty world in this weather.
    pub fn new(seed: u64, weather: Weather) -> Self {
        World {
            now_us: 0,
            weather,
            zone: Zone::default(),
            losses: Vec::new(),
            cut_off: None,
            ring_loss: 0,
            dns_loss: 0,
            unanswered: 0,
            reloads: 0,
            ladder: None,
            checkers: Checkers::default(),
            figures: None,
            happened: Vec::new(),
            log: Vec::new(),
            servers: Vec::new(),
            phones: Vec::new(),
            directory: BTreeMap::new(),
            queue: Queue::default(),
            chance: fastrand::Rng::with_seed(seed),
            phone_outbox: phone::Outbox::default(),
        }
    }

    /// Adds a server.
    pub fn add_server(&mut self, plan: &ServerPlan) -> Result<usize, String> {
        let server = Server::new(plan)?;
        let number = self.servers.len();
        self.directory.insert(server.address, Place::Server(number));
        let shards = server.engines.len();
        self.servers.push(server);
        for shard in 0..shards {
            self.schedule_tick(number, ShardId(shard as u16));
        }
        Ok(number)
    }

    /// Adds a phone.
    pub fn add_phone(&mut self, settings: Settings) -> usize {
        let number = self.phones.len();
        for (line, place) in settings.lines.iter().enumerate() {
            self.directory
                .insert(place.local, Place::Phone(number, line as u32));
        }
        let transport = match settings.transport {
            phone::Transport::Udp => Transport::Udp,
            phone::Transport::Tcp => Transport::Tcp,
        };
        self.phones.push(PhoneAt {
            phone: Phone::new(settings, self.now_us),
            transport,
            tick: None,
        });
        number
    }

    /// Lets a phone's user do something.
    pub fn act(&mut self, at_us: u64, phone: usize, act: Act) {
        self.queue.at(at_us, Event::Act(phone, act));
    }

    /// Gives a server a new script: its shards prepare it now and swap when they have, each a moment apart from the
    /// others. One that does not compile changes nothing, as in a real server.
    pub fn reload(&mut self, at_us: u64, server: usize, script: &str) {
        let Ok(program) = self.servers[server].compile(script) else {
            return;
        };
        let shards = self.servers[server].engines.len() as u16;
        let prepared_us = at_us + 2 * SKEW_US;
        for (from_us, step) in [
            (at_us, Reload::Prepare(program)),
            (prepared_us, Reload::Swap),
        ] {
            for shard in (0..shards).map(ShardId) {
                let at_us = from_us + self.chance.u64(0..SKEW_US);
                let input = Input::Reload(RELOAD, step.clone());
                self.queue.at(at_us, Event::Inner(server, shard, input));
            }
        }
    }

    /// Names everybody for the ladder and begins to write it.
    pub fn watch(&mut self, names: &[(SocketAddr, String)], with_cseq: bool) {
        let mut ladder = Ladder::new(with_cseq);
        for (address, name) in names {
            ladder.name(*address, name);
        }
        self.ladder = Some(ladder);
    }

    /// The servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// A phone.
    pub fn phone(&self, number: usize) -> &Phone {
        &self.phones[number].phone
    }

    /// How many phones there are.
    pub fn phone_count(&self) -> usize {
        self.phones.len()
    }

    /// Lets everything happen that happens until then. Stops at the first thing a checker objects to.
    pub fn run(&mut self, until_us: u64) -> Result<(), String> {
        while let Some((at_us, event)) = self.queue.next(until_us) {
            self.now_us = at_us;
            self.step(event)?;
        }
        self.now_us = until_us;
        Ok(())
    }

    fn now(&self) -> Now {
        Now {
            mono_us: self.now_us,
            unix_us: EPOCH_US + self.now_us,
        }
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Arrive {
                from,
                to,
                transport,
                bytes,
            } => self.arrive(from, to, transport, &bytes),
            Event::Inner(server, shard, input) => self.engine(server, shard, input),
            Event::Tick(server, shard) => {
                if self.servers[server].ticks[usize::from(shard.0)] != Some(self.now_us) {
                    return Ok(());
                }
                self.servers[server].ticks[usize::from(shard.0)] = None;
                self.engine(server, shard, Input::Tick)
            }
            Event::PhoneTick(number) => {
                if self.phones[number].tick == Some(self.now_us) {
                    self.phones[number].tick = None;
                    self.tell(number, PhoneEvent::Tick)?;
                }
                Ok(())
            }
            Event::Act(number, act) => self.do_act(number, &act),
        }
    }

    fn do_act(&mut self, number: usize, act: &Act) -> Result<(), String> {
        let command = match act {
            Act::Call(line, to, plan, tag) => Command::Call {
                line: *line,
                user: "",
                to,
                plan: *plan,
                tag: *tag,
            },
            Act::Register(line, expires, refresh, tag) => Command::Register {
                line: *line,
                user: "",
                expires: *expires,
                refresh: *refresh,
                login: None,
                tag: *tag,
            },
            Act::Unregister => match self.phones[number].phone.registrations().next() {
                Some((id, ..)) => Command::Unregister(id),
                None => return Ok(()),
            },
            Act::Request(line, verb, to, tag) => Command::Request {
                line: *line,
                verb: *verb,
                to,
                body: "",
                tag: *tag,
            },
            Act::Answering(answering) => Command::Answering(*answering),
            Act::InCall(act) => {
                let mut calls = self.phones[number].phone.calls();
                let stands = calls.find(|(_, state)| *state == phone::CallState::Established);
                match (stands, act) {
                    (None, _) => return Ok(()),
                    (Some((call, _)), InCall::Reinvite) => Command::Reinvite(call),
                    (Some((call, _)), InCall::Update) => Command::Update(call),
                    (Some((call, _)), InCall::HangUp) => Command::HangUp(call),
                }
            }
        };
        self.tell(number, PhoneEvent::Command(command))
    }

    /// Something reaches an address: a server's engine, a phone, or nobody.
    fn arrive(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        transport: Transport,
        bytes: &[u8],
    ) -> Result<(), String> {
        match self.directory.get(&to) {
            Some(&Place::Server(number)) => {
                let server = &mut self.servers[number];
                let (shard, flow) = if transport == Transport::Udp {
                    server.datagram(from)
                } else {
                    server.stream(from)
                };
                self.engine(
                    number,
                    shard,
                    Input::Received {
                        frame: Frame::copy_of(bytes),
                        flow,
                    },
                )
            }
            Some(&Place::Phone(number, line)) => {
                self.checkers.reached_phone(self.now_us, from, to, bytes);
                self.tell(number, PhoneEvent::Received { line, bytes, from })
            }
            None => Ok(()),
        }
    }

    fn tell(&mut self, number: usize, event: PhoneEvent<'_>) -> Result<(), String> {
        let mut out = std::mem::take(&mut self.phone_outbox);
        let at = &mut self.phones[number];
        at.phone.handle(self.now_us, event, &mut out);
        let transport = at.transport;
        for send in &out.sends {
            let from = self.phones[number].phone.settings().lines[send.line as usize].local;
            let bytes = out.bytes_of(send);
            self.checkers.phone_sent(self.now_us, from, send.to, bytes);
            self.carry(from, send.to, transport, bytes);
        }
        for &notice in &out.notices {
            self.happened.push(Happened {
                phone: number,
                notice,
            });
        }
        out.clear();
        self.phone_outbox = out;
        let at = &mut self.phones[number];
        if let Some(due) = at.phone.next_due() {
            let due = due.max(self.now_us + 1);
            if at.tick.is_none_or(|tick| due < tick) {
                at.tick = Some(due);
                self.queue.at(due, Event::PhoneTick(number));
            }
        }
        Ok(())
    }

    fn engine(&mut self, number: usize, shard: ShardId, input: Input) -> Result<(), String> {
        self.reloads += u64::from(matches!(input, Input::Reload(_, Reload::Swap)));
        let now = self.now();
        let taken_in = self.figures.as_ref().and_then(|_| copy_of_message(&input));
        self.servers[number].handle(shard, now, input);
        let mut outbox = std::mem::take(&mut self.servers[number].outbox);
        let result = self.drain(number, shard, taken_in, &mut outbox);
        outbox.clear();
        self.servers[number].outbox = outbox;
        self.checkers
            .engine_stepped(&self.servers[number].engines[usize::from(shard.0)])?;
        self.schedule_tick(number, shard);
        result
    }

    fn drain(
        &mut self,
        number: usize,
        shard: ShardId,
        taken_in: Option<(Frame, Transport)>,
        outbox: &mut engine::Outbox,
    ) -> Result<(), String> {
        if let Some(figures) = &mut self.figures {
            figures.step_begins(self.now_us)?;
            // What goes to another shard is taken in there.
            let stays = !outbox
                .outputs()
                .iter()
                .any(|output| matches!(output, Output::Handover { .. }));
            if let Some((frame, transport)) = taken_in.filter(|_| stays)
                && let Ok(message) = Message::parse(frame)
            {
                figures.takes_in(self.now_us, transport != Transport::Udp, &message)?;
            }
        }
        let (outputs, bytes) = outbox.drain();
        let text = |range: &std::ops::Range<u32>| &bytes[range.start as usize..range.end as usize];
        for output in outputs {
            match output {
                Output::Send {
                    range,
                    flow,
                    ticket,
                    ..
                } => {
                    let from = self.servers[number].address;
                    if flow.transport != Transport::Udp {
                        self.servers[number].connect(flow.remote, shard);
                        if !self.directory.contains_key(&flow.remote) {
                            let failed = Input::SendFailed(ticket, flow);
                            self.queue.at(
                                self.now_us + self.weather.delay_us,
                                Event::Inner(number, shard, failed),
                            );
                            continue;
                        }
                    }
                    let message =
                        self.checkers
                            .server_sent(self.now_us, from, flow.remote, text(&range))?;
                    if let Some(figures) = &mut self.figures {
                        let is_stream = flow.transport != Transport::Udp;
                        figures
                            .sends(self.now_us, is_stream, &message)
                            .map_err(|what| {
                                let text = String::from_utf8_lossy(message.bytes());
                                format!("{} us: to {}: {what}:\n{text}", self.now_us, flow.remote)
                            })?;
                    }
                    self.carry(from, flow.remote, flow.transport, text(&range));
                }
                Output::Handover { to, frame, flow } => {
                    if !self.ring_is_full() {
                        let input = Input::Handover {
                            frame,
                            flow,
                            from: shard,
                        };
                        self.queue
                            .at(self.now_us + RING_US, Event::Inner(number, to, input));
                    }
                }
                Output::Letter(letter) => {
                    if !self.ring_is_full() {
                        let to = letter.to;
                        self.queue.at(
                            self.now_us + RING_US,
                            Event::Inner(number, to, Input::Letter(letter)),
                        );
                    }
                }
                Output::Query {
                    ticket,
                    query,
                    deadline_us,
                } => {
                    let (at, answer) = match query {
                        Query::Dns { .. } if self.is_one_of(self.dns_loss) => {
                            self.unanswered += 1;
                            (deadline_us, Answer::TimedOut)
                        }
                        Query::Dns { name, record_type } => (
                            self.now_us + DNS_US,
                            Answer::Dns(Frame::copy_of(&self.zone.answer(&name, record_type))),
                        ),
                        Query::File { .. } => (self.now_us, Answer::Failed),
                        Query::Sleep => (deadline_us, Answer::Slept),
                    };
                    self.queue.at(
                        at.max(self.now_us),
                        Event::Inner(number, shard, Input::Answer(ticket, answer)),
                    );
                }
                Output::Log { level, range } => {
                    let line = String::from_utf8_lossy(text(&range)).trim_end().to_owned();
                    self.log.push((number, level, line));
                }
                other => self.checkers.other_output(&other)?,
            }
        }
        let engines = &self.servers[number].engines;
        match &mut self.figures {
            Some(figures) => figures.step_ends(self.now_us, || {
                engines.iter().fold((0, 0), |(clients, servers), engine| {
                    let counts = engine.counts();
                    (
                        clients + counts.client_transactions,
                        servers + counts.server_transactions,
                    )
                })
            }),
            None => Ok(()),
        }
    }

    /// Gives a message to the network.
    fn carry(&mut self, from: SocketAddr, to: SocketAddr, transport: Transport, bytes: &[u8]) {
        let is_cut_off = transport == Transport::Udp
            && self
                .cut_off
                .is_some_and(|cut_off| [from, to].contains(&cut_off));
        let arrivals = if is_cut_off || self.is_to_be_lost(from, to, bytes) {
            [None, None]
        } else if transport == Transport::Udp {
            self.weather.arrivals(self.now_us, &mut self.chance)
        } else {
            // A stream loses nothing and keeps its order.
            [Some(self.now_us + self.weather.delay_us), None]
        };
        let fate = match arrivals {
            [None, _] => Fate::Lost,
            [_, None] => Fate::Arrives,
            [_, Some(_)] => Fate::Twice,
        };
        if let Some(ladder) = &mut self.ladder {
            ladder.sent(self.now_us, from, to, bytes, fate);
        }
        for at in arrivals.into_iter().flatten() {
            self.queue.at(
                at,
                Event::Arrive {
                    from,
                    to,
                    transport,
                    bytes: bytes.to_vec(),
                },
            );
        }
    }

    fn is_to_be_lost(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> bool {
        if self.losses.is_empty() {
            return false;
        }
        let names = (self.name_of(from), self.name_of(to));
        let what = phone::describe(bytes).to_string();
        let hit = self.losses.iter_mut().find(|loss| {
            loss.count > 0
                && (&loss.from, &loss.to) == (&names.0, &names.1)
                && what.starts_with(&loss.what)
        });
        hit.is_some_and(|loss| {
            loss.count -= 1;
            true
        })
    }

    fn name_of(&self, address: SocketAddr) -> String {
        match self.directory.get(&address) {
            Some(&Place::Server(number)) => self.servers[number].name.clone(),
            Some(&Place::Phone(number, _)) => self.phones[number].phone.settings().name.clone(),
            None => address.to_string(),
        }
    }

    fn ring_is_full(&mut self) -> bool {
        self.is_one_of(self.ring_loss)
    }

    fn is_one_of(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.chance.u32(0..1000) < per_mille
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
            self.queue.at(due, Event::Tick(number, shard));
        }
    }
}

/// What an engine is about to take in, if it is a message.
fn copy_of_message(input: &Input) -> Option<(Frame, Transport)> {
    match input {
        Input::Received { frame, flow } | Input::Handover { frame, flow, .. } => {
            Some((Frame::copy_of(frame), flow.transport))
        }
        _ => None,
    }
}
