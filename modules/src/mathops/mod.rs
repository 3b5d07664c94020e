//! `mathops`: arithmetic with fractions, which the script's own numbers do not have.
//!
//! Keeps no state. `expression` reads arithmetic as people write it, `rpn` reverse Polish notation. What is not a
//! finite number (division by zero, a root of -1) is a failure, not a text that the script would go on with.

mod expression;
mod limits;
mod rpn;

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};

use limits::DIGITS_MAX;

/// The module.
#[derive(Debug)]
pub(crate) struct MathOps {
    decimal_digits: i32,
}

/// Why there is no number.
#[derive(Clone, Debug, PartialEq)]
enum Wrong {
    /// Something else was expected here.
    At(String),
    TooLong,
    TooDeep,
    /// A reverse Polish expression leaves not one number but so many.
    NotOne(usize),
}

impl Wrong {
    fn at(rest: &[u8]) -> Wrong {
        const SHOWN: usize = 20;
        Wrong::At(rest[..rest.len().min(SHOWN)].escape_ascii().to_string())
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wrong::At(rest) if rest.is_empty() => f.write_str("something is missing at the end"),
            Wrong::At(rest) => write!(f, "not understood from `{rest}` on"),
            Wrong::TooLong => f.write_str("it is too long"),
            Wrong::TooDeep => f.write_str("it is nested too deep"),
            Wrong::NotOne(left) => write!(f, "it leaves {left} numbers instead of one"),
        }
    }
}

impl Module for MathOps {
    const NAME: &'static str = "mathops";

    fn new() -> Self {
        MathOps { decimal_digits: 6 }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("decimal_digits", Kind::Int, |mathops, value| {
            mathops.decimal_digits = value.int();
            match value.int() {
                0..=DIGITS_MAX => Ok(()),
                other => Err(format!("{other} is not between 0 and {DIGITS_MAX} digits")),
            }
        });
        let one = [Kind::Str, Kind::Output];
        let to_digits = [Kind::Str, Kind::Output, Kind::Int.optional()];
        exports.function("math_eval", &one, Routes::ALL, |mathops, cx, args| {
            mathops.fraction(cx, args, expression::evaluate(args.str(0)))
        });
        exports.function("math_rpn", &one, Routes::ALL, |mathops, cx, args| {
            mathops.fraction(cx, args, rpn::evaluate(args.str(0)))
        });
        exports.function(
            "math_compare",
            &[Kind::Str, Kind::Str, Kind::Output],
            Routes::ALL,
            Self::compare,
        );
        exports.function("math_trunc", &one, Routes::ALL, |_, cx, args| {
            whole(cx, args, f64::trunc)
        });
        exports.function("math_floor", &one, Routes::ALL, |_, cx, args| {
            whole(cx, args, f64::floor)
        });
        exports.function("math_ceil", &one, Routes::ALL, |_, cx, args| {
            whole(cx, args, f64::ceil)
        });
        exports.function("math_round", &to_digits, Routes::ALL, Self::round);
        exports.function("math_round_sf", &to_digits, Routes::ALL, Self::round_sf);
        exports.difference(
            "What has no finite value (division by zero, a root of -1) fails with -1 and leaves the variable as it is.",
        );
    }
}

impl MathOps {
    /// 1: assigned, as text with `decimal_digits` digits. -1: no expression, or no finite value.
    fn fraction(&self, cx: &mut Context<'_>, args: Args<'_>, value: Result<f64, Wrong>) -> Verdict {
        let Some(value) = finite(cx, args.str(0), value) else {
            return Verdict::FAIL;
        };
        assign(args, value, self.decimal_digits);
        Verdict::OK
    }

    /// Assigns -1, 0 or 1: the first is less, equal, greater.
    fn compare(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let mut value = |index| {
            let text = args.str(index);
            finite(cx, text, expression::evaluate(text))
        };
        let (Some(first), Some(second)) = (value(0), value(1)) else {
            return Verdict::FAIL;
        };
        args.set(2, i32::from(first > second) - i32::from(first < second));
        Verdict::OK
    }

    /// To the nearest; a half goes away from zero. Without decimals a number, otherwise text.
    fn round(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let decimals = args.int(2);
        if decimals == 0 {
            return whole(cx, args, f64::round);
        }
        let Some(value) = given(cx, args).filter(|_| is_digits(cx, decimals, 0)) else {
            return Verdict::FAIL;
        };
        let scale = 10f64.powi(decimals);
        let scaled = value * scale;
        // Beyond this every double is whole.
        let rounded = if scaled.abs() < 1e15 {
            scaled.round() / scale
        } else {
            value
        };
        assign(args, rounded, decimals);
        Verdict::OK
    }

    /// To so many significant figures.
    fn round_sf(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let figures = args.maybe_int(2).unwrap_or(self.decimal_digits.max(1));
        let Some(value) = given(cx, args).filter(|_| is_digits(cx, figures, 1)) else {
            return Verdict::FAIL;
        };
        // Rust's own scientific notation rounds to figures exactly; its exponent is that of the result.
        let text = format!("{:.*e}", figures as usize - 1, value);
        let exponent = text
            .split_once('e')
            .and_then(|(_, exponent)| exponent.parse::<i32>().ok());
        let (Some(exponent), Ok(rounded)) = (exponent, text.parse::<f64>()) else {
            return Verdict::FAIL;
        };
        assign(args, rounded, (figures - 1 - exponent).clamp(0, 30));
        Verdict::OK
    }
}

/// 1: assigned, as a number if it has 32 bits, otherwise as text.
fn whole(cx: &mut Context<'_>, args: Args<'_>, to: fn(f64) -> f64) -> Verdict {
    let Some(value) = given(cx, args).map(to) else {
        return Verdict::FAIL;
    };
    if value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX) {
        args.set(1, value as i32);
    } else {
        assign(args, value, 0);
    }
    Verdict::OK
}

fn assign(args: Args<'_>, value: f64, digits: i32) {
    let mut text = format!("{value:.*}", digits.max(0) as usize);
    // Nobody computes with a negative zero.
    if text.starts_with('-') && text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) {
        text.remove(0);
    }
    args.set(1, text.as_str());
}

/// The number in the first argument.
fn given(cx: &mut Context<'_>, args: Args<'_>) -> Option<f64> {
    let text = args.str(0);
    let value = number(text).ok_or(Wrong::at(text));
    finite(cx, text, value)
}

fn finite(cx: &mut Context<'_>, text: &[u8], value: Result<f64, Wrong>) -> Option<f64> {
    let why = match value {
        Ok(value) if value.is_finite() => return Some(value),
        Ok(value) if value.is_nan() => "it has no value".to_owned(),
        Ok(_) => "it is infinite".to_owned(),
        Err(wrong) => wrong.to_string(),
    };
    const SHOWN: usize = 60;
    let text = text[..text.len().min(SHOWN)].escape_ascii();
    cx.log_error(format_args!("mathops: `{text}`: {why}"));
    None
}

fn is_digits(cx: &mut Context<'_>, digits: i32, least: i32) -> bool {
    let is_digits = (least..=DIGITS_MAX).contains(&digits);
    if !is_digits {
        cx.log_error(format_args!(
            "mathops: {digits} is not between {least} and {DIGITS_MAX} digits"
        ));
    }
    is_digits
}

/// A text that is a number, signed or not, and nothing else.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let (sign, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (-1.0, rest),
        Some((b'+', rest)) => (1.0, rest),
        _ => (1.0, text),
    };
    let (number, rest) = expression::number(unsigned)?;
    rest.is_empty().then_some(sign * number)
}

#[cfg(test)]
mod tests;
