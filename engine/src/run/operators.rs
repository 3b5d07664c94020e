//! Operators of expressions: script-language §7.4.
//!
//! The left side decides: a number makes it arithmetic, anything else makes `+` a concatenation.

use script::ops::Operator;

use super::value::{Digits, Stretch, Value};

/// `left op right`.
pub(super) fn arithmetic(
    operator: Operator,
    left: Value,
    right: Value,
    text: &mut Vec<u8>,
) -> Value {
    if left == Value::Failed || right == Value::Failed {
        return Value::Failed;
    }
    if let Some(a) = left.int() {
        let b = if right.is_null() {
            Some(0)
        } else {
            right.int()
        };
        return b
            .and_then(|b| numbers(operator, a, b))
            .map_or(Value::Failed, Value::Int);
    }
    match operator {
        Operator::Add => concatenate(left, right, text),
        Operator::And | Operator::Or | Operator::Xor => bytewise(operator, left, right, text),
        _ => Value::Failed,
    }
}

/// `left op= right`: two numbers, or `+=` of two texts.
pub(super) fn compound(operator: Operator, left: Value, right: Value, text: &mut Vec<u8>) -> Value {
    match (left, right) {
        (Value::Text(_), Value::Text(_)) if operator == Operator::Add => {
            concatenate(left, right, text)
        }
        _ => match (left.int(), right.int()) {
            (Some(a), Some(b)) => numbers(operator, a, b).map_or(Value::Failed, Value::Int),
            _ => Value::Failed,
        },
    }
}

/// 32 bits, wrapping. Nothing is divided by 0.
fn numbers(operator: Operator, a: i32, b: i32) -> Option<i32> {
    Some(match operator {
        Operator::Add => a.wrapping_add(b),
        Operator::Subtract => a.wrapping_sub(b),
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide if b == 0 => return None,
        Operator::Divide => a.wrapping_div(b),
        Operator::Modulo if b == 0 => return None,
        Operator::Modulo => a.wrapping_rem(b),
        Operator::And => a & b,
        Operator::Or => a | b,
        Operator::Xor => a ^ b,
        Operator::ShiftLeft => a.wrapping_shl(b as u32),
        Operator::ShiftRight => a.wrapping_shr(b as u32),
    })
}

/// NULL is empty. A number written in the script has no text: `"a" + 1` fails, `"a" + $var(i)` does not.
fn concatenate(left: Value, right: Value, text: &mut Vec<u8>) -> Value {
    if matches!(right, Value::Literal(_)) {
        return Value::Failed;
    }
    if let (Value::Text(one), Value::Text(other)) = (left, right)
        && one.start + one.len == other.start
    {
        return Value::Text(Stretch {
            start: one.start,
            len: one.len + other.len,
        });
    }
    let start = text.len();
    for value in [left, right] {
        match value {
            Value::Text(stretch) | Value::Both(_, stretch) => {
                text.extend_from_within(stretch.range())
            }
            value => {
                if let Some(n) = value.int() {
                    text.extend_from_slice(Digits::default().of(n));
                }
            }
        }
    }
    Value::Text(Stretch::since(text, start))
}

fn bytewise(operator: Operator, left: Value, right: Value, text: &mut Vec<u8>) -> Value {
    let (Value::Text(one), Value::Text(other)) = (left, right) else {
        return Value::Failed;
    };
    if one.len != other.len {
        return Value::Failed;
    }
    let start = text.len();
    for (a, b) in one.range().zip(other.range()) {
        let (a, b) = (text[a], text[b]);
        text.push(match operator {
            Operator::And => a & b,
            Operator::Or => a | b,
            _ => a ^ b,
        });
    }
    Value::Text(Stretch::since(text, start))
}
