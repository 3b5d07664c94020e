use super::*;
use crate::{Frame, Message};
use expect_test::{Expect, expect};

const INVITE: &str = "\
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;rport, SIP/2.0/UDP b
Record-Route: <sip:p;lr>
v: SIP/2.0/UDP c
Route: <sip:one;lr>,
 <sip:two;lr>
Route: <sip:three;lr>
Max-Forwards: 9
f: Alice <sip:alice@example.com>;tag=1
t: <sip:bob@example.com>
Call-ID: x
CSeq: 7 INVITE
Timestamp: 54
Content-Length: 4

body";

fn parse(text: &str) -> Message {
    match Message::parse(Frame::copy_of(text.replace('\n', "\r\n").as_bytes())) {
        Ok(message) => message,
        Err(rejected) => rejected.message,
    }
}

fn check(written: &[u8], expected: Expect) {
    let mut message = Message::parse(Frame::copy_of(written)).expect("what we write parses");
    assert_eq!(message.check(), Ok(()));
    expected.assert_eq(&String::from_utf8_lossy(written).replace("\r\n", "\n"));
}

#[test]
fn a_response_copies_what_it_must() {
    let mut out = Vec::new();
    let response = Response {
        code: 200,
        to_tag: Some(b"ours"),
        record_route: true,
        source: Some("10.0.0.9:5090".parse().unwrap()),
        headers: b"Contact: <sip:me@10.0.0.1>\r\n",
        content_type: b"text/plain",
        body: b"hello",
        ..Response::default()
    };
    response.write(&parse(INVITE), &mut out);
    check(
        &out,
        expect![[r#"
        SIP/2.0 200 OK
        Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;received=10.0.0.9;rport=5090, SIP/2.0/UDP b
        v: SIP/2.0/UDP c
        Record-Route: <sip:p;lr>
        f: Alice <sip:alice@example.com>;tag=1
        t: <sip:bob@example.com>;tag=ours
        Call-ID: x
        CSeq: 7 INVITE
        Contact: <sip:me@10.0.0.1>
        Content-Type: text/plain
        Content-Length: 5

        hello"#]],
    );
}

#[test]
fn a_100_carries_the_timestamp_and_no_tag() {
    let mut out = Vec::new();
    Response {
        code: 100,
        ..Response::default()
    }
    .write(&parse(INVITE), &mut out);
    check(
        &out,
        expect![[r#"
        SIP/2.0 100 Trying
        Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;rport, SIP/2.0/UDP b
        v: SIP/2.0/UDP c
        f: Alice <sip:alice@example.com>;tag=1
        t: <sip:bob@example.com>
        Call-ID: x
        CSeq: 7 INVITE
        Timestamp: 54
        Content-Length: 0

    "#]],
    );
}

#[test]
fn a_tag_that_is_there_stays() {
    let mut out = Vec::new();
    let request = parse(&INVITE.replace(
        "t: <sip:bob@example.com>",
        "t: <sip:bob@example.com>;tag=theirs",
    ));
    Response {
        code: 481,
        to_tag: Some(b"ours"),
        ..Response::default()
    }
    .write(&request, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("tag=theirs\r\n") && !text.contains("ours"));
}

#[test]
fn a_rejected_request_is_answered_with_what_it_had() {
    let mut out = Vec::new();
    let request = parse(
        &INVITE
            .replace("t: <sip:bob@example.com>\n", "")
            .replace("v: SIP", "nonsense"),
    );
    Response {
        code: 400,
        reason: b"No To\r\nX-Forged: \0 1\r\n",
        to_tag: Some(b"x"),
        ..Response::default()
    }
    .write(&request, &mut out);
    expect![[r#"
        SIP/2.0 400 No To  X-Forged:   1
        Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;rport, SIP/2.0/UDP b
        f: Alice <sip:alice@example.com>;tag=1
        Call-ID: x
        CSeq: 7 INVITE
        Content-Length: 0

    "#]]
    .assert_eq(&String::from_utf8(out).unwrap().replace("\r\n", "\n"));
}

#[test]
fn an_ack_is_made_of_the_invite_and_the_responses_to() {
    let response = INVITE
        .replace(
            "INVITE sip:bob@example.com SIP/2.0",
            "SIP/2.0 486 Busy Here",
        )
        .replace(
            "t: <sip:bob@example.com>",
            "t: <sip:bob@example.com>;tag=busy",
        );
    let mut out = Vec::new();
    write_ack(
        INVITE.replace('\n', "\r\n").as_bytes(),
        &parse(&response),
        &mut out,
    )
    .unwrap();
    check(
        &out,
        expect![[r#"
        ACK sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;rport
        Route: <sip:one;lr>,
         <sip:two;lr>
        Route: <sip:three;lr>
        Max-Forwards: 70
        From: Alice <sip:alice@example.com>;tag=1
        To: <sip:bob@example.com>;tag=busy
        Call-ID: x
        CSeq: 7 ACK
        Content-Length: 0

    "#]],
    );
}

#[test]
fn a_cancel_has_the_top_via_and_the_routes_of_its_request() {
    let mut out = Vec::new();
    write_cancel(INVITE.replace('\n', "\r\n").as_bytes(), &mut out).unwrap();
    check(
        &out,
        expect![[r#"
        CANCEL sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP a:5070;branch=z9hG4bKa;rport
        Route: <sip:one;lr>,
         <sip:two;lr>
        Route: <sip:three;lr>
        Max-Forwards: 70
        From: Alice <sip:alice@example.com>;tag=1
        To: <sip:bob@example.com>
        Call-ID: x
        CSeq: 7 CANCEL
        Content-Length: 0

    "#]],
    );
}

#[test]
fn what_is_no_request_leaves_the_buffer_as_it_was() {
    let mut out = b"before".to_vec();
    assert!(write_cancel(b"nothing", &mut out).is_err());
    assert!(
        write_cancel(
            b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n",
            &mut out
        )
        .is_err()
    );
    assert_eq!(out, b"before");
}

#[test]
fn a_request_is_written_line_by_line() {
    let mut out = Vec::new();
    let mut request = RequestWriter::new(&mut out, b"OPTIONS", b"sip:a@b");
    request
        .header("Via", &[b"SIP/2.0/UDP h;branch=", b"z9hG4bK1"])
        .number("Max-Forwards", 70);
    request.lines(b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n");
    request.finish(b"", b"");
    check(
        &out,
        expect![[r#"
        OPTIONS sip:a@b SIP/2.0
        Via: SIP/2.0/UDP h;branch=z9hG4bK1
        Max-Forwards: 70
        From: <sip:a@b>;tag=1
        To: <sip:a@b>
        Call-ID: x
        CSeq: 1 OPTIONS
        Content-Length: 0

    "#]],
    );
}

#[test]
fn an_empty_via_on_top_is_copied_and_nothing_runs_into_the_next() {
    let request = "OPTIONS sip:a@b SIP/2.0\r\nVia:\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let request = Message::parse(Frame::copy_of(request.as_bytes())).unwrap();
    let mut out = Vec::new();
    let source = Some("10.0.0.1:5060".parse().unwrap());
    Response {
        code: 400,
        source,
        ..Response::default()
    }
    .write(&request, &mut out);
    // Malformed as the request is, and line by line at least.
    expect![[r#"
            SIP/2.0 400 Bad Request
            Via:
            Via: SIP/2.0/UDP h;branch=z9hG4bK1
            From: <sip:a@b>;tag=1
            To: <sip:a@b>
            Call-ID: x
            CSeq: 1 OPTIONS
            Content-Length: 0

        "#]]
    .assert_eq(&String::from_utf8(out).unwrap().replace("\r\n", "\n"));
}
