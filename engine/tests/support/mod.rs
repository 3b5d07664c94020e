//! An engine with a handful of functions of its own, and the ladder of what goes in and out.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

pub mod calls;
pub mod driver;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::input::{
    Answer, Command, ConnectionId, Flow, Input, Now, ShardId, SocketId, Ticket, Transport,
};
use engine::limits::Limits;
use engine::module::{Args, Context, Exports, Kind, Module, Registry, Routes, Verdict};
use engine::outbox::{Output, Query};
use engine::proxy::RelayOptions;
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, Engine, Outbox};
use expect_test::Expect;
use parser::{Frame, Message};

/// The functions that these tests need, under the names scripts know.
pub struct Tiny;

impl Module for Tiny {
    const NAME: &'static str = "tiny";

    fn new() -> Self {
        Tiny
    }

    fn exports(exports: &mut Exports<Self>) {
        const ANY: Routes = Routes::ALL;
        exports.function("t_relay", &[], ANY, |_, cx, _| {
            cx.relay(&RelayOptions::default())
        });
        exports.function("t_newtran", &[], ANY, |_, cx, _| {
            Verdict::of(cx.new_transaction())
        });
        exports.function("t_check_trans", &[], ANY, |_, cx, _| cx.check_transaction());
        exports.function("record_route", &[], ANY, |_, cx, _| {
            Verdict::of(cx.record_route(None))
        });
        exports.function("loose_route", &[], ANY, |_, cx, _| {
            Verdict::Return(cx.loose_route())
        });
        exports.function("send_reply", &[Kind::Int, Kind::Str], ANY, Self::send_reply);
        exports.function("to", &[Kind::Str], ANY, Self::to);
        exports.function("also", &[Kind::Str], ANY, Self::also);
        exports.function("on_failure", &[Kind::Str], ANY, Self::on_failure);
        exports.function("on_reply", &[Kind::Str], ANY, Self::on_reply);
        exports.function("on_branch", &[Kind::Str], ANY, |_, cx, args| {
            cx.scene.hooks.on_branch = cx.name(args.str(0));
            Verdict::OK
        });
        exports.function("header", &[Kind::Str], ANY, |_, cx, args| {
            cx.draft.append_header(args.str(0));
            Verdict::OK
        });
        exports.function("pause", &[Kind::Int], ANY, Self::pause);
        exports.async_function("ask", &[Kind::Int, Kind::Output.optional()], ANY, Self::ask);
        exports.function("boom", &[], ANY, |_, _, _| panic!("boom"));
    }
}

/// What contexts like `$(<request>ru)` ask for.
pub struct Tm;

impl Module for Tm {
    const NAME: &'static str = "tm";

    fn new() -> Self {
        Tm
    }

    fn exports(_: &mut Exports<Self>) {}
}

impl Tiny {
    fn send_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(cx.reply(args.int(0) as u16, args.str(1)))
    }

    fn to(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(cx.scene.targets.set_uri(0, args.str(0)))
    }

    fn also(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.own_request_uri();
        let parts = engine::proxy::TargetParts {
            uri: args.str(0),
            ..Default::default()
        };
        Verdict::of(cx.scene.targets.push(&parts).is_some())
    }

    fn on_failure(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.scene.hooks.on_failure = cx.name(args.str(0));
        Verdict::OK
    }

    fn on_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.scene.hooks.on_reply = cx.name(args.str(0));
        Verdict::OK
    }

    /// Waits so long and says what came of it, also in its output. Of nothing it knows at once, below it fails.
    fn ask(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (value, text) = match (cx.answer(), args.int(0)) {
            (Some(Answer::TimedOut), _) => (-2, "late"),
            (Some(_), _) => (2, "in time"),
            (None, 0) => (3, "at once"),
            (None, ms) if ms > 0 => return cx.query(Query::Sleep, ms as u32),
            _ => (-1, "failed"),
        };
        args.set(1, text.as_bytes());
        Verdict::Return(value)
    }

    fn pause(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match cx.answer() {
            Some(_) => Verdict::OK,
            None => cx.query(Query::Sleep, args.int(0) as u32),
        }
    }
}

