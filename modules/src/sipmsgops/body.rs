//! The body: there, and of which type.

use engine::module::{Args, Context, Verdict};
use parser::{Draft, Frame, Message, multipart};

use super::SipMsgOps;

/// The only word that the second argument of `remove_body_part` may be.
pub(super) fn revert(text: &[u8]) -> Result<(), String> {
    match text {
        b"revert" => Ok(()),
        _ => Err("only `revert` has a meaning here".into()),
    }
}

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

    /// Removes the body, or what of it is of this type; with `revert`, what is not.
    pub(super) fn remove_body_part(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        if cx.draft.body().is_none() {
            return Verdict::of(remove(cx.message, cx.draft, args));
        }
        // The body was written anew before: its parts are other bytes.
        let Some(current) = written(cx.draft, cx.message) else {
            return Verdict::FAIL;
        };
        let mut draft = Draft::new();
        if !remove(&current, &mut draft, args) {
            return Verdict::FAIL;
        }
        let Some(changed) = written(&draft, &current) else {
            return Verdict::FAIL;
        };
        cx.draft
            .set_body(changed.content_type().unwrap_or_default(), changed.body());
        Verdict::OK
    }

    /// The body as it stands by now, or the part of it of this type, into the variable.
    pub(super) fn updated_body_part(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(current) = written(cx.draft, cx.message) else {
            return Verdict::FAIL;
        };
        let content_type = current.content_type().unwrap_or_default();
        let body = match args.maybe_str(0) {
            None => Some(current.body()),
            Some(wanted) if is_type(content_type, wanted) => Some(current.body()),
            Some(wanted) => multipart::parts(content_type, current.body())
                .ok()
                .and_then(|mut parts| {
                    parts
                        .find(|part| is_type(part.content_type.unwrap_or_default(), wanted))
                        .map(|part| part.body)
                }),
        };
        match body.filter(|body| !body.is_empty()) {
            Some(body) => {
                args.set(1, body);
                Verdict::OK
            }
            None => Verdict::FAIL,
        }
    }

    /// For the next reply that we make ourselves; its type is the script's to add.
    pub(super) fn append_body_to_reply(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let proxy = &mut cx.scene.proxy;
        proxy.reply_body.clear();
        proxy.reply_body.extend_from_slice(args.str(0));
        Verdict::OK
    }
}

/// Removes what is meant from a message; says whether there was something.
fn remove(message: &Message, draft: &mut Draft, args: Args<'_>) -> bool {
    let (body, content_type) = (message.body(), message.content_type());
    let reverts = args.has(0) && args.has(1);
    let is_whole = !body.is_empty()
        && args
            .maybe_str(0)
            .is_none_or(|wanted| is_type(content_type.unwrap_or_default(), wanted));
    if body.is_empty() || (reverts && is_whole) {
        return false;
    }
    let parts = content_type.and_then(|text| multipart::parts(text, body).ok());
    if is_whole || (reverts && parts.is_none()) {
        draft.set_body(b"", b"");
        return true;
    }
    let (Some(wanted), Some(parts)) = (args.maybe_str(0), parts) else {
        return false;
    };
    let mut removed = false;
    let is_meant = |text: &[u8]| is_type(text, wanted) != reverts;
    for part in parts.filter(|part| is_meant(part.content_type.unwrap_or_default())) {
        if let Some(span) = message.span_of(part.whole) {
            draft.delete(span);
            removed = true;
        }
    }
    removed
}

/// Whether a Content-Type is this one, its parameters aside. `multipart/*` fits all of its kind.
pub(super) fn is_type(content_type: &[u8], wanted: &[u8]) -> bool {
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

/// A message with its edits, as a message.
pub(super) fn written(draft: &Draft, message: &Message) -> Option<Message> {
    let mut text = Vec::with_capacity(message.bytes().len() + 64);
    draft.write(message, &mut text);
    Message::parse(Frame::copy_of(&text)).ok()
}
