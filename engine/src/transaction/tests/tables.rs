use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::{Expect, expect};
use parser::{Frame, Message, Method, Response};

use crate::core::{Core, CoreConfig};
use crate::input::{ConnectionId, Flow, Now, ShardId, SocketId, Transport};
use crate::limits::Limits;
use crate::outbox::{Outbox, Output};
use crate::resolve::Hosts;
use crate::slab::{ClientId, ServerId};
use crate::sockets::Sockets;
use crate::timer::Timer;
use crate::transaction::{ClientUser, Matched, Start};

/// A core between two peers, and the ladder of what it sends.
struct World {
    core: Core,
    outbox: Outbox,
    ladder: String,
    server: Option<ServerId>,
    client: Option<ClientId>,
    branch: String,
    flow: Flow,
}

fn flow(transport: Transport, remote: &str) -> Flow {
    let connection = if transport.is_reliable() {
        ConnectionId::new(ShardId(0), 1, 7)
    } else {
        ConnectionId::NONE
    };
    Flow {
        socket: SocketId(0),
        transport,
        remote: remote.parse().unwrap(),
        connection,
    }
}

impl World {
    fn new() -> Self {
        Self::with(Transport::Udp, Limits::default())
    }

    fn with(transport: Transport, limits: Limits) -> Self {
        let core = Core::new(CoreConfig {
            shard: ShardId(0),
            shards: 1,
            owner_key: [7; 16],
            seed: 1,
            limits,
            sockets: Arc::new(Sockets::default()),
            hosts: Arc::new(Hosts::default()),
        });
        Self {
            core,
            outbox: Outbox::new(),
            ladder: String::new(),
            server: None,
            client: None,
            branch: String::new(),
            flow: flow(transport, "10.0.0.9:5070"),
        }
    }

    /// Goes on to this millisecond, firing what is due on the way.
    fn at(&mut self, ms: u64) -> &mut Self {
        while let Some(due) = self.core.wheel.next_due().filter(|&due| due <= ms) {
            self.core.now = Now {
                mono_us: due * 1000,
                unix_us: 0,
            };
            while let Some(fired) = self.core.wheel.pop(due) {
                use Timer::*;
                let (timer, slot, id) = (fired.timer, fired.slot, fired.id);
                match timer {
                    G | H | I | J | L | Trying | Unanswered => {
                        self.core.on_server_timer(slot, timer, id, &mut self.outbox);
                    }
                    _ => self.core.on_client_timer(slot, timer, id, &mut self.outbox),
                }
                self.drain();
            }
        }
        self.core.now = Now {
            mono_us: ms * 1000,
            unix_us: 0,
        };
        self
    }

    fn note(&mut self, text: &str) {
        let ms = self.core.now.mono_ms();
        writeln!(self.ladder, "{ms:<5} {text}").unwrap();
    }

    fn close(&mut self, flow: Flow) {
        let closed: Vec<_> = self.core.clients_of(flow).collect();
        for id in closed {
            self.core.end_of_closed(id, &mut self.outbox);
        }
    }

    fn drain(&mut self) {
        let mut lines = Vec::new();
        for output in self.outbox.outputs() {
            let Output::Send { range, flow, .. } = output else {
                panic!("{output:?}")
            };
            let mut message =
                Message::parse(Frame::copy_of(self.outbox.slice(range))).expect("well-formed");
            message.check().expect("well-formed");
            lines.push(format!("  > {} {}", flow.remote, describe(&message)));
        }
        for line in lines {
            self.note(&line);
        }
        self.outbox.clear();
        self.core.servers.check(&self.core.wheel).unwrap();
        self.core.clients.check(&self.core.wheel).unwrap();
    }

