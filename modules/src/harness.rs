//! A world for tests of modules: one engine or several, a script, messages in, a listing out.
//!
//! Letters and handovers are carried at once; time stands still until a test lets it pass. What is
//! minted (branches, tags, cookies) is masked, and headers that no module makes are left out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::files::InMemory as Files;
use engine::input::{
    Answer, Command, ConnectionId, Flow, Input, Now, Reload, ShardId, SocketId, Ticket, Transport,
};
use engine::limits::Limits;
use engine::outbox::{Outbox, Output, Query};
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, Engine};
use parser::Frame;
use regex::Regex;
use script::loader::InMemory;

/// What tests leave out of the listing unless they ask for it.
const QUIET: [&str; 8] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Content-Length",
    "Max-Forwards",
    "Server",
];

/// Engines, a clock, and what they have sent.
pub(crate) struct World {
    engines: Vec<Engine>,
    now: Now,
    listing: String,
    /// The last request that was sent, as it was, and by which way.
    last: String,
    last_way: Option<(usize, Ticket, Flow)>,
    /// The last request to each address.
    last_to: std::collections::BTreeMap<SocketAddr, String>,
    shown: Vec<String>,
    log_level: i8,
    /// The shard that the next message reaches; requests are handed over to their owner.
    pub(crate) receiver: usize,
    /// What modules find when they read again.
    pub(crate) files: Files,
    /// From now on no shard hears another.
    pub(crate) loses_letters: bool,
}

/// Compiles a script; the diagnostics as text when it does not.
pub(crate) fn compile(script: &str) -> Result<script::Compiled, String> {
    let path = Path::new("test.cfg");
    let mut loader = InMemory::new(path, script);
    crate::registry()
        .compile(path, &mut loader, &script::Options::default())
        .map_err(|errors| errors.to_string())
}

/// The first line of each diagnostic of a script that must not compile or start.
pub(crate) fn complaints(script: &str) -> String {
    complaints_with(script, Files::default())
}

