//! Functions about values: texts, the clock, attributes.

use super::{CoreFunction, checked, row};
use crate::module::{Args, Context, Verdict};
use crate::run::Trace;
use crate::run::value::ValueRef;

pub(super) const TABLE: &[CoreFunction] = &[
    row("pv_printf", "(out, str)", |_, args| {
        args.set(0, args.str(1));
        Verdict::OK
    }),
    row("get_timestamp", "(out, out)", |cx, args| {
        args.set(0, cx.now.unix_s() as i32);
        args.set(1, (cx.now.unix_us % 1_000_000) as i32);
        Verdict::OK
    }),
    row(
        "construct_uri",
        "(str, [str], str, [str], [str], out)",
        construct_uri,
    ),
    checked(
        "script_trace",
        "([int], [str~], [str!])",
        &[None, Some(is_format)],
        script_trace,
    ),
    row("avp_print", "()", |cx, _| {
        print_avps(cx);
        Verdict::OK
    }),
];

fn is_format(text: &[u8]) -> Result<(), String> {
    match script::evaluate::format(text) {
        Some(_) => Ok(()),
        None => Err("not a format string".to_owned()),
    }
}

/// A line for each action from here to the end of the top route; without arguments no longer. What the script has
/// written is a format string that each line evaluates anew; what a variable says may be a peer's, and stays as it is.
fn script_trace(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    const DEBUG: i32 = 4;
    cx.run.trace = None;
    if args.has(0) || args.has(1) || args.has(2) {
        cx.run.trace = Some(Box::new(Trace {
            level: args.maybe_int(0).unwrap_or(DEBUG).clamp(-3, DEBUG) as i8,
            text: args.str(1).to_vec(),
            is_format: args.is_literal(1),
            tag: args.str(2).to_vec(),
        }));
    }
    Verdict::OK
}

/// `proto:user@domain:port;extra`.
fn construct_uri(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let mut uri = std::mem::take(&mut cx.core.machine.scratch);
    uri.clear();
    let (scheme, user, domain, port, extra) = (
        args.str(0),
        args.str(1),
        args.str(2),
        args.str(3),
        args.str(4),
    );
    for (before, text, after) in [
        ("", scheme, ":"),
        ("", user, "@"),
        ("", domain, ""),
        (":", port, ""),
        (";", extra, ""),
    ] {
        if !text.is_empty() {
            uri.extend_from_slice(before.as_bytes());
            uri.extend_from_slice(text);
            uri.extend_from_slice(after.as_bytes());
        }
    }
    let is_whole = !scheme.is_empty() && !domain.is_empty();
    if is_whole {
        args.set(5, &uri[..]);
    }
    cx.core.machine.scratch = uri;
    Verdict::of(is_whole)
}

/// Newest first, at the level of debugging as asked for by whoever writes this into a script: always shown.
fn print_avps(cx: &mut Context<'_>) {
    for (name, value) in cx.scene.avps.iter() {
        let name = cx.core.machine.names.text(name);
        cx.outbox.log(3, |out| {
            out.extend_from_slice(b"avp ");
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            match value {
                ValueRef::Null => out.extend_from_slice(b"<null>"),
                value => value.write(out),
            }
        });
    }
}
