use engine::Command;
use expect_test::{Expect, expect};
use serde_json::Value;

use crate::management::merge::Merged;
use crate::management::rpc::Failure;

/// Answers of the shards in order; `!code text` is a failure.
fn check(answers: &[&str], expected: Expect) {
    check_of("ul_dump", answers, expected);
}

/// The same for this command.
fn check_of(command: &str, answers: &[&str], expected: Expect) {
    let mut merged = Merged::new(&Command {
        name: command.to_owned(),
        parameters: Vec::new(),
    });
    for answer in answers {
        merged.add(match answer.strip_prefix('!') {
            Some(failure) => {
                let (code, text) = failure.split_once(' ').unwrap();
                Err(Failure::with(code.parse().unwrap(), text))
            }
            None => Ok(answer.parse::<Value>().unwrap()),
        });
    }
    let text = match merged.into_result() {
        Some(Ok(value)) => value.to_string(),
        Some(Err(failure)) => format!("!{} {}", failure.code, failure.message),
        None => "nothing".into(),
    };
    expected.assert_eq(&text);
}

#[test]
fn what_all_say_alike_stays_once() {
    check(&[r#""OK""#, r#""OK""#, r#""OK""#], expect![[r#""OK""#]]);
    check(
        &[r#"["a","b"]"#, r#"["b","c"]"#],
        expect![[r#"["a","b","c"]"#]],
    );
}

#[test]
fn statistics_are_added() {
    for command in ["get_statistics", "statistics:get"] {
        check_of(
            command,
            &[r#"{"tm:inuse":3,"core:x":1}"#, r#"{"tm:inuse":4,"sl:y":2}"#],
            expect![[r#"{"tm:inuse":7,"core:x":1,"sl:y":2}"#]],
        );
    }
}

#[test]
fn a_number_that_every_shard_has_is_said_once() {
    for command in ["log_level", "core:log_level"] {
        check_of(
            command,
            &[r#"{"New Log level":4}"#, r#"{"New Log level":4}"#],
            expect![[r#"{"New Log level":4}"#]],
        );
    }
    check_of(
        "rand_get_prob",
        &[r#"{"Probability":10}"#, r#"{"Probability":10}"#],
        expect![[r#"{"Probability":10}"#]],
    );
    check_of(
        "shv_get",
        &[
            r#"[{"name":"a","value":3}]"#,
            r#"[{"name":"a","value":3},{"name":"b","value":"x"}]"#,
        ],
        expect![[r#"[{"name":"a","value":3},{"name":"b","value":"x"}]"#]],
    );
}

#[test]
fn entries_of_one_name_are_one_entry_and_others_are_joined() {
    check(
        &[
            r#"{"Domains":[{"name":"location","AORs":[{"AOR":"a"}]}]}"#,
            r#"{"Domains":[{"name":"location","AORs":[{"AOR":"b"}]},{"name":"other","AORs":[]}]}"#,
        ],
        expect![[
            r#"{"Domains":[{"name":"location","AORs":[{"AOR":"a"},{"AOR":"b"}]},{"name":"other","AORs":[]}]}"#
        ]],
    );
}

#[test]
fn the_shard_that_found_it_is_right() {
    check(
        &["!404 AOR not found", r#"{"AOR":"a"}"#],
        expect![[r#"{"AOR":"a"}"#]],
    );
    check(
        &[r#"{"AOR":"a"}"#, "!404 AOR not found"],
        expect![[r#"{"AOR":"a"}"#]],
    );
}

#[test]
fn nobody_found_it_is_the_first_failure() {
    check(&["!404 AOR not found", "!500 other"], expect!["!500 other"]);
    check(&[], expect!["nothing"]);
}
