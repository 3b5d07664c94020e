//! `$sdp`, `$sdp.line`, `$sdp.session`, `$sdp.stream`, `$sdp.stream.idx`: the session description, script-language §8.4.
//!
//! A filter has steps with `/` between them: a stream, a line, a token, each the beginning of what is looked for
//! and the index among those that begin so. Reading sees what was changed before; writing sets the body anew, whose length
//! follows by itself. In a multipart body it is the part of type `application/sdp`.

use std::ops::Range;

use parser::multipart;
use smallvec::SmallVec;

use super::message::media_type;
use super::{CoreVariable, not_empty, of_message, on_message, with_text};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    on_message(
        "sdp",
        Shape::PLAIN,
        |cx, _, out| with_sdp(cx, |sdp| not_empty(sdp, out)).unwrap_or(Reading::Null),
        write_whole,
    ),
    on_message(
        "sdp.line",
        Shape::NAMED_INDEXED,
        |cx, args, out| read(cx, &LINE, args, out),
        |cx, args, value| write(cx, &LINE, args, value),
    ),
    on_message(
        "sdp.session",
        Shape::NAMED_INDEXED,
        |cx, args, out| read(cx, &SESSION, args, out),
        |cx, args, value| write(cx, &SESSION, args, value),
    ),
    on_message(
        "sdp.stream",
        Shape::NAMED_INDEXED,
        |cx, args, out| read(cx, &STREAM, args, out),
        |cx, args, value| write(cx, &STREAM, args, value),
    ),
    of_message("sdp.stream.idx", Shape::NAMED, stream_index),
];

/// What a variable looks through, step by step.
struct Scope {
    levels: &'static [Level],
    session_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Stream,
    Line,
    Token,
}

const LINE: Scope = Scope {
    levels: &[Level::Line, Level::Token],
    session_only: false,
};
const SESSION: Scope = Scope {
    levels: &[Level::Line, Level::Token],
    session_only: true,
};
const STREAM: Scope = Scope {
    levels: &[Level::Stream, Level::Line, Level::Token],
    session_only: false,
};

/// A step of a filter.
#[derive(Clone, Copy, Debug)]
struct Step<'f> {
    /// Escapes in place.
    prefix: &'f [u8],
    index: Option<i32>,
}

type Steps<'f> = SmallVec<[Step<'f>; 3]>;

/// Something that was found: it, and what goes with it when it is deleted.
struct Found {
    level: Level,
    at: Range<usize>,
    whole: Range<usize>,
}

fn read(cx: &mut Context<'_>, scope: &Scope, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let filter = args.name();
    let reading = with_sdp(cx, |sdp| {
        let index = match args.index {
            Index::At(index) => Some(index),
            Index::All => return read_all(sdp, scope, filter, out),
            Index::None | Index::Append => None,
        };
        let found = find(sdp, scope, filter, index)?;
        not_null(&sdp[found.at], out)
    });
    reading.flatten().unwrap_or(Reading::Null)
}

fn not_null(text: &[u8], out: &mut Vec<u8>) -> Option<Reading> {
    out.extend_from_slice(text);
    Some(Reading::Text)
}

/// All that the last step fits, in one pass: a body may have as many lines as half its bytes.
fn read_all(sdp: &[u8], scope: &Scope, filter: &[u8], out: &mut Vec<u8>) -> Option<Reading> {
    let steps = steps(filter);
    let (last, before) = steps.split_last()?;
    let level = scope.levels.get(before.len())?;
    if last.index.is_some() {
        let found = find(sdp, scope, filter, None)?;
        return not_null(&sdp[found.at], out);
    }
    let within = go_down(sdp, scope, before, None)?.at;
    let start = out.len();
    let mut add = |text: &[u8], is_fit: bool| {
        if is_fit {
            if out.len() > start {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(text);
        }
    };
    let fits = |text: &[u8]| begins(text, last.prefix);
    match level {
        Level::Stream => streams(sdp, within).for_each(|at| {
            let text = &sdp[at];
            add(text, fits(&text[2..]));
        }),
        Level::Line => lines(sdp, within).for_each(|at| {
            let text = &sdp[at];
            add(text.trim_ascii_end(), fits(text));
        }),
        Level::Token => tokens(sdp, within).for_each(|at| {
            let text = &sdp[at];
            add(text, fits(text));
        }),
    }
    (out.len() > start).then_some(Reading::Text)
}

fn stream_index(cx: &mut Context<'_>, args: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    let filter = args.name();
    let place = with_sdp(cx, |sdp| {
        let found = find(sdp, &STREAM, filter, None)?;
        let before = streams(sdp, 0..sdp.len()).filter(|stream| stream.end <= found.at.start);
        Some(before.count())
    });
    place
        .flatten()
        .map_or(Reading::Null, |place| Reading::Int(place as i32))
}

/// NULL deletes; what is not there cannot be given another text.
fn write(cx: &mut Context<'_>, scope: &Scope, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let index = match args.index {
        Index::At(index) => Some(index),
        Index::None => None,
        Index::All | Index::Append => return false,
    };
    edit(cx, |sdp, anew| {
        let Some(found) = find(sdp, scope, args.name(), index) else {
            return value.is_null();
        };
        let with = |range: Range<usize>, text: &[u8], anew: &mut Vec<u8>| {
            anew.extend_from_slice(&sdp[..range.start]);
            anew.extend_from_slice(text);
            if found.level == Level::Stream && !text.is_empty() && !text.ends_with(b"\n") {
                anew.extend_from_slice(b"\r\n");
            }
            anew.extend_from_slice(&sdp[range.end..]);
        };
        if with_text(value, |text| with(found.at.clone(), text, anew)).is_none() {
            with(found.whole.clone(), b"", anew);
        }
        true
    })
}

