//! `tandem mi`: commands for a server that runs, from the shell.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the peer is a real server"
)]

mod support;

use std::path::Path;

use expect_test::{Expect, expect};
use support::{ECHO, Folder, Server};

const CFGUTILS: &str =
    "loadmodule \"cfgutils.so\"\nmodparam(\"cfgutils\", \"shvset\", \"count=i:5\")\n";

fn serve() -> Server {
    let folder = Folder::new();
    let path = folder.path().display().to_string();
    let script = folder.file(
        "test.cfg",
        &format!(
            "{ECHO}\n{CFGUTILS}loadmodule \"mi_fifo.so\"\nmodparam(\"mi_fifo\", \"fifo_name\", \"{path}/fifo\")\n\
             modparam(\"mi_fifo\", \"reply_dir\", \"{path}\")\n"
        ),
    );
    let mut command = support::tandem();
    command
        .arg("-f")
        .arg(script)
        .args(["-l", "udp:127.0.0.1:0"]);
    Server::spawn(command, &["--shards", "2"], folder)
}

fn mi(folder: &Path, words: &str) -> support::Said {
    let mut command = support::tandem();
    command.arg("mi").arg("--fifo").arg(folder.join("fifo"));
    command.arg("--reply-dir").arg(folder);
    command.args(words.split_whitespace());
    support::run(command)
}

/// What a command prints, and its status where it is not success.
fn check(folder: &Path, words: &str, expected: Expect) {
    let said = mi(folder, words);
    let mut text = said.out + &said.error.replace(&folder.display().to_string(), "DIR");
    if !said.status.success() {
        text += &format!("{}\n", said.status);
    }
    expected.assert_eq(&text);
}

#[test]
fn a_command_of_the_shell_asks_all_shards_under_every_name() {
    let server = serve();
    let folder = server.folder();
    check(
        folder,
        "--json shv_get count",
        expect![[r#"
        [{"name":"count","value":5}]
    "#]],
    );
    check(
        folder,
        "cfgutils:shv_set name=count type=int value=8",
        expect![[r#"
            OK
        "#]],
    );
    check(
        folder,
        "shv_get name=count",
        expect![[r#"
        [
          {
            "name": "count",
            "value": 8
          }
        ]
    "#]],
    );
    check(
        folder,
        "--json get_statistics core:rcv_requests sl:2xx_replies",
        expect![[r#"
            {"core:rcv_requests":0,"sl:2xx_replies":0}
        "#]],
    );
    check(
        folder,
        "--json statistics:get sl:2xx_replies",
        expect![[r#"
            {"sl:2xx_replies":0}
        "#]],
    );
    check(
        folder,
        "log_level 4",
        expect![[r#"
        {
          "New Log level": 4
        }
    "#]],
    );
    check(
        folder,
        "reload_routes",
        expect![[r#"
        OK
    "#]],
    );
    let which = mi(folder, "which").out;
    for name in [
        "ps",
        "core:ps",
        "reload_routes",
        "core:reload_routes",
        "cfgutils:shv_get",
        "statistics:list",
    ] {
        assert!(which.contains(&format!("\"{name}\"")), "{name}: {which}");
    }
    assert!(mi(folder, "version").out.contains("Tandem"));
    assert!(mi(folder, "ps").out.contains("shard 1"));
    // Nothing of ours stays behind.
    let left: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("tandem_mi"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    server.stop();
}

#[test]
fn what_goes_wrong_is_one_line_and_a_status() {
    let server = serve();
    let folder = server.folder();
    check(
        folder,
        "no_such_command",
        expect![[r#"
        tandem: no_such_command: -32601 Method not found
        exit status: 1
    "#]],
    );
    check(
        folder,
        "shv_get nothing=x",
        expect![[r#"
            tandem: shv_get: -32602 Invalid params: there is no parameter `nothing`
            exit status: 1
        "#]],
    );
    check(
        folder,
        "shv_set count type=int",
        expect![[r#"
        tandem: `count` has no name, others have; name all parameters or none
        exit status: 1
    "#]],
    );
    check(
        folder,
        "",
        expect![[r#"
        tandem: which command? `tandem mi which` lists them
        exit status: 1
    "#]],
    );
    let empty = Folder::new();
    check(
        empty.path(),
        "ps",
        expect![[r#"
        tandem: DIR/fifo: there is no such pipe. Does a server run, and does its script load mi_fifo? Say where with --fifo, or with -f and its script.
        exit status: 1
    "#]],
    );
    empty.file("fifo", "a file");
    check(
        empty.path(),
        "ps",
        expect![[r#"
        tandem: DIR/fifo: it is not a pipe.
        exit status: 1
    "#]],
    );
    server.stop();
}
