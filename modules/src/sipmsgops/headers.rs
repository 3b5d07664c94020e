//! Header lines: there, added, removed.

use engine::blacklist::glob::{self, Case};
use engine::module::{Args, Context, Verdict};

use super::SipMsgOps;
use crate::sl::status_code;
use parser::header::date::Date;
use parser::writer::write_header_line;

impl SipMsgOps {
    pub(super) fn is_present(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(cx.message.headers_called(args.str(0)).next().is_some())
    }

    pub(super) fn is_privacy(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        // RFC 3323 §4.2: values are separated by semicolons.
        let wanted = args.str(0);
        let found = cx.message.headers_called(b"Privacy").any(|header| {
            header
                .value
                .split(|byte| matches!(byte, b';' | b','))
                .any(|one| one.trim_ascii().eq_ignore_ascii_case(wanted))
        });
        Verdict::of(found)
    }

    /// Behind the first header of the name, or behind all.
    pub(super) fn append(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let place = args
            .maybe_str(1)
            .and_then(|name| cx.message.headers_called(name).next());
        match place {
            Some(header) => cx.draft.insert_header_after(header.line, args.str(0)),
            None => cx.draft.append_header(args.str(0)),
        }
        Verdict::OK
    }

    /// Before the first header of the name, or before all.
    pub(super) fn insert(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let place = args
            .maybe_str(1)
            .and_then(|name| cx.message.headers_called(name).next());
        match place {
            Some(header) => cx.draft.insert_header_before(header.line, args.str(0)),
            None => cx.draft.prepend_header(args.str(0)),
        }
        Verdict::OK
    }

    pub(super) fn remove(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let mut removed = false;
        for header in cx.message.headers_called(args.str(0)) {
            cx.draft.delete(header.line);
            removed = true;
        }
        Verdict::of(removed)
    }

    pub(super) fn remove_by_regex(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(regex) = args.regex(0) else {
            return Verdict::FAIL;
        };
        remove_where(cx, |name| regex.is_match(name))
    }

    pub(super) fn remove_by_glob(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        remove_where(cx, |name| glob::matches(args.str(0), name, Case::Ignored))
    }

    /// For the replies that we make ourselves.
    pub(super) fn append_to_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        write_header_line(args.str(0), &mut cx.scene.proxy.reply_headers);
        Verdict::OK
    }

    /// A Date for the replies that we make ourselves.
    pub(super) fn append_time(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        let headers = &mut cx.scene.proxy.reply_headers;
        write_date(cx.now.unix_s(), headers);
        Verdict::OK
    }

    /// The class of a provisional response or a 2xx cannot change: transactions live by it.
    pub(super) fn change_reply_status(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (Some(old), Some(new)) = (cx.message.status(), status_code(cx, args.int(0))) else {
            return Verdict::FAIL;
        };
        let is_fixed = old < 300 || new < 300;
        if is_fixed && old / 100 != new / 100 {
            return Verdict::FAIL;
        }
        cx.draft.set_status(new, args.str(1));
        Verdict::OK
    }
}

/// Appends a Date header.
pub(crate) fn write_date(unix_s: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Date: ");
    let date = Date {
        unix: unix_s as i64,
    };
    date.write(out);
    out.extend_from_slice(b"\r\n");
}

fn remove_where(cx: &mut Context<'_>, fits: impl Fn(&[u8]) -> bool) -> Verdict {
    let mut removed = false;
    for header in cx.message.headers().filter(|header| fits(header.raw_name)) {
        cx.draft.delete(header.line);
        removed = true;
    }
    Verdict::of(removed)
}
