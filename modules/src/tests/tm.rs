//! `tm`: replies, relays, hooks and what scripts see of a transaction.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "signaling"
    loadmodule "sipmsgops"
    loadmodule "tm"
    modparam("tm", "fr_timeout", 2)
    modparam("tm", "fr_inv_timeout", 3)
    modparam("tm", "onreply_avp_mode", 1)
    route {
        if (is_method("CANCEL")) {
            if (t_check_trans())
                t_relay();
            exit;
        }
        if ($rU == "reply") {
            append_to_reply("X-Mine: 1\r\n");
            t_reply(480, "Later");
            xlog("L_ERR", "sent $T_reply_code\n");
            exit;
        }
        $avp(who) = $rU;
        t_on_branch("branch");
        t_on_reply("reply");
        t_on_failure("failure");
        xlog("L_ERR", "timeouts $T_fr_timeout $T_fr_inv_timeout\n");
        if (!t_relay())
            send_reply(500, "Relay $rc");
    }
    branch_route[branch] {
        append_hf("X-Branch: $T_branch_idx\r\n");
        xlog("L_ERR", "branch $T_branch_idx to $ru\n");
    }
    onreply_route[reply] {
        xlog("L_ERR", "reply $rs $T_reply_code on $T_branch_idx for $avp(who)\n");
        if (t_check_status("183"))
            t_cancel_branch();
    }
    failure_route[failure] {
        xlog("L_ERR", "failed $T_reply_code $(tm.branch.last_received[0])\n");
        if (t_was_cancelled())
            exit;
        if (t_local_replied("all"))
            xlog("L_ERR", "nobody answered\n");
        if (t_check_status("486")) {
            $ru = "sip:other@10.0.0.9";
            t_relay();
        }
    }
"#;

