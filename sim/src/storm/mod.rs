//! Storms: random calls and registrations through N engines in bad weather, then calm.
//!
//! During the storm the checkers and figures watch; in the calm everything must end: every call has exactly one
//! outcome that the weather can explain, no transaction, branch, parked run or timer is left.

use std::net::SocketAddr;

use engine::statistics::Counter;
use loadgen::phone::{
    Answering, CallPlan, Failure, Settings, Spread, Stage, Then, Transport as PhoneTransport, Verb,
    What,
};

use crate::figures::Figures;
use crate::figures::clock::Times;
use crate::network::Weather;
use crate::server::ServerPlan;
use crate::{Act, World};

/// Calls that start in one storm, at least.
pub const CALLS: u64 = 100;
const SECOND_US: u64 = 1_000_000;
/// Registrations come first, in fair weather.
const PRELUDE_US: u64 = 40 * SECOND_US;
/// Calls start within this.
const STORM_US: u64 = 30 * SECOND_US;
/// After this long in fair weather all must have ended: the longest call, Timer C, Timers L and H.
const CALM_US: u64 = 200 * SECOND_US;
const PHONES: u64 = 12;
/// Tags from here on are not calls.
const NOT_A_CALL: u64 = 1 << 32;
/// Phones from here on do not answer at all.
const SILENT_PHONES: u64 = 1;
/// 64*T1 and the longest way through the network.
const REGISTER_AGAIN_S: u64 = 33;
const RESIDENTIAL: &str = include_str!("../../flows/scripts/residential.cfg");
const SCRIPTED: &str = include_str!("scripted.cfg");
/// Questions that the name server leaves without an answer in bad weather, per mille.
const DNS_LOSS: u32 = 100;
/// A pause in a failure route, and a name whose questions all stay without an answer.
const SCRIPT_WAITS_US: u64 = 30 * SECOND_US;
/// New scripts in one storm, at most.
const RELOADS: u32 = 8;

/// What a storm came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Calls begun.
    pub calls: u64,
    /// Calls answered and hung up.
    pub answered: u64,
    /// Calls cancelled.
    pub cancelled: u64,
    /// Calls rejected or timed out, as planned or explained by the weather.
    pub failed: u64,
    /// Handovers between shards.
    pub handovers: u64,
    /// Calls that a script forked, in parallel or in a row.
    pub forks: u64,
    /// Failure routes that tried another phone.
    pub failovers: u64,
    /// Runs of the main route that waited for time.
    pub waits: u64,
    /// Names whose answer never came.
    pub unanswered: u64,
    /// Scripts that a shard swapped to.
    pub reloads: u64,
}

impl Tally {
    /// Adds another storm's.
    pub fn add(&mut self, other: &Tally) {
        let Tally {
            calls,
            answered,
            cancelled,
            failed,
            handovers,
            forks,
            failovers,
            waits,
            unanswered,
            reloads,
        } = other;
        self.calls += calls;
        self.answered += answered;
        self.cancelled += cancelled;
        self.failed += failed;
        self.handovers += handovers;
        self.forks += forks;
        self.failovers += failovers;
        self.waits += waits;
        self.unanswered += unanswered;
        self.reloads += reloads;
    }
}

/// How many engines a seed's storm runs on: 1, 2, 3 and 8, evenly.
pub fn engines(seed: u64) -> u16 {
    [1, 2, 3, 8][(seed % 4) as usize]
}

fn phone_address(number: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, number as u8 + 1], 5060))
}

/// Runs the storm of a seed. The error is the first thing that did not hold.
pub fn run(seed: u64) -> Result<Tally, String> {
    let mut world = build(seed)?;
    finish(&mut world, seed)
}

/// The same, with a ladder for a person to read: of the call that did not hold if there is one, else of everything.
pub fn replay(seed: u64) -> (Result<Tally, String>, String) {
    let mut world = match build(seed) {
        Ok(world) => world,
        Err(error) => return (Err(error), String::new()),
    };
    let phones = (0..PHONES).map(|number| (phone_address(number), format!("phone{number}")));
    let names: Vec<_> = phones
        .chain([(server_address(), "tandem".to_owned())])
        .collect();
    world.watch(&names, false);
    let result = finish(&mut world, seed);
    let ladder = world
        .ladder
        .as_ref()
        .map(
            |ladder| match result.as_ref().err().and_then(|error| call_of(error)) {
                Some(call_id) => ladder.of_call(call_id),
                None => ladder.text_from(0),
            },
        )
        .unwrap_or_default();
    (result, ladder)
}

