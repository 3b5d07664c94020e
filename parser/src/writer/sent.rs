//! Walking the header lines of bytes that are not a `Message`: what we sent, or a stream's head.

use crate::grammar::{TOKEN, is, trim};
use crate::message::HeaderField;
use crate::scan::Breaks;
use crate::{HeaderName, Span};

/// Appends a header line with its CRLF, however it ended. An empty one is none: a blank line would end the headers.
pub fn write_header_line(line: &[u8], out: &mut Vec<u8>) {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    if let Some(last) = end {
        out.extend_from_slice(&line[..=last]);
        out.extend_from_slice(b"\r\n");
    }
}

/// The header lines behind the start line, up to the blank line or the end. Lines that are none
/// are left out. Allocates nothing; the message is at most 65,535 bytes.
pub fn header_lines(bytes: &[u8]) -> impl Iterator<Item = HeaderField<'_>> + Clone {
    let mut breaks = Breaks::new(bytes);
    let mut at = line_end(bytes, &mut breaks);
    std::iter::from_fn(move || {
        loop {
            let start = at;
            if start >= bytes.len() || bytes.get(start..start + 2) == Some(b"\r\n") {
                return None;
            }
            at = line_end(bytes, &mut breaks);
            if let Some(field) = field_of(bytes, start, at) {
                return Some(field);
            }
        }
    })
}

fn field_of(bytes: &[u8], start: usize, end: usize) -> Option<HeaderField<'_>> {
    let line = &bytes[start..end];
    let name_len = line
        .iter()
        .position(|&byte| !is(byte, TOKEN))
        .unwrap_or(line.len());
    let blanks = line[name_len..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let colon = name_len + blanks;
    if name_len == 0 || line.get(colon) != Some(&b':') {
        return None;
    }
    let value = trim(&line[colon + 1..]);
    Some(HeaderField {
        name: HeaderName::of(&line[..name_len]),
        raw_name: &line[..name_len],
        value,
        value_span: Span::within(bytes, value)?,
        line: Span::new(start, end),
    })
}

/// The byte behind the CRLF that ends the line, continuation lines included.
fn line_end(bytes: &[u8], breaks: &mut Breaks<'_>) -> usize {
    loop {
        let at = breaks.next();
        match bytes.get(at..) {
            Some([b'\r', b'\n', rest @ ..]) => {
                breaks.next();
                if !matches!(rest, [b' ' | b'\t', ..]) {
                    return at + 2;
                }
            }
            Some([_, ..]) => {}
            Some([]) | None => return bytes.len(),
        }
    }
}
