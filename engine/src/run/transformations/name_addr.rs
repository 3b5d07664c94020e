//! `nameaddr`: values like `"Bob" <sip:bob@example.com>;tag=1`, also of comma lists.

use parser::NameAddr;

use super::{Arg, Input, Outcome, Transformation, int, part_or_empty, place_of, with_text};
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];

macro_rules! row {
    ($name:literal, $args:expr, $apply:expr) => {
        Transformation {
            class: "nameaddr",
            name: $name,
            args: $args,
            apply: $apply,
        }
    };
}

pub(super) const TABLE: &[Transformation] = &[
    row!("name", &[Arg::MayInt], |input, params, _| with(
        input,
        params,
        0,
        |one, _| one.display
    )),
    row!("uri", &[Arg::MayInt], |input, params, _| with(
        input,
        params,
        0,
        |one, _| Some(one.addr_spec)
    )),
    row!("len", &[Arg::MayInt], len),
    row!("param", &[Arg::Text, Arg::MayInt], param),
    row!("params", &[Arg::MayInt], |input, params, _| with(
        input,
        params,
        0,
        |one, _| {
            let raw = one.params.raw();
            Some(raw.strip_prefix(b";").unwrap_or(raw))
        }
    )),
];

fn with(
    input: Input<'_>,
    params: Params<'_, '_>,
    index_at: usize,
    read: impl for<'a> Fn(NameAddr<'a>, &'a [u8]) -> Option<&'a [u8]>,
) -> Outcome {
    match element(input.text, int(params, index_at).unwrap_or(0)) {
        Some(one) => match NameAddr::parse(one) {
            Ok(parsed) => part_or_empty(input, read(parsed, one)),
            Err(_) => Outcome::Null,
        },
        None => Outcome::Null,
    }
}

fn len(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    match element(input.text, int(params, 0).unwrap_or(0)) {
        Some(one) if NameAddr::parse(one).is_ok() => Outcome::Int(one.len() as i32),
        _ => Outcome::Null,
    }
}

fn param(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |name| {
        let one = element(input.text, int(params, 1).unwrap_or(0));
        match one.map(NameAddr::parse) {
            Some(Ok(parsed)) => part_or_empty(input, parsed.params.get(name)),
            _ => Outcome::Null,
        }
    })
}

fn element(text: &[u8], index: i32) -> Option<&[u8]> {
    let place = place_of(index, elements(text).count())?;
    elements(text).nth(place)
}

/// The elements of a comma list; commas in quotes and angle brackets belong to the element.
fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut in_quotes, mut in_brackets, mut is_escaped) = (false, false, false);
    let parts = text.split(move |byte| {
        let was_escaped = is_escaped;
        is_escaped = in_quotes && *byte == b'\\' && !was_escaped;
        match byte {
            b'"' if !was_escaped && !in_brackets => in_quotes = !in_quotes,
            b'<' if !in_quotes => in_brackets = true,
            b'>' if !in_quotes => in_brackets = false,
            _ => {}
        }
        *byte == b',' && !in_quotes && !in_brackets
    });
    parts.map(<[u8]>::trim_ascii).filter(|one| !one.is_empty())
}