/// The call that an objection is about: of the message that stands in it.
fn call_of(error: &str) -> Option<&str> {
    error
        .lines()
        .find_map(|line| line.strip_prefix("Call-ID: "))
        .map(str::trim)
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 100], 5060))
}

/// The world of a seed with all its acts scheduled.
fn build(seed: u64) -> Result<World, String> {
    let mut chance = fastrand::Rng::with_seed(seed ^ 0x5707_1357);
    let mut world = World::new(seed, Weather::calm(1));
    let times = times(seed);
    world.add_server(&ServerPlan {
        name: "tandem".into(),
        address: server_address(),
        shards: engines(seed),
        domain: None,
        script: ("storm.cfg".into(), script(seed, 0, &times)),
        seed,
    })?;
    if is_scripted(seed) {
        for number in 0..PHONES {
            let name = format!("phone{number}.storm.example.");
            let ip = phone_address(number).ip();
            world.zone.add(&format!("{name} 5 A {ip}"))?;
        }
        let mut number = 0;
        for _ in 0..chance.u32(0..=RELOADS) {
            let at = PRELUDE_US + chance.u64(0..STORM_US * 2);
            number += 1;
            let text = script(seed, number, &times);
            // Every fourth is broken: nothing happens.
            let text = if number % 4 == 0 {
                text.replace("exit;", "exit(;")
            } else {
                text
            };
            world.reload(at, 0, &text);
        }
    }
    world.figures = Some(Figures::new(times));
    for number in 0..PHONES {
        let mut settings = Settings::new(
            &format!("user{number}"),
            "10.0.0.100",
            phone_address(number),
            seed.wrapping_add(number),
        );
        settings.name = format!("phone{number}");
        settings.proxy = Some(server_address());
        settings.transport = if chance.u32(0..4) == 0 {
            PhoneTransport::Tcp
        } else {
            PhoneTransport::Udp
        };
        settings.answering = answering(number, &mut chance);
        let phone = world.add_phone(settings);
        world.act(
            chance.u64(0..SECOND_US),
            phone,
            Act::Register(0, 3600, false, NOT_A_CALL),
        );
    }
    for call in 0..CALLS {
        let at = PRELUDE_US + chance.u64(0..STORM_US);
        let caller = chance.u64(0..PHONES) as usize;
        // Now and then a user nobody knows.
        let callee = if chance.u32(0..20) == 0 {
            999
        } else {
            chance.u64(0..PHONES)
        };
        let to = format!("sip:user{callee}@10.0.0.100");
        world.act(at, caller, Act::Call(0, to, plan(&mut chance), call));
    }
    for other in 0..CALLS / 5 {
        let at = PRELUDE_US + chance.u64(0..STORM_US);
        let to = format!("sip:user{}@10.0.0.100", chance.u64(0..PHONES));
        let verb = if chance.bool() {
            Verb::Options
        } else {
            Verb::Message
        };
        world.act(
            at,
            chance.u64(0..PHONES) as usize,
            Act::Request(0, verb, to, NOT_A_CALL + other),
        );
        let registers = Act::Register(0, 3600, false, NOT_A_CALL);
        world.act(
            at + 1,
            chance.u64(0..PHONES - SILENT_PHONES) as usize,
            registers,
        );
    }
    Ok(world)
}

/// The times of a seed's server. Every second waits long enough for intervals to reach T2.
fn times(seed: u64) -> Times {
    let is_patient = (seed / 8).is_multiple_of(2);
    Times {
        t1_us: 500_000,
        t2_us: 4 * SECOND_US,
        t4_us: 5 * SECOND_US,
        unanswered_us: if is_patient { 20 } else { 5 } * SECOND_US,
        ringing_us: 30 * SECOND_US,
        ringing_restarts: is_patient,
        script_waits_us: if is_scripted(seed) {
            SCRIPT_WAITS_US
        } else {
            0
        },
    }
}

/// Whether the script of a seed's storm does more than relay: forks, waits, fails over and is reloaded.
pub fn is_scripted(seed: u64) -> bool {
    fastrand::Rng::with_seed(seed ^ 0x5c21_97ed).bool()
}

