//! What both sides do once a call stands.

use expect_test::{Expect, expect};

use super::*;

fn check(wire: &mut Wire, until_ms: u64, expected: Expect) {
    expected.assert_eq(&wire.run(until_ms));
}

#[test]
fn reinvites_and_goes_on_talking() {
    let plan = CallPlan {
        reinvite: Some(Spread::Fixed(1_000_000)),
        ..hold(3000)
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, plan));
    check(
        &mut wire,
        5_000,
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
            1020   alice > bob  INVITE sip:bob@10.0.0.2:5060
            1030   bob > alice  200 OK
            1040   alice > bob  ACK sip:bob@10.0.0.2:5060
            1040   alice: Reinvited(200)
            3020   alice > bob  BYE sip:bob@10.0.0.2:5060
            3030   bob > alice  200 OK
            3030   bob: Ended { by_us: false, answer: 0 }
            3040   alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn says_491_to_a_reinvite_that_crosses_its_own_and_both_try_again() {
    let plan = CallPlan {
        hold: None,
        ..CallPlan::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, plan))
        .at(1_000, 0, to_its_call(Command::Reinvite))
        .at(1_000, 1, to_its_call(Command::Reinvite));
    check(
        &mut wire,
        6_000,
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
            1000   alice > bob  INVITE sip:bob@10.0.0.2:5060
            1000   bob > alice  INVITE sip:alice@10.0.0.1:5060
            1010   bob > alice  491 Request Pending
            1010   alice > bob  491 Request Pending
            1020   alice > bob  ACK sip:bob@10.0.0.2:5060
            1020   alice: Reinvited(491)
            1020   bob > alice  ACK sip:alice@10.0.0.1:5060
            1020   bob: Reinvited(491)
            1426   bob > alice  INVITE sip:alice@10.0.0.1:5060
            1436   alice > bob  200 OK
            1446   bob > alice  ACK sip:alice@10.0.0.1:5060
            1446   bob: Reinvited(200)
            4369   alice > bob  INVITE sip:bob@10.0.0.2:5060
            4379   bob > alice  200 OK
            4389   alice > bob  ACK sip:bob@10.0.0.2:5060
            4389   alice: Reinvited(200)
        "#]],
    );
}

