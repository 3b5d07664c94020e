//! Writing a draft: one walk over the message, edits merged in.
//!
//! What is known only now (where Max-Forwards stands, how long the body has become) becomes a
//! handful of further edits on the stack, merged with the draft's own by place.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::Draft;
use super::edit::{Place, rank};
use crate::grammar::write_number;
use crate::{HeaderName, Message, Span};

/// An edit made while writing.
#[derive(Clone, Copy)]
struct Late<'a> {
    span: Span,
    rank: u8,
    text: LateText<'a>,
}

#[derive(Clone, Copy)]
enum LateText<'a> {
    Bytes(&'a [u8]),
    Number(u64),
    /// The whole status line.
    Status(u16, &'a [u8]),
    /// All prepended lines, the last first.
    Prepended,
    /// All appended lines, and those headers that have no line to be replaced in.
    Appended(Added<'a>),
}

#[derive(Clone, Copy, Default)]
struct Added<'a> {
    max_forwards: Option<u8>,
    content_type: Option<&'a [u8]>,
    content_length: Option<u64>,
}

type Lates<'a> = SmallVec<[Late<'a>; 12]>;

impl Late<'_> {
    fn place(&self) -> Place {
        (self.span.start, self.rank, Reverse(self.span.len()))
    }
}

impl Draft {
    /// Appends the message with all edits to `out`.
    pub fn write(&self, message: &Message, out: &mut Vec<u8>) {
        if self.is_empty() {
            out.extend_from_slice(message.bytes());
            return;
        }
        let mut lates = self.lates(message);
        lates.sort_by_key(Late::place);
        let all = Span::new(0, message.bytes().len());
        self.walk(message.bytes(), all, &lates, &mut |piece| match piece {
            Piece::Kept(bytes) => out.extend_from_slice(bytes),
            Piece::Late(text) => self.write_late(text, out),
        });
    }

    /// Appends the body as it will be sent.
    pub fn write_body(&self, message: &Message, out: &mut Vec<u8>) {
        if let Some(body) = self.body() {
            return out.extend_from_slice(body);
        }
        self.walk(message.bytes(), message.body_span(), &[], &mut |piece| {
            if let Piece::Kept(bytes) = piece {
                out.extend_from_slice(bytes);
            }
        });
    }

    /// Appends `bytes`, which are no message, with the edits by span only: an SDP, a header's value.
    pub fn write_text(&self, bytes: &[u8], out: &mut Vec<u8>) {
        self.walk(bytes, Span::new(0, bytes.len()), &[], &mut |piece| {
            if let Piece::Kept(bytes) = piece {
                out.extend_from_slice(bytes);
            }
        });
    }

