//! The Request-URI: its parameters, and other ways to write it.

use engine::module::{Args, Context, Verdict};
use parser::{Scheme, Uri};

use super::SipMsgOps;
use crate::set_request_uri;

impl SipMsgOps {
    /// Whether the parameter is there, with this value when one is given.
    pub(super) fn uri_has_param(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(uri) = Uri::parse(cx.request_uri()) else {
            return Verdict::FAIL;
        };
        Verdict::of(uri.params.get(args.str(0)).is_some_and(|value| {
            args.maybe_str(1)
                .is_none_or(|wanted| value.eq_ignore_ascii_case(wanted))
        }))
    }

    /// Adds `name=value` or `name` behind the other parameters.
    pub(super) fn uri_add_param(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let whole = cx.request_uri();
        let Ok(uri) = Uri::parse(whole) else {
            return Verdict::FAIL;
        };
        let (head, headers) = split_headers(whole, &uri);
        let param = args.str(0).trim_ascii();
        let text = [
            head,
            b";",
            param.strip_prefix(b";").unwrap_or(param),
            headers,
        ]
        .concat();
        set_request_uri(cx, &text)
    }

    /// Removes the parameter; -1 when it is not there.
    pub(super) fn uri_remove_param(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let whole = cx.request_uri();
        let Ok(uri) = Uri::parse(whole) else {
            return Verdict::FAIL;
        };
        let (head, headers) = split_headers(whole, &uri);
        let mut text = head[..head.len() - uri.params.raw().len()].to_vec();
        let mut removed = false;
        for param in uri.params.iter() {
            if param.name.eq_ignore_ascii_case(args.str(0)) {
                removed = true;
            } else {
                text.extend_from_slice(param.whole);
            }
        }
        text.extend_from_slice(headers);
        if removed {
            set_request_uri(cx, &text)
        } else {
            Verdict::FAIL
        }
    }

    /// RFC 3261 §19.1.6: `tel:+358-555-1234567` is `sip:+3585551234567@domain;user=phone`, the
    /// domain being the caller's.
    pub(super) fn tel_to_sip(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        let Ok(uri) = Uri::parse(cx.request_uri()) else {
            return Verdict::FAIL;
        };
        if uri.scheme != Scheme::Tel {
            // A sip URI is what was wanted.
            return Verdict::OK;
        }
        let from = cx.message.from();
        let Ok(caller) = from.uri() else {
            return Verdict::FAIL;
        };
        let mut text = b"sip:".to_vec();
        text.extend(
            uri.user
                .unwrap_or_default()
                .iter()
                .filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')')),
        );
        text.extend_from_slice(uri.params.raw());
        text.push(b'@');
        text.extend_from_slice(caller.host_text);
        text.extend_from_slice(b";user=phone");
        set_request_uri(cx, &text)
    }

    /// Whether the URI's user is `+` and up to 15 digits (E.164 §6.2.1).
    pub(super) fn is_e164(&mut self, _: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(uri) = Uri::parse(args.str(0)) else {
            return Verdict::FAIL;
        };
        let number = uri.user.unwrap_or_default().strip_prefix(b"+");
        Verdict::of(number.is_some_and(|digits| {
            (2..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }))
    }

    /// Prefix, Request-URI and suffix make a header behind all.
    pub(super) fn append_with_uri(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let line = [args.str(0), cx.request_uri(), args.str(1)].concat();
        cx.draft.append_header(&line);
        Verdict::OK
    }
}

/// A URI up to its `?`, and from there on.
fn split_headers<'a>(whole: &'a [u8], uri: &Uri<'_>) -> (&'a [u8], &'a [u8]) {
    let headers = uri.headers.map_or(0, |headers| headers.len() + 1);
    whole.split_at(whole.len() - headers)
}
