//! `sl`: stateless replies (RFC 3261 §8.2.7).
//!
//! The reply itself is made and counted by the proxy core. Keeps one counter of its own, summed.

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Sl {
    error_replies: u64,
}

impl Module for Sl {
    const NAME: &'static str = "sl";

    fn new() -> Self {
        Sl::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        // Counting costs less than asking whether to count.
        exports.param("enable_stats", Kind::Int, |_, _| Ok(()));
        exports.function(
            "sl_send_reply",
            &[Kind::Int, Kind::Str],
            Routes::REQUEST | Routes::ERROR,
            Self::send_reply,
        );
        exports.function("sl_reply_error", &[], Routes::REQUEST, Self::reply_error);
        exports.statistic("sent_err_replies", |sl| sl.error_replies);
    }
}

impl Sl {
    fn send_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match status_code(args.int(0)) {
            Some(code) => Verdict::of(cx.reply_stateless(code, args.str(1))),
            None => Verdict::FAIL,
        }
    }

    fn reply_error(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        let sent = cx.reply_error();
        self.error_replies += u64::from(sent);
        Verdict::of(sent)
    }
}

/// A status code that a reply may have.
pub(crate) fn status_code(code: i32) -> Option<u16> {
    u16::try_from(code)
        .ok()
        .filter(|code| (100..700).contains(code))
}
