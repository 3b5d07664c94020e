//! The command line, read into a plan.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use lexopt::ValueExt;
use lexopt::prelude::*;

use super::connections::Keeping;
use super::find::{Plural, Sided};
use super::held;
use super::mix;
use super::part::{CHOICES, Choice, Part};
use super::people::{self, People};
use super::schedule::Shape;
use super::search::Search;
use super::usage::{self, USAGE};
use super::words::{self, at_least_one, callee, duration, rate};
use crate::phone::{Answering, Chance, Micros, Odds, Session, Spread, Then};
use crate::source::Source;

/// The longest that datagrams gather.
const GATHER_MAX: Micros = 10_000;

/// The shortest time between two pings of a connection.
const KEEP_ALIVE_MIN: Micros = 100_000;

/// Sockets of one side of a thread: as many descriptors as a process is usually allowed, with room.
const SOCKETS_MAX: usize = 8192;

/// What the command line asks for.
#[derive(Debug)]
pub(super) enum Request {
    Help(&'static str),
    Run(Box<Plan>),
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    Call,
    Register,
    Options,
    Message,
    /// Several of these at once.
    Mix,
    /// Only answers.
    Uas,
    /// Opens TCP connections and keeps them.
    Connections,
    /// Moves datagrams between a generator's two sides and does nothing else.
    Forward,
    /// Calls of the generator to itself, without any server.
    Baseline,
    /// Looks for the highest rate that is held.
    Find,
    /// Alternates two servers.
    Compare,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    /// Our own answering side, by its addresses.
    Direct,
    /// Our own answering side, by users that it registers first.
    Registered,
    /// Somebody else, by this Request-URI.
    Other(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrivals {
    Even,
    Poisson,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) scenario: Scenario,
    pub(super) target: SocketAddr,
    pub(super) rate: f64,
    pub(super) rate_given: bool,
    /// What `find`, `compare` and a `baseline` without a rate do beyond one run.
    pub(super) plural: Option<Plural>,
    pub(super) duration: Micros,
    pub(super) calls: u64,
    pub(super) arrivals: Arrivals,
    pub(super) ramp: Micros,
    /// How long what comes and what is due may gather before the thread looks again.
    pub(super) gather: Micros,
    pub(super) burst: u64,
    pub(super) seed: u64,
    pub(super) choice: Choice,
    /// Of `mix`.
    pub(super) mix: Vec<Part>,
    pub(super) answering: Answering,
    pub(super) reject: Option<u16>,
    pub(super) reject_share: Option<Chance>,
    pub(super) odds: Odds,
    pub(super) session: Session,
    /// Final responses that are no failure, besides what our own answering side rejects with.
    pub(super) accepted: Vec<u16>,
    /// What MESSAGE says.
    pub(super) body: String,
    /// Of `register`: every user once, and refreshed before it expires.
    pub(super) refresh: bool,
    pub(super) unrouted: bool,
    pub(super) callee: Callee,
    pub(super) users: u64,
    pub(super) domain: String,
    pub(super) expires: u32,
    pub(super) login: Option<(String, String)>,
    pub(super) people: People,
    /// Every challenge is a new one: none is answered twice.
    pub(super) fresh_nonce: bool,
    pub(super) local: IpAddr,
    /// Addresses from `local` on that each side uses, with as many sockets each.
    pub(super) addresses: usize,
    pub(super) sources: usize,
    pub(super) answer_sources: usize,
    pub(super) listen: Option<SocketAddr>,
    pub(super) threads: usize,
    pub(super) core: Option<usize>,
    pub(super) linger: Micros,
    /// So many calls stand at once.
    pub(super) held: Option<u64>,
    /// Of `connections`.
    pub(super) keeping: Keeping,
    /// Whether the phones send anything again.
    pub(super) retransmit: bool,
    /// Of `forward`: one datagram in so many is not passed on; 0 is none.
    pub(super) drop_every: u64,
    /// Of `forward`: datagrams of one size leave as runs.
    pub(super) gso: bool,
    pub(super) drain: Micros,
    pub(super) check: bool,
    pub(super) server_pids: Vec<u32>,
    pub(super) json: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
    /// The folder of the whole record, or what it is called in bench-results/.
    pub(super) record: Option<String>,
    /// Files that belong to the record: scripts, profiles.
    pub(super) attached: Vec<PathBuf>,
    /// Sentences that belong to the record.
    pub(super) notes: Vec<String>,
    /// Prints what the server counts; asked before and after.
    pub(super) counters: Option<String>,
    pub(super) target_cps: Option<f64>,
    /// One start in a hundred may be so late.
    pub(super) max_late: Micros,
    pub(super) max_failed: u64,
    pub(super) quiet: bool,
    /// The command line as it was, for the record.
    pub(super) command: String,
}

pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let words = arguments.iter().skip(1);
    let words: Vec<_> = words
        .map(|word| words::quoted(&word.to_string_lossy()))
        .collect();
    let command = format!("tandem-loadgen {}", words.join(" "));
    let complain = |error: lexopt::Error| format!("{error} (--help says more)");
    let (common, sides) = sides_of(arguments)?;
    let read = |arguments: &[OsString], is_sided| {
        read(
            lexopt::Parser::from_iter(arguments),
            command.clone(),
            is_sided,
        )
    };
    if sides.iter().all(Option::is_none) {
        return read(&common, false).map_err(complain);
    }
    let Request::Run(mut plan) = read(&common, true).map_err(complain)? else {
        return Ok(Request::Help(USAGE));
    };
    if plan.scenario != Scenario::Compare {
        return Err("--a and --b are the options of the two sides of `compare`".to_owned());
    }
    let seed = plan.seed;
    let side = |name: &str, options: Option<String>| {
        let options = options.unwrap_or_default();
        let words = words::split(&options).map_err(|what| format!("--{name} {options}: {what}"))?;
        let mut arguments = common.clone();
        arguments.extend(words.iter().map(OsString::from));
        let request = read(&arguments, true).map_err(|error| complain(error) + ", in --" + name)?;
        let Request::Run(mut plan) = request else {
            return Err(format!("--{name} asks for help"));
        };
        if !words.iter().any(|word| word.starts_with("--seed")) {
            plan.seed = seed;
        }
        let plural = plan.plural.take();
        let (other, command) = plural.map_or((None, None), |mut plural| {
            (plural.other, plural.commands.pop())
        });
        Ok((options, *plan, other, command))
    };
    let [a, b] = sides;
    let (a, b) = (side("a", a)?, side("b", b)?);
    let second = plan.plural.as_ref().and_then(|plural| plural.other);
    let sided = |(options, mut plan, other, command): (String, Plan, Option<SocketAddr>, _), at| {
        // Of two common targets the second is B's; a side's own goes before both.
        if let Some(other) = other.filter(|&other| at == 1 || Some(other) != second) {
            plan.target = other;
        }
        Sided {
            options,
            plan,
            command,
        }
    };
    let both = Box::new([sided(a, 0), sided(b, 1)]);
    let fresh = both.iter().filter(|side| side.command.is_some()).count();
    if both[0].plan.target == both[1].plan.target && fresh == 1 {
        return Err(
            "one side has a --server-command and the other does not, on one address".to_owned(),
        );
    }
    if let Some(plural) = &mut plan.plural {
        plural.sides = Some(both);
    }
    Ok(Request::Run(plan))
}

/// The options of all, and those of each side.
fn sides_of(arguments: Vec<OsString>) -> Result<(Vec<OsString>, [Option<String>; 2]), String> {
    let (mut common, mut sides) = (Vec::new(), [None, None]);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let side = match argument.to_str() {
            Some("--a") => 0,
            Some("--b") => 1,
            _ => {
                common.push(argument);
                continue;
            }
        };
        let options = arguments
            .next()
            .map(|options| options.to_string_lossy().into_owned());
        sides[side] = Some(options.ok_or("--a and --b need the options of that side, in quotes")?);
    }
    Ok((common, sides))
}

