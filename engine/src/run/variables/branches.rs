//! `$msg.branch` and its fields, and the older `$branch`: the target set. Branch 0 is the Request-URI.

use super::{CoreVariable, not_empty, of_message, on_message, with_text};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::proxy::{TargetParts, set_attribute};
use crate::run::value::{Reading, ValueRef};

macro_rules! field {
    ($name:literal, $field:expr) => {
        on_message(
            $name,
            Shape::INDEXED,
            |cx, args, out| read(cx, $field, at(cx, args.index), out),
            |cx, args, value| write(cx, $field, at(cx, args.index), value),
        )
    };
}

pub(super) const TABLE: &[CoreVariable] = &[
    on_message(
        "msg.branch",
        Shape::PLAIN,
        |cx, _, out| read(cx, Field::Uri, last(cx), out),
        add,
    ),
    field!("msg.branch.uri", Field::Uri),
    field!("msg.branch.duri", Field::Destination),
    field!("msg.branch.path", Field::Path),
    field!("msg.branch.q", Field::Q),
    field!("msg.branch.flags", Field::Flags),
    field!("msg.branch.socket", Field::Socket),
    on_message(
        "msg.branch.flag",
        Shape::NAMED_INDEXED,
        read_flag,
        write_flag,
    ),
    on_message(
        "msg.branch.attr",
        Shape::NAMED_INDEXED,
        read_attribute,
        write_attribute,
    ),
    of_message("msg.branch.last_idx", Shape::PLAIN, |cx, _, _| {
        if cx.message.is_request() {
            Reading::Int(cx.scene.targets.len() as i32 - 1)
        } else {
            Reading::Null
        }
    }),
    on_message("branch", Shape::MAY_BE_NAMED_INDEXED, read_old, write_old),
    on_message("branch.flag", Shape::NAMED_INDEXED, read_flag, write_flag),
];

#[derive(Clone, Copy)]
enum Field {
    Uri,
    Destination,
    Path,
    Q,
    Flags,
    Socket,
}

fn last(cx: &Context<'_>) -> Option<usize> {
    Some(cx.scene.targets.len() - 1)
}

/// The branch that an index means; without one, the Request-URI's.
fn at(cx: &Context<'_>, index: Index) -> Option<usize> {
    match index {
        Index::At(index) => place(index, cx.scene.targets.len()),
        Index::None => Some(0),
        Index::All | Index::Append => None,
    }
}

fn place(index: i32, len: usize) -> Option<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => len.checked_sub(index.unsigned_abs() as usize)?,
    };
    (place < len).then_some(place)
}

fn read(cx: &Context<'_>, field: Field, at: Option<usize>, out: &mut Vec<u8>) -> Reading {
    // Of a reply's branch only the flags are at hand, as `$bf` shows them.
    if !cx.message.is_request() && !matches!((field, at), (Field::Flags, Some(0))) {
        return Reading::Null;
    }
    let Some((at, target)) = at.and_then(|at| Some((at, cx.scene.targets.get(at)?))) else {
        return Reading::Null;
    };
    match field {
        Field::Uri if at == 0 && target.uri.is_empty() => not_empty(cx.message.request_uri(), out),
        Field::Uri => not_empty(target.uri, out),
        Field::Destination => not_empty(target.destination, out),
        Field::Path => not_empty(target.path, out),
        Field::Q => target
            .q
            .map_or(Reading::Null, |q| Reading::Int(i32::from(q))),
        Field::Flags => {
            cx.core.machine.flags.write_branch(target.flags, out);
            Reading::Text
        }
        Field::Socket => {
            let socket = target.socket.and_then(|id| cx.core.sockets.get(id));
            Reading::maybe(socket.map(|socket| socket.name.as_bytes()), out)
        }
    }
}

