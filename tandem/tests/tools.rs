//! `tandem check` and `tandem explain`: what they say of a script, and of what is none.

use std::path::PathBuf;
use std::process::{Command, Output};

use expect_test::{Expect, expect};

/// A file of this test run.
fn file(name: &str, text: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tandem-tools-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs it where the files are, so that their names are short.
fn tandem(arguments: &[&str]) -> Output {
    let folder = file("lock", b"").parent().unwrap().to_owned();
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What modules say of themselves, and which commands there are, is tested elsewhere.
fn check(arguments: &[&str], expected: Expect) {
    let output = tandem(arguments);
    let is_of_others = |line: &&str| {
        let line = line.trim_start();
        ["core:", "sl:", "tm:"]
            .iter()
            .any(|module| line.starts_with(module))
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stdout = stdout
        .split("\n  \"differences\"")
        .next()
        .unwrap_or_default();
    let stdout: Vec<&str> = stdout
        .split_inclusive('\n')
        .filter(|line| !is_of_others(line))
        .collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = match stderr.split_once("there is check") {
        Some((start, _)) => format!("{start}...\n"),
        None => stderr.into_owned(),
    };
    let text = format!(
        "{}{}status {}\n",
        stdout.concat(),
        stderr,
        output.status.code().unwrap()
    );
    expected.assert_eq(&text);
}

const GOOD: &str = r#"socket = udp:127.0.0.1:5060
timer_workers = 2
loadmodule "proto_udp.so"
loadmodule "sl.so"
loadmodule "tm.so"
modparam("tm", "fr_timeout", 5)
route {
    if ($(ru{uri.user}) == "x") route(out);
    sl_send_reply(404, "Not here");
}
route[out] {
    t_on_failure("next");
    t_relay();
}
failure_route[next] { exit; }
route[left] { exit; }
"#;

const BAD: &str = r#"socket = udp:127.0.0.1:5060
loadmodule "proto_udp.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "dialog.so"
modparam("tm", "fr_timeout", -5)
modparam("dialog", "db_mode", 2)
route {
    t_relay("no-such-flag");
    $var(x) = = 1;
    create_dialog("B");
    sl_send_repl(404, "Not here");
}
"#;

#[test]
fn a_correct_script_is_ok() {
    file("good.cfg", GOOD.as_bytes());
    check(
        &["check", "good.cfg"],
        expect![[r#"
        good.cfg: config file ok
        status 0
    "#]],
    );
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    file("bad.cfg", BAD.as_bytes());
    check(
        &["check", "bad.cfg"],
        expect![[r#"
        parse error in bad.cfg:5:12-23: `dialog` is a module of OpenSIPS that Tandem does not offer yet
            3 | loadmodule "sl.so"
            4 | loadmodule "tm.so"
            5 | loadmodule "dialog.so"
              |            ^~~~~~~~~~~ take it out with all that uses it; docs/opensips.md lists what is offered
            6 | modparam("tm", "fr_timeout", -5)
            7 | modparam("dialog", "db_mode", 2)
        parse error in bad.cfg:6:30-32: parameter `fr_timeout` of module tm: -5 is not between 1 and 86400 seconds
            4 | loadmodule "tm.so"
            5 | loadmodule "dialog.so"
            6 | modparam("tm", "fr_timeout", -5)
              |                              ^~
            7 | modparam("dialog", "db_mode", 2)
            8 | route {
        parse error in bad.cfg:9:13-27: parameter 1 of `t_relay`: `no-such-flag` is not a flag of t_relay
            7 | modparam("dialog", "db_mode", 2)
            8 | route {
            9 |     t_relay("no-such-flag");
              |             ^~~~~~~~~~~~~~
           10 |     $var(x) = = 1;
           11 |     create_dialog("B");
        parse error in bad.cfg:10:15-16: expected a value, found `=`
            8 | route {
            9 |     t_relay("no-such-flag");
           10 |     $var(x) = = 1;
              |               ^
           11 |     create_dialog("B");
           12 |     sl_send_repl(404, "Not here");
        parse error in bad.cfg:12:5-17: `sl_send_repl` is not offered by any loaded module
           10 |     $var(x) = = 1;
           11 |     create_dialog("B");
           12 |     sl_send_repl(404, "Not here");
              |     ^~~~~~~~~~~~ did you mean `sl_send_reply` (module sl)?
           13 | }
           14 |
        5 errors
        status 1
    "#]],
    );
}

#[test]
fn findings_are_one_json_document() {
    file(
        "json.cfg",
        b"modparam(\"tm\", \"fr_timeout\", 5)\nroute { exit; }\n",
    );
    file(
        "top.cfg",
        b"loadmodule \"tm.so\"\ninclude_file \"inner.cfg\"\nroute { exit; }\n",
    );
    file("inner.cfg", b"\nmodparam(\"tm\", \"fr_timeou\", 5)\n");
    check(
        &["check", "--json", "json.cfg"],
        expect![[r#"
        {
          "file": "json.cfg",
          "ok": false,
          "errors": 1,
          "warnings": 0,
          "omitted": 0,
          "stopped": false,
          "diagnostics": [
            {
              "severity": "error",
              "file": "json.cfg",
              "line": 1,
              "column": 10,
              "endColumn": 14,
              "reason": "no loaded module matches `tm`",
              "hint": "add loadmodule \"tm.so\"",
              "includedFrom": []
            }
          ]
        }
        status 1
    "#]],
    );
    check(
        &["check", "top.cfg", "--json"],
        expect![[r#"
        {
          "file": "top.cfg",
          "ok": false,
          "errors": 1,
          "warnings": 0,
          "omitted": 0,
          "stopped": false,
          "diagnostics": [
            {
              "severity": "error",
              "file": "inner.cfg",
              "line": 2,
              "column": 16,
              "endColumn": 27,
              "reason": "parameter `fr_timeou` not found in module tm",
              "hint": "did you mean `fr_timeout`?",
              "includedFrom": [
                {
                  "file": "top.cfg",
                  "line": 2
                }
              ]
            }
          ]
        }
        status 1
    "#]],
    );
}

#[test]
fn a_script_with_too_many_errors_is_not_said_to_have_been_counted() {
    let wrong: String = (0..150).map(|n| format!("wrong{n} = 1\n")).collect();
    file(
        "wrong.cfg",
        format!("{wrong}route {{ exit; }}\n").as_bytes(),
    );
    let output = tandem(&["check", "wrong.cfg"]);
    let text = String::from_utf8_lossy(&output.stderr);
    let findings = text.lines().filter(|line| line.starts_with("parse error"));
    assert_eq!(findings.count(), 50, "{text}");
    assert_eq!(
        text.lines().last(),
        Some("stopped after 50 errors; there may be more")
    );
    assert!(!text.contains("and 1 more"), "{text}");
    let output = tandem(&["check", "--json", "wrong.cfg"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for line in ["\"errors\": 50,", "\"omitted\": 0,", "\"stopped\": true,"] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn the_listing_is_the_program() {
    file("list.cfg", b"route { if ($rU == NULL) exit; strip(1); }\n");
    check(
        &["check", "list.cfg", "--listing"],
        expect![[r#"

        route  stack 1
             1     0  load $rU
                   1  test == NULL
                   2  jump 4 if false or error
                   3  exit
                   4  set $rc 0
                   5  call strip(1)
                   6  end
        status 0
    "#]],
    );
}

#[test]
fn the_preprocessor_and_the_values_of_the_command_line_are_honoured() {
    file("pre.cfg", b"route { PLACE; }\n");
    check(
        &[
            "check",
            "pre.cfg",
            "-p",
            "sed s/PLACE/exit/",
            "-o",
            "name=value",
        ],
        expect![[r#"
            pre.cfg: config file ok
            status 0
        "#]],
    );
    check(
        &["check", "pre.cfg"],
        expect![[r#"
        parse error in pre.cfg:1:9-14: bare word `PLACE`
            1 | route { PLACE; }
              |         ^~~~~ a function is called with parentheses: `name()`
            2 |
        1 error
        status 1
    "#]],
    );
}

#[test]
fn what_is_no_script_gets_a_clear_answer() {
    file(
        "binary",
        &(0u8..=255)
            .rev()
            .cycle()
            .skip(200)
            .take(4000)
            .collect::<Vec<_>>(),
    );
    check(
        &["check", "nowhere.cfg"],
        expect![[r#"
        parse error in nowhere.cfg: cannot read the script: No such file or directory (os error 2)
        1 error
        status 1
    "#]],
    );
    check(
        &["check", "."],
        expect![[r#"
        parse error in .: cannot read the script: it is a directory, not a file
        1 error
        status 1
    "#]],
    );
    check(
        &["check", "binary"],
        expect![[r#"
        parse error in binary: this is not a text file
        1 error
        status 1
    "#]],
    );
    check(
        &["check"],
        expect![[r#"
        tandem: check which script? `tandem check FILE`, `-` is standard input
        status 1
    "#]],
    );
    check(
        &["explain"],
        expect![[r#"
        tandem: explain which script? `tandem explain FILE`, `-` is standard input
        status 1
    "#]],
    );
    check(
        &["check", "a.cfg", "b.cfg"],
        expect![[r#"
        tandem: `b.cfg` is one file too many: one script at a time
        status 1
    "#]],
    );
    check(
        &["check", "--jsn", "a.cfg"],
        expect![[r#"
        tandem: invalid option '--jsn'. `tandem check -h` shows what there is
        status 1
    "#]],
    );
    check(
        &["chekc", "a.cfg"],
        expect![[r#"
        tandem: `chekc` is not a command; ...
        status 1
    "#]],
    );
    check(
        &["explain", "nowhere.cfg"],
        expect![[r#"
        parse error in nowhere.cfg: cannot read the script: No such file or directory (os error 2)
        1 error
        status 1
    "#]],
    );
}

#[test]
fn a_script_is_explained() {
    file("explained.cfg", GOOD.as_bytes());
    check(
        &["explain", "explained.cfg"],
        expect![[r#"
            explained.cfg: 16 lines, 0 errors, 0 warnings; 0 of the names it uses not offered

            Modules
              proto_udp  offered; line 3
              sl         offered; line 4
              tm         offered; line 5

            Global parameters
              timer_workers  no effect here: each shard has its own timers; line 2
              socket         offered; line 1

            Module parameters

            Functions
              sl_send_reply  offered; line 9
              t_on_failure   offered; line 12
              t_relay        offered; line 13

            Variables
              $ru  offered; line 8

            Transformations
              {uri.user}  offered; line 8

            Routes
              route (line 7) -> route[out]
              route[out] (line 11) -> failure_route[next]
              failure_route[next] (line 15)
              route[left] (line 16); nothing leads here by a literal name

            Otherwise than in OpenSIPS, or with bounds of its own
              proto_udp: Accepted by name; the transport is always there.
            status 0
        "#]],
    );
}

#[test]
fn a_script_that_does_not_compile_is_explained_as_far_as_it_can_be_read() {
    file("unread.cfg", BAD.as_bytes());
    check(
        &["explain", "unread.cfg", "--json"],
        expect![[r#"
            {
              "file": "unread.cfg",
              "ok": false,
              "errors": 5,
              "warnings": 0,
              "omitted": 0,
              "stopped": false,
              "diagnostics": [
                {
                  "severity": "error",
                  "file": "unread.cfg",
                  "line": 5,
                  "column": 12,
                  "endColumn": 23,
                  "reason": "`dialog` is a module of OpenSIPS that Tandem does not offer yet",
                  "hint": "take it out with all that uses it; docs/opensips.md lists what is offered",
                  "includedFrom": []
                },
                {
                  "severity": "error",
                  "file": "unread.cfg",
                  "line": 6,
                  "column": 30,
                  "endColumn": 32,
                  "reason": "parameter `fr_timeout` of module tm: -5 is not between 1 and 86400 seconds",
                  "hint": null,
                  "includedFrom": []
                },
                {
                  "severity": "error",
                  "file": "unread.cfg",
                  "line": 9,
                  "column": 13,
                  "endColumn": 27,
                  "reason": "parameter 1 of `t_relay`: `no-such-flag` is not a flag of t_relay",
                  "hint": null,
                  "includedFrom": []
                },
                {
                  "severity": "error",
                  "file": "unread.cfg",
                  "line": 10,
                  "column": 15,
                  "endColumn": 16,
                  "reason": "expected a value, found `=`",
                  "hint": null,
                  "includedFrom": []
                },
                {
                  "severity": "error",
                  "file": "unread.cfg",
                  "line": 12,
                  "column": 5,
                  "endColumn": 17,
                  "reason": "`sl_send_repl` is not offered by any loaded module",
                  "hint": "did you mean `sl_send_reply` (module sl)?",
                  "includedFrom": []
                }
              ],
              "lines": 13,
              "modules": [
                {
                  "name": "proto_udp",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "2"
                  ]
                },
                {
                  "name": "sl",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "3"
                  ]
                },
                {
                  "name": "tm",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "4"
                  ]
                },
                {
                  "name": "dialog",
                  "standing": "not offered",
                  "why": "a module of OpenSIPS",
                  "places": [
                    "5"
                  ]
                }
              ],
              "globalParameters": [
                {
                  "name": "socket",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "1"
                  ]
                }
              ],
              "moduleParameters": [
                {
                  "name": "tm:fr_timeout",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "6"
                  ]
                },
                {
                  "name": "dialog:db_mode",
                  "standing": "not offered",
                  "why": "the module dialog is not offered",
                  "places": [
                    "7"
                  ]
                }
              ],
              "functions": [
                {
                  "name": "t_relay",
                  "standing": "offered",
                  "why": null,
                  "places": [
                    "9"
                  ]
                },
                {
                  "name": "create_dialog",
                  "standing": "not offered",
                  "why": "of module dialog",
                  "places": [
                    "11"
                  ]
                },
                {
                  "name": "sl_send_repl",
                  "standing": "not offered",
                  "why": "OpenSIPS has no such name",
                  "places": [
                    "12"
                  ]
                }
              ],
              "variables": [],
              "transformations": [],
              "routes": [
                {
                  "route": "route",
                  "place": "8",
                  "leadsTo": [],
                  "unreached": false
                }
              ],status 0
        "#]],
    );
}

#[test]
fn every_command_says_how_it_is_used() {
    let said = |arguments: &[&str]| {
        let output = tandem(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = said(&["-h"]);
    assert_eq!(said(&["help"]), whole);
    assert_eq!(said(&["--help"]), whole);
    for (command, options) in [
        ("check", &["-p", "-o", "--json", "--listing"][..]),
        ("explain", &["-p", "-o", "--json", "--all"]),
        ("test", &["--update", "--coverage", "--json"]),
        (
            "mi",
            &["-f", "-p", "--fifo", "--reply-dir", "--timeout", "--json"],
        ),
    ] {
        let own = said(&[command, "--help"]);
        assert_eq!(said(&[command, "-h"]), own);
        assert_eq!(said(&["help", command]), own);
        for option in options {
            let line = format!("\n  {option}");
            assert!(
                own.contains(&line) || own.contains(&format!(", {option} ")),
                "{command} {option}: {own}"
            );
        }
        let (_, of_it) = whole.split_once(&format!("\n  tandem {command} ")).unwrap();
        let usage = of_it.split("\n  tandem").next().unwrap();
        for option in options {
            assert!(usage.contains(option), "{command} {option}: {whole}");
        }
    }
    check(
        &["check", "-h"],
        expect![[r#"
            tandem check: all that is wrong with a script.

              tandem check FILE [-p COMMAND] [-o NAME[=VALUE]] [--json] [--listing]

              FILE, -f FILE      the routing script (`-`: standard input)
              -p COMMAND         send the script through this command first: -p m4; no shell
              -o NAME[=VALUE]    a value for $argv(NAME); repeatable
              --json             one JSON document of all findings
              --listing          print the compiled program of a script that is correct
              -h, --help         this help
            status 0
        "#]],
    );
    check(
        &["mi", "-h"],
        expect![[r#"
            tandem mi: a management command for the server that runs here.

              tandem mi [-f FILE [-p COMMAND]] [--fifo PATH] [--reply-dir DIR] [--timeout SECONDS] [--json]
                        CMD [VALUE...|NAME=VALUE...]

              CMD                the command: `which` lists them; what follows it is the command's own
              -f FILE            the server's script, which says where its FIFO and its reply directory are
              -p COMMAND         send the script through this command first: -p m4; no shell
              --fifo PATH        the server's FIFO; without it and without -f /tmp/opensips_fifo
              --reply-dir DIR    where the server writes its answer; without it and without -f /tmp/
              --timeout SECONDS  how long to wait for the answer, 1 to 3600; without it 10
              --json             the answer on one line, as JSON
              -h, --help         this help
            status 0
        "#]],
    );
}

#[test]
fn what_never_ends_is_not_read() {
    let fifo = file("lock", b"").with_file_name("fifo.cfg");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    // Nobody writes there: who opens it waits.
    for (path, why) in [
        ("fifo.cfg", "it is a FIFO, not a file"),
        ("/dev/zero", "it is a device, not a file"),
    ] {
        let said = tandem(&["check", path]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(why), "{path}: {said}");
    }
    file("deep.cfg", b"include_file \"fifo.cfg\"\nroute { exit; }\n");
    let said = tandem(&["check", "deep.cfg"]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("it is a FIFO, not a file"), "{said}");
    // Three gigabytes of nothing, on standard input as well.
    let big = file("big.cfg", b"");
    std::fs::File::options()
        .write(true)
        .open(&big)
        .unwrap()
        .set_len(3 << 30)
        .unwrap();
    for (path, input) in [
        ("big.cfg", "/dev/null"),
        ("-", "/dev/zero"),
        ("/dev/stdin", "/dev/zero"),
    ] {
        let said = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .args(["check", path])
            .current_dir(big.parent().unwrap())
            .stdin(std::fs::File::open(input).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains("more than 4194304 bytes"), "{path}: {said}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let script = file("full.cfg", b"route { exit; }\n");
    let script = script.to_str().expect("a path");
    let test = file("full.test", b"script full.cfg\n");
    let test = test.to_str().expect("a path");
    for (arguments, expected) in [
        (&["check", script][..], 1),
        (&["check", "--json", script], 1),
        (&["explain", script], 1),
        (&["test", test], 2),
        (&["-c", "-f", script], 1),
        (&["--help"], 1),
        (&["check", "--help"], 1),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .args(arguments)
            .stdout(full.expect("Linux has it"))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{arguments:?}: {said}"
        );
        assert!(said.contains("cannot write to standard output"), "{said}");
    }
}

#[test]
fn both_ways_to_check_a_script_praise_it_alike() {
    let script = file("praised.cfg", b"route { exit; }\n");
    let script = script.to_str().expect("a path");
    let said = |arguments: &[&str]| {
        let output = tandem(arguments);
        assert!(output.status.success());
        assert!(output.stderr.is_empty());
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(
        said(&["check", script]),
        format!("{script}: config file ok\n")
    );
    assert_eq!(said(&["-c", "-f", script]), said(&["check", script]));
}