fn read(
    mut parser: lexopt::Parser,
    command: String,
    is_sided: bool,
) -> Result<Request, lexopt::Error> {
    let mut scenario = None;
    let mut target = None;
    let mut plan = defaults(command);
    let mut plural = Plural {
        search: Search {
            first: 1_000.0,
            step: 1.5,
            precision: 0.02,
        },
        confirm: 60_000_000,
        commands: Vec::new(),
        other: None,
        rounds: 3,
        sides: None,
    };
    let mut held = false;
    let (mut lasts, mut stand, mut stay) = (false, None, 10_000_000);
    let mut drain = None;
    let mut local = None;
    let mut domain = None;
    let (mut user, mut password) = (String::new(), None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help(usage::of(scenario))),
            Value(word) if scenario.is_none() => {
                scenario = Some(match word.string()?.as_str() {
                    "call" => Scenario::Call,
                    "register" => Scenario::Register,
                    "options" => Scenario::Options,
                    "message" => Scenario::Message,
                    "mix" => Scenario::Mix,
                    "connections" => Scenario::Connections,
                    "uas" => Scenario::Uas,
                    "forward" => Scenario::Forward,
                    "baseline" => Scenario::Baseline,
                    "find" => Scenario::Find,
                    "compare" => Scenario::Compare,
                    other => {
                        return Err(format!(
                            "`{other}` is no scenario: call, register, options, message, mix, connections, uas, forward, baseline, find or compare"
                        )
                        .into());
                    }
                });
            }
            Value(word) if scenario == Some(Scenario::Mix) && plan.mix.is_empty() => {
                let path = word.string()?;
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| format!("cannot read {path}: {error}"))?;
                let source = Source {
                    name: &path,
                    text: &text,
                };
                mix::read(&source, &mut plan)?;
                if !plan.domain.is_empty() {
                    domain = Some(std::mem::take(&mut plan.domain));
                }
            }
            Value(word) if target.is_none() => target = Some(word.parse_with(address)?),
            Long("rate") => {
                plan.rate = parser.value()?.parse_with(rate)?;
                plan.rate_given = true;
            }
            Value(word) if scenario == Some(Scenario::Compare) && plural.other.is_none() => {
                plural.other = Some(word.parse_with(address)?);
            }
            Long("step") => plural.search.step = parser.value()?.parse_with(step)?,
            Long("precision") => plural.search.precision = parser.value()?.parse_with(share)?,
            Long("confirm") => plural.confirm = parser.value()?.parse_with(duration)?,
            Long("rounds") => plural.rounds = parser.value()?.parse_with(at_least_one)? as usize,
            Long("server-command") => plural.commands.push(parser.value()?.string()?),
            Long("duration") => {
                plan.duration = parser.value()?.parse_with(duration)?;
                lasts = true;
            }
            Long("calls") => {
                plan.calls = parser.value()?.parse()?;
                lasts = true;
            }
            Long("held") => stand = Some(parser.value()?.parse_with(at_least_one)?),
            Long("stay") => stay = parser.value()?.parse_with(duration)?,
            Long("count") => plan.keeping.count = parser.value()?.parse_with(at_least_one)?,
            Long("keep-alive") => {
                plan.keeping.every = parser.value()?.parse_with(duration)?.max(KEEP_ALIVE_MIN);
            }
            Long("pong") => plan.keeping.pong = parser.value()?.parse_with(duration)?.max(1),
            Long("arrivals") => {
                plan.arrivals = parser.value()?.parse_with(str::parse::<Arrivals>)?;
            }
            Long("ramp") => plan.ramp = parser.value()?.parse_with(duration)?,
            Long("gather") => plan.gather = parser.value()?.parse_with(duration)?.min(GATHER_MAX),
            Long("burst") => plan.burst = parser.value()?.parse_with(at_least_one)?,
            Long("trunk") => (plan.sources, plan.answer_sources) = (1, 1),
            Long("ports") => {
                plan.sources = parser.value()?.parse_with(at_least_one)? as usize;
                plan.answer_sources = plan.sources;
            }
            Long("addresses") => {
                plan.addresses = parser.value()?.parse_with(at_least_one)? as usize
            }
            Long("no-retransmit") => plan.retransmit = false,
            Long("drop-every") => plan.drop_every = parser.value()?.parse_with(at_least_one)?,
            Long("seed") => plan.seed = parser.value()?.parse()?,
            Long(name) if CHOICES.contains(&name) || mix::ANSWERING.contains(&name) => {
                let name = name.to_owned();
                let word = parser.value()?.string()?;
                held |= name == "hold";
                let done = plan.choice.set(&name, &word);
                let done = done.or_else(|| mix::answering(&mut plan, &name, &word));
                done.unwrap_or(Ok(()))
                    .map_err(|error| format!("--{name} {word}: {error}"))?;
            }
            Long("body") => plan.body = parser.value()?.string()?,
            Long("refresh") => plan.refresh = true,
            Long("no-answer") => plan.answering.then = Then::Ring,
            Long("trying") => plan.answering.trying = true,
            Long("unrouted") => plan.unrouted = true,
            Long("callee") => plan.callee = parser.value()?.parse_with(callee)?,
            Long("to") => plan.callee = Callee::Other(parser.value()?.string()?),
            Long("users") => plan.users = parser.value()?.parse_with(at_least_one)?,
            Long("domain") => domain = Some(parser.value()?.string()?),
            Long("expires") => plan.expires = parser.value()?.parse()?,
            Long("user") => user = parser.value()?.string()?,
            Long("user-pattern") => {
                plan.people = parser.value()?.parse_with(people::pattern)?;
            }
            Long("users-file") => {
                let path = parser.value()?.string()?;
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| format!("cannot read {path}: {error}"))?;
                plan.people = people::list(&Source {
                    name: &path,
                    text: &text,
                })?;
            }
            Long("fresh-nonce") => plan.fresh_nonce = true,
            Long("password") => password = Some(parser.value()?.string()?),
            Long("local") => local = Some(parser.value()?.parse::<IpAddr>()?),
            Long("sources") => plan.sources = parser.value()?.parse_with(at_least_one)? as usize,
            Long("answer-sources") => {
                plan.answer_sources = parser.value()?.parse_with(at_least_one)? as usize
            }
            Long("listen") => plan.listen = Some(parser.value()?.parse_with(address)?),
            Long("threads") => plan.threads = parser.value()?.parse_with(at_least_one)? as usize,
            Long("core") => plan.core = Some(parser.value()?.parse()?),
            Long("linger") => plan.linger = parser.value()?.parse_with(duration)?,
            Long("drain") => drain = Some(parser.value()?.parse_with(duration)?),
            Long("gso") => plan.gso = true,
            Long("no-check") => plan.check = false,
            Long("server-pid") => plan.server_pids.push(parser.value()?.parse()?),
            Long("json") => plan.json = Some(parser.value()?.into()),
            Long("html") => plan.html = Some(parser.value()?.into()),
            Long("record") => plan.record = Some(parser.value()?.string()?),
            Long("attach") => plan.attached.push(parser.value()?.into()),
            Long("note") => plan.notes.push(parser.value()?.string()?),
            Long("server-counters") => plan.counters = Some(parser.value()?.string()?),
            Long("max-late") => plan.max_late = parser.value()?.parse_with(duration)?,
            Long("target-cps") => plan.target_cps = Some(parser.value()?.parse_with(rate)?),
            Long("max-failed") => plan.max_failed = parser.value()?.parse()?,
            Long("quiet") => plan.quiet = true,
            other => return Err(other.unexpected()),
        }
    }
    let Some(scenario) = scenario else {
        return Ok(Request::Help(USAGE));
    };
    plan.scenario = scenario;
    plan.login = password.map(|password| (user, password));
    match (scenario, target, plan.listen) {
        (Scenario::Uas, None, Some(listen)) => plan.target = listen,
        (Scenario::Uas, Some(_), _) => {
            return Err("`uas` answers and calls nobody: it takes no TARGET".into());
        }
        (Scenario::Uas, None, None) => return Err("`uas` needs --listen IP:PORT".into()),
        (Scenario::Forward, _, None) => return Err("`forward` needs --listen IP:PORT".into()),
        (Scenario::Forward, _, _) if plan.threads > 1 => {
            return Err("`forward` is one thread".into());
        }
        (Scenario::Baseline, Some(_), _) => {
            return Err("`baseline` calls itself: it takes no TARGET".into());
        }
        (Scenario::Baseline, None, _) => {}
        (Scenario::Mix, _, _) if plan.mix.is_empty() => {
            return Err("`mix` needs its FILE before TARGET".into());
        }
        (_, Some(target), _) => plan.target = target,
        (_, None, _) => return Err("which TARGET? as 192.0.2.1:5060".into()),
    }
    agree(&mut plan, held)?;
    if let Some(count) = stand {
        held::hold(&mut plan, count, stay, lasts || held)?;
    }
    if plan.scenario == Scenario::Connections {
        let opening = plan.keeping.count as f64 / plan.rate * 1e6 + plan.ramp as f64 / 2.0;
        if opening >= plan.duration as f64 {
            let seconds = opening / 1e6;
            return Err(format!(
                "{} connections at {}/s take {seconds:.0} s to open: --duration has to be longer",
                plan.keeping.count, plan.rate
            )
            .into());
        }
    }
    if plan.people != People::Numbered && !plan.registers() {
        return Err(
            "--user-pattern and --users-file say who registers: `register`, or a part of a mix"
                .into(),
        );
    }
    if let People::Listed(people) = &plan.people {
        plan.users = people.len() as u64;
    }
    let searches = match scenario {
        Scenario::Find | Scenario::Compare => true,
        Scenario::Baseline => !plan.rate_given,
        _ => false,
    };
    if searches {
        let commands = if scenario == Scenario::Compare { 2 } else { 1 };
        if plural.commands.len() > commands
            || (scenario == Scenario::Baseline && !plural.commands.is_empty())
        {
            return Err("more --server-command than servers".into());
        }
        let is_alone = plural.other.is_none() && plural.commands.len() < 2 && !is_sided;
        if scenario == Scenario::Compare && is_alone {
            return Err(
                "`compare` needs two servers: TARGET twice, or --server-command twice".into(),
            );
        }
        if plan.rate_given {
            plural.search.first = plan.rate;
        }
        plan.plural = Some(plural);
    } else if !plural.commands.is_empty() {
        return Err("--server-command is for `find` and `compare`".into());
    }
    // A rate that leaves calls open so long is not held: a search need not wait for their timers.
    let usual = if searches { 5_000_000 } else { plan.drain };
    plan.drain = drain.unwrap_or(usual.saturating_add(plan.longest()));
    plan.local = local.unwrap_or(match plan.target.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    });
    if plan.sources.max(plan.answer_sources) * plan.addresses > SOCKETS_MAX {
        return Err(format!("more than {SOCKETS_MAX} sockets on one side of a thread").into());
    }
    if plan.record.is_none() && !(plan.attached.is_empty() && plan.notes.is_empty()) {
        return Err("--attach and --note belong to a --record".into());
    }
    if plan.gso && scenario != Scenario::Forward {
        return Err("--gso is what `forward` does; all others do it anyway".into());
    }
    if plan.drop_every > 0 && scenario != Scenario::Forward {
        return Err("--drop-every is what `forward` does".into());
    }
    plan.domain = domain.unwrap_or_else(|| match plan.target.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    Ok(Request::Run(Box::new(plan)))
}

