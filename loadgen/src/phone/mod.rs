//! Phones: RFC 3261 user agents without sockets, clock or chance.
//!
//! A [`Phone`] is one program with one or more lines (local addresses) and any number of calls,
//! registrations and requests. It has one door, [`Phone::handle`]; time is an argument, chance a seed, and
//! what it wants sent or known lies in the [`Outbox`] afterwards. Nothing here knows Tandem.
//!
//! Way in: `arrive.rs` takes messages, `drive.rs` moves the transactions of `transaction/`; `caller.rs` and
//! `callee.rs` are the two sides of a call, `dialog.rs` what both do once it stands, `registration.rs` and
//! `probe.rs` what is no call.

mod arrive;
mod call;
mod callee;
mod caller;
mod calls;
pub(crate) mod compose;
mod describe;
mod dialog;
pub(crate) mod digest;
mod drive;
mod guard;
pub mod limits;
mod outbox;
mod pack;
mod probe;
mod registration;
mod settings;
pub(crate) mod slab;
mod squeeze;
mod store;
mod token;
mod transaction;
pub(crate) mod wheel;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::net::SocketAddr;

pub use call::CallState;
pub use describe::{Description, describe};
pub use guard::Guard;
pub use outbox::{Counters, Failure, Notice, Outbox, Send, Stage, What};
pub use settings::{
    Answering, CallPlan, Chance, Faults, Line, Login, Odds, Routing, Session, Settings, Spread,
    Then, Timers, Transport,
};

use calls::Calls;
use drive::{Buffers, PlainHasher, Turn};
use registration::{Registration, Wanted};
use slab::{Key, Slab};
use token::Mint;
use transaction::{Surroundings, Transaction};
use wheel::Wheel;

/// Microseconds of the monotonic clock that the caller of [`Phone::handle`] chose.
pub type Micros = u64;

/// Names a call or a registration of one phone. Never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

impl CallId {
    /// No call.
    pub const NONE: CallId = CallId(u32::MAX as u64);
}

/// Calls that rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resting {
    /// How many.
    pub calls: usize,
    /// What they take in all: packed dialogs, places in tables, timers.
    pub bytes: usize,
}

/// What can happen to a phone.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A datagram, or a framed message of a stream, for one of its lines.
    Received {
        /// Which line.
        line: u32,
        /// The message.
        bytes: &'a [u8],
        /// Who sent it.
        from: SocketAddr,
    },
    /// Time has passed; see [`Phone::next_due`].
    Tick,
    /// Its user does something.
    Command(Command<'a>),
}

/// What the user of a phone does.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// Calls somebody. The call's name comes in the notice [`What::Calling`].
    Call {
        /// From which line.
        line: u32,
        /// The user part of From and Contact; empty means the line's.
        user: &'a str,
        /// The Request-URI, and To.
        to: &'a str,
        /// What to do with the call.
        plan: CallPlan,
        /// Comes back in the call's notices.
        tag: u64,
    },
    /// Gives up a call that is not answered.
    Cancel(CallId),
    /// Hangs up; cancels what is not answered, rejects what rings here.
    HangUp(CallId),
    /// Answers a ringing call at once.
    Answer(CallId),
    /// Rejects a ringing call with this code.
    Reject(CallId, u16),
    /// Sends a re-INVITE.
    Reinvite(CallId),
    /// Sends an UPDATE (RFC 3311).
    Update(CallId),
    /// From now on answers calls like this.
    Answering(Answering),
    /// Registers a user, and keeps it registered if told so.
    Register {
        /// From which line.
        line: u32,
        /// The user; empty means the line's.
        user: &'a str,
        /// For how many seconds.
        expires: u32,
        /// Whether to register again before it expires.
        refresh: bool,
        /// What answers its challenges, when it is not what [`Settings::credentials`] says.
        login: Option<&'a Login>,
        /// Comes back in the notices.
        tag: u64,
    },
    /// Registers again now; the tag comes back in the notices from here on.
    Refresh(CallId, u64),
    /// Takes a registration back.
    Unregister(CallId),
    /// Sends a request outside any call: OPTIONS, MESSAGE.
    Request {
        /// From which line.
        line: u32,
        /// The method.
        verb: Verb,
        /// The Request-URI, and To.
        to: &'a str,
        /// Its body, as text/plain.
        body: &'a str,
        /// Comes back in the notice.
        tag: u64,
    },
}

