//! `signaling`: one reply function for both cases. With a transaction the reply is the
//! transaction's, otherwise it is stateless.
//!
//! Keeps no state.

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Shape, VarArgs, Verdict};
use engine::run::Reading;

use crate::sl::{STATUS, status_code};

/// The module.
#[derive(Debug)]
pub(crate) struct Signaling;

impl Module for Signaling {
    const NAME: &'static str = "signaling";

    fn new() -> Self {
        Signaling
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.function(
            "send_reply",
            &[STATUS, Kind::Str],
            Routes::REQUEST | Routes::FAILURE | Routes::ERROR,
            Self::send_reply,
        );
        exports.variable("sig_local_totag", Shape::PLAIN, Self::local_tag);
    }
}

impl Signaling {
    fn send_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match status_code(cx, args.int(0)) {
            Some(code) => Verdict::of(cx.reply(code, args.str(1))),
            None => Verdict::FAIL,
        }
    }

    /// The To-tag that replies of ours to this request carry.
    fn local_tag(&mut self, cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        cx.write_local_tag(out);
        Reading::Text
    }
}
