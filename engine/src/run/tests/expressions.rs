//! Arithmetic and concatenation: script-language §7.4.

use super::check_body;
use expect_test::expect;

#[test]
fn arithmetic_has_one_level_and_bitwise_binds_looser() {
    check_body(
        r#"
        $var(a) = 1 + 2 * 3;
        $var(b) = 1 + 2 & 2;
        $var(c) = 7 / 2;
        $var(d) = 0 - 7 / 2;
        $var(e) = 7 % 4;
        $var(f) = 1 << 4 | 1;
        $var(g) = ~ 5;
        xlog("$var(a) $var(b) $var(c) $var(d) $var(e) $var(f) $var(g)");
        "#,
        expect![[r#"
            9 2 3 -3 3 17 -6
        "#]],
    );
}

#[test]
fn numbers_wrap_at_32_bits() {
    check_body(
        r#"
        $var(a) = 2147483647;
        $var(a) = $var(a) + 1;
        $var(b) = 65536 * 65536;
        xlog("$var(a) $var(b)");
        "#,
        expect![[r#"
            -2147483648 0
        "#]],
    );
}

#[test]
fn division_by_zero_skips_the_assignment_and_goes_on() {
    check_body(
        r#"
        $var(a) = 5;
        $var(zero) = 0;
        $var(a) = 1 / $var(zero);
        xlog("rc $rc, a $var(a)");
        $var(a) = 1 % $var(zero);
        xlog("rc $rc, a $var(a)");
        "#,
        expect![[r#"
            warning: assignment failed test.cfg:5
            rc -1, a 5
            warning: assignment failed test.cfg:7
            rc -1, a 5
        "#]],
    );
}

#[test]
fn a_number_on_the_left_wants_a_number_on_the_right() {
    check_body(
        r#"
        $var(i) = 5;
        $var(s) = "2";
        $var(r) = "kept";
        $var(r) = 1 + "2";
        xlog("1 + text: rc $rc $var(r)");
        $var(r) = 1 + $var(s);
        xlog("1 + var(s): rc $rc $var(r)");
        $var(r) = $var(i) + $(var(s){s.int});
        xlog("with s.int: rc $rc $var(r)");
        $var(r) = 1 + $avp(none);
        xlog("1 + NULL: rc $rc $var(r)");
        "#,
        expect![[r#"
            warning: assignment failed test.cfg:6
            1 + text: rc -1 kept
            warning: assignment failed test.cfg:8
            1 + var(s): rc -1 kept
            with s.int: rc 1 7
            1 + NULL: rc 1 1
        "#]],
    );
}

#[test]
fn plus_concatenates_when_the_left_side_is_no_number() {
    check_body(
        r#"
        $var(i) = 7;
        $var(s) = "x";
        $var(r) = "a" + $var(i);
        xlog("text + var: $var(r)");
        $var(r) = "kept";
        $var(r) = "a" + 1;
        xlog("text + literal: rc $rc $var(r)");
        $var(r) = $var(s) + "y" + $var(i) + "z";
        xlog("chain: $var(r)");
        $var(r) = $avp(none) + "end";
        xlog("NULL + text: $var(r)");
        $var(r) = "begin" + $avp(none);
        xlog("text + NULL: $var(r)");
        $var(r) = "a" - "b";
        xlog("text - text: rc $rc $var(r)");
        "#,
        expect![[r#"
            text + var: a7
            warning: assignment failed test.cfg:8
            text + literal: rc -1 kept
            chain: xy7z
            NULL + text: end
            text + NULL: begin
            warning: assignment failed test.cfg:16
            text - text: rc -1 begin
        "#]],
    );
}

#[test]
fn bitwise_operators_take_texts_of_one_length() {
    check_body(
        r#"
        $var(a) = "ab";
        $var(b) = "\x03\x03";
        $var(r) = $var(a) ^ $var(b);
        xlog("$var(r)");
        $var(r) = $var(a) ^ "abc";
        xlog("rc $rc $var(r)");
        "#,
        expect![[r#"
            ba
            warning: assignment failed test.cfg:7
            rc -1 ba
        "#]],
    );
}

#[test]
fn compound_assignment_never_takes_null() {
    check_body(
        r#"
        $var(i) = 5;
        $var(i) += 2;
        $var(i) *= 3;
        $var(i) -= 1;
        $var(i) /= 2;
        $var(i) %= 7;
        $var(i) |= 8;
        $var(i) &= 12;
        $var(i) ^= 5;
        xlog("i $var(i)");
        $var(s) = "a";
        $var(s) += "b";
        xlog("s $var(s)");
        $var(s) += $avp(none);
        xlog("+= NULL: rc $rc $var(s)");
        $avp(none) += "x";
        xlog("NULL +=: rc $rc $avp(none)");
        $var(i) += "x";
        xlog("number += text: rc $rc $var(i)");
        "#,
        expect![[r#"
            i 13
            s ab
            warning: assignment failed test.cfg:16
            += NULL: rc -1 ab
            warning: assignment failed test.cfg:18
            NULL +=: rc -1 <null>
            warning: assignment failed test.cfg:20
            number += text: rc -1 13
        "#]],
    );
}

#[test]
fn comparisons_and_calls_give_numbers() {
    check_body(
        r#"
        $var(i) = 5;
        $var(r) = $var(i) > 3;
        xlog("$var(r)");
        $var(r) = $var(i) < 3;
        xlog("$var(r)");
        $var(r) = isflagset("F");
        xlog("$var(r)");
        $var(r) = setflag("F");
        xlog("$var(r)");
        "#,
        expect![[r#"
            1
            0
            -1
            1
        "#]],
    );
}
