//! What does not start, and what it says.

use crate::harness::complaints;
use expect_test::{Expect, expect};

fn refused(script: &str, expected: Expect) {
    expected.assert_eq(&complaints(script));
}

#[test]
fn a_parameter_that_is_not_offered_says_what_is() {
    refused(
        r#"
        loadmodule "usrloc"
        modparam("usrloc", "working_mode_preset", "sql-only")
        modparam("usrloc", "matching_mode", 7)
        route { exit; }
        "#,
        expect![[r#"
            parse error in test.cfg:3:51-61: parameter `working_mode_preset` of module usrloc: `sql-only` is not offered yet, only `single-instance-no-db`: contacts live in memory
            parse error in test.cfg:4:45-46: parameter `matching_mode` of module usrloc: 7 is not a matching mode: 0 compares contacts, 1 the Call-ID as well
            2 errors
        "#]],
    );
}

#[test]
fn a_flag_that_is_not_offered_is_named() {
    refused(
        r#"
        loadmodule "sl"
        loadmodule "signaling"
        loadmodule "tm"
        loadmodule "usrloc"
        loadmodule "registrar"
        loadmodule "acc"
        loadmodule "textops"
        loadmodule "sipmsgops"
        route {
            save("location", "sticky");
            lookup("location", "global");
            t_relay("0x100");
            t_relay("no-such-flag");
            do_accounting("db");
            do_accounting("log", "cdr");
            subst("/(/b/");
            is_method("INVITE||BYE");
            t_local_replied("some");
        }
        "#,
        expect![[r#"
            parse error in test.cfg:11:30-38: parameter 2 of `save`: `sticky` is not a flag that is offered
            parse error in test.cfg:12:32-40: parameter 2 of `lookup`: `global` is not a flag that is offered
            parse error in test.cfg:13:21-28: parameter 1 of `t_relay`: `0x100` has bits that are not flags of t_relay
            parse error in test.cfg:14:21-35: parameter 1 of `t_relay`: `no-such-flag` is not a flag of t_relay
            parse error in test.cfg:15:27-31: parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log`
            parse error in test.cfg:16:34-39: parameter 2 of `do_accounting`: `cdr` needs the dialog module, which is not offered yet
            parse error in test.cfg:17:19-26: parameter 1 of `subst`: unclosed group
            parse error in test.cfg:18:23-36: parameter 1 of `is_method`: a method is missing between `|`
            parse error in test.cfg:19:29-35: parameter 1 of `t_local_replied`: `some` is not `all`, `branch` or `last`
            9 errors
        "#]],
    );
}

#[test]
fn a_module_that_another_needs_is_asked_for() {
    refused(
        r#"
        loadmodule "registrar"
        route { exit; }
        "#,
        expect![[r#"
            parse error in test.cfg:2:20-31: module registrar needs the module usrloc
            parse error in test.cfg:2:20-31: module registrar needs the module signaling
            2 errors
        "#]],
    );
}

#[test]
fn a_function_that_is_not_built_is_named() {
    refused(
        r#"
        loadmodule "tm"
        loadmodule "acc"
        route { acc_aaa_request("x"); }
        "#,
        expect![[r#"
            parse error in test.cfg:4:17-32: `acc_aaa_request` is a function of module acc that Tandem does not offer yet
            1 error
        "#]],
    );
}

#[test]
fn a_status_code_that_is_none_does_not_start() {
    refused(
        r#"
        loadmodule "sl"
        loadmodule "signaling"
        loadmodule "tm"
        loadmodule "sipmsgops"
        route {
            t_reply(99, "x");
            t_reply_with_body(700, "x", "y");
            sl_send_reply(999, "X");
            send_reply(-1, "x");
            send_reply(100, "least");
            send_reply(699, "most");
            t_on_reply("r");
        }
        onreply_route[r] { change_reply_status(42, "x"); }
        "#,
        expect![[r#"
            parse error in test.cfg:7:21-23: parameter 1 of `t_reply`: `99` is no status code; give one of 100 to 699
            parse error in test.cfg:8:31-34: parameter 1 of `t_reply_with_body`: `700` is no status code; give one of 100 to 699
            parse error in test.cfg:9:27-30: parameter 1 of `sl_send_reply`: `999` is no status code; give one of 100 to 699
            parse error in test.cfg:10:24-26: parameter 1 of `send_reply`: `-1` is no status code; give one of 100 to 699
            parse error in test.cfg:15:48-50: parameter 1 of `change_reply_status`: `42` is no status code; give one of 100 to 699
            5 errors
        "#]],
    );
}
