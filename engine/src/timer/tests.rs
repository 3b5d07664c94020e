use super::*;
use crate::random::Random;

/// The naive twin: a list that is searched.
#[derive(Default)]
struct Naive {
    timers: Vec<(u64, u32)>,
}

impl Naive {
    fn fire(&mut self, now_ms: u64) -> Vec<(u64, u32)> {
        let mut fired: Vec<_> = self
            .timers
            .iter()
            .copied()
            .filter(|timer| timer.0 <= now_ms)
            .collect();
        self.timers.retain(|timer| timer.0 > now_ms);
        fired.sort_unstable();
        fired
    }
}

/// One seeded life of a wheel beside its twin. `spread` says how far timers reach, `stride` how
/// far time leaps.
fn live(seed: u64, begin: u64, spread: u32, stride: u32, steps: u32) {
    let mut random = Random::new(seed);
    let mut now = begin;
    let mut wheel = Wheel::new(now);
    let mut naive = Naive::default();
    let mut ids = Vec::<(u32, TimerId, u64)>::new();
    for number in 0..steps {
        match random.below(4) {
            0 | 1 => {
                let span = 1 + random.below(spread);
                let due = now + u64::from(1 + random.below(span));
                ids.push((number, wheel.set(due, Timer::A, number), due));
                naive.timers.push((due, number));
            }
            2 if !ids.is_empty() => {
                let (number, mut id, _) = ids.swap_remove(random.below(ids.len() as u32) as usize);
                assert!(wheel.is_set(id, Timer::A, number));
                wheel.cancel(&mut id);
                assert!(id.is_none());
                naive.timers.retain(|timer| timer.1 != number);
            }
            _ => {
                let first = naive.timers.iter().map(|timer| timer.0).min();
                match (wheel.next_due(), first) {
                    (Some(next), Some(first)) => {
                        assert!(next <= first, "seed {seed}: {next} is later than {first}")
                    }
                    (next, first) => assert_eq!(next.is_some(), first.is_some(), "seed {seed}"),
                }
                now += u64::from(random.below(stride));
                let mut fired = Vec::new();
                let mut last = 0;
                while let Some(timer) = wheel.pop(now) {
                    let at = ids
                        .iter()
                        .position(|set| set.0 == timer.slot)
                        .expect("fired once");
                    let (number, id, due) = ids.swap_remove(at);
                    assert_eq!((id, timer.timer), (timer.id, Timer::A));
                    assert!(due >= last, "seed {seed}: out of order");
                    last = due;
                    fired.push((due, number));
                }
                fired.sort_unstable();
                assert_eq!(fired, naive.fire(now), "seed {seed} at {now}");
            }
        }
        assert_eq!(wheel.len(), naive.timers.len());
    }
}

#[test]
fn the_wheel_agrees_with_its_naive_twin() {
    for seed in 0..10 {
        live(seed, 0, 600, 40, 2_000);
        live(seed, 12_345, 5_000, 700, 2_000);
        live(seed, 1 << 24, 200_000, 9_000, 1_500);
        live(seed, (1 << 32) - 70_000, 40_000_000, 300_000, 400);
    }
}

#[test]
fn a_timer_that_is_due_already_fires_in_the_next_millisecond() {
    let mut wheel = Wheel::new(100);
    wheel.set(7, Timer::B, 1);
    assert_eq!(wheel.pop(100), None);
    assert_eq!(wheel.pop(101).map(|fired| fired.slot), Some(1));
    assert_eq!(wheel.next_due(), None);
}

#[test]
fn timers_of_one_millisecond_fire_in_the_order_they_were_set() {
    let mut wheel = Wheel::new(0);
    for slot in 0..5 {
        wheel.set(300, Timer::J, slot);
    }
    let order: Vec<u32> = std::iter::from_fn(|| wheel.pop(300))
        .map(|fired| fired.slot)
        .collect();
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

#[test]
fn a_timer_beyond_the_bound_is_cut_to_it() {
    let mut wheel = Wheel::new(5);
    wheel.set(u64::MAX, Timer::C, 3);
    assert_eq!(wheel.pop(5 + crate::limits::TIMER_MS_MAX - 1), None);
    assert_eq!(
        wheel
            .pop(5 + crate::limits::TIMER_MS_MAX)
            .map(|fired| fired.slot),
        Some(3)
    );
}

#[test]
fn no_tick_moves_a_whole_list() {
    // 100,000 timers due within one span of level 2; every millisecond moves a small share of them.
    let mut wheel = Wheel::new(0);
    for slot in 0..100_000 {
        wheel.set(140_000 + u64::from(slot % 50_000), Timer::M, slot);
    }
    assert_eq!(wheel.pop(131_071), None);
    let mut fired = 0;
    while wheel.pop(190_000).is_some() {
        fired += 1;
    }
    assert_eq!(fired, 100_000);
    assert!(wheel.most_moved < 1_000, "{}", wheel.most_moved);
}
