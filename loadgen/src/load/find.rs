//! `find`, `baseline` and `compare`: many runs in one, each on a fresh server when we are told how to start it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wire::process::Signals;

use super::plan::{Plan, Scenario};
use super::record;
use super::report::{self, Outcome};
use super::results;
use super::search::{Search, Trial};
use super::server::Server;
use super::supervise::measure;
use super::verdict::{self, Verdict};

/// What `find`, `baseline` and `compare` are told beyond a run.
#[derive(Clone, Debug)]
pub(super) struct Plural {
    pub(super) search: Search,
    /// How long the last run is, microseconds.
    pub(super) confirm: u64,
    /// Shell commands that start servers; none: they run already.
    pub(super) commands: Vec<String>,
    /// Of `compare`: the second server's address, when it is another.
    pub(super) other: Option<std::net::SocketAddr>,
    pub(super) rounds: usize,
    /// Of `compare`: what each side is told, all options together. None: both are told the same.
    pub(super) sides: Option<Box<[Sided; 2]>>,
}

/// One side of a comparison that has options of its own.
#[derive(Clone, Debug)]
pub(super) struct Sided {
    /// Its own options, as they were written.
    pub(super) options: String,
    pub(super) plan: Plan,
    pub(super) command: Option<String>,
}

/// One run that counts.
struct Run {
    rate: f64,
    outcome: Outcome,
    verdict: Verdict,
    plan: Plan,
}

/// Searches, prints, records. Whether a rate was found, and reached the target if there is one.
pub(super) fn find(plan: &Plan, plural: &Plural, signals: &mut Signals) -> Result<bool, String> {
    let mut trials = Vec::new();
    let best = search(plan, plural, 0, signals, &mut trials)?;
    let Some(best) = best else {
        println!("FAILED    no rate was held");
        let more = json!({ "search": trials, "good": false, "objections": ["no rate was held"] });
        save(plan, None, more)?;
        return Ok(false);
    };
    print!(
        "{}",
        report::table(&best.plan, &best.outcome, &best.verdict)
    );
    println!(
        "highest   {:.0}/s held for {:.0} s",
        best.rate,
        plural.confirm as f64 / 1e6
    );
    let mut objections = Vec::new();
    if let Some(target) = plan.target_cps.filter(|&target| best.rate < target) {
        println!("FAILED    the target is {target:.0}/s");
        objections.push(format!(
            "{:.0} per second were held, the target is {target:.0}",
            best.rate
        ));
        // Why is in the nearest run above that was not held.
        let above = trials
            .iter()
            .filter(|trial| trial["held"] == false)
            .min_by(|a, b| number(a, "rate").total_cmp(&number(b, "rate")));
        if let Some(above) = above {
            println!("          at {:.0}/s:", number(above, "rate"));
            for why in above["why"].as_array().into_iter().flatten() {
                let why = why.as_str().unwrap_or_default();
                println!("          {why}");
                objections.push(format!("at {:.0} per second: {why}", number(above, "rate")));
            }
        }
    }
    let good = objections.is_empty();
    let found = json!({
        "search": trials, "highest": best.rate, "good": good, "objections": objections,
        "command": plan.command, "servers": plural.commands,
    });
    save(plan, Some(&best), found)?;
    Ok(good)
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(0.0)
}

/// The confirmation at the highest rate; every trial is entered into `trials`.
fn search(
    plan: &Plan,
    plural: &Plural,
    side: usize,
    signals: &mut Signals,
    trials: &mut Vec<Value>,
) -> Result<Option<Run>, String> {
    let mut best = None;
    plural
        .search
        .highest(|rate, trial| {
            let duration = match trial {
                Trial::Probe => plan.duration,
                Trial::Confirmation => plural.confirm,
            };
            let run = once(plan, plural, side, rate, duration, signals)?;
            let held = run.verdict.is_good();
            let why: Vec<String> = match held {
                true => Vec::new(),
                false => [
                    run.verdict.objections.clone(),
                    verdict::limits(&run.plan, &run.outcome),
                ]
                .concat(),
            };
            let kind = match trial {
                Trial::Probe => "probe",
                Trial::Confirmation => "confirmation",
            };
            println!(
                "{kind:<13}{rate:>9.0}/s for {:>4.1} s  {}  {}",
                duration as f64 / 1e6,
                if held { "held" } else { "lost" },
                why.join("; ")
            );
            trials.push(json!({
                "rate": rate, "kind": kind, "held": held, "why": why,
                "failed": run.outcome.tally.failed(),
                "succeeded_per_second": run.outcome.success_rate(&run.plan),
                "goodput_per_second": run.outcome.goodput(),
                "server_us_per_call": server_cost(&run),
                "generator_busy": run.outcome.busy(&run.plan),
            }));
            if trial == Trial::Confirmation {
                best = Some(run);
            }
            Ok(held)
        })
        .map(|found| found.and(best))
}

