//! One thread: a machine of calls on sockets, by the schedule.
//!
//! As `load::worker`: a turn starts what is due, receives a batch from every ready socket, lets timers run, and sends.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quanta::Clock;

use super::super::schedule::{Schedule, Shape};
use super::super::sockets::{Order, Sockets, Traffic};
use super::super::worker::micros;
use super::Shared;
use super::options::Run;
use crate::phone::{Micros, Outbox};
use crate::sipp::call::Machine;
use crate::sipp::program::{Kind, Program, Role, Stop, What};
use crate::sipp::tally::Tally;

/// Starts of one turn at most, so that answers are not kept waiting.
const STARTS: usize = 256;
/// The longest wait.
const WAIT_MAX: Micros = 20_000;
/// How often the live figures are refreshed.
const REFRESH: Micros = 200_000;

/// What a thread brings home.
pub(super) struct Part {
    pub(super) tally: Tally,
    pub(super) traffic: Traffic,
    /// In turns that only looked whether there was something to do.
    pub(super) idle: Micros,
    pub(super) receive_buffer: usize,
    /// Datagrams that found a socket full.
    pub(super) dropped: u64,
}

pub(super) struct Worker<'r> {
    run: &'r Run,
    program: &'r Program,
    thread: usize,
    clock: Clock,
    shared: &'r Shared,
    sockets: Sockets,
    machine: Machine<'r>,
    outbox: Outbox,
    looked: Micros,
    /// Users without a call, with `-users`.
    free: VecDeque<u32>,
}

impl<'r> Worker<'r> {
    /// Pinned, its sockets bound. Nothing has been sent yet.
    pub(super) fn new(
        run: &'r Run,
        program: &'r Program,
        thread: usize,
        clock: Clock,
        shared: &'r Shared,
    ) -> Result<Self, String> {
        if let Some(core) = run.core {
            let core = core + thread;
            wire::process::pin_to(core)
                .map_err(|error| format!("cannot pin a thread to core {core}: {error}"))?;
        }
        let now = micros(&clock);
        let mut at = run.local;
        if at.port() != 0 {
            at.set_port(at.port().wrapping_add((thread * run.sources) as u16));
        }
        let sockets = Sockets::bind(at, run.sources)?;
        let sockets = Sockets::new(sockets, order(program), true)
            .map_err(|error| format!("cannot poll sockets: {error}"))?;
        let ports = sockets.locals().map(|local| local.port()).collect();
        let seed = run.seed.wrapping_add(thread as u64);
        let users = run.settings.users;
        Ok(Self {
            machine: Machine::new(program, &run.settings, ports, thread, seed, now),
            free: (0..users)
                .filter(|user| *user as usize % run.threads == thread)
                .collect(),
            run,
            program,
            thread,
            clock,
            shared,
            sockets,
            outbox: Outbox::default(),
            looked: 0,
        })
    }

    /// Runs the schedule from `start` on, then waits for what is open.
    pub(super) fn run(mut self, start: Micros) -> Result<Part, String> {
        let run = self.run;
        let answers = self.program.role == Role::Callee;
        let mut schedule = self.schedule(start);
        let calls = share(run.calls, run.threads, self.thread);
        self.machine.begin(start);
        let _ = wire::process::set_timer_slack(Duration::from_micros(1));
        let (mut refresh_at, mut drain_until, mut idle_since, mut idle) = (0, None, None, 0);
        loop {
            let now = self.now();
            if let Some(since) = idle_since.take() {
                idle += now.saturating_sub(since);
            }
            let moved = self.moved();
            if self.is_stopped() {
                schedule.stop();
                self.free.clear();
            }
            if self.shared.stop_now.load(Relaxed) || run.timeout.is_some_and(|t| now > start + t) {
                break;
            }
            self.start_due(&mut schedule, now, calls);
            let next = schedule.next().filter(|_| self.has_room());
            let is_over = if answers {
                let done = self.machine.tally().started >= calls;
                (done || self.is_stopped() || now >= start.saturating_add(run.duration))
                    .then_some(self.machine.open() == 0)
            } else {
                let is_waiting = schedule.next().is_some() || self.starts_users(now, start, calls);
                (!is_waiting).then_some(self.machine.open() == 0)
            };
            if let Some(is_done) = is_over {
                let until = *drain_until.get_or_insert(now.saturating_add(run.drain));
                if is_done || now >= until {
                    break;
                }
            }
            let due = [next, self.machine.next_due()].into_iter().flatten().min();
            let due = due.unwrap_or(Micros::MAX);
            self.turn(due.saturating_sub(now).min(WAIT_MAX))?;
            if self.moved() == moved {
                idle_since = Some(now);
            }
            if now >= refresh_at {
                refresh_at = now + REFRESH;
                self.show();
            }
        }
        self.linger(start)?;
        self.show();
        let traffic = self.sockets.traffic;
        let receive_buffer = self.sockets.receive_buffer();
        let dropped = self.sockets.dropped();
        Ok(Part {
            tally: self.machine.close(),
            traffic,
            idle,
            receive_buffer,
            dropped,
        })
    }

    /// When calls start; never, when the scenario answers or users start theirs.
    fn schedule(&self, start: Micros) -> Schedule {
        let run = self.run;
        let shape = Shape {
            arrivals: run.arrivals,
            ramp: run.ramp,
            burst: 1,
            duration: run.duration,
        };
        let seed = run.seed ^ ((self.thread as u64) << 32) ^ 0x5c4e;
        let calls = share(run.calls, run.threads, self.thread);
        let rate = run.rate / run.threads as f64;
        let mut schedule = Schedule::new(shape, rate, calls, start, seed);
        if self.program.role == Role::Callee || run.settings.users > 0 {
            schedule.stop();
        }
        schedule
    }

