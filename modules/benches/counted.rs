//! Calls by the engine alone, to be counted by an instruction counter (`make count`): `counted SCRIPT CALLS`.
//!
//! Instructions do not depend on who else uses the machine, so two versions can be told apart on a busy one.
#![allow(missing_docs, reason = "a benchmark")]

use engine::limits::Limits;

#[path = "../../engine/tests/support/mod.rs"]
mod support;

use support::World;
use support::calls::Calls;

fn main() {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let script = words
        .next()
        .and_then(|path| std::fs::read_to_string(path).ok());
    let script = script.expect("the path of a script");
    let count: u64 = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(1_000);
    let world = World::of(&modules::registry(), &script, 1, Limits::default());
    let mut calls = Calls::new(world, |_: &'static str, handle: &mut dyn FnMut()| handle());
    calls.uri = "sip:bob@10.0.0.3";
    for _ in 0..count {
        calls.call(0);
        calls.wait(1);
    }
    println!("{count} calls");
}
