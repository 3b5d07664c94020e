//! The whole generator against itself: sockets on loopback, a second or two each.

use std::process::ExitCode;

use super::super::run;

fn exit(line: &str) -> ExitCode {
    run(std::iter::once("tandem-loadgen")
        .chain(line.split_whitespace())
        .map(Into::into))
}

fn free_port() -> u16 {
    // Bound once and let go: nobody else is given it in the moment until it is bound again.
    let sockets = super::super::sockets::Sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    sockets[0].local().port()
}

fn record(path: &std::path::Path) -> serde_json::Value {
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
    assert_eq!(uas.join().unwrap(), ExitCode::SUCCESS);
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