    /// Receives a request; a new one gets a server transaction, ACK excepted.
    fn receive(&mut self, text: &str) -> Matched {
        let request = message(text);
        let flow = self.flow;
        self.note(&format!("< {}", describe(&request)));
        let matched = self.core.match_request(&request, &flow, &mut self.outbox);
        let said = match matched {
            Matched::AckTo2xx(_) => "AckTo2xx".to_owned(),
            Matched::Cancel(_) => "Cancel".to_owned(),
            other => format!("{other:?}"),
        };
        self.note(&format!("  {said}"));
        if matched == Matched::New && request.method() != Method::Ack {
            match self.core.create_server(&request, &flow) {
                Ok(id) => self.server = Some(id),
                Err(overload) => self.note(&format!("  {overload:?}")),
            }
        }
        self.drain();
        matched
    }

    fn respond(&mut self, request: &str, code: u16) -> bool {
        let request = message(request);
        let id = self.server.expect("a server transaction");
        let response = Response {
            code,
            to_tag: Some(b"ours"),
            ..Response::default()
        };
        let sent = self.core.respond(id, code, &mut self.outbox, |out| {
            response.write(&request, out)
        });
        self.drain();
        sent
    }

    /// Sends a request by a client transaction.
    fn send(&mut self, method: &str) {
        let (id, token) = self.core.reserve_client(b"call-1").expect("a place");
        self.branch = format!("z9hG4bK{}", String::from_utf8_lossy(&token));
        let text = request(method, &self.branch, "");
        let start = Start {
            id,
            method: Method::of(method.as_bytes()),
            flow: self.flow,
            user: ClientUser::Nobody,
            fr_ms: None,
            fr_inv_ms: None,
            headers: b"",
        };
        self.core.start_client(start, &mut self.outbox, |out| {
            out.extend_from_slice(text.as_bytes())
        });
        self.client = Some(id);
        self.drain();
    }

    fn answer(&mut self, code: u16, cseq: &str) {
        let branch = self.branch.clone();
        self.answer_by(&branch, code, cseq);
    }

