//! The same work done by each parser: into a list of headers, and with every core header typed:
//! Request-URI, Via, From, To, Call-ID, CSeq, Max-Forwards, Contact, Content-Length.

use std::hint::black_box;

use parser::Message;

/// A message of the testdata.
pub fn message(name: &str) -> Vec<u8> {
    let text = match name {
        "invite" => include_str!("../../testdata/invite.sip"),
        _ => include_str!("../../testdata/ok.sip"),
    };
    text.replace('\n', "\r\n").into_bytes()
}

/// Every core header of our message as a value with its parts.
pub fn ours_typed(message: &Message) {
    if message.is_request() {
        black_box(parser::Uri::parse(message.request_uri()).expect("a URI"));
    }
    black_box(message.top_via());
    let (from, to) = (message.from(), message.to());
    black_box((from.uri().expect("a URI"), from.tag()));
    black_box((to.uri().expect("a URI"), to.tag()));
    black_box((
        message.call_id(),
        message.cseq(),
        message.max_forwards(),
        message.content_length(),
    ));
    for contact in message.contacts() {
        black_box(contact.value.uri().expect("a URI"));
    }
}

/// `ezk-sip-types` into a start line and headers.
pub fn ezk_index(
    bytes: &bytes::Bytes,
) -> (ezk_sip_types::msg::MessageLine, ezk_sip_types::Headers) {
    use ezk_sip_types::{Headers, msg, parse::Parse as _};
    let mut lines = msg::PullParser::new(bytes, 0);
    let first =
        std::str::from_utf8(lines.next().expect("a line").expect("complete")).expect("text");
    let (_, first) = msg::MessageLine::parse(bytes)(first).expect("a start line");
    let mut headers = Headers::new();
    for line in lines {
        let line = std::str::from_utf8(line.expect("complete")).expect("text");
        let (_, line) = msg::Line::parse(bytes, line).expect("a header");
        headers.insert(line.name, line.value);
    }
    (first, headers)
}

/// The same with every core header typed.
pub fn ezk_typed(bytes: &bytes::Bytes, is_request: bool) {
    use ezk_sip_types::Name;
    use ezk_sip_types::header::typed::{
        CSeq, CallID, Contact, ContentLength, FromTo, MaxForwards, Via,
    };
    let (first, headers) = ezk_index(bytes);
    black_box(first);
    black_box(headers.get_named::<Via>().expect("Via"));
    black_box(headers.get::<FromTo>(Name::FROM).expect("From"));
    black_box(headers.get::<FromTo>(Name::TO).expect("To"));
    black_box(headers.get_named::<CallID>().expect("Call-ID"));
    black_box(headers.get_named::<CSeq>().expect("CSeq"));
    if is_request {
        black_box(headers.get_named::<MaxForwards>().expect("Max-Forwards"));
    }
    black_box(headers.get_named::<Contact>().expect("Contact"));
    black_box(
        headers
            .get_named::<ContentLength>()
            .expect("Content-Length"),
    );
}

/// `rsip` with every core header typed.
pub fn rsip_typed(bytes: &[u8]) {
    use rsip::headers::ToTypedHeader as _;
    use rsip::message::HeadersExt as _;
    let message = rsip::SipMessage::try_from(bytes).expect("parses");
    black_box(message.via_header().expect("Via").typed().expect("typed"));
    black_box(message.from_header().expect("From").typed().expect("typed"));
    black_box(message.to_header().expect("To").typed().expect("typed"));
    black_box(message.call_id_header().expect("Call-ID"));
    black_box(message.cseq_header().expect("CSeq").typed().expect("typed"));
    black_box(message.max_forwards_header().ok());
    black_box(
        message
            .contact_header()
            .expect("Contact")
            .typed()
            .expect("typed"),
    );
    black_box(message);
}

/// `rsipstack` with every core header typed.
pub fn rsipstack_typed(bytes: &[u8]) {
    use rsipstack::sip::{HeadersExt as _, ToTypedHeader as _};
    let message = rsipstack::sip::SipMessage::try_from(bytes).expect("parses");
    black_box(message.via_header().expect("Via").typed().expect("typed"));
    black_box(message.from_header().expect("From").typed().expect("typed"));
    black_box(message.to_header().expect("To").typed().expect("typed"));
    black_box(message.call_id_header().expect("Call-ID"));
    black_box(message.cseq_header().expect("CSeq").typed().expect("typed"));
    black_box(message.max_forwards_header().ok());
    black_box(
        message
            .contact_header()
            .expect("Contact")
            .typed()
            .expect("typed"),
    );
    black_box(message);
}
