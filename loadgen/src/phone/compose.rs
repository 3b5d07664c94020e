//! Writing a phone's requests, and the small pieces of text that go into them.

use std::net::{IpAddr, SocketAddr};

use parser::Uri;

use super::Verb;
use super::settings::Transport;
use super::token::TOKEN_BYTES;

/// One request of a phone, in parts.
pub(crate) struct Request<'a> {
    pub(crate) verb: Verb,
    pub(crate) request_uri: &'a [u8],
    pub(crate) transport: Transport,
    pub(crate) sent_by: &'a [u8],
    pub(crate) branch: [u8; TOKEN_BYTES],
    /// A Route value; empty is none.
    pub(crate) routes: &'a [u8],
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) call_id: &'a [u8],
    pub(crate) cseq: u32,
    /// The Contact's URI; empty is none.
    pub(crate) contact: &'a [u8],
    /// Further header lines, each with its CRLF.
    pub(crate) headers: &'a [u8],
    /// A text of which `headers` say the type; empty is none.
    pub(crate) text: &'a [u8],
    /// A session description; empty is none.
    pub(crate) body: &'a [u8],
}

impl Request<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put(
            out,
            &[
                self.verb.as_bytes(),
                b" ",
                self.request_uri,
                b" SIP/2.0\r\nVia: SIP/2.0/",
            ],
        );
        put(
            out,
            &[
                self.transport.via(),
                b" ",
                self.sent_by,
                b";rport;branch=z9hG4bK",
                &self.branch,
            ],
        );
        if !self.routes.is_empty() {
            put(out, &[b"\r\nRoute: ", self.routes]);
        }
        put(
            out,
            &[
                b"\r\nMax-Forwards: 70\r\nFrom: ",
                self.from,
                b"\r\nTo: ",
                self.to,
            ],
        );
        put(out, &[b"\r\nCall-ID: ", self.call_id, b"\r\nCSeq: "]);
        number(out, self.cseq);
        put(out, &[b" ", self.verb.as_bytes(), b"\r\n"]);
        if !self.contact.is_empty() {
            put(out, &[b"Contact: <", self.contact, b">\r\n"]);
        }
        out.extend_from_slice(self.headers);
        if !self.body.is_empty() {
            out.extend_from_slice(SDP_TYPE_LINE);
        }
        out.extend_from_slice(b"Content-Length: ");
        number(out, (self.text.len() + self.body.len()) as u32);
        put(out, &[b"\r\n\r\n", self.text, self.body]);
    }
}

pub(crate) fn put(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

pub(crate) fn number(out: &mut Vec<u8>, mut value: u32) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Where a URI points, when it names an address and not a host name.
pub(crate) fn address_of(uri: &[u8]) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(5060)))
}

/// The session that a phone at `local` offers and answers with, always the same.
pub(crate) fn session(local: SocketAddr) -> Vec<u8> {
    let kind = if local.is_ipv6() { "IP6" } else { "IP4" };
    let ip: IpAddr = local.ip();
    let port = 16_384 + u32::from(local.port()) % 8_192 * 2;
    format!(
        "v=0\r\no=- 20260101 1 IN {kind} {ip}\r\ns=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    .into_bytes()
}

pub(crate) const SDP_TYPE: &[u8] = b"application/sdp";
const SDP_TYPE_LINE: &[u8] = b"Content-Type: application/sdp\r\n";

/// What a phone understands (RFC 3261 §8.2.1), as a header line.
pub(crate) const ALLOW_LINE: &[u8] =
    b"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, NOTIFY, UPDATE\r\n";
