//! What the log says of messages that the engine does not take as they come.

mod support;

use engine::limits::{COMPLAINTS_PER_S, Limits};
use expect_test::{Expect, expect};
use support::{World, request};

const ANSWER: &str = "route { send_reply(200, \"Fine\"); }";

#[track_caller]
fn logged(world: &mut World, expected: Expect) {
    let lines: String = world.records.drain(..).map(|line| line + "\n").collect();
    expected.assert_eq(&lines);
}

fn options(call: &str) -> String {
    request("OPTIONS", "sip:bob@example.com", call, call, "")
}

#[test]
fn what_is_malformed_is_named_with_who_sent_it_and_how_it_begins() {
    let mut world = World::new(ANSWER);
    world.send("alice", &options("1"));
    world.send(
        "alice",
        &options("2").replace("CSeq: 1 OPTIONS", "CSeq: one OPTIONS"),
    );
    world.send("bob", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    world.send(
        "bob",
        &options("3").replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 9 What"),
    );
    world.send(
        "bob",
        &options("4").replace("Max-Forwards", "Proxy-Require: wonder\r\nMax-Forwards"),
    );
    logged(
        &mut world,
        expect![[r#"
        malformed request answered 400: expected a number at byte 172 in CSeq, from udp:10.0.0.2:5060: "OPTIONS sip:bob@example.com SIP/2.0"
        malformed message dropped: not SIP at byte 0, from udp:10.0.0.3:5060: "GET / HTTP/1.1"
        malformed message dropped: expected a status code at byte 8, from udp:10.0.0.3:5060: "SIP/2.0 9 What"
        request answered 420: it has a Proxy-Require, from udp:10.0.0.3:5060: "OPTIONS sip:bob@example.com SIP/2.0"
    "#]],
    );
}

#[test]
fn a_peers_line_is_no_line_of_ours() {
    let mut world = World::new(ANSWER);
    world.send(
        "bob",
        "\u{1b}[31mERROR\tof \"ours\"\0 all is lost\nERROR: and a second line\r\n\r\n",
    );
    world.send("bob", &"x".repeat(5000));
    logged(
        &mut world,
        expect![[r#"
        malformed message dropped: a bare CR or LF at byte 33, from udp:10.0.0.3:5060: "\x1b[31mERROR\tof \"ours\"\x00 all is lost"
        malformed message dropped: not SIP at byte 0, from udp:10.0.0.3:5060: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...
    "#]],
    );
}

#[test]
fn a_flood_is_a_few_lines_and_a_number() {
    let mut world = World::new(ANSWER);
    for _ in 0..COMPLAINTS_PER_S + 37 {
        world.send("bob", "no SIP\r\n\r\n");
    }
    assert_eq!(world.records.len(), COMPLAINTS_PER_S as usize);
    world.records.clear();
    world.wait(1000);
    world.send("bob", "no SIP\r\n\r\n");
    world.send("bob", "no SIP\r\n\r\n");
    logged(
        &mut world,
        expect![[r#"
        malformed message dropped: not SIP at byte 0, from udp:10.0.0.3:5060: "no SIP" (37 more were not logged)
        malformed message dropped: not SIP at byte 0, from udp:10.0.0.3:5060: "no SIP"
    "#]],
    );
}

#[test]
fn a_full_table_is_told() {
    let limits = Limits {
        server_transactions: 1,
        ..Limits::default()
    };
    let mut world = World::with("route { to(\"sip:bob@10.0.0.3\"); t_relay(); }", 1, limits);
    for call in ["call-1", "call-2"] {
        let invite = request("INVITE", "sip:bob@example.com", call, call, "");
        world.send("alice", &invite);
    }
    logged(
        &mut world,
        expect![[r#"
        request answered 503: no place for another transaction, from udp:10.0.0.2:5060: "INVITE sip:bob@example.com SIP/2.0"
    "#]],
    );
}

#[test]
fn who_wants_errors_only_hears_nothing_of_it() {
    let mut world = World::new(ANSWER);
    world.command("log_level", &["-1"]);
    world.send("bob", "no SIP\r\n\r\n");
    logged(&mut world, expect![[r#""#]]);
}
