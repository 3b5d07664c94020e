use expect_test::{Expect, expect};

use crate::statistics::join;

fn check(engine: Result<&str, i32>, own: Option<&str>, expected: Expect) {
    let engine = match engine {
        Ok(json) => Ok(json.as_bytes().into()),
        Err(code) => Err((code, "no".as_bytes().into())),
    };
    let text = match join(engine, own.map(str::to_owned)) {
        Ok(json) => String::from_utf8(json.into_vec()).unwrap(),
        Err((code, _)) => format!("!{code}"),
    };
    expected.assert_eq(&text);
}

#[test]
fn two_halves_make_one_answer() {
    check(
        Ok(r#"{"tm:x":1}"#),
        Some(r#""shards:handovers":2"#),
        expect![[r#"{"tm:x":1,"shards:handovers":2}"#]],
    );
    check(Ok("{}"), Some(r#""a":1"#), expect![[r#"{"a":1}"#]]);
}

#[test]
fn names_that_only_one_half_knows_are_answered() {
    check(
        Err(404),
        Some(r#""shards:handovers":2"#),
        expect![[r#"{"shards:handovers":2}"#]],
    );
    check(Ok(r#"{"tm:x":1}"#), None, expect![[r#"{"tm:x":1}"#]]);
    check(Err(404), None, expect!["!404"]);
}
