//! Runs that wait cost memory only, and little of it.

mod support;

use allocation_counter::measure;
use support::World;
use support::calls::Calls;

/// Beside what waits, calls that do not.
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

/// Of an INVITE of 350 bytes whose run waits: 5,200 are the message (a frame of the smallest class, its index), the rest
/// scene, run, transaction, context and timers. What was measured plus a tenth.
const BYTES_PER_PARKED_RUN: i64 = 9_200;

fn wakes(uri: &'static str, runs: usize) {
    let mut calls = Calls::new(
        World::new(SCRIPT),
        |_: &'static str, handle: &mut dyn FnMut()| handle(),
    );
    for _ in 0..10 {
        calls.call(0);
    }
    calls.uri = uri;
    let info = measure(|| (0..runs).for_each(|_| drop(calls.invite())));
    assert_eq!(calls.engine.counts().parked_runs, runs);
    let bytes = info.bytes_current / runs as i64;
    assert!(bytes <= BYTES_PER_PARKED_RUN, "{bytes} bytes a run");
    calls.uri = "sip:bob@example.com";
    calls.call(0);
    calls.wait(100_000);
    assert!(
        calls.engine.counts().is_calm(),
        "{:?}",
        calls.engine.counts()
    );
}

#[test]
fn an_async_that_waits_costs_little_memory() {
    wakes("sip:sleeper@example.com", 10_000);
}

#[test]
fn a_call_that_waits_costs_little_memory() {
    wakes("sip:waiter@example.com", 10_000);
}
