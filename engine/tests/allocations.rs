//! The hot path allocates nothing: design §2.
//!
//! Calls and OPTIONS run in a steady state, the allocator counts what each `handle` asks of it, and after
//! a warm-up that is nothing: frames, indexes, scenes, flat copies and tables come from their pools.

mod support;

use allocation_counter::measure;
use engine::input::{Input, Now, Transport};
use engine::outbox::Output;
use engine::{Engine, Outbox};
use parser::{Frame, Message, Response};
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

/// One engine in a steady state, and how often it allocated, by kind of message.
struct Steady {
    engine: Engine,
    now_us: u64,
    outbox: Outbox,
    allocations: Vec<(String, u64)>,
}

impl Steady {
    fn new() -> Self {
        let mut world = World::new(SCRIPT);
        Steady {
            engine: world.engines.remove(0),
            now_us: world.now_ms * 1000,
            outbox: Outbox::new(),
            allocations: Vec::new(),
        }
    }

    /// Handles a message; gives back what it sent to this peer.
    fn handle(&mut self, what: &str, from: &str, text: &[u8], to: &str) -> Vec<u8> {
        let input = Input::Received {
            frame: Frame::copy_of(text),
            flow: flow(Transport::Udp, from),
        };
        self.counted(what, input);
        let mut sent = Vec::new();
        let to = support::address_of(to);
        for output in self.outbox.outputs() {
            match output {
                Output::Send { range, flow, .. } if flow.remote == to => {
                    sent = self.outbox.slice(range).to_vec()
                }
                Output::Send { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        self.outbox.clear();
        sent
    }

    fn counted(&mut self, what: &str, input: Input) {
        let now = Now {
            mono_us: self.now_us,
            unix_us: self.now_us,
        };
        let mut input = Some(input);
        let info = measure(|| {
            let input = input.take().expect("measured once");
            self.engine.handle(now, input, &mut self.outbox);
        });
        if info.count_total > 0 {
            self.allocations.push((what.to_owned(), info.count_total));
        }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now_us + ms * 1000;
        while let Some(due) = self.engine.next_due().filter(|&due| due <= until) {
            self.now_us = self.now_us.max(due);
            self.counted("Tick", Input::Tick);
            self.outbox.clear();
        }
        self.now_us = until;
    }

    /// INVITE, 180, 200, ACK, BYE, 200, and an OPTIONS beside it.
    fn call(&mut self, number: u32) {
        let call = format!("call-{number:06}");
        let branch = |step: u32| format!("{number:06}{step}");
        let route = "Route: <sip:10.0.0.1;lr>\r\n";
        let invite = request("INVITE", "sip:bob@example.com", &call, &branch(1), "");
        let forwarded = self.handle("INVITE", "alice", invite.as_bytes(), "bob");
        self.wait(20);
        self.handle("180", "bob", &response(&forwarded, 180), "alice");
        self.wait(20);
        assert!(
            !self
                .handle("200", "bob", &response(&forwarded, 200), "alice")
                .is_empty()
        );
        let ack = request("ACK", "sip:bob@10.0.0.3", &call, &branch(2), route);
        assert!(
            !self
                .handle("ACK", "alice", ack.as_bytes(), "bob")
                .is_empty()
        );
        self.wait(20);
        let bye = request("BYE", "sip:bob@10.0.0.3", &call, &branch(3), route);
        let forwarded = self.handle("BYE", "alice", bye.as_bytes(), "bob");
        assert!(
            !self
                .handle("200 to BYE", "bob", &response(&forwarded, 200), "alice")
                .is_empty()
        );
        let options = request(
            "OPTIONS",
            "sip:example.com",
            &format!("o{number:06}"),
            &branch(4),
            "",
        );
        assert!(
            !self
                .handle("OPTIONS", "alice", options.as_bytes(), "alice")
                .is_empty()
        );
    }
}

fn response(request: &[u8], code: u16) -> Vec<u8> {
    let request = Message::parse(Frame::copy_of(request)).expect("well-formed");
    let mut text = Vec::new();
    let response = Response {
        code,
        to_tag: Some(b"bob"),
        record_route: true,
        headers: b"Contact: <sip:bob@10.0.0.3>\r\n",
        ..Default::default()
    };
    response.write(&request, &mut text);
    text
}

#[test]
fn calls_and_options_allocate_nothing_once_warm() {
    let mut steady = Steady::new();
    // Longer than any transaction lives, so that the tables have had their largest size.
    for number in 0..1_500 {
        steady.call(number);
    }
    assert!(
        !steady.allocations.is_empty(),
        "warming up fills pools: the counter counts"
    );
    steady.allocations.clear();
    for number in 1_500..2_000 {
        steady.call(number);
    }
    let mut kinds: Vec<_> = steady
        .allocations
        .iter()
        .map(|(what, count)| format!("{what}: {count}"))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.is_empty(), "allocations: {kinds:?}");
    steady.wait(40_000);
    assert!(steady.engine.counts().is_calm());
}

/// Of a call that was torn down: four transactions and one response context, for 64\*T1 = 32 s. At 10,000 calls a second
/// a byte here is 320 kB of server.
const BYTES_PER_LINGERING_CALL: i64 = 3_000;

#[test]
fn a_call_that_is_over_keeps_little() {
    const CALLS: u32 = 500;
    let mut steady = Steady::new();
    let info = measure(|| (0..CALLS).for_each(|number| steady.call(number)));
    let transactions = steady.engine.counts().server_transactions;
    assert!(
        transactions >= 2 * CALLS as usize,
        "they linger: {transactions}"
    );
    let kept = info.bytes_current / i64::from(CALLS);
    assert!(kept < BYTES_PER_LINGERING_CALL, "{kept} bytes a call");
    steady.wait(40_000);
    assert!(steady.engine.counts().is_calm());
}
