//! Scenario files in, programs, mistakes and transcripts out. No socket, no clock.

mod calls;
mod chances;
mod failures;
mod keywords;
mod listings;
mod messages;
mod mistakes;
mod steps;

use std::fmt::Write as _;
use std::net::SocketAddr;

use expect_test::Expect;

use super::call::{Machine, Settings};
use super::compile::{Constants, compile};
use super::diagnostic::Source;
use super::injection::Injection;
use super::program::Program;
use crate::phone::Outbox;

fn constants() -> Constants {
    Constants {
        service: "service".to_owned(),
        local_ip: "10.0.0.1".parse().unwrap(),
        media_ip: "10.0.0.1".parse().unwrap(),
        media_port: 6_000,
        remote: Some("10.0.0.2:5060".parse().unwrap()),
        remote_host: "10.0.0.2".to_owned(),
        pid: 7,
        keys: Vec::new(),
        set: Vec::new(),
    }
}

fn settings() -> Settings {
    Settings {
        constants: constants(),
        via: None,
        base_cseq: 1,
        call_id_form: "%u-%p@%s".to_owned(),
        repeats_max: (5, 10),
        repeats: true,
        receive_timeout: None,
        pause: 0,
        linger: 4_000_000,
        answers: false,
        tidies: true,
        auth_uri: None,
        users: 0,
        set: Vec::new(),
        threads: 1,
        epoch: 1_000_000_000_000_000,
    }
}

/// A whole file from the elements of a scenario.
fn file(body: &str) -> Source {
    let text = if body.contains("<scenario") {
        body.to_owned()
    } else {
        format!("<scenario name=\"test\">\n{body}\n</scenario>\n")
    };
    Source {
        name: "test.xml".to_owned(),
        bytes: text.into_bytes(),
    }
}

fn values(text: &str) -> Injection {
    let source = Source {
        name: "dir/users.csv".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    Injection::read(source).unwrap_or_else(|mistake| panic!("{mistake}"))
}

fn compiled(body: &str, files: Vec<Injection>, constants: &Constants) -> Program {
    compile(&file(body), files, constants).unwrap_or_else(|mistakes| {
        let text: String = mistakes.iter().map(ToString::to_string).collect();
        panic!("{text}")
    })
}

/// What a run is: a scenario, what is set, what happens.
#[derive(Default)]
struct Play<'a> {
    scenario: &'a str,
    values: Option<&'a str>,
    set: Option<&'a dyn Fn(&mut Settings)>,
    /// Lines of a time in milliseconds and what happens then:
    ///
    /// * `start`: a call starts.
    /// * `peer 180 Ringing`: a response to the last request sent; `... to INVITE` to the last of that method.
    /// * `peer BYE`: a request of the peer's, in the call we started or in one of his.
    /// * `peer again`: what it sent last, once more.
    /// * `| X: y`: one more line for the message above, `|` alone an empty one.
    /// * `show`: the last message sent, whole.
    /// * `wait`: nothing.
    timeline: &'a str,
}

struct Stage<'p> {
    machine: Machine<'p>,
    outbox: Outbox,
    transcript: String,
    /// Everything that the machine sent.
    sent: Vec<Vec<u8>>,
    /// What the peer sent last.
    peer: Vec<u8>,
    cseq: u32,
    now: u64,
}

const PEER: &str = "10.0.0.2:5060";

