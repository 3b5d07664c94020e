//! `tandem tune` as a command: what it refuses, its statuses, and this very machine.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "processes and sockets of this test"
)]

mod support;

use support::{Folder, Said, run, tandem};

fn tune(folder: &Folder, arguments: &[&str]) -> Said {
    let mut command = tandem();
    command
        .arg("tune")
        .args(arguments)
        .current_dir(folder.path());
    run(command)
}

/// Status and all that is said, errors behind the rest.
fn says(folder: &Folder, arguments: &[&str]) -> (i32, String) {
    let said = tune(folder, arguments);
    (said.status.code().unwrap(), said.out + &said.error)
}

#[test]
fn what_is_no_order_is_refused_with_what_there_is() {
    let folder = Folder::new();
    folder.file("good.toml", "shards = 1\n");
    for (arguments, reason) in [
        (
            &[][..],
            "tandem: tune what? There is check PROFILE, apply PROFILE, undo, suggest\n",
        ),
        (
            &["chekc", "x"],
            "tandem: `tune chekc` is not a command; there is check PROFILE, apply PROFILE, undo, suggest\n",
        ),
        (
            &["check"],
            "tandem: tune check which profile? Samples are in tuning/, and `tandem tune suggest` writes one\n",
        ),
        (
            &["apply"],
            "tandem: tune apply which profile? Samples are in tuning/, and `tandem tune suggest` writes one\n",
        ),
        (
            &["check", "none.toml"],
            "tandem: none.toml: No such file or directory (os error 2).\n",
        ),
        (
            &["check", "good.toml", "more.toml"],
            "tandem: unexpected argument \"more.toml\". `tandem tune -h` shows what there is\n",
        ),
        (
            &["check", "good.toml", "--dry-run"],
            "tandem: invalid option '--dry-run'. `tandem tune -h` shows what there is\n",
        ),
        (
            &["apply", "good.toml", "--json"],
            "tandem: invalid option '--json'. `tandem tune -h` shows what there is\n",
        ),
        (
            &["check", "good.toml", "--root", "nowhere"],
            "tandem: --root nowhere: there is no directory proc in it.\n",
        ),
        (
            &["suggest", "-o", "good.toml"],
            "tandem: good.toml: File exists (os error 17).\n",
        ),
        (
            &["undo", "--undo-file", "none.json"],
            "tandem: there is nothing to undo: none.json is not there.\n",
        ),
    ] {
        assert_eq!(
            says(&folder, arguments),
            (2, reason.to_owned()),
            "{arguments:?}"
        );
    }
    let (status, help) = says(&folder, &["-h"]);
    assert_eq!(status, 0);
    assert!(
        help.starts_with("tandem tune: what this machine offers"),
        "{help}"
    );
}

#[test]
fn a_broken_profile_is_said_with_its_line_and_compared_with_nothing() {
    let folder = Folder::new();
    folder.file(
        "my.toml",
        "shards = 2\nspin = 5\n[machine]\nnic_queues = \"two\"\n",
    );
    for verb in ["check", "apply"] {
        let (status, said) = says(&folder, &[verb, "my.toml"]);
        assert_eq!(status, 2);
        assert_eq!(
            said,
            "tandem: my.toml:2:1: there is no `spin`; did you mean `spin_us`?\n    2 | spin = 5\n      | ^^^^\n\
             my.toml:4:14: `nic_queues` is a number from 1 to 1024, not `\"two\"`\n    4 | nic_queues = \"two\"\n      \
             |              ^^^^^\n"
        );
    }
}

#[test]
fn this_machine_does_not_contradict_what_is_suggested_for_it_and_the_server_takes_it() {
    let folder = Folder::new();
    let (status, said) = says(&folder, &["suggest", "-o", "here.toml"]);
    assert_eq!((status, said.as_str()), (0, ""));
    let (status, said) = says(&folder, &["check", "here.toml", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    // A machine may refuse io_uring or files; no profile helps with that.
    let bad = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["grade"] == "bad");
    let bad: Vec<_> = bad.map(|one| one["what"].as_str().unwrap()).collect();
    assert!(
        bad.iter()
            .all(|what| ["io_uring", "open files", "locked memory"].contains(what)),
        "{said}"
    );
    assert_eq!(status, i32::from(!bad.is_empty()));
    let (status, said) = says(
        &folder,
        &[
            "apply",
            "here.toml",
            "--dry-run",
            "--undo-file",
            "undo.json",
        ],
    );
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("--dry-run: nothing is written") || said.contains("nothing to set"),
        "{said}"
    );
    assert!(!folder.path().join("undo.json").exists());
    let mut command = tandem();
    command
        .args(["-c", "--tuning", "here.toml"])
        .current_dir(folder.path());
    let said = run(command);
    assert!(said.status.success(), "{}", said.error);
}

#[test]
fn a_profile_for_more_cores_than_there_are_has_status_one() {
    let folder = Folder::new();
    folder.file("large.toml", "cores = [4000]\n[machine]\ncores = 4000\n");
    let (status, said) = says(&folder, &["check", "large.toml", "--only-faults"]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("there is no core 4000 for them here: the server does not start"),
        "{said}"
    );
    assert!(
        said.contains("this machine is not what the profile is for: 2 bad"),
        "{said}"
    );
}

#[test]
fn a_copied_tree_is_changed_and_put_back_by_the_command_alone() {
    let folder = Folder::new();
    folder.file("my.toml", "udp_send_buffer = 0\nmemory_mb = 64\n");
    let setting = folder.path().join("tree/proc/sys/net/core/rmem_max");
    std::fs::create_dir_all(setting.parent().unwrap()).unwrap();
    std::fs::write(&setting, "212992\n").unwrap();
    let read = || std::fs::read_to_string(&setting).unwrap();
    let (status, said) = says(&folder, &["apply", "my.toml", "--root", "tree"]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(read(), "4194304");
    assert!(
        folder
            .path()
            .join("tree/var/lib/tandem/tune-undo.json")
            .exists()
    );
    let (status, said) = says(&folder, &["undo", "--root", "tree"]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(read(), "212992");
}
