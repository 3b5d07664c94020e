//! Bytes as a routing script made of everything that is offered, and as the life of an engine that runs it: `babble` and
//! `driver` say what they mean. No panic gets as far as the net, invariants hold after every step, and in the end
//! everything ends. `BABBLE_SHOW=1` prints the script of a finding.
#![no_main]

#[path = "../../modules/tests/support/babble.rs"]
mod babble;
#[path = "../../engine/tests/support/driver.rs"]
mod driver;
#[path = "../../modules/tests/support/lives.rs"]
mod lives;

use std::sync::LazyLock;

use babble::Babbler;
use libfuzzer_sys::fuzz_target;

static BABBLER: LazyLock<Babbler> = LazyLock::new(|| Babbler::new(modules::registry()));

fuzz_target!(|bytes: &[u8]| {
    if let Err(wrong) = lives::live(&BABBLER, bytes) {
        panic!("{wrong}");
    }
});
