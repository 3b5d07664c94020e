//! A run from beginning to end: threads, signals, live figures, and what is read before and after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use quanta::Clock;
use wire::process::{Signal, Signals};

use super::connections::Connector;
use super::find;
use super::forward::Forwarder;
use super::held::Memory;
use super::observe::{self, Observer};
use super::plan::{Plan, Scenario};
use super::progress::{Progress, Shared};
use super::record;
use super::report::{self, Outcome};
use super::results;
use super::tally::Tally;
use super::verdict::{self, Verdict};
use super::worker::{Worker, micros};
use crate::phone::Micros;

/// Between the last thread being ready and the first call.
const BREATH: u64 = 20_000;
/// How often the live line is drawn, and signals are looked for.
const DRAW: Duration = Duration::from_millis(250);

/// Runs a plan. Whether all went as planned; an error when it could not run at all.
pub(super) fn supervise(plan: &Plan) -> Result<bool, String> {
    results::check(plan)?;
    let mut signals = Signals::take().map_err(|error| format!("cannot take signals: {error}"))?;
    match (&plan.plural, plan.scenario) {
        (Some(plural), Scenario::Compare) => return find::compare(plan, plural, &mut signals),
        (Some(plural), _) => return find::find(plan, plural, &mut signals),
        (None, _) => {}
    }
    let (outcome, verdict) = measure(plan, &mut signals)?;
    print!("{}", report::table(plan, &outcome, &verdict));
    results::keep(plan, &record::json(plan, &outcome, &verdict))?;
    Ok(verdict.is_good())
}

/// One run, and what is to be said of it.
pub(super) fn measure(plan: &Plan, signals: &mut Signals) -> Result<(Outcome, Verdict), String> {
    let clock = Clock::new();
    let shared = Arc::new(Shared::new(plan.threads));
    let mut threads = Vec::new();
    let (ready, readies) = mpsc::channel();
    let mut gates = Vec::new();
    for number in 0..plan.threads {
        let (gate, opened) = mpsc::channel::<u64>();
        let (plan, clock, shared, ready) = (
            plan.clone(),
            clock.clone(),
            Arc::clone(&shared),
            ready.clone(),
        );
        let body = move || {
            let prepared = Runner::prepare(&plan, number, &clock, &shared);
            let worker = match prepared {
                Ok(worker) => {
                    let _ = ready.send(Ok(()));
                    worker
                }
                Err(error) => {
                    let _ = ready.send(Err(error.clone()));
                    return Err(error);
                }
            };
            match opened.recv() {
                Ok(start) => worker.run(start),
                Err(_) => Err("another thread could not start".to_owned()),
            }
        };
        let spawned = thread::Builder::new()
            .name(format!("load-{number}"))
            .spawn(body);
        threads.push(spawned.map_err(|error| format!("cannot start a thread: {error}"))?);
        gates.push(gate);
    }
    for _ in 0..plan.threads {
        readies
            .recv()
            .map_err(|_| "a thread ended early".to_owned())??;
    }

    let counters = plan.counters.as_deref();
    let counted_before = counters.map(observe::ask).transpose()?;
    let started_at = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_secs());
    let start = micros(&clock) + BREATH;
    let mut memory = Memory::begin(plan);
    let mut observer = Observer::begin(plan, &shared, start);
    for gate in &gates {
        let _ = gate.send(start);
    }
    watch(plan, &shared, &threads, signals, || {
        let now = micros(&clock);
        observer.look(now);
        memory.look(plan, &shared, now);
    });
    let finish = micros(&clock);
    let observed = observer.finish(finish);

    let counted = match counted_before {
        Some(before) => {
            observe::changed(&before, &counters.map_or(Ok(before.clone()), observe::ask)?)
        }
        None => BTreeMap::new(),
    };

    let mut tally = Tally::new(start);
    for thread in threads {
        let part = thread
            .join()
            .map_err(|_| "a thread of the generator panicked".to_owned())??;
        tally.add(&part);
    }
    tally.held.memory = memory;
    let outcome = Outcome {
        tally,
        elapsed: finish.saturating_sub(start),
        started_at,
        server: observed.server,
        generator: observed.generator,
        drops: observed.drops,
        samples: observed.series,
        counted,
        interrupted: shared.stop.load(Relaxed),
    };
    let verdict = verdict::judge(plan, &outcome);
    Ok((outcome, verdict))
}

/// What a thread runs.
enum Runner {
    Worker(Box<Worker>),
    Forwarder(Box<Forwarder>),
    Connector(Box<Connector>),
}

impl Runner {
    /// Pinned, its sockets bound, its registrations made.
    fn prepare(
        plan: &Plan,
        number: usize,
        clock: &Clock,
        shared: &Arc<Shared>,
    ) -> Result<Runner, String> {
        if let Some(core) = plan.core {
            let core = core + number;
            wire::process::pin_to(core)
                .map_err(|error| format!("cannot pin a thread to core {core}: {error}"))?;
        }
        let (clock, shared) = (clock.clone(), Arc::clone(shared));
        if plan.scenario == Scenario::Forward {
            return Ok(Runner::Forwarder(Box::new(Forwarder::new(
                plan, clock, shared,
            )?)));
        }
        if plan.scenario == Scenario::Connections {
            let connector = Connector::new(plan, number, clock, shared)?;
            return Ok(Runner::Connector(Box::new(connector)));
        }
        let mut worker = Worker::new(plan, number, clock, shared)?;
        worker.prepare()?;
        Ok(Runner::Worker(Box::new(worker)))
    }

    fn run(self, start: Micros) -> Result<Tally, String> {
        match self {
            Runner::Worker(worker) => worker.run(start),
            Runner::Forwarder(forwarder) => forwarder.run(start),
            Runner::Connector(connector) => connector.run(start),
        }
    }
}

/// Draws the live line, hears signals and looks around until all threads have ended.
fn watch<T>(
    plan: &Plan,
    shared: &Shared,
    threads: &[thread::JoinHandle<T>],
    signals: &mut Signals,
    mut look: impl FnMut(),
) {
    let mut progress = Progress::new(plan);
    while threads.iter().any(|thread| !thread.is_finished()) {
        if let Some(Signal::Stop) = signals.wait(DRAW / 5) {
            // The second time is meant: give up what is open.
            if shared.stop.swap(true, Relaxed) && plan.is_active() {
                std::process::exit(130);
            }
        }
        look();
        progress.draw_at(shared, DRAW);
    }
    progress.clear();
}
