//! `$ci`, `$rm`, `$rs`, `$rb`, `$mb`...: the message as a whole.

use super::{CoreVariable, not_empty, of_message};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::run::value::Reading;

pub(super) const TABLE: &[CoreVariable] = &[
    of_message("ci", Shape::PLAIN, |cx, _, out| {
        not_empty(cx.message.call_id(), out)
    }),
    of_message("cs", Shape::PLAIN, |cx, _, out| {
        use std::io::Write;
        // A number beyond 31 bits is no number of a script; and it is text anyway.
        let _ = write!(out, "{}", cx.message.cseq().number);
        Reading::Text
    }),
    of_message("rm", Shape::PLAIN, |cx, _, out| {
        Reading::text(cx.message.method().as_bytes(), out)
    }),
    of_message("cl", Shape::PLAIN, |cx, _, _| {
        cx.message
            .content_length()
            .map_or(Reading::Null, |length| Reading::Int(length as i32))
    }),
    of_message("cT", Shape::INDEXED, content_type),
    of_message("rb", Shape::MAY_BE_NAMED_INDEXED, body),
    of_message("mb", Shape::PLAIN, |cx, _, out| {
        Reading::text(cx.message.bytes(), out)
    }),
    of_message("ml", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.message.bytes().len() as i32)
    }),
    of_message("mi", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.core.machine.runs as i32)
    }),
    of_message("rs", Shape::PLAIN, |cx, _, _| {
        cx.message
            .status()
            .map_or(Reading::Null, |status| Reading::Int(i32::from(status)))
    }),
    of_message("rr", Shape::PLAIN, |cx, _, out| match cx.message.status() {
        Some(_) => Reading::text(cx.message.reason(), out),
        None => Reading::Null,
    }),
    of_message("msg.is_request", Shape::PLAIN, |cx, _, _| {
        Reading::Int(i32::from(cx.message.is_request()))
    }),
    of_message("msg.type", Shape::PLAIN, |cx, _, out| {
        Reading::text(
            if cx.message.is_request() {
                b"request"
            } else {
                b"reply"
            },
            out,
        )
    }),
];

fn content_type(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let Some(whole) = cx.message.content_type() else {
        return Reading::Null;
    };
    let Index::At(index) = args.index else {
        return Reading::text(whole, out);
    };
    let Ok(parts) = parser::multipart::parts(whole, cx.message.body()) else {
        return Reading::Null;
    };
    let place = place(index, parts.clone().count());
    let mut parts = parts;
    let part = place.and_then(|place| parts.nth(place));
    Reading::maybe(part.and_then(|part| part.content_type), out)
}

/// The body; with a type or an index, that part of it.
fn body(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let body = cx.message.body();
    let index = match args.index {
        Index::At(index) => Some(index),
        _ => None,
    };
    if args.name.is_none() && index.is_none() {
        return not_empty(body, out);
    }
    let Some(whole) = cx.message.content_type() else {
        return Reading::Null;
    };
    let is_wanted = |content_type: Option<&[u8]>| match (args.name, content_type) {
        (None, _) => true,
        (Some(wanted), Some(content_type)) => {
            media_type(content_type).eq_ignore_ascii_case(wanted.trim_ascii())
        }
        (Some(_), None) => false,
    };
    // A body of one part is its own first part.
    let is_multipart = media_type(whole)
        .get(..10)
        .filter(|start| start.eq_ignore_ascii_case(b"multipart/"));
    let Some(Ok(parts)) = is_multipart.map(|_| parser::multipart::parts(whole, body)) else {
        let is_it = is_wanted(Some(whole)) && matches!(index, None | Some(0 | -1));
        return if is_it {
            not_empty(body, out)
        } else {
            Reading::Null
        };
    };
    let parts = parts.filter(|part| is_wanted(part.content_type));
    let place = place(index.unwrap_or(0), parts.clone().count());
    let mut parts = parts;
    Reading::maybe(
        place
            .and_then(|place| parts.nth(place))
            .map(|part| part.body),
        out,
    )
}

pub(super) fn media_type(value: &[u8]) -> &[u8] {
    value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

fn place(index: i32, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(place) => Some(place),
        Err(_) => len.checked_sub(index.unsigned_abs() as usize),
    }
}
