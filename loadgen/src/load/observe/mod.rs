//! What kernel and server count meanwhile: CPU time and memory of processes, datagrams that were dropped.
//!
//! Read before, every second, and after; what is not offered here is said to be not measured, never 0.

mod counters;
mod drops;
mod observer;
mod processes;

use std::fs;

pub(super) use counters::{ask, changed};
pub(super) use drops::{Drops, ports};
pub(super) use observer::Observer;
pub(super) use processes::{CpuTime, family, resident_of};

/// What a record says of the machine it was made on.
pub(super) fn machine() -> Vec<(&'static str, String)> {
    let line = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let cpuinfo = line("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let memory = line("/proc/meminfo");
    let total = memory
        .lines()
        .next()
        .and_then(|line| line.split_ascii_whitespace().nth(1))
        .unwrap_or("0");
    vec![
        ("cpu", model.unwrap_or("unknown").to_owned()),
        (
            "cores",
            cpuinfo
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count()
                .to_string(),
        ),
        ("memory_kb", total.to_owned()),
        ("kernel", line("/proc/sys/kernel/osrelease")),
        ("rmem_max", line("/proc/sys/net/core/rmem_max")),
        ("rmem_default", line("/proc/sys/net/core/rmem_default")),
        ("wmem_max", line("/proc/sys/net/core/wmem_max")),
        ("wmem_default", line("/proc/sys/net/core/wmem_default")),
        // Empty where the kernel offers none, as in most virtual machines.
        (
            "governor",
            line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        ),
    ]
}
