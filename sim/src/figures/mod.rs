//! The four transactions of RFC 3261 §17 as the wire shows them: what a server must have sent by now.
//!
//! Beside every transaction of a server stands its shadow, one file a figure: `invite_client` (5),
//! `client` (6), `invite_server` (7), `server` (8). It hears what an engine took in and what it sent, knows
//! the RFC and the operator's times, and nothing of the engine. So weather excuses nothing: a lost
//! datagram changes what is due, never whether it is sent.
//!
//! Objects to a repetition that is missing, early or after its answer; to an INVITE that is not
//! acknowledged, cancelled or answered when it must be; and to tables that hold more or fewer
//! transactions than there are shadows, which is how timers that only wait are seen. One server a world.

mod client;
pub mod clock;
mod either;
mod invite_client;
mod invite_server;
mod server;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use parser::{Message, Method};

use client::Client;
use clock::{LATE_US, Times};
use either::{ClientFigure, ServerFigure};
use invite_client::InviteClient;
use invite_server::InviteServer;
use server::Server;

/// Steps between two comparisons with the engines' tables.
const STEPS_BETWEEN_COUNTS: u64 = 8;

/// A branch and the method it stands for, hashed.
type Key = u64;
type Map<V> = HashMap<Key, V, BuildHasherDefault<DefaultHasher>>;

/// What a client's shadow is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The request was sent once more.
    SentAgain,
    /// A response came.
    Response(u16),
    /// The CANCEL to it was sent.
    Cancel,
}

/// What an event makes due in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owes {
    Nothing,
    /// The ACK of a failure.
    Ack,
    /// The last response once more.
    Response,
}

/// Why an engine took a step, as far as the response it sends is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Time, or a letter from another shard.
    Time,
    /// The request itself came.
    Request,
    /// A response came.
    Response,
}

/// What an engine took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TookIn {
    Nothing,
    Request(Key),
    Response,
}

struct Sent {
    figure: ClientFigure,
    /// For a person.
    name: String,
    /// The request that it forwards.
    upstream: Option<Key>,
    /// Its CANCEL.
    canceller: Option<Key>,
}

struct Received {
    figure: ServerFigure,
    /// For a person.
    name: String,
    /// The requests that forward it.
    branches: Vec<Key>,
    /// Since when none of them may still be answered, while the script decides what then.
    undecided_since: Option<u64>,
    is_cancelled: bool,
    /// A REGISTER: the script answers it without a transaction, unless it has to wait.
    is_register: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Sent(Key),
    Received(Key),
    Undecided(Key),
}

/// The shadows of one server's transactions.
pub struct Figures {
    times: Times,
    sent: Map<Sent>,
    received: Map<Received>,
    wakes: BinaryHeap<Reverse<(u64, Wake)>>,
    /// Of the step under way.
    took_in: TookIn,
    owed: BTreeMap<Key, Owes>,
    /// Requests whose forwarding may be over with this step.
    to_judge: Vec<Key>,
    steps: u64,
}

impl Figures {
    /// No transaction yet. `times` are what the server's script sets.
    pub fn new(times: Times) -> Self {
        Figures {
            times,
            sent: Map::default(),
            received: Map::default(),
            wakes: BinaryHeap::new(),
            took_in: TookIn::Nothing,
            owed: BTreeMap::new(),
            to_judge: Vec::new(),
            steps: 0,
        }
    }

    /// An engine begins a step: all that was due before has been sent.
    pub fn step_begins(&mut self, at_us: u64) -> Result<(), String> {
        self.took_in = TookIn::Nothing;
        while let Some(&Reverse((due_us, wake))) = self.wakes.peek()
            && due_us <= at_us
        {
            self.wakes.pop();
            match wake {
                Wake::Sent(key) => self.pass_sent(key, at_us)?,
                Wake::Received(key) => self.pass_received(key, at_us)?,
                Wake::Undecided(key) => self.judge(key, at_us)?,
            }
        }
        Ok(())
    }

    /// The engine that owns it took a message in.
    pub fn takes_in(
        &mut self,
        at_us: u64,
        is_stream: bool,
        message: &Message,
    ) -> Result<(), String> {
        if message.is_request() {
            self.request_in(at_us, is_stream, message);
            Ok(())
        } else {
            self.response_in(at_us, message)
        }
    }