fn defaults(command: String) -> Plan {
    Plan {
        scenario: Scenario::Call,
        target: SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)),
        rate: 100.0,
        rate_given: false,
        plural: None,
        duration: 10_000_000,
        calls: u64::MAX,
        arrivals: Arrivals::Even,
        ramp: 0,
        gather: 0,
        burst: 1,
        seed: std::time::UNIX_EPOCH
            .elapsed()
            .map_or(1, |since| since.as_nanos() as u64),
        choice: Choice::default(),
        mix: Vec::new(),
        answering: Answering::default(),
        reject: None,
        reject_share: None,
        odds: Odds::default(),
        session: Session::Offer,
        accepted: Vec::new(),
        body: "hello".to_owned(),
        refresh: false,
        unrouted: false,
        callee: Callee::Direct,
        users: 100,
        domain: String::new(),
        expires: 3600,
        login: None,
        people: People::Numbered,
        fresh_nonce: false,
        local: Ipv4Addr::LOCALHOST.into(),
        addresses: 1,
        sources: 4,
        answer_sources: 4,
        listen: None,
        threads: 1,
        core: None,
        linger: 5_000_000,
        held: None,
        keeping: Keeping::default(),
        retransmit: true,
        drop_every: 0,
        gso: false,
        drain: 35_000_000,
        check: true,
        server_pids: Vec::new(),
        json: None,
        html: None,
        record: None,
        attached: Vec::new(),
        notes: Vec::new(),
        counters: None,
        target_cps: None,
        max_late: 50_000,
        max_failed: 0,
        quiet: false,
        command,
    }
}

