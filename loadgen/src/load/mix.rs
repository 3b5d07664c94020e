//! A mix of scenarios, from a file: `tandem-loadgen mix FILE TARGET`.
//!
//! Before the first part stand options of the run, then each `[[part]]` with its scenario, its share of the rate
//! (or a rate of its own), and when it begins, grows and ends. Keys are named as the options are; `docs/load-generator.md`
//! has them all. A key that is not known is refused where it stands.

use super::part::{PARTS_MAX, Part};
use super::plan::{Plan, Scenario};
use super::toml::{self, Entry, Table};
use super::words;
use crate::phone::Chance;
use crate::source::Source;

const RUN_KEYS: &str = "rate, duration, arrivals, ramp, burst, seed, users, callee, domain, ring, reject, reject-share, \
                        no-answer-share, callee-hangs-up, callee-hangs-up-share, trying, sdp, accept";
const PART_KEYS: &str = "scenario, name, share, rate, begin, duration, ramp, burst, arrivals, to";
const CALL_KEYS: &str = "hold, cancel, cancel-share, patience, reinvite, reinvite-share";

/// Reads a mix into a plan.
pub(super) fn read(source: &Source<'_>, plan: &mut Plan) -> Result<(), String> {
    let mut tables = toml::read(source)?.into_iter();
    for entry in tables.next().into_iter().flat_map(|table| table.entries) {
        let done = set(plan, entry.key, &entry.value);
        said(source, &entry, done, RUN_KEYS)?;
    }
    for table in tables {
        if table.name != "part" || !table.is_listed {
            let what = "there is only `[[part]]` here";
            return Err(source.fault(table.at, table.name.len() + 2, what));
        }
        if plan.mix.len() == PARTS_MAX {
            return Err(source.fault(table.at, 8, &format!("more than {PARTS_MAX} parts")));
        }
        let part = part(source, &table, plan)?;
        let again = |other: &Part| {
            other.scenario == Scenario::Register && part.scenario == Scenario::Register
        };
        if plan.mix.iter().any(again) {
            return Err(source.fault(table.at, 8, "a mix registers its users in one part"));
        }
        plan.mix.push(part);
    }
    if plan.mix.is_empty() {
        return Err(source.fault(source.text.len(), 1, "a mix needs a `[[part]]`"));
    }
    Ok(())
}

fn part(source: &Source<'_>, table: &Table<'_>, plan: &Plan) -> Result<Part, String> {
    let Some(scenario) = table.entries.iter().find(|entry| entry.key == "scenario") else {
        return Err(source.fault(table.at, 8, "a part needs its `scenario`"));
    };
    let kind = match scenario.value.as_str() {
        "call" => Scenario::Call,
        "register" => Scenario::Register,
        "message" => Scenario::Message,
        "options" => Scenario::Options,
        _ => {
            let what = "a part's scenario is call, register, message or options";
            return Err(source.fault(scenario.value_at, scenario.value_width, what));
        }
    };
    let mut part = Part::new(&scenario.value, kind);
    let own = match kind {
        Scenario::Call => CALL_KEYS,
        Scenario::Register => "expires, refresh",
        Scenario::Message => "body",
        _ => "",
    };
    let known = match own {
        "" => PART_KEYS.to_owned(),
        own => format!("{PART_KEYS}, {own}"),
    };
    for entry in table.entries.iter().filter(|entry| entry.key != "scenario") {
        let belongs = known.split(", ").any(|key| key == entry.key);
        let done = if belongs {
            part.set(entry.key, &entry.value)
        } else {
            None
        };
        said(source, entry, done, &known)?;
    }
    let both = |key: &str| table.entries.iter().find(|entry| entry.key == key);
    if let (Some(_), Some(share)) = (both("rate"), both("share")) {
        let what = "a part has a `rate` of its own or a `share` of the run's, not both";
        return Err(source.fault(share.at, share.key.len(), what));
    }
    let holds = table.entries.iter().any(|entry| entry.key == "hold");
    if plan.answering.hang_up.is_some() && part.calls() && !holds {
        if plan.odds.hang_up != Chance::ALWAYS {
            let what =
                "the answering side hangs up a share of the calls: how long do the others `hold`?";
            return Err(source.fault(table.at, 8, what));
        }
        part.choice.plan.hold = None;
    }
    if let Some(what) = part.choice.fault() {
        return Err(source.fault(table.at, 8, what));
    }
    Ok(part)
}

