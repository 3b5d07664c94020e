//! `tandem test`: what it says, as text and as JSON, and its status.

use std::path::PathBuf;
use std::process::Command;

use expect_test::{Expect, expect};

const SCRIPT: &str = "\
socket=udp:10.0.0.100:5060
loadmodule \"proto_udp.so\"
loadmodule \"signaling.so\"
loadmodule \"sl.so\"
route {
	if ($rU == \"nobody\") {
		sl_send_reply(404, \"Not Found\");
		exit;
	}
	sl_send_reply(200, \"OK\");
}
";

const TEST: &str = "\
script a.cfg
peer alice 10.0.0.1
alice > OPTIONS sip:bob@10.0.0.100
---
alice > OPTIONS sip:bob@10.0.0.100
       0ms  alice  > tandem  OPTIONS sip:bob@10.0.0.100
      10ms  tandem > alice   200 OK (OPTIONS)
";

/// A folder with the script, a test that passes, one that fails and one that cannot be played.
fn folder(name: &str) -> PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    put("a.cfg", SCRIPT);
    put("good.test", TEST);
    put("other.test", &TEST.replace("200 OK", "486 Busy Here"));
    put("broken.test", "script none.cfg\npeer alice 10.0.0.1\n");
    folder
}

fn check(name: &str, arguments: &[&str], expected: Expect) {
    let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .arg("test")
        .args(arguments)
        .current_dir(folder(name))
        .output()
        .unwrap();
    expected.assert_eq(&format!(
        "{}{}status {}\n",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    ));
}

#[test]
fn a_test_that_passes_is_one_line() {
    check(
        "passes",
        &["good.test"],
        expect![[r#"
        ok      good.test (1 step)
        1 passed
        status 0
    "#]],
    );
}

#[test]
fn a_test_that_fails_shows_the_difference_and_its_step() {
    check(
        "fails",
        &["other.test"],
        expect![[r#"
        FAILED  other.test
        @@ alice > OPTIONS sip:bob@10.0.0.100 @@
         alice > OPTIONS sip:bob@10.0.0.100
                0ms  alice  > tandem  OPTIONS sip:bob@10.0.0.100
        -      10ms  tandem > alice   486 Busy Here (OPTIONS)
        +      10ms  tandem > alice   200 OK (OPTIONS)
                - was expected, + happened. If that is right: tandem test --update other.test
        0 passed, 1 failed
        status 1
    "#]],
    );
}

#[test]
fn a_test_that_cannot_be_played_has_a_status_of_its_own() {
    check(
        "broken",
        &["*.test"],
        expect![[r#"
        error   broken.test:1:8: cannot read the script none.cfg: No such file or directory (os error 2)
            1 | script none.cfg
              |        ^^^^^^^^ it is looked for beside the test
        ok      good.test (1 step)
        FAILED  other.test
        @@ alice > OPTIONS sip:bob@10.0.0.100 @@
         alice > OPTIONS sip:bob@10.0.0.100
                0ms  alice  > tandem  OPTIONS sip:bob@10.0.0.100
        -      10ms  tandem > alice   486 Busy Here (OPTIONS)
        +      10ms  tandem > alice   200 OK (OPTIONS)
                - was expected, + happened. If that is right: tandem test --update other.test
        1 passed, 1 failed, 1 not playable
        status 2
    "#]],
    );
}

#[test]
fn coverage_shows_every_line_or_those_that_never_ran() {
    check(
        "coverage",
        &["--coverage", "good.test"],
        expect![[r#"
        ok      good.test (1 step)

        a.cfg: 2 of 4 lines ran, 50 %
                     1 | socket=udp:10.0.0.100:5060
                     2 | loadmodule "proto_udp.so"
                     3 | loadmodule "signaling.so"
                     4 | loadmodule "sl.so"
                     5 | route {
               1     6 | 	if ($rU == "nobody") {
           never     7 | 		sl_send_reply(404, "Not Found");
           never     8 | 		exit;
                     9 | 	}
               1    10 | 	sl_send_reply(200, "OK");
                    11 | }

        1 passed
        status 0
    "#]],
    );
    check(
        "missed",
        &["--coverage=missed", "good.test"],
        expect![[r#"
        ok      good.test (1 step)

        a.cfg: 2 of 4 lines ran, 50 %
           never     7 | 		sl_send_reply(404, "Not Found");
           never     8 | 		exit;

        1 passed
        status 0
    "#]],
    );
}

#[test]
fn json_is_for_machines() {
    check(
        "json",
        &["--json", "--coverage", "good.test", "other.test"],
        expect![[r#"
            {
              "passed": 1,
              "failed": 1,
              "broken": 0,
              "updated": 0,
              "files": [
                {
                  "file": "good.test",
                  "result": "passed",
                  "steps": 1
                },
                {
                  "file": "other.test",
                  "result": "failed",
                  "steps": 1,
                  "difference": [
                    {
                      "step": "alice > OPTIONS sip:bob@10.0.0.100"
                    },
                    {
                      "both": "alice > OPTIONS sip:bob@10.0.0.100"
                    },
                    {
                      "both": "       0ms  alice  > tandem  OPTIONS sip:bob@10.0.0.100"
                    },
                    {
                      "expected": "      10ms  tandem > alice   486 Busy Here (OPTIONS)"
                    },
                    {
                      "happened": "      10ms  tandem > alice   200 OK (OPTIONS)"
                    }
                  ]
                }
              ],
              "coverage": [
                {
                  "script": "a.cfg",
                  "lines": 4,
                  "run": 2,
                  "percent": 50,
                  "never": [
                    7,
                    8
                  ],
                  "hits": {
                    "6": 2,
                    "7": 0,
                    "8": 0,
                    "10": 2
                  }
                }
              ]
            }
            status 1
        "#]],
    );
}

#[test]
fn an_update_writes_what_happens() {
    check(
        "update",
        &["--update", "other.test"],
        expect![[r#"
        written other.test (1 step)
        0 passed, 1 written anew
        status 0
    "#]],
    );
    let text = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("update/other.test");
    assert_eq!(std::fs::read_to_string(text).unwrap(), TEST);
}

#[test]
fn without_a_file_it_says_what_it_wants() {
    check(
        "nothing",
        &[],
        expect![[r#"
            tandem: test which files? `tandem test FILE.test...`; a folder stands for all of its *.test
            status 2
        "#]],
    );
    check(
        "option",
        &["--coverage=some", "good.test"],
        expect![[r#"
            tandem: --coverage or --coverage=missed, not `some`
            status 2
        "#]],
    );
}

#[test]
fn a_wrong_command_line_has_the_status_of_what_cannot_be_played() {
    check(
        "none",
        &[],
        expect![[r#"
        tandem: test which files? `tandem test FILE.test...`; a folder stands for all of its *.test
        status 2
    "#]],
    );
    check(
        "option",
        &["--covrage"],
        expect![[r#"
        tandem: invalid option '--covrage'. `tandem test -h` shows what there is
        status 2
    "#]],
    );
    check(
        "value",
        &["--coverage=all", "good.test"],
        expect![[r#"
        tandem: --coverage or --coverage=missed, not `all`
        status 2
    "#]],
    );
    let empty = folder("empty").join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .arg("test")
        .arg(&empty)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("tandem: no *.test in "), "{said}");
}
