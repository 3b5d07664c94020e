//! Forking, one after the other and side by side, and what edits mean where: script-language §6.

use expect_test::expect;

use super::world;

/// Three by their q, the second group two at once.
const SERIAL: &str = r#"
    route {
        if ($rm == "ACK") { t_relay(); exit; }
        $ru = "sip:low@10.0.0.3";
        $ru_q = 100;
        append_branch("sip:high@10.0.0.4", "0.9");
        append_branch("sip:also-low@10.0.0.5", "0.1");
        serialize_branches(1);
        next_branches();
        t_on_failure("next");
        t_relay();
    }
    failure_route[next] {
        xlog("failed with $T_reply_code, $ru\n");
        if (next_branches()) {
            t_on_failure("next");
            t_relay();
        }
    }
"#;

#[test]
fn the_highest_q_rings_first_and_equals_ring_together() {
    let mut world = world(SERIAL);
    world.udp(2, "INVITE sip:bob@example.com");
    world.respond(4, &world.last_request_to(4), "486 Busy");
    let last = world.last_request_to(3);
    world.respond(5, &world.last_request_to(5), "480 Gone");
    world.respond(3, &last, "404 Not Found");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.4:5060
            INVITE sip:high@10.0.0.4 SIP/2.0
        > udp:10.0.0.4:5060
            ACK sip:high@10.0.0.4 SIP/2.0
        log 2: failed with 486, sip:high@10.0.0.4
        > udp:10.0.0.3:5060
            INVITE sip:low@10.0.0.3 SIP/2.0
            Max-Breadth: 30
        > udp:10.0.0.5:5060
            INVITE sip:also-low@10.0.0.5 SIP/2.0
            Max-Breadth: 30
        > udp:10.0.0.5:5060
            ACK sip:also-low@10.0.0.5 SIP/2.0
        > udp:10.0.0.3:5060
            ACK sip:low@10.0.0.3 SIP/2.0
        log 2: failed with 404, sip:low@10.0.0.3
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not Found
    "#]]
    .assert_eq(&world.take());
}

/// A 6xx, and whether it speaks for all.
fn declined(parameter: &str) -> String {
    let script = r#"
        route {
            if ($rm == "ACK") { t_relay(); exit; }
            append_branch("sip:desk@10.0.0.4");
            t_on_failure("voicemail");
            t_relay();
        }
        failure_route[voicemail] {
            $ru = "sip:voicemail@10.0.0.9";
            $var(rc) = t_relay();
            xlog("voicemail $var(rc)\n");
        }
    "#;
    let mut world = world(&format!("{parameter}{script}"));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let desk = world.last_request_to(4);
    world.respond(4, &desk, "180 Ringing");
    world.take();
    world.respond(3, &world.last_request_to(3), "603 Decline");
    world.respond(4, &desk, "486 Busy");
    world.take()
}

#[test]
fn a_6xx_ends_everything() {
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.4:5060
            CANCEL sip:desk@10.0.0.4 SIP/2.0
        > udp:10.0.0.4:5060
            ACK sip:desk@10.0.0.4 SIP/2.0
        log 2: voicemail -5
        > udp:10.0.0.2:5060
            SIP/2.0 603 Decline
    "#]]
    .assert_eq(&declined(""));
}

#[test]
fn or_is_a_failure_like_any_other_with_disable_6xx_block() {
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.4:5060
            ACK sip:desk@10.0.0.4 SIP/2.0
        > udp:10.0.0.9:5060
            INVITE sip:voicemail@10.0.0.9 SIP/2.0
        log 2: voicemail 1
    "#]]
    .assert_eq(&declined("modparam(\"tm\", \"disable_6xx_block\", 1)\n"));
}

#[test]
fn a_minor_branch_is_stopped_when_all_others_have_failed() {
    let mut world = world(
        r#"
        modparam("tm", "minor_branch_flag", "MEDIA")
        route {
            if ($rm == "ACK") { t_relay(); exit; }
            append_branch("sip:media@10.0.0.4");
            $(msg.branch.flag(MEDIA)[1]) = 1;
            t_relay();
        }
    "#,
    );
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.respond(4, &world.last_request_to(4), "183 Music");
    world.take();
    world.respond(3, &world.last_request_to(3), "486 Busy");
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.4:5060
            CANCEL sip:media@10.0.0.4 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 486 Busy
    "#]]
    .assert_eq(&world.take());
}

