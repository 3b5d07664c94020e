//! What the script costs: the INVITE of a call to a registered user, by the built-in script, which has the form of the
//! stock residential one, beside the same relay hard-wired.
//!
//! `cargo bench -p modules --bench stock`. Hard-wired is a main route of only the calls that have an effect, in the
//! same order and with the same arguments and hooks; what remains above it is the script's checks, conditions and
//! variables. A second figure is beside the least there is: `t_relay()` to a fixed address. Both sides run
//! call by call in turn in one process; a figure is the median of 20,000 INVITEs, of the time inside `handle`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use engine::limits::Limits;

#[path = "../tests/support/stock.rs"]
mod stock;
#[path = "../../engine/tests/support/mod.rs"]
mod support;

use support::World;
use support::calls::Calls;

const CALLS: usize = 20_000;

/// `route` of the built-in script for an INVITE to a user of ours, without everything that only asks.
const HARD_WIRED: &str = r#"
route {
    if ($rm == "REGISTER") { save("location"); exit; }
    if ($rm != "INVITE") { loose_route(); do_accounting("log", "failed"); t_relay(); exit; }
    mf_process_maxfwd_header(10);
    record_route();
    do_accounting("log");
    lookup("location", "method-filtering");
    do_accounting("log", "missed");
    t_on_failure("missed_call");
    t_relay();
}
failure_route[missed_call] { exit; }
"#;

const LEAST: &str = r#"
route {
    if ($rm == "REGISTER") exit;
    if ($rm != "INVITE") { loose_route(); t_relay(); exit; }
    $ru = "sip:bob@10.0.0.3";
    record_route();
    t_relay();
}
"#;

fn main() {
    let spent = Cell::new(Duration::ZERO);
    let stopwatch = |what: &'static str, handle: &mut dyn FnMut()| {
        let begun = Instant::now();
        handle();
        if what == "INVITE" {
            spent.set(begun.elapsed());
        }
    };
    let scripts = [
        ("stock script", stock::script()),
        ("hard-wired", stock::with_routes(HARD_WIRED)),
        ("least", stock::with_routes(LEAST)),
    ];
    let mut sides: Vec<_> = scripts
        .iter()
        .map(|(name, script)| {
            let world = World::of(&modules::registry(), script, 1, Limits::default());
            let mut calls = Calls::new(world, stopwatch);
            stock::register(&mut calls);
            (*name, calls, Vec::with_capacity(CALLS))
        })
        .collect();
    for round in 0..2 * CALLS {
        for (_, calls, costs) in &mut sides {
            calls.call(0);
            calls.wait(1);
            // The first half fills the tables.
            if round >= CALLS {
                costs.push(spent.get());
            }
        }
    }
    let medians: Vec<(&str, Duration)> = sides
        .iter_mut()
        .map(|(name, _, costs)| {
            costs.sort_unstable();
            (*name, costs[costs.len() / 2])
        })
        .collect();
    let stock = medians[0].1;
    for (name, median) in medians {
        let above = stock.as_secs_f64() - median.as_secs_f64();
        println!(
            "{name:13} {median:>9.2?} an INVITE; the stock script is {:.2} times that, {:+.2} µs",
            stock.as_secs_f64() / median.as_secs_f64(),
            above * 1e6
        );
    }
}
