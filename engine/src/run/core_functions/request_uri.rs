//! Rewriting the Request-URI.

use parser::Uri;

use super::{CoreFunction, checked, row};
use crate::module::{Args, Context, Verdict};
use crate::run::variables::{Part, current_request_uri, rewrite_request_uri};

pub(super) const TABLE: &[CoreFunction] = &[
    row("seturi", "(str)", |cx, args| {
        let uri = args.str(0);
        Verdict::of(cx.message.is_request() && !uri.is_empty() && cx.scene.targets.set_uri(0, uri))
    }),
    row("setuser", "(str)", |cx, args| {
        rewrite(cx, Part::User(args.str(0)))
    }),
    row("setuserpass", "(str)", |cx, args| {
        rewrite(cx, Part::Password(args.str(0)))
    }),
    row("sethost", "(str)", |cx, args| {
        rewrite(cx, Part::Host(args.str(0)))
    }),
    row("sethostport", "(str)", |cx, args| {
        rewrite(cx, Part::HostAndPort(args.str(0)))
    }),
    checked("setport", "(str)", &[Some(is_port)], |cx, args| {
        rewrite(cx, Part::Port(args.str(0)))
    }),
    row("prefix", "(str)", |cx, args| {
        with_user(cx, |user, text| {
            text.extend_from_slice(args.str(0));
            text.extend_from_slice(user);
            true
        })
    }),
    row("strip", "(int)", |cx, args| {
        strip(cx, args, |user, n| &user[n..])
    }),
    row("strip_tail", "(int)", |cx, args| {
        strip(cx, args, |user, n| &user[..user.len() - n])
    }),
    row("revert_uri", "()", |cx, _| {
        Verdict::of(cx.scene.targets.set_uri(0, b""))
    }),
];

fn rewrite(cx: &mut Context<'_>, part: Part<'_>) -> Verdict {
    Verdict::of(rewrite_request_uri(cx, part))
}

fn is_port(text: &[u8]) -> Result<(), String> {
    let is_port =
        text.is_empty() || std::str::from_utf8(text).is_ok_and(|text| text.parse::<u16>().is_ok());
    if is_port {
        Ok(())
    } else {
        Err("not a port".to_owned())
    }
}

/// Puts a text made of the user in its place.
fn with_user(cx: &mut Context<'_>, make: impl FnOnce(&[u8], &mut Vec<u8>) -> bool) -> Verdict {
    let mut text = std::mem::take(&mut cx.core.machine.user);
    text.clear();
    let user = Uri::parse(current_request_uri(cx)).map(|uri| uri.user.unwrap_or_default());
    let made = user.is_ok_and(|user| make(user, &mut text));
    let done = made && rewrite_request_uri(cx, Part::UserKeepingPassword(&text));
    cx.core.machine.user = text;
    Verdict::of(done)
}

/// More characters than there are is a failure.
fn strip(cx: &mut Context<'_>, args: Args<'_>, rest: fn(&[u8], usize) -> &[u8]) -> Verdict {
    let Ok(n) = usize::try_from(args.int(0)) else {
        return Verdict::FAIL;
    };
    with_user(cx, |user, text| {
        let is_enough = n <= user.len();
        if is_enough {
            text.extend_from_slice(rest(user, n));
        }
        is_enough
    })
}
