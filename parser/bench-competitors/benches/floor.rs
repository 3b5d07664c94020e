//! The same comparison on a machine that has other work: the fastest of many short batches, a line each.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bench_competitors::{ezk_index, ezk_typed, message, ours_typed, rsip_typed, rsipstack_typed};
use parser::{Frame, Message, Peek};

const BATCHES: usize = 2_000;
const RUNS: u32 = 100;

fn floor(name: &str, mut run: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..RUNS {
            run();
        }
        best = best.min(start.elapsed());
    }
    println!(
        "{name:28} {:>9.1} ns",
        best.as_secs_f64() * 1e9 / f64::from(RUNS)
    );
}

fn main() {
    for name in ["invite", "ok"] {
        let bytes = message(name);
        let is_request = name == "invite";
        let shared = bytes::Bytes::from(bytes.clone());
        let parse = || Message::parse(Frame::copy_of(black_box(&bytes))).expect("parses");
        println!(
            "{name}, {} bytes (ours: with the copy into a frame)",
            bytes.len()
        );
        floor("peek     tandem", || {
            black_box(Peek::read(black_box(&bytes)));
        });
        floor("index    tandem", || drop(black_box(parse())));
        floor("checked  tandem", || {
            drop(black_box(parse().check().is_ok()))
        });
        floor("typed    tandem", || ours_typed(&parse()));
        floor("index    ezk-sip-types", || {
            drop(black_box(ezk_index(black_box(&shared))))
        });
        floor("typed    ezk-sip-types", || {
            ezk_typed(black_box(&shared), is_request)
        });
        floor("index    rsip", || {
            drop(black_box(rsip::SipMessage::try_from(black_box(&bytes[..]))))
        });
        floor("typed    rsip", || rsip_typed(black_box(&bytes)));
        floor("index    rsipstack", || {
            drop(black_box(rsipstack::sip::SipMessage::try_from(black_box(
                &bytes[..],
            ))))
        });
        floor("typed    rsipstack", || rsipstack_typed(black_box(&bytes)));
    }
}
