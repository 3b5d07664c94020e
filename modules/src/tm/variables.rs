//! Variables of `tm`: the transaction and its branches.

use engine::input::SocketId;
use engine::jobs::Purpose;
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
        |_, cx, _, _| seconds(cx, cx.timeouts().0.unwrap_or(cx.core.tm.fr_ms)),
        |_, cx, _, value| match timeout(cx, value) {
            Ok(ms) => {
                cx.set_timeouts(Some(ms.unwrap_or(cx.core.tm.fr_ms)), None);
                Verdict::OK
            }
            Err(verdict) => verdict,
        },
    );
    exports.set_variable(
        "T_fr_inv_timeout",
        Shape::PLAIN,
        |_, cx, _, _| seconds(cx, cx.timeouts().1.unwrap_or(cx.core.tm.fr_inv_ms)),
        |_, cx, _, value| match timeout(cx, value) {
            Ok(ms) => {
                cx.set_timeouts(None, Some(ms.unwrap_or(cx.core.tm.fr_inv_ms)));
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
            filled(branch.destination, out)
        })
    });
    exports.variable("tm.branch.path", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, out| filled(branch.path, out))
    });
    exports.variable("tm.branch.q", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, _, _| {
            number(branch.q.map(u32::from))
        })
    });
    exports.variable("tm.branch.socket", Shape::INDEXED, |_, cx, args, out| {
        of_branch(cx, args, out, |branch, cx, out| {
            let socket = branch.socket.and_then(|id| cx.core.sockets.get(id));
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

/// The branch that a route is about: the one to be sent, the one that answered, or the one whose response has won. A
/// request of our own has one, which is the request itself.
fn current(cx: &Context<'_>) -> Option<u8> {
    match cx.run.kind {
        RouteKind::Local => Some(0),
        RouteKind::Failure => cx.transaction()?.best,
        _ => cx.run.branch,
    }
}

/// Whether an index means the branch whose route runs: that one is still in the script's hands.
fn is_in_view(cx: &Context<'_>, index: Index) -> bool {
    match (cx.run.kind, index) {
        (RouteKind::Local, Index::At(at)) => matches!(at, 0 | -1),
        (RouteKind::Branch, Index::At(_)) => place(cx, index) == cx.run.branch,
        (RouteKind::Local | RouteKind::Branch, Index::None) => true,
        _ => false,
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
    let shard = cx.shard().0;
    let text = match (cx.run.context, cx.scene.proxy.purpose) {
        (Some(id), _) => format!("{shard:x}.{:x}.{:x}", id.slot, id.generation),
        (None, Purpose::Local(id)) => format!("{shard:x}.own.{:x}.{:x}", id.slot, id.generation),
        (None, _) => return Reading::Null,
    };
    Reading::text(text.as_bytes(), out)
}

fn last_code(_: &mut Tm, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    of_branch(cx, args, out, |branch, _, _| {
        number((branch.code > 0).then_some(u32::from(branch.code)))
    })
}

/// What can be read of a branch.
struct View<'a> {
    uri: &'a [u8],
    destination: &'a [u8],
    path: &'a [u8],
    q: Option<u16>,
    flags: u32,
    socket: Option<SocketId>,
    code: u16,
    is_placeholder: bool,
}

impl View<'_> {
    fn of(branch: &Branch) -> View<'_> {
        View {
            uri: &branch.uri,
            destination: &branch.destination,
            path: &branch.path,
            q: branch.q,
            flags: branch.flags,
            socket: branch.flow.map(|flow| flow.socket).or(branch.socket),
            code: branch.code,
            is_placeholder: branch.is_placeholder,
        }
    }
}

/// The branch of the index, or the one that the route is about; what is still in the script's hands, as it is now.
fn of_branch(
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
    read: impl FnOnce(View<'_>, &Context<'_>, &mut Vec<u8>) -> Reading,
) -> Reading {
    let cx = &*cx;
    if is_in_view(cx, args.index) {
        let target = cx.scene.targets.get(0).unwrap_or_default();
        let view = View {
            uri: target.uri,
            destination: target.destination,
            path: target.path,
            q: target.q,
            flags: target.flags,
            socket: target.socket.or(cx.scene.proxy.forced_socket),
            code: 0,
            is_placeholder: false,
        };
        return read(view, cx, out);
    }
    let branch = place(cx, args.index).and_then(|at| cx.transaction()?.branch(at));
    branch.map_or(Reading::Null, |branch| read(View::of(branch), cx, out))
}

fn uri(branch: View<'_>, cx: &Context<'_>, out: &mut Vec<u8>) -> Reading {
    match branch.uri {
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

/// Whether there is a transaction, or a request that may become one: not in routes about no message, and not for a reply
/// that belongs to nothing.
fn has_timeouts(cx: &Context<'_>) -> bool {
    !cx.run.is_dummy && (cx.run.kind != RouteKind::Reply || cx.run.context.is_some())
}

fn seconds(cx: &Context<'_>, ms: u32) -> Reading {
    match has_timeouts(cx) {
        true => Reading::Int((ms / 1000) as i32),
        false => Reading::Null,
    }
}

/// Seconds to milliseconds; NULL goes back to the parameter.
fn timeout(cx: &Context<'_>, value: ValueRef<'_>) -> Result<Option<u32>, Verdict> {
    if !has_timeouts(cx) {
        return Err(Verdict::FAIL);
    }
    match (value.is_null(), value.int()) {
        (true, _) => Ok(None),
        (false, Some(seconds @ 1..=86_400)) => Ok(Some(seconds as u32 * 1000)),
        (false, _) => Err(Verdict::FAIL),
    }
}
