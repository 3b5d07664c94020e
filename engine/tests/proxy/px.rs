//! The module that the stories' scripts load: the proxy core's methods, one name each.

use engine::Query;
use engine::agent::{AgentEvent, AgentOwner, OwnRequest};
use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};
use engine::proxy::{Cancel, RelayOptions, TargetParts, TransactionEvent};
use parser::Message;
use script::RouteKind;

/// What the stories' scripts can do: the proxy core's methods, one name each.
#[derive(Default)]
pub(crate) struct Px;

impl Module for Px {
    const NAME: &'static str = "px";

    fn new() -> Self {
        Px
    }

    fn exports(exports: &mut Exports<Self>) {
        let text = Kind::Str.optional();
        let all = Routes::ALL;
        let function = &mut |name, args: &[Kind], f| exports.function(name, args, all, f);
        function("relay", &[text, text], |_, cx, args| {
            let has = |word: &[u8]| {
                args.str(0)
                    .windows(word.len().max(1))
                    .any(|window| window == word)
            };
            cx.relay(&RelayOptions {
                destination: args.maybe_str(1),
                no_auto_477: has(b"no-auto-477"),
                no_dns_failover: has(b"no-dns-failover"),
                pass_reason: has(b"pass-reason-hdr"),
                allow_no_cancel: has(b"allow-no-cancel"),
                replicate: has(b"replicate"),
            })
        });
        function("to", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_uri(0, args.str(0)))
        });
        function("next", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_destination(0, args.str(0)))
        });
        function("also", &[Kind::Str, Kind::Int.optional()], |_, cx, args| {
            let q = args.maybe_int(1).map(|q| q as u16);
            Verdict::of(
                cx.scene
                    .targets
                    .push(&TargetParts {
                        uri: args.str(0),
                        q,
                        ..TargetParts::default()
                    })
                    .is_some(),
            )
        });
        function("path", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.scene.targets.set_path(0, args.str(0)))
        });
        function("header", &[Kind::Str], |_, cx, args| {
            cx.draft.append_header(args.str(0));
            Verdict::OK
        });
        function("newtran", &[], |_, cx, _| Verdict::of(cx.new_transaction()));
        function("known", &[], |_, cx, _| cx.check_transaction());
        function("cancelled", &[], |_, cx, _| Verdict::of(cx.was_cancelled()));
        function("cancel_all", &[], |_, cx, _| {
            Verdict::of(cx.cancel_branches(Cancel::All))
        });
        function("watch", &[], |_, cx, _| {
            cx.watch_transaction();
            Verdict::OK
        });
        function("reply", &[Kind::Int, text], |_, cx, args| {
            Verdict::of(cx.reply(args.int(0) as u16, args.str(1)))
        });
        function("reply_error", &[], |_, cx, _| Verdict::of(cx.reply_error()));
        function("forward", &[text], |_, cx, args| cx.forward(args.str(0)));
        function("loose_route", &[], |_, cx, _| {
            Verdict::Return(cx.loose_route())
        });
        function("record_route", &[text], |_, cx, args| {
            Verdict::of(cx.record_route(args.maybe_str(0)))
        });
        function("rr_param", &[Kind::Str], |_, cx, args| {
            Verdict::of(cx.add_rr_param(args.str(0)))
        });
        function("force_rport", &[], |_, cx, _| {
            cx.force_rport();
            Verdict::OK
        });
        function("serialize", &[], |_, cx, _| {
            Verdict::Return(cx.serialize_branches(true, false))
        });
        function("next_group", &[], |_, cx, _| {
            Verdict::Return(cx.next_branches())
        });
        function(
            "on_branch",
            &[Kind::Str.route(RouteKind::Branch)],
            |_, cx, args| {
                cx.scene.hooks.on_branch = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function(
            "on_failure",
            &[Kind::Str.route(RouteKind::Failure)],
            |_, cx, args| {
                cx.scene.hooks.on_failure = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function(
            "on_reply",
            &[Kind::Str.route(RouteKind::Reply)],
            |_, cx, args| {
                cx.scene.hooks.on_reply = cx.name(args.str(0));
                Verdict::OK
            },
        );
        function("timeouts", &[Kind::Int, Kind::Int], |_, cx, args| {
            cx.set_timeouts(Some(args.int(0) as u32), Some(args.int(1) as u32));
            Verdict::OK
        });
        function("leave_by", &[Kind::Str], |_, cx, args| {
            cx.scene.proxy.forced_socket =
                cx.core.sockets.find(args.str(0)).map(|socket| socket.id);
            Verdict::of(cx.scene.proxy.forced_socket.is_some())
        });
        function("udp_up_to", &[Kind::Int], |_, cx, args| {
            cx.core.proxy.settings.udp_bytes_max = args.maybe_int(0).map(|bytes| bytes as u32);
            Verdict::OK
        });
        function("sleep", &[], Self::sleep);
        function("say", &[Kind::Str], |_, cx, args| {
            cx.outbox.log(3, |out| out.extend_from_slice(args.str(0)));
            Verdict::OK
        });
        function("ask", &[Kind::Str, Kind::Str], |_, cx, args| {
            let request = OwnRequest {
                method: args.str(0),
                request_uri: args.str(1),
                from: b"sip:tandem@10.0.0.1",
                owner: AgentOwner::Module {
                    module: 0,
                    token: 7,
                },
                ..OwnRequest::default()
            };
            Verdict::of(cx.send_request(&request).is_ok())
        });
    }

    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent) {
        let text = format!("event {:?}", event.kind);
        cx.outbox
            .log(3, |out| out.extend_from_slice(text.as_bytes()));
    }

    fn on_response(
        &mut self,
        cx: &mut Context<'_>,
        event: &AgentEvent,
        response: Option<&Message>,
    ) {
        let reason =
            response.map(|response| String::from_utf8_lossy(response.reason()).into_owned());
        let text = format!(
            "told {} local={} {}",
            event.code,
            event.local,
            reason.unwrap_or_default()
        );
        cx.outbox
            .log(3, |out| out.extend_from_slice(text.as_bytes()));
    }
}

impl Px {
    /// A wait whose end the story decides (`wake`).
    fn sleep(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        match cx.answer() {
            Some(_) => Verdict::OK,
            None => cx.query(Query::Sleep, 60_000),
        }
    }
}