/// One run, on a fresh server if there is a command for it.
fn once(
    plan: &Plan,
    plural: &Plural,
    side: usize,
    rate: f64,
    duration: u64,
    signals: &mut Signals,
) -> Result<Run, String> {
    let sided = plural.sides.as_ref().map(|sides| &sides[side]);
    let mut plan = sided.map_or(plan, |sided| &sided.plan).clone();
    if let (None, 1, Some(other)) = (sided, side, plural.other) {
        plan.target = other;
    }
    plan.rate = rate;
    plan.duration = duration;
    plan.target_cps = Some(rate * HELD);
    plan.json = None;
    let command = match sided {
        Some(sided) => sided.command.as_ref(),
        None => plural.commands.get(side),
    };
    let server = command
        .map(|command| Server::start(command, plan.target))
        .transpose()?;
    if let Some(server) = &server {
        plan.server_pids = vec![server.pid()];
    } else if plan.scenario == Scenario::Compare && sided.is_none() {
        // The first is the first server's.
        plan.server_pids = plan.server_pids.get(side).copied().into_iter().collect();
    }
    let (outcome, mut verdict) = measure(&plan, signals)?;
    verdict.objections.extend(verdict::not_held(&outcome.tally));
    if outcome.interrupted {
        return Err("interrupted".to_owned());
    }
    Ok(Run {
        rate,
        outcome,
        verdict,
        plan,
    })
}

/// Of the rate of Poisson arrivals, whose number varies, so much has to succeed.
const HELD: f64 = 0.99;

fn server_cost(run: &Run) -> Option<f64> {
    let used = run.outcome.server.as_ref()?.total as f64 / 1e3;
    Some(used / run.outcome.tally.ended() as f64)
}

/// Alternates two servers and prints what the first is of the second. Whether all runs at a given rate were held.
pub(super) fn compare(plan: &Plan, plural: &Plural, signals: &mut Signals) -> Result<bool, String> {
    let mut rounds: Vec<[Value; 2]> = Vec::new();
    let (mut good, mut objections) = (true, Vec::new());
    for round in 0..plural.rounds {
        let mut pair = [Value::Null, Value::Null];
        // Whoever is first has the other weather: they take turns.
        for side in [round % 2, 1 - round % 2] {
            let name = ["A", "B"][side];
            println!("round {} of {}, {name}", round + 1, plural.rounds);
            let own = plural
                .sides
                .as_ref()
                .map_or(plan, |sides| &sides[side].plan);
            let run = if own.rate_given {
                Some(once(own, plural, side, own.rate, own.duration, signals)?)
            } else {
                search(own, plural, side, signals, &mut Vec::new())?
            };
            let Some(run) = run else {
                return Err(format!("{name} held no rate"));
            };
            good &= run.verdict.is_good();
            for objection in &run.verdict.objections {
                println!("FAILED    {objection}");
                objections.push(format!("round {}, {name}: {objection}", round + 1));
            }
            let delay = &run.outcome.tally.post_dial;
            pair[side] = json!({
                "rate": run.rate, "server_us_per_call": server_cost(&run),
                "post_dial_p50_us": delay.value_at_quantile(0.5),
                "post_dial_p99_us": delay.value_at_quantile(0.99),
                "failed": run.outcome.tally.failed(), "held": run.verdict.is_good(),
            });
        }
        rounds.push(pair);
    }
    print!("{}", ratios(&rounds));
    let sides = plural.sides.iter().flat_map(|sides| sides.iter());
    let servers: Vec<_> = match &plural.sides {
        None => plural.commands.clone(),
        Some(_) => sides
            .clone()
            .filter_map(|side| side.command.clone())
            .collect(),
    };
    let sides: Vec<_> = sides.map(|side| side.options.as_str()).collect();
    let value = json!({
        "good": good, "objections": objections, "servers": servers, "sides": sides, "rounds": rounds,
    });
    save(plan, None, value)?;
    Ok(good)
}

/// What two servers are compared by, and what the record calls it.
pub(super) const FIGURES: [(&str, &str); 4] = [
    ("rate held, per second", "rate"),
    ("server CPU, us a call", "server_us_per_call"),
    ("post-dial delay p50, us", "post_dial_p50_us"),
    ("post-dial delay p99, us", "post_dial_p99_us"),
];

/// A figure of A and of B in all rounds, and what A was of B in each; sorted.
pub(super) struct Ratio {
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) ratios: Vec<f64>,
}

/// `None` when no round has the figure on both sides.
pub(super) fn ratio(rounds: &[[Value; 2]], name: &str) -> Option<Ratio> {
    let both = rounds
        .iter()
        .filter_map(|[a, b]| Some((a[name].as_f64()?, b[name].as_f64()?)));
    let both: Vec<_> = both.filter(|&(_, b)| b > 0.0).collect();
    let sorted = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = both.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    (!both.is_empty()).then(|| Ratio {
        a: sorted(&|pair| pair.0),
        b: sorted(&|pair| pair.1),
        ratios: sorted(&|(a, b)| a / b),
    })
}

/// Each figure of A and B, and A in terms of B: the median of the rounds, and between what they lay.
pub(super) fn ratios(rounds: &[[Value; 2]]) -> String {
    let mut out = format!(
        "{:<26}{:>10}{:>10}{:>9}   A/B lowest..highest of {} rounds\n",
        "medians",
        "A",
        "B",
        "A/B",
        rounds.len()
    );
    for (title, name) in FIGURES {
        let Some(Ratio { a, b, ratios }) = ratio(rounds, name) else {
            continue;
        };
        let _ = writeln!(
            out,
            "{title:<26}{:>10.1}{:>10.1}{:>9.3}   {:.3}..{:.3}",
            median(&a),
            median(&b),
            median(&ratios),
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
    out
}

/// The middle of sorted values.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// The run that counts as any run is recorded, with what the search or comparison adds.
fn save(plan: &Plan, run: Option<&Run>, more: Value) -> Result<(), String> {
    let mut value = match run {
        Some(run) => serde_json::from_str(&record::json(&run.plan, &run.outcome, &run.verdict))
            .map_err(|error| error.to_string())?,
        None => record::empty(plan),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    results::keep(plan, &format!("{value:#}\n"))
}
