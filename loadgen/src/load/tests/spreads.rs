//! Distributions have the means they are said to have.

use super::super::words::{spread, table};
use crate::phone::{Chance, Odds, Spread, Then};
use crate::source::Source;

const DRAWS: usize = 200_000;

fn draws(spread: Spread) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..DRAWS)
        .map(|_| spread.draw(&mut random) as f64)
        .collect()
}

/// Mean and standard deviation are within 2 percent of what is expected.
fn check(word: &str, mean: f64, deviation: f64) {
    let drawn = draws(spread(word).unwrap());
    let average = drawn.iter().sum::<f64>() / DRAWS as f64;
    let variance = drawn
        .iter()
        .map(|draw| (draw - average).powi(2))
        .sum::<f64>()
        / DRAWS as f64;
    let near = |found: f64, expected: f64| (found - expected).abs() <= 0.02 * expected.max(1.0);
    assert!(near(average, mean), "{word}: mean {average}, not {mean}");
    assert!(
        near(variance.sqrt(), deviation),
        "{word}: deviation {}, not {deviation}",
        variance.sqrt()
    );
}

#[test]
fn means_and_deviations_are_as_said() {
    check("3s", 3e6, 0.0);
    check("1s-5s", 3e6, 4e6 / 12f64.sqrt());
    check("~3s", 3e6, 3e6);
    // Of a lognormal distribution, the deviation is the mean times the root of exp(sigma^2) - 1.
    check(
        "lognormal:3m:0.8",
        180e6,
        180e6 * (0.64f64.exp() - 1.0).sqrt(),
    );
}

#[test]
fn a_table_gives_back_its_times_equally_often() {
    let text = "1s  # the first\n\n3s\n250ms\n";
    let spread = table(&Source {
        name: "holds.txt",
        text,
    })
    .unwrap();
    let drawn = draws(spread);
    for time in [1e6, 3e6, 250e3] {
        let count = drawn.iter().filter(|&&draw| draw == time).count() as f64;
        assert!(
            (count / DRAWS as f64 - 1.0 / 3.0).abs() < 0.01,
            "{time}: {count}"
        );
    }
}

#[test]
fn a_table_is_refused_where_it_is_wrong() {
    let fault = |text| {
        table(&Source {
            name: "holds.txt",
            text,
        })
        .unwrap_err()
    };
    assert_eq!(
        fault("1s\n  soon\n"),
        "holds.txt:2:3: a time, as 500ms, 60s or 10m\n    2 |   soon\n      |   ^^^^"
    );
    assert!(fault("# nothing\n").starts_with("holds.txt:1:1: there is no time in it"));
}

#[test]
fn odds_divide_the_calls() {
    let odds = Odds {
        reject: Chance(100_000),
        ring_on: Chance(50_000),
        ..Odds::default()
    };
    let mut random = fastrand::Rng::with_seed(7);
    let mut counts = [0u32; 3];
    for _ in 0..DRAWS {
        match odds.then(Then::Answer, &mut random) {
            Then::Answer => counts[0] += 1,
            Then::Reject(486) => counts[1] += 1,
            Then::Ring => counts[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    for (count, share) in counts.into_iter().zip([0.85, 0.1, 0.05]) {
        let found = f64::from(count) / DRAWS as f64;
        assert!((found - share).abs() < 0.003, "{found}, not {share}");
    }
}
