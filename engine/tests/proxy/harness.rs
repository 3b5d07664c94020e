//! A world of one engine. A story is a line a step; its ladder is what the engine sent and logged.
//!
//! Steps: `MS WHO METHOD [URI] [words]` sends a request, `MS WHO CODE [METHOD] [words]` answers the latest
//! request of that method which WHO got, `MS WHO ACK` acknowledges the latest response it got, `MS WHO
//! CANCEL` cancels its latest INVITE, `MS fails WHO` refuses what was last sent there, `MS dns NAME TYPE ...`
//! answers questions, `MS end` only lets time pass. Words: `branch=` `tag=` `cseq=` `call=` `via=` `hops=` (Max-Forwards), `+Name:value` adds a header (`_` is a blank).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use engine::agent::{AgentEvent, AgentOwner, OwnRequest};
use engine::limits::Limits;
use engine::module::{Args, Context, Exports, Kind, Module, Registry, Routes, Verdict};
use engine::proxy::{Cancel, RelayOptions, TargetParts, TransactionEvent};
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{
    Answer, Config, ConnectionId, Engine, Flow, Input, Now, Outbox, Output, Query, ShardId,
    SocketId, Ticket, Transport,
};
use parser::{Frame, HeaderName, Message};
use script::{InMemory, RouteKind};

/// What the stories' scripts can do: the proxy core's methods, one name each.
#[derive(Default)]
struct Px;

impl Module for Px {
    const NAME: &'static str = "px";

    fn new() -> Self {
        Px
    }

