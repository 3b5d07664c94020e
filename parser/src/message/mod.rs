//! `Message`: a received frame and an index of offsets over it. Never changes.
//!
//! `parse` indexes and judges the structure, `check` gives the full verdict on the core headers.
//! After `check` every accessor below holds what it promises; before it, and on the message inside
//! a [`Rejected`], what is missing or unreadable reads as empty (or `None`).

mod check;
mod index;
mod known;
mod list;
#[cfg(test)]
mod tests;

pub(crate) use list::{Raw, Value};

use std::fmt;

use crate::grammar::is_blank;
use crate::header::number;
use crate::{CSeq, Fault, Frame, HeaderName, Method, NameAddr, Span, Via};
use index::{Line, Pooled, Start};
use list::Elements;

/// A received message.
pub struct Message {
    frame: Frame,
    index: Pooled,
}

/// What could be understood of a malformed message, and its first fault.
#[derive(Debug)]
pub struct Rejected {
    /// As far as it was understood; enough to answer a request when `fault.status()` says so.
    pub message: Message,
    /// The first fault.
    pub fault: Fault,
}

/// One header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderField<'a> {
    /// Its name.
    pub name: HeaderName,
    /// Its name as written.
    pub raw_name: &'a [u8],
    /// Its value, without blanks at the ends. Folding inside is left as it is.
    pub value: &'a [u8],
    /// Where the value stands.
    pub value_span: Span,
    /// The whole line, with continuation lines and the last CRLF.
    pub line: Span,
}

/// One element of a comma list, and where it stands (without commas and blanks round it).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element<'a, T> {
    /// The value.
    pub value: T,
    /// As written.
    pub raw: &'a [u8],
    /// Where.
    pub span: Span,
}

impl Message {
    /// Indexes `frame` and judges its structure: start line, header lines, mandatory headers
    /// present and single, CSeq, Content-Length and Max-Forwards readable. Bytes after the body
    /// are cut off (RFC 3261 §18.3), line breaks before the start line as well (§7.5).
    pub fn parse(mut frame: Frame) -> Result<Message, Rejected> {
        if let Some(b'\r' | b'\n') = frame.first() {
            let breaks = frame
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            frame.cut_front(breaks);
        }
        let mut index = Pooled::take();
        let fault = index.build(&frame);
        frame.set_len(usize::from(index.body.end).max(usize::from(index.start_line.end)));
        let message = Message { frame, index };
        match fault {
            None => Ok(message),
            Some(mut fault) => {
                fault.silent = message.is_never_answered();
                Err(Rejected { message, fault })
            }
        }
    }

