//! The facts of a machine, read once from `/proc` and `/sys` below a root.
//!
//! Only what is there is read; what is missing is `None` or empty: "not offered by this machine". What files do not tell
//! is asked of the machine itself; for a copied tree a file `probes` beside `proc` says it, a line each: `io_uring yes`,
//! `ebpf Operation not permitted`, `queues eth0 8/16`, `ring eth0 512/4096`, `udp-hash eth0 ports` (or `addresses`).

mod control_group;
mod network;
mod root;

pub(crate) use control_group::cpu_quota;
pub(super) use network::{Interface, Queue, Softnet, Udp, affinity_path};
pub(crate) use root::Root;

use shards::profile::cpu_list;

use super::words::{bytes, count};

/// What there is.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) root: Root,
    pub(super) kernel: Option<String>,
    pub(super) processor: Option<String>,
    pub(super) online: Vec<usize>,
    /// Cores that this process may use.
    pub(super) allowed: Vec<usize>,
    /// Hardware threads of one core, where there are several.
    pub(super) siblings: Vec<Vec<usize>>,
    pub(super) nodes: Vec<Node>,
    /// CPU time that this process may use, in hundredths of a core.
    pub(super) quota_percent: Option<u64>,
    pub(super) memory_kb: u64,
    /// What the control group may use.
    pub(super) memory_limit: Option<u64>,
    pub(super) swap_kb: u64,
    pub(super) clocksource: Option<String>,
    pub(super) transparent_hugepages: Option<String>,
    /// Hard limits of this process; `None`: not known. `u64::MAX`: none.
    pub(super) open_files: Option<u64>,
    pub(super) locked_bytes: Option<u64>,
    pub(super) io_uring: Probe,
    pub(super) ebpf: Probe,
    pub(super) interfaces: Vec<Interface>,
    pub(super) irqbalance: bool,
    pub(super) softnet: Softnet,
    pub(super) udp: Option<Udp>,
    /// How fine the kernel's timers are in nanoseconds; `None`: it does not tell everybody.
    pub(super) timer_resolution: Option<u64>,
    /// One a start of the machine.
    pub(super) boot: Option<String>,
}

/// A NUMA node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: usize,
    pub(super) cores: Vec<usize>,
}

/// Whether the kernel permits something; `None`: nobody could ask.
pub(super) type Probe = Option<Result<(), String>>;

const CPU: &str = "/sys/devices/system/cpu";
const NODES: &str = "/sys/devices/system/node";

impl Machine {
    /// Reads the facts below a root; probes if that is the machine itself.
    pub(crate) fn read(root: Root) -> Machine {
        let online = root.cores(&format!("{CPU}/online")).unwrap_or_default();
        let status = root.read("/proc/self/status").unwrap_or_default();
        let allowed = field(&status, "Cpus_allowed_list:")
            .and_then(cpu_list)
            .map(|mut cores| {
                cores.retain(|core| online.is_empty() || online.contains(core));
                cores
            })
            .unwrap_or_else(|| online.clone());
        let memory = root.read("/proc/meminfo").unwrap_or_default();
        let kb = |name| {
            let number = field(&memory, name).and_then(|text| text.split(' ').next());
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        let limits = root.read("/proc/self/limits").unwrap_or_default();
        let (io_uring, ebpf) = probes(&root);
        Machine {
            kernel: root.read("/proc/sys/kernel/osrelease"),
            processor: root.read("/proc/cpuinfo").and_then(|text| {
                let line = text.lines().find(|line| line.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            }),
            siblings: siblings(&root, &online),
            nodes: nodes(&root),
            quota_percent: cpu_quota(&root),
            memory_kb: kb("MemTotal:"),
            memory_limit: control_group::memory_limit(&root),
            swap_kb: kb("SwapTotal:"),
            clocksource: root
                .read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            transparent_hugepages: root.chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
            open_files: limit(&limits, "Max open files"),
            locked_bytes: limit(&limits, "Max locked memory"),
            io_uring,
            ebpf,
            interfaces: network::interfaces(&root),
            irqbalance: runs(&root, "irqbalance"),
            softnet: network::softnet(&root),
            udp: network::udp(&root),
            timer_resolution: root.read("/proc/timer_list").and_then(|text| {
                let line = text
                    .lines()
                    .find_map(|line| line.trim_start().strip_prefix(".resolution:"))?;
                line.split_whitespace().next()?.parse().ok()
            }),
            boot: root.read("/proc/sys/kernel/random/boot_id"),
            online,
            allowed,
            root,
        }
    }

    /// A kernel setting by the name that `sysctl` has for it.
    pub(super) fn sysctl(&self, name: &str) -> Option<String> {
        self.root.read(&sysctl_path(name))
    }

    /// The governor of a core.
    pub(super) fn governor(&self, core: usize) -> Option<String> {
        self.root.read(&governor_path(core))
    }

    /// Governors that the machine has.
    pub(super) fn governors(&self) -> Vec<String> {
        let path = format!(
            "{CPU}/cpu{}/cpufreq/scaling_available_governors",
            self.allowed.first().unwrap_or(&0)
        );
        let text = self.root.read(&path).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// The cores of a node that this process may use.
    pub(super) fn cores_of_node(&self, number: usize) -> Option<Vec<usize>> {
        let node = self.nodes.iter().find(|node| node.number == number)?;
        let cores = node.cores.iter().copied();
        Some(cores.filter(|core| self.allowed.contains(core)).collect())
    }

    /// The node of a core; 0 where there are none.
    pub(super) fn node_of(&self, core: usize) -> usize {
        let node = self.nodes.iter().find(|node| node.cores.contains(&core));
        node.map_or(0, |node| node.number)
    }

    /// Memory that a process here may use in bytes.
    pub(super) fn memory(&self) -> u64 {
        let whole = self.memory_kb << 10;
        self.memory_limit.map_or(whole, |limit| limit.min(whole))
    }

    /// Major and minor version of the kernel.
    pub(super) fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.kernel.as_deref()?.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// Cores that the quota leaves of those that may be used; at least one.
    pub(super) fn cores_of_quota(&self) -> usize {
        fitting(self.allowed.len(), self.quota_percent)
    }

    /// The first hardware thread of each core that may be used, and the others.
    pub(super) fn threads(&self) -> (Vec<usize>, Vec<usize>) {
        let is_second = |core: &usize| {
            let mut groups = self.siblings.iter();
            groups.any(|group| {
                let first = group.iter().find(|core| self.allowed.contains(core));
                group.contains(core) && first != Some(core)
            })
        };
        self.allowed.iter().partition(|core| !is_second(core))
    }

    /// Interfaces with hardware behind them that are up, or the one that is named.
    pub(super) fn interfaces<'a>(&'a self, named: Option<&str>) -> Vec<&'a Interface> {
        let all = self.interfaces.iter();
        match named {
            Some(name) => all.filter(|one| one.name == name).collect(),
            None => all.filter(|one| one.is_hardware && one.is_up).collect(),
        }
    }

    /// One line about it.
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.processor.clone());
        let (all, ours) = (self.online.len(), self.allowed.len());
        parts.push(match all == ours {
            true => count(all, "core"),
            false => format!("{ours} of {}", count(all, "core")),
        });
        if let Some(percent) = self.quota_percent {
            parts.push(format!("a quota of {}", cores_of_percent(percent)));
        }
        if self.nodes.len() > 1 {
            parts.push(count(self.nodes.len(), "node"));
        }
        parts.push(bytes(self.memory()));
        parts.extend(self.kernel.as_ref().map(|kernel| format!("Linux {kernel}")));
        parts.join(", ")
    }
}

