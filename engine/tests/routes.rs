//! The kinds of routes, from bytes to bytes: what each sees, what it changes for whom, and that each may wait.

mod support;

use expect_test::expect;
use support::{World, invite, is, request, story};

/// The header lines of ours in the last message to a peer.
fn marks(world: &World, peer: &str, what: &str) -> String {
    let text = world.last(peer, what);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("X-")).collect();
    format!(
        "{peer}: {} {}\n",
        text.lines().next().unwrap_or_default(),
        lines.join(", ")
    )
}

#[test]
fn a_branch_route_changes_its_own_branch_only() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            to("sip:bob@10.0.0.3");
            also("sip:carol@10.0.0.4");
            also("sip:nobody@10.0.0.2");
            header("X-All: yes\r\n");
            setbflag("FIRST");
            on_branch("each");
            t_relay();
            xlog("relayed $rc, now $ru, $bf");
        }
        branch_route[each] {
            xlog("$route: $ru $rU $bf of $ou");
            if ($rU == "nobody") drop;
            header("X-Branch: $rU\r\n");
            if ($rU == "carol") { $rU = "carla"; exit; }
            route(sub);
            xlog("after sub");
        }
        route[sub] { xlog("$route in $(route[0])"); }
        "#,
    );
    world.send("alice", &invite());
    let mut text = story(&mut world);
    text.push_str(&marks(&world, "bob", "INVITE"));
    text.push_str(&marks(&world, "carol", "INVITE"));
    expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     tandem > carol  INVITE sip:carla@10.0.0.4
        log   branch_route[each]: sip:bob@10.0.0.3 bob FIRST of sip:bob@example.com
        log   route[sub] in route
        log   after sub
        log   branch_route[each]: sip:carol@10.0.0.4 carol  of sip:bob@example.com
        log   branch_route[each]: sip:nobody@10.0.0.2 nobody  of sip:bob@example.com
        log   relayed 1, now sip:bob@10.0.0.3, FIRST
        bob: INVITE sip:bob@10.0.0.3 SIP/2.0 X-All: yes, X-Branch: bob
        carol: INVITE sip:carla@10.0.0.4 SIP/2.0 X-All: yes, X-Branch: carol
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_relay_whose_branches_are_all_dropped_fails() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            to("sip:bob@10.0.0.3");
            on_branch("none");
            if (!t_relay()) { xlog("rc $rc"); send_reply(480, "Nobody"); }
        }
        branch_route[none] { drop; }
        "#,
    );
    world.send("alice", &invite());
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  480 (INVITE)
            log   rc -3
        "#]],
    );
}

#[test]
fn a_branch_route_may_wait() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            to("sip:bob@10.0.0.3");
            also("sip:carol@10.0.0.4");
            on_branch("slow");
            t_relay();
            xlog("relayed $rc");
        }
        branch_route[slow] { pause(100); header("X-Branch: $rU\r\n"); xlog("$rU sent"); }
        "#,
    );
    world.send("alice", &invite());
    world.wait(1_000);
    let mut text = story(&mut world);
    text.push_str(&marks(&world, "bob", "INVITE"));
    text.push_str(&marks(&world, "carol", "INVITE"));
    expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        100   tandem > alice  100 (INVITE)
        100   tandem > bob  INVITE sip:bob@10.0.0.3
        200   tandem > carol  INVITE sip:carol@10.0.0.4
        600   tandem > bob  INVITE sip:bob@10.0.0.3
        700   tandem > carol  INVITE sip:carol@10.0.0.4
        log   bob sent
        log   carol sent
        log   relayed 1
        bob: INVITE sip:bob@10.0.0.3 SIP/2.0 X-Branch: bob
        carol: INVITE sip:carol@10.0.0.4 SIP/2.0 X-Branch: carol
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_reply_route_sees_the_reply_and_the_request() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            setflag("CALL"); setbflag("LEG"); $avp(kept) = "of the request";
            to("sip:bob@10.0.0.3");
            on_reply("seen");
            t_relay();
        }
        onreply_route { xlog("any: $rs $rm [$mf]"); }
        onreply_route[seen] {
            xlog("$rs $rr of $(<request>ou) from $(<request>fU), $ru, [$mf] [$bf] $avp(kept)");
            header("X-Reply: $rs\r\n");
            if ($rs == 180) drop;
            pause(50);
        }
        "#,
    );
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 180);
    world.answer("bob", "INVITE", 183);
    world.answer("bob", "INVITE", 200);
    world.wait(500);
    let mut text = story(&mut world);
    text.push_str(&marks(&world, "alice", "200"));
    expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  180 Ringing
        0     bob > tandem  183 Session Progress
        0     bob > tandem  200 OK
        50    tandem > alice  183 (INVITE)
        100   tandem > alice  200 (INVITE)
        log   any: 180 INVITE []
        log   180 Ringing of sip:bob@example.com from alice, <null>, [CALL] [LEG] <null>
        log   any: 183 INVITE []
        log   183 Session Progress of sip:bob@example.com from alice, <null>, [CALL] [LEG] <null>
        log   any: 200 INVITE []
        log   200 OK of sip:bob@example.com from alice, <null>, [CALL] [LEG] <null>
        alice: SIP/2.0 200 OK X-Reply: 200
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_failure_route_sees_the_request_as_it_was_relayed_and_the_reply_that_won() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            setflag("CALL"); $avp(kept) = "of the request";
            to("sip:bob@10.0.0.3");
            on_branch("each");
            on_failure("next");
            t_relay();
        }
        branch_route[each] { $rU = "private"; }
        failure_route[next] {
            xlog("$ru $rm [$mf] $avp(kept); $(<reply>rs) $(<reply>rr) $(<reply>tt), <$rs>");
            if ($(<reply>rs) == 486) {
                pause(50);
                to("sip:carol@10.0.0.4");
                on_failure("next");
                t_relay();
                exit;
            }
            send_reply(600, "Nowhere");
        }
        "#,
    );
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 486);
    world.wait(100);
    world.answer("carol", "INVITE", 404);
    world.wait(100);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  100 (INVITE)
            0     tandem > bob  INVITE sip:private@10.0.0.3
            0     bob > tandem  486 Busy Here
            0     tandem > bob  ACK sip:private@10.0.0.3
            50    tandem > carol  INVITE sip:private@10.0.0.4
            100   carol > tandem  404 Not Found
            100   tandem > carol  ACK sip:private@10.0.0.4
            100   tandem > alice  600 (INVITE)
            log   sip:bob@10.0.0.3 INVITE [CALL] of the request; 486 Busy Here bob, <<null>>
            log   sip:carol@10.0.0.4 INVITE [CALL] of the request; 404 Not Found carol, <<null>>
        "#]],
    );
}