    /// An answering side that was told a number of calls stays a moment, for what is repeated to its last ones.
    fn linger(&mut self, start: Micros) -> Result<(), String> {
        if self.program.role == Role::Caller || self.is_stopped() {
            return Ok(());
        }
        let until = self.now() + self.run.settings.linger.min(1_000_000);
        let ends = |now: Micros| now >= start.saturating_add(self.run.duration).max(until);
        while !ends(self.now()) && self.now() < until && !self.shared.stop.load(Relaxed) {
            self.turn_of(1_000)?;
        }
        Ok(())
    }

    fn start_due(&mut self, schedule: &mut Schedule, now: Micros, calls: u64) {
        for _ in 0..STARTS {
            if !self.has_room() {
                break;
            }
            let Some(intended) = schedule.take(now) else {
                break;
            };
            let now = micros(&self.clock);
            self.machine.start(now, intended, 0, &mut self.outbox);
        }
        if self.run.settings.users == 0 {
            return;
        }
        let freed = self.machine.free_users().drain(..);
        self.free.extend(freed);
        for _ in 0..STARTS {
            if self.machine.tally().started >= calls {
                break;
            }
            let Some(user) = self.free.pop_front() else {
                break;
            };
            self.machine.start(now, now, user, &mut self.outbox);
        }
    }

    /// Whether users will start calls again.
    fn starts_users(&self, now: Micros, start: Micros, calls: u64) -> bool {
        self.run.settings.users > 0
            && !self.is_stopped()
            && self.machine.tally().started < calls
            && now < start.saturating_add(self.run.duration)
    }

    /// `-l`.
    fn has_room(&self) -> bool {
        let limit = share(self.run.limit, self.run.threads, self.thread);
        (self.machine.open() as u64) < limit
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Relaxed)
    }

    fn moved(&self) -> u64 {
        let traffic = &self.sockets.traffic;
        self.machine.tally().started + traffic.received + traffic.sent
    }

    fn turn(&mut self, wait: Micros) -> Result<(), String> {
        self.turn_of(wait)?;
        match self.machine.stop() {
            Some(Stop::Now) => {
                self.shared.stop.store(true, Relaxed);
                self.shared.stop_now.store(true, Relaxed);
            }
            Some(Stop::Gracefully) => self.shared.stop.store(true, Relaxed),
            Some(Stop::Call) | None => {}
        }
        Ok(())
    }

    /// Sends, receives, lets timers run, sends.
    fn turn_of(&mut self, wait: Micros) -> Result<(), String> {
        self.send();
        // The kernel rounds up to a millisecond: what is due sooner is looked for.
        let wait = if self.gather() { 0 } else { wait / 1_000 };
        self.sockets
            .wait(Duration::from_millis(wait))
            .map_err(|error| format!("cannot wait: {error}"))?;
        let now = self.now();
        self.looked = now;
        let (machine, outbox) = (&mut self.machine, &mut self.outbox);
        self.sockets.receive(|line, bytes, from: SocketAddr| {
            machine.receive(now, line as u32, bytes, from, outbox);
        });
        if self.machine.next_due().is_some_and(|due| due <= now) {
            self.machine.tick(now, &mut self.outbox);
        }
        self.send();
        Ok(())
    }

    /// Sleeps until what comes has had time to gather. `false`: there is nothing to sleep for.
    fn gather(&mut self) -> bool {
        let until = self.looked + self.run.gather;
        let time = until.saturating_sub(self.now());
        if self.run.gather == 0 || time == 0 || self.sockets.has_more {
            return false;
        }
        wire::process::pause(Duration::from_micros(time));
        true
    }

    fn send(&mut self) {
        if !self.outbox.sends.is_empty() {
            self.sockets.send(&self.outbox, 0);
            self.outbox.clear();
        }
    }

    fn show(&mut self) {
        let open = self.machine.open() as u64;
        let tally = self.machine.tally();
        let figures = &self.shared.figures[self.thread];
        figures.started.store(tally.started, Relaxed);
        figures.succeeded.store(tally.succeeded, Relaxed);
        figures.failed.store(tally.failed(), Relaxed);
        figures.open.store(open, Relaxed);
        let mut log = std::mem::take(self.machine.log());
        self.shared.say(&mut log, self.machine.warnings());
        *self.machine.log() = log;
    }

    fn now(&self) -> Micros {
        micros(&self.clock)
    }
}

/// The share of one thread of a number that may be without bound.
fn share(number: u64, threads: usize, thread: usize) -> u64 {
    let threads = threads as u64;
    match number {
        u64::MAX => u64::MAX,
        number => number / threads + u64::from((thread as u64) < number % threads),
    }
}

/// Whether what leaves together may be sorted by kind, so that the kernel gets runs. Not when a call may send two
/// messages of one kind, or of kinds in another order, before it waits: then they go as they were written.
fn order(program: &Program) -> Order {
    let mut before = 0;
    for step in &program.steps {
        match &step.kind {
            Kind::Recv(_) | Kind::TimeWait(_) => before = 0,
            // Lengths may be zero, jumps may lead anywhere.
            Kind::Pause(_) | Kind::Nop if step.next.is_none() && step.actions.is_empty() => {}
            Kind::Pause(_) | Kind::Nop => return Order::Written,
            Kind::Send(send) => {
                let kind = match send.what {
                    What::Response if send.shown.starts_with('1') => 1,
                    What::Response => 2,
                    What::Ack => 3,
                    What::Request(_) if send.shown == "INVITE" => 4,
                    What::Request(_) | What::Cancel(_) => 5,
                    What::Computed => return Order::Written,
                };
                if kind <= before || step.next.is_some() || !step.actions.is_empty() {
                    return Order::Written;
                }
                before = kind;
            }
        }
    }
    Order::Kind
}
