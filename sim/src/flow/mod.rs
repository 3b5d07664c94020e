//! Stories: a `.flow` file played, its ladder printed.
//!
//! Registrations that the story presupposes happen before its zero and are not shown.

pub mod parse;

use std::fmt::Write as _;
use std::path::Path;

use loadgen::phone::{
    Answering, CallPlan, Chance, Faults, Guard, Routing, Settings, Spread, Then, Transport, Verb,
    What,
};

use crate::server::ServerPlan;
use crate::{Act, World};
use parse::{Clause, Flow};

/// Registrations before the story have this long.
const PRELUDE_US: u64 = 1_000_000;
/// The seed of every story: they differ in what happens, not in chance.
const SEED: u64 = 20_260_101;

/// Plays a story; `scripts` is the folder its scripts are in. Returns the ladder.
pub fn play(flow: &Flow, scripts: &Path) -> Result<String, String> {
    let mut world = World::new(SEED, flow.weather);
    for line in &flow.zone {
        world.zone.add(line)?;
    }
    for (number, server) in flow.servers.iter().enumerate() {
        let file = scripts.join(&server.script);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        world.add_server(&ServerPlan {
            name: server.name.clone(),
            address: server.address,
            shards: server.shards,
            domain: server.domain.clone(),
            script: (server.script.clone(), text),
            seed: SEED + number as u64,
        })?;
    }
    let cast = cast(flow)?;
    for settings in cast.settings {
        world.add_phone(settings);
    }
    for (number, phone) in flow.phones.iter().enumerate() {
        if phone.registered {
            world.act(0, number, Act::Register(0, 3600, false, 0));
        }
    }
    world.run(PRELUDE_US)?;
    world.happened.clear();
    world.log.clear();
    world.losses.clone_from(&flow.losses);
    let servers = flow
        .servers
        .iter()
        .map(|server| (server.address, server.name.clone()));
    let phones = flow
        .phones
        .iter()
        .map(|phone| (phone.address, phone.name.clone()));
    let everybody: Vec<_> = servers.chain(phones).collect();
    world.watch(&everybody, flow.with_cseq);
    for (at, phone, act) in cast.acts {
        world.act(PRELUDE_US + at, phone, act);
    }
    world.run(PRELUDE_US + flow.until_us)?;
    Ok(report(flow, &world))
}

/// The ladder from the story's zero, then how the calls ended, then what was logged.
fn report(flow: &Flow, world: &World) -> String {
    let mut out = world
        .ladder
        .as_ref()
        .map(|ladder| ladder.text_from(PRELUDE_US))
        .unwrap_or_default();
    let mut endings = String::new();
    for happened in &world.happened {
        let what = &happened.notice.what;
        if what.is_outcome()
            || matches!(
                what,
                What::Answered
                    | What::Incoming
                    | What::Forked
                    | What::Reinvited(_)
                    | What::Updated(_)
            )
        {
            let ms = happened.notice.at.saturating_sub(PRELUDE_US) / 1000;
            let _ = writeln!(
                endings,
                "{ms:>6}ms  {}: {what:?}",
                flow.phones[happened.phone].name
            );
        }
    }
    if !endings.is_empty() {
        let _ = write!(out, "\n{endings}");
    }
    if !world.log.is_empty() {
        out.push('\n');
        for (server, level, line) in &world.log {
            let _ = writeln!(out, "log {} {level}: {line}", flow.servers[*server].name);
        }
    }
    out
}

struct Cast {
    settings: Vec<Settings>,
    acts: Vec<(u64, usize, Act)>,
}

