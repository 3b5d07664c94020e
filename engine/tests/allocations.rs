//! The hot path allocates nothing: design §2.
//!
//! Calls and OPTIONS run in a steady state, the allocator counts what each `handle` asks of it, and after
//! a warm-up that is nothing: frames, indexes, scenes, flat copies and tables come from their pools.

mod support;

use std::cell::RefCell;

use allocation_counter::measure;
use support::World;
use support::calls::{Calls, SCRIPT};

#[test]
fn calls_and_options_allocate_nothing_once_warm() {
    // What allocated, and how often.
    let allocations: RefCell<Vec<(&'static str, u64)>> = RefCell::default();
    let counter = |what, handle: &mut dyn FnMut()| {
        let info = measure(handle);
        if info.count_total > 0 {
            allocations.borrow_mut().push((what, info.count_total));
        }
    };
    let mut calls = Calls::new(World::new(SCRIPT), counter);
    // Longer than any transaction lives, so that the tables have had their largest size.
    for _ in 0..1_500 {
        calls.call(20);
        calls.options();
    }
    assert!(
        !allocations.borrow().is_empty(),
        "warming up fills pools: the counter counts"
    );
    allocations.borrow_mut().clear();
    for _ in 0..500 {
        calls.call(20);
        calls.options();
    }
    let mut kinds = allocations.take();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.is_empty(), "allocations: {kinds:?}");
    calls.wait(40_000);
    assert!(calls.engine.counts().is_calm());
}

/// Of a call that was torn down: four transactions and one response context, for 64\*T1 = 32 s. At 10,000 calls a second
/// a byte here is 320 kB of server.
const BYTES_PER_LINGERING_CALL: i64 = 3_000;

#[test]
fn a_call_that_is_over_keeps_little() {
    const CALLS: u32 = 500;
    let mut calls = Calls::new(
        World::new(SCRIPT),
        |_: &'static str, handle: &mut dyn FnMut()| handle(),
    );
    let info = measure(|| {
        (0..CALLS).for_each(|_| {
            calls.call(20);
            calls.options();
        })
    });
    let transactions = calls.engine.counts().server_transactions;
    assert!(
        transactions >= 2 * CALLS as usize,
        "they linger: {transactions}"
    );
    let kept = info.bytes_current / i64::from(CALLS);
    assert!(kept < BYTES_PER_LINGERING_CALL, "{kept} bytes a call");
    calls.wait(40_000);
    assert!(calls.engine.counts().is_calm());
}
