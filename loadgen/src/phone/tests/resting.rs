//! Calls that only stand are packed away, and nobody notices.

use super::super::squeeze::Dictionary;
use super::*;

const BOB: &str = "sip:bob@10.0.0.2:5060";

fn pair(linger: Micros) -> Wire {
    let change = move |settings: &mut Settings| settings.timers.linger = linger;
    Wire::new()
        .phone("alice", 1, change)
        .phone("bob", 2, change)
}

fn call(hold_s: Option<u64>) -> impl Fn(&mut Phone, Micros, &mut Outbox) {
    let plan = CallPlan {
        hold: hold_s.map(|seconds| Spread::Fixed(seconds * 1_000_000)),
        cancel: None,
        reinvite: Some(Spread::Fixed(20_000_000)),
    };
    move |phone, now, out| {
        let command = Command::Call {
            line: 0,
            user: "",
            to: BOB,
            plan,
            tag: 7,
        };
        phone.handle(now, Event::Command(command), out);
    }
}

/// Tells the only call of a phone to do something.
fn tell(command: fn(CallId) -> Command<'static>) -> impl Fn(&mut Phone, Micros, &mut Outbox) {
    move |phone, now, out| {
        let id = phone.calls().next().unwrap().0;
        phone.handle(now, Event::Command(command(id)), out);
    }
}

fn at_rest(wire: &Wire) -> [usize; 2] {
    [0, 1].map(|phone| wire.phones[phone].resting().calls)
}

#[test]
fn a_call_that_rested_goes_on_as_one_that_did_not() {
    let story = |linger| {
        pair(linger)
            .at(0, 0, call(Some(90)))
            // Each side wakes the other's call.
            .at(40_000, 1, tell(Command::Reinvite))
            .at(60_000, 0, tell(Command::Update))
            .at(80_000, 1, tell(Command::Update))
    };
    let mut awake = story(200_000_000);
    let expected = awake.run(120_000);
    assert!(expected.contains("alice: Ended"), "{expected}");

    let mut wire = story(1_000_000);
    let mut ladder = wire.run(10_000);
    assert_eq!(at_rest(&wire), [1, 1]);
    for until in [30_000, 50_000, 70_000, 85_000] {
        ladder += &wire.run(until);
        assert_eq!(at_rest(&wire), [1, 1], "until {until}");
        assert_eq!(
            wire.phones[0].calls().next().unwrap().1,
            CallState::Established
        );
    }
    ladder += &wire.run(120_000);
    assert_eq!(ladder, expected);
    assert_eq!(at_rest(&wire), [0, 0]);
    assert_eq!(wire.phones[0].resting().bytes, 0);
    assert_eq!(wire.phones[1].resting(), Resting::default());
    assert_eq!(
        (wire.phones[0].records(), wire.phones[1].records()),
        ((0, 0, 0), (0, 0, 0))
    );
}

#[test]
fn a_call_that_ends_soon_does_not_lie_down_first() {
    let mut wire = pair(1_000_000).at(0, 0, call(Some(2)));
    wire.run(1_500);
    assert_eq!(at_rest(&wire), [0, 1], "bob does not know when it ends");
}

#[test]
fn held_calls_are_small_on_both_sides() {
    const CALLS: usize = 2_000;
    let mut wire = pair(1_000_000);
    for _ in 0..CALLS {
        wire = wire.at(0, 0, call(Some(3_600)));
    }
    // After their re-INVITE, so that all of a dialog's numbers have moved.
    wire.run(25_000);
    for phone in &wire.phones {
        let resting = phone.resting();
        assert_eq!(resting.calls, CALLS);
        let each = resting.bytes / CALLS;
        assert!((60..200).contains(&each), "{each} bytes");
    }
}

#[test]
fn what_is_squeezed_reads_back() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut dictionary = Dictionary::default();
    let mut kept = Vec::new();
    let pieces: [&[u8]; 7] = [
        b"sip:alice@example.com",
        b";tag=",
        b"deadbeef0123",
        b"<sip:192.0.2.1;lr>, ",
        b"\0\xff\x80\xa0",
        b"ABCDEF",
        b"a",
    ];
    for round in 0..5_000 {
        let mut text = Vec::new();
        for _ in 0..random.usize(0..40) {
            match random.u8(0..4) {
                0 => text.extend_from_slice(format!("{:016x}", random.u64(..)).as_bytes()),
                1 => text.extend((0..random.usize(0..200)).map(|_| random.u8(..))),
                _ => text.extend_from_slice(pieces[random.usize(0..pieces.len())]),
            }
        }
        text.truncate(4096);
        let mut short = Vec::new();
        dictionary.squeeze(&text, &mut short);
        if round % 50 == 0 {
            kept.push((text.clone(), short.clone()));
        }
        let mut back = b"before".to_vec();
        dictionary.expand(&short, &mut back).unwrap();
        assert_eq!(back, [b"before", &text[..]].concat());
        // Cut anywhere, it is refused or shorter, and never a panic.
        let cut = random.usize(0..=short.len());
        let _ = dictionary.expand(&short[..cut], &mut Vec::new());
    }
    for (text, short) in kept {
        let mut back = Vec::new();
        dictionary.expand(&short, &mut back).unwrap();
        assert!(back == text, "the dictionary forgot");
    }
}
