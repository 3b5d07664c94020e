use expect_test::expect;
use shards::Profile;

use super::Tree;
use crate::tune::{Grade, Order, apply, check, suggest};

fn threads_of_two(mut tree: Tree, cores: usize) -> Tree {
    for core in 0..cores {
        let first = core % (cores / 2);
        let siblings = format!("{first},{}", first + cores / 2);
        tree = tree.file(
            &format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"),
            &siblings,
        );
    }
    tree
}

#[test]
fn every_choice_has_its_reason() {
    let tree = Tree::machine(4, 1, 8).device("ens1", 4, 0);
    expect![[r##"
        # Tandem on Fast Processor, 4 cores, 8 GiB, Linux 6.8.0-generic.
        # Written by `tandem tune suggest`; change what you like. What is not here has its default (tuning/default.toml),
        # docs/tuning.md has every key. `tandem tune check FILE` compares it with the machine, `tandem tune apply FILE` sets
        # what it wants, `tandem --tuning FILE` serves with it.

        # One shard a core: calls are never shared between cores, and a shard that is alone on one waits for nobody.
        shards = 4
        cores = "0-3"

        # Management, log and reload run where there is room, at nice 5 if every core has a shard: a core of their own would
        # be idle mostly, and is one of 4 here.
        control_cores = []

        # The best that the kernel permits: here "ebpf", which finds the shard by the Call-ID; a call is handed over 0.02
        # times (measured).
        steering = "auto"

        # Of each UDP socket of a shard. The kernel doubles it and reckons some 2 KB a datagram: 4,096 datagrams wait in 4
        # MiB. Ten milliseconds at 150,000 a second are 1,500.
        udp_receive_buffer = 4_194_304
        udp_send_buffer = 1_048_576

        # Half of 8 GiB is for transactions, the rest for contacts, sockets, the script and the kernel. It is 262,144
        # transactions of 4,096 bytes a shard; beyond that new requests get 503 instead of an end of memory.
        memory_mb = 4_096

        # What the machine must offer: read by `tandem tune` only.
        [machine]
        # eBPF steering needs 5.17.
        kernel = "5.17"
        cores = 4
        # The budget above, and half as much for all else.
        memory_mb = 6_144
        # A TCP connection is one.
        open_files = 65_536
        # Cores sleep between batches; the clock need not fall meanwhile.
        governor = "performance"
        # The time without a system call.
        clocksource = "tsc"
        # Huge pages gained nothing in measurements; "always" makes tables grow by 2 MiB at a time.
        transparent_hugepages = "madvise"

        # ens1: 4 receive queues.
        nic_queues = 4
        # Enough queues for the shards: the device spreads by itself.
        rps = "off"
        # Each shard sends on queues of its own.
        xps = "shards"
        # A queue's interrupt goes to a shard's core, in turn.
        irq_affinity = "shards"
        # It would move the interrupts again.
        irqbalance = false

        [machine.sysctl]
        "net.core.rmem_max" = 4_194_304 # udp_receive_buffer; here 212,992, apply sets it
        "net.core.wmem_max" = 1_048_576 # udp_send_buffer; here 212,992, apply sets it
        "net.core.netdev_max_backlog" = 16_384 # a tenth of a second at 150,000 packets/s of one core; here 1,000, apply sets it
        "net.core.netdev_budget" = 600 # twice what the kernel has; here 300, apply sets it
        "net.core.somaxconn" = 4_096 # phones that connect anew all at once
        "net.ipv4.tcp_max_syn_backlog" = 8_192 # the same, half open; here 4,096, apply sets it
        "net.core.bpf_jit_enable" = 1 # steering runs for every datagram
        "kernel.io_uring_disabled" = 0 # shards run on it
        "vm.swappiness" = 10 # what lingers looks unused; here 60, apply sets it
    "##]].assert_eq(&suggest(&tree.read()));
}

#[test]
fn a_large_machine_keeps_a_core_for_control_and_second_threads_for_interrupts() {
    let tree = threads_of_two(Tree::machine(32, 2, 128).device("ens1", 16, 0), 32);
    let text = suggest(&tree.read());
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    expect![[r#"
        shards = 15
        cores = "1-15"
        control_cores = "0,16"
        steering = "auto"
        udp_receive_buffer = 4_194_304
        udp_send_buffer = 1_048_576
        memory_mb = 65_536
        [machine]
        kernel = "5.17"
        cores = 32
        numa_nodes = 2
        memory_mb = 98_304
        open_files = 65_536
        governor = "performance"
        clocksource = "tsc"
        transparent_hugepages = "madvise"
        nic_queues = 16
        rps = "off"
        xps = "shards"
        irq_affinity = "17-31"
        irqbalance = false
        [machine.sysctl]
        "net.core.rmem_max" = 4_194_304 # udp_receive_buffer; here 212,992, apply sets it
        "net.core.wmem_max" = 1_048_576 # udp_send_buffer; here 212,992, apply sets it
        "net.core.netdev_max_backlog" = 16_384 # a tenth of a second at 150,000 packets/s of one core; here 1,000, apply sets it
        "net.core.netdev_budget" = 600 # twice what the kernel has; here 300, apply sets it
        "net.core.somaxconn" = 4_096 # phones that connect anew all at once
        "net.ipv4.tcp_max_syn_backlog" = 8_192 # the same, half open; here 4,096, apply sets it
        "net.core.bpf_jit_enable" = 1 # steering runs for every datagram
        "kernel.io_uring_disabled" = 0 # shards run on it
        "kernel.numa_balancing" = 0 # shards have their memory where they are; here 1, apply sets it
        "vm.swappiness" = 10 # what lingers looks unused; here 60, apply sets it
    "#]].assert_eq(&format!("{}\n", lines.join("\n")));
}

#[test]
fn what_is_suggested_loads_and_its_machine_does_not_contradict_it() {
    let quota = |tree: Tree| {
        tree.file("proc/self/cgroup", "0::/\n")
            .file("sys/fs/cgroup/cpu.max", "150000 100000\n")
            .file("sys/fs/cgroup/memory.max", "268435456\n")
    };
    for (name, tree) in [
        ("one core", Tree::machine(1, 1, 1)),
        ("edge", Tree::machine(4, 1, 8).device("ens1", 4, 0)),
        ("one queue", Tree::machine(8, 1, 16).device("eth0", 1, 0)),
        (
            "two nodes",
            Tree::machine(64, 2, 128).device("ens1f0", 16, 1),
        ),
        (
            "threads",
            threads_of_two(Tree::machine(32, 2, 128).device("ens1", 16, 0), 32),
        ),
        ("container", quota(Tree::machine(16, 1, 64))),
        (
            "no bpf",
            Tree::machine(4, 1, 8).file("probes", "io_uring yes\nebpf refused\n"),
        ),
        (
            "always huge, few files",
            Tree::machine(4, 1, 8)
                .file(
                    "sys/kernel/mm/transparent_hugepage/enabled",
                    "[always] madvise never",
                )
                .file(
                    "proc/self/limits",
                    "Max open files            1024                 4096                 files\n",
                ),
        ),
    ] {
        let machine = tree.read();
        let text = suggest(&machine);
        let profile = Profile::read_for("my.toml", &text, &machine.allowed)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let undo_file = tree.0.join("undo.json");
        let order = Order {
            profile: "my.toml",
            undo_file: &undo_file,
            again: "",
            is_dry: false,
        };
        let before = check(&profile, &machine);
        assert!(
            before.iter().all(|one| one.grade != Grade::Bad),
            "{name}: {before:#?}"
        );
        assert!(
            apply(&profile, &machine, &order).unwrap().is_whole,
            "{name}"
        );
        let after = check(&profile, &tree.read());
        let faults: Vec<_> = after
            .iter()
            .filter(|one| one.is_fault())
            .map(|one| &one.what)
            .collect();
        // No profile mends that the kernel refuses something.
        let expected: &[&str] = if name == "no bpf" { &["steering"] } else { &[] };
        assert_eq!(faults, expected, "{name}");
    }
}
