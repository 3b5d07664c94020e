//! `uac_redirect`: the Contacts of 3xx responses become the next targets (RFC 3261 §8.1.3.4, §16.5).
//!
//! What a script filters for one request is owned by its transaction, on the shard of the call; filters of the parameters are copied
//! with the script.

mod contacts;
mod filter;

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Verdict};
use engine::proxy::{ContextId, TransactionEvent, TransactionEventKind};
use hashbrown::HashMap;
use regex::bytes::Regex;

use filter::{Filters, Reset};

/// The module.
#[derive(Debug)]
pub(crate) struct UacRedirect {
    accept: Option<Regex>,
    deny: Option<Regex>,
    accepts_by_default: bool,
    /// Filters that scripts added, by transaction. There are never more than transactions.
    added: HashMap<(u32, u32), Filters, ahash::RandomState>,
}

impl Module for UacRedirect {
    const NAME: &'static str = "uac_redirect";

    fn new() -> Self {
        UacRedirect {
            accept: None,
            deny: None,
            accepts_by_default: true,
            added: HashMap::with_hasher(ahash::RandomState::with_seeds(13, 14, 15, 16)),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.needs(&["tm"]);
        exports.difference(
            "A filter that accepts comes before one that denies, the default last; patterns ignore case. The first Contact becomes the Request-URI, the others branches, with their q. URIs that the transaction has tried, expired ones, other schemes, and `sip:` where `sips:` was asked for, are left out. 64 Contacts of a reply are looked at.",
        );
        exports.param("accept_filter", Kind::Str, |redirect, value| {
            pattern(&mut redirect.accept, value)
        });
        exports.param("deny_filter", Kind::Str, |redirect, value| {
            pattern(&mut redirect.deny, value)
        });
        exports.param("default_filter", Kind::Str, |redirect, value| {
            redirect.accepts_by_default = match value.text() {
                "accept" => true,
                "deny" => false,
                other => return Err(format!("`{other}` is neither accept nor deny")),
            };
            Ok(())
        });
        exports.function(
            "get_redirects",
            &[Kind::Int.optional(), Kind::Int.optional()],
            Routes::FAILURE,
            Self::get_redirects,
        );
        let reset = Kind::Str.check(|text| Reset::parse(text).map(|_| ()));
        exports.function(
            "set_accept_filter",
            &[Kind::Regex, reset],
            Routes::FAILURE,
            |redirect, cx, args| redirect.set(cx, args, true),
        );
        exports.function(
            "set_deny_filter",
            &[Kind::Regex, reset],
            Routes::FAILURE,
            |redirect, cx, args| redirect.set(cx, args, false),
        );
    }

    fn on_transaction(&mut self, _: &mut Context<'_>, event: &TransactionEvent) {
        if event.kind == TransactionEventKind::Ended {
            self.added.remove(&key(event.context));
        }
    }
}

fn key(id: ContextId) -> (u32, u32) {
    (id.slot, id.generation)
}

fn pattern(field: &mut Option<Regex>, value: ParamValue<'_>) -> Result<(), String> {
    let compiled = script::posix::compile(value.text().as_bytes(), script::posix::Flags::MATCH);
    *field = Some(compiled.map_err(|error| format!("`{}`: {error}", value.text()))?);
    Ok(())
}

impl UacRedirect {
    /// Takes at most so many Contacts in all, and so many of one response; 0 is as many as there are. 1: the first is the Request-URI
    /// now, the others are branches behind it, best q first. -1: there is none.
    fn get_redirects(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let bound = |at| match usize::try_from(args.int(at)) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(bound) => bound,
        };
        let (in_all, of_each) = (bound(0), bound(1));
        let nothing = Filters::default();
        let added = cx.run.context.and_then(|id| self.added.get(&key(id)));
        let added = added.unwrap_or(&nothing);
        let accepts = |uri: &[u8]| {
            if added.matches(true, self.accept.as_ref(), uri) {
                true
            } else if added.matches(false, self.deny.as_ref(), uri) {
                false
            } else {
                self.accepts_by_default
            }
        };
        let found = contacts::of(cx, in_all, of_each, accepts);
        Verdict::of(contacts::take(cx, &found))
    }

    /// 1: from here on the filter counts for this request. -1: it has as many as there may be.
    fn set(&mut self, cx: &mut Context<'_>, args: Args<'_>, accepts: bool) -> Verdict {
        let (Some(regex), Some(id)) = (args.regex(0), cx.run.context) else {
            return Verdict::FAIL;
        };
        let Ok(reset) = Reset::parse(args.str(1)) else {
            cx.log_error(format_args!(
                "`{}` is none of reset_all, reset_default, reset_added",
                args.str(1).escape_ascii()
            ));
            return Verdict::FAIL;
        };
        cx.watch_transaction();
        let filters = self.added.entry(key(id)).or_default();
        Verdict::of(filters.add(accepts, reset, regex))
    }
}

#[cfg(test)]
mod tests;