/// What the options mean together.
fn agree(plan: &mut Plan, held: bool) -> Result<(), String> {
    if let Some(what) = plan.choice.fault() {
        return Err(what.to_owned());
    }
    match (plan.reject, plan.reject_share) {
        (Some(status), None) => plan.answering.then = Then::Reject(status),
        (status, Some(share)) => {
            plan.odds.reject = share;
            plan.odds.status = status.unwrap_or(plan.odds.status);
        }
        (None, None) => {}
    }
    if plan.odds.reject.0.saturating_add(plan.odds.ring_on.0) > Chance::ALWAYS.0 {
        return Err("more than all calls are rejected or not answered".to_owned());
    }
    let calls = |part: &&Part| part.scenario == Scenario::Call;
    let (parts, choices) = (plan.parts(), &plan.choice);
    let patient = if plan.mix.is_empty() {
        plan.scenario == Scenario::Uas || choices.gives_up()
    } else {
        parts
            .iter()
            .filter(calls)
            .all(|part| part.choice.gives_up())
    };
    if plan.odds.ring_on.0 > 0 && !patient {
        return Err(
            "who rings on has to be given up: --no-answer-share needs --patience, or --cancel of every call".to_owned(),
        );
    }
    if plan.answering.hang_up.is_none() {
        if plan.odds.hang_up != Chance::ALWAYS {
            return Err(
                "--callee-hangs-up-share is the share of --callee-hangs-up: after how long?"
                    .to_owned(),
            );
        }
        return Ok(());
    }
    if plan.odds.hang_up == Chance::ALWAYS {
        if !held {
            plan.choice.plan.hold = None;
        }
        // Of a mix: a part that says how long it holds keeps that.
        return Ok(());
    }
    if !held && plan.mix.is_empty() && plan.scenario != Scenario::Uas {
        return Err(
            "--callee-hangs-up-share needs --hold: how long do the other calls last?".to_owned(),
        );
    }
    Ok(())
}

