//! What a test file can get wrong, what is said then, and the page that explains the format.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use sim::rehearsal::rehearse;

const SCRIPT: &str = "\
socket=udp:10.0.0.100:5060
loadmodule \"proto_udp.so\"
loadmodule \"signaling.so\"
loadmodule \"sl.so\"
route {
	$var(x) = 1;
	sl_send_reply(200, \"OK\");
}
";

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn complains(name: &str, test: &str, expected: Expect) {
    let folder = folder(
        name,
        &[
            ("a.cfg", SCRIPT),
            ("broken.cfg", "route { nothing(); }\n"),
            ("a.test", test),
        ],
    );
    let fault = rehearse(&folder.join("a.test")).unwrap_err();
    let text = fault
        .to_string()
        .replace(&format!("{}/", folder.display()), "");
    expected.assert_eq(&text);
}

#[test]
fn an_unknown_step_is_shown_with_what_was_meant() {
    complains(
        "step",
        "script a.cfg\npeer alice 10.0.0.1\nwiat 5s\n",
        expect![[r#"
            a.test:3:1: `wiat` is neither a step nor a peer
                3 | wiat 5s
                  | ^^^^ did you mean `wait`?
        "#]],
    );
}

#[test]
fn a_peer_that_is_not_declared_is_named() {
    complains(
        "peer",
        "script a.cfg\npeer alice 10.0.0.1\ncarol > OPTIONS sip:x@y\n",
        expect![[r#"
            a.test:3:1: no peer is called `carol`
                3 | carol > OPTIONS sip:x@y
                  | ^^^^^ declare it in the head: peer carol 10.0.0.2
        "#]],
    );
}

#[test]
fn a_missing_script_is_said_where_it_is_named() {
    complains(
        "missing",
        "script none.cfg\npeer alice 10.0.0.1\n",
        expect![[r#"
            a.test:1:8: cannot read the script none.cfg: No such file or directory (os error 2)
                1 | script none.cfg
                  |        ^^^^^^^^ it is looked for beside the test
        "#]],
    );
}

#[test]
fn a_script_with_errors_shows_the_compilers_words() {
    complains(
        "errors",
        "script broken.cfg\npeer alice 10.0.0.1\n",
        expect![[r#"
            a.test:1:8: the script has errors
                1 | script broken.cfg
                  |        ^^^^^^^^^^
            parse error in broken.cfg:1:9-16: `nothing` is not offered by any loaded module
                1 | route { nothing(); }
                  |         ^~~~~~~ unknown command: is a loadmodule missing?
                2 |
            1 error
        "#]],
    );
}

#[test]
fn what_is_watched_has_to_exist() {
    complains(
        "watch",
        "script a.cfg\nwatch $var(x) $nothing(y)\npeer alice 10.0.0.1\n",
        expect![[r#"
            a.test:2:15: unknown variable `$nothing`
                2 | watch $var(x) $nothing(y)
                  |               ^^^^^^^^^^^ what is watched is written as in the script
        "#]],
    );
}

#[test]
fn a_request_in_a_dialog_needs_one() {
    complains(
        "dialog",
        "script a.cfg\npeer alice 10.0.0.1\nalice > BYE\n",
        expect![[r#"
            a.test:3:1: alice has no call to send BYE in
                3 | alice > BYE
                  | ^^^^^^^^^^^ a call begins with `PEER > INVITE sip:...`, or when an INVITE arrives at the peer
        "#]],
    );
}

#[test]
fn the_head_stands_above_the_steps() {
    complains(
        "head",
        "script a.cfg\npeer alice 10.0.0.1\nwait 1s\nshards 2\n",
        expect![[r#"
            a.test:4:1: `shards` belongs to the head
                4 | shards 2
                  | ^^^^^^ write it above the first step
        "#]],
    );
}

#[test]
fn a_time_has_its_unit_and_a_reply_its_code() {
    complains(
        "time",
        "script a.cfg\npeer bob 10.0.0.1\nbob answers with 180 after 3\n",
        expect![[r#"
            a.test:3:28: `3` is no time
                3 | bob answers with 180 after 3
                  |                            ^ a number with its unit: 200ms, 5s, 2m, 1h
        "#]],
    );
    complains(
        "code",
        "script a.cfg\npeer bob 10.0.0.1\nbob answers with busy\n",
        expect![[r#"
            a.test:3:18: `busy` is no status code
                3 | bob answers with busy
                  |                  ^^^^ `answers [METHOD] with 180 after 1s, 200 OK after 3s`; `then with 503` for the next request
        "#]],
    );
}

#[test]
fn a_test_without_a_line_expects_nothing_and_fails() {
    let test =
        "script a.cfg\npeer alice 10.0.0.1\nwatch $var(x)\nalice > OPTIONS sip:x@10.0.0.100\n";
    let folder = folder("update", &[("a.cfg", SCRIPT), ("a.test", test)]);
    let played = rehearse(&folder.join("a.test")).unwrap();
    assert!(!played.passed() && played.expected.is_none());
    expect![[r#"
        script a.cfg
        peer alice 10.0.0.1
        watch $var(x)
        alice > OPTIONS sip:x@10.0.0.100
        ---
        alice > OPTIONS sip:x@10.0.0.100
               0ms  alice  > tandem  OPTIONS sip:x@10.0.0.100
              10ms  tandem > alice   200 OK (OPTIONS)
                    $var(x) = 1
    "#]]
    .assert_eq(&played.updated);
    fs::write(folder.join("a.test"), &played.updated).unwrap();
    assert!(rehearse(&folder.join("a.test")).unwrap().passed());
}

#[test]
fn the_example_of_the_page_is_what_happens() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing-scripts.md");
    let page = fs::read_to_string(page).unwrap();
    let block = |kind: &str| {
        let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let folder = folder(
        "page",
        &[
            ("office.cfg", &block("opensips")),
            ("office.test", &block("test")),
        ],
    );
    let played = rehearse(&folder.join("office.test")).unwrap();
    assert_eq!(played.expected.as_deref(), Some(played.actual.as_str()));
    assert!(played.passed());
}
