//! Calls and OPTIONS through one engine, each input inside a probe: a stopwatch, or a counter of allocations.

use engine::input::{Input, Now, Transport};
use engine::outbox::Output;
use engine::{Engine, Outbox};
use parser::{Frame, Message, Response};

use super::{World, address_of, flow, request};

/// A proxy that routes what is inside a dialog and sends everything else to bob.
pub const SCRIPT: &str = r#"
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

/// One engine and its peers. `probe` is told what comes, and does it.
pub struct Calls<P> {
    pub engine: Engine,
    pub probe: P,
    pub now_us: u64,
    /// What an INVITE asks for.
    pub uri: &'static str,
    outbox: Outbox,
    number: u32,
}

impl<P: FnMut(&'static str, &mut dyn FnMut())> Calls<P> {
    pub fn new(mut world: World, probe: P) -> Self {
        Calls {
            engine: world.engines.remove(0),
            probe,
            now_us: world.now_ms * 1000,
            uri: "sip:bob@example.com",
            outbox: Outbox::new(),
            number: 0,
        }
    }

    /// Handles a message; gives back the last that it sent to this peer.
    pub fn handle(&mut self, what: &'static str, from: &str, text: &[u8], to: &str) -> Vec<u8> {
        let frame = Frame::copy_of(text);
        let flow = flow(Transport::Udp, from);
        self.probed(what, Input::Received { frame, flow });
        let to = address_of(to);
        let mut sent = Vec::new();
        for output in self.outbox.outputs() {
            match output {
                Output::Send { range, flow, .. } if flow.remote == to => {
                    sent = self.outbox.slice(range).to_vec();
                }
                Output::Send { .. } | Output::Log { .. } | Output::Query { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        self.outbox.clear();
        sent
    }

    fn probed(&mut self, what: &'static str, input: Input) {
        let now = Now {
            mono_us: self.now_us,
            unix_us: self.now_us,
        };
        let (engine, outbox) = (&mut self.engine, &mut self.outbox);
        let mut input = Some(input);
        (self.probe)(what, &mut || {
            let input = input.take().expect("done once");
            engine.handle(now, input, outbox);
        });
    }

    /// Time goes on, and what is due happens.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now_us + ms * 1000;
        while let Some(due) = self.engine.next_due().filter(|&due| due <= until) {
            self.now_us = self.now_us.max(due);
            self.probed("Tick", Input::Tick);
            self.outbox.clear();
        }
        self.now_us = until;
    }

    /// An INVITE of a new call; what bob gets of it.
    pub fn invite(&mut self) -> Vec<u8> {
        self.number += 1;
        let (call, branch) = (self.call_id(), self.branch(1));
        let invite = request("INVITE", self.uri, &call, &branch, "");
        self.handle("INVITE", "alice", invite.as_bytes(), "bob")
    }

    /// INVITE, 180, 200, ACK, BYE, 200, with so much time between them.
    pub fn call(&mut self, pause_ms: u64) {
        let forwarded = self.invite();
        self.wait(pause_ms);
        self.handle("180", "bob", &response(&forwarded, 180), "alice");
        self.wait(pause_ms);
        let answered = self.handle("200", "bob", &response(&forwarded, 200), "alice");
        assert!(!answered.is_empty());
        let acknowledged = self.inside("ACK", 2);
        assert!(!acknowledged.is_empty());
        self.wait(pause_ms);
        let bye = self.inside("BYE", 3);
        let last = self.handle("200 to BYE", "bob", &response(&bye, 200), "alice");
        assert!(!last.is_empty());
    }

    fn inside(&mut self, method: &'static str, step: u32) -> Vec<u8> {
        let route = "Route: <sip:10.0.0.1;lr>\r\n";
        let text = request(
            method,
            "sip:bob@10.0.0.3",
            &self.call_id(),
            &self.branch(step),
            route,
        );
        self.handle(method, "alice", text.as_bytes(), "bob")
    }

    pub fn options(&mut self) {
        self.number += 1;
        let (call, branch) = (self.call_id(), self.branch(1));
        let text = request("OPTIONS", "sip:example.com", &call, &branch, "");
        let answer = self.handle("OPTIONS", "alice", text.as_bytes(), "alice");
        assert!(!answer.is_empty());
    }

    fn call_id(&self) -> String {
        format!("call-{:09}@10.0.0.2", self.number)
    }

    fn branch(&self, step: u32) -> String {
        format!("{:09}{step}", self.number)
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
