//! Network interfaces: their queues, and the interrupts of those.

use std::collections::BTreeMap;

use wire::ethtool::Device;

use super::Root;

/// An interface.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    /// Something other than the kernel carries it.
    pub(crate) is_hardware: bool,
    pub(crate) is_up: bool,
    pub(crate) driver: Option<String>,
    pub(crate) speed_mbit: Option<u64>,
    /// What its driver says.
    pub(crate) device: Device,
    /// The NUMA node of its device.
    pub(crate) node: Option<usize>,
    pub(crate) receive: Vec<Queue>,
    pub(crate) transmit: Vec<Queue>,
    /// Interrupts of receive queues, in their order: those that take both directions are among them.
    pub(crate) receive_interrupts: Vec<Interrupt>,
    /// Interrupts of transmit queues alone.
    pub(crate) transmit_interrupts: Vec<Interrupt>,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The file that says which cores: `rps_cpus` or `xps_cpus`.
    pub(crate) path: String,
    /// Its mask; `None`: the file is not there, or the device does not have it.
    pub(crate) mask: Option<String>,
}

/// An interrupt.
#[derive(Debug)]
pub(crate) struct Interrupt {
    pub(crate) number: u32,
    /// Cores it may go to.
    pub(crate) cores: Option<Vec<usize>>,
}

const NET: &str = "/sys/class/net";

pub(super) fn interfaces(root: &Root) -> Vec<Interface> {
    let names = root.names(NET);
    let interrupts = interrupt_names(root);
    let others = names.iter().filter(|name| *name != "lo");
    others
        .map(|name| interface(root, name, &interrupts))
        .collect()
}

fn interface(root: &Root, name: &str, interrupts: &BTreeMap<u32, String>) -> Interface {
    let at = format!("{NET}/{name}");
    let queues = root.names(&format!("{at}/queues"));
    let queues_of = |kind: &str, file: &str| -> Vec<Queue> {
        let names = queues.iter().filter(|queue| queue.starts_with(kind));
        names
            .map(|queue| {
                let path = format!("{at}/queues/{queue}/{file}");
                Queue {
                    mask: root.read(&path),
                    path,
                }
            })
            .collect()
    };
    let number = |file: &str| root.read(&format!("{at}/{file}"))?.parse::<i64>().ok();
    // virtio has its interrupts one step up, at the PCI device.
    let own = ["device/msi_irqs", "device/../msi_irqs"]
        .iter()
        .find_map(|place| {
            let numbers = root.names(&format!("{at}/{place}"));
            (!numbers.is_empty()).then_some(numbers)
        });
    let mut receive_interrupts = Vec::new();
    let mut transmit_interrupts = Vec::new();
    for number in own.unwrap_or_default() {
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        let Some(carries) = interrupts.get(&number).and_then(|name| direction(name)) else {
            continue;
        };
        let interrupt = Interrupt {
            number,
            cores: root.cores(&affinity_path(number)),
        };
        match carries {
            Direction::Receive => receive_interrupts.push(interrupt),
            Direction::Transmit => transmit_interrupts.push(interrupt),
        }
    }
    let driver = root.read(&format!("{at}/device/uevent")).and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("DRIVER="))?;
        Some(line.to_owned())
    });
    Interface {
        name: name.to_owned(),
        is_hardware: root.exists(&format!("{at}/device")),
        // Many virtual devices do not say.
        is_up: root.read(&format!("{at}/operstate")).as_deref() != Some("down"),
        driver,
        device: device(root, name),
        speed_mbit: number("speed").and_then(|speed| u64::try_from(speed).ok()),
        node: number("device/numa_node")
            .or_else(|| number("device/../numa_node"))
            .and_then(|node| usize::try_from(node).ok()),
        receive: queues_of("rx-", "rps_cpus"),
        transmit: queues_of("tx-", "xps_cpus"),
        receive_interrupts,
        transmit_interrupts,
    }
}

/// The file that says which cores an interrupt may go to.
pub(crate) fn affinity_path(interrupt: u32) -> String {
    format!("/proc/irq/{interrupt}/smp_affinity_list")
}

enum Direction {
    Receive,
    Transmit,
}

/// What an interrupt of a network device is for, by the names that drivers give: `ens1f0-TxRx-3`, `mlx5_comp3@pci:..`,
/// `virtio2-input.0`. `None`: neither direction, but configuration or events.
fn direction(name: &str) -> Option<Direction> {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["async", "config", "event", "misc"]) {
        None
    } else if has(&["rx", "comp", "input"]) {
        Some(Direction::Receive)
    } else {
        has(&["tx", "output"]).then_some(Direction::Transmit)
    }
}

/// The last word of each line of `/proc/interrupts` that begins with a number.
fn interrupt_names(root: &Root) -> BTreeMap<u32, String> {
    let text = root.read("/proc/interrupts").unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let (number, rest) = line.trim_start().split_once(':')?;
        Some((
            number.parse().ok()?,
            rest.split_whitespace().last()?.to_owned(),
        ))
    });
    lines.collect()
}

/// What the way from the interrupt to the stack did, on all cores since boot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Softnet {
    /// Packets of it; 32 bits a core, so it may have begun anew.
    pub(crate) packets: u64,
    /// Packets dropped because a core's backlog was full.
    pub(crate) dropped: u64,
    /// Rounds that ended early with work left.
    pub(crate) squeezed: u64,
}

pub(super) fn softnet(root: &Root) -> Softnet {
    let text = root.read("/proc/net/softnet_stat").unwrap_or_default();
    let mut sum = Softnet::default();
    for line in text.lines() {
        let mut columns = line.split_whitespace();
        let mut next = || {
            let word = columns.next().unwrap_or_default();
            u64::from_str_radix(word, 16).unwrap_or(0)
        };
        sum.packets += next();
        sum.dropped += next();
        sum.squeezed += next();
    }
    sum
}

/// UDP over IPv4 since boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Udp {
    pub(crate) received: u64,
    /// Datagrams dropped because a socket's receive buffer was full.
    pub(crate) dropped: u64,
}

/// By the names in the line above the numbers.
pub(super) fn udp(root: &Root) -> Option<Udp> {
    let text = root.read("/proc/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let number = |wanted: &str| {
        let at = names.split(' ').position(|name| name == wanted)?;
        numbers.split(' ').nth(at)?.parse().ok()
    };
    Some(Udp {
        received: number("InDatagrams")?,
        dropped: number("RcvbufErrors")?,
    })
}

/// What the driver says; of a copied tree what the file `probes` says.
fn device(root: &Root, name: &str) -> Device {
    if root.is_this_machine() {
        return wire::ethtool::device(name);
    }
    let told = root.read("/probes").unwrap_or_default();
    let of = |what: &str| {
        let mut lines = told.lines().map(|line| line.split_whitespace());
        lines.find_map(|mut words| {
            (words.next() == Some(what) && words.next() == Some(name)).then(|| words.next())?
        })
    };
    let pair = |text: &str| {
        let (used, most) = text.split_once('/')?;
        Some((used.parse().ok()?, most.parse().ok()?))
    };
    Device {
        queues: of("queues").and_then(pair),
        ring: of("ring").and_then(pair),
        hashes_ports: of("udp-hash").map(|by| by == "ports"),
    }
}