/// Where the engine listens, on UDP and TCP.
pub const TANDEM: &str = "10.0.0.1:5060";
const ALICE: &str = "10.0.0.2:5060";
const BOB: &str = "10.0.0.3:5060";
const CAROL: &str = "10.0.0.4:5060";

/// One or more engines, and everybody they talk to.
pub struct World {
    pub engines: Vec<Engine>,
    pub now_ms: u64,
    outbox: Outbox,
    ladder: String,
    /// The last message to each peer, by peer and what it is.
    seen: BTreeMap<(String, String), Vec<u8>>,
    queries: Vec<(u64, Ticket)>,
    /// Everything that left, not only what the ladder shows.
    pub records: Vec<String>,
}

impl World {
    pub fn new(script: &str) -> Self {
        Self::with(script, 1, Limits::default())
    }

    pub fn with(script: &str, shards: u16, limits: Limits) -> Self {
        let mut registry = Registry::new();
        registry.add::<Tiny>().add::<Tm>();
        let text = format!("loadmodule \"tiny.so\"\n{script}");
        Self::of(&registry, &text, shards, limits)
    }

    /// With the modules of this registry.
    pub fn of(registry: &Registry, text: &str, shards: u16, limits: Limits) -> Self {
        let path = Path::new("test.cfg");
        let mut loader = script::InMemory::new(path, text);
        let compiled = registry
            .compile(path, &mut loader, &script::Options::default())
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let program = Arc::new(compiled.program);
        let listeners = [Transport::Udp, Transport::Tcp]
            .map(|transport| Listener::new(transport, address(TANDEM)));
        let sockets = Arc::new(Sockets::new(listeners));
        let engines = (0..shards).map(|shard| {
            Engine::new(Config {
                shard: ShardId(shard),
                shards,
                owner_key: *b"an installation'",
                seed: 42 + u64::from(shard),
                sockets: sockets.clone(),
                hosts: Arc::new(Hosts::default()),
                files: Arc::new(engine::files::InMemory::default()),
                program: program.clone(),
                registry,
                limits: limits.clone(),
            })
            .unwrap_or_else(|error| panic!("{error}"))
        });
        let mut world = World {
            engines: engines.collect(),
            now_ms: 1_000_000,
            outbox: Outbox::new(),
            ladder: String::new(),
            seen: BTreeMap::new(),
            queries: Vec::new(),
            records: Vec::new(),
        };
        for shard in 0..shards {
            world.handle(shard, Input::Tick);
        }
        world
    }

    fn now(&self) -> Now {
        Now {
            mono_us: self.now_ms * 1000,
            unix_us: 1_700_000_000_000_000 + self.now_ms * 1000,
        }
    }

