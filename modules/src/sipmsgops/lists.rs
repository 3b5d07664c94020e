//! Headers that list option tags: `Supported: 100rel, timer`.

use engine::module::{Args, Context, Verdict};
use parser::{Message, Span};

use super::SipMsgOps;
use smallvec::SmallVec;

/// Who says an option this often means no good: then the whole header goes, since taking out thousands
/// one by one costs the square of their number.
const REPEATS_MAX: usize = 16;

impl SipMsgOps {
    pub(super) fn list_has(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(find(cx.message, args.str(0), args.str(1)).next().is_some())
    }

    /// Adds the option to the first header of the name, or adds the header. What is there already is not doubled.
    pub(super) fn list_add(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (name, option) = (args.str(0), args.str(1));
        if find(cx.message, name, option).next().is_some() {
            return Verdict::OK;
        }
        let mut text = Vec::with_capacity(name.len() + option.len() + 4);
        match cx.message.headers_called(name).next() {
            Some(header) => {
                text.extend_from_slice(if header.value.is_empty() { b"" } else { b", " });
                text.extend_from_slice(option);
                cx.draft.insert(header.value_span.end, &text);
            }
            None => {
                text.extend_from_slice(name);
                text.extend_from_slice(b": ");
                text.extend_from_slice(option);
                text.extend_from_slice(b"\r\n");
                cx.draft.append_header(&text);
            }
        }
        Verdict::OK
    }

    pub(super) fn list_remove(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (name, option) = (args.str(0), args.str(1));
        let repeats: SmallVec<[Span; REPEATS_MAX]> =
            find(cx.message, name, option).take(REPEATS_MAX).collect();
        if repeats.len() == REPEATS_MAX {
            for header in cx.message.headers_called(name) {
                cx.draft.delete(header.line);
            }
        } else {
            for &span in &repeats {
                cx.draft.remove_element(cx.message, span);
            }
        }
        Verdict::of(!repeats.is_empty())
    }
}

/// Where this option stands in the headers of this name.
fn find<'m>(
    message: &'m Message,
    name: &'m [u8],
    option: &'m [u8],
) -> impl Iterator<Item = Span> + 'm {
    message
        .headers_called(name)
        .flat_map(|header| header.value.split(|byte| *byte == b','))
        .map(|one| one.trim_ascii())
        .filter(move |one| one.eq_ignore_ascii_case(option))
        .filter_map(|one| message.span_of(one))
}
