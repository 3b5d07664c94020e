//! `$Ts`, `$Tsm`, `$Tf`, `$time`, `$TS`: the clock. Texts are in UTC: an engine knows no place.

use chrono::{DateTime, Utc};

use super::{CoreVariable, fact};
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::Reading;

pub(super) const TABLE: &[CoreVariable] = &[
    fact("Ts", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.now.unix_s() as i32)
    }),
    fact("Tsm", Shape::PLAIN, |cx, _, _| {
        Reading::Int((cx.now.unix_us % 1_000_000) as i32)
    }),
    fact("Tf", Shape::PLAIN, |cx, _, out| {
        format(cx, "%a %b %e %H:%M:%S %Y", out)
    }),
    fact("TS", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.core.started.unix_s() as i32)
    }),
    fact("time", Shape::NAMED, time),
];

fn time(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match std::str::from_utf8(args.name()) {
        Ok(wanted) => format(cx, wanted, out),
        Err(_) => Reading::Null,
    }
}

fn format(cx: &Context<'_>, wanted: &str, out: &mut Vec<u8>) -> Reading {
    use std::io::Write;
    let Some(now) = DateTime::<Utc>::from_timestamp(cx.now.unix_s() as i64, 0) else {
        return Reading::Null;
    };
    let start = out.len();
    // What strftime does not know is an error of writing.
    if write!(out, "{}", now.format(wanted)).is_err() {
        out.truncate(start);
        return Reading::Null;
    }
    Reading::Text
}
