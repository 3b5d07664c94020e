//! What scripts do: script and message in; log lines, targets, draft and variables out.

mod calls;
mod conditions;
mod expressions;
mod fast_path;
mod functions;
mod statements;
mod values;
mod variables;
mod waiting;

use std::path::Path;
use std::sync::Arc;

use expect_test::Expect;
use parser::{Frame, Message};
use script::RouteKind;

use super::{End, Ended, Linked, Run, begin, execute};
use crate::core::{Core, CoreConfig};
use crate::input::{ConnectionId, Flow, Now, ShardId, SocketId, Transport};
use crate::limits::Limits;
use crate::module::{Modules, Registry};
use crate::outbox::{Outbox, Output};
use crate::sockets::{Listener, Sockets};

/// A shard with one script.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) modules: Modules,
    pub(super) linked: Arc<Linked>,
    pub(super) outbox: Outbox,
}

pub(super) const INVITE: &str = "INVITE sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi SIP/2.0
Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK776asdhds;rport
Via: SIP/2.0/TCP [2001:db8::1]:5080;branch=z9hG4bKsecond
Max-Forwards: 70
From: \"Alice A\" <sip:alice@atlanta.example.com>;tag=1928301774
To: <sip:bob@example.com>
Call-ID: a84b4c76e66710@10.0.0.1
CSeq: 314159 INVITE
Contact: \"Alice\" <sip:alice@10.0.0.1:5060;ob>;q=0.7;expires=60, <sip:alice@10.0.0.2>
User-Agent: phone/1.0
X-Custom: one
X-Custom: two
Proxy-Authorization: Digest username=\"alice@example.com\", realm=\"example.com\", nonce=\"84a4cc6f\", uri=\"sip:bob@example.com\", response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001, opaque=\"5ccc\"
Content-Type: application/sdp
Content-Length: 126

v=0
o=alice 1 1 IN IP4 10.0.0.1
s=-
c=IN IP4 10.0.0.1
t=0 0
m=audio 4000 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
m=video 4002 RTP/AVP 31
";

pub(super) const REPLY: &str = "SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK776asdhds
From: <sip:alice@atlanta.example.com>;tag=1928301774
To: <sip:bob@example.com>;tag=8321234356
Call-ID: a84b4c76e66710@10.0.0.1
CSeq: 314159 INVITE
Content-Length: 0

";

/// Lines end in CRLF, and the body's length is right.
pub(super) fn message(text: &str) -> Message {
    let (head, body) = text.split_once("\n\n").expect("a head and a blank line");
    let body = body.replace('\n', "\r\n");
    let head: Vec<String> = head
        .lines()
        .map(|line| match line.starts_with("Content-Length") {
            true => format!("Content-Length: {}", body.len()),
            false => line.to_owned(),
        })
        .collect();
    let whole = format!("{}\r\n\r\n{body}", head.join("\r\n"));
    Message::parse(Frame::copy_of(whole.as_bytes())).expect("a message of the tests is well-formed")
}

pub(super) fn flow() -> Flow {
    Flow {
        socket: SocketId(0),
        transport: Transport::Udp,
        remote: ([10, 0, 0, 1], 5062).into(),
        connection: ConnectionId::NONE,
    }
}

impl Bench {
    pub(super) fn new(script: &str, registry: &Registry) -> Result<Bench, String> {
        let mut loader = script::InMemory::new("test.cfg", script);
        let compiled = registry
            .compile(
                Path::new("test.cfg"),
                &mut loader,
                &script::Options::default(),
            )
            .map_err(|errors| errors.to_string())?;
        let sockets = Sockets::new([
            Listener::new(Transport::Udp, ([10, 0, 0, 9], 5060).into()),
            Listener::new(Transport::Tcp, ([10, 0, 0, 9], 5080).into()),
        ]);
        let mut core = Core::new(CoreConfig {
            shard: ShardId(0),
            shards: 1,
            owner_key: [7; 16],
            seed: 1,
            limits: Limits::default(),
            sockets: Arc::new(sockets),
            hosts: Arc::default(),
        });
        core.log_level = 3;
        core.now = Now {
            mono_us: 5_000_000,
            unix_us: 1_700_000_000_250_000,
        };
        core.started = Now {
            mono_us: 1,
            unix_us: 1_699_999_990_000_000,
        };
        let linked = Linked::new(
            Arc::new(compiled.program),
            registry,
            &mut core.machine.names,
        )
        .map_err(|errors| errors.to_string())?;
        let linked = Arc::new(linked);
        let mut modules = Modules::new(&linked, registry).map_err(|errors| errors.to_string())?;
        let mut outbox = Outbox::new();
        crate::module::start(&mut core, &mut modules, &linked, &mut outbox)
            .map_err(|errors| errors.to_string())?;
        Ok(Bench {
            core,
            modules,
            linked,
            outbox,
        })
    }