    fn exports(exports: &mut Exports<Self>) {
        let text = Kind::Str.optional();
        let all = Routes::ALL;
        let function = &mut |name, args: &[Kind], f| exports.function(name, args, all, f);
        function("relay", &[text, text], |_, cx, args| {
            let has = |word: &[u8]| {
                args.str(0)
                    .windows(word.len().max(1))
                    .any(|window| window == word)
            };
            cx.relay(&RelayOptions {
                destination: args.maybe_str(1),
                no_auto_477: has(b"no-auto-477"),
                no_dns_failover: has(b"no-dns-failover"),
                pass_reason: has(b"pass-reason-hdr"),
                allow_no_cancel: has(b"allow-no-cancel"),
                replicate: has(b"replicate"),
            })
        });
        function("to", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_uri(0, args.str(0)))
        });
        function("next", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_destination(0, args.str(0)))
        });
        function("also", &[Kind::Str, Kind::Int.optional()], |_, cx, args| {
            let q = args.maybe_int(1).map(|q| q as u16);
            Verdict::of(
                cx.scene
                    .targets
                    .push(&TargetParts {
                        uri: args.str(0),
                        q,
                        ..TargetParts::default()
                    })
                    .is_some(),
            )
        });
        function("path", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_path(0, args.str(0)))
        });
        function("header", &[Kind::Str], |_, cx, args| {
            cx.draft.append_header(args.str(0));
            Verdict::OK
        });
        function("newtran", &[], |_, cx, _| Verdict::of(cx.new_transaction()));
        function("known", &[], |_, cx, _| cx.check_transaction());
        function("cancelled", &[], |_, cx, _| Verdict::of(cx.was_cancelled()));
        function("cancel_all", &[], |_, cx, _| {
            Verdict::of(cx.cancel_branches(Cancel::All))
        });
        function("watch", &[], |_, cx, _| {
            cx.watch_transaction();
            Verdict::OK
        });
        function("reply", &[Kind::Int, text], |_, cx, args| {
            Verdict::of(cx.reply(args.int(0) as u16, args.str(1)))
        });
        function("reply_error", &[], |_, cx, _| Verdict::of(cx.reply_error()));
        function("forward", &[text], |_, cx, args| cx.forward(args.str(0)));
        function("loose_route", &[], |_, cx, _| {
            Verdict::Return(cx.loose_route())
        });
        function("record_route", &[text], |_, cx, args| {
            Verdict::of(cx.record_route(args.maybe_str(0)))
        });
        function("rr_param", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.add_rr_param(args.str(0)))
        });
        function("force_rport", &[], |_, cx, _| {
            cx.force_rport();
            Verdict::OK
        });
        function("serialize", &[], |_, cx, _| {
            Verdict::Return(cx.serialize_branches(true, false))
        });
        function("next_group", &[], |_, cx, _| {
            Verdict::Return(cx.next_branches())
        });
        function(
            "on_branch",
            &[Kind::Str.route(RouteKind::Branch)],
            |_, cx, args| {
                cx.scene.hooks.on_branch = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function(
            "on_failure",
            &[Kind::Str.route(RouteKind::Failure)],
            |_, cx, args| {
                cx.scene.hooks.on_failure = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function(
            "on_reply",
            &[Kind::Str.route(RouteKind::Reply)],
            |_, cx, args| {
                cx.scene.hooks.on_reply = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function("timeouts", &[Kind::Int, Kind::Int], |_, cx, args| {
            cx.set_timeouts(Some(args.int(0) as u32), Some(args.int(1) as u32));
            Verdict::OK
        });
        function("leave_by", &[Kind::Str], |_, cx, args| {
            cx.scene.proxy.forced_socket =
                cx.core.sockets.find(args.str(0)).map(|socket| socket.id);
            Verdict::of(cx.scene.proxy.forced_socket.is_some())
        });
        function("sleep", &[], Self::sleep);
        function("say", &[Kind::Str], |_, cx, args| {
            cx.outbox.log(3, |out| out.extend_from_slice(args.str(0)));
            Verdict::OK
        });
        function("ask", &[Kind::Str, Kind::Str], |_, cx, args| {
            let request = OwnRequest {
                method: args.str(0),
                request_uri: args.str(1),
                from: b"sip:tandem@10.0.0.1",
                owner: AgentOwner::Module {
                    module: 0,
                    token: 7,
                },
                ..OwnRequest::default()
            };
            Verdict::of(cx.send_request(&request).is_ok())
        });
    }

    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent) {
        let text = format!("event {:?}", event.kind);
        cx.outbox
            .log(3, |out| out.extend_from_slice(text.as_bytes()));
    }

    fn on_response(
        &mut self,
        cx: &mut Context<'_>,
        event: &AgentEvent,
        response: Option<&Message>,
    ) {
        let reason =
            response.map(|response| String::from_utf8_lossy(response.reason()).into_owned());
        let text = format!(
            "told {} local={} {}",
            event.code,
            event.local,
            reason.unwrap_or_default()
        );
        cx.outbox
            .log(3, |out| out.extend_from_slice(text.as_bytes()));
    }
}

impl Px {
    /// A wait whose end the story decides (`wake`).
    fn sleep(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        match cx.answer() {
            Some(_) => Verdict::OK,
            None => cx.query(Query::Sleep, 60_000),
        }
    }
}

const NAMES: [(&str, &str); 6] = [
    ("alice", "10.0.0.10:5060"),
    ("bob", "10.0.0.20:5060"),
    ("carol", "10.0.0.30:5060"),
    ("dave", "10.0.0.40:5060"),
    ("erin", "10.1.0.50:5060"),
    ("six", "[2001:db8::6]:5060"),
];

fn address(who: &str) -> SocketAddr {
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

struct Sent {
    to: String,
    flow: Flow,
    ticket: Ticket,
    bytes: Vec<u8>,
}

/// One engine and what it has said.
pub struct World {
    engine: Engine,
    outbox: Outbox,
    now_ms: u64,
    sent: Vec<Sent>,
    /// What each phone sent last, for ACK and CANCEL.
    requests: Vec<(String, Vec<u8>)>,
    questions: Vec<(Ticket, String, u16)>,
    sleeping: Vec<Ticket>,
    loops: Vec<(Flow, Vec<u8>)>,
    show: Vec<HeaderName>,
    ladder: String,
}

/// Runs the story against the script; `show` names headers that the ladder shows.
#[track_caller]
pub fn check(script: &str, story: &str, expected: expect_test::Expect) {
    check_showing(&[], script, story, expected);
}

/// The same, with headers in the ladder.
#[track_caller]
pub fn check_showing(
    show: &[HeaderName],
    script: &str,
    story: &str,
    expected: expect_test::Expect,
) {
    let mut world = World::new(script);
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
    pub fn new(script: &str) -> World {
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
            hosts: Arc::new(Hosts::parse("10.0.0.20 bob.local\n")),
            program: Arc::new(compiled.program),
            registry: &registry,
            limits: Limits::default(),
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
                    "{:>6}  - {}",
                    self.now_ms,
                    String::from_utf8_lossy(text(&range)).trim_end()
                );
            }
            Output::Query {
                ticket,
                query: Query::Dns { name, record_type },
                ..
            } => {
                let _ = writeln!(self.ladder, "{:>6}  ? {name} {record_type}", self.now_ms);
                self.questions.push((ticket, name, record_type));
            }
            Output::Query {
                ticket,
                query: Query::Sleep,
                ..
            } => self.sleeping.push(ticket),
            other => {
                let _ = writeln!(self.ladder, "{:>6}  {other:?}", self.now_ms);
            }
        }
    }

    fn write(&mut self, to: &str, flow: &Flow, bytes: &[u8]) {
        let message = Message::parse(Frame::copy_of(bytes)).unwrap_or_else(|rejected| {
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
        let _ = writeln!(
            self.ladder,
            "{:>6}  > {to:<6}{transport} {first}",
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

    fn step(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.pass(
            words[0]
                .parse()
                .unwrap_or_else(|_| panic!("no time: {line}")),
        );
        match words[1] {
            "end" => {}
            "fails" => {
                let sent = self
                    .sent
                    .iter()
                    .rposition(|sent| sent.to == words[2])
                    .expect("nothing was sent there");
                let (ticket, flow) = (self.sent[sent].ticket, self.sent[sent].flow);
                self.handle(Input::SendFailed(ticket, flow));
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
                let _ = writeln!(self.ladder, "{:>6}  < {who:<6} {first}", self.now_ms);
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

    fn request(&mut self, who: &str, method: &str, words: &[&str]) -> Vec<u8> {
        let word = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        if method == "ACK" && word("sip:").is_none() {
            return self.ack(who);
        }
        if method == "CANCEL" {
            return self.cancel(who, words);
        }
        let uri = words
            .first()
            .filter(|word| {
                ["sip:", "sips:", "tel:"]
                    .iter()
                    .any(|scheme| word.starts_with(scheme))
            })
            .copied();
        let uri = uri.unwrap_or("sip:bob@10.0.0.20").to_owned();
        // What a strict router does: our own Record-Route becomes the Request-URI.
        let uri = if uri == "sip:our-route" {
            self.our_route()
        } else {
            uri
        };
        let (cseq, call) = (word("cseq=").unwrap_or("1"), word("call=").unwrap_or("c1"));
        let branch = word("branch=").map_or_else(
            || format!("z9hG4bK-{who}-{call}-{method}-{cseq}"),
            str::to_owned,
        );
        let via = word("via=").map_or_else(|| address(who).to_string(), str::to_owned);
        let transport = if words.contains(&"tcp") { "TCP" } else { "UDP" };
        let mut text =
            format!("{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {via};branch={branch}\r\n");
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            let _ = write!(
                text,
                "{name}: {}\r\n",
                value.replace('_', " ").replace('\'', "\"")
            );
        }
        if !words.contains(&"nohops") {
            let _ = write!(text, "Max-Forwards: {}\r\n", word("hops=").unwrap_or("70"));
        }
        let tag = word("tag=")
            .map(|tag| format!(";tag={tag}"))
            .unwrap_or_default();
        let _ = write!(
            text,
            "From: <sip:{who}@example.com>;tag=f-{who}\r\nTo: <sip:bob@example.com>{tag}\r\n"
        );
        let _ = write!(text, "Call-ID: {call}\r\nCSeq: {cseq} {method}\r\n");
        let _ = write!(text, "Contact: <sip:{who}@{}>\r\n", address(who));
        let body = "x".repeat(word("body=").map_or(0, |length| length.parse().unwrap()));
        if !body.is_empty() {
            text.push_str("Content-Type: text/plain\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        self.requests
            .push((who.to_owned(), text.clone().into_bytes()));
        text.into_bytes()
    }

    /// The URI of the Record-Route that we wrote last.
    fn our_route(&self) -> String {
        let routed = |sent: &&Sent| {
            sent.bytes
                .windows(14)
                .any(|bytes| bytes == b"\r\nRecord-Route")
        };
        let sent = self
            .sent
            .iter()
            .rev()
            .find(routed)
            .expect("no Record-Route was sent");
        let message = Message::parse(Frame::copy_of(&sent.bytes)).unwrap();
        let route = message.record_routes().next().unwrap();
        String::from_utf8_lossy(route.value.addr_spec).into_owned()
    }

    fn latest_request(&self, who: &str, method: &str) -> Message {
        let found = self
            .requests
            .iter()
            .rev()
            .find(|sent| sent.0 == who && sent.1.starts_with(method.as_bytes()));
        Message::parse(Frame::copy_of(&found.expect("it sent no such request").1)).unwrap()
    }

    /// The ACK to the latest final response: of 300 and more with the INVITE's Via, else end to end by the route set.
    fn ack(&mut self, who: &str) -> Vec<u8> {
        let response = self
            .sent
            .iter()
            .rev()
            .find(|sent| sent.to == who && sent.bytes.starts_with(b"SIP/2.0 "));
        let response = Message::parse(Frame::copy_of(
            &response.expect("nothing to acknowledge").bytes,
        ))
        .unwrap();
        let invite = self.latest_request(who, "INVITE");
        let is_2xx = response.status().unwrap() < 300;
        let line = |message: &Message, name| {
            let field = message.header(name).unwrap();
            String::from_utf8_lossy(field.line.of(message.bytes())).into_owned()
        };
        let uri = match response.contacts().next().filter(|_| is_2xx) {
            Some(contact) => String::from_utf8_lossy(contact.value.addr_spec).into_owned(),
            None => String::from_utf8_lossy(invite.request_uri()).into_owned(),
        };
        let mut text = format!("ACK {uri} SIP/2.0\r\n");
        if is_2xx {
            let _ = write!(
                text,
                "Via: SIP/2.0/UDP {};branch=z9hG4bK-{who}-ack\r\n",
                address(who)
            );
            let routes: Vec<_> = response
                .record_routes()
                .map(|route| String::from_utf8_lossy(route.raw).into_owned())
                .collect();
            for route in routes.iter().rev() {
                let _ = write!(text, "Route: {route}\r\n");
            }
        } else {
            text.push_str(&line(&invite, HeaderName::Via));
        }
        text.push_str(&line(&invite, HeaderName::From));
        text.push_str(&line(&response, HeaderName::To));
        text.push_str(&line(&invite, HeaderName::CallId));
        let _ = write!(
            text,
            "CSeq: {} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            invite.cseq().number
        );
        text.into_bytes()
    }

    fn cancel(&mut self, who: &str, words: &[&str]) -> Vec<u8> {
        let invite = self.latest_request(who, "INVITE");
        let mut text = Vec::new();
        parser::writer::write_cancel(invite.bytes(), &mut text).unwrap();
        let mut text = String::from_utf8(text).unwrap();
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            text = text.replacen(
                "Content-Length",
                &format!(
                    "{name}: {}\r\nContent-Length",
                    value.replace('_', " ").replace('\'', "\"")
                ),
                1,
            );
        }
        text.into_bytes()
    }

    fn response(&mut self, who: &str, code: u16, words: &[&str]) -> Vec<u8> {
        let method = words
            .first()
            .filter(|word| word.chars().all(char::is_uppercase))
            .copied();
        let nth = words
            .iter()
            .find_map(|word| word.strip_prefix("back="))
            .map_or(0, |n| n.parse().unwrap());
        let wanted = |sent: &&Sent| {
            sent.to == who
                && !sent.bytes.starts_with(b"SIP/2.0")
                && match method {
                    Some(method) => sent.bytes.starts_with(method.as_bytes()),
                    None => !sent.bytes.starts_with(b"ACK") && !sent.bytes.starts_with(b"CANCEL"),
                }
        };
        let request = self
            .sent
            .iter()
            .rev()
            .filter(wanted)
            .nth(nth)
            .unwrap_or_else(|| panic!("{who} got no request"));
        let request = Message::parse(Frame::copy_of(&request.bytes)).unwrap();
        let tag = words
            .iter()
            .find_map(|word| word.strip_prefix("tag="))
            .map_or_else(|| format!("t-{who}"), str::to_owned);
        let mut headers = String::new();
        if (200..300).contains(&code) {
            let _ = write!(headers, "Contact: <sip:{who}@{}>\r\n", address(who));
        }
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            let _ = write!(
                headers,
                "{name}: {}\r\n",
                value.replace('_', " ").replace('\'', "\"")
            );
        }
        let response = parser::Response {
            code,
            to_tag: (code > 100).then_some(tag.as_bytes()),
            record_route: true,
            headers: headers.as_bytes(),
            ..parser::Response::default()
        };
        let mut out = Vec::new();
        response.write(&request, &mut out);
        out
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
        out.push_str(if run.len() >= 16 { "*" } else { &run });
        run.clear();
        out.push(letter);
    }
    // Our branch: hash, kind, slot and check, of which the kind may be no digit.
    out.trim_end().to_owned()
}
