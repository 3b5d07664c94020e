//! The command line of `sipp`: SIPp's names for what SIPp has, ours for the rest, with one dash or two.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use super::super::plan::Arrivals;
use super::super::words::{at_least_one, duration, rate};
use crate::phone::Micros;
use crate::sipp::builtin;
use crate::sipp::call::Settings;
use crate::sipp::compile::{Constants, compile};
use crate::sipp::diagnostic::{Source, nearest};
use crate::sipp::injection::{Injection, Order};
use crate::sipp::program::{Program, Role};

/// What the command line asks for.
#[derive(Debug)]
pub(super) enum Command {
    Show(String),
    Run(Box<Run>),
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) command: String,
    /// The name of a scenario of ours, or a file.
    pub(super) scenario: Scenario,
    /// Files of values.
    pub(super) values: Vec<PathBuf>,
    pub(super) settings: Settings,
    pub(super) local: SocketAddr,
    pub(super) sources: usize,
    pub(super) threads: usize,
    pub(super) core: Option<usize>,
    /// Starts per second.
    pub(super) rate: f64,
    pub(super) arrivals: Arrivals,
    pub(super) ramp: Micros,
    pub(super) calls: u64,
    pub(super) limit: u64,
    pub(super) duration: Micros,
    pub(super) timeout: Option<Micros>,
    pub(super) drain: Micros,
    pub(super) gather: Micros,
    pub(super) seed: u64,
    pub(super) server_pids: Vec<u32>,
    pub(super) json: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
    pub(super) log_file: Option<PathBuf>,
    pub(super) target_cps: Option<f64>,
    pub(super) max_failed: u64,
    pub(super) quiet: bool,
    /// Only compile.
    pub(super) dry: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    Named(String),
    File(PathBuf),
}

pub(super) const USAGE: &str = "\
tandem-loadgen sipp: runs SIPp scenario files, UDP.

  tandem-loadgen sipp -sf FILE [-inf FILE] [options] HOST[:PORT]    calls
  tandem-loadgen sipp -sf FILE -p PORT [options]                    answers, when the scenario begins with <recv>

Names are SIPp's where SIPp has them; one dash or two, `_` or `-`. What is supported of the format, and what is
different on purpose: docs/sipp-scenarios.md.

Scenario
  -sf FILE            the scenario; a mistake is shown with file, line and column, and nothing starts
  -sn uac|uas|regexp  a scenario of ours
  -sd NAME            prints a scenario of ours
  -inf FILE           values for [field0]...; repeatable, the first is the one without file=\"...\"
  -key NAME VALUE     [NAME] becomes VALUE
  -set NAME VALUE     the global variable begins with this
  -s NAME             [service]                                       [service]
  -au NAME, -ap PASSWORD   of [authentication] without them           [service], password
  -auth_uri URI       of [authentication]                             [the Request-URI]
  -base_cseq N        the first [cseq]                                [1]
  -cid_str FORM       of [call_id]: %u number, %p process, %s address [%u-%p@%s]
  --check             compiles, starts nothing
Load
  -r N                starts in a period, also --rate                 [10]
  -rp MS              the period                                      [1000]
  --arrivals even|poisson                                             [even]
  --ramp T            the rate grows evenly from nothing for so long  [0s]
  -m N                stop after so many calls, also --calls
  -l N                at most so many calls open: starts wait, and are late by it
  -users N            N users with one call each, again and again, instead of a rate
  -d MS               of <pause/>                                     [0]
  --duration T        how long to start, as 10s, 5m                   [until -m or SIGINT]
  -timeout T          ends the run, open calls are lost
  -recv_timeout MS    of every <recv> without one
  -nr                 nothing is sent again, and repeats are not told apart
  -max_invite_retrans N  [5]     -max_non_invite_retrans N  [10]      -max_retrans N  both
  -deadcall_wait MS   how long a call that is over answers repeats    [4000]
  -nd                 failed calls are not cancelled or hung up, unexpected BYE and CANCEL not answered
                      (-default_behaviors all|none)
  -aa                 200 to INFO, NOTIFY, OPTIONS, UPDATE that nobody waits for
Sockets
  -i IP               [local_ip]                                      [the way to HOST]
  -p PORT             the first port                                  [any; 5060 when answering]
  -mi IP, -mp PORT    [media_ip], [media_port]; nothing listens there [local_ip, 6000]
  -rsa HOST:PORT      where messages go, if not to HOST
  --sources N         sockets of a thread, calls in turn              [1]
  -t u1               the only one: UDP
