//! Transformations: script-language §8.5. One file a class.
//!
//! Each is a pure function from a value and parameters to a value. What is a part of the value is returned as a
//! range of it, so nothing is copied; what is new is written to a buffer. NULL never comes in, and what cannot be done
//! goes out as NULL.

mod base;
mod csv;
mod ip;
mod name_addr;
mod param;
mod re;
mod sdp;
mod text;
mod uri;
mod via;

use std::ops::Range;

use script::{ArgKind, ArgSpec};

pub(crate) use re::substitute;

use super::value::ValueRef;

/// One transformation.
pub(crate) struct Transformation {
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) args: &'static [Arg],
    pub(crate) apply: fn(Input<'_>, &[ValueRef<'_>], &mut Vec<u8>) -> Outcome,
}

/// What a parameter of a transformation is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg {
    Int,
    MayInt,
    Text,
    /// `/expression/replacement/flags`, prepared at load.
    Substitution,
}

impl Arg {
    pub(crate) fn spec(self) -> ArgSpec {
        match self {
            Arg::Int => ArgSpec::new(ArgKind::Int),
            Arg::MayInt => ArgSpec::new(ArgKind::Int).optional(),
            Arg::Text => ArgSpec::new(ArgKind::Str),
            Arg::Substitution => ArgSpec::new(ArgKind::Regex),
        }
    }
}

/// The value that is transformed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// Its text; a number's in decimal.
    pub(crate) text: &'a [u8],
    /// Its number, if it has one.
    pub(crate) int: Option<i32>,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Null,
    Int(i32),
    /// This part of the text that came in.
    Part(Range<usize>),
    /// What was written to the buffer.
    Written,
    /// What the text says as a format string: the machine evaluates it.
    Evaluate,
    /// The address that the text names, which DNS may have to be asked for: the machine waits for it.
    Resolve(Family),
}

/// Of which addresses one is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4, else IPv6.
    Any,
    V4,
    V6,
}

/// Parameters a transformation can have.
pub(crate) const PARAMS_MAX: usize = 4;

/// All of them, in the order of the catalog.
pub(crate) fn table() -> impl Iterator<Item = &'static Transformation> {
    let classes: [&'static [Transformation]; 9] = [
        text::TABLE,
        uri::TABLE,
        via::TABLE,
        param::TABLE,
        name_addr::TABLE,
        ip::TABLE,
        csv::TABLE,
        sdp::TABLE,
        re::TABLE,
    ];
    classes.into_iter().flatten()
}

/// The outcome that is a part of the text, found by whoever reads it.
fn part(input: Input<'_>, found: Option<&[u8]>) -> Outcome {
    let Some(found) = found else {
        return Outcome::Null;
    };
    if found.is_empty() {
        return Outcome::Part(0..0);
    }
    let start = (found.as_ptr() as usize).wrapping_sub(input.text.as_ptr() as usize);
    match start.checked_add(found.len()) {
        Some(end) if end <= input.text.len() => Outcome::Part(start..end),
        _ => Outcome::Null,
    }
}

/// The same, where nothing found is the empty text.
fn part_or_empty(input: Input<'_>, found: Option<&[u8]>) -> Outcome {
    part(input, Some(found.unwrap_or_default()))
}

/// A parameter that is a number, or text that reads as one.
fn int(params: &[ValueRef<'_>], place: usize) -> Option<i32> {
    let value = params.get(place)?;
    value
        .int()
        .or_else(|| std::str::from_utf8(value.text()?).ok()?.trim().parse().ok())
}

/// Does something with the text of a parameter.
fn with_text<R>(params: &[ValueRef<'_>], place: usize, then: impl FnOnce(&[u8]) -> R) -> R {
    match params.get(place) {
        Some(ValueRef::Int(n)) => then(super::value::Digits::default().of(*n)),
        Some(value) => then(value.text().unwrap_or_default()),
        None => then(b""),
    }
}

/// The place in a list of `len` that an index means; negative counts from the end.
fn place_of(index: i32, len: usize) -> Option<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => len.checked_sub(index.unsigned_abs() as usize)?,
    };
    (place < len).then_some(place)
}

#[cfg(test)]
mod tests;
