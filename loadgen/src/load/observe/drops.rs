//! Datagrams that the kernel dropped: at the target's sockets, and on the whole machine.
//!
//! Those at the generator's own sockets are asked of each socket by the thread that owns it (`sockets.rs`): the kernel
//! forgets the count with the socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::plan::{Plan, Scenario};
use super::super::sockets::Sockets;

/// Datagrams that the kernel dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::load) struct Drops {
    /// At our own sockets, because we read too slowly.
    pub(in crate::load) ours: u64,
    /// At the target's sockets. `None`: they cannot be seen from here.
    pub(in crate::load) target: Option<u64>,
    /// On the whole machine, because of full receive buffers.
    pub(in crate::load) receive_buffers: u64,
    /// On the whole machine, because of full send buffers.
    pub(in crate::load) send_buffers: u64,
}

/// What the whole machine dropped since it started: for full receive buffers, for full send buffers.
pub(super) fn of_machine() -> (u64, u64) {
    let snmp = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
    let snmp6 = fs::read_to_string("/proc/net/snmp6").unwrap_or_default();
    (
        parse_snmp(&snmp, "RcvbufErrors") + parse_snmp6(&snmp6, "Udp6RcvbufErrors"),
        parse_snmp(&snmp, "SndbufErrors") + parse_snmp6(&snmp6, "Udp6SndbufErrors"),
    )
}

/// The sockets of the target, by what is known of it.
#[derive(Debug)]
pub(super) struct Target {
    which: Which,
    /// Drops by inode when they were last read.
    last: BTreeMap<u64, u32>,
    dropped: u64,
}

#[derive(Debug)]
enum Which {
    /// It is elsewhere, or there is none.
    Hidden,
    /// All sockets of these processes, in their own network namespace.
    Of { process: u32, inodes: BTreeSet<u64> },
    /// Whoever is bound here.
    At(SocketAddr),
}

impl Target {
    pub(super) fn new(plan: &Plan, processes: &BTreeSet<u32>) -> Self {
        let mut target = Self {
            which: Which::Hidden,
            last: BTreeMap::new(),
            dropped: 0,
        };
        if matches!(plan.scenario, Scenario::Uas | Scenario::Baseline) {
            return target;
        }
        target.which = which(plan.target, processes);
        target.last = target.read();
        if target.last.is_empty() {
            target.which = Which::Hidden;
        }
        target
    }

    /// Looks for sockets that are new.
    pub(super) fn look_again(&mut self, processes: &BTreeSet<u32>) {
        if let Which::Of { inodes, .. } = &mut self.which {
            inodes.extend(inodes_of(processes));
        }
    }

    /// What was dropped since this began. `None`: it cannot be seen.
    pub(super) fn dropped(&mut self) -> Option<u64> {
        if matches!(self.which, Which::Hidden) {
            return None;
        }
        let now = self.read();
        for (inode, &drops) in &now {
            // The kernel's counter has 32 bits; a socket that is new began at 0.
            let before = self.last.get(inode).copied().unwrap_or(0);
            self.dropped += u64::from(drops.wrapping_sub(before));
        }
        self.last = now;
        Some(self.dropped)
    }

    fn read(&self) -> BTreeMap<u64, u32> {
        let mut rows = match &self.which {
            Which::Hidden => Vec::new(),
            Which::Of { process, .. } => tables(&format!("/proc/{process}/net")),
            Which::At(_) => tables("/proc/net"),
        };
        rows.retain(|socket| match &self.which {
            Which::Hidden => false,
            Which::Of { inodes, .. } => inodes.contains(&socket.inode),
            Which::At(at) => socket.hears(*at),
        });
        let drops = rows.into_iter();
        drops.map(|socket| (socket.inode, socket.drops)).collect()
    }
}

/// The datagram sockets of a network namespace.
fn tables(directory: &str) -> Vec<Socket> {
    let read = |table| fs::read_to_string(format!("{directory}/{table}")).unwrap_or_default();
    ["udp", "udp6"]
        .iter()
        .flat_map(|table| parse_sockets(&read(table)))
        .collect()
}

/// By its processes if they may be looked into, else by its address if that is one of this machine.
fn which(target: SocketAddr, processes: &BTreeSet<u32>) -> Which {
    let inodes = inodes_of(processes);
    match processes.first() {
        Some(&process) if !inodes.is_empty() => Which::Of { process, inodes },
        _ if Sockets::bind(SocketAddr::new(target.ip(), 0), 1).is_ok() => Which::At(target),
        _ => Which::Hidden,
    }
}

