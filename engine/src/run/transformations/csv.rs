//! `csv`: one line of RFC 4180.

use super::{Arg, Input, Outcome, Transformation, int, part, place_of};
use crate::run::value::ValueRef;

pub(super) const TABLE: &[Transformation] = &[
    Transformation {
        class: "csv",
        name: "count",
        args: &[],
        apply: |input, _, _| Outcome::Int(fields(input.text).count() as i32),
    },
    Transformation {
        class: "csv",
        name: "value",
        args: &[Arg::Int],
        apply: value,
    },
];

fn value(input: Input<'_>, params: &[ValueRef<'_>], out: &mut Vec<u8>) -> Outcome {
    let place = int(params, 0).and_then(|index| place_of(index, fields(input.text).count()));
    let Some(field) = place.and_then(|place| fields(input.text).nth(place)) else {
        return Outcome::Null;
    };
    let trimmed = field.trim_ascii();
    match trimmed
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
    {
        // Two quotes inside of quotes are one.
        Some(quoted) => {
            let mut bytes = quoted.iter().peekable();
            while let Some(byte) = bytes.next() {
                out.push(*byte);
                if *byte == b'"' && bytes.peek() == Some(&&b'"') {
                    bytes.next();
                }
            }
            Outcome::Written
        }
        None => part(input, Some(field)),
    }
}

fn fields(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut in_quotes = false;
    text.split(move |byte| {
        in_quotes ^= *byte == b'"';
        *byte == b',' && !in_quotes
    })
}
