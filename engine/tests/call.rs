//! An INVITE from bytes in to bytes out, through script, proxy core and transactions.

mod support;

use engine::input::Input;
use engine::input::Transport;
use engine::limits::Limits;
use expect_test::expect;
use parser::Frame;
use support::{World, flow, invite, is, request};

/// Relays everything to bob, in the route that a stock script has.
const RELAY: &str = r#"
route {
    if ($rm == "CANCEL") {
        if (t_check_trans()) { t_relay(); }
        exit;
    }
    if (loose_route()) {
        t_relay();
        exit;
    }
    if ($rm == "ACK") {
        if (t_check_trans()) { t_relay(); }
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

#[test]
fn a_call_is_set_up_and_torn_down() {
    let mut world = World::new(RELAY);
    world.send("alice", &invite());
    world.wait(10);
    world.answer("bob", "INVITE", 180);
    world.wait(1_000);
    world.answer("bob", "INVITE", 200);
    let route = "Route: <sip:10.0.0.1;lr>\r\n";
    world.send(
        "alice",
        &request("ACK", "sip:bob@10.0.0.3", "call-1", "2", route),
    );
    world.wait(5_000);
    world.send(
        "alice",
        &request("BYE", "sip:bob@10.0.0.3", "call-1", "3", route),
    );
    world.answer("bob", "BYE", 200);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        10    bob > tandem  180 Ringing
        10    tandem > alice  180 (INVITE)
        1010  bob > tandem  200 OK
        1010  tandem > alice  200 (INVITE)
        1010  alice > tandem  ACK sip:bob@10.0.0.3
        1010  tandem > bob  ACK sip:bob@10.0.0.3
        6010  alice > tandem  BYE sip:bob@10.0.0.3
        6010  tandem > bob  BYE sip:bob@10.0.0.3
        6010  bob > tandem  200 OK
        6010  tandem > alice  200 (BYE)
    "#]],
    );
    world.wait(40_000);
    is(&mut world, expect![[""]]);
    world.is_calm();
}

#[test]
fn retransmissions_are_absorbed_and_ours_go_on() {
    let mut world = World::new(RELAY);
    world.send("alice", &invite());
    world.wait(500);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 486);
    world.wait(500);
    world.answer("bob", "INVITE", 486);
    world.send(
        "alice",
        &request("ACK", "sip:bob@example.com", "call-1", "1", ""),
    );
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        500   tandem > bob  INVITE sip:bob@10.0.0.3
        500   alice > tandem  INVITE sip:bob@example.com
        500   tandem > alice  100 (INVITE)
        500   bob > tandem  486 Busy Here
        500   tandem > bob  ACK sip:bob@10.0.0.3
        500   tandem > alice  486 (INVITE)
        1000  tandem > alice  486 (INVITE)
        1000  bob > tandem  486 Busy Here
        1000  tandem > bob  ACK sip:bob@10.0.0.3
        1000  alice > tandem  ACK sip:bob@example.com
    "#]],
    );
    world.wait(40_000);
    is(&mut world, expect![[""]]);
    world.is_calm();
}

#[test]
fn a_caller_gives_up() {
    let mut world = World::new(RELAY);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 180);
    world.wait(1_000);
    world.send(
        "alice",
        &request("CANCEL", "sip:bob@example.com", "call-1", "1", ""),
    );
    world.answer("bob", "CANCEL", 200);
    world.answer("bob", "INVITE", 487);
    world.send(
        "alice",
        &request("ACK", "sip:bob@example.com", "call-1", "1", ""),
    );
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  180 Ringing
        0     tandem > alice  180 (INVITE)
        1000  alice > tandem  CANCEL sip:bob@example.com
        1000  tandem > alice  200 (CANCEL)
        1000  tandem > bob  CANCEL sip:bob@10.0.0.3
        1000  bob > tandem  200 OK
        1000  bob > tandem  487 Request Terminated
        1000  tandem > bob  ACK sip:bob@10.0.0.3
        1000  tandem > alice  487 (INVITE)
        1000  alice > tandem  ACK sip:bob@example.com
    "#]],
    );
    world.wait(40_000);
    is(&mut world, expect![[""]]);
    world.is_calm();
}

