//! The next hop, and who we are to it.

use parser::Uri;

use super::{CoreFunction, checked, row};
use crate::module::{Args, Context, Verdict};
use crate::proxy::take_alias;
use crate::proxy::{advertised_port, host_form};

pub(super) const TABLE: &[CoreFunction] = &[
    row("setdsturi", "(str)", |cx, args| {
        let uri = args.str(0);
        Verdict::of(Uri::parse(uri).is_ok() && cx.scene.targets.set_destination(0, uri))
    }),
    row("resetdsturi", "()", |cx, _| {
        Verdict::of(cx.scene.targets.set_destination(0, b""))
    }),
    row("isdsturiset", "()", |cx, _| {
        Verdict::of(!cx.scene.targets.destination(0).is_empty())
    }),
    row("force_send_socket", "(str)", |cx, args| {
        let found = cx.core.sockets.find(args.str(0)).map(|socket| socket.id);
        cx.scene.proxy.forced_socket = found.or(cx.scene.proxy.forced_socket);
        Verdict::of(found.is_some())
    }),
    checked(
        "set_advertised_address",
        "(str)",
        &[Some(|text| match host_form(text) {
            Some(_) => Ok(()),
            None => Err(format!("`{}` is no host", text.escape_ascii())),
        })],
        |cx, args| Verdict::of(cx.scene.proxy.advertised.set_host(args.str(0))),
    ),
    checked(
        "set_advertised_port",
        "(str)",
        &[Some(|text| match advertised_port(text) {
            Some(_) => Ok(()),
            None => Err(format!("`{}` is no port", text.escape_ascii())),
        })],
        |cx, args| Verdict::of(cx.scene.proxy.advertised.set_port(args.str(0))),
    ),
    row("is_myself", "(str, [int])", |cx, args| {
        // Port 0 means any, as if it were left out.
        let port = args.maybe_int(1).filter(|port| *port != 0);
        let Ok(port) = port.map(u16::try_from).transpose() else {
            return Verdict::FAIL;
        };
        Verdict::of(cx.is_myself(args.str(0), port, None))
    }),
    row("force_rport", "()", |cx, _| {
        cx.force_rport();
        Verdict::OK
    }),
    row("add_local_rport", "()", |cx, _| {
        cx.scene.proxy.add_local_rport = true;
        Verdict::OK
    }),
    row("force_tcp_alias", "([int])", |cx, args| {
        let port = args.maybe_int(0).map(u16::try_from).transpose();
        match port {
            Ok(port) if port != Some(0) => {
                let flow = cx.scene.flow;
                Verdict::of(take_alias(cx.message, &flow, port, cx.outbox))
            }
            _ => Verdict::FAIL,
        }
    }),
    checked(
        "set_via_handling",
        "(str)",
        &[Some(are_via_options)],
        set_via_handling,
    ),
];

fn are_via_options(text: &[u8]) -> Result<(), String> {
    match options(text).find(|one| {
        !matches!(
            one,
            &b"force-rport" | &b"add-local-rport" | &b"reply-to-via" | &b"force-tcp-alias"
        )
    }) {
        None => Ok(()),
        Some(other) => Err(format!(
            "`{}` is no way to handle Via",
            other.escape_ascii()
        )),
    }
}

fn options(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|one| !one.is_empty())
}

fn set_via_handling(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    if are_via_options(args.str(0)).is_err() {
        return Verdict::FAIL;
    }
    for option in options(args.str(0)) {
        match option {
            b"force-rport" => cx.force_rport(),
            b"add-local-rport" => cx.scene.proxy.add_local_rport = true,
            b"force-tcp-alias" if !take_alias(cx.message, &cx.scene.flow, None, cx.outbox) => {
                return Verdict::FAIL;
            }
            b"force-tcp-alias" => {}
            _ => cx.scene.proxy.reply_to_via = true,
        }
    }
    Verdict::OK
}
