use super::*;
use crate::Frame;
use expect_test::{Expect, expect};

const INVITE: &str = "\
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP a;branch=z9hG4bKa;rport, SIP/2.0/UDP b;branch=z9hG4bKb
Route: <sip:one;lr>, <sip:two;lr> ,<sip:three;lr>
Max-Forwards: 70
From: <sip:alice@example.com>;tag=1
To: <sip:bob@example.com>
Call-ID: x
CSeq: 1 INVITE
Content-Type: text/plain
Content-Length: 5

hello";

fn message() -> Message {
    Message::parse(Frame::copy_of(INVITE.replace('\n', "\r\n").as_bytes())).expect("parses")
}

/// Applies `edit` and lists the lines that differ.
fn check(edit: impl Fn(&Message, &mut Draft), expected: Expect) {
    let message = message();
    let mut draft = Draft::new();
    edit(&message, &mut draft);
    let mut out = Vec::new();
    draft.write(&message, &mut out);
    let written = String::from_utf8(out).unwrap();
    assert!(!written.replace("\r\n", "").contains(['\r', '\n']) || written.contains("\r\n\r\n"));
    let written = written.replace("\r\n", "\n");
    let mut listing = String::new();
    for line in INVITE
        .lines()
        .filter(|line| !written.lines().any(|other| other == *line))
    {
        listing += &format!("-{line}\n");
    }
    for line in written
        .lines()
        .filter(|line| !INVITE.lines().any(|other| other == *line))
    {
        listing += &format!("+{line}\n");
    }
    expected.assert_eq(&listing);
    // A copy, and a draft used again, write the same.
    let mut copy = Draft::new();
    copy.append_header(b"X-Old: 1");
    copy.copy_from(&draft);
    draft.clear();
    edit(&message, &mut draft);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    copy.write(&message, &mut first);
    draft.write(&message, &mut second);
    assert_eq!(first, second);
}

fn line(message: &Message, name: HeaderName) -> Span {
    message.header(name).unwrap().line
}

fn value(message: &Message, name: HeaderName) -> Span {
    message.header(name).unwrap().value_span
}

#[test]
fn without_edits_nothing_changes() {
    let message = message();
    let mut out = Vec::new();
    Draft::new().write(&message, &mut out);
    assert_eq!(out, message.bytes());
}

