//! Looks at kernel and processes once a second while a run goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::plan::Plan;
use super::super::progress::Shared;
use super::super::series::{Row as _, Sample, Series};
use super::drops::{self, Drops, Target};
use super::processes::{CpuTime, family};
use crate::phone::Micros;

const SECOND: Micros = 1_000_000;
/// Looks after which new children and sockets of the server are looked for.
const LOOK_AGAIN: u64 = 10;

/// What a run did to kernel and processes.
#[derive(Clone, Debug)]
pub(in crate::load) struct Observed {
    /// `None`: no process of it was named.
    pub(in crate::load) server: Option<CpuTime>,
    pub(in crate::load) generator: CpuTime,
    pub(in crate::load) drops: Drops,
    pub(in crate::load) series: Series<Sample>,
}

/// Watches from [`begin`](Self::begin) to [`finish`](Self::finish).
pub(in crate::load) struct Observer {
    pids: Vec<u32>,
    processes: BTreeSet<u32>,
    shared: Arc<Shared>,
    target: Target,
    start: Micros,
    looks: u64,
    first: Reading,
    last: Reading,
    series: Series<Sample>,
}

/// Everything that grows, as it is now.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    at: Micros,
    server: CpuTime,
    generator: CpuTime,
    ours: u64,
    target: Option<u64>,
    machine: (u64, u64),
}

impl Observer {
    /// The run starts at `start`, a little after now.
    pub(in crate::load) fn begin(plan: &Plan, shared: &Arc<Shared>, start: Micros) -> Self {
        let processes = family(&plan.server_pids);
        let mut observer = Self {
            pids: plan.server_pids.clone(),
            target: Target::new(plan, &processes),
            processes,
            shared: Arc::clone(shared),
            start,
            looks: 0,
            first: Reading::default(),
            last: Reading::default(),
            series: Series::new(),
        };
        observer.first = observer.read(start);
        observer.last = observer.first;
        observer
    }

    /// Looks, if a second is over.
    pub(in crate::load) fn look(&mut self, now: Micros) {
        if now < self.start + (self.second() + 1) * SECOND {
            return;
        }
        self.looks += 1;
        if self.looks.is_multiple_of(LOOK_AGAIN) && !self.pids.is_empty() {
            self.processes = family(&self.pids);
            self.target.look_again(&self.processes);
        }
        self.take(now);
    }

    /// The last look, when all threads have said their last.
    pub(in crate::load) fn finish(mut self, now: Micros) -> Observed {
        self.take(now);
        let (first, last) = (&self.first, &self.last);
        Observed {
            server: (!self.pids.is_empty()).then(|| last.server.since(&first.server)),
            generator: last.generator.since(&first.generator),
            drops: Drops {
                ours: last.ours.saturating_sub(first.ours),
                target: last.target,
                receive_buffers: last.machine.0.saturating_sub(first.machine.0),
                send_buffers: last.machine.1.saturating_sub(first.machine.1),
            },
            series: self.series,
        }
    }

    /// The second in which it looked last.
    fn second(&self) -> u64 {
        self.last.at.saturating_sub(self.start) / SECOND
    }

    fn take(&mut self, now: Micros) {
        let reading = self.read(now);
        let (second, last) = (self.second(), &self.last);
        let took = now.saturating_sub(last.at);
        if took > 0 {
            self.series.row(second).append(&Sample {
                took,
                server: reading.server.total.saturating_sub(last.server.total),
                generator: reading.generator.total.saturating_sub(last.generator.total),
                ours: reading.ours.saturating_sub(last.ours),
                target: reading.target.unwrap_or(0) - last.target.unwrap_or(0),
                machine: reading.machine.0.saturating_sub(last.machine.0),
                resident: reading.server.resident,
            });
        }
        self.last = reading;
    }

    fn read(&mut self, at: Micros) -> Reading {
        Reading {
            at,
            server: CpuTime::of_exactly(&self.processes),
            generator: CpuTime::of_ourselves(),
            ours: self.shared.dropped(),
            target: self.target.dropped(),
            machine: drops::of_machine(),
        }
    }
}
