//! Reverse Polish notation: words that push numbers or work on the stack.

use super::Wrong;
use super::limits::{EXPRESSION_MAX, STACK_MAX};

/// The one value that an expression leaves.
pub(super) fn evaluate(text: &[u8]) -> Result<f64, Wrong> {
    if text.len() > EXPRESSION_MAX {
        return Err(Wrong::TooLong);
    }
    let mut stack: smallvec::SmallVec<[f64; STACK_MAX]> = smallvec::SmallVec::new();
    let words = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    for word in words {
        let mut pop = || stack.pop().ok_or(Wrong::at(word));
        let value = match word {
            b"+" => pop()? + pop()?,
            b"*" => pop()? * pop()?,
            b"-" | b"/" | b"mod" | b"pow" => {
                let (second, first) = (pop()?, pop()?);
                match word {
                    b"-" => first - second,
                    b"/" => first / second,
                    b"mod" => first % second,
                    _ => first.powf(second),
                }
            }
            b"neg" => -pop()?,
            b"exp" => pop()?.exp(),
            b"ln" => pop()?.ln(),
            b"log10" => pop()?.log10(),
            b"abs" => pop()?.abs(),
            b"sqrt" => pop()?.sqrt(),
            b"cbrt" => pop()?.cbrt(),
            b"floor" => pop()?.floor(),
            b"ceil" => pop()?.ceil(),
            b"round" => pop()?.round(),
            b"nearbyint" => pop()?.round_ties_even(),
            b"trunc" => pop()?.trunc(),
            b"e" => std::f64::consts::E,
            b"pi" => std::f64::consts::PI,
            b"drop" => {
                pop()?;
                continue;
            }
            b"dup" => {
                let top = pop()?;
                stack.push(top);
                top
            }
            b"swap" => {
                let (second, first) = (pop()?, pop()?);
                stack.push(second);
                first
            }
            number => super::number(number).ok_or(Wrong::at(number))?,
        };
        if stack.len() == STACK_MAX {
            return Err(Wrong::TooDeep);
        }
        stack.push(value);
    }
    match stack[..] {
        [value] => Ok(value),
        _ => Err(Wrong::NotOne(stack.len())),
    }
}
