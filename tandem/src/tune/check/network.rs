//! Network devices: queues, what datagrams are spread by, masks, interrupts.

use shards::Profile;
use shards::profile::{Interrupts, Spread};

use super::{APPLY, together};
use crate::tune::finding::{Finding, Grade};
use crate::tune::machine::{Interface, Machine};
use crate::tune::settings::{Kind, Setting, shard_cores, shards_of};
use crate::tune::words::{cores_of_mask, count, cpu_list, number};

const NETWORK: &str = "network";

/// Descriptors of a receive ring that a burst fits into.
const RING_WANTED: u32 = 1024;

pub(super) fn check(
    profile: &Profile,
    machine: &Machine,
    settings: &[Setting],
    found: &mut Vec<Finding>,
) {
    let named = profile.machine.interface.as_deref();
    let interfaces = machine.interfaces(named);
    if interfaces.is_empty() {
        found.push(none(named));
    }
    for one in interfaces {
        found.push(device(profile, machine, one));
        found.extend(queues(profile, one));
        found.extend(hash(profile, machine, one));
        found.extend(ring(one));
        found.extend(masks(profile, one, settings));
        found.extend(interrupts(profile, one, settings));
    }
    if profile.machine.irqbalance == Some(false) {
        let have = if machine.irqbalance {
            "runs"
        } else {
            "does not run"
        };
        let finding = Finding::new(NETWORK, "irqbalance", have)
            .want("does not run")
            .why("it moves interrupts to other cores every ten seconds");
        found.push(finding.unless(
            !machine.irqbalance,
            Grade::Warn,
            "what irq_affinity sets is undone",
            "systemctl disable --now irqbalance",
        ));
    }
}

fn none(named: Option<&str>) -> Finding {
    match named {
        Some(name) => Finding::new(NETWORK, "interface", format!("there is no {name}")).unless(
            false,
            Grade::Bad,
            "nothing of the network can be compared",
            "the name in `interface` of [machine], or none: then all that are hardware",
        ),
        None => Finding::new(NETWORK, "interface", "none that is hardware")
            .why("queues and interrupts are the host's: look at them there")
            .graded(Grade::Note),
    }
}

fn device(profile: &Profile, machine: &Machine, one: &Interface) -> Finding {
    let mut parts = Vec::new();
    parts.extend(one.driver.clone());
    parts.push(format!("{} in", count(one.receive.len(), "queue")));
    parts.push(format!("{} out", one.transmit.len()));
    parts.extend(
        one.speed_mbit
            .map(|speed| format!("{} Mbit/s", number(speed))),
    );
    let mut grade = Grade::Ok;
    let mut why = "";
    if let Some(node) = one.node.filter(|_| machine.nodes.len() > 1) {
        parts.push(format!("node {node}"));
        let shards = shard_cores(profile, machine);
        if !shards.iter().any(|&core| machine.node_of(core) == node) {
            grade = Grade::Note;
            why = "no shard runs on its node: every packet crosses to another";
        }
    }
    Finding::new(NETWORK, &one.name, parts.join(", "))
        .why(why)
        .graded(grade)
}

fn queues(profile: &Profile, one: &Interface) -> Option<Finding> {
    let wanted = profile.machine.nic_queues?;
    let have = one.receive.len();
    let most = one.device.queues.map(|(_, most)| most as usize);
    let says = match most.filter(|&most| most > have) {
        Some(most) => format!("{have} of {most} that it can have"),
        None => have.to_string(),
    };
    let name = &one.name;
    // The profile has what helps already.
    let grade = match (most, profile.machine.rps) {
        (Some(most), Some(Spread::Shards)) if most < wanted => Grade::Note,
        _ => Grade::Warn,
    };
    let remedy = match most {
        Some(_) if grade == Grade::Note => {
            "the device has no more; rps, as the profile has it, spreads in software".to_owned()
        }
        Some(most) if most >= wanted => format!("ethtool -L {name} combined {wanted}"),
        Some(_) => "the device has no more: rps = \"shards\" spreads in software".to_owned(),
        None => format!(
            "`ethtool -l {name}` says what it can have; rps = \"shards\" spreads in software"
        ),
    };
    let finding = Finding::new(NETWORK, format!("{name} nic_queues"), says)
        .want(format!("{wanted} or more"))
        .why("a queue is one core's work before any shard sees a datagram (RSS)");
    Some(finding.unless(
        have >= wanted,
        grade,
        "the cores of the queues there are do the kernel's work of all packets, and become the limit first",
        remedy,
    ))
}

