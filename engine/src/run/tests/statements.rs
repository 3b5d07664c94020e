//! Statements: script-language §7.1, §7.5.

use super::{Bench, INVITE, REPLY, check, check_body, check_message};
use crate::module::Registry;
use expect_test::expect;
use script::RouteKind;

#[test]
fn a_case_falls_through_until_break_and_into_default() {
    let script = |value: &str| {
        format!(
            r#"
            $var(x) = {value};
            switch ($var(x)) {{
                case 1: xlog("one");
                case 2: xlog("two"); break;
                case "three": xlog("three");
                default: xlog("default");
            }}
            "#
        )
    };
    check_body(
        &script("1"),
        expect![[r#"
        one
        two
    "#]],
    );
    check_body(
        &script("2"),
        expect![[r#"
        two
    "#]],
    );
    check_body(
        &script("\"THREE\""),
        expect![[r#"
        three
        default
    "#]],
    );
    check_body(
        &script("9"),
        expect![[r#"
        default
    "#]],
    );
}

#[test]
fn while_runs_until_false_or_the_guard() {
    check(
        r#"
        max_while_loops = 5
        route {
            $var(i) = 0;
            while ($var(i) < 3) { $var(i) = $var(i) + 1; xlog("i $var(i)"); }
            while (1) { $var(i) = $var(i) + 1; if ($var(i) == 5) break; }
            xlog("after break $var(i)");
            while (1) { $var(i) = $var(i) + 1; }
            xlog("after the guard $var(i)");
        }
        "#,
        expect![[r#"
            i 1
            i 2
            i 3
            after break 5
            error: max_while_loops reached, leaving the loop test.cfg:8
            after the guard 10
        "#]],
    );
}

#[test]
fn for_goes_through_values_until_null() {
    check_body(
        r#"
        $avp(list) = "oldest"; $avp(list) = 2; $avp(list) = "newest";
        for ($var(one) in $(avp(list)[*])) { xlog("$var(one)"); }
        for ($var(one) in $(hdr(X-Custom)[*])) { xlog("header $var(one)"); if ($var(one) == "one") break; }
        for ($avp(copy) in $(avp(list)[*])) { }
        xlog("$(avp(copy)[*])");
        "#,
        expect![[r#"
            newest
            2
            oldest
            header one
            oldest, 2, newest
        "#]],
    );
}

#[test]
fn rc_is_the_result_of_the_last_action() {
    check(
        r#"
        route {
            setflag("F"); xlog("$rc");
            isflagset("G"); xlog("$rc $retcode");
            $var(a) = 1; xlog("$rc");
            route(minus); xlog("$rc");
            route(last); xlog("$rc");
            route(text); xlog("$rc");
            route(null); xlog("$rc");
            route(plain); xlog("$rc");
            route(falseif); xlog("$rc");
        }
        route[minus] { return(-3); }
        route[last] { isflagset("G"); }
        route[text] { $var(s) = "text"; return $var(s); }
        route[null] { return $avp(none); }
        route[plain] { return; }
        route[falseif] { if (isflagset("G")) xlog("never"); }
        "#,
        expect![[r#"
            1
            -1 -1
            1
            -3
            -1
            1
            -1
            1
            1
        "#]],
    );
}

#[test]
fn returned_values_live_until_the_next_call() {
    check(
        r#"
        route {
            route(give); xlog("$rc: $return(0) $return(1) $return(2) $return(3)");
            route(nothing); xlog("$return(0)");
        }
        route[give] { $var(x) = "bob"; return(5, $var(x), 7); }
        route[nothing] { xlog("."); }
        "#,
        expect![[r#"
            5: bob 7 <null> <null>
            .
            <null>
        "#]],
    );
}

#[test]
fn parameters_are_snapshots_and_belong_to_the_call() {
    check(
        r#"
        route {
            $var(x) = "before";
            route(show, $var(x), 7, "user $rU", $avp(none));
            xlog("outside: $param(1)");
            $var(name) = "show";
            route($var(name), "by name");
            route("nowhere_$rU");
            xlog("rc $rc");
        }
        route[show] {
            $var(x) = "after";
            xlog("$param(1) $param(2) $param(3) $param(4) $param(5)");
            if ($param(2) == 7) route(inner, $param(3));
            xlog("still $param(1)");
        }
        route[inner] { xlog("inner $param(1) of $route, $(route[*])"); }
        "#,
        expect![[r#"
            before 7 user bob <null> <null>
            inner user bob of route[inner], route > route[show] > route[inner]
            still before
            outside: <null>
            by name <null> <null> <null> <null>
            still by name
            error: no route of that name test.cfg:8
            rc -1
        "#]],
    );
}

#[test]
fn routes_call_each_other_100_deep() {
    check(
        r#"
        route { $var(depth) = 0; route(down); xlog("rc $rc at $var(depth)"); }
        route[down] { $var(depth) = $var(depth) + 1; route(down); }
        "#,
        expect![[r#"
            error: routes call each other too deep test.cfg:3
            rc -1 at 99
        "#]],
    );
}

#[test]
fn exit_in_a_called_route_stops_everything() {
    check(
        r#"
        route { route(out); xlog("never"); }
        route[out] { exit; }
        "#,
        expect![[r#"
            -- Exit
        "#]],
    );
}

#[test]
fn return_0_stops_everything() {
    check(
        r#"
        route { route(out); xlog("never"); }
        route[out] { return(0); }
        "#,
        expect![[r#"
            -- Exit
        "#]],
    );
}

#[test]
fn drop_says_so() {
    check_message(
        r#"
        route { drop; }
        onreply_route { xlog("$rs $rr $rm"); if ($rs == 180) drop; }
        "#,
        RouteKind::Reply,
        REPLY,
        expect![[r#"
            180 Ringing INVITE
            -- Drop
        "#]],
    );
}

#[test]
fn xlog_has_levels() {
    check(
        r#"
        xlog_level = 3
        route {
            xlog("default");
            xlog("L_ERR", "error\n");
            xlog("L_INFO", "info");
            xlog("L_DBG", "not shown");
            $var(level) = -1;
            xlog("$var(level)", "level of a variable");
            log(1, "plain $$rU");
            log("of debugging: not shown");
            $log_level = 4;
            log("shown");
            $log_level = NULL;
            $xlog_level = -1;
            xlog("L_WARN", "not shown");
            xlog("L_ERR", "shown");
            $xlog_level = NULL;
            xlog("L_WARN", "shown again");
            xdbg("not shown");
        }
        "#,
        expect![[r#"
            default
            error: error
            info: info
            error: level of a variable
            warning: plain $$rU
            ?: shown
            error: shown
            warning: shown again
        "#]],
    );
}

#[test]
fn a_failed_assertion_runs_the_error_route() {
    check(
        r#"
        enable_asserts = yes
        route {
            assert($rU == "bob", "fine");
            assert($rU == "carol", "not carol");
            xlog("never");
        }
        error_route { xlog("$err.class $err.rcode $err.rreason"); }
        "#,
        expect![[r#"
            critical: not carol
            4 500 server error
        "#]],
    );
}

#[test]
fn loops_inside_loops_end_the_run_before_they_hold_the_shard_up() {
    check(
        r#"
        route {
            while ($var(i) < 9000) {
                $var(j) = 0;
                while ($var(j) < 9000)
                    $var(j) += 1;
                $var(i) += 1;
            }
            xlog("never");
        }
        "#,
        expect![[r#"
            error: too much work without waiting, ending the run test.cfg:5
            -- Exit
        "#]],
    );
}

#[test]
fn a_name_of_a_route_that_is_empty_is_no_route() {
    check_body(
        r#"
        $var(next) = "";
        route($var(next));
        xlog("rc $rc");
        $var(next) = "gone";
        route($var(next));
        xlog("rc $rc");
        "#,
        expect![[r#"
            error: no route of that name test.cfg:4
            rc -1
            error: no route of that name test.cfg:7
            rc -1
        "#]],
    );
}

#[test]
fn a_trace_evaluates_its_text_for_each_action_and_leaves_what_a_variable_says() {
    check_body(
        r#"
        script_trace(1, "$rU of $rd");
        $rU = "carol";
        $var(peer) = "$rU";
        script_trace(1, "$$ and $var(peer)");
        script_trace(1, $var(peer));
        script_trace();
        "#,
        expect![[r#"
            warning: [Script Trace][test.cfg:4][route][assign] -> (bob of example.com)
            warning: [Script Trace][test.cfg:5][route][assign] -> (carol of example.com)
            warning: [Script Trace][test.cfg:6][route][script_trace] -> (carol of example.com)
            warning: [Script Trace][test.cfg:7][route][script_trace] -> ($ and $rU)
            warning: [Script Trace][test.cfg:8][route][script_trace] -> ($rU)
            branch 0: sip:carol@example.com:5070;transport=tcp;line=7?Subject=hi
        "#]],
    );
}

#[test]
fn a_function_that_goes_over_a_long_text_is_more_work() {
    let prefixes = |uri: &str| {
        let script = format!(
            r#"
            route {{
                $ru = "sip:{uri}@10.0.0.3";
                while ($var(i) < 100) {{
                    prefix("1");
                    $var(i) += 1;
                }}
            }}
            "#
        );
        let mut bench =
            Bench::new(&script, &Registry::new()).unwrap_or_else(|errors| panic!("{errors}"));
        bench.core.limits.run_work = 500;
        let ended = bench.run(RouteKind::Request, INVITE);
        let listing = bench.listing(&ended);
        let (before, uri) = listing.rsplit_once("sip:").unwrap_or_default();
        let count = uri.bytes().take_while(|&byte| byte == b'1').count();
        format!("{before}{count} prefixes\n")
    };
    expect![[r#"
        branch 0: 100 prefixes
    "#]]
    .assert_eq(&prefixes("bob"));
    expect![[r#"
        error: too much work without waiting, ending the run test.cfg:5
        -- Exit
        branch 0: 54 prefixes
    "#]]
    .assert_eq(&prefixes(&"x".repeat(7_000)));
}
