//! Responses to a request: RFC 3261 §8.2.6.

use std::net::SocketAddr;

use super::{reason_of, write_end, write_reason};
use crate::grammar::write_number;
use crate::message::HeaderField;
use crate::{HeaderName, Message};

/// A response to a request: copies Via, From, To, Call-ID and CSeq (RFC 3261 §8.2.6.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// Status code.
    pub code: u16,
    /// Reason phrase, its line breaks written as blanks; empty means the usual one of the code.
    pub reason: &'a [u8],
    /// A tag for To, added when the request's has none.
    pub to_tag: Option<&'a [u8]>,
    /// Whether Record-Route is copied (a response that makes a dialog, §12.1.1).
    pub record_route: bool,
    /// Where the request came from: stamps the top Via with `received` and `rport`.
    pub source: Option<SocketAddr>,
    /// The top Via is stamped as if it had asked for `rport`.
    pub force_rport: bool,
    /// Further header lines, each with its CRLF.
    pub headers: &'a [u8],
    /// The body's type; not written when there is no body.
    pub content_type: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Appends it to `out`. Works on a rejected request as well: what is missing is left out.
    pub fn write(&self, request: &Message, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0 ");
        write_number(self.code.into(), out);
        out.push(b' ');
        match self.reason.trim_ascii() {
            b"" => out.extend_from_slice(reason_of(self.code).as_bytes()),
            reason => write_reason(reason, out),
        }
        out.extend_from_slice(b"\r\n");
        for (place, field) in request.headers_named(HeaderName::Via).enumerate() {
            match self.source {
                Some(source) if place == 0 => {
                    write_top_via(self.force_rport, request, &field, source, out)
                }
                _ => write_line(request, &field, out),
            }
        }
        if self.record_route {
            copy_all(request, HeaderName::RecordRoute, out);
        }
        copy_first(request, HeaderName::From, out);
        self.write_to(request, out);
        copy_first(request, HeaderName::CallId, out);
        copy_first(request, HeaderName::CSeq, out);
        if self.code == 100 {
            copy_first(request, HeaderName::Timestamp, out); // §8.2.6.1
        }
        out.extend_from_slice(self.headers);
        write_end(self.content_type, self.body, out);
    }

    fn write_to(&self, request: &Message, out: &mut Vec<u8>) {
        let Some(field) = request.header(HeaderName::To) else {
            return;
        };
        match self.to_tag {
            Some(tag) if request.to_tag().is_none() => {
                let bytes = request.bytes();
                out.extend_from_slice(
                    &bytes[usize::from(field.line.start)..usize::from(field.value_span.end)],
                );
                out.extend_from_slice(b";tag=");
                out.extend_from_slice(tag);
                out.extend_from_slice(b"\r\n");
            }
            _ => write_line(request, &field, out),
        }
    }
}

fn write_top_via(
    force_rport: bool,
    request: &Message,
    field: &HeaderField<'_>,
    source: SocketAddr,
    out: &mut Vec<u8>,
) {
    let Some(top) = request
        .top_via_element()
        .filter(|top| field.line.start <= top.span.start && top.span.end <= field.line.end)
    else {
        return write_line(request, field, out);
    };
    let bytes = request.bytes();
    out.extend_from_slice(
        bytes
            .get(field.line.start.into()..top.span.start.into())
            .unwrap_or_default(),
    );
    top.value.write_received(source, force_rport, out);
    out.extend_from_slice(
        bytes
            .get(top.span.end.into()..field.line.end.into())
            .unwrap_or_default(),
    );
}

fn copy_all(request: &Message, name: HeaderName, out: &mut Vec<u8>) {
    request
        .headers_named(name)
        .for_each(|field| write_line(request, &field, out));
}

fn copy_first(request: &Message, name: HeaderName, out: &mut Vec<u8>) {
    request
        .header(name)
        .into_iter()
        .for_each(|field| write_line(request, &field, out));
}

fn write_line(request: &Message, field: &HeaderField<'_>, out: &mut Vec<u8>) {
    let line = field.line.of(request.bytes());
    // A head that was cut off may end within a line.
    out.extend_from_slice(line.strip_suffix(b"\r\n").unwrap_or(line));
    out.extend_from_slice(b"\r\n");
}
