//! `$rc`, `$route`, `$err`, `$cfg_line`, `$log_level`...: the script about itself.

use script::program::RouteId;

use super::{CoreVariable, fact, not_empty, state};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    fact("rc", Shape::PLAIN, |cx, _, _| Reading::Int(cx.run.rc)),
    fact("retcode", Shape::PLAIN, |cx, _, _| Reading::Int(cx.run.rc)),
    fact("route", Shape::INDEXED, |cx, args, out| {
        routes(cx, args, out, whole)
    }),
    fact("route.name", Shape::INDEXED, |cx, args, out| {
        routes(cx, args, out, name)
    }),
    fact("route.type", Shape::INDEXED, |cx, args, out| {
        routes(cx, args, out, kind)
    }),
    fact("err.class", Shape::PLAIN, |cx, _, _| {
        error(cx, |cx| cx.run.error.class)
    }),
    fact("err.level", Shape::PLAIN, |cx, _, _| {
        error(cx, |cx| cx.run.error.level)
    }),
    fact("err.rcode", Shape::PLAIN, |cx, _, _| {
        error(cx, |cx| cx.run.error.code)
    }),
    fact("err.rreason", Shape::PLAIN, |cx, _, out| {
        not_empty(cx.run.error.reason.as_bytes(), out)
    }),
    fact("err.info", Shape::PLAIN, |cx, _, out| {
        not_empty(cx.run.error.info.as_bytes(), out)
    }),
    fact("cfg_line", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.program.program.position(cx.run.at).line as i32)
    }),
    fact("cfg_file", Shape::PLAIN, |cx, _, out| {
        let program = &cx.program.program;
        not_empty(program.file(program.position(cx.run.at)).as_bytes(), out)
    }),
    fact("argv", Shape::NAMED, argv),
    fact("pp", Shape::PLAIN, |cx, _, _| {
        Reading::Int(cx.core.machine.process)
    }),
    fact("C", Shape::NAMED, colour),
    state(
        "xlog_level",
        Shape::PLAIN,
        read_xlog_level,
        write_xlog_level,
    ),
    state(
        "log_level",
        Shape::PLAIN,
        |cx, _, _| Reading::Int(i32::from(cx.core.log_level)),
        write_log_level,
    ),
];

fn error(cx: &Context<'_>, of: fn(&Context<'_>) -> i32) -> Reading {
    if cx.run.error.class == 0 {
        Reading::Null
    } else {
        Reading::Int(of(cx))
    }
}

/// The route that executes; with an index, one of those that led to it, the top route first.
fn routes(
    cx: &Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
    write: fn(&Context<'_>, RouteId, &mut Vec<u8>),
) -> Reading {
    let frames = &cx.run.frames;
    let place = match args.index {
        Index::None | Index::Append => frames.len().checked_sub(1),
        Index::At(index) => match usize::try_from(index) {
            Ok(place) => Some(place),
            Err(_) => frames.len().checked_sub(index.unsigned_abs() as usize),
        },
        Index::All => {
            for (place, frame) in frames.iter().enumerate() {
                if place > 0 {
                    out.extend_from_slice(b" > ");
                }
                write(cx, frame.route, out);
            }
            return Reading::Text;
        }
    };
    let Some(frame) = place.and_then(|place| frames.get(place)) else {
        return Reading::Null;
    };
    write(cx, frame.route, out);
    Reading::Text
}

fn whole(cx: &Context<'_>, id: RouteId, out: &mut Vec<u8>) {
    kind(cx, id, out);
    let start = out.len();
    out.push(b'[');
    name(cx, id, out);
    if out.len() == start + 1 {
        out.truncate(start);
    } else {
        out.push(b']');
    }
}

fn name(cx: &Context<'_>, id: RouteId, out: &mut Vec<u8>) {
    out.extend_from_slice(&cx.program.program.routes[usize::from(id.0)].name);
}

fn kind(cx: &Context<'_>, id: RouteId, out: &mut Vec<u8>) {
    out.extend_from_slice(
        cx.program.program.routes[usize::from(id.0)]
            .kind
            .word()
            .as_bytes(),
    );
}

/// `$argv(name)`, or `$argv(0)` for the first.
fn argv(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let list = &cx.core.machine.arguments;
    let name = String::from_utf8_lossy(args.name());
    let by_name = list.iter().find(|one| one.0 == name);
    let found = by_name.or_else(|| list.get(name.parse::<usize>().ok()?));
    Reading::maybe(found.map(|one| one.1.as_bytes()), out)
}

/// Two letters, foreground and background: `x` default, upper case bright.
fn colour(_: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let code = |letter: u8| {
        b"srgybpcw"
            .iter()
            .position(|one| *one == letter.to_ascii_lowercase())
    };
    let [front, back] = args.name() else {
        return Reading::Null;
    };
    out.extend_from_slice(b"\x1b[");
    out.push(if front.is_ascii_uppercase() {
        b'1'
    } else {
        b'0'
    });
    for (base, letter) in [(b'3', *front), (b'4', *back)] {
        out.extend_from_slice(&[b';', base, b'0' + code(letter).unwrap_or(9) as u8]);
    }
    out.push(b'm');
    Reading::Text
}

fn read_xlog_level(cx: &mut Context<'_>, _: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    let level = cx
        .core
        .machine
        .xlog_level
        .unwrap_or(cx.program.settings.xlog_level);
    Reading::Int(i32::from(level))
}

fn write_xlog_level(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    match (value, level(value)) {
        (ValueRef::Null, _) => cx.core.machine.xlog_level = None,
        (_, Some(level)) => cx.core.machine.xlog_level = Some(level),
        (_, None) => return false,
    }
    true
}

/// NULL brings back what was before the script set it first.
fn write_log_level(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let before = cx.core.machine.log_level;
    match (value, level(value)) {
        (ValueRef::Null, _) => {
            cx.core.log_level = before.unwrap_or(cx.core.log_level);
            cx.core.machine.log_level = None;
        }
        (_, Some(level)) => {
            cx.core.machine.log_level = before.or(Some(cx.core.log_level));
            cx.core.log_level = level;
        }
        (_, None) => return false,
    }
    true
}

fn level(value: ValueRef<'_>) -> Option<i8> {
    value.int().map(|n| n.clamp(-3, 4) as i8)
}