/// The whole description; NULL takes it away.
fn write_whole(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let is_there = edit(cx, |_, anew| {
        with_text(value, |text| anew.extend_from_slice(text));
        true
    });
    if !is_there && cx.message.body().is_empty() && cx.draft.body().is_none_or(<[u8]>::is_empty) {
        // A message without a body gets one.
        with_text(value, |text| cx.draft.set_body(SDP, text));
        return true;
    }
    is_there
}

const SDP: &[u8] = b"application/sdp";

/// Does something with the description as it stands by now.
fn with_sdp<R>(cx: &mut Context<'_>, then: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let mut buffer = std::mem::take(&mut cx.core.machine.scratch);
    let body = body_of(cx, &mut buffer);
    let range = range_of(content_type_of(cx), body);
    let done = range.map(|range| then(&body[range]));
    cx.core.machine.scratch = buffer;
    done
}

/// Writes the description anew. False: there is none, or it cannot be done.
fn edit(cx: &mut Context<'_>, make: impl FnOnce(&[u8], &mut Vec<u8>) -> bool) -> bool {
    let mut buffer = std::mem::take(&mut cx.core.machine.scratch);
    let mut anew = std::mem::take(&mut cx.core.machine.user);
    anew.clear();
    let body = body_of(cx, &mut buffer);
    let content_type = content_type_of(cx);
    let done = range_of(content_type, body).is_some_and(|range| {
        anew.extend_from_slice(&body[..range.start]);
        let done = make(&body[range.clone()], &mut anew);
        anew.extend_from_slice(&body[range.end..]);
        done && anew.len() <= usize::from(u16::MAX)
    });
    if done && anew != body {
        let content_type = content_type.unwrap_or(SDP).to_vec();
        cx.draft.set_body(&content_type, &anew);
    }
    cx.core.machine.scratch = buffer;
    cx.core.machine.user = anew;
    done
}

fn body_of<'c>(cx: &'c Context<'_>, buffer: &'c mut Vec<u8>) -> &'c [u8] {
    if cx.draft.is_empty() {
        return cx.message.body();
    }
    buffer.clear();
    cx.draft.write_body(cx.message, buffer);
    buffer
}

fn content_type_of<'c>(cx: &'c Context<'_>) -> Option<&'c [u8]> {
    cx.draft.content_type().or(cx.message.content_type())
}

/// Where in a body the description stands.
fn range_of(content_type: Option<&[u8]>, body: &[u8]) -> Option<Range<usize>> {
    let content_type = content_type?;
    let is_sdp = |one: &[u8]| media_type(one).eq_ignore_ascii_case(SDP);
    if body.is_empty() {
        return None;
    }
    if is_sdp(content_type) {
        return Some(0..body.len());
    }
    let mut parts = multipart::parts(content_type, body).ok()?;
    let part = parts.find(|part| part.content_type.is_some_and(is_sdp))?;
    let start = part.body.as_ptr().addr() - body.as_ptr().addr();
    Some(start..start + part.body.len())
}

/// Goes down the steps of a filter. `index` is for the last step, where it has none of its own.
fn find(sdp: &[u8], scope: &Scope, filter: &[u8], index: Option<i32>) -> Option<Found> {
    let steps = steps(filter);
    let is_whole = (1..=scope.levels.len()).contains(&steps.len());
    is_whole
        .then(|| go_down(sdp, scope, &steps, index))
        .flatten()
}

