use super::*;
use crate::FaultKind;
use crate::limits::LIST_MAX;
use expect_test::{Expect, expect};

const INVITE: &str = "\
INVITE sip:bob@example.com SIP/2.0
v: SIP/2.0/UDP a;branch=z9hG4bKa , SIP/2.0/UDP b;branch=z9hG4bKb
Max-Forwards: 70
From: \"Alice, A.\" <sip:alice@example.com>;tag=1
To: <sip:bob@example.com>
i: x@y
CSeq: 1 INVITE
VIA:
  SIP/2.0/TCP c
Contact: <sip:a,b@c>;q=0.5, <sip:d@e>
Subject:
X-Thing: 1
Route: <sip:p;lr>
x-thing : 2
l: 4

bodyrest";

fn parse(text: &str) -> Result<Message, Rejected> {
    Message::parse(Frame::copy_of(text.replace('\n', "\r\n").as_bytes()))
}

/// The fault of a message that is `INVITE` with one thing replaced.
fn check(from: &str, to: &str, expected: Expect) {
    assert!(INVITE.contains(from), "{from}");
    let verdict = match parse(&INVITE.replace(from, to)) {
        Err(rejected) => Err(rejected.fault),
        Ok(mut message) => message.check(),
    };
    expected.assert_eq(&match verdict {
        Ok(()) => "well".into(),
        Err(fault) => format!("{:?}: {fault}", fault.status()),
    });
}

#[test]
fn accessors_read_what_is_there() {
    let mut message = parse(INVITE).unwrap();
    assert_eq!(message.check(), Ok(()));
    assert!(message.is_request());
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.request_uri(), b"sip:bob@example.com");
    assert_eq!(message.call_id(), b"x@y");
    assert_eq!(message.from().display, Some(&b"\"Alice, A.\""[..]));
    assert_eq!(
        (message.from_tag(), message.to_tag()),
        (Some(&b"1"[..]), None)
    );
    assert_eq!(
        message.cseq(),
        CSeq {
            number: 1,
            method: Method::Invite
        }
    );
    assert_eq!(message.max_forwards(), Some(70));
    assert_eq!(message.content_length(), Some(4));
    assert_eq!(message.body(), b"body");
    assert!(
        message.bytes().ends_with(b"\r\n\r\nbody"),
        "what follows the body is cut off"
    );
    let branches: Vec<_> = message
        .vias()
        .map(|via| via.value.branch().escape_ascii().to_string())
        .collect();
    assert_eq!(branches, ["z9hG4bKa", "z9hG4bKb", ""]);
    assert_eq!(message.top_via().branch(), b"z9hG4bKa");
    let contacts: Vec<_> = message
        .contacts()
        .map(|contact| contact.value.addr_spec)
        .collect();
    assert_eq!(contacts, [&b"sip:a,b@c"[..], b"sip:d@e"]);
    for contact in message.contacts() {
        assert_eq!(contact.span.of(message.bytes()), contact.raw);
    }
    assert_eq!(
        message.header(HeaderName::Subject).map(|field| field.value),
        Some(&b""[..])
    );
    let things: Vec<_> = message
        .headers_called(b"X-THING")
        .map(|field| field.value)
        .collect();
    assert_eq!(things, [b"1", b"2"]);
    assert_eq!(message.headers_called(b"call-id").count(), 1);
    assert_eq!(message.headers_named(HeaderName::Via).count(), 2);
    assert_eq!(message.headers().count(), 13);
    let lines: Vec<u8> = message
        .headers()
        .flat_map(|field| field.line.of(message.bytes()).to_vec())
        .collect();
    let head =
        &message.bytes()[usize::from(message.start_line().end)..usize::from(message.headers_end())];
    assert_eq!(lines, head, "the lines are the head without gaps");
}

#[test]
fn raw_lists_skip_what_is_empty() {
    let message =
        parse(&INVITE.replace("Subject:", "Supported: , path,,  gruu ,\nSubject:")).unwrap();
    let options: Vec<_> = message
        .list(HeaderName::Supported)
        .map(|option| option.value)
        .collect();
    assert_eq!(options, [&b"path"[..], b"gruu"]);
}

