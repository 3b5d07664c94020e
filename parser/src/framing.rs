//! Framing of a stream by Content-Length: RFC 3261 §18.3, §7.5, and CRLF keep-alive, RFC 5626 §3.5.1.
//!
//! A pure function over what has been received and not consumed, with a small state that
//! remembers how far it looked, so that a stream of single bytes costs no more than one of pages.

use crate::grammar::{self, TOKEN, is};
use crate::header::number;
use crate::limits::{HEAD_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::writer::header_lines;
use crate::{Fault, FaultKind, HeaderName};

/// How far a stream has been looked at. One per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// Bytes at the front that hold no blank line.
    scanned: u32,
    /// The whole length of the message at the front, once its head is complete.
    length: u32,
    /// Whether the last bytes consumed were the first CRLF of what may be a ping.
    half_ping: bool,
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
        if self.length == 0 {
            match bytes {
                [] => return Framed::NeedMore { at_least: 1 },
                [b'\r', ..] => return self.keep_alive(bytes),
                _ => {}
            }
            self.half_ping = false;
            match self.find_length(bytes) {
                Ok(Some(length)) => self.length = length,
                Ok(None) => {
                    return Framed::NeedMore {
                        at_least: bytes.len() + 1,
                    };
                }
                Err(fault) => return Framed::Lost(fault),
            }
        }
        let len = self.length as usize;
        if bytes.len() < len {
            return Framed::NeedMore { at_least: len };
        }
        *self = Self::default();
        Framed::Message { len }
    }

    /// A lone CRLF is told at once, since a pong is nothing more; the state remembers it in case a
    /// second one makes it a ping.
    fn keep_alive(&mut self, bytes: &[u8]) -> Framed {
        match bytes {
            [b'\r', b'\n', ..] if self.half_ping => {
                self.half_ping = false;
                Framed::Ping { len: 2 }
            }
            [b'\r', b'\n', b'\r', b'\n', ..] => Framed::Ping { len: 4 },
            [b'\r', b'\n', ..] => {
                self.half_ping = true;
                Framed::Pong { len: 2 }
            }
            [_] => Framed::NeedMore { at_least: 2 },
            _ => Framed::Lost(Fault::new(FaultKind::NotSip, 0)),
        }
    }

    /// The length of the message at the front, if its head is complete.
    fn find_length(&mut self, bytes: &[u8]) -> Result<Option<u32>, Fault> {
        if !is(bytes[0], TOKEN) {
            return Err(Fault::new(FaultKind::NotSip, 0));
        }
        let head = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
        // The blank line may have begun in the bytes already seen.
        let from = (self.scanned as usize).min(head.len()).saturating_sub(3);
        let Some(at) = memchr::memmem::find(&head[from..], b"\r\n\r\n") else {
            self.scanned = u32::try_from(head.len()).unwrap_or(u32::MAX);
            if head.len() == HEAD_BYTES_MAX {
                return Err(Fault::new(FaultKind::TooLarge, HEAD_BYTES_MAX));
            }
            return Ok(None);
        };
        let headers_end = from + at + 2;
        let length = (headers_end + 2) as u64 + content_length(&bytes[..headers_end])?;
        if length > MESSAGE_BYTES_MAX as u64 {
            return Err(Fault::new(FaultKind::TooLarge, headers_end));
        }
        Ok(u32::try_from(length).ok())
    }
}

