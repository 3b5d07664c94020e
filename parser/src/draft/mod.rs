//! `Draft`: what will be sent, as ordered edits over a received message.
//!
//! Edits may overlap. What is removed takes with it every edit inside; where two removals
//! overlap their union goes; of two replacements of one span the later stands. Insertions at the
//! borders of a removal stay. So the order of calls matters only for the same place.

use std::net::SocketAddr;

use crate::{HeaderName, Message, Span};

/// Edits over a message. Keeps its memory when cleared.
#[derive(Debug, Default, Clone)]
pub struct Draft {
    text: Vec<u8>,
}

#[expect(clippy::todo, reason = "the next commit fills it")]
impl Draft {
    /// Without edits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Drops all edits.
    pub fn clear(&mut self) {
        self.text.clear();
    }
    /// Becomes a copy of `other`.
    pub fn copy_from(&mut self, other: &Draft) {
        let _ = other;
        todo!()
    }
    /// Whether there is no edit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// Sets the Request-URI.
    pub fn set_request_uri(&mut self, uri: &[u8]) {
        let _ = uri;
        todo!()
    }
    /// The Request-URI set here, if one was.
    #[must_use]
    pub fn request_uri(&self) -> Option<&[u8]> {
        todo!()
    }
    /// The Request-URI that will be sent.
    #[must_use]
    pub fn effective_request_uri<'a>(&'a self, message: &'a Message) -> &'a [u8] {
        let _ = message;
        todo!()
    }
    /// Sets the method of a request, in start line and CSeq.
    pub fn set_method(&mut self, method: &[u8]) {
        let _ = method;
        todo!()
    }
    /// Puts `text` in the place of `span`.
    pub fn replace(&mut self, span: Span, text: &[u8]) {
        let _ = (span, text);
        todo!()
    }
    /// Removes `span`.
    pub fn delete(&mut self, span: Span) {
        let _ = span;
        todo!()
    }
    /// Puts `text` before the byte `at`.
    pub fn insert(&mut self, at: u16, text: &[u8]) {
        let _ = (at, text);
        todo!()
    }
    /// Puts a whole header line before all headers, also before those prepended earlier. A missing CRLF is added.
    pub fn prepend_header(&mut self, line: &[u8]) {
        let _ = line;
        todo!()
    }
    /// Puts a whole header line behind all headers. A missing CRLF is added.
    pub fn append_header(&mut self, line: &[u8]) {
        let _ = line;
        todo!()
    }
    /// Puts a whole header line before the header with this `line` span.
    pub fn insert_header_before(&mut self, line: Span, text: &[u8]) {
        let _ = (line, text);
        todo!()
    }
    /// Puts a whole header line behind the header with this `line` span.
    pub fn insert_header_after(&mut self, line: Span, text: &[u8]) {
        let _ = (line, text);
        todo!()
    }
    /// Sets the status line of a response.
    pub fn set_status(&mut self, code: u16, reason: &[u8]) {
        let _ = (code, reason);
        todo!()
    }
    /// Sets the body; an empty one removes the Content-Type as well. Content-Length follows by itself.
    pub fn set_body(&mut self, content_type: &[u8], body: &[u8]) {
        let _ = (content_type, body);
        todo!()
    }
    /// Sets Max-Forwards, or adds it.
    pub fn set_max_forwards(&mut self, hops: u8) {
        let _ = hops;
        todo!()
    }
    /// The Max-Forwards set here, if one was.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        todo!()
    }
    /// Removes one element of a list (its `span`), and the line when it was the last one left.
    pub fn remove_element(&mut self, message: &Message, element: Span) {
        let _ = (message, element);
        todo!()
    }
    /// Removes the first element of this list that is not removed yet; says whether there was one.
    pub fn remove_first_of_list(&mut self, message: &Message, name: HeaderName) -> bool {
        let _ = (message, name);
        todo!()
    }
    /// Removes all headers of this name.
    pub fn remove_headers(&mut self, message: &Message, name: HeaderName) {
        let _ = (message, name);
        todo!()
    }
    /// Gives the top Via `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 say.
    pub fn stamp_received(&mut self, message: &Message, source: SocketAddr) {
        let _ = (message, source);
        todo!()
    }
    /// Appends the message with all edits to `out`.
    pub fn write(&self, message: &Message, out: &mut Vec<u8>) {
        let _ = (message, out);
        todo!()
    }
}
