//! `async` and `launch`, from bytes to bytes: what survives the wait, in every kind of route.

mod support;

use engine::limits::Limits;
use expect_test::expect;
use support::{World, invite, is, request, story};

fn world(routes: &str) -> World {
    World::new(&format!("loadmodule \"tm.so\"\n{routes}"))
}

#[test]
fn what_was_attached_to_the_message_survives_an_async_and_vars_and_the_stack_do_not() {
    let mut world = world(
        r#"
        route {
            if ($rm == "OPTIONS") { $var(x) = "of another"; exit; }
            $var(x) = "mine"; route(sub, "param"); xlog("never");
        }
        route[sub] {
            $avp(a) = "kept"; setflag("F"); $ru = "sip:bob@10.0.0.3"; header("X-Kept: yes\r\n");
            on_failure("failed");
            xlog("before: $var(x) $param(1), transaction $(var(none))");
            async(ask(100, $avp(out)), after);
            xlog("never");
        }
        route[after] {
            t_check_trans();
            $avp(known) = $rc;
            xlog("$route: $avp(out), transaction $avp(known), var $var(x), param $param(1), $avp(a) [$mf] $ru");
            t_relay();
        }
        failure_route[failed] { xlog("failed $avp(a)"); }
        "#,
    );
    world.send("alice", &invite());
    world.wait(50);
    let options = request("OPTIONS", "sip:example.com", "o-1", "7", "");
    world.send("alice", &options);
    world.wait(50);
    world.answer("bob", "INVITE", 486);
    assert!(world.last("bob", "INVITE").contains("X-Kept: yes"));
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            50    alice > tandem  OPTIONS sip:example.com
            100   tandem > alice  100 (INVITE)
            100   tandem > bob  INVITE sip:bob@10.0.0.3
            100   bob > tandem  486 Busy Here
            100   tandem > bob  ACK sip:bob@10.0.0.3
            100   tandem > alice  486 (INVITE)
            log   before: mine param, transaction 0
            log   route[after]: in time, transaction 1, var of another, param <null>, kept [F] sip:bob@10.0.0.3
            log   failed kept
        "#]],
    );
    world.wait(60_000);
    world.is_calm();
}

#[test]
fn what_answers_at_once_goes_on_at_once_in_a_transaction() {
    let mut world = world(
        r#"
        route { $var(x) = "kept"; async(ask(0, $var(out)), after); xlog("never"); }
        route[after] {
            xlog("$rc $var(out) $var(x)");
            if (t_check_trans()) xlog("in a transaction");
            async(ask(-1, $var(out)), failed);
        }
        route[failed] { xlog("$rc $var(out)"); send_reply(480, "Enough"); }
        "#,
    );
    world.send("alice", &invite());
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  480 (INVITE)
            log   3 at once kept
            log   in a transaction
            log   -1 failed
        "#]],
    );
}

#[test]
fn a_script_that_leaves_its_async_unanswered_keeps_nothing() {
    let mut world = world(
        r#"
        route { async(ask(100), after); }
        route[after] { exit; }
        "#,
    );
    world.send("alice", &invite());
    world.wait(1_000);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
    "#]],
    );
    world.is_calm();
}

#[test]
fn an_async_ends_at_its_time_out_however_often_it_waits() {
    let mut world = world(
        r#"
        route { async(ask(5000, $avp(out)), after, 2); }
        route[after] { xlog("$rc $avp(out) at $Ts"); async(ask(500, $avp(out)), last, 2); }
        route[last] { xlog("$rc $(avp(out)[0])"); send_reply(480, "Late"); }
        "#,
    );
    world.send("alice", &invite());
    world.wait(10_000);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            200   tandem > alice  100 (INVITE)
            2500  tandem > alice  480 (INVITE)
            3000  tandem > alice  480 (INVITE)
            4000  tandem > alice  480 (INVITE)
            6000  tandem > alice  480 (INVITE)
            10000 tandem > alice  480 (INVITE)
            log   -2 late at 1700001002
            log   2 in time
        "#]],
    );
}

#[test]
fn an_ack_waits_without_a_transaction_and_keeps_its_vars() {
    let mut world = world(
        r#"
        route {
            if ($rm == "OPTIONS") { $var(x) = "of another"; exit; }
            $var(x) = "mine"; $ru = "sip:bob@10.0.0.3"; async(ask(100), after);
        }
        route[after] { xlog("$rc $var(x)"); t_relay(); }
        "#,
    );
    world.send(
        "alice",
        &request("ACK", "sip:bob@example.com", "call-1", "1", ""),
    );
    world.wait(50);
    assert_eq!(world.engines[0].counts().server_transactions, 0);
    world.send(
        "alice",
        &request("OPTIONS", "sip:example.com", "o-1", "7", ""),
    );
    world.wait(100);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  ACK sip:bob@example.com
            50    alice > tandem  OPTIONS sip:example.com
            100   tandem > bob  ACK sip:bob@10.0.0.3
            log   2 mine
        "#]],
    );
    world.is_calm();
}

