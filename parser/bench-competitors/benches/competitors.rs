//! The parser beside `rsip`, `rsipstack` and `ezk-sip-types`, on the same messages in the same run.
//!
//! Three depths: what chooses a shard (only we have that), the index (their plain parse into a list of
//! headers), and every core header typed: Request-URI, Via, From, To, Call-ID, CSeq, Max-Forwards,
//! Contact, Content-Length, each as a value with its parts.

use std::hint::black_box;

use bench_competitors::{ezk_index, ezk_typed, message, ours_typed, rsip_typed, rsipstack_typed};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parser::{Frame, Message, Peek};

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
        b.iter_batched(
            frame,
            |frame| Message::parse(frame).expect("parses"),
            BatchSize::SmallInput,
        )
    });
    group.bench_function("index/ezk-sip-types", |b| {
        b.iter(|| ezk_index(black_box(&shared)))
    });
    group.bench_function("index/rsip", |b| {
        b.iter(|| rsip::SipMessage::try_from(black_box(&bytes[..])).expect("parses"))
    });
    group.bench_function("index/rsipstack", |b| {
        b.iter(|| rsipstack::sip::SipMessage::try_from(black_box(&bytes[..])).expect("parses"))
    });

    group.bench_function("typed/tandem", |b| {
        b.iter_batched(
            frame,
            |frame| ours_typed(&Message::parse(frame).expect("parses")),
            BatchSize::SmallInput,
        )
    });
    // What a server does once a message: the index and the full verdict, which reads every core value.
    group.bench_function("checked/tandem", |b| {
        b.iter_batched(
            frame,
            |frame| Message::parse(frame).expect("parses").check(),
            BatchSize::SmallInput,
        )
    });
    group.bench_function("typed/ezk-sip-types", |b| {
        b.iter(|| ezk_typed(black_box(&shared), is_request))
    });
    group.bench_function("typed/rsip", |b| b.iter(|| rsip_typed(black_box(&bytes))));
    group.bench_function("typed/rsipstack", |b| {
        b.iter(|| rsipstack_typed(black_box(&bytes)))
    });
    group.finish();
}

fn competitors(c: &mut Criterion) {
    compare(c, "invite");
    compare(c, "ok");
}

criterion_group!(benches, competitors);
criterion_main!(benches);
