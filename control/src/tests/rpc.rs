use std::time::SystemTime;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::management::own::{self, Facts, Process};
use crate::management::rpc;

/// What the text is answered: by the envelope, by the process, or what would be asked of the shards.
fn check(request: &str, expected: Expect) {
    let facts = Facts {
        version: "Tandem (0.0.0 (x86_64/linux))".into(),
        started: SystemTime::UNIX_EPOCH,
        processes: vec![
            Process {
                kind: "shard 0".into(),
            },
            Process {
                kind: "control".into(),
            },
        ],
        arguments: vec!["tandem".into(), "-F".into()],
        commands: vec!["ul_dump".into()],
    };
    let answer = match rpc::read(request.as_bytes()) {
        Err(refused) => String::from_utf8(rpc::write(Err(refused.0), refused.1)).unwrap(),
        Ok(call) => match own::answer(&call.command, &facts) {
            Some(result) => {
                let pid = format!("\"PID\":{}", std::process::id());
                let text = rpc::write(result, call.id.unwrap_or(Value::Null));
                String::from_utf8(text).unwrap().replace(&pid, "\"PID\":P")
            }
            None => format!(
                "shards: {} {:?}",
                call.command.name, call.command.parameters
            ),
        },
    };
    expected.assert_eq(&answer);
}

#[test]
fn what_is_not_json_is_a_parse_error() {
    check(
        "{",
        expect![[r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#]],
    );
}

#[test]
fn what_is_no_request_is_invalid_and_keeps_its_id() {
    let expected = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":7}"#
    ]];
    check(r#"{"jsonrpc":"1.0","method":"ps","id":7}"#, expected);
    let expected = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#
    ]];
    check(r#"[{"jsonrpc":"2.0","method":"ps","id":7}]"#, expected);
}

#[test]
fn parameters_that_do_not_fit_are_invalid() {
    let expected = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params","data":"no match"},"id":"a"}"#
    ]];
    check(
        r#"{"jsonrpc":"2.0","method":"ps","params":["x"],"id":"a"}"#,
        expected,
    );
    let expected = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params"},"id":"a"}"#
    ]];
    check(
        r#"{"jsonrpc":"2.0","method":"ps","params":7,"id":"a"}"#,
        expected,
    );
}

#[test]
fn ps_lists_the_parts_under_both_names() {
    let expected = expect![[
        r#"{"jsonrpc":"2.0","result":{"Processes":[{"ID":0,"PID":P,"Type":"shard 0"},{"ID":1,"PID":P,"Type":"control"}]},"id":1}"#
    ]];
    check(r#"{"jsonrpc":"2.0","method":"ps","id":1}"#, expected);
    let expected = expect![[
        r#"{"jsonrpc":"2.0","result":{"Processes":[{"ID":0,"PID":P,"Type":"shard 0"},{"ID":1,"PID":P,"Type":"control"}]},"id":1}"#
    ]];
    check(r#"{"jsonrpc":"2.0","method":"core:ps","id":1}"#, expected);
}

#[test]
fn version_and_arguments() {
    let expected = expect![[
        r#"{"jsonrpc":"2.0","result":{"Server":"Tandem (0.0.0 (x86_64/linux))"},"id":1}"#
    ]];
    check(
        r#"{"jsonrpc":"2.0","method":"version","params":[],"id":1}"#,
        expected,
    );
    let expected = expect![[r#"{"jsonrpc":"2.0","result":["tandem","-F"],"id":1}"#]];
    check(r#"{"jsonrpc":"2.0","method":"arg","id":1}"#, expected);
}

#[test]
fn which_knows_the_commands_of_the_modules() {
    let expected = expect![[
        r#"{"jsonrpc":"2.0","result":["ps","which","help","uptime","version","pwd","arg","kill","reload_routes","core:ps","core:which","core:help","core:uptime","core:version","core:pwd","core:arg","core:kill","core:reload_routes","ul_dump"],"id":1}"#
    ]];
    check(r#"{"jsonrpc":"2.0","method":"which","id":1}"#, expected);
    let expected = expect![[r#"{"jsonrpc":"2.0","result":["ul_dump"],"id":1}"#]];
    check(
        r#"{"jsonrpc":"2.0","method":"which","params":{"command":"ul_dump"},"id":1}"#,
        expected,
    );
    let expected =
        expect![[r#"{"jsonrpc":"2.0","error":{"code":404,"message":"Command not found"},"id":1}"#]];
    check(
        r#"{"jsonrpc":"2.0","method":"which","params":["nonsense"],"id":1}"#,
        expected,
    );
}

#[test]
fn other_commands_go_to_the_shards_with_lists_as_repeated_names() {
    let expected = expect![[r#"shards: ul_dump [(Some("brief"), "1")]"#]];
    check(
        r#"{"jsonrpc":"2.0","method":"ul_dump","params":{"brief":1},"id":1}"#,
        expected,
    );
    let expected = expect![[
        r#"shards: get_statistics [(Some("statistics"), "core:"), (Some("statistics"), "tm:")]"#
    ]];
    check(
        r#"{"jsonrpc":"2.0","method":"get_statistics","params":{"statistics":["core:","tm:"]},"id":1}"#,
        expected,
    );
}
