//! The kernel: version, what it permits, limits, timers, settings, and what it dropped since boot.

use shards::limits::{FILES_OF_PROCESS, FILES_OF_SHARD, LOCKED_BYTES};
use shards::profile::{Relation, SYSCTLS};
use shards::{Profile, Steering};

use super::APPLY;
use crate::tune::finding::{Finding, Grade};
use crate::tune::machine::{Machine, Probe};
use crate::tune::settings::{HIDDEN, Kind, Setting, shards_of};
use crate::tune::words::{bytes, number};

const KERNEL: &str = "kernel";
const LIMITS: &str = "limits";
const TIMERS: &str = "timers";
const SETTINGS: &str = "kernel settings";
const SINCE_BOOT: &str = "since boot";

/// Of what a copied tree cannot tell.
const UNTOLD: &str = "a copied tree does not tell";

/// Sockets that a shard has for listeners, DNS and what is sent from elsewhere, as a start reckons; connections come on top.
const SOCKETS_OF_SHARD: u64 = 64;

/// One lost of so many is a fault; fewer are a burst that once was.
const LOST_OF: u64 = 10_000;

pub(super) fn check(
    profile: &Profile,
    machine: &Machine,
    settings: &[Setting],
    found: &mut Vec<Finding>,
) {
    found.extend(version(profile, machine));
    found.push(io_uring(&machine.io_uring));
    found.extend(steering(profile, machine));
    found.extend(huge_pages(profile, settings));
    found.push(open_files(profile, machine));
    found.extend(locked_memory(profile, machine));
    found.extend(clock(profile, machine));
    found.extend(timers(profile, machine));
    let sysctls = settings.iter().filter_map(|one| match one.kind {
        Kind::Sysctl(relation) => Some(sysctl(one, relation)),
        _ => None,
    });
    found.extend(sysctls);
}

fn version(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let (major, minor) = profile.machine.kernel?;
    let have = machine
        .kernel
        .clone()
        .unwrap_or_else(|| "unknown".to_owned());
    let finding = Finding::new(KERNEL, "version", have)
        .want(format!("{major}.{minor} or later"))
        .why("5.17 has what eBPF steering needs; 5.12 stopped counting io_uring as locked memory");
    Some(
        finding.unless(
            machine
                .version()
                .is_none_or(|version| version >= (major, minor)),
            Grade::Bad,
            "steering falls back to handovers between shards, or the server does not start",
            "a newer kernel, or a profile that asks for less",
        ),
    )
}

fn io_uring(probe: &Probe) -> Finding {
    let why = "every shard sleeps and wakes by it";
    match probe {
        None => Finding::new(KERNEL, "io_uring", UNTOLD).why(why).graded(Grade::Note),
        Some(Ok(())) => Finding::new(KERNEL, "io_uring", "permitted").why(why),
        Some(Err(error)) => Finding::new(KERNEL, "io_uring", format!("refused: {error}")).want("permitted").why(why).unless(
            false,
            Grade::Bad,
            "the server does not start",
            "sysctl -w kernel.io_uring_disabled=0; in a container a seccomp profile that permits io_uring_setup",
        ),
    }
}

fn steering(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let asked = profile.steering;
    if shards_of(profile, machine) < 2 {
        let have = "one shard: nothing to steer";
        return Some(
            Finding::new(KERNEL, "steering", have).why("datagrams of a call belong to one shard"),
        );
    }
    let finding = |have: &str| {
        Finding::new(KERNEL, "steering", have)
            .want(asked.as_str())
            .why("the kernel gives a datagram to the shard that owns its call: 0.02 handovers a call with ebpf, 0.5 with \
                  classic on two shards, 3 with mesh (measured)")
    };
    Some(match (asked, &machine.ebpf) {
        (_, None) => finding(UNTOLD).graded(Grade::Note),
        (Steering::Auto | Steering::Ebpf, Some(Ok(()))) => finding("ebpf is permitted"),
        (Steering::Classic | Steering::Mesh, Some(Ok(()))) => {
            finding("ebpf is permitted, and not asked for").graded(Grade::Note)
        }
        (Steering::Classic | Steering::Mesh, Some(Err(_))) => finding("ebpf is refused, and not asked for"),
        (Steering::Auto, Some(Err(error))) => finding(&format!("ebpf is refused ({error}); classic runs")).unless(
            false,
            Grade::Warn,
            "the first request of a call is handed from shard to shard: about half of all calls with two shards, three \
             quarters with four",
            "run as root, or with CAP_BPF and CAP_PERFMON (AmbientCapabilities= of systemd, --cap-add of docker)",
        ),
        (Steering::Ebpf, Some(Err(error))) => finding(&format!("ebpf is refused ({error})")).unless(
            false,
            Grade::Bad,
            "the server does not start: a level that is named must be had",
            "run with CAP_BPF and CAP_PERFMON, or steering = \"auto\"",
        ),
    })
}