/// The script with these times in it; `version` counts the reloads.
fn script(seed: u64, version: u32, times: &Times) -> String {
    let set = |name: &str, value: u64| format!("modparam(\"tm\", \"{name}\", {value})");
    let mut text = if is_scripted(seed) {
        let text = SCRIPTED.replace("VERSION", &version.to_string());
        // What was armed by its name is gone: no failure route, the winning response goes on.
        match version % 2 {
            0 => text,
            _ => text.replace("failure_route[missed_call]", "failure_route[other_call]"),
        }
    } else {
        RESIDENTIAL.to_owned()
    };
    for (name, before, value) in [
        ("fr_timeout", 5, times.unanswered_us / SECOND_US),
        ("fr_inv_timeout", 30, times.ringing_us / SECOND_US),
        (
            "restart_fr_on_each_reply",
            0,
            u64::from(times.ringing_restarts),
        ),
    ] {
        let line = set(name, before);
        assert!(text.contains(&line), "the script sets {name}");
        text = text.replace(&line, &set(name, value));
    }
    // A phone that was cut off repeats a REGISTER for 64*T1. The default, OpenSIPS's 20 s, then takes it for
    // an old one, and a 200 that was lost is followed by 400.
    let usrloc = "loadmodule \"usrloc.so\"\n";
    let longer = format!("{usrloc}modparam(\"usrloc\", \"cseq_delay\", {REGISTER_AGAIN_S})\n");
    assert!(text.contains(usrloc), "the script has contacts");
    text.replace(usrloc, &longer)
}

fn answering(number: u64, chance: &mut fastrand::Rng) -> Answering {
    let then = match number {
        n if n >= PHONES - SILENT_PHONES => Then::Silent,
        _ => match chance.u32(0..10) {
            0 => Then::Reject(486),
            1 => Then::Reject(603),
            // Nobody at home: rings beyond Timer C, then gives up, as a phone must whose INVITE was
            // given up upstream before any of its responses arrived.
            2 => Then::Reject(480),
            _ => Then::Answer,
        },
    };
    let ring = match then {
        Then::Reject(480) => Spread::Uniform(32 * SECOND_US, 60 * SECOND_US),
        _ => Spread::Uniform(0, 8 * SECOND_US),
    };
    Answering {
        trying: chance.bool(),
        ringing: Some(if chance.bool() { 180 } else { 183 }),
        ring,
        then,
        hang_up: Some(Spread::Uniform(0, 20 * SECOND_US)),
    }
}

fn plan(chance: &mut fastrand::Rng) -> CallPlan {
    let rarely = |chance: &mut fastrand::Rng, one_in: u32, spread| {
        (chance.u32(0..one_in) == 0).then_some(spread)
    };
    CallPlan {
        hold: Some(Spread::Uniform(0, 20 * SECOND_US)),
        cancel: rarely(chance, 5, Spread::Uniform(0, 10 * SECOND_US)),
        reinvite: rarely(chance, 5, Spread::Uniform(0, 5 * SECOND_US)),
    }
}

/// The weather of a seed: every fourth storm is calm, so that nothing hides behind loss.
fn weather(seed: u64) -> Weather {
    let mut chance = fastrand::Rng::with_seed(seed ^ 0x0057_ea74);
    if (seed / 4).is_multiple_of(4) {
        return Weather {
            jitter_us: 0,
            ..Weather::calm(chance.u64(1..100))
        };
    }
    Weather {
        delay_us: chance.u64(0..100_000),
        jitter_us: chance.u64(0..200_000),
        loss: chance.u32(0..100),
        duplicate: chance.u32(0..100),
    }
}

/// Which phone falls silent for the rest of the bad weather, and when. Long enough for what waits for it to
/// be given up: a request, a ringing call, a CANCEL, an ACK.
fn cut_off(seed: u64) -> Option<(u64, u64)> {
    let mut chance = fastrand::Rng::with_seed(seed ^ 0x0c07_0ff0);
    let is_cut_off = weather(seed).loss > 0 && chance.bool();
    is_cut_off.then(|| {
        let phone = chance.u64(0..PHONES);
        (phone, PRELUDE_US + chance.u64(0..STORM_US))
    })
}

fn finish(world: &mut World, seed: u64) -> Result<Tally, String> {
    world.run(PRELUDE_US)?;
    let registered = world
        .happened
        .iter()
        .filter(|h| matches!(h.notice.what, What::Registered(_)))
        .count() as u64;
    if registered != PHONES {
        return Err(format!(
            "{registered} of {PHONES} phones registered in fair weather"
        ));
    }
    world.weather = weather(seed);
    // A full ring between shards is loss to the peer; as rare as it would be.
    world.ring_loss = if world.weather.loss > 0 { 5 } else { 0 };
    world.dns_loss = if world.weather.loss > 0 { DNS_LOSS } else { 0 };
    if let Some((phone, at_us)) = cut_off(seed) {
        world.run(at_us)?;
        world.cut_off = Some(phone_address(phone));
    }
    world.run(PRELUDE_US + STORM_US * 2)?;
    world.cut_off = None;
    world.weather = Weather::calm(1);
    world.ring_loss = 0;
    world.dns_loss = 0;
    world.run(PRELUDE_US + STORM_US * 2 + CALM_US)?;
    let mut tally = account(world, seed)?;
    all_has_ended(world)?;
    let engines = world.servers().iter().flat_map(|server| &server.engines);
    tally.handovers = engines
        .map(|engine| engine.core().statistics.get(Counter::HandoversReceived))
        .sum();
    let said = |what: &str| {
        let lines = world.log.iter();
        lines.filter(|(_, _, line)| line.starts_with(what)).count() as u64
    };
    tally.forks = said("forks");
    tally.failovers = said("fails over");
    tally.waits = said("waits");
    tally.unanswered = world.unanswered;
    tally.reloads = world.reloads;
    if weather(seed).loss == 0 && (engines_of(world) > 1) != (tally.handovers > 0) {
        return Err(format!(
            "{} handovers on {} engines",
            tally.handovers,
            engines_of(world)
        ));
    }
    Ok(tally)
}

