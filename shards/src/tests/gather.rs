use expect_test::{Expect, expect};

use crate::gather::Gather;

/// Looks every `every_us`, each bringing `datagrams`; what it pauses in the end, a turn of `turn_us` later.
fn settle(
    gather_us: u64,
    every_us: u64,
    datagrams: u64,
    turn_us: u64,
    next_us: Option<u64>,
) -> String {
    let mut gather = Gather::new(gather_us);
    let (mut now_us, mut received) = (1_000_000, 0);
    for _ in 0..100 {
        now_us += every_us;
        received += datagrams;
        gather.looked(now_us, received);
    }
    let next_us = next_us.map(|us| now_us + us);
    match gather.pause(now_us + turn_us, next_us) {
        Some(time) => format!("{time} us"),
        None => "none".to_owned(),
    }
}

fn check(rows: &[(&str, String)], expected: Expect) {
    let text: Vec<_> = rows
        .iter()
        .map(|(what, pause)| format!("{what:<44}{pause}\n"))
        .collect();
    expected.assert_eq(&text.concat());
}

#[test]
fn it_pauses_at_middle_load_only() {
    check(
        &[
            ("1,000 datagrams a second", settle(100, 1_000, 1, 5, None)),
            ("19,000", settle(100, 53, 1, 5, None)),
            ("21,000", settle(100, 47, 1, 5, None)),
            ("50,000, gathered", settle(100, 100, 5, 30, None)),
            (
                "100,000, the turn takes as long as the pause",
                settle(100, 100, 10, 95, None),
            ),
            ("a timer is due in 50 us", settle(100, 100, 5, 10, Some(50))),
            ("a timer is due", settle(100, 100, 5, 10, Some(0))),
            ("switched off", settle(0, 100, 5, 10, None)),
        ],
        expect![[r#"
            1,000 datagrams a second                    none
            19,000                                      none
            21,000                                      95 us
            50,000, gathered                            70 us
            100,000, the turn takes as long as the pausenone
            a timer is due in 50 us                     40 us
            a timer is due                              none
            switched off                                none
        "#]],
    );
}

#[test]
fn it_answers_at_once_again_when_the_load_ends() {
    let mut gather = Gather::new(100);
    for look in 1..=100 {
        gather.looked(look * 100, look * 5);
    }
    assert!(gather.pause(10_001, None).is_some());
    // One empty second.
    gather.looked(1_010_000, 500);
    let looks = (1..).take_while(|look| {
        gather.looked(1_010_000 + look * 1_000, 500 + look);
        gather.pause(1_010_000 + look * 1_000, None).is_some()
    });
    assert!(looks.count() < 10);
}