fn address(word: &str) -> Result<SocketAddr, String> {
    let with_port = if word.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) {
        format!("[{word}]:5060")
    } else if word.contains(':') {
        word.to_owned()
    } else {
        format!("{word}:5060")
    };
    let mut found = with_port
        .to_socket_addrs()
        .map_err(|error| format!("no address: {error}"))?;
    found.next().ok_or_else(|| "no address".to_owned())
}

fn step(word: &str) -> Result<f64, &'static str> {
    word.parse()
        .ok()
        .filter(|step| (1.01..=16.0).contains(step))
        .ok_or("a factor from 1.01 to 16")
}

fn share(word: &str) -> Result<f64, &'static str> {
    word.parse()
        .ok()
        .filter(|share| (0.001..=0.5).contains(share))
        .ok_or("a share from 0.001 to 0.5")
}

impl Plan {
    /// How many calls this plan starts if nothing stops it.
    pub(super) fn expected(&self) -> u64 {
        if self.scenario == Scenario::Connections {
            return self.keeping.count;
        }
        let parts = self.parts();
        let expected = parts.iter().map(|part| {
            let shape = part.shape(self);
            (self.rate_of(part) * shape.at_full_rate(shape.duration)).round() as u64
        });
        expected.sum::<u64>().min(self.calls)
    }

