//! The ratios of RFC 6076, times that survive their record, and the calls that are followed.

use expect_test::expect;
use hdrhistogram::Histogram;
use serde_json::Value;

use super::super::metrics::{Attempts, Kind};
use super::super::part::Tag;
use super::super::record;
use super::super::tally::Tally;
use super::super::trace::Traces;
use crate::phone::{CallId, Failure, Micros, Notice, Stage, Verb, What};

const ENDED: What = What::Ended {
    by_us: true,
    answer: 400,
};

/// Attempts of which each heard this.
fn attempts(heard: &[(u64, &[What])]) -> Attempts {
    let mut attempts = Attempts::default();
    for (times, notices) in heard {
        for _ in 0..*times {
            attempts.requests += 1;
            notices.iter().for_each(|&what| attempts.hear(what));
        }
    }
    attempts
}

fn rejected(status: u16) -> What {
    What::Failed(Failure::Rejected(status))
}

#[test]
fn redirected_sessions_are_taken_out_of_two_of_the_ratios() {
    let sessions = attempts(&[
        (60, &[What::Answered, ENDED]),
        (
            4,
            &[What::Answered, What::Failed(Failure::Timeout(Stage::Bye))],
        ),
        (10, &[rejected(486)]),
        (6, &[rejected(503)]),
        (3, &[What::Failed(Failure::Timeout(Stage::Calling))]),
        (1, &[rejected(404)]),
        (16, &[rejected(302)]),
    ]);
    let percent = |ratio: Option<f64>| format!("{:.3}", ratio.unwrap());
    // 84 are left without the redirected: 64 answered, 10 busy.
    assert_eq!(percent(sessions.establishment_ratio()), "76.190");
    assert_eq!(percent(sessions.effectiveness_ratio()), "88.095");
    // Of all 100: six times 503 and three that nobody answered; 60 ended as they should.
    assert_eq!(percent(sessions.ineffective()), "9.000");
    assert_eq!(percent(sessions.completion_ratio()), "60.000");
    assert_eq!(sessions.unanswered_byes, 4);
}

#[test]
fn a_challenge_is_no_failed_registration() {
    let registrations = attempts(&[
        (6, &[What::Registered(3600)]),
        (1, &[What::Failed(Failure::Challenged(401))]),
        (2, &[rejected(403)]),
        (1, &[What::Failed(Failure::Timeout(Stage::Request))]),
    ]);
    assert_eq!(registrations.ineffective_registrations(), Some(30.0));
}

#[test]
fn nothing_requested_has_no_ratio() {
    assert_eq!(attempts(&[]).establishment_ratio(), None);
    // Never sent: the generator had no room.
    assert_eq!(attempts(&[(1, &[What::Refused])]).completion_ratio(), None);
}

#[test]
fn parts_of_a_mix_count_where_they_belong() {
    let mut tally = Tally::new(0);
    tally.kinds = vec![Kind::Session, Kind::Registration, Kind::Request];
    for (part, what) in [
        (0, What::Answered),
        (1, What::Registered(60)),
        (2, What::Replied(200)),
    ] {
        tally.start(0, 0);
        tally.start_of(part);
        tally.caller_notice(&notice(0, part, 5, what));
    }
    let requests = (tally.sessions.requests, tally.registrations.requests);
    assert_eq!(requests, (1, 1));
    assert_eq!((tally.registered.len(), tally.response.len()), (1, 2));
}

fn notice(call: u64, part: usize, at: Micros, what: What) -> Notice {
    let tag = Tag {
        intended: 0,
        part,
        is_patience: false,
        is_followed: true,
    };
    Notice {
        call: CallId(call),
        tag: tag.to_u64(),
        at,
        what,
    }
}

#[test]
fn the_first_status_counts_even_when_the_outcome_comes_later() {
    let mut tally = Tally::new(0);
    let answered = What::Indicated {
        at: 300,
        answered: true,
    };
    tally.caller_notice(&notice(1, 0, 9_000, answered));
    let failed = What::Indicated {
        at: 700,
        answered: false,
    };
    tally.caller_notice(&notice(2, 0, 700, failed));
    assert_eq!(
        (tally.indicated.max(), tally.indicated_failed.max()),
        (300, 700)
    );
}

#[test]
fn times_come_back_from_their_record_and_add_up() {
    let mut first = Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).unwrap();
    let mut second = first.clone();
    first.record_n(150, 9).unwrap();
    second.record(3_000_000).unwrap();
    let mut sum = record::histogram(&record::times(&first)).unwrap();
    sum.add(record::histogram(&record::times(&second)).unwrap())
        .unwrap();
    assert_eq!(
        (sum.len(), sum.value_at_quantile(0.5), sum.max()),
        (10, 150, second.max())
    );
    // As every tool of HdrHistogram writes it.
    assert!(
        record::times(&first)["hdr"]
            .as_str()
            .unwrap()
            .starts_with("HISTFAAAA")
    );
    assert_eq!(
        record::times(&Histogram::<u64>::new(3).unwrap()),
        serde_json::json!({ "count": 0 })
    );
}

#[test]
fn the_slowest_calls_and_one_of_each_failure_are_told() {
    let mut tally = Tally::new(0);
    tally.traces = Traces::of_starts(100.0);
    assert!(tally.traces.follows(7));
    for call in 0..10 {
        let setup = 1_000 * (call % 5 + 1);
        tally.caller_notice(&notice(call, 0, 10, What::Calling));
        if setup == 5_000 {
            tally.caller_notice(&notice(call, 0, 500, What::Repeated(Verb::Invite)));
            tally.caller_notice(&notice(call, 0, setup + 700, What::Repeated(Verb::Bye)));
        }
        tally.caller_notice(&notice(call, 0, setup - 200, What::Provisional(180)));
        tally.caller_notice(&notice(call, 0, setup, What::Answered));
        tally.caller_notice(&notice(call, 0, setup + 900, ENDED));
    }
    for call in 20..22 {
        tally.caller_notice(&notice(call, 0, 10, What::Calling));
        tally.caller_notice(&notice(call, 0, 99, rejected(503)));
    }
    let told = tally.traces.json(0);
    let slowest = told["slowest"].as_array().unwrap();
    let setups: Vec<_> = slowest
        .iter()
        .map(|call| call["setup_us"].as_u64().unwrap())
        .collect();
    assert_eq!(setups, [5_000, 5_000, 4_000]);
    let ladder = |call: &Value| -> String {
        let steps = call["steps"].as_array().unwrap().iter();
        steps
            .map(|step| {
                let arrow = if step["ours"] == true { '>' } else { '<' };
                format!(
                    "{:>6} {arrow} {}\n",
                    step["at_us"],
                    step["text"].as_str().unwrap()
                )
            })
            .collect()
    };
    expect![[r#"
        10 > INVITE
        500 > INVITE again
        4800 < 180
        5000 < 200
        5000 > ACK
        5500 > BYE
        5700 > BYE again
        5900 < 200 (BYE)
    "#]]
    .assert_eq(&ladder(&slowest[0]));
    let failed = &told["failed"];
    assert_eq!(failed.as_object().unwrap().len(), 1);
    expect![[r#"
            10 > INVITE
            99 < 503
            99 > ACK
    "#]]
    .assert_eq(&ladder(&failed["rejected with 503"]));
}

#[test]
fn a_fast_run_follows_one_start_in_many() {
    let traces = Traces::of_starts(25_000.0);
    let followed = (0..25_000).filter(|&number| traces.follows(number)).count();
    assert_eq!(followed, 250);
}
