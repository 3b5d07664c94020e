//! Cores, nodes, threads of a core, quota, governor; memory and its budget.

use engine::limits::Limits;
use shards::Profile;
use shards::limits::{SHARDS_A_CORE_MAX, TRANSACTION_BYTES};
use shards::profile::transactions_in;

use super::{APPLY, together};
use crate::tune::finding::{Finding, Grade};
use crate::tune::machine::{Machine, cores_of_percent};
use crate::tune::settings::{Kind, Setting, is_pinned, shard_cores, shards_of};
use crate::tune::words::{bytes, count, cpu_list, number};

const CORES: &str = "cores";
const MEMORY: &str = "memory";

/// What is left to the script, the kernel and everything else of the memory, in parts of a hundred.
const BUDGET_PERCENT_MAX: u64 = 75;

pub(super) fn check(
    profile: &Profile,
    machine: &Machine,
    settings: &[Setting],
    found: &mut Vec<Finding>,
) {
    found.push(cores(profile, machine));
    found.push(shards(profile, machine));
    found.push(control(profile, machine));
    found.extend(quota(profile, machine));
    found.extend(threads(profile, machine));
    found.extend(nodes(profile, machine));
    found.extend(governor(profile, settings));
    found.push(memory(profile, machine));
    found.push(budget(profile, machine));
}

fn cores(profile: &Profile, machine: &Machine) -> Finding {
    let (ours, all) = (machine.allowed.len(), machine.online.len());
    let mut have = format!("{} ({})", count(ours, "core"), cpu_list(&machine.allowed));
    if ours != all {
        have.push_str(&format!(" of {all} may be used"));
    }
    let finding = Finding::new(CORES, "cores", have)
        .why("a shard is a core: calls are never shared between them");
    if ours == 0 {
        let have = "unknown".to_owned();
        return Finding { have, ..finding }.graded(Grade::Note);
    }
    let Some(wanted) = profile.machine.cores else {
        return finding;
    };
    finding.want(format!("{wanted} or more")).unless(
        ours >= wanted,
        Grade::Bad,
        "the profile's numbers are of a larger machine: its shards would share cores, and its bounds be too wide",
        "`tandem tune suggest` writes a profile for this machine",
    )
}

fn shards(profile: &Profile, machine: &Machine) -> Finding {
    let shards = shards_of(profile, machine);
    let cores = shard_cores(profile, machine);
    let pinned = is_pinned(profile);
    let have = match (pinned, profile.shards) {
        (true, _) => format!("{shards} on {} {}", noun(cores.len()), cpu_list(&cores)),
        (false, Some(_)) => format!("{shards}, the kernel decides where"),
        (false, None) => {
            format!("{shards}, unless the script's udp_workers are fewer; the kernel decides where")
        }
    };
    let finding = Finding::new(CORES, "shards", have)
        .why("each on a core of its own keeps its caches and waits for nobody");
    if machine.allowed.is_empty() {
        return finding.graded(Grade::Note);
    }
    let missing: Vec<usize> = cores
        .iter()
        .copied()
        .filter(|core| !machine.allowed.contains(core))
        .collect();
    let missing_nodes = profile
        .numa_nodes
        .iter()
        .filter(|&&node| machine.cores_of_node(node).is_none());
    let missing_nodes: Vec<usize> = missing_nodes.copied().collect();
    let places = if pinned {
        distinct(&cores)
    } else {
        machine.allowed.len()
    };
    let suggest = "`tandem tune suggest` writes a profile for this machine";
    if !missing_nodes.is_empty() {
        let have = format!("node {} is not there", cpu_list(&missing_nodes));
        return Finding { have, ..finding }
            .want(format!("nodes {}", cpu_list(&profile.numa_nodes)))
            .unless(false, Grade::Bad, "the server does not start", suggest);
    }
    if !missing.is_empty() || cores.is_empty() {
        return finding
            .want(format!("cores of {}", cpu_list(&machine.allowed)))
            .unless(
                false,
                Grade::Bad,
                format!(
                    "there is no core {} for them here: the server does not start",
                    cpu_list(&missing)
                ),
                suggest,
            );
    }
    if shards > machine.allowed.len() * SHARDS_A_CORE_MAX {
        return finding
            .want(format!(
                "{} or fewer",
                machine.allowed.len() * SHARDS_A_CORE_MAX
            ))
            .unless(
                false,
                Grade::Bad,
                format!(
                    "the server does not start: at most {SHARDS_A_CORE_MAX} shards a core run well"
                ),
                suggest,
            );
    }
    finding.unless(
        shards <= places,
        Grade::Warn,
        "shards that share a core wait for each other: the CPU of a call was a third higher with two \
         shards on one core, without steering (measured)",
        format!("shards = {places}, or more cores"),
    )
}

