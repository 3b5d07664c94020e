//! What runs that wait cost: memory for themselves, and nothing for the calls beside them.
//!
//! `cargo bench -p engine --bench parked`. One engine, 0, then 10,000, then 100,000 INVITEs in an `async` of 30 s, and as
//! many in a call that waits. The cost of a call beside them is the median of 20,000 times what `handle` took for
//! its seven messages.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use allocation_counter::measure;

#[path = "../tests/support/mod.rs"]
mod support;

use support::World;
use support::calls::Calls;

const SCRIPT: &str = r#"
loadmodule "tm.so"
route {
    if (loose_route()) { t_relay(); exit; }
    $var(user) = $rU; $var(from) = $fU; $avp(caller) = $fu;
    if ($rU == "sleeper") { $avp(kept) = $ci; async(ask(30000), woken); }
    if ($rU == "waiter") { pause(30000); $var(user) = $var(user) + "!"; route(woken); }
    record_route();
    to("sip:bob@10.0.0.3");
    t_relay();
}
route[woken] { send_reply(480, "Slept well"); exit; }
"#;

const CALLS: usize = 20_000;

fn main() {
    println!("waiting runs   bytes each   a call beside them");
    for (runs, uri) in [
        (0, "sip:sleeper@example.com"),
        (10_000, "sip:sleeper@example.com"),
        (100_000, "sip:sleeper@example.com"),
        (10_000, "sip:waiter@example.com"),
        (100_000, "sip:waiter@example.com"),
        (0, "sip:sleeper@example.com"),
    ] {
        let spent = Cell::new(Duration::ZERO);
        let stopwatch = |_: &'static str, handle: &mut dyn FnMut()| {
            let begun = Instant::now();
            handle();
            spent.set(spent.get() + begun.elapsed());
        };
        let mut calls = Calls::new(World::new(SCRIPT), stopwatch);
        for _ in 0..CALLS {
            calls.call(0);
        }
        calls.uri = uri;
        let kept = measure(|| (0..runs).for_each(|_| drop(calls.invite())));
        assert_eq!(calls.engine.counts().parked_runs, runs);
        calls.uri = "sip:bob@example.com";
        let mut costs: Vec<Duration> = (0..CALLS)
            .map(|_| {
                spent.set(Duration::ZERO);
                calls.call(0);
                spent.get()
            })
            .collect();
        costs.sort_unstable();
        let bytes = kept.bytes_current / runs.max(1) as i64;
        println!("{runs:12}   {bytes:10}   {:?}", costs[CALLS / 2]);
        calls.wait(200_000);
        assert!(calls.engine.counts().is_calm(), "all have ended");
    }
}
