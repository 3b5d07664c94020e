//! What an operator gets wrong, and what the command says about it: one line, no socket, no thread.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "peers are real sockets"
)]

mod support;

use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{ECHO, Folder, Peer, Server, request, run, tandem};

/// Runs with these options; it has to fail without a word on standard output.
fn fails(options: &[&str]) -> String {
    let mut command = tandem();
    command.args(options);
    let said = run(command);
    assert!(
        !said.status.success() && said.out.is_empty(),
        "{} {}",
        said.out,
        said.error
    );
    said.error
}

fn one_line(error: &str) {
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("tandem: "), "{error}");
}

#[test]
fn a_port_of_another_tandem_is_refused_although_it_would_share() {
    let server = Server::start(ECHO, &["--shards", "2"]);
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    for place in [
        format!("udp:{}", server.udp()),
        format!("tcp:{}", server.tcp()),
    ] {
        let script = script.to_str().unwrap();
        let error = fails(&["-F", "-f", script, "--shards", "2", "-l", &place]);
        one_line(&error);
        assert!(
            error.contains(&format!(
                "cannot listen on {place}: another program has this port"
            )),
            "{error}"
        );
    }
    // The first one does not lose a datagram over it.
    let mut peer = Peer::udp(server.udp());
    let text = request(&peer, "OPTIONS", "sip:127.0.0.1", "still", 1, "");
    peer.send(&text);
    assert!(peer.receive().starts_with("SIP/2.0 200"));
}

#[test]
fn a_port_of_any_program_is_refused() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let script = script.to_str().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = format!("udp:{}", udp.local_addr().unwrap());
    one_line(&fails(&["-F", "-f", script, "-l", &place]));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("tcp:{}", tcp.local_addr().unwrap());
    one_line(&fails(&["-F", "-f", script, "-l", &place]));
}

#[test]
fn an_address_that_is_not_here_is_refused() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let error = fails(&[
        "-F",
        "-f",
        script.to_str().unwrap(),
        "-l",
        "udp:203.0.113.7:5060",
    ]);
    one_line(&error);
    assert!(error.contains("this host has no such address"), "{error}");
}

#[test]
fn a_script_error_is_said_with_its_place_before_any_socket_opens() {
    // The port is taken: whoever tried to open it would say so.
    let taken = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let _taken = UdpSocket::bind(taken).unwrap();
    let folder = Folder::new();
    let script = ECHO
        .replace("sl_send_reply(200", "sl_send_repl(200")
        .replace("exit;", "exit\n");
    let text = format!("socket=udp:{taken}\n{script}");
    let script = folder.file("broken.cfg", &text);
    let error = fails(&["-F", "-f", script.to_str().unwrap()]);
    assert!(error.contains("broken.cfg:"), "{error}");
    assert!(error.contains("parse error"), "{error}");
    assert!(!error.contains("cannot listen"), "{error}");
}

#[test]
fn checking_says_whether_the_script_is_correct_and_opens_nothing() {
    let folder = Folder::new();
    let good = folder.file("good.cfg", &format!("socket=udp:203.0.113.7:5060\n{ECHO}"));
    for option in ["-c", "-C"] {
        let mut command = tandem();
        command.arg(option).arg("-f").arg(&good);
        let said = run(command);
        assert!(said.status.success(), "{}", said.error);
    }
    let bad = folder.file("bad.cfg", "route { nonsense(); }");
    fails(&["-c", "-f", bad.to_str().unwrap()]);
    let error = fails(&["-c", "-f", "/nonexistent/tandem.cfg"]);
    assert!(error.contains("/nonexistent/tandem.cfg"), "{error}");
}

#[test]
fn the_command_line_is_checked() {
    for (options, says) in [
        (&["--nonsense"][..], "tandem -h"),
        (&["--shards", "0"], "--shards is a number from 1 to 1024"),
        (&["-p", "m4"], "there is no -f FILE"),
        (&["-F", "-l", "nonsense:"], "-l nonsense:"),
        (&["-F", "-l", "udp:127.0.0.1:99999"], "`99999` is no port"),
        (&["-F", "-l", "tcp:[::1]:sip"], "`sip` is no port"),
        (&["-c", "--shards", "999"], "999 shards are too many"),
        (&["-F", "--tuning", "/nonexistent"], "--tuning /nonexistent"),
    ] {
        let error = fails(options);
        assert!(error.contains(says), "{options:?}: {error}");
    }
}

