use expect_test::expect;

use super::{Tree, faults, part, profile, sample};
use crate::tune::{as_json, check};

/// A machine of four cores as `edge-4` wants it.
fn edge_4() -> Tree {
    let mut tree = Tree::machine(4, 1, 8).device("ens1", 4, 0);
    for queue in 0..4 {
        tree = tree
            .file(
                &format!("sys/class/net/ens1/queues/rx-{queue}/rps_cpus"),
                "f",
            )
            .file(
                &format!("sys/class/net/ens1/queues/tx-{queue}/xps_cpus"),
                &format!("{:x}", 1 << queue),
            )
            .file(
                &format!("proc/irq/{}/smp_affinity_list", 100 + queue),
                &queue.to_string(),
            );
    }
    tree.sysctl("net.core.rmem_max", "16777216")
        .sysctl("net.core.wmem_max", "16777216")
        .sysctl("net.core.netdev_max_backlog", "16384")
        .sysctl("net.core.netdev_budget", "600")
        .sysctl("net.ipv4.tcp_max_syn_backlog", "8192")
        .sysctl("vm.swappiness", "10")
        .file(
            "proc/timer_list",
            "Timer List Version: v0.9\ncpu: 0\n  .resolution: 1 nsecs\n",
        )
        .file(
            "probes",
            "io_uring yes\nebpf yes\nqueues ens1 4/8\nring ens1 2048/4096\nudp-hash ens1 ports\n",
        )
}