/// The one Content-Length. None or two leave open where the message ends (RFC 4475 §3.3.9).
fn content_length(head: &[u8]) -> Result<u64, Fault> {
    let name = HeaderName::ContentLength;
    let mut found = None;
    for line in header_lines(head) {
        if line.name != name {
            continue;
        }
        let at = line.line.start.into();
        let value = number::parse(grammar::trim(line.value), 1 << 32);
        let value =
            value.map_err(|fault| fault.shifted(line.value_span.start.into()).in_header(name))?;
        if found.replace(value).is_some() {
            return Err(Fault::new(FaultKind::Repeated(name), at).in_header(name));
        }
    }
    found.ok_or_else(|| Fault::new(FaultKind::Missing(name), head.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Feeds the stream in pieces of `step` bytes and lists what comes out.
    fn listing(stream: &str, step: usize) -> String {
        let stream = stream.replace('\n', "\r\n");
        let (mut framing, mut held, mut listing) = (Framing::default(), Vec::new(), String::new());
        for piece in stream.as_bytes().chunks(step) {
            held.extend_from_slice(piece);
            loop {
                let consumed = match framing.next(&held) {
                    Framed::Message { len } => {
                        listing += &format!("message {}\n", held[..len].escape_ascii());
                        len
                    }
                    Framed::Ping { len } => {
                        listing += "ping\n";
                        len
                    }
                    Framed::Pong { len } => {
                        listing += "crlf\n";
                        len
                    }
                    Framed::NeedMore { at_least } => {
                        assert!(at_least > held.len(), "needs what it has");
                        break;
                    }
                    Framed::Lost(fault) => return listing + &format!("lost: {fault}\n"),
                };
                held.drain(..consumed);
            }
        }
        listing + &format!("{} bytes left\n", held.len())
    }

    /// Messages come out the same whatever the pieces; a ping in two pieces tells its first CRLF.
    fn check(stream: &str, expected: Expect) {
        let whole = listing(stream, usize::MAX);
        let messages = |text: &str| {
            text.lines()
                .filter(|line| *line != "crlf")
                .map(String::from)
                .collect::<Vec<_>>()
        };
        for step in 1..9 {
            assert_eq!(
                messages(&listing(stream, step)),
                messages(&whole),
                "in pieces of {step}"
            );
        }
        expected.assert_eq(&whole);
    }

    #[test]
    fn cuts_messages_by_content_length() {
        check(
            "A sip:b SIP/2.0\nContent-Length: 4\n\nbodyB sip:b SIP/2.0\nl : 0\n\nC",
            expect![[r#"
                message A sip:b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody
                message B sip:b SIP/2.0\r\nl : 0\r\n\r\n
                1 bytes left
            "#]],
        );
    }

    #[test]
    fn tells_pings_between_messages() {
        check(
            "\n\nA sip:b SIP/2.0\nl: 0\n\n\n\n\nB sip:b SIP/2.0\nl:\n 0\n\n",
            expect![[r#"
                ping
                message A sip:b SIP/2.0\r\nl: 0\r\n\r\n
                ping
                crlf
                message B sip:b SIP/2.0\r\nl:\r\n 0\r\n\r\n
                0 bytes left
            "#]],
        );
    }

    #[test]
    fn a_length_that_is_not_clear_loses_the_stream() {
        check(
            "A sip:b SIP/2.0\nTo: x\n\n",
            expect![[r#"
            lost: no Content-Length header at byte 24
        "#]],
        );
        check(
            "A sip:b SIP/2.0\nl: 1\nContent-Length: 1\n\n",
            expect![[r#"
            lost: more than one Content-Length at byte 23 in Content-Length
        "#]],
        );
        check(
            "A sip:b SIP/2.0\nl: -999\n\n",
            expect![[r#"
            lost: expected a number at byte 20 in Content-Length
        "#]],
        );
        check(
            "A sip:b SIP/2.0\nl: 65535\n\n",
            expect![[r#"
            lost: too large at byte 27
        "#]],
        );
        check(
            "\u{1}",
            expect![[r#"
            lost: not SIP at byte 0
        "#]],
        );
    }

    #[test]
    fn a_head_without_an_end_is_bounded() {
        let mut framing = Framing::default();
        let mut held = b"A sip:b SIP/2.0\r\nX: ".to_vec();
        held.resize(HEAD_BYTES_MAX - 1, b'x');
        assert_eq!(
            framing.next(&held),
            Framed::NeedMore {
                at_least: HEAD_BYTES_MAX
            }
        );
        held.push(b'x');
        assert!(matches!(
            framing.next(&held),
            Framed::Lost(Fault {
                kind: FaultKind::TooLarge,
                ..
            })
        ));
    }

    #[test]
    fn single_bytes_are_looked_at_once() {
        // Quadratic work over 30,000 bytes would be half a billion compares; this is a moment.
        let mut framing = Framing::default();
        let mut held = b"A sip:b SIP/2.0\r\nX: ".to_vec();
        while held.len() < 30_000 {
            held.push(b'x');
            assert_eq!(
                framing.next(&held),
                Framed::NeedMore {
                    at_least: held.len() + 1
                }
            );
            assert_eq!(framing.scanned as usize, held.len());
        }
        held.extend_from_slice(b"\r\nl: 0\r\n\r\n");
        assert_eq!(framing.next(&held), Framed::Message { len: held.len() });
    }
}
