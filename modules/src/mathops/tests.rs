//! Expressions, and the functions in scripts.

use expect_test::expect;

use super::limits::{DEPTH_MAX, EXPRESSION_MAX, STACK_MAX};
use super::{Wrong, expression, rpn};
use crate::harness::{World, complaints};

fn table(evaluate: fn(&[u8]) -> Result<f64, Wrong>, expressions: &[&str]) -> String {
    let line = |text: &&str| match evaluate(text.as_bytes()) {
        Ok(value) => format!("{text} = {value}\n"),
        Err(wrong) => format!("{text}: {wrong}\n"),
    };
    expressions.iter().map(line).collect()
}

#[test]
fn operators_bind_as_scripts_know_them() {
    expect![[r#"
        1 + 2 * 3 = 7
        (1 + 2) * 3 = 9
        7 - 2 - 1 = 4
        7 / 2 / 2 = 1.75
        7 % 4 * 2 = 6
        -7 % 4 = -3
        2 ^ 3 ^ 2 = 64
        -2 ^ 2 = 4
        2 ^ -1 = 0.5
        2--3 = 5
        +-+5 = -5
        .5 + 1. + 1e2 + 1E-1 = 101.6
        2e: not understood from `e` on
        2 e: not understood from `e` on
        2 pi: not understood from `pi` on
        pi = 3.141592653589793
        pi() = 3.141592653589793
        e = 2.718281828459045
        sqrt 16 ^ 2 = 16
        sqrt(16) + 1 = 5
        sqrt -(-9) = 3
        ln e = 1
        log 1000 = 3
        abs(-2) + ceil 1.2 + floor 1.8 = 5
        atan2(0, 1) + pow(2, 10) = 1024
        sin 0 + cos 0 + tan 0 + sinh 0 + cosh 0 + tanh 0 + asin 0 + acos 1 + atan 0 + exp 0 = 3
        : something is missing at the end
         : something is missing at the end
        1 +: something is missing at the end
        (1: something is missing at the end
        1): not understood from `)` on
        1 2: not understood from `2` on
        nosuch(1): not understood from `nosuch(1)` on
        pow(1): not understood from `)` on
        0x10: not understood from `x10` on
        1,2: not understood from `,2` on
        .: not understood from `.` on
        1 / 0 = inf
        sqrt(-1) = NaN
    "#]]
    .assert_eq(&table(
        expression::evaluate,
        &[
            "1 + 2 * 3",
            "(1 + 2) * 3",
            "7 - 2 - 1",
            "7 / 2 / 2",
            "7 % 4 * 2",
            "-7 % 4",
            // From left to right, and the sign first.
            "2 ^ 3 ^ 2",
            "-2 ^ 2",
            "2 ^ -1",
            "2--3",
            "+-+5",
            ".5 + 1. + 1e2 + 1E-1",
            "2e",
            "2 e",
            "2 pi",
            "pi",
            "pi()",
            "e",
            // A function takes the next operand.
            "sqrt 16 ^ 2",
            "sqrt(16) + 1",
            "sqrt -(-9)",
            "ln e",
            "log 1000",
            "abs(-2) + ceil 1.2 + floor 1.8",
            "atan2(0, 1) + pow(2, 10)",
            "sin 0 + cos 0 + tan 0 + sinh 0 + cosh 0 + tanh 0 + asin 0 + acos 1 + atan 0 + exp 0",
            "",
            " ",
            "1 +",
            "(1",
            "1)",
            "1 2",
            "nosuch(1)",
            "pow(1)",
            "0x10",
            "1,2",
            ".",
            "1 / 0",
            "sqrt(-1)",
        ],
    ));
}

#[test]
fn a_stack_is_worked_on() {
    expect![[r#"
        1 3 swap swap dup drop / exp ln 1 swap / = 3
        10 4 - = 6
        10 4 / = 2.5
        10 4 mod = 2
        2 10 pow = 1024
        2 neg abs sqrt 3 pow = 2.8284271247461907
        27 cbrt = 3
        1.5 floor 1.5 ceil + = 3
        2.5 round 2.5 nearbyint + = 5
        -2.7 trunc = -2
        100 log10 e ln pi +  * = 8.283185307179586
        1 2: it leaves 2 numbers instead of one
        1 drop: it leaves 0 numbers instead of one
        +: not understood from `+` on
        1 +: not understood from `+` on
        1 two +: not understood from `two` on
        : it leaves 0 numbers instead of one
    "#]]
    .assert_eq(&table(
        rpn::evaluate,
        &[
            "1 3 swap swap dup drop / exp ln 1 swap /",
            "10 4 -",
            "10 4 /",
            "10 4 mod",
            "2 10 pow",
            "2 neg abs sqrt 3 pow",
            "27 cbrt",
            "1.5 floor 1.5 ceil +",
            "2.5 round 2.5 nearbyint +",
            "-2.7 trunc",
            "100 log10 e ln pi +  *",
            "1 2",
            "1 drop",
            "+",
            "1 +",
            "1 two +",
            "",
        ],
    ));
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let deep = |n: usize| "(".repeat(n) + "1" + &")".repeat(n);
    assert_eq!(
        expression::evaluate(deep(DEPTH_MAX - 1).as_bytes()),
        Ok(1.0)
    );
    let too_deep = Err(Wrong::TooDeep);
    assert_eq!(expression::evaluate(deep(DEPTH_MAX).as_bytes()), too_deep);
    assert_eq!(
        expression::evaluate("sqrt ".repeat(DEPTH_MAX + 1).as_bytes()),
        too_deep
    );
    assert_eq!(
        expression::evaluate(&[b'-'; EXPRESSION_MAX + 1]),
        Err(Wrong::TooLong)
    );
    let words = "1 ".repeat(STACK_MAX + 1);
    assert_eq!(rpn::evaluate(words.as_bytes()), too_deep);
    assert_eq!(
        rpn::evaluate(&words.as_bytes()[2..]),
        Err(Wrong::NotOne(STACK_MAX))
    );
}

/// Chance that is the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn garbage_is_refused_without_harm() {
    const PARTS: [&str; 24] = [
        "1", "0", ".", "e", "E", "+", "-", "*", "/", "%", "^", "(", ")", ",", " ", "sqrt", "pow(",
        "pi", "dup", "swap", "drop", "\u{0}", "\u{e9}", "9e999",
    ];
    let mut dice = Dice(1);
    let mut values = 0;
    for _ in 0..200_000 {
        let text: String = (0..dice.below(14))
            .map(|_| PARTS[dice.below(PARTS.len())])
            .collect();
        values += usize::from(expression::evaluate(text.as_bytes()).is_ok());
        values += usize::from(rpn::evaluate(text.as_bytes()).is_ok());
    }
    assert!(values > 1_000, "{values} were expressions after all");
}

/// An expression whose parentheses leave no question, and its value.
fn tree(dice: &mut Dice, depth: usize) -> (String, f64) {
    if depth == 0 || dice.below(4) == 0 {
        let number = dice.below(1000) as f64 / 8.0;
        return (format!("{number}"), number);
    }
    let ((left, a), (right, b)) = (tree(dice, depth - 1), tree(dice, depth - 1));
    match dice.below(7) {
        0 => (format!("({left}+{right})"), a + b),
        1 => (format!("({left} - {right})"), a - b),
        2 => (format!("({left}*{right})"), a * b),
        3 => (format!("({left} / {right})"), a / b),
        4 => (format!("({left} % {right})"), a % b),
        5 => (format!("(-{left})"), -a),
        _ => (format!("abs({left})"), a.abs()),
    }
}

#[test]
fn any_tree_has_the_value_that_its_parts_give() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let (text, value) = tree(&mut dice, 5);
        let evaluated = expression::evaluate(text.as_bytes()).unwrap();
        assert!(
            evaluated == value || evaluated.is_nan() && value.is_nan(),
            "{text}: {evaluated} instead of {value}"
        );
    }
}

#[test]
fn scripts_compute_with_fractions() {
    let mut world = World::new(
        r#"
        loadmodule "mathops"
        modparam("mathops", "decimal_digits", 3)
        route {
            $avp(1) = "3.141592";
            math_eval("$avp(1) * 2", $var(out)); xlog("$rc $var(out)\n");
            math_eval("2 + 1", $var(out)); xlog("$rc $var(out)\n");
            math_rpn("1 $avp(1) swap /", $avp(out)); xlog("$rc $avp(out)\n");
            math_trunc("-2.9", $var(out)); xlog("$rc $var(out)\n");
            math_floor("-2.9", $var(out)); xlog("$rc $var(out)\n");
            math_ceil("-2.9", $var(out)); xlog("$rc $var(out)\n");
            math_floor("5000000000.5", $var(out)); xlog("$rc $var(out)\n");
            math_round("0.5", $var(out)); xlog("$rc $var(out)\n");
            math_round("-0.5", $var(out)); $var(sum) = $var(out) + 10; xlog("$rc $var(out) $var(sum)\n");
            math_round($avp(1), $var(out), 4); xlog("$rc $var(out)\n");
            math_round("-0.00001", $var(out), 2); xlog("$rc $var(out)\n");
            math_compare("1 + 1", "4 / 2", $var(out)); xlog("$rc $var(out)\n");
            math_compare("1", "1.5", $var(out)); xlog("$rc $var(out)\n");
            math_compare("2", "1.5", $var(out)); xlog("$rc $var(out)\n");
            $var(i) = 1;
            while ($var(i) < 8) {
                math_round_sf("17892.987", $var(out), $var(i)); xlog("sf $var(i): $var(out)\n");
                $var(i) = $var(i) + 1;
            }
            math_round_sf("0.00123456", $var(out), 2); xlog("$rc $var(out)\n");
            math_round_sf("9.99", $var(out), 2); xlog("$rc $var(out)\n");
            math_round_sf("0", $var(out)); xlog("$rc $var(out)\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        log 2: 1 6.283
        log 2: 1 3.000
        log 2: 1 3.142
        log 2: 1 -2
        log 2: 1 -3
        log 2: 1 -2
        log 2: 1 5000000000
        log 2: 1 1
        log 2: 1 -1 9
        log 2: 1 3.1416
        log 2: 1 0.00
        log 2: 1 0
        log 2: 1 -1
        log 2: 1 1
        log 2: sf 1: 20000
        log 2: sf 2: 18000
        log 2: sf 3: 17900
        log 2: sf 4: 17890
        log 2: sf 5: 17893
        log 2: sf 6: 17893.0
        log 2: sf 7: 17892.99
        log 2: 1 0.0012
        log 2: 1 10
        log 2: 1 0.00
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn what_has_no_value_fails_and_leaves_the_variable() {
    let mut world = World::new(
        r#"
        loadmodule "mathops"
        route {
            $var(out) = "before";
            math_eval("1 / 0", $var(out)); xlog("$rc $var(out)\n");
            math_eval("sqrt(-1)", $var(out)); xlog("$rc $var(out)\n");
            math_eval("10 ^ 400", $var(out)); xlog("$rc $var(out)\n");
            math_eval("$var(out) + 1", $var(out)); xlog("$rc $var(out)\n");
            math_rpn("1 2", $var(out)); xlog("$rc $var(out)\n");
            math_floor("1 + 1", $var(out)); xlog("$rc $var(out)\n");
            math_floor("inf", $var(out)); xlog("$rc $var(out)\n");
            math_round("1", $var(out), 16); xlog("$rc $var(out)\n");
            math_round_sf("1", $var(out), 0); xlog("$rc $var(out)\n");
            math_compare("1", "x", $var(out)); xlog("$rc $var(out)\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        log -1: mathops: `1 / 0`: it is infinite test.cfg:5
        log 2: -1 before
        log -1: mathops: `sqrt(-1)`: it has no value test.cfg:6
        log 2: -1 before
        log -1: mathops: `10 ^ 400`: it is infinite test.cfg:7
        log 2: -1 before
        log -1: mathops: `before + 1`: not understood from `before + 1` on test.cfg:8
        log 2: -1 before
        log -1: mathops: `1 2`: it leaves 2 numbers instead of one test.cfg:9
        log 2: -1 before
        log -1: mathops: `1 + 1`: not understood from `1 + 1` on test.cfg:10
        log 2: -1 before
        log -1: mathops: `inf`: not understood from `inf` on test.cfg:11
        log 2: -1 before
        log -1: mathops: 16 is not between 0 and 15 digits test.cfg:12
        log 2: -1 before
        log -1: mathops: 0 is not between 1 and 15 digits test.cfg:13
        log 2: -1 before
        log -1: mathops: `x`: not understood from `x` on test.cfg:14
        log 2: -1 before
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn digits_that_no_number_has_do_not_start() {
    expect![[r#"
        parse error in test.cfg:2:39-41: parameter `decimal_digits` of module mathops: 16 is not between 0 and 15 digits
        1 error
    "#]].assert_eq(&complaints(
        "loadmodule \"mathops\"\nmodparam(\"mathops\", \"decimal_digits\", 16)\nroute { exit; }",
    ));
}
