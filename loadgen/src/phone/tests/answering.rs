//! The answering side.

use expect_test::{Expect, expect};

use super::*;

fn check(wire: &mut Wire, until_ms: u64, expected: Expect) {
    expected.assert_eq(&wire.run(until_ms));
}

const INVITE: &str = "INVITE sip:bob@10.0.0.2 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1
Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0
Record-Route: <sip:10.0.0.9;lr>
Max-Forwards: 70
From: Alice <sip:alice@example.com>;tag=a
To: Bob <sip:bob@example.com>
Call-ID: one@10.0.0.1
CSeq: 314 INVITE
Contact: <sip:alice@10.0.0.1>
Content-Length: 0

";

#[test]
fn answers_with_the_vias_routes_and_tag_of_the_invite() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    let sent = wire.tell(0, "10.0.0.9:5060", INVITE);
    expect![[r#"
        SIP/2.0 180 Ringing
        Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1
        Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0
        Record-Route: <sip:10.0.0.9;lr>
        From: Alice <sip:alice@example.com>;tag=a
        To: Bob <sip:bob@example.com>;tag=ea0d2024c5d4bc80
        Call-ID: one@10.0.0.1
        CSeq: 314 INVITE
        Contact: <sip:bob@10.0.0.2:5060>
        Content-Length: 0

        ----
        SIP/2.0 200 OK
        Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1
        Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0
        Record-Route: <sip:10.0.0.9;lr>
        From: Alice <sip:alice@example.com>;tag=a
        To: Bob <sip:bob@example.com>;tag=ea0d2024c5d4bc80
        Call-ID: one@10.0.0.1
        CSeq: 314 INVITE
        Contact: <sip:bob@10.0.0.2:5060>
        Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, NOTIFY, UPDATE
        Content-Type: application/sdp
        Content-Length: 134

        v=0
        o=- 20260101 1 IN IP4 10.0.0.2
        s=-
        c=IN IP4 10.0.0.2
        t=0 0
        m=audio 26504 RTP/AVP 8 0 101
        a=rtpmap:101 telephone-event/8000
    "#]]
    .assert_eq(&sent.join("----\n"));
}

#[test]
fn repeats_what_it_said_to_a_repeated_invite_and_nothing_after_its_200() {
    let ringing = Answering {
        ring: Spread::Fixed(100_000),
        ..Answering::default()
    };
    let mut wire = Wire::new().phone("bob", 2, |bob| bob.answering = ringing);
    assert_eq!(wire.tell(0, "10.0.0.9:5060", INVITE).len(), 1);
    let again = wire.tell(0, "10.0.0.9:5060", INVITE);
    assert!(again[0].starts_with("SIP/2.0 180"), "{again:?}");
    wire.run(150);
    assert!(
        wire.tell(0, "10.0.0.9:5060", INVITE).is_empty(),
        "RFC 6026 absorbs it"
    );
}

#[test]
fn says_482_to_an_invite_that_was_forked_and_met_again() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    wire.tell(0, "10.0.0.9:5060", INVITE);
    let merged = wire.tell(0, "10.0.0.8:5060", &INVITE.replace("z9hG4bK1", "z9hG4bK2"));
    assert!(merged[0].starts_with("SIP/2.0 482 "), "{merged:?}");
}

#[test]
fn says_420_to_an_extension_it_does_not_have() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    let sent = wire.tell(
        0,
        "10.0.0.9:5060",
        &INVITE.replace("Content-Length", "Require: 100rel, foo\nContent-Length"),
    );
    assert!(
        sent[0].starts_with("SIP/2.0 420") && sent[0].contains("Unsupported: 100rel, foo\n"),
        "{sent:?}"
    );
}

#[test]
fn says_481_to_a_bye_and_a_cancel_of_no_call() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    let bye = INVITE
        .replace("INVITE", "BYE")
        .replace("bob@example.com>", "bob@example.com>;tag=x");
    let cancel = INVITE.replace("INVITE", "CANCEL");
    assert!(wire.tell(0, "10.0.0.9:5060", &bye)[0].starts_with("SIP/2.0 481"));
    assert!(wire.tell(0, "10.0.0.9:5060", &cancel)[0].starts_with("SIP/2.0 481"));
    assert_eq!(wire.phones[0].counters().strays, 2);
}

#[test]
fn says_200_to_options_501_to_what_is_no_method_and_405_to_what_it_does_not_do() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    for (method, status) in [
        ("OPTIONS", "200"),
        ("BREW", "501"),
        ("REGISTER", "405"),
        ("SUBSCRIBE", "405"),
    ] {
        let sent = wire.tell(
            0,
            "10.0.0.9:5060",
            &INVITE
                .replace("INVITE", method)
                .replace("K1", &format!("K{method}")),
        );
        assert!(
            sent[0].starts_with(&format!("SIP/2.0 {status}")),
            "{method}: {sent:?}"
        );
        assert!(sent[0].contains("Allow: "));
    }
}