#[test]
fn ends_once_when_both_hang_up_at_once() {
    let plan = CallPlan {
        hold: None,
        ..CallPlan::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, plan))
        .at(1_000, 0, to_its_call(Command::HangUp))
        .at(1_000, 1, to_its_call(Command::HangUp));
    check(
        &mut wire,
        6_000,
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
            1000   alice > bob  BYE sip:bob@10.0.0.2:5060
            1000   bob > alice  BYE sip:alice@10.0.0.1:5060
            1010   bob > alice  200 OK
            1010   alice > bob  200 OK
            1020   alice: Ended { by_us: true, answer: 20000 }
            1020   bob: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn hanging_up_what_rings_rejects_it_on_one_side_and_cancels_it_on_the_other() {
    let never = Answering {
        then: Then::Ring,
        ..Answering::default()
    };
    for (who, expected) in [
        (
            0,
            expect![[r#"
                0      alice > bob  INVITE sip:bob@10.0.0.2
                0      alice: Calling
                10     bob > alice  180 Ringing
                10     bob: Incoming
                20     alice: Provisional(180)
                1000   alice > bob  CANCEL sip:bob@10.0.0.2
                1010   bob > alice  200 OK
                1010   bob > alice  487 Request Terminated
                1010   bob: Cancelled { by_us: false }
                1020   alice > bob  ACK sip:bob@10.0.0.2
                1020   alice: Cancelled { by_us: true }
            "#]],
        ),
        (
            1,
            expect![[r#"
                0      alice > bob  INVITE sip:bob@10.0.0.2
                0      alice: Calling
                10     bob > alice  180 Ringing
                10     bob: Incoming
                20     alice: Provisional(180)
                1000   bob > alice  603 Decline
                1000   bob: Failed(Rejected(603))
                1010   alice > bob  ACK sip:bob@10.0.0.2
                1010   alice: Failed(Rejected(603))
            "#]],
        ),
    ] {
        let mut wire = Wire::new()
            .phone("alice", 1, |_| {})
            .phone("bob", 2, |bob| bob.answering = never)
            .at(0, 0, call(BOB, hold(0)))
            .at(1_000, who, to_its_call(Command::HangUp));
        check(&mut wire, 2_000, expected);
    }
}

/// The 200 of a proxy's callee: `routes` is its Record-Route lines.
fn answer(invite: &str, routes: &str, tag: &str) -> String {
    let lines = invite.lines().filter(|line| {
        ["Via", "Fro", "To:", "Cal", "CSe"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    let mut text = String::from("SIP/2.0 200 OK\n");
    for line in lines {
        text.push_str(line);
        if line.starts_with("To:") {
            text.push_str(&format!(";tag={tag}"));
        }
        text.push('\n');
    }
    text + routes + "Contact: <sip:bob@10.0.0.22:5070>\nContent-Length: 0\n\n"
}

fn invite_of(wire: &mut Wire, plan: CallPlan) -> String {
    let mut out = Outbox::default();
    let command = Command::Call {
        line: 0,
        user: "",
        to: BOB,
        plan,
        tag: 7,
    };
    wire.phones[0].handle(0, Event::Command(command), &mut out);
    String::from_utf8_lossy(out.bytes_of(&out.sends[0])).replace('\r', "")
}

fn heads(messages: &[String]) -> String {
    let wanted = |line: &&str| {
        line.ends_with("SIP/2.0")
            || line.starts_with("Route")
            || line.starts_with("CSeq")
            || line.starts_with("To")
    };
    messages
        .iter()
        .map(|text| text.lines().filter(wanted).collect::<Vec<_>>().join("\n") + "\n")
        .collect()
}

#[test]
fn sends_requests_of_the_dialog_along_the_recorded_routes_in_reverse() {
    let mut wire = Wire::new().phone("alice", 1, |_| {});
    let invite = invite_of(&mut wire, hold(0));
    let routes = "Record-Route: <sip:10.0.0.8;lr;x=1>, <sip:10.0.0.7;lr>\nRecord-Route: <sip:10.0.0.6:5080;lr>\n";
    let sent = wire.tell(0, "10.0.0.2:5060", &answer(&invite, routes, "b"));
    expect![[r#"
        ACK sip:bob@10.0.0.22:5070 SIP/2.0
        Route: <sip:10.0.0.6:5080;lr>, <sip:10.0.0.7;lr>, <sip:10.0.0.8;lr;x=1>
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 1 ACK
        BYE sip:bob@10.0.0.22:5070 SIP/2.0
        Route: <sip:10.0.0.6:5080;lr>, <sip:10.0.0.7;lr>, <sip:10.0.0.8;lr;x=1>
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 2 BYE
    "#]]
    .assert_eq(&heads(&sent));
    expect![[r#"
        0      alice > 10.0.0.6:5080  ACK sip:bob@10.0.0.22:5070
        0      alice > 10.0.0.6:5080  BYE sip:bob@10.0.0.22:5070
        0      alice: Answered
    "#]]
    .assert_eq(&wire.run(1));
}

#[test]
fn puts_a_strict_router_into_the_request_uri() {
    let mut wire = Wire::new().phone("alice", 1, |_| {});
    let invite = invite_of(&mut wire, hold(0));
    let routes = "Record-Route: <sip:10.0.0.8;lr>, <sip:10.0.0.6:5080>\n";
    let sent = wire.tell(0, "10.0.0.2:5060", &answer(&invite, routes, "b"));
    expect![[r#"
        ACK sip:10.0.0.6:5080 SIP/2.0
        Route: <sip:10.0.0.8;lr>, <sip:bob@10.0.0.22:5070>
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 1 ACK
        BYE sip:10.0.0.6:5080 SIP/2.0
        Route: <sip:10.0.0.8;lr>, <sip:bob@10.0.0.22:5070>
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 2 BYE
    "#]]
    .assert_eq(&heads(&sent));
}

#[test]
fn keeps_no_route_when_told_to_be_like_sipp() {
    let mut wire = Wire::new().phone("alice", 1, |alice| alice.routing = Routing::Unrouted);
    let invite = invite_of(&mut wire, hold(0));
    let routes = "Record-Route: <sip:10.0.0.8;lr>\n";
    let sent = wire.tell(0, "10.0.0.2:5060", &answer(&invite, routes, "b"));
    expect![[r#"
        ACK sip:bob@10.0.0.2 SIP/2.0
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 1 ACK
        BYE sip:bob@10.0.0.2 SIP/2.0
        To: <sip:bob@10.0.0.2>;tag=b
        CSeq: 2 BYE
    "#]]
    .assert_eq(&heads(&sent));
}

#[test]
fn acknowledges_and_hangs_up_the_other_answers_of_a_fork() {
    let mut wire = Wire::new().phone("alice", 1, |_| {});
    let invite = invite_of(&mut wire, hold(60_000));
    let first = wire.tell(0, "10.0.0.2:5060", &answer(&invite, "", "b"));
    assert_eq!(first.len(), 1, "{first:?}");
    let second = wire.tell(0, "10.0.0.2:5060", &answer(&invite, "", "c"));
    expect![[r#"
        ACK sip:bob@10.0.0.22:5070 SIP/2.0
        To: <sip:bob@10.0.0.2>;tag=c
        CSeq: 1 ACK
        BYE sip:bob@10.0.0.22:5070 SIP/2.0
        To: <sip:bob@10.0.0.2>;tag=c
        CSeq: 2 BYE
    "#]]
    .assert_eq(&heads(&second));
    let again = wire.tell(0, "10.0.0.2:5060", &answer(&invite, "", "c"));
    assert_eq!(again[0], second[0], "the same ACK once more, no second BYE");
    assert_eq!(again.len(), 1);
    assert_eq!(wire.phones[0].open_calls(), 1);
}

#[test]
fn says_481_to_a_bye_with_a_tag_of_another_dialog() {
    let mut wire = Wire::new()
        .phone("alice", 1, |alice| alice.faults.wrong_tag = Chance::ALWAYS)
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, hold(100)));
    check(
        &mut wire,
        1_000,
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
            120    alice > bob  BYE sip:bob@10.0.0.2:5060
            130    bob > alice  481 Call/Transaction Does Not Exist
            140    alice: Failed(ByeRejected(481))
        "#]],
    );
}
