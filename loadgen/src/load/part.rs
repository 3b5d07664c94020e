//! A part of a run: what it starts, when, and how it is known again in the account.
//!
//! A plain run has one part, a mix (`mix.rs`) several, each with a schedule of its own.

use super::metrics::Kind;
use super::plan::{Arrivals, Plan, Scenario};
use super::schedule::Shape;
use super::words::{at_least_one, chance, duration, rate, spread};
use crate::phone::{CallPlan, Chance, Micros, Spread};

/// Parts of a mix; the tag of what they start has room for so many.
pub(super) const PARTS_MAX: usize = 64;

/// What is started, and how often.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) scenario: Scenario,
    /// Its weight among the parts that share the rate of the run. Without it, `rate`.
    pub(super) share: f64,
    pub(super) rate: Option<f64>,
    /// From the start of the run to the first start of this part.
    pub(super) begin: Micros,
    pub(super) duration: Option<Micros>,
    pub(super) ramp: Option<Micros>,
    pub(super) burst: Option<u64>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) choice: Choice,
    /// Who is called or asked, when it is not our own answering side.
    pub(super) to: Option<String>,
    pub(super) body: String,
    pub(super) expires: u32,
    /// Registers each user once and keeps it registered.
    pub(super) refresh: bool,
}

impl Part {
    pub(super) fn new(name: &str, scenario: Scenario) -> Self {
        Self {
            name: name.to_owned(),
            scenario,
            share: 1.0,
            rate: None,
            begin: 0,
            duration: None,
            ramp: None,
            burst: None,
            arrivals: None,
            choice: Choice::default(),
            to: None,
            body: "hello".to_owned(),
            expires: 3600,
            refresh: false,
        }
    }

    /// Whether it makes calls.
    pub(super) fn calls(&self) -> bool {
        matches!(
            self.scenario,
            Scenario::Call | Scenario::Baseline | Scenario::Find | Scenario::Compare
        )
    }

    pub(super) fn kind(&self) -> Kind {
        match self.scenario {
            Scenario::Register => Kind::Registration,
            Scenario::Options | Scenario::Message => Kind::Request,
            _ => Kind::Session,
        }
    }

    /// Its shape within a run of this plan.
    pub(super) fn shape(&self, plan: &Plan) -> Shape {
        let whole = plan.shape();
        Shape {
            arrivals: self.arrivals.unwrap_or(whole.arrivals),
            ramp: self.ramp.unwrap_or(whole.ramp),
            burst: self.burst.unwrap_or(whole.burst),
            duration: self
                .duration
                .unwrap_or_else(|| whole.duration.saturating_sub(self.begin)),
        }
    }

    /// What a key of a mix file says of a part. `None`: there is no such key.
    pub(super) fn set(&mut self, key: &str, word: &str) -> Option<Result<(), String>> {
        let done = match key {
            "name" => put(&mut self.name, Ok::<_, String>(word.to_owned())),
            "share" => put(&mut self.share, rate(word)),
            "rate" => put(&mut self.rate, rate(word).map(Some)),
            "begin" => put(&mut self.begin, duration(word)),
            "duration" => put(&mut self.duration, duration(word).map(Some)),
            "ramp" => put(&mut self.ramp, duration(word).map(Some)),
            "burst" => put(&mut self.burst, at_least_one(word).map(Some)),
            "arrivals" => put(&mut self.arrivals, word.parse().map(Some)),
            "to" => put(&mut self.to, Ok::<_, String>(Some(word.to_owned()))),
            "body" => put(&mut self.body, Ok::<_, String>(word.to_owned())),
            "expires" => put(
                &mut self.expires,
                word.parse().map_err(|_| "a number of seconds"),
            ),
            "refresh" => put(&mut self.refresh, word.parse().map_err(|_| "true or false")),
            _ => return self.choice.set(key, word),
        };
        Some(done)
    }
}