    /// An engine sent a message.
    pub fn sends(&mut self, at_us: u64, is_stream: bool, message: &Message) -> Result<(), String> {
        match message.status() {
            None => self.request_out(at_us, is_stream, message),
            Some(status) => self.response_out(at_us, status, message),
        }
    }

    /// The step is over, and whatever it owed is sent. `clients` and `servers` count what the
    /// server's tables hold.
    pub fn step_ends(
        &mut self,
        at_us: u64,
        tables: impl FnOnce() -> (usize, usize),
    ) -> Result<(), String> {
        if let Some((key, owes)) = self.owed.pop_first() {
            let name = match owes {
                Owes::Ack => self.sent.get(&key).map(|sent| &sent.name),
                _ => self.received.get(&key).map(|received| &received.name),
            };
            return Err(match owes {
                Owes::Ack => format!(
                    "{at_us} us: a failure was not acknowledged (RFC 3261 §17.1.1.2): {name:?}"
                ),
                _ => format!(
                    "{at_us} us: a request that came again got no response again (RFC 3261 §17.2): {name:?}"
                ),
            });
        }
        while let Some(key) = self.to_judge.pop() {
            self.judge(key, at_us)?;
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_BETWEEN_COUNTS) {
            let (clients, servers) = tables();
            self.compare(at_us, clients, servers)?;
        }
        Ok(())
    }

    fn request_in(&mut self, at_us: u64, is_stream: bool, message: &Message) {
        let method = message.method();
        let branch = message.top_via().branch();
        match method {
            Method::Ack => {
                let key = key(branch, Method::Invite);
                if let Some(received) = self.received.get_mut(&key) {
                    received.figure.expire(at_us);
                    let ServerFigure::Invite(figure) = &mut received.figure else {
                        return;
                    };
                    figure.ack(at_us, &self.times);
                    let wakes_us = figure.wakes_us();
                    self.wake(wakes_us, Wake::Received(key));
                }
                return;
            }
            Method::Cancel => {
                if let Some(received) = self.received.get_mut(&self::key(branch, Method::Invite)) {
                    received.is_cancelled = true;
                }
            }
            _ => {}
        }
        let key = key(branch, method);
        self.took_in = TookIn::Request(key);
        if method == Method::Cancel {
            // One that means nothing we know is dropped.
            self.to_judge.push(key);
        }
        if let Some(received) = self.received.get_mut(&key) {
            received.figure.expire(at_us);
            if !received.figure.has_ended() {
                if received.figure.request_again() == Owes::Response {
                    self.owed.insert(key, Owes::Response);
                }
                return;
            }
        }
        let figure = match method {
            Method::Invite => ServerFigure::Invite(InviteServer::begin(at_us, is_stream)),
            _ => ServerFigure::Other(Server::begin(is_stream)),
        };
        self.wake(figure.wakes_us(), Wake::Received(key));
        let received = Received {
            figure,
            name: name(message),
            branches: Vec::new(),
            undecided_since: None,
            is_cancelled: false,
            is_register: method == Method::Register,
        };
        self.received.insert(key, received);
    }

    fn response_in(&mut self, at_us: u64, message: &Message) -> Result<(), String> {
        self.took_in = TookIn::Response;
        let key = key(message.top_via().branch(), message.cseq().method);
        let status = message.status().unwrap_or(0);
        if self.tell(key, Event::Response(status), at_us)? == Owes::Ack {
            self.owed.insert(key, Owes::Ack);
        }
        Ok(())
    }