/// The sockets that these processes have open.
fn inodes_of(processes: &BTreeSet<u32>) -> BTreeSet<u64> {
    let descriptors = processes.iter().flat_map(|pid| {
        fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
    });
    descriptors
        .flatten()
        .filter_map(|descriptor| {
            let name = fs::read_link(descriptor.path()).ok()?;
            let inode = name.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}

/// A row of /proc/net/udp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    inode: u64,
    drops: u32,
}

impl Socket {
    /// Whether what is sent there comes to this socket.
    fn hears(&self, at: SocketAddr) -> bool {
        let ip = self.local.ip();
        self.local.port() == at.port() && (ip == at.ip() || ip.is_unspecified())
    }
}

/// Bound ports of a table of sockets.
pub(in crate::load) fn ports(table: &str) -> impl Iterator<Item = u16> {
    parse_sockets(table)
        .into_iter()
        .map(|socket| socket.local.port())
}

fn parse_sockets(table: &str) -> Vec<Socket> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (ip, port) = fields.get(1)?.rsplit_once(':')?;
        Some(Socket {
            local: SocketAddr::new(parse_ip(ip)?, u16::from_str_radix(port, 16).ok()?),
            inode: fields.get(9)?.parse().ok()?,
            drops: fields.get(12)?.parse().ok()?,
        })
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// Words of 32 bits in this machine's order, in hexadecimal.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(text.get(8 * at..8 * at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for (at, place) in bytes.chunks_exact_mut(4).enumerate() {
        place.copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(bytes).to_canonical())
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

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
         12: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 123 2 0000 42\n\
         13: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 124 2 0000 0\n";

    #[test]
    fn reads_drops_by_socket() {
        let rows = parse_sockets(TABLE);
        let told = |at: usize| (rows[at].local.to_string(), rows[at].inode, rows[at].drops);
        assert_eq!(told(0), ("127.0.0.1:5060".to_owned(), 123, 42));
        assert_eq!(told(1), ("0.0.0.0:53".to_owned(), 124, 0));
        let hears = |at: &str| {
            rows.iter()
                .map(|row| row.hears(at.parse().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(hears("127.0.0.1:5060"), [true, false]);
        assert_eq!(hears("127.0.0.2:5060"), [false, false]);
        assert_eq!(hears("127.0.0.2:53"), [false, true]);
    }

    #[test]
    fn a_target_that_nobody_can_see_is_not_measured() {
        let mut target = Target {
            which: which("192.0.2.1:5060".parse().unwrap(), &BTreeSet::new()),
            last: BTreeMap::new(),
            dropped: 0,
        };
        assert_eq!(target.dropped(), None);
    }

    #[test]
    fn what_a_full_socket_of_ours_dropped_is_seen_by_process_and_by_address() {
        let socket = Sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let peer = wire::DatagramSocket::connect(socket[0].local()).unwrap();
        let ourselves = BTreeSet::from([std::process::id()]);
        let watch = |which| {
            let mut target = Target {
                which,
                last: BTreeMap::new(),
                dropped: 0,
            };
            target.last = target.read();
            target
        };
        let mut by_process = watch(which(socket[0].local(), &ourselves));
        let mut by_address = watch(which(socket[0].local(), &BTreeSet::new()));
        assert!(matches!(by_process.which, Which::Of { .. }));
        // Bounded: the buffer is as large as the kernel allows, and every datagram counts with its overhead.
        for _ in 0..100_000 {
            let _ = peer.send(&[0; 1400]);
            if socket[0].dropped().unwrap() >= 10 {
                break;
            }
        }
        let dropped = u64::from(socket[0].dropped().unwrap());
        assert!(dropped >= 10);
        assert_eq!(by_address.dropped(), Some(dropped));
        // Other tests of this process have sockets too.
        assert!(by_process.dropped().unwrap() >= dropped);
    }

    #[test]
    fn reads_a_figure_of_the_udp_lines() {
        let text = "Ip: A\nIp: 1\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 9 8 7\nUdpLite: RcvbufErrors\nUdpLite: 5\n";
        assert_eq!(parse_snmp(text, "RcvbufErrors"), 7);
        assert_eq!(parse_snmp(text, "Missing"), 0);
    }
}