#[test]
fn a_tuning_profile_with_mistakes_is_refused_with_their_lines() {
    let folder = Folder::new();
    let profile = folder.file("my.toml", "shards = 2\nspin = 5\n");
    let error = fails(&["-F", "--tuning", profile.to_str().unwrap()]);
    assert!(
        error.contains("my.toml:2:1: there is no `spin`; did you mean `spin_us`?\n    2 | spin = 5\n      | ^^^^\n"),
        "{error}"
    );
    let profile = folder.file("cores.toml", "cores = [4095]\n");
    let error = fails(&["-c", "--tuning", profile.to_str().unwrap()]);
    assert!(
        error.contains("cores.toml:1:9: `cores`: there is no core 4095 here; there are [0"),
        "{error}"
    );
}

#[test]
fn a_node_that_is_not_there_and_steering_of_no_kind_are_refused() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let script = script.to_str().unwrap();
    for (text, says, lines) in [
        ("numa_nodes = [99]\n", "there is no node 99", 1),
        // With the line of the profile, and where in it.
        ("steering = \"fast\"\n", "my.toml:1:12: `steering`", 3),
    ] {
        let profile = folder.file("my.toml", text);
        let profile = profile.to_str().unwrap();
        let error = fails(&[
            "-F",
            "-f",
            script,
            "-l",
            "udp:127.0.0.1:0",
            "--tuning",
            profile,
        ]);
        assert_eq!(error.lines().count(), lines, "{error}");
        assert!(error.starts_with("tandem: "), "{error}");
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn more_shards_than_the_cores_can_use_are_refused_before_anything_starts() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let script = script.to_str().unwrap();
    let profile = folder.file("many.toml", "shards = 1024\n");
    let profile = profile.to_str().unwrap();
    for options in [
        &["-F", "-f", script, "--shards", "999"][..],
        &["-c", "-f", script, "--shards", "999"],
        &["-c", "-f", script, "--tuning", profile],
    ] {
        let error = fails(options);
        one_line(&error);
        assert!(error.contains("at most 8 shards a core"), "{error}");
    }
}

#[test]
fn too_few_open_files_are_one_line_with_what_to_do() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let mut command = Command::new("prlimit");
    command
        .args(["--nofile=20:20", env!("CARGO_BIN_EXE_tandem"), "-F", "-f"])
        .arg(script);
    command
        .args(["-l", "udp:127.0.0.1:0", "--shards", "2"])
        .stdin(Stdio::null());
    let said = run(command);
    assert!(!said.status.success());
    one_line(&said.error);
    assert!(
        said.error.contains("may have 20 files open") && said.error.contains("ulimit -n"),
        "{}",
        said.error
    );
}

#[test]
fn a_script_without_a_main_route_is_warned_of_by_checking_as_well() {
    let folder = Folder::new();
    for text in ["", "loadmodule \"proto_udp.so\"\nroute[x] { exit; }\n"] {
        let script = folder.file("none.cfg", text);
        let mut command = tandem();
        command.args(["-c", "-f"]).arg(script);
        let said = run(command);
        assert!(said.status.success(), "{}", said.error);
        assert!(
            said.error.contains("there is no main `route`"),
            "{}",
            said.error
        );
    }
}

#[test]
fn version_help_and_script_are_printed() {
    for (option, says) in [
        ("-V", "Tandem 0."),
        ("-h", "--shards"),
        ("--print-script", "route {"),
    ] {
        let mut command = tandem();
        command.arg(option);
        let said = run(command);
        assert!(
            said.status.success() && said.out.contains(says),
            "{}{}",
            said.out,
            said.error
        );
    }
}

#[test]
fn in_the_background_the_first_process_ends_when_the_other_serves() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let pid_file = folder.path().join("pid");
    let mut command = tandem();
    command.arg("-f").arg(&script).arg("-P").arg(&pid_file);
    command
        .arg("-w")
        .arg(folder.path())
        .args(["-l", "udp:127.0.0.1:0", "--shards", "1"]);
    // The child keeps no pipe of ours.
    let said = run(command);
    assert!(said.status.success(), "{}", said.error);
    let pid = std::fs::read_to_string(&pid_file)
        .unwrap()
        .trim()
        .to_owned();
    let address = said
        .out
        .split_whitespace()
        .find_map(|word| word.strip_prefix("udp:"))
        .unwrap();
    let mut peer = Peer::udp(address.parse().unwrap());
    let text = request(&peer, "OPTIONS", "sip:127.0.0.1", "background", 1, "");
    peer.send(&text);
    let answer = peer.receive();
    let kill = |signal: &str| {
        let mut kill = Command::new("kill");
        kill.args([signal, &pid])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(kill("-TERM"));
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    let gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !kill("-0")
    });
    assert!(gone, "it did not stop within 2 s");
    assert!(!pid_file.exists());
}

