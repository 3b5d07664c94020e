//! Any bytes as a life of an engine: messages, answers, failures, time. Shared by the storm test and by
//! the fuzz target `engine`.
//!
//! Nobody may panic, invariants hold after every step, and when the world falls silent everything ends.

use std::collections::VecDeque;

use engine::input::{Answer, ConnectionId, Flow, Input, Now, ShardId, SocketId, Ticket, Transport};
use engine::outbox::{Output, Query};
use engine::{Engine, Outbox};
use parser::{Frame, Message, Response};

/// How long a script of the tests sleeps at once, in seconds, and a little more than how often a run may.
const SLEEP_S: u64 = 1_000;
const SLEEPS: usize = 1_100;

/// Steps of one life.
const STEPS_MAX: usize = 200;
/// Requests of the engine that may still be answered.
const REMEMBERED: usize = 16;

const METHODS: [&str; 9] = [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "REGISTER",
    "MESSAGE",
    "SUBSCRIBE",
    "WHATEVER",
];
const CODES: [u16; 16] = [
    100, 180, 183, 200, 202, 300, 302, 401, 404, 408, 486, 487, 500, 503, 600, 603,
];
const URIS: [&str; 8] = [
    "sip:bob@example.com",
    "sip:bob@10.0.0.3",
    "sip:10.0.0.1",
    "sip:bob@10.0.0.3;transport=tcp",
    "sips:bob@10.0.0.3",
    "tel:+123",
    "sip:bob@nowhere.invalid",
    "sip:carol@[2001:db8::1]",
];
const FURTHER: [&str; 8] = [
    "",
    "Route: <sip:10.0.0.1;lr>\r\n",
    "Route: <sip:10.0.0.1;lr>, <sip:10.0.0.3;lr>\r\n",
    "Max-Forwards: 0\r\n",
    "Max-Forwards: 1\r\n",
    "Contact: <sip:alice@10.0.0.2>;expires=60\r\n",
    "Contact: *\r\nExpires: 0\r\n",
    "Proxy-Require: nothing\r\n",
];

/// The bytes that are left; empty reads as zeros.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.next()) % from.len()]
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Plays the bytes; gives the engine back, or says what went wrong.
pub fn play(engine: Engine, bytes: &[u8]) -> Result<Engine, String> {
    let mut life = Life {
        engine,
        now_ms: 1_000,
        outbox: Outbox::new(),
        requests: VecDeque::new(),
        sent: VecDeque::new(),
        asked: VecDeque::new(),
    };
    life.step(Input::Tick)?;
    let mut bytes = Bytes(bytes);
    for _ in 0..STEPS_MAX {
        if bytes.0.is_empty() {
            break;
        }
        life.act(&mut bytes)?;
    }
    life.fall_silent()?;
    Ok(life.engine)
}

struct Life {
    engine: Engine,
    now_ms: u64,
    outbox: Outbox,
    requests: VecDeque<(Vec<u8>, Flow)>,
    sent: VecDeque<(Ticket, Flow)>,
    asked: VecDeque<(u64, Ticket)>,
}

impl Life {
    fn act(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        match bytes.next() % 16 {
            0..=5 => {
                let (flow, text) = (flow(bytes.next()), request(bytes));
                self.receive(flow, &text)
            }
            6..=9 => {
                let Some((request, flow)) = self.remembered(bytes.next()) else {
                    return Ok(());
                };
                let text = response(&request, bytes);
                self.receive(flow, &text)
            }
            10 => {
                let flow = flow(bytes.next());
                let len = usize::from(bytes.next()) * 4;
                let text = bytes.take(len);
                self.receive(flow, text)
            }
            11 | 12 => {
                let ms =
                    [1, 10, 200, 500, 2_000, 5_000, 32_000, 130_000][usize::from(bytes.next() % 8)];
                self.wait(ms)
            }
            13 => match self.sent.pop_back() {
                Some((ticket, flow)) => self.step(Input::SendFailed(ticket, flow)),
                None => Ok(()),
            },
            14 => self.step(Input::Closed(flow(bytes.next() | 1))),
            _ => {
                let answers = [Answer::Slept, Answer::Failed, Answer::TimedOut];
                let which = usize::from(bytes.next());
                let Some((_, ticket)) = self.asked.pop_front() else {
                    return Ok(());
                };
                let answer = match which % 4 {
                    3 => Answer::Dns(Frame::copy_of(bytes.take(which))),
                    at => answers.into_iter().nth(at).unwrap_or(Answer::Failed),
                };
                self.step(Input::Answer(ticket, answer))
            }
        }
    }

    fn remembered(&self, which: u8) -> Option<(Vec<u8>, Flow)> {
        let at = usize::from(which) % self.requests.len().max(1);
        self.requests.get(at).cloned()
    }

    fn receive(&mut self, flow: Flow, text: &[u8]) -> Result<(), String> {
        self.step(Input::Received {
            frame: Frame::copy_of(text),
            flow,
        })
    }