    /// All bytes: head and body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.frame
    }

    /// The frame back.
    #[must_use]
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    /// Where `part`, a slice out of this message, stands.
    #[must_use]
    pub fn span_of(&self, part: &[u8]) -> Option<Span> {
        Span::within(self.bytes(), part)
    }

    /// Whether it is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.index.start, Start::Request { .. })
    }

    /// The start line's method; of a response, the CSeq's.
    #[must_use]
    pub fn method(&self) -> Method<'_> {
        match self.index.start {
            Start::Request { method, .. } => Method::of(method.of(self.bytes())),
            Start::Response { .. } | Start::Neither => {
                Method::of(self.index.cseq_method.of(self.bytes()))
            }
        }
    }

    /// The Request-URI as written; empty in a response.
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        self.request_uri_span().of(self.bytes())
    }

    /// Where the Request-URI stands.
    #[must_use]
    pub fn request_uri_span(&self) -> Span {
        match self.index.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } | Start::Neither => Span::default(),
        }
    }

    /// Where the method of the start line stands; empty in a response.
    #[must_use]
    pub fn method_span(&self) -> Span {
        match self.index.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } | Start::Neither => Span::default(),
        }
    }

    /// The status code; `None` in a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.index.start {
            Start::Response { status, .. } => Some(status),
            Start::Request { .. } | Start::Neither => None,
        }
    }

    /// The reason phrase; empty in a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match self.index.start {
            Start::Response { reason, .. } => reason.of(self.bytes()),
            Start::Request { .. } | Start::Neither => b"",
        }
    }

    /// The start line with its CRLF.
    #[must_use]
    pub fn start_line(&self) -> Span {
        self.index.start_line
    }

    /// Where headers end: the first byte of the blank line.
    #[must_use]
    pub fn headers_end(&self) -> u16 {
        self.index.headers_end
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        self.value_of(HeaderName::CallId).unwrap_or_default()
    }

    /// From.
    #[must_use]
    pub fn from(&self) -> NameAddr<'_> {
        match &self.index.known.from {
            Some(place) => place.of(self.bytes()),
            None => self.address_of(HeaderName::From),
        }
    }

    /// To.
    #[must_use]
    pub fn to(&self) -> NameAddr<'_> {
        match &self.index.known.to {
            Some(place) => place.of(self.bytes()),
            None => self.address_of(HeaderName::To),
        }
    }

    /// The tag of From. RFC 2543 peers may leave it out.
    #[must_use]
    pub fn from_tag(&self) -> Option<&[u8]> {
        match &self.index.known.from {
            Some(place) => place.tag.map(|tag| tag.of(self.bytes())),
            None => self.from().tag(),
        }
    }

    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&[u8]> {
        match &self.index.known.to {
            Some(place) => place.tag.map(|tag| tag.of(self.bytes())),
            None => self.to().tag(),
        }
    }

    /// CSeq.
    #[must_use]
    pub fn cseq(&self) -> CSeq<'_> {
        CSeq {
            number: self.index.cseq,
            method: Method::of(self.cseq_method_span().of(self.bytes())),
        }
    }

    /// Where the method of the CSeq stands.
    #[must_use]
    pub fn cseq_method_span(&self) -> Span {
        self.index.cseq_method
    }

    /// The first Via.
    #[must_use]
    pub fn top_via(&self) -> Via<'_> {
        self.top_via_element()
            .map(|element| element.value)
            .unwrap_or_default()
    }

    /// The first Via and where it stands; `None` when none can be read.
    #[must_use]
    #[inline]
    pub fn top_via_element(&self) -> Option<Element<'_, Via<'_>>> {
        match &self.index.known.via {
            Some(place) => Some(Element {
                value: place.of(self.bytes()),
                raw: place.whole.of(self.bytes()),
                span: place.whole,
            }),
            None => self.vias().next(),
        }
    }

    /// Where the first Via stands, once `check` has read it.
    pub(crate) fn top_via_span(&self) -> Option<Span> {
        self.index.known.via.as_ref().map(|place| place.whole)
    }

    /// Whether a Via stands behind the first: a response without is for nobody but its receiver.
    #[must_use]
    pub fn has_second_via(&self) -> bool {
        let Some(top) = self.top_via_span() else {
            return self.list(HeaderName::Via).nth(1).is_some();
        };
        let is_filled = |text: &[u8]| text.iter().any(|&byte| byte != b',' && !is_blank(byte));
        let mut lines = self.headers_named(HeaderName::Via);
        let behind = lines.next().is_some_and(|first| {
            let rest = Span {
                start: top.end,
                end: first.value_span.end,
            };
            is_filled(rest.of(self.bytes()))
        });
        behind || lines.any(|line| is_filled(line.value))
    }

    /// Max-Forwards.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        self.index.max_forwards
    }

    /// Content-Length as written.
    #[must_use]
    pub fn content_length(&self) -> Option<u32> {
        self.index.content_length
    }

    /// Expires. What is malformed counts as 3600 (RFC 3261 §20.19).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.value_of(HeaderName::Expires).map(number::expires)
    }

    /// The Content-Type's value as written.
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        self.value_of(HeaderName::ContentType)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body_span().of(self.bytes())
    }

    /// Where the body stands.
    #[must_use]
    pub fn body_span(&self) -> Span {
        self.index.body
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = HeaderField<'_>> + Clone {
        self.index.lines.iter().map(|line| self.field(line))
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> Option<HeaderField<'_>> {
        self.index.line(name).map(|line| self.field(line))
    }

    /// All headers of this name. For `Other` see [`headers_called`](Self::headers_called).
    pub fn headers_named(&self, name: HeaderName) -> impl Iterator<Item = HeaderField<'_>> + Clone {
        let lines = self
            .index
            .lines
            .get(usize::from(self.index.first(name))..)
            .unwrap_or_default();
        lines
            .iter()
            .filter(move |line| line.name == name)
            .map(|line| self.field(line))
    }

    /// All headers called this, known or not; case-insensitive, long or compact.
    pub fn headers_called<'m>(
        &'m self,
        name: &'m [u8],
    ) -> impl Iterator<Item = HeaderField<'m>> + Clone {
        let known = HeaderName::of(name);
        self.headers().filter(move |field| match known {
            HeaderName::Other => {
                field.name == HeaderName::Other && field.raw_name.eq_ignore_ascii_case(name)
            }
            known => field.name == known,
        })
    }

    /// The elements of all headers of this name, through lines and commas alike. Empty ones are
    /// left out.
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = Element<'_, &[u8]>> + Clone {
        let elements = self.elements::<Raw<'_>>(name);
        elements
            .map(|element| Element {
                value: element.value.0,
                raw: element.raw,
                span: element.span,
            })
            .filter(|element| !element.raw.is_empty())
    }

    /// All Vias, top first.
    pub fn vias(&self) -> impl Iterator<Item = Element<'_, Via<'_>>> + Clone {
        self.elements(HeaderName::Via)
    }

    /// All Routes.
    pub fn routes(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        self.elements(HeaderName::Route)
    }

    /// All Record-Routes.
    pub fn record_routes(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        self.elements(HeaderName::RecordRoute)
    }

    /// All Contacts. `*` is one whose `is_star()` holds.
    pub fn contacts(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        self.elements(HeaderName::Contact)
    }

    /// All Paths.
    pub fn paths(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        self.elements(HeaderName::Path)
    }

    /// The name-addr elements of all headers of this name. Ends at one that cannot be read.
    pub fn addresses(
        &self,
        name: HeaderName,
    ) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        self.elements(name)
    }

    fn elements<'a, T: Value<'a> + 'a>(
        &'a self,
        name: HeaderName,
    ) -> impl Iterator<Item = Element<'a, T>> + Clone {
        let mut elements = Elements::new(self, name);
        std::iter::from_fn(move || elements.read().and_then(Result::ok))
    }

    fn field(&self, line: &Line) -> HeaderField<'_> {
        let bytes = self.bytes();
        HeaderField {
            name: line.name,
            raw_name: Span {
                start: line.start,
                end: line.name_end,
            }
            .of(bytes),
            value: line.value.of(bytes),
            value_span: line.value,
            line: Span {
                start: line.start,
                end: line.end,
            },
        }
    }

    fn value_of(&self, name: HeaderName) -> Option<&[u8]> {
        self.index
            .line(name)
            .map(|line| line.value.of(self.bytes()))
    }

    fn address_of(&self, name: HeaderName) -> NameAddr<'_> {
        self.value_of(name)
            .and_then(|value| NameAddr::parse(value).ok())
            .unwrap_or_default()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.bytes().escape_ascii())
    }
}