fn engines_of(world: &World) -> usize {
    world
        .servers()
        .iter()
        .map(|server| server.engines.len())
        .sum()
}

/// Every call has exactly one outcome, and one that can be.
fn account(world: &World, seed: u64) -> Result<Tally, String> {
    let fair = weather(seed).loss == 0;
    let mut tally = Tally::default();
    let mut outcomes = vec![0u32; CALLS as usize];
    for happened in &world.happened {
        let notice = &happened.notice;
        let is_callers = notice.what.is_outcome() && notice.tag < NOT_A_CALL;
        // The answering side's notices carry tag 0 and follow an Incoming; only callers are counted.
        if notice.what == What::Calling {
            tally.calls += 1;
        }
        match notice.what {
            What::Refused => return Err(format!("phone{} refused a command", happened.phone)),
            What::Failed(Failure::Unusable) => return Err("a 200 that makes no dialog".into()),
            What::Failed(Failure::Rejected(code)) if !is_explained(code) => {
                return Err(format!(
                    "{} us: a call or request was rejected with {code}",
                    notice.at
                ));
            }
            What::Failed(Failure::Timeout(stage @ (Stage::Bye | Stage::Calling))) if fair => {
                return Err(format!(
                    "{} us: {stage:?} timed out in fair weather",
                    notice.at
                ));
            }
            What::Failed(Failure::NoAck | Failure::ByeRejected(_))
                if fair && !world_has_races(notice.what) =>
            {
                return Err(format!(
                    "{} us: {:?} in fair weather",
                    notice.at, notice.what
                ));
            }
            _ => {}
        }
        if is_callers && caller_of(world, happened.phone, notice.call, notice.tag) {
            outcomes[notice.tag as usize] += 1;
            match notice.what {
                What::Ended { .. } => tally.answered += 1,
                What::Cancelled { .. } => tally.cancelled += 1,
                _ => tally.failed += 1,
            }
        }
    }
    if tally.calls != CALLS {
        return Err(format!("{} of {CALLS} calls began", tally.calls));
    }
    match outcomes.iter().position(|&count| count != 1) {
        Some(call) => Err(format!("call {call} has {} outcomes", outcomes[call])),
        None => Ok(tally),
    }
}

/// Two BYEs that cross: the second finds no dialog (RFC 3261 §15.1.2).
fn world_has_races(what: What) -> bool {
    matches!(what, What::Failed(Failure::ByeRejected(481)))
}

/// Whether a storm has a reason for this rejection: unknown user, busy, declined, cancelled, timed out, dead phone, a
/// name whose questions stayed without an answer.
fn is_explained(code: u16) -> bool {
    matches!(code, 404 | 408 | 478 | 480 | 481 | 486 | 487 | 491 | 603)
}

fn caller_of(world: &World, phone: usize, call: loadgen::phone::CallId, tag: u64) -> bool {
    world.happened.iter().any(|h| {
        h.phone == phone
            && h.notice.call == call
            && h.notice.tag == tag
            && h.notice.what == What::Calling
    })
}

/// Nothing is left but the registrations.
fn all_has_ended(world: &World) -> Result<(), String> {
    for number in 0..world.phone_count() {
        let phone = world.phone(number);
        let (calls, transactions, _) = phone.records();
        if phone.open_calls() + calls + transactions > 0 {
            return Err(format!(
                "phone{number} still has {} open calls, {calls} calls, {transactions} transactions",
                phone.open_calls()
            ));
        }
    }
    for server in world.servers() {
        for (shard, engine) in server.engines.iter().enumerate() {
            engine.check_invariants()?;
            let counts = engine.counts();
            if !counts.is_calm() {
                return Err(format!(
                    "{} shard {shard} has not ended: {counts:?}",
                    server.name
                ));
            }
        }
    }
    Ok(())
}
