//! `rr`: Record-Route and loose routing (RFC 3261 §16.4, §16.6 steps 4 and 6, §16.12).
//!
//! The work is the proxy core's; here are the script's names for it. Keeps no state.

use engine::module::{
    Args, Context, Exports, Kind, Module, ParamValue, Routes, Shape, VarArgs, Verdict,
};
use engine::run::Reading;
use parser::Uri;

/// The module.
#[derive(Debug)]
pub(crate) struct Rr {
    append_fromtag: bool,
    add_username: bool,
    enable_double_rr: bool,
    ignore_user: String,
    warns_of_sockets: bool,
}

impl Module for Rr {
    const NAME: &'static str = "rr";

    fn new() -> Self {
        Rr {
            append_fromtag: true,
            add_username: false,
            enable_double_rr: true,
            ignore_user: String::new(),
            warns_of_sockets: true,
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere = Routes::REQUEST | Routes::FAILURE | Routes::BRANCH;
        exports.param("append_fromtag", Kind::Int, |rr, value| {
            flag(&mut rr.append_fromtag, value)
        });
        exports.param("add_username", Kind::Int, |rr, value| {
            flag(&mut rr.add_username, value)
        });
        exports.param("enable_double_rr", Kind::Int, |rr, value| {
            flag(&mut rr.enable_double_rr, value)
        });
        exports.param("ignore_user", Kind::Str, |rr, value| {
            value.text().clone_into(&mut rr.ignore_user);
            Ok(())
        });
        exports.function("loose_route", &[], Routes::REQUEST, Self::loose_route);
        exports.function(
            "record_route",
            &[Kind::Str.optional()],
            anywhere,
            Self::record_route,
        );
        exports.function(
            "record_route_preset",
            &[Kind::Str, Kind::Str.optional()],
            anywhere,
            Self::record_route_preset,
        );
        exports.function("add_rr_param", &[Kind::Str], anywhere, Self::add_rr_param);
        exports.function(
            "check_route_param",
            &[Kind::Regex],
            Routes::REQUEST,
            Self::check_route_param,
        );
        exports.function(
            "is_direction",
            &[Kind::Str],
            Routes::REQUEST,
            Self::is_direction,
        );
        exports.variable("rr_params", Shape::PLAIN, Self::route_params);
        exports.param("enable_socket_mismatch_warning", Kind::Int, |rr, value| {
            flag(&mut rr.warns_of_sockets, value)
        });
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let settings = &mut cx.core.proxy.settings;
        settings.append_from_tag = self.append_fromtag;
        settings.double_record_route = self.enable_double_rr;
        settings.ignore_user = self.ignore_user.clone().into_bytes();
        Ok(())
    }
}

/// The user part of the Request-URI.
fn request_user(cx: &Context<'_>) -> Vec<u8> {
    Uri::parse(cx.request_uri())
        .ok()
        .and_then(|uri| uri.user)
        .unwrap_or_default()
        .to_vec()
}

fn flag(field: &mut bool, value: ParamValue<'_>) -> Result<(), String> {
    *field = value.int() != 0;
    Ok(())
}

impl Rr {
    fn loose_route(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        let routed = cx.loose_route();
        if self.warns_of_sockets && cx.scene.proxy.route.unknown_socket {
            let call_id = cx.message.call_id();
            let line = [
                b"a Route of ours names no socket of ours, Call-ID ",
                call_id,
            ]
            .concat();
            cx.log(1, |out| out.extend_from_slice(&line));
        }
        Verdict::Return(routed)
    }

    fn record_route(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let own = if self.add_username {
            request_user(cx)
        } else {
            Vec::new()
        };
        Verdict::of(cx.record_route(Some(args.maybe_str(0).unwrap_or(&own))))
    }

    fn record_route_preset(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(cx.record_route_preset(args.str(0), args.maybe_str(1)))
    }

    fn add_rr_param(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(cx.add_rr_param(args.str(0)))
    }

    /// Whether the parameters of our own Route, which `loose_route` has removed, match.
    fn check_route_param(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(regex) = args.regex(0) else {
            return Verdict::FAIL;
        };
        let params = &cx.scene.proxy.route_params;
        Verdict::of(!params.is_empty() && regex.is_match(params))
    }

    /// By the From tag that our Record-Route kept (`append_fromtag`). Without it nobody knows.
    fn is_direction(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let wanted = args.str(0);
        match cx.scene.proxy.route.downstream {
            Some(true) => Verdict::of(wanted.eq_ignore_ascii_case(b"downstream")),
            Some(false) => Verdict::of(wanted.eq_ignore_ascii_case(b"upstream")),
            None => Verdict::FAIL,
        }
    }

    fn route_params(&mut self, cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        match cx.scene.proxy.route_params.as_slice() {
            b"" => Reading::Null,
            params => Reading::text(params, out),
        }
    }
}