/// The methods a phone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Verb {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Register,
    Message,
    Info,
    Notify,
    Update,
    /// Any other: answered with 405 or 501.
    Other,
}

impl Verb {
    pub(crate) fn of(method: parser::Method<'_>) -> Verb {
        use parser::Method;
        match method {
            Method::Invite => Verb::Invite,
            Method::Ack => Verb::Ack,
            Method::Bye => Verb::Bye,
            Method::Cancel => Verb::Cancel,
            Method::Options => Verb::Options,
            Method::Register => Verb::Register,
            Method::Message => Verb::Message,
            Method::Info => Verb::Info,
            Method::Notify => Verb::Notify,
            Method::Update => Verb::Update,
            _ => Verb::Other,
        }
    }

    pub(crate) fn as_bytes(self) -> &'static [u8] {
        match self {
            Verb::Invite => b"INVITE",
            Verb::Ack => b"ACK",
            Verb::Bye => b"BYE",
            Verb::Cancel => b"CANCEL",
            Verb::Options => b"OPTIONS",
            Verb::Register => b"REGISTER",
            Verb::Message => b"MESSAGE",
            Verb::Info => b"INFO",
            Verb::Notify => b"NOTIFY",
            Verb::Update => b"UPDATE",
            Verb::Other => b"UNKNOWN",
        }
    }
}

/// A user agent.
#[derive(Debug)]
pub struct Phone {
    settings: Settings,
    around: Surroundings,
    lines: Vec<LineText>,
    mint: Mint,
    random: fastrand::Rng,
    wheel: Wheel,
    calls: Calls,
    transactions: Slab<Transaction>,
    registrations: Slab<Registration>,
    /// Server transactions by what a request says of itself; see `drive.rs`.
    servers: HashMap<u64, Key, BuildHasherDefault<PlainHasher>>,
    buffers: Buffers,
    counters: Counters,
    /// Calls without an outcome: all but the other answers of forked ones.
    open: usize,
    scratch: Vec<u8>,
}

/// What is written for a line again and again.
#[derive(Debug)]
struct LineText {
    /// `192.0.2.1:5060`.
    sent_by: Vec<u8>,
    /// The host alone: what stands behind the `@` of a Call-ID.
    host: Vec<u8>,
    session: Vec<u8>,
}

impl Phone {
    /// A phone that begins at `now`.
    #[must_use]
    pub fn new(settings: Settings, now: Micros) -> Self {
        let lines = settings.lines.iter().map(|line| LineText {
            sent_by: line.local.to_string().into_bytes(),
            host: line.local.ip().to_string().into_bytes(),
            session: compose::session(line.local),
        });
        Self {
            lines: lines.collect(),
            around: Surroundings {
                timers: settings.timers,
                transport: settings.transport,
            },
            mint: Mint::new(settings.seed),
            random: fastrand::Rng::with_seed(settings.seed),
            wheel: Wheel::new(now),
            calls: Calls::new(settings.calls_max.min(limits::CALLS_MAX)),
            transactions: Slab::new(limits::TRANSACTIONS_MAX),
            registrations: Slab::new(limits::REGISTRATIONS_MAX),
            servers: HashMap::default(),
            buffers: Buffers::default(),
            counters: Counters::default(),
            open: 0,
            scratch: Vec::new(),
            settings,
        }
    }

