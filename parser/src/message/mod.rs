//! `Message`: a received frame and an index of offsets over it. Never changes.
//!
//! `parse` indexes and judges the structure, `check` gives the full verdict on the core headers.
//! After `check` every accessor below holds what it promises; before it, and on the message inside
//! a [`Rejected`], what is missing or unreadable reads as empty (or `None`).

use crate::{CSeq, Fault, Frame, HeaderName, Method, NameAddr, Span, Via};

/// A received message.
#[derive(Debug)]
pub struct Message {
    frame: Frame,
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

type Addresses<'a> = std::iter::Empty<Element<'a, NameAddr<'a>>>;

#[expect(clippy::todo, reason = "the next commit fills it")]
impl Message {
    /// Indexes `frame` and judges its structure: start line, header lines, mandatory headers
    /// present and single, CSeq, Content-Length and Max-Forwards readable. Bytes after the body
    /// are cut off (RFC 3261 §18.3).
    #[expect(clippy::result_large_err, reason = "a rejected message is a message")]
    pub fn parse(frame: Frame) -> Result<Message, Rejected> {
        let _ = frame;
        todo!()
    }

    /// The full verdict on the core headers; run it once a message.
    pub fn check(&self) -> Result<(), Fault> {
        todo!()
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
        todo!()
    }
    /// The start line's method; of a response, the CSeq's.
    #[must_use]
    pub fn method(&self) -> Method<'_> {
        todo!()
    }
    /// The Request-URI as written; empty in a response.
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        todo!()
    }
    /// Where the Request-URI stands.
    #[must_use]
    pub fn request_uri_span(&self) -> Span {
        todo!()
    }
    /// The status code; `None` in a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        todo!()
    }
    /// The reason phrase; empty in a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        todo!()
    }
    /// The start line with its CRLF.
    #[must_use]
    pub fn start_line(&self) -> Span {
        todo!()
    }
    /// Where headers end: the first byte of the blank line.
    #[must_use]
    pub fn headers_end(&self) -> u16 {
        todo!()
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        todo!()
    }
    /// From.
    #[must_use]
    pub fn from(&self) -> NameAddr<'_> {
        todo!()
    }
    /// To.
    #[must_use]
    pub fn to(&self) -> NameAddr<'_> {
        todo!()
    }
    /// The tag of From. RFC 2543 peers may leave it out.
    #[must_use]
    pub fn from_tag(&self) -> Option<&[u8]> {
        todo!()
    }
    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&[u8]> {
        todo!()
    }
    /// CSeq.
    #[must_use]
    pub fn cseq(&self) -> CSeq<'_> {
        todo!()
    }
    /// The first Via.
    #[must_use]
    pub fn top_via(&self) -> Via<'_> {
        todo!()
    }
    /// Max-Forwards.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        todo!()
    }
    /// Content-Length as written.
    #[must_use]
    pub fn content_length(&self) -> Option<u32> {
        todo!()
    }
    /// Expires. What is malformed counts as 3600 (RFC 3261 §20.19).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        todo!()
    }
    /// The Content-Type's value as written.
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        todo!()
    }
    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        todo!()
    }
    /// Where the body stands.
    #[must_use]
    pub fn body_span(&self) -> Span {
        todo!()
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = HeaderField<'_>> + Clone {
        std::iter::empty()
    }
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> Option<HeaderField<'_>> {
        let _ = name;
        todo!()
    }
    /// All headers of this name. For `Other` see [`headers_called`](Self::headers_called).
    pub fn headers_named(&self, name: HeaderName) -> impl Iterator<Item = HeaderField<'_>> + Clone {
        let _ = name;
        std::iter::empty()
    }
    /// All headers called this, known or not; case-insensitive, long or compact.
    pub fn headers_called<'m>(
        &'m self,
        name: &'m [u8],
    ) -> impl Iterator<Item = HeaderField<'m>> + Clone {
        let _ = name;
        std::iter::empty()
    }

    /// The elements of all headers of this name, through lines and commas alike.
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = Element<'_, &[u8]>> + Clone {
        let _ = name;
        std::iter::empty()
    }
    /// All Vias, top first.
    pub fn vias(&self) -> impl Iterator<Item = Element<'_, Via<'_>>> + Clone {
        std::iter::empty()
    }
    /// All Routes.
    pub fn routes(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        Addresses::default()
    }
    /// All Record-Routes.
    pub fn record_routes(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        Addresses::default()
    }
    /// All Contacts. `*` is one whose `is_star()` holds.
    pub fn contacts(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        Addresses::default()
    }
    /// All Paths.
    pub fn paths(&self) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        Addresses::default()
    }
    /// The name-addr elements of all headers of this name.
    pub fn addresses(
        &self,
        name: HeaderName,
    ) -> impl Iterator<Item = Element<'_, NameAddr<'_>>> + Clone {
        let _ = name;
        Addresses::default()
    }
}
