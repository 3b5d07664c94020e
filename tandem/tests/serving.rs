//! A server that runs: messages in and out over both transports, between shards, and its end.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "peers are real sockets"
)]

mod support;

use std::net::{TcpListener, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use support::{ECHO, Peer, RELAY, Server, header, number_before, request, response};

#[test]
fn options_are_answered_over_udp_and_tcp() {
    let server = Server::start(ECHO, &["--shards", "1"]);
    for mut peer in [Peer::udp(server.udp()), Peer::tcp(server.tcp())] {
        let text = request(&peer, "OPTIONS", "sip:127.0.0.1", "one", 1, "");
        peer.send(&text);
        let answer = peer.receive();
        assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
        assert_eq!(header(&answer, "Call-ID").as_deref(), Some("one"));
    }
}

#[test]
fn a_failed_assertion_ends_the_process_when_the_script_wants_it() {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    let script = r#"
        enable_asserts = yes
        abort_on_assert = yes
        loadmodule "proto_udp.so"
        loadmodule "proto_tcp.so"
        loadmodule "sl.so"
        route {
            assert($rm != "MESSAGE", "no messages here");
            sl_send_reply(200, "OK");
        }
    "#;
    let server = Server::start(script, &["--shards", "2"]);
    let mut peer = Peer::udp(server.udp());
    peer.send(&request(&peer, "OPTIONS", "sip:127.0.0.1", "one", 1, ""));
    assert!(peer.receive().starts_with("SIP/2.0 200 OK"));
    peer.send(&request(&peer, "MESSAGE", "sip:127.0.0.1", "two", 1, ""));
    let (status, error) = server.ended();
    assert_eq!(status.signal(), Some(SIGABRT), "{status}: {error}");
    assert!(error.contains("no messages here"), "{error}");
}

#[test]
fn ipv6_is_served_as_well() {
    if UdpSocket::bind("[::1]:0").is_err() {
        // A machine without IPv6 has nothing to serve.
        return;
    }
    let folder = support::Folder::new();
    let script = folder.file("test.cfg", ECHO);
    let mut command = support::tandem();
    command
        .arg("-f")
        .arg(script)
        .args(["-l", "udp:[::1]:0", "-l", "tcp:[::1]:0"]);
    let server = Server::spawn(command, &["--shards", "2"], folder);
    for mut peer in [Peer::udp(server.udp()), Peer::tcp(server.tcp())] {
        for number in 0..8 {
            let text = request(
                &peer,
                "OPTIONS",
                "sip:[::1]",
                &format!("six-{number}"),
                1,
                "",
            );
            peer.send(&text);
            assert!(peer.receive().starts_with("SIP/2.0 200"));
        }
    }
}

#[test]
fn it_is_ready_in_well_under_half_a_second_and_says_what_a_person_needs() {
    // The best of a few: others may be busy on this machine.
    let mut server = Server::start(ECHO, &["--shards", "2"]);
    for _ in 0..9 {
        if server.ready_after < Duration::from_millis(500) {
            break;
        }
        server = Server::start(ECHO, &["--shards", "2"]);
    }
    assert!(
        server.ready_after < Duration::from_millis(500),
        "{:?}",
        server.ready_after
    );
    for word in [
        "ready",
        "udp:127.0.0.1:",
        "tcp:127.0.0.1:",
        "2 shards",
        "steering",
        "test.cfg",
        "kill",
    ] {
        assert!(
            server.banner.contains(word),
            "no `{word}` in\n{}",
            server.banner
        );
    }
}

#[test]
fn every_message_finds_its_owner_among_two_shards() {
    // By itself each peer is on one shard, and about half of its calls belong to the other; the best that the kernel
    // permits here hands over no more than that.
    finds_owners("mesh", 50..150);
    finds_owners("auto", 0..150);
}

fn finds_owners(steering: &str, expected: std::ops::Range<u64>) {
    let folder = support::Folder::new();
    let profile = folder.file("my.toml", &format!("steering = \"{steering}\"\n"));
    let profile = profile.to_str().unwrap();
    let server = Server::start(ECHO, &["--shards", "2", "--tuning", profile]);
    let mut peers = vec![Peer::udp(server.udp()), Peer::tcp(server.tcp())];
    for peer in &mut peers {
        for number in 0..100 {
            let call_id = format!("call-{number}");
            let text = request(peer, "OPTIONS", "sip:127.0.0.1", &call_id, 1, "");
            peer.send(&text);
            let answer = peer.receive();
            assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
            assert_eq!(header(&answer, "Call-ID"), Some(call_id));
        }
    }
    let (farewell, _) = server.stop();
    let handovers = number_before(&farewell, "handovers");
    assert!(expected.contains(&handovers), "{steering}: {farewell}");
    assert!(farewell.contains(", 0 dropped"), "{farewell}");
}

#[test]
fn a_large_datagram_is_not_cut() {
    let server = Server::start(ECHO, &["--shards", "2"]);
    let mut peer = Peer::udp(server.udp());
    let subject = format!("Subject: {}\r\n", "x".repeat(9_000));
    let text = request(&peer, "OPTIONS", "sip:127.0.0.1", "large", 1, &subject);
    peer.send(&text);
    assert!(peer.receive().starts_with("SIP/2.0 200"));
}

#[test]
fn a_request_leaves_by_tcp_when_it_should_and_the_answer_comes_back() {
    let server = Server::start(RELAY, &["--shards", "2"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut caller = Peer::udp(server.udp());
    let uri = format!(
        "sip:callee@{};transport=tcp",
        listener.local_addr().unwrap()
    );
    let mut callee: Option<Peer> = None;
    for number in 0..20 {
        let text = request(&caller, "OPTIONS", &uri, &format!("tcp-{number}"), 1, "");
        caller.send(&text);
        let callee = callee.get_or_insert_with(|| Peer::of(listener.accept().unwrap().0));
        let asked = callee.receive();
        assert!(asked.starts_with("OPTIONS "), "{asked}");
        callee.send(&response(&asked, "200 OK", ""));
        let answer = caller.receive_final();
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    }
    // One connection for both shards.
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "a second connection was opened");
    let (farewell, _) = server.stop();
    assert!(number_before(&farewell, "handovers") > 0, "{farewell}");
}

#[test]
fn a_branch_flag_forbids_a_new_connection_and_not_one_that_is_there() {
    let script = RELAY.replacen(
        "route {",
        r#"tcp_no_new_conn_bflag = NATED
        route {
            if ($rU == "behind") setbflag("NATED");"#,
        1,
    );
    let server = Server::start(&script, &["--shards", "2"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut caller = Peer::udp(server.udp());
    let ask = |caller: &mut Peer, user: &str, call_id: &str| {
        let uri = format!("sip:{user}@{address};transport=tcp");
        let text = request(caller, "OPTIONS", &uri, call_id, 1, "");
        caller.send(&text);
    };
    // Calls of either shard.
    for number in 0..8 {
        ask(&mut caller, "behind", &format!("before-{number}"));
        let answer = caller.receive_final();
        assert!(answer.starts_with("SIP/2.0 500"), "{answer}");
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "a connection was opened");
    listener.set_nonblocking(false).unwrap();
    ask(&mut caller, "open", "opens");
    let mut callee = Peer::of(listener.accept().unwrap().0);
    for number in 0..9 {
        let asked = callee.receive();
        callee.send(&response(&asked, "200 OK", ""));
        let answer = caller.receive_final();
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        if number < 8 {
            ask(&mut caller, "behind", &format!("after-{number}"));
        }
    }
}

#[test]
fn a_request_to_a_connection_that_came_uses_it() {
    let server = Server::start(RELAY, &["--shards", "2"]);
    let mut caller = Peer::udp(server.udp());
    // Several, so that connections and calls live on both shards.
    let mut callees: Vec<Peer> = (0..8).map(|_| Peer::tcp(server.tcp())).collect();
    for (number, callee) in callees.iter_mut().enumerate() {
        // It has spoken before, so the connection is accepted and known.
        callee.send("\r\n\r\n");
        if let Peer::Tcp(stream, _) = callee {
            let mut pong = [0; 2];
            std::io::Read::read_exact(stream, &mut pong).unwrap();
            assert_eq!(&pong, b"\r\n");
        }
        for call in 0..4 {
            let uri = format!("sip:callee@{};transport=tcp", callee.address());
            let text = request(
                &caller,
                "OPTIONS",
                &uri,
                &format!("in-{number}-{call}"),
                1,
                "",
            );
            caller.send(&text);
            let asked = callee.receive();
            callee.send(&response(&asked, "200 OK", ""));
            let answer = caller.receive_final();
            assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        }
    }
}

#[test]
fn a_closed_port_is_answered_at_once_whichever_shard_hears_of_it() {
    let server = Server::start(RELAY, &["--shards", "2"]);
    let mut caller = Peer::udp(server.udp());
    let gone = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone_tcp = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for number in 0..8 {
        for uri in [
            format!("sip:x@{gone}"),
            format!("sip:x@{gone_tcp};transport=tcp"),
        ] {
            let begun = std::time::Instant::now();
            let call_id = format!("gone-{number}-{}", uri.len());
            let text = request(&caller, "INVITE", &uri, &call_id, 1, "");
            caller.send(&text);
            let answer = caller.receive_final();
            // RFC 3261 §16.9: as if it had been answered 503, which goes back as 500 (§16.7 step 6).
            assert!(answer.starts_with("SIP/2.0 500"), "{answer}");
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{uri}: {:?}",
                begun.elapsed()
            );
            let ack = request(&caller, "ACK", &uri, &call_id, 1, "");
            caller.send(&ack.replace("-1-ACK", "-1-INVITE"));
        }
    }
}

#[test]
fn it_stops_within_two_seconds_idle_and_busy() {
    for busy in [false, true] {
        let server = Server::start(ECHO, &["--shards", "2"]);
        let mut peer = Peer::udp(server.udp());
        if busy {
            for number in 0..500 {
                let text = request(
                    &peer,
                    "OPTIONS",
                    "sip:127.0.0.1",
                    &format!("b{number}"),
                    1,
                    "",
                );
                peer.send(&text);
            }
        }
        let (_, took) = server.stop();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

#[test]
fn an_idle_server_stops_in_well_under_a_third_of_a_second() {
    // The best of a few: others may be busy on this machine.
    let took = (0..10).map(|_| Server::start(ECHO, &["--shards", "2"]).stop().1);
    let best = took
        .into_iter()
        .find(|took| *took < Duration::from_millis(300));
    assert!(best.is_some());
}

#[test]
fn a_log_that_goes_nowhere_is_said_at_the_start() {
    let has_system_log = std::path::Path::new("/dev/log").exists();
    for (standard_error, is_lost) in [("yes", false), ("no", !has_system_log)] {
        let script = format!("syslog_enabled=yes\nstderror_enabled={standard_error}\n{ECHO}");
        let server = Server::start(&script, &["--shards", "1"]);
        let error = server.error();
        assert_eq!(error.contains("go nowhere"), is_lost, "{error}");
    }
}

#[test]
fn the_log_is_filtered_and_formed_as_the_script_says_and_auto_aliases_are_ours() {
    let script = ECHO.replacen(
        "route {",
        r#"log_level=4
        xlog_level=4
        stderror_level_filter=1
        stderror_log_format="json"
        auto_aliases=yes
        route {
            xlog("L_WARN", "a warning: $rd\n");
            xlog("L_NOTICE", "a notice\n");
            if (is_myself("localhost")) { xlog("L_ERR", "ours\n"); }"#,
        1,
    );
    let server = Server::start(&script, &["--shards", "1"]);
    let mut peer = Peer::udp(server.udp());
    let text = request(&peer, "OPTIONS", "sip:127.0.0.1", "log", 1, "");
    peer.send(&text);
    assert!(peer.receive().starts_with("SIP/2.0 200"));
    let mut error = String::new();
    for _ in 0..100 {
        error = server.error();
        if error.contains("ours") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let lines: Vec<&str> = error
        .lines()
        .filter_map(|line| line.split_once(r#""level": "#))
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(
        lines,
        [
            r#""WARNING", "prefix": "", "message": "a warning: 127.0.0.1"}"#,
            r#""ERROR", "prefix": "", "message": "ours"}"#,
        ],
        "{error}"
    );
}

/// The banner of the built-in script can be pasted into a shell as it is.
#[test]
fn the_commands_of_the_banner_work_as_typed() {
    let server = Server::built_in(&["--shards", "1"]);
    let shell = |command: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", command]);
        support::run(shell).out
    };
    let command_with = |word: &str| {
        let line = server.banner.lines().find(|line| line.contains(word));
        line.map(|line| line.trim().trim_start_matches("manage").to_owned())
    };
    let print = command_with("--print-script").expect("how to print the script");
    assert!(shell(&print).contains("route {"), "{print}");
    // Another server on this machine may have the place of the FIFO.
    if let Some(ask) = command_with("manage") {
        let said = shell(&ask);
        assert!(said.contains(r#""Type": "control""#), "{ask}: {said}");
    }
}

#[test]
fn who_asks_it_to_end_is_answered() {
    let kill = || {
        let folder = support::Folder::new();
        let script = format!(
            "{ECHO}\nloadmodule \"mi_fifo.so\"\nmodparam(\"mi_fifo\", \"fifo_name\", \"{0}/fifo\")\n\
             modparam(\"mi_fifo\", \"reply_dir\", \"{0}\")\n",
            folder.path().display(),
        );
        let script = folder.file("test.cfg", &script);
        let mut command = support::tandem();
        command
            .arg("-f")
            .arg(script)
            .args(["-l", "udp:127.0.0.1:0"]);
        let server = Server::spawn(command, &["--shards", "1"], folder);
        // As by hand: the client opens its pipe only after it has asked.
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(server.folder()).args([
            "-c",
            r#"mkfifo r && echo ':r:{"jsonrpc":"2.0","method":"kill","id":1}' >fifo && timeout 1 cat r"#,
        ]);
        support::run(shell).out == r#"{"jsonrpc":"2.0","result":"OK","id":1}"#
    };
    // One of a few: others may be busy on this machine, and it waits only so long.
    assert!((0..10).any(|_| kill()));
}

/// Logs more than a pipe holds within a hundred requests.
const TALKATIVE: &str = r#"
loadmodule "proto_udp.so"
loadmodule "sl.so"
route {
	$var(line) = $(hdr(Subject));
	xlog("L_ERR", "$var(line)$var(line)$var(line)$var(line)");
	sl_send_reply(200, "OK");
	exit;
}
"#;

#[test]
fn it_stops_in_time_when_nobody_reads_what_it_says_or_nobody_is_there_to() {
    for is_there in [true, false] {
        let folder = support::Folder::new();
        let script = folder.file("test.cfg", TALKATIVE);
        let mut command = support::tandem();
        command
            .arg("-f")
            .arg(script)
            .args(["-l", "udp:127.0.0.1:0"]);
        let options = ["--shards", "1"];
        let mut server = Server::spawn_saying_to(Stdio::piped(), command, &options, folder);
        let error = Some(server.take_error()).filter(|_| is_there);
        let mut peer = Peer::udp(server.udp());
        let subject = format!("Subject: {}\r\n", "x".repeat(500));
        for number in 0..100 {
            let call_id = format!("loud-{number}");
            let text = request(&peer, "OPTIONS", "sip:127.0.0.1", &call_id, 1, &subject);
            peer.send(&text);
            assert!(peer.receive().starts_with("SIP/2.0 200"));
        }
        let took = server.stop_unheard();
        assert!(took < Duration::from_secs(2), "{took:?}");
        drop(error);
    }
}

#[test]
fn management_is_answered_by_all_shards_over_the_fifo() {
    let folder = support::Folder::new();
    let fifo = folder.path().join("fifo");
    let script = format!(
        "{ECHO}\nloadmodule \"cfgutils.so\"\nmodparam(\"cfgutils\", \"shvset\", \"answer=i:42\")\n\
         loadmodule \"mi_fifo.so\"\nmodparam(\"mi_fifo\", \"fifo_name\", \"{}\")\n\
         modparam(\"mi_fifo\", \"reply_dir\", \"{}\")\n",
        fifo.display(),
        folder.path().display(),
    );
    let script = folder.file("test.cfg", &script);
    let mut command = support::tandem();
    command
        .arg("-f")
        .arg(script)
        .args(["-l", "udp:127.0.0.1:0"]);
    let profile = folder.file("mesh.toml", "steering = \"mesh\"\n");
    let profile = profile.to_str().unwrap();
    let server = Server::spawn(command, &["--shards", "2", "--tuning", profile], folder);
    let mut peer = Peer::udp(server.udp());
    for number in 0..20 {
        let text = request(
            &peer,
            "OPTIONS",
            "sip:127.0.0.1",
            &format!("m{number}"),
            1,
            "",
        );
        peer.send(&text);
        peer.receive();
    }
    let uptime = server.manage(r#"{"jsonrpc":"2.0","method":"uptime","id":1}"#);
    assert!(uptime.contains("\"Up time\":\""), "{uptime}");
    let statistics = server.manage(
        r#"{"jsonrpc":"2.0","method":"get_statistics","params":[["shards:datagrams_received","rcv_requests","shards:handovers"]],"id":2}"#,
    );
    assert!(
        statistics.contains("\"shards:datagrams_received\":20"),
        "{statistics}"
    );
    assert!(
        statistics.contains("\"core:rcv_requests\":20"),
        "{statistics}"
    );
    assert!(
        !statistics.contains("\"shards:handovers\":0"),
        "{statistics}"
    );
    for (name, answer) in [
        ("log_level", r#"{"Log level":2}"#),
        ("core:log_level", r#"{"Log level":2}"#),
        ("shv_get", r#"[{"name":"answer","value":42}]"#),
    ] {
        let text = server.manage(&format!(r#"{{"jsonrpc":"2.0","method":"{name}","id":4}}"#));
        assert!(text.contains(&format!(r#""result":{answer}"#)), "{text}");
    }
    let unknown = server.manage(r#"{"jsonrpc":"2.0","method":"nonsense","id":3}"#);
    assert!(unknown.contains("-32601"), "{unknown}");
}

#[test]
fn a_stream_faster_than_the_rings_is_slowed_down_and_loses_nothing() {
    const REQUESTS: usize = 3_000;
    let folder = support::Folder::new();
    let profile = folder.file("small.toml", "ring_parcels = 16\n");
    let server = Server::start(
        ECHO,
        &["--shards", "2", "--tuning", profile.to_str().unwrap()],
    );
    let Peer::Tcp(writer, _) = Peer::tcp(server.tcp()) else {
        unreachable!()
    };
    let mut reader = Peer::of(writer.try_clone().unwrap());
    let text: String = (0..REQUESTS)
        .map(|number| {
            request(
                &reader,
                "OPTIONS",
                "sip:127.0.0.1",
                &format!("flood-{number}"),
                1,
                "",
            )
        })
        .collect();
    let writing = std::thread::Builder::new()
        .spawn(move || std::io::Write::write_all(&mut &writer, text.as_bytes()).unwrap())
        .unwrap();
    let mut answered: Vec<bool> = vec![false; REQUESTS];
    for _ in 0..REQUESTS {
        let answer = reader.receive();
        let call_id = header(&answer, "Call-ID").unwrap();
        let number: usize = call_id.strip_prefix("flood-").unwrap().parse().unwrap();
        assert!(
            !std::mem::replace(&mut answered[number], true),
            "{number} twice"
        );
    }
    writing.join().unwrap();
    let (farewell, _) = server.stop();
    assert!(number_before(&farewell, "handovers") > 1_000, "{farewell}");
    assert!(farewell.contains(", 0 dropped"), "{farewell}");
}

#[test]
fn what_goes_to_the_alias_of_a_connection_leaves_by_it_on_every_shard() {
    let script = r#"
        tcp_accept_aliases = 1
        loadmodule "proto_udp.so"
        loadmodule "proto_tcp.so"
        loadmodule "sl.so"
        route {
            if ($rU == "peer") forward();
            else sl_send_reply(200, "OK");
        }
    "#;
    // Nobody listens there: only the connection leads back.
    const ALIAS: u16 = 9;
    let server = Server::start(script, &["--shards", "2"]);
    let mut peers: Vec<Peer> = (0..4).map(|_| Peer::tcp(server.tcp())).collect();
    let mut caller = Peer::udp(server.udp());
    for (at, peer) in peers.iter_mut().enumerate() {
        let own = peer.address().port().to_string();
        let text = request(peer, "OPTIONS", "sip:127.0.0.1", &format!("in-{at}"), 1, "");
        let alias = (ALIAS + at as u16).to_string();
        let text = text.replacen(&format!(":{own};"), &format!(":{alias};alias;"), 1);
        assert!(text.contains(";alias"), "{text}");
        peer.send(&text);
        assert!(peer.receive().starts_with("SIP/2.0 200 OK"));
    }
    // The home of a connection hears of its alias by a ring.
    std::thread::sleep(Duration::from_millis(100));
    for (at, peer) in peers.iter_mut().enumerate() {
        for call in 0..4 {
            let uri = format!("sip:peer@127.0.0.1:{};transport=tcp", ALIAS + at as u16);
            let call = format!("out-{at}-{call}");
            caller.send(&request(&caller, "OPTIONS", &uri, &call, 1, ""));
            let text = peer.receive();
            assert!(text.starts_with(&format!("OPTIONS {uri}")), "{text}");
            assert_eq!(header(&text, "Call-ID"), Some(call));
        }
    }
}
