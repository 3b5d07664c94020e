//! Session descriptions: RFC 8866 (4566), read by lines and edited by span. Offer and answer are not here.
//!
//! Reading finds the session's lines and each media stream's; what a line holds is read when asked
//! for. All spans are counted from `base`, so that a body's spans are its message's and an edit
//! goes straight into the message's `Draft`.

mod codecs;
mod edit;
#[cfg(test)]
mod tests;

pub use codecs::Codecs;

use crate::grammar::{Cursor, trim};
use crate::limits::{FORMATS_MAX, MEDIA_MAX, SDP_LINES_MAX};
use crate::{Expected, Fault, FaultKind, Span};

/// A session description.
#[derive(Clone, Copy, Debug)]
pub struct Sdp<'a> {
    bytes: &'a [u8],
    base: u16,
    /// Where the first media stream begins; the end when there is none.
    session_end: usize,
}

/// One line `letter=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its letter.
    pub letter: u8,
    /// What follows `=`, without blanks at the end.
    pub value: &'a [u8],
    /// Where the value stands.
    pub value_span: Span,
    /// The whole line with its line break.
    pub line: Span,
}

/// What a `c=` line says: `IN IP4 192.0.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IP4` or `IP6`.
    pub family: &'a [u8],
    /// The address (or name), with a multicast's TTL.
    pub address: &'a [u8],
    /// Where the value of the line stands.
    pub span: Span,
}

/// One attribute: `rtpmap:0 PCMU/8000`, `sendonly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What stands before the colon.
    pub name: &'a [u8],
    /// What stands behind it; `None` for a flag.
    pub value: Option<&'a [u8]>,
    /// The whole line with its line break.
    pub line: Span,
}

/// One media stream: an `m=` line and the lines up to the next.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// `audio`, `video`.
    pub kind: &'a [u8],
    /// The port; 0 means refused.
    pub port: u16,
    /// Where the port stands.
    pub port_span: Span,
    /// How many ports in a row, 1 when not written.
    pub port_count: u16,
    /// `RTP/AVP`, `RTP/SAVPF`.
    pub protocol: &'a [u8],
    /// Where the protocol stands.
    pub protocol_span: Span,
    /// The formats as written: `0 8 101`.
    pub formats: &'a [u8],
    /// Where the formats stand.
    pub formats_span: Span,
    /// Where the stream stands, all lines.
    pub span: Span,
    lines: &'a [u8],
    base: u16,
}

impl<'a> Sdp<'a> {
    /// Reads a description whose first byte is byte `base` of its message. Judges that lines are
    /// lines, `v=0` comes first, every `m=` line is whole, and nothing is beyond `limits.rs`.
    pub fn parse(bytes: &'a [u8], base: u16) -> Result<Self, Fault> {
        let mut session_end = None;
        let mut streams = 0;
        for (place, line) in split_lines(bytes).enumerate() {
            let line = line?;
            if place >= SDP_LINES_MAX {
                return Err(Fault::new(FaultKind::TooLarge, line.line.start.into()));
            }
            match line.letter {
                b'v' if place == 0 && line.value == b"0" => {}
                _ if place == 0 => return Err(Fault::expected(Expected::SdpLine(b'v'), 0)),
                b'm' => {
                    session_end.get_or_insert(usize::from(line.line.start));
                    streams += 1;
                    if streams > MEDIA_MAX {
                        return Err(Fault::new(FaultKind::TooLarge, line.line.start.into()));
                    }
                    let media = Media::read(&line)?;
                    if media.format_list().nth(FORMATS_MAX).is_some() {
                        return Err(Fault::new(FaultKind::TooLarge, line.line.start.into()));
                    }
                }
                _ => {}
            }
        }
        if bytes.is_empty() {
            return Err(Fault::expected(Expected::SdpLine(b'v'), 0));
        }
        Ok(Self {
            bytes,
            base,
            session_end: session_end.unwrap_or(bytes.len()),
        })
    }

    /// All lines in order.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'a>> + Clone + use<'a> {
        lines_of(self.bytes, self.base)
    }

    /// The lines of the session, before the first media stream.
    pub fn session_lines(&self) -> impl Iterator<Item = Line<'a>> + Clone + use<'a> {
        lines_of(&self.bytes[..self.session_end], self.base)
    }

    /// The session's connection: the first, should there be more.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.session_lines()
            .find_map(|line| Connection::read(&line))
    }

    /// The address of `o=`.
    #[must_use]
    pub fn origin_address(&self) -> Option<&'a [u8]> {
        let line = self.session_lines().find(|line| line.letter == b'o')?;
        words(line.value).nth(5)
    }

    /// The session's attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.session_lines()
            .filter_map(|line| Attribute::read(&line))
    }

    /// The media streams in order.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + Clone + use<'a> {
        let (bytes, base) = (self.bytes, self.base);
        let mut at = self.session_end;
        std::iter::from_fn(move || {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let len = stream_len(rest);
            let offset = base.saturating_add(u16::try_from(at).unwrap_or(u16::MAX));
            at += len;
            let lines = &rest[..len];
            let first = lines_of(lines, offset).next()?;
            let mut media = Media::read(&first).ok()?;
            media.span = Span::new(0, len).shifted(offset);
            media.lines = lines;
            media.base = offset;
            Some(media)
        })
    }

    /// The connection of a stream: its own, or the session's.
    #[must_use]
    pub fn connection_of(&self, media: &Media<'a>) -> Option<Connection<'a>> {
        media.connection().or_else(|| self.connection())
    }
}