/// What callers do, call by call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) plan: CallPlan,
    /// Of the calls: those that are given up after `plan.cancel`.
    pub(super) cancel_share: Chance,
    /// Gives up whatever was not answered so long after the INVITE.
    pub(super) patience: Option<Spread>,
    pub(super) reinvite_share: Chance,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            plan: CallPlan::default(),
            cancel_share: Chance::ALWAYS,
            patience: None,
            reinvite_share: Chance::ALWAYS,
        }
    }
}

/// The options that say what callers do, on the command line as in a mix file.
pub(super) const CHOICES: [&str; 6] = [
    "hold",
    "cancel",
    "cancel-share",
    "patience",
    "reinvite",
    "reinvite-share",
];

impl Choice {
    pub(super) fn set(&mut self, key: &str, word: &str) -> Option<Result<(), String>> {
        let done = match key {
            "hold" => put(&mut self.plan.hold, spread(word).map(Some)),
            "cancel" => put(&mut self.plan.cancel, spread(word).map(Some)),
            "cancel-share" => put(&mut self.cancel_share, chance(word)),
            "patience" => put(&mut self.patience, spread(word).map(Some)),
            "reinvite" => put(&mut self.plan.reinvite, spread(word).map(Some)),
            "reinvite-share" => put(&mut self.reinvite_share, chance(word)),
            _ => return None,
        };
        Some(done)
    }

    /// What stands against it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.plan.cancel.is_none() && self.cancel_share != Chance::ALWAYS {
            return Some(
                "`cancel-share` is the share of calls that `cancel` gives up: after how long?",
            );
        }
        if self.plan.reinvite.is_none() && self.reinvite_share != Chance::ALWAYS {
            return Some(
                "`reinvite-share` is the share of calls with a `reinvite`: after how long?",
            );
        }
        None
    }

    /// Whether every caller gives up at some time.
    pub(super) fn gives_up(&self) -> bool {
        self.patience.is_some()
            || (self.plan.cancel.is_some() && self.cancel_share == Chance::ALWAYS)
    }

    /// The plan of one call, and whether what may cancel it is patience.
    pub(super) fn draw(&self, random: &mut fastrand::Rng) -> (CallPlan, bool) {
        let mut plan = self.plan;
        let gives_up = plan.cancel.is_some() && strikes(self.cancel_share, random);
        if !gives_up {
            plan.cancel = self.patience;
        }
        if plan.reinvite.is_some() && !strikes(self.reinvite_share, random) {
            plan.reinvite = None;
        }
        (plan, !gives_up && self.patience.is_some())
    }
}

fn strikes(share: Chance, random: &mut fastrand::Rng) -> bool {
    share == Chance::ALWAYS || random.u32(0..Chance::ALWAYS.0) < share.0
}

fn put<T, E: ToString>(place: &mut T, value: Result<T, E>) -> Result<(), String> {
    *place = value.map_err(|error| error.to_string())?;
    Ok(())
}

/// What comes back with every notice: when it was meant to start, of which part it is, and whether a CANCEL
/// of it means that nobody answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) intended: Micros,
    pub(super) part: usize,
    pub(super) is_patience: bool,
    /// Whether everything that is heard of it is kept (`trace.rs`).
    pub(super) is_followed: bool,
}

impl Tag {
    pub(super) fn to_u64(self) -> u64 {
        self.intended
            | (self.part as u64) << PART_SHIFT
            | u64::from(self.is_patience) << PATIENCE_SHIFT
            | u64::from(self.is_followed) << FOLLOWED_SHIFT
    }

    pub(super) fn from_u64(bits: u64) -> Self {
        Self {
            intended: bits & ((1 << PART_SHIFT) - 1),
            part: (bits >> PART_SHIFT) as usize & (PARTS_MAX - 1),
            is_patience: bits >> PATIENCE_SHIFT & 1 == 1,
            is_followed: bits >> FOLLOWED_SHIFT & 1 == 1,
        }
    }
}

/// Microseconds of 140 years stand below.
const PART_SHIFT: u32 = 52;
const PATIENCE_SHIFT: u32 = 60;
const FOLLOWED_SHIFT: u32 = 61;
const _: () =
    assert!(PARTS_MAX.is_power_of_two() && PARTS_MAX <= 1 << (PATIENCE_SHIFT - PART_SHIFT));
