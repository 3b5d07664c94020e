//! The index: where each header line of a message lies, and the integers of its core headers.
//!
//! One pass over the head. Goes on behind a fault, so that a malformed request can still be
//! answered with what was understood; the first fault is what counts. Values are not read here,
//! except CSeq, Max-Forwards and Content-Length.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::known::Known;
use crate::grammar::{TOKEN, all, is, is_blank, trim};
use crate::header::{NAME_BYTES_MAX, number};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, INDEXES_POOLED};
use crate::scan::Breaks;
use crate::{CSeq, Expected, Fault, FaultKind, HeaderName, Span};

/// No such line.
pub(super) const NONE: u8 = u8::MAX;

/// One header line; it ends where the next begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: u16,
    pub(super) name_end: u16,
    pub(super) value: Span,
    pub(super) end: u16,
    pub(super) name: HeaderName,
}

/// What the start line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Request { method: Span, uri: Span },
    Response { status: u16, reason: Span },
    Neither,
}

/// Offsets over one message.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) lines: Vec<Line>,
    first: [u8; HeaderName::COUNT],
    pub(super) start: Start,
    pub(super) start_line: Span,
    pub(super) headers_end: u16,
    pub(super) body: Span,
    pub(super) cseq: u32,
    pub(super) cseq_method: Span,
    pub(super) content_length: Option<u32>,
    pub(super) max_forwards: Option<u8>,
    /// A header that may stand once and stood again, and where.
    pub(super) repeated: Option<(HeaderName, u16)>,
    pub(super) known: Known,
}

/// What a message cannot be without (RFC 3261 §8.1.1); Max-Forwards is newer than some peers.
const MANDATORY: [HeaderName; 5] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

impl Index {
    fn empty() -> Self {
        Self {
            lines: Vec::with_capacity(HEADERS_MAX),
            first: [NONE; HeaderName::COUNT],
            start: Start::Neither,
            start_line: Span::default(),
            headers_end: 0,
            body: Span::default(),
            cseq: 0,
            cseq_method: Span::default(),
            content_length: None,
            max_forwards: None,
            repeated: None,
            known: Known::default(),
        }
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.first = [NONE; HeaderName::COUNT];
        self.start = Start::Neither;
        self.start_line = Span::default();
        self.headers_end = 0;
        self.body = Span::default();
        self.cseq = 0;
        self.cseq_method = Span::default();
        self.content_length = None;
        self.max_forwards = None;
        self.repeated = None;
        self.known = Known::default();
    }

    /// The number of the first line of this name; `NONE` when there is none.
    #[inline]
    pub(super) fn first(&self, name: HeaderName) -> u8 {
        self.first.get(name as usize).copied().unwrap_or(NONE)
    }

    #[inline]
    pub(super) fn line(&self, name: HeaderName) -> Option<&Line> {
        self.lines.get(usize::from(self.first(name)))
    }

    /// Fills the index from `bytes`; the answer is the first fault.
    pub(super) fn build(&mut self, bytes: &[u8]) -> Option<Fault> {
        let mut breaks = Breaks::new(bytes);
        let mut faults = First(None);
        let Some(mut at) = self.read_start_line(bytes, &mut breaks, &mut faults) else {
            return faults.0;
        };
        loop {
            match bytes.get(at) {
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => break,
                // A line that holds nothing but LF ends the head for some peers, for us nothing.
                Some(_) if at < HEAD_BYTES_MAX && self.lines.len() < HEADERS_MAX => {}
                Some(_) => {
                    faults.note(Fault::new(FaultKind::TooLarge, at));
                    self.end_head(at, at, bytes.len());
                    return faults.0;
                }
                None => {
                    faults.note(Fault::expected(Expected::BlankLine, at));
                    self.end_head(bytes.len(), bytes.len(), bytes.len());
                    self.read_core(bytes, &mut faults);
                    return faults.0;
                }
            }
            at = self.read_line(bytes, at, &mut breaks, &mut faults);
        }
        self.end_head(at, at + 2, bytes.len());
        self.read_core(bytes, &mut faults);
        faults.0
    }

