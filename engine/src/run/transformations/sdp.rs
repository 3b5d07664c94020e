//! `sdp`: lines and streams of a session description.

use super::{Arg, Input, Outcome, Transformation, int, part, place_of, with_text};
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];

pub(super) const TABLE: &[Transformation] = &[
    Transformation {
        class: "sdp",
        name: "line",
        args: &[Arg::Text, Arg::MayInt],
        apply: line,
    },
    Transformation {
        class: "sdp",
        name: "stream",
        args: &[Arg::Text],
        apply: stream,
    },
    Transformation {
        class: "sdp",
        name: "stream-delete",
        args: &[Arg::Text],
        apply: stream_delete,
    },
];

/// The n-th line that begins like this, without its end.
fn line(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let index = int(params, 1).unwrap_or(0);
    with_text(params, 0, |prefix| {
        let found = || lines(input.text).filter(|line| line.starts_with(prefix));
        let place = place_of(index, found().count());
        part(
            input,
            place
                .and_then(|place| found().nth(place))
                .map(<[u8]>::trim_ascii_end),
        )
    })
}

fn stream(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |which| part(input, find(input.text, which)))
}

fn stream_delete(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let Some(found) = with_text(params, 0, |which| find(input.text, which)) else {
        return Outcome::Part(0..input.text.len());
    };
    let Outcome::Part(range) = part(input, Some(found)) else {
        return Outcome::Null;
    };
    out.extend_from_slice(&input.text[..range.start]);
    out.extend_from_slice(&input.text[range.end..]);
    Outcome::Written
}

/// The stream of this number, or the first of this kind of media.
fn find<'a>(text: &'a [u8], which: &[u8]) -> Option<&'a [u8]> {
    let number = std::str::from_utf8(which)
        .ok()
        .and_then(|text| text.parse::<i32>().ok());
    match number {
        Some(index) => streams(text).nth(place_of(index, streams(text).count())?),
        None => streams(text).find(|stream| {
            let media = stream[2..]
                .split(|byte| *byte == b' ')
                .next()
                .unwrap_or_default();
            media.eq_ignore_ascii_case(which)
        }),
    }
}

/// Each from its `m=` line up to the next one.
fn streams(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = line_starts(text).filter(|at| text[*at..].starts_with(b"m="));
    starts.map(|start| {
        // From here on, not from the top: a body may be nothing but streams.
        let next = line_starts(&text[start..])
            .skip(1)
            .find(|at| text[start + at..].starts_with(b"m="));
        &text[start..next.map_or(text.len(), |at| start + at)]
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

fn line_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let ends = text
        .iter()
        .inspect(|_| looked_at())
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).filter(|at| *at < text.len())
}

#[cfg(not(test))]
fn looked_at() {}

#[cfg(test)]
thread_local! {
    /// Bytes that were looked at for where lines begin.
    pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn looked_at() {
    LOOKED_AT.set(LOOKED_AT.get() + 1);
}
