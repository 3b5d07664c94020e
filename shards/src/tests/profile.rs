use expect_test::{Expect, expect};

use crate::Profile;

fn check(text: &str, expected: Expect) {
    let text = match Profile::read("my.toml", text, &[0, 1]) {
        Ok(profile) => format!("{profile:?}\n"),
        Err(faults) => faults,
    };
    expected.assert_eq(&text);
}

#[test]
fn a_profile_is_lines_of_keys() {
    check(
        "shards = 2 # both\n\ncores = [0, 1]\nspin_us=50\nudp_receive_buffer = 1_000_000\n",
        expect![[r#"
            Profile { shards: Some(2), cores: [0, 1], control_core: None, spin_us: 50, gather_us: 0, gso: true, udp_receive_buffer: 1000000, udp_send_buffer: 1048576, tcp_receive_buffer: 0, tcp_send_buffer: 0, ring_parcels: 1024 }
        "#]],
    );
}

#[test]
fn everything_wrong_is_said_with_its_line() {
    check(
        "shards = none\nspin = 3\n[section]\ncores = 0\n",
        expect![[r#"
            my.toml:1: `shards` is a number from 1 to 1024, not `none`
            my.toml:2: there is no `spin`; there are shards, cores, control_core, spin_us, gather_us, gso, udp_receive_buffer, udp_send_buffer, tcp_receive_buffer, tcp_send_buffer, ring_parcels
            my.toml:3: expected `key = value`
            my.toml:4: `cores` is a list like [0, 1], not `0`
        "#]],
    );
}

#[test]
fn a_core_that_is_not_there_is_refused() {
    check(
        "cores = [0, 77]\ncontrol_core = 2\n",
        expect![[r#"
            my.toml:1: `cores`: there is no core 77 here; there are [0, 1]
            my.toml:2: `control_core`: there is no core 2 here; there are [0, 1]
        "#]],
    );
}

#[test]
fn the_samples_can_be_read_and_the_default_one_is_the_default() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tuning");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if name.ends_with(".toml") {
            let profile =
                Profile::read(&name, &std::fs::read_to_string(&path).unwrap(), &[0, 1]).unwrap();
            if name.ends_with("/default.toml") {
                assert_eq!(profile, Profile::default());
            }
            count += 1;
        }
    }
    assert!(count >= 3, "{count} samples in {folder}");
}
