//! The whole generator against itself: sockets on loopback, a second or two each.

use std::process::ExitCode;

use super::super::run;

pub(super) fn exit(line: &str) -> ExitCode {
    run(std::iter::once("tandem-loadgen")
        .chain(line.split_whitespace())
        // Others may use this machine.
        .chain(["--max-late", "1m"])
        .map(Into::into))
}

pub(super) fn free_port() -> u16 {
    // Bound once and let go: nobody else is given it in the moment until it is bound again.
    let sockets = super::super::sockets::Sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    sockets[0].local().port()
}

pub(super) fn record(path: &std::path::Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn calls_itself_and_accounts_for_every_call() {
    let port = free_port();
    let uas = std::thread::Builder::new();
    let uas = uas
        .spawn(move || {
            exit(&format!(
                "uas --listen 127.0.0.1:{port} --answer-sources 1 --duration 3s --quiet"
            ))
        })
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let path = std::env::temp_dir().join(format!("loadgen-{port}.json"));
    let code = exit(&format!(
        "call 127.0.0.1:{port} --to sip:bob@127.0.0.1:{port} --rate 500 --calls 500 --hold 20ms --quiet --drain 2s \
         --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    assert_eq!(
        (&value["started"], &value["succeeded"], &value["failed"]),
        (&500.into(), &500.into(), &0.into())
    );
    assert_eq!(value["times_us"]["post-dial delay (18x)"]["count"], 500);
    let told = &value["rfc6076"];
    assert_eq!(
        (&told["SER_percent"], &told["SCR_percent"]),
        (&100.0.into(), &100.0.into())
    );
    assert_eq!(told["SRD_successful_us"]["count"], 500);
    let column = |name: &str| -> u64 {
        let values = value["series"][name].as_array().unwrap().iter();
        values.map(|value| value.as_u64().unwrap()).sum()
    };
    assert_eq!(
        [column("offered"), column("answered"), column("succeeded")],
        [500; 3]
    );
    // Nobody said who the server is, but it is on this machine.
    assert!(value["drops"]["target"].is_u64() && value["server_cpu"].is_null());
    assert!(
        !value["samples"]["generator_cores"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(value["traces"]["slowest"].as_array().unwrap().len(), 3);
    assert_eq!(uas.join().unwrap(), ExitCode::SUCCESS);
}

#[test]
fn a_record_is_a_whole_folder_and_is_written_once() {
    let folder = std::env::temp_dir().join(format!("loadgen-record-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let attached =
        std::env::temp_dir().join(format!("loadgen-attached-{}.cfg", std::process::id()));
    std::fs::write(&attached, "route { }").unwrap();
    let line = format!(
        "baseline --rate 200 --calls 20 --quiet --drain 2s --record {} --attach {} --server-counters",
        folder.display(),
        attached.display()
    );
    let words = line.split_whitespace().map(Into::into);
    let counters = [
        "date +requests=%s%N",
        "--note",
        "A sentence.",
        "--max-late",
        "1m",
    ];
    let words = ["tandem-loadgen".into()]
        .into_iter()
        .chain(words)
        .chain(counters.map(Into::into));
    let words: Vec<std::ffi::OsString> = words.collect();
    assert_eq!(run(words.clone()), ExitCode::SUCCESS);
    // It is another record now.
    assert_eq!(run(words), ExitCode::from(2));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let value = record(&folder.join("record.json"));
    assert_eq!(value["succeeded"], 20);
    assert!(
        value["server_counters"]["requests"][1].as_f64()
            > value["server_counters"]["requests"][0].as_f64()
    );
    assert!(text("report.html").contains("PASSED"));
    let name = attached.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(text(&name), "route { }");
    for words in [
        "**Passed**",
        "A sentence.",
        "tandem-loadgen baseline",
        &name,
    ] {
        assert!(text("README.md").contains(words), "{words}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(&attached).unwrap();
}

#[test]
fn what_a_flooded_socket_drops_is_counted_to_the_last_datagram() {
    let port = free_port();
    let path = std::env::temp_dir().join(format!("loadgen-flood-{port}.json"));
    let line = format!(
        "uas --listen 127.0.0.1:{port} --answer-sources 1 --duration 3s --quiet --json {}",
        path.display()
    );
    let uas = std::thread::spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let flood =
        wire::DatagramSocket::connect(format!("127.0.0.1:{port}").parse().unwrap()).unwrap();
    let sent = (0..60_000)
        .filter(|_| flood.send(&[b'x'; 1400]).is_ok())
        .count() as u64;
    assert_eq!(uas.join().unwrap(), ExitCode::SUCCESS);
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    let count = |path: &str| {
        value
            .pointer(path)
            .and_then(serde_json::Value::as_u64)
            .unwrap()
    };
    let (received, dropped) = (count("/datagrams/received"), count("/drops/ours"));
    // On loopback whatever is not received was dropped there.
    assert_eq!(received + dropped, sent, "{dropped} dropped");
    let by_second = value["samples"]["dropped_ours"].as_array().unwrap().iter();
    let by_second: f64 = by_second.map(|count| count.as_f64().unwrap()).sum();
    assert_eq!(by_second as u64, dropped);
    // It has no target whose sockets could be looked at.
    assert!(value["drops"]["target"].is_null());
}

#[test]
fn says_why_nobody_answered() {
    let port = free_port();
    let path = std::env::temp_dir().join(format!("loadgen-{port}.json"));
    let code = exit(&format!(
        "options 127.0.0.1:{port} --rate 100 --calls 5 --quiet --drain 300ms --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::from(1));
    assert_eq!(
        value["causes"]["lost: no response when the run ended"], 5,
        "{value:#}"
    );
}

#[test]
fn the_null_forwarder_carries_every_call() {
    let (port, callee) = (free_port(), 29_000 + free_port() % 1_000 * 4);
    let forward = std::thread::Builder::new();
    let forward = forward
        .spawn(move || {
            exit(&format!(
                "forward 127.0.0.1:{callee} --listen 127.0.0.1:{port} --answer-sources 2 --duration 3s --quiet"
            ))
        })
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let path = std::env::temp_dir().join(format!("loadgen-{port}.json"));
    let code = exit(&format!(
        "call 127.0.0.1:{port} --listen 127.0.0.1:{callee} --sources 2 --answer-sources 2 --unrouted --users 2 \
         --rate 500 --calls 500 --quiet --drain 2s --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    assert_eq!(
        (&value["succeeded"], &value["datagrams"]["sent"]),
        (&500.into(), &3000.into())
    );
    assert_eq!(forward.join().unwrap(), ExitCode::SUCCESS);
}

/// What `forward --drop-every` says it withheld, and what `call` through it says.
fn through_a_wrong_server(more: &str) -> (serde_json::Value, serde_json::Value) {
    let (port, callee) = (free_port(), 30_000 + free_port() % 1_000 * 2);
    let directory = std::env::temp_dir();
    let (server, caller) = (
        directory.join(format!("loadgen-{port}-server.json")),
        directory.join(format!("loadgen-{port}-caller.json")),
    );
    let line = format!(
        "forward 127.0.0.1:{callee} --listen 127.0.0.1:{port} --answer-sources 1 --drop-every 97 --duration 8s \
         --quiet --json {}",
        server.display()
    );
    let forward = std::thread::spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    exit(&format!(
        "call 127.0.0.1:{port} --listen 127.0.0.1:{callee} --trunk --unrouted --users 1 --rate 200 --calls 400 \
         --hold 1500ms --linger 4s --drain 4s --quiet --json {} {more}",
        caller.display()
    ));
    assert_eq!(forward.join().unwrap(), ExitCode::SUCCESS);
    let found = (record(&server), record(&caller));
    std::fs::remove_file(server).unwrap();
    std::fs::remove_file(caller).unwrap();
    found
}

fn sum(of: &serde_json::Value, names: &[&str]) -> u64 {
    names
        .iter()
        .map(|name| of[*name].as_u64().unwrap_or(0))
        .sum()
}

#[test]
fn each_datagram_that_a_wrong_server_drops_is_one_repetition_by_who_sent_it() {
    let (server, caller) = through_a_wrong_server("");
    let withheld = &server["withheld"];
    assert_eq!(
        (&caller["failed"], &caller["succeeded"]),
        (&0.into(), &400.into())
    );
    assert!(sum(withheld, &["INVITE", "BYE"]) > 0, "{withheld}");
    let told = [
        ("caller", "invites_repeated", &["INVITE"] as &[_]),
        ("caller", "byes_repeated", &["BYE", "200 BYE"]),
        (
            "callee",
            "responses_repeated",
            &["200 INVITE", "ACK", "200 BYE"],
        ),
    ];
    for (who, what, lost) in told {
        assert_eq!(
            caller[who][what].as_u64().unwrap(),
            sum(withheld, lost),
            "{what}: {withheld}, {} {}",
            caller["caller"],
            caller["callee"]
        );
    }
}

#[test]
fn without_repetitions_each_dropped_datagram_that_mattered_is_one_failed_call() {
    let (server, caller) = through_a_wrong_server("--no-retransmit");
    let withheld = &server["withheld"];
    let expected = sum(withheld, &["INVITE", "200 INVITE", "BYE", "200 BYE"]);
    assert!(expected > 0);
    assert_eq!(
        (
            caller["failed"].as_u64(),
            caller["succeeded"].as_u64(),
            &caller["retransmissions"]
        ),
        (Some(expected), Some(400 - expected), &0.into()),
        "{withheld} {}",
        caller["causes"]
    );
}

#[test]
fn the_baseline_needs_no_server() {
    let path = std::env::temp_dir().join(format!("loadgen-baseline-{}.json", std::process::id()));
    let code = exit(&format!(
        "baseline --rate 500 --calls 500 --ports 3 --addresses 2 --quiet --drain 2s --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    assert_eq!(
        (&value["succeeded"], &value["datagrams"]["sent"]),
        (&500.into(), &3000.into())
    );
}

#[test]
fn a_comparison_starts_fresh_servers_by_turns_and_leaves_none() {
    // A server that nobody can hold anything through: it only has the port.
    let port = free_port();
    let path = std::env::temp_dir().join(format!("loadgen-find-{port}.json"));
    let server = format!(
        "python3 -c 'import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); \
         s.bind((\"127.0.0.1\",{port})); time.sleep(60)'"
    );
    let words = [
        "tandem-loadgen",
        "compare",
        &format!("127.0.0.1:{port}"),
        "--rate",
        "50",
        "--duration",
        "200ms",
        "--drain",
        "100ms",
        "--rounds",
        "1",
        "--quiet",
        "--server-command",
        &server,
        "--server-command",
        &server,
        "--json",
        path.to_str().unwrap(),
    ];
    assert_eq!(run(words.map(Into::into)), ExitCode::from(1));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    let round = &value["rounds"][0];
    assert_eq!(
        (&round[0]["failed"], &round[1]["failed"]),
        (&10.into(), &10.into()),
        "{value:#}"
    );
    // Both are gone again.
    let again =
        super::super::sockets::Sockets::bind(format!("127.0.0.1:{port}").parse().unwrap(), 1);
    assert!(again.is_ok());
}

#[test]
fn the_baseline_finds_a_rate_that_it_holds() {
    let path = std::env::temp_dir().join(format!("loadgen-search-{}.json", std::process::id()));
    // From far above anything, so that it has to come down.
    let code = exit(&format!(
        "baseline --trunk --duration 200ms --confirm 300ms --precision 0.5 --step 16 --drain 1s --quiet \
         --target-cps 10000000 --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::from(1), "nobody reaches that target");
    let highest = value["highest"].as_f64().unwrap();
    assert!(highest >= 500.0, "{highest}");
    assert_eq!(
        (&value["failed"], &value["good"]),
        (&0.into(), &false.into())
    );
    let objection = value["objections"][0].as_str().unwrap();
    assert!(
        objection.ends_with("per second were held, the target is 10000000"),
        "{objection}"
    );
    let search = value["search"].as_array().unwrap();
    assert!(
        search
            .iter()
            .any(|trial| trial["held"] == false && !trial["why"].as_array().unwrap().is_empty())
    );
}

#[test]
fn calls_that_are_meant_to_fail_are_no_failures() {
    let (port, callee) = (free_port(), 33_000 + free_port() % 1_000 * 2);
    let line = format!(
        "forward 127.0.0.1:{callee} --listen 127.0.0.1:{port} --answer-sources 1 --duration 6s --quiet"
    );
    let forward = std::thread::spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let path = std::env::temp_dir().join(format!("loadgen-{port}.json"));
    let code = exit(&format!(
        "call 127.0.0.1:{port} --listen 127.0.0.1:{callee} --trunk --unrouted --users 1 --rate 400 --calls 400 --seed 5 \
         --ring 200ms-400ms --hold 20ms --reject-share 20% --no-answer-share 10% --patience 900ms --cancel 100ms \
         --cancel-share 10% --reinvite 10ms --reinvite-share 50% --callee-hangs-up 5ms --callee-hangs-up-share 30% \
         --quiet --drain 3s --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    let count = |cause: &str| value["by_plan"][cause].as_u64().unwrap_or(0);
    let (gave_up, unanswered, rejected) = (
        count("given up by the caller while it rang"),
        count("not answered in time, given up"),
        count("rejected with 486, as expected"),
    );
    assert!((20..60).contains(&gave_up), "{value:#}");
    assert!((20..60).contains(&unanswered), "{value:#}");
    // Who gives up after 100 ms never hears that it would have been rejected.
    assert!((50..100).contains(&rejected), "{value:#}");
    let succeeded = value["succeeded"].as_u64().unwrap();
    assert_eq!(
        succeeded + gave_up + unanswered + rejected,
        400,
        "{value:#}"
    );
    let reinvited = value["reinvites"]["200"].as_u64().unwrap_or(0);
    assert!(reinvited > 0 && reinvited < succeeded, "{value:#}");
    assert_eq!(forward.join().unwrap(), ExitCode::SUCCESS);
}

#[test]
fn a_mix_accounts_for_each_of_its_parts() {
    let port = free_port();
    let line = format!("uas --listen 127.0.0.1:{port} --answer-sources 1 --duration 4s --quiet");
    let uas = std::thread::spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let path = std::env::temp_dir().join(format!("loadgen-{port}.json"));
    let mix = std::env::temp_dir().join(format!("loadgen-{port}.toml"));
    std::fs::write(
        &mix,
        format!(
            "rate = 400\nduration = \"1s\"\n[[part]]\nscenario = \"call\"\nshare = 3\nto = \"sip:bob@127.0.0.1:{port}\"\n\
             [[part]]\nname = \"mail\"\nscenario = \"message\"\nto = \"sip:bob@127.0.0.1:{port}\"\n\
             [[part]]\nscenario = \"options\"\nrate = 100\nbegin = \"500ms\"\n"
        ),
    )
    .unwrap();
    let code = exit(&format!(
        "mix {} 127.0.0.1:{port} --quiet --drain 2s --json {}",
        mix.display(),
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(&mix).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    let parts: Vec<_> = value["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            let number = |key: &str| part[key].as_u64().unwrap();
            let name = part["name"].as_str().unwrap();
            (
                name,
                number("started"),
                number("succeeded"),
                number("failed"),
                number("lost"),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("call", 300, 300, 0, 0),
            ("mail", 100, 100, 0, 0),
            ("options", 50, 50, 0, 0)
        ]
    );
    assert_eq!(uas.join().unwrap(), ExitCode::SUCCESS);
}
