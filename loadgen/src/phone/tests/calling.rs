//! The calling side.

use expect_test::{Expect, expect};

use super::*;

fn check(wire: &mut Wire, until_ms: u64, expected: Expect) {
    expected.assert_eq(&wire.run(until_ms));
}

#[test]
fn calls_talks_and_hangs_up() {
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, hold(100)));
    check(
        &mut wire,
        1000,
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
            130    bob > alice  200 OK
            130    bob: Ended { by_us: false, answer: 0 }
            140    alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
    assert_eq!(
        (wire.phones[0].open_calls(), wire.phones[1].open_calls()),
        (0, 0)
    );
}

/// What was heard of the first status of an INVITE, and what was sent again.
fn indications(mut wire: Wire, until_ms: u64) -> Vec<What> {
    wire.run(until_ms);
    let heard = wire.heard.iter().map(|(_, notice)| notice.what);
    heard
        .filter(|what| matches!(what, What::Indicated { .. } | What::Repeated(_)))
        .collect()
}

#[test]
fn tells_when_the_first_status_came_and_what_was_sent_again() {
    let wire = |change: fn(&mut Settings)| {
        Wire::new()
            .phone("alice", 1, |_| {})
            .phone("bob", 2, change)
            .at(0, 0, call(BOB, hold(100)))
    };
    let slow = |bob: &mut Settings| bob.answering.ring = Spread::Fixed(3_000_000);
    // The 180 after 20 ms, though the 200 comes three seconds later.
    let answered = What::Indicated {
        at: 20_000,
        answered: true,
    };
    assert_eq!(indications(wire(slow), 5_000), [answered]);
    let refusing = |bob: &mut Settings| {
        bob.answering.ringing = None;
        bob.answering.then = Then::Reject(486);
    };
    let failed = What::Indicated {
        at: 520_000,
        answered: false,
    };
    let lossy = wire(refusing).lose("INVITE", 1);
    assert_eq!(
        indications(lossy, 5_000),
        [What::Repeated(Verb::Invite), failed]
    );
}

#[test]
fn leaves_no_record_behind_once_the_network_is_calm() {
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, hold(100)));
    wire.run(1000);
    assert_ne!(wire.phones[0].records(), (0, 0, 0));
    wire.run(40_000);
    assert_eq!(wire.phones[0].records(), (0, 0, 0));
    assert_eq!(wire.phones[1].records(), (0, 0, 0));
}

#[test]
fn rings_as_long_as_the_callee_lets_it() {
    let ringing = Answering {
        ring: Spread::Fixed(3_000_000),
        trying: true,
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = ringing)
        .at(0, 0, call(BOB, hold(0)));
    check(
        &mut wire,
        10_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  100 Trying
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(100)
            20     alice: Provisional(180)
            3010   bob > alice  200 OK
            3020   alice > bob  ACK sip:bob@10.0.0.2:5060
            3020   alice > bob  BYE sip:bob@10.0.0.2:5060
            3020   alice: Answered
            3030   bob: Acknowledged
            3030   bob > alice  200 OK
            3030   bob: Ended { by_us: false, answer: 0 }
            3040   alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn repeats_an_invite_that_is_lost_and_gives_up_after_timer_b() {
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .lose("INVITE", 99)
        .at(0, 0, call(BOB, hold(0)));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            0      alice: Calling
            500    alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            1500   alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            3500   alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            7500   alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            15500  alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            31500  alice > bob  INVITE sip:bob@10.0.0.2 (lost)
            32000  alice: Failed(Timeout(Calling))
        "#]],
    );
}

#[test]
fn acknowledges_a_rejection_again_when_it_comes_again() {
    let busy = Answering {
        then: Then::Reject(486),
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = busy)
        .lose("ACK", 2)
        .at(0, 0, call(BOB, hold(0)));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  486 Busy Here
            10     bob: Incoming
            10     bob: Failed(Rejected(486))
            20     alice > bob  ACK sip:bob@10.0.0.2 (lost)
            20     alice: Failed(Rejected(486))
            510    bob > alice  486 Busy Here (again)
            520    alice > bob  ACK sip:bob@10.0.0.2 (lost)
            1510   bob > alice  486 Busy Here (again)
            1520   alice > bob  ACK sip:bob@10.0.0.2 (again)
        "#]],
    );
}