fn noun(cores: usize) -> &'static str {
    if cores == 1 { "core" } else { "cores" }
}

fn distinct(cores: &[usize]) -> usize {
    let mut cores = cores.to_vec();
    cores.sort_unstable();
    cores.dedup();
    cores.len()
}

fn control(profile: &Profile, machine: &Machine) -> Finding {
    let control = &profile.control_cores;
    let why = "management, log and reload run beside the shards; what they take, a shard on the same core lacks";
    if control.is_empty() {
        let is_full = shards_of(profile, machine) >= machine.allowed.len();
        let have = match is_full {
            true => "any; every core has a shard, so it runs at nice 5",
            false => "any",
        };
        return Finding::new(CORES, "control thread", have).why(why);
    }
    let finding = Finding::new(
        CORES,
        "control thread",
        format!("{} {}", noun(control.len()), cpu_list(control)),
    )
    .why(why);
    let missing: Vec<usize> = control
        .iter()
        .copied()
        .filter(|core| !machine.allowed.contains(core))
        .collect();
    if !missing.is_empty() {
        return finding
            .want(format!("cores of {}", cpu_list(&machine.allowed)))
            .unless(
                false,
                Grade::Bad,
                format!(
                    "there is no core {} for it here: the server does not start",
                    cpu_list(&missing)
                ),
                "name others in control_cores, or leave it out",
            );
    }
    let shards = shard_cores(profile, machine);
    let shared: Vec<usize> = control
        .iter()
        .copied()
        .filter(|core| shards.contains(core))
        .collect();
    finding.unless(
        !is_pinned(profile) || shared.is_empty(),
        Grade::Warn,
        format!(
            "core {} has a shard as well: a reload or a long log line delays its calls",
            cpu_list(&shared)
        ),
        "name cores that no shard has, or leave control_cores out",
    )
}

fn quota(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let percent = machine.quota_percent?;
    let shards = shards_of(profile, machine);
    let finding = Finding::new(CORES, "CPU quota", cores_of_percent(percent))
        .want(format!("{} for {}", cores_of_percent(shards as u64 * 100), count(shards, "shard")))
        .why("once it is used up, the kernel stops all shards for the rest of the period (100 ms, if nobody chose another)");
    Some(finding.unless(
        percent >= shards as u64 * 100,
        Grade::Warn,
        "calls wait for tens of milliseconds at load, and buffers overflow meanwhile",
        format!(
            "raise the quota (docker --cpus, CPUQuota= of systemd), or shards = {}",
            machine.cores_of_quota()
        ),
    ))
}

fn threads(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let groups = machine.siblings.len();
    if groups == 0 {
        return None;
    }
    let shards = shard_cores(profile, machine);
    let has = |core: &&usize| shards.contains(core);
    let shared = machine
        .siblings
        .iter()
        .filter(|group| group.iter().filter(has).count() > 1);
    let shared: Vec<String> = shared.map(|group| cpu_list(group)).collect();
    let have = match shared.first() {
        None => format!("{groups} cores of several threads, a shard has one to itself"),
        Some(first) => {
            format!(
                "{} of {groups} cores have a shard on each thread: {first}",
                shared.len()
            )
        }
    };
    let finding = Finding::new(CORES, "threads of a core", have)
        .why("two shards on the threads of one core share its caches and units");
    Some(match shared.is_empty() || !is_pinned(profile) {
        true => finding,
        false => finding.graded(Grade::Note),
    })
}

