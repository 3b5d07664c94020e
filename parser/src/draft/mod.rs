//! `Draft`: what will be sent, as ordered edits over a received message.
//!
//! Edits may overlap. What is removed takes with it every edit inside; where two removals
//! overlap their union goes; of two replacements of one span the later stands. Insertions at the
//! borders of a removal stay. So the order of calls matters only for the same place.
//!
//! Edits are kept sorted by place, their text in one arena; writing is one walk (`write.rs`).

mod edit;
#[cfg(test)]
mod tests;
mod write;

use std::net::SocketAddr;

use crate::grammar::{Cursor, trim};
use crate::message::{HeaderField, Value};
use crate::writer::write_reason;
use crate::{HeaderName, Message, Span};
use edit::{Edit, Edits, Text};

/// Edits over a message. Keeps its memory when cleared.
#[derive(Debug, Default, Clone)]
pub struct Draft {
    edits: Edits,
    /// List elements that are gone, to know when a line has none left.
    removed: Vec<Span>,
    request_uri: Option<Text>,
    method: Option<Text>,
    status: Option<(u16, Text)>,
    prepended: Vec<Text>,
    appended: Vec<Text>,
    max_forwards: Option<u8>,
    body: Option<Body>,
    content_length: bool,
}

/// A body set anew.
#[derive(Clone, Copy, Debug)]
struct Body {
    content_type: Text,
    bytes: Text,
}

impl Draft {
    /// Without edits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops all edits.
    pub fn clear(&mut self) {
        self.edits.clear();
        self.removed.clear();
        self.request_uri = None;
        self.method = None;
        self.status = None;
        self.prepended.clear();
        self.appended.clear();
        self.max_forwards = None;
        self.body = None;
        self.content_length = false;
    }

    /// Becomes a copy of `other`.
    pub fn copy_from(&mut self, other: &Draft) {
        self.edits.copy_from(&other.edits);
        self.removed.clone_from(&other.removed);
        self.request_uri = other.request_uri;
        self.method = other.method;
        self.status = other.status;
        self.prepended.clone_from(&other.prepended);
        self.appended.clone_from(&other.appended);
        self.max_forwards = other.max_forwards;
        self.body = other.body;
        self.content_length = other.content_length;
    }

