//! The parser beside `rsip`, `rsipstack` and `ezk-sip-types`, on the same messages in the same run.
//!
//! Three depths: what chooses a shard (only we have that), the index (their plain parse into a list of
//! headers), and every core header typed: Request-URI, Via, From, To, Call-ID, CSeq, Max-Forwards,
//! Contact, Content-Length, each as a value with its parts.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parser::{Frame, Message, Peek};

fn message(name: &str) -> Vec<u8> {
    let text = match name {
        "invite" => include_str!("../../testdata/invite.sip"),
        _ => include_str!("../../testdata/ok.sip"),
    };
    text.replace('\n', "\r\n").into_bytes()
}

fn ours_typed(message: &Message) {
    if message.is_request() {
        black_box(parser::Uri::parse(message.request_uri()).expect("a URI"));
    }
    black_box(message.top_via());
    let (from, to) = (message.from(), message.to());
    black_box((from.uri().expect("a URI"), from.tag()));
    black_box((to.uri().expect("a URI"), to.tag()));
    black_box((message.call_id(), message.cseq(), message.max_forwards(), message.content_length()));
    for contact in message.contacts() {
        black_box(contact.value.uri().expect("a URI"));
    }
}

fn ezk_index(bytes: &bytes::Bytes) -> (ezk_sip_types::msg::MessageLine, ezk_sip_types::Headers) {
    use ezk_sip_types::{Headers, msg, parse::Parse as _};
    let mut lines = msg::PullParser::new(bytes, 0);
    let first = std::str::from_utf8(lines.next().expect("a line").expect("complete")).expect("text");
    let (_, first) = msg::MessageLine::parse(bytes)(first).expect("a start line");
    let mut headers = Headers::new();
    for line in lines {
        let line = std::str::from_utf8(line.expect("complete")).expect("text");
        let (_, line) = msg::Line::parse(bytes, line).expect("a header");
        headers.insert(line.name, line.value);
    }
    (first, headers)
}

fn ezk_typed(bytes: &bytes::Bytes, is_request: bool) {
    use ezk_sip_types::Name;
    use ezk_sip_types::header::typed::{CSeq, CallID, Contact, ContentLength, FromTo, MaxForwards, Via};
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
    black_box(headers.get_named::<ContentLength>().expect("Content-Length"));
}

fn rsip_typed(bytes: &[u8]) {
    use rsip::headers::ToTypedHeader as _;
    use rsip::message::HeadersExt as _;
    let message = rsip::SipMessage::try_from(bytes).expect("parses");
    black_box(message.via_header().expect("Via").typed().expect("typed"));
    black_box(message.from_header().expect("From").typed().expect("typed"));
    black_box(message.to_header().expect("To").typed().expect("typed"));
    black_box(message.call_id_header().expect("Call-ID"));
    black_box(message.cseq_header().expect("CSeq").typed().expect("typed"));
    black_box(message.max_forwards_header().ok());
    black_box(message.contact_header().expect("Contact").typed().expect("typed"));
    black_box(message);
}

fn rsipstack_typed(bytes: &[u8]) {
    use rsipstack::sip::{HeadersExt as _, ToTypedHeader as _};
    let message = rsipstack::sip::SipMessage::try_from(bytes).expect("parses");
    black_box(message.via_header().expect("Via").typed().expect("typed"));
    black_box(message.from_header().expect("From").typed().expect("typed"));
    black_box(message.to_header().expect("To").typed().expect("typed"));
    black_box(message.call_id_header().expect("Call-ID"));
    black_box(message.cseq_header().expect("CSeq").typed().expect("typed"));
    black_box(message.max_forwards_header().ok());
    black_box(message.contact_header().expect("Contact").typed().expect("typed"));
    black_box(message);
}

fn compare(c: &mut Criterion, name: &str) {
    let bytes = message(name);
    let is_request = bytes.starts_with(b"INVITE");
    let shared = bytes::Bytes::from(bytes.clone());
    let mut group = c.benchmark_group(format!("{name} of {} bytes", bytes.len()));
    group.throughput(Throughput::Bytes(bytes.len() as u64));

    group.bench_function("peek/tandem", |b| b.iter(|| Peek::read(black_box(&bytes))));

    // The frame arrives filled; giving it back to the pool belongs to the price.
    let frame = || Frame::copy_of(&bytes);
    group.bench_function("index/tandem", |b| {
        b.iter_batched(frame, |frame| Message::parse(frame).expect("parses"), BatchSize::SmallInput)
    });
    group.bench_function("index/ezk-sip-types", |b| b.iter(|| ezk_index(black_box(&shared))));
    group.bench_function("index/rsip", |b| b.iter(|| rsip::SipMessage::try_from(black_box(&bytes[..])).expect("parses")));
    group.bench_function("index/rsipstack", |b| {
        b.iter(|| rsipstack::sip::SipMessage::try_from(black_box(&bytes[..])).expect("parses"))
    });

    group.bench_function("typed/tandem", |b| {
        b.iter_batched(frame, |frame| ours_typed(&Message::parse(frame).expect("parses")), BatchSize::SmallInput)
    });
    // What a server does once a message: the index and the full verdict, which reads every core value.
    group.bench_function("checked/tandem", |b| {
        b.iter_batched(frame, |frame| Message::parse(frame).expect("parses").check(), BatchSize::SmallInput)
    });
    group.bench_function("typed/ezk-sip-types", |b| b.iter(|| ezk_typed(black_box(&shared), is_request)));
    group.bench_function("typed/rsip", |b| b.iter(|| rsip_typed(black_box(&bytes))));
    group.bench_function("typed/rsipstack", |b| b.iter(|| rsipstack_typed(black_box(&bytes))));
    group.finish();
}

fn competitors(c: &mut Criterion) {
    compare(c, "invite");
    compare(c, "ok");
}

criterion_group!(benches, competitors);
criterion_main!(benches);
