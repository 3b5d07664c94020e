//! Multipart bodies: RFC 2046 §5.1, RFC 5621. The parts, in order, without decoding.
//!
//! A multipart inside a part is a part like any other; whoever wants to look into it calls again.

use crate::grammar::{is_blank, trim};
use crate::header::media_type::MediaType;
use crate::limits::PARTS_MAX;
use crate::writer::header_lines;
use crate::{Expected, Fault, HeaderName};

/// One part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Its header lines as written.
    pub headers: &'a [u8],
    /// Its Content-Type, when it has one.
    pub content_type: Option<&'a [u8]>,
    /// Its body.
    pub body: &'a [u8],
    /// The whole part, from its boundary line up to the next boundary line.
    pub whole: &'a [u8],
}

/// The parts of `body`, whose Content-Type is `content_type`. At most `PARTS_MAX`. A last part whose
/// closing boundary is missing ends with the body.
pub fn parts<'a>(
    content_type: &'a [u8],
    body: &'a [u8],
) -> Result<impl Iterator<Item = Part<'a>> + Clone + use<'a>, Fault> {
    let media_type = MediaType::parse(content_type)?;
    let boundary = media_type
        .params
        .get(b"boundary")
        .filter(|boundary| (1..=70).contains(&boundary.len()));
    let boundary =
        boundary.ok_or_else(|| Fault::expected(Expected::Boundary, content_type.len()))?;
    let mut line = next_boundary(body, 0, boundary);
    if line.is_none() {
        return Err(Fault::expected(Expected::Boundary, 0));
    }
    let parts = std::iter::from_fn(move || {
        let current = line.filter(|line| !line.is_last)?;
        line = next_boundary(body, current.end, boundary);
        let (content_end, end) = line.map_or((body.len(), body.len()), |next| {
            (next.content_end, next.start)
        });
        let content = body
            .get(current.end..content_end.max(current.end))
            .unwrap_or_default();
        Some(part(
            content,
            body.get(current.start..end).unwrap_or_default(),
        ))
    });
    Ok(parts.take(PARTS_MAX))
}

/// A boundary line.
#[derive(Clone, Copy)]
struct Boundary {
    /// Where what is before it ends: the line break belongs to the boundary.
    content_end: usize,
    start: usize,
    end: usize,
    is_last: bool,
}

/// The next line `--boundary` or `--boundary--` at `from` or behind it.
fn next_boundary(body: &[u8], from: usize, boundary: &[u8]) -> Option<Boundary> {
    let mut at = from;
    loop {
        let start = at + memchr::memmem::find(body.get(at..)?, b"--")?;
        at = start + 1;
        let after = start + 2 + boundary.len();
        if !(start == 0 || body[start - 1] == b'\n') || body.get(start + 2..after) != Some(boundary)
        {
            continue;
        }
        let rest = body.get(after..).unwrap_or_default();
        let is_last = rest.starts_with(b"--");
        let line_len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len + 1);
        if !rest[if is_last { 2 } else { 0 }..line_len.max(if is_last { 2 } else { 0 })]
            .iter()
            .all(|&byte| is_blank(byte))
        {
            continue;
        }
        let breaks = if body[..start].ends_with(b"\r\n") {
            2
        } else {
            usize::from(start > 0)
        };
        return Some(Boundary {
            content_end: start - breaks,
            start,
            end: after + line_len,
            is_last,
        });
    }
}

fn part<'a>(content: &'a [u8], whole: &'a [u8]) -> Part<'a> {
    // No header at all is a blank line first.
    let (headers, body) = if let Some(body) = content.strip_prefix(b"\r\n") {
        (&content[..0], body)
    } else {
        match memchr::memmem::find(content, b"\r\n\r\n") {
            Some(at) => (&content[..at + 2], &content[at + 4..]),
            None => (content, &content[content.len()..]),
        }
    };
    let content_type = first_line(headers)
        .into_iter()
        .chain(header_lines(headers).map(|field| (field.name, field.value)))
        .find(|(name, _)| *name == HeaderName::ContentType)
        .map(|(_, value)| value);
    Part {
        headers,
        content_type,
        body,
        whole,
    }
}

/// `header_lines` passes over a start line, and a part has none: its first line is a header.
fn first_line(headers: &[u8]) -> Option<(HeaderName, &[u8])> {
    let mut end = 0;
    loop {
        end += memchr::memmem::find(&headers[end..], b"\r\n")? + 2;
        if !matches!(headers.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    let colon = memchr::memchr(b':', &headers[..end])?;
    Some((
        HeaderName::of(trim(&headers[..colon])),
        trim(&headers[colon + 1..end]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(content_type: &str, body: &str, expected: Expect) {
        let body = body.replace('\n', "\r\n");
        let mut listing = String::new();
        match parts(content_type.as_bytes(), body.as_bytes()) {
            Err(fault) => listing = fault.to_string(),
            Ok(parts) => {
                for part in parts {
                    let kind = part
                        .content_type
                        .map_or("-".into(), |kind| kind.escape_ascii().to_string());
                    listing += &format!(
                        "{kind} | {} | {} bytes\n",
                        part.body.escape_ascii(),
                        part.whole.len()
                    );
                }
            }
        }
        expected.assert_eq(&listing);
    }

    #[test]
    fn tells_the_parts() {
        check(
            "multipart/mixed;boundary=\"b-1\"",
            "preamble\n--b-1\nContent-Type:\n text/plain\nX: y\n\nHello\n--b-1x\n--b-1  \n\nno headers\n--b-1\nX: y\nc: a/b\n\n\n--b-1--\nepilogue\n--b-1\n\nno",
            expect![[r#"
                text/plain | Hello\r\n--b-1x | 58 bytes
                - | no headers | 23 bytes
                a/b |  | 25 bytes
            "#]],
        );
    }

    #[test]
    fn a_missing_end_ends_with_the_body() {
        check(
            "multipart/mixed;boundary=b",
            "--b\n\none",
            expect![[r#"
            - | one | 10 bytes
        "#]],
        );
    }

    #[test]
    fn refuses_what_has_no_boundary() {
        check(
            "multipart/mixed",
            "--b\n",
            expect!["expected a boundary at byte 15"],
        );
        check(
            "multipart/mixed;boundary=b",
            "nothing",
            expect!["expected a boundary at byte 0"],
        );
        check("multipart", "nothing", expect!["expected `/` at byte 9"]);
    }
}
