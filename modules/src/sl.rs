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
            &[STATUS, Kind::Str],
            Routes::REQUEST | Routes::ERROR,
            Self::send_reply,
        );
        exports.function("sl_reply_error", &[], Routes::REQUEST, Self::reply_error);
        exports.statistic("sent_err_replies", |sl| sl.error_replies);
    }
}

impl Sl {
    fn send_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match status_code(cx, args.int(0)) {
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

/// A status code that a reply may have; any other literal is an error at load.
pub(crate) const STATUS: Kind = Kind::Int.check(check_status_code);

fn check_status_code(literal: &[u8]) -> Result<(), String> {
    let text = literal.escape_ascii();
    match std::str::from_utf8(literal).map(str::parse) {
        Ok(Ok(code)) if reply_code(code).is_some() => Ok(()),
        _ => Err(format!(
            "`{text}` is no status code; give one of 100 to 699"
        )),
    }
}

/// A status code that a reply may have; what the script made otherwise is told.
pub(crate) fn status_code(cx: &mut Context<'_>, code: i32) -> Option<u16> {
    let known = reply_code(code);
    if known.is_none() {
        cx.log_error(format_args!(
            "no reply: {code} is no status code; give one of 100 to 699"
        ));
    }
    known
}

fn reply_code(code: i32) -> Option<u16> {
    u16::try_from(code)
        .ok()
        .filter(|code| (100..700).contains(code))
}
