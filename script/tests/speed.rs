//! A large script compiles while an operator waits, and one of eight times the length takes eight times as long.

mod large;

use std::path::Path;
use std::time::Duration;

use script::known::Everything;
use script::{InMemory, Options, compile};

/// What this thread has computed: what else the machine does is not ours.
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is Linux");
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first word is a number"))
}

/// Runs of one measurement: the kernel counts in steps of a few milliseconds.
const RUNS: u32 = 10;

/// What one run computes.
fn time(text: &str) -> Duration {
    let path = Path::new("large.cfg");
    let begun = computed();
    for _ in 0..RUNS {
        let mut loader = InMemory::new(path.to_owned(), text);
        compile(path, &mut loader, &mut Everything, &Options::default())
            .unwrap_or_else(|found| panic!("{found}"));
    }
    (computed() - begun) / RUNS
}

#[test]
fn a_script_of_5000_lines_and_200_routes_compiles_at_once() {
    let text = large::script();
    assert!(
        text.lines().count() >= 5_000,
        "{} lines",
        text.lines().count()
    );
    let took = time(&text);
    // The promise is 100 ms with optimisation; without it this still tells a compiler that has become slow.
    let allowed = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 100 });
    println!("{} bytes in {took:?}", text.len());
    assert!(took < allowed, "{took:?}");
}

#[test]
fn time_grows_with_the_length_and_not_with_its_square() {
    let one: String = (0..750)
        .map(|n| format!("route[a{n}] {{ $var(a{n}) = \"{n}\"; route(a{n}); }}\n"))
        .collect();
    let eight: String = (0..6_000)
        .map(|n| format!("route[a{n}] {{ $var(a{n}) = \"{n}\"; route(a{n}); }}\n"))
        .collect();
    let base = time("route { exit; }");
    let (one, eight) = (
        time(&one).saturating_sub(base),
        time(&eight).saturating_sub(base),
    );
    assert!(
        eight < one * 24 + Duration::from_millis(2),
        "{one:?} and {eight:?}"
    );
}
