//! Failover to the next address of a target, and what cannot be sent at all: RFC 3263 §4.3, RFC 3261 §16.9.

use engine::limits::{JOBS_MAX, Limits};
use expect_test::expect;

use crate::harness::{World, check};

const RELAY: &str =
    "route { $var(rc) = relay(); if ($var(rc) < 0) { say(\"relay $var(rc)\"); reply_error(); } }";

#[test]
fn a_name_is_resolved_before_it_is_relayed() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 bob 200
        20 alice ACK sip:bob@10.0.0.20
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  ACK sip:bob@10.0.0.20
            20      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_503_goes_to_the_next_address() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 bob 503
        20 carol 200
        30 alice ACK sip:bob@10.0.0.20
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            10      < bob    503 Service Unavailable
            10      > bob    ACK sip:bob@pbx.example.net:5060
            10      > carol  INVITE sip:bob@pbx.example.net:5060
            20      < carol  200 OK
            20      > alice  200 OK
            30      < alice  ACK sip:bob@10.0.0.20
            30      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn what_does_not_arrive_goes_to_the_next_address() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 fails bob
        20 fails carol
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            10      > carol  INVITE sip:bob@pbx.example.net:5060
            20      > alice  500 Server Internal Error
            30      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn what_does_not_arrive_is_a_503_to_the_failure_route() {
    check(
        "route { watch(); on_failure(\"f\"); relay(); } failure_route[f] { say(\"failed\"); to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 fails bob
        20 carol 200
        30 alice ACK sip:carol@10.0.0.30
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       - event Relayed
            10      - event Failed { code: 503 }
            10      - failed
            10      > carol  INVITE sip:carol@10.0.0.30
            10      - event Relayed
            20      < carol  200 OK
            20      > alice  200 OK
            20      - event ResponseReceived { branch: 1, code: 200 }
            20      - event ReplySent { code: 200, local: false, branch: Some(1) }
            30      < alice  ACK sip:carol@10.0.0.30
            30      > carol  ACK sip:carol@10.0.0.30
            30      - event AckReceived
        "#]],
    );
}