#[test]
fn a_reply_of_its_own_makes_the_transaction() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:reply@10.0.0.3");
    world.udp(2, "INVITE sip:reply@10.0.0.3");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 480 Later
            X-Mine: 1
        log -1: sent 480
        > udp:10.0.0.2:5060
            SIP/2.0 480 Later
            X-Mine: 1
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn hooks_run_and_a_failure_is_tried_elsewhere() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    expect![[r#"
        log -1: timeouts 2 3
        log -1: branch 0 to sip:bob@10.0.0.3
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            X-Branch: 0
    "#]]
    .assert_eq(&world.take());
    world.respond(3, &invite, "180 Ringing");
    world.respond(3, &invite, "486 Busy Here");
    let second = world.last_request();
    world.respond(9, &second, "200 OK");
    expect![[r#"
        log -1: reply 180 180 on 0 for bob
        > udp:10.0.0.2:5060
            SIP/2.0 180 Ringing
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: reply 486 486 on 0 for bob
        log -1: failed 486 486
        log -1: branch 1 to sip:other@10.0.0.9
        > udp:10.0.0.9:5060
            INVITE sip:other@10.0.0.9 SIP/2.0
            X-Branch: 1
        log -1: reply 200 200 on 1 for bob
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn silence_is_a_failure_that_we_make() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "MESSAGE sip:bob@10.0.0.3");
    world.take();
    world.wait(2_500);
    let listing = world.take();
    let told: String = listing
        .lines()
        .filter(|line| line.starts_with("log") || line.contains("SIP/2.0 4"))
        .map(|l| format!("{l}\n"))
        .collect();
    expect![[r#"
        log -1: failed 408 408
        log -1: nobody answered
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_caller_who_gives_up_is_seen() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    world.respond(3, &invite, "180 Ringing");
    world.take();
    world.udp(
        2,
        "CANCEL sip:bob@10.0.0.3\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-call-1",
    );
    world.respond(3, &invite, "487 Request Terminated");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 canceling
        > udp:10.0.0.3:5060
            CANCEL sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: reply 487 487 on 0 for bob
        log -1: failed 487 487
        > udp:10.0.0.2:5060
            SIP/2.0 487 Request Terminated
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn requests_of_its_own_leave() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        route {
            t_new_request("MESSAGE", "sip:bob@10.0.0.3", "sip:bob@example.com", "sip:tandem@example.com", "text/plain hello");
            sl_send_reply(200, "Sent");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 Sent
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@10.0.0.3 SIP/2.0
            User-Agent: Tandem/0.1.0
            Content-Type: text/plain
            | hello
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_variable_sets_the_timer_of_one_call() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        route {
            $T_fr_timeout = 1;
            t_on_failure("late");
            t_relay();
        }
        failure_route[late] {
            xlog("L_ERR", "late after $T_fr_timeout s\n");
            t_reply(480, "Nobody");
        }
        "#,
    );
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.take();
    world.wait(1100);
    let told = world.take();
    let last: Vec<&str> = told.lines().rev().take(3).collect();
    expect![[r#"
            SIP/2.0 480 Nobody
        > udp:10.0.0.2:5060
        log -1: late after 1 s"#]]
    .assert_eq(&last.join("\n"));
}

#[test]
fn a_copy_goes_elsewhere_and_its_responses_nowhere() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "signaling"
        loadmodule "tm"
        route {
            t_replicate("sip:10.0.0.9:5070");
            t_reply(200, "Mine");
        }
        "#,
    );
    world.udp(2, "MESSAGE sip:bob@192.0.2.1");
    let copy = world.last_request();
    world.respond(9, &copy, "404 Not Here");
    expect![[r#"
        > udp:10.0.0.9:5070
            MESSAGE sip:bob@192.0.2.1 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 200 Mine
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_copy_leaves_what_is_relayed_as_it_was() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            $du = "sip:10.0.0.7";
            append_branch("sip:carol@10.0.0.8");
            t_replicate("sip:10.0.0.9:5070");
            xlog("$du $branch(uri)\n");
            t_relay();
        }
        "#,
    );
    world.udp(2, "MESSAGE sip:bob@192.0.2.1");
    expect![[r#"
        > udp:10.0.0.9:5070
            MESSAGE sip:bob@192.0.2.1 SIP/2.0
        log 2: sip:10.0.0.7 sip:carol@10.0.0.8
        > udp:10.0.0.7:5060
            MESSAGE sip:bob@192.0.2.1 SIP/2.0
            Max-Breadth: 30
        > udp:10.0.0.8:5060
            MESSAGE sip:carol@10.0.0.8 SIP/2.0
            Max-Breadth: 30
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_destination_that_is_given_goes_before_the_next_hop() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            $du = "sip:10.0.0.7";
            if ($rm == "INVITE")
                t_relay(, "udp:10.0.0.9:5070");
            else
                forward("10.0.0.9:5070");
        }
        "#,
    );
    world.udp(2, "MESSAGE sip:bob@192.0.2.1");
    world.udp(2, "INVITE sip:bob@192.0.2.1\nCall-ID: call-2");
    expect![[r#"
        > udp:10.0.0.9:5070
            MESSAGE sip:bob@192.0.2.1 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.9:5070
            INVITE sip:bob@192.0.2.1 SIP/2.0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn all_replies_are_local_when_those_of_the_last_round_are() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            t_on_failure("next");
            t_relay(, "udp:10.0.0.9:5070");
        }
        failure_route[next] {
            if (t_local_replied("all")) { xlog("all local\n"); exit; }
            xlog("$T_reply_code is somebody's\n");
            t_on_failure("next");
            t_relay(, "udp:10.0.0.8:5070");
        }
        "#,
    );
    world.udp(2, "INVITE sip:bob@192.0.2.1");
    let invite = world.last_request();
    world.take();
    world.respond(9, &invite, "404 Not Here");
    world.refuse_last();
    expect![[r#"
        > udp:10.0.0.9:5070
            ACK sip:bob@192.0.2.1 SIP/2.0
        log 2: 404 is somebody's
        > udp:10.0.0.8:5070
            INVITE sip:bob@192.0.2.1 SIP/2.0
        log 2: all local
        > udp:10.0.0.2:5060
            SIP/2.0 500 Server Internal Error
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn the_body_of_a_reply_is_not_that_of_the_next() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            t_reply_with_body(183, "Progress", "v=0");
            t_reply(486, "Busy Here");
        }
        "#,
    )
    .show(&["Content-Length"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 183 Progress
            Content-Length: 3
            | v=0
        > udp:10.0.0.2:5060
            SIP/2.0 486 Busy Here
            Content-Length: 0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn what_cannot_be_sent_fails_over_as_a_503() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            t_on_failure("failure");
            t_relay();
        }
        failure_route[failure] {
            xlog("L_ERR", "failed $T_reply_code\n");
            if (t_local_replied("all") && t_check_status("408|5[0-9][0-9]")) {
                $ru = "sip:other@10.0.0.9";
                t_relay();
            }
        }
        "#,
    );
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.take();
    world.refuse_last();
    expect![[r#"
        log -1: failed 503
        > udp:10.0.0.9:5060
            INVITE sip:other@10.0.0.9 SIP/2.0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_code_known_at_run_time_only_is_told_when_it_is_none() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        route {
            $var(code) = 99;
            t_reply($var(code), "x");
            sl_send_reply($var(code), "x");
        }
        "#,
    );
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    expect![[r#"
        log -1: no reply: 99 is no status code; give one of 100 to 699 test.cfg:6
        log -1: no reply: 99 is no status code; give one of 100 to 699 test.cfg:7
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn more_calls_that_end_at_once_than_jobs_find_room_all_hear_of_it() {
    let mut world = World::new(
        r#"
        loadmodule "tm"
        route {
            t_on_failure("over");
            t_relay(, "udp:10.0.0.9:5070");
        }
        failure_route[over] {
            t_reply(480, "Over");
        }
        "#,
    );
    let calls = 2 * engine::limits::JOBS_MAX;
    for call in 0..calls {
        world.tcp(
            2,
            &format!("INVITE sip:bob@192.0.2.1\nCall-ID: call-{call}"),
        );
    }
    world.take();
    world.wait(200_000);
    let heard = world.take();
    let with = |status: &str| heard.matches(status).count();
    let (by_route, without) = (with("SIP/2.0 480 Over"), with("SIP/2.0 408"));
    assert_eq!(by_route + without, calls, "{by_route} + {without}");
    assert!(by_route >= engine::limits::JOBS_MAX, "{by_route}");
}

#[test]
fn a_reason_is_one_line() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        route {
            $var(reason) = "a\r\n folded\nX-Forged: 1\r\n";
            if ($rm == "INVITE")
                t_reply(480, $var(reason));
            else
                sl_send_reply(480, $var(reason));
        }
        "#,
    );
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.udp(2, "MESSAGE sip:bob@10.0.0.3\nCall-ID: call-2");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 480 a   folded X-Forged: 1
        > udp:10.0.0.2:5060
            SIP/2.0 480 a   folded X-Forged: 1
    "#]]
    .assert_eq(&world.take());
}
