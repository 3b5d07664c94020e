//! Branches that come late: `t_wait_for_new_branches`, `t_inject_branches`, and finding one by an attribute.

use engine::module::{Args, Context, Verdict};
use engine::proxy::{Injection, TargetParts};
use engine::run::ValueRef;

use super::Tm;

pub(super) fn check_source(text: &[u8]) -> Result<(), String> {
    match text {
        b"msg" | b"event" => Ok(()),
        other => Err(format!(
            "`{}` is not `msg` or `event`",
            other.escape_ascii()
        )),
    }
}

pub(super) fn check_flags(text: &[u8]) -> Result<(), String> {
    flags(text).map(drop)
}

/// Names, or the letters that stand for them.
fn flags(text: &[u8]) -> Result<Injection, String> {
    let mut injection = Injection::default();
    for word in text.split(|byte| matches!(byte, b',' | b' ')) {
        match word {
            b"" => {}
            b"cancel" | b"c" => injection.cancel = true,
            b"last" | b"l" => injection.last = true,
            b"cl" | b"lc" => (injection.cancel, injection.last) = (true, true),
            other => {
                return Err(format!(
                    "`{}` is not `cancel` or `last`",
                    other.escape_ascii()
                ));
            }
        }
    }
    Ok(injection)
}

impl Tm {
    /// Needs the transaction that `t_newtran` made.
    pub(super) fn wait_for_new_branches(
        &mut self,
        cx: &mut Context<'_>,
        args: Args<'_>,
    ) -> Verdict {
        let max = args.maybe_int(0).and_then(|max| u32::try_from(max).ok());
        Verdict::of(cx.wait_for_branches(max.filter(|max| *max > 0)))
    }

    pub(super) fn wait_no_more_branches(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        Verdict::of(cx.wait_no_more())
    }

    /// `msg`: the Request-URI and the branches of the message in hand. `event`: the contact that `E_UL_CONTACT_INSERT`
    /// tells of, from the attributes that bear the names of its parameters.
    pub(super) fn inject_branches(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(injection) = flags(args.str(1)) else {
            return Verdict::FAIL;
        };
        if args.str(0) == b"msg" {
            return cx.inject_branches(None, injection);
        }
        let uri = text(cx, b"uri");
        if uri.is_empty() {
            return Verdict::FAIL;
        }
        let (received, path) = (text(cx, b"received"), text(cx, b"path"));
        let socket = text(cx, b"socket");
        let q = number(cx, b"qval").and_then(|q| u16::try_from(q).ok());
        let flags = number(cx, b"bflags").unwrap_or(0);
        let target = TargetParts {
            uri: &uri,
            // RFC 3327 §5.2: a Path decides the way, whatever address the phone was seen at.
            destination: if path.is_empty() { &received } else { b"" },
            path: &path,
            q: q.filter(|q| *q <= engine::proxy::Q_MAX),
            flags: flags as u32,
            socket: cx.core.sockets.find(&socket).map(|socket| socket.id),
            ..TargetParts::default()
        };
        cx.inject_branches(Some(&[target]), injection)
    }

    /// 1: the index is in the variable. -1: no branch from the offset on has the attribute, or it has another value.
    pub(super) fn branch_by_attribute(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(name) = cx.name(args.str(0)) else {
            return Verdict::FAIL;
        };
        let wanted = match (args.maybe_str(1), args.maybe_int(2)) {
            (Some(text), _) => Some(ValueRef::Str(text)),
            (None, number) => number.map(ValueRef::Int),
        };
        let from = usize::try_from(args.int(4)).unwrap_or(0);
        let Some(context) = cx.transaction() else {
            return Verdict::FAIL;
        };
        let fits = |value: ValueRef<'_>| match wanted {
            None => true,
            Some(ValueRef::Int(number)) => value.int() == Some(number),
            Some(wanted) => value.text() == wanted.text(),
        };
        let branches = context.branches().iter().enumerate().skip(from);
        let found = branches
            .filter_map(|(at, branch)| Some((at, branch.attributes()?.get(name)?)))
            .find(|(_, value)| fits(*value));
        match found {
            Some((at, _)) => {
                args.set(3, at as i32);
                Verdict::OK
            }
            None => Verdict::FAIL,
        }
    }
}

/// An attribute of the message, as text.
fn text(cx: &mut Context<'_>, name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(value) = cx.name(name).and_then(|name| cx.scene.avps.get(name)) {
        value.write(&mut out);
    }
    out
}

fn number(cx: &mut Context<'_>, name: &[u8]) -> Option<i32> {
    let name = cx.name(name)?;
    cx.scene.avps.get(name)?.int()
}