/// The same, with files that modules read.
pub(crate) fn complaints_with(script: &str, files: Files) -> String {
    let text = match compile(script) {
        Err(text) => text,
        Ok(compiled) => match engine(Arc::new(compiled.program), 0, 1, files) {
            Err(text) => text,
            Ok(_) => panic!("the script starts"),
        },
    };
    let lines = text
        .lines()
        .filter(|line| line.starts_with("parse error") || !line.starts_with([' ', '\t']));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

fn engine(
    program: Arc<script::Program>,
    shard: u16,
    shards: u16,
    files: Files,
) -> Result<Engine, String> {
    let listener = |transport, address: &str| Listener::new(transport, address.parse().unwrap());
    let sockets = Sockets::new([
        listener(Transport::Udp, "192.0.2.1:5060"),
        listener(Transport::Tcp, "192.0.2.1:5060"),
        listener(Transport::Udp, "198.51.100.1:5060"),
    ]);
    Engine::new(Config {
        shard: ShardId(shard),
        shards,
        owner_key: *b"a key for tests.",
        seed: 1 + u64::from(shard),
        sockets: Arc::new(sockets),
        hosts: Arc::new(Hosts::default()),
        files: Arc::new(files),
        program,
        registry: &crate::registry(),
        limits: Limits::default(),
    })
}

impl World {
    /// One engine that runs this script.
    pub(crate) fn new(script: &str) -> World {
        World::of_shards(script, 1)
    }

    /// Several. The first receives unless a test says otherwise.
    pub(crate) fn of_shards(script: &str, shards: u16) -> World {
        World::with_files(script, shards, Files::default())
    }

    /// With files that modules read.
    pub(crate) fn with_files(script: &str, shards: u16, files: Files) -> World {
        let compiled = compile(script).unwrap_or_else(|errors| panic!("{errors}"));
        World::start(compiled.program, shards, files).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Engines that run a program; what keeps them from starting when they do not.
    pub(crate) fn start(
        program: script::Program,
        shards: u16,
        files: Files,
    ) -> Result<World, String> {
        let program = Arc::new(program);
        let engines = (0..shards)
            .map(|shard| engine(Arc::clone(&program), shard, shards, files.clone()))
            .collect::<Result<_, _>>()?;
        let now = Now {
            mono_us: 1_000_000,
            unix_us: 1_700_000_000_000_000,
        };
        let mut world = World {
            engines,
            now,
            listing: String::new(),
            last: String::new(),
            last_way: None,
            last_to: std::collections::BTreeMap::new(),
            shown: Vec::new(),
            log_level: 2,
            receiver: 0,
            files,
            loses_letters: false,
        };
        world.wait(0);
        Ok(world)
    }

    /// Also lists log lines up to this level.
    pub(crate) fn log_level(&mut self, level: i8) {
        self.log_level = level;
    }

    /// Also shows these headers.
    pub(crate) fn also_show<'h>(&mut self, headers: impl IntoIterator<Item = &'h str>) {
        self.shown.extend(headers.into_iter().map(str::to_owned));
    }

    /// The same, of a world that is being made.
    pub(crate) fn show(mut self, headers: &[&str]) -> World {
        self.shown
            .extend(headers.iter().map(|name| (*name).to_owned()));
        self
    }

    /// What has happened since the last call.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.listing)
    }

    /// The last request that was sent, whole.
    pub(crate) fn last_request(&self) -> String {
        self.last.clone()
    }

    /// The last request that was sent to `10.0.0.N:5060`, whole.
    pub(crate) fn last_request_to(&self, to: u8) -> String {
        let address = SocketAddr::from(([10, 0, 0, to], 5060));
        self.last_to.get(&address).cloned().unwrap_or_default()
    }

    /// The lines of the log since the last call of [`take`](Self::take) or of this.
    pub(crate) fn take_log(&mut self) -> String {
        let lines = self.take();
        lines
            .lines()
            .filter(|line| line.starts_with("log"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// The last request that was sent does not arrive: nobody listens there.
    pub(crate) fn refuse_last(&mut self) {
        let (at, ticket, flow) = self.last_way.take().expect("a request was sent");
        self.handle(at, Input::SendFailed(ticket, flow));
    }

    /// The response of the phone at `from` to a request that it got.
    pub(crate) fn respond(&mut self, from: u8, request: &str, status: &str) {
        self.respond_with(from, request, status, &["Record-Route:"]);
    }

    /// The same with further headers of the request.
    pub(crate) fn respond_with(&mut self, from: u8, request: &str, status: &str, more: &[&str]) {
        let is_copied = |line: &&str| {
            ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                .iter()
                .chain(more)
                .any(|name| line.starts_with(name))
        };
        let tagged = |line: &str| match line {
            to if to.starts_with("To:") && !to.contains("tag=") => format!("{to};tag=a{from}\n"),
            line => format!("{line}\n"),
        };
        let head: String = request
            .lines()
            .map(str::trim)
            .filter(is_copied)
            .map(tagged)
            .collect();
        // What stands behind a blank line is the body.
        let (status, body) = status
            .trim_end()
            .split_once("\n\n")
            .unwrap_or((status.trim_end(), ""));
        self.udp(from, &format!("SIP/2.0 {status}\n{head}\n{body}"));
    }

    /// A message over UDP to 192.0.2.1, from `10.0.0.N:5060`. Lines of `text` end with a line feed.
    pub(crate) fn udp(&mut self, from: u8, text: &str) -> &mut World {
        self.receive(Transport::Udp, SocketId(0), from, text)
    }

    /// A message over TCP, likewise.
    pub(crate) fn tcp(&mut self, from: u8, text: &str) -> &mut World {
        self.receive(Transport::Tcp, SocketId(1), from, text)
    }

    fn receive(
        &mut self,
        transport: Transport,
        socket: SocketId,
        from: u8,
        text: &str,
    ) -> &mut World {
        let connection = match transport {
            Transport::Udp => ConnectionId::NONE,
            _ => ConnectionId::new(ShardId(self.receiver as u16), 1, u32::from(from)),
        };
        let remote = SocketAddr::from(([10, 0, 0, from], 5060));
        let flow = Flow {
            socket,
            transport,
            remote,
            connection,
        };
        let frame = Frame::copy_of(message(text).as_bytes());
        self.handle(self.receiver, Input::Received { frame, flow });
        self
    }

    /// Lets milliseconds pass, with all timers that come due.
    pub(crate) fn wait(&mut self, ms: u64) -> &mut World {
        let until = self.now.mono_us + ms * 1000;
        loop {
            let due = |engine: &Engine| engine.next_due().filter(|due| *due <= until);
            let next = (0..self.engines.len())
                .filter_map(|at| Some((due(&self.engines[at])?, at)))
                .min();
            let Some((due, at)) = next else { break };
            self.pass(
                due.max(self.now.mono_us + 1000)
                    .min(until.max(self.now.mono_us)),
            );
            self.handle(at, Input::Tick);
            if self.now.mono_us >= until && due >= until {
                break;
            }
        }
        self.pass(until);
        self
    }

    fn pass(&mut self, mono_us: u64) {
        self.now.unix_us += mono_us.saturating_sub(self.now.mono_us);
        self.now.mono_us = self.now.mono_us.max(mono_us);
    }

    /// A management command to every shard.
    pub(crate) fn command(&mut self, name: &str, parameters: &[(&str, &str)]) -> &mut World {
        for at in 0..self.engines.len() {
            let parameters = parameters
                .iter()
                .map(|(name, value)| (Some((*name).into()), (*value).into()))
                .collect();
            self.handle(
                at,
                Input::Command(
                    Ticket(99),
                    Command {
                        name: name.into(),
                        parameters,
                    },
                ),
            );
        }
        self
    }

    /// Replaces the script on every shard, in two steps. The listing says what each shard answers.
    pub(crate) fn reload(&mut self, script: &str) -> &mut World {
        let compiled = compile(script).unwrap_or_else(|errors| panic!("{errors}"));
        let program = Arc::new(compiled.program);
        for step in [Reload::Prepare(program), Reload::Swap] {
            for at in 0..self.engines.len() {
                self.handle(at, Input::Reload(Ticket(98), step.clone()));
            }
        }
        self
    }

    /// What an engine keeps.
    pub(crate) fn counts(&self, at: usize) -> engine::Counts {
        self.engines[at].counts()
    }

    fn handle(&mut self, at: usize, input: Input) {
        let mut work = std::collections::VecDeque::from([(at, input)]);
        while let Some((at, input)) = work.pop_front() {
            let mut outbox = Outbox::new();
            self.engines[at].handle(self.now, input, &mut outbox);
            let (outputs, bytes) = outbox.drain();
            for output in outputs {
                let slice = |range: &std::ops::Range<u32>| {
                    String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize])
                        .into_owned()
                };
                match output {
                    Output::Send {
                        range,
                        flow,
                        ticket,
                        ..
                    } => {
                        let text = slice(&range);
                        if !text.starts_with("SIP/2.0") {
                            self.last.clone_from(&text);
                            self.last_way = Some((at, ticket, flow));
                            self.last_to.insert(flow.remote, text.clone());
                        }
                        let listed = list(&text, &flow, &self.shown);
                        self.listing += &listed;
                    }
                    Output::Letter(_) if self.loses_letters => {}
                    Output::Letter(letter) => {
                        work.push_back((usize::from(letter.to.0), Input::Letter(letter)))
                    }
                    Output::Handover { to, frame, flow } => {
                        let from = ShardId(at as u16);
                        work.push_back((usize::from(to.0), Input::Handover { frame, flow, from }));
                    }
                    Output::Query {
                        ticket,
                        query: Query::Dns { name, record_type },
                        ..
                    } => {
                        work.push_back((at, Input::Answer(ticket, resolve(&name, record_type))));
                    }
                    Output::Query {
                        ticket,
                        query: Query::File { path, bytes_max },
                        ..
                    } => {
                        let answer = self.files.answer(&path, bytes_max);
                        work.push_back((at, Input::Answer(ticket, answer)));
                    }
                    Output::Query {
                        query: Query::Sleep,
                        ..
                    } => {}
                    Output::Log { level, range } if level <= self.log_level => {
                        self.listing +=
                            &format!("log {level}: {}\n", mask(&slice(&range)).trim_end());
                    }
                    Output::Log { .. } => {}
                    Output::CommandAnswer {
                        result: Ok(range), ..
                    } => {
                        self.listing += &format!("answer {}\n", slice(&range));
                    }
                    Output::CommandAnswer {
                        result: Err((code, range)),
                        ..
                    } => {
                        self.listing += &format!("answer {code} {}\n", slice(&range));
                    }
                    Output::Abort => self.listing += "abort\n",
                    Output::Alias(flow) => self.listing += &format!("alias {}\n", flow.remote),
                    Output::Close(flow) => self.listing += &format!("close {}\n", flow.remote),
                    Output::Quarantine { reason, .. } => {
                        panic!("the engine panicked: {}", slice(&reason))
                    }
                }
            }
        }
    }
}

/// What DNS says: a record each of two names, and nothing of others.
fn resolve(name: &str, record_type: u16) -> Answer {
    const A: u16 = 1;
    const AAAA: u16 = 28;
    let address: &[u8] = match (name, record_type) {
        ("gw.example.net", A) => &[192, 0, 2, 50],
        ("gw6.example.net", AAAA) => &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50],
        _ => return Answer::Failed,
    };
    // RFC 1035 §4.1: a header, the question, and an answer whose name points back to the question's.
    let mut bytes = vec![0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, record_type as u8, 0, 1]);
    bytes.extend_from_slice(&[0xc0, 12, 0, record_type as u8, 0, 1, 0, 0, 0, 60]);
    bytes.extend_from_slice(&[0, address.len() as u8]);
    bytes.extend_from_slice(address);
    Answer::Dns(Frame::copy_of(&bytes))
}

