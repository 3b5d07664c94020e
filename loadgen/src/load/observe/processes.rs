//! CPU time and memory of processes, from /proc.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// CPU time of some processes and all their children, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::load) struct CpuTime {
    /// What the scheduler gave all threads: exact.
    pub(in crate::load) total: u64,
    /// The shares of it in user and system mode, as the kernel's tick saw them.
    pub(in crate::load) user: u64,
    pub(in crate::load) system: u64,
    /// Processes and threads that were there.
    pub(in crate::load) processes: u64,
    pub(in crate::load) threads: u64,
    /// Resident memory, bytes.
    pub(in crate::load) resident: u64,
}

/// Resident memory of these processes and all their children, bytes.
pub(in crate::load) fn resident_of(pids: &[u32]) -> u64 {
    if pids.is_empty() {
        return 0;
    }
    let family = family(pids);
    let resident = family.iter().filter_map(|&pid| read_stat(pid));
    resident.map(|stat| stat.resident_pages * PAGE).sum()
}

impl CpuTime {
    /// Of these processes alone. One that is gone counts nothing.
    pub(in crate::load) fn of_exactly(pids: &BTreeSet<u32>) -> CpuTime {
        let mut sum = CpuTime::default();
        let (mut ticks_user, mut ticks_system) = (0u64, 0u64);
        for &pid in pids {
            let Some(stat) = read_stat(pid) else { continue };
            sum.processes += 1;
            ticks_user += stat.user;
            ticks_system += stat.system;
            sum.resident += stat.resident_pages * PAGE;
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
    pub(in crate::load) fn of_ourselves() -> CpuTime {
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
    pub(in crate::load) fn since(&self, before: &CpuTime) -> CpuTime {
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

/// Bytes of a page, as /proc counts memory.
const PAGE: u64 = 4096;
/// A tick of the kernel. Only the proportion of user and system ticks is used.
const TICK: u64 = 10_000_000;

/// These processes and everything they started.
pub(in crate::load) fn family(pids: &[u32]) -> BTreeSet<u32> {
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
        let mine = CpuTime::of_exactly(&family(&[std::process::id()]));
        assert!(mine.total > 0 && mine.processes >= 1 && mine.threads >= 1 && mine.resident > 0);
    }
}
