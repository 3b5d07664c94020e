//! A new script for a server that runs: by command and by signal, whole or not at all.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "peers are real sockets"
)]

mod support;

use std::time::{Duration, Instant};

use support::{Folder, Peer, Server, WITHIN, request};

fn script(folder: &Folder, route: &str) -> String {
    let path = folder.path().display();
    format!(
        "loadmodule \"proto_udp.so\"\nloadmodule \"sl.so\"\nloadmodule \"mi_fifo.so\"\n\
         modparam(\"mi_fifo\", \"fifo_name\", \"{path}/fifo\")\nmodparam(\"mi_fifo\", \"reply_dir\", \"{path}\")\n\
         {route}\n"
    )
}

fn answering(text: &str) -> String {
    format!("route {{ sl_send_reply(200, \"{text}\"); }}")
}

/// A server of two shards, and where its script is.
fn serve(route: &str) -> (Server, std::path::PathBuf) {
    serve_with(route, &["--shards", "2"])
}

fn serve_with(route: &str, options: &[&str]) -> (Server, std::path::PathBuf) {
    let folder = Folder::new();
    let path = folder.file("test.cfg", &script(&folder, route));
    let mut command = support::tandem();
    command.arg("-f").arg(&path).args(["-l", "udp:127.0.0.1:0"]);
    let server = Server::spawn(command, options, folder);
    (server, path)
}

/// The reasons of the answers to sixteen calls, which both shards get some of.
fn reasons(server: &Server, round: u32) -> Vec<String> {
    let mut peer = Peer::udp(server.udp());
    let mut all: Vec<String> = (0..16)
        .map(|number| {
            let call_id = format!("call-{round}-{number}");
            let text = request(&peer, "OPTIONS", "sip:127.0.0.1", &call_id, 1, "");
            peer.send(&text);
            let answer = peer.receive();
            answer.lines().next().unwrap_or_default()[8..].to_owned()
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn reload(server: &Server) -> String {
    server.manage(r#"{"jsonrpc":"2.0","method":"reload_routes","id":1}"#)
}

#[test]
fn every_shard_runs_the_new_script_or_all_the_old_one() {
    let (server, path) = serve(&answering("One"));
    let folder = path.parent().unwrap();
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    let of = |route: &str| {
        std::fs::read_to_string(&path)
            .unwrap()
            .split("route")
            .next()
            .unwrap()
            .to_owned()
            + route
    };
    assert_eq!(reasons(&server, 1), ["200 One"]);

    write(&of(&answering("Two")));
    assert_eq!(reload(&server), r#"{"jsonrpc":"2.0","result":"OK","id":1}"#);
    assert_eq!(reasons(&server, 2), ["200 Two"]);

    let good = std::fs::read_to_string(&path).unwrap();
    for (broken, word) in [
        (
            of("route { sl_send_repli(200, \"Three\"); }"),
            "sl_send_repli",
        ),
        (of("route { sl_send_reply(200, \"Three\")"), "parse error"),
        (format!("loadmodule \"maxfwd\"\n{good}"), "maxfwd"),
        (String::new(), "no main `route` any more"),
    ] {
        write(&broken);
        let answer = reload(&server);
        assert!(
            answer.contains("\"code\":500") && answer.contains(word),
            "{answer}"
        );
        assert_eq!(reasons(&server, 3 + broken.len() as u32), ["200 Two"]);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(reload(&server).contains("test.cfg"));
    assert_eq!(reasons(&server, 1000), ["200 Two"]);

    // What stands outside the routes waits for a restart, and the log says so.
    write(&format!("log_level=4\n{good}"));
    let answer = reload(&server);
    assert!(
        answer.contains("OK: outside the routes nothing changes before a restart: log_level"),
        "{answer}"
    );
    let error = server.error();
    assert!(
        error.contains("nothing changes before a restart: log_level"),
        "{error}"
    );
    assert!(error.contains("the script is replaced"), "{error}");
    assert!(folder.exists());
    server.stop();
}

#[test]
fn what_only_the_command_line_says_is_no_change_of_the_script() {
    let (server, _) = serve_with(&answering("One"), &["--shards", "1", "-d"]);
    assert_eq!(reload(&server), r#"{"jsonrpc":"2.0","result":"OK","id":1}"#);
    server.stop();
}

#[test]
fn a_hangup_reads_the_script_again() {
    let (server, path) = serve(&answering("One"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("One", "Two")).unwrap();
    server.signal("-HUP");
    let begun = Instant::now();
    let mut round = 0;
    while reasons(&server, round) != ["200 Two"] {
        assert!(begun.elapsed() < WITHIN, "{}", server.error());
        std::thread::sleep(Duration::from_millis(20));
        round += 1;
    }
    server.stop();
}

#[test]
fn the_built_in_script_cannot_be_read_again() {
    let server = Server::built_in(&["-l", "udp:127.0.0.1:0", "--shards", "1"]);
    server.signal("-HUP");
    let begun = Instant::now();
    while !server
        .error()
        .contains("built-in script, which never changes")
    {
        assert!(begun.elapsed() < WITHIN, "{}", server.error());
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stop();
}
