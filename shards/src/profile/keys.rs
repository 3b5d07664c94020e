//! Each key of a profile: where it stands, what it takes, what it sets.

use super::read::{Entry, Faults, Value, cpu_list, entries};
use super::{Interrupts, Profile, SYSCTLS, Spread, Steering};
use crate::limits::{CORE_MAX, GATHER_MAX_US, MEMORY_MAX_MB, PARK_MAX_MS};

/// A key: its section, its name, and how it is set. The error says what should have stood there.
struct Key {
    section: &'static str,
    name: &'static str,
    set: fn(&mut Profile, &Value<'_>) -> Result<(), String>,
}

const fn key(
    section: &'static str,
    name: &'static str,
    set: fn(&mut Profile, &Value<'_>) -> Result<(), String>,
) -> Key {
    Key { section, name, set }
}

const TABLES: &str = "tables";
const MACHINE: &str = "machine";
const SYSCTL: &str = "machine.sysctl";

#[rustfmt::skip]
const KEYS: &[Key] = &[
    key("", "shards", |p, v| match v {
        Value::Text("auto") => { p.shards = None; Ok(()) }
        _ => number(v, 1, 1024).map(|n| p.shards = Some(n as u16))
            .map_err(|_| "\"auto\" or a number from 1 to 1024".to_owned()),
    }),
    key("", "cores", |p, v| cores(v).map(|list| p.cores = list)),
    key("", "numa_nodes", |p, v| cores(v).map(|list| p.numa_nodes = list)),
    key("", "control_cores", |p, v| cores(v).map(|list| p.control_cores = list)),
    key("", "steering", |p, v| {
        p.steering = one_of(v, &[
            ("auto", Steering::Auto), ("ebpf", Steering::Ebpf), ("classic", Steering::Classic), ("mesh", Steering::Mesh),
        ])?;
        Ok(())
    }),
    key("", "batch", |p, v| number(v, 1, wire::limits::BATCH as u64).map(|n| p.batch = n as usize)),
    key("", "spin_us", |p, v| number(v, 0, 1_000_000).map(|n| p.spin_us = n)),
    key("", "park_ms", |p, v| number(v, 1, PARK_MAX_MS).map(|n| p.park_ms = n)),
    key("", "gather_us", |p, v| number(v, 0, GATHER_MAX_US).map(|n| p.gather_us = n)),
    key("", "gso", |p, v| truth(v).map(|is| p.gso = is)),
    key("", "gro", |p, v| truth(v).map(|is| p.gro = is)),
    key("", "udp_receive_buffer", |p, v| bytes(v).map(|n| p.udp_receive_buffer = n)),
    key("", "udp_send_buffer", |p, v| bytes(v).map(|n| p.udp_send_buffer = n)),
    key("", "tcp_receive_buffer", |p, v| bytes(v).map(|n| p.tcp_receive_buffer = n)),
    key("", "tcp_send_buffer", |p, v| bytes(v).map(|n| p.tcp_send_buffer = n)),
    key("", "ring_parcels", |p, v| number(v, 16, 1 << 20).map(|n| p.ring_parcels = n as usize)),
    key("", "memory_mb", |p, v| number(v, 0, MEMORY_MAX_MB).map(|n| p.memory_mb = n)),
    key(TABLES, "server_transactions", |p, v| places(v).map(|n| p.tables.server_transactions = Some(n))),
    key(TABLES, "server_transactions_ready", |p, v| number(v, 0, 1 << 26).map(|n| p.tables.server_transactions_ready = Some(n as u32))),
    key(TABLES, "client_transactions", |p, v| places(v).map(|n| p.tables.client_transactions = Some(n))),
    key(TABLES, "response_contexts", |p, v| places(v).map(|n| p.tables.response_contexts = Some(n))),
    key(TABLES, "own_requests", |p, v| places(v).map(|n| p.tables.own_requests = Some(n))),
    key(TABLES, "parked_runs", |p, v| places(v).map(|n| p.tables.parked_runs = Some(n))),
    key(TABLES, "resolver_names", |p, v| places(v).map(|n| p.tables.resolver_names = Some(n))),
    key(TABLES, "connections", |p, v| number(v, 1, 1 << 30).map(|n| p.tables.connections = Some(n as u32))),
    key(MACHINE, "kernel", |p, v| kernel(v).map(|version| p.machine.kernel = Some(version))),
    key(MACHINE, "cores", |p, v| number(v, 1, CORE_MAX as u64 + 1).map(|n| p.machine.cores = Some(n as usize))),
    key(MACHINE, "numa_nodes", |p, v| number(v, 1, 1024).map(|n| p.machine.nodes = Some(n as usize))),
    key(MACHINE, "memory_mb", |p, v| number(v, 1, MEMORY_MAX_MB).map(|n| p.machine.memory_mb = Some(n))),
    key(MACHINE, "open_files", |p, v| number(v, 64, 1 << 30).map(|n| p.machine.open_files = Some(n))),
    key(MACHINE, "locked_memory_kb", |p, v| number(v, 1, 1 << 40).map(|n| p.machine.locked_memory_kb = Some(n))),
    key(MACHINE, "governor", |p, v| word(v).map(|text| p.machine.governor = Some(text))),
    key(MACHINE, "clocksource", |p, v| word(v).map(|text| p.machine.clocksource = Some(text))),
    key(MACHINE, "transparent_hugepages", |p, v| {
        let kept = one_of(v, &[("always", "always"), ("madvise", "madvise"), ("never", "never")])?;
        p.machine.transparent_hugepages = Some(kept.to_owned());
        Ok(())
    }),
    key(MACHINE, "interface", |p, v| word(v).map(|text| p.machine.interface = Some(text))),
    key(MACHINE, "nic_queues", |p, v| number(v, 1, 1024).map(|n| p.machine.nic_queues = Some(n as usize))),
    key(MACHINE, "rps", |p, v| spread(v).map(|spread| p.machine.rps = Some(spread))),
    key(MACHINE, "xps", |p, v| spread(v).map(|spread| p.machine.xps = Some(spread))),
    key(MACHINE, "irq_affinity", |p, v| {
        p.machine.interrupts = Some(match v {
            Value::Text("shards") => Interrupts::Shards,
            _ => match cores(v) {
                Ok(list) if !list.is_empty() => Interrupts::Cores(list),
                _ => return Err("\"shards\", or cores like \"0-3\"".to_owned()),
            },
        });
        Ok(())
    }),
    key(MACHINE, "irqbalance", |p, v| truth(v).map(|is| p.machine.irqbalance = Some(is))),
];

/// Each key with its section: what the documentation has to have.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().map(|key| (key.section, key.name))
}

/// Reads all of a profile into `profile`.
pub(super) fn fill(profile: &mut Profile, text: &str, faults: &mut Faults<'_>) {
    for entry in entries(text, faults) {
        if entry.section == SYSCTL {
            sysctl(profile, &entry, faults);
            continue;
        }
        let found = KEYS
            .iter()
            .find(|one| one.section == entry.section && one.name == entry.key);
        let Some(found) = found else {
            faults.say(&entry.key_place, &unknown(&entry));
            continue;
        };
        if let Err(expected) = (found.set)(profile, &entry.value) {
            let Entry { key, value, .. } = &entry;
            faults.say(
                &entry.value_place,
                &format!("`{key}` is {expected}, not `{value}`"),
            );
        }
        let is_second = match entry.key {
            "cores" => !profile.numa_nodes.is_empty(),
            "numa_nodes" => !profile.cores.is_empty(),
            _ => false,
        };
        if entry.section.is_empty() && is_second {
            faults.say(
                &entry.key_place,
                "`cores` and `numa_nodes` both say where the shards are; one of them is enough",
            );
        }
    }
}

fn sysctl(profile: &mut Profile, entry: &Entry<'_>, faults: &mut Faults<'_>) {
    let names: Vec<&str> = SYSCTLS.iter().map(|one| one.name).collect();
    if !names.contains(&entry.key) {
        let reason = format!(
            "nothing is known of the kernel setting `{}`{}",
            entry.key,
            meant(entry.key, &names)
        );
        faults.say(&entry.key_place, &reason);
        return;
    }
    match entry.value {
        Value::Number(number) => profile.machine.sysctls.push((entry.key.to_owned(), number)),
        ref value => {
            let reason = format!("`{}` is a number, not `{value}`", entry.key);
            faults.say(&entry.value_place, &reason);
        }
    }
}

/// Says which cores of a profile this process may not use.
pub(super) fn place(text: &str, allowed: &[usize], faults: &mut Faults<'_>) {
    // What is wrong with the lines has been said.
    for entry in entries(text, &mut Faults::new("")) {
        let is_cores = matches!(entry.key, "cores" | "control_cores");
        if !entry.section.is_empty() || !is_cores {
            continue;
        }
        for core in cores(&entry.value).unwrap_or_default() {
            if !allowed.contains(&core) {
                let reason = format!(
                    "`{}`: there is no core {core} here; there are {allowed:?}",
                    entry.key
                );
                faults.say(&entry.value_place, &reason);
                break;
            }
        }
    }
}

/// Why there is no such key, and which one was meant.
fn unknown(entry: &Entry<'_>) -> String {
    let Entry { section, key, .. } = entry;
    let here: Vec<&str> = KEYS
        .iter()
        .filter(|one| one.section == *section)
        .map(|one| one.name)
        .collect();
    if here.is_empty() {
        let sections = [TABLES, MACHINE, SYSCTL];
        return format!(
            "there is no section `[{section}]`{}",
            meant(section, &sections)
        );
    }
    let elsewhere = KEYS.iter().find(|one| one.name == *key);
    match elsewhere {
        Some(one) if one.section.is_empty() => {
            format!("`{key}` stands before the first section, not in `[{section}]`")
        }
        Some(one) => format!("`{key}` stands in `[{}]`", one.section),
        None => format!("there is no `{key}`{}", meant(key, &here)),
    }
}

/// `; did you mean ...?`, or all there are.
fn meant(word: &str, names: &[&str]) -> String {
    let close = names
        .iter()
        .filter(|name| name.starts_with(word) || distance(word, name) <= 2)
        .min_by_key(|name| distance(word, name));
    match close {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; there are {}", names.join(", ")),
    }
}

/// Letters to change, add or leave out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

fn number(value: &Value<'_>, from: u64, to: u64) -> Result<u64, String> {
    match value {
        Value::Number(number) if (from..=to).contains(number) => Ok(*number),
        _ => Err(format!("a number from {from} to {to}")),
    }
}

fn places(value: &Value<'_>) -> Result<u32, String> {
    number(value, 16, 1 << 26).map(|number| number as u32)
}

fn bytes(value: &Value<'_>) -> Result<usize, String> {
    number(value, 0, 1 << 30).map(|bytes| bytes as usize)
}

fn truth(value: &Value<'_>) -> Result<bool, String> {
    match value {
        Value::Truth(truth) => Ok(*truth),
        _ => Err("true or false".to_owned()),
    }
}

fn word(value: &Value<'_>) -> Result<String, String> {
    match value {
        // It becomes part of a path below /sys.
        Value::Text(text)
            if !text.is_empty() && !text.contains(['/', ' ']) && !text.starts_with('.') =>
        {
            Ok((*text).to_owned())
        }
        _ => Err("a word in quotes".to_owned()),
    }
}

fn one_of<T: Copy>(value: &Value<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let found = match value {
        Value::Text(text) => words.iter().find(|(word, _)| word == text),
        _ => None,
    };
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let all: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        format!("one of {}", all.join(", "))
    })
}

fn spread(value: &Value<'_>) -> Result<Spread, String> {
    one_of(value, &[("off", Spread::Off), ("shards", Spread::Shards)])
}

fn cores(value: &Value<'_>) -> Result<Vec<usize>, String> {
    let expected = || "a list like [0, 1] or \"0-3,8\"".to_owned();
    match value {
        Value::Text(text) => cpu_list(text).ok_or_else(expected),
        Value::List(values) => values
            .iter()
            .map(|value| number(value, 0, CORE_MAX as u64).map(|core| core as usize))
            .collect::<Result<_, _>>()
            .map_err(|_| expected()),
        _ => Err(expected()),
    }
}

fn kernel(value: &Value<'_>) -> Result<(u32, u32), String> {
    let version = match value {
        Value::Text(text) => text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?))),
        _ => None,
    };
    version.ok_or_else(|| "a version like \"5.15\"".to_owned())
}
