//! `Peek`: only what chooses a shard.
//!
//! Reads the Call-ID, the top Via's branch and the first Route, and stops at the blank line or at
//! `HEAD_BYTES_MAX`. It judges nothing: what is malformed is simply not found.

use crate::grammar;
use crate::limits::HEAD_BYTES_MAX;
use crate::scan::Breaks;
use crate::{HeaderName, Message, Params};

/// What chooses the shard of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peek<'a> {
    /// Whether it begins as a response (`SIP/`). Else it is taken for a request.
    pub is_response: bool,
    /// The value of the first Call-ID (also `i`).
    pub call_id: Option<&'a [u8]>,
    /// The branch of the top Via, as written.
    pub branch: Option<&'a [u8]>,
    /// The raw value of the first Route header line; not looked for in a response, which its
    /// branch leads home.
    pub route: Option<&'a [u8]>,
}

impl<'a> Peek<'a> {
    /// Reads what it finds.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let bytes = without_leading_breaks(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]);
        let is_response = bytes
            .get(..4)
            .is_some_and(|front| front.eq_ignore_ascii_case(b"SIP/"));
        let mut peek = Self {
            is_response,
            ..Self::default()
        };
        let mut via = None;
        let mut feeds = Breaks::new(bytes);
        // The start line is no header, whatever it looks like.
        let mut wanted = None;
        loop {
            let end = logical_end(bytes, &mut feeds);
            if let Some((name, value)) = wanted {
                let slot = match name {
                    Wanted::CallId => &mut peek.call_id,
                    Wanted::Via => &mut via,
                    Wanted::Route => &mut peek.route,
                };
                slot.get_or_insert(grammar::trim(&bytes[value..end]));
                if is_response && via.is_some() && peek.call_id.is_some() {
                    break;
                }
            }
            let at = end + 2;
            match bytes.get(at) {
                None | Some(b'\r') => break, // the blank line
                Some(_) => wanted = Wanted::at(bytes, at),
            }
        }
        if is_response {
            peek.route = None;
        }
        peek.branch = via.and_then(branch_of);
        peek
    }
}

impl<'a> From<&'a Message> for Peek<'a> {
    /// The same of a message that is indexed already. The branch is looked for in a response only, the one that it
    /// leads home.
    fn from(message: &'a Message) -> Self {
        let is_response = message.status().is_some();
        let value = |name| message.header(name).map(|field| field.value);
        Self {
            is_response,
            call_id: value(HeaderName::CallId),
            branch: value(HeaderName::Via)
                .filter(|_| is_response)
                .and_then(branch_of),
            route: value(HeaderName::Route).filter(|_| !is_response),
        }
    }
}

fn without_leading_breaks(bytes: &[u8]) -> &[u8] {
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(bytes.len());
    &bytes[start..]
}

/// The headers that are looked for.
enum Wanted {
    CallId,
    Via,
    Route,
}

impl Wanted {
    /// Which of them begins here, and where its value does.
    ///
    /// The idea: the first eight bytes of a line as one word, its letters folded to lower case by
    /// setting bit 5, compared with the wanted names as words.
    #[inline]
    fn at(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        const CALL_ID: u64 = u64::from_le_bytes(*b"call-id\0");
        const ROUTE: u64 = u64::from_le_bytes(*b"route\0\0\0");
        const VIA: u64 = u64::from_le_bytes(*b"via\0\0\0\0\0");
        let word = match bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(front) => u64::from_le_bytes(*front) | 0x2020_2020_2020_2020,
            None => word_of_last(&bytes[at..]),
        };
        // One branch for most lines.
        if !matches!(word as u8, b'c' | b'i' | b'r' | b'v') {
            return None;
        }
        let first = |len: u32| word & (u64::MAX >> (64 - 8 * len));
        let (len, wanted) = if first(7) == CALL_ID {
            // Bit 5 makes a `-` of a CR too.
            if bytes.get(at + 4) != Some(&b'-') {
                return None;
            }
            (7, Self::CallId)
        } else if first(3) == VIA {
            (3, Self::Via)
        } else if first(5) == ROUTE {
            (5, Self::Route)
        } else {
            match word as u8 {
                b'i' => (1, Self::CallId),
                b'v' => (1, Self::Via),
                _ => return None,
            }
        };
        value_at(bytes, at + len).map(|value| (wanted, value))
    }
}

#[cold]
fn word_of_last(rest: &[u8]) -> u64 {
    let mut front = [0; 8];
    front
        .iter_mut()
        .zip(rest)
        .for_each(|(byte, rest)| *byte = *rest);
    u64::from_le_bytes(front) | 0x2020_2020_2020_2020
}

/// Where the value begins, when the name that ends at `colon` is followed by one.
#[inline]
fn value_at(bytes: &[u8], mut colon: usize) -> Option<usize> {
    while let Some(b' ' | b'\t') = bytes.get(colon) {
        colon += 1;
    }
    (bytes.get(colon) == Some(&b':')).then_some(colon + 1)
}

