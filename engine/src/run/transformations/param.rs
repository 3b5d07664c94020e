//! `param`: lists like `a=1;b="2";c`.

use super::{Arg, Input, Outcome, Transformation, int, part, part_or_empty, place_of, with_text};
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];

macro_rules! row {
    ($name:literal, $args:expr, $apply:expr) => {
        Transformation {
            class: "param",
            name: $name,
            args: $args,
            apply: $apply,
        }
    };
}

pub(super) const TABLE: &[Transformation] = &[
    row!("value", &[Arg::Text], value),
    row!("exist", &[Arg::Text], exist),
    row!("valueat", &[Arg::Int], |input, params, _| at(
        input,
        params,
        |one| one.1.unwrap_or_default()
    )),
    row!("name", &[Arg::Int], |input, params, _| at(
        input,
        params,
        |one| one.0
    )),
    row!("count", &[], |input, _, _| Outcome::Int(
        list(input.text).count() as i32
    )),
];

fn value(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |name| {
        let found = list(input.text).find(|one| one.0.eq_ignore_ascii_case(name));
        part_or_empty(input, found.and_then(|one| one.1))
    })
}

fn exist(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |name| {
        Outcome::Int(i32::from(
            list(input.text).any(|one| one.0.eq_ignore_ascii_case(name)),
        ))
    })
}

type Parameter<'a> = (&'a [u8], Option<&'a [u8]>);

fn at(
    input: Input<'_>,
    params: Params<'_, '_>,
    of: for<'a> fn(Parameter<'a>) -> &'a [u8],
) -> Outcome {
    let place = int(params, 0).and_then(|index| place_of(index, list(input.text).count()));
    part(
        input,
        place.and_then(|place| list(input.text).nth(place)).map(of),
    )
}

/// Names and values, quotes taken off.
fn list(text: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    let mut in_quotes = false;
    let parts = text.split(move |byte| {
        in_quotes ^= *byte == b'"';
        *byte == b';' && !in_quotes
    });
    parts
        .map(<[u8]>::trim_ascii)
        .filter(|one| !one.is_empty())
        .map(|one| match one.iter().position(|byte| *byte == b'=') {
            Some(equals) => (
                one[..equals].trim_ascii_end(),
                Some(unquoted(one[equals + 1..].trim_ascii_start())),
            ),
            None => (one, None),
        })
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(text)
}
