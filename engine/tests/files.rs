//! Files that modules read: at start, in a script, in a management command.

use std::path::Path;
use std::sync::Arc;

use engine::files::{FileError, InMemory};
use engine::input::{Answer, Command, Input, Now, ShardId, Ticket, Transport};
use engine::limits::Limits;
use engine::module::{Args, CommandArgs, CommandResult, Context, Exports, Kind, Module};
use engine::module::{Registry, Routes, Verdict};
use engine::outbox::{Output, Query};
use engine::resolve::Hosts;
use engine::sockets::{Listener, Sockets};
use engine::{Config, Engine, Outbox};
use expect_test::{Expect, expect};

/// Reads `first` when it starts and again when it is told to, together with `second`.
#[derive(Default)]
struct Reader {
    text: Vec<u8>,
}

impl Module for Reader {
    const NAME: &'static str = "reader";

    fn new() -> Self {
        Reader::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.function("print_file", &[Kind::Str], Routes::ALL, Self::print);
        exports.command("show", &[&[]], |reader, _, _, out| {
            out.extend_from_slice(&reader.text);
            Ok(())
        });
        exports.command("reload", &[&[]], Self::reload);
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.text = cx.read_file("first")?.to_vec();
        Ok(())
    }
}

impl Reader {
    fn reload(
        &mut self,
        cx: &mut Context<'_>,
        _: CommandArgs<'_>,
        out: &mut Vec<u8>,
    ) -> CommandResult {
        let first = cx.read_file("first")?;
        let second = cx.read_file("second")?;
        self.text = [&*first, b"+", &*second].concat();
        out.extend_from_slice(b"reloaded");
        Ok(())
    }

    fn print(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match cx.read_file(std::str::from_utf8(args.str(0)).unwrap()) {
            Err(FileError::Waits(ticket)) => Verdict::Wait(ticket),
            Err(error) => {
                cx.log(-1, |out| {
                    out.extend_from_slice(error.to_string().as_bytes())
                });
                Verdict::FAIL
            }
            Ok(text) => {
                cx.log(-1, |out| out.extend_from_slice(&text));
                Verdict::OK
            }
        }
    }
}

fn engine(files: &InMemory) -> Result<Engine, String> {
    let mut registry = Registry::new();
    registry.add::<Reader>();
    let path = Path::new("test.cfg");
    let script = r#"
        loadmodule "reader"
        route { exit; }
        startup_route {
            print_file("first");
            print_file("nowhere");
        }"#;
    let mut loader = script::InMemory::new(path, script);
    let compiled = registry
        .compile(path, &mut loader, &script::Options::default())
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let listener = Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap());
    Engine::new(Config {
        shard: ShardId(0),
        shards: 1,
        owner_key: [1; 16],
        seed: 1,
        sockets: Arc::new(Sockets::new([listener])),
        hosts: Arc::new(Hosts::default()),
        files: Arc::new(files.clone()),
        program: Arc::new(compiled.program),
        registry: &registry,
        limits: Limits::default(),
    })
}

/// What an input leaves behind; `files` answers, or time runs out.
fn handle(engine: &mut Engine, now_ms: &mut u64, input: Input, files: Option<&InMemory>) -> String {
    let mut listing = String::new();
    let mut inputs = vec![input];
    while let Some(input) = inputs.pop() {
        let mut outbox = Outbox::new();
        let now = Now {
            mono_us: *now_ms * 1000,
            unix_us: 1,
        };
        engine.handle(now, input, &mut outbox);
        let (outputs, bytes) = outbox.drain();
        for output in outputs {
            let text =
                |range: std::ops::Range<u32>| &bytes[range.start as usize..range.end as usize];
            let line = match output {
                Output::Query {
                    ticket,
                    query: Query::File { path, bytes_max },
                    ..
                } => {
                    match files {
                        Some(files) => {
                            let answer = files.answer(&path, bytes_max);
                            inputs.push(Input::Answer(ticket, answer));
                        }
                        None => {
                            *now_ms += 6_000;
                            inputs.push(Input::Tick);
                        }
                    }
                    format!("reads {}", path.display())
                }
                Output::Log { range, .. } => String::from_utf8_lossy(text(range)).into_owned(),
                Output::CommandAnswer { ticket, result } => match result {
                    Ok(range) => {
                        format!("{}: {}", ticket.0, String::from_utf8_lossy(text(range)))
                    }
                    Err((code, range)) => format!(
                        "{}: {code} {}",
                        ticket.0,
                        String::from_utf8_lossy(text(range))
                    ),
                },
                other => panic!("{other:?}"),
            };
            listing += &line;
            listing.push('\n');
        }
    }
    assert!(engine.counts().is_calm(), "{:?}", engine.counts());
    listing
}

fn command(name: &str) -> Input {
    let command = Command {
        name: name.into(),
        parameters: Vec::new(),
    };
    Input::Command(Ticket(7), command)
}

fn is(listing: &str, expected: Expect) {
    expected.assert_eq(listing);
}

#[test]
fn a_file_is_there_at_start_and_later_the_world_reads_it() {
    let mut files = InMemory::default().with("first", "one");
    let mut engine = engine(&files).unwrap();
    let now = &mut 1_000;
    let mut listing = handle(&mut engine, now, Input::Tick, Some(&files));
    listing += &handle(&mut engine, now, command("show"), Some(&files));
    // A command that fails half-way has changed nothing.
    listing += &handle(&mut engine, now, command("reload"), Some(&files));
    listing += &handle(&mut engine, now, command("show"), Some(&files));
    files.put("first", "1");
    files.put("second", "2");
    listing += &handle(&mut engine, now, command("reload"), Some(&files));
    listing += &handle(&mut engine, now, command("show"), Some(&files));
    listing += &handle(&mut engine, now, command("reload"), None);
    is(
        &listing,
        expect![[r#"
        reads first
        one
        reads nowhere
        cannot read `nowhere`: no such file
        7: one
        reads first
        reads second
        7: 500 cannot read `second`: no such file
        7: one
        reads first
        reads second
        7: reloaded
        7: 1+2
        reads first
        7: 500 cannot read `first`: it took too long
    "#]],
    );
}

#[test]
fn a_module_that_cannot_read_its_file_does_not_start() {
    let error = engine(&InMemory::default()).unwrap_err();
    is(
        &error,
        expect![[r#"
            parse error in test.cfg:2:20-21: module `reader`: cannot read `first`: no such file
            1 error
        "#]],
    );
    let large = InMemory::default().with("first", vec![b'x'; engine::limits::FILE_BYTES_MAX + 1]);
    is(
        &engine(&large).unwrap_err(),
        expect![[r#"
            parse error in test.cfg:2:20-21: module `reader`: cannot read `first`: longer than 4194304 bytes
            1 error
        "#]],
    );
}

#[test]
fn a_late_answer_finds_nobody() {
    let files = InMemory::default().with("first", "one");
    let mut engine = engine(&files).unwrap();
    let now = &mut 1_000;
    handle(&mut engine, now, Input::Tick, Some(&files));
    handle(&mut engine, now, command("reload"), Some(&files));
    let late = Input::Answer(Ticket(3 << 60), Answer::File(Ok((*b"late").into())));
    is(&handle(&mut engine, now, late, Some(&files)), expect![[""]]);
}
