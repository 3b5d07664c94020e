//! A large script compiles while an operator waits, and one of eight times the length takes eight times as long.

#![allow(clippy::disallowed_methods, reason = "a stopwatch")]

mod large;

use std::path::Path;
use std::time::{Duration, Instant};

use script::known::Everything;
use script::{InMemory, Options, compile};

/// The shortest of a few runs: what else the machine does is not ours.
fn time(text: &str) -> Duration {
    let run = || {
        let path = Path::new("large.cfg");
        let mut loader = InMemory::new(path.to_owned(), text);
        let begun = Instant::now();
        let compiled = compile(path, &mut loader, &mut Everything, &Options::default());
        let took = begun.elapsed();
        compiled.unwrap_or_else(|found| panic!("{found}"));
        took
    };
    (0..5).map(|_| run()).min().expect("five runs")
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
    // `benches/compile.rs` measures the promise, 100 ms with optimisation. This runs without it, on machines that do
    // other things, and still tells a compiler that has become slow.
    let allowed = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
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
    assert!(eight < one * 24, "{one:?} and {eight:?}");
}
