//! Random calls between two phones in bad weather, with every knob turned: each call has exactly one outcome on
//! each side, and afterwards nothing is left.

use std::collections::BTreeMap;

use super::*;

const CALLS: u64 = 30;
const SEEDS: u64 = 24;

fn spread(random: &mut fastrand::Rng) -> Spread {
    match random.u8(0..4) {
        0 => Spread::Fixed(0),
        1 => Spread::Uniform(1_000, 3_000_000),
        2 => Spread::Exponential(1_000_000),
        _ => Spread::Fixed(random.u64(0..40_000_000)),
    }
}

fn some(random: &mut fastrand::Rng, one_in: u8) -> Option<Spread> {
    (random.u8(0..one_in) == 0).then(|| spread(random))
}

fn faults(random: &mut fastrand::Rng) -> Faults {
    let mut chance = || {
        if random.bool() {
            Chance(random.u32(0..200_000))
        } else {
            Chance(0)
        }
    };
    Faults {
        lose_ack: chance(),
        lose_response: chance(),
        duplicate: chance(),
        late_retransmission: chance(),
        // Leaves the other side waiting for a BYE for ever, as it should.
        wrong_tag: Chance(0),
        ignore_cancel: chance(),
        second_final: chance(),
    }
}

fn storm(seed: u64) -> Result<usize, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let weather = Weather {
        random: fastrand::Rng::with_seed(seed ^ 77),
        lost_percent: random.u32(0..25),
        twice_percent: random.u32(0..10),
        delay_max: random.u64(1..400_000),
    };
    let (alice, bob) = (faults(&mut random), faults(&mut random));
    let mut wire = Wire::new()
        .phone("alice", 1, |settings| {
            (settings.faults, settings.seed) = (alice, seed)
        })
        .phone("bob", 2, |settings| {
            (settings.faults, settings.seed) = (bob, seed + 1)
        })
        .in_weather(weather)
        .without_notices();
    let mut at = 0;
    for _ in 0..CALLS {
        at += random.u64(0..2_000);
        let hang_up = some(&mut random, 3);
        let answering = Answering {
            trying: random.bool(),
            ringing: random.bool().then_some(180),
            ring: spread(&mut random),
            then: match random.u8(0..6) {
                0 => Then::Reject(486),
                1 => Then::Reject(603),
                2 => Then::Ring,
                _ => Then::Answer,
            },
            hang_up,
        };
        let cancel = if answering.then == Then::Ring {
            Some(spread(&mut random))
        } else {
            some(&mut random, 4)
        };
        let hold = (hang_up.is_none() || random.bool()).then(|| spread(&mut random));
        let plan = CallPlan {
            hold,
            cancel,
            reinvite: some(&mut random, 4),
        };
        wire = wire.at(at, 1, move |phone, now, out| {
            phone.handle(now, Event::Command(Command::Answering(answering)), out);
        });
        wire = wire.at(at + 1, 0, call(BOB, plan));
    }
    // An answering change may reach a call that was meant for another: nobody may ring for ever.
    wire = wire.at(at + 300_000, 1, |phone, now, out| {
        let ringing: Vec<_> = phone
            .calls()
            .filter(|call| call.1 == CallState::Ringing)
            .collect();
        for (ringing, _) in ringing {
            phone.handle(now, Event::Command(Command::Reject(ringing, 480)), out);
        }
    });
    for late in [400_000, 410_000] {
        for phone in 0..2 {
            wire = wire.at(at + late, phone, |phone, now, out| {
                let open: Vec<_> = phone.calls().collect();
                for (call, _) in open {
                    phone.handle(now, Event::Command(Command::HangUp(call)), out);
                }
            });
        }
    }
    wire.run(at + 700_000);

    let mut outcomes: BTreeMap<(usize, CallId), usize> = BTreeMap::new();
    let (mut begun, mut ended) = (0, 0);
    for (phone, notice) in &wire.heard {
        match notice.what {
            What::Calling | What::Incoming => {
                begun += 1;
                outcomes.insert((*phone, notice.call), 0);
            }
            // A command that came too late.
            What::Refused => {}
            what if what.is_outcome() => {
                ended += 1;
                *outcomes
                    .get_mut(&(*phone, notice.call))
                    .ok_or("an outcome of no call")? += 1;
            }
            _ => {}
        }
    }
    if let Some(((phone, call), count)) = outcomes.iter().find(|(_, count)| **count != 1) {
        return Err(format!("phone {phone}: {call:?} has {count} outcomes"));
    }
    let left: Vec<_> = wire.phones.iter().map(Phone::records).collect();
    if left != [(0, 0, 0); 2] {
        return Err(format!("records are left: {left:?}"));
    }
    if begun != ended {
        return Err(format!("{begun} began, {ended} ended"));
    }
    Ok(begun)
}

#[test]
fn every_call_has_one_outcome_and_nothing_is_left() {
    let mut calls = 0;
    for seed in 0..SEEDS {
        match storm(seed) {
            Ok(begun) => calls += begun,
            Err(objection) => panic!("seed {seed}: {objection}"),
        }
    }
    assert!(
        calls as u64 > SEEDS * CALLS,
        "the answering side hardly took part: {calls}"
    );
}
