use std::path::PathBuf;

use expect_test::{Expect, expect};
use shards::Profile;

use super::{Tree, faults, profile, sample};
use crate::tune::{Order, apply, undo};

fn undo_file(tree: &Tree) -> PathBuf {
    tree.0.join("var/lib/tandem/tune-undo.json")
}

/// What apply says, with nothing of this run in it.
fn applied(profile: &Profile, tree: &Tree, is_dry: bool) -> String {
    let order = Order {
        profile: "my.toml",
        undo_file: &undo_file(tree),
        again: "/usr/bin/tandem tune apply /etc/tandem/my.toml",
        is_dry,
    };
    let said = match apply(profile, &tree.read(), &order) {
        Ok(applied) => format!("{}whole: {}\n", applied.text, applied.is_whole),
        Err(error) => format!("refused: {error}\n"),
    };
    said.replace(&tree.0.display().to_string(), "ROOT")
}

fn undone(tree: &Tree, is_dry: bool) -> String {
    let said = match undo(&tree.read().root, &undo_file(tree), is_dry) {
        Ok(applied) => format!("{}whole: {}\n", applied.text, applied.is_whole),
        Err(error) => format!("refused: {error}\n"),
    };
    said.replace(&tree.0.display().to_string(), "ROOT")
}

/// What differs between two moments.
fn changes(before: &std::collections::BTreeMap<String, String>, tree: &Tree) -> String {
    let after = tree.snapshot();
    let mut text = String::new();
    for (name, now) in &after {
        match before.get(name) {
            Some(was) if was == now => {}
            Some(was) => text.push_str(&format!("{name}: {was} -> {now}\n")),
            None => text.push_str(&format!("{name}: new\n")),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        text.push_str(&format!("{name}: gone\n"));
    }
    text
}

fn says(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

fn edge() -> Tree {
    Tree::machine(4, 1, 8)
        .device("ens1", 2, 0)
        .file(
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never",
        )
        .file(
            "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor",
            "powersave",
        )
}

#[test]
fn apply_writes_what_differs_and_nothing_else_and_undo_puts_it_back() {
    let tree = edge();
    let before = tree.snapshot();
    says(
        &applied(&sample("edge-4"), &tree, false),
        expect![[r#"
        my.toml on Fast Processor, 4 cores, 8 GiB, Linux 6.8.0-generic: 14 of 21 values to set

          net.core.rmem_max                      212992 -> 4194304
          net.core.wmem_max                      212992 -> 1048576
          net.core.netdev_max_backlog            1000 -> 16384
          net.core.netdev_budget                 300 -> 600
          net.ipv4.tcp_max_syn_backlog           4096 -> 8192
          vm.swappiness                          60 -> 10
          core 2 governor                        powersave -> performance
          transparent_hugepage/enabled           always -> madvise
          ens1 rx-0 rps_cpus                     00000000,00000000 -> f
          ens1 rx-1 rps_cpus                     00000000,00000000 -> f
          ens1 tx-0 xps_cpus                     00000000,00000000 -> 5
          ens1 tx-1 xps_cpus                     00000000,00000000 -> a
          ens1 interrupt 100 cores               0-3 -> 0
          ens1 interrupt 101 cores               0-3 -> 1

        Old values are in ROOT/var/lib/tandem/tune-undo.json; `tandem tune undo` puts them back.

        The next start of the machine forgets all of it. To keep the kernel settings, /etc/sysctl.d/60-tandem.conf:

            net.core.rmem_max = 4194304
            net.core.wmem_max = 1048576
            net.core.netdev_max_backlog = 16384
            net.core.netdev_budget = 600
            net.ipv4.tcp_max_syn_backlog = 8192
            vm.swappiness = 10

        Queues, interrupts, governor and huge pages are set again by a line in the server's unit:

            ExecStartPre=-+/usr/bin/tandem tune apply /etc/tandem/my.toml
        whole: true
    "#]],
    );
    says(
        &changes(&before, &tree),
        expect![[r#"
        proc/irq/100/smp_affinity_list: 0-3 -> 0
        proc/irq/101/smp_affinity_list: 0-3 -> 1
        proc/sys/net/core/netdev_budget: 300 -> 600
        proc/sys/net/core/netdev_max_backlog: 1000 -> 16384
        proc/sys/net/core/rmem_max: 212992 -> 4194304
        proc/sys/net/core/wmem_max: 212992 -> 1048576
        proc/sys/net/ipv4/tcp_max_syn_backlog: 4096 -> 8192
        proc/sys/vm/swappiness: 60 -> 10
        sys/class/net/ens1/queues/rx-0/rps_cpus: 00000000,00000000 -> f
        sys/class/net/ens1/queues/rx-1/rps_cpus: 00000000,00000000 -> f
        sys/class/net/ens1/queues/tx-0/xps_cpus: 00000000,00000000 -> 5
        sys/class/net/ens1/queues/tx-1/xps_cpus: 00000000,00000000 -> a
        sys/devices/system/cpu/cpu2/cpufreq/scaling_governor: powersave -> performance
        sys/kernel/mm/transparent_hugepage/enabled: [always] madvise never -> madvise
        var/lib/tandem/tune-undo.json: new
    "#]],
    );
    // In a tree the file has the word only; the kernel's has all of them.
    assert!(!faults(&sample("edge-4"), &tree).contains("apply` sets it"));
    says(
        &undone(&tree, false),
        expect![[r#"
            ROOT/var/lib/tandem/tune-undo.json: 14 changes

              /proc/irq/101/smp_affinity_list  1 -> 0-3
              /proc/irq/100/smp_affinity_list  0 -> 0-3
              /sys/class/net/ens1/queues/tx-1/xps_cpus  a -> 00000000,00000000
              /sys/class/net/ens1/queues/tx-0/xps_cpus  5 -> 00000000,00000000
              /sys/class/net/ens1/queues/rx-1/rps_cpus  f -> 00000000,00000000
              /sys/class/net/ens1/queues/rx-0/rps_cpus  f -> 00000000,00000000
              /sys/kernel/mm/transparent_hugepage/enabled  madvise -> always
              /sys/devices/system/cpu/cpu2/cpufreq/scaling_governor  performance -> powersave
              /proc/sys/vm/swappiness  10 -> 60
              /proc/sys/net/ipv4/tcp_max_syn_backlog  8192 -> 4096
              /proc/sys/net/core/netdev_budget  600 -> 300
              /proc/sys/net/core/netdev_max_backlog  16384 -> 1000
              /proc/sys/net/core/wmem_max  1048576 -> 212992
              /proc/sys/net/core/rmem_max  4194304 -> 212992

            What was written to /etc/sysctl.d or into a unit to keep it stays: remove it there.
            whole: true
        "#]],
    );
    says(
        &changes(&before, &tree),
        expect![[r#"
        sys/kernel/mm/transparent_hugepage/enabled: [always] madvise never -> always
    "#]],
    );
}

#[test]
fn a_dry_run_says_the_same_and_touches_nothing() {
    let tree = edge();
    let before = tree.snapshot();
    let dry = applied(&sample("edge-4"), &tree, true);
    assert_eq!(changes(&before, &tree), "");
    let wet = applied(&sample("edge-4"), &tree, false);
    let arrows = |text: &str| {
        text.lines()
            .filter(|line| line.contains(" -> "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(arrows(&dry), arrows(&wet));
    assert!(!arrows(&dry).is_empty());
    let between = tree.snapshot();
    assert!(undone(&tree, true).contains("--dry-run: nothing is written"));
    assert_eq!(changes(&between, &tree), "");
}

#[test]
fn a_second_apply_keeps_the_first_values() {
    let tree = Tree::machine(2, 1, 8);
    let first = profile("udp_receive_buffer = 1_000_000\nudp_send_buffer = 0\n");
    let second = profile("udp_receive_buffer = 2_000_000\nudp_send_buffer = 300_000\n");
    applied(&first, &tree, false);
    says(
        &applied(&second, &tree, false),
        expect![[r#"
            my.toml on Fast Processor, 2 cores, 8 GiB, Linux 6.8.0-generic: 2 of 2 values to set

              net.core.rmem_max                      1000000 -> 2000000
              net.core.wmem_max                      212992 -> 300000

            Old values are in ROOT/var/lib/tandem/tune-undo.json; `tandem tune undo` puts them back.

            Not a matter of apply:
              warn memory_mb            no budget: 4,194,304 transactions a shard, up to 32 GiB: memory_mb = 6143 or less

            The next start of the machine forgets all of it. To keep the kernel settings, /etc/sysctl.d/60-tandem.conf:

                net.core.rmem_max = 2000000
                net.core.wmem_max = 300000
            whole: true
        "#]],
    );
    says(
        &applied(&second, &tree, false),
        expect![[r#"
            my.toml on Fast Processor, 2 cores, 8 GiB, Linux 6.8.0-generic: nothing to set

            Old values are in ROOT/var/lib/tandem/tune-undo.json; `tandem tune undo` puts them back.

            Not a matter of apply:
              warn memory_mb            no budget: 4,194,304 transactions a shard, up to 32 GiB: memory_mb = 6143 or less

            The next start of the machine forgets all of it. To keep the kernel settings, /etc/sysctl.d/60-tandem.conf:

                net.core.rmem_max = 2000000
                net.core.wmem_max = 300000
            whole: true
        "#]],
    );
    says(
        &undone(&tree, false),
        expect![[r#"
            ROOT/var/lib/tandem/tune-undo.json: 2 changes

              /proc/sys/net/core/wmem_max  300000 -> 212992
              /proc/sys/net/core/rmem_max  2000000 -> 212992

            What was written to /etc/sysctl.d or into a unit to keep it stays: remove it there.
            whole: true
        "#]],
    );
    says(
        &undone(&tree, false),
        expect![[r#"
        refused: there is nothing to undo: ROOT/var/lib/tandem/tune-undo.json is not there.
    "#]],
    );
}

#[test]
fn what_cannot_be_written_is_said_and_needs_no_way_back() {
    let tree = Tree::machine(2, 1, 8).without("proc/sys/net/core/rmem_max");
    // A file that nobody may write, not even root.
    std::os::unix::fs::symlink(
        "/proc/sys/kernel/ngroups_max",
        tree.0.join("proc/sys/net/core/rmem_max"),
    )
    .unwrap();
    says(
        &applied(&profile("udp_send_buffer = 300_000\n"), &tree, false),
        expect![[r#"
            my.toml on Fast Processor, 2 cores, 8 GiB, Linux 6.8.0-generic: 2 of 2 values to set

              net.core.rmem_max                      FAILED 65536, not 4194304: Permission denied (os error 13). By hand:
                sysctl -w net.core.rmem_max=4194304
              net.core.wmem_max                      212992 -> 300000

            Old values are in ROOT/var/lib/tandem/tune-undo.json; `tandem tune undo` puts them back.
            1 value could not be set. It takes root, and the machine itself: a container shows files that only the host may write.

            Not a matter of apply:
              warn memory_mb            no budget: 4,194,304 transactions a shard, up to 32 GiB: memory_mb = 6143 or less

            The next start of the machine forgets all of it. To keep the kernel settings, /etc/sysctl.d/60-tandem.conf:

                net.core.rmem_max = 4194304
                net.core.wmem_max = 300000
            whole: false
        "#]],
    );
    says(
        &undone(&tree, false),
        expect![[r#"
            ROOT/var/lib/tandem/tune-undo.json: 1 change

              /proc/sys/net/core/wmem_max  300000 -> 212992

            What was written to /etc/sysctl.d or into a unit to keep it stays: remove it there.
            whole: true
        "#]],
    );
}

#[test]
fn nothing_is_changed_where_the_old_values_cannot_be_kept() {
    let tree = Tree::machine(2, 1, 8).file("var/lib/tandem", "not a directory");
    let before = tree.snapshot();
    says(
        &applied(&profile(""), &tree, false),
        expect![[r#"
            refused: ROOT/var/lib/tandem/tune-undo.json: File exists (os error 17). The old values have to be kept there before anything is changed; --undo-file names another place.
        "#]],
    );
    assert_eq!(changes(&before, &tree), "");
}

#[test]
fn a_crash_between_keeping_and_setting_can_be_undone() {
    let tree = Tree::machine(2, 1, 8);
    applied(
        &profile("udp_receive_buffer = 1_000_000\nudp_send_buffer = 300_000\n"),
        &tree,
        false,
    );
    // As if the second had never been written.
    let tree = tree.sysctl("net.core.wmem_max", "212992");
    says(
        &undone(&tree, false),
        expect![[r#"
            ROOT/var/lib/tandem/tune-undo.json: 2 changes

              /proc/sys/net/core/wmem_max  is 212992 already
              /proc/sys/net/core/rmem_max  1000000 -> 212992

            What was written to /etc/sysctl.d or into a unit to keep it stays: remove it there.
            whole: true
        "#]],
    );
}

#[test]
fn what_somebody_else_has_set_since_is_left() {
    let tree = Tree::machine(2, 1, 8);
    applied(
        &profile("udp_receive_buffer = 1_000_000\nudp_send_buffer = 300_000\n"),
        &tree,
        false,
    );
    let tree = tree.sysctl("net.core.rmem_max", "77");
    says(
        &undone(&tree, false),
        expect![[r#"
        ROOT/var/lib/tandem/tune-undo.json: 2 changes

          /proc/sys/net/core/wmem_max  300000 -> 212992
          /proc/sys/net/core/rmem_max  is 77, which is not the 1000000 that was set: left as it is; it was 212992

        ROOT/var/lib/tandem/tune-undo.json keeps what could not be put back; remove it if that is right.
        whole: false
    "#]],
    );
    assert_eq!(
        tree.read().sysctl("net.core.rmem_max").as_deref(),
        Some("77")
    );
    assert_eq!(
        tree.read().sysctl("net.core.wmem_max").as_deref(),
        Some("212992")
    );
}

#[test]
fn after_a_start_of_the_machine_the_old_file_is_nothing() {
    let tree = Tree::machine(2, 1, 8);
    let wish = profile("udp_send_buffer = 0\n");
    applied(&wish, &tree, false);
    let tree = tree
        .file("proc/sys/kernel/random/boot_id", "second")
        .sysctl("net.core.rmem_max", "300000");
    let said = applied(&wish, &tree, false);
    assert!(said.contains("is of before the last start"), "{said}");
    // What is put back is of this start.
    assert!(undone(&tree, false).contains("4194304 -> 300000"));
    applied(&wish, &tree, false);
    let tree = tree.file("proc/sys/kernel/random/boot_id", "third");
    says(
        &undone(&tree, false),
        expect![[r#"
        ROOT/var/lib/tandem/tune-undo.json is of before the last start of this machine, which has forgotten those changes: nothing to undo. The file is removed.
        whole: true
    "#]],
    );
}

#[test]
fn a_file_that_is_none_of_ours_is_refused() {
    for text in [
        "",
        "{}",
        r#"{ "format": "tandem-tune-undo-1", "boot": "first", "changes": [{ "path": "/etc/passwd", "was": "", "set": "" }] }"#,
        r#"{ "format": "tandem-tune-undo-1", "boot": "first", "changes": [{ "path": "/sys/class/net/../../../etc/x", "was": "", "set": "" }] }"#,
    ] {
        let tree = Tree::machine(2, 1, 8).file("var/lib/tandem/tune-undo.json", text);
        let before = tree.snapshot();
        for said in [undone(&tree, false), applied(&profile(""), &tree, false)] {
            assert!(
                said.starts_with("refused: ROOT/var/lib/tandem/tune-undo.json: "),
                "{said}"
            );
            assert!(said.contains("Nothing was changed"), "{said}");
        }
        assert_eq!(changes(&before, &tree), "");
    }
}