fn hash(profile: &Profile, machine: &Machine, one: &Interface) -> Option<Finding> {
    let hashes_ports = one.device.hashes_ports?;
    if one.receive.len() < 2 || shards_of(profile, machine) < 2 {
        return None;
    }
    let have = if hashes_ports {
        "addresses and ports"
    } else {
        "addresses"
    };
    let finding = Finding::new(NETWORK, format!("{} UDP by", one.name), have)
        .want("addresses and ports")
        .why("what chooses a datagram's queue (RSS)");
    Some(finding.unless(
        hashes_ports,
        Grade::Warn,
        "all datagrams of one peer's host come to one queue, so to one core, whatever their ports",
        format!(
            "ethtool -N {0} rx-flow-hash udp4 sdfn; ethtool -N {0} rx-flow-hash udp6 sdfn",
            one.name
        ),
    ))
}

fn ring(one: &Interface) -> Option<Finding> {
    let (have, most) = one.device.ring?;
    let wanted = RING_WANTED.min(most);
    let finding = Finding::new(
        NETWORK,
        format!("{} receive ring", one.name),
        format!("{have} of {most}"),
    )
    .why("packets that wait in the device while its core is busy");
    Some(finding.unless(
        have >= wanted,
        Grade::Note,
        "a burst overflows it before the kernel knows of it (`ethtool -S`: missed, no_buffer)",
        format!("ethtool -G {} rx {wanted}", one.name),
    ))
}

fn masks(profile: &Profile, one: &Interface, settings: &[Setting]) -> Vec<Finding> {
    let cores = |mask: &str| match cores_of_mask(mask) {
        Some(cores) if cores.is_empty() => "none".to_owned(),
        Some(cores) => cpu_list(&cores),
        None => mask.to_owned(),
    };
    let kinds = [
        (
            Kind::Rps,
            "rps",
            profile.machine.rps,
            "the kernel passes received packets on to these cores in software, where there are fewer queues than shards",
            "one core does the protocol work of a queue for all shards",
        ),
        (
            Kind::Xps,
            "xps",
            profile.machine.xps,
            "a core that sends on a queue of its own waits for no other's lock",
            "cores contend for transmit queues at high rates",
        ),
    ];
    let mut found = Vec::new();
    for (kind, key, wanted, why, ignored) in kinds {
        let Some(wanted) = wanted else { continue };
        let what = format!("{} {key}", one.name);
        let want = match wanted {
            Spread::Off => "off",
            Spread::Shards => "the cores of the shards",
        };
        let of = of_interface(settings, kind, one);
        if of.is_empty() {
            let finding = Finding::new(NETWORK, what, "its queues do not offer it").why(why);
            found.push(finding.graded(if wanted == Spread::Off {
                Grade::Ok
            } else {
                Grade::Note
            }));
            continue;
        }
        let describe = |setting: &Setting| {
            let queue = setting.path.rsplit('/').nth(1).unwrap_or_default();
            let have = setting.have.as_deref().unwrap_or_default();
            format!("{queue}: {}, not {}", cores(have), cores(&setting.want))
        };
        let is_met = of.iter().all(|one| one.is_met());
        let finding = together(NETWORK, &what, &of, describe).want(want).why(why);
        let ignored = match wanted {
            Spread::Off => {
                "packets are passed on in software although the device spreads them: an interrupt more for each batch"
            }
            Spread::Shards => ignored,
        };
        found.push(finding.unless(is_met, Grade::Warn, ignored, APPLY));
    }
    found
}

fn interrupts(profile: &Profile, one: &Interface, settings: &[Setting]) -> Option<Finding> {
    let wanted = match profile.machine.interrupts.as_ref()? {
        Interrupts::Shards => "a core of a shard each, in turn".to_owned(),
        Interrupts::Cores(cores) => format!("one of cores {} each, in turn", cpu_list(cores)),
    };
    let why = "who takes a queue's interrupt does the kernel's half of the work for its packets";
    let what = format!("{} irq_affinity", one.name);
    let of = of_interface(settings, Kind::Interrupt, one);
    if of.is_empty() {
        let have = "its interrupts are not to be seen here";
        return Some(
            Finding::new(NETWORK, what, have)
                .want(wanted)
                .why(why)
                .graded(Grade::Note),
        );
    }
    let describe = |setting: &Setting| {
        let number = setting.path.split('/').nth(3).unwrap_or_default();
        format!(
            "interrupt {number} goes to {}, not {}",
            setting.have.as_deref().unwrap_or("nobody knows where"),
            setting.want
        )
    };
    let is_met = of.iter().all(|one| one.is_met());
    let finding = together(NETWORK, &what, &of, describe)
        .want(wanted)
        .why(why);
    Some(finding.unless(
        is_met,
        Grade::Warn,
        "one core may take the interrupts of several queues, and its shard falls behind the others",
        APPLY,
    ))
}

fn of_interface<'a>(
    settings: &'a [Setting],
    kind: Kind,
    interface: &Interface,
) -> Vec<&'a Setting> {
    let of = settings
        .iter()
        .filter(|one| one.kind == kind && one.whose == interface.name);
    of.collect()
}