#[test]
fn nobody_answers() {
    let mut world = World::new(RELAY);
    world.send("alice", &invite());
    world.wait(31_000);
    world.send(
        "alice",
        &request("ACK", "sip:bob@example.com", "call-1", "1", ""),
    );
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        500   tandem > bob  INVITE sip:bob@10.0.0.3
        1500  tandem > bob  INVITE sip:bob@10.0.0.3
        3500  tandem > bob  INVITE sip:bob@10.0.0.3
        7500  tandem > bob  INVITE sip:bob@10.0.0.3
        15500 tandem > bob  INVITE sip:bob@10.0.0.3
        30000 tandem > alice  408 (INVITE)
        30500 tandem > alice  408 (INVITE)
        31000 alice > tandem  ACK sip:bob@example.com
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn a_failure_route_tries_somebody_else() {
    let script = r#"
route { to("sip:bob@10.0.0.3"); on_failure("busy"); t_relay(); }
failure_route[busy] { to("sip:carol@10.0.0.4"); t_relay(); }
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 486);
    world.answer("carol", "INVITE", 200);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  486 Busy Here
        0     tandem > bob  ACK sip:bob@10.0.0.3
        0     tandem > carol  INVITE sip:carol@10.0.0.4
        0     carol > tandem  200 OK
        0     tandem > alice  200 (INVITE)
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn forks_race_and_the_loser_is_cancelled() {
    let script = r#"
route { to("sip:bob@10.0.0.3"); also("sip:carol@10.0.0.4"); t_relay(); }
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 180);
    world.answer("carol", "INVITE", 180);
    world.answer("carol", "INVITE", 200);
    world.answer("bob", "CANCEL", 200);
    world.answer("bob", "INVITE", 487);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     tandem > carol  INVITE sip:carol@10.0.0.4
        0     bob > tandem  180 Ringing
        0     tandem > alice  180 (INVITE)
        0     carol > tandem  180 Ringing
        0     tandem > alice  180 (INVITE)
        0     carol > tandem  200 OK
        0     tandem > alice  200 (INVITE)
        0     tandem > bob  CANCEL sip:bob@10.0.0.3
        0     bob > tandem  200 OK
        0     bob > tandem  487 Request Terminated
        0     tandem > bob  ACK sip:bob@10.0.0.3
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn a_run_that_waits_has_a_transaction_meanwhile() {
    let script = r#"
route {
    if ($rm == "CANCEL") { t_relay(); exit; }
    pause(1000);
    to("sip:bob@10.0.0.3");
    t_relay();
}
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    world.wait(500);
    world.send("alice", &invite());
    world.wait(600);
    world.answer("bob", "INVITE", 486);
    world.send(
        "alice",
        &request("ACK", "sip:bob@example.com", "call-1", "1", ""),
    );
    // And one that is cancelled while it waits.
    world.send(
        "alice",
        &request("INVITE", "sip:bob@example.com", "call-2", "2", ""),
    );
    world.wait(500);
    world.send(
        "alice",
        &request("CANCEL", "sip:bob@example.com", "call-2", "2", ""),
    );
    world.wait(600);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        200   tandem > alice  100 (INVITE)
        500   alice > tandem  INVITE sip:bob@example.com
        500   tandem > alice  100 (INVITE)
        1000  tandem > bob  INVITE sip:bob@10.0.0.3
        1100  bob > tandem  486 Busy Here
        1100  tandem > bob  ACK sip:bob@10.0.0.3
        1100  tandem > alice  486 (INVITE)
        1100  alice > tandem  ACK sip:bob@example.com
        1100  alice > tandem  INVITE sip:bob@example.com
        1300  tandem > alice  100 (INVITE)
        1600  alice > tandem  CANCEL sip:bob@example.com
        1600  tandem > alice  200 (CANCEL)
        2100  tandem > alice  487 (INVITE)
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn a_reply_route_sees_responses_and_may_drop_provisional_ones() {
    let script = r#"
route { to("sip:bob@10.0.0.3"); on_reply("answers"); t_relay(); }
onreply_route[answers] { if ($rs == 183) { drop; } }
onreply_route { if ($rs == 182) { drop; } }
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    for code in [180, 182, 183, 200] {
        world.answer("bob", "INVITE", code);
    }
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  180 Ringing
        0     tandem > alice  180 (INVITE)
        0     bob > tandem  182 Queued
        0     bob > tandem  183 Session Progress
        0     bob > tandem  200 OK
        0     tandem > alice  200 (INVITE)
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn calls_belong_to_a_shard_and_are_handed_over_to_it() {
    let mut world = World::with(RELAY, 2, Limits::default());
    for (call, shard) in [("call-1", 0), ("call-1", 1)] {
        let branch = format!("{call}{shard}");
        world.send_to(
            shard,
            "alice",
            &request("OPTIONS", "sip:bob@example.com", call, &branch, ""),
        );
    }
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  OPTIONS sip:bob@example.com
        0     shard 0 hands over to shard 1
        0     tandem > alice  200 (OPTIONS)
        0     alice > tandem  OPTIONS sip:bob@example.com
        0     tandem > alice  200 (OPTIONS)
    "#]],
    );
    world.send_to(0, "alice", &invite());
    world.answer("bob", "INVITE", 200);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     shard 0 hands over to shard 1
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  200 OK
        0     shard 0 hands over to shard 1
        0     tandem > alice  200 (INVITE)
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn what_is_malformed_gets_its_response_or_silence() {
    let mut world = World::new(RELAY);
    let options = |call: &str| request("OPTIONS", "sip:bob@example.com", call, call, "");
    world.send(
        "alice",
        &options("1").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
    );
    world.send(
        "alice",
        &options("2").replace("CSeq: 1 OPTIONS", "CSeq: one OPTIONS"),
    );
    world.send(
        "alice",
        &options("3").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
    );
    world.send(
        "alice",
        &options("4").replace(
            "Max-Forwards",
            "Proxy-Require: nothing, known\r\nMax-Forwards",
        ),
    );
    world.send(
        "alice",
        &options("5")
            .replace("OPTIONS", "ACK")
            .replace("CSeq: 1", "CSeq: x"),
    );
    world.send(
        "alice",
        &options("6").replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 9 What"),
    );
    world.send("alice", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    world.send("alice", "\r\n\r\n");
    world.send("alice", "");
    world.send("alice", &options("7"));
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  OPTIONS sip:bob@example.com SIP/7.0
            0     tandem > alice  505 (OPTIONS)
            0     alice > tandem  OPTIONS sip:bob@example.com
            0     tandem > alice  400 ()
            0     alice > tandem  OPTIONS sip:bob@example.com
            0     tandem > alice  400 (INVITE)
            0     alice > tandem  OPTIONS sip:bob@example.com
            0     tandem > alice  420 (OPTIONS)
            0     alice > tandem  ACK sip:bob@example.com
            0     alice > tandem  9 What
            0     alice > tandem  GET / HTTP/1.1
            0     alice > tandem  
            0     alice > tandem  
            0     alice > tandem  OPTIONS sip:bob@example.com
            0     tandem > alice  200 (OPTIONS)
            log   malformed request answered 505: another version than SIP/2.0 at byte 28, from udp:10.0.0.2:5060: "OPTIONS sip:bob@example.com SIP/7.0"
            log   malformed request answered 400: expected a number at byte 172 in CSeq, from udp:10.0.0.2:5060: "OPTIONS sip:bob@example.com SIP/2.0"
            log   malformed request answered 400: CSeq names another method than the start line at byte 174 in CSeq, from udp:10.0.0.2:5060: "OPTIONS sip:bob@example.com SIP/2.0"
            log   request answered 420: it has a Proxy-Require, from udp:10.0.0.2:5060: "OPTIONS sip:bob@example.com SIP/2.0"
            log   malformed message dropped: expected a number at byte 168 in CSeq, from udp:10.0.0.2:5060: "ACK sip:bob@example.com SIP/2.0"
            log   malformed message dropped: expected a status code at byte 8, from udp:10.0.0.2:5060: "SIP/2.0 9 What"
            log   malformed message dropped: not SIP at byte 0, from udp:10.0.0.2:5060: "GET / HTTP/1.1"
        "#]],
    );
    world.wait(40_000);
    world.is_calm();
    assert!(
        world
            .last("alice", "420")
            .contains("\r\nUnsupported: nothing, known\r\n")
    );
    expect![[
        r#"{"core:rcv_requests":2,"core:err_requests":4,"core:bad_not_sip":1,"core:keepalives":2}"#
    ]]
    .assert_eq(&world.command(
        "get_statistics",
        &[
            "rcv_requests",
            "err_requests",
            "core:bad_not_sip",
            "keepalives",
        ],
    ));
}

#[test]
fn a_ping_on_a_stream_is_answered() {
    let mut world = World::new(RELAY);
    let frame = Frame::copy_of(b"\r\n\r\n");
    world.handle(
        0,
        Input::Received {
            frame,
            flow: flow(Transport::Tcp, "alice"),
        },
    );
    is(
        &mut world,
        expect![[r#"
        0     tandem > alice  CRLF
    "#]],
    );
}

#[test]
fn a_full_table_answers_503_with_retry_after() {
    let limits = Limits {
        server_transactions: 10,
        ..Limits::default()
    };
    let mut world = World::with(RELAY, 1, limits);
    for number in 0..10 {
        let call = format!("call-{number}");
        world.send(
            "alice",
            &request("INVITE", "sip:bob@example.com", &call, &call, ""),
        );
    }
    assert!(world.last("alice", "503").contains("\r\nRetry-After: "));
    world.wait(80_000);
    world.is_calm();
}

#[test]
fn a_panic_takes_down_its_own_call_only() {
    let script = r#"
route {
    if ($rU == "boom") { t_newtran(); boom(); }
    to("sip:bob@10.0.0.3");
    t_relay();
}
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    std::panic::set_hook(Box::new(|_| ()));
    world.send(
        "alice",
        &request("INVITE", "sip:boom@example.com", "call-2", "2", ""),
    );
    let _ = std::panic::take_hook();
    world.answer("bob", "INVITE", 200);
    world.send(
        "alice",
        &request("OPTIONS", "sip:bob@example.com", "call-3", "3", ""),
    );
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     alice > tandem  INVITE sip:boom@example.com
        0     quarantine: boom of INVITE sip:boom@example.com SIP/2.0; sound: true
        0     bob > tandem  200 OK
        0     tandem > alice  200 (INVITE)
        0     alice > tandem  OPTIONS sip:bob@example.com
        0     tandem > bob  OPTIONS sip:bob@10.0.0.3
    "#]],
    );
    expect![[r#"{"core:panics":1}"#]].assert_eq(&world.command("get_statistics", &["panics"]));
    world.wait(80_000);
    world.is_calm();
}

#[test]
fn commands_are_answered() {
    let mut world = World::new(RELAY);
    world.wait(90_000);
    expect![[r#"["blacklists:check","blacklists:check_all","blacklists:list","check_blacklist","check_blacklists","core:log_level","core:ps","core:uptime","core:version","core:which","events_list","evi:list","evi:raise","get_statistics","list_blacklists","list_statistics","log_level","ps","raise_event","reset_all_statistics","reset_statistics","statistics:get","statistics:list","statistics:reset","statistics:reset_all","uptime","version","which"]"#]].assert_eq(&world.command("which", &[]));
    expect![[r#"{"Now":"Tue Nov 14 22:31:30 2023","Up since":"Tue Nov 14 22:30:00 2023","Up time":"90 [sec]"}"#]].assert_eq(&world.command("uptime", &[]));
    expect![[r#"{"Processes":[{"ID":0,"PID":0,"Type":"shard 0"}]}"#]]
        .assert_eq(&world.command("core:ps", &[]));
    expect!["-32601 Method not found"].assert_eq(&world.command("no_such", &[]));
    expect!["404 Statistics Not Found"].assert_eq(&world.command("get_statistics", &["no_such"]));
    assert!(
        world
            .command("version", &[])
            .starts_with("{\"Server\":\"Tandem (")
    );
}

#[test]
fn the_ladder_names_both_ends() {
    let mut world = World::new(RELAY);
    world.engines[0].set_trace(true);
    world.send(
        "alice",
        &request("OPTIONS", "sip:bob@example.com", "call-1", "1", ""),
    );
    expect![[r#"
        udp:10.0.0.1:5060 < 10.0.0.2:5060 OPTIONS sip:bob@example.com SIP/2.0
        udp:10.0.0.1:5060 > 10.0.0.2:5060 SIP/2.0 200 Fine"#]]
    .assert_eq(&world.records.join("\n"));
}

/// Nothing is left of the request by then but the way back.
#[test]
fn a_2xx_repeated_long_after_goes_back() {
    let mut world = World::new(RELAY);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 200);
    world.wait(20_000);
    world.answer("bob", "INVITE", 200);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  200 OK
        0     tandem > alice  200 (INVITE)
        20000 bob > tandem  200 OK
        20000 tandem > alice  200 (INVITE)
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

/// What is not an INVITE is forgotten by the proxy core as soon as it is answered; its transactions go on.
#[test]
fn an_answered_bye_is_still_repeated() {
    let mut world = World::new(RELAY);
    let bye = request("BYE", "sip:bob@10.0.0.3", "call-1", "3", "");
    world.send("alice", &bye);
    world.answer("bob", "BYE", 200);
    assert_eq!(world.engines[0].counts().contexts, 0);
    world.wait(1_000);
    world.send("alice", &bye);
    world.answer("bob", "BYE", 200);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  BYE sip:bob@10.0.0.3
        0     tandem > bob  BYE sip:bob@10.0.0.3
        0     bob > tandem  200 OK
        0     tandem > alice  200 (BYE)
        1000  alice > tandem  BYE sip:bob@10.0.0.3
        1000  tandem > alice  200 (BYE)
        1000  bob > tandem  200 OK
    "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

/// A reply route may read the request, also when the 2xx comes again.
#[test]
fn a_reply_route_sees_the_request_of_a_2xx_that_is_repeated() {
    let script = r#"
loadmodule "tm.so"
route { to("sip:bob@10.0.0.3"); on_reply("note"); t_relay(); }
onreply_route[note] { xlog("$rs to $(<request>ru)\n"); }
"#;
    let mut world = World::new(script);
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 200);
    world.wait(1_000);
    world.answer("bob", "INVITE", 200);
    let told = world.records.join("\n");
    assert_eq!(told.matches("200 to sip:bob@10.0.0.3").count(), 2, "{told}");
}
