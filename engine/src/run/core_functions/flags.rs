//! Message and branch flags: script-language §7.9.

use super::{CoreFunction, row};
use crate::module::{Args, Context, Verdict};

pub(super) const TABLE: &[CoreFunction] = &[
    row("setflag", "(str!)", |cx, args| {
        message(cx, args, |flags, mask| *flags |= mask)
    }),
    row("resetflag", "(str!)", |cx, args| {
        message(cx, args, |flags, mask| *flags &= !mask)
    }),
    row("isflagset", "(str!)", |cx, args| {
        match cx.message_flag(args.str(0)) {
            Some(mask) => Verdict::of(cx.scene.flags & mask != 0),
            None => Verdict::FAIL,
        }
    }),
    row("setbflag", "(str!, [int])", |cx, args| {
        branch(cx, args, |flags, mask| *flags |= mask)
    }),
    row("resetbflag", "(str!, [int])", |cx, args| {
        branch(cx, args, |flags, mask| *flags &= !mask)
    }),
    row("isbflagset", "(str!, [int])", |cx, args| {
        let target = usize::try_from(args.int(1))
            .ok()
            .and_then(|at| cx.scene.targets.get(at));
        let bits = target.map_or(0, |target| target.flags);
        match cx.branch_flag(args.str(0)) {
            Some(mask) => Verdict::of(bits & mask != 0),
            None => Verdict::FAIL,
        }
    }),
];

fn message(cx: &mut Context<'_>, args: Args<'_>, change: fn(&mut u32, u32)) -> Verdict {
    let Some(mask) = cx.message_flag(args.str(0)) else {
        return Verdict::FAIL;
    };
    change(&mut cx.scene.flags, mask);
    Verdict::OK
}

/// Of the branch that the second argument numbers; 0 is the Request-URI.
fn branch(cx: &mut Context<'_>, args: Args<'_>, change: fn(&mut u32, u32)) -> Verdict {
    let Some(mask) = cx.branch_flag(args.str(0)) else {
        return Verdict::FAIL;
    };
    let target = usize::try_from(args.int(1))
        .ok()
        .and_then(|at| cx.scene.targets.facts_mut(at));
    Verdict::of(
        target
            .map(|target| change(&mut target.flags, mask))
            .is_some(),
    )
}
