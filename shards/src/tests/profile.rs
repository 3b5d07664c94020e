use engine::limits::Limits;
use expect_test::{Expect, expect};

use crate::Profile;
use crate::profile::{cpu_list, transactions_in};

/// Reads it for a machine of two cores; what is as in the default profile is left out.
fn check(text: &str, expected: Expect) {
    let text = match Profile::read_for("my.toml", text, &[0, 1]) {
        Ok(profile) => {
            let default = format!("{:#?}", Profile::default());
            let usual: Vec<&str> = default.lines().collect();
            let profile = format!("{profile:#?}");
            let unusual = profile.lines().filter(|line| !usual.contains(line));
            unusual.map(|line| format!("{}\n", line.trim())).collect()
        }
        Err(faults) => faults,
    };
    expected.assert_eq(&text);
}

#[test]
fn a_profile_is_lines_of_keys() {
    check(
        "shards = 2 # both\n\ncores = \"0-1\"\nspin_us=50\nudp_receive_buffer = 1_000_000\nsteering = \"mesh\"\n\
         [tables]\nparked_runs = 99\n[machine]\nkernel = \"5.15\"\nirq_affinity = \"shards\"\nrps = \"off\"\n\
         [machine.sysctl]\n\"net.core.rmem_max\" = 8_388_608 # eight\n",
        expect![[r#"
            shards: Some(
            2,
            ),
            cores: [
            0,
            1,
            ],
            steering: Mesh,
            spin_us: 50,
            udp_receive_buffer: 1000000,
            parked_runs: Some(
            99,
            ),
            kernel: Some(
            (
            5,
            15,
            ),
            ),
            rps: Some(
            Off,
            ),
            interrupts: Some(
            Shards,
            ),
            sysctls: [
            (
            "net.core.rmem_max",
            8388608,
            ),
            ],
        "#]],
    );
}

#[test]
fn everything_wrong_is_said_with_its_line_and_place() {
    check(
        "shards = none\nspin = 3\n[section]\nx = 1\n[machine]\ncores = 0\ngovernor = performance\n\tnic_queus = 3\n\
         spin_us = 1\nwhat\n[machine.sysctl\n[machine.sysctl]\n\"net.core.rmem\" = 1\nvm.swappiness = 3\n",
        expect![[r#"
            my.toml:1:10: `shards` is "auto" or a number from 1 to 1024, not `none`
                1 | shards = none
                  |          ^^^^
            my.toml:2:1: there is no `spin`; did you mean `spin_us`?
                2 | spin = 3
                  | ^^^^
            my.toml:4:1: there is no section `[section]`; there are tables, machine, machine.sysctl
                4 | x = 1
                  | ^
            my.toml:6:9: `cores` is a number from 1 to 4096, not `0`
                6 | cores = 0
                  |         ^
            my.toml:7:12: `governor` is a word in quotes, not `performance`
                7 | governor = performance
                  |            ^^^^^^^^^^^
            my.toml:8:2: there is no `nic_queus`; did you mean `nic_queues`?
                8 | 	nic_queus = 3
                  | 	^^^^^^^^^
            my.toml:9:1: `spin_us` stands before the first section, not in `[machine]`
                9 | spin_us = 1
                  | ^^^^^^^
            my.toml:10:1: expected `key = value`
               10 | what
                  | ^^^^
            my.toml:11:1: expected a section like `[machine]`
               11 | [machine.sysctl
                  | ^^^^^^^^^^^^^^^
            my.toml:13:1: nothing is known of the kernel setting `net.core.rmem`; did you mean `net.core.rmem_max`?
               13 | "net.core.rmem" = 1
                  | ^^^^^^^^^^^^^^^
            my.toml:14:1: expected a key of letters, digits and `_`; one with dots stands in quotes
               14 | vm.swappiness = 3
                  | ^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn values_are_told_apart_as_toml_does() {
    check(
        "batch = 007\nspin_us = +3\ngather_us = 1__0\nsteering = \"me#sh\"\ngso = \"true\"\ncores = [0, \"1\"]\n\
         control_cores = [0, 1\nnuma_nodes = \"3-1\"\nbatch = 8\nsteering = \"a\\\"b\"\n",
        expect![[r#"
            my.toml:1:9: `batch` is a number from 1 to 32, not `007`
                1 | batch = 007
                  |         ^^^
            my.toml:2:11: `spin_us` is a number from 0 to 1000000, not `+3`
                2 | spin_us = +3
                  |           ^^
            my.toml:3:13: `gather_us` is a number from 0 to 5000, not `1__0`
                3 | gather_us = 1__0
                  |             ^^^^
            my.toml:4:12: `steering` is one of "auto", "ebpf", "classic", "mesh", not `"me#sh"`
                4 | steering = "me#sh"
                  |            ^^^^^^^
            my.toml:5:7: `gso` is true or false, not `"true"`
                5 | gso = "true"
                  |       ^^^^^^
            my.toml:6:9: `cores` is a list like [0, 1] or "0-3,8", not `[0, "1"]`
                6 | cores = [0, "1"]
                  |         ^^^^^^^^
            my.toml:7:17: `control_cores` is a list like [0, 1] or "0-3,8", not `[0, 1`
                7 | control_cores = [0, 1
                  |                 ^^^^^
            my.toml:8:14: `numa_nodes` is a list like [0, 1] or "0-3,8", not `"3-1"`
                8 | numa_nodes = "3-1"
                  |              ^^^^^
            my.toml:9:1: `batch` is given twice, first in line 1
                9 | batch = 8
                  | ^^^^^
            my.toml:10:1: `steering` is given twice, first in line 4
               10 | steering = "a\"b"
                  | ^^^^^^^^
        "#]],
    );
}

#[test]
fn a_core_that_is_not_there_is_refused() {
    check(
        "cores = [0, 77]\ncontrol_cores = [2, 3]\n",
        expect![[r#"
            my.toml:1:9: `cores`: there is no core 77 here; there are [0, 1]
                1 | cores = [0, 77]
                  |         ^^^^^^^
            my.toml:2:17: `control_cores`: there is no core 2 here; there are [0, 1]
                2 | control_cores = [2, 3]
                  |                 ^^^^^^
        "#]],
    );
    // For a machine that it is not read on, it is a profile like any other.
    assert!(Profile::read("my.toml", "cores = [0, 77]\n").is_ok());
}

#[test]
fn cores_and_nodes_say_the_same_thing_twice() {
    check(
        "cores = [0]\nnuma_nodes = [0]\n",
        expect![[r#"
        my.toml:2:1: `cores` and `numa_nodes` both say where the shards are; one of them is enough
            2 | numa_nodes = [0]
              | ^^^^^^^^^^
    "#]],
    );
}

#[test]
fn lists_of_cores_are_as_the_kernel_writes_them() {
    assert_eq!(cpu_list("0-2,8\n"), Some(vec![0, 1, 2, 8]));
    assert_eq!(cpu_list("\n"), Some(vec![]));
    for wrong in ["a", "3-1", "1-", "0-99999999999", "1,,2", "-1"] {
        assert_eq!(cpu_list(wrong), None, "{wrong}");
    }
}

#[test]
fn a_memory_budget_bounds_what_has_no_bound_of_its_own() {
    let text = "memory_mb = 1024\n[tables]\nclient_transactions = 500\n";
    let profile = Profile::read("my.toml", text).unwrap();
    let own = || Limits {
        server_transactions_ready: 1 << 20,
        ..Limits::default()
    };
    let limits = profile.limits(4, own());
    // 256 MiB a shard at 4 KiB each; there cannot be more ready than there may be.
    assert_eq!(limits.server_transactions, 65_536);
    assert_eq!(limits.server_transactions_ready, 65_536);
    assert_eq!(limits.client_transactions, 500);
    assert_eq!(limits.contexts, 65_536);
    assert_eq!(limits.parked_runs, Limits::default().parked_runs);
    let unbounded = Profile::default().limits(4, own());
    assert_eq!(
        unbounded.server_transactions,
        Limits::default().server_transactions
    );
    assert_eq!(unbounded.server_transactions_ready, 1 << 20);
    // However little there is, a shard can work.
    assert_eq!(transactions_in(1, 1024), 1_024);
}

#[test]
fn the_samples_can_be_read_and_the_default_one_is_the_default() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tuning");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let profile = Profile::read(&name, &std::fs::read_to_string(&path).unwrap());
        let profile = profile.unwrap_or_else(|faults| panic!("{faults}"));
        if name == "default.toml" {
            assert_eq!(profile, Profile::default());
        }
        names.push(name);
    }
    names.sort();
    expect![[r#"
        [
            "container.toml",
            "default.toml",
            "edge-16.toml",
            "edge-4.toml",
            "edge-64-numa.toml",
            "laptop.toml",
            "one-core.toml",
            "two-cores.toml",
        ]
    "#]]
    .assert_debug_eq(&names);
}

#[test]
fn every_key_and_kernel_setting_is_documented() {
    let docs = include_str!("../../../docs/tuning.md");
    let mut section = "";
    let mut documented = Vec::new();
    for line in docs.lines() {
        if line.starts_with('#') {
            section = line
                .trim_start_matches(['#', ' '])
                .trim_matches(['`', '[', ']']);
        }
        let key = line
            .strip_prefix("| `")
            .and_then(|line| line.split_once('`'));
        documented.extend(key.map(|(key, _)| (section, key)));
    }
    let of = |wanted: &str| {
        let keys = documented.iter().filter(|(section, _)| *section == wanted);
        keys.map(|(_, key)| *key).collect::<Vec<_>>()
    };
    for (docs, section) in [
        ("Before the first section", ""),
        ("tables", "tables"),
        ("machine", "machine"),
    ] {
        let keys: Vec<&str> = crate::profile::names()
            .filter(|key| key.0 == section)
            .map(|key| key.1)
            .collect();
        assert_eq!(of(docs), keys);
    }
    let settings: Vec<&str> = crate::profile::SYSCTLS.iter().map(|one| one.name).collect();
    assert_eq!(of("machine.sysctl"), settings);
}