fn nodes(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let have = machine.nodes.len().max(1);
    if have < 2 && profile.machine.nodes.is_none() {
        return None;
    }
    let spread: Vec<String> = machine
        .nodes
        .iter()
        .map(|node| format!("{}: {}", node.number, cpu_list(&node.cores)))
        .collect();
    let finding = Finding::new(
        CORES,
        "NUMA nodes",
        format!("{have} ({})", spread.join("; ")),
    )
    .why("a shard's memory is where it first runs; the other node's is farther away");
    let Some(wanted) = profile.machine.nodes else {
        return Some(finding);
    };
    Some(finding.want(format!("{wanted} or more")).unless(
        have >= wanted,
        Grade::Bad,
        "the profile places shards on nodes that this machine does not have",
        "`tandem tune suggest` writes a profile for this machine",
    ))
}

fn governor(profile: &Profile, settings: &[Setting]) -> Option<Finding> {
    let wanted = profile.machine.governor.as_ref()?;
    let of: Vec<&Setting> = settings
        .iter()
        .filter(|one| one.kind == Kind::Governor)
        .collect();
    let why = "at middle load cores sleep between batches, and other governors let the clock fall meanwhile";
    if of.is_empty() {
        let have = "this machine does not let us choose (a virtual one has none)";
        return Some(Finding::new(CORES, "governor", have).want(wanted).why(why));
    }
    let is_met = of.iter().all(|one| one.is_met());
    let describe =
        |one: &Setting| format!("{} {}", one.whose, one.have.as_deref().unwrap_or("unknown"));
    let finding = together(CORES, "governor", &of, describe)
        .want(wanted)
        .why(why);
    Some(finding.unless(
        is_met,
        Grade::Warn,
        "the first calls of a burst are served at the lowest clock: latency rises where load is low",
        APPLY,
    ))
}

fn memory(profile: &Profile, machine: &Machine) -> Finding {
    let have = machine.memory();
    let mut says = bytes(have);
    if have < machine.memory_kb << 10 {
        says.push_str(&format!(
            " of {} (control group)",
            bytes(machine.memory_kb << 10)
        ));
    }
    let finding = Finding::new(MEMORY, "memory", says)
        .why("a transaction lingers for up to 32 s after its answer: at 20,000 calls/s more than a million do");
    if have == 0 {
        let have = "unknown".to_owned();
        return Finding { have, ..finding }.graded(Grade::Note);
    }
    let Some(wanted) = profile.machine.memory_mb else {
        return finding;
    };
    finding
        .want(format!("{} or more", bytes(wanted << 20)))
        .unless(
            have >> 20 >= wanted,
            Grade::Bad,
            "the tables of the profile do not fit: the kernel kills the server at its highest load",
            "`tandem tune suggest` writes a profile for this machine",
        )
}

fn budget(profile: &Profile, machine: &Machine) -> Finding {
    let (have, shards) = (machine.memory(), shards_of(profile, machine) as u64);
    let most = have / 100 * BUDGET_PERCENT_MAX;
    let remedy = format!("memory_mb = {} or less", (most >> 20));
    let own = profile
        .tables
        .server_transactions
        .unwrap_or(Limits::default().server_transactions);
    if have == 0 {
        return Finding::new(MEMORY, "memory_mb", "the machine's memory is unknown")
            .graded(Grade::Note);
    }
    if profile.memory_mb == 0 {
        let worst = u64::from(own) * shards * TRANSACTION_BYTES;
        let have = format!(
            "no budget: {} transactions a shard, up to {}",
            number(own.into()),
            bytes(worst)
        );
        return Finding::new(MEMORY, "memory_mb", have)
            .why("it bounds the tables, so that overload is a 503 and not the end of memory")
            .unless(
                worst <= most,
                Grade::Warn,
                "in an overload that lasts, the tables outgrow memory before they refuse anything",
                remedy,
            );
    }
    let budget = profile.memory_mb << 20;
    let places = transactions_in(profile.memory_mb, shards.min(1024) as u16);
    let says = format!(
        "{}: {} transactions a shard",
        bytes(budget),
        number(places.min(own).into())
    );
    let finding = Finding::new(MEMORY, "memory_mb", says)
        .want(format!("at most {}", bytes(most)))
        .why("it bounds the tables, so that overload is a 503 and not the end of memory");
    match budget > have {
        true => finding.unless(
            false,
            Grade::Bad,
            "the tables may grow beyond the memory there is: the kernel kills the server in an overload",
            remedy,
        ),
        false => finding.unless(
            budget <= most,
            Grade::Warn,
            "contacts, script values, sockets and the kernel need memory as well",
            remedy,
        ),
    }
}
