//! Conditions and comparison: script-language §7.2, §7.3.

use super::{check, check_body};
use expect_test::expect;

#[test]
fn a_bare_variable_is_false_if_null_empty_or_the_number_0() {
    check_body(
        r#"
        $var(zero) = 0; $var(one) = 1; $var(empty) = ""; $var(text0) = "0";
        if ($var(zero)) xlog("number 0"); else xlog("not number 0");
        if ($var(one)) xlog("number 1");
        if ($var(empty)) xlog("empty"); else xlog("not empty");
        if ($var(text0)) xlog("text 0");
        if ($avp(none)) xlog("null"); else xlog("not null");
        if (!$avp(none)) xlog("not: null");
        if ($var(never)) xlog("unset"); else xlog("unset var is 0");
        "#,
        expect![[r#"
            not number 0
            number 1
            not empty
            text 0
            not null
            not: null
            unset var is 0
        "#]],
    );
}

#[test]
fn and_or_have_one_level_and_stop_early() {
    check(
        r#"
        route {
            if (route(good) || route(good) && route(bad)) xlog("true"); else xlog("false");
            if (route(bad) && route(good) || route(good)) xlog("true"); else xlog("false");
            if (!route(bad) && !route(bad)) xlog("true");
        }
        route[good] { xlog("good"); return(1); }
        route[bad] { xlog("bad"); return(-1); }
        "#,
        expect![[r#"
            good
            bad
            false
            bad
            good
            true
            bad
            bad
            true
        "#]],
    );
}

#[test]
fn null_equals_only_null() {
    check_body(
        r#"
        $var(s) = "x";
        if ($avp(none) == "x") xlog("== text");
        if ($avp(none) != "x") xlog("!= text");
        if ($avp(none) < 5) xlog("< number");
        if ($avp(none) != 5) xlog("!= number");
        if ($avp(none) == NULL) xlog("== NULL");
        if ($avp(none) != NULL) xlog("!= NULL");
        if ($var(s) != NULL) xlog("a value != NULL");
        if ($avp(none) == $avp(none2)) xlog("NULL == NULL");
        if ($avp(none) != $var(s)) xlog("NULL != value");
        if ($avp(none) =~ "x") xlog("=~");
        if ($avp(none) !~ "x") xlog("!~");
        "#,
        expect![[r#"
            != text
            != number
            == NULL
            a value != NULL
            NULL == NULL
            NULL != value
            !~
        "#]],
    );
}

#[test]
fn numbers_compare_as_numbers_and_texts_without_case() {
    check_body(
        r#"
        $var(i) = 10; $var(j) = 9; $var(s) = "Abc"; $var(n) = "10";
        if ($var(i) > $var(j)) xlog("10 > 9");
        if ($var(n) < "9") xlog("as text 10 < 9");
        if ($var(s) == "aBC") xlog("Abc == aBC");
        if ($var(s) < "abcd") xlog("a prefix is less");
        if ($var(s) >= "ABB") xlog("Abc >= ABB");
        if ($var(i) == "10") xlog("a number has its text");
        if ($var(n) == $var(i)) xlog("text and number compare as text");
        if ($var(s) == 5) xlog("never"); else xlog("text against a number is an error, so false");
        if (!($var(s) == 5)) xlog("never"); else xlog("and not does not invert it");
        if ($var(s) == 5 || $var(i) == 10) xlog("never"); else xlog("and || stops at it");
        "#,
        expect![[r#"
            10 > 9
            as text 10 < 9
            Abc == aBC
            a prefix is less
            Abc >= ABB
            a number has its text
            text and number compare as text
            warning: error in expression test.cfg:11
            text against a number is an error, so false
            warning: error in expression test.cfg:12
            and not does not invert it
            warning: error in expression test.cfg:13
            and || stops at it
        "#]],
    );
}

#[test]
fn patterns_ignore_case_and_are_not_anchored() {
    check_body(
        r#"
        if ($rU =~ "^BO") xlog("=~");
        if ($rU !~ "x") xlog("!~");
        if ($rU =~ "b$") xlog("a dollar is the end of the text");
        $var(p) = "^b.b$";
        if ($rU =~ $var(p)) xlog("pattern in a variable");
        $var(p) = "(";
        if ($rU =~ $var(p)) xlog("never"); else xlog("a bad pattern is an error");
        "#,
        expect![[r#"
            =~
            !~
            a dollar is the end of the text
            pattern in a variable
            warning: error in expression test.cfg:9
            a bad pattern is an error
        "#]],
    );
}

#[test]
fn addresses_are_inside_of_networks() {
    check_body(
        r#"
        if ($si == 10.0.0.1) xlog("the address");
        if ($si == 10.0.0.0/8) xlog("the network");
        if ($si != 192.168.0.0/16) xlog("not the other");
        if ($rd == 10.0.0.0/8) xlog("never"); else xlog("no address is an error");
        "#,
        expect![[r#"
            the address
            the network
            not the other
            warning: error in expression test.cfg:6
            no address is an error
        "#]],
    );
}

#[test]
fn an_assignment_is_true_even_of_0() {
    check_body(
        r#"
        if ($var(x) = 0) xlog("true");
        if ([1 + 1]) xlog("arithmetic");
        if ([1 - 1]) xlog("never"); else xlog("0 is false");
        "#,
        expect![[r#"
            true
            arithmetic
            0 is false
        "#]],
    );
}

#[test]
fn a_call_that_returns_0_in_a_condition_stops_the_script() {
    check(
        r#"
        route {
            if (route(zero)) xlog("never"); else xlog("never");
            xlog("never");
        }
        route[zero] { return(0); }
        "#,
        expect![[r#"
            -- Exit
        "#]],
    );
}
