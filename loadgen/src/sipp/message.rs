//! A received message as a scenario sees it: text.
//!
//! Not [`parser::Message`]: scenarios test peers, so what is odd has to reach their regular expressions. Only what
//! matching needs is read: the start line, Call-ID and CSeq.

use std::ops::Range;

use memchr::memchr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    Request { method: &'a [u8], uri: &'a [u8] },
    Response { status: u16 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) start: Start<'a>,
    pub(crate) call_id: &'a [u8],
    pub(crate) cseq: &'a [u8],
    pub(crate) cseq_method: &'a [u8],
    /// Where the first header line begins.
    headers: usize,
    /// Where the empty line begins.
    headers_end: usize,
}

impl<'a> View<'a> {
    /// `None`: no SIP, or without Call-ID or CSeq.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<View<'a>> {
        let (line, mut at) = line_at(bytes, 0)?;
        let start = start_line(line)?;
        let (mut call_id, mut cseq) = (&[][..], &[][..]);
        let headers = at;
        let mut headers_end = bytes.len();
        while let Some((line, next)) = line_at(bytes, at) {
            if line.is_empty() {
                headers_end = at;
                break;
            }
            if let b'C' | b'c' | b'i' | b'I' = line[0]
                && let Some((name, value)) = split(line)
            {
                if call_id.is_empty()
                    && (name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i"))
                {
                    call_id = value;
                } else if cseq.is_empty() && name.eq_ignore_ascii_case(b"cseq") {
                    cseq = value;
                }
            }
            at = next;
        }
        let blank = cseq.iter().position(u8::is_ascii_whitespace)?;
        let (number, method) = (&cseq[..blank], cseq[blank..].trim_ascii());
        if call_id.is_empty() || method.is_empty() {
            return None;
        }
        Some(View {
            bytes,
            start,
            call_id,
            cseq: number,
            cseq_method: method,
            headers,
            headers_end,
        })
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self.start {
            Start::Response { status } => Some(status),
            Start::Request { .. } => None,
        }
    }

    pub(crate) fn method(&self) -> Option<&'a [u8]> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    pub(crate) fn body(&self) -> &'a [u8] {
        let rest = &self.bytes[self.headers_end..];
        match rest {
            [b'\r', b'\n', body @ ..] | [b'\n', body @ ..] => body,
            _ => &[],
        }
    }

    /// The header lines of this name, folded lines joined to theirs; each without its end.
    pub(crate) fn lines<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let (bytes, end) = (self.bytes, self.headers_end);
        let mut at = self.headers;
        std::iter::from_fn(move || {
            while at < end {
                let range = folded(bytes, at, end);
                at = range.end;
                let line = bytes[range].trim_ascii_end();
                if split(line).is_some_and(|(found, _)| is_same(found, name)) {
                    return Some(line);
                }
            }
            None
        })
    }

    /// The values of the headers of this name.
    pub(crate) fn values<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines(name).filter_map(|line| Some(split(line)?.1))
    }

    /// Of From in requests, of To in responses: who is at the other end.
    pub(crate) fn peer_tag(&self) -> Option<&'a [u8]> {
        let name: &[u8] = match self.start {
            Start::Request { .. } => b"From",
            Start::Response { .. } => b"To",
        };
        tag_of(self.values(name).next()?)
    }
}

/// The tag of a From or To.
pub(crate) fn tag_of(value: &[u8]) -> Option<&[u8]> {
    let parameters = match value.iter().position(|&byte| byte == b'>') {
        Some(close) => &value[close + 1..],
        None => value,
    };
    parameters
        .split(|&byte| byte == b';')
        .skip(1)
        .find_map(|one| {
            let one = one.trim_ascii();
            let (name, tag) = one.split_at_checked(4)?;
            name.eq_ignore_ascii_case(b"tag=").then_some(tag)
        })
}

/// What stands between `<` and `>`, or before the parameters.
pub(crate) fn uri_of(value: &[u8]) -> &[u8] {
    if let Some(open) = memchr(b'<', value) {
        let inner = &value[open + 1..];
        return &inner[..memchr(b'>', inner).unwrap_or(inner.len())];
    }
    value
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or(value)
        .trim_ascii()
}

/// The elements of a header value, separated by commas outside of `<...>` and quotes.
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut inside, mut escaped) = (false, false, false);
        let comma = text.iter().position(|&byte| {
            if escaped {
                escaped = false;
                return false;
            }
            match byte {
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'<' if !quoted => inside = true,
                b'>' if !quoted => inside = false,
                b',' => return !quoted && !inside,
                _ => {}
            }
            false
        });
        rest = comma.map(|comma| &text[comma + 1..]);
        Some(text[..comma.unwrap_or(text.len())].trim_ascii())
    })
    .filter(|element| !element.is_empty())
}

/// The line that begins at `at` without its end, and where the next begins.
fn line_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let (line, next) = match memchr(b'\n', rest) {
        Some(end) => (&rest[..end], at + end + 1),
        None => (rest, bytes.len()),
    };
    Some((line.strip_suffix(b"\r").unwrap_or(line), next))
}

/// The lines of one header, from `at`.
fn folded(bytes: &[u8], at: usize, end: usize) -> Range<usize> {
    let mut next = at;
    loop {
        next = memchr(b'\n', &bytes[next..end]).map_or(end, |place| next + place + 1);
        if !matches!(bytes[next..end].first(), Some(b' ' | b'\t')) {
            return at..next;
        }
    }
}

fn start_line(line: &[u8]) -> Option<Start<'_>> {
    if let Some(rest) = line.strip_prefix(b"SIP/2.0 ") {
        let digits = rest.get(..3)?;
        let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
        return Some(Start::Response { status });
    }
    let blank = memchr(b' ', line)?;
    let rest = &line[blank + 1..];
    let end = rest.iter().rposition(|&byte| byte == b' ')?;
    rest[end + 1..]
        .starts_with(b"SIP/")
        .then_some(Start::Request {
            method: &line[..blank],
            uri: &rest[..end],
        })
}

/// A header's name and its value.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    Some((
        line[..colon].trim_ascii_end(),
        line[colon + 1..].trim_ascii(),
    ))
}

/// Whether two header names mean the same, compact forms included.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    long(a).eq_ignore_ascii_case(long(b))
}

/// RFC 3261 §7.3.3 and later registrations.
fn long(name: &[u8]) -> &[u8] {
    let [letter] = name else {
        return name;
    };
    match letter.to_ascii_lowercase() {
        b'v' => b"Via",
        b'f' => b"From",
        b't' => b"To",
        b'i' => b"Call-ID",
        b'm' => b"Contact",
        b'c' => b"Content-Type",
        b'l' => b"Content-Length",
        b'e' => b"Content-Encoding",
        b's' => b"Subject",
        b'k' => b"Supported",
        b'o' => b"Event",
        b'r' => b"Refer-To",
        b'b' => b"Referred-By",
        b'u' => b"Allow-Events",
        b'x' => b"Session-Expires",
        _ => name,
    }
}
