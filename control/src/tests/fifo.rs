use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use expect_test::{Expect, expect};

use crate::management::{Facts, FifoSettings};
use crate::{Control, LogSettings, Prepared, Settings};

/// Commands cut off the front of `received`, and what is left.
fn check(received: &str, expected: Expect) {
    use std::fmt::Write as _;
    let mut received = received.as_bytes().to_vec();
    let mut text = String::new();
    loop {
        match crate::management::cut(&mut received) {
            crate::management::Cut::Whole(reply, json) => {
                let _ = writeln!(text, "{reply:?} {}", String::from_utf8_lossy(&json));
            }
            other => {
                let _ = writeln!(
                    text,
                    "{other:?}, left {:?}",
                    String::from_utf8_lossy(&received)
                );
                break;
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn a_command_is_a_reply_name_and_json() {
    check(
        ":reply_1:{\"method\":\"ps\"}",
        expect![[r#"
            Some("reply_1") {"method":"ps"}
            Incomplete(None), left ""
        "#]],
    );
}

#[test]
fn commands_of_several_clients_stand_behind_each_other() {
    check(
        ":a:{\"method\":\"ps\"}\n::{\"method\":\"kill\"}:b:{\"met",
        expect![[r#"
            Some("a") {"method":"ps"}
            None {"method":"kill"}
            Incomplete(Some("b")), left ":b:{\"met"
        "#]],
    );
}

#[test]
fn a_reply_name_is_never_a_path() {
    check(
        ":../../etc/passwd:{}:..:{}",
        expect![[r#"
            None {}
            None {}
            Incomplete(None), left ""
        "#]],
    );
}

#[test]
fn what_cannot_become_a_command_is_broken() {
    check(
        "ps\n",
        expect![[r#"
        Broken(None), left "ps\n"
    "#]],
    );
    check(
        ":a:{nonsense}",
        expect![[r#"
        Broken(Some("a")), left ":a:{nonsense}"
    "#]],
    );
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path =
            std::env::temp_dir().join(format!("tandem-control-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn settings(directory: &Path) -> Settings {
    Settings {
        log: LogSettings {
            standard_error: false,
            ..Default::default()
        },
        fifo: Some(FifoSettings {
            path: directory.join("fifo"),
            mode: 0o600,
            reply_directory: directory.into(),
            ..Default::default()
        }),
        facts: Facts {
            version: "test".into(),
            started: SystemTime::UNIX_EPOCH,
            processes: Vec::new(),
            arguments: Vec::new(),
            commands: Vec::new(),
        },
    }
}

/// Asks as `opensips-cli` does: writes first, opens its own pipe afterwards.
fn ask(directory: &Path, json: &str) -> String {
    let reply = directory.join("reply");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &reply, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut fifo = std::fs::OpenOptions::new()
        .write(true)
        .open(directory.join("fifo"))
        .unwrap();
    fifo.write_all(format!(":reply:{json}").as_bytes()).unwrap();
    drop(fifo);
    let mut text = String::new();
    std::fs::File::open(&reply)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    std::fs::remove_file(&reply).unwrap();
    text
}

#[test]
fn a_client_of_the_pipe_is_answered_and_the_pipe_goes_with_us() {
    let directory = Directory::new("serve");
    let prepared = Prepared::new(settings(&directory.0)).unwrap();
    let control = Control::new();
    let runner = control.clone();
    let thread = std::thread::Builder::new()
        .spawn(move || runner.run(prepared, Vec::new()))
        .unwrap();

    let expected = expect![[r#"{"jsonrpc":"2.0","result":{"Server":"test"},"id":3}"#]];
    expected.assert_eq(&ask(
        &directory.0,
        r#"{"jsonrpc":"2.0","method":"version","id":3}"#,
    ));
    // No shard is there to know it.
    let expected = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Server error","data":"no shard answered in time"},"id":4}"#
    ]];
    expected.assert_eq(&ask(
        &directory.0,
        r#"{"jsonrpc":"2.0","method":"ul_dump","id":4}"#,
    ));
    let expected =
        expect![[r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#]];
    expected.assert_eq(&ask(&directory.0, "{nonsense}"));

    // Larger than any command: said, and what is left of it is no command either.
    let endless = format!(
        "{{\"method\":\"{}",
        "x".repeat(crate::limits::COMMAND_BYTES_MAX)
    );
    expected.assert_eq(&ask(&directory.0, &endless));

    control.stop();
    thread.join().unwrap().unwrap();
    assert!(!directory.0.join("fifo").exists());
}

#[test]
fn answers_are_indented_on_demand() {
    let directory = Directory::new("pretty");
    let mut settings = settings(&directory.0);
    if let Some(fifo) = &mut settings.fifo {
        fifo.pretty = true;
        // Ours already, so that anybody may give it away.
        fifo.user = Some(rustix::process::getuid().as_raw());
        fifo.group = Some(rustix::process::getgid().as_raw());
    }
    let prepared = Prepared::new(settings).unwrap();
    let control = Control::new();
    let runner = control.clone();
    let thread = std::thread::Builder::new()
        .spawn(move || runner.run(prepared, Vec::new()))
        .unwrap();
    let expected = expect![[r#"
        {
          "jsonrpc": "2.0",
          "result": {
            "Server": "test"
          },
          "id": 3
        }"#]];
    expected.assert_eq(&ask(
        &directory.0,
        r#"{"jsonrpc":"2.0","method":"version","id":3}"#,
    ));
    control.stop();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_file_in_the_place_of_the_pipe_is_left_alone() {
    let directory = Directory::new("file");
    std::fs::write(directory.0.join("fifo"), "precious").unwrap();
    let message = Prepared::new(settings(&directory.0)).err().unwrap();
    assert!(message.contains("it exists and is not a FIFO"), "{message}");
    assert_eq!(
        std::fs::read(directory.0.join("fifo")).unwrap(),
        b"precious"
    );
}
