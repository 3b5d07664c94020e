//! `$var`, `$avp`, `$param`, `$return`: what scripts keep values in.

use super::{CoreVariable, fact, state};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    state("var", Shape::NAMED, read_var, write_var),
    state("avp", Shape::NAMED_INDEXED, read_avp, write_avp),
    fact("param", Shape::NAMED, read_param),
    fact("return", Shape::NAMED, read_return),
];

fn read_var(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    args.name_id.map_or(Reading::Null, |name| {
        Reading::of(cx.run.vars.get(name), out)
    })
}

fn write_var(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    args.name_id
        .is_some_and(|name| cx.run.vars.set(name, value))
}

fn read_avp(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let Some(name) = args.name_id else {
        return Reading::Null;
    };
    let avps = &cx.scene.avps;
    match args.index {
        Index::None | Index::Append => avps
            .get(name)
            .map_or(Reading::Null, |value| Reading::of(value, out)),
        Index::At(index) => avps
            .at(name, index)
            .map_or(Reading::Null, |value| Reading::of(value, out)),
        Index::All => {
            let mut is_any = false;
            for value in avps.all(name) {
                if is_any {
                    out.extend_from_slice(b", ");
                }
                is_any = true;
                value.write(out);
            }
            if is_any { Reading::Text } else { Reading::Null }
        }
    }
}

fn write_avp(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let Some(name) = args.name_id else {
        return false;
    };
    let avps = &mut cx.scene.avps;
    let replaces_all = args.replaces || args.index == Index::All;
    match (value, args.index) {
        (ValueRef::Null, _) if replaces_all => {
            avps.remove_all(name);
            true
        }
        (ValueRef::Null, Index::At(index)) => {
            avps.remove(name, index);
            true
        }
        (ValueRef::Null, _) => {
            avps.remove(name, 0);
            true
        }
        (value, _) if replaces_all => avps.set(name, value).is_ok(),
        (value, Index::At(index)) => avps.replace(name, index, value) == Ok(true),
        (value, Index::Append) => avps.append(name, value).is_ok(),
        (value, _) => avps.push(name, value).is_ok(),
    }
}

/// `$param(1)` is the first parameter of the route that executes.
fn read_param(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let Some(number) = number(args.name()) else {
        return Reading::Null;
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

/// `$return(0)` is the code that the last route returned, `$return(1)` the first value beside it.
fn read_return(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    match number(args.name()) {
        Some(place) => Reading::of(cx.run.returned.get(place), out),
        None => Reading::Null,
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
