//! `$var`, `$avp`, `$param`, `$return`: what scripts keep values in.

use super::{CoreVariable, fact, state};
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    state("var", Shape::NAMED, read_var, write_var),
    state("avp", Shape::NAMED_INDEXED, read_avp, write_avp),
    fact("param", Shape::NAMED, read_param),
    fact("return", Shape::NAMED, read_return),
];

fn read_var(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    // What nobody has named was never assigned.
    args.name_id.map_or(Reading::Int(0), |name| {
        Reading::of(cx.run.vars.get(name), out)
    })
}

fn write_var(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    args.name_id
        .is_some_and(|name| cx.run.vars.set(name, value))
}

fn read_avp(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    args.name_id.map_or(Reading::Null, |name| {
        cx.scene.avps.read(name, args.index, out)
    })
}

fn write_avp(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    args.name_id
        .is_some_and(|name| cx.scene.avps.assign(name, args.index, args.replaces, value))
}

/// `$param(1)` is the first parameter of the route that executes; `$param(name)` is an event's parameter.
fn read_param(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let Some(number) = number(args.name()) else {
        let names = &cx.run.param_names;
        let is_it = |place: &usize| names.get(*place).text() == Some(args.name());
        let place = (0..names.values.len())
            .filter(|_| !args.name().is_empty())
            .find(is_it);
        return place.map_or(Reading::Null, |place| {
            Reading::of(cx.run.params.get(place), out)
        });
    };
    let first = cx
        .run
        .frames
        .last()
        .map_or(0, |frame| frame.params as usize);
    match number.checked_sub(1) {
        Some(place) => Reading::of(cx.run.params.get(first + place), out),
        None => Reading::Null,
    }
}

/// `$return(0)` is the first value that the last route returned beside its code, which is `$rc`.
fn read_return(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match number(args.name()) {
        Some(place) => Reading::of(cx.run.returned.get(place), out),
        None => Reading::Null,
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