#[test]
fn sets_the_request_uri_and_says_it() {
    let message = message();
    let mut draft = Draft::new();
    assert_eq!(
        draft.effective_request_uri(&message),
        b"sip:bob@example.com"
    );
    draft.set_request_uri(b"sip:x");
    draft.set_request_uri(b"sip:bob@10.0.0.1");
    assert_eq!(draft.effective_request_uri(&message), b"sip:bob@10.0.0.1");
    check(
        |_, draft| {
            draft.set_request_uri(b"sip:x");
            draft.set_request_uri(b"sip:bob@10.0.0.1");
        },
        expect![[r#"
            -INVITE sip:bob@example.com SIP/2.0
            +INVITE sip:bob@10.0.0.1 SIP/2.0
        "#]],
    );
}

#[test]
fn prepends_in_reverse_and_appends_in_order() {
    check(
        |message, draft| {
            draft.append_header(b"X-A: 1\r\n");
            draft.prepend_header(b"Record-Route: <sip:me;lr>");
            draft.prepend_header(b"Via: SIP/2.0/UDP me;branch=z9hG4bKme");
            draft.insert_header_before(line(message, HeaderName::Via), b"X-Before: 1");
            draft.insert_header_after(line(message, HeaderName::ContentLength), b"X-After: 1");
            draft.append_header(b"X-B: 2\n");
            draft.append_header(b"\r\n");
        },
        expect![[r#"
            +Via: SIP/2.0/UDP me;branch=z9hG4bKme
            +Record-Route: <sip:me;lr>
            +X-Before: 1
            +X-After: 1
            +X-A: 1
            +X-B: 2
        "#]],
    );
}

#[test]
fn sets_max_forwards_where_it_stands_or_adds_it() {
    check(
        |_, draft| draft.set_max_forwards(9),
        expect![[r#"
            -Max-Forwards: 70
            +Max-Forwards: 9
        "#]],
    );
    check(
        |message, draft| {
            draft.remove_headers(message, HeaderName::MaxForwards);
            draft.set_max_forwards(9);
        },
        expect![[r#"
            -Max-Forwards: 70
            +Max-Forwards: 9
        "#]],
    );
}

#[test]
fn removes_elements_from_the_front() {
    check(
        |message, draft| assert!(draft.remove_first_of_list(message, HeaderName::Route)),
        expect![[r#"
            -Route: <sip:one;lr>, <sip:two;lr> ,<sip:three;lr>
            +Route: <sip:two;lr> ,<sip:three;lr>
        "#]],
    );
    check(
        |message, draft| {
            assert!(draft.remove_first_of_list(message, HeaderName::Route));
            assert!(draft.remove_first_of_list(message, HeaderName::Route));
        },
        expect![[r#"
            -Route: <sip:one;lr>, <sip:two;lr> ,<sip:three;lr>
            +Route: <sip:three;lr>
        "#]],
    );
    check(
        |message, draft| {
            for left in [true, true, true, false] {
                assert_eq!(draft.remove_first_of_list(message, HeaderName::Route), left);
            }
        },
        expect![[r#"
            -Route: <sip:one;lr>, <sip:two;lr> ,<sip:three;lr>
        "#]],
    );
}

#[test]
fn removes_elements_in_any_order_without_a_comma_left_over() {
    for (order, left) in [
        (&[1][..], "Route: <sip:one;lr>, <sip:three;lr>"),
        (&[2], "Route: <sip:one;lr>, <sip:two;lr>"),
        (&[1, 2], "Route: <sip:one;lr>"),
        (&[2, 1], "Route: <sip:one;lr>"),
        (&[2, 0], "Route: <sip:two;lr>"),
        (&[0, 2], "Route: <sip:two;lr>"),
        (&[1, 0, 2, 2], ""),
    ] {
        let message = message();
        let spans: Vec<Span> = message.routes().map(|route| route.span).collect();
        let mut draft = Draft::new();
        order
            .iter()
            .for_each(|&at: &usize| draft.remove_element(&message, spans[at]));
        let mut out = Vec::new();
        draft.write(&message, &mut out);
        let written = String::from_utf8(out).unwrap();
        let route = written
            .lines()
            .find(|line| line.starts_with("Route"))
            .unwrap_or_default();
        assert_eq!(route, left, "{order:?}");
    }
}

#[test]
fn a_removal_takes_the_edits_inside() {
    for removal_first in [true, false] {
        check(
            |message, draft| {
                let steps: [&dyn Fn(&mut Draft); 2] = [
                    &|draft| draft.delete(line(message, HeaderName::CallId)),
                    &|draft| draft.replace(value(message, HeaderName::CallId), b"y"),
                ];
                steps[usize::from(!removal_first)](draft);
                steps[usize::from(removal_first)](draft);
            },
            expect![[r#"
                -Call-ID: x
            "#]],
        );
    }
}

#[test]
fn of_two_replacements_the_later_stands() {
    check(
        |message, draft| {
            draft.replace(value(message, HeaderName::CallId), b"y");
            draft.replace(value(message, HeaderName::CallId), b"z");
        },
        expect![[r#"
            -Call-ID: x
            +Call-ID: z
        "#]],
    );
}

#[test]
fn overlapping_removals_remove_their_union() {
    check(
        |message, draft| {
            let line = line(message, HeaderName::CSeq);
            draft.delete(Span {
                start: line.start + 4,
                end: line.start + 9,
            });
            draft.delete(Span {
                start: line.start + 6,
                end: line.start + 12,
            });
            draft.insert(line.start + 12, b"!");
        },
        expect![[r#"
            -CSeq: 1 INVITE
            +CSeq!TE
        "#]],
    );
}

#[test]
fn a_new_body_brings_its_length_and_type() {
    check(
        |_, draft| draft.set_body(b"application/sdp", b"v=0 and more"),
        expect![[r#"
            -Content-Type: text/plain
            -Content-Length: 5
            -hello
            +Content-Type: application/sdp
            +Content-Length: 12
            +v=0 and more
        "#]],
    );
    check(
        |_, draft| draft.set_body(b"", b""),
        expect![[r#"
            -Content-Type: text/plain
            -Content-Length: 5
            -hello
            +Content-Length: 0
        "#]],
    );
}

#[test]
fn edits_in_the_body_are_counted() {
    check(
        |message, draft| {
            let body = message.body_span();
            draft.replace(
                Span {
                    start: body.start,
                    end: body.start + 1,
                },
                b"J",
            );
            draft.insert(body.end, b" there");
        },
        expect![[r#"
            -Content-Length: 5
            -hello
            +Content-Length: 11
            +Jello there
        "#]],
    );
    check(
        |message, draft| {
            draft.remove_headers(message, HeaderName::ContentLength);
            draft.insert(message.body_span().end, b"!");
        },
        expect![[r#"
            -Content-Length: 5
            -hello
            +Content-Length: 6
            +hello!
        "#]],
    );
}

#[test]
fn changes_method_in_both_places() {
    check(
        |_, draft| draft.set_method(b"OPTIONS"),
        expect![[r#"
            -INVITE sip:bob@example.com SIP/2.0
            -CSeq: 1 INVITE
            +OPTIONS sip:bob@example.com SIP/2.0
            +CSeq: 1 OPTIONS
        "#]],
    );
}

#[test]
fn stamps_the_top_via_only() {
    check(
        |message, draft| draft.stamp_received(message, "10.0.0.9:5090".parse().unwrap()),
        expect![[r#"
            -Via: SIP/2.0/UDP a;branch=z9hG4bKa;rport, SIP/2.0/UDP b;branch=z9hG4bKb
            +Via: SIP/2.0/UDP a;branch=z9hG4bKa;received=10.0.0.9;rport=5090, SIP/2.0/UDP b;branch=z9hG4bKb
        "#]],
    );
}

#[test]
fn rewrites_a_status_line() {
    let text = "SIP/2.0 603 Decline\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";
    let message = Message::parse(Frame::copy_of(text.as_bytes())).unwrap();
    let mut draft = Draft::new();
    draft.set_status(480, b"Temporarily Unavailable");
    draft.remove_first_of_list(&message, HeaderName::Via);
    draft.require_content_length();
    let mut out = Vec::new();
    draft.write(&message, &mut out);
    expect![[r#"
        SIP/2.0 480 Temporarily Unavailable
        From: <sip:a@b>;tag=1
        To: <sip:a@b>;tag=2
        Call-ID: x
        CSeq: 1 INVITE
        Content-Length: 0

    "#]]
    .assert_eq(&String::from_utf8(out).unwrap().replace("\r\n", "\n"));
}

#[test]
fn nonsense_never_panics_and_an_overfull_draft_says_so() {
    let message = message();
    let mut draft = Draft::new();
    let mut seed = 1_u32;
    for round in 0..2_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (start, end) = ((seed >> 16) as u16 % 600, (seed & 0xffff) as u16 % 600);
        draft.replace(Span { start, end }, b"xyz");
        if round % 50 == 0 {
            let mut out = Vec::new();
            draft.set_max_forwards(round as u8);
            draft.write(&message, &mut out);
            draft.clear();
        }
    }
    assert!(!draft.is_overfull());
    for at in 0..600 {
        draft.insert(at, b"x");
    }
    assert!(draft.is_overfull());
    draft.clear();
    assert!(!draft.is_overfull());
}
