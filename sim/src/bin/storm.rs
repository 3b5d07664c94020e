//! `storm --storms N --from SEED`: runs seeded storms, shows progress, prints the seed that failed.
//! `storm --seed SEED`: replays one and prints its ladder.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::storm;

fn main() -> ExitCode {
    let (mut storms, mut from, mut one) = (100u64, 1u64, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (arg.as_str(), value) {
            ("--storms", Some(value)) => storms = value,
            ("--from", Some(value)) => from = value,
            ("--seed", Some(value)) => one = Some(value),
            _ => {
                eprintln!("usage: storm [--storms N] [--from SEED] | --seed SEED");
                return ExitCode::from(2);
            }
        }
    }
    match one {
        Some(seed) => replay(seed),
        None => many(from, storms),
    }
}

fn replay(seed: u64) -> ExitCode {
    let (result, ladder) = storm::replay(seed);
    print!("{ladder}");
    match result {
        Ok(tally) => {
            println!("seed {seed} on {} engines: {tally:?}", storm::engines(seed));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("seed {seed} on {} engines: {error}", storm::engines(seed));
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, storms: u64) -> ExitCode {
    let next = AtomicU64::new(from);
    let total = Mutex::new((
        storm::Tally::default(),
        [0u64; 4],
        Vec::<(u64, String)>::new(),
        0u64,
    ));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shows = std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + storms {
                        return;
                    }
                    let result = storm::run(seed);
                    let mut total = total
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    total.3 += 1;
                    match result {
                        Ok(tally) => {
                            total.0.add(&tally);
                            total.1[(seed % 4) as usize] += 1;
                        }
                        Err(error) => total.2.push((seed, error)),
                    }
                    let done = total.3;
                    if shows || done.is_multiple_of(100) || done == storms {
                        let end = if shows { '\r' } else { '\n' };
                        let bar = "#".repeat((done * 40 / storms) as usize);
                        eprint!(
                            "storms [{bar:<40}] {done}/{storms}, {} failed{end}",
                            total.2.len()
                        );
                        let _ = std::io::stderr().flush();
                    }
                    if total.2.len() >= 5 {
                        return;
                    }
                }
            });
        }
    });
    let (tally, by_engines, mut failures, done) = total
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "\n{done} storms on 1/2/3/8 engines: {}/{}/{}/{} passed; {} calls: {} answered, {} cancelled, {} failed as they must; {} handovers\n\
         scripts: {} forks, {} failovers, {} waits, {} names without an answer, {} swaps to another script",
        by_engines[0],
        by_engines[1],
        by_engines[2],
        by_engines[3],
        tally.calls,
        tally.answered,
        tally.cancelled,
        tally.failed,
        tally.handovers,
        tally.forks,
        tally.failovers,
        tally.waits,
        tally.unanswered,
        tally.reloads,
    );
    failures.sort();
    for (seed, error) in &failures {
        println!(
            "\nseed {seed}: {error}\nreplay: cargo run --profile storm -p sim --bin storm -- --seed {seed}"
        );
    }
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
