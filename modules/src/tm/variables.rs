//! Variables of `tm`: the transaction and its branches.

use engine::limits::{BRANCH_VALUE_BYTES_MAX, BRANCH_VALUES_MAX};
use engine::module::{Context, Exports, Index, Shape, VarArgs, Verdict};
use engine::proxy::{Branch, set_attribute};
use engine::run::{Reading, ValueRef};
use script::RouteKind;

use super::Tm;
use super::functions::reply_code;

pub(super) fn export(exports: &mut Exports<Tm>) {
    exports.variable("T_reply_code", Shape::PLAIN, |_, cx, _, _| {
        number(reply_code(cx).map(u32::from))
    });
    exports.variable("T_branch_idx", Shape::PLAIN, |_, cx, _, _| {
        number(current(cx).map(u32::from))
    });
    exports.variable("T_id", Shape::PLAIN, id);
    exports.variable("T_ruri", Shape::PLAIN, |_, cx, args, out| {
        of_branch(cx, args, out, uri)
    });
    exports.variable("T_branch_last_reply_code", Shape::INDEXED, last_code);
    exports.set_variable(
        "T_fr_timeout",
        Shape::PLAIN,
        |_, cx, _, _| Reading::Int((cx.timeouts().0.unwrap_or(cx.core.tm.fr_ms) / 1000) as i32),
        |_, cx, _, value| match timeout(value) {
            Ok(Some(ms)) => {
                cx.set_timeouts(Some(ms), None);
                Verdict::OK
            }
            Ok(None) => {
                cx.set_timeouts(Some(cx.core.tm.fr_ms), None);
                Verdict::OK
            }
            Err(verdict) => verdict,
        },
    );
    exports.set_variable(
        "T_fr_inv_timeout",
        Shape::PLAIN,
        |_, cx, _, _| Reading::Int((cx.timeouts().1.unwrap_or(cx.core.tm.fr_inv_ms) / 1000) as i32),
        |_, cx, _, value| match timeout(value) {
            Ok(Some(ms)) => {
                cx.set_timeouts(None, Some(ms));
                Verdict::OK
            }
            Ok(None) => {
                cx.set_timeouts(None, Some(cx.core.tm.fr_inv_ms));
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
    exports.variable("tm.branch.type", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, out| {
            let is_one = !branch.is_placeholder;
            Reading::text(if is_one { b"sip" } else { b"phone" }, out)
        })
    });
    exports.variable("tm.branch.flags", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, cx, out| {
            cx.core.machine.flags.write_branch(branch.flags, out);
            Reading::Text
        })
    });
    exports.set_variable(
        "tm.branch.flag",
        Shape::NAMED_INDEXED,
        read_flag,
        write_flag,
    );
    exports.set_variable(
        "tm.branch.attr",
        Shape::NAMED_INDEXED,
        read_attribute,
        write_attribute,
    );
    exports.set_variable("bavp", Shape::NAMED_INDEXED, read_bavp, write_bavp);
}

/// The branch that a route is about: the one to be sent, the one that answered, or the one whose response has won.
fn current(cx: &Context<'_>) -> Option<u8> {
    match cx.run.kind {
        RouteKind::Failure => cx.transaction()?.best,
        _ => cx.run.branch,
    }
}

/// Whether an index means the branch whose route runs: that one is still in the script's hands.
fn is_in_view(cx: &Context<'_>, index: Index) -> bool {
    cx.run.kind == RouteKind::Branch
        && match index {
            Index::None => true,
            Index::At(at) => place(cx, Index::At(at)) == cx.run.branch,
            Index::All | Index::Append => false,
        }
}

/// The number of the branch that an index means.
fn place(cx: &Context<'_>, index: Index) -> Option<u8> {
    match index {
        Index::At(at) if at < 0 => {
            u8::try_from(cx.transaction()?.branches().len() as i32 + at).ok()
        }
        Index::At(at) => u8::try_from(at).ok(),
        Index::None | Index::All | Index::Append => current(cx),
    }
}

fn branch_mut<'c>(cx: &'c mut Context<'_>, index: Index) -> Option<&'c mut Branch> {
    let place = place(cx, index)?;
    let id = cx.transaction()?.id;
    cx.core.contexts.get_mut(id)?.branch_mut(place)
}

fn read_flag(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    let bits = if is_in_view(cx, args.index) {
        cx.scene.targets.get(0).map(|target| target.flags)
    } else {
        branch_mut(cx, args.index).map(|branch| branch.flags)
    };
    match (bits, cx.branch_flag(args.name())) {
        (Some(bits), Some(mask)) => Reading::Int(i32::from(bits & mask != 0)),
        _ => Reading::Null,
    }
}

fn write_flag(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> Verdict {
    let (Some(mask), Some(on)) = (cx.branch_flag(args.name()), value.int()) else {
        return Verdict::FAIL;
    };
    let is_in_view = is_in_view(cx, args.index);
    // A reply route sees the flags of its branch in the reply's own target, from where they go back.
    let is_answering = cx.run.kind == RouteKind::Reply && place(cx, args.index) == cx.run.branch;
    let set = |bits: &mut u32| match on {
        0 => *bits &= !mask,
        _ => *bits |= mask,
    };
    if (is_in_view || is_answering)
        && let Some(target) = cx.scene.targets.facts_mut(0)
    {
        set(&mut target.flags);
    }
    if is_in_view {
        return Verdict::OK;
    }
    let branch = branch_mut(cx, args.index);
    Verdict::of(branch.map(|branch| set(&mut branch.flags)).is_some())
}

fn read_attribute(
    _: &mut Tm,
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
) -> Reading {
    let Some(name) = args.name_id else {
        return Reading::Null;
    };
    let attributes = if is_in_view(cx, args.index) {
        cx.scene.targets.get(0).and_then(|target| target.attributes)
    } else {
        branch_mut(cx, args.index).and_then(|branch| branch.attributes())
    };
    attributes.map_or(Reading::Null, |list| list.read(name, Index::None, out))
}

fn write_attribute(
    _: &mut Tm,
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    value: ValueRef<'_>,
) -> Verdict {
    let Some(name) = args.name_id else {
        return Verdict::FAIL;
    };
    let attributes = if is_in_view(cx, args.index) {
        cx.scene
            .targets
            .facts_mut(0)
            .map(|target| &mut target.attributes)
    } else {
        branch_mut(cx, args.index).map(Branch::attributes_mut)
    };
    Verdict::of(attributes.is_some_and(|list| set_attribute(list, name, value)))
}

/// Only of the branch that the route is about: an index means one of its values.
fn read_bavp(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match (args.name_id, branch_mut(cx, Index::None)) {
        (Some(name), Some(branch)) => branch
            .avps()
            .map_or(Reading::Null, |avps| avps.read(name, args.index, out)),
        _ => Reading::Null,
    }
}

fn write_bavp(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> Verdict {
    let (Some(name), Some(branch)) = (args.name_id, branch_mut(cx, Index::None)) else {
        return Verdict::FAIL;
    };
    let avps = branch.avps_mut();
    let fits = value.is_null() || avps.has_room(value, BRANCH_VALUES_MAX, BRANCH_VALUE_BYTES_MAX);
    Verdict::of(fits && avps.assign(name, args.index, args.replaces, value))
}

fn id(_: &mut Tm, cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match cx.run.context {
        Some(id) => {
            let shard = cx.shard().0;
            let text = format!("{shard:x}.{:x}.{:x}", id.slot, id.generation);
            Reading::text(text.as_bytes(), out)
        }
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
    let place = place(cx, args.index);
    let Some(context) = cx.transaction() else {
        return Reading::Null;
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
