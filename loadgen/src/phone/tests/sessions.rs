//! Who offers a session (RFC 3261 §13.2.1), and calls that odds send another way.

use super::*;

/// For each message of a call that may have one, whether it has a session.
fn bodies(session: Session) -> Vec<String> {
    let mut wire = Wire::new()
        .phone("alice", 1, |alice| alice.session = session)
        .phone("bob", 2, |bob| bob.session = session);
    let out = &mut Outbox::default();
    let plan = hold(1_000);
    call(BOB, plan)(&mut wire.phones[0], 0, out);
    let mut said = Vec::new();
    let (mut turn, mut from) = (1, 0);
    while !out.sends.is_empty() && said.len() < 8 {
        let messages: Vec<Vec<u8>> = out
            .sends
            .iter()
            .map(|send| out.bytes_of(send).to_vec())
            .collect();
        out.clear();
        for bytes in messages {
            let has = bytes.windows(5).any(|window| window == b"v=0\r\n");
            said.push(format!(
                "{} {}",
                describe(&bytes),
                if has { "with session" } else { "-" }
            ));
            let event = Event::Received {
                line: 0,
                bytes: &bytes,
                from: wire.phones[from].settings().lines[0].local,
            };
            wire.phones[turn].handle(0, event, out);
        }
        (turn, from) = (from, turn);
    }
    said
}

#[test]
fn the_caller_offers() {
    assert_eq!(
        bodies(Session::Offer),
        [
            "INVITE sip:bob@10.0.0.2 with session",
            "180 Ringing -",
            "200 OK with session",
            "ACK sip:bob@10.0.0.2:5060 -"
        ]
    );
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    assert_eq!(
        bodies(Session::Late),
        [
            "INVITE sip:bob@10.0.0.2 -",
            "180 Ringing -",
            "200 OK with session",
            "ACK sip:bob@10.0.0.2:5060 with session"
        ]
    );
}

#[test]
fn nobody_offers() {
    assert!(
        bodies(Session::None)
            .iter()
            .all(|said| said.ends_with(" -"))
    );
}

#[test]
fn odds_reject_some_and_leave_some_ringing() {
    let odds = Odds {
        reject: Chance(300_000),
        ring_on: Chance(300_000),
        status: 480,
        ..Odds::default()
    };
    let plan = CallPlan {
        cancel: Some(Spread::Fixed(500_000)),
        ..hold(0)
    };
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |bob| bob.odds = odds);
    for number in 0..100 {
        wire = wire.at(number * 10, 0, call(BOB, plan));
    }
    wire.run(60_000);
    let outcomes = |wanted: fn(&What) -> bool| {
        wire.heard
            .iter()
            .filter(|(phone, notice)| *phone == 0 && wanted(&notice.what))
            .count()
    };
    let (ended, rejected, cancelled) = (
        outcomes(|what| matches!(what, What::Ended { .. })),
        outcomes(|what| *what == What::Failed(Failure::Rejected(480))),
        outcomes(|what| matches!(what, What::Cancelled { by_us: true })),
    );
    assert_eq!(ended + rejected + cancelled, 100);
    for count in [ended, rejected, cancelled] {
        assert!((20..55).contains(&count), "{ended} {rejected} {cancelled}");
    }
}