#[test]
fn a_waiting_request_absorbs_retransmissions_and_keeps_its_cancel() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            if ($rm == "CANCEL") { xlog("cancel, $rc"); t_relay(); exit; }
            pause(400);
            to("sip:bob@10.0.0.3");
            t_relay();
            xlog("relayed $rc");
        }
        "#,
    );
    world.send("alice", &invite());
    world.wait(100);
    world.send("alice", &invite());
    world.wait(200);
    world.send(
        "alice",
        &request("CANCEL", "sip:bob@example.com", "call-1", "1", ""),
    );
    world.wait(2_000);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            100   alice > tandem  INVITE sip:bob@example.com
            100   tandem > alice  100 (INVITE)
            200   tandem > alice  100 (INVITE)
            300   alice > tandem  CANCEL sip:bob@example.com
            300   tandem > alice  200 (CANCEL)
            400   tandem > alice  487 (INVITE)
            900   tandem > alice  487 (INVITE)
            1900  tandem > alice  487 (INVITE)
            log   cancel, 1
            log   relayed -3
        "#]],
    );
}

#[test]
fn startup_and_timer_routes_run_about_no_message() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route { xlog("$var(n) $avp(n)"); }
        startup_route { $var(n) = 5; $avp(n) = 1; xlog("start [$ru] [$ci] $route"); }
        timer_route[often, 2] { $var(n) = $var(n) + 1; pause(100); xlog("tick $var(n) [$si]"); }
        "#,
    );
    world.wait(5_000);
    world.send("alice", &invite());
    is(
        &mut world,
        expect![[r#"
            5000  alice > tandem  INVITE sip:bob@example.com
            log   start [<null>] [<null>] startup_route
            log   tick 6 [<null>]
            log   tick 7 [<null>]
            log   7 <null>
        "#]],
    );
}

#[test]
fn a_message_is_forwarded_and_sent_without_a_transaction() {
    let mut world = World::new(
        r#"
        loadmodule "tm.so"
        route {
            send("udp:10.0.0.4:5060", "X-Copy: yes\r\n"); xlog("sent $rc");
            send("nowhere:"); xlog("sent $rc");
            $ru = "sip:bob@10.0.0.3";
            forward(); xlog("forwarded $rc");
        }
        "#,
    );
    world.send(
        "alice",
        &request("MESSAGE", "sip:bob@example.com", "call-1", "1", ""),
    );
    let mut text = story(&mut world);
    text.push_str(&marks(&world, "carol", "MESSAGE"));
    let vias = |peer: &str| world.last(peer, "MESSAGE").matches("Via:").count();
    text.push_str(&format!(
        "Vias: carol {}, bob {}\n",
        vias("carol"),
        vias("bob")
    ));
    expect![[r#"
        0     alice > tandem  MESSAGE sip:bob@example.com
        0     tandem > carol  MESSAGE sip:bob@example.com
        0     tandem > bob  MESSAGE sip:bob@10.0.0.3
        log   sent 1
        log   sent -1
        log   forwarded 1
        carol: MESSAGE sip:bob@example.com SIP/2.0 X-Copy: yes
        Vias: carol 1, bob 2
    "#]]
    .assert_eq(&text);
}
