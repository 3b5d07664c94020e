//! What kernel and server count meanwhile: CPU time of processes, datagrams that were dropped.
//!
//! All of it is read from /proc before and after; differences go into the report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// CPU time of some processes and all their children, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CpuTime {
    /// What the scheduler gave all threads: exact.
    pub(super) total: u64,
    /// The shares of it in user and system mode, as the kernel's tick saw them.
    pub(super) user: u64,
    pub(super) system: u64,
    /// Processes and threads that were there.
    pub(super) processes: u64,
    pub(super) threads: u64,
    /// Resident memory, bytes.
    pub(super) resident: u64,
}

impl CpuTime {
    /// Of these processes, their children and so on. A process that is gone counts nothing.
    pub(super) fn of(pids: &[u32]) -> CpuTime {
        let mut sum = CpuTime::default();
        let (mut ticks_user, mut ticks_system) = (0u64, 0u64);
        for pid in family(pids) {
            let Some(stat) = read_stat(pid) else { continue };
            sum.processes += 1;
            ticks_user += stat.user;
            ticks_system += stat.system;
            sum.resident += stat.resident_pages * 4096;
            for task in fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten()
                .flatten()
            {
                sum.threads += 1;
                let schedstat =
                    fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                sum.total += first_number(&schedstat);
            }
        }
        sum.user = ticks_user * TICK;
        sum.system = ticks_system * TICK;
        sum
    }

    /// Of this process, ended threads included, to the microsecond; the memory is its peak.
    pub(super) fn of_ourselves() -> CpuTime {
        let (user, system) = wire::process::cpu_time();
        let (user, system) = (user.as_nanos() as u64, system.as_nanos() as u64);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.map_or(0, first_number);
        CpuTime {
            total: user + system,
            user,
            system,
            resident: peak * 1024,
            ..CpuTime::default()
        }
    }

    /// What was used since `before`: the exact total, split in the proportion of the ticks.
    pub(super) fn since(&self, before: &CpuTime) -> CpuTime {
        let total = self.total.saturating_sub(before.total);
        let (user, system) = (
            self.user.saturating_sub(before.user),
            self.system.saturating_sub(before.system),
        );
        let ticks = user + system;
        let user = if ticks == 0 {
            0
        } else {
            (u128::from(total) * u128::from(user) / u128::from(ticks)) as u64
        };
        CpuTime {
            total,
            user,
            system: total - user,
            ..*self
        }
    }
}

/// A tick of the kernel. Only the proportion of user and system ticks is used.
const TICK: u64 = 10_000_000;

/// These processes and everything they started.
fn family(pids: &[u32]) -> BTreeSet<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        if let Some(stat) = read_stat(pid) {
            parents.insert(pid, stat.parent);
        }
    }
    let is_ours = |mut pid: u32| {
        // As deep as process trees go; pid 0 is nobody's child.
        for _ in 0..64 {
            if pids.contains(&pid) {
                return true;
            }
            match parents.get(&pid) {
                Some(&parent) if parent != 0 => pid = parent,
                _ => return false,
            }
        }
        false
    };
    parents
        .keys()
        .copied()
        .filter(|&pid| is_ours(pid))
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    user: u64,
    system: u64,
    resident_pages: u64,
}

fn read_stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in the middle may hold blanks and brackets, so the fields are counted from the last bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text[text.rfind(')')? + 1..]
        .split_ascii_whitespace()
        .collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: number(1)? as u32,
        user: number(11)?,
        system: number(12)?,
        resident_pages: number(21)?,
    })
}

fn first_number(text: &str) -> u64 {
    text.split_ascii_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

/// Datagrams that the kernel dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drops {
    /// At our own sockets, because we read too slowly.
    pub(super) ours: u64,
    /// At the sockets of the target's port.
    pub(super) target: u64,
    /// On the whole machine, because of full receive buffers.
    pub(super) receive_buffers: u64,
    /// On the whole machine, because of full send buffers.
    pub(super) send_buffers: u64,
}

impl Drops {
    pub(super) fn read(ours: &[u16], target: u16) -> Drops {
        let mut drops = Drops::default();
        for table in ["/proc/net/udp", "/proc/net/udp6"] {
            for (port, dropped) in parse_sockets(&fs::read_to_string(table).unwrap_or_default()) {
                if ours.contains(&port) {
                    drops.ours += dropped;
                } else if port == target {
                    drops.target += dropped;
                }
            }
        }
        let snmp = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
        let snmp6 = fs::read_to_string("/proc/net/snmp6").unwrap_or_default();
        drops.receive_buffers =
            parse_snmp(&snmp, "RcvbufErrors") + parse_snmp6(&snmp6, "Udp6RcvbufErrors");
        drops.send_buffers =
            parse_snmp(&snmp, "SndbufErrors") + parse_snmp6(&snmp6, "Udp6SndbufErrors");
        drops
    }

    pub(super) fn since(&self, before: &Drops) -> Drops {
        Drops {
            ours: self.ours.saturating_sub(before.ours),
            target: self.target.saturating_sub(before.target),
            receive_buffers: self.receive_buffers.saturating_sub(before.receive_buffers),
            send_buffers: self.send_buffers.saturating_sub(before.send_buffers),
        }
    }
}

/// Bound ports of a table of sockets.
pub(super) fn ports(table: &str) -> impl Iterator<Item = u16> {
    parse_sockets(table).into_iter().map(|(port, _)| port)
}

/// Local port and drops of each socket.
fn parse_sockets(table: &str) -> Vec<(u16, u64)> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        Some((port, fields.last()?.parse().ok()?))
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// A figure of the pair of lines that begin with `Udp:`.
fn parse_snmp(text: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return 0;
    };
    let at = names.split_ascii_whitespace().position(|word| word == name);
    at.and_then(|at| values.split_ascii_whitespace().nth(at)?.parse().ok())
        .unwrap_or(0)
}

fn parse_snmp6(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.split_ascii_whitespace().next() == Some(name));
    line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_process_whose_name_has_blanks_and_brackets() {
        let text = "17 (a) b) c) S 4 17 17 0 -1 4194560 1 2 3 4 250 130 0 0 20 0 3 0 100 1000 77 18446744073709551615";
        let stat = Stat {
            parent: 4,
            user: 250,
            system: 130,
            resident_pages: 77,
        };
        assert_eq!(parse_stat(text), Some(stat));
    }

    #[test]
    fn reads_drops_by_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             12: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 123 2 0000 42\n\
             13: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 124 2 0000 0\n";
        assert_eq!(parse_sockets(table), [(5060, 42), (53, 0)]);
    }

    #[test]
    fn reads_a_figure_of_the_udp_lines() {
        let text = "Ip: A\nIp: 1\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 9 8 7\nUdpLite: RcvbufErrors\nUdpLite: 5\n";
        assert_eq!(parse_snmp(text, "RcvbufErrors"), 7);
        assert_eq!(parse_snmp(text, "Missing"), 0);
    }

    #[test]
    fn splits_the_exact_total_in_the_proportion_of_the_ticks() {
        let before = CpuTime {
            total: 1_000,
            user: 0,
            system: 0,
            ..CpuTime::default()
        };
        let after = CpuTime {
            total: 5_000,
            user: 30,
            system: 10,
            ..CpuTime::default()
        };
        let used = after.since(&before);
        assert_eq!((used.total, used.user, used.system), (4_000, 3_000, 1_000));
    }

    #[test]
    fn finds_this_very_process() {
        let mine = CpuTime::of(&[std::process::id()]);
        assert!(mine.total > 0 && mine.processes >= 1 && mine.threads >= 1 && mine.resident > 0);
    }
}
