//! Phones against phones over a wire of 10 ms, and against messages written by hand.

mod answering;
mod calling;
mod dialogs;
mod digest;
mod guarding;
mod misbehaviour;
mod registering;
mod resting;
mod sessions;
mod storm;
mod stranger;
mod table;
mod wheel;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;

use super::*;

/// A few phones on one clock. Everything they send and say is written down.
pub(super) struct Wire {
    pub(super) phones: Vec<Phone>,
    /// In flight: when it arrives, from, to, bytes.
    flight: VecDeque<(Micros, SocketAddr, SocketAddr, Vec<u8>)>,
    acts: Vec<(Micros, usize, Act)>,
    losses: Vec<(&'static str, usize)>,
    weather: Option<Weather>,
    pub(super) heard: Vec<(usize, Notice)>,
    now: Micros,
    out: Outbox,
    ladder: String,
    notices: bool,
}

pub(super) type Act = Box<dyn Fn(&mut Phone, Micros, &mut Outbox)>;

const DELAY: Micros = 10_000;

/// A network that loses, doubles and reorders.
pub(super) struct Weather {
    pub(super) random: fastrand::Rng,
    pub(super) lost_percent: u32,
    pub(super) twice_percent: u32,
    pub(super) delay_max: Micros,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            phones: Vec::new(),
            flight: VecDeque::new(),
            acts: Vec::new(),
            losses: Vec::new(),
            weather: None,
            heard: Vec::new(),
            now: 0,
            out: Outbox::default(),
            ladder: String::new(),
            notices: true,
        }
    }

    /// `name` at 10.0.0.`n`, changed by `change`.
    pub(super) fn phone(mut self, name: &str, n: u8, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(
            name,
            "example.com",
            SocketAddr::from(([10, 0, 0, n], 5060)),
            u64::from(n),
        );
        change(&mut settings);
        self.phones.push(Phone::new(settings, 0));
        self
    }

    pub(super) fn at(
        mut self,
        ms: u64,
        phone: usize,
        act: impl Fn(&mut Phone, Micros, &mut Outbox) + 'static,
    ) -> Self {
        self.acts.push((ms * 1000, phone, Box::new(act)));
        self
    }

    /// Loses the next `count` messages whose description begins so.
    pub(super) fn lose(mut self, what: &'static str, count: usize) -> Self {
        self.losses.push((what, count));
        self
    }

    pub(super) fn in_weather(mut self, weather: Weather) -> Self {
        self.weather = Some(weather);
        self
    }

    fn throw(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let Some(weather) = &mut self.weather else {
            return self.flight.push_back((self.now + DELAY, from, to, bytes));
        };
        if weather.random.u32(0..100) < weather.lost_percent {
            return;
        }
        let times = if weather.random.u32(0..100) < weather.twice_percent {
            2
        } else {
            1
        };
        for _ in 0..times {
            let at = self.now + weather.random.u64(1..=weather.delay_max);
            let place = self.flight.partition_point(|flight| flight.0 <= at);
            self.flight.insert(place, (at, from, to, bytes.clone()));
        }
    }

    pub(super) fn without_notices(mut self) -> Self {
        self.notices = false;
        self
    }

    /// Lets time pass, and gives the ladder since the last call.
    pub(super) fn run(&mut self, until_ms: u64) -> String {
        let until = until_ms * 1000;
        loop {
            let arrival = self.flight.front().map(|first| first.0);
            let act = self.acts.first().map(|first| first.0);
            let tick = self.phones.iter().filter_map(Phone::next_due).min();
            let next = [arrival, act, tick]
                .into_iter()
                .flatten()
                .min()
                .filter(|&next| next <= until);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            if act == Some(next) {
                let (_, phone, act) = self.acts.remove(0);
                act(&mut self.phones[phone], self.now, &mut self.out);
                self.carry(phone);
            } else if arrival == Some(next) {
                let (_, from, to, bytes) = self.flight.pop_front().unwrap();
                let Some(phone) = self.place(to) else {
                    continue;
                };
                self.phones[phone].handle(
                    self.now,
                    Event::Received {
                        line: 0,
                        bytes: &bytes,
                        from,
                    },
                    &mut self.out,
                );
                self.carry(phone);
            } else {
                for phone in 0..self.phones.len() {
                    if self.phones[phone].next_due().is_some_and(|due| due <= next) {
                        self.phones[phone].handle(self.now, Event::Tick, &mut self.out);
                        self.carry(phone);
                    }
                }
            }
        }
        self.now = until;
        std::mem::take(&mut self.ladder)
    }

    fn place(&self, address: SocketAddr) -> Option<usize> {
        self.phones
            .iter()
            .position(|phone| phone.settings().lines[0].local == address)
    }

    fn name(&self, address: SocketAddr) -> String {
        self.place(address).map_or(address.to_string(), |place| {
            self.phones[place].settings().name.clone()
        })
    }

    fn carry(&mut self, phone: usize) {
        let mut out = std::mem::take(&mut self.out);
        let from = self.phones[phone].settings().lines[0].local;
        let ms = self.now / 1000;
        for send in &out.sends {
            let bytes = out.bytes_of(send).to_vec();
            let what = describe(&bytes).to_string();
            let lost = self
                .losses
                .iter_mut()
                .find(|(lost, count)| *count > 0 && what.starts_with(lost));
            let fate = match lost {
                Some((_, count)) => {
                    *count -= 1;
                    " (lost)"
                }
                None => {
                    self.throw(from, send.to, bytes);
                    if send.repeated { " (again)" } else { "" }
                }
            };
            let (sender, target) = (&self.phones[phone].settings().name, self.name(send.to));
            writeln!(self.ladder, "{ms:<6} {sender} > {target}  {what}{fate}").unwrap();
        }
        self.heard
            .extend(out.notices.iter().map(|&notice| (phone, notice)));
        if self.notices {
            // What was sent again stands in the ladder, when a status came as well.
            let is_seen = |what| matches!(what, What::Indicated { .. } | What::Repeated(_));
            for notice in out.notices.iter().filter(|notice| !is_seen(notice.what)) {
                let name = &self.phones[phone].settings().name;
                writeln!(self.ladder, "{ms:<6} {name}: {:?}", notice.what).unwrap();
            }
        }
        out.clear();
        self.out = out;
    }

    /// Gives a phone a message, and tells what it sends in answer, whole.
    pub(super) fn tell(&mut self, phone: usize, from: &str, text: &str) -> Vec<String> {
        let bytes = text.trim_start().replace('\n', "\r\n");
        let event = Event::Received {
            line: 0,
            bytes: bytes.as_bytes(),
            from: from.parse().unwrap(),
        };
        self.phones[phone].handle(self.now, event, &mut self.out);
        let sent = self
            .out
            .sends
            .iter()
            .map(|send| String::from_utf8_lossy(self.out.bytes_of(send)).replace('\r', ""));
        let sent = sent.collect();
        self.carry(phone);
        sent
    }
}

pub(super) fn call(to: &'static str, plan: CallPlan) -> impl Fn(&mut Phone, Micros, &mut Outbox) {
    move |phone, now, out| {
        phone.handle(
            now,
            Event::Command(Command::Call {
                line: 0,
                user: "",
                to,
                plan,
                tag: 7,
            }),
            out,
        );
    }
}

pub(super) fn hold(ms: u64) -> CallPlan {
    CallPlan {
        hold: Some(Spread::Fixed(ms * 1000)),
        ..CallPlan::default()
    }
}

/// Does something to the phone's only call.
pub(super) fn to_its_call(
    command: impl Fn(CallId) -> Command<'static>,
) -> impl Fn(&mut Phone, Micros, &mut Outbox) {
    move |phone, now, out| {
        let call = phone.calls().next().map_or(CallId::NONE, |(call, _)| call);
        phone.handle(now, Event::Command(command(call)), out);
    }
}

pub(super) const BOB: &str = "sip:bob@10.0.0.2";
