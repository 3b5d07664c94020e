//! Stateless replies and forwarding: RFC 3261 §16.11, RFC 6026.

use expect_test::expect;
use parser::{Frame, HeaderName, Message};

use crate::harness::{World, check, check_showing};
use engine::limits::Limits;

#[test]
fn a_request_forwarded_without_state_has_the_same_branch_each_time() {
    check_showing(
        &[HeaderName::Via],
        "route { forward(); }",
        "
        0 alice MESSAGE
        10 alice MESSAGE
        20 alice MESSAGE branch=z9hG4bK-other
        30 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-MESSAGE-1
            10      < alice  MESSAGE sip:bob@10.0.0.20
            10      > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-MESSAGE-1
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-other
            30      < bob    200 OK
            30      > alice  200 OK
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-other
        "#]],
    );
}

#[test]
fn replies_without_state_repeat_their_tag_and_take_their_ack() {
    check_showing(
        &[HeaderName::To],
        "route { say(\"$rm\"); reply(404, \"Nobody\"); }",
        "
        0 alice INVITE
        500 alice INVITE
        510 alice ACK
        600 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       - INVITE
            0       > alice  404 Nobody
                      To: <sip:bob@example.com>;tag=*
            500     < alice  INVITE sip:bob@10.0.0.20
            500     - INVITE
            500     > alice  404 Nobody
                      To: <sip:bob@example.com>;tag=*
            510     < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_transaction_answers_retransmissions_itself() {
    check(
        "route { say(\"$rm\"); newtran(); reply(404, \"Nobody\"); }",
        "
        0 alice INVITE
        100 alice INVITE
        510 alice ACK
        600 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       - INVITE
            0       > alice  100 Trying
            0       > alice  404 Nobody
            100     < alice  INVITE sip:bob@10.0.0.20
            100     > alice  404 Nobody
            500     > alice  404 Nobody
            510     < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_transaction_that_is_never_answered_is_let_go() {
    check(
        "route { newtran(); }",
        "
        0 alice MESSAGE
        10 alice MESSAGE
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            10      < alice  MESSAGE sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_late_2xx_goes_back_after_everything_has_ended() {
    check(
        "route { relay(); }",
        "
        0 alice INVITE
        10 bob 200
        20 alice ACK sip:bob@10.0.0.20
        60000 bob 200
        61000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  ACK sip:bob@10.0.0.20
            20      > bob    ACK sip:bob@10.0.0.20
            60000   < bob    200 OK
            60000   > alice  200 OK
        "#]],
    );
}

#[test]
fn what_nobody_waits_for_is_not_passed_on() {
    check(
        "route { relay(); }",
        "
        0 alice MESSAGE
        10 bob 200
        60000 bob 200
        61000 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            60000   < bob    200 OK
        "#]],
    );
}

#[test]
fn with_disable_stateless_fwd_off_what_nobody_waits_for_goes_on_if_it_came_to_us() {
    check(
        "disable_stateless_fwd=no\nroute { relay(); }",
        "
        0 alice MESSAGE
        10 bob 200
        60000 bob 404
        60010 bob 404 via=10.0.0.1:5060;branch=z9hG4bK-of-an-earlier-run
        60020 bob 404 via=10.0.0.99:5060;branch=z9hG4bK-of-somebody-else
        61000 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            60000   < bob    404 Not Found
            60000   > alice  404 Not Found
            60010   < bob    404 Not Found
            60010   > alice  404 Not Found
            60020   < bob    404 Not Found
        "#]],
    );
}

#[test]
fn check_via_drops_responses_to_somebody_else_before_any_route_sees_them() {
    check(
        "check_via=yes\nroute { relay(); }\nonreply_route { say(\"$rs\"); }",
        "
        0 alice MESSAGE
        10 bob 180 via=10.0.0.99:5060;branch=z9hG4bK-x
        20 bob 181 via=10.0.0.1:5080;branch=z9hG4bK-x
        30 bob 182 via=example.com;branch=z9hG4bK-x
        40 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - response dropped: its top Via is not ours (check_via), from udp:10.0.0.20:5060: "SIP/2.0 180 Ringing"
            20      < bob    181 Call Is Being Forwarded
            20      - response dropped: its top Via is not ours (check_via), from udp:10.0.0.20:5060: "SIP/2.0 181 Call Is Being Forwarded"
            30      < bob    182 Queued
            30      - 182
            40      < bob    200 OK
            40      - 200
            40      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_copy_is_sent_and_its_answer_is_nobodys() {
    check(
        "route { to(\"sip:carol@10.0.0.30\"); relay(\"replicate\"); to(\"sip:bob@10.0.0.20\"); relay(); }",
        "
        0 alice MESSAGE
        10 carol 404
        20 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > carol  MESSAGE sip:carol@10.0.0.30
            0       > bob    MESSAGE sip:bob@10.0.0.20
            10      < carol  404 Not Found
            20      < bob    200 OK
            20      > alice  200 OK
        "#]],
    );
}

#[test]
fn an_invite_forwarded_without_state_its_ack_and_its_cancel_have_one_branch() {
    let mut world = World::new("route { forward(); }", Limits::default());
    for step in [
        // Credentials are the INVITE's alone.
        "0 alice INVITE +Proxy-Authorization:Digest_username='alice'",
        "10 alice CANCEL",
        "20 bob 200 CANCEL",
        "30 bob 487 INVITE",
        "40 alice ACK",
    ] {
        world.step(step);
    }
    let branches: Vec<(String, Vec<u8>)> = world
        .sent
        .iter()
        .filter(|sent| sent.to == "bob")
        .map(|sent| {
            let message = Message::parse(Frame::copy_of(&sent.bytes)).unwrap();
            let method = String::from_utf8_lossy(message.method().as_bytes()).into_owned();
            (method, message.top_via().branch().to_vec())
        })
        .collect();
    let methods: Vec<&str> = branches.iter().map(|(method, _)| &method[..]).collect();
    assert_eq!(methods, ["INVITE", "CANCEL", "ACK"]);
    // The next hop knows them by this: RFC 3261 §9.1, §17.1.1.3, §16.11.
    assert_eq!(branches[0].1, branches[1].1, "CANCEL");
    assert_eq!(branches[0].1, branches[2].1, "ACK");
}

#[test]
fn what_is_taken_from_one_response_is_not_taken_from_the_next() {
    check_showing(
        &[HeaderName::Via],
        "route { if ($rm == \"MESSAGE\") { forward(); } else { relay(); } }",
        "
        0 alice MESSAGE
        10 alice OPTIONS call=c2
        20 bob 200 MESSAGE +Server:a_long_name_that_the_other_has_not
        30 bob 404 OPTIONS
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-MESSAGE-1
            10      < alice  OPTIONS sip:bob@10.0.0.20
            10      > bob    OPTIONS sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c2-OPTIONS-1
            20      < bob    200 OK
            20      > alice  200 OK
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-MESSAGE-1
            30      < bob    404 Not Found
            30      > alice  404 Not Found
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c2-OPTIONS-1
        "#]],
    );
}