#[test]
fn the_pid_file_of_a_running_server_is_left_alone() {
    let folder = Folder::new();
    let pid_file = folder.path().join("pid");
    // A server that was killed left this one.
    std::fs::write(&pid_file, "999999999\n").unwrap();
    let options = ["--shards", "1", "-P", pid_file.to_str().unwrap()];
    let server = Server::start(ECHO, &options);
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    assert_ne!(pid, "999999999\n");
    let script = folder.file("echo.cfg", ECHO);
    let error = fails(&[
        "-F",
        "-f",
        script.to_str().unwrap(),
        "-l",
        "udp:127.0.0.1:0",
        "-P",
        pid_file.to_str().unwrap(),
    ]);
    assert!(error.contains("the pid file of another Tandem"), "{error}");
    assert_eq!(std::fs::read_to_string(&pid_file).unwrap(), pid);
    server.stop();
    assert!(!pid_file.exists());
}

#[test]
fn in_the_background_a_failure_is_the_exit_status() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let error = fails(&["-f", script.to_str().unwrap(), "-l", "udp:203.0.113.7:5060"]);
    assert!(error.contains("this host has no such address"), "{error}");
}

#[test]
fn too_little_locked_memory_for_io_uring_is_one_line_with_what_to_do() {
    let folder = Folder::new();
    let script = folder.file("echo.cfg", ECHO);
    let mut command = Command::new("prlimit");
    command
        .args([
            "--memlock=4096:4096",
            env!("CARGO_BIN_EXE_tandem"),
            "-F",
            "-f",
        ])
        .arg(script);
    command.args(["-l", "udp:127.0.0.1:0"]).stdin(Stdio::null());
    let said = run(command);
    assert!(!said.status.success());
    one_line(&said.error);
    assert!(
        said.error
            .contains("may lock 4 KiB of memory, and io_uring needs 512"),
        "{}",
        said.error
    );
}

#[test]
fn a_parameter_that_does_nothing_is_said_to() {
    let folder = Folder::new();
    let script = folder.file(
        "some.cfg",
        &format!("rev_dns = yes\nauto_aliases = no\ndns = yes\n{ECHO}"),
    );
    let mut command = tandem();
    command.args(["-C", "-f", script.to_str().unwrap()]);
    let said = run(command);
    assert!(said.status.success(), "{}", said.error);
    let warnings: Vec<_> = said
        .error
        .lines()
        .filter(|line| line.starts_with("warning"))
        .map(|line| line.split_once(": ").map_or(line, |(_, reason)| reason))
        .collect();
    assert_eq!(
        warnings,
        [
            "`rev_dns` has no effect: here it is always 0",
            "`dns` has no effect: here it is always 0",
        ]
    );
}

/// The script as the preprocessor made it is what is read; what is wrong is shown where it was written.
#[test]
fn a_script_goes_through_the_preprocessor() {
    let folder = Folder::new();
    let script = folder.file(
        "sed.cfg",
        "loadmodule \"proto_udp.so\"\nsocket=udp:127.0.0.1:5060\nroute {\n  WORD;\n}\n",
    );
    let script = script.to_str().unwrap();
    let with = |preprocessor: &str| {
        let mut command = tandem();
        command.args(["-C", "-f", script, "-p", preprocessor]);
        run(command)
    };
    let said = with("sed s/WORD/exit/");
    assert!(said.status.success(), "{}", said.error);

    let said = with("sed s/WORD/frob()/");
    assert!(!said.status.success());
    assert!(said.error.contains("sed.cfg:4:3"), "{}", said.error);
    assert!(said.error.contains("4 |   frob();"), "{}", said.error);

    let error = with("no-such-command").error;
    assert!(error.contains("cannot run `no-such-command`"), "{error}");
    let error = with("sed --no-such-option").error;
    assert!(
        error.contains("the preprocessor failed: `sed --no-such-option`: exit status"),
        "{error}"
    );
    let error = with("sed s/.*//").error;
    assert!(error.contains("main `route`"), "{error}");
}
