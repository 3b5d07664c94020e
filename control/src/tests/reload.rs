//! A reload's way through its steps.

use std::fmt::Write as _;
use std::sync::Arc;

use engine::Reload;
use expect_test::{Expect, expect};

use crate::reload::{Asker, Fresh, Next, Reloading};

/// What two shards are told when this happens, one event a line.
fn check(events: &str, expected: Expect) {
    let mut reloading = Reloading::new(1, Asker::default());
    let mut text = String::new();
    for event in events
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let next = match event {
            "compiled" => reloading.compiled(
                Ok(Fresh {
                    program: Arc::default(),
                    remarks: Vec::new(),
                }),
                2,
            ),
            "broken" => reloading.compiled(Err("line 3".to_owned()), 2),
            "yes" => reloading.answered(Ok((*b"\"OK\"").into()), 2),
            "late" => Next::Done(Err(reloading.late())),
            no => reloading.answered(Err((500, no.as_bytes().into())), 2),
        };
        let next = match next {
            Next::Wait => "wait".to_owned(),
            Next::Step(Reload::Prepare(_)) => "prepare".to_owned(),
            Next::Step(step) => format!("{step:?}").to_lowercase(),
            Next::Done(Ok(())) => "done".to_owned(),
            Next::Done(Err(failure)) => {
                let why = failure.data.as_ref().and_then(|why| why.as_str());
                format!("{}: {}", failure.message, why.unwrap_or_default())
            }
        };
        let is_adopted = reloading.swapping().is_some();
        let mark = if is_adopted { "new" } else { "old" };
        let _ = writeln!(text, "{event:<9} {mark}  {next}");
    }
    expected.assert_eq(&text);
}

#[test]
fn all_shards_prepare_before_one_swaps() {
    check(
        "compiled\nyes\nyes\nyes\nyes",
        expect![[r#"
        compiled  old  prepare
        yes       old  wait
        yes       new  swap
        yes       new  wait
        yes       new  done
    "#]],
    );
}

#[test]
fn one_shard_that_cannot_keeps_the_old_one_everywhere() {
    check(
        "compiled\nno room\nyes",
        expect![[r#"
        compiled  old  prepare
        no room   old  wait
        yes       old  Reload failed, the old script goes on: no room
    "#]],
    );
    check(
        "compiled\nyes\nno room",
        expect![[r#"
        compiled  old  prepare
        yes       old  wait
        no room   old  Reload failed, the old script goes on: no room
    "#]],
    );
}

#[test]
fn a_script_that_does_not_compile_reaches_no_shard() {
    check(
        "broken",
        expect![[r#"
        broken    old  Reload failed, the old script goes on: line 3
    "#]],
    );
}

#[test]
fn a_shard_that_does_not_answer_is_not_waited_for() {
    check(
        "compiled\nyes\nlate",
        expect![[r#"
        compiled  old  prepare
        yes       old  wait
        late      old  Reload failed, the old script goes on: a shard does not answer
    "#]],
    );
    check(
        "compiled\nyes\nyes\nyes\nlate",
        expect![[r#"
        compiled  old  prepare
        yes       old  wait
        yes       new  swap
        yes       new  wait
        late      new  Reload did not reach every shard; try again: a shard does not answer
    "#]],
    );
}

#[test]
fn a_shard_that_was_started_anew_in_between_makes_all_go_again() {
    check(
        "compiled\nyes\nyes\nyes\nnothing is prepared\nyes\nyes\nyes\nyes",
        expect![[r#"
            compiled  old  prepare
            yes       old  wait
            yes       new  swap
            yes       new  wait
            nothing is prepared old  prepare
            yes       old  wait
            yes       new  swap
            yes       new  wait
            yes       new  done
        "#]],
    );
}
