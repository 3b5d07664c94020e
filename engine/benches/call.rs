//! What a proxied call costs the engine: seven messages from bytes to bytes, nothing of the network.
//!
//! `cargo bench -p engine --bench call`. Only the time inside `handle` counts; making up the peers'
//! messages does not.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "../tests/support/mod.rs"]
mod support;

use support::World;
use support::calls::{Calls, SCRIPT};

fn bench(criterion: &mut Criterion) {
    let spent = Cell::new(Duration::ZERO);
    let stopwatch = |_: &'static str, handle: &mut dyn FnMut()| {
        let begun = Instant::now();
        handle();
        spent.set(spent.get() + begun.elapsed());
    };
    let mut calls = Calls::new(World::new(SCRIPT), stopwatch);
    // 1,000 calls a second of simulated time: 32,000 of them linger in the tables.
    for _ in 0..33_000 {
        calls.call(0);
        calls.wait(1);
    }
    let mut timed = |name: &str, work: &mut dyn FnMut()| {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                spent.set(Duration::ZERO);
                (0..times).for_each(|_| work());
                spent.get()
            });
        });
    };
    timed("call", &mut || {
        calls.call(0);
        calls.wait(1);
    });
    timed("options", &mut || {
        calls.options();
        calls.wait(1);
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