    /// Reads one header line with its continuation lines; the answer is where the next begins.
    #[inline]
    fn read_line(
        &mut self,
        bytes: &[u8],
        start: usize,
        breaks: &mut Breaks<'_>,
        faults: &mut First,
    ) -> usize {
        // Called from the front of the line, so that a bare CR in the name is seen as well.
        let (text_end, line_end) = logical_line(bytes, breaks, faults);
        let Some((name, name_end, colon)) = name_at(bytes, start, faults.0.is_none()) else {
            // Also a first header line that begins with a blank: it continues nothing.
            let strange = bytes[start..text_end]
                .iter()
                .position(|&byte| !is(byte, TOKEN));
            faults.note(Fault::expected(
                Expected::HeaderName,
                start + strange.unwrap_or(text_end - start),
            ));
            return line_end;
        };
        let mut value_start = colon + 1;
        while value_start < text_end && is_blank(bytes[value_start]) {
            value_start += 1;
        }
        let mut value_end = text_end;
        while value_end > value_start && is_blank(bytes[value_end - 1]) {
            value_end -= 1;
        }
        let line = Line {
            start: start as u16,
            name_end: name_end as u16,
            value: Span {
                start: value_start as u16,
                end: value_end as u16,
            },
            end: line_end as u16,
            name,
        };
        if let Some(first) = self.first.get_mut(name as usize) {
            if *first == NONE {
                *first = self.lines.len() as u8;
            } else if stands_once(name) && self.repeated.is_none() {
                self.repeated = Some((name, line.start));
            }
        }
        self.lines.push(line);
        line_end
    }

    /// The start line. `None` when there is nothing behind it to go on with.
    fn read_start_line(
        &mut self,
        bytes: &[u8],
        breaks: &mut Breaks<'_>,
        faults: &mut First,
    ) -> Option<usize> {
        let end = breaks.next();
        let line = &bytes[..end];
        let behind = if bytes.get(end..end + 2) == Some(b"\r\n") {
            breaks.next();
            end + 2
        } else {
            end
        };
        self.start_line = Span::new(0, behind);
        if behind == end {
            faults.note(if end < bytes.len() {
                Fault::new(FaultKind::StrayLineBreak, end)
            } else {
                Fault::new(FaultKind::NotSip, 0)
            });
        }
        let read = if line
            .get(..4)
            .is_some_and(|front| front.eq_ignore_ascii_case(b"SIP/"))
        {
            self.read_status_line(line)
        } else {
            self.read_request_line(line)
        };
        if let Err(fault) = read {
            faults.note(fault);
        }
        (behind > end).then_some(behind)
    }

    /// `SIP/2.0 200 OK`. RFC 4475 §3.1.1.13: a reason may be empty, its blank missing.
    fn read_status_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.start = Start::Response {
            status: 0,
            reason: Span::new(line.len(), line.len()),
        };
        if !line
            .get(..7)
            .is_some_and(|version| version.eq_ignore_ascii_case(b"SIP/2.0"))
        {
            return Err(Fault::new(FaultKind::Version, 0));
        }
        match line.get(7..) {
            Some([b' ', code @ ..]) => {
                let [a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = code else {
                    return Err(Fault::expected(Expected::StatusCode, 8));
                };
                if !matches!(rest, [] | [b' ', ..]) {
                    return Err(Fault::expected(Expected::StatusCode, 8));
                }
                let status =
                    u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
                self.start = Start::Response {
                    status,
                    reason: Span::new(12.min(line.len()), line.len()),
                };
                Ok(())
            }
            _ => Err(Fault::expected(Expected::SipVersion, 0)),
        }
    }

