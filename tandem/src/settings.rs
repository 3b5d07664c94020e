//! From the script's globals and the command line to what the rooms are told.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use control::{FifoSettings, LogFormat, LogSettings, Syslog};
use script::Program;
use script::globals::Globals;
use shards::limits::SHARDS_A_CORE_MAX;
use shards::{DnsSettings, Profile, Settings, StreamSettings};
use wire::datagram::Multicast;
use wire::stream::{Keepalive, StreamOptions};

use crate::arguments::Arguments;
use crate::tune;

/// How many bytes of chance a start needs.
const CHANCE_BYTES: usize = 32;

/// Where an installation keeps what outlives a run.
pub(crate) const STATE_DIRECTORY: &str = "/var/lib/tandem";

/// IPTOS_LOWDELAY, OpenSIPS's default.
const TOS: i32 = 0x10;

/// Settings of the shards. The error is for a person.
pub(crate) fn shards(
    globals: &Globals,
    arguments: &Arguments,
    profile: Profile,
    seed: u64,
) -> Result<Settings, String> {
    let cores = wire::host::cores().len().clamp(1, 1024) as u16;
    let workers = ["udp_workers", "tcp_workers"]
        .iter()
        .filter_map(|name| globals.int(name))
        .max();
    // A container may use all cores, and only so much of them.
    let quota = tune::cpu_quota(&tune::Root::this_machine());
    let paid = tune::fitting(cores.into(), quota) as u16;
    // Workers are OpenSIPS's processes; ours are cores, and more shards than cores only cost.
    let hinted = workers.map(|workers| paid.min(workers.clamp(1, 1024) as u16));
    // A core each of those that are named, if nobody says how many.
    let named = u16::try_from(profile.cores.len()).ok();
    let asked = arguments
        .shards
        .or(profile.shards)
        .or(named.filter(|&named| named > 0));
    let shards_max = usize::from(cores) * SHARDS_A_CORE_MAX;
    if let Some(asked) = asked.filter(|&asked| usize::from(asked) > shards_max) {
        return Err(format!(
            "{asked} shards are too many: this process may use {cores} cores, and at most \
             {SHARDS_A_CORE_MAX} shards a core run well. Ask for at most {shards_max} with --shards or the \
             tuning profile; without them there is one a core."
        ));
    }
    let shards = asked.or(hinted).unwrap_or(paid);
    let mut dns = DnsSettings::of_this_host();
    let positive = |name| {
        globals
            .int(name)
            .filter(|&number| number > 0)
            .map(|number| number as u32)
    };
    if let Some(seconds) = positive("dns_retr_time") {
        dns.timeout = Duration::from_secs(seconds.into());
    }
    if let Some(attempts) = positive("dns_retr_no") {
        dns.attempts = attempts.min(10);
    }
    if let Some(count) = positive("dns_servers_no") {
        dns.servers.truncate(count as usize);
    }
    let streams = streams(globals);
    let connections = profile.tables.connections.map(|max| max as usize);
    Ok(Settings {
        shards,
        profile,
        streams: StreamSettings {
            connections_max: connections.unwrap_or(streams.connections_max),
            ..streams
        },
        dns,
        tos: globals.int("tos").unwrap_or(TOS).clamp(0, 255) as u32,
        multicast: Multicast {
            loopback: globals.is_on("mcast_loopback") == Some(true),
            // -1 leaves it to the system.
            ttl: globals
                .int("mcast_ttl")
                .and_then(|ttl| u8::try_from(ttl).ok()),
        },
        quarantine: state_directory().unwrap_or_else(|| ".".into()),
        seed,
    })
}

fn streams(globals: &Globals) -> StreamSettings {
    let positive = |name| {
        globals
            .int(name)
            .filter(|&number| number > 0)
            .map(|number| number as u32)
    };
    let defaults = StreamSettings::default();
    let seconds = |name, default| positive(name).map_or(default, |s| Duration::from_secs(s.into()));
    StreamSettings {
        options: StreamOptions {
            backlog: positive("tcp_socket_backlog")
                .map_or(StreamOptions::default().backlog, |backlog| backlog as i32),
            keepalive: (globals.is_on("tcp_keepalive") != Some(false)).then(|| Keepalive {
                count: positive("tcp_keepcount").unwrap_or(0),
                idle_s: positive("tcp_keepidle").unwrap_or(0),
                interval_s: positive("tcp_keepinterval").unwrap_or(0),
            }),
            ..StreamOptions::default()
        },
        connect_timeout: positive("tcp_connect_timeout").map_or(defaults.connect_timeout, |ms| {
            Duration::from_millis(ms.into())
        }),
        lifetime: seconds("tcp_connection_lifetime", defaults.lifetime),
        message_time: seconds("tcp_max_msg_time", defaults.message_time),
        connections_max: positive("tcp_max_connections")
            .map_or(defaults.connections_max, |max| max as usize),
    }
}

/// Where the log goes.
pub(crate) fn log(globals: &Globals, arguments: &Arguments) -> LogSettings {
    let text = |name: &str| {
        globals
            .text(name)
            .map(|text| String::from_utf8_lossy(text).into_owned())
    };
    // The old name says both at once: standard error, or the system's log instead.
    let old = globals.is_on("log_stderror");
    let syslog = globals
        .is_on("syslog_enabled")
        .unwrap_or(old == Some(false));
    let standard_error = globals
        .is_on("stderror_enabled")
        .unwrap_or(old != Some(false));
    let format = |name: &str| match globals.text(name) {
        Some(b"json") => LogFormat::Json,
        Some(b"json_cee") => LogFormat::JsonCee,
        _ => LogFormat::PlainText,
    };
    LogSettings {
        standard_error: arguments.log_to_stderr || standard_error,
        syslog: syslog.then(|| Syslog {
            name: text("syslog_name").unwrap_or_else(|| "tandem".to_owned()),
            facility: text("syslog_facility")
                .and_then(|name| facility(&name))
                .unwrap_or(3),
        }),
        prefix: text("log_prefix")
            .map(|prefix| format!("{prefix}:"))
            .unwrap_or_default(),
        // The engine has its own levels, which scripts and commands change; all it says is written, unless a place
        // filters for itself.
        standard_error_level: filter(globals.int("stderror_level_filter")),
        syslog_level: filter(globals.int("syslog_level_filter")),
        standard_error_format: format("stderror_log_format"),
        syslog_format: format("syslog_log_format"),
    }
}

