//! The schedule: as many starts as the plan says, when it says.

use super::super::plan::Arrivals;
use super::super::schedule::{Schedule, Shape};

fn all(arrivals: Arrivals, rate: f64, calls: u64, seed: u64) -> Vec<u64> {
    shaped(arrivals, 0, 1, rate, calls, seed)
}

fn shaped(arrivals: Arrivals, ramp: u64, burst: u64, rate: f64, calls: u64, seed: u64) -> Vec<u64> {
    let shape = Shape {
        arrivals,
        ramp,
        burst,
        duration: 10_000_000,
    };
    let mut schedule = Schedule::new(shape, rate, calls, 1_000, seed);
    std::iter::from_fn(|| schedule.take(u64::MAX)).collect()
}

#[test]
fn even_arrivals_stand_in_line_without_drift() {
    let starts = all(Arrivals::Even, 3.0, u64::MAX, 1);
    assert_eq!(starts.len(), 30);
    assert_eq!(
        (starts[0], starts[1], starts[29]),
        (1_000, 334_333, 9_667_666)
    );
}

#[test]
fn poisson_arrivals_have_the_rate_and_the_spread_of_poisson() {
    let starts = all(Arrivals::Poisson, 10_000.0, u64::MAX, 7);
    assert!(
        (98_000..102_000).contains(&starts.len()),
        "{}",
        starts.len()
    );
    let gaps: Vec<f64> = starts
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64)
        .collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    assert!(
        (0.95..1.05).contains(&(variance.sqrt() / mean)),
        "deviation {} of mean {mean}",
        variance.sqrt()
    );
    assert_eq!(starts, all(Arrivals::Poisson, 10_000.0, u64::MAX, 7));
}

#[test]
fn a_number_of_calls_is_a_number_of_calls() {
    assert_eq!(all(Arrivals::Poisson, 10_000.0, 17, 7).len(), 17);
}

#[test]
fn nothing_is_taken_before_its_time_and_everything_after() {
    let mut schedule = Schedule::new(
        Shape {
            arrivals: Arrivals::Even,
            ramp: 0,
            burst: 1,
            duration: 1_000_000,
        },
        10.0,
        u64::MAX,
        0,
        1,
    );
    assert_eq!(schedule.take(0), Some(0));
    assert_eq!(schedule.take(99_999), None);
    assert_eq!(schedule.take(350_000), Some(100_000));
    assert_eq!(schedule.take(350_000), Some(200_000));
    assert_eq!(schedule.next(), Some(300_000));
    schedule.stop();
    assert_eq!(schedule.take(u64::MAX), None);
}

/// Starts of each of the ten seconds.
fn by_second(starts: &[u64]) -> [usize; 10] {
    let mut seconds = [0; 10];
    for start in starts {
        seconds[((start - 1_000) / 1_000_000) as usize] += 1;
    }
    seconds
}

#[test]
fn a_ramp_grows_evenly_and_then_stands() {
    let even = shaped(Arrivals::Even, 4_000_000, 1, 1_000.0, u64::MAX, 1);
    // A second of a ramp of four begins 1/8, 3/8, 5/8, 7/8 of the full rate.
    assert_eq!(
        by_second(&even),
        [125, 375, 625, 875, 1000, 1000, 1000, 1000, 1000, 1000]
    );
    let poisson = shaped(Arrivals::Poisson, 4_000_000, 1, 10_000.0, u64::MAX, 5);
    for (second, (count, mean)) in by_second(&poisson)
        .into_iter()
        .zip([1250, 3750, 6250, 8750, 10_000])
        .enumerate()
    {
        // Six deviations of a Poisson count.
        let off = (count as f64 - f64::from(mean)).abs();
        assert!(
            off < 6.0 * f64::from(mean).sqrt(),
            "second {second}: {count}"
        );
    }
}

#[test]
fn bursts_start_together_and_keep_the_rate() {
    let starts = shaped(Arrivals::Even, 0, 50, 100.0, u64::MAX, 1);
    assert_eq!(starts.len(), 1000);
    assert!(
        starts
            .chunks(50)
            .enumerate()
            .all(|(number, burst)| burst == [1_000 + number as u64 * 500_000; 50])
    );
    let starts = shaped(Arrivals::Poisson, 0, 10, 10_000.0, u64::MAX, 3);
    assert!(
        (94_000..106_000).contains(&starts.len()),
        "{}",
        starts.len()
    );
    assert!(
        starts
            .chunks(10)
            .all(|burst| burst.iter().all(|start| start == &burst[0]))
    );
}

#[test]
fn the_time_at_full_rate_is_what_the_schedule_starts() {
    let starts = shaped(Arrivals::Even, 3_000_000, 1, 500.0, u64::MAX, 1);
    let shape = Shape {
        arrivals: Arrivals::Even,
        ramp: 3_000_000,
        burst: 1,
        duration: 10_000_000,
    };
    for elapsed in [500_000, 2_000_000, 5_000_000, 10_000_000] {
        let count = starts
            .iter()
            .filter(|&&start| start < 1_000 + elapsed)
            .count();
        let expected = 500.0 * shape.at_full_rate(elapsed);
        assert!((count as f64 - expected).abs() <= 1.0, "{count} {expected}");
    }
}