Process
  --threads N, --core N, --gather T, --seed N, --drain T (32s)        as for other runs
Results
  --json FILE, --html FILE, --server-pid PID, --quiet                 as for other runs
  --target-cps N      fails when fewer calls per second succeeded
  --max-failed N      fails when more calls failed                    [0]
  -log_file FILE      what <log> writes (-trace_logs: NAME_PID_logs.log)

Exit status: 0 every call succeeded; 1 calls failed, by cause; 2 could not run.
";

/// Names of options and what they take: 0, 1 or 2 words.
const OPTIONS: &[(&str, usize)] = &[
    ("sf", 1),
    ("sn", 1),
    ("sd", 1),
    ("inf", 1),
    ("key", 2),
    ("set", 2),
    ("s", 1),
    ("au", 1),
    ("ap", 1),
    ("auth_uri", 1),
    ("base_cseq", 1),
    ("cid_str", 1),
    ("check", 0),
    ("r", 1),
    ("rate", 1),
    ("rp", 1),
    ("arrivals", 1),
    ("ramp", 1),
    ("m", 1),
    ("calls", 1),
    ("l", 1),
    ("users", 1),
    ("d", 1),
    ("duration", 1),
    ("timeout", 1),
    ("recv_timeout", 1),
    ("nr", 0),
    ("max_invite_retrans", 1),
    ("max_non_invite_retrans", 1),
    ("max_retrans", 1),
    ("deadcall_wait", 1),
    ("aa", 0),
    ("i", 1),
    ("p", 1),
    ("mi", 1),
    ("mp", 1),
    ("rsa", 1),
    ("sources", 1),
    ("t", 1),
    ("threads", 1),
    ("core", 1),
    ("gather", 1),
    ("seed", 1),
    ("drain", 1),
    ("json", 1),
    ("html", 1),
    ("server_pid", 1),
    ("quiet", 0),
    ("target_cps", 1),
    ("max_failed", 1),
    ("log_file", 1),
    ("trace_logs", 0),
    ("nostdin", 0),
    ("nd", 0),
    ("default_behaviors", 1),
    ("h", 0),
    ("help", 0),
];

/// Options of SIPp that others know, and what is here instead.
const OTHERS: &[(&str, &str)] = &[
    (
        "trace_stat",
        "--json has every figure and a series by second",
    ),
    ("stf", "--json has every figure and a series by second"),
    (
        "trace_screen",
        "the table comes at the end, --json has it too",
    ),
    ("trace_rtt", "--json has the histogram of every timer"),
    (
        "trace_msg",
        "messages are not written to a file: use a packet capture",
    ),
    (
        "trace_shortmsg",
        "messages are not written to a file: use a packet capture",
    ),
    (
        "trace_err",
        "failures are counted by cause and step, in the table and in --json",
    ),
    (
        "trace_error_codes",
        "failures are counted by cause and step",
    ),
    ("trace_counts", "the table and --json count every step"),
    ("bg", "start it with & or as a service"),
    (
        "3pcc",
        "one scenario, no partner: run the other side by itself",
    ),
    (
        "master",
        "one scenario, no partner: run the other side by itself",
    ),
    (
        "slave",
        "one scenario, no partner: run the other side by itself",
    ),
    ("rate_increase", "--ramp, or `tandem-loadgen find`"),
    ("tls_cert", "UDP only"),
    ("tls_key", "UDP only"),
    ("mb", "there is no media here"),
    ("rtp_echo", "there is no media here"),
];

/// Reads the words behind `sipp`.
pub(super) fn parse(arguments: &[OsString]) -> Result<Command, String> {
    let words: Vec<String> = arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let mut given = Given::default();
    let mut words_left = words.iter();
    while let Some(word) = words_left.next() {
        let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
            if given.target.replace(word.clone()).is_some() {
                return Err(format!("a second target: {word}"));
            }
            continue;
        };
        let name = name.strip_prefix('-').unwrap_or(name);
        let (name, attached) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let name = name.replace('-', "_");
        let Some(&(name, takes)) = OPTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(unknown(word, &name));
        };
        let mut values: Vec<String> = attached.into_iter().collect();
        while values.len() < takes {
            let value = words_left.next();
            values.push(
                value
                    .cloned()
                    .ok_or_else(|| format!("{word} needs a value"))?,
            );
        }
        given
            .take(name, &values)
            .map_err(|why| format!("{word}: {why}"))?;
    }
    if given.help || words.is_empty() {
        return Ok(Command::Show(USAGE.to_owned()));
    }
    if let Some(name) = &given.show {
        return scenario_text(name).map(|text| Command::Show(text.to_owned()));
    }
    given
        .into_run(words.join(" "))
        .map(|run| Command::Run(Box::new(run)))
}