/// The CRLF that ends this line, continuation lines included; a bare CR or LF is none.
#[inline(always)]
fn logical_end(bytes: &[u8], feeds: &mut Breaks<'_, false>) -> usize {
    loop {
        let feed = feeds.next();
        if feed >= bytes.len() {
            return feed;
        }
        if let Some(at) = feed.checked_sub(1)
            && bytes[at] == b'\r'
            && !matches!(bytes.get(feed + 1), Some(b' ' | b'\t'))
        {
            return at;
        }
    }
}

/// The branch of the first Via in this value. Nearly always it is the first parameter and written
/// without blanks; then a word compare finds it.
fn branch_of(via: &[u8]) -> Option<&[u8]> {
    let params = &via[memchr::memchr2(b';', b',', via)?..];
    let branch = match params.split_first_chunk::<8>() {
        Some((front, rest))
            if front.eq_ignore_ascii_case(b";branch=")
                && rest
                    .first()
                    .is_some_and(|&byte| grammar::is(byte, grammar::VALUE)) =>
        {
            &rest[..grammar::run(rest, grammar::VALUE)]
        }
        // Even when a later parameter is malformed, the branch before it counts.
        _ => Params { raw: params }.get(b"branch")?,
    };
    Some(branch).filter(|branch| !branch.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let text = text.replace('\n', "\r\n");
        let peek = Peek::read(text.as_bytes());
        let show = |value: Option<&[u8]>| {
            value.map_or("-".into(), |value| value.escape_ascii().to_string())
        };
        expected.assert_eq(&format!(
            "{} call_id={} branch={} route={}",
            if peek.is_response {
                "response"
            } else {
                "request"
            },
            show(peek.call_id),
            show(peek.branch),
            show(peek.route),
        ));
    }

    #[test]
    fn finds_what_chooses_a_shard() {
        check(
            "INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b;branch=2\nCall-ID: x@y\nRoute: <sip:p;lr>,<sip:q>\nRoute: <sip:r>\n\n",
            expect!["request call_id=x@y branch=z9hG4bK1 route=<sip:p;lr>,<sip:q>"],
        );
        check(
            "SIP/2.0 200 OK\nv: SIP/2.0/UDP a ; BRANCH = b\ni : 7\n\n",
            expect!["response call_id=7 branch=b route=-"],
        );
        check(
            "SIP/2.0 200 OK\nv: SIP/2.0/UDP a;branch= b\ni: 7\n\n",
            expect!["response call_id=7 branch=b route=-"],
        );
        check(
            "SIP/2.0 200 OK\nRoute: <sip:p>\nv: SIP/2.0/UDP a;branch=b\ni: 7\nRoute: <sip:q>\n\n",
            expect!["response call_id=7 branch=b route=-"],
        );
    }

    #[test]
    fn reads_through_folding_and_blanks_before_the_colon() {
        check(
            "INVITE sip:b@h SIP/2.0\nX: 1\n Call-ID: no\nCALL-ID \t:\n  yes\nvIa:\n SIP/2.0/UDP\n a;\n branch=b\nRoute:\n\t<sip:p>,\n <sip:q>\n\n",
            expect![[r#"request call_id=yes branch=b route=<sip:p>,\r\n <sip:q>"#]],
        );
    }

    #[test]
    fn stops_at_the_blank_line() {
        check(
            "INVITE sip:b@h SIP/2.0\nFrom: a\n\nCall-ID: body\n",
            expect!["request call_id=- branch=- route=-"],
        );
    }

    #[test]
    fn takes_no_longer_name_for_a_short_one() {
        check(
            "INVITE sip:b@h SIP/2.0\nVias: x;branch=1\nCall-Info: 1\nRouter: 2\nCall\rID: 6\nid: 3\nRecord-Route: 4\nCall-ID\n\n",
            expect!["request call_id=- branch=- route=-"],
        );
    }

    #[test]
    fn finds_nothing_in_garbage() {
        check("", expect!["request call_id=- branch=- route=-"]);
        check("\n\n\n", expect!["request call_id=- branch=- route=-"]);
        check("SIP/", expect!["response call_id=- branch=- route=-"]);
        check("x\ni:", expect!["request call_id= branch=- route=-"]);
        check(
            "x\nv:;branch",
            expect!["request call_id=- branch=- route=-"],
        );
    }

    #[test]
    fn looks_no_further_than_a_head_may_be_long() {
        let mut long = b"INVITE sip:b@h SIP/2.0\r\nX: ".to_vec();
        long.resize(HEAD_BYTES_MAX, b'x');
        long.extend_from_slice(b"\r\nCall-ID: late\r\n\r\n");
        assert_eq!(Peek::read(&long).call_id, None);
    }
}
