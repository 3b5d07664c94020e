//! Scripts of everything that is offered, run over lives of everything that may come: nobody panics, invariants hold, and
//! when the world falls silent everything ends. The fuzz target `machine` goes on from here.

// What the fuzz target shares with this test.
#![allow(unreachable_pub)]

#[path = "support/babble.rs"]
mod babble;
#[path = "../../engine/tests/support/driver.rs"]
mod driver;
#[path = "support/lives.rs"]
mod lives;

use babble::Babbler;

/// Scripts that one run of the test tries; another number in `BABBLE_SEEDS`, another first one in `BABBLE_SEED`.
const SCRIPTS: u64 = 60;
/// Bytes of a script and of what happens to it.
const BYTES: usize = 1_400;

#[test]
fn whatever_a_script_says_it_runs_and_ends() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("BABBLE_SEED").unwrap_or(0);
    let count = number("BABBLE_SEEDS").unwrap_or(SCRIPTS);
    let babbler = Babbler::new(modules::registry());
    let mut ran = 0;
    for seed in first..first + count {
        match lives::live(&babbler, &bytes(seed)) {
            Ok(has_run) => ran += u64::from(has_run),
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }
    assert!(2 * ran > count, "only {ran} of {count} scripts ran");
}

/// xorshift: the same bytes everywhere.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(BYTES)
    .collect()
}
