use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use expect_test::{Expect, expect};

use crate::management::{Arrived, Cut, Facts, Fifo, FifoSettings, cut, make_again};
use crate::{Control, LogSettings, Prepared, Settings};

/// What is cut off the front of `received`, and what is left.
fn check(received: &str, expected: Expect) {
    check_pieces(&[received], expected);
}

/// The same when it comes in pieces.
fn check_pieces(pieces: &[&str], expected: Expect) {
    use std::fmt::Write as _;
    let mut received = Vec::new();
    let mut text = String::new();
    for piece in pieces {
        received.extend_from_slice(piece.as_bytes());
        loop {
            let (what, reply, cut) = match cut(&mut received) {
                Cut::Whole(reply, json) => ("whole", reply, json),
                Cut::Broken(reply, bytes) => ("broken", reply, bytes),
                Cut::Incomplete => break,
            };
            let reply = reply.as_deref().unwrap_or("-");
            let cut = String::from_utf8_lossy(&cut);
            let _ = writeln!(text, "{what:<7}{reply:<8}{cut:?}");
        }
        let left = String::from_utf8_lossy(&received);
        let _ = writeln!(text, "left           {left:?}");
    }
    expected.assert_eq(&text);
}

#[test]
fn a_command_is_a_reply_name_and_json() {
    check(
        ":reply_1:{\"method\":\"ps\"}",
        expect![[r#"
        whole  reply_1 "{\"method\":\"ps\"}"
        left           ""
    "#]],
    );
}

#[test]
fn a_command_may_have_lines() {
    check(
        ":a:\n{\"method\"\n:\n\"p:b:s\"\n}\n",
        expect![[r#"
        whole  a       "\n{\"method\"\n:\n\"p:b:s\"\n}"
        left           ""
    "#]],
    );
}

#[test]
fn commands_of_several_clients_stand_behind_each_other() {
    check(
        ":a:{\"method\":\"ps\"}\n::{\"method\":\"kill\"}:b:{\"met",
        expect![[r#"
            whole  a       "{\"method\":\"ps\"}"
            whole  -       "{\"method\":\"kill\"}"
            left           ":b:{\"met"
        "#]],
    );
}

#[test]
fn a_reply_name_is_never_a_path() {
    check(
        ":../../etc/passwd:{}:..:{}",
        expect![[r#"
        whole  -       "{}"
        whole  -       "{}"
        left           ""
    "#]],
    );
}

#[test]
fn what_cannot_become_a_command_is_broken() {
    check(
        "ps\n",
        expect![[r#"
        broken -       "ps\n"
        left           ""
    "#]],
    );
    check(
        ":a:{nonsense}",
        expect![[r#"
        broken a       ":a:{nonsense}"
        left           ""
    "#]],
    );
    check(
        ":\n",
        expect![[r#"
        broken -       ":\n"
        left           ""
    "#]],
    );
}

#[test]
fn a_broken_write_costs_no_other_command() {
    for broken in [
        ":X:{\"jsonrpc\"\n",
        ":X:{nonsense\n",
        ":X:\n",
        ":\n",
        "::\n",
        "ps\n",
        ":X\n",
    ] {
        let mut received = format!("{broken}:b:{{}}\n").into_bytes();
        let first = cut(&mut received);
        let name = broken.starts_with(":X:").then(|| "X".to_owned());
        assert_eq!(first, Cut::Broken(name, broken.into()), "{broken:?}");
        let second = cut(&mut received);
        assert_eq!(
            second,
            Cut::Whole(Some("b".into()), b"{}".into()),
            "{broken:?}"
        );
        assert_eq!(cut(&mut received), Cut::Incomplete);
    }
}

#[test]
fn a_command_that_has_come_in_part_is_not_lost_with_a_broken_one() {
    check_pieces(
        &[":a:{x\n:lat", "er:{}"],
        expect![[r#"
        broken a       ":a:{x\n"
        left           ":lat"
        whole  later   "{}"
        left           ""
    "#]],
    );
    check_pieces(
        &[":a:{\"x\"\n:", "later:{}"],
        expect![[r#"
        left           ":a:{\"x\"\n:"
        broken a       ":a:{\"x\"\n"
        whole  later   "{}"
        left           ""
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
        scripts: std::sync::Arc::new(NoScript),
    }
}

struct NoScript;

impl crate::Scripts for NoScript {
    fn compile(&self) -> Result<crate::Fresh, String> {
        Err("one line\nand another".to_owned())
    }

    fn adopt(&self, _program: std::sync::Arc<script::Program>) {
        unreachable!("nothing ever compiles")
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

    // A script that does not compile.
    let refused = expect![[
        r#"{"jsonrpc":"2.0","error":{"code":500,"message":"Reload failed, the old script goes on","data":"one line\nand another"},"id":7}"#
    ]];
    for name in ["reload_routes", "core:reload_routes"] {
        refused.assert_eq(&ask(
            &directory.0,
            &format!(r#"{{"jsonrpc":"2.0","method":"{name}","id":7}}"#),
        ));
    }

    // A write that breaks off is answered, and what comes behind one is a command.
    expected.assert_eq(&ask(&directory.0, "{\"jsonrpc\"\n"));
    for broken in [":X:{\"jsonrpc\"\n", ":\n", "::\n"] {
        let mut fifo = std::fs::OpenOptions::new()
            .write(true)
            .open(directory.0.join("fifo"))
            .unwrap();
        fifo.write_all(broken.as_bytes()).unwrap();
        let expected = expect![[r#"{"jsonrpc":"2.0","result":{"Server":"test"},"id":5}"#]];
        expected.assert_eq(&ask(
            &directory.0,
            r#"{"jsonrpc":"2.0","method":"version","id":5}"#,
        ));
    }

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

#[test]
fn a_pipe_that_another_server_has_made_is_left_to_it() {
    let directory = Directory::new("another");
    let fifo = settings(&directory.0).fifo.unwrap();
    Fifo::make(&fifo).unwrap();
    let open = || {
        let mut both = std::fs::OpenOptions::new();
        both.read(true).write(true).open(&fifo.path).unwrap()
    };
    let other = open();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, mut arrivals) = tokio::sync::mpsc::channel(8);
        let moment = std::time::Duration::from_millis(50);
        let waiting = tokio::time::timeout(moment, make_again(&fifo, &sender));
        assert!(waiting.await.is_err(), "the pipe of another was taken");
        let Ok(Arrived::Gone(why)) = arrivals.try_recv() else {
            panic!("nobody was told");
        };
        assert!(why.ends_with("fifo again: another server uses it"), "{why}");
        assert!(arrivals.try_recv().is_err(), "told more than once");
        drop(other);
        assert_eq!(make_again(&fifo, &sender).await, Some(()));
        assert!(arrivals.try_recv().is_err());
    });
    Fifo::remove(&fifo);
}
