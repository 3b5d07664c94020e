//! The language, statement by statement: `testdata/language`, one file a section of the specification.
//!
//! A case is a title, a script, and what is logged and sent. `---` stands before what is expected; what stands there was
//! written from the specification first. `UPDATE_EXPECT=1` writes it anew, and the diff is what gets read.
//!
//! ```text
//! === texts are compared without case
//! $var(a) = "AbC";
//! if ($var(a) == "aBc") xlog("equal");
//! ---
//! equal
//! ```
//!
//! What names no route is the body of the main route; its first line is line 2. Lines that begin with `> ` make
//! something happen, in their order; without any, one INVITE comes in:
//!
//! | | |
//! |---|---|
//! | `> invite` | the INVITE that all cases share |
//! | `> receive` | the message on the lines below; what it must have and is not there is added |
//! | `> answer 180 Ringing` | to the last request that was sent, with the header lines below |
//! | `> wait 1000` | milliseconds pass |
//! | `> command name key=value` | a management command |
//! | `> show To Via body` | from the start, what is sent is listed: first lines, these headers, the body |
//! | `> level 4` | from the start, log lines up to this level are listed |
//! | `> shards 2` | so many engines |

use std::fmt::Write as _;
use std::path::PathBuf;

use expect_test::expect;

use engine::files::InMemory as Files;

use crate::harness::{World, compile};

const MODULES: &str = r#"loadmodule "proto_udp.so" loadmodule "sl.so" loadmodule "tm.so" loadmodule "rr.so" loadmodule "signaling.so" loadmodule "cfgutils.so" loadmodule "sipmsgops.so" "#;

const INVITE: &str = "INVITE sip:bob:secret@example.com:5070;transport=udp;line=7
Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK776asdhds;rport
Via: SIP/2.0/TCP [2001:db8::1]:5080;branch=z9hG4bKsecond
From: \"Alice A\" <sip:alice@atlanta.example.com>;tag=a1928301774
To: <sip:bob@example.com>
Call-ID: a84b4c76e66710@10.0.0.1
CSeq: 314159 INVITE
Contact: \"Alice\" <sip:alice@10.0.0.2:5060;ob>;q=0.7;expires=60, <sip:alice@10.0.0.3>
User-Agent: phone/1.0
X-Custom: one
X-Custom:   two  
Proxy-Authorization: Digest username=\"alice@example.com\", realm=\"example.com\", nonce=\"84a4cc6f\", uri=\"sip:bob@example.com\", response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001, opaque=\"5ccc\"
P-Asserted-Identity: \"Anna\" <sip:anna@example.com>, <tel:+123>
P-Preferred-Identity: \"Paul\" <sip:paul@pref.example.com>
Remote-Party-ID: <sip:rita@example.com>;party=calling
Refer-To: <sip:refer@example.com>
Diversion: <sip:dora@example.com>;reason=user-busy;privacy=off
Path: <sip:edge.example.com;lr>
Content-Type: application/sdp

v=0
o=alice 1 1 IN IP4 10.0.0.2
s=-
c=IN IP4 10.0.0.2
t=0 0
m=audio 4000 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
a=sendrecv
m=video 4002 RTP/AVP 31
a=rtpmap:31 H261/90000
";

/// A case of a file.
struct Case<'a> {
    title: &'a str,
    /// Script and steps.
    lines: &'a str,
    expected: &'a str,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    text.split("\n=== ").skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').unwrap_or((case, ""));
        let (lines, expected) = rest.split_once("---\n").unwrap_or((rest, ""));
        Case {
            title,
            lines,
            expected: expected.trim_end(),
        }
    })
}

const ROUTES: [&str; 11] = [
    "route ",
    "route{",
    "route[",
    "failure_route",
    "onreply_route",
    "branch_route",
    "error_route",
    "local_route",
    "startup_route",
    "timer_route",
    "event_route",
];

/// What happens, in its order.
enum Step<'a> {
    Receive(String),
    Answer(String),
    Wait(u64),
    Command(&'a str),
}

#[derive(Default)]
struct Story<'a> {
    script: String,
    steps: Vec<Step<'a>>,
    show: Option<Vec<&'a str>>,
    level: Option<i8>,
    shards: Option<u16>,
}