fn huge_pages(profile: &Profile, settings: &[Setting]) -> Option<Finding> {
    let wanted = profile.machine.transparent_hugepages.as_ref()?;
    let one = settings.iter().find(|one| one.kind == Kind::HugePages)?;
    let have = one.moot.unwrap_or(one.have.as_deref().unwrap_or("unknown"));
    let finding = Finding::new(KERNEL, "transparent_hugepages", have)
        .want(wanted)
        .settable();
    Some(
        finding
            .why("\"always\" grows tables by 2 MiB where 4 KiB are used, and gathers pages in the background; no gain was \
                  measured from huge pages")
            .unless(one.is_met(), Grade::Warn, "more memory than was reckoned with, and pauses while pages are gathered", APPLY),
    )
}

fn open_files(profile: &Profile, machine: &Machine) -> Finding {
    let shards = shards_of(profile, machine) as u64;
    let start = FILES_OF_PROCESS + shards * (FILES_OF_SHARD + SOCKETS_OF_SHARD);
    let connections = profile.tables.connections.map_or(0, u64::from);
    let wanted = profile
        .machine
        .open_files
        .unwrap_or(0)
        .max(start + connections);
    let remedy = format!(
        "LimitNOFILE={wanted} of systemd, `ulimit -n`, or --ulimit nofile={wanted} of docker"
    );
    let why = "a TCP connection is one, and each shard has its sockets";
    let Some(have) = machine.open_files else {
        return Finding::new(LIMITS, "open files", "unknown")
            .want(number(wanted))
            .why(why)
            .graded(Grade::Note);
    };
    let says = if have == u64::MAX {
        "unlimited".to_owned()
    } else {
        number(have)
    };
    let finding = Finding::new(LIMITS, "open files", says)
        .want(format!("{} or more", number(wanted)))
        .why(why);
    match have < FILES_OF_PROCESS + shards * (FILES_OF_SHARD + 1) {
        true => finding.unless(false, Grade::Bad, "the server does not start", remedy),
        false => finding.unless(
            have >= wanted,
            Grade::Warn,
            "beyond it no connection is accepted; phones on UDP do not notice",
            remedy,
        ),
    }
}

fn locked_memory(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let wanted = profile
        .machine
        .locked_memory_kb
        .map_or(0, |kb| kb << 10)
        .max(LOCKED_BYTES);
    let have = machine.locked_bytes?;
    let says = if have == u64::MAX {
        "unlimited".to_owned()
    } else {
        bytes(have)
    };
    let remedy =
        format!("LimitMEMLOCK={wanted} of systemd, `ulimit -l`, or --ulimit memlock=-1 of docker");
    let finding = Finding::new(LIMITS, "locked memory", says)
        .want(format!("{} or more", bytes(wanted)))
        .why("the rings of io_uring, before Linux 5.12 all of them");
    Some(match have < LOCKED_BYTES {
        true => finding.unless(false, Grade::Bad, "the server does not start", remedy),
        false => finding.unless(
            have >= wanted,
            Grade::Warn,
            "rings of many shards may be refused",
            remedy,
        ),
    })
}

fn clock(profile: &Profile, machine: &Machine) -> Option<Finding> {
    let have = machine.clocksource.clone()?;
    let is_slow = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"].contains(&have.as_str());
    let wanted = match &profile.machine.clocksource {
        Some(wanted) => wanted.as_str(),
        None if is_slow => "tsc",
        None => return None,
    };
    let finding = Finding::new(TIMERS, "clock source", &have)
        .want(wanted)
        .why("a shard asks for the time several times a turn; tsc answers without entering the kernel");
    Some(finding.unless(
        have == wanted,
        Grade::Warn,
        "a system call for each look at the clock, of a microsecond and more with hpet or acpi_pm",
        format!(
            "echo {wanted} > /sys/devices/system/clocksource/clocksource0/current_clocksource, if available_clocksource \
             beside it has it; clocksource={wanted} on the kernel's command line keeps it"
        ),
    ))
}