fn unknown(word: &str, name: &str) -> String {
    if let Some((_, instead)) = OTHERS.iter().find(|(other, _)| *other == name) {
        return format!("{word} is not supported: {instead}");
    }
    match nearest(name, OPTIONS.iter().map(|(known, _)| *known)) {
        Some(near) => format!("no option {word}; did you mean -{near}?"),
        None => format!("no option {word}; -h shows all"),
    }
}

fn scenario_text(name: &str) -> Result<&'static str, String> {
    builtin::scenario(name).ok_or_else(|| {
        let names: Vec<_> = builtin::SCENARIOS.iter().map(|(name, _)| *name).collect();
        format!("no scenario `{name}` here: {}", names.join(", "))
    })
}

/// The words as they came.
#[derive(Debug)]
struct Given {
    target: Option<String>,
    scenario: Option<Scenario>,
    show: Option<String>,
    values: Vec<PathBuf>,
    keys: Vec<(String, String)>,
    set: Vec<(String, String)>,
    service: String,
    auth_uri: Option<String>,
    base_cseq: u32,
    call_id_form: String,
    check: bool,
    rate: f64,
    period: f64,
    arrivals: Arrivals,
    ramp: Micros,
    calls: u64,
    limit: u64,
    users: u32,
    pause: Micros,
    duration: Micros,
    timeout: Option<Micros>,
    receive_timeout: Option<Micros>,
    repeats: bool,
    repeats_max: (u32, u32),
    linger: Micros,
    answers: bool,
    tidies: bool,
    local: Option<IpAddr>,
    port: Option<u16>,
    media: Option<IpAddr>,
    media_port: u16,
    via: Option<SocketAddr>,
    sources: usize,
    threads: usize,
    core: Option<usize>,
    gather: Micros,
    seed: Option<u64>,
    drain: Micros,
    json: Option<PathBuf>,
    html: Option<PathBuf>,
    server_pids: Vec<u32>,
    quiet: bool,
    target_cps: Option<f64>,
    max_failed: u64,
    log_file: Option<PathBuf>,
    trace_logs: bool,
    help: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            target: None,
            scenario: None,
            show: None,
            values: Vec::new(),
            keys: Vec::new(),
            set: Vec::new(),
            service: "service".to_owned(),
            auth_uri: None,
            base_cseq: 1,
            call_id_form: "%u-%p@%s".to_owned(),
            check: false,
            rate: 10.0,
            period: 1.0,
            arrivals: Arrivals::Even,
            ramp: 0,
            calls: u64::MAX,
            limit: u64::MAX,
            users: 0,
            pause: 0,
            duration: Micros::MAX / 4,
            timeout: None,
            receive_timeout: None,
            repeats: true,
            repeats_max: (5, 10),
            linger: 4_000_000,
            answers: false,
            tidies: true,
            local: None,
            port: None,
            media: None,
            media_port: 6_000,
            via: None,
            sources: 1,
            threads: 1,
            core: None,
            gather: 0,
            seed: None,
            drain: 32_000_000,
            json: None,
            html: None,
            server_pids: Vec::new(),
            quiet: false,
            target_cps: None,
            max_failed: 0,
            log_file: None,
            trace_logs: false,
            help: false,
        }
    }
}

