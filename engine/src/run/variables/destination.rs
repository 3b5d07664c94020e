//! `$du` and its parts: the next hop, where it is another than the Request-URI says. `$ds`: all targets.

use parser::Uri;

use super::request_uri::{Part, compose, host, port, protocol};
use super::{CoreVariable, not_empty, of_message, on_message, with_text};
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    on_message("du", Shape::PLAIN, read, write),
    on_message("duri", Shape::PLAIN, read, write),
    on_message(
        "dd",
        Shape::PLAIN,
        |cx, _, out| host(cx.scene.targets.destination(0), out),
        write_host,
    ),
    on_message("dp", Shape::PLAIN, read_port, write_port),
    of_message("dP", Shape::PLAIN, |cx, _, out| {
        match cx.scene.targets.destination(0) {
            b"" => Reading::Null,
            uri => protocol(uri, out),
        }
    }),
    of_message("ds", Shape::PLAIN, set),
];

fn read(cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    not_empty(cx.scene.targets.destination(0), out)
}

/// NULL takes it away.
fn write(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |uri| {
        Uri::parse(uri).is_ok() && cx.scene.targets.set_destination(0, uri)
    })
    .unwrap_or_else(|| cx.scene.targets.set_destination(0, b""))
}

fn read_port(cx: &mut Context<'_>, _: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    match cx.scene.targets.destination(0) {
        b"" => Reading::Null,
        uri => port(uri),
    }
}

fn write_host(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |host| {
        !host.is_empty() && rewrite(cx, Part::Host(host))
    })
    .unwrap_or(false)
}

fn write_port(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |port| rewrite(cx, Part::Port(port)))
        .unwrap_or_else(|| rewrite(cx, Part::Port(b"")))
}

/// Where there is no destination yet, its host is one.
fn rewrite(cx: &mut Context<'_>, part: Part<'_>) -> bool {
    let mut text = std::mem::take(&mut cx.core.machine.scratch);
    text.clear();
    let made = match (cx.scene.targets.destination(0), part) {
        (b"", Part::Host(host)) => {
            text.extend_from_slice(b"sip:");
            text.extend_from_slice(host);
            true
        }
        (b"", _) => false,
        (uri, part) => compose(uri, part, &mut text),
    };
    let done = made && Uri::parse(&text).is_ok() && cx.scene.targets.set_destination(0, &text);
    cx.core.machine.scratch = text;
    done
}

/// As a Contact would list them.
fn set(cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    if !cx.message.is_request() {
        return Reading::Null;
    }
    for at in 0..cx.scene.targets.len() {
        let Some(target) = cx.scene.targets.get(at) else {
            continue;
        };
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        out.push(b'<');
        out.extend_from_slice(if target.uri.is_empty() {
            cx.message.request_uri()
        } else {
            target.uri
        });
        out.push(b'>');
        if let Some(q) = target.q {
            out.extend_from_slice(format!(";q={}.{:03}", q / 1000, q % 1000).as_bytes());
        }
    }
    Reading::Text
}
