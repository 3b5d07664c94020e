//! Arithmetic as people write it: `3 * (2 + sqrt(x)) ^ 2`, with the numbers already in place.
//!
//! The grammar is the one scripts know: a sign binds tighter than `^`, `^` goes from left to right, a function of one
//! argument needs no parentheses. A descent by hand, because a script's expressions are short and no crate has these
//! rules.

use super::Wrong;
use super::limits::{DEPTH_MAX, EXPRESSION_MAX};

/// The value of an expression.
pub(super) fn evaluate(text: &[u8]) -> Result<f64, Wrong> {
    if text.len() > EXPRESSION_MAX {
        return Err(Wrong::TooLong);
    }
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let value = reader.sum()?;
    reader.blanks();
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(Wrong::at(reader.rest))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn sum(&mut self) -> Result<f64, Wrong> {
        let mut value = self.product()?;
        loop {
            match self.operator(b"+-") {
                Some(b'+') => value += self.product()?,
                Some(_) => value -= self.product()?,
                None => return Ok(value),
            }
        }
    }

    fn product(&mut self) -> Result<f64, Wrong> {
        let mut value = self.factor()?;
        loop {
            match self.operator(b"*/%") {
                Some(b'*') => value *= self.factor()?,
                Some(b'/') => value /= self.factor()?,
                Some(_) => value %= self.factor()?,
                None => return Ok(value),
            }
        }
    }

    fn factor(&mut self) -> Result<f64, Wrong> {
        let mut value = self.signed()?;
        while self.operator(b"^").is_some() {
            value = value.powf(self.signed()?);
        }
        Ok(value)
    }

    fn signed(&mut self) -> Result<f64, Wrong> {
        let mut is_negative = false;
        while let Some(sign) = self.operator(b"+-") {
            is_negative ^= sign == b'-';
        }
        let value = self.deeper(Self::operand)?;
        Ok(if is_negative { -value } else { value })
    }

    fn operand(&mut self) -> Result<f64, Wrong> {
        self.blanks();
        match self.rest.first() {
            Some(b'(') => self.in_parentheses(),
            Some(byte) if byte.is_ascii_digit() || *byte == b'.' => {
                let (number, rest) = number(self.rest).ok_or(Wrong::at(self.rest))?;
                self.rest = rest;
                Ok(number)
            }
            Some(byte) if byte.is_ascii_alphabetic() => self.named(),
            _ => Err(Wrong::at(self.rest)),
        }
    }

    fn in_parentheses(&mut self) -> Result<f64, Wrong> {
        self.expect(b'(')?;
        let value = self.sum()?;
        self.expect(b')')?;
        Ok(value)
    }

    fn named(&mut self) -> Result<f64, Wrong> {
        let whole = self.rest;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let end = whole.iter().position(|byte| !is_name(byte));
        let (name, rest) = whole.split_at(end.unwrap_or(whole.len()));
        self.rest = rest;
        if let Some((_, value)) = CONSTANTS.iter().find(|(one, _)| one.as_bytes() == name) {
            // `pi` and `pi()` are the same.
            if self.operator(b"(").is_some() {
                self.expect(b')')?;
            }
            return Ok(*value);
        }
        if let Some((_, apply)) = BINARY.iter().find(|(one, _)| one.as_bytes() == name) {
            self.expect(b'(')?;
            let first = self.sum()?;
            self.expect(b',')?;
            let second = self.sum()?;
            self.expect(b')')?;
            return Ok(apply(first, second));
        }
        match UNARY.iter().find(|(one, _)| one.as_bytes() == name) {
            Some((_, apply)) => Ok(apply(self.signed()?)),
            None => Err(Wrong::at(whole)),
        }
    }

    fn deeper(&mut self, part: fn(&mut Self) -> Result<f64, Wrong>) -> Result<f64, Wrong> {
        if self.depth == DEPTH_MAX {
            return Err(Wrong::TooDeep);
        }
        self.depth += 1;
        let value = part(self);
        self.depth -= 1;
        value
    }

    fn operator(&mut self, one_of: &[u8]) -> Option<u8> {
        self.blanks();
        let byte = *self.rest.first().filter(|byte| one_of.contains(byte))?;
        self.rest = &self.rest[1..];
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        self.operator(&[byte]).ok_or(Wrong::at(self.rest))?;
        Ok(())
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

/// A number without a sign at the start of a text, and what comes behind it.
pub(super) fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits(&text[len + 1..]);
        if whole + fraction == 0 {
            return None;
        }
        len += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = text.get(len) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(&text[len + 1 + sign..]);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    Some((number, &text[len..]))
}

const CONSTANTS: &[(&str, f64)] = &[("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

type Unary = fn(f64) -> f64;
type Binary = fn(f64, f64) -> f64;

const UNARY: &[(&str, Unary)] = &[
    ("abs", f64::abs),
    ("acos", f64::acos),
    ("asin", f64::asin),
    ("atan", f64::atan),
    ("ceil", f64::ceil),
    ("cos", f64::cos),
    ("cosh", f64::cosh),
    ("exp", f64::exp),
    ("floor", f64::floor),
    ("ln", f64::ln),
    ("log", f64::log10),
    ("log10", f64::log10),
    ("sin", f64::sin),
    ("sinh", f64::sinh),
    ("sqrt", f64::sqrt),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
];

const BINARY: &[(&str, Binary)] = &[("atan2", f64::atan2), ("pow", f64::powf)];