    fn lates<'a>(&'a self, message: &Message) -> Lates<'a> {
        let mut lates = Lates::new();
        let mut added = Added::default();
        self.add_start_line(message, &mut lates);
        if !self.prepended.is_empty() {
            let at = message.start_line().end;
            lates.push(Late {
                span: Span { start: at, end: at },
                rank: rank::PREPENDED,
                text: LateText::Prepended,
            });
        }
        if let Some(hops) = self.max_forwards {
            match self.value_span(message, HeaderName::MaxForwards) {
                Some(span) => lates.push(removal(span, LateText::Number(hops.into()))),
                None => added.max_forwards = Some(hops),
            }
        }
        self.add_body(message, &mut added, &mut lates);
        if !self.appended.is_empty()
            || added.max_forwards.is_some()
            || added.content_type.is_some()
            || added.content_length.is_some()
        {
            let at = message.headers_end();
            let span = Span { start: at, end: at };
            lates.push(Late {
                span,
                rank: rank::APPENDED,
                text: LateText::Appended(added),
            });
        }
        lates
    }

    fn add_start_line<'a>(&'a self, message: &Message, lates: &mut Lates<'a>) {
        if message.is_request() {
            if let Some(method) = self.method {
                let method = LateText::Bytes(self.edits.text(method));
                lates.push(removal(message.method_span(), method));
                if !message.cseq_method_span().is_empty() {
                    lates.push(removal(message.cseq_method_span(), method));
                }
            }
            if let Some(uri) = self.request_uri() {
                lates.push(removal(message.request_uri_span(), LateText::Bytes(uri)));
            }
        } else if let Some((code, reason)) = self.status {
            let status = LateText::Status(code, self.edits.text(reason));
            lates.push(removal(message.start_line(), status));
        }
    }

    /// The body, and what the head says of it.
    fn add_body<'a>(&'a self, message: &Message, added: &mut Added<'a>, lates: &mut Lates<'a>) {
        let old = message.body_span();
        let length = match self.body {
            Some(body) => {
                let bytes = self.edits.text(body.bytes);
                let rank = if old.is_empty() {
                    rank::APPENDED
                } else {
                    rank::REMOVAL
                };
                lates.push(Late {
                    span: old,
                    rank,
                    text: LateText::Bytes(bytes),
                });
                self.add_content_type(
                    message,
                    bytes.is_empty(),
                    self.edits.text(body.content_type),
                    added,
                    lates,
                );
                Some(bytes.len())
            }
            None if self
                .edits
                .sorted()
                .iter()
                .any(|edit| edit.span.end > old.start || edit.span.start >= old.start) =>
            {
                Some(self.edited_len(message, old))
            }
            None => None,
        };
        match (length, self.value_span(message, HeaderName::ContentLength)) {
            (Some(length), Some(span)) => {
                lates.push(removal(span, LateText::Number(length as u64)))
            }
            (Some(length), None) => added.content_length = Some(length as u64),
            (None, None) if self.content_length => added.content_length = Some(old.len() as u64),
            (None, _) => {}
        }
    }

    fn add_content_type<'a>(
        &'a self,
        message: &Message,
        body_is_empty: bool,
        content_type: &'a [u8],
        added: &mut Added<'a>,
        lates: &mut Lates<'a>,
    ) {
        let line = message
            .header(HeaderName::ContentType)
            .map(|field| field.line);
        match self.value_span(message, HeaderName::ContentType) {
            Some(_) if body_is_empty => {
                lates.extend(line.map(|line| removal(line, LateText::Bytes(b""))))
            }
            Some(span) => lates.push(removal(span, LateText::Bytes(content_type))),
            None if body_is_empty => {}
            None => added.content_type = Some(content_type),
        }
    }

    /// The place of a header's value, if the header is there and stays.
    fn value_span(&self, message: &Message, name: HeaderName) -> Option<Span> {
        let field = message.header(name)?;
        // An empty value cannot be replaced: an insertion might be swallowed with the blanks.
        (!self.edits.covers(field.line) && !field.value_span.is_empty()).then_some(field.value_span)
    }

    /// How long the body is with the edits in it.
    fn edited_len(&self, message: &Message, body: Span) -> usize {
        let mut len = 0;
        self.walk(message.bytes(), body, &[], &mut |piece| {
            if let Piece::Kept(bytes) = piece {
                len += bytes.len();
            }
        });
        len
    }

    /// Walks `within` of `bytes`, telling what is kept and what is put in, in order.
    ///
    /// Invariant: `cursor` is the first byte not yet kept or removed. An edit that begins before it
    /// lies in what was removed: its text is gone, and its removal only adds to the first.
    fn walk<'a>(
        &'a self,
        bytes: &'a [u8],
        within: Span,
        lates: &[Late<'a>],
        tell: &mut dyn FnMut(Piece<'a>),
    ) {
        let edits = self.edits.sorted();
        let (mut edit, mut late) = (0, 0);
        let mut cursor = usize::from(within.start);
        let end = usize::from(within.end).min(bytes.len());
        loop {
            let (span, piece) = match (edits.get(edit), lates.get(late)) {
                (Some(own), other) if other.is_none_or(|other| own.place() < other.place()) => {
                    edit += 1;
                    (own.span, Piece::Kept(self.edits.text(own.text)))
                }
                (_, Some(other)) => {
                    late += 1;
                    (other.span, Piece::Late(other.text))
                }
                (_, None) => break,
            };
            let (start, stop) = (usize::from(span.start), usize::from(span.end));
            if start < cursor || start > end {
                cursor = if start < cursor {
                    cursor.max(stop)
                } else {
                    cursor
                };
                continue;
            }
            tell(Piece::Kept(bytes.get(cursor..start).unwrap_or_default()));
            tell(piece);
            cursor = stop.max(start);
        }
        tell(Piece::Kept(bytes.get(cursor..end).unwrap_or_default()));
    }

    fn write_late(&self, text: LateText<'_>, out: &mut Vec<u8>) {
        match text {
            LateText::Bytes(bytes) => out.extend_from_slice(bytes),
            LateText::Number(number) => write_number(number, out),
            LateText::Status(code, reason) => {
                out.extend_from_slice(b"SIP/2.0 ");
                write_number(code.into(), out);
                out.push(b' ');
                out.extend_from_slice(reason);
                out.extend_from_slice(b"\r\n");
            }
            LateText::Prepended => {
                self.prepended
                    .iter()
                    .rev()
                    .for_each(|line| out.extend_from_slice(self.edits.text(*line)));
            }
            LateText::Appended(added) => self.write_added(added, out),
        }
    }

    fn write_added(&self, added: Added<'_>, out: &mut Vec<u8>) {
        self.appended
            .iter()
            .for_each(|line| out.extend_from_slice(self.edits.text(*line)));
        let number = |name: &[u8], number: Option<u64>, out: &mut Vec<u8>| {
            if let Some(number) = number {
                out.extend_from_slice(name);
                write_number(number, out);
                out.extend_from_slice(b"\r\n");
            }
        };
        number(b"Max-Forwards: ", added.max_forwards.map(u64::from), out);
        if let Some(content_type) = added.content_type {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(content_type);
            out.extend_from_slice(b"\r\n");
        }
        number(b"Content-Length: ", added.content_length, out);
    }
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Kept(&'a [u8]),
    Late(LateText<'a>),
}

fn removal(span: Span, text: LateText<'_>) -> Late<'_> {
    Late {
        span,
        rank: rank::REMOVAL,
        text,
    }
}