    fn request_out(
        &mut self,
        at_us: u64,
        is_stream: bool,
        message: &Message,
    ) -> Result<(), String> {
        let method = message.method();
        let branch = message.top_via().branch();
        let of_invite = key(branch, Method::Invite);
        if method == Method::Ack {
            // The ACK to a 2xx has a branch of its own and no transaction.
            return match self.owed.remove(&of_invite) {
                None if self.sent.contains_key(&of_invite) => {
                    Err("an ACK that no failure asked for (RFC 3261 §17.1.1.2)".into())
                }
                _ => Ok(()),
            };
        }
        let key = key(branch, method);
        if self.sent.contains_key(&key) {
            self.tell(key, Event::SentAgain, at_us)?;
            return Ok(());
        }
        if method == Method::Cancel {
            if !self.may_be_cancelled(of_invite, at_us) {
                return Err(
                    "a CANCEL, and nobody gave up: the caller, timer C or another branch (RFC 3261 §16.7 step 10, §16.8, §16.10)"
                        .into(),
                );
            }
            self.tell(of_invite, Event::Cancel, at_us)?;
            if let Some(invite) = self.sent.get_mut(&of_invite) {
                invite.canceller = Some(key);
            }
        }
        let figure = match method {
            Method::Invite => {
                ClientFigure::Invite(InviteClient::begin(at_us, is_stream, &self.times))
            }
            _ => ClientFigure::Other(Client::begin(at_us, is_stream, &self.times)),
        };
        let upstream = message
            .vias()
            .nth(1)
            .map(|via| self::key(via.value.branch(), method));
        if let Some(received) = upstream.and_then(|key| self.received.get_mut(&key)) {
            received.branches.push(key);
        }
        self.wake(figure.wakes_us(), Wake::Sent(key));
        let sent = Sent {
            figure,
            name: name(message),
            upstream,
            canceller: None,
        };
        self.sent.insert(key, sent);
        Ok(())
    }

    fn response_out(&mut self, at_us: u64, status: u16, message: &Message) -> Result<(), String> {
        let method = message.cseq().method;
        let key = key(message.top_via().branch(), method);
        let cause = match self.took_in {
            TookIn::Request(request) if request == key => Cause::Request,
            TookIn::Response => Cause::Response,
            // A response whose reply route has waited goes on by the time.
            TookIn::Nothing if self.times.script_waits_us > 0 && status / 100 == 2 => {
                Cause::Response
            }
            TookIn::Request(_) | TookIn::Nothing => Cause::Time,
        };
        if cause == Cause::Request {
            self.owed.remove(&key);
        }
        let Some(received) = self.received.get_mut(&key) else {
            return Ok(());
        };
        if status >= 300
            && !received.figure.is_answered()
            && !received.is_cancelled
            && let Some(open) = received
                .branches
                .iter()
                .filter_map(|branch| self.sent.get(branch))
                .find(|sent| sent.figure.is_open(at_us))
        {
            return Err(format!(
                "{status} while a branch may still be answered (RFC 3261 §16.7 step 6): {} in {:?}",
                open.name, open.figure
            ));
        }
        // What did not wait for another shard has no transaction: every copy is answered anew.
        let is_stateless =
            received.is_register && cause == Cause::Request && received.figure.is_heard_only();
        received
            .figure
            .responded(status, cause, at_us, &self.times)?;
        if is_stateless && let ServerFigure::Other(figure) = &mut received.figure {
            figure.end();
        }
        let wakes_us = received.figure.wakes_us();
        self.wake(wakes_us, Wake::Received(key));
        Ok(())
    }

    fn may_be_cancelled(&self, key: Key, at_us: u64) -> bool {
        let Some(sent) = self
            .sent
            .get(&key)
            .filter(|sent| sent.figure.is_open(at_us))
        else {
            return true;
        };
        let Some(received) = sent.upstream.and_then(|key| self.received.get(&key)) else {
            return true;
        };
        let mut branches = received
            .branches
            .iter()
            .filter_map(|key| self.sent.get(key));
        received.is_cancelled
            || received.figure.is_answered()
            || branches.any(|sent| !sent.figure.is_waiting())
    }

    fn tell(&mut self, key: Key, event: Event, at_us: u64) -> Result<Owes, String> {
        let Some(sent) = self.sent.get_mut(&key) else {
            return Ok(Owes::Nothing);
        };
        sent.figure.expire(at_us);
        let owes = sent.figure.on_event(event, at_us, &self.times)?;
        let wakes_us = sent.figure.wakes_us();
        self.wake(wakes_us, Wake::Sent(key));
        self.settle(key);
        Ok(owes)
    }

    fn pass_sent(&mut self, key: Key, at_us: u64) -> Result<(), String> {
        let Some(sent) = self.sent.get_mut(&key) else {
            return Ok(());
        };
        sent.figure
            .pass(at_us)
            .map_err(|what| format!("{at_us} us: {what}: {}", sent.name))?;
        self.settle(key);
        while let Some(key) = self.to_judge.pop() {
            self.judge(key, at_us)?;
        }
        Ok(())
    }

