//! `tm`: the script's names for transactions: relay, reply, the routes that follow, the timers.
//!
//! The machines are in the engine's `transaction`, forking and responses in its `proxy`. Keeps no
//! state; what a script sets here goes with the request or, parameters, to the core.

mod by_call_id;
mod commands;
mod functions;
mod late;
mod own;
mod params;
mod variables;

use engine::agent::AgentEvent;
use engine::input::Letter;
use engine::module::{Context, Exports, Kind, Module, Routes};
use parser::Message;
use script::RouteKind;

use crate::sl::STATUS;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Tm {
    params: params::Params,
}

impl Module for Tm {
    const NAME: &'static str = "tm";

    fn new() -> Self {
        Tm::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        params::export(exports);
        variables::export(exports);
        commands::export(exports);

        let request = Routes::REQUEST;
        let failure = Routes::REQUEST | Routes::FAILURE;
        let anywhere = Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH;
        let hooks = anywhere | Routes::LOCAL;
        let text = Kind::Str.optional();
        let flags = text.check(functions::check_relay_flags);
        exports.function("t_relay", &[flags, text], failure, Self::relay);
        exports.function("t_replicate", &[Kind::Str, flags], failure, Self::replicate);
        exports.function("t_reply", &[STATUS, Kind::Str], failure, Self::reply);
        exports.function(
            "t_reply_with_body",
            &[STATUS, Kind::Str, Kind::Str],
            failure,
            Self::reply_with_body,
        );
        exports.function("t_newtran", &[], request, Self::new_transaction);
        exports.function(
            "t_check_trans",
            &[],
            Routes::REQUEST | Routes::BRANCH,
            Self::check_transaction,
        );
        exports.function(
            "t_on_branch",
            &[Kind::Str.route(RouteKind::Branch)],
            anywhere,
            Self::on_branch,
        );
        exports.function(
            "t_on_failure",
            &[Kind::Str.route(RouteKind::Failure)],
            hooks,
            Self::on_failure,
        );
        exports.function(
            "t_on_reply",
            &[Kind::Str.route(RouteKind::Reply)],
            hooks,
            Self::on_reply,
        );
        exports.function("t_was_cancelled", &[], anywhere, Self::was_cancelled);
        exports.function(
            "t_check_status",
            &[Kind::Regex],
            anywhere,
            Self::check_status,
        );
        exports.function(
            "t_local_replied",
            &[Kind::Str.check(functions::check_local_replied)],
            anywhere,
            Self::local_replied,
        );
        exports.function(
            "t_cancel_branch",
            &[text],
            Routes::REPLY,
            Self::cancel_branch,
        );
        exports.function(
            "t_wait_for_new_branches",
            &[Kind::Int.optional()],
            request,
            Self::wait_for_new_branches,
        );
        exports.function(
            "t_wait_no_more_branches",
            &[],
            anywhere,
            Self::wait_no_more_branches,
        );
        exports.function(
            "t_inject_branches",
            &[
                Kind::Str.check(late::check_source),
                text.check(late::check_flags),
            ],
            Routes::REQUEST | Routes::REPLY,
            Self::inject_branches,
        );
        exports.function(
            "t_get_branch_idx_by_attr",
            &[
                Kind::Str,
                text,
                Kind::Int.optional(),
                Kind::Output.optional(),
                Kind::Int.optional(),
            ],
            Routes::FAILURE | Routes::REPLY | Routes::BRANCH,
            Self::branch_by_attribute,
        );
        exports.function(
            "t_reply_by_callid",
            &[STATUS, Kind::Str, text, text],
            request,
            Self::reply_by_call_id,
        );
        exports.function("t_add_hdrs", &[Kind::Str], request, Self::add_headers);
        exports.function(
            "t_add_cancel_reason",
            &[Kind::Str],
            request,
            Self::add_cancel_reason,
        );
        exports.function(
            "t_flush_flags",
            &[],
            Routes::REQUEST | Routes::BRANCH,
            Self::flush_flags,
        );
        exports.function(
            "t_new_request",
            &[Kind::Str, Kind::Str, Kind::Str, Kind::Str, text, text],
            Routes::ALL,
            Self::new_request,
        );
        exports.difference(
            "A branch that was relayed and then cannot be sent (ICMP, a refused connection) ends with a local \
             503, not 477, after all addresses of its target: RFC 3261 §16.9 wants it so, and \
             `t_check_status(\"408|5[0-9][0-9]\")` fails over. The caller hears 500, or 503 with \
             `disable_503_translation`. What `t_relay` itself cannot send is as documented: -6 and, unless \
             `no-auto-477`, 477.",
        );
        exports.difference(
            "`t_relay` takes its flags by name or by the old number; a destination is `[proto:]host[:port]`.",
        );
        exports.difference(
            "An ACK to a 2xx whose Route leads to us is not known to `t_check_trans` before `loose_route` has run \
             (RFC 3261 §16.4).",
        );
        exports.difference(
            "Edits that stand behind `t_relay` in the same route are seen by branches that a failure route makes later.",
        );
        exports.difference(
            "`t_wait_for_new_branches` wants a transaction (`t_newtran`), and takes one of the 12 branches. \
             `t_inject_branches(\"event\")` reads the contact from the attributes that bear the names of the event's \
             parameters. `t_reply_by_callid` with the Call-ID of the message in hand wants its From tag as well.",
        );
        exports.difference(
            "A request with a Proxy-Require is answered 420 before any script sees it: we know no extension that a proxy \
             could be required to (RFC 3261 §16.3).",
        );
        exports.difference(
            "Not offered: clusters (`t_anycast_replicate`, `cluster_*`), `t_write_req`, `t_write_unix` and their \
             parameters, `local_request_route`, `local_reply_route`.",
        );
        exports.difference(
            "`delete_timer`, `timer_partitions`, `enable_stats` are accepted and have nothing to do here; \
             `ruri_matching`, `via1_matching`, `syn_branch` and `pass_provisional_replies` only with the value \
             that says what happens anyway.",
        );
    }

    fn on_response(
        &mut self,
        cx: &mut Context<'_>,
        event: &AgentEvent,
        response: Option<&Message>,
    ) {
        Self::answered(cx, event, response);
    }

    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        by_call_id::answer(cx, letter);
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.params.apply(cx)
    }
}

#[cfg(test)]
mod tests;
