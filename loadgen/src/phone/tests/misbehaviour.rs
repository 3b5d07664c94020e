//! The knobs do what they say, and the other side copes.

use expect_test::{Expect, expect};

use super::*;

fn check(
    change: impl FnOnce(&mut Faults),
    who: usize,
    answering: Answering,
    plan: CallPlan,
    expected: Expect,
) {
    let mut faults = Faults::default();
    change(&mut faults);
    let mut wire = Wire::new()
        .phone("alice", 1, |alice| {
            if who == 0 {
                alice.faults = faults
            }
        })
        .phone("bob", 2, |bob| {
            bob.answering = answering;
            if who == 1 {
                bob.faults = faults;
            }
        })
        .at(0, 0, call(BOB, plan));
    expected.assert_eq(&wire.run(20_000));
}

#[test]
fn every_message_twice() {
    let twice = |faults: &mut Faults| faults.duplicate = Chance::ALWAYS;
    check(
        twice,
        0,
        Answering::default(),
        hold(100),
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice > bob  INVITE sip:bob@10.0.0.2 (again)
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob > alice  200 OK
            10     bob: Incoming
            20     alice: Provisional(180)
            20     alice > bob  ACK sip:bob@10.0.0.2:5060
            20     alice > bob  ACK sip:bob@10.0.0.2:5060 (again)
            20     alice: Answered
            30     bob: Acknowledged
            120    alice > bob  BYE sip:bob@10.0.0.2:5060
            120    alice > bob  BYE sip:bob@10.0.0.2:5060 (again)
            130    bob > alice  200 OK
            130    bob: Ended { by_us: false, answer: 0 }
            130    bob > alice  200 OK (again)
            140    alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn a_final_response_that_is_only_sent_when_repeated() {
    let lost = |faults: &mut Faults| faults.lose_response = Chance::ALWAYS;
    check(
        lost,
        1,
        Answering::default(),
        hold(100),
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            510    bob > alice  200 OK (again)
            520    alice > bob  ACK sip:bob@10.0.0.2:5060
            520    alice: Answered
            530    bob: Acknowledged
            620    alice > bob  BYE sip:bob@10.0.0.2:5060
            630    bob > alice  200 OK
            630    bob: Ended { by_us: false, answer: 0 }
            640    alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn requests_that_come_once_more_two_seconds_late() {
    let late = |faults: &mut Faults| faults.late_retransmission = Chance::ALWAYS;
    check(
        late,
        0,
        Answering::default(),
        hold(100),
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
            2020   alice > bob  INVITE sip:bob@10.0.0.2 (again)
            2140   alice > bob  BYE sip:bob@10.0.0.2:5060 (again)
            2150   bob > alice  200 OK (again)
        "#]],
    );
}

#[test]
fn a_cancel_that_is_ignored() {
    let ignored = |faults: &mut Faults| faults.ignore_cancel = Chance::ALWAYS;
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(1_000_000)),
        ..hold(0)
    };
    let slow = Answering {
        ring: Spread::Fixed(2_000_000),
        ..Answering::default()
    };
    check(
        ignored,
        1,
        slow,
        plan,
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob: Incoming
            20     alice: Provisional(180)
            1000   alice > bob  CANCEL sip:bob@10.0.0.2
            1010   bob > alice  200 OK
            2010   bob > alice  200 OK
            2020   alice > bob  ACK sip:bob@10.0.0.2:5060
            2020   alice > bob  BYE sip:bob@10.0.0.2:5060
            2020   alice: Answered
            2030   bob: Acknowledged
            2030   bob > alice  200 OK
            2030   bob: Ended { by_us: false, answer: 0 }
            2040   alice: Ended { by_us: true, answer: 20000 }
        "#]],
    );
}

#[test]
fn a_486_behind_a_200() {
    let second = |faults: &mut Faults| faults.second_final = Chance::ALWAYS;
    check(
        second,
        1,
        Answering::default(),
        hold(100),
        expect![[r#"
            0      alice > bob  INVITE sip:bob@10.0.0.2
            0      alice: Calling
            10     bob > alice  180 Ringing
            10     bob > alice  200 OK
            10     bob > alice  486 Busy Here
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
}

#[test]
fn the_same_seed_does_the_same() {
    let run = |seed: u64| {
        let faults = Faults {
            duplicate: Chance(300_000),
            lose_ack: Chance(300_000),
            ..Faults::default()
        };
        let mut wire = Wire::new()
            .phone("alice", 1, |alice| {
                (alice.faults, alice.seed) = (faults, seed)
            })
            .phone("bob", 2, |bob| bob.faults = faults);
        for at in 0..50 {
            wire = wire.at(at * 40, 0, call(BOB, hold(500)));
        }
        wire.run(60_000)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
