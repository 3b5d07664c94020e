//! A world of one engine. A story is a line a step; its ladder is what the engine sent and logged.
//!
//! Steps: `MS WHO METHOD [URI] [words]` sends a request, `MS WHO CODE [METHOD] [words]` answers the latest
//! request of that method which WHO got, `MS WHO ACK` acknowledges the latest response it got, `MS WHO
//! CANCEL` cancels its latest INVITE, `MS fails WHO` refuses what was last sent there, `MS closed WHO` ends the connection of that, `MS dns NAME TYPE ...`
//! answers questions, `MS end` only lets time pass. Words: `branch=` `tag=` `cseq=` `call=` `via=` `hops=` (Max-Forwards), `+Name:value` adds a header (`_` is a blank).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::limits::Limits;
use engine::module::Registry;
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{
    Answer, Config, ConnectionId, Engine, Flow, Input, Now, Outbox, Output, Query, ShardId,
    SocketId, Ticket, Transport,
};
use parser::{Frame, HeaderName, Message};
use script::InMemory;

use crate::px::Px;

const NAMES: [(&str, &str); 6] = [
    ("alice", "10.0.0.10:5060"),
    ("bob", "10.0.0.20:5060"),
    ("carol", "10.0.0.30:5060"),
    ("dave", "10.0.0.40:5060"),
    ("erin", "10.1.0.50:5060"),
    ("six", "[2001:db8::6]:5060"),
];

pub(crate) fn address(who: &str) -> SocketAddr {
    NAMES
        .iter()
        .find(|name| name.0 == who)
        .map_or_else(|| who.parse().unwrap(), |name| name.1.parse().unwrap())
}

fn name(address: SocketAddr) -> String {
    let found = NAMES
        .iter()
        .find(|name| name.1.parse::<SocketAddr>().unwrap() == address);
    found.map_or_else(|| address.to_string(), |name| name.0.to_owned())
}

pub(crate) struct Sent {
    pub(crate) to: String,
    flow: Flow,
    ticket: Ticket,
    pub(crate) bytes: Vec<u8>,
}

/// One engine and what it has said.
pub(crate) struct World {
    engine: Engine,
    outbox: Outbox,
    now_ms: u64,
    pub(crate) sent: Vec<Sent>,
    /// What each phone sent last, for ACK and CANCEL.
    pub(crate) requests: Vec<(String, Vec<u8>)>,
    questions: Vec<(Ticket, String, u16)>,
    sleeping: Vec<Ticket>,
    loops: Vec<(Flow, Vec<u8>)>,
    show: Vec<HeaderName>,
    ladder: String,
}

/// Runs the story against the script; `show` names headers that the ladder shows.
#[track_caller]
pub(crate) fn check(script: &str, story: &str, expected: expect_test::Expect) {
    check_showing(&[], script, story, expected);
}

/// The same, with headers in the ladder.
#[track_caller]
pub(crate) fn check_showing(
    show: &[HeaderName],
    script: &str,
    story: &str,
    expected: expect_test::Expect,
) {
    tell(World::new(script, Limits::default()), show, story, expected);
}

/// The same in a world with other bounds.
#[track_caller]
pub(crate) fn check_bounded(
    limits: Limits,
    script: &str,
    story: &str,
    expected: expect_test::Expect,
) {
    tell(
        World::new(script, limits),
        &[HeaderName::RetryAfter],
        story,
        expected,
    );
}

#[track_caller]
fn tell(mut world: World, show: &[HeaderName], story: &str, expected: expect_test::Expect) {
    world.show = show.to_vec();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.step(line);
    }
    // Whatever began has to end: the longest timers are 64*T1, the caches' come and go.
    let ladder = world.ladder.clone();
    world.pass(world.now_ms + 200_000);
    let counts = world.engine.counts();
    assert!(counts.is_calm(), "not calm: {counts:?}\n{}", world.ladder);
    world.engine.check_invariants().unwrap();
    expected.assert_eq(&ladder);
}

