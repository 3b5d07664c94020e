//! The kernel settings that matter to a SIP server, each with what it does and what it costs to ignore it.

/// How a value must stand to the one that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The wanted value or more.
    AtLeast,
    /// The wanted value or less.
    AtMost,
}

/// A kernel setting.
#[derive(Clone, Copy, Debug)]
pub struct Sysctl {
    /// As `sysctl` names it.
    pub name: &'static str,
    /// How what there is must stand to what is wanted.
    pub relation: Relation,
    /// What it does for us.
    pub why: &'static str,
    /// What it costs to ignore it.
    pub ignored: &'static str,
}

/// All that a profile may name, in the order of a report.
pub const SYSCTLS: &[Sysctl] = &[
    Sysctl {
        name: "net.core.rmem_max",
        relation: Relation::AtLeast,
        why: "a UDP socket gets the receive buffer it asks for only up to this, unless the server may force it \
              (CAP_NET_ADMIN)",
        ignored: "with 208 KiB some hundred datagrams fit: a pause of a few milliseconds at load loses calls' messages, \
                  and peers repeat them after 500 ms",
    },
    Sysctl {
        name: "net.core.wmem_max",
        relation: Relation::AtLeast,
        why: "the same for the send buffer",
        ignored: "a flush of a full batch waits for room, and beyond a millisecond it drops datagrams \
                  (shards:dropped_send_buffer)",
    },
    Sysctl {
        name: "net.core.netdev_max_backlog",
        relation: Relation::AtLeast,
        why: "packets that wait between interrupt and protocol stack on one core: all of loopback, veth and RPS \
              pass through it",
        ignored: "bursts are dropped before any socket sees them (second column of /proc/net/softnet_stat)",
    },
    Sysctl {
        name: "net.core.netdev_budget",
        relation: Relation::AtLeast,
        why: "packets that one round of a soft interrupt takes from the device",
        ignored: "rounds end early at high packet rates, and the device's ring overflows (third column of \
                  /proc/net/softnet_stat)",
    },
    Sysctl {
        name: "net.core.somaxconn",
        relation: Relation::AtLeast,
        why: "connections that wait to be accepted; the script's tcp_socket_backlog is cut to it",
        ignored: "when many phones reconnect at once, SYNs are dropped and repeated after a second",
    },
    Sysctl {
        name: "net.ipv4.tcp_max_syn_backlog",
        relation: Relation::AtLeast,
        why: "connections that are half open",
        ignored: "the same as somaxconn, one step earlier",
    },
    Sysctl {
        name: "net.core.bpf_jit_enable",
        relation: Relation::AtLeast,
        why: "compiles BPF programs to machine code; kernel steering is one, and runs for every datagram",
        ignored: "the steering program is interpreted: several times its 330 ns a packet (measured compiled)",
    },
    Sysctl {
        name: "kernel.io_uring_disabled",
        relation: Relation::AtMost,
        why: "every shard runs on io_uring; 1 permits it to privileged processes only, 2 to nobody",
        ignored: "the server does not start",
    },
    Sysctl {
        name: "kernel.numa_balancing",
        relation: Relation::AtMost,
        why: "unmaps pages to learn who uses them; a shard's memory is local to it from its first touch",
        ignored: "page faults in the middle of calls, milliseconds in the tail, for nothing",
    },
    Sysctl {
        name: "net.netfilter.nf_conntrack_max",
        relation: Relation::AtLeast,
        why: "connection tracking, where it is loaded, keeps an entry for each pair of addresses and ports",
        ignored: "a full table drops datagrams of new peers; even a roomy one costs about a microsecond a packet: \
                  better no tracking of the SIP ports at all (nft: notrack)",
    },
    Sysctl {
        name: "vm.swappiness",
        relation: Relation::AtMost,
        why: "how willingly memory is swapped out; transactions that linger for 32 s look unused",
        ignored: "their timers fault pages in from disk while calls wait",
    },
    Sysctl {
        name: "fs.file-max",
        relation: Relation::AtLeast,
        why: "open files of the whole system; a connection is one",
        ignored: "accept fails for everybody once it is reached",
    },
    Sysctl {
        name: "fs.nr_open",
        relation: Relation::AtLeast,
        why: "the highest limit of open files a process may be given",
        ignored: "the process cannot have as many connections as the profile counts on",
    },
];