    /// Hands an input over and carries what comes out.
    pub fn handle(&mut self, shard: u16, input: Input) {
        let now = self.now();
        let engine = &mut self.engines[usize::from(shard)];
        engine.handle(now, input, &mut self.outbox);
        engine.check_invariants().unwrap();
        let mut outbox = std::mem::take(&mut self.outbox);
        let (outputs, bytes) = outbox.drain();
        let mut handovers = Vec::new();
        for output in outputs {
            match output {
                Output::Send { range, flow, .. } => {
                    let bytes = &bytes[range.start as usize..range.end as usize];
                    self.sent(flow, bytes);
                }
                Output::Handover { to, frame, flow } => {
                    handovers.push((
                        to,
                        Input::Handover {
                            frame,
                            flow,
                            from: ShardId(shard),
                        },
                    ));
                }
                Output::Letter(letter) => handovers.push((letter.to, Input::Letter(letter))),
                Output::Query {
                    ticket,
                    query: Query::Sleep,
                    deadline_us,
                } => {
                    self.queries.push((deadline_us / 1000, ticket));
                }
                Output::Quarantine {
                    range,
                    reason,
                    is_sound,
                } => {
                    let text = |range: std::ops::Range<u32>| {
                        String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize])
                            .into_owned()
                    };
                    let first = text(range).lines().next().unwrap_or_default().to_owned();
                    self.note(&format!(
                        "quarantine: {} of {first}; sound: {is_sound}",
                        text(reason)
                    ));
                }
                Output::CommandAnswer { result, .. } => {
                    let text = |range: std::ops::Range<u32>| {
                        String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize])
                            .into_owned()
                    };
                    self.records.push(match result {
                        Ok(range) => text(range),
                        Err((code, range)) => format!("{code} {}", text(range)),
                    });
                }
                Output::Log { range, .. } => {
                    let line = &bytes[range.start as usize..range.end as usize];
                    self.records
                        .push(String::from_utf8_lossy(line).trim_end().to_owned());
                }
                other => panic!("{other:?}"),
            }
        }
        outbox.clear();
        self.outbox = outbox;
        for (to, input) in handovers {
            if matches!(input, Input::Handover { .. }) {
                self.note(&format!("shard {shard} hands over to shard {}", to.0));
            }
            self.handle(to.0, input);
        }
    }

    fn sent(&mut self, flow: Flow, bytes: &[u8]) {
        let peer = name(flow.remote);
        if bytes == b"\r\n" {
            return self.note(&format!("tandem > {peer}  CRLF"));
        }
        // The answer to what is malformed repeats what is malformed; everything else is well-formed.
        let message = match Message::parse(Frame::copy_of(bytes)) {
            Ok(message) => message,
            Err(rejected) => {
                assert_eq!(rejected.message.status(), Some(400), "{rejected:?}");
                rejected.message
            }
        };
        let what = describe(&message);
        self.note(&format!("tandem > {peer}  {what}"));
        let short = what
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        self.seen.insert((peer, short), bytes.to_vec());
    }

    pub fn note(&mut self, line: &str) {
        let at = self.now_ms - 1_000_000;
        writeln!(self.ladder, "{at:<5} {line}").unwrap();
    }

    /// The last message to a peer: `INVITE`, or `200`.
    pub fn last(&self, peer: &str, what: &str) -> &str {
        let bytes = self
            .seen
            .get(&(peer.to_owned(), what.to_owned()))
            .expect("such a message was sent");
        std::str::from_utf8(bytes).expect("text")
    }

    /// A peer sends this text by UDP; the first line goes into the ladder.
    pub fn send(&mut self, peer: &str, text: &str) {
        self.send_to(0, peer, text);
    }

    /// The same, received by this shard.
    pub fn send_to(&mut self, shard: u16, peer: &str, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let short = match first.strip_prefix("SIP/2.0 ") {
            Some(status) => status.to_owned(),
            None => first.trim_end_matches(" SIP/2.0").to_owned(),
        };
        self.note(&format!("{peer} > tandem  {short}"));
        let frame = Frame::copy_of(text.as_bytes());
        self.handle(
            shard,
            Input::Received {
                frame,
                flow: flow(Transport::Udp, peer),
            },
        );
    }

    /// A peer answers the last request it got.
    pub fn answer(&mut self, peer: &str, method: &str, code: u16) {
        let request = Message::parse(Frame::copy_of(self.last(peer, method).as_bytes()))
            .expect("well-formed");
        let mut text = Vec::new();
        let contact = format!("Contact: <sip:{peer}@{}>\r\n", address_of(peer));
        let response = parser::Response {
            code,
            to_tag: (code > 100).then_some(peer.as_bytes()),
            record_route: true,
            headers: contact.as_bytes(),
            ..Default::default()
        };
        response.write(&request, &mut text);
        self.send(peer, std::str::from_utf8(&text).expect("text"));
    }

    pub fn command(&mut self, name: &str, parameters: &[&str]) -> String {
        self.command_to(0, name, parameters)
    }

    /// The same, asked of this shard.
    pub fn command_to(&mut self, shard: u16, name: &str, parameters: &[&str]) -> String {
        let parameters = parameters
            .iter()
            .map(|value| (None, (*value).to_owned()))
            .collect();
        self.handle(
            shard,
            Input::Command(
                Ticket(1),
                Command {
                    name: name.to_owned(),
                    parameters,
                },
            ),
        );
        self.records.pop().expect("an answer")
    }

    /// Time goes on, and what is due happens.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        loop {
            let ticks = self
                .engines
                .iter()
                .filter_map(|engine| engine.next_due())
                .map(|us| us.div_ceil(1000));
            let sleeps = self.queries.iter().map(|query| query.0);
            let Some(next) = ticks.chain(sleeps).min().filter(|&next| next <= until) else {
                break;
            };
            self.now_ms = self.now_ms.max(next);
            let due: Vec<_> = self
                .queries
                .extract_if(.., |query| query.0 <= next)
                .collect();
            for (_, ticket) in due {
                self.handle(0, Input::Answer(ticket, Answer::Slept));
            }
            for shard in 0..self.engines.len() as u16 {
                self.handle(shard, Input::Tick);
            }
        }
        self.now_ms = until;
    }

    /// The ladder so far, and begins a new one.
    pub fn ladder(&mut self) -> String {
        std::mem::take(&mut self.ladder)
    }

    #[track_caller]
    pub fn is_calm(&self) {
        for engine in &self.engines {
            assert!(engine.counts().is_calm(), "{:?}", engine.counts());
        }
    }
}

