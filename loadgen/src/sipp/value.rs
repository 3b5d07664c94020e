//! What a variable holds.

use std::io::Write as _;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    #[default]
    Unset,
    Bool(bool),
    Number(f64),
    Text(Vec<u8>),
}

impl Value {
    /// What `test` of a step asks.
    pub(crate) fn is_set(&self) -> bool {
        match self {
            Value::Unset => false,
            Value::Bool(value) => *value,
            Value::Number(_) | Value::Text(_) => true,
        }
    }

    /// Text counts as the number that it begins with.
    pub(crate) fn number(&self) -> f64 {
        match self {
            Value::Unset => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(value) => *value,
            Value::Text(text) => number_of(text).unwrap_or(0.0),
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Unset => {}
            Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            // Six places, as scenario files know it.
            Value::Number(value) => {
                let _ = write!(out, "{value:.6}");
            }
            Value::Text(text) => out.extend_from_slice(text),
        }
    }
}

/// The number at the beginning of a text.
pub(crate) fn number_of(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii_start();
    let (mut end, mut point, mut digits) = (0, false, false);
    for (place, &byte) in text.iter().enumerate() {
        match byte {
            b'-' | b'+' if place == 0 => {}
            b'.' if !point => point = true,
            b'0'..=b'9' => digits = true,
            _ => break,
        }
        end = place + 1;
    }
    if !digits {
        return None;
    }
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}
