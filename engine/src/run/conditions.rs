//! Conditions: script-language §7.2, §7.3.

use std::cmp::Ordering;
use std::net::IpAddr;

use script::ops::{Comparison, Outcome};
use script::program::{Constant, Net};

use super::patterns::Patterns;
use super::value::{Digits, Value};

fn outcome(is_true: bool) -> Outcome {
    if is_true {
        Outcome::True
    } else {
        Outcome::False
    }
}

/// A bare variable: false if NULL, empty or the number 0. The text `0` is true.
pub(super) fn is_true(value: Value, text: &[u8]) -> Outcome {
    match value {
        Value::Failed => Outcome::Error,
        Value::Null => Outcome::False,
        Value::Int(n) | Value::Literal(n) | Value::Both(n, _) => outcome(n != 0),
        Value::Text(_) => outcome(
            !value
                .bytes(text, &mut Digits::default())
                .unwrap_or_default()
                .is_empty(),
        ),
    }
}

pub(super) fn is_null(value: Value, negated: bool) -> Outcome {
    match value {
        Value::Failed => Outcome::Error,
        value => outcome(value.is_null() != negated),
    }
}

/// NULL equals nothing that is written down.
pub(super) fn compare_literal(
    how: Comparison,
    value: Value,
    literal: &Constant,
    text: &[u8],
) -> Outcome {
    match (value, literal) {
        (Value::Failed, _) => Outcome::Error,
        (Value::Null, _) => outcome(how == Comparison::NotEqual),
        (value, Constant::Int(right)) => match value.int() {
            Some(left) => outcome(holds(how, left.cmp(right))),
            None => Outcome::Error,
        },
        (value, Constant::Str(right)) => match value.bytes(text, &mut Digits::default()) {
            Some(left) => outcome(holds(how, compare_text(left, right))),
            None => Outcome::Error,
        },
    }
}

/// Numbers if both are, else texts. NULL equals only NULL.
pub(super) fn compare(how: Comparison, left: Value, right: Value, text: &[u8]) -> Outcome {
    match (left, right) {
        (Value::Failed, _) | (_, Value::Failed) => return Outcome::Error,
        (Value::Null, Value::Null) => return outcome(how == Comparison::Equal),
        (Value::Null, _) | (_, Value::Null) => return outcome(how == Comparison::NotEqual),
        _ => {}
    }
    if let (Some(left), Some(right)) = (left.int(), right.int()) {
        return outcome(holds(how, left.cmp(&right)));
    }
    let (mut one, mut other) = (Digits::default(), Digits::default());
    match (left.bytes(text, &mut one), right.bytes(text, &mut other)) {
        (Some(left), Some(right)) => outcome(holds(how, compare_text(left, right))),
        _ => Outcome::Error,
    }
}

/// Without case, on the common length; then the shorter is less.
pub(super) fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let common = left.len().min(right.len());
    let lower = |bytes: &[u8], at: usize| bytes[at].to_ascii_lowercase();
    let differs = (0..common)
        .map(|at| lower(left, at).cmp(&lower(right, at)))
        .find(|order| order.is_ne());
    differs.unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn holds(how: Comparison, order: Ordering) -> bool {
    match how {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::Greater => order.is_gt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// NULL matches no pattern.
pub(super) fn matches(
    value: Value,
    is_match: impl FnOnce(&[u8]) -> bool,
    negated: bool,
    text: &[u8],
) -> Outcome {
    match value {
        Value::Failed => Outcome::Error,
        Value::Null => outcome(negated),
        value => match value.bytes(text, &mut Digits::default()) {
            Some(bytes) => outcome(is_match(bytes) != negated),
            None => Outcome::Error,
        },
    }
}

/// The same with a pattern out of a variable. NULL matches NULL.
pub(super) fn matches_value(
    value: Value,
    pattern: Value,
    patterns: &mut Patterns,
    negated: bool,
    text: &[u8],
) -> Outcome {
    match (value, pattern) {
        (Value::Failed, _) | (_, Value::Failed) => return Outcome::Error,
        (Value::Null, Value::Null) => return outcome(!negated),
        (_, Value::Null) => return outcome(negated),
        _ => {}
    }
    let mut digits = Digits::default();
    let Some(regex) = pattern
        .bytes(text, &mut digits)
        .and_then(|pattern| patterns.get(pattern))
    else {
        return Outcome::Error;
    };
    matches(value, |bytes| regex.is_match(bytes), negated, text)
}

/// Text that is no address is an error; NULL is outside of every network.
pub(super) fn is_inside(value: Value, net: &Net, negated: bool, text: &[u8]) -> Outcome {
    match value {
        Value::Failed => Outcome::Error,
        Value::Null => outcome(negated),
        value => match value.bytes(text, &mut Digits::default()).and_then(address) {
            Some(address) => outcome(net.contains(address) != negated),
            None => Outcome::Error,
        },
    }
}

/// An address as scripts have it: `$si` is without brackets, a host may be with.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().ok()
}

/// A `case`: text without case, numbers by value. NULL is no case.
pub(super) fn is_case(value: Value, literal: &Constant, text: &[u8]) -> bool {
    match literal {
        Constant::Int(right) => value.int() == Some(*right),
        Constant::Str(right) => value
            .bytes(text, &mut Digits::default())
            .is_some_and(|left| left.eq_ignore_ascii_case(right)),
    }
}
