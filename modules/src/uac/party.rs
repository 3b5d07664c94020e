//! What stands in From or To before the parameters: a display name and a URI.

use parser::{NameAddr, Uri};

/// Appends `before` with another display name (`None` keeps it, an empty one removes it) and URI (an empty one keeps
/// it). False: that would be no address.
pub(super) fn write(before: &[u8], display: Option<&[u8]>, uri: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(before) = NameAddr::parse(before) else {
        return false;
    };
    match display {
        Some(display) => {
            if !write_display(display, out) {
                return false;
            }
        }
        None => {
            if let Some(display) = before.display {
                out.extend_from_slice(display);
                out.push(b' ');
            }
        }
    }
    let uri = if uri.is_empty() {
        before.addr_spec
    } else {
        uri
    };
    let is_uri = Uri::parse(uri).is_ok()
        && uri
            .iter()
            .all(|byte| *byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f));
    out.push(b'<');
    out.extend_from_slice(uri);
    out.push(b'>');
    is_uri
}

/// In quotes, whether or not the script gave them.
fn write_display(display: &[u8], out: &mut Vec<u8>) -> bool {
    if display.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return false;
    }
    let inside = display
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    if display.is_empty() || inside == Some(b"") {
        return true;
    }
    out.push(b'"');
    match inside {
        // As the script wrote it, escapes included.
        Some(inside) if is_escaped(inside) => out.extend_from_slice(inside),
        inside => {
            for &byte in inside.unwrap_or(display) {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
        }
    }
    out.extend_from_slice(b"\" ");
    true
}

/// Whether every quote inside is escaped, and nothing is left open at the end.
fn is_escaped(inside: &[u8]) -> bool {
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return false,
            b'\\' if bytes.next().is_none() => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, display: Option<&str>, uri: &str, expected: Option<&str>) {
        let mut out = Vec::new();
        let is_written = write(
            before.as_bytes(),
            display.map(str::as_bytes),
            uri.as_bytes(),
            &mut out,
        );
        let written = is_written.then(|| String::from_utf8(out).unwrap());
        assert_eq!(written.as_deref(), expected, "{before} {display:?} {uri}");
    }

    #[test]
    fn table() {
        let alice = "\"Alice\" <sip:alice@a.com>";
        check(
            alice,
            Some("batman"),
            "",
            Some("\"batman\" <sip:alice@a.com>"),
        );
        check(
            alice,
            Some(""),
            "sip:robin@g.org",
            Some("<sip:robin@g.org>"),
        );
        check(alice, Some(""), "", Some("<sip:alice@a.com>"));
        check(alice, None, "sip:b@g.org", Some("\"Alice\" <sip:b@g.org>"));
        check(
            alice,
            Some("\"in quotes\""),
            "",
            Some("\"in quotes\" <sip:alice@a.com>"),
        );
        check(
            alice,
            Some("a \"b\" \\"),
            "",
            Some("\"a \\\"b\\\" \\\\\" <sip:alice@a.com>"),
        );
        check(
            alice,
            Some("\"a\\\"b\""),
            "",
            Some("\"a\\\"b\" <sip:alice@a.com>"),
        );
        check(
            alice,
            Some("\"open\\\""),
            "",
            Some("\"open\\\\\" <sip:alice@a.com>"),
        );
        check("sip:a@b.c", None, "tel:+12", Some("<tel:+12>"));
        check("sip:a@b.c", Some("x"), "", Some("\"x\" <sip:a@b.c>"));
        check(alice, Some("two\r\nlines"), "", None);
        check(alice, None, "nonsense", None);
        check(alice, None, "sip:a@b>;tag=x", None);
        check(alice, None, "sip:a b@c", None);
    }
}
