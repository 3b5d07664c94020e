//! `options`: the answer to an OPTIONS for ourselves (RFC 3261 §11.2).
//!
//! Keeps no state.

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Verdict};
use parser::{Method, Uri};

/// The module: what we say we accept. The defaults are OpenSIPS's.
#[derive(Debug)]
pub(crate) struct Options {
    accept: String,
    accept_encoding: String,
    accept_language: String,
    supported: String,
}

impl Module for Options {
    const NAME: &'static str = "options";

    fn new() -> Self {
        Options {
            accept: "*/*".into(),
            accept_encoding: String::new(),
            accept_language: "en".into(),
            supported: String::new(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.needs(&["signaling"]);
        exports.param("accept", Kind::Str, |options, value| {
            set(&mut options.accept, value)
        });
        exports.param("accept_encoding", Kind::Str, |options, value| {
            set(&mut options.accept_encoding, value)
        });
        exports.param("accept_language", Kind::Str, |options, value| {
            set(&mut options.accept_language, value)
        });
        exports.param("support", Kind::Str, |options, value| {
            set(&mut options.supported, value)
        });
        exports.function("options_reply", &[], Routes::REQUEST, Self::reply);
    }
}

fn set(field: &mut String, value: ParamValue<'_>) -> Result<(), String> {
    if value.text().contains(['\r', '\n']) {
        return Err("a header is one line".into());
    }
    value.text().clone_into(field);
    Ok(())
}

impl Options {
    /// -1 when it is no OPTIONS, or one for a user: that is for the user's phone to answer.
    fn reply(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        if cx.message.method() != Method::Options {
            return Verdict::FAIL;
        }
        if Uri::parse(cx.request_uri()).is_ok_and(|uri| uri.user.is_some()) {
            return Verdict::FAIL;
        }
        let headers = [
            ("Accept", &self.accept),
            ("Accept-Encoding", &self.accept_encoding),
            ("Accept-Language", &self.accept_language),
            ("Supported", &self.supported),
        ];
        for (name, value) in headers {
            let line = format!("{name}: {value}\r\n");
            cx.scene
                .proxy
                .reply_headers
                .extend_from_slice(line.as_bytes());
        }
        Verdict::of(cx.reply(200, b"OK"))
    }
}
