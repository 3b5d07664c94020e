//! Framing of a stream by Content-Length: RFC 3261 §18.3, §7.5, and CRLF keep-alive, RFC 5626 §3.5.1.
//!
//! A pure function over what has been received and not consumed, with a small state that
//! remembers how far it looked, so that a stream of single bytes costs no more than one of pages.

use crate::Fault;

/// How far a stream has been looked at. One per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    scanned: u32,
}

/// What stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole message of this many bytes: consume them.
    Message {
        /// Its length.
        len: usize,
    },
    /// A ping (double CRLF) was completed by these bytes: consume them and answer CRLF.
    Ping {
        /// How many bytes.
        len: usize,
    },
    /// A CRLF by itself: a pong, or a blank before a message. Consume it.
    Pong {
        /// How many bytes.
        len: usize,
    },
    /// Not whole yet. The buffer has to hold at least this many bytes before it is.
    NeedMore {
        /// Bytes needed, counted from the front.
        at_least: usize,
    },
    /// Framing is lost: answer if `fault.status()` says so, then close.
    Lost(Fault),
}

impl Framing {
    /// Looks at `bytes`: everything received and not consumed.
    pub fn next(&mut self, bytes: &[u8]) -> Framed {
        let _ = (bytes, self.scanned);
        todo!()
    }
}
