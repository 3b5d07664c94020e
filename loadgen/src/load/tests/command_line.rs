//! The command line.

use super::super::plan::{Arrivals, Callee, Plan, Request, Scenario, parse};
use super::super::words::{duration, spread};
use crate::phone::{Spread, Then};

pub(super) fn plan(line: &str) -> Result<Plan, String> {
    let words = std::iter::once("tandem-loadgen").chain(line.split_whitespace());
    match parse(words.map(Into::into))? {
        Request::Run(plan) => Ok(*plan),
        Request::Help(_) => Err("help".to_owned()),
    }
}

#[test]
fn the_command_of_a_record_can_be_given_to_a_shell_again() {
    let words = [
        "tandem-loadgen",
        "find",
        "127.0.0.1",
        "--server-command",
        "exec it's -x 'a b'",
        "--note",
        "",
    ];
    let words = words.map(std::ffi::OsString::from).into_iter();
    let more = ["--record", "what"].map(std::ffi::OsString::from);
    let Ok(Request::Run(plan)) = parse(words.chain(more)) else {
        panic!("a plan");
    };
    assert_eq!(
        plan.command,
        r"tandem-loadgen find 127.0.0.1 --server-command 'exec it'\''s -x '\''a b'\''' --note '' --record what"
    );
}

#[test]
fn reads_a_plan() {
    let plan = plan(
        "call 127.0.0.1:5070 --rate 2500 --duration 1m --hold 1s-3s --ring ~200ms --arrivals poisson --core 1 \
         --callee register --server-pid 12 --server-pid 13 --target-cps 2400 --reject 486",
    )
    .unwrap();
    assert_eq!(
        (plan.scenario, plan.callee.clone(), plan.arrivals),
        (Scenario::Call, Callee::Registered, Arrivals::Poisson)
    );
    assert_eq!(
        (plan.rate, plan.duration, plan.expected()),
        (2500.0, 60_000_000, 150_000)
    );
    assert_eq!(
        plan.choice.plan.hold,
        Some(Spread::Uniform(1_000_000, 3_000_000))
    );
    assert_eq!(plan.answering.ring, Spread::Exponential(200_000));
    assert_eq!(plan.answering.then, Then::Reject(486));
    assert_eq!(
        (plan.server_pids, plan.core, plan.domain.as_str()),
        (vec![12, 13], Some(1), "127.0.0.1")
    );
}

#[test]
fn says_what_is_wrong() {
    for (line, complaint) in [
        ("call", "TARGET"),
        ("dance 127.0.0.1", "`dance` is no scenario"),
        ("call 127.0.0.1 --rate 0", "a number above 0"),
        (
            "call 127.0.0.1 --hold soon",
            "--hold soon: a time, as 500ms",
        ),
        ("call 127.0.0.1 --reject 200", "300 to 699"),
        ("call 127.0.0.1 --frob", "--frob"),
        ("call 127.0.0.1 --cancel-share 0.5", "after how long?"),
        ("call 127.0.0.1 --no-answer-share 5%", "needs --patience"),
        (
            "call 127.0.0.1 --reject-share 0.6 --no-answer-share 0.6 --patience 1s",
            "more than all calls",
        ),
        (
            "call 127.0.0.1 --callee-hangs-up 1s --callee-hangs-up-share 0.5",
            "needs --hold",
        ),
        ("call 127.0.0.1 --hold lognormal:3m", "lognormal:MEAN:SIGMA"),
        (
            "call 127.0.0.1 --hold @/there/is/no/such/file",
            "cannot read",
        ),
        ("mix", "FILE before TARGET"),
        ("uas", "--listen"),
        ("uas 127.0.0.1:5060 --listen 127.0.0.1:5070", "no TARGET"),
        ("", "help"),
    ] {
        let error = plan(line).unwrap_err();
        assert!(error.contains(complaint), "{line}: {error}");
    }
}

#[test]
fn reads_times() {
    assert_eq!(duration("500ms"), Ok(500_000));
    assert_eq!(duration("1.5"), Ok(1_500_000));
    assert_eq!(duration("2h"), Ok(7_200_000_000));
    assert!(duration("5 parsecs").is_err());
    assert_eq!(spread("0s"), Ok(Spread::Fixed(0)));
}

#[test]
fn threads_share_rate_and_calls() {
    let plan = plan("call 127.0.0.1 --threads 3 --rate 90 --calls 10").unwrap();
    let shares: Vec<_> = (0..3)
        .map(|thread| plan.share(thread, &plan.parts()[0]))
        .collect();
    assert_eq!(shares, [(30.0, 4), (30.0, 3), (30.0, 3)]);
}
