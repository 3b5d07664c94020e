//! `textops`: regular expressions over a message as text.
//!
//! What is searched is the message as it was received; what is put in its place shows when it is
//! sent. Two edits of one place: the later stands.
//!
//! Keeps the compiled pattern of a sed expression with its place in the script.

mod subst;

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};
use parser::Span;
use regex::bytes::Regex;
use std::borrow::Cow;
use std::ops::Range;

use crate::set_request_uri;
use subst::{Pattern, Subst};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct TextOps;

impl Module for TextOps {
    const NAME: &'static str = "textops";

    fn new() -> Self {
        TextOps
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere =
            Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH | Routes::LOCAL;
        let uri = Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH;
        let both = &[Kind::Regex, Kind::Str];
        let sed = &[Kind::Str
            .substitution()
            .check(|text| Subst::parse(text).map(drop))];
        exports.function("search", &[Kind::Regex], anywhere, |_, cx, args| {
            search(args, cx.message.bytes())
        });
        exports.function("search_body", &[Kind::Regex], anywhere, |_, cx, args| {
            search(args, cx.message.body())
        });
        exports.function("search_append", both, anywhere, |_, cx, args| {
            append(cx, args, Part::Headers)
        });
        exports.function("search_append_body", both, anywhere, |_, cx, args| {
            append(cx, args, Part::Body)
        });
        exports.function("replace", both, anywhere, |_, cx, args| {
            replace(cx, args, Part::Headers, 1)
        });
        exports.function("replace_all", both, anywhere, |_, cx, args| {
            replace(cx, args, Part::Headers, usize::MAX)
        });
        exports.function("replace_body", both, anywhere, |_, cx, args| {
            replace(cx, args, Part::Body, 1)
        });
        exports.function("replace_body_all", both, anywhere, |_, cx, args| {
            replace_lines(cx, args)
        });
        exports.function("replace_body_atonce", both, anywhere, |_, cx, args| {
            replace(cx, args, Part::Body, usize::MAX)
        });
        exports.function("subst", sed, anywhere, |textops, cx, args| {
            textops.subst(cx, args, Part::Headers)
        });
        exports.function("subst_body", sed, anywhere, |textops, cx, args| {
            textops.subst(cx, args, Part::Body)
        });
        exports.function("subst_uri", sed, uri, Self::subst_uri);
        exports.function("subst_user", sed, uri, Self::subst_user);
        exports.difference(
            "What a variable in the replacement of `subst` and its like says stands for itself: a `\\1` or `/` in it means \
             nothing. NULL is an empty text. An expression that is a variable as a whole, `subst($var(x))`, is expanded no \
             further, and compiled at each call.",
        );
    }
}

/// What of a message is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// From the first header to the end: the start line has functions of its own.
    Headers,
    Body,
}

impl Part {
    fn of(self, cx: &Context<'_>) -> Range<usize> {
        let end = cx.message.bytes().len();
        match self {
            Part::Headers => usize::from(cx.message.start_line().end)..end,
            Part::Body => usize::from(cx.message.body_span().start)..end,
        }
    }
}

fn span(base: usize, found: Range<usize>) -> Span {
    Span::new(base + found.start, base + found.end)
}

fn search(args: Args<'_>, text: &[u8]) -> Verdict {
    Verdict::of(args.regex(0).is_some_and(|regex| regex.is_match(text)))
}

fn append(cx: &mut Context<'_>, args: Args<'_>, part: Part) -> Verdict {
    let Some(regex) = args.regex(0) else {
        return Verdict::FAIL;
    };
    let range = part.of(cx);
    let base = range.start;
    match regex.find(&cx.message.bytes()[range]) {
        Some(found) => {
            cx.draft.insert(span(base, found.range()).end, args.str(1));
            Verdict::OK
        }
        None => Verdict::FAIL,
    }
}

fn replace(cx: &mut Context<'_>, args: Args<'_>, part: Part, most: usize) -> Verdict {
    let Some(regex) = args.regex(0) else {
        return Verdict::FAIL;
    };
    let range = part.of(cx);
    Verdict::of(replace_in(cx, regex, range, args.str(1), most))
}

/// Line by line, so that `^` and `$` mean a line's and nothing matches across a line break.
fn replace_lines(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let Some(regex) = args.regex(0) else {
        return Verdict::FAIL;
    };
    let body = Part::Body.of(cx);
    let mut at = body.start;
    let mut replaced = false;
    for line in cx.message.bytes()[body].split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        replaced |= replace_in(cx, regex, at..at + text.len(), args.str(1), usize::MAX);
        at += line.len();
    }
    Verdict::of(replaced)
}

fn replace_in(
    cx: &mut Context<'_>,
    regex: &Regex,
    range: Range<usize>,
    text: &[u8],
    most: usize,
) -> bool {
    let base = range.start;
    let mut replaced = false;
    for found in regex.find_iter(&cx.message.bytes()[range]).take(most) {
        cx.draft.replace(span(base, found.range()), text);
        replaced = true;
    }
    replaced
}

impl TextOps {
    fn subst(&mut self, cx: &mut Context<'_>, args: Args<'_>, part: Part) -> Verdict {
        let Some(subst) = self.compiled(args) else {
            return Verdict::FAIL;
        };
        let range = part.of(cx);
        let base = range.start;
        let draft = &mut *cx.draft;
        let found = subst.edits(&cx.message.bytes()[range], |place, text| {
            draft.replace(span(base, place), text)
        });
        Verdict::of(found)
    }

    fn subst_uri(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(subst) = self.compiled(args) else {
            return Verdict::FAIL;
        };
        match subst.apply(cx.request_uri()) {
            Some(uri) => set_request_uri(cx, &uri),
            None => Verdict::FAIL,
        }
    }

    fn subst_user(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(subst) = self.compiled(args) else {
            return Verdict::FAIL;
        };
        let whole = cx.request_uri();
        let Some(user) = parser::Uri::parse(whole).ok().and_then(|uri| uri.user) else {
            return Verdict::FAIL;
        };
        let Some(place) = Span::within(whole, user) else {
            return Verdict::FAIL;
        };
        let Some(changed) = subst.apply(user) else {
            return Verdict::FAIL;
        };
        let (start, end) = (usize::from(place.start), usize::from(place.end));
        let uri = [&whole[..start], &changed, &whole[end..]].concat();
        set_request_uri(cx, &uri)
    }

    /// The expression of this place in the script. Its pattern is compiled when it is met first; only one that is a
    /// variable itself can be another each time.
    fn compiled<'a>(&self, args: Args<'a>) -> Option<Cow<'a, Subst<'a>>> {
        let text = args.maybe_str(0)?;
        if args.is_literal(0) {
            let known: &Option<Subst<'static>> = args.prepared(|| Subst::parse(text).ok())?;
            return known.as_ref().map(Cow::Borrowed);
        }
        let known: &Option<Pattern> =
            args.prepared(|| Subst::parse(text).ok().map(Subst::into_pattern))?;
        let subst = Subst::parse_with(text, known.as_ref()).ok()?;
        Some(Cow::Owned(subst))
    }
}

#[cfg(test)]
mod tests;