/// Of so many cores, those that a quota in hundredths of a core pays for whole; at least one.
pub(crate) fn fitting(cores: usize, quota_percent: Option<u64>) -> usize {
    let paid = quota_percent.map_or(u64::MAX, |percent| percent / 100);
    cores
        .min(usize::try_from(paid).unwrap_or(usize::MAX))
        .max(1)
}

/// 150 is `1.5 cores`.
pub(super) fn cores_of_percent(percent: u64) -> String {
    match (percent / 100, percent % 100) {
        (1, 0) => "1 core".to_owned(),
        (whole, 0) => format!("{whole} cores"),
        (whole, part) if part.is_multiple_of(10) => format!("{whole}.{} cores", part / 10),
        (whole, part) => format!("{whole}.{part:02} cores"),
    }
}

pub(super) fn sysctl_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

pub(super) fn governor_path(core: usize) -> String {
    format!("{CPU}/cpu{core}/cpufreq/scaling_governor")
}

/// What follows a word at the start of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim())
}

/// A hard limit of `/proc/self/limits`: the second column behind the name.
fn limit(text: &str, name: &str) -> Option<u64> {
    let hard = field(text, name)?.split_whitespace().nth(1)?;
    match hard {
        "unlimited" => Some(u64::MAX),
        _ => hard.parse().ok(),
    }
}

fn siblings(root: &Root, online: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for core in online {
        let path = format!("{CPU}/cpu{core}/topology/thread_siblings_list");
        if let Some(group) = root.cores(&path).filter(|group| group.len() > 1)
            && group.first() == Some(core)
        {
            groups.push(group);
        }
    }
    groups
}

fn nodes(root: &Root) -> Vec<Node> {
    let names = root.names(NODES);
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_prefix("node")?.parse().ok());
    numbers
        .map(|number| Node {
            number,
            cores: root
                .cores(&format!("{NODES}/node{number}/cpulist"))
                .unwrap_or_default(),
        })
        .filter(|node| !node.cores.is_empty())
        .collect()
}

fn runs(root: &Root, program: &str) -> bool {
    let names = root.names("/proc");
    let mut processes = names
        .iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    processes.any(|number| root.read(&format!("/proc/{number}/comm")).as_deref() == Some(program))
}

fn probes(root: &Root) -> (Probe, Probe) {
    if root.is_this_machine() {
        return (
            Some(wire::host::probe_io_uring().map_err(|error| error.to_string())),
            Some(shards::probe_ebpf()),
        );
    }
    let told = root.read("/probes").unwrap_or_default();
    let of = |name| {
        field(&told, name).map(|says| match says {
            "yes" => Ok(()),
            error => Err(error.to_owned()),
        })
    };
    (of("io_uring "), of("ebpf "))
}