fn timers(profile: &Profile, machine: &Machine) -> Option<Finding> {
    /// What a pause of `gather_us` may be late by itself.
    const FINE_NS: u64 = 1_000;
    let resolution = machine.timer_resolution?;
    let finding = Finding::new(TIMERS, "resolution", format!("{} ns", number(resolution)))
        .why("gather_us and the timers of transactions end by it");
    let gathers = profile.gather_us > 0;
    Some(finding.unless(
        resolution <= FINE_NS,
        if gathers { Grade::Warn } else { Grade::Note },
        "a pause of gather_us lasts until the next tick, milliseconds later",
        "a kernel with high-resolution timers (highres=off must not be on its command line), or gather_us = 0",
    ))
}

fn sysctl(one: &Setting, relation: Relation) -> Finding {
    let known = SYSCTLS.iter().find(|known| known.name == one.whose);
    let (why, ignored) = known.map_or(("", ""), |known| (known.why, known.ignored));
    let say = |value: &str| match value.parse() {
        Ok(value) => number(value),
        Err(_) => value.to_owned(),
    };
    let have = one.have.as_deref().map(say);
    let says = match (have, one.moot) {
        (Some(have), None) => have,
        (Some(have), Some(moot)) => format!("{have}; {moot}"),
        (None, moot) => moot.unwrap_or("not there").to_owned(),
    };
    let finding = Finding::new(SETTINGS, &one.whose, says).why(why).settable();
    if let Some(moot) = one.moot {
        return match moot == HIDDEN {
            true => finding.graded(Grade::Note),
            false => finding,
        };
    }
    let wanted = match relation {
        Relation::AtLeast => "or more",
        Relation::AtMost => "or less",
    };
    let wanted = match (one.want.as_str(), relation) {
        ("0", Relation::AtMost) => "0".to_owned(),
        (want, _) => format!("{} {wanted}", say(want)),
    };
    finding.want(wanted).unless(
        one.is_met(),
        Grade::Warn,
        ignored,
        format!("{APPLY}; by hand `sysctl -w {}={}`", one.whose, one.want),
    )
}

/// What the kernel dropped: nobody knows when and for whom, so it is never bad.
pub(super) fn since_boot(machine: &Machine, found: &mut Vec<Finding>) {
    let grade = |lost: u64, of: u64| match lost > of / LOST_OF {
        true => Grade::Warn,
        false => Grade::Note,
    };
    let share = |lost: u64, of: u64| match (lost, of) {
        (0, _) => "none".to_owned(),
        (_, of) if of < lost => number(lost),
        (lost, of) => format!("{} of {}", number(lost), number(of)),
    };
    let softnet = machine.softnet;
    let dropped = Finding::new(
        SINCE_BOOT,
        "softnet drops",
        share(softnet.dropped, softnet.packets),
    )
    .why("packets that found the backlog of a core full (net.core.netdev_max_backlog)");
    found.push(dropped.unless(
        softnet.dropped == 0,
        grade(softnet.dropped, softnet.packets),
        "no socket saw them: peers repeat after 500 ms",
        "raise net.core.netdev_max_backlog; spread receive queues (RSS, RPS) over more cores",
    ));
    let squeezed = Finding::new(
        SINCE_BOOT,
        "softnet squeezes",
        share(softnet.squeezed, softnet.packets),
    )
    .why("rounds of a soft interrupt that ended early with packets left (net.core.netdev_budget)");
    found.push(squeezed.unless(
        softnet.squeezed == 0,
        grade(softnet.squeezed, softnet.packets),
        "packets wait in the device's ring, and overflow it at load",
        "raise net.core.netdev_budget",
    ));
    if let Some(udp) = machine.udp {
        let errors = Finding::new(
            SINCE_BOOT,
            "UDP receive errors",
            share(udp.dropped, udp.received + udp.dropped),
        )
        .why("datagrams of all programs that found the socket's receive buffer full");
        found.push(errors.unless(
            udp.dropped == 0,
            grade(udp.dropped, udp.received),
            "if they were ours: calls that had to be repeated, or failed",
            "a larger udp_receive_buffer (net.core.rmem_max with it), or more shards; `nstat -az UdpRcvbufErrors` shows \
             whether it still rises",
        ));
    }
}
