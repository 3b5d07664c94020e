//! The files a profile is about: what each holds, and what it should hold.
//!
//! `check` compares them, `apply` writes those that differ. Whatever is beyond a file is only said.

use shards::Profile;
use shards::profile::{Interrupts, Relation, SYSCTLS, Spread, cpu_list};

use super::machine::{Interface, Machine, Queue, affinity_path, governor_path, sysctl_path};
use super::words::{cores_of_mask, cpu_list as written, cpu_mask};

/// A file with one value.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    /// Whose it is: a sysctl's name, an interface, a core.
    pub(super) whose: String,
    pub(super) path: String,
    /// What it holds; `None`: it is not there.
    pub(super) have: Option<String>,
    /// What it should hold.
    pub(super) want: String,
    /// Why it does not matter here.
    pub(super) moot: Option<&'static str>,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sysctl(Relation),
    Governor,
    HugePages,
    Rps,
    Xps,
    Interrupt,
}

impl Setting {
    /// Whether it holds what it should.
    pub(super) fn is_met(&self) -> bool {
        if self.moot.is_some() {
            return true;
        }
        let Some(have) = self.have.as_deref() else {
            return false;
        };
        let numbers = || Some((have.parse::<u64>().ok()?, self.want.parse::<u64>().ok()?));
        match self.kind {
            Kind::Sysctl(Relation::AtLeast) => numbers().is_some_and(|(have, want)| have >= want),
            Kind::Sysctl(Relation::AtMost) => numbers().is_some_and(|(have, want)| have <= want),
            _ => is_same(&self.path, have, &self.want),
        }
    }
}

/// Whether two values of a file mean the same. The kernel writes as many digits of a mask as it has cores, and lists in
/// its own way.
pub(super) fn is_same(path: &str, one: &str, other: &str) -> bool {
    let sorted = |cores: Option<Vec<usize>>| {
        cores.map(|mut cores| {
            cores.sort_unstable();
            cores.dedup();
            cores
        })
    };
    let means = |text: &str| match path.rsplit('_').next() {
        Some("cpus") => sorted(cores_of_mask(text)),
        Some("list") => sorted(cpu_list(text)),
        _ => None,
    };
    one == other || means(one).is_some_and(|cores| Some(cores) == means(other))
}

/// How many shards a profile means here.
pub(super) fn shards_of(profile: &Profile, machine: &Machine) -> usize {
    let named = shard_cores(profile, machine);
    match profile.shards {
        Some(shards) => shards.into(),
        None if is_pinned(profile) => named.len(),
        None => machine.cores_of_quota(),
    }
}

/// Whether a profile says which cores the shards have.
pub(super) fn is_pinned(profile: &Profile) -> bool {
    !profile.cores.is_empty() || !profile.numa_nodes.is_empty()
}

/// The cores of the shards: the profile's, those of its nodes, or all that may be used.
pub(super) fn shard_cores(profile: &Profile, machine: &Machine) -> Vec<usize> {
    if !profile.cores.is_empty() {
        return profile.cores.clone();
    }
    if profile.numa_nodes.is_empty() {
        return machine.allowed.clone();
    }
    let nodes = profile.numa_nodes.iter();
    let cores = nodes
        .filter_map(|&node| machine.cores_of_node(node))
        .flatten();
    cores
        .filter(|core| !profile.control_cores.contains(core))
        .collect()
}

/// Every setting that a profile has something to say about, on this machine.
pub(super) fn settings(profile: &Profile, machine: &Machine) -> Vec<Setting> {
    let mut all = Vec::new();
    for (name, want) in sysctls(profile) {
        let known = SYSCTLS.iter().find(|one| one.name == name);
        let relation = known.map_or(Relation::AtLeast, |one| one.relation);
        all.push(Setting {
            kind: Kind::Sysctl(relation),
            path: sysctl_path(name),
            moot: moot(name, machine),
            have: machine.sysctl(name),
            whose: name.to_owned(),
            want: want.to_string(),
        });
    }
    if let Some(governor) = &profile.machine.governor {
        for core in used_cores(profile, machine) {
            let have = machine.governor(core);
            if have.is_some() {
                all.push(Setting {
                    kind: Kind::Governor,
                    whose: format!("core {core}"),
                    path: governor_path(core),
                    have,
                    want: governor.clone(),
                    moot: None,
                });
            }
        }
    }
    if let Some(want) = &profile.machine.transparent_hugepages {
        all.push(Setting {
            kind: Kind::HugePages,
            whose: String::new(),
            path: "/sys/kernel/mm/transparent_hugepage/enabled".to_owned(),
            have: machine.transparent_hugepages.clone(),
            want: want.clone(),
            moot: machine
                .transparent_hugepages
                .is_none()
                .then_some("this kernel has none"),
        });
    }
    for interface in machine.interfaces(profile.machine.interface.as_deref()) {
        of_interface(profile, machine, interface, &mut all);
    }
    all
}