impl Given {
    /// One option with its values.
    fn take(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        let value = values.first().map_or("", String::as_str);
        let pair = || (value.to_owned(), values.get(1).cloned().unwrap_or_default());
        match name {
            "sf" => self.scenario = Some(Scenario::File(value.into())),
            "sn" => self.scenario = Some(Scenario::Named(value.to_owned())),
            "sd" => self.show = Some(value.to_owned()),
            "inf" => self.values.push(value.into()),
            "key" => self.keys.push(pair()),
            "set" => self.set.push(pair()),
            "s" => self.service = value.to_owned(),
            // Kept with the keys under names that no keyword can have.
            "au" | "ap" => self.keys.push((format!("-{name}"), value.to_owned())),
            "auth_uri" => self.auth_uri = Some(value.to_owned()),
            "base_cseq" => self.base_cseq = number(value)?,
            "cid_str" => self.call_id_form = value.to_owned(),
            "check" => self.check = true,
            "r" | "rate" => self.rate = rate(value)?,
            "rp" => self.period = milliseconds(value)?.max(1) as f64 / 1e6,
            "arrivals" => {
                self.arrivals = match value {
                    "even" => Arrivals::Even,
                    "poisson" => Arrivals::Poisson,
                    _ => return Err("even or poisson".to_owned()),
                }
            }
            "ramp" => self.ramp = duration(value)?,
            "m" | "calls" => self.calls = at_least_one(value)?,
            "l" => self.limit = at_least_one(value)?,
            "users" => self.users = at_least_one(value)?.min(10_000_000) as u32,
            "d" => self.pause = milliseconds(value)?,
            "duration" => self.duration = duration(value)?,
            "timeout" => self.timeout = Some(duration(value)?),
            "recv_timeout" => self.receive_timeout = Some(milliseconds(value)?),
            "nr" => self.repeats = false,
            "max_invite_retrans" => self.repeats_max.0 = number(value)?,
            "max_non_invite_retrans" => self.repeats_max.1 = number(value)?,
            "max_retrans" => self.repeats_max = (number(value)?, number(value)?),
            "deadcall_wait" => self.linger = milliseconds(value)?,
            "aa" => self.answers = true,
            "i" => self.local = Some(ip(value)?),
            "p" => self.port = Some(number(value)?),
            "mi" => self.media = Some(ip(value)?),
            "mp" => self.media_port = number(value)?,
            "rsa" => self.via = Some(address(value)?),
            "sources" => self.sources = at_least_one(value)?.min(8_192) as usize,
            "t" if value == "u1" => {}
            "t" => return Err(format!("`{value}`: UDP only, u1")),
            "threads" => self.threads = at_least_one(value)?.min(256) as usize,
            "core" => self.core = Some(number(value)?),
            "gather" => self.gather = duration(value)?.min(10_000),
            "seed" => self.seed = Some(number(value)?),
            "drain" => self.drain = duration(value)?,
            "json" => self.json = Some(value.into()),
            "html" => self.html = Some(value.into()),
            "server_pid" => self.server_pids.push(number(value)?),
            "quiet" => self.quiet = true,
            "target_cps" => self.target_cps = Some(rate(value)?),
            "max_failed" => self.max_failed = number(value)?,
            "log_file" => self.log_file = Some(value.into()),
            "trace_logs" => self.trace_logs = true,
            "nd" => self.tidies = false,
            "default_behaviors" => {
                self.tidies = match value {
                    "all" => true,
                    "none" => false,
                    _ => return Err("all or none".to_owned()),
                }
            }
            // Standard input is never read.
            "nostdin" => {}
            _ => self.help = true,
        }
        Ok(())
    }

