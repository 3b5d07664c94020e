//! What is told while a run goes on.

use std::time::Duration;

use expect_test::expect;

use super::super::progress::Seen;

const SEEN: Seen = Seen {
    passed: Duration::from_millis(250),
    started: 1_100,
    succeeded: 900,
    failed: 100,
    before: (1_025, 830),
    open: 100,
    repeated: 3,
    absorbed: 1,
    dropped: 0,
    median: 700,
    tail: 12_000,
};

#[test]
fn rates_are_of_the_last_moment_and_the_end_is_in_sight() {
    expect![[r#"
        , 1:05 to go
          300/s started, 280/s succeeded (90.000 %), 100 failed, 100 open
          delay p50 700 us p99 12.00 ms, sent again 3 by us 1 by the peer, 0 dropped here"#]]
    .assert_eq(&SEEN.told(Some(19_500), 300.0));
}

#[test]
fn at_the_end_it_waits_and_without_an_end_none_is_told() {
    let first = |left| SEEN.told(left, 300.0).lines().next().unwrap().to_owned();
    assert_eq!(first(Some(0)), ", waiting for what is open");
    assert_eq!(first(None), "");
    assert_eq!(first(Some(300 * 3_723)), ", 1:02:03 to go");
}

#[test]
fn nothing_has_ended_yet() {
    let seen = Seen {
        succeeded: 0,
        failed: 0,
        before: (0, 0),
        ..SEEN
    };
    assert!(seen.told(None, 1.0).contains("0/s succeeded, 0 failed"));
}
