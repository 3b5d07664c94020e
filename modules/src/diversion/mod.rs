//! `diversion`: who was called first, and why it did not stay so (RFC 5806).
//!
//! Keeps no state. What is in a message is read by `$di`, `$dip` and `$dir` of the core.

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};
use parser::Uri;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Diversion {
    suffix: Vec<u8>,
}

impl Module for Diversion {
    const NAME: &'static str = "diversion";

    fn new() -> Self {
        Diversion::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.difference(
            "A reason that is no token stands in quotes; one with a quote or line end in it is -1.",
        );
        exports.param("suffix", Kind::Str, |diversion, value| {
            let text = value.text();
            if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
                return Err("it ends a line: the suffix is part of one".to_owned());
            }
            diversion.suffix = text.into();
            Ok(())
        });
        exports.function(
            "add_diversion",
            &[Kind::Str, Kind::Str.optional(), Kind::Int.optional()],
            Routes::REQUEST | Routes::FAILURE | Routes::LOCAL,
            Self::add,
        );
    }
}

impl Diversion {
    /// Adds one on top of those that are there. Without a URI it is the one that was received. -1: reason or URI cannot stand in
    /// a header.
    fn add(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let reason = args.str(0);
        let uri = match args.maybe_str(1) {
            None | Some(b"") => cx.message.request_uri(),
            Some(uri) => uri,
        };
        // RFC 5806 §4: a token, or text in quotes.
        let is_bare = reason
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte));
        let is_text = reason
            .iter()
            .all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\' | 0x7f));
        let is_uri = Uri::parse(uri).is_ok()
            && uri
                .iter()
                .all(|byte| *byte > b' ' && !matches!(byte, b'<' | b'>' | 0x7f));
        if reason.is_empty() || !is_text || !is_uri || args.maybe_int(2).is_some_and(|n| n < 0) {
            return Verdict::FAIL;
        }
        let quote: &[u8] = if is_bare { b"" } else { b"\"" };
        let mut line = [b"Diversion: <", uri, b">;reason=", quote, reason, quote].concat();
        if let Some(count) = args.maybe_int(2) {
            line.extend_from_slice(format!(";counter={count}").as_bytes());
        }
        line.extend_from_slice(&self.suffix);
        // RFC 5806 §3.1: the latest diversion is the topmost.
        cx.draft.prepend_header(&line);
        Verdict::OK
    }
}

#[cfg(test)]
mod tests;
