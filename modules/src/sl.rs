//! `sl`: stateless replies (RFC 3261 §8.2.7).
//!
//! The reply itself is made by the proxy core. Summed: its counters.

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Verdict};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Sl {
    /// Replies sent, by the hundreds of their code, from 1 to 6.
    replies: [u64; 6],
    error_replies: u64,
}

impl Module for Sl {
    const NAME: &'static str = "sl";

    fn new() -> Self {
        Sl::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        // Counting costs less than asking whether to count.
        exports.param("enable_stats", Kind::Int, Self::no_effect);
        exports.function(
            "sl_send_reply",
            &[Kind::Int, Kind::Str],
            Routes::REQUEST | Routes::ERROR,
            Self::send_reply,
        );
        exports.function("sl_reply_error", &[], Routes::REQUEST, Self::reply_error);
        exports.statistic("1xx_replies", |sl| sl.replies[0]);
        exports.statistic("2xx_replies", |sl| sl.replies[1]);
        exports.statistic("3xx_replies", |sl| sl.replies[2]);
        exports.statistic("4xx_replies", |sl| sl.replies[3]);
        exports.statistic("5xx_replies", |sl| sl.replies[4]);
        exports.statistic("6xx_replies", |sl| sl.replies[5]);
        exports.statistic("sent_replies", |sl| sl.replies.iter().sum());
        exports.statistic("sent_err_replies", |sl| sl.error_replies);
    }
}

impl Sl {
    fn no_effect(&mut self, _: ParamValue<'_>) -> Result<(), String> {
        Ok(())
    }

    fn send_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(code) = status_code(args.int(0)) else {
            return Verdict::FAIL;
        };
        let sent = cx.reply_stateless(code, args.str(1));
        if sent {
            self.replies[usize::from(code / 100) - 1] += 1;
        }
        Verdict::of(sent)
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