pub fn flow(transport: Transport, peer: &str) -> Flow {
    let is_stream = transport.is_reliable();
    Flow {
        socket: SocketId(u16::from(is_stream)),
        transport,
        remote: address_of(peer),
        connection: if is_stream {
            ConnectionId::new(ShardId(0), 1, 1)
        } else {
            ConnectionId::NONE
        },
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub fn address_of(peer: &str) -> SocketAddr {
    address(match peer {
        "alice" => ALICE,
        "bob" => BOB,
        "carol" => CAROL,
        other => other,
    })
}

fn name(address: SocketAddr) -> String {
    let known = [("alice", ALICE), ("bob", BOB), ("carol", CAROL)];
    let text = address.to_string();
    known
        .iter()
        .find(|(_, at)| *at == text)
        .map_or(text, |(name, _)| (*name).to_owned())
}

fn describe(message: &Message) -> String {
    match message.status() {
        Some(status) => format!("{status} ({})", message.cseq().method),
        None => format!(
            "{} {}",
            message.method(),
            String::from_utf8_lossy(message.request_uri())
        ),
    }
}

/// The ladder is this, and below it what the script logged.
#[track_caller]
pub fn is(world: &mut World, expected: Expect) {
    expected.assert_eq(&story(world));
}

/// The ladder, and below it what the script logged.
pub fn story(world: &mut World) -> String {
    let mut text = world.ladder();
    for line in world.records.drain(..) {
        text.push_str(&format!("log   {line}\n"));
    }
    text
}

/// Alice's first INVITE to bob.
pub fn invite() -> String {
    request("INVITE", "sip:bob@example.com", "call-1", "1", "")
}

/// A request of alice's.
pub fn request(method: &str, uri: &str, call: &str, branch: &str, further: &str) -> String {
    let to_tag = if matches!(method, "BYE" | "ACK") {
        ";tag=bob"
    } else {
        ""
    };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK{branch};rport\r\n\
         From: <sip:alice@example.com>;tag=alice\r\nTo: <sip:bob@example.com>{to_tag}\r\nCall-ID: {call}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:alice@10.0.0.2>\r\nMax-Forwards: 70\r\n{further}Content-Length: 0\r\n\r\n"
    )
}