/// A request or response from a few lines: what a message must have and is not there is added.
pub(crate) fn message(text: &str) -> String {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines: Vec<String> = head
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    if !lines[0].starts_with("SIP/2.0") {
        lines[0] += " SIP/2.0";
    }
    let start = lines[0].clone();
    let method = start.split(' ').next().unwrap().to_owned();
    let has = |lines: &[String], name: &str| {
        lines
            .iter()
            .any(|line| line.starts_with(&format!("{name}:")))
    };
    let call_id = lines
        .iter()
        .find_map(|line| line.strip_prefix("Call-ID: "))
        .unwrap_or("call-1");
    let defaults = [
        (
            "Via",
            format!("SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{method}-{call_id}"),
        ),
        ("From", "<sip:alice@example.com>;tag=a1".to_owned()),
        ("To", "<sip:bob@example.com>".to_owned()),
        ("Call-ID", "call-1".to_owned()),
        ("CSeq", format!("1 {method}")),
        ("Max-Forwards", "70".to_owned()),
    ];
    let is_request = !start.starts_with("SIP/2.0");
    for (name, value) in defaults {
        if is_request && !has(&lines, name) {
            lines.push(format!("{name}: {value}"));
        }
    }
    let body = body
        .trim_start()
        .lines()
        .map(|line| format!("{}\r\n", line.trim()))
        .collect::<String>();
    let body = if body.trim().is_empty() {
        String::new()
    } else {
        body
    };
    lines.push(format!("Content-Length: {}", body.len()));
    lines.join("\r\n") + "\r\n\r\n" + &body
}

fn list(text: &str, flow: &Flow, shown: &[String]) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let connection = match flow.connection {
        ConnectionId::NONE => String::new(),
        connection => format!(" by connection {}", connection.slot()),
    };
    let mut listing = format!(
        "> {}:{}{connection}\n",
        flow.transport.as_str(),
        flow.remote
    );
    for (place, line) in head.lines().enumerate() {
        let name = line.split(':').next().unwrap_or_default();
        let is_quiet = QUIET.contains(&name) && !shown.iter().any(|shown| shown == name);
        if place == 0 || !is_quiet {
            listing += &format!("    {}\n", mask(line));
        }
    }
    for line in body.lines() {
        listing += &format!("    | {line}\n");
    }
    listing
}

fn mask(text: &str) -> String {
    let minted =
        Regex::new(r"branch=z9hG4bK[0-9a-f]{10}[^;,> ]*|own=[0-9a-f]+|tag=[^a;,> ][^;,> ]*")
            .unwrap();
    minted
        .replace_all(text, |found: &regex::Captures<'_>| {
            found[0].split('=').next().unwrap().to_owned() + "=*"
        })
        .into()
}
