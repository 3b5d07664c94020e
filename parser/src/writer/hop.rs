//! ACK to a final response of 300 or more (RFC 3261 §17.1.1.3) and CANCEL (§9.1): requests of one hop,
//! made from the request as it was sent.

use super::{header_lines, write_end, write_header_line};
use crate::grammar::{Cursor, write_number};
use crate::message::{HeaderField, Value};
use crate::{CSeq, Expected, Fault, FaultKind, HeaderName, Message, NameAddr};

/// Appends the ACK to a final response of 300 or more, from the INVITE as it was sent (§17.1.1.3).
/// The To is the response's, everything else the INVITE's.
pub fn write_ack(sent_invite: &[u8], response: &Message, out: &mut Vec<u8>) -> Result<(), Fault> {
    let to = response
        .header(HeaderName::To)
        .ok_or_else(|| Fault::new(FaultKind::Missing(HeaderName::To), 0))?;
    write_hop(sent_invite, b"ACK", Some(to.value), out)
}

/// Appends the ACK to a 2xx, from the INVITE as it was sent and with a Via line of its own (§13.2.2.4): to the Contact
/// of the response, by its Record-Route turned round (§12.1.2). A strict router on top becomes the Request-URI (§12.2.1.1).
/// Says where it goes next: the URI that decides it.
pub fn write_ack_2xx(
    sent_invite: &[u8],
    response: &Message,
    via: &[u8],
    out: &mut Vec<u8>,
) -> Result<Vec<u8>, Fault> {
    let missing = |name| Fault::new(FaultKind::Missing(name), 0);
    let to = response
        .header(HeaderName::To)
        .ok_or_else(|| missing(HeaderName::To))?;
    let contact = response.list(HeaderName::Contact).next();
    let contact = contact.and_then(|value| NameAddr::parse(value.raw).ok());
    let target = match &contact {
        Some(contact) => contact.addr_spec,
        None => request_uri(sent_invite)?,
    };
    let mut routes: Vec<&[u8]> = response
        .list(HeaderName::RecordRoute)
        .map(|route| route.raw)
        .collect();
    routes.reverse();
    let first = routes.first().and_then(|route| NameAddr::parse(route).ok());
    let strict = first
        .as_ref()
        .filter(|first| first.uri().is_ok_and(|uri| !uri.params.has(b"lr")));
    out.extend_from_slice(b"ACK ");
    out.extend_from_slice(strict.map_or(target, |strict| strict.addr_spec));
    out.extend_from_slice(b" SIP/2.0\r\n");
    write_header_line(via, out);
    for route in routes.iter().skip(usize::from(strict.is_some())) {
        write_field("Route", route, out);
    }
    if strict.is_some() {
        write_field("Route", &[b"<", target, b">"].concat(), out);
    }
    out.extend_from_slice(b"Max-Forwards: 70\r\n");
    write_field("From", find(sent_invite, HeaderName::From)?.value, out);
    write_field("To", to.value, out);
    write_field("Call-ID", find(sent_invite, HeaderName::CallId)?.value, out);
    out.extend_from_slice(b"CSeq: ");
    write_number(u64::from(response.cseq().number), out);
    out.extend_from_slice(b" ACK\r\nContent-Length: 0\r\n\r\n");
    Ok(first.map_or(target, |first| first.addr_spec).to_vec())
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
