//! The wheel fires everything once, in order, never early; a sorted list agrees.

use super::super::wheel::{TimerId, Wheel};

#[test]
fn fires_what_a_sorted_list_fires() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut wheel = Wheel::new(0);
    let mut twin: Vec<(u64, u64, TimerId)> = Vec::new();
    let mut now = 0;
    for payload in 0..20_000u64 {
        let span = [50_000, 3_000_000, 400_000_000, 90_000_000_000][random.usize(0..4)];
        let due = now + random.u64(1..span);
        let id = wheel.set(due, payload);
        twin.push((due, payload, id));
        if random.u8(0..4) == 0 {
            let victim = random.usize(0..twin.len());
            let (_, _, mut id) = twin.swap_remove(victim);
            wheel.cancel(&mut id);
            assert_eq!(id, TimerId::NONE);
        }
        if random.u8(0..3) == 0 {
            now += random.u64(0..20_000_000);
            let mut fired = Vec::new();
            while let Some((_, payload)) = wheel.pop(now) {
                fired.push(payload);
            }
            let mut due: Vec<_> = twin
                .iter()
                .filter(|timer| timer.0.div_ceil(1000) <= now / 1000)
                .copied()
                .collect();
            twin.retain(|timer| timer.0.div_ceil(1000) > now / 1000);
            due.sort_by_key(|&(due, ..)| due.div_ceil(1000));
            let mut expected: Vec<_> = due.iter().map(|&(_, payload, _)| payload).collect();
            let mut got = fired.clone();
            expected.sort_unstable();
            got.sort_unstable();
            assert_eq!(got, expected, "at {now}");
        }
        let next = twin.iter().map(|timer| timer.0.div_ceil(1000) * 1000).min();
        match (wheel.next_due(), next) {
            (Some(told), Some(next)) => assert!(
                told <= next && told + 1000 > now,
                "told {told}, due {next}, now {now}"
            ),
            (told, next) => assert_eq!(told, next),
        }
    }
}

#[test]
fn fires_in_the_order_of_time_then_of_setting() {
    let mut wheel = Wheel::new(0);
    for (due, payload) in [
        (700_000, 1),
        (5_000, 2),
        (70_000_000, 3),
        (5_000, 4),
        (699_001, 5),
    ] {
        wheel.set(due, payload);
    }
    let mut fired = Vec::new();
    while let Some((_, payload)) = wheel.pop(80_000_000) {
        fired.push(payload);
    }
    assert_eq!(fired, [2, 4, 1, 5, 3]);
}

#[test]
fn what_fires_may_cancel_what_fires_next() {
    let mut wheel = Wheel::new(0);
    wheel.set(1_000, 1);
    let mut second = wheel.set(1_000, 2);
    assert_eq!(wheel.pop(2_000).map(|(_, payload)| payload), Some(1));
    wheel.cancel(&mut second);
    assert_eq!(wheel.pop(2_000), None);
}