    fn step(&mut self, input: Input) -> Result<(), String> {
        let now = Now {
            mono_us: self.now_ms * 1000,
            unix_us: 1_700_000_000_000_000 + self.now_ms * 1000,
        };
        self.engine.handle(now, input, &mut self.outbox);
        self.engine.check_invariants()?;
        for output in self.outbox.outputs() {
            match output {
                Output::Send {
                    range,
                    flow,
                    ticket,
                    ..
                } => {
                    let bytes = self.outbox.slice(range);
                    if !bytes.starts_with(b"SIP/2.0 ")
                        && !bytes.starts_with(b"ACK ")
                        && bytes != b"\r\n"
                    {
                        self.requests.push_front((bytes.to_vec(), *flow));
                        self.requests.truncate(REMEMBERED);
                    }
                    self.sent.push_back((*ticket, *flow));
                }
                Output::Query {
                    ticket,
                    deadline_us,
                    query,
                } => {
                    let due = match query {
                        Query::Sleep => deadline_us / 1000,
                        Query::Dns { .. } | Query::File { .. } => self.now_ms + 5_000,
                    };
                    self.asked.push_back((due, *ticket));
                }
                Output::Quarantine { range, reason, .. } => {
                    return Err(format!(
                        "panic: {}\n{}",
                        String::from_utf8_lossy(self.outbox.slice(reason)),
                        String::from_utf8_lossy(self.outbox.slice(range)),
                    ));
                }
                _ => {}
            }
        }
        if self.sent.len() > REMEMBERED {
            self.sent.drain(..self.sent.len() - REMEMBERED);
        }
        self.outbox.clear();
        Ok(())
    }

    fn wait(&mut self, ms: u64) -> Result<(), String> {
        let until = self.now_ms + ms;
        loop {
            let due = self.engine.next_due().map(|us| us.div_ceil(1000));
            let asked = self.asked.iter().map(|asked| asked.0).min();
            let Some(next) = due
                .into_iter()
                .chain(asked)
                .min()
                .filter(|&next| next <= until)
            else {
                break;
            };
            self.now_ms = self.now_ms.max(next);
            while let Some(at) = self.asked.iter().position(|asked| asked.0 <= next) {
                let Some((_, ticket)) = self.asked.remove(at) else {
                    break;
                };
                self.step(Input::Answer(ticket, Answer::TimedOut))?;
            }
            self.step(Input::Tick)?;
        }
        self.now_ms = until;
        Ok(())
    }

    /// Nobody says anything any more: everything that began has to end, at the latest when an INVITE
    /// without any answer does.
    fn fall_silent(&mut self) -> Result<(), String> {
        // Most end within 64*T1; those that ring, within timer C; an INVITE nobody answers, within two hours; a script that
        // sleeps in a loop, when it has slept as often as a run may.
        let long = std::iter::repeat_n(SLEEP_S, SLEEPS);
        for seconds in [35, 35, 35, 200, 4_000, 4_000].into_iter().chain(long) {
            self.wait(seconds * 1000)?;
            if self.engine.counts().is_calm() {
                break;
            }
        }
        let counts = self.engine.counts();
        if counts.is_calm() {
            Ok(())
        } else {
            Err(format!("never ends: {counts:?}"))
        }
    }
}

fn flow(which: u8) -> Flow {
    let is_stream = which & 1 == 1;
    Flow {
        socket: SocketId(u16::from(is_stream)),
        transport: if is_stream {
            Transport::Tcp
        } else {
            Transport::Udp
        },
        remote: ([10, 0, 0, 2 + (which >> 1) % 4], 5060).into(),
        connection: if is_stream {
            ConnectionId::new(ShardId(0), 1, u32::from(which >> 1) % 4 + 1)
        } else {
            ConnectionId::NONE
        },
    }
}

/// A request of a few that are alike, so that they meet; now and then with a byte changed.
fn request(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let method = bytes.choose(&METHODS);
    let (call, branch, cseq) = (bytes.next() % 4, bytes.next() % 8, bytes.next() % 3 + 1);
    let (uri, further) = (bytes.choose(&URIS), bytes.choose(&FURTHER));
    let flags = bytes.next();
    let cookie = if flags & 0xf0 == 0xf0 { "" } else { "z9hG4bK" };
    let rport = if flags & 1 == 1 { ";rport" } else { "" };
    let to_tag = if flags & 2 == 2 { ";tag=callee" } else { "" };
    let forwards = if further.starts_with("Max-Forwards") {
        ""
    } else {
        "Max-Forwards: 70\r\n"
    };
    let mut text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch={cookie}{branch}{rport}\r\n\
         From: <sip:alice@example.com>;tag=caller\r\nTo: <sip:bob@example.com>{to_tag}\r\nCall-ID: call-{call}\r\n\
         CSeq: {cseq} {method}\r\n{forwards}{further}Content-Length: 0\r\n\r\n"
    )
    .into_bytes();
    spoil(&mut text, bytes);
    text
}

fn response(request: &[u8], bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(request) = Message::parse(Frame::copy_of(request)) {
        let code = bytes.choose(&CODES);
        let tags: [&[u8]; 2] = [b"callee", b"another"];
        let response = Response {
            code,
            to_tag: Some(bytes.choose(&tags)),
            record_route: true,
            ..Response::default()
        };
        response.write(&request, &mut text);
    }
    spoil(&mut text, bytes);
    text
}

fn spoil(text: &mut [u8], bytes: &mut Bytes<'_>) {
    if bytes.next() % 16 == 15 && !text.is_empty() {
        let at = (usize::from(bytes.next()) * 256 + usize::from(bytes.next())) % text.len();
        text[at] = bytes.next();
    }
}