#[test]
fn acknowledges_an_answer_again_when_it_comes_again() {
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .lose("ACK", 1)
        .at(0, 0, call(BOB, hold(5000)));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob > alice  200 OK
            10     bob: Incoming
            20     alice: Provisional(180)
            20     alice > bob  ACK sip:bob@10.0.0.2:5060 (lost)
            20     alice: Answered
            510    bob > alice  200 OK (again)
            520    alice > bob  ACK sip:bob@10.0.0.2:5060 (again)
            530    bob: Acknowledged
            5020   alice > bob  BYE sip:bob@10.0.0.2:5060
            5030   bob > alice  200 OK
            5030   bob: Ended { by_us: false, answer: 0 }
            5040   alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn repeats_a_bye_until_it_is_answered() {
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .lose("BYE", 3)
        .at(0, 0, call(BOB, hold(10)));
    check(
        &mut wire,
        60_000,
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
            30     alice > bob  BYE sip:bob@10.0.0.2:5060 (lost)
            530    alice > bob  BYE sip:bob@10.0.0.2:5060 (lost)
            1530   alice > bob  BYE sip:bob@10.0.0.2:5060 (lost)
            3530   alice > bob  BYE sip:bob@10.0.0.2:5060 (again)
            3540   bob > alice  200 OK
            3540   bob: Ended { by_us: false, answer: 0 }
            3550   alice: Ended { by_us: true, answer: 3520000 }
        "#]],
    );
}

#[test]
fn cancels_what_rings_too_long() {
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(2_000_000)),
        ..CallPlan::default()
    };
    let never = Answering {
        then: Then::Ring,
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = never)
        .at(0, 0, call(BOB, plan));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            2000   alice > bob  CANCEL sip:bob@10.0.0.2
            2010   bob > alice  200 OK
            2010   bob > alice  487 Request Terminated
            2010   bob: Cancelled { by_us: false }
            2020   alice > bob  ACK sip:bob@10.0.0.2
            2020   alice: Cancelled { by_us: true }
        "#]],
    );
}

#[test]
fn holds_its_cancel_back_until_a_provisional_response_came() {
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(1_000)),
        ..CallPlan::default()
    };
    let never = Answering {
        then: Then::Ring,
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = never)
        .lose("180", 1)
        .at(0, 0, call(BOB, plan));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing (lost)
            10     bob: Incoming
            500    alice > bob  INVITE sip:bob@10.0.0.2 (again)
            510    bob > alice  180 Ringing (again)
            520    alice > bob  CANCEL sip:bob@10.0.0.2
            520    alice: Provisional(180)
            530    bob > alice  200 OK
            530    bob > alice  487 Request Terminated
            530    bob: Cancelled { by_us: false }
            540    alice > bob  ACK sip:bob@10.0.0.2
            540    alice: Cancelled { by_us: true }
        "#]],
    );
}

#[test]
fn hangs_up_what_was_answered_while_the_cancel_was_under_way() {
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(1_005_000)),
        ..CallPlan::default()
    };
    let slow = Answering {
        ring: Spread::Fixed(1_000_000),
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = slow)
        .at(0, 0, call(BOB, plan));
    check(
        &mut wire,
        60_000,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            1005   alice > bob  CANCEL sip:bob@10.0.0.2
            1010   bob > alice  200 OK
            1015   bob > alice  200 OK
            1020   alice > bob  ACK sip:bob@10.0.0.2:5060
            1020   alice > bob  BYE sip:bob@10.0.0.2:5060
            1020   alice: Answered
            1030   bob: Acknowledged
            1030   bob > alice  200 OK
            1030   bob: Ended { by_us: false, answer: 0 }
            1040   alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn counts_a_cancelled_call_as_over_when_nobody_says_so() {
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(1_000_000)),
        ..CallPlan::default()
    };
    let never = Answering {
        then: Then::Ring,
        ..Answering::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.answering = never)
        .lose("487", 99)
        .without_notices()
        .at(0, 0, call(BOB, plan));
    wire.run(30_000);
    assert_eq!(wire.phones[0].open_calls(), 1);
    wire.run(34_000);
    assert_eq!(wire.phones[0].open_calls(), 0);
}

#[test]
fn refuses_to_call_where_it_cannot_send() {
    let mut wire = Wire::new().phone("alice", 1, |_| {}).at(
        0,
        0,
        call("sip:bob@nowhere.example.com", hold(0)),
    );
    check(
        &mut wire,
        10,
        expect![[r#"
            0      alice: Refused
        "#]],
    );
}
