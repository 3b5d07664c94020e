//! Bytes as one datagram: every reader runs, nothing panics, and what parses writes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parser::header::{
    date::Date, event::Event, media_type::MediaType, rack::RAck, reason::Reason, replaces::Replaces,
    retry_after::RetryAfter, session_expires::SessionExpires, subscription_state::SubscriptionState,
    token_list::TokenList,
};
use parser::{CSeq, Credentials, Draft, Fault, Frame, HeaderName, Message, NameAddr, Peek, Response, Uri, Via};

fuzz_target!(|bytes: &[u8]| {
    let peek = Peek::read(bytes);
    let message = match Message::parse(Frame::copy_of(bytes)) {
        Ok(mut message) => {
            written_back(&message);
            if message.check().is_ok() {
                accessors_hold(&message, &peek);
            }
            message
        }
        Err(rejected) => {
            let _ = rejected.fault.to_string();
            rejected.message
        }
    };
    read_everything(&message);
    edit(&message, bytes);
    answer(&message);
    values(bytes);
});

fn written_back(message: &Message) {
    let mut out = Vec::new();
    Draft::new().write(message, &mut out);
    assert_eq!(out, message.bytes());
    let again = Message::parse(Frame::copy_of(&out)).expect("what parsed parses again");
    assert_eq!(again.headers().count(), message.headers().count());
    assert_eq!(again.judge(), message.judge());
}

/// A message that passed `check` has what its accessors promise, and `Peek` saw the same.
fn accessors_hold(message: &Message, peek: &Peek<'_>) {
    assert!(!message.call_id().is_empty());
    assert!(message.from().uri().is_ok() && message.to().uri().is_ok());
    assert!(message.vias().next().is_some());
    assert!(message.cseq().method == message.method());
    assert_eq!(peek.call_id, Some(message.call_id()));
    assert_eq!(peek.is_response, !message.is_request());
    let branch = message.top_via().branch();
    assert_eq!(peek.branch.unwrap_or_default(), branch);
    let indexed = Peek::from(message);
    assert_eq!((indexed.call_id, indexed.is_response, indexed.route), (peek.call_id, peek.is_response, peek.route));
    assert_eq!(indexed.branch, peek.branch.filter(|_| peek.is_response));
    kept_as_read(message);
    if message.is_request() {
        assert_eq!(peek.route, message.header(HeaderName::Route).map(|field| field.value));
    }
}

/// What `check` kept is what is read of the bytes.
fn kept_as_read(message: &Message) {
    let fresh = Message::parse(Frame::copy_of(message.bytes())).expect("what parsed parses again");
    assert_eq!(message.top_via_element(), fresh.top_via_element());
    assert_eq!((message.from(), message.to()), (fresh.from(), fresh.to()));
    assert_eq!((message.from_tag(), message.to_tag()), (fresh.from_tag(), fresh.to_tag()));
    assert_eq!(message.has_second_via(), fresh.vias().nth(1).is_some());
}

fn read_everything(message: &Message) {
    let bytes = message.bytes();
    for field in message.headers() {
        assert_eq!(field.value_span.of(bytes), field.value);
        let _ = (field.name.form(), field.line.of(bytes));
        assert!(message.headers_called(field.raw_name).any(|other| other == field));
        for element in message.list(field.name) {
            assert_eq!(element.span.of(bytes), element.raw);
        }
        for element in message.addresses(field.name) {
            assert_eq!(element.span.of(bytes), element.raw);
            assert_eq!(NameAddr::parse(element.raw), Ok(element.value));
        }
    }
    for via in message.vias() {
        assert_eq!(Via::parse(via.raw), Ok(via.value));
    }
    let _ = (message.expires(), message.reason(), message.status(), message.body());
    if let Some(content_type) = message.content_type()
        && let Ok(parts) = parser::multipart::parts(content_type, message.body())
    {
        parts.for_each(drop);
    }
    if let Ok(sdp) = parser::sdp::Sdp::parse(message.body(), message.body_span().start) {
        let mut draft = Draft::new();
        sdp.replace_connections([10, 0, 0, 1].into(), &mut draft);
        sdp.replace_origin_address([10, 0, 0, 1].into(), &mut draft);
        for media in sdp.media() {
            media.replace_port(4_000, &mut draft);
            media.remove_formats(&mut draft, |format| format.len() > 1);
            media.format_list().for_each(|format| assert!(media.codec_name(format).is_none_or(|name| name.len() < 65_536)));
        }
        let mut out = Vec::new();
        draft.write(message, &mut out);
    }
}

