//! ACK to a final response of 300 or more (RFC 3261 §17.1.1.3) and CANCEL (§9.1): requests of one hop,
//! made from the request as it was sent.

use super::{header_lines, write_end};
use crate::grammar::{Cursor, write_number};
use crate::message::{HeaderField, Value};
use crate::{CSeq, Expected, Fault, FaultKind, HeaderName, Message};

/// Appends the ACK to a final response of 300 or more, from the INVITE as it was sent (§17.1.1.3).
/// The To is the response's, everything else the INVITE's.
pub fn write_ack(sent_invite: &[u8], response: &Message, out: &mut Vec<u8>) -> Result<(), Fault> {
    let to = response
        .header(HeaderName::To)
        .ok_or_else(|| Fault::new(FaultKind::Missing(HeaderName::To), 0))?;
    write_hop(sent_invite, b"ACK", Some(to.value), out)
}

/// Appends the CANCEL of a request, from the request as it was sent (§9.1).
pub fn write_cancel(sent_request: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    write_hop(sent_request, b"CANCEL", None, out)
}

/// Leaves `out` as it was when the request was none.
fn write_hop(
    sent: &[u8],
    method: &[u8],
    to: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mark = out.len();
    let written = try_write_hop(sent, method, to, out);
    if written.is_err() {
        out.truncate(mark);
    }
    written
}

fn try_write_hop(
    sent: &[u8],
    method: &[u8],
    to: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(request_uri(sent)?);
    out.extend_from_slice(b" SIP/2.0\r\n");
    write_field("Via", top_via(sent)?, out);
    for route in header_lines(sent).filter(|line| line.name == HeaderName::Route) {
        write_field("Route", route.value, out);
    }
    out.extend_from_slice(b"Max-Forwards: 70\r\n");
    write_field("From", find(sent, HeaderName::From)?.value, out);
    match to {
        Some(to) => write_field("To", to, out),
        None => write_field("To", find(sent, HeaderName::To)?.value, out),
    }
    write_field("Call-ID", find(sent, HeaderName::CallId)?.value, out);
    out.extend_from_slice(b"CSeq: ");
    write_number(
        CSeq::parse(find(sent, HeaderName::CSeq)?.value)?
            .number
            .into(),
        out,
    );
    out.push(b' ');
    out.extend_from_slice(method);
    out.extend_from_slice(b"\r\n");
    write_end(b"", b"", out);
    Ok(())
}

fn request_uri(sent: &[u8]) -> Result<&[u8], Fault> {
    let line = &sent[..memchr::memchr(b'\r', sent).unwrap_or(sent.len())];
    let mut words = line.split(|&byte| byte == b' ');
    words
        .nth(1)
        .filter(|uri| !uri.is_empty())
        .ok_or_else(|| Fault::expected(Expected::Uri, 0))
}

fn top_via(sent: &[u8]) -> Result<&[u8], Fault> {
    let mut cursor = Cursor::new(find(sent, HeaderName::Via)?.value);
    let start = cursor.at;
    crate::Via::read(&mut cursor)?;
    Ok(crate::grammar::trim(cursor.since(start)))
}

fn find(sent: &[u8], name: HeaderName) -> Result<HeaderField<'_>, Fault> {
    let found = header_lines(sent).find(|line| line.name == name);
    found.ok_or_else(|| Fault::new(FaultKind::Missing(name), sent.len()))
}

fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