/// The kernel settings that a profile names, and those that its socket buffers imply; in the order of `SYSCTLS`.
fn sysctls(profile: &Profile) -> Vec<(&'static str, u64)> {
    let implied = [
        (
            "net.core.rmem_max",
            profile.udp_receive_buffer.max(profile.tcp_receive_buffer),
        ),
        (
            "net.core.wmem_max",
            profile.udp_send_buffer.max(profile.tcp_send_buffer),
        ),
    ];
    let mut wanted = Vec::new();
    for one in SYSCTLS {
        let named = profile
            .machine
            .sysctls
            .iter()
            .find(|(name, _)| name == one.name);
        let named = named.map(|(_, value)| *value);
        let implied = implied
            .iter()
            .find(|(name, bytes)| *name == one.name && *bytes > 0);
        let implied = implied.map(|(_, bytes)| *bytes as u64);
        if let Some(value) = named.max(implied) {
            wanted.push((one.name, value));
        }
    }
    wanted
}

/// Why a kernel setting does not matter here.
pub(super) fn moot(name: &str, machine: &Machine) -> Option<&'static str> {
    match name {
        "vm.swappiness" if machine.swap_kb == 0 => Some("there is no swap"),
        "kernel.numa_balancing" if machine.nodes.len() < 2 => Some("there is one node"),
        "net.netfilter.nf_conntrack_max" if machine.sysctl(name).is_none() => {
            Some("connection tracking is not loaded")
        }
        _ if machine.sysctl(name).is_none() => Some(HIDDEN),
        _ => None,
    }
}

/// Of a setting that a container does not show.
pub(super) const HIDDEN: &str = "not offered here: it is the host's, or of another kernel";

/// The cores of shards and control thread that this machine has.
pub(super) fn used_cores(profile: &Profile, machine: &Machine) -> Vec<usize> {
    let mut cores = shard_cores(profile, machine);
    cores.extend(&profile.control_cores);
    if let Some(Interrupts::Cores(more)) = &profile.machine.interrupts {
        cores.extend(more);
    }
    cores.retain(|core| machine.online.contains(core));
    cores.sort_unstable();
    cores.dedup();
    cores
}

fn of_interface(
    profile: &Profile,
    machine: &Machine,
    interface: &Interface,
    all: &mut Vec<Setting>,
) {
    let has = |core: &usize| machine.online.contains(core);
    let mut shards = shard_cores(profile, machine);
    shards.retain(has);
    let mut add = |kind, path: String, have: Option<String>, want: String| {
        all.push(Setting {
            kind,
            whose: interface.name.clone(),
            path,
            have,
            want,
            moot: None,
        });
    };
    let with_mask = |queues: &'_ [Queue]| -> Vec<(usize, String, Option<String>)> {
        let queues = queues.iter().enumerate();
        queues
            .filter(|(_, queue)| queue.mask.is_some())
            .map(|(index, queue)| (index, queue.path.clone(), queue.mask.clone()))
            .collect()
    };
    if let Some(spread) = profile.machine.rps {
        for (_, path, have) in with_mask(&interface.receive) {
            let cores: &[usize] = match spread {
                Spread::Off => &[],
                Spread::Shards => &shards,
            };
            add(Kind::Rps, path, have, cpu_mask(cores));
        }
    }
    if let Some(spread) = profile.machine.xps {
        let queues = interface.transmit.len().max(1);
        for (index, path, have) in with_mask(&interface.transmit) {
            let cores: Vec<usize> = match spread {
                Spread::Off => Vec::new(),
                Spread::Shards => shards.iter().copied().skip(index).step_by(queues).collect(),
            };
            add(Kind::Xps, path, have, cpu_mask(&cores));
        }
    }
    let mut targets = match &profile.machine.interrupts {
        Some(Interrupts::Shards) => shards.clone(),
        Some(Interrupts::Cores(cores)) => cores.clone(),
        None => return,
    };
    targets.retain(has);
    if targets.is_empty() {
        return;
    }
    for list in [
        &interface.receive_interrupts,
        &interface.transmit_interrupts,
    ] {
        for (index, one) in list.iter().enumerate() {
            add(
                Kind::Interrupt,
                affinity_path(one.number),
                one.cores.as_deref().map(written),
                targets[index % targets.len()].to_string(),
            );
        }
    }
}
