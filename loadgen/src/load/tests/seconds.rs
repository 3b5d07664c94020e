//! What happens second by second: bounded, and added up over threads.

use super::super::series::{ROWS_MAX, Sample, Second, Series, slope};
use super::super::tally::Tally;
use crate::phone::{CallId, Failure, Notice, What};

/// Started in each row.
fn started(series: &Series<Second>) -> Vec<u64> {
    series.rows().iter().map(|row| row.started).collect()
}

#[test]
fn a_long_run_has_wider_rows_not_more() {
    let mut series = Series::<Second>::new();
    let day = 24 * 3600;
    for second in 0..day {
        series.row(second).started += 1;
    }
    assert_eq!(series.every(), 64);
    assert_eq!(series.rows().len(), 1350);
    assert!(series.rows().len() <= ROWS_MAX);
    assert!(started(&series).iter().all(|&count| count == 64));
}

#[test]
fn a_clock_that_jumps_far_ahead_costs_no_memory() {
    let mut series = Series::<Second>::new();
    series.row(3).started = 1;
    series.row(u64::MAX / 2).started = 1;
    assert!(series.rows().len() <= ROWS_MAX);
    assert_eq!(started(&series).iter().sum::<u64>(), 2);
}

#[test]
fn threads_whose_rows_are_of_different_width_add_up() {
    let (mut long, mut short) = (Series::<Second>::new(), Series::<Second>::new());
    long.row(ROWS_MAX as u64).started = 5;
    short.row(0).started = 1;
    short.row(1).started = 2;
    short.row(2).record_delay(700);
    short.add(&long);
    assert_eq!((short.every(), short.rows().len()), (2, ROWS_MAX / 2 + 1));
    assert_eq!(started(&short)[..2], [3, 0]);
    assert_eq!(started(&short)[ROWS_MAX / 2], 5);
    let delay = short.rows()[1].delay.as_ref().unwrap();
    assert_eq!((delay.len(), delay.value_at_quantile(0.5)), (1, 703));
}

#[test]
fn memory_is_what_it_was_last_and_everything_else_adds_up() {
    let mut series = Series::<Sample>::new();
    for second in 0..ROWS_MAX as u64 + 1 {
        *series.row(second) = Sample {
            took: 1,
            server: 2,
            resident: second,
            ..Sample::default()
        };
    }
    let row = series.rows()[1];
    assert_eq!((row.took, row.server, row.resident), (2, 4, 3));
}

#[test]
fn the_slope_of_a_line_is_its_growth() {
    let line: Vec<_> = (0..10)
        .map(|x| (f64::from(x), 5.0 + 3.0 * f64::from(x)))
        .collect();
    assert!((slope(&line).unwrap() - 3.0).abs() < 1e-9);
    assert!(slope(&[(0.0, 7.0), (1.0, 7.0), (2.0, 7.0)]).unwrap().abs() < 1e-9);
    assert_eq!((slope(&[]), slope(&[(1.0, 1.0)])), (None, None));
}

#[test]
fn what_happens_is_entered_into_its_second_by_cause() {
    let mut tally = Tally::new(1_000_000);
    tally.start(1_900_000, 2_100_000);
    let failed = Notice {
        call: CallId(1),
        tag: 1_900_000,
        at: 3_500_000,
        what: What::Failed(Failure::Rejected(503)),
    };
    tally.caller_notice(&failed);
    tally.count_repetitions(3_000_000, 4, 1);
    tally.count_repetitions(3_200_000, 6, 1);
    let told = |at: usize| {
        let row = &tally.seconds.rows()[at];
        (
            row.offered,
            row.started,
            row.failed,
            row.repeated,
            row.absorbed,
        )
    };
    // Meant for the first second, made in the second one; rejected in the third.
    assert_eq!(
        [told(0), told(1), told(2)],
        [(1, 0, 0, 0, 0), (0, 1, 0, 4, 1), (0, 0, 1, 2, 0)]
    );
    let causes = &tally.seconds.rows()[2].causes;
    assert_eq!(causes[&Failure::Rejected(503)], 1);
}