/// The level above which a place gets no lines; 0 is no filter.
fn filter(level: Option<i32>) -> i8 {
    level
        .filter(|&level| level != 0)
        .and_then(|level| i8::try_from(level).ok())
        .unwrap_or(i8::MAX)
}

fn facility(name: &str) -> Option<u8> {
    const NAMES: [&str; 12] = [
        "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON",
        "AUTHPRIV", "FTP",
    ];
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("LOG_").unwrap_or(&name);
    match name.strip_prefix("LOCAL") {
        Some(digit) => digit
            .parse::<u8>()
            .ok()
            .filter(|digit| *digit < 8)
            .map(|digit| 16 + digit),
        None => NAMES.iter().position(|one| *one == name).map(|at| at as u8),
    }
}

/// The command FIFO, if the script loads `mi_fifo`.
pub(crate) fn fifo(program: &Program) -> Result<Option<FifoSettings>, String> {
    if !program
        .modules
        .iter()
        .any(|module| module.name == "mi_fifo")
    {
        return Ok(None);
    }
    let mut settings = FifoSettings::default();
    for param in program
        .modparams
        .iter()
        .filter(|param| param.module == "mi_fifo")
    {
        let text = param
            .value
            .text()
            .map(|text| String::from_utf8_lossy(text).into_owned());
        // A user or group is a name, or a number in either form.
        let name = || {
            let number = param.value.int().map(|number| number.to_string());
            text.clone().or(number).unwrap_or_default()
        };
        let fault = |error| format!("mi_fifo: {}: {error}.", param.name);
        match (param.name.as_str(), &text, param.value.int()) {
            ("fifo_name", Some(path), _) => settings.path = path.into(),
            ("reply_dir", Some(path), _) => settings.reply_directory = path.into(),
            ("fifo_mode", _, Some(mode)) => settings.mode = mode as u32,
            ("fifo_user", ..) => {
                settings.user = Some(wire::process::user(&name()).map_err(fault)?.0)
            }
            ("fifo_group", ..) => {
                settings.group = Some(wire::process::group(&name()).map_err(fault)?)
            }
            ("pretty_printing", _, Some(pretty)) => settings.pretty = pretty != 0,
            _ => {}
        }
    }
    Ok(Some(settings))
}

/// The tuning profile of `--tuning`, or the default one.
pub(crate) fn profile(path: Option<&Path>) -> Result<Profile, String> {
    let Some(path) = path else {
        return Ok(Profile::default());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--tuning {}: {error}.", path.display()))?;
    let name = path.display().to_string();
    let mut profile = Profile::read_for(&name, &text, &wire::host::cores())?;
    if !profile.numa_nodes.is_empty() {
        profile.cores = cores_of_nodes(&profile)?;
    }
    Ok(profile)
}

/// The cores of a profile's NUMA nodes that this process may use, those of the control thread left out.
fn cores_of_nodes(profile: &Profile) -> Result<Vec<usize>, String> {
    let allowed = wire::host::cores();
    let mut cores = Vec::new();
    for node in &profile.numa_nodes {
        let path = format!("/sys/devices/system/node/node{node}/cpulist");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("numa_nodes: there is no node {node}: {path}: {error}."))?;
        cores.extend(shards::profile::cpu_list(&text).unwrap_or_default());
    }
    cores.retain(|core| allowed.contains(core) && !profile.control_cores.contains(core));
    if cores.is_empty() {
        return Err(format!(
            "numa_nodes: this process may use no core of {:?} besides the control cores; it may use {allowed:?}.",
            profile.numa_nodes
        ));
    }
    Ok(cores)
}

/// What must not be guessed: the seed of a run, and the installation's key.
pub(crate) struct Chance {
    pub(crate) seed: u64,
    pub(crate) owner_key: [u8; 16],
}

impl Chance {
    /// The key is kept where the installation keeps its state, so that what was minted before a
    /// restart is still known; without such a place it is a new one each time.
    pub(crate) fn gather() -> Result<Chance, String> {
        let mut bytes = [0; CHANCE_BYTES];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(|error| format!("cannot read /dev/urandom: {error}."))?;
        let (mut seed, mut owner_key) = ([0; 8], [0; 16]);
        seed.copy_from_slice(&bytes[..8]);
        owner_key.copy_from_slice(&bytes[8..24]);
        if let Some(directory) = state_directory() {
            let path = directory.join("owner-key");
            match std::fs::read(&path) {
                Ok(kept) if kept.len() == owner_key.len() => owner_key.copy_from_slice(&kept),
                _ => keep(&path, &owner_key),
            }
        }
        Ok(Chance {
            seed: u64::from_ne_bytes(seed),
            owner_key,
        })
    }
}

/// Best effort: without the file the next run has another key, and nothing else is lost.
fn keep(path: &Path, key: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let _ = file.and_then(|mut file| file.write_all(key));
}

fn state_directory() -> Option<PathBuf> {
    Some(state_path()).filter(|path| path.is_dir())
}

/// Where it is, or would be.
pub(crate) fn state_path() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| STATE_DIRECTORY.into(), PathBuf::from)
}