    /// What it starts.
    pub(super) fn parts(&self) -> Vec<Part> {
        if !self.mix.is_empty() {
            return self.mix.clone();
        }
        let name = format!("{:?}", self.scenario).to_lowercase();
        let mut part = Part::new(&name, self.scenario);
        part.choice = self.choice;
        part.body = self.body.clone();
        part.expires = self.expires;
        part.refresh = self.refresh;
        vec![part]
    }

    /// Starts per second of a part.
    pub(super) fn rate_of(&self, part: &Part) -> f64 {
        if self.mix.is_empty() {
            return self.rate;
        }
        let sharing = self.mix.iter().filter(|part| part.rate.is_none());
        let shares: f64 = sharing.map(|part| part.share).sum();
        part.rate.unwrap_or(self.rate * part.share / shares)
    }

    /// Starts per second of all parts, at the full rate.
    pub(super) fn whole_rate(&self) -> f64 {
        if self.mix.is_empty() {
            return self.rate;
        }
        self.mix.iter().map(|part| self.rate_of(part)).sum()
    }

    /// Whether somebody of ours is called or asked.
    pub(super) fn has_answering_side(&self) -> bool {
        let asks = |part: &Part| {
            let reaches = matches!(part.scenario, Scenario::Message) || part.calls();
            reaches && part.to.is_none()
        };
        self.scenario == Scenario::Uas
            || (!matches!(self.callee, Callee::Other(_)) && self.parts().iter().any(asks))
    }