#[test]
fn repeats_its_answer_to_a_repeated_request() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    let options = INVITE.replace("INVITE", "OPTIONS");
    let first = wire.tell(0, "10.0.0.9:5060", &options);
    let again = wire.tell(0, "10.0.0.9:5060", &options);
    assert!(first[0].starts_with("SIP/2.0 200"));
    assert_eq!(first, again);
}

#[test]
fn repeats_its_200_until_the_ack_and_hangs_up_when_none_comes() {
    let mut wire = Wire::new()
        .phone("alice", 1, |alice| alice.faults.lose_ack = Chance::ALWAYS)
        .phone("bob", 2, |_| {})
        .at(
            0,
            0,
            call(
                BOB,
                CallPlan {
                    hold: None,
                    ..CallPlan::default()
                },
            ),
        );
    check(
        &mut wire,
        40_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob > alice  200 OK
            10     bob: Incoming
            20     alice: Provisional(180)
            20     alice: Answered
            510    bob > alice  200 OK (again)
            1510   bob > alice  200 OK (again)
            3510   bob > alice  200 OK (again)
            7510   bob > alice  200 OK (again)
            11510  bob > alice  200 OK (again)
            15510  bob > alice  200 OK (again)
            19510  bob > alice  200 OK (again)
            23510  bob > alice  200 OK (again)
            27510  bob > alice  200 OK (again)
            31510  bob > alice  200 OK (again)
            32010  bob > alice  BYE sip:alice@10.0.0.1:5060
            32010  bob: Failed(NoAck)
            32020  alice > bob  200 OK
            32020  alice: Ended { by_us: false, answer: 0 }
        "#]],
    );
}

#[test]
fn rejects_and_repeats_the_rejection_until_the_ack() {
    let busy = Answering {
        then: Then::Reject(603),
        ring: Spread::Fixed(500_000),
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = busy)
        .lose("603", 2)
        .at(0, 0, call(BOB, hold(0)));
    check(
        &mut wire,
        40_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            510    bob > alice  603 Decline (lost)
            510    bob: Failed(Rejected(603))
            1010   bob > alice  603 Decline (lost)
            2010   bob > alice  603 Decline (again)
            2020   alice > bob  ACK sip:bob@10.0.0.2
            2020   alice: Failed(Rejected(603))
        "#]],
    );
}

#[test]
fn is_silent_when_it_is_dead() {
    let dead = Answering {
        then: Then::Silent,
        ..Answering::default()
    };
    let mut wire = Wire::new().phone("bob", 2, |bob| bob.answering = dead);
    assert!(wire.tell(0, "10.0.0.9:5060", INVITE).is_empty());
}

#[test]
fn rings_again_every_minute_while_nobody_answers() {
    let never = Answering {
        then: Then::Ring,
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = never)
        .at(0, 0, call(BOB, hold(0)))
        .at(150_000, 1, to_its_call(Command::Answer));
    check(
        &mut wire,
        151_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            60010  bob > alice  180 Ringing
            120010 bob > alice  180 Ringing
            150000 bob > alice  200 OK
            150010 alice > bob  ACK sip:bob@10.0.0.2:5060
            150010 alice > bob  BYE sip:bob@10.0.0.2:5060
            150010 alice: Answered
            150020 bob: Acknowledged
            150020 bob > alice  200 OK
            150020 bob: Ended { by_us: false, answer: 0 }
            150030 alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn hangs_up_by_itself_when_its_plan_says_so() {
    let hangs_up = Answering {
        hang_up: Some(Spread::Fixed(1_000_000)),
        ..Answering::default()
    };
    let plan = CallPlan {
        hold: None,
        ..CallPlan::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = hangs_up)
        .at(0, 0, call(BOB, plan));
    check(
        &mut wire,
        40_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob > alice  200 OK
            10     bob: Incoming
            20     alice: Provisional(180)
            20     alice > bob  ACK sip:bob@10.0.0.2:5060
            20     alice: Answered
            30     bob: Acknowledged
            1030   bob > alice  BYE sip:alice@10.0.0.1:5060
            1040   alice > bob  200 OK
            1040   alice: Ended { by_us: false, answer: 0 }
            1050   bob: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn sends_its_response_where_via_and_rport_say() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    let options = INVITE.replace("INVITE", "OPTIONS");
    for (via, to) in [
        ("10.0.0.9", "192.0.2.7:5060"),
        ("10.0.0.9:5080", "192.0.2.7:5080"),
        ("10.0.0.9:5080;rport", "192.0.2.7:4444"),
    ] {
        let bytes = options
            .replace(
                "10.0.0.9;branch=z9hG4bK1",
                &format!("{via};branch=z9hG4bK{via}"),
            )
            .replace('\n', "\r\n");
        let mut out = Outbox::default();
        let from = "192.0.2.7:4444".parse().unwrap();
        wire.phones[0].handle(
            0,
            Event::Received {
                line: 0,
                bytes: bytes.as_bytes(),
                from,
            },
            &mut out,
        );
        assert_eq!(out.sends[0].to, to.parse().unwrap(), "{via}");
    }
}