    /// `INVITE sip:bob@example.com SIP/2.0`, single blanks and nothing else.
    fn read_request_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let method = line
            .iter()
            .position(|&byte| !is(byte, TOKEN))
            .unwrap_or(line.len());
        let rest = line.get(method + 1..).unwrap_or_default();
        let uri_start = method + 1;
        let uri_len = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        let version = rest.get(uri_len + 1..).unwrap_or_default();
        if method > 0 && line.get(method) == Some(&b' ') {
            let uri = Span::new(uri_start, uri_start + uri_len);
            self.start = Start::Request {
                method: Span::new(0, method),
                uri,
            };
            if version == b"SIP/2.0" && uri_len > 0 {
                return Ok(());
            }
        }
        // Something is wrong. Whether it is SIP at all shows in the last word.
        let last = trim(line)
            .rsplit(|&byte| is_blank(byte))
            .next()
            .unwrap_or_default();
        let is_sip = last
            .get(..4)
            .is_some_and(|front| front.eq_ignore_ascii_case(b"SIP/"));
        if !is_sip || method == 0 {
            self.start = Start::Neither;
            return Err(Fault::new(FaultKind::NotSip, 0));
        }
        if line.get(method) != Some(&b' ') {
            return Err(Fault::expected(Expected::Space, method));
        }
        if uri_len == 0 {
            return Err(Fault::expected(Expected::Uri, uri_start));
        }
        if version.eq_ignore_ascii_case(b"SIP/2.0") {
            return Ok(());
        }
        let at = uri_start + uri_len + 1;
        let is_version = version.len() == last.len() && !version.eq_ignore_ascii_case(b"SIP/2.0");
        Err(if is_version {
            Fault::new(FaultKind::Version, at)
        } else {
            Fault::expected(Expected::SipVersion, at)
        })
    }

    fn end_head(&mut self, headers_end: usize, body_start: usize, end: usize) {
        self.headers_end = headers_end as u16;
        self.body = Span::new(body_start, end);
    }

    /// The mandatory headers and the integers.
    fn read_core(&mut self, bytes: &[u8], faults: &mut First) {
        for name in MANDATORY {
            if self.first(name) == NONE {
                faults.note(Fault::new(
                    FaultKind::Missing(name),
                    usize::from(self.headers_end),
                ));
            }
        }
        if let Some((name, at)) = self.repeated {
            faults.note(Fault::new(FaultKind::Repeated(name), at.into()).in_header(name));
        }
        if let Some(value) = self.value_of(HeaderName::CSeq) {
            match CSeq::parse(value.of(bytes)) {
                Ok(cseq) => {
                    self.cseq = cseq.number;
                    let len = cseq.method.as_bytes().len();
                    self.cseq_method = Span {
                        start: value.end - len as u16,
                        end: value.end,
                    };
                }
                Err(fault) => faults.note_in(fault, value, HeaderName::CSeq),
            }
        }
        if let Some(value) = self.value_of(HeaderName::MaxForwards) {
            match number::max_forwards(value.of(bytes)) {
                Ok(hops) => self.max_forwards = Some(hops),
                Err(fault) => faults.note_in(fault, value, HeaderName::MaxForwards),
            }
        }
        if let Some(value) = self.value_of(HeaderName::ContentLength) {
            match number::parse(value.of(bytes), 1 << 32) {
                Ok(length) => self.cut_body(length, value, faults),
                Err(fault) => faults.note_in(fault, value, HeaderName::ContentLength),
            }
        }
    }

    fn cut_body(&mut self, length: u64, value: Span, faults: &mut First) {
        self.content_length = u32::try_from(length).ok();
        if length > self.body.len() as u64 {
            let fault = Fault::new(FaultKind::Truncated, 0);
            faults.note_in(fault, value, HeaderName::ContentLength);
        } else {
            self.body.end = self.body.start + length as u16;
        }
    }

    fn value_of(&self, name: HeaderName) -> Option<Span> {
        self.line(name).map(|line| line.value)
    }
}