    fn into_run(mut self, command: String) -> Result<Run, String> {
        let scenario = self
            .scenario
            .take()
            .ok_or("which scenario? -sf FILE, or -sn uac")?;
        let remote = self.target.as_deref().map(address).transpose()?;
        let way = self.via.or(remote);
        let local_ip = match (self.local, way) {
            (Some(given), _) => given,
            (None, Some(way)) if way.ip().is_loopback() => way.ip(),
            (None, Some(way)) => wire::host::source_towards(way)
                .ok_or_else(|| format!("no way to {way}: give -i"))?,
            // Whoever answers without -i is told by the way to the world, if there is one.
            (None, None) => wire::host::source_towards(SocketAddr::from(([192, 0, 2, 1], 5060)))
                .unwrap_or(Ipv4Addr::LOCALHOST.into()),
        };
        let bound = match (self.local, remote) {
            (Some(given), _) => given,
            (None, Some(_)) => local_ip,
            (None, None) => Ipv4Addr::UNSPECIFIED.into(),
        };
        let host = self.target.clone().unwrap_or_default();
        let host = match host.rsplit_once(':') {
            Some((host, _)) if !host.contains(':') => host.to_owned(),
            _ => host,
        };
        let pid = std::process::id();
        let log_file = match (self.log_file, self.trace_logs) {
            (Some(path), _) => Some(path),
            (None, true) => Some(format!("{}_{pid}_logs.log", scenario.stem()).into()),
            (None, false) => None,
        };
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let port = self.port.unwrap_or(if remote.is_some() { 0 } else { 5060 });
        Ok(Run {
            command: format!("tandem-loadgen sipp {command}"),
            scenario,
            values: self.values,
            settings: Settings {
                constants: Constants {
                    service: self.service,
                    local_ip,
                    media_ip: self.media.unwrap_or(local_ip),
                    media_port: self.media_port,
                    remote,
                    remote_host: host,
                    pid,
                    set: self.set.iter().map(|(name, _)| name.clone()).collect(),
                    keys: self.keys,
                },
                via: self.via,
                base_cseq: self.base_cseq,
                call_id_form: self.call_id_form,
                repeats_max: self.repeats_max,
                repeats: self.repeats,
                receive_timeout: self.receive_timeout,
                pause: self.pause,
                linger: self.linger,
                answers: self.answers,
                tidies: self.tidies,
                auth_uri: self.auth_uri,
                users: self.users,
                set: self.set,
                threads: self.threads as u64,
                epoch: 0,
            },
            local: SocketAddr::new(bound, port),
            sources: self.sources,
            threads: self.threads,
            core: self.core,
            rate: self.rate / self.period,
            arrivals: self.arrivals,
            ramp: self.ramp,
            calls: self.calls,
            limit: self.limit,
            duration: self.duration,
            timeout: self.timeout,
            drain: self.drain,
            gather: self.gather,
            seed: self.seed.unwrap_or(since.as_nanos() as u64),
            server_pids: self.server_pids,
            json: self.json,
            html: self.html,
            log_file,
            target_cps: self.target_cps,
            max_failed: self.max_failed,
            quiet: self.quiet,
            dry: self.check,
        })
    }
}

impl Scenario {
    fn stem(&self) -> String {
        match self {
            Scenario::Named(name) => name.clone(),
            Scenario::File(path) => path.file_stem().map_or("scenario".into(), |stem| {
                stem.to_string_lossy().into_owned()
            }),
        }
    }
}

impl Run {
    /// Reads and compiles everything before the first socket opens.
    pub(super) fn program(&self) -> Result<Program, String> {
        let source = match &self.scenario {
            Scenario::Named(name) => Source {
                name: format!("{name}.xml"),
                bytes: scenario_text(name)?.as_bytes().to_vec(),
            },
            Scenario::File(path) => read(path)?,
        };
        let mut files = Vec::new();
        for path in &self.values {
            let file = Injection::read(read(path)?).map_err(|mistake| mistake.to_string())?;
            if file.order == Order::User && self.settings.users == 0 {
                let name = path.display();
                return Err(format!("{name}: rows of USER need -users N"));
            }
            files.push(file);
        }
        let program = compile(&source, files, &self.settings.constants).map_err(|mistakes| {
            let count = mistakes.len();
            let mut text = format!("{count} mistake{}\n", if count == 1 { "" } else { "s" });
            for mistake in mistakes {
                text += &mistake.to_string();
            }
            text.trim_end().to_owned()
        })?;
        match (
            program.role,
            self.settings.constants.remote.or(self.settings.via),
        ) {
            (Role::Caller, None) => Err("the scenario calls: whom? HOST:PORT".to_owned()),
            _ if program.uses.log && self.log_file.is_none() => {
                eprintln!(
                    "warning: what <log> writes is thrown away without -log_file or -trace_logs"
                );
                Ok(program)
            }
            _ => Ok(program),
        }
    }
}

fn read(path: &PathBuf) -> Result<Source, String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    Ok(Source { name, bytes })
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is not such a number"))
}

/// SIPp's times: milliseconds, or with a unit.
fn milliseconds(word: &str) -> Result<Micros, String> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(number::<u32>(word)?.min(86_400_000) as Micros * 1_000);
    }
    duration(word).map_err(ToOwned::to_owned)
}

fn ip(word: &str) -> Result<IpAddr, String> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    bare.parse().map_err(|_| format!("`{word}` is no address"))
}

fn address(word: &str) -> Result<SocketAddr, String> {
    let with_port = if ip(word).is_ok_and(|ip| ip.is_ipv6()) {
        format!("[{}]:5060", word.trim_matches(['[', ']']))
    } else if word.contains(':') {
        word.to_owned()
    } else {
        format!("{word}:5060")
    };
    let mut found = with_port
        .to_socket_addrs()
        .map_err(|error| format!("{word}: {error}"))?;
    found.next().ok_or_else(|| format!("{word}: no address"))
}