    /// Runs the route of this kind without a name over a message.
    pub(super) fn run(&mut self, kind: RouteKind, text: &str) -> Ended {
        let scene = self.core.machine.take_scene(message(text), flow());
        let run = begin(&mut self.core, kind, scene, None, None);
        let route = self
            .linked
            .route(kind, b"")
            .expect("the script has such a route");
        let Bench {
            core,
            modules,
            linked,
            outbox,
        } = self;
        execute(run, route, core, modules, linked, outbox)
    }

    /// What was logged, and how it ended.
    pub(super) fn listing(&mut self, ended: &Ended) -> String {
        let mut text = String::new();
        for output in self.outbox.outputs() {
            match output {
                Output::Log { level, range } => {
                    let line = String::from_utf8_lossy(self.outbox.slice(range)).into_owned();
                    let mark = match level {
                        -2 => "critical: ",
                        -1 => "error: ",
                        1 => "warning: ",
                        2 => "",
                        3 => "info: ",
                        _ => "?: ",
                    };
                    text.push_str(&format!("{mark}{line}\n"));
                }
                Output::Send { range, flow, .. } => {
                    let first = String::from_utf8_lossy(self.outbox.slice(range))
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    text.push_str(&format!(
                        "send to {} {}: {first}\n",
                        flow.transport.as_str(),
                        flow.remote
                    ));
                }
                Output::Query { query, .. } => text.push_str(&format!("query {query:?}\n")),
                other => text.push_str(&format!("{other:?}\n")),
            }
        }
        self.outbox.clear();
        match ended {
            Ended::Finished(run, end) => {
                if *end != End::Route {
                    text.push_str(&format!("-- {end:?}\n"));
                }
                targets(run, &mut text);
            }
            Ended::Waits(_) => text.push_str("-- waits\n"),
        }
        text
    }
}

fn targets(run: &Run, text: &mut String) {
    let scene = &run.scene;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for at in 0..scene.targets.len() {
        let target = scene.targets.get(at).unwrap_or_default();
        let mut line = Vec::new();
        if !target.uri.is_empty() {
            line.push(shown(target.uri));
        }
        if !target.destination.is_empty() {
            line.push(format!("via {}", shown(target.destination)));
        }
        if !target.path.is_empty() {
            line.push(format!("path {}", shown(target.path)));
        }
        if let Some(q) = target.q {
            line.push(format!("q {q}"));
        }
        if target.flags != 0 {
            line.push(format!("flags {:b}", target.flags));
        }
        if !line.is_empty() {
            text.push_str(&format!("branch {at}: {}\n", line.join(" ")));
        }
    }
}

/// Runs the main route over the INVITE.
pub(super) fn check(script: &str, expected: Expect) {
    check_message(script, RouteKind::Request, INVITE, expected);
}

/// Runs statements as the main route.
pub(super) fn check_body(statements: &str, expected: Expect) {
    check(&format!("route {{\n{statements}\n}}\n"), expected);
}

pub(super) fn check_message(script: &str, kind: RouteKind, text: &str, expected: Expect) {
    let listing = match Bench::new(script, &Registry::new()) {
        Ok(mut bench) => {
            let ended = bench.run(kind, text);
            bench.listing(&ended)
        }
        Err(errors) => errors,
    };
    expected.assert_eq(&listing);
}