    /// Whether there is no edit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
            && self.prepended.is_empty()
            && self.appended.is_empty()
            && self.request_uri.is_none()
            && self.method.is_none()
            && self.status.is_none()
            && self.max_forwards.is_none()
            && self.body.is_none()
            && !self.content_length
    }

    /// Bytes of the texts of all edits, also of those that later ones replaced.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.edits.bytes()
    }

    /// Whether edits were left out because there were more than `EDITS_MAX`, or their texts had
    /// more than `DRAFT_BYTES_MAX` bytes. What is written then is not what was meant: answer 500.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.edits.overfull
    }

    /// Sets the Request-URI.
    pub fn set_request_uri(&mut self, uri: &[u8]) {
        self.request_uri = Some(self.edits.keep(uri));
    }

    /// The Request-URI set here, if one was.
    #[must_use]
    pub fn request_uri(&self) -> Option<&[u8]> {
        self.request_uri.map(|uri| self.edits.text(uri))
    }

    /// The Request-URI that will be sent.
    #[must_use]
    pub fn effective_request_uri<'a>(&'a self, message: &'a Message) -> &'a [u8] {
        self.request_uri().unwrap_or_else(|| message.request_uri())
    }

    /// Sets the method of a request, in start line and CSeq.
    pub fn set_method(&mut self, method: &[u8]) {
        self.method = Some(self.edits.keep(method));
    }

    /// Puts `text` in the place of `span`.
    pub fn replace(&mut self, span: Span, text: &[u8]) {
        let text = self.edits.keep(text);
        self.edits.add(Edit { span, text });
    }

    /// Removes `span`.
    pub fn delete(&mut self, span: Span) {
        self.edits.add(Edit {
            span,
            text: Text::default(),
        });
    }

    /// Puts `text` before the byte `at`. Two at one place stand in the order of the calls.
    pub fn insert(&mut self, at: u16, text: &[u8]) {
        self.replace(Span { start: at, end: at }, text);
    }

    /// Puts a whole header line before all headers, also before those prepended earlier. A missing CRLF is added.
    pub fn prepend_header(&mut self, line: &[u8]) {
        let line = self.edits.keep_line(line);
        self.prepended.push(line);
    }

    /// Puts a whole header line behind all headers. A missing CRLF is added.
    pub fn append_header(&mut self, line: &[u8]) {
        let line = self.edits.keep_line(line);
        self.appended.push(line);
    }

    /// Puts a whole header line before the header with this `line` span.
    pub fn insert_header_before(&mut self, line: Span, text: &[u8]) {
        let text = self.edits.keep_line(text);
        self.edits.add(Edit {
            span: Span {
                start: line.start,
                end: line.start,
            },
            text,
        });
    }

    /// Puts a whole header line behind the header with this `line` span.
    pub fn insert_header_after(&mut self, line: Span, text: &[u8]) {
        let text = self.edits.keep_line(text);
        self.edits.add(Edit {
            span: Span {
                start: line.end,
                end: line.end,
            },
            text,
        });
    }

    /// Sets the status line of a response; line breaks in the reason become blanks.
    pub fn set_status(&mut self, code: u16, reason: &[u8]) {
        let reason = self.edits.keep_with(|out| write_reason(reason, out));
        self.status = Some((code, reason));
    }

    /// Sets the body; an empty one removes the Content-Type as well. Content-Length follows by itself.
    pub fn set_body(&mut self, content_type: &[u8], body: &[u8]) {
        let content_type = self.edits.keep(content_type);
        self.body = Some(Body {
            content_type,
            bytes: self.edits.keep(body),
        });
    }

    /// The body set here, if one was.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.map(|body| self.edits.text(body.bytes))
    }

    /// The Content-Type that goes with the body set here.
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        self.body.map(|body| self.edits.text(body.content_type))
    }

    /// Sets Max-Forwards, or adds it.
    pub fn set_max_forwards(&mut self, hops: u8) {
        self.max_forwards = Some(hops);
    }

    /// The Max-Forwards set here, if one was.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        self.max_forwards
    }

    /// Adds a Content-Length if the message has none: a stream cannot carry it otherwise.
    pub fn require_content_length(&mut self) {
        self.content_length = true;
    }

    /// Removes one element of a list (its `span`), and the line when it was the last one left.
    pub fn remove_element(&mut self, message: &Message, element: Span) {
        let inside = |field: &HeaderField<'_>| {
            field.value_span.start <= element.start && element.end <= field.value_span.end
        };
        let Some(field) = message.headers().find(inside) else {
            return;
        };
        if self.is_removed(element) {
            return;
        }
        self.removed.push(element);
        if element == field.value_span {
            return self.delete(field.line);
        }
        let Some(last_left) = elements_of(&field)
            .filter(|sibling| !self.is_removed(*sibling))
            .last()
        else {
            return self.delete(field.line);
        };
        // An element before one that stays goes with the comma behind it, one at the end of the
        // line with the comma before it. Earlier edits of the same line only grow by that.
        let mut before = None;
        let mut siblings = elements_of(&field).peekable();
        while let Some(sibling) = siblings.next() {
            if self.is_removed(sibling) {
                let behind = siblings
                    .peek()
                    .map_or(sibling.end, |next: &Span| next.start);
                if sibling.start < last_left.start {
                    self.edits.add_once(Span {
                        start: sibling.start,
                        end: behind,
                    });
                } else if let Some(before) = before {
                    self.edits.add_once(Span {
                        start: before,
                        end: sibling.end,
                    });
                }
            }
            before = Some(sibling.end);
        }
    }

    /// Removes the first element of this list that is not removed yet; says whether there was one.
    pub fn remove_first_of_list(&mut self, message: &Message, name: HeaderName) -> bool {
        if name == HeaderName::Via
            && let Some(top) = message.top_via_span()
            && !self.is_removed(top)
        {
            self.remove_element(message, top);
            return true;
        }
        let first = message
            .list(name)
            .map(|element| element.span)
            .find(|span| !self.is_removed(*span));
        if let Some(span) = first {
            self.remove_element(message, span);
        }
        first.is_some()
    }

    /// Removes all headers of this name.
    pub fn remove_headers(&mut self, message: &Message, name: HeaderName) {
        message
            .headers_named(name)
            .for_each(|field| self.delete(field.line));
    }

    /// Whether this span is gone: itself or something round it was removed.
    #[must_use]
    pub fn is_removed(&self, span: Span) -> bool {
        self.removed.contains(&span) || self.edits.covers(span)
    }

    /// Gives the top Via `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 say.
    pub fn stamp_received(&mut self, message: &Message, source: SocketAddr) {
        if let Some(top) = message.top_via_element() {
            let text = self
                .edits
                .keep_with(|out| top.value.write_received(source, false, out));
            self.edits.add(Edit {
                span: top.span,
                text,
            });
        }
    }
}

/// The elements of one header line, empty ones left out.
fn elements_of<'a>(field: &HeaderField<'a>) -> impl Iterator<Item = Span> + use<'a> {
    let base = field.value_span.start;
    let mut cursor = Cursor::new(field.value);
    std::iter::from_fn(move || {
        loop {
            cursor.skip_blanks();
            cursor.peek()?;
            let start = cursor.at;
            crate::message::Raw::read(&mut cursor).ok()?;
            let len = trim(cursor.since(start)).len();
            cursor.eat(b',');
            if len > 0 {
                return Some(Span::new(start, start + len).shifted(base));
            }
        }
    })
}