impl<'a> Story<'a> {
    fn read(lines: &'a str) -> Story<'a> {
        let mut story = Story::default();
        let mut script = String::new();
        for line in lines.lines() {
            let Some(step) = line.strip_prefix("> ") else {
                match story.steps.last_mut() {
                    Some(Step::Receive(text) | Step::Answer(text)) => {
                        *text += line.trim_end_matches('\\');
                        *text += "\n";
                    }
                    _ => {
                        script += line;
                        script += "\n";
                    }
                }
                continue;
            };
            let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
            match word {
                "invite" => story.steps.push(Step::Receive(INVITE.to_owned())),
                "receive" => story.steps.push(Step::Receive(String::new())),
                "answer" => story.steps.push(Step::Answer(format!("{rest}\n"))),
                "wait" => story.steps.push(Step::Wait(rest.parse().unwrap())),
                "command" => story.steps.push(Step::Command(rest)),
                "show" => story.show = Some(rest.split_whitespace().collect()),
                "level" => story.level = Some(rest.parse().unwrap()),
                "shards" => story.shards = Some(rest.parse().unwrap()),
                other => panic!("`> {other}` is no step"),
            }
        }
        if story.steps.is_empty() {
            story.steps.push(Step::Receive(INVITE.to_owned()));
        }
        let names_routes = script
            .lines()
            .any(|line| ROUTES.iter().any(|word| line.starts_with(word)));
        story.script = match names_routes {
            true => format!("{MODULES}\n{script}"),
            false => format!("{MODULES}route {{\n{script}}}\n"),
        };
        story
    }

    /// What is logged and sent.
    fn play(&self) -> String {
        let compiled = match compile(&self.script) {
            Ok(compiled) => compiled,
            Err(errors) => return refusal(&errors),
        };
        let mut listing = String::new();
        for warning in &compiled.warnings.list {
            let _ = writeln!(
                listing,
                "at load, line {}: {}",
                warning.line, warning.reason
            );
        }
        let mut world =
            match World::start(compiled.program, self.shards.unwrap_or(1), Files::default()) {
                Ok(world) => world,
                Err(errors) => return refusal(&errors),
            };
        world.also_show(self.show.iter().flatten().copied());
        if let Some(level) = self.level {
            world.log_level(level);
        }
        for step in &self.steps {
            match step {
                Step::Receive(text) => {
                    world.udp(2, text);
                }
                Step::Answer(status) => {
                    let request = world.last_request();
                    world.respond(3, &request, status);
                }
                Step::Wait(ms) => {
                    world.wait(*ms);
                }
                Step::Command(words) => {
                    let mut words = words.split_whitespace();
                    let name = words.next().unwrap();
                    let parameters: Vec<_> =
                        words.filter_map(|word| word.split_once('=')).collect();
                    world.command(name, &parameters);
                }
            }
        }
        listing += &traffic(&world.take(), self.show.as_deref());
        listing.trim_end().to_owned()
    }
}

/// The first lines of the diagnostics.
fn refusal(errors: &str) -> String {
    let lines = errors
        .lines()
        .filter_map(|line| line.strip_prefix("parse error in test.cfg:"));
    let text: Vec<String> = lines.map(|line| format!("refused at {line}")).collect();
    text.join("\n")
}

/// Log lines in short, and what was sent if it is asked for.
fn traffic(listing: &str, show: Option<&[&str]>) -> String {
    const LEVELS: [(&str, &str); 7] = [
        ("log 2: ", ""),
        ("log -3: ", "alert: "),
        ("log -2: ", "critical: "),
        ("log -1: ", "error: "),
        ("log 1: ", "warning: "),
        ("log 3: ", "info: "),
        ("log 4: ", "debug: "),
    ];
    let mut text = String::new();
    let mut whereto = "";
    let mut is_traffic = false;
    let mut is_left_out = false;
    for line in listing.lines() {
        is_traffic = line.starts_with("> ") || is_traffic && line.starts_with("    ");
        if is_traffic {
            let name = line.trim().split(':').next().unwrap_or_default();
            let is_first = !whereto.is_empty();
            let is_shown = show.is_some_and(|show| match line.starts_with("    | ") {
                true => show.contains(&"body"),
                false => is_first || show.contains(&name),
            });
            if line.starts_with("> ") {
                whereto = line;
                is_left_out = false;
            } else if is_left_out || line.trim() == "SIP/2.0 100 Trying" {
                is_left_out = true;
            } else if is_shown {
                if is_first {
                    let _ = writeln!(text, "{whereto}");
                    whereto = "";
                }
                let _ = writeln!(text, "{line}");
            }
            continue;
        }
        let level = LEVELS
            .iter()
            .find_map(|(before, after)| Some((line.strip_prefix(before)?, after)));
        match level {
            Some((line, mark)) => {
                let _ = writeln!(text, "{mark}{}", visible(line));
            }
            None => {
                let _ = writeln!(text, "{}", visible(line));
            }
        }
    }
    text
}

/// Control characters by their escapes.
fn visible(line: &str) -> String {
    line.chars()
        .map(|letter| match letter {
            letter if letter.is_control() => letter.escape_default().to_string(),
            letter => letter.to_string(),
        })
        .collect()
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/language")
        .join(format!("{name}.txt"))
}

fn read(name: &str) -> String {
    let path = file(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn check(name: &str) {
    let text = read(name);
    let head = text.split("\n=== ").next().unwrap_or_default();
    let mut anew = head.trim_end().to_owned() + "\n";
    let mut differences = String::new();
    for case in cases(&text) {
        let listing = Story::read(case.lines).play();
        if listing != case.expected {
            let _ = writeln!(
                differences,
                "=== {}\n{}expected:\n{}\nis:\n{listing}\n",
                case.title, case.lines, case.expected
            );
        }
        let _ = write!(anew, "\n=== {}\n{}---\n{listing}\n", case.title, case.lines);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file(name), anew).unwrap();
    } else {
        assert!(differences.is_empty(), "{name}:\n{differences}");
    }
}

macro_rules! sections {
    ($($name:ident $file:literal)*) => {
        $(#[test]
        fn $name() {
            check($file);
        })*

        const FILES: &[&str] = &[$($file),*];
    };
}

sections! {
    section_2_lexical_structure "02_lexical"
    section_3_grammar "03_grammar"
    section_6_route_kinds "06_route_kinds"
    section_7_1_return_codes "07_1_return_codes"
    section_7_2_conditions "07_2_conditions"
    section_7_3_comparison "07_3_comparison"
    section_7_4_arithmetic "07_4_arithmetic"
    section_7_5_statements "07_5_statements"
    section_7_6_async "07_6_async"
    section_7_7_arguments "07_7_arguments"
    section_7_8_formats "07_8_formats"
    section_7_9_flags "07_9_flags"
    section_8_1_spec_syntax "08_1_spec_syntax"
    section_8_2_classes "08_2_classes"
    section_8_3_value_flags "08_3_value_flags"
    section_8_4_paths "08_4_paths"
    section_8_5_s "08_5_s"
    section_8_5_others "08_5_others"
    section_10_core_functions "10_core_functions"
    pseudo_variables "pseudo_variables"
}

/// How many cases each section has: must never become less by accident.
#[test]
fn count_by_section() {
    let mut table = String::new();
    let mut all = 0;
    for name in FILES {
        let count = cases(&read(name)).count();
        all += count;
        let _ = writeln!(table, "{count:<4} {name}");
    }
    let _ = writeln!(table, "{all:<4} in all");
    print!("{table}");
    expect![[r#"
        37   02_lexical
        53   03_grammar
        54   06_route_kinds
        21   07_1_return_codes
        15   07_2_conditions
        20   07_3_comparison
        22   07_4_arithmetic
        42   07_5_statements
        14   07_6_async
        14   07_7_arguments
        10   07_8_formats
        13   07_9_flags
        27   08_1_spec_syntax
        26   08_2_classes
        5    08_3_value_flags
        23   08_4_paths
        27   08_5_s
        20   08_5_others
        28   10_core_functions
        122  pseudo_variables
        593  in all
    "#]]
    .assert_eq(&table);
}
