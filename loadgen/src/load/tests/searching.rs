//! The search, on servers whose limit is known; and the table of ratios.

use expect_test::expect;
use serde_json::json;

use super::super::find::ratios;
use super::super::search::{PROBES_MAX, Search, Trial};

const SEARCH: Search = Search {
    first: 1_000.0,
    step: 1.5,
    precision: 0.02,
};

/// What is found of a server that holds `short` in a probe and `long` in a confirmation; and how many trials it took.
fn found(short: f64, long: f64) -> (Option<f64>, usize) {
    let mut trials = 0;
    let found = SEARCH.highest(|rate, trial| {
        trials += 1;
        Ok(rate <= if trial == Trial::Probe { short } else { long })
    });
    (found.unwrap(), trials)
}

#[test]
fn finds_a_limit_above_and_below_where_it_began_to_the_precision() {
    for limit in [3.0, 950.0, 1_000.0, 7_800.0, 60_000.0, 1_000_000.0] {
        let (found, trials) = found(limit, limit);
        let found = found.unwrap();
        assert!(
            found <= limit && found >= limit / 1.02,
            "{found} of {limit}"
        );
        assert!(trials < 40, "{trials}");
    }
}

#[test]
fn goes_down_when_the_long_run_does_not_hold_what_the_short_one_did() {
    let found = found(20_000.0, 17_000.0).0.unwrap();
    assert!((16_600.0..=17_000.0).contains(&found), "{found}");
}

#[test]
fn ends_when_nothing_is_held() {
    assert_eq!(found(0.0, 0.0), (None, PROBES_MAX));
    assert_eq!(found(f64::INFINITY, 0.0), (None, PROBES_MAX));
}

#[test]
fn an_error_ends_the_search() {
    let error = SEARCH.highest(|_, _| Err("no server".to_owned()));
    assert_eq!(error, Err("no server".to_owned()));
}

#[test]
fn ratios_are_of_each_round_and_not_of_the_medians() {
    let side = |rate: f64, cost: Option<f64>| json!({ "rate": rate, "server_us_per_call": cost, "post_dial_p50_us": 80 });
    let rounds = [
        [side(20_000.0, Some(40.0)), side(10_000.0, Some(100.0))],
        [side(30_000.0, Some(30.0)), side(10_000.0, Some(90.0))],
        [side(18_000.0, Some(50.0)), side(12_000.0, None)],
    ];
    expect![[r#"
        medians                            A         B      A/B   A/B lowest..highest of 3 rounds
        rate held, per second        20000.0   10000.0    2.000   1.500..3.000
        server CPU, us a call           35.0      95.0    0.367   0.333..0.400
        post-dial delay p50, us         80.0      80.0    1.000   1.000..1.000
    "#]]
    .assert_eq(&ratios(&rounds));
}
