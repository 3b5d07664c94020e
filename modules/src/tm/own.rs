//! `t_new_request`: requests that a script makes itself (RFC 3261 §8.1).

use engine::agent::OwnRequest;
use engine::module::{Args, Context, Verdict};

use super::Tm;

impl Tm {
    /// Method, Request-URI, To, From, a body behind its type (`text/plain hello`), and what `local_route` finds in
    /// `$avp(uac_ctx)`.
    pub(super) fn new_request(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (content_type, body) = split_body(args.str(4));
        let request = OwnRequest {
            method: args.str(0),
            request_uri: args.str(1),
            to: args.str(2),
            from: args.str(3),
            content_type,
            body,
            context: args.str(5),
            ..OwnRequest::default()
        };
        Verdict::of(cx.send_request(&request).is_ok())
    }
}

fn split_body(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(u8::is_ascii_whitespace) {
        Some(at) => (&text[..at], text[at..].trim_ascii_start()),
        None => (b"", b""),
    }
}