    fn pass_received(&mut self, key: Key, at_us: u64) -> Result<(), String> {
        let Some(received) = self.received.get_mut(&key) else {
            return Ok(());
        };
        received
            .figure
            .pass(at_us)
            .map_err(|what| format!("{at_us} us: {what}: {}", received.name))?;
        Ok(())
    }

    /// After a change of a client: what hangs on it.
    fn settle(&mut self, key: Key) {
        let Some(sent) = self.sent.get(&key) else {
            return;
        };
        if !sent.figure.is_waiting() {
            self.to_judge.extend(sent.upstream);
        }
        // A CANCEL ends with its INVITE: nobody could match its response.
        if let Some(canceller) = sent.canceller.filter(|_| sent.figure.ends_us().is_none())
            && let Some(Sent {
                figure: ClientFigure::Other(figure),
                ..
            }) = self.sent.get_mut(&canceller)
        {
            figure.end();
        }
    }

    /// Whether a request all of whose branches are over has its answer. Anything but an INVITE may go
    /// without one (RFC 4320 §4.2), and its transaction with it.
    fn judge(&mut self, key: Key, at_us: u64) -> Result<(), String> {
        let Some(received) = self.received.get_mut(&key) else {
            return Ok(());
        };
        let is_waiting = received.branches.iter().any(|branch| {
            self.sent
                .get(branch)
                .is_some_and(|sent| sent.figure.is_waiting())
        });
        if is_waiting || received.figure.is_answered() {
            received.undecided_since = None;
            return Ok(());
        }
        let since_us = *received.undecided_since.get_or_insert(at_us);
        let until_us = since_us + self.times.script_waits_us;
        match &mut received.figure {
            ServerFigure::Invite(_) if at_us < until_us => {
                self.wake(Some(until_us), Wake::Undecided(key));
                Ok(())
            }
            ServerFigure::Invite(_) => Err(format!(
                "{at_us} us: all branches of an INVITE are over and it has no final response (RFC 3261 §16.7): {}",
                received.name
            )),
            ServerFigure::Other(figure) => {
                figure.end();
                Ok(())
            }
        }
    }

    /// The tables hold what there must be, give or take what ends in this millisecond.
    fn compare(&self, at_us: u64, clients: usize, servers: usize) -> Result<(), String> {
        let open = |branches: &[Key], is_so: fn(&ClientFigure, u64) -> bool| {
            branches
                .iter()
                .filter_map(|branch| self.sent.get(branch))
                .any(|sent| is_so(&sent.figure, at_us))
        };
        let mut bounds = [[0usize; 2]; 2];
        for sent in self.sent.values() {
            bounds[0][0] += usize::from(sent.figure.must_be(at_us));
            bounds[0][1] += usize::from(sent.figure.may_be(at_us));
        }
        for received in self.received.values() {
            let (must, may) = match received.figure.ends_us() {
                Some(ends_us) => (at_us < ends_us, at_us <= ends_us + LATE_US),
                None if received.figure.has_ended() => (false, false),
                None if received.figure.is_heard_only() => (
                    open(&received.branches, ClientFigure::is_open),
                    // Without a branch it waits for another shard.
                    received.branches.is_empty()
                        || open(&received.branches, |figure, _| figure.is_waiting()),
                ),
                None => (true, true),
            };
            bounds[1][0] += usize::from(must);
            bounds[1][1] += usize::from(may);
        }
        for (what, count, [least, most]) in [
            ("client", clients, bounds[0]),
            ("server", servers, bounds[1]),
        ] {
            if !(least..=most).contains(&count) {
                return Err(format!(
                    "{at_us} us: {count} {what} transactions where RFC 3261 §17 leaves {least} to {most}: a timer that ends one was not set, or to a wrong time"
                ));
            }
        }
        Ok(())
    }

    fn wake(&mut self, at_us: Option<u64>, wake: Wake) {
        if let Some(at_us) = at_us {
            self.wakes.push(Reverse((at_us, wake)));
        }
    }
}

/// §17.1.3, §17.2.3: the branch, and the method that tells a CANCEL from its INVITE.
fn key(branch: &[u8], method: Method<'_>) -> Key {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((branch, method.as_bytes()))
}

fn name(message: &Message) -> String {
    format!(
        "{} {} of {}",
        String::from_utf8_lossy(message.method().as_bytes()),
        String::from_utf8_lossy(message.top_via().branch()),
        String::from_utf8_lossy(message.call_id()),
    )
}