#[test]
fn a_good_machine_is_told_why_it_is_good() {
    let machine = edge_4();
    let machine = machine.read();
    let text = crate::tune::as_text(
        &machine.summary(),
        &check(&sample("edge-4"), &machine),
        false,
    );
    expect![[r#"
        Fast Processor, 4 cores, 8 GiB, Linux 6.8.0-generic

        cores
          ok      cores                           4 cores (0-3); wanted: 4 or more
                  why      a shard is a core: calls are never shared between them
          ok      shards                          4 on cores 0-3
                  why      each on a core of its own keeps its caches and waits for nobody
          ok      control thread                  any; every core has a shard, so it runs at nice 5
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
          ok      governor                        all 4 as wanted; wanted: performance
                  why      at middle load cores sleep between batches, and other governors let the clock fall
                           meanwhile

        memory
          ok      memory                          8 GiB; wanted: 7 GiB or more
                  why      a transaction lingers for up to 32 s after its answer: at 20,000 calls/s more than a
                           million do
          ok      memory_mb                       4 GiB: 262,144 transactions a shard; wanted: at most 5.9 GiB
                  why      it bounds the tables, so that overload is a 503 and not the end of memory

        kernel
          ok      version                         6.8.0-generic; wanted: 5.17 or later
                  why      5.17 has what eBPF steering needs; 5.12 stopped counting io_uring as locked memory
          ok      io_uring                        permitted
                  why      every shard sleeps and wakes by it
          ok      steering                        ebpf is permitted; wanted: auto
                  why      the kernel gives a datagram to the shard that owns its call: 0.02 handovers a call with
                           ebpf, 0.5 with classic on two shards, 3 with mesh (measured)
          ok      transparent_hugepages           madvise; wanted: madvise
                  why      "always" grows tables by 2 MiB where 4 KiB are used, and gathers pages in the background;
                           no gain was measured from huge pages

        limits
          ok      open files                      1,048,576; wanted: 65,536 or more
                  why      a TCP connection is one, and each shard has its sockets
          ok      locked memory                   8 MiB; wanted: 8 MiB or more
                  why      the rings of io_uring, before Linux 5.12 all of them

        timers
          ok      clock source                    tsc; wanted: tsc
                  why      a shard asks for the time several times a turn; tsc answers without entering the kernel
          ok      resolution                      1 ns
                  why      gather_us and the timers of transactions end by it

        kernel settings
          ok      net.core.rmem_max               16,777,216; wanted: 4,194,304 or more
                  why      a UDP socket gets the receive buffer it asks for only up to this, unless the server may
                           force it (CAP_NET_ADMIN)
          ok      net.core.wmem_max               16,777,216; wanted: 1,048,576 or more
                  why      the same for the send buffer
          ok      net.core.netdev_max_backlog     16,384; wanted: 16,384 or more
                  why      packets that wait between interrupt and protocol stack on one core: all of loopback, veth
                           and RPS pass through it
          ok      net.core.netdev_budget          600; wanted: 600 or more
                  why      packets that one round of a soft interrupt takes from the device
          ok      net.core.somaxconn              4,096; wanted: 4,096 or more
                  why      connections that wait to be accepted; the script's tcp_socket_backlog is cut to it
          ok      net.ipv4.tcp_max_syn_backlog    8,192; wanted: 8,192 or more
                  why      connections that are half open
          ok      net.core.bpf_jit_enable         1; wanted: 1 or more
                  why      compiles BPF programs to machine code; kernel steering is one, and runs for every datagram
          ok      kernel.io_uring_disabled        0; wanted: 0
                  why      every shard runs on io_uring; 1 permits it to privileged processes only, 2 to nobody
          ok      net.netfilter.nf_conntrack_max  connection tracking is not loaded
                  why      connection tracking, where it is loaded, keeps an entry for each pair of addresses and
                           ports
          ok      vm.swappiness                   10; wanted: 10 or less
                  why      how willingly memory is swapped out; transactions that linger for 32 s look unused

        network
          ok      ens1                            ice, 4 queues in, 4 out, 25,000 Mbit/s
          ok      ens1 nic_queues                 4 of 8 that it can have; wanted: 2 or more
                  why      a queue is one core's work before any shard sees a datagram (RSS)
          ok      ens1 UDP by                     addresses and ports; wanted: addresses and ports
                  why      what chooses a datagram's queue (RSS)
          ok      ens1 receive ring               2048 of 4096
                  why      packets that wait in the device while its core is busy
          ok      ens1 rps                        all 4 as wanted; wanted: the cores of the shards
                  why      the kernel passes received packets on to these cores in software, where there are fewer
                           queues than shards
          ok      ens1 xps                        all 4 as wanted; wanted: the cores of the shards
                  why      a core that sends on a queue of its own waits for no other's lock
          ok      ens1 irq_affinity               all 4 as wanted; wanted: a core of a shard each, in turn
                  why      who takes a queue's interrupt does the kernel's half of the work for its packets
          ok      irqbalance                      does not run; wanted: does not run
                  why      it moves interrupts to other cores every ten seconds

        since boot
          ok      softnet drops                   none
                  why      packets that found the backlog of a core full (net.core.netdev_max_backlog)
          ok      softnet squeezes                none
                  why      rounds of a soft interrupt that ended early with packets left (net.core.netdev_budget)
          ok      UDP receive errors              none
                  why      datagrams of all programs that found the socket's receive buffer full

        this machine is as the profile wants it: 0 bad, 0 warnings, 0 notes, 35 ok
    "#]].assert_eq(&text);
}

#[test]
fn a_bad_machine_is_told_what_it_costs_and_what_to_do() {
    let mut tree = Tree::machine(4, 1, 4)
        .device("ens1", 4, 0)
        .file("proc/sys/kernel/osrelease", "5.4.0-old")
        .file("proc/77/comm", "irqbalance\n")
        .file("proc/net/softnet_stat", "000f4240 0000ffff 00000010\n")
        .file("proc/net/snmp", "Udp: InDatagrams RcvbufErrors\nUdp: 5000000 700000\n")
        .file("proc/timer_list", "  .resolution: 4000000 nsecs\n")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
        .file("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
        .file(
            "proc/self/limits",
            "Max open files            1024                 70                   files\n\
             Max locked memory         65536                65536                bytes\n",
        )
        .file(
            "probes",
            "io_uring Operation not permitted\nebpf Operation not permitted\nqueues ens1 4/8\nring ens1 256/4096\n\
             udp-hash ens1 addresses\n",
        )
        .sysctl("net.netfilter.nf_conntrack_max", "65536");
    for core in 1..4 {
        tree = tree.file(
            &format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"),
            "powersave",
        );
    }
    expect![[r#"
        Fast Processor, 4 cores, 4 GiB, Linux 5.4.0-old

        cores
          warn    governor                        1 of 4 as wanted; core 1 powersave; core 2 powersave; 1 more;
                                                  wanted: performance
                  why      at middle load cores sleep between batches, and other governors let the clock fall
                           meanwhile
                  ignored  the first calls of a burst are served at the lowest clock: latency rises where load is low
                  remedy   `tandem tune apply` sets it

        memory
          bad     memory                          4 GiB; wanted: 7 GiB or more
                  why      a transaction lingers for up to 32 s after its answer: at 20,000 calls/s more than a
                           million do
                  ignored  the tables of the profile do not fit: the kernel kills the server at its highest load
                  remedy   `tandem tune suggest` writes a profile for this machine
          warn    memory_mb                       4 GiB: 262,144 transactions a shard; wanted: at most 2.9 GiB
                  why      it bounds the tables, so that overload is a 503 and not the end of memory
                  ignored  contacts, script values, sockets and the kernel need memory as well
                  remedy   memory_mb = 3071 or less

        kernel
          bad     version                         5.4.0-old; wanted: 5.17 or later
                  why      5.17 has what eBPF steering needs; 5.12 stopped counting io_uring as locked memory
                  ignored  steering falls back to handovers between shards, or the server does not start
                  remedy   a newer kernel, or a profile that asks for less
          bad     io_uring                        refused: Operation not permitted; wanted: permitted
                  why      every shard sleeps and wakes by it
                  ignored  the server does not start
                  remedy   sysctl -w kernel.io_uring_disabled=0; in a container a seccomp profile that permits
                           io_uring_setup
          warn    steering                        ebpf is refused (Operation not permitted); classic runs; wanted:
                                                  auto
                  why      the kernel gives a datagram to the shard that owns its call: 0.02 handovers a call with
                           ebpf, 0.5 with classic on two shards, 3 with mesh (measured)
                  ignored  the first request of a call is handed from shard to shard: about half of all calls with two
                           shards, three quarters with four
                  remedy   run as root, or with CAP_BPF and CAP_PERFMON (AmbientCapabilities= of systemd, --cap-add of
                           docker)
          warn    transparent_hugepages           always; wanted: madvise
                  why      "always" grows tables by 2 MiB where 4 KiB are used, and gathers pages in the background;
                           no gain was measured from huge pages
                  ignored  more memory than was reckoned with, and pauses while pages are gathered
                  remedy   `tandem tune apply` sets it

        limits
          bad     open files                      70; wanted: 65,536 or more
                  why      a TCP connection is one, and each shard has its sockets
                  ignored  the server does not start
                  remedy   LimitNOFILE=65536 of systemd, `ulimit -n`, or --ulimit nofile=65536 of docker
          bad     locked memory                   64 KiB; wanted: 8 MiB or more
                  why      the rings of io_uring, before Linux 5.12 all of them
                  ignored  the server does not start
                  remedy   LimitMEMLOCK=8388608 of systemd, `ulimit -l`, or --ulimit memlock=-1 of docker

        timers
          warn    clock source                    hpet; wanted: tsc
                  why      a shard asks for the time several times a turn; tsc answers without entering the kernel
                  ignored  a system call for each look at the clock, of a microsecond and more with hpet or acpi_pm
                  remedy   echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, if
                           available_clocksource beside it has it; clocksource=tsc on the kernel's command line keeps
                           it

        kernel settings
          warn    net.core.rmem_max               212,992; wanted: 4,194,304 or more
                  why      a UDP socket gets the receive buffer it asks for only up to this, unless the server may
                           force it (CAP_NET_ADMIN)
                  ignored  with 208 KiB some hundred datagrams fit: a pause of a few milliseconds at load loses calls'
                           messages, and peers repeat them after 500 ms
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.core.rmem_max=4194304`
          warn    net.core.wmem_max               212,992; wanted: 1,048,576 or more
                  why      the same for the send buffer
                  ignored  a flush of a full batch waits for room, and beyond a millisecond it drops datagrams
                           (shards:dropped_send_buffer)
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.core.wmem_max=1048576`
          warn    net.core.netdev_max_backlog     1,000; wanted: 16,384 or more
                  why      packets that wait between interrupt and protocol stack on one core: all of loopback, veth
                           and RPS pass through it
                  ignored  bursts are dropped before any socket sees them (second column of /proc/net/softnet_stat)
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.core.netdev_max_backlog=16384`
          warn    net.core.netdev_budget          300; wanted: 600 or more
                  why      packets that one round of a soft interrupt takes from the device
                  ignored  rounds end early at high packet rates, and the device's ring overflows (third column of
                           /proc/net/softnet_stat)
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.core.netdev_budget=600`
          warn    net.ipv4.tcp_max_syn_backlog    4,096; wanted: 8,192 or more
                  why      connections that are half open
                  ignored  the same as somaxconn, one step earlier
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.ipv4.tcp_max_syn_backlog=8192`
          warn    net.netfilter.nf_conntrack_max  65,536; wanted: 262,144 or more
                  why      connection tracking, where it is loaded, keeps an entry for each pair of addresses and
                           ports
                  ignored  a full table drops datagrams of new peers; even a roomy one costs about a microsecond a
                           packet: better no tracking of the SIP ports at all (nft: notrack)
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w net.netfilter.nf_conntrack_max=262144`
          warn    vm.swappiness                   60; wanted: 10 or less
                  why      how willingly memory is swapped out; transactions that linger for 32 s look unused
                  ignored  their timers fault pages in from disk while calls wait
                  remedy   `tandem tune apply` sets it; by hand `sysctl -w vm.swappiness=10`

        network
          warn    ens1 UDP by                     addresses; wanted: addresses and ports
                  why      what chooses a datagram's queue (RSS)
                  ignored  all datagrams of one peer's host come to one queue, so to one core, whatever their ports
                  remedy   ethtool -N ens1 rx-flow-hash udp4 sdfn; ethtool -N ens1 rx-flow-hash udp6 sdfn
          warn    ens1 rps                        none of 4 as wanted; rx-0: none, not 0-3; rx-1: none, not 0-3; 2
                                                  more; wanted: the cores of the shards
                  why      the kernel passes received packets on to these cores in software, where there are fewer
                           queues than shards
                  ignored  one core does the protocol work of a queue for all shards
                  remedy   `tandem tune apply` sets it
          warn    ens1 xps                        none of 4 as wanted; tx-0: none, not 0; tx-1: none, not 1; 2 more;
                                                  wanted: the cores of the shards
                  why      a core that sends on a queue of its own waits for no other's lock
                  ignored  cores contend for transmit queues at high rates
                  remedy   `tandem tune apply` sets it
          warn    ens1 irq_affinity               none of 4 as wanted; interrupt 100 goes to 0-3, not 0; interrupt 101
                                                  goes to 0-3, not 1; 2 more; wanted: a core of a shard each, in turn
                  why      who takes a queue's interrupt does the kernel's half of the work for its packets
                  ignored  one core may take the interrupts of several queues, and its shard falls behind the others
                  remedy   `tandem tune apply` sets it
          warn    irqbalance                      runs; wanted: does not run
                  why      it moves interrupts to other cores every ten seconds
                  ignored  what irq_affinity sets is undone
                  remedy   systemctl disable --now irqbalance

        since boot
          warn    softnet drops                   65,535 of 1,000,000
                  why      packets that found the backlog of a core full (net.core.netdev_max_backlog)
                  ignored  no socket saw them: peers repeat after 500 ms
                  remedy   raise net.core.netdev_max_backlog; spread receive queues (RSS, RPS) over more cores
          warn    UDP receive errors              700,000 of 5,700,000
                  why      datagrams of all programs that found the socket's receive buffer full
                  ignored  if they were ours: calls that had to be repeated, or failed
                  remedy   a larger udp_receive_buffer (net.core.rmem_max with it), or more shards; `nstat -az
                           UdpRcvbufErrors` shows whether it still rises

        this machine is not what the profile is for: 5 bad, 19 warnings, 3 notes, 8 ok
    "#]].assert_eq(&faults(&sample("edge-4"), &tree));
}

#[test]
fn a_container_has_the_shards_that_its_quota_pays_for() {
    let tree = Tree::machine(16, 1, 64)
        .file("proc/self/cgroup", "0::/\n")
        .file("sys/fs/cgroup/cpu.max", "250000 100000\n")
        .file("sys/fs/cgroup/memory.max", "1073741824\n")
        .file("probes", "io_uring yes\nebpf Operation not permitted\n")
        .without("proc/sys/net/core/rmem_max")
        .without("proc/sys/net/core/wmem_max");
    let container = sample("container");
    expect![[r#"
        cores
          ok      cores                           16 cores (0-15)
                  why      a shard is a core: calls are never shared between them
          ok      shards                          2, unless the script's udp_workers are fewer; the kernel decides
                                                  where
                  why      each on a core of its own keeps its caches and waits for nobody
          ok      control thread                  any
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
          ok      CPU quota                       2.5 cores; wanted: 2 cores for 2 shards
                  why      once it is used up, the kernel stops all shards for the rest of the period (100 ms, if
                           nobody chose another)

        memory
          ok      memory                          1 GiB of 64 GiB (control group); wanted: 1 GiB or more
                  why      a transaction lingers for up to 32 s after its answer: at 20,000 calls/s more than a
                           million do
          ok      memory_mb                       512 MiB: 65,536 transactions a shard; wanted: at most 767.9 MiB
                  why      it bounds the tables, so that overload is a 503 and not the end of memory

        kernel
          warn    steering                        ebpf is refused (Operation not permitted); classic runs; wanted:
                                                  auto
                  why      the kernel gives a datagram to the shard that owns its call: 0.02 handovers a call with
                           ebpf, 0.5 with classic on two shards, 3 with mesh (measured)
                  ignored  the first request of a call is handed from shard to shard: about half of all calls with two
                           shards, three quarters with four
                  remedy   run as root, or with CAP_BPF and CAP_PERFMON (AmbientCapabilities= of systemd, --cap-add of
                           docker)

        kernel settings
          note    net.core.rmem_max               not offered here: it is the host's, or of another kernel
                  why      a UDP socket gets the receive buffer it asks for only up to this, unless the server may
                           force it (CAP_NET_ADMIN)

        network
          note    interface                       none that is hardware
                  why      queues and interrupts are the host's: look at them there
    "#]].assert_eq(&part(
        &container,
        &tree,
        &[
            "cores",
            "memory",
            "steering",
            "net.core.rmem_max",
            "network",
        ],
    ));
    // More of them than it pays for are a warning, more memory than there is, is bad.
    expect![[r#"
        cores
          ok      shards                          4, the kernel decides where
                  why      each on a core of its own keeps its caches and waits for nobody
          warn    CPU quota                       2.5 cores; wanted: 4 cores for 4 shards
                  why      once it is used up, the kernel stops all shards for the rest of the period (100 ms, if
                           nobody chose another)
                  ignored  calls wait for tens of milliseconds at load, and buffers overflow meanwhile
                  remedy   raise the quota (docker --cpus, CPUQuota= of systemd), or shards = 2

        memory
          bad     memory_mb                       2 GiB: 131,072 transactions a shard; wanted: at most 767.9 MiB
                  why      it bounds the tables, so that overload is a 503 and not the end of memory
                  ignored  the tables may grow beyond the memory there is: the kernel kills the server in an overload
                  remedy   memory_mb = 767 or less
    "#]].assert_eq(&part(
        &profile("shards = 4\nmemory_mb = 2048\n"),
        &tree,
        &["shards", "CPU quota", "memory_mb"],
    ));
}

#[test]
fn the_least_of_nested_groups_counts_in_both_versions() {
    let tree = Tree::machine(8, 1, 64)
        .file("proc/self/cgroup", "0::/a/b\n")
        .file("sys/fs/cgroup/a/cpu.max", "150000 100000\n")
        .file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    assert_eq!(tree.read().quota_percent, Some(150));
    let tree = Tree::machine(8, 1, 64)
        .file("proc/self/cgroup", "3:cpu,cpuacct:/x\n2:memory:/x\n")
        .file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
        .file("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n")
        .file("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n")
        .file(
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        )
        .file(
            "sys/fs/cgroup/memory/x/memory.limit_in_bytes",
            "536870912\n",
        );
    let machine = tree.read();
    assert_eq!(machine.quota_percent, Some(50));
    assert_eq!(machine.memory(), 512 << 20);
    assert_eq!(machine.cores_of_quota(), 1);
}

#[test]
fn on_two_nodes_queues_and_interrupts_go_round_the_shards_of_both() {
    let tree = Tree::machine(64, 2, 128)
        .device("ens1f0", 16, 1)
        .file("probes", "io_uring yes\nebpf yes\nqueues ens1f0 16/64\nring ens1f0 4096/8160\nudp-hash ens1f0 addresses\n");
    let numa = sample("edge-64-numa");
    expect![[r#"
        cores
          ok      cores                           64 cores (0-63); wanted: 64 or more
                  why      a shard is a core: calls are never shared between them
          ok      shards                          62 on cores 1-31,33-63
                  why      each on a core of its own keeps its caches and waits for nobody
          ok      control thread                  cores 0,32
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
          ok      NUMA nodes                      2 (0: 0-31; 1: 32-63); wanted: 2 or more
                  why      a shard's memory is where it first runs; the other node's is farther away
          ok      governor                        all 64 as wanted; wanted: performance
                  why      at middle load cores sleep between batches, and other governors let the clock fall
                           meanwhile

        network
          ok      ens1f0                          ice, 16 queues in, 16 out, 25,000 Mbit/s, node 1
          warn    ens1f0 nic_queues               16 of 64 that it can have; wanted: 32 or more
                  why      a queue is one core's work before any shard sees a datagram (RSS)
                  ignored  the cores of the queues there are do the kernel's work of all packets, and become the limit
                           first
                  remedy   ethtool -L ens1f0 combined 32
          warn    ens1f0 UDP by                   addresses; wanted: addresses and ports
                  why      what chooses a datagram's queue (RSS)
                  ignored  all datagrams of one peer's host come to one queue, so to one core, whatever their ports
                  remedy   ethtool -N ens1f0 rx-flow-hash udp4 sdfn; ethtool -N ens1f0 rx-flow-hash udp6 sdfn
          ok      ens1f0 receive ring             4096 of 8160
                  why      packets that wait in the device while its core is busy
          ok      ens1f0 rps                      all 16 as wanted; wanted: off
                  why      the kernel passes received packets on to these cores in software, where there are fewer
                           queues than shards
          warn    ens1f0 xps                      none of 16 as wanted; tx-0: none, not 1,17,34,50; tx-1: none, not
                                                  2,18,35,51; 14 more; wanted: the cores of the shards
                  why      a core that sends on a queue of its own waits for no other's lock
                  ignored  cores contend for transmit queues at high rates
                  remedy   `tandem tune apply` sets it
          warn    ens1f0 irq_affinity             none of 16 as wanted; interrupt 100 goes to 0-63, not 1; interrupt
                                                  101 goes to 0-63, not 2; 14 more; wanted: a core of a shard each, in
                                                  turn
                  why      who takes a queue's interrupt does the kernel's half of the work for its packets
                  ignored  one core may take the interrupts of several queues, and its shard falls behind the others
                  remedy   `tandem tune apply` sets it
          ok      irqbalance                      does not run; wanted: does not run
                  why      it moves interrupts to other cores every ten seconds
    "#]].assert_eq(&part(&numa, &tree, &["cores", "network"]));
    // The device is on the other node than all shards.
    expect![[r#"
        cores
          ok      shards                          32 on cores 0-31
                  why      each on a core of its own keeps its caches and waits for nobody

        network
          note    ens1f0                          ice, 16 queues in, 16 out, 25,000 Mbit/s, node 1
                  why      no shard runs on its node: every packet crosses to another
    "#]]
    .assert_eq(&part(
        &profile("numa_nodes = [0]\n"),
        &tree,
        &["ens1f0", "shards"],
    ));
}

#[test]
fn a_profile_for_more_cores_than_there_are_is_bad() {
    let tree = Tree::machine(2, 1, 8);
    expect![[r#"
        cores
          bad     cores                           2 cores (0-1); wanted: 16 or more
                  why      a shard is a core: calls are never shared between them
                  ignored  the profile's numbers are of a larger machine: its shards would share cores, and its bounds
                           be too wide
                  remedy   `tandem tune suggest` writes a profile for this machine
          bad     shards                          15 on cores 1-15; wanted: cores of 0-1
                  why      each on a core of its own keeps its caches and waits for nobody
                  ignored  there is no core 2-15 for them here: the server does not start
                  remedy   `tandem tune suggest` writes a profile for this machine
          ok      control thread                  core 0
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
          ok      governor                        all 2 as wanted; wanted: performance
                  why      at middle load cores sleep between batches, and other governors let the clock fall
                           meanwhile
    "#]].assert_eq(&part(&sample("edge-16"), &tree, &["cores"]));
    expect![[r#"
        cores
          bad     shards                          17, the kernel decides where; wanted: 16 or fewer
                  why      each on a core of its own keeps its caches and waits for nobody
                  ignored  the server does not start: at most 8 shards a core run well
                  remedy   `tandem tune suggest` writes a profile for this machine
    "#]]
    .assert_eq(&part(&profile("shards = 17\n"), &tree, &["shards"]));
    expect![[r#"
        cores
          bad     shards                          node 3 is not there; wanted: nodes 0,3
                  why      each on a core of its own keeps its caches and waits for nobody
                  ignored  the server does not start
                  remedy   `tandem tune suggest` writes a profile for this machine
    "#]]
    .assert_eq(&part(&profile("numa_nodes = [0, 3]\n"), &tree, &["shards"]));
}

#[test]
fn cores_that_are_shared_are_said() {
    let mut tree = Tree::machine(4, 1, 8);
    for core in 0..4 {
        let siblings = if core % 2 == 0 { "0,2" } else { "1,3" };
        tree = tree.file(
            &format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"),
            siblings,
        );
    }
    let of = ["shards", "control thread", "threads of a core"];
    expect![[r#"
        cores
          ok      shards                          3 on cores 0-2
                  why      each on a core of its own keeps its caches and waits for nobody
          warn    control thread                  core 2
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
                  ignored  core 2 has a shard as well: a reload or a long log line delays its calls
                  remedy   name cores that no shard has, or leave control_cores out
          note    threads of a core               1 of 2 cores have a shard on each thread: 0,2
                  why      two shards on the threads of one core share its caches and units
    "#]].assert_eq(&part(
        &profile("cores = \"0-2\"\ncontrol_cores = [2]\n"),
        &tree,
        &of,
    ));
    expect![[r#"
        cores
          warn    shards                          4 on cores 0-1
                  why      each on a core of its own keeps its caches and waits for nobody
                  ignored  shards that share a core wait for each other: the CPU of a call was a third higher with two
                           shards on one core, without steering (measured)
                  remedy   shards = 2, or more cores
          ok      control thread                  core 3
                  why      management, log and reload run beside the shards; what they take, a shard on the same core
                           lacks
          ok      threads of a core               2 cores of several threads, a shard has one to itself
                  why      two shards on the threads of one core share its caches and units
    "#]].assert_eq(&part(
        &profile("shards = 4\ncores = [0, 1]\ncontrol_cores = [3]\n"),
        &tree,
        &of,
    ));
}

#[test]
fn a_level_of_steering_that_is_named_must_be_had() {
    let tree = Tree::machine(4, 1, 8).file("probes", "ebpf Operation not permitted\n");
    expect![[r#"
        kernel
          note    io_uring                        a copied tree does not tell
                  why      every shard sleeps and wakes by it
          bad     steering                        ebpf is refused (Operation not permitted); wanted: ebpf
                  why      the kernel gives a datagram to the shard that owns its call: 0.02 handovers a call with
                           ebpf, 0.5 with classic on two shards, 3 with mesh (measured)
                  ignored  the server does not start: a level that is named must be had
                  remedy   run with CAP_BPF and CAP_PERFMON, or steering = "auto"
    "#]].assert_eq(&part(
        &profile("shards = 2\nsteering = \"ebpf\"\n"),
        &tree,
        &["io_uring", "steering"],
    ));
}

#[test]
fn what_is_not_there_is_no_fault() {
    let tree = Tree::empty().file("proc/self/status", "");
    expect![[r#"
        0 cores, 0 bytes

        this machine is as the profile wants it: 0 bad, 0 warnings, 9 notes, 4 ok
    "#]]
    .assert_eq(&faults(&profile(""), &tree));
}

#[test]
fn programs_read_the_same_as_json() {
    let tree = Tree::machine(2, 1, 8);
    let machine = tree.read();
    let mut found = check(&sample("edge-4"), &machine);
    found.retain(|one| ["shards", "net.core.rmem_max"].contains(&one.what.as_str()));
    let text = format!("{:#}\n", as_json("edge-4.toml", &machine.summary(), &found));
    expect![[r#"
        {
          "profile": "edge-4.toml",
          "machine": "Fast Processor, 2 cores, 8 GiB, Linux 6.8.0-generic",
          "ok": false,
          "bad": 1,
          "warnings": 1,
          "findings": [
            {
              "grade": "bad",
              "group": "cores",
              "what": "shards",
              "have": "4 on cores 0-3",
              "want": "cores of 0-1",
              "why": "each on a core of its own keeps its caches and waits for nobody",
              "ignored": "there is no core 2-3 for them here: the server does not start",
              "remedy": "`tandem tune suggest` writes a profile for this machine",
              "settable": false
            },
            {
              "grade": "warn",
              "group": "kernel settings",
              "what": "net.core.rmem_max",
              "have": "212,992",
              "want": "4,194,304 or more",
              "why": "a UDP socket gets the receive buffer it asks for only up to this, unless the server may force it (CAP_NET_ADMIN)",
              "ignored": "with 208 KiB some hundred datagrams fit: a pause of a few milliseconds at load loses calls' messages, and peers repeat them after 500 ms",
              "remedy": "`tandem tune apply` sets it; by hand `sysctl -w net.core.rmem_max=4194304`",
              "settable": true
            }
          ]
        }
    "#]].assert_eq(&text);
}
