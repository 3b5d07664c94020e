//! `tandem-loadgen sipp`: scenario files on the sockets, schedule and clock of every other run.
//!
//! `options` reads SIPp's option names and ours, `worker` is one thread, `report` says what came of it. What a scenario
//! means is in `crate::sipp`.

mod options;
mod report;
mod worker;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use quanta::Clock;
use wire::process::{Signal, Signals};

use options::{Command, Run};
use report::Outcome;
use worker::{Part, Worker};

use super::observe::{CpuTime, family};
use super::results;
use super::worker::micros;
use crate::sipp::program::Program;
use crate::sipp::tally::Tally;

/// Between the last thread being ready and the first call.
const BREATH: u64 = 20_000;
/// How often the live line is drawn.
const DRAW: Duration = Duration::from_millis(250);

/// What the threads of a run share.
#[derive(Debug, Default)]
struct Shared {
    /// Start no more; finish what is open.
    stop: AtomicBool,
    /// End now.
    stop_now: AtomicBool,
    figures: Vec<Figures>,
    log: Option<Mutex<File>>,
}

#[derive(Debug, Default)]
struct Figures {
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    open: AtomicU64,
}

/// The verb, its arguments without the program's and its own name.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let command = match options::parse(arguments) {
        Ok(command) => command,
        Err(error) => return super::complain(&error),
    };
    let run = match command {
        Command::Show(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Command::Run(run) => run,
    };
    match run.program().and_then(|program| {
        if run.dry {
            println!("{}: {} steps", program.name, program.steps.len());
            return Ok(true);
        }
        measure(&run, &program)
    }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => super::complain(&error),
    }
}

/// One run. Whether all went well; an error when it could not run at all.
fn measure(run: &Run, program: &Program) -> Result<bool, String> {
    let mut signals = Signals::take().map_err(|error| format!("cannot take signals: {error}"))?;
    let clock = Clock::new();
    let mut run = run.clone();
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    run.settings.epoch = (since.as_micros() as u64).saturating_sub(micros(&clock));
    let run = &run;
    let log = match &run.log_file {
        Some(path) => {
            let file = File::create(path);
            let file = file.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Some(Mutex::new(file))
        }
        None => None,
    };
    let shared = &Shared {
        figures: (0..run.threads).map(|_| Figures::default()).collect(),
        log,
        ..Shared::default()
    };
    let (ready, readies) = mpsc::channel();
    let mut gates = Vec::new();
    let outcome = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..run.threads {
            let (gate, opened) = mpsc::channel::<u64>();
            gates.push(gate);
            let (clock, ready) = (clock.clone(), ready.clone());
            let body = move || -> Result<Part, String> {
                let worker = Worker::new(run, program, number, clock, shared);
                let _ = ready.send(worker.as_ref().map(|_| ()).map_err(Clone::clone));
                let worker = worker?;
                match opened.recv() {
                    Ok(start) => worker.run(start),
                    Err(_) => Err("another thread could not start".to_owned()),
                }
            };
            let spawned = std::thread::Builder::new()
                .name(format!("sipp-{number}"))
                .spawn_scoped(scope, body);
            threads.push(spawned.map_err(|error| format!("cannot start a thread: {error}"))?);
        }
        for _ in 0..run.threads {
            let got = readies
                .recv()
                .map_err(|_| "a thread ended early".to_owned());
            if let Err(error) = got.and_then(|ready| ready) {
                gates.clear();
                return Err(error);
            }
        }
        let servers = family(&run.server_pids);
        let server_before = CpuTime::of_exactly(&servers);
        let ours_before = CpuTime::of_ourselves();
        let start = micros(&clock) + BREATH;
        for gate in &gates {
            let _ = gate.send(start);
        }
        watch(run, shared, &threads, &mut signals);
        let finish = micros(&clock);
        let server = CpuTime::of_exactly(&servers).since(&server_before);
        let mut outcome = Outcome {
            tally: Tally::new(program, start),
            traffic: super::sockets::Traffic::default(),
            idle: 0,
            receive_buffer: usize::MAX,
            elapsed: finish.saturating_sub(start),
            started_at: since.as_secs(),
            server: (!run.server_pids.is_empty()).then_some(server),
            generator: CpuTime::default(),
            dropped: 0,
            interrupted: shared.stop.load(Relaxed),
        };
        for thread in threads {
            let part = thread
                .join()
                .map_err(|_| "a thread of the generator panicked".to_owned())??;
            outcome.tally.add(&part.tally);
            outcome.traffic.add(&part.traffic);
            outcome.idle += part.idle;
            outcome.dropped += part.dropped;
            outcome.receive_buffer = outcome.receive_buffer.min(part.receive_buffer);
        }
        outcome.generator = CpuTime::of_ourselves().since(&ours_before);
        Ok(outcome)
    })?;
    let objections = report::objections(run, program, &outcome);
    print!("{}", report::table(run, program, &outcome, &objections));
    let json = report::json(run, program, &outcome, &objections);
    results::keep_at(run.json.as_deref(), run.html.as_deref(), &json)?;
    Ok(objections.is_empty())
}

/// Draws the live line and hears signals until all threads have ended.
fn watch<T>(
    run: &Run,
    shared: &Shared,
    threads: &[std::thread::ScopedJoinHandle<'_, T>],
    signals: &mut Signals,
) {
    let bar = if run.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    let mut drawn = (Duration::ZERO, 0);
    while threads.iter().any(|thread| !thread.is_finished()) {
        if let Some(Signal::Stop) = signals.wait(DRAW / 5) {
            // The second time is meant: give up what is open.
            if shared.stop.swap(true, Relaxed) {
                shared.stop_now.store(true, Relaxed);
            }
        }
        let elapsed = bar.elapsed();
        if elapsed < drawn.0 + DRAW {
            continue;
        }
        let sum = |figure: fn(&Figures) -> &AtomicU64| -> u64 {
            let figures = shared.figures.iter();
            figures.map(|one| figure(one).load(Relaxed)).sum()
        };
        let succeeded = sum(|one| &one.succeeded);
        let rate = succeeded.saturating_sub(drawn.1) as f64
            / elapsed.saturating_sub(drawn.0).as_secs_f64().max(0.001);
        drawn = (elapsed, succeeded);
        bar.set_message(format!(
            "{} started, {rate:.0}/s done, {} open, {} failed",
            sum(|one| &one.started),
            sum(|one| &one.open),
            sum(|one| &one.failed),
        ));
        bar.tick();
    }
    bar.finish_and_clear();
}

impl Shared {
    /// What scenarios logged and warned of.
    fn say(&self, log: &mut Vec<u8>, warnings: &mut Vec<String>) {
        for warning in warnings.drain(..) {
            eprintln!("warning: {warning}");
        }
        if log.is_empty() {
            return;
        }
        if let Some(file) = &self.log
            && let Ok(mut file) = file.lock()
            && let Err(error) = file.write_all(log)
        {
            eprintln!("tandem-loadgen: the log cannot be written: {error}");
        }
        log.clear();
    }
}
