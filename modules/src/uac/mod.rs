//! `uac`: what Tandem does in the caller's name: answers to challenges, another From or To, a raised CSeq.
//!
//! What changes on the way out is put back on the way in (RFC 3261 §22.2, §12.2): that work is the proxy core's `rewrite`, here are
//! the script's names for it. Keeps no state of its own: what a later request of the dialog needs stands, sealed, in our
//! Record-Route.

mod auth;
mod party;

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Verdict};
use engine::proxy::{Party, Restore};

use crate::uac_auth::Algorithms;

/// The module.
#[derive(Debug)]
pub(crate) struct Uac {
    restore: Restore,
    secret: String,
    from_param: String,
    to_param: String,
}

impl Module for Uac {
    const NAME: &'static str = "uac";

    fn new() -> Self {
        Uac {
            restore: Restore::Auto,
            secret: String::new(),
            from_param: "vsf".to_owned(),
            to_param: "vst".to_owned(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere = Routes::REQUEST | Routes::FAILURE | Routes::BRANCH;
        exports.needs(&["tm"]);
        exports.after(&["rr", "uac_auth"]);
        exports.difference(
            "A raised CSeq is put right in all later requests of the dialog, without module `dialog`, if `record_route()` was called: the parameter `ucs` of our Record-Route says by how much, with a check that nobody else can make. What is raised inside a dialog is kept in memory by the shard of the call (65,536 of them, 6 hours without a request): it is lost with a restart.",
        );
        exports.difference(
            "`rr_from_store_param` and `rr_to_store_param` hold both addresses, display names included, encrypted and bound to Call-ID and tag. Without `restore_passwd` the key is the installation's; servers that share calls set the same `restore_passwd`. Addresses longer than 255 bytes are refused.",
        );
        exports.difference(
            "Credentials go with the next relay only; of several challenges all realms that have credentials are answered, each by its strongest algorithm. Who was answered and asks again, other than for a stale nonce (4 times in a row), gets no second answer: -1.",
        );
        exports.difference("`uac_inc_cseq()` of an ACK is -1: it carries the CSeq of its INVITE. In a request inside a dialog it counts for the later ones as well.");
        exports.difference("`uac_replace_from()` and `uac_replace_to()` may be called again: the last one counts. `force_dialog` only 0.");
        exports.param("restore_mode", Kind::Str, |uac, value| {
            uac.restore = match value.text() {
                "none" => Restore::None,
                "manual" => Restore::Manual,
                "auto" => Restore::Auto,
                other => return Err(format!("`{other}` is none of none, manual, auto")),
            };
            Ok(())
        });
        exports.param("restore_passwd", Kind::Str, |uac, value| {
            value.text().clone_into(&mut uac.secret);
            Ok(())
        });
        exports.param("rr_from_store_param", Kind::Str, |uac, value| {
            param_name(&mut uac.from_param, value)
        });
        exports.param("rr_to_store_param", Kind::Str, |uac, value| {
            param_name(&mut uac.to_param, value)
        });
        exports.param("force_dialog", Kind::Int, |_, value| match value.int() {
            0 => Ok(()),
            _ => Err(
                "there are no dialogs to force yet: what is replaced is kept in Record-Route"
                    .to_owned(),
            ),
        });
        let algorithms = Kind::Str
            .optional()
            .check(|text| Algorithms::parse(text).map(|_| ()));
        exports.function("uac_auth", &[algorithms], anywhere, Self::auth);
        exports.function("uac_inc_cseq", &[Kind::Int], anywhere, Self::raise_cseq);
        let party = [Kind::Str.optional(), Kind::Str];
        exports.function("uac_replace_from", &party, anywhere, |uac, cx, args| {
            uac.replace(cx, Party::From, args)
        });
        exports.function("uac_replace_to", &party, anywhere, |uac, cx, args| {
            uac.replace(cx, Party::To, args)
        });
        exports.function("uac_restore_from", &[], anywhere, |uac, cx, _| {
            uac.restore(cx, Party::From)
        });
        exports.function("uac_restore_to", &[], anywhere, |uac, cx, _| {
            uac.restore(cx, Party::To)
        });
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        if self.restore != Restore::None && cx.module::<crate::rr::Rr>().is_none() {
            return Err(
                "restore_mode needs Record-Route: load module rr, or set restore_mode to none"
                    .to_owned(),
            );
        }
        if self.from_param.eq_ignore_ascii_case(&self.to_param) {
            return Err("rr_from_store_param and rr_to_store_param must differ".to_owned());
        }
        let rewriting = &mut cx.core.proxy.rewriting;
        rewriting.restore = self.restore;
        rewriting.answers_challenges = true;
        rewriting.from_param = self.from_param.clone().into_bytes();
        rewriting.to_param = self.to_param.clone().into_bytes();
        if !self.secret.is_empty() {
            rewriting.set_secret(self.secret.as_bytes());
        }
        Ok(())
    }
}

/// The name of a URI parameter; those that our Record-Route has already are not free.
fn param_name(field: &mut String, value: ParamValue<'_>) -> Result<(), String> {
    const TAKEN: [&str; 7] = ["lr", "r2", "ftag", "own", "ucs", "transport", "maddr"];
    let name = value.text();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~".contains(&byte));
    if !is_name || TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        return Err(format!("`{name}` cannot be a parameter of Record-Route"));
    }
    name.clone_into(field);
    Ok(())
}

impl Uac {
    /// 1: what `uac` sends next proves who sends it. -1: the winning reply is no challenge, or none that can be answered: nobody is
    /// known in its realm, or who is known was refused.
    fn auth(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let allowed = match args.maybe_str(0).map(Algorithms::parse) {
            None => Algorithms::ALL,
            Some(Ok(allowed)) => allowed,
            Some(Err(error)) => {
                cx.log_error(format_args!("uac_auth: {error}"));
                return Verdict::FAIL;
            }
        };
        Verdict::of(auth::answer(cx, allowed))
    }

    /// -1: not by so much, or it is an ACK: that carries the CSeq of its INVITE.
    fn raise_cseq(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let by = u32::try_from(args.int(0)).unwrap_or(0);
        Verdict::of(by > 0 && cx.raise_cseq(by))
    }

    /// Left out, a display name stays; empty, it goes. An empty URI stays as it is. -1: what would stand there is no address.
    fn replace(&mut self, cx: &mut Context<'_>, party: Party, args: Args<'_>) -> Verdict {
        let mut text = Vec::new();
        let is_written = {
            let own = match party {
                Party::From => &cx.scene.proxy.rewrite.from,
                Party::To => &cx.scene.proxy.rewrite.to,
            };
            let before = if own.is_empty() {
                party.of(cx.message)
            } else {
                own
            };
            party::write(before, args.maybe_str(0), args.str(1), &mut text)
        };
        Verdict::of(is_written && cx.replace_party(party, &text))
    }

    /// -1: it was not replaced.
    fn restore(&mut self, cx: &mut Context<'_>, party: Party) -> Verdict {
        Verdict::of(cx.restore_party(party))
    }
}

#[cfg(test)]
mod tests;
