//! Writing messages of our own: responses (RFC 3261 §8.2.6), ACK (§17.1.1.3), CANCEL (§9.1), any request.

use std::net::SocketAddr;

use crate::{Fault, Message};

/// A response to a request: copies Via, From, To, Call-ID and CSeq (RFC 3261 §8.2.6.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// Status code.
    pub code: u16,
    /// Reason phrase; empty means the usual one of the code.
    pub reason: &'a [u8],
    /// A tag for To, added when the request's has none.
    pub to_tag: Option<&'a [u8]>,
    /// Whether Record-Route is copied (a response that makes a dialog, §12.1.1).
    pub record_route: bool,
    /// Where the request came from: stamps the top Via with `received` and `rport`.
    pub source: Option<SocketAddr>,
    /// Further header lines, each with its CRLF.
    pub headers: &'a [u8],
    /// The body's type; not written when there is no body.
    pub content_type: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

#[expect(clippy::todo, reason = "the next commit fills it")]
impl Response<'_> {
    /// Appends it to `out`. Works on a rejected request as well: what is missing is left out.
    pub fn write(&self, request: &Message, out: &mut Vec<u8>) {
        let _ = (request, out);
        todo!()
    }
}

/// The usual reason phrase of a status code.
#[must_use]
pub fn reason_of(code: u16) -> &'static str {
    let _ = code;
    todo!()
}

/// Appends the ACK to a final response of 300 or more, from the INVITE as it was sent (§17.1.1.3).
pub fn write_ack(sent_invite: &[u8], response: &Message, out: &mut Vec<u8>) -> Result<(), Fault> {
    let _ = (sent_invite, response, out);
    todo!()
}

/// Appends the CANCEL of a request, from the request as it was sent (§9.1).
pub fn write_cancel(sent_request: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let _ = (sent_request, out);
    todo!()
}

/// A request (or response) of our own, line by line.
#[derive(Debug)]
pub struct RequestWriter<'o> {
    out: &'o mut Vec<u8>,
}

#[expect(clippy::todo, reason = "the next commit fills it")]
impl<'o> RequestWriter<'o> {
    /// Begins with the start line `method uri SIP/2.0`.
    #[must_use]
    pub fn new(out: &'o mut Vec<u8>, method: &[u8], request_uri: &[u8]) -> Self {
        let _ = (method, request_uri);
        Self { out }
    }
    /// A header; the value is the concatenation of `value`.
    pub fn header(&mut self, name: &str, value: &[&[u8]]) -> &mut Self {
        let _ = (name, value, &self.out);
        todo!()
    }
    /// Whole header lines, each with its CRLF.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        let _ = lines;
        todo!()
    }
    /// Ends with Content-Type (when there is a body), Content-Length, the blank line and the body.
    pub fn finish(self, content_type: &[u8], body: &[u8]) {
        let _ = (content_type, body);
        todo!()
    }
}
