//! The body: there, and of which type.

use engine::module::{Args, Context, Verdict};
use parser::multipart;

use super::SipMsgOps;

impl SipMsgOps {
    /// Whether there is a body, of this type when one is given.
    pub(super) fn has_body(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        if cx.message.body().is_empty() {
            return Verdict::FAIL;
        }
        match args.maybe_str(0) {
            Some(wanted) => Verdict::of(is_type(
                cx.message.content_type().unwrap_or_default(),
                wanted,
            )),
            None => Verdict::OK,
        }
    }

    /// Whether the body, or a part of it, is of this type.
    pub(super) fn has_body_part(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        if self.has_body(cx, args) == Verdict::OK {
            return Verdict::OK;
        }
        let (Some(wanted), Some(content_type)) = (args.maybe_str(0), cx.message.content_type())
        else {
            return Verdict::FAIL;
        };
        let Ok(mut parts) = multipart::parts(content_type, cx.message.body()) else {
            return Verdict::FAIL;
        };
        Verdict::of(parts.any(|part| is_type(part.content_type.unwrap_or_default(), wanted)))
    }
}

/// Whether a Content-Type is this one, its parameters aside. `multipart/*` fits all of its kind.
fn is_type(content_type: &[u8], wanted: &[u8]) -> bool {
    let end = content_type
        .iter()
        .position(|byte| *byte == b';')
        .unwrap_or(content_type.len());
    let content_type = content_type[..end].trim_ascii();
    match wanted.strip_suffix(b"*") {
        Some(kind) => {
            content_type.len() > kind.len() && content_type[..kind.len()].eq_ignore_ascii_case(kind)
        }
        None => content_type.eq_ignore_ascii_case(wanted),
    }
}