    /// Takes one event to completion. Afterwards `out` holds what is to be sent and what happened.
    ///
    /// `now` never goes back.
    pub fn handle(&mut self, now: Micros, event: Event<'_>, out: &mut Outbox) {
        let turn = &mut Turn { now, out };
        match event {
            Event::Received { line, bytes, from } => self.receive(turn, line, bytes, from),
            Event::Tick => self.tick(turn),
            Event::Command(command) => self.obey(turn, command),
        }
        while let Some(call) = self.calls.next_woken() {
            self.rest(now, call);
        }
    }

    /// When to tick next: never later than its next timer. `None` while nothing waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Micros> {
        self.wheel.next_due()
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes its misbehaviour from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// What it counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many calls have no outcome yet.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.open
    }

    /// The calls that have no outcome yet, oldest place first.
    pub fn calls(&self) -> impl Iterator<Item = (CallId, CallState)> {
        self.calls
            .open()
            .map(|(key, state)| (CallId(key.to_u64()), state))
    }

    /// The calls that only stand, and what they take in memory. A call comes to rest when its INVITE's transaction
    /// is over (`linger` after the answer) unless it ends within two seconds.
    #[must_use]
    pub fn resting(&self) -> Resting {
        self.calls.resting()
    }

    /// How many records there are of calls, transactions (lingering included) and registrations: after a
    /// calm of `linger`, none but the registrations.
    #[must_use]
    pub fn records(&self) -> (usize, usize, usize) {
        (
            self.calls.len(),
            self.transactions.len(),
            self.registrations.len(),
        )
    }

    /// The registrations, by user.
    pub fn registrations(&self) -> impl Iterator<Item = (CallId, &str, bool)> {
        self.registrations.iter().map(|(key, registration)| {
            (
                CallId(key.to_u64()),
                registration.user.as_str(),
                registration.is_registered(),
            )
        })
    }

    /// The user of a registration.
    #[must_use]
    pub fn user_of(&self, registration: CallId) -> Option<&str> {
        self.registrations
            .get(key_of(registration))
            .map(|registration| registration.user.as_str())
    }

    fn obey(&mut self, turn: &mut Turn<'_>, command: Command<'_>) {
        if let Command::Cancel(call)
        | Command::HangUp(call)
        | Command::Answer(call)
        | Command::Reject(call, _)
        | Command::Reinvite(call)
        | Command::Update(call) = command
        {
            self.wake(key_of(call));
        }
        match command {
            Command::Call {
                line,
                user,
                to,
                plan,
                tag,
            } => self.start_call(turn, line, user, to, plan, tag),
            Command::Cancel(call) => self.cancel(turn, key_of(call)),
            Command::HangUp(call) => self.hang_up(turn, key_of(call)),
            Command::Answer(call) => self.answer(turn, key_of(call)),
            Command::Reject(call, status) => self.reject(turn, key_of(call), status),
            Command::Reinvite(call) => self.reinvite(turn, key_of(call)),
            Command::Update(call) => self.update(turn, key_of(call)),
            Command::Answering(answering) => self.settings.answering = answering,
            Command::Register {
                line,
                user,
                expires,
                refresh,
                login,
                tag,
            } => {
                let wanted = Wanted {
                    user,
                    expires,
                    refresh,
                    login,
                };
                self.start_registration(turn, line, wanted, tag);
            }
            Command::Refresh(registration, tag) => {
                if let Some(registration) = self.registrations.get_mut(key_of(registration)) {
                    registration.tag = tag;
                }
                self.register_again(turn, key_of(registration), None, tag);
            }
            Command::Unregister(registration) => {
                self.register_again(turn, key_of(registration), Some(0), 0)
            }
            Command::Request {
                line,
                verb,
                to,
                body,
                tag,
            } => self.start_probe(turn, line, verb, to, body, tag),
        }
    }
}

fn key_of(id: CallId) -> Key {
    Key::from_u64(id.0)
}
