//! The schedule: as many starts as the plan says, when it says.

use super::super::plan::Arrivals;
use super::super::schedule::Schedule;

fn all(arrivals: Arrivals, rate: f64, calls: u64, seed: u64) -> Vec<u64> {
    let mut schedule = Schedule::new(arrivals, rate, calls, 1_000, 10_000_000, seed);
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
    let mut schedule = Schedule::new(Arrivals::Even, 10.0, u64::MAX, 0, 1_000_000, 1);
    assert_eq!(schedule.take(0), Some(0));
    assert_eq!(schedule.take(99_999), None);
    assert_eq!(schedule.take(350_000), Some(100_000));
    assert_eq!(schedule.take(350_000), Some(200_000));
    assert_eq!(schedule.next(), Some(300_000));
    schedule.stop();
    assert_eq!(schedule.take(u64::MAX), None);
}