/// The name of the header at `start`, where it ends, and its colon.
///
/// The idea: most names are known and followed by their colon at once. Then finding the colon in
/// three words and looking the name up is all; a name that is in the table is a token. That holds
/// for a line without a bare CR, which is what `clean` says.
#[inline]
fn name_at(bytes: &[u8], start: usize, clean: bool) -> Option<(HeaderName, usize, usize)> {
    if clean
        && let Some(padded) = bytes
            .get(start..)
            .and_then(<[u8]>::first_chunk::<NAME_BYTES_MAX>)
        && let Some(len) = colon_in(padded)
    {
        let name = HeaderName::of_padded(padded, len);
        if name != HeaderName::Other || all(&padded[..len], TOKEN) {
            return Some((name, start + len, start + len));
        }
    }
    let mut at = start;
    while let Some(&byte) = bytes.get(at)
        && is(byte, TOKEN)
    {
        at += 1;
    }
    let name_end = at;
    while let Some(b' ' | b'\t') = bytes.get(at) {
        at += 1;
    }
    let named = bytes.get(at) == Some(&b':') && name_end > start;
    named.then(|| (HeaderName::of(&bytes[start..name_end]), name_end, at))
}

/// The place of the first colon.
#[inline]
fn colon_in(padded: &[u8; NAME_BYTES_MAX]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    for (place, word) in padded.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word) ^ (ONES * b':' as u64);
        // The lowest set bit is exact: borrows only run upwards.
        let hits = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if hits != 0 {
            return Some(place * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    None
}

/// Where the text of a header ends, and where its line does, continuation lines included.
#[inline]
fn logical_line(bytes: &[u8], breaks: &mut Breaks<'_>, faults: &mut First) -> (usize, usize) {
    loop {
        let at = breaks.next();
        match bytes.get(at..) {
            Some([b'\r', b'\n', rest @ ..]) => {
                breaks.next();
                if !matches!(rest, [b' ' | b'\t', ..]) {
                    return (at, at + 2);
                }
            }
            Some([_, ..]) => faults.note(Fault::new(FaultKind::StrayLineBreak, at)),
            Some([]) | None => {
                faults.note(Fault::expected(Expected::BlankLine, bytes.len()));
                return (bytes.len(), bytes.len());
            }
        }
    }
}

/// Headers whose second line would leave open which of the two is meant (RFC 4475 §3.3.8, §3.3.9).
fn stands_once(name: HeaderName) -> bool {
    use HeaderName::{
        CSeq, CallId, ContentLength, ContentType, Event, Expires, From, MaxForwards, RAck, RSeq,
        ReferTo, Replaces, SessionExpires, SubscriptionState, To,
    };
    matches!(
        name,
        CallId
            | CSeq
            | From
            | To
            | MaxForwards
            | ContentLength
            | ContentType
            | Event
            | Expires
            | RAck
            | RSeq
            | ReferTo
            | Replaces
            | SessionExpires
            | SubscriptionState
    )
}

/// Keeps the first fault.
struct First(Option<Fault>);

impl First {
    #[cold]
    fn note(&mut self, fault: Fault) {
        self.0.get_or_insert(fault);
    }

    #[cold]
    fn note_in(&mut self, fault: Fault, value: Span, name: HeaderName) {
        self.note(fault.shifted(value.start.into()).in_header(name));
    }
}

thread_local! {
    // The boxes are the point: an index is handed out and comes back without moving its tables.
    #[expect(clippy::vec_box, reason = "a message stays small when its index is behind a pointer")]
    static POOL: RefCell<Vec<Box<Index>>> = const { RefCell::new(Vec::new()) };
}

/// An index drawn from the thread's pool and given back on drop.
#[derive(Debug)]
pub(super) struct Pooled(Option<Box<Index>>);

impl Pooled {
    pub(super) fn take() -> Self {
        let pooled = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
        Self(Some(pooled.unwrap_or_else(|| Box::new(Index::empty()))))
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(mut index) = self.0.take() else {
            return;
        };
        index.clear();
        let _ = POOL.try_with(|pool| {
            let pool = &mut pool.borrow_mut();
            if pool.len() < INDEXES_POOLED {
                pool.push(index);
            }
        });
    }
}

impl Deref for Pooled {
    type Target = Index;
    #[inline]
    fn deref(&self) -> &Index {
        self.0.as_ref().expect("there until dropped")
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Index {
        self.0.as_mut().expect("there until dropped")
    }
}
