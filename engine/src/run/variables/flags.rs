//! `$mf`, `$bf`, `$msg.flag`: flags by their names.

use super::{CoreVariable, of_message, on_message};
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    of_message("mf", Shape::PLAIN, |cx, _, out| {
        cx.core.machine.flags.write_message(cx.scene.flags, out);
        Reading::Text
    }),
    of_message("bf", Shape::PLAIN, |cx, _, out| {
        let bits = cx.scene.targets.get(0).map_or(0, |target| target.flags);
        cx.core.machine.flags.write_branch(bits, out);
        Reading::Text
    }),
    on_message("msg.flag", Shape::NAMED, read, write),
];

fn read(cx: &mut Context<'_>, args: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    match cx.message_flag(args.name()) {
        Some(mask) => Reading::Int(i32::from(cx.scene.flags & mask != 0)),
        None => Reading::Null,
    }
}

fn write(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let (Some(mask), Some(n)) = (cx.message_flag(args.name()), value.int()) else {
        return false;
    };
    match n {
        0 => cx.scene.flags &= !mask,
        _ => cx.scene.flags |= mask,
    }
    true
}
