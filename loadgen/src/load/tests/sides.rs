//! Options of its own for each side of a comparison.

use super::super::plan::{Request, parse};
use super::super::words::split;

fn compare(words: &[&str]) -> Result<super::super::plan::Plan, String> {
    let words = ["tandem-loadgen", "compare"].iter().chain(words);
    match parse(words.map(Into::into))? {
        Request::Run(plan) => Ok(*plan),
        Request::Help(_) => Err("help".to_owned()),
    }
}

#[test]
fn each_side_is_told_the_common_options_and_its_own() {
    let plan = compare(&[
        "127.0.0.1:5060",
        "--rate",
        "100",
        "--seed",
        "7",
        "--a",
        "--server-command 'tandem -f a.cfg' --trunk --rate 50",
        "--b",
        "127.0.0.1:5070 --server-command \"kamailio -f 'b.cfg'\" --unrouted",
    ])
    .unwrap();
    let sides = plan.plural.unwrap().sides.unwrap();
    let [a, b] = &*sides;
    assert_eq!(
        (
            a.plan.rate,
            a.plan.sources,
            a.plan.unrouted,
            a.plan.target.port()
        ),
        (50.0, 1, false, 5060)
    );
    assert_eq!(
        (
            b.plan.rate,
            b.plan.sources,
            b.plan.unrouted,
            b.plan.target.port()
        ),
        (100.0, 4, true, 5070)
    );
    assert_eq!(
        [&a.command, &b.command].map(|command| command.as_deref()),
        [Some("tandem -f a.cfg"), Some("kamailio -f 'b.cfg'")]
    );
    assert_eq!((a.plan.seed, b.plan.seed), (7, 7));
}

#[test]
fn two_targets_are_one_each() {
    let plan = compare(&["127.0.0.1:5060", "127.0.0.1:5070", "--a", "--trunk"]).unwrap();
    let sides = plan.plural.unwrap().sides.unwrap();
    assert_eq!(
        [&sides[0], &sides[1]].map(|side| side.plan.target.port()),
        [5060, 5070]
    );
}

#[test]
fn what_is_wrong_in_a_side_is_said_with_its_name() {
    for (words, complaint) in [
        (&["127.0.0.1", "--a", "--frob"] as &[_], "in --a"),
        (&["127.0.0.1", "--b", "--hold 'x"], "never closed"),
        (&["127.0.0.1", "--a"], "in quotes"),
        (
            &["127.0.0.1", "--a", "--server-command x"],
            "the other does not",
        ),
    ] {
        let error = compare(words).unwrap_err();
        assert!(error.contains(complaint), "{words:?}: {error}");
    }
    let words = ["tandem-loadgen", "call", "127.0.0.1", "--a", "--trunk"];
    assert!(
        parse(words.map(Into::into))
            .unwrap_err()
            .contains("`compare`")
    );
}

#[test]
fn quotes_keep_blanks_together() {
    assert_eq!(split("a  'b c' d\"e 'f\"").unwrap(), ["a", "b c", "de 'f"]);
    assert_eq!(split(" '' ").unwrap(), [""]);
}
