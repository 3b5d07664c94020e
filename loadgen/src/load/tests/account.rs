//! The account: every start has one outcome, and the verdict says what is wrong.

use std::collections::BTreeMap;

use super::super::observe::{CpuTime, Drops};
use super::super::record::json;
use super::super::report::{Outcome, table};
use super::super::series::Series;
use super::super::tally::Tally;
use super::super::verdict::judge;
use super::command_line::plan;
use crate::phone::{CallId, CallState, Failure, Notice, Stage, What};

fn outcome(tally: Tally) -> Outcome {
    Outcome {
        tally,
        elapsed: 10_000_000,
        started_at: 0,
        server: None,
        generator: CpuTime::default(),
        drops: Drops::default(),
        samples: Series::new(),
        counted: BTreeMap::new(),
        interrupted: false,
    }
}

fn notice(tally: &mut Tally, at: u64, what: What) {
    tally.caller_notice(&Notice {
        call: CallId(1),
        tag: 100,
        at,
        what,
    });
}

#[test]
fn one_of_each_adds_up() {
    let mut tally = Tally::new(0);
    for _ in 0..6 {
        tally.start(100, 150);
    }
    notice(&mut tally, 1_100, What::Provisional(180));
    notice(&mut tally, 2_100, What::Answered);
    notice(
        &mut tally,
        3_100,
        What::Ended {
            by_us: true,
            answer: 40,
        },
    );
    notice(&mut tally, 3_100, What::Failed(Failure::Rejected(503)));
    notice(
        &mut tally,
        3_100,
        What::Failed(Failure::Timeout(Stage::Calling)),
    );
    notice(&mut tally, 3_100, What::Cancelled { by_us: true });
    notice(&mut tally, 3_100, What::Refused);
    assert!(!tally.adds_up(), "one is still open");
    tally.lost.insert(CallState::Ringing, 1);
    assert!(tally.adds_up());
    assert_eq!((tally.succeeded, tally.failed()), (1, 4));
    assert_eq!(
        (
            tally.post_dial.max(),
            tally.setup.max(),
            tally.hang_up.max()
        ),
        (1_000, 2_000, 40)
    );

    let plan = plan("call 127.0.0.1 --rate 0.6 --target-cps 0.5").unwrap();
    let outcome = outcome(tally);
    let verdict = judge(&plan, &outcome);
    assert_eq!(
        verdict.objections,
        [
            "4 of 6 failed, 0 were allowed",
            "0 per second succeeded, the target is 0"
        ]
    );
    let text = table(&plan, &outcome, &verdict);
    for cause in [
        "rejected with 503",
        "no response to INVITE",
        "lost: ringing",
        "not started",
        "FAILED",
    ] {
        assert!(text.contains(cause), "{cause} in\n{text}");
    }
    let value: serde_json::Value = serde_json::from_str(&json(&plan, &outcome, &verdict)).unwrap();
    assert_eq!(
        (&value["failed"], &value["causes"]["rejected with 503"]),
        (&4.into(), &1.into())
    );
}

#[test]
fn a_good_run_passes() {
    let mut tally = Tally::new(0);
    for start in 0..10 {
        tally.start(start * 100_000, start * 100_000 + 5);
        notice(
            &mut tally,
            start * 100_000 + 500,
            What::Ended {
                by_us: true,
                answer: 1,
            },
        );
    }
    let plan = plan("call 127.0.0.1 --rate 1 --duration 10s --target-cps 1").unwrap();
    let verdict = judge(&plan, &outcome(tally));
    assert!(verdict.is_good(), "{verdict:?}");
}

/// A run of ten calls, of which the answering side says this.
fn answered_side(say: impl Fn(&mut Tally)) -> Vec<String> {
    let mut tally = Tally::new(0);
    for start in 0..10 {
        tally.start(start * 100_000, start * 100_000);
        notice(&mut tally, start * 100_000 + 300, What::Answered);
        let ended = What::Ended {
            by_us: true,
            answer: 1,
        };
        notice(&mut tally, start * 100_000 + 500, ended);
        callee(&mut tally, What::Incoming);
    }
    say(&mut tally);
    let plan = plan("call 127.0.0.1 --rate 10 --duration 1s").unwrap();
    judge(&plan, &outcome(tally)).objections
}

fn callee(tally: &mut Tally, what: What) {
    tally.callee_notice(&Notice {
        call: CallId(2),
        tag: 0,
        at: 1,
        what,
    });
}

#[test]
fn a_server_that_loses_every_ack_does_not_pass() {
    let all = answered_side(|tally| (0..10).for_each(|_| callee(tally, What::Acknowledged)));
    assert!(all.is_empty(), "{all:?}");
    assert_eq!(
        answered_side(|_| ()),
        ["10 of 10 answered calls were never acknowledged on the answering side"]
    );
    let one = answered_side(|tally| {
        (0..10).for_each(|_| callee(tally, What::Acknowledged));
        callee(tally, What::Failed(Failure::NoAck));
    });
    assert_eq!(
        one,
        ["1 calls failed on the answering side, 0 were allowed"]
    );
}