/// Who sees which edit: the main route's are everybody's (behind `t_relay` those of later branches), a branch's its own, a failure route's those of what it makes.
const EDITS: &str = r#"
    route {
        if ($rm == "ACK") { t_relay(); exit; }
        append_hf("X-All: main\r\n");
        remove_hf("X-Gone");
        xlog("main sees $hdr(X-All) and $hdr(X-Gone), is there $hdrcnt(X-Gone)\n");
        if (!is_present_hf("X-All") && is_present_hf("X-Gone"))
            xlog("edits show when the request is sent\n");
        t_add_hdrs("X-Tran: all\r\n");
        $du = "sip:10.0.0.4";
        append_branch("sip:second@10.0.0.5");
        t_on_branch("own");
        t_on_failure("again");
        t_relay();
        append_hf("X-Late: too\r\n");
    }
    branch_route[own] {
        append_hf("X-Own: $T_branch_idx\r\n");
        if ($T_branch_idx == 0) {
            $rU = "edited";
            $du = "sip:10.0.0.3";
        }
        xlog("branch $T_branch_idx goes to $ru by $du\n");
    }
    failure_route[again] {
        xlog("failure sees $ru by $du, $hdr(X-All)\n");
        append_hf("X-Again: yes\r\n");
        $ru = "sip:third@10.0.0.6";
        $du = NULL;
        t_relay();
    }
"#;

#[test]
fn edits_belong_to_all_branches_or_to_one_and_show_when_they_are_sent() {
    let mut world = world(EDITS);
    world.udp(2, "INVITE sip:bob@example.com\nX-Gone: here");
    world.respond(5, &world.last_request_to(5), "486 Busy");
    world.respond(3, &world.last_request_to(3), "404 Not Found");
    expect![[r#"
        log 2: main sees <null> and here, is there 1
        log 2: edits show when the request is sent
        log 2: branch 0 goes to sip:edited@example.com by sip:10.0.0.3
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:edited@example.com SIP/2.0
            X-All: main
            X-Own: 0
            X-Tran: all
            Max-Breadth: 30
        log 2: branch 1 goes to sip:second@10.0.0.5 by <null>
        > udp:10.0.0.5:5060
            INVITE sip:second@10.0.0.5 SIP/2.0
            X-All: main
            X-Own: 1
            X-Tran: all
            Max-Breadth: 30
        > udp:10.0.0.5:5060
            ACK sip:second@10.0.0.5 SIP/2.0
            X-Tran: all
        > udp:10.0.0.3:5060
            ACK sip:edited@example.com SIP/2.0
            X-Tran: all
        log 2: failure sees sip:bob@example.com by sip:10.0.0.4, <null>
        log 2: branch 2 goes to sip:third@10.0.0.6 by <null>
        > udp:10.0.0.6:5060
            INVITE sip:third@10.0.0.6 SIP/2.0
            X-All: main
            X-Late: too
            X-Again: yes
            X-Own: 2
            X-Tran: all
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_cancel_carries_the_reason_that_its_own_run_gives_and_the_headers_of_the_transaction() {
    let mut world = world(
        r#"
        route {
            if ($rm == "CANCEL") {
                if ($hdr(X-Pass) == "1")
                    t_relay("pass-reason-hdr");
                else {
                    t_add_cancel_reason("Reason: SIP;cause=200;text=\"elsewhere\"\r\n");
                    t_relay();
                }
                exit;
            }
            t_add_hdrs("X-Origin: 1.1.1.1\r\n");
            t_relay();
        }
    "#,
    );
    for (call, pass) in [("one", "0"), ("two", "1")] {
        world.udp(2, &format!("INVITE sip:bob@10.0.0.3\nCall-ID: {call}"));
        world.respond(3, &world.last_request_to(3), "180 Ringing");
        world.take();
        world.udp(2, &format!("CANCEL sip:bob@10.0.0.3\nCall-ID: {call}\nX-Pass: {pass}\nReason: Q.850;cause=16\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-{call}"));
        let cancel = world.take();
        match pass {
            "0" => expect![[r#"
                > udp:10.0.0.2:5060
                    SIP/2.0 200 canceling
                > udp:10.0.0.3:5060
                    CANCEL sip:bob@10.0.0.3 SIP/2.0
                    Reason: SIP;cause=200;text="elsewhere"
                    X-Origin: 1.1.1.1
            "#]]
            .assert_eq(&cancel),
            _ => expect![[r#"
                > udp:10.0.0.2:5060
                    SIP/2.0 200 canceling
                > udp:10.0.0.3:5060
                    CANCEL sip:bob@10.0.0.3 SIP/2.0
                    Reason: Q.850;cause=16
                    X-Origin: 1.1.1.1
            "#]]
            .assert_eq(&cancel),
        }
    }
}

#[test]
fn an_answered_request_is_let_go_though_its_reply_route_is_armed() {
    let mut world =
        world(r#"route { t_on_reply("seen"); t_relay(); } onreply_route[seen] { xlog("$rs\n"); }"#);
    world.udp(2, "BYE sip:bob@10.0.0.3\nTo: <sip:bob@example.com>;tag=a9");
    assert_eq!(world.counts(0).contexts, 1);
    world.respond(3, &world.last_request_to(3), "200 OK");
    assert_eq!(world.counts(0).contexts, 0);
    expect![[r#"
        log 2: 200
    "#]]
    .assert_eq(&world.take_log());
}