#[test]
fn start_lines() {
    check(
        "SIP/2.0\nv:",
        "SIP/7.0\nv:",
        expect!["Some(505): another version than SIP/2.0 at byte 27"],
    );
    check("SIP/2.0\nv:", "sip/2.0\nv:", expect!["well"]);
    check(
        "INVITE sip:bob",
        "INVITE  sip:bob",
        expect!["Some(400): expected a URI at byte 7"],
    );
    check(
        "SIP/2.0\nv:",
        "SIP/2.0 \nv:",
        expect!["Some(400): expected `SIP/2.0` at byte 27"],
    );
    check(
        "INVITE sip:bob@example.com",
        "INVITE <sip:bob@example.com>",
        expect!["Some(400): expected a scheme at byte 7"],
    );
    check(
        "INVITE sip:bob@example.com SIP/2.0",
        "GET / HTTP/1.1",
        expect!["None: not SIP at byte 0"],
    );
    check(
        "INVITE sip:bob@example.com SIP/2.0",
        "INVITE",
        expect!["None: not SIP at byte 0"],
    );
    check(
        "INVITE sip:bob@example.com SIP/2.0",
        "SIP/2.0 099 No",
        expect!["None: expected a status code at byte 8"],
    );
    check(
        "INVITE sip:bob@example.com SIP/2.0",
        "SIP/2.0 2000 No",
        expect!["None: expected a status code at byte 8"],
    );
    check(
        "INVITE sip:bob@example.com SIP/2.0",
        "SIP/3.0 200 No",
        expect!["None: another version than SIP/2.0 at byte 0"],
    );
}

#[test]
fn mandatory_headers_stand_once() {
    check(
        "To: <sip:bob@example.com>\n",
        "",
        expect!["Some(400): no To header at byte 315"],
    );
    check(
        "To: <sip:bob@example.com>\n",
        "To: <sip:a@b>\nT: <sip:a@b>\n",
        expect!["Some(400): more than one To at byte 184 in To"],
    );
    check(
        "l: 4\n",
        "l: 4\nContent-Length: 4\n",
        expect!["Some(400): more than one Content-Length at byte 342 in Content-Length"],
    );
    check("Max-Forwards: 70\n", "", expect!["well"]);
}

#[test]
fn integers() {
    check(
        "l: 4",
        "l: 9",
        expect!["Some(400): the body ends before Content-Length at byte 339 in Content-Length"],
    );
    check(
        "l: 4",
        "l: -1",
        expect!["Some(400): expected a number at byte 339 in Content-Length"],
    );
    check(
        "l: 4",
        "l: 99999999999999999999",
        expect!["Some(400): expected a number below 4294967296 at byte 339 in Content-Length"],
    );
    check(
        "70",
        "256",
        expect!["Some(400): expected a number below 256 at byte 116 in Max-Forwards"],
    );
    check(
        "1 INVITE",
        "4294967296 INVITE",
        expect!["Some(400): expected a number below 4294967296 at byte 210 in CSeq"],
    );
    check(
        "1 INVITE",
        "1 BYE",
        expect!["Some(400): CSeq names another method than the start line at byte 212 in CSeq"],
    );
    check(
        "INVITE sip:bob",
        "NEWMETHOD sip:bob",
        expect!["Some(501): CSeq names another method than the start line at byte 215 in CSeq"],
    );
}

#[test]
fn lines_of_a_head() {
    check(
        "X-Thing: 1",
        "X-Thing 1",
        expect!["Some(400): expected a header name and a colon at byte 299"],
    );
    check(
        "X-Thing: 1",
        ": 1",
        expect!["Some(400): expected a header name and a colon at byte 292"],
    );
    check(
        "v: SIP",
        " v: SIP",
        expect!["Some(400): expected a header name and a colon at byte 36"],
    );
    check(
        "X-Thing: 1",
        "X-Thing: 1\r2",
        expect!["Some(400): a bare CR or LF at byte 302"],
    );
    check(
        "\n\nbodyrest",
        "\n",
        expect!["Some(400): expected an empty line after the headers at byte 342"],
    );
    check(
        "\n\nbodyrest",
        "",
        expect!["Some(400): expected an empty line after the headers at byte 340"],
    );
}

#[test]
fn a_bare_cr_makes_no_hyphen_of_a_name() {
    // Found by fuzzing: folding the case of eight letters at once makes `-` of CR.
    let rejected = parse(&INVITE.replace("Max-Forwards", "Max\rForwards")).unwrap_err();
    assert_eq!(rejected.fault.kind, FaultKind::StrayLineBreak);
    assert!(rejected.message.header(HeaderName::MaxForwards).is_none());
}

#[test]
fn values() {
    check(
        ", <sip:d@e>",
        ",, <sip:d@e>",
        expect!["Some(400): expected `<` at byte 270 in Contact"],
    );
    check(
        "z9hG4bKa ",
        "z9hG4bK",
        expect!["Some(400): expected a branch after the magic cookie at byte 67 in Via"],
    );
    check(
        "<sip:p;lr>",
        "sip:p;lr",
        expect!["Some(400): expected angle brackets round the URI at byte 311 in Route"],
    );
    check(
        "<sip:p;lr>",
        "<sip:p;lr",
        expect!["Some(400): expected `>` at byte 320 in Route"],
    );
    check(
        "i: x@y",
        "i: x y",
        expect!["Some(400): expected the end of the value at byte 201 in Call-ID"],
    );
    check(
        "i: x@y",
        "i:",
        expect!["Some(400): expected a token at byte 198 in Call-ID"],
    );
    check("sip:bob@example.com SIP", "nobody:bob SIP", expect!["well"]);
    check("Route: <sip:p;lr>\n", "", expect!["well"]);
    check(
        "To: <sip:bob@",
        "To: <sip:bo b@",
        expect!["Some(400): expected `@` at byte 180 in To"],
    );
    check(
        "Subject:",
        "Content-Type: text\nSubject:",
        expect!["Some(400): expected `/` at byte 300 in Content-Type"],
    );
}