/// Edits anywhere; with the body edited, the Content-Length is right.
fn edit(message: &Message, bytes: &[u8]) {
    let mut draft = Draft::new();
    for pair in bytes.chunks_exact(4).take(8) {
        let start = u16::from_le_bytes([pair[0], pair[1]]) % (bytes.len() as u16 | 1);
        let end = start.saturating_add(u16::from(pair[2]));
        draft.replace(parser::Span { start, end }, &pair[3..]);
    }
    let mut out = Vec::new();
    draft.write(message, &mut out);
    draft.clear();
    for name in [HeaderName::Via, HeaderName::Route, HeaderName::Contact] {
        while draft.remove_first_of_list(message, name) {}
    }
    draft.prepend_header(b"Via: SIP/2.0/UDP me;branch=z9hG4bKme");
    draft.set_max_forwards(1);
    draft.set_request_uri(b"sip:x@y");
    draft.set_body(b"text/plain", b"body");
    out.clear();
    draft.write(message, &mut out);
    if message.is_request()
        && Message::parse(Frame::copy_of(message.bytes())).is_ok_and(|message| message.check().is_ok())
        && let Ok(written) = Message::parse(Frame::copy_of(&out))
    {
        assert_eq!(written.body(), b"body");
        assert_eq!(written.vias().count(), 1);
        assert_eq!(written.routes().count(), 0);
        assert_eq!(written.max_forwards(), Some(1));
    }
}

fn answer(message: &Message) {
    let mut out = Vec::new();
    let source = Some("10.0.0.1:5060".parse().expect("an address"));
    Response { code: 400, to_tag: Some(b"t"), source, ..Response::default() }.write(message, &mut out);
    if message.check().is_ok()
        && message.is_request()
        && out.len() < 60_000
        && Message::parse(Frame::copy_of(message.bytes())).is_ok()
    {
        let response = Message::parse(Frame::copy_of(&out)).expect("our own response parses");
        assert_eq!(response.check(), Ok(()));
        assert!(response.to_tag().is_some());
        let (mut ack, mut cancel) = (Vec::new(), Vec::new());
        parser::writer::write_ack(message.bytes(), &response, &mut ack).expect("from a request that is well-formed");
        parser::writer::write_cancel(message.bytes(), &mut cancel).expect("from a request that is well-formed");
    }
}

/// Each value: what parses writes back, and reads the same.
fn values(bytes: &[u8]) {
    macro_rules! back {
        ($($value:ident)*) => {$({
            let parsed: Result<_, Fault> = $value::parse(bytes);
            if let Ok(value) = parsed {
                let mut written = Vec::new();
                value.write(&mut written);
                assert_eq!($value::parse(&written), Ok(value), "{}", written.escape_ascii());
            }
        })*};
    }
    back!(Via NameAddr CSeq Credentials Date Event MediaType RAck Reason Replaces RetryAfter);
    back!(SessionExpires SubscriptionState TokenList);
    if let Ok(uri) = Uri::parse(bytes) {
        let mut written = Vec::new();
        uri.write(&mut written);
        let again = Uri::parse(&written).expect("written by us");
        assert_eq!((again.user, again.host, again.port, again.params), (uri.user, uri.host, uri.port, uri.params));
        let few = uri.params.iter().count() < 60 && uri.header_fields().count() < 60;
        let distinct = {
            let mut names: Vec<_> = uri.params.iter().map(|param| param.name.to_ascii_lowercase()).collect();
            names.sort();
            names.windows(2).all(|pair| pair[0] != pair[1])
        };
        assert!(!few || !distinct || uri.params.raw().contains(&b'%') || uri.equivalent(&uri), "equals itself");
    }
}