#[test]
fn a_generator_that_needs_twice_the_time_reaches_half_the_rate() {
    let mut tally = Tally::new(0);
    for start in 0..10u64 {
        tally.start(start * 100_000, start * 200_000);
        notice(
            &mut tally,
            start * 200_000 + 500,
            What::Ended {
                by_us: true,
                answer: 1,
            },
        );
    }
    let line = "call 127.0.0.1 --rate 10 --duration 1s --target-cps 10 --max-late 1s";
    let plan = plan(line).unwrap();
    let verdict = judge(&plan, &outcome(tally));
    assert_eq!(
        verdict.objections,
        ["6 per second succeeded, the target is 10"]
    );
}

#[test]
fn goodput_is_what_succeeds_while_calls_are_offered() {
    // Twenty calls in two seconds; the server answers one in 100 ms, the last eight when nobody calls any more.
    let mut tally = Tally {
        offered_until: 2_000_000,
        is_offering: true,
        ..Tally::new(0)
    };
    for call in 0..20u64 {
        tally.start(call * 100_000, call * 100_000);
    }
    tally.is_offering = false;
    for call in 0..20u64 {
        let at = 900_000 + call * 100_000;
        notice(&mut tally, at, What::Answered);
        let ended = What::Ended {
            by_us: true,
            answer: 1,
        };
        notice(&mut tally, at, ended);
    }
    let plan = plan("call 127.0.0.1 --rate 10 --duration 2s").unwrap();
    let outcome = outcome(tally);
    assert!((outcome.success_rate(&plan) - 10.0).abs() < 0.01);
    assert!(
        (outcome.goodput() - 6.0).abs() < 0.01,
        "{}",
        outcome.goodput()
    );
}

#[test]
fn a_run_whose_starts_were_late_does_not_pass() {
    let objections = |late: u64, more: &str| {
        let mut tally = Tally::new(0);
        for call in 0..100u64 {
            tally.start(
                call * 10_000,
                call * 10_000 + if call > 95 { late } else { 10 },
            );
            let ended = What::Ended {
                by_us: true,
                answer: 1,
            };
            notice(&mut tally, call * 10_000 + 500, ended);
        }
        let plan = plan(&format!("call 127.0.0.1 --rate 100 --duration 1s {more}")).unwrap();
        judge(&plan, &outcome(tally)).objections
    };
    assert!(objections(40_000, "").is_empty());
    assert_eq!(
        objections(80_000, ""),
        [
            "one start in a hundred was 80.06 ms late, 50.00 ms is allowed: the generator is at its limit and measured itself"
        ]
    );
    assert!(objections(80_000, "--max-late 100ms").is_empty());
}

#[test]
fn drops_that_cannot_be_seen_are_not_none() {
    let plan = plan("call 192.0.2.1 --rate 10 --duration 1s").unwrap();
    let mut outcome = outcome(Tally::new(0));
    let told = |outcome: &Outcome| -> serde_json::Value {
        serde_json::from_str(&json(&plan, outcome, &judge(&plan, outcome))).unwrap()
    };
    assert!(told(&outcome)["drops"]["target"].is_null());
    assert!(table(&plan, &outcome, &judge(&plan, &outcome)).contains("cannot be seen"));
    outcome.drops.target = Some(7);
    assert_eq!(told(&outcome)["drops"]["target"], 7);
}

#[test]
fn accounts_of_threads_add_up() {
    let mut sum = Tally::new(0);
    for thread in 1..=3 {
        let mut tally = Tally::new(0);
        tally.start(100, 100);
        notice(&mut tally, 100 + thread * 1_000_000, What::Replied(200));
        sum.add(&tally);
    }
    assert_eq!(
        (
            sum.started,
            sum.succeeded,
            sum.response.len(),
            sum.seconds.rows().len()
        ),
        (3, 3, 3, 4)
    );
    assert!(sum.adds_up());
}

#[test]
fn what_the_plan_wants_rejected_is_no_failure() {
    let mut tally = Tally {
        planned: vec![486],
        ..Tally::new(0)
    };
    tally.start(100, 150);
    tally.start(100, 150);
    notice(&mut tally, 3_100, What::Failed(Failure::Rejected(486)));
    notice(&mut tally, 3_100, What::Failed(Failure::Rejected(503)));
    assert_eq!(
        (tally.declined, tally.failed(), tally.adds_up()),
        (1, 1, true)
    );
}

#[test]
fn a_generator_that_only_looks_is_not_busy() {
    let plan = plan("call 127.0.0.1 --rate 1 --duration 10s").unwrap();
    let remarks = |idle, cpu_ns| {
        let mut outcome = outcome(Tally::new(0));
        outcome.tally.idle = idle;
        outcome.generator.total = cpu_ns;
        (
            (100.0 * outcome.busy(&plan)).round(),
            judge(&plan, &outcome).remarks,
        )
    };
    // Ten seconds: the whole core was used, but half of it for looking.
    assert_eq!(remarks(5_000_000, 10_000_000_000), (50.0, vec![]));
    // It slept in turns that brought something.
    assert_eq!(remarks(0, 2_000_000_000), (20.0, vec![]));
    let limited = "the generator was 90 % busy: it may be what limits".to_owned();
    assert_eq!(remarks(1_000_000, 9_900_000_000), (90.0, vec![limited]));
}
