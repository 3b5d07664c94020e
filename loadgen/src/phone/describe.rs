//! A message in a few words, for ladders: `INVITE sip:bob@example.com`, `180 Ringing`.

use std::fmt;

/// The start line of a message, as ladders show it. Reads no further than the first line.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    bytes: &'a [u8],
}

/// Describes a message.
#[must_use]
pub fn describe(bytes: &[u8]) -> Description<'_> {
    Description { bytes }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self
            .bytes
            .split(|&byte| byte == b'\r' || byte == b'\n')
            .next()
            .unwrap_or_default();
        let words = match line.strip_prefix(b"SIP/2.0 ") {
            Some(status) => status,
            None => line.strip_suffix(b" SIP/2.0").unwrap_or(line),
        };
        if words.is_empty() {
            return write!(f, "({} bytes that are not SIP)", self.bytes.len());
        }
        write!(f, "{}", words.escape_ascii())
    }
}