impl World {
    pub(crate) fn new(script: &str, limits: Limits) -> World {
        let mut registry = Registry::new();
        registry.add::<Px>();
        let text = format!("loadmodule \"px.so\"\n{script}");
        let compiled = registry
            .compile(
                Path::new("test.cfg"),
                &mut InMemory::new("test.cfg", text),
                &script::Options::default(),
            )
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let at = |text: &str| text.parse().unwrap();
        let mut sockets = Sockets::new([
            Listener::new(Transport::Udp, at("10.0.0.1:5060")),
            Listener::new(Transport::Tcp, at("10.0.0.1:5060")),
            Listener::new(Transport::Udp, at("10.1.0.1:5060")),
            Listener::new(Transport::Udp, at("[2001:db8::1]:5060")),
        ]);
        sockets.add_alias(None, "example.com", 0);
        let engine = Engine::new(Config {
            shard: ShardId(0),
            shards: 1,
            owner_key: [7; 16],
            seed: 1,
            sockets: Arc::new(sockets),
            files: Arc::new(engine::files::InMemory::default()),
            hosts: Arc::new(Hosts::parse("10.0.0.20 bob.local\n")),
            program: Arc::new(compiled.program),
            registry: &registry,
            limits,
        })
        .unwrap();
        let mut world = World {
            engine,
            outbox: Outbox::new(),
            now_ms: 0,
            sent: Vec::new(),
            requests: Vec::new(),
            questions: Vec::new(),
            sleeping: Vec::new(),
            loops: Vec::new(),
            show: Vec::new(),
            ladder: String::new(),
        };
        world.handle(Input::Tick);
        world
    }

    fn handle(&mut self, input: Input) {
        let now = Now {
            mono_us: self.now_ms * 1000,
            unix_us: 1_700_000_000_000_000 + self.now_ms * 1000,
        };
        self.engine.handle(now, input, &mut self.outbox);
        let mut outbox = std::mem::take(&mut self.outbox);
        let (outputs, bytes) = outbox.drain();
        for output in outputs {
            self.output(output, bytes);
        }
        outbox.clear();
        self.outbox = outbox;
        // What we send to ourselves arrives.
        for (flow, bytes) in std::mem::take(&mut self.loops) {
            self.handle(Input::Received {
                frame: Frame::copy_of(&bytes),
                flow,
            });
        }
    }

    fn output(&mut self, output: Output, bytes: &[u8]) {
        let text = |range: &std::ops::Range<u32>| &bytes[range.start as usize..range.end as usize];
        match output {
            Output::Send {
                range,
                flow,
                ticket,
                ..
            } => {
                let to = name(flow.remote);
                let bytes = text(&range).to_vec();
                self.write(&to, &flow, &bytes);
                if flow.remote.ip() == std::net::IpAddr::from([10, 0, 0, 1]) {
                    self.loops.push((flow, bytes.clone()));
                }
                self.sent.push(Sent {
                    to,
                    flow,
                    ticket,
                    bytes,
                });
            }
            Output::Log { range, .. } => {
                let _ = writeln!(
                    self.ladder,
                    "{:<6}  - {}",
                    self.now_ms,
                    String::from_utf8_lossy(text(&range)).trim_end()
                );
            }
            Output::Query {
                ticket,
                query: Query::Dns { name, record_type },
                ..
            } => {
                let _ = writeln!(self.ladder, "{:<6}  ? {name} {record_type}", self.now_ms);
                self.questions.push((ticket, name, record_type));
            }
            Output::Query {
                ticket,
                query: Query::Sleep,
                ..
            } => self.sleeping.push(ticket),
            Output::Alias(flow) => {
                let _ = writeln!(self.ladder, "{:<6}  ! alias {}", self.now_ms, flow.remote);
            }
            other => {
                let _ = writeln!(self.ladder, "{:<6}  {other:?}", self.now_ms);
            }
        }
    }

    fn write(&mut self, to: &str, flow: &Flow, bytes: &[u8]) {
        let mut message = Message::parse(Frame::copy_of(bytes)).unwrap_or_else(|rejected| {
            panic!(
                "we sent what does not parse, {}:\n{}",
                rejected.fault,
                String::from_utf8_lossy(bytes)
            )
        });
        message
            .check()
            .unwrap_or_else(|fault| panic!("{fault}:\n{}", String::from_utf8_lossy(bytes)));
        let first = String::from_utf8_lossy(bytes)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let first = first
            .trim_start_matches("SIP/2.0 ")
            .trim_end_matches(" SIP/2.0")
            .to_owned();
        let transport = if flow.transport == Transport::Udp {
            ""
        } else {
            flow.transport.as_str()
        };
        let transport = match flow.connection {
            ConnectionId::EXISTING => format!("{transport}, if it is connected,"),
            _ => transport.to_owned(),
        };
        let _ = writeln!(
            self.ladder,
            "{:<6}  > {to:<6}{transport} {first}",
            self.now_ms
        );
        for field in message
            .headers()
            .filter(|field| self.show.contains(&field.name))
        {
            let _ = writeln!(
                self.ladder,
                "          {}: {}",
                field.name.as_str(),
                mask(field.value)
            );
        }
    }

    /// Lets time pass, with a tick whenever one is due.
    fn pass(&mut self, until_ms: u64) {
        while let Some(due) = self
            .engine
            .next_due()
            .map(|us| us.div_ceil(1000))
            .filter(|due| *due <= until_ms)
        {
            self.now_ms = self.now_ms.max(due);
            self.handle(Input::Tick);
        }
        self.now_ms = until_ms;
    }

