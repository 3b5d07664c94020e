//! Writing messages of our own: responses (RFC 3261 §8.2.6), ACK (§17.1.1.3), CANCEL (§9.1), any request.
//!
//! Everything is appended to a `Vec<u8>` of the caller's; nothing is allocated besides.

mod hop;
mod reason;
mod response;
mod sent;
#[cfg(test)]
mod tests;

pub use hop::{write_ack, write_ack_2xx, write_cancel};
pub use reason::reason_of;
pub use response::Response;
pub use sent::{header_lines, write_header_line};

use crate::grammar::write_number;

/// Appends a reason phrase. What a script made it of may hold line breaks, a folded header for one: they and NUL
/// become blanks, so that nothing in it is a header of somebody's choice.
pub fn write_reason(reason: &[u8], out: &mut Vec<u8>) {
    out.extend(reason.trim_ascii().iter().map(|byte| match byte {
        b'\r' | b'\n' | 0 => b' ',
        byte => *byte,
    }));
}

/// A request (or response) of our own, line by line.
#[derive(Debug)]
pub struct RequestWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> RequestWriter<'o> {
    /// Begins with the start line `method uri SIP/2.0`.
    #[must_use]
    pub fn new(out: &'o mut Vec<u8>, method: &[u8], request_uri: &[u8]) -> Self {
        out.extend_from_slice(method);
        out.push(b' ');
        out.extend_from_slice(request_uri);
        out.extend_from_slice(b" SIP/2.0\r\n");
        Self { out }
    }

    /// A header; the value is the concatenation of `value`.
    pub fn header(&mut self, name: &str, value: &[&[u8]]) -> &mut Self {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        for part in value {
            self.out.extend_from_slice(part);
        }
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// A header whose value is a number.
    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        write_number(value, self.out);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Whole header lines, each with its CRLF.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.out.extend_from_slice(lines);
        self
    }

    /// Ends with Content-Type (when there is a body), Content-Length, the blank line and the body.
    pub fn finish(self, content_type: &[u8], body: &[u8]) {
        write_end(content_type, body, self.out);
    }
}

/// Content-Type (when there is a body, and no other header line says its type), Content-Length, the blank line and the body.
fn write_end(content_type: &[u8], body: &[u8], out: &mut Vec<u8>) {
    if !body.is_empty() && !content_type.is_empty() {
        out.extend_from_slice(b"Content-Type: ");
        out.extend_from_slice(content_type);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"Content-Length: ");
    write_number(body.len() as u64, out);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}
