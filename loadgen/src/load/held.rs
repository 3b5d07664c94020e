//! Calls held at once: how many, and what each of them takes in memory.
//!
//! Two figures, because they say different things. What a phone's tables hold for a call that only stands is
//! counted exactly, on each side. How much the processes grew is asked of the kernel at the fullest moment; it
//! includes everything else that grew meanwhile, and both sides of ours.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use super::plan::{Arrivals, Plan, Scenario};
use super::progress::Shared;
use super::tally::Tally;
use crate::phone::{Micros, Resting, Spread};

/// The shortest time that all calls stand, so that it is seen.
const STAY_MIN: Micros = 1_000_000;
/// How often memory is looked at.
const LOOK: Micros = 1_000_000;
/// Fewer calls say nothing about what one takes.
const CALLS_MIN: usize = 1_000;

/// What a run held at its fullest moment, of each thread the fullest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Calls that were open at once.
    pub(super) open: u64,
    caller: Resting,
    callee: Resting,
    pub(super) memory: Memory,
}

impl Held {
    /// What the phones hold now.
    pub(super) fn look(&mut self, open: u64, caller: Resting, callee: Resting) {
        self.open = self.open.max(open);
        for (most, now) in [(&mut self.caller, caller), (&mut self.callee, callee)] {
            if now.calls >= most.calls {
                *most = now;
            }
        }
    }

    /// Another thread's.
    pub(super) fn add(&mut self, other: &Held) {
        self.open += other.open;
        for (ours, theirs) in [
            (&mut self.caller, other.caller),
            (&mut self.callee, other.callee),
        ] {
            ours.calls += theirs.calls;
            ours.bytes += theirs.bytes;
        }
    }

    fn is_worth_telling(&self) -> bool {
        self.caller.calls.max(self.callee.calls) >= CALLS_MIN
    }
}

/// Resident memory of generator and server, bytes: before the run, and when most calls were open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    before: [u64; 2],
    fullest: [u64; 2],
    open: u64,
    next: Micros,
}

impl Memory {
    pub(super) fn begin(plan: &Plan) -> Self {
        let before = resident(plan);
        Self {
            before,
            fullest: before,
            open: 0,
            next: 0,
        }
    }

    /// Looks, if a second is over and there are as many calls as ever.
    pub(super) fn look(&mut self, plan: &Plan, shared: &Shared, now: Micros) {
        if now < self.next {
            return;
        }
        self.next = now + LOOK;
        let open = shared.open();
        // The last moment of the plateau: what was in flight while it filled is gone by then.
        if open > 0 && open >= self.open {
            self.open = open;
            self.fullest = resident(plan);
        }
    }

    /// How much generator and server grew for each open call.
    fn each(&self) -> [Option<u64>; 2] {
        [0, 1].map(|side| {
            let grew = self.fullest[side].checked_sub(self.before[side])?;
            (self.before[side] > 0 && self.open >= CALLS_MIN as u64).then(|| grew / self.open)
        })
    }
}

fn resident(plan: &Plan) -> [u64; 2] {
    let pages = |pid: &str| -> Option<u64> {
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        statm.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let server = super::observe::resident_of(&plan.server_pids);
    [pages("self").unwrap_or(0) * 4096, server]
}

/// What `--held` says: so many calls are started, stand together for `stay`, and end in the order they came.
pub(super) fn hold(
    plan: &mut Plan,
    count: u64,
    stay: Micros,
    is_told_otherwise: bool,
) -> Result<(), &'static str> {
    if !matches!(plan.scenario, Scenario::Call | Scenario::Baseline) {
        return Err("--held is for `call`, and for `baseline` with --rate");
    }
    if plan.scenario == Scenario::Baseline && !plan.rate_given {
        return Err("--held needs --rate: how fast the calls come, and go again");
    }
    if is_told_otherwise || plan.answering.hang_up.is_some() {
        return Err(
            "--held says how many calls there are and how long they last: without --calls, --duration, --hold and --callee-hangs-up",
        );
    }
    if plan.arrivals != Arrivals::Even {
        return Err("--held needs even arrivals");
    }
    if stay < STAY_MIN {
        return Err("--stay is 1s at least");
    }
    plan.calls = count;
    plan.held = Some(count);
    // The last of them starts just before the end.
    plan.duration = (count as f64 / plan.rate * 1e6) as Micros + plan.ramp / 2 + 1_000;
    plan.choice.plan.hold = Some(Spread::Fixed(plan.duration + stay));
    Ok(())
}

/// What stands against a run that was to hold so many.
pub(super) fn objection(plan: &Plan, tally: &Tally) -> Option<String> {
    let (wanted, open) = (plan.held?, tally.held.open);
    (open + plan.max_failed < wanted)
        .then(|| format!("{open} calls were held at once, {wanted} were wanted"))
}

pub(super) fn line(out: &mut String, tally: &Tally) {
    let held = &tally.held;
    if !held.is_worth_telling() {
        return;
    }
    let _ = write!(out, "held      {} calls at once at most", held.open);
    for (side, at_rest) in [("calling", held.caller), ("answering", held.callee)] {
        if let Some(each) = at_rest.bytes.checked_div(at_rest.calls) {
            let _ = write!(out, "; {each} bytes a held call on the {side} side");
        }
    }
    let [ours, server] = held.memory.each();
    if let Some(ours) = ours {
        let _ = write!(out, "; all in, the generator grew {ours} bytes a call");
    }
    if let Some(server) = server {
        let _ = write!(out, ", the server {server}");
    }
    out.push('\n');
}

/// `null` where nothing was held or not measured.
pub(super) fn json(tally: &Tally) -> Value {
    let held = &tally.held;
    if !held.is_worth_telling() {
        return Value::Null;
    }
    let side = |at_rest: Resting| match at_rest.calls {
        0 => Value::Null,
        calls => json!({
            "calls": calls, "bytes": at_rest.bytes, "bytes_per_call": at_rest.bytes as f64 / calls as f64,
        }),
    };
    let [generator, server] = held.memory.each();
    json!({
        "open": held.open, "calling": side(held.caller), "answering": side(held.callee),
        "generator_grew_per_call": generator, "server_grew_per_call": server,
        "generator_resident_before": held.memory.before[0], "generator_resident": held.memory.fullest[0],
        "server_resident_before": held.memory.before[1], "server_resident": held.memory.fullest[1],
    })
}