    /// How many lines of the ladder so far have this text.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = self.ladder.lines();
        lines.filter(|line| line.contains(text)).count()
    }

    pub(crate) fn step(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.pass(
            words[0]
                .parse()
                .unwrap_or_else(|_| panic!("no time: {line}")),
        );
        match words[1] {
            "end" => {}
            what @ ("fails" | "closed") => {
                let sent = self
                    .sent
                    .iter()
                    .rposition(|sent| sent.to == words[2])
                    .expect("nothing was sent there");
                let (ticket, flow) = (self.sent[sent].ticket, self.sent[sent].flow);
                self.handle(match what {
                    "fails" => Input::SendFailed(ticket, flow),
                    _ => Input::Closed(flow),
                });
            }
            "wake" => {
                let ticket = self.sleeping.remove(0);
                self.handle(Input::Answer(ticket, Answer::Slept));
            }
            "dns" => self.answer_dns(words[2], words[3], &words[4..]),
            who => {
                let bytes = match words[2].parse::<u16>() {
                    Ok(code) => self.response(who, code, &words[3..]),
                    Err(_) => self.request(who, words[2], &words[3..]),
                };
                let message = String::from_utf8_lossy(&bytes).into_owned();
                let first = message.lines().next().unwrap().to_owned();
                let first = first
                    .trim_start_matches("SIP/2.0 ")
                    .trim_end_matches(" SIP/2.0")
                    .to_owned();
                let _ = writeln!(self.ladder, "{:<6}  < {who:<6} {first}", self.now_ms);
                let flow = self.flow_of(who, &words);
                self.handle(Input::Received {
                    frame: Frame::copy_of(&bytes),
                    flow,
                });
            }
        }
    }

    fn flow_of(&self, who: &str, words: &[&str]) -> Flow {
        let remote = address(who);
        let is_tcp = words.contains(&"tcp");
        let socket = match remote.ip().to_string() {
            ip if ip.starts_with("10.1") => SocketId(2),
            ip if ip.contains(':') => SocketId(3),
            _ if is_tcp => SocketId(1),
            _ => SocketId(0),
        };
        let connection = if is_tcp {
            ConnectionId::new(ShardId(0), 1, 1)
        } else {
            ConnectionId::NONE
        };
        let transport = if is_tcp {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        Flow {
            socket,
            transport,
            remote,
            connection,
        }
    }

    /// `dns NAME A 10.0.0.30`, `dns NAME SRV 0 0 5060 target`, `dns NAME A` for nothing.
    fn answer_dns(&mut self, name: &str, kind: &str, words: &[&str]) {
        let record_type = match kind {
            "A" => 1u16,
            "AAAA" => 28,
            "SRV" => 33,
            _ => 35,
        };
        let at = self
            .questions
            .iter()
            .position(|question| question.1 == name && question.2 == record_type);
        let (ticket, ..) = self
            .questions
            .remove(at.unwrap_or_else(|| panic!("nobody asked for {name} {kind}")));
        let label = |name: &str, out: &mut Vec<u8>| {
            for label in name.split('.') {
                out.push(label.len() as u8);
                out.extend(label.bytes());
            }
            out.push(0);
        };
        let records = if words.is_empty() {
            0
        } else if kind == "SRV" {
            words.len() / 4
        } else {
            words.len()
        };
        let mut bytes = vec![0, 1, 0x81, 0x80, 0, 1, 0, records as u8, 0, 0, 0, 0];
        label(name, &mut bytes);
        bytes.extend(record_type.to_be_bytes());
        bytes.extend([0, 1]);
        for at in 0..records {
            label(name, &mut bytes);
            bytes.extend(record_type.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 1, 0]);
            let mut data = Vec::new();
            if kind == "SRV" {
                for number in &words[at * 4..at * 4 + 3] {
                    data.extend(number.parse::<u16>().unwrap().to_be_bytes());
                }
                label(words[at * 4 + 3], &mut data);
            } else {
                data.extend(words[at].parse::<std::net::Ipv4Addr>().unwrap().octets());
            }
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
        }
        self.handle(Input::Answer(ticket, Answer::Dns(Frame::copy_of(&bytes))));
    }
}

/// Tokens that we mint are the same in every run, but nobody wants to read them.
fn mask(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let mut out = String::new();
    let mut run = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_hexdigit() && !letter.is_ascii_uppercase() {
            run.push(letter);
            continue;
        }
        out.push_str(if run.len() >= 8 { "*" } else { &run });
        run.clear();
        out.push(letter);
    }
    // Our branch: hash, kind, slot and check, of which the kind may be no digit.
    out.trim_end().to_owned()
}