#[test]
fn in_a_branch_route_the_resume_route_goes_on_for_that_branch() {
    let mut world = world(
        r#"
        route {
            to("sip:bob@10.0.0.3"); also("sip:carol@10.0.0.4"); also("sip:nobody@10.0.0.2");
            on_branch("each");
            t_relay();
            xlog("relayed $rc, now $ru");
        }
        branch_route[each] { $var(x) = $rU; route(sub, "deep"); xlog("never"); }
        route[sub] { async(ask(100, $avp(out)), after); xlog("never"); }
        route[after] {
            xlog("$route $rc $avp(out) $var(x) $param(1)");
            if ($rU == "nobody") drop;
            header("X-Branch: $rU\r\n");
        }
        "#,
    );
    world.send("alice", &invite());
    world.wait(350);
    let mut text = story(&mut world);
    for peer in ["bob", "carol"] {
        let lines: Vec<_> = world
            .last(peer, "INVITE")
            .lines()
            .filter(|line| line.starts_with("X-"))
            .collect();
        text.push_str(&format!("{peer}: {lines:?}\n"));
    }
    expect![[r#"
        0     alice > tandem  INVITE sip:bob@example.com
        100   tandem > alice  100 (INVITE)
        100   tandem > bob  INVITE sip:bob@10.0.0.3
        200   tandem > carol  INVITE sip:carol@10.0.0.4
        log   route[after] 2 in time bob <null>
        log   route[after] 2 in time carol <null>
        log   route[after] 2 in time nobody <null>
        log   relayed 1, now sip:bob@10.0.0.3
        bob: ["X-Branch: bob"]
        carol: ["X-Branch: carol"]
    "#]]
    .assert_eq(&text);
}

#[test]
fn in_reply_routes_responses_of_the_branch_wait_behind_the_one_that_waits() {
    let mut world = world(
        r#"
        route { to("sip:bob@10.0.0.3"); on_reply("seen"); t_relay(); }
        onreply_route { $var(x) = $rs; async(ask(20), any); }
        route[any] { xlog("any $rs $rc $var(x) $route"); }
        onreply_route[seen] { $var(x) = $rs; async(ask(100), after); xlog("never"); }
        route[after] {
            xlog("$rs: $rc, var $var(x), $route, request $(<request>ou)");
            header("X-Reply: $rs\r\n");
            if ($rs == 180) drop;
        }
        "#,
    );
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 180);
    world.answer("bob", "INVITE", 183);
    world.answer("bob", "INVITE", 200);
    world.wait(400);
    assert!(world.last("alice", "200").contains("X-Reply: 200"));
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  100 (INVITE)
            0     tandem > bob  INVITE sip:bob@10.0.0.3
            0     bob > tandem  180 Ringing
            0     bob > tandem  183 Session Progress
            0     bob > tandem  200 OK
            220   tandem > alice  183 (INVITE)
            320   tandem > alice  200 (INVITE)
            log   any 180 2 180 route[any]
            log   any 183 2 183 route[any]
            log   any 200 2 200 route[any]
            log   180: 2, var 200, route[after], request sip:bob@example.com
            log   183: 2, var 183, route[after], request sip:bob@example.com
            log   200: 2, var 200, route[after], request sip:bob@example.com
        "#]],
    );
}

#[test]
fn in_a_failure_route_the_resume_route_may_send_on() {
    let mut world = world(
        r#"
        route { to("sip:bob@10.0.0.3"); on_failure("next"); t_relay(); }
        failure_route[next] { $var(x) = "kept"; async(ask(100, $avp(out)), after, 1); xlog("never"); }
        route[after] {
            xlog("$rc $avp(out) $var(x) $(<reply>rs)");
            to("sip:carol@10.0.0.4");
            t_relay();
        }
        "#,
    );
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 486);
    world.wait(150);
    world.answer("carol", "INVITE", 200);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  100 (INVITE)
            0     tandem > bob  INVITE sip:bob@10.0.0.3
            0     bob > tandem  486 Busy Here
            0     tandem > bob  ACK sip:bob@10.0.0.3
            100   tandem > carol  INVITE sip:carol@10.0.0.4
            150   carol > tandem  200 OK
            150   tandem > alice  200 (INVITE)
            log   2 in time kept 486
        "#]],
    );
}