/// What these steps lead to; without any, all that is looked through.
fn go_down(sdp: &[u8], scope: &Scope, steps: &[Step<'_>], index: Option<i32>) -> Option<Found> {
    let end = match scope.session_only {
        true => streams(sdp, 0..sdp.len())
            .next()
            .map_or(sdp.len(), |first| first.start),
        false => sdp.len(),
    };
    let mut found = Found {
        level: scope.levels[0],
        at: 0..end,
        whole: 0..end,
    };
    for (place, (step, level)) in (1..).zip(steps.iter().zip(scope.levels)) {
        let is_last = place == steps.len();
        let index = step.index.or(index.filter(|_| is_last)).unwrap_or(0);
        let within = found.at;
        found = match level {
            Level::Stream => {
                let fits =
                    |stream: &Range<usize>| begins(&sdp[stream.start + 2..stream.end], step.prefix);
                let at = nth(streams(sdp, within).filter(fits), index)?;
                Found {
                    level: *level,
                    whole: at.clone(),
                    at,
                }
            }
            Level::Line => {
                let fits = |line: &Range<usize>| begins(&sdp[line.clone()], step.prefix);
                let whole = nth(lines(sdp, within).filter(fits), index)?;
                let text = sdp[whole.clone()].trim_ascii_end();
                Found {
                    level: *level,
                    at: whole.start..whole.start + text.len(),
                    whole,
                }
            }
            Level::Token => {
                let fits = |token: &Range<usize>| begins(&sdp[token.clone()], step.prefix);
                let line = within.clone();
                let at = nth(tokens(sdp, within).filter(fits), index)?;
                // It goes with the blank before it, the first with the one behind it.
                let whole = match at.start > line.start {
                    true => at.start - 1..at.end,
                    false => at.start..(at.end + 1).min(line.end),
                };
                Found {
                    level: *level,
                    at,
                    whole,
                }
            }
        };
    }
    Some(found)
}

/// Takes a filter apart.
fn steps(filter: &[u8]) -> Steps<'_> {
    let mut is_escaped = false;
    let parts = filter.split(move |byte| {
        let was_escaped = std::mem::replace(&mut is_escaped, *byte == b'\\');
        *byte == b'/' && !was_escaped
    });
    parts.map(step).collect()
}

fn step(text: &[u8]) -> Step<'_> {
    let index = text.strip_suffix(b"]").and_then(|rest| {
        let open = rest.iter().rposition(|byte| *byte == b'[')?;
        let index = std::str::from_utf8(&rest[open + 1..]).ok()?.trim();
        Some((open, index.parse().ok()?))
    });
    match index {
        Some((open, index)) => Step {
            prefix: &text[..open],
            index: Some(index),
        },
        None => Step {
            prefix: text,
            index: None,
        },
    }
}

/// Whether a text begins with a prefix whose `\/` stand for `/`.
fn begins(text: &[u8], prefix: &[u8]) -> bool {
    let mut text = text.iter();
    let mut prefix = prefix.iter().copied().peekable();
    while let Some(byte) = prefix.next() {
        let byte = match (byte, prefix.peek()) {
            (b'\\', Some(b'/')) => prefix.next().unwrap_or(byte),
            _ => byte,
        };
        if text.next() != Some(&byte) {
            return false;
        }
    }
    true
}

fn nth(found: impl Iterator<Item = Range<usize>> + Clone, index: i32) -> Option<Range<usize>> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => found
            .clone()
            .count()
            .checked_sub(index.unsigned_abs() as usize)?,
    };
    let mut found = found;
    found.nth(place)
}

/// Each with its line end.
fn lines(sdp: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> + Clone {
    let mut at = within.start;
    sdp[within]
        .split_inclusive(|byte| *byte == b'\n')
        .map(move |line| {
            let start = at;
            at += line.len();
            start..at
        })
}

/// Each from its `m=` line up to the next one.
fn streams(sdp: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> + Clone {
    let end = within.end;
    let mut starts = lines(sdp, within)
        .map(|line| line.start)
        .filter(|at| sdp[*at..].starts_with(b"m="));
    let mut next = starts.next();
    std::iter::from_fn(move || {
        let start = next?;
        next = starts.next();
        Some(start..next.unwrap_or(end))
    })
}

fn tokens(sdp: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> + Clone {
    let mut at = within.start;
    let parts = sdp[within].split(|byte| *byte == b' ').map(move |token| {
        let start = at;
        at += token.len() + 1;
        start..start + token.len()
    });
    parts.filter(|token| !token.is_empty())
}
