//! Connections that are kept, and calls that are held.

#![allow(
    clippy::disallowed_types,
    reason = "the peer of a connection, as plain as can be"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use super::command_line::plan;
use super::loopback::{exit, record};

/// Answers pings, except that the n-th connection does what `wrong` says.
fn server(count: usize, wrong: &'static [(usize, &'static str)]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for number in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let fault = wrong.iter().find(|(at, _)| *at == number);
            let fault = fault.map_or("", |(_, fault)| fault);
            std::thread::spawn(move || {
                let mut room = [0; 64];
                while let Ok(read) = stream.read(&mut room) {
                    if read == 0 || fault == "closes" {
                        return;
                    }
                    if fault != "silent" {
                        assert_eq!(&room[..read], b"\r\n\r\n");
                        stream.write_all(b"\r\n").unwrap();
                    }
                }
            });
        }
    });
    port
}

fn keep(port: u16, more: &str) -> (ExitCode, serde_json::Value) {
    let path = std::env::temp_dir().join(format!("loadgen-keep-{port}.json"));
    let code = exit(&format!(
        "connections 127.0.0.1:{port} --count 20 --rate 100 --duration 1500ms --keep-alive 300ms --pong 200ms \
         --addresses 3 --quiet --json {} {more}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    (code, value)
}

#[test]
fn connections_stand_and_every_ping_is_answered() {
    let port = server(20, &[]);
    let (code, value) = keep(port, "--threads 2");
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    assert_eq!(
        (&value["started"], &value["succeeded"]),
        (&20.into(), &20.into())
    );
    let kept = &value["connections"];
    assert_eq!(kept["open"], 20);
    let (pings, pongs) = (
        kept["pings"].as_u64().unwrap(),
        kept["pongs"].as_u64().unwrap(),
    );
    // Each is asked every 240 to 300 ms for at least 1.3 s.
    assert!((70..=130).contains(&pings), "{value:#}");
    assert!(pongs <= pings && pings - pongs <= 20, "{value:#}");
}

#[test]
fn each_connection_that_is_lost_has_its_cause() {
    let port = server(20, &[(3, "closes"), (7, "silent"), (8, "silent")]);
    let (code, value) = keep(port, "");
    assert_eq!(code, ExitCode::from(1));
    assert_eq!(
        value["causes"],
        serde_json::json!({ "closed by the peer": 1, "no pong in 200.00 ms": 2 }),
    );
    assert_eq!(
        (&value["started"], &value["succeeded"]),
        (&20.into(), &17.into())
    );
}

#[test]
fn who_refuses_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (code, value) = keep(port, "");
    assert_eq!(code, ExitCode::from(1));
    assert_eq!(
        value["causes"],
        serde_json::json!({ "refused by the peer": 20 })
    );
}

#[test]
fn held_calls_stand_together_and_go_in_order() {
    let path = std::env::temp_dir().join(format!("loadgen-held-{}.json", std::process::id()));
    let code = exit(&format!(
        "baseline --held 1500 --rate 1500 --stay 1500ms --linger 300ms --trunk --quiet --json {}",
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{value:#}");
    assert_eq!(
        (&value["started"], &value["succeeded"]),
        (&1500.into(), &1500.into())
    );
    let held = &value["held"];
    assert_eq!(held["open"], 1500);
    for side in ["calling", "answering"] {
        assert_eq!(held[side]["calls"], 1500, "{held:#}");
        let each = held[side]["bytes_per_call"].as_f64().unwrap();
        assert!((60.0..200.0).contains(&each), "{held:#}");
    }
    // None ends before all have come: nothing succeeds in the first second and a half.
    let ended: Vec<_> = value["series"]["succeeded"].as_array().unwrap().clone();
    assert_eq!((&ended[0], &ended[1]), (&0.into(), &0.into()), "{ended:?}");
}

#[test]
fn what_held_means() {
    let held = plan("call 127.0.0.1 --held 1000 --rate 500 --ramp 1s --stay 3s").unwrap();
    assert_eq!(
        (held.calls, held.duration, held.expected()),
        (1000, 2_501_000, 1000)
    );
    assert_eq!(
        held.choice.plan.hold,
        Some(crate::phone::Spread::Fixed(5_501_000))
    );
    // Its end is waited for.
    assert!(held.drain > 35_000_000 + 5_501_000 - 1);
    for (line, complaint) in [
        ("call 127.0.0.1 --held 10 --hold 1s", "without --calls"),
        ("call 127.0.0.1 --held 10 --calls 3", "without --calls"),
        ("baseline --held 10", "needs --rate"),
        ("options 127.0.0.1 --held 10", "for `call`"),
        ("call 127.0.0.1 --held 10 --arrivals poisson", "even"),
        (
            "connections 127.0.0.1 --count 1000 --rate 10",
            "--duration has to be longer",
        ),
    ] {
        let error = plan(line).unwrap_err();
        assert!(error.contains(complaint), "{line}: {error}");
    }
}

#[test]
fn a_run_waits_for_the_calls_it_holds() {
    let drain = |line: &str| plan(line).unwrap().drain;
    assert_eq!(drain("call 127.0.0.1"), 35_000_000);
    assert_eq!(drain("call 127.0.0.1 --hold 1m-3m --ring 5s"), 220_000_000);
    assert_eq!(drain("call 127.0.0.1 --hold 1m --drain 2s"), 2_000_000);
}
