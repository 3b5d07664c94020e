//! What a proxied call costs the engine: seven messages from bytes to bytes, nothing of the network.
//!
//! `cargo bench -p engine --bench call`. Only the time inside `handle` counts; making up the peers'
//! messages does not.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use engine::input::{Input, Now, Transport};
use engine::outbox::Output;
use engine::{Engine, Outbox};
use parser::{Frame, Message, Response};

#[path = "../tests/support/mod.rs"]
mod support;

use support::{World, flow, request};

const SCRIPT: &str = r#"
route {
    if (loose_route()) {
        t_relay();
        exit;
    }
    if ($rm == "OPTIONS") {
        send_reply(200, "Fine");
        exit;
    }
    record_route();
    to("sip:bob@10.0.0.3");
    t_relay();
}
"#;

struct Bench {
    engine: Engine,
    now_us: u64,
    outbox: Outbox,
    spent: Duration,
    number: u32,
}

impl Bench {
    fn handle(&mut self, from: &str, text: &[u8], to: &str) -> Vec<u8> {
        let input = Input::Received {
            frame: Frame::copy_of(text),
            flow: flow(Transport::Udp, from),
        };
        self.timed(input);
        let to = support::address_of(to);
        let mut sent = Vec::new();
        for output in self.outbox.outputs() {
            if let Output::Send { range, flow, .. } = output
                && flow.remote == to
            {
                sent = self.outbox.slice(range).to_vec();
            }
        }
        self.outbox.clear();
        sent
    }

    fn timed(&mut self, input: Input) {
        let now = Now {
            mono_us: self.now_us,
            unix_us: self.now_us,
        };
        let begun = Instant::now();
        self.engine.handle(now, input, &mut self.outbox);
        self.spent += begun.elapsed();
    }

    fn tick(&mut self) {
        self.now_us += 1_000;
        if self.engine.next_due().is_some_and(|due| due <= self.now_us) {
            self.timed(Input::Tick);
            self.outbox.clear();
        }
    }

    fn call(&mut self) {
        self.number += 1;
        let number = self.number;
        let call = format!("call-{number:09}@10.0.0.2");
        let branch = |step: u32| format!("{number:09}{step}");
        let route = "Route: <sip:10.0.0.1;lr>\r\n";
        let invite = request("INVITE", "sip:bob@example.com", &call, &branch(1), "");
        let forwarded = self.handle("alice", invite.as_bytes(), "bob");
        self.handle("bob", &response(&forwarded, 180), "alice");
        self.handle("bob", &response(&forwarded, 200), "alice");
        let ack = request("ACK", "sip:bob@10.0.0.3", &call, &branch(2), route);
        self.handle("alice", ack.as_bytes(), "bob");
        let bye = request("BYE", "sip:bob@10.0.0.3", &call, &branch(3), route);
        let forwarded = self.handle("alice", bye.as_bytes(), "bob");
        let last = self.handle("bob", &response(&forwarded, 200), "alice");
        assert!(!last.is_empty());
        self.tick();
    }

    fn options(&mut self) {
        self.number += 1;
        let text = request(
            "OPTIONS",
            "sip:example.com",
            &format!("o{}", self.number),
            &self.number.to_string(),
            "",
        );
        assert!(!self.handle("alice", text.as_bytes(), "alice").is_empty());
        self.tick();
    }
}

fn response(request: &[u8], code: u16) -> Vec<u8> {
    let request = Message::parse(Frame::copy_of(request)).expect("well-formed");
    let mut text = Vec::new();
    let headers = b"Contact: <sip:bob@10.0.0.3>\r\n";
    let response = Response {
        code,
        to_tag: Some(b"bob"),
        record_route: true,
        headers,
        ..Default::default()
    };
    response.write(&request, &mut text);
    text
}

fn bench(criterion: &mut Criterion) {
    let mut world = World::new(SCRIPT);
    let mut bench = Bench {
        engine: world.engines.remove(0),
        now_us: world.now_ms * 1000,
        outbox: Outbox::new(),
        spent: Duration::ZERO,
        number: 0,
    };
    // 1,000 calls a second of simulated time: 32,000 of them linger in the tables.
    for _ in 0..33_000 {
        bench.call();
    }
    let mut timed = |name: &str, work: fn(&mut Bench)| {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                bench.spent = Duration::ZERO;
                for _ in 0..times {
                    work(&mut bench);
                }
                bench.spent
            });
        });
    };
    timed("call", Bench::call);
    timed("options", Bench::options);
}

criterion_group!(benches, bench);
criterion_main!(benches);