    fn answer_by(&mut self, branch: &str, code: u16, cseq: &str) {
        let text = format!(
            "SIP/2.0 {code} Answer\r\nVia: SIP/2.0/UDP 10.0.0.1;branch={branch}\r\nFrom: <sip:a@a>;tag=1\r\n\
             To: <sip:b@b>;tag=2\r\nCall-ID: call-1\r\nCSeq: 1 {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        self.note(&format!("< {code} {cseq}"));
        let flow = self.flow;
        if self
            .core
            .match_response(message(&text), flow, &mut self.outbox)
            .is_err()
        {
            self.note("  unmatched");
        }
        self.drain();
    }

    fn cancel(&mut self, headers: &str) {
        self.note("cancel");
        let id = self.client.expect("a client transaction");
        self.core
            .cancel_client(id, headers.as_bytes(), &mut self.outbox);
        self.drain();
    }

    #[track_caller]
    fn is(&self, expected: Expect) {
        expected.assert_eq(&self.ladder);
    }

    fn is_calm(&self) -> bool {
        self.core.servers.is_empty() && self.core.clients.is_empty() && self.core.wheel.is_empty()
    }
}

fn describe(message: &Message) -> String {
    let cseq = message.cseq();
    match message.status() {
        Some(status) => format!("{status} {}", cseq.method),
        None => format!(
            "{} {}",
            message.method(),
            String::from_utf8_lossy(message.request_uri())
        ),
    }
}

fn message(text: &str) -> Message {
    let mut message = Message::parse(Frame::copy_of(text.as_bytes())).expect("well-formed");
    message.check().expect("well-formed");
    message
}

fn request(method: &str, branch: &str, to_tag: &str) -> String {
    let tag = if to_tag.is_empty() {
        String::new()
    } else {
        format!(";tag={to_tag}")
    };
    format!(
        "{method} sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP Phone.example.com:5080;branch={branch}\r\nFrom: <sip:a@a>;tag=1\r\n\
         To: <sip:b@b>{tag}\r\nCall-ID: call-1\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn an_invite_is_matched_by_branch_and_answered_again() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bKa", "");
    world.receive(&invite);
    // Whoever writes the host in other letters means the same host.
    world
        .at(500)
        .receive(&invite.replace("Phone.example.com", "phone.EXAMPLE.com"));
    world.at(600).respond(&invite, 180);
    world.at(1_500).receive(&invite);
    world.at(2_000).respond(&invite, 486);
    world.at(2_600).receive(&request("ACK", "z9hG4bKa", "ours"));
    world.at(2_700).receive(&invite);
    world.at(10_000);
    world.is(expect![[r#"
        0     < INVITE sip:b@b
        0       New
        200     > 10.0.0.9:5080 100 INVITE
        500   < INVITE sip:b@b
        500     Retransmission
        500     > 10.0.0.9:5080 100 INVITE
        600     > 10.0.0.9:5080 180 INVITE
        1500  < INVITE sip:b@b
        1500    Retransmission
        1500    > 10.0.0.9:5080 180 INVITE
        2000    > 10.0.0.9:5080 486 INVITE
        2500    > 10.0.0.9:5080 486 INVITE
        2600  < ACK sip:b@b
        2600    AckToFinal
        2700  < INVITE sip:b@b
        2700    Retransmission
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn another_branch_or_method_is_another_transaction() {
    let mut world = World::new();
    world.receive(&request("OPTIONS", "z9hG4bKa", ""));
    world.receive(&request("OPTIONS", "z9hG4bKb", ""));
    world.receive(&request("BYE", "z9hG4bKa", "x"));
    world.receive(&request("FOO", "z9hG4bKa", ""));
    world.receive(&request("FOO", "z9hG4bKa", ""));
    world.is(expect![[r#"
        0     < OPTIONS sip:b@b
        0       New
        0     < OPTIONS sip:b@b
        0       New
        0     < BYE sip:b@b
        0       New
        0     < FOO sip:b@b
        0       New
        0     < FOO sip:b@b
        0       Retransmission
    "#]]);
    assert_eq!(world.core.servers.len(), 4);
}

#[test]
fn the_ack_to_a_2xx_is_matched_by_its_dialog() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bKa", "");
    world.receive(&invite);
    world.at(100).respond(&invite, 200);
    world.at(200).receive(&request("ACK", "z9hG4bKb", "ours"));
    // RFC 2543 clients reuse the branch.
    world.at(300).receive(&request("ACK", "z9hG4bKa", "ours"));
    world.at(400).receive(&invite);
    world.at(33_000);
    world.receive(&request("ACK", "z9hG4bKb", "ours"));
    world.is(expect![[r#"
        0     < INVITE sip:b@b
        0       New
        100     > 10.0.0.9:5080 200 INVITE
        200   < ACK sip:b@b
        200     AckTo2xx
        300   < ACK sip:b@b
        300     AckTo2xx
        400   < INVITE sip:b@b
        400     Retransmission
        33000 < ACK sip:b@b
        33000   New
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn a_cancel_is_matched_to_what_it_cancels() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bKa", "");
    world.receive(&invite);
    let invite_id = world.server;
    let cancel = request("CANCEL", "z9hG4bKa", "");
    let matched = world.at(1_000).receive(&cancel);
    assert_eq!(matched, Matched::Cancel(invite_id.unwrap()));
    // Whoever answers it makes it a transaction of its own.
    let flow = world.flow;
    world.server = world.core.create_server(&message(&cancel), &flow).ok();
    world.respond(&cancel, 200);
    world.at(1_500).receive(&cancel);
    world.receive(&request("CANCEL", "z9hG4bKb", ""));
    world.is(expect![[r#"
        0     < INVITE sip:b@b
        0       New
        200     > 10.0.0.9:5080 100 INVITE
        1000  < CANCEL sip:b@b
        1000    Cancel
        1000    > 10.0.0.9:5080 200 CANCEL
        1500  < CANCEL sip:b@b
        1500    Retransmission
        1500    > 10.0.0.9:5080 200 CANCEL
        1500  < CANCEL sip:b@b
        1500    New
    "#]]);
}

#[test]
fn an_rfc_2543_client_is_matched_without_a_cookie() {
    let mut world = World::new();
    let invite = request("INVITE", "1", "");
    world.receive(&invite);
    world.at(500).receive(&invite);
    world.at(600).receive(&request("CANCEL", "1", ""));
    world.at(700).respond(&invite, 404);
    world.at(800).receive(&request("ACK", "1", "ours"));
    // Another Request-URI, CSeq or top Via is another request.
    world
        .at(900)
        .receive(&invite.replace("INVITE sip:b@b", "INVITE sip:c@b"));
    world.receive(&invite.replace("CSeq: 1", "CSeq: 2"));
    world.receive(&invite.replace("5080", "5081"));
    world.is(expect![[r#"
        0     < INVITE sip:b@b
        0       New
        200     > 10.0.0.9:5080 100 INVITE
        500   < INVITE sip:b@b
        500     Retransmission
        500     > 10.0.0.9:5080 100 INVITE
        600   < CANCEL sip:b@b
        600     Cancel
        700     > 10.0.0.9:5080 404 INVITE
        800   < ACK sip:b@b
        800     AckToFinal
        900   < INVITE sip:c@b
        900     New
        900   < INVITE sip:b@b
        900     New
        900   < INVITE sip:b@b
        900     New
    "#]]);
}

#[test]
fn a_copy_by_another_path_is_merged() {
    let mut world = World::new();
    world.receive(&request("INVITE", "z9hG4bKa", ""));
    let copy = message(&request("INVITE", "z9hG4bKb", ""));
    assert_eq!(world.core.servers.merged(&copy), world.server);
    assert_eq!(
        world
            .core
            .servers
            .merged(&message(&request("INVITE", "z9hG4bKa", ""))),
        None
    );
    assert_eq!(
        world
            .core
            .servers
            .merged(&message(&request("INVITE", "z9hG4bKb", "tag"))),
        None
    );
}

#[test]
fn a_response_goes_to_the_via_or_with_rport_to_the_source() {
    let mut world = World::new();
    let options = request("OPTIONS", "z9hG4bKa", "");
    world.receive(&options);
    world.respond(&options, 200);
    let options = request("OPTIONS", "z9hG4bKb;rport", "");
    world.receive(&options);
    world.respond(&options, 200);
    let options = request("OPTIONS", "z9hG4bKc;maddr=10.0.0.77", "");
    world.receive(&options);
    world.respond(&options, 200);
    world.is(expect![[r#"
        0     < OPTIONS sip:b@b
        0       New
        0       > 10.0.0.9:5080 200 OPTIONS
        0     < OPTIONS sip:b@b
        0       New
        0       > 10.0.0.9:5070 200 OPTIONS
        0     < OPTIONS sip:b@b
        0       New
        0       > 10.0.0.77:5080 200 OPTIONS
    "#]]);
}

#[test]
fn a_full_table_sheds_new_calls_before_those_in_dialogs() {
    let limits = Limits {
        server_transactions: 10,
        ..Limits::default()
    };
    let mut world = World::with(Transport::Udp, limits);
    for number in 0..9 {
        world.receive(&request("OPTIONS", &format!("z9hG4bK{number}"), ""));
    }
    world.ladder.clear();
    world.receive(&request("OPTIONS", "z9hG4bKnew", ""));
    world.receive(&request("BYE", "z9hG4bKold", "tag"));
    world.receive(&request("BYE", "z9hG4bKolder", "tag"));
    world.is(expect![[r#"
        0     < OPTIONS sip:b@b
        0       New
        0       Overload
        0     < BYE sip:b@b
        0       New
        0     < BYE sip:b@b
        0       New
        0       Overload
    "#]]);
}

#[test]
fn a_response_over_a_connection_that_is_gone_tries_another_one_once() {
    let mut world = World::with(Transport::Tcp, Limits::default());
    let options = request("OPTIONS", "z9hG4bKa", "");
    world.receive(&options);
    world.respond(&options, 200);
    let (id, used) = (world.server.unwrap(), world.flow);
    world.at(5);
    world
        .core
        .on_server_send_failed(id, used, &mut world.outbox);
    world.drain();
    let again = world.core.servers.reply_flow(id).unwrap();
    assert_eq!(again.connection, ConnectionId::NONE);
    world.at(10);
    world
        .core
        .on_server_send_failed(id, again, &mut world.outbox);
    world.drain();
    world.is(expect![[r#"
        0     < OPTIONS sip:b@b
        0       New
        0       > 10.0.0.9:5070 200 OPTIONS
        5       > 10.0.0.9:5080 200 OPTIONS
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn an_invite_is_retransmitted_and_its_failure_acknowledged() {
    let mut world = World::new();
    world.send("INVITE");
    world.at(2_000).answer(100, "INVITE");
    world.at(3_000).answer(404, "INVITE");
    world.at(3_500).answer(404, "INVITE");
    world.at(40_000).answer(404, "INVITE");
    world.is(expect![[r#"
        0       > 10.0.0.9:5070 INVITE sip:b@b
        500     > 10.0.0.9:5070 INVITE sip:b@b
        1500    > 10.0.0.9:5070 INVITE sip:b@b
        2000  < 100 INVITE
        3000  < 404 INVITE
        3000    > 10.0.0.9:5070 ACK sip:b@b
        3500  < 404 INVITE
        3500    > 10.0.0.9:5070 ACK sip:b@b
        40000 < 404 INVITE
        40000   unmatched
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut world = World::new();
    world.send("INVITE");
    world.at(100).cancel("Reason: SIP;cause=200\r\n");
    world.at(300).answer(180, "INVITE");
    world.at(400).answer(200, "CANCEL");
    world.at(450).answer(487, "INVITE");
    world.at(500).cancel("");
    world.at(40_000);
    world.is(expect![[r#"
        0       > 10.0.0.9:5070 INVITE sip:b@b
        100   cancel
        300   < 180 INVITE
        300     > 10.0.0.9:5070 CANCEL sip:b@b
        400   < 200 CANCEL
        450   < 487 INVITE
        450     > 10.0.0.9:5070 ACK sip:b@b
        500   cancel
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn a_cancel_carries_the_reason_and_is_retransmitted_by_itself() {
    let mut world = World::new();
    world.send("INVITE");
    world.at(100).answer(180, "INVITE");
    let id = world.client.unwrap();
    world
        .core
        .cancel_client(id, b"Reason: SIP;cause=200\r\n", &mut world.outbox);
    let text = String::from_utf8_lossy(world.outbox.bytes()).into_owned();
    assert!(text.starts_with("CANCEL sip:b@b SIP/2.0\r\n"), "{text}");
    assert!(
        text.contains("\r\nReason: SIP;cause=200\r\n") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
    assert!(text.contains(&world.branch), "{text}");
    world.drain();
    // Nobody answers either: 64*T1 later it is over (RFC 3261 §9.1).
    world.at(1_700);
    world.at(32_100);
    world.is(expect![[r#"
        0       > 10.0.0.9:5070 INVITE sip:b@b
        100   < 180 INVITE
        100     > 10.0.0.9:5070 CANCEL sip:b@b
        600     > 10.0.0.9:5070 CANCEL sip:b@b
        1600    > 10.0.0.9:5070 CANCEL sip:b@b
        3600    > 10.0.0.9:5070 CANCEL sip:b@b
        7600    > 10.0.0.9:5070 CANCEL sip:b@b
        11600   > 10.0.0.9:5070 CANCEL sip:b@b
        15600   > 10.0.0.9:5070 CANCEL sip:b@b
        19600   > 10.0.0.9:5070 CANCEL sip:b@b
        23600   > 10.0.0.9:5070 CANCEL sip:b@b
        27600   > 10.0.0.9:5070 CANCEL sip:b@b
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn a_response_is_matched_by_branch_method_and_call() {
    let mut world = World::new();
    world.send("OPTIONS");
    let branch = world.branch.clone();
    world.answer(200, "INVITE");
    world.answer(200, "CANCEL");
    world.answer_by("z9hG4bKtheirs", 200, "OPTIONS");
    world.answer_by(&format!("{branch}x"), 200, "OPTIONS");
    world.answer_by(&format!("{branch}.loop"), 200, "OPTIONS");
    world.at(10_000).answer(200, "OPTIONS");
    world.is(expect![[r#"
        0       > 10.0.0.9:5070 OPTIONS sip:b@b
        0     < 200 INVITE
        0       unmatched
        0     < 200 CANCEL
        0       unmatched
        0     < 200 OPTIONS
        0       unmatched
        0     < 200 OPTIONS
        0       unmatched
        0     < 200 OPTIONS
        10000 < 200 OPTIONS
        10000   unmatched
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn a_place_that_was_reserved_can_be_given_back() {
    let mut world = World::new();
    let (id, _) = world.core.reserve_client(b"call-1").unwrap();
    world.core.release_client(id);
    assert!(world.is_calm());
    let limits = Limits {
        client_transactions: 1,
        ..Limits::default()
    };
    let mut world = World::with(Transport::Udp, limits);
    assert!(world.core.reserve_client(b"call-1").is_ok());
    assert!(world.core.reserve_client(b"call-2").is_err());
}

#[test]
fn the_end_of_a_connection_ends_what_nobody_has_answered_on_it() {
    let mut world = World::with(Transport::Tcp, Limits::default());
    world.send("OPTIONS");
    world.send("INVITE");
    world.answer(180, "INVITE");
    let closed = world.flow;
    let elsewhere = Flow {
        remote: "10.0.0.8:5060".parse().unwrap(),
        ..closed
    };
    world.close(elsewhere);
    assert_eq!(world.core.clients.len(), 2);
    world.close(closed);
    world.drain();
    assert_eq!(
        world.core.clients.len(),
        1,
        "the INVITE's final response may come by another connection"
    );
    world.at(500).answer(486, "INVITE");
    world.is(expect![[r#"
        0       > 10.0.0.9:5070 OPTIONS sip:b@b
        0       > 10.0.0.9:5070 INVITE sip:b@b
        0     < 180 INVITE
        500   < 486 INVITE
        500     > 10.0.0.9:5070 ACK sip:b@b
    "#]]);
    assert!(world.is_calm());
}

#[test]
fn thousands_of_copies_of_an_invite_make_no_long_list() {
    let mut world = World::new();
    for copy in 0..100 {
        world.receive(&request("INVITE", &format!("z9hG4bK{copy}"), ""));
    }
    assert_eq!(world.core.servers.len(), 100);
    assert_eq!(world.core.servers.origins(), crate::limits::COPIES_MAX);
    // Those that are found by it no longer, end like the others.
    world.at(4_000_000);
    assert_eq!(
        (world.core.servers.len(), world.core.servers.origins()),
        (0, 0)
    );
}

#[test]
fn requests_to_one_peer_leave_its_list_in_any_order() {
    let mut world = World::with(Transport::Tcp, Limits::default());
    let mut sent = Vec::new();
    for at in 0..20 {
        world.flow.remote.set_port(5070 + at % 3);
        world.send("OPTIONS");
        sent.extend(world.client);
    }
    let mut left = sent.len();
    for at in (0..sent.len()).map(|at| at * 7 % sent.len()) {
        world.core.release_client(sent[at]);
        left -= 1;
        world.core.clients.check(&world.core.wheel).unwrap();
        assert_eq!(world.core.clients.len(), left);
    }
    // Whoever comes after them is alone in the list.
    world.send("OPTIONS");
    let closed = world.flow;
    world.close(closed);
    assert_eq!(world.core.clients.len(), 0);
}
