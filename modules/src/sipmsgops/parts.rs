//! `add_body_part`: a body becomes a multipart, or gets one more part (RFC 2046 §5.1, RFC 5621 §3).
//!
//! Builds on what was edited before, and writes the whole body anew.

use engine::module::{Args, Context, Verdict};
use parser::limits::PARTS_MAX;
use parser::{HeaderName, Span, multipart};

use super::SipMsgOps;
use super::body::{is_type, written};

/// `Content-Type: multipart/mixed;boundary=...`: our boundaries are sixteen hexadecimal digits behind a name.
const BOUNDARY: &str = "tandem-part-";

impl SipMsgOps {
    /// 1: added. -1: the type or a header is none, or the body in place cannot be extended.
    pub(super) fn add_body_part(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (content_type, headers) = (args.str(1).trim_ascii(), args.str(2));
        let Some(part) = part(content_type, headers, args.str(0)) else {
            return Verdict::FAIL;
        };
        let Some(current) = written(cx.draft, cx.message) else {
            return Verdict::FAIL;
        };
        let body = current.body();
        // Headers of a part have no place in a body that is not made of parts.
        if body.is_empty() && headers.trim_ascii().is_empty() {
            cx.draft.set_body(content_type, args.str(0));
            return Verdict::OK;
        }
        let old_type = current.content_type().unwrap_or_default();
        if !body.is_empty() && is_type(old_type, b"multipart/*") {
            let Some(longer) = extended(old_type, body, &part) else {
                return Verdict::FAIL;
            };
            cx.draft.set_body(old_type, &longer);
            return Verdict::OK;
        }
        let boundary = loop {
            let boundary = format!("{BOUNDARY}{:016x}", cx.core.random.next_u64());
            let is_in = |text: &[u8]| memchr::memmem::find(text, boundary.as_bytes()).is_some();
            if !is_in(body) && !is_in(&part) {
                break boundary;
            }
        };
        let mut whole = Vec::with_capacity(body.len() + part.len() + 256);
        if !body.is_empty() {
            open(boundary.as_bytes(), &mut whole);
            if !old_type.is_empty() {
                header(b"Content-Type", old_type, &mut whole);
            }
            // What described the body describes the part by now.
            for field in current.headers() {
                if describes_body(field.name, field.raw_name) {
                    header(field.raw_name, field.value, &mut whole);
                }
            }
            let lines: Vec<Span> = cx
                .message
                .headers()
                .filter(|field| describes_body(field.name, field.raw_name))
                .map(|field| field.line)
                .collect();
            for line in lines {
                cx.draft.delete(line);
            }
            whole.extend_from_slice(b"\r\n");
            whole.extend_from_slice(body);
            whole.extend_from_slice(b"\r\n");
        }
        open(boundary.as_bytes(), &mut whole);
        whole.extend_from_slice(&part);
        close(boundary.as_bytes(), &mut whole);
        let content_type = format!("multipart/mixed;boundary={boundary}");
        cx.draft.set_body(content_type.as_bytes(), &whole);
        Verdict::OK
    }
}

/// A part behind its boundary line, with the line break that belongs to the next. `None`: what should be a header line
/// is none, or a text would end the headers.
fn part(content_type: &[u8], headers: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let is_line = |text: &[u8]| !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if !is_line(content_type) || !content_type.contains(&b'/') {
        return None;
    }
    let mut part = Vec::with_capacity(content_type.len() + headers.len() + body.len() + 32);
    header(b"Content-Type", content_type, &mut part);
    for line in headers.trim_ascii().split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && headers.trim_ascii().is_empty() {
            break;
        }
        let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
        if !is_line(line) || !(is_folded || line.iter().position(|byte| *byte == b':') > Some(0)) {
            return None;
        }
        part.extend_from_slice(line);
        part.extend_from_slice(b"\r\n");
    }
    part.extend_from_slice(b"\r\n");
    part.extend_from_slice(body);
    part.extend_from_slice(b"\r\n");
    Some(part)
}

/// A multipart with one part more, before its closing boundary. `None`: it is none that can be read, has as many parts
/// as we look at, or its boundary stands in the new part.
fn extended(content_type: &[u8], body: &[u8], part: &[u8]) -> Option<Vec<u8>> {
    let parts = multipart::parts(content_type, body).ok()?;
    let count = parts.clone().count();
    let last = parts.last()?;
    // The boundary as the body writes it: its line, up to the part's headers.
    let end_of_line = memchr::memchr(b'\n', last.whole)?;
    let boundary = last.whole[..end_of_line]
        .trim_ascii_end()
        .strip_prefix(b"--")?;
    if count >= PARTS_MAX || memchr::memmem::find(part, &[&b"--"[..], boundary].concat()).is_some()
    {
        return None;
    }
    let end = Span::within(body, last.whole)?.end;
    let mut longer = Vec::with_capacity(body.len() + part.len() + 2 * boundary.len() + 16);
    longer.extend_from_slice(&body[..usize::from(end)]);
    if !longer.ends_with(b"\n") {
        longer.extend_from_slice(b"\r\n");
    }
    open(boundary, &mut longer);
    longer.extend_from_slice(part);
    close(boundary, &mut longer);
    Some(longer)
}

fn open(boundary: &[u8], out: &mut Vec<u8>) {
    for text in [&b"--"[..], boundary, b"\r\n"] {
        out.extend_from_slice(text);
    }
}

fn close(boundary: &[u8], out: &mut Vec<u8>) {
    for text in [&b"--"[..], boundary, b"--\r\n"] {
        out.extend_from_slice(text);
    }
}

fn header(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for text in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(text);
    }
}

/// Headers of a message that are about its body, but for type and length (RFC 3261 §20.11 to §20.15).
fn describes_body(name: HeaderName, raw: &[u8]) -> bool {
    !matches!(name, HeaderName::ContentType | HeaderName::ContentLength)
        && (name == HeaderName::ContentEncoding
            || raw
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"content-")))
}
