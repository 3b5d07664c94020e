//! Variables of `tm`: the transaction and its branches.

use engine::module::{Context, Exports, Index, Shape, VarArgs, Verdict};
use engine::proxy::Branch;
use engine::run::{Reading, ValueRef};

use super::Tm;
use super::functions::reply_code;

pub(super) fn export(exports: &mut Exports<Tm>) {
    exports.variable("T_reply_code", Shape::PLAIN, |_, cx, _, _| {
        number(reply_code(cx).map(u32::from))
    });
    exports.variable("T_branch_idx", Shape::PLAIN, |_, cx, _, _| {
        number(cx.run.branch.map(u32::from))
    });
    exports.variable("T_id", Shape::PLAIN, id);
    exports.variable("T_ruri", Shape::PLAIN, |_, cx, args, out| {
        of_branch(cx, args, out, uri)
    });
    exports.variable("T_branch_last_reply_code", Shape::INDEXED, last_code);
    exports.set_variable(
        "T_fr_timeout",
        Shape::PLAIN,
        |_, cx, _, _| {
            Reading::Int((cx.scene.proxy.fr_ms.unwrap_or(cx.core.tm.fr_ms) / 1000) as i32)
        },
        |_, cx, _, value| match timeout(value) {
            Ok(Some(ms)) => {
                cx.set_timeouts(Some(ms), None);
                Verdict::OK
            }
            Ok(None) => {
                cx.scene.proxy.fr_ms = None;
                Verdict::OK
            }
            Err(verdict) => verdict,
        },
    );
    exports.set_variable(
        "T_fr_inv_timeout",
        Shape::PLAIN,
        |_, cx, _, _| {
            Reading::Int((cx.scene.proxy.fr_inv_ms.unwrap_or(cx.core.tm.fr_inv_ms) / 1000) as i32)
        },
        |_, cx, _, value| match timeout(value) {
            Ok(Some(ms)) => {
                cx.set_timeouts(None, Some(ms));
                Verdict::OK
            }
            Ok(None) => {
                cx.scene.proxy.fr_inv_ms = None;
                Verdict::OK
            }
            Err(verdict) => verdict,
        },
    );
    exports.variable("tm.branch.uri", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, uri)
    });
    exports.variable("tm.branch.duri", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, out| {
            filled(&branch.destination, out)
        })
    });
    exports.variable("tm.branch.path", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, out| filled(&branch.path, out))
    });
    exports.variable("tm.branch.q", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, _| {
            number(branch.q.map(u32::from))
        })
    });
    exports.variable("tm.branch.socket", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, cx, out| {
            let socket = branch
                .flow
                .map(|flow| flow.socket)
                .or(branch.socket)
                .and_then(|id| cx.core.sockets.get(id));
            Reading::maybe(socket.map(|socket| socket.name.as_bytes()), out)
        })
    });
    exports.variable("tm.branch.last_received", Shape::INDEXED, last_code);
}

fn id(_: &mut Tm, cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match cx.run.context {
        Some(id) => Reading::text(format!("{:x}.{:x}", id.slot, id.generation).as_bytes(), out),
        None => Reading::Null,
    }
}

fn last_code(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    of_branch(cx, args, out, |branch, _, _| {
        number((branch.code > 0).then_some(u32::from(branch.code)))
    })
}

/// The branch of the index, or the one that the route is about.
fn of_branch(
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
    read: impl FnOnce(&Branch, &Context<'_>, &mut Vec<u8>) -> Reading,
) -> Reading {
    let Some(context) = cx.transaction() else {
        return Reading::Null;
    };
    let place = match args.index {
        Index::At(at) if at < 0 => u8::try_from(context.branches().len() as i32 + at).ok(),
        Index::At(at) => u8::try_from(at).ok(),
        Index::None | Index::All | Index::Append => cx.run.branch.or(context.best),
    };
    match place.and_then(|at| context.branch(at)) {
        Some(branch) => read(branch, cx, out),
        None => Reading::Null,
    }
}

fn uri(branch: &Branch, cx: &Context<'_>, out: &mut Vec<u8>) -> Reading {
    match branch.uri.as_slice() {
        b"" if cx.message.is_request() => Reading::text(cx.message.request_uri(), out),
        b"" => Reading::Null,
        uri => Reading::text(uri, out),
    }
}

fn filled(text: &[u8], out: &mut Vec<u8>) -> Reading {
    if text.is_empty() {
        Reading::Null
    } else {
        Reading::text(text, out)
    }
}

fn number(value: Option<u32>) -> Reading {
    value.map_or(Reading::Null, |value| Reading::Int(value as i32))
}

/// Seconds to milliseconds; NULL goes back to the parameter.
fn timeout(value: ValueRef<'_>) -> Result<Option<u32>, Verdict> {
    match (value.is_null(), value.int()) {
        (true, _) => Ok(None),
        (false, Some(seconds @ 1..=86_400)) => Ok(Some(seconds as u32 * 1000)),
        (false, _) => Err(Verdict::FAIL),
    }
}