#[test]
fn a_route_decides_when_nobody_knows_the_scheme() {
    let odd = INVITE.replace("sip:bob@example.com SIP", "nobody:bob SIP");
    assert_eq!(parse(&odd).unwrap().check(), Ok(()));
    let without = odd.replace("Route: <sip:p;lr>\n", "");
    assert_eq!(
        parse(&without).unwrap().check().unwrap_err().status(),
        Some(416)
    );
    let emergency = without.replace("nobody:bob", "urn:service:sos");
    assert_eq!(parse(&emergency).unwrap().check(), Ok(()));
}

#[test]
fn responses_and_acks_are_never_answered() {
    let fault = parse(&INVITE.replace("INVITE", "ACK").replace("To:", "X:"))
        .unwrap_err()
        .fault;
    assert_eq!(
        (fault.kind, fault.status()),
        (FaultKind::Missing(HeaderName::To), None)
    );
    let response = INVITE.replace("INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
    let fault = parse(&response.replace("To:", "X:")).unwrap_err().fault;
    assert_eq!(
        (fault.kind, fault.status()),
        (FaultKind::Missing(HeaderName::To), None)
    );
}

#[test]
fn a_rejected_message_still_tells_what_it_understood() {
    let rejected = parse(&INVITE.replace("CSeq: 1", "CSeq: one").replace("To:", "To")).unwrap_err();
    assert_eq!(rejected.message.call_id(), b"x@y");
    assert_eq!(rejected.message.vias().count(), 3);
    assert_eq!(
        rejected.message.cseq(),
        CSeq {
            number: 0,
            method: Method::Other(b"")
        }
    );
    assert_eq!(rejected.message.to(), NameAddr::default());
}

#[test]
fn line_breaks_before_the_start_line_are_cut_off() {
    let mut message = parse(&format!("\n\n{INVITE}")).unwrap();
    assert!(message.bytes().starts_with(b"INVITE"));
    assert_eq!(message.check(), Ok(()));
}

#[test]
fn more_than_the_bounds_is_too_large() {
    let many = INVITE.replace("X-Thing: 1\n", &"X: 1\n".repeat(300));
    assert_eq!(parse(&many).unwrap_err().fault.status(), Some(513));
    let long = INVITE.replace("X-Thing: 1\n", &format!("X: {}\n", "1".repeat(40_000)));
    assert_eq!(parse(&long).unwrap_err().fault.status(), Some(513));
    let folded = INVITE.replace("X-Thing: 1", &format!("X-Thing: 1{}", "\n 1".repeat(2_000)));
    assert!(parse(&folded).is_ok());
}

#[test]
fn a_list_may_be_as_long_as_its_bound_and_no_longer() {
    for (name, element) in [
        ("Route", "<sip:p;lr>"),
        ("Record-Route", "<sip:p;lr>"),
        ("Path", "<sip:p;lr>"),
        ("Via", "SIP/2.0/UDP d"),
    ] {
        let of = |count: usize| {
            let there = parse(INVITE)
                .unwrap()
                .list(HeaderName::of(name.as_bytes()))
                .count();
            let line = format!("{name}: {}\n", vec![element; count - there].join(","));
            parse(&INVITE.replace("Subject:\n", &line)).unwrap().check()
        };
        assert_eq!(of(LIST_MAX), Ok(()), "{name}");
        let fault = of(LIST_MAX + 1).unwrap_err();
        assert_eq!(fault.status(), Some(513), "{name}");
    }
}

#[test]
fn quotes_that_stay_open_cost_one_look_each() {
    // The square of 30,000 bytes is half a billion steps; this is a moment.
    let value = format!("a,\"{},b", "\\\"".repeat(15_000));
    let message = parse(&INVITE.replace("Subject:", &format!("Supported: {value}"))).unwrap();
    let elements: Vec<_> = message
        .list(HeaderName::Supported)
        .map(|one| one.raw)
        .collect();
    assert_eq!((elements.len(), elements[2]), (3, &b"b"[..]));
}

#[test]
fn an_empty_line_on_top_of_the_vias_is_malformed() {
    check(
        "v: SIP/2.0/UDP a;",
        "v:\nv: SIP/2.0/UDP a;",
        expect!["Some(400): expected `SIP/2.0` at byte 38 in Via"],
    );
    check(
        "VIA:\n  SIP/2.0/TCP c",
        "VIA:\nVIA: SIP/2.0/TCP c",
        expect!["well"],
    );
}

#[test]
fn a_message_may_go_to_another_thread_and_costs_nothing_to_move() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Message>();
    is_send::<Frame>();
    assert!(size_of::<Message>() <= 32);
}
