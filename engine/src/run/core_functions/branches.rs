//! The target set: further branches, and going through them by their q.

use super::{CoreFunction, checked, row};
use crate::module::{Args, Context, Verdict};
use crate::proxy::{Q_MAX, TargetParts};

pub(super) const TABLE: &[CoreFunction] = &[
    checked(
        "append_msg_branch",
        "(str, [str], [str])",
        &[None, Some(is_q), Some(is_append_flag)],
        append_to,
    ),
    checked(
        "append_branch",
        "([str], [str])",
        &[None, Some(is_q)],
        append,
    ),
    checked(
        "append_branch_old",
        "([str], [str])",
        &[None, Some(is_q)],
        append,
    ),
    row("remove_msg_branch", "(int)", |cx, args| {
        Verdict::of(index(cx, args, 0).is_some_and(|at| cx.scene.targets.remove(at)))
    }),
    row("remove_branch", "(int)", |cx, args| {
        // The older name counts without the Request-URI.
        let at = usize::try_from(args.int(0)).ok().map(|at| at + 1);
        Verdict::of(at.is_some_and(|at| cx.scene.targets.remove(at)))
    }),
    checked(
        "move_msg_branch",
        "([int], [int], [str])",
        &[None, None, Some(is_keep)],
        move_branch,
    ),
    row("swap_msg_branches", "([int], [int])", |cx, args| {
        let (Some(a), Some(b)) = (index(cx, args, 0), index(cx, args, 1)) else {
            return Verdict::FAIL;
        };
        cx.own_request_uri();
        Verdict::of(cx.scene.targets.swap(a, b))
    }),
    row("serialize_branches", "(int, [int])", |cx, args| {
        Verdict::Return(cx.serialize_branches(args.int(0) != 0, args.int(1) != 0))
    }),
    row("next_branches", "()", |cx, _| {
        Verdict::Return(cx.next_branches())
    }),
];

/// A branch to this URI. With `inherite`, in all else as the Request-URI's.
fn append_to(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let Ok(q) = args.maybe_str(1).map(q_of).transpose() else {
        return Verdict::FAIL;
    };
    let inherits = matches!(args.str(2), b"inherite" | b"inherit");
    Verdict::of(push(cx, args.str(0), q, inherits))
}

/// A branch to this URI; without one, the Request-URI once more with all that belongs to it.
fn append(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let Ok(q) = args.maybe_str(1).map(q_of).transpose() else {
        return Verdict::FAIL;
    };
    match args.maybe_str(0).filter(|uri| !uri.is_empty()) {
        Some(uri) => Verdict::of(push(cx, uri, q, false)),
        None => {
            let mut uri = std::mem::take(&mut cx.core.machine.scratch);
            uri.clear();
            uri.extend_from_slice(cx.request_uri());
            let done = push(cx, &uri, q, true);
            cx.core.machine.scratch = uri;
            Verdict::of(done)
        }
    }
}

fn push(cx: &mut Context<'_>, uri: &[u8], q: Option<u16>, inherits: bool) -> bool {
    // In a reply route it is a branch for `t_inject_branches`; a reply itself goes nowhere else.
    let is_reply_of_ours = cx.run.context.is_some() && !inherits;
    if uri.is_empty() || !(cx.message.is_request() || is_reply_of_ours) {
        return false;
    }
    let targets = &mut cx.scene.targets;
    let Some(at) = targets.push(&TargetParts {
        uri,
        q,
        ..TargetParts::default()
    }) else {
        return false;
    };
    if inherits {
        let first = targets.get(0).unwrap_or_default();
        let (destination, path) = (first.destination.to_vec(), first.path.to_vec());
        let (flags, socket, connection, own_q) =
            (first.flags, first.socket, first.connection, first.q);
        targets.set_destination(at, &destination);
        targets.set_path(at, &path);
        if let Some(target) = targets.facts_mut(at) {
            target.flags = flags;
            target.socket = socket;
            target.connection = connection;
            target.q = q.or(own_q);
        }
    }
    true
}

/// From the last branch to the Request-URI, unless told otherwise. With `keep`, a copy stays.
fn move_branch(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let last = cx.scene.targets.len() - 1;
    let from = if args.has(0) {
        index(cx, args, 0)
    } else {
        Some(last)
    };
    let to = if args.has(1) {
        index(cx, args, 1)
    } else {
        Some(0)
    };
    let (Some(from), Some(to)) = (from, to) else {
        return Verdict::FAIL;
    };
    let keeps = args.str(2) == b"keep";
    cx.own_request_uri();
    if from == to || (from == 0 && !keeps) {
        return Verdict::FAIL;
    }
    if keeps {
        let Some(parts) = cx.scene.targets.get(from) else {
            return Verdict::FAIL;
        };
        let (uri, destination, path) = (
            parts.uri.to_vec(),
            parts.destination.to_vec(),
            parts.path.to_vec(),
        );
        let attributes = parts.attributes.cloned();
        let parts = TargetParts {
            uri: &uri,
            destination: &destination,
            path: &path,
            q: parts.q,
            flags: parts.flags,
            socket: parts.socket,
            connection: parts.connection,
            attributes: attributes.as_ref(),
        };
        return Verdict::of(cx.scene.targets.set(to, &parts));
    }
    Verdict::of(cx.scene.targets.swap(from, to) && cx.scene.targets.remove(from))
}

/// A branch that exists; negative counts from the end.
fn index(cx: &Context<'_>, args: Args<'_>, place: usize) -> Option<usize> {
    let len = cx.scene.targets.len();
    let index = args.int(place);
    let at = match usize::try_from(index) {
        Ok(at) => at,
        Err(_) => len.checked_sub(index.unsigned_abs() as usize)?,
    };
    (at < len).then_some(at)
}

/// `0.5` in thousandths.
fn q_of(text: &[u8]) -> Result<u16, ()> {
    let value = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse::<f32>().ok())
        .ok_or(())?;
    if (0.0..=1.0).contains(&value) {
        Ok((value * f32::from(Q_MAX)).round() as u16)
    } else {
        Err(())
    }
}

fn is_q(text: &[u8]) -> Result<(), String> {
    if text.is_empty() {
        Ok(())
    } else {
        q_of(text)
            .map(drop)
            .map_err(|()| "q is a number from 0 to 1".to_owned())
    }
}

fn is_append_flag(text: &[u8]) -> Result<(), String> {
    match text {
        b"" | b"inherite" | b"inherit" => Ok(()),
        other => Err(format!(
            "`{}` is no flag of a branch; `inherite` is",
            other.escape_ascii()
        )),
    }
}

fn is_keep(text: &[u8]) -> Result<(), String> {
    if matches!(text, b"" | b"keep") {
        Ok(())
    } else {
        Err("only `keep` can stand here".to_owned())
    }
}