impl<'a> Media<'a> {
    /// The lines behind `m=`.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + Clone + use<'a> {
        lines_of(self.lines, self.base).skip(1)
    }

    /// The stream's own connection: the first, should there be one an address (RFC 8866 §5.7).
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.lines().find_map(|line| Connection::read(&line))
    }

    /// The stream's attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.lines().filter_map(|line| Attribute::read(&line))
    }

    /// The value of the first attribute of this name; a flag's is empty.
    #[must_use]
    pub fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.unwrap_or_default())
    }

    /// The formats one by one: payload types for RTP.
    pub fn format_list(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        words(self.formats)
    }

    fn read(line: &Line<'a>) -> Result<Self, Fault> {
        let start = usize::from(line.value_span.start);
        let mut cursor = Cursor::new(line.value);
        let mut word = || {
            cursor.skip_blanks();
            let from = cursor.at;
            while cursor.peek().is_some_and(|byte| byte != b' ') {
                cursor.at += 1;
            }
            (Span::new(from, cursor.at), cursor.since(from))
        };
        let ((_, kind), (port_at, port), (protocol_at, protocol)) = (word(), word(), word());
        cursor.skip_blanks();
        let formats = trim(&line.value[cursor.at..]);
        let formats_at = Span::new(cursor.at, cursor.at + formats.len());
        let mut number = Cursor::new(port);
        let wrong = |_: Fault| Fault::expected(Expected::Port, start + usize::from(port_at.start));
        let first = number.number(1 << 16).map_err(wrong)?;
        let port_end = number.at;
        let count = if number.eat(b'/') {
            number.number(1 << 16).map_err(wrong)?
        } else {
            1
        };
        number.end().map_err(wrong)?;
        if protocol.is_empty() || formats.is_empty() {
            return Err(Fault::expected(
                Expected::Token,
                usize::from(line.value_span.end),
            ));
        }
        let at = line.value_span.start;
        Ok(Self {
            kind,
            port: u16::try_from(first).unwrap_or(0),
            port_span: Span::new(port_at.start.into(), usize::from(port_at.start) + port_end)
                .shifted(at),
            port_count: u16::try_from(count).unwrap_or(1),
            protocol,
            protocol_span: protocol_at.shifted(at),
            formats,
            formats_span: formats_at.shifted(at),
            span: line.line,
            lines: b"",
            base: 0,
        })
    }
}

impl<'a> Connection<'a> {
    fn read(line: &Line<'a>) -> Option<Self> {
        if line.letter != b'c' {
            return None;
        }
        let mut parts = words(line.value);
        let _network = parts.next()?;
        Some(Self {
            family: parts.next()?,
            address: parts.next()?,
            span: line.value_span,
        })
    }
}

impl<'a> Attribute<'a> {
    fn read(line: &Line<'a>) -> Option<Self> {
        if line.letter != b'a' {
            return None;
        }
        let colon = memchr::memchr(b':', line.value);
        let (name, value) = match colon {
            Some(at) => (&line.value[..at], Some(&line.value[at + 1..])),
            None => (line.value, None),
        };
        Some(Self {
            name,
            value,
            line: line.line,
        })
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
}

fn lines_of(bytes: &[u8], base: u16) -> impl Iterator<Item = Line<'_>> + Clone {
    split_lines(bytes)
        .map_while(Result::ok)
        .map(move |line| Line {
            value_span: line.value_span.shifted(base),
            line: line.line.shifted(base),
            ..line
        })
}

/// The length of the stream at the front: up to the next `m=`.
fn stream_len(bytes: &[u8]) -> usize {
    let next = split_lines(bytes)
        .skip(1)
        .map_while(Result::ok)
        .find(|line| line.letter == b'm');
    next.map_or(bytes.len(), |line| line.line.start.into())
}

/// Lines `letter=value`. RFC 8866 §5: end with CRLF, but a bare LF has to be accepted as well.
fn split_lines(bytes: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Fault>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len + 1);
        at = start + len;
        let line = rest[..len].strip_suffix(b"\n").unwrap_or(rest);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Blank lines at the end are common and mean nothing.
        if line.is_empty() && rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            at = bytes.len();
            return None;
        }
        let [letter @ b'a'..=b'z', b'=', value @ ..] = line else {
            return Some(Err(Fault::expected(Expected::SdpLine(b'a'), start)));
        };
        let blanks = value.iter().rev().take_while(|byte| **byte == b' ').count();
        let value = &value[..value.len() - blanks];
        Some(Ok(Line {
            letter: *letter,
            value,
            value_span: Span::new(start + 2, start + 2 + value.len()),
            line: Span::new(start, start + len),
        }))
    })
}