fn said(
    source: &Source<'_>,
    entry: &Entry<'_>,
    done: Option<Result<(), String>>,
    known: &str,
) -> Result<(), String> {
    match done {
        Some(Ok(())) => Ok(()),
        Some(Err(what)) => {
            let what = format!("`{}` is {what}", entry.key);
            Err(source.fault(entry.value_at, entry.value_width, &what))
        }
        None => {
            let what = format!("there is no `{}` here; there are {known}", entry.key);
            Err(source.fault(entry.at, entry.key.len(), &what))
        }
    }
}

fn set(plan: &mut Plan, key: &str, word: &str) -> Option<Result<(), String>> {
    let done = match key {
        "rate" => words::rate(word)
            .map(|rate| plan.rate = rate)
            .map_err(str::to_owned),
        "duration" => words::duration(word)
            .map(|time| plan.duration = time)
            .map_err(str::to_owned),
        "ramp" => words::duration(word)
            .map(|time| plan.ramp = time)
            .map_err(str::to_owned),
        "burst" => words::at_least_one(word)
            .map(|count| plan.burst = count)
            .map_err(str::to_owned),
        "users" => words::at_least_one(word)
            .map(|count| plan.users = count)
            .map_err(str::to_owned),
        "arrivals" => word
            .parse()
            .map(|kind| plan.arrivals = kind)
            .map_err(str::to_owned),
        "seed" => word
            .parse()
            .map(|seed| plan.seed = seed)
            .map_err(|_| "a whole number".to_owned()),
        "callee" => words::callee(word)
            .map(|callee| plan.callee = callee)
            .map_err(str::to_owned),
        "domain" => {
            plan.domain = word.to_owned();
            Ok(())
        }
        "trying" => word
            .parse()
            .map(|trying| plan.answering.trying = trying)
            .map_err(|_| "true or false".to_owned()),
        _ => return answering(plan, key, word),
    };
    Some(done)
}

/// The options that say how the answering side answers, on the command line as in a mix file.
pub(super) const ANSWERING: [&str; 8] = [
    "ring",
    "reject",
    "reject-share",
    "no-answer-share",
    "callee-hangs-up",
    "callee-hangs-up-share",
    "sdp",
    "accept",
];

pub(super) fn answering(plan: &mut Plan, key: &str, word: &str) -> Option<Result<(), String>> {
    let done = match key {
        "ring" => words::spread(word).map(|ring| plan.answering.ring = ring),
        "reject" => words::status(word)
            .map(|status| plan.reject = Some(status))
            .map_err(str::to_owned),
        "reject-share" => words::chance(word)
            .map(|share| plan.reject_share = Some(share))
            .map_err(str::to_owned),
        "no-answer-share" => words::chance(word)
            .map(|share| plan.odds.ring_on = share)
            .map_err(str::to_owned),
        "callee-hangs-up" => words::spread(word).map(|after| plan.answering.hang_up = Some(after)),
        "callee-hangs-up-share" => words::chance(word)
            .map(|share| plan.odds.hang_up = share)
            .map_err(str::to_owned),
        "sdp" => words::session(word)
            .map(|session| plan.session = session)
            .map_err(str::to_owned),
        "accept" => words::status(word)
            .map(|status| plan.accepted.push(status))
            .map_err(str::to_owned),
        _ => return None,
    };
    Some(done)
}