/// Who does what when: the clauses sorted by phone. What is said of a phone that is called counts from
/// the beginning; what is said of a caller counts for its last call.
fn cast(flow: &Flow) -> Result<Cast, String> {
    let mut settings = Vec::new();
    for (number, phone) in flow.phones.iter().enumerate() {
        let server = flow
            .servers
            .iter()
            .find(|server| server.name == phone.server)
            .ok_or_else(|| format!("`{}` is no server", phone.server))?;
        let domain = server
            .domain
            .clone()
            .unwrap_or_else(|| server.address.ip().to_string());
        let mut one = Settings::new(&phone.user, &domain, phone.address, SEED + number as u64);
        one.name.clone_from(&phone.name);
        one.proxy = Some(server.address);
        one.transport = if phone.tcp {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        one.routing = if phone.unrouted {
            Routing::Unrouted
        } else {
            Routing::RouteSet
        };
        settings.push(one);
    }
    let find = |name: &str| {
        flow.phones
            .iter()
            .position(|phone| phone.name == name)
            .ok_or_else(|| format!("`{name}` is no phone"))
    };
    let domains: Vec<String> = settings.iter().map(|one| one.domain.clone()).collect();
    let uri = |from: usize, whom: &str| match flow.phones.iter().find(|phone| phone.name == whom) {
        _ if whom.contains(':') => whom.to_owned(),
        Some(phone) => format!("sip:{}@{}", phone.user, domains[from]),
        None => format!("sip:{whom}@{}", domains[from]),
    };
    let mut acts: Vec<(u64, usize, Act)> = Vec::new();
    let mut answering: Vec<Answering> = vec![Answering::default(); settings.len()];
    let mut faults: Vec<Faults> = vec![Faults::default(); settings.len()];
    let mut cursor = 0;
    let mut tag = 0;
    for clause in &flow.play {
        match clause {
            Clause::Wait(time) => cursor += time,
            Clause::Registers(who, 0) => acts.push((cursor, find(who)?, Act::Unregister)),
            Clause::Registers(who, seconds) => {
                acts.push((cursor, find(who)?, Act::Register(0, *seconds, false, 0)))
            }
            Clause::Calls(who, whom) => {
                tag += 1;
                let caller = find(who)?;
                let plan = CallPlan {
                    hold: None,
                    cancel: None,
                    reinvite: None,
                };
                acts.push((cursor, caller, Act::Call(0, uri(caller, whom), plan, tag)));
            }
            Clause::Sends(who, method, whom) => {
                tag += 1;
                let verb = match method.as_str() {
                    "OPTIONS" => Verb::Options,
                    "MESSAGE" => Verb::Message,
                    _ => return Err(format!("a phone sends OPTIONS or MESSAGE, not `{method}`")),
                };
                let from = find(who)?;
                acts.push((cursor, from, Act::Request(0, verb, uri(from, whom), tag)));
            }
            Clause::Rings(who, time) => answering[find(who)?].ring = Spread::Fixed(*time),
            Clause::Answers(who, time) => {
                let answering = &mut answering[find(who)?];
                answering.then = Then::Answer;
                if *time > 0 {
                    answering.ring = Spread::Fixed(*time);
                }
            }
            Clause::Rejects(who, code, time) => {
                let answering = &mut answering[find(who)?];
                answering.then = Then::Reject(*code);
                if *time > 0 {
                    answering.ring = Spread::Fixed(*time);
                } else if answering.ring == Spread::Fixed(0) {
                    answering.ringing = None;
                }
            }
            Clause::NeverAnswers(who) => answering[find(who)?].then = Then::Ring,
            Clause::Silent(who) => answering[find(who)?].then = Then::Silent,
            Clause::HangsUp(who, time) => {
                let who = find(who)?;
                match last_plan(&mut acts, who) {
                    Some(plan) => plan.hold = Some(Spread::Fixed(*time)),
                    None => answering[who].hang_up = Some(Spread::Fixed(*time)),
                }
            }
            Clause::Cancels(who, time) => {
                let who = find(who)?;
                last_plan(&mut acts, who)
                    .ok_or("nobody cancels without calling")?
                    .cancel = Some(Spread::Fixed(*time));
            }
            Clause::Reinvites(who, time) => {
                let who = find(who)?;
                last_plan(&mut acts, who)
                    .ok_or("only callers re-invite")?
                    .reinvite = Some(Spread::Fixed(*time));
            }
            Clause::InCall(who, act) => acts.push((cursor, find(who)?, Act::InCall(*act))),
            Clause::Redirects(who, code, contacts) => {
                let who = find(who)?;
                answering[who].then = Then::Reject(*code);
                answering[who].ringing = None;
                settings[who].elsewhere.clone_from(contacts);
            }
            Clause::Challenges {
                who,
                code,
                realm,
                user,
                password,
                algorithm,
                qop,
            } => {
                settings[find(who)?].guard = Some(Guard {
                    realm: realm.clone(),
                    user: user.clone(),
                    password: password.clone(),
                    proxy: *code == 407,
                    algorithm: algorithm.clone(),
                    qop: qop.clone(),
                });
            }
            Clause::Fault(who, knob) => {
                let faults = &mut faults[find(who)?];
                let chance = match knob.as_str() {
                    "lose ack" => &mut faults.lose_ack,
                    "duplicate" => &mut faults.duplicate,
                    "late retransmission" => &mut faults.late_retransmission,
                    "wrong tag" => &mut faults.wrong_tag,
                    "ignore cancel" => &mut faults.ignore_cancel,
                    "second final" => &mut faults.second_final,
                    _ => return Err(format!("`{knob}` is no fault of a phone")),
                };
                *chance = Chance::ALWAYS;
            }
        }
    }
    for (number, settings) in settings.iter_mut().enumerate() {
        settings.answering = answering[number];
        settings.faults = faults[number];
    }
    Ok(Cast { settings, acts })
}

fn last_plan(acts: &mut [(u64, usize, Act)], who: usize) -> Option<&mut CallPlan> {
    acts.iter_mut().rev().find_map(|(_, phone, act)| match act {
        Act::Call(_, _, plan, _) if *phone == who => Some(plan),
        _ => None,
    })
}