    /// How long what was started may take by plan; the longest of what is drawn.
    fn longest(&self) -> Micros {
        let longest = |spread: Option<Spread>| spread.map_or(0, Spread::longest);
        let parts = self.parts();
        let of_part = parts.iter().filter(|part| part.calls()).map(|part| {
            let choice = &part.choice;
            let gives_up = longest(choice.plan.cancel).max(longest(choice.patience));
            longest(choice.plan.hold).max(gives_up)
        });
        let answering =
            longest(self.answering.hang_up).saturating_add(self.answering.ring.longest());
        of_part.max().unwrap_or(0).saturating_add(answering)
    }

    /// Whether it registers users of its own.
    pub(super) fn registers(&self) -> bool {
        self.parts()
            .iter()
            .any(|part| part.scenario == Scenario::Register)
    }

    /// Whether it makes calls.
    pub(super) fn calls(&self) -> bool {
        self.mix.iter().any(Part::calls)
            || matches!(
                self.scenario,
                Scenario::Call | Scenario::Baseline | Scenario::Find | Scenario::Compare
            )
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            arrivals: self.arrivals,
            ramp: self.ramp,
            burst: self.burst,
            duration: self.duration,
        }
    }

    /// Whether it starts calls, and is not only there for others.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.scenario, Scenario::Uas | Scenario::Forward)
    }

    /// The share of thread `thread` of a part's starts: so many per second, so many in all.
    pub(super) fn share(&self, thread: usize, part: &Part) -> (f64, u64) {
        let threads = self.threads as u64;
        let calls = match self.calls {
            u64::MAX => u64::MAX,
            calls => calls / threads + u64::from((thread as u64) < calls % threads),
        };
        let calls = if part.refresh {
            calls.min(self.users)
        } else {
            calls
        };
        (self.rate_of(part) / threads as f64, calls)
    }
}
