//! Functions of `tm`.

use engine::module::{Args, Context, Verdict};
use engine::proxy::{Cancel, RelayOptions};
use engine::run::write_int;
use parser::Uri;
use parser::writer::write_header_line;
use script::RouteKind;

use super::Tm;
use crate::sl::status_code;

/// Reads the flags of `t_relay`: names, or the number that they once were.
fn relay_flags(text: &[u8]) -> Result<RelayOptions<'static>, String> {
    let text = std::str::from_utf8(text)
        .map_err(|_| "not text".to_owned())?
        .trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let mut options = RelayOptions::default();
    if let Some(bits) = number {
        // 0x01 once turned the automatic 100 off; that is a parameter now.
        if bits & !0x1e != 0 {
            return Err(format!("`{text}` has bits that are not flags of t_relay"));
        }
        options.no_auto_477 = bits & 0x02 != 0;
        options.no_dns_failover = bits & 0x04 != 0;
        options.pass_reason = bits & 0x08 != 0;
        options.allow_no_cancel = bits & 0x10 != 0;
        return Ok(options);
    }
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word {
            "no-auto-477" => options.no_auto_477 = true,
            "no-dns-failover" => options.no_dns_failover = true,
            "pass-reason-hdr" => options.pass_reason = true,
            "allow-no-cancel" => options.allow_no_cancel = true,
            _ => return Err(format!("`{word}` is not a flag of t_relay")),
        }
    }
    Ok(options)
}

/// A URI in the form of `t_relay`'s destinations: `udp:host:port`.
fn destination(uri: &[u8]) -> Option<Vec<u8>> {
    let uri = Uri::parse(uri).ok()?;
    let transport = uri.params.get(b"transport").unwrap_or(b"udp");
    let mut text = [transport, b":", uri.host_text].concat();
    if let Some(port) = uri.port {
        text.push(b':');
        write_int(i32::from(port), &mut text);
    }
    Some(text)
}

pub(super) fn check_relay_flags(text: &[u8]) -> Result<(), String> {
    relay_flags(text).map(drop)
}

pub(super) fn check_local_replied(text: &[u8]) -> Result<(), String> {
    match text {
        b"all" | b"last" | b"branch" => Ok(()),
        other => Err(format!(
            "`{}` is not `all`, `branch` or `last`",
            other.escape_ascii()
        )),
    }
}

impl Tm {
    /// See [`engine::proxy::RelayError`] for the negative values.
    pub(super) fn relay(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(options) = relay_flags(args.str(0)) else {
            return Verdict::FAIL;
        };
        cx.relay(&RelayOptions {
            destination: args.maybe_str(1),
            ..options
        })
    }

    /// Sends a copy to where a URI leads, and lets nobody know of its responses.
    pub(super) fn replicate(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (Ok(options), Some(destination)) = (relay_flags(args.str(1)), destination(args.str(0)))
        else {
            return Verdict::FAIL;
        };
        cx.relay(&RelayOptions {
            destination: Some(&destination),
            replicate: true,
            ..options
        })
    }

    /// Makes the transaction when there is none yet.
    pub(super) fn reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match status_code(cx, args.int(0)) {
            Some(code) => Verdict::of(cx.reply_in_transaction(code, args.str(1))),
            None => Verdict::FAIL,
        }
    }

    /// The type of the body is the script's to add: `append_to_reply("Content-Type: ...")`.
    pub(super) fn reply_with_body(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let proxy = &mut cx.scene.proxy;
        proxy.reply_body.clear();
        proxy.reply_body.extend_from_slice(args.str(2));
        let verdict = self.reply(cx, args);
        // Of this reply only: what follows a 183 has none.
        cx.scene.proxy.reply_body.clear();
        verdict
    }

    pub(super) fn new_transaction(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        if cx.run.context.is_some() {
            Verdict::OK
        } else {
            Verdict::of(cx.new_transaction())
        }
    }

    pub(super) fn check_transaction(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        cx.check_transaction()
    }

    pub(super) fn on_branch(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.scene.hooks.on_branch = cx.name(args.str(0));
        Verdict::of(cx.scene.hooks.on_branch.is_some())
    }

    pub(super) fn on_failure(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.scene.hooks.on_failure = cx.name(args.str(0));
        Verdict::of(cx.scene.hooks.on_failure.is_some())
    }

    pub(super) fn on_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        cx.scene.hooks.on_reply = cx.name(args.str(0));
        Verdict::of(cx.scene.hooks.on_reply.is_some())
    }

    pub(super) fn was_cancelled(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        Verdict::of(cx.was_cancelled())
    }

    /// The code that `$T_reply_code` shows, against an expression.
    pub(super) fn check_status(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (Some(regex), Some(code)) = (args.regex(0), reply_code(cx)) else {
            return Verdict::FAIL;
        };
        Verdict::of(regex.is_match(code.to_string().as_bytes()))
    }

    /// Whether we made the replies ourselves: those of all branches that were tried last, that of this one, or the one that counts.
    pub(super) fn local_replied(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(context) = cx.transaction() else {
            return Verdict::FAIL;
        };
        Verdict::of(match args.str(0) {
            b"all" => context.current().all(|branch| branch.local),
            b"branch" => cx
                .run
                .branch
                .and_then(|at| context.branch(at))
                .is_some_and(|branch| branch.local),
            _ => context
                .winning()
                .map_or(context.status_local, |branch| branch.local),
        })
    }

    /// `a` all branches, `o` the others, nothing this one.
    pub(super) fn cancel_branch(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let which = match args.str(0) {
            b"" => Cancel::This,
            b"a" => Cancel::All,
            b"o" => Cancel::Others,
            _ => return Verdict::FAIL,
        };
        Verdict::of(cx.cancel_branches(which))
    }

    /// For every request of the transaction: branches made from now on, and their ACKs and CANCELs.
    pub(super) fn add_headers(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        for line in args.str(0).split(|&byte| byte == b'\n') {
            write_header_line(line, &mut cx.scene.proxy.request_headers);
        }
        Verdict::OK
    }

    pub(super) fn add_cancel_reason(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        write_header_line(args.str(0), &mut cx.scene.proxy.cancel_headers);
        Verdict::OK
    }

    /// Flags are the transaction's from the start: there is no second copy to bring up to date.
    pub(super) fn flush_flags(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        Verdict::of(cx.run.context.is_some())
    }
}

/// `$T_reply_code`: of the reply in hand, of the one that a failure route is about, or of the last one sent.
pub(super) fn reply_code(cx: &Context<'_>) -> Option<u16> {
    if cx.run.kind == RouteKind::Reply {
        return cx.message.status();
    }
    let context = cx.transaction()?;
    let code = match context.winning() {
        Some(branch) if cx.run.kind == RouteKind::Failure => branch.code,
        _ => context.status,
    };
    (code > 0).then_some(code)
}