#[test]
fn a_branch_that_cannot_be_sent_says_less_than_one_that_was_answered() {
    check(
        "route { also(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 carol 486
        20 fails bob
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            10      < carol  486 Busy Here
            10      > carol  ACK sip:carol@10.0.0.30
            20      > alice  486 Busy Here
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_503_of_ours_passes_where_503s_pass() {
    check(
        "disable_503_translation=yes\nroute { relay(); }",
        "
        0 alice INVITE
        10 fails bob
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      > alice  503 Service Unavailable
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn silence_goes_to_the_next_address() {
    check(
        "route { timeouts(2000, 5000); relay(); }",
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        2100 carol 180
        2200 carol 486
        2300 alice ACK
        2400 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            502     > bob    INVITE sip:bob@pbx.example.net:5060
            1502    > bob    INVITE sip:bob@pbx.example.net:5060
            2002    > carol  INVITE sip:bob@pbx.example.net:5060
            2100    < carol  180 Ringing
            2100    > alice  180 Ringing
            2200    < carol  486 Busy Here
            2200    > carol  ACK sip:bob@pbx.example.net:5060
            2200    > alice  486 Busy Here
            2300    < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn a_486_is_an_answer_and_no_reason_to_try_elsewhere() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@pbx.example.net:5060
            10      > alice  486 Busy Here
            30      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn an_answer_later_than_exec_dns_threshold_is_a_warning_and_an_event() {
    check(
        r#"exec_dns_threshold=5000
        route { to("sip:bob@pbx.example.net:5060"); relay(); }
        event_route[E_CORE_THRESHOLD] { say("$param(source) $param(time) $param(extra)"); }"#,
        "
        0 alice MESSAGE
        5 dns pbx.example.net A 10.0.0.20
        6 dns pbx.example.net AAAA
        7 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            6       - exec_dns_threshold exceeded: the answer about pbx.example.net took 6000 us, more than 5000
            6       > bob    MESSAGE sip:bob@pbx.example.net:5060
            6       - dns lookup 6000 pbx.example.net
            7       < bob    200 OK
            7       > alice  200 OK
        "#]],
    );
}

#[test]
fn no_dns_failover_means_one_address() {
    check(
        "route { relay(\"no-dns-failover\"); }",
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 bob 503
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            10      < bob    503 Service Unavailable
            10      > bob    ACK sip:bob@pbx.example.net:5060
            10      > alice  500 Server Internal Error
            30      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn a_name_that_leads_nowhere_is_the_scripts_to_answer() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@nowhere.example.net:5060
        1 dns nowhere.example.net A
        2 dns nowhere.example.net AAAA
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@nowhere.example.net:5060
            0       ? nowhere.example.net 1
            0       ? nowhere.example.net 28
            2       > alice  478 Unresolvable destination
            2       - relay -4
            30      < alice  ACK sip:bob@nowhere.example.net:5060
        "#]],
    );
}

#[test]
fn a_target_that_no_socket_reaches_is_477_by_itself() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@10.0.0.20:5061;transport=tls
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20:5061;transport=tls
            0       > alice  477 Send failed
            0       - relay -6
            30      < alice  ACK sip:bob@10.0.0.20:5061;transport=tls
        "#]],
    );
}

#[test]
fn or_the_scripts_to_answer() {
    check(
        "route { $var(rc) = relay(\"no-auto-477\"); if ($var(rc) < 0) { say(\"relay $var(rc)\"); reply(500, \"Sorry\"); } }",
        "
        0 alice INVITE sip:bob@10.0.0.20:5061;transport=tls
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20:5061;transport=tls
            0       - relay -6
            0       > alice  500 Sorry
            30      < alice  ACK sip:bob@10.0.0.20:5061;transport=tls
        "#]],
    );
}

#[test]
fn a_name_that_only_a_branch_route_names_is_resolved_by_the_branch() {
    check(
        "route { on_branch(\"b\"); relay(); } branch_route[b] { to(\"sip:x@late.example.net:5060\"); }",
        "
        0 alice INVITE
        5 dns late.example.net A 10.0.0.40
        6 dns late.example.net AAAA
        10 dave 200
        20 alice ACK sip:dave@10.0.0.40
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       ? late.example.net 1
            0       ? late.example.net 28
            0       > alice  100 Trying
            6       > dave   INVITE sip:x@late.example.net:5060
            10      < dave   200 OK
            10      > alice  200 OK
            20      < alice  ACK sip:dave@10.0.0.40
            20      > dave   ACK sip:dave@10.0.0.40
        "#]],
    );
}

#[test]
fn a_branch_whose_name_leads_nowhere_has_failed() {
    check(
        "route { on_branch(\"b\"); on_failure(\"f\"); relay(); } branch_route[b] { to(\"sip:x@late.example.net:5060\"); } failure_route[f] { say(\"failed\"); }",
        "
        0 alice INVITE
        5 dns late.example.net A
        6 dns late.example.net AAAA
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       ? late.example.net 1
            0       ? late.example.net 28
            0       > alice  100 Trying
            6       - failed
            6       > alice  478 Unresolvable destination
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn srv_records_give_the_order() {
    check(
        RELAY,
        "
        0 alice INVITE sip:bob@srv.example.net
        1 dns srv.example.net NAPTR
        2 dns _sip._udp.srv.example.net SRV 10 0 5060 two.example.net 5 0 5060 one.example.net
        3 dns one.example.net A 10.0.0.30
        4 dns one.example.net AAAA
        5 dns two.example.net A 10.0.0.20
        6 dns two.example.net AAAA
        10 carol 503
        20 bob 200
        30 alice ACK sip:bob@10.0.0.20
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@srv.example.net
            0       ? srv.example.net 35
            1       ? _sip._udp.srv.example.net 33
            2       ? one.example.net 1
            2       ? one.example.net 28
            2       ? two.example.net 1
            2       ? two.example.net 28
            6       > alice  100 Trying
            6       > carol  INVITE sip:bob@srv.example.net
            10      < carol  503 Service Unavailable
            10      > carol  ACK sip:bob@srv.example.net
            10      > bob    INVITE sip:bob@srv.example.net
            20      < bob    200 OK
            20      > alice  200 OK
            30      < alice  ACK sip:bob@10.0.0.20
            30      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn each_of_many_calls_on_a_connection_that_ends_has_its_failure_route() {
    let script = "route { watch(); on_failure(\"f\"); to(\"sip:bob@10.0.0.20;transport=tcp\"); relay(); } \
        failure_route[f] { say(\"failed\"); reply(480); }";
    let mut world = World::new(script, Limits::default());
    let calls = 2 * JOBS_MAX;
    for call in 0..calls {
        world.step(&format!(
            "0 alice INVITE call=c{call} branch=z9hG4bKx{call}"
        ));
    }
    world.step("10 closed bob");
    assert_eq!(world.count("- failed"), calls);
    assert_eq!(world.count("> alice  480"), calls);
    world.step("200000 end");
    assert_eq!(world.count("event Ended"), calls);
}