#[test]
fn timer_and_startup_routes_wait_without_a_transaction() {
    let mut world = world(
        r#"
        route { exit; }
        startup_route { $var(x) = 1; async(ask(100, $avp(out)), after); }
        timer_route[often, 1] { $var(x) = 2; async(ask(100, $avp(out)), after); }
        route[after] { xlog("$rc $avp(out) $var(x) [$ci]"); }
        "#,
    );
    world.wait(1_500);
    is(
        &mut world,
        expect![[r#"
            log   2 in time 1 [<null>]
            log   2 in time 2 [<null>]
        "#]],
    );
    world.is_calm();
}

#[test]
fn when_a_transaction_cannot_be_had_the_request_is_refused_and_the_route_goes_on_with_that() {
    let limits = Limits {
        contexts: 0,
        ..Limits::default()
    };
    let script = r#"
        loadmodule "tm.so"
        route { async(ask(100), after); }
        route[after] { xlog("$rc"); send_reply(500, "Never sent"); }
    "#;
    let mut world = World::with(script, 1, limits);
    world.send("alice", &invite());
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  503 (INVITE)
            log   request answered 503: no place for another transaction, from udp:10.0.0.2:5060: "INVITE sip:bob@example.com SIP/2.0"
            log   -1
        "#]],
    );
    world.is_calm();
}

#[test]
fn a_cancel_meets_the_invite_that_waits() {
    let mut world = world(
        r#"
        route {
            if ($rm == "CANCEL") { t_relay(); exit; }
            to("sip:bob@10.0.0.3");
            async(ask(1000), after);
        }
        route[after] { t_relay(); xlog("relay $rc"); }
        "#,
    );
    world.send("alice", &invite());
    world.wait(300);
    world.send("alice", &invite());
    let cancel = request("CANCEL", "sip:bob@example.com", "call-1", "1", "");
    world.send("alice", &cancel);
    world.wait(1_000);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            200   tandem > alice  100 (INVITE)
            300   alice > tandem  INVITE sip:bob@example.com
            300   tandem > alice  100 (INVITE)
            300   alice > tandem  CANCEL sip:bob@example.com
            300   tandem > alice  200 (CANCEL)
            1000  tandem > alice  487 (INVITE)
            log   relay -3
        "#]],
    );
}

#[test]
fn what_is_launched_begins_with_the_message_and_ends_about_none() {
    let mut world = world(
        r#"
        route {
            $var(x) = "launcher's"; $avp(a) = "launcher's"; $avp(out) = "launcher's";
            launch(ask(100, $avp(out)), after, "of $rU");
            xlog("$rc at once, $avp(out)");
            $var(x) = "changed";
            send_reply(480, "Done");
        }
        route[after] {
            xlog("$rc $avp(out) $param(1); [$avp(a)] [$ru] [$ci] var $var(x)");
            if (!t_relay()) xlog("nothing to relay");
        }
        "#,
    );
    world.send("alice", &invite());
    world.wait(200);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  480 (INVITE)
            log   1 at once, launcher's
            log   2 in time of bob; [<null>] [<null>] [<null>] var changed
            log   nothing to relay
        "#]],
    );
    world.wait(60_000);
    world.is_calm();
}

#[test]
fn what_is_launched_and_does_not_wait_has_its_route_after_the_run() {
    let mut world = world(
        r#"
        route {
            $var(x) = 1;
            launch(ask(0, $avp(out)), after, "first");
            launch(ask(-1), after);
            launch(ask(0));
            xlog("launched, $var(x)");
            $var(x) = 2;
            pause(100);
            xlog("resumed, $var(x)");
        }
        route[after] { xlog("$rc [$avp(out)] [$param(1)] $var(x)"); $var(x) = $var(x) + 10; }
        "#,
    );
    let options = request("OPTIONS", "sip:example.com", "o-1", "7", "");
    world.send("alice", &options);
    world.wait(200);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  OPTIONS sip:example.com
            log   launched, 1
            log   3 [at once] [first] 2
            log   -1 [<null>] [<null>] 12
            log   resumed, 2
        "#]],
    );
    world.is_calm();
}

#[test]
fn routes_that_launch_each_other_for_ever_are_stopped() {
    let mut world = world(
        r#"
        route { launch(ask(0), again); $var(n) = 0; }
        route[again] { launch(ask(0), again); launch(ask(0), again); $var(n) = $var(n) + 1; }
        timer_route[look, 1] { xlog("$var(n)"); }
        "#,
    );
    world.send("alice", &invite());
    world.records.clear();
    world.wait(1_000);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            log   4096
        "#]],
    );
}

#[test]
fn launch_works_in_every_kind_of_route() {
    let mut world = world(
        r#"
        route {
            to("sip:bob@10.0.0.3"); on_branch("each"); on_reply("seen"); on_failure("failed");
            launch(ask(10), after, "$route");
            t_relay();
        }
        branch_route[each] { launch(ask(10), after, "$route $rU"); }
        onreply_route[seen] { launch(ask(10), after, "$route $rs"); }
        failure_route[failed] { launch(ask(10), after, "$route $(<reply>rs)"); }
        startup_route { launch(ask(10), after, "$route"); }
        timer_route[often, 1] { launch(ask(10), after, "$route"); }
        route[after] { xlog("$rc after $param(1)"); }
        "#,
    );
    world.send("alice", &invite());
    world.answer("bob", "INVITE", 486);
    world.wait(1_100);
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  INVITE sip:bob@example.com
            0     tandem > alice  100 (INVITE)
            0     tandem > bob  INVITE sip:bob@10.0.0.3
            0     bob > tandem  486 Busy Here
            0     tandem > bob  ACK sip:bob@10.0.0.3
            0     tandem > alice  486 (INVITE)
            500   tandem > alice  486 (INVITE)
            log   2 after startup_route
            log   2 after route
            log   2 after branch_route[each] bob
            log   2 after onreply_route[seen] 486
            log   2 after failure_route[failed] 486
            log   2 after timer_route[often]
        "#]],
    );
    world.wait(60_000);
}