fn play(play: &Play<'_>, expected: Expect) {
    let mut settings = settings();
    if let Some(set) = play.set {
        set(&mut settings);
    }
    let files = play.values.map(values).into_iter().collect();
    let program = compiled(play.scenario, files, &settings.constants);
    let ports = vec![5_070, 5_071];
    let mut stage = Stage {
        machine: Machine::new(&program, &settings, ports, 0, 1, 0),
        outbox: Outbox::default(),
        transcript: String::new(),
        sent: Vec::new(),
        peer: Vec::new(),
        cseq: 100,
        now: 0,
    };
    let lines: Vec<&str> = play.timeline.lines().map(str::trim).collect();
    let mut place = 0;
    while place < lines.len() {
        let line = lines[place];
        place += 1;
        if line.is_empty() {
            continue;
        }
        let more: Vec<&str> = lines[place..]
            .iter()
            .map_while(|line| line.strip_prefix('|'))
            .collect();
        place += more.len();
        let (time, what) = line.split_once(' ').unwrap();
        stage.until(time.parse::<u64>().unwrap() * 1_000);
        stage.happen(what.trim(), &more);
    }
    let mut text = stage.transcript;
    for warning in stage.machine.warnings().drain(..) {
        let _ = writeln!(text, "warning: {warning}");
    }
    text += &String::from_utf8_lossy(stage.machine.log());
    let tally = stage.machine.close();
    let _ = write!(
        text,
        "{} started, {} succeeded",
        tally.started, tally.succeeded
    );
    for (what, count) in [
        ("stopped", tally.stopped),
        ("late", tally.late),
        ("of no call", tally.strays),
        ("malformed", tally.malformed),
        ("answered beside", tally.answered),
        ("sent to leave", tally.tidied),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text.push('\n');
    for ((cause, step), count) in &tally.failures {
        let _ = writeln!(text, "{count} failed: {cause:?} at step {step}");
    }
    for (name, count) in program.counters.iter().zip(&tally.counters) {
        let _ = writeln!(text, "counter {name} {count}");
    }
    for (name, times) in program.timers.iter().zip(&tally.responses) {
        if !times.is_empty() {
            let _ = writeln!(text, "timer {name} {} us", times.max());
        }
    }
    expected.assert_eq(&text);
}

impl Stage<'_> {
    /// Lets time pass; what is sent meanwhile is written down.
    fn until(&mut self, now: u64) {
        while let Some(due) = self.machine.next_due().filter(|&due| due <= now) {
            self.now = due.max(self.now);
            self.machine.tick(self.now, &mut self.outbox);
            self.flush();
        }
        self.now = now;
    }

    fn happen(&mut self, what: &str, more: &[&str]) {
        match what.split_once(' ').unwrap_or((what, "")) {
            ("start", _) => {
                self.machine.start(self.now, self.now, 0, &mut self.outbox);
            }
            ("peer", "again") => {
                let bytes = self.peer.clone();
                self.receive(&bytes);
            }
            ("peer", what) => {
                let bytes = self.compose(what, more);
                self.receive(&bytes);
                self.peer = bytes;
            }
            ("raw", _) => {
                let bytes = more
                    .join("\r\n")
                    .trim_start_matches(' ')
                    .as_bytes()
                    .to_vec();
                self.receive(&bytes);
            }
            ("show", _) => {
                let text = String::from_utf8_lossy(self.sent.last().unwrap()).replace("\r\n", "\n");
                for line in text.lines() {
                    let _ = writeln!(self.transcript, "{}", format!("       {line}").trim_end());
                }
            }
            _ => {}
        }
        self.flush();
    }

    fn receive(&mut self, bytes: &[u8]) {
        let line = String::from_utf8_lossy(bytes);
        let line = line.lines().next().unwrap_or_default();
        let _ = writeln!(self.transcript, "{:>6} < {line}", self.now / 1_000);
        let from: SocketAddr = PEER.parse().unwrap();
        self.machine
            .receive(self.now, 0, bytes, from, &mut self.outbox);
    }

    fn flush(&mut self) {
        for send in &self.outbox.sends {
            let bytes = self.outbox.bytes_of(send).to_vec();
            let line = String::from_utf8_lossy(&bytes);
            let line = line.lines().next().unwrap_or_default();
            let again = if send.repeated { " (again)" } else { "" };
            let _ = writeln!(self.transcript, "{:>6} > {line}{again}", self.now / 1_000);
            self.sent.push(bytes);
        }
        self.outbox.clear();
    }

    /// What the peer says, made of what it got.
    fn compose(&mut self, what: &str, more: &[&str]) -> Vec<u8> {
        let mut lines = Vec::new();
        if what.starts_with(|letter: char| letter.is_ascii_digit()) {
            let (status, method) = what.split_once(" to ").unwrap_or((what, ""));
            let request = self.request(method);
            lines.push(format!("SIP/2.0 {status}"));
            for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
                let mut line = header(&request, name);
                if name == "To" && !line.contains("tag=") && !status.starts_with("100") {
                    line += ";tag=peer";
                }
                lines.push(line);
            }
        } else {
            self.cseq += 1;
            let method = what;
            let call_id = match self.sent.iter().any(|sent| sent.starts_with(b"INVITE ")) {
                true => header(&self.request("INVITE"), "Call-ID"),
                false => "Call-ID: peers@10.0.0.2".to_owned(),
            };
            lines.push(format!("{method} sip:us@10.0.0.1 SIP/2.0"));
            lines.push(format!(
                "Via: SIP/2.0/UDP {PEER};branch=z9hG4bKp{}",
                self.cseq
            ));
            lines.push("From: <sip:peer@10.0.0.2>;tag=peer".to_owned());
            lines.push("To: <sip:us@10.0.0.1>".to_owned());
            lines.push(call_id);
            lines.push(format!("CSeq: {} {method}", self.cseq));
        }
        let mut text = lines.join("\r\n");
        let split = more.iter().position(|line| line.trim().is_empty());
        let (headers, body) = more.split_at(split.unwrap_or(more.len()));
        for line in headers {
            let _ = write!(text, "\r\n{}", line.strip_prefix(' ').unwrap_or(line));
        }
        text += "\r\n\r\n";
        for line in body.iter().skip(1) {
            let _ = write!(text, "{}\r\n", line.trim());
        }
        text.into_bytes()
    }

    /// The last request sent, of this method if one is named.
    fn request(&self, method: &str) -> String {
        let mut sent = self
            .sent
            .iter()
            .rev()
            .map(|sent| String::from_utf8_lossy(sent));
        sent.find(|sent| {
            !sent.starts_with("SIP/") && !sent.starts_with("ACK") && sent.starts_with(method)
        })
        .unwrap()
        .into_owned()
    }
}

fn header(text: &str, name: &str) -> String {
    let mut lines = text.lines();
    let found = lines.find(|line| line.starts_with(&format!("{name}:")));
    found.unwrap_or_default().to_owned()
}

/// A `send` of a request that says as little as it may.
fn request(method: &str, attributes: &str) -> String {
    format!(
        "<send {attributes}><![CDATA[
           {method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
           Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
           From: <sip:us@[local_ip]>;tag=[call_number]
           To: <sip:[service]@[remote_ip]>[peer_tag_param]
           Call-ID: [call_id]
           CSeq: [cseq] {method}
           Content-Length: 0
         ]]></send>"
    )
}

/// A `send` of a response.
fn response(status: &str, attributes: &str) -> String {
    format!(
        "<send {attributes}><![CDATA[
           SIP/2.0 {status}
           [last_Via:]
           [last_Record-Route:]
           [last_From:]
           [last_To:];tag=us
           [last_Call-ID:]
           [last_CSeq:]
           Content-Length: 0
         ]]></send>"
    )
}