fn write(cx: &mut Context<'_>, field: Field, at: Option<usize>, value: ValueRef<'_>) -> bool {
    let Some(at) = at.filter(|_| cx.message.is_request()) else {
        return false;
    };
    let text = |set: &mut dyn FnMut(&[u8]) -> bool| {
        with_text(value, |text| set(text)).unwrap_or_else(|| set(b""))
    };
    let targets = &mut cx.scene.targets;
    match field {
        Field::Uri => {
            !value.is_null() && text(&mut |uri| !uri.is_empty() && targets.set_uri(at, uri))
        }
        Field::Destination => text(&mut |uri| targets.set_destination(at, uri)),
        Field::Path => text(&mut |path| targets.set_path(at, path)),
        Field::Q => {
            let q = match value {
                ValueRef::Null | ValueRef::Int(-1) => None,
                ValueRef::Int(q @ 0..=1000) => Some(q as u16),
                _ => return false,
            };
            targets.facts_mut(at).map(|target| target.q = q).is_some()
        }
        Field::Flags => {
            let mut bits = 0;
            let names = with_text(value, |names| {
                names
                    .split(|byte| *byte == b' ')
                    .filter(|name| !name.is_empty())
                    .all(|name| {
                        let mask = cx.core.machine.flags.branch(name);
                        bits |= mask.unwrap_or(0);
                        mask.is_some()
                    })
            });
            let is_known = names.unwrap_or(true);
            is_known
                && targets
                    .facts_mut(at)
                    .map(|target| target.flags = bits)
                    .is_some()
        }
        Field::Socket => {
            let sockets = &cx.core.sockets;
            let socket = match with_text(value, |text| sockets.find(text).map(|socket| socket.id)) {
                Some(None) => return false,
                found => found.flatten(),
            };
            targets
                .facts_mut(at)
                .map(|target| target.socket = socket)
                .is_some()
        }
    }
}

/// A branch more, to this URI.
fn add(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let push = |uri: &[u8]| {
        let parts = TargetParts {
            uri,
            ..TargetParts::default()
        };
        !uri.is_empty() && cx.scene.targets.push(&parts).is_some()
    };
    with_text(value, push).unwrap_or(false)
}

fn read_flag(cx: &mut Context<'_>, args: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    let target = at(cx, args.index)
        .and_then(|at| cx.scene.targets.get(at))
        .map(|target| target.flags);
    match (target, cx.branch_flag(args.name())) {
        (Some(bits), Some(mask)) => Reading::Int(i32::from(bits & mask != 0)),
        _ => Reading::Null,
    }
}

fn write_flag(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let (Some(at), Some(mask), Some(n)) =
        (at(cx, args.index), cx.branch_flag(args.name()), value.int())
    else {
        return false;
    };
    let Some(target) = cx.scene.targets.facts_mut(at) else {
        return false;
    };
    match n {
        0 => target.flags &= !mask,
        _ => target.flags |= mask,
    }
    true
}

fn read_attribute(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let target = at(cx, args.index).and_then(|at| cx.scene.targets.get(at));
    match (target.and_then(|target| target.attributes), args.name_id) {
        (Some(list), Some(name)) => list
            .get(name)
            .map_or(Reading::Null, |value| Reading::of(value, out)),
        _ => Reading::Null,
    }
}

fn write_attribute(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let (Some(at), Some(name)) = (at(cx, args.index), args.name_id) else {
        return false;
    };
    let target = cx.scene.targets.facts_mut(at);
    target.is_some_and(|target| set_attribute(&mut target.attributes, name, value))
}

/// `$branch(field)[i]` counts without the Request-URI.
fn read_old(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match field_of(args.name) {
        Some(field) => read(cx, field, old_at(cx, args.index), out),
        None => Reading::Null,
    }
}

fn write_old(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    if args.name.is_none() && args.index == Index::None {
        return add(cx, args, value);
    }
    field_of(args.name).is_some_and(|field| write(cx, field, old_at(cx, args.index), value))
}

fn old_at(cx: &Context<'_>, index: Index) -> Option<usize> {
    let index = match index {
        Index::At(index) => index,
        _ => 0,
    };
    Some(place(index, cx.scene.targets.len() - 1)? + 1)
}

fn field_of(name: Option<&[u8]>) -> Option<Field> {
    Some(match name {
        None | Some(b"uri") => Field::Uri,
        Some(b"duri") => Field::Destination,
        Some(b"path") => Field::Path,
        Some(b"q") => Field::Q,
        Some(b"flags") => Field::Flags,
        Some(b"socket") => Field::Socket,
        Some(_) => return None,
    })
}
