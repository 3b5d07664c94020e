//! Bytes from nowhere: counted, answered when the RFC says so, never more.

use super::*;

#[test]
fn strange_bytes_are_counted_and_change_nothing() {
    let mut wire = Wire::new().phone("bob", 2, |_| {});
    for (text, answered) in [
        ("\n\n", 0),
        ("hello", 0),
        (
            "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0000000000000000\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\nCall-ID: x\nCSeq: 1 INVITE\nContent-Length: 0\n\n",
            0,
        ),
        (
            "ACK sip:bob@10.0.0.2 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\nCall-ID: x\nCSeq: 1 ACK\nMax-Forwards: 70\nContent-Length: 0\n\n",
            0,
        ),
        (
            "OPTIONS sip:bob@10.0.0.2 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: x\nCSeq: nine OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n",
            1,
        ),
    ] {
        assert_eq!(
            wire.tell(0, "10.0.0.9:5060", text).len(),
            answered,
            "{text}"
        );
    }
    assert_eq!(wire.phones[0].records(), (0, 0, 0));
    let counters = wire.phones[0].counters();
    assert_eq!((counters.malformed, counters.strays), (2, 2));
}

#[test]
fn random_bytes_and_broken_copies_of_real_messages_never_panic() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut wire = Wire::new()
        .phone("alice", 1, |_| {})
        .phone("bob", 2, |_| {})
        .at(0, 0, call(BOB, hold(100)));
    wire.run(5);
    let samples: Vec<Vec<u8>> = wire.flight.iter().map(|flight| flight.3.clone()).collect();
    wire.run(2_000);
    let mut out = Outbox::default();
    for round in 0..20_000u64 {
        let mut bytes = samples[random.usize(0..samples.len())].clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..bytes.len());
            match random.u8(0..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, random.u8(..)),
            }
        }
        let from = "10.0.0.1:5060".parse().unwrap();
        let event = Event::Received {
            line: 0,
            bytes: &bytes,
            from,
        };
        wire.phones[random.usize(0..2)].handle(2_000_000 + round, event, &mut out);
        out.clear();
    }
}
