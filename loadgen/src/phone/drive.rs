//! Moves received messages and due timers to the transactions, and what follows from them to the calls.
//!
//! A response finds its transaction by the token in our branch. A request finds its by a hash of what
//! RFC 3261 §17.2.3 compares, in one table; an INVITE stands there twice, the second time without its
//! branch, so that a merged request is seen (§8.2.2.2).

use std::hash::Hasher;
use std::net::SocketAddr;

use ahash::RandomState;
use parser::{Frame, Message, Rejected, Response, Via};

use super::limits::{BUFFER_BYTES_MAX, BUFFERS_POOLED};
use super::slab::Key;
use super::token::{Kind, TOKEN_BYTES};
use super::transaction::{
    Actions, Machine, NEVER, Owner, Transaction, client_invite, client_other, server_invite,
    server_other,
};
use super::wheel::TimerId;
use super::{CallId, Micros, Notice, Outbox, Phone, Send, Verb, What};

/// One event in the making: its time, and where its consequences go.
pub(crate) struct Turn<'o> {
    pub(crate) now: Micros,
    pub(crate) out: &'o mut Outbox,
}

impl Turn<'_> {
    /// Where the bytes of the next message will begin.
    pub(crate) fn begin(&self) -> usize {
        self.out.bytes.len()
    }

    /// Sends what was written since `start`.
    pub(crate) fn send(&mut self, start: usize, line: u32, to: SocketAddr, repeated: bool) {
        let end = self.out.bytes.len();
        self.out.sends.push(Send {
            line,
            to,
            repeated,
            start: start as u32,
            end: end as u32,
        });
    }

    pub(crate) fn notice(&mut self, call: Key, tag: u64, what: What) {
        self.out.notices.push(Notice {
            call: CallId(call.to_u64()),
            tag,
            at: self.now,
            what,
        });
    }
}

/// What a transaction can meet. Each figure takes what concerns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Response(u16),
    Request,
    Ack,
    /// What our core answers.
    Respond(u16),
    Repeat,
    Deadline,
}

impl Phone {
    pub(crate) fn receive(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        bytes: &[u8],
        from: SocketAddr,
    ) {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return; // A keep-alive.
        }
        let message = match Message::parse(Frame::copy_of(bytes)) {
            Ok(message) => message,
            Err(rejected) => return self.refuse(turn, line, from, &rejected),
        };
        if self.settings.check
            && let Err(fault) = message.check()
        {
            return self.refuse(turn, line, from, &Rejected { message, fault });
        }
        if message.is_request() {
            self.counters.requests_received += 1;
            self.on_request(turn, line, from, &message);
        } else {
            self.counters.responses_received += 1;
            self.on_response(turn, &message);
        }
    }

    /// All timers that are due.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some((_, payload)) = self.wheel.pop(turn.now) {
            let (kind, key) = unpack(payload);
            match kind {
                TimerKind::Transaction => self.on_transaction_timer(turn, key),
                TimerKind::Call => self.on_call_timer(turn, key),
                TimerKind::Registration => self.on_registration_timer(turn, key),
            }
        }
    }

    fn refuse(&mut self, turn: &mut Turn<'_>, line: u32, from: SocketAddr, rejected: &Rejected) {
        self.counters.malformed += 1;
        let Some(code) = rejected.fault.status() else {
            return;
        };
        let response = Response {
            code,
            source: Some(from),
            to_tag: Some(b"malformed"),
            ..Response::default()
        };
        let to = self.response_address(&rejected.message.top_via(), from);
        let start = turn.begin();
        response.write(&rejected.message, &mut turn.out.bytes);
        self.counters.responses_sent += 1;
        turn.send(start, line, to, false);
    }

    // Responses: client transactions.

    fn on_response(&mut self, turn: &mut Turn<'_>, message: &Message) {
        let status = message.status().unwrap_or(0);
        let cseq = message.cseq();
        let verb = Verb::of(cseq.method);
        let Some(key) = self.client_of(message, verb) else {
            self.counters.strays += 1;
            return;
        };
        // RFC 3261 §8.1.3.3: more than one Via means it was not for us.
        let misdirected = message.vias().nth(1).is_some();
        let known = self
            .transactions
            .get(key)
            .is_some_and(|t| t.verb == verb && t.cseq == cseq.number);
        if !known || misdirected {
            self.counters.strays += 1;
            return;
        }
        let Some(actions) = self.step(turn, key, Input::Response(status)) else {
            return;
        };
        if actions.acknowledge {
            self.acknowledge(turn, key, message, !actions.tell);
        }
        if actions.tell {
            self.tell(turn, key, status, message);
        } else if status >= 200 {
            self.counters.responses_absorbed += 1;
        }
        if status >= 200 {
            self.finish_client(turn, key, status, actions.tell);
        }
        self.settle(turn, key);
    }

    fn client_of(&self, message: &Message, verb: Verb) -> Option<Key> {
        let via = message.top_via();
        let key = self
            .mint
            .read(Kind::Branch, via.branch().strip_prefix(COOKIE)?)?;
        let transaction = self.transactions.get(key)?;
        if verb != Verb::Cancel || transaction.verb == Verb::Cancel {
            return Some(key);
        }
        // A CANCEL goes out under the branch of its INVITE (§9.1).
        match transaction.owner {
            Owner::Call(call) => self.calls.get(call).map(|call| call.cancel),
            Owner::Registration(_) | Owner::Probe(_) | Owner::Nobody => None,
        }
    }

    /// The ACK to a final response of 300 or more (§17.1.1.3).
    fn acknowledge(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message, repeated: bool) {
        let Some(transaction) = self.transactions.get_mut(key) else {
            return;
        };
        let start = turn.begin();
        if repeated {
            self.counters.responses_absorbed += 1;
            turn.out.bytes.extend_from_slice(&transaction.text);
        } else if parser::writer::write_ack(&transaction.text, message, &mut turn.out.bytes)
            .is_err()
        {
            turn.out.bytes.truncate(start);
            return;
        }
        self.counters.requests_sent += 1;
        turn.send(start, transaction.line, transaction.to, repeated);
    }

    /// Tells the owner of a client transaction what came.
    fn tell(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, message: &Message) {
        let Some(transaction) = self.transactions.get(key) else {
            return;
        };
        let (owner, verb) = (transaction.owner, transaction.verb);
        match (owner, verb) {
            (Owner::Call(call), Verb::Invite) => {
                self.on_invite_response(turn, call, key, status, message)
            }
            (Owner::Call(call), Verb::Bye) => {
                self.on_bye_response(turn, call, key, status, message)
            }
            (Owner::Registration(registration), _) => {
                self.on_register_response(turn, registration, key, status, message);
            }
            (Owner::Probe(tag), _) => self.on_probe_response(turn, tag, key, status, message),
            // A CANCEL's own response decides nothing: the INVITE's does.
            (Owner::Call(_), _) | (Owner::Nobody, _) => {}
        }
    }

    /// After a final response: what is kept is the ACK to a failure, else nothing.
    fn finish_client(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, first: bool) {
        if !first {
            return;
        }
        let late = self
            .settings
            .faults
            .late_retransmission
            .strikes(&mut self.random);
        let Some(transaction) = self.transactions.get_mut(key) else {
            return;
        };
        if late && !self.around.transport.is_reliable() {
            transaction.repeat_at = turn.now + LATE;
            transaction.late = true;
            return;
        }
        let mut text = std::mem::take(&mut transaction.text);
        if transaction.verb == Verb::Invite && status >= 300 {
            let ack = turn
                .out
                .sends
                .iter()
                .rev()
                .find(|send| is_ack(turn.out.bytes_of(send)));
            if let Some(ack) = ack {
                text.clear();
                text.extend_from_slice(turn.out.bytes_of(ack));
                transaction.text = text;
                return;
            }
        }
        self.buffers.give(text);
    }

    // Requests: server transactions.

    fn on_request(&mut self, turn: &mut Turn<'_>, line: u32, from: SocketAddr, message: &Message) {
        let verb = Verb::of(message.method());
        let table_key = self.table_key(
            message,
            if verb == Verb::Ack {
                Verb::Invite
            } else {
                verb
            },
        );
        let known = self.servers.get(&table_key).copied();
        match (known, verb) {
            (known, Verb::Ack) => self.on_ack(turn, known, message),
            (Some(key), _) => self.on_repeated_request(turn, key, line, from, message),
            (None, Verb::Invite) => self.on_invite(turn, line, from, message, table_key),
            (None, Verb::Cancel) => self.on_cancel(turn, line, from, message, table_key),
            (None, Verb::Bye) => self.on_bye(turn, line, from, message, table_key),
            (None, _) => self.on_other_request(turn, line, from, message, table_key, verb),
        }
    }

    /// The ACK to a failure comes under its INVITE's branch, the ACK to a 2xx under its own: then the
    /// dialog knows which INVITE it means.
    fn on_ack(&mut self, turn: &mut Turn<'_>, known: Option<Key>, message: &Message) {
        let key = known.or_else(|| {
            let call = self.calls.get(self.dialog_of(message)?)?;
            let pending = self.transactions.get(call.invite)?;
            (pending.cseq == message.cseq().number).then_some(call.invite)
        });
        let Some(key) = key.filter(|&key| self.is_server_invite(key)) else {
            self.counters.strays += 1;
            return;
        };
        let Some(actions) = self.step(turn, key, Input::Ack) else {
            return;
        };
        if let Some(transaction) = self.transactions.get_mut(key)
            && (actions.tell || actions.repeat_in.is_some())
        {
            self.buffers.give(std::mem::take(&mut transaction.text));
        }
        if actions.tell {
            self.on_acknowledged(turn, key);
        } else if actions.deadline_in.is_none() {
            self.counters.requests_absorbed += 1;
        }
        self.settle(turn, key);
    }

    fn is_server_invite(&self, key: Key) -> bool {
        self.transactions
            .get(key)
            .is_some_and(|t| matches!(t.machine, Machine::ServerInvite(_)))
    }

    fn on_repeated_request(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        line: u32,
        from: SocketAddr,
        message: &Message,
    ) {
        self.counters.requests_absorbed += 1;
        let Some(actions) = self.step(turn, key, Input::Request) else {
            return;
        };
        if actions.repeat {
            let Some(transaction) = self.transactions.get(key) else {
                return;
            };
            let (status, owner) = (transaction.status, transaction.owner);
            let ringing = matches!(
                transaction.machine,
                Machine::ServerInvite(server_invite::State::Proceeding)
            );
            let rebuilt = ringing || matches!(transaction.machine, Machine::ServerOther(_));
            if !rebuilt {
                self.repeat(turn, key);
            } else if status != 0 {
                let tag = self.tag_for(key, owner);
                self.write_response(turn, line, from, message, status, &tag, &[], true);
            }
        }
        self.settle(turn, key);
    }

    /// The tag of responses of a server transaction: its call's, else its own.
    pub(crate) fn tag_for(&self, key: Key, owner: Owner) -> [u8; TOKEN_BYTES] {
        match owner {
            Owner::Call(call) => self.mint.token(Kind::Tag, call),
            Owner::Registration(_) | Owner::Probe(_) | Owner::Nobody => {
                self.mint.token(Kind::Probe, key)
            }
        }
    }

    /// Answers a request at once and remembers the answer for its retransmissions.
    #[allow(clippy::too_many_arguments, reason = "a request and its answer")]
    pub(crate) fn reply(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
        status: u16,
        owner: Owner,
        headers: &[u8],
    ) {
        let machine = Machine::ServerOther(server_other::State::Completed);
        let Some(key) =
            self.create_server(turn, line, from, message, machine, owner, [table_key, 0])
        else {
            return self.write_response(turn, line, from, message, 503, b"full", &[], false);
        };
        let tag = self.tag_for(key, owner);
        self.write_response(turn, line, from, message, status, &tag, headers, false);
        let wait = self.around.absorbing(self.around.timers.linger);
        if let Some(transaction) = self.transactions.get_mut(key) {
            transaction.status = status;
            transaction.deadline = turn.now + wait;
        }
        self.settle(turn, key);
    }

    /// Writes and sends a response that nothing is kept of.
    #[allow(clippy::too_many_arguments, reason = "a request and its answer")]
    pub(crate) fn write_response(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        code: u16,
        tag: &[u8],
        headers: &[u8],
        repeated: bool,
    ) {
        let to_tag = (code > 100).then_some(tag);
        let response = Response {
            code,
            to_tag,
            source: Some(from),
            headers,
            ..Response::default()
        };
        let to = self.response_address(&message.top_via(), from);
        let start = turn.begin();
        response.write(message, &mut turn.out.bytes);
        self.counters.responses_sent += 1;
        if repeated {
            self.counters.responses_repeated += 1;
        }
        turn.send(start, line, to, repeated);
        self.duplicate(turn);
    }

    #[allow(clippy::too_many_arguments, reason = "a record and its places")]
    pub(crate) fn create_server(
        &mut self,
        turn: &Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        machine: Machine,
        owner: Owner,
        table_keys: [u64; 2],
    ) -> Option<Key> {
        let key = self.transactions.insert(Transaction {
            machine,
            owner,
            verb: Verb::of(message.method()),
            cseq: message.cseq().number,
            line,
            to: self.response_address(&message.top_via(), from),
            started: turn.now,
            repeat_at: NEVER,
            deadline: NEVER,
            interval: 0,
            timer: TimerId::NONE,
            table_keys,
            text: Vec::new(),
            status: 0,
            challenges: 0,
            late: false,
        })?;
        for table_key in table_keys.into_iter().filter(|&table_key| table_key != 0) {
            self.servers.insert(table_key, key);
        }
        Some(key)
    }

    /// RFC 3261 §18.2.2, RFC 3581 §4.
    pub(crate) fn response_address(&self, via: &Via<'_>, from: SocketAddr) -> SocketAddr {
        if self.around.transport.is_reliable() || via.rport().is_some() {
            return from;
        }
        SocketAddr::new(from.ip(), via.port.unwrap_or(5060))
    }

    /// What the table of server transactions is asked by.
    pub(crate) fn table_key(&self, message: &Message, verb: Verb) -> u64 {
        let via = message.top_via();
        if via.has_magic_cookie() {
            return hash_of((via.branch(), via.sent_by, verb));
        }
        // A peer of RFC 2543: no branch to trust, so everything else has to agree.
        let cseq = message.cseq().number;
        hash_of((
            via.sent_by,
            verb,
            message.call_id(),
            message.from_tag(),
            cseq,
            message.request_uri(),
        ))
    }

    /// The same without the branch: two requests that agree here and not above were forked and met again.
    pub(crate) fn merged_key(&self, message: &Message) -> u64 {
        hash_of((message.call_id(), message.from_tag(), message.cseq().number))
    }

    // Clients: sending.

    /// The key and branch of the client transaction that [`launch`](Self::launch) makes next.
    pub(crate) fn reserve(&self) -> Option<(Key, [u8; TOKEN_BYTES])> {
        let key = self.transactions.next_key()?;
        Some((key, self.mint.token(Kind::Branch, key)))
    }

    /// Sends the request written since `start` and begins its transaction.
    #[allow(clippy::too_many_arguments, reason = "a record")]
    pub(crate) fn launch(
        &mut self,
        turn: &mut Turn<'_>,
        start: usize,
        owner: Owner,
        verb: Verb,
        cseq: u32,
        line: u32,
        to: SocketAddr,
    ) -> Option<Key> {
        let (mut interval, mut actions) = (0, Actions::default());
        let machine = if verb == Verb::Invite {
            Machine::ClientInvite(client_invite::State::begin(
                &self.around,
                &mut interval,
                &mut actions,
            ))
        } else {
            Machine::ClientOther(client_other::State::begin(
                &self.around,
                &mut interval,
                &mut actions,
            ))
        };
        let mut text = self.buffers.take();
        text.extend_from_slice(&turn.out.bytes[start..]);
        let key = self.transactions.insert(Transaction {
            machine,
            owner,
            verb,
            cseq,
            line,
            to,
            started: turn.now,
            repeat_at: actions.repeat_in.map_or(NEVER, |wait| turn.now + wait),
            deadline: actions.deadline_in.map_or(NEVER, |wait| turn.now + wait),
            interval,
            timer: TimerId::NONE,
            table_keys: [0; 2],
            text,
            status: 0,
            challenges: 0,
            late: false,
        })?;
        self.counters.requests_sent += 1;
        turn.send(start, line, to, false);
        self.duplicate(turn);
        self.arm(key);
        Some(key)
    }

    /// A knob: the last message once more.
    pub(crate) fn duplicate(&mut self, turn: &mut Turn<'_>) {
        if self.settings.faults.duplicate.strikes(&mut self.random)
            && let Some(&send) = turn.out.sends.last()
        {
            turn.out.sends.push(Send {
                repeated: true,
                ..send
            });
        }
    }

    fn repeat(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(transaction) = self.transactions.get(key) else {
            return;
        };
        if transaction.text.is_empty() {
            return;
        }
        let start = turn.begin();
        turn.out.bytes.extend_from_slice(&transaction.text);
        turn.send(start, transaction.line, transaction.to, true);
        match (&transaction.machine, transaction.verb) {
            (Machine::ServerInvite(_) | Machine::ServerOther(_), _) => {
                self.counters.responses_sent += 1;
                self.counters.responses_repeated += 1;
                return;
            }
            (_, Verb::Invite) => self.counters.invites_repeated += 1,
            (_, Verb::Bye) => self.counters.byes_repeated += 1,
            (_, _) => self.counters.others_repeated += 1,
        }
        self.counters.requests_sent += 1;
    }

    // Both: the figures and their clocks.

    /// Moves a transaction by one input and sets its clocks; [`settle`](Self::settle) must follow. `None` when
    /// there is no such transaction.
    pub(crate) fn step(&mut self, turn: &Turn<'_>, key: Key, input: Input) -> Option<Actions> {
        let around = self.around;
        let transaction = self.transactions.get_mut(key)?;
        let interval = &mut transaction.interval;
        let mut actions = Actions::default();
        match &mut transaction.machine {
            Machine::ClientInvite(state) => {
                use client_invite::Event;
                let event = match input {
                    Input::Response(..200) => Event::Provisional,
                    Input::Response(..300) => Event::Success,
                    Input::Response(_) => Event::Failure,
                    Input::Repeat => Event::Repeat,
                    Input::Deadline => Event::Deadline,
                    Input::Request | Input::Ack | Input::Respond(_) => return None,
                };
                *state = state.on_event(event, &around, interval, &mut actions);
            }
            Machine::ClientOther(state) => {
                use client_other::Event;
                let event = match input {
                    Input::Response(..200) => Event::Provisional,
                    Input::Response(_) => Event::Final,
                    Input::Repeat => Event::Repeat,
                    Input::Deadline => Event::Deadline,
                    Input::Request | Input::Ack | Input::Respond(_) => return None,
                };
                *state = state.on_event(event, &around, interval, &mut actions);
            }
            Machine::ServerInvite(state) => {
                use server_invite::Event;
                let event = match input {
                    Input::Request => Event::Request,
                    Input::Ack => Event::Ack,
                    Input::Respond(..200) => Event::Provisional,
                    Input::Respond(..300) => Event::Success,
                    Input::Respond(_) => Event::Failure,
                    Input::Repeat => Event::Repeat,
                    Input::Deadline => Event::Deadline,
                    Input::Response(_) => return None,
                };
                *state = state.on_event(event, &around, interval, &mut actions);
            }
            Machine::ServerOther(state) => {
                use server_other::Event;
                let event = match input {
                    Input::Request => Event::Request,
                    Input::Deadline => Event::Deadline,
                    Input::Response(_) | Input::Ack | Input::Respond(_) | Input::Repeat => {
                        return None;
                    }
                };
                *state = state.on_event(event, &mut actions);
            }
        }
        if let Some(wait) = actions.repeat_in {
            transaction.repeat_at = turn.now.saturating_add(wait);
        }
        if let Some(wait) = actions.deadline_in {
            transaction.deadline = turn.now.saturating_add(wait);
        }
        Some(actions)
    }

    /// After a step and all that followed: frees a transaction that has ended, sets the clock of any other.
    pub(crate) fn settle(&mut self, _turn: &Turn<'_>, key: Key) {
        let Some(transaction) = self.transactions.get(key) else {
            return;
        };
        let ended = match transaction.machine {
            Machine::ClientInvite(state) => state == client_invite::State::Terminated,
            Machine::ClientOther(state) => state == client_other::State::Terminated,
            Machine::ServerInvite(state) => state == server_invite::State::Terminated,
            Machine::ServerOther(state) => state == server_other::State::Terminated,
        };
        if ended {
            self.free_transaction(key)
        } else {
            self.arm(key)
        }
    }

    pub(crate) fn free_transaction(&mut self, key: Key) {
        let Some(mut transaction) = self.transactions.remove(key) else {
            return;
        };
        self.wheel.cancel(&mut transaction.timer);
        for table_key in transaction.table_keys {
            if table_key != 0 && self.servers.get(&table_key) == Some(&key) {
                self.servers.remove(&table_key);
            }
        }
        self.buffers.give(transaction.text);
    }

    fn arm(&mut self, key: Key) {
        let Some(transaction) = self.transactions.get_mut(key) else {
            return;
        };
        self.wheel.cancel(&mut transaction.timer);
        let due = transaction.repeat_at.min(transaction.deadline);
        if due < NEVER {
            transaction.timer = self.wheel.set(due, pack(TimerKind::Transaction, key));
        }
    }

    fn on_transaction_timer(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(transaction) = self.transactions.get_mut(key) else {
            return;
        };
        transaction.timer = TimerId::NONE;
        let input = if transaction.deadline <= turn.now {
            Input::Deadline
        } else if transaction.repeat_at <= turn.now {
            Input::Repeat
        } else {
            return self.arm(key);
        };
        let Some(actions) = self.step(turn, key, input) else {
            return;
        };
        if actions.repeat {
            self.repeat(turn, key);
        }
        if actions.timeout {
            self.on_timeout(turn, key);
        }
        self.settle(turn, key);
    }

    fn on_timeout(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(transaction) = self.transactions.get(key) else {
            return;
        };
        let (owner, verb) = (transaction.owner, transaction.verb);
        match owner {
            Owner::Call(call) => self.on_call_timeout(turn, call, key, verb),
            Owner::Registration(registration) => self.on_register_timeout(turn, registration),
            Owner::Probe(tag) => self.on_probe_timeout(turn, tag),
            Owner::Nobody => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerKind {
    Transaction,
    Call,
    Registration,
}

/// A timer's payload: the record's key, with the kind in the two highest bits of the slot.
pub(crate) fn pack(kind: TimerKind, key: Key) -> u64 {
    key.to_u64() | (kind as u64) << KIND_SHIFT
}

fn unpack(payload: u64) -> (TimerKind, Key) {
    let kind = match payload >> KIND_SHIFT & 3 {
        0 => TimerKind::Transaction,
        1 => TimerKind::Call,
        _ => TimerKind::Registration,
    };
    (kind, Key::from_u64(payload & !(3 << KIND_SHIFT)))
}

const KIND_SHIFT: u32 = 30;
const _: () = assert!(
    super::limits::TRANSACTIONS_MAX < 1 << KIND_SHIFT && super::limits::CALLS_MAX < 1 << KIND_SHIFT
);

pub(crate) const COOKIE: &[u8] = b"z9hG4bK";

/// When a late retransmission goes out: after the peer's Timer K would have, before Timer J.
const LATE: Micros = 2_000_000;

fn is_ack(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ACK ")
}

fn hash_of(parts: impl std::hash::Hash) -> u64 {
    // Fixed seeds: a run is repeated exactly. Zero means "no place" in a transaction's record.
    RandomState::with_seeds(1, 2, 3, 4).hash_one(parts).max(1)
}

/// The table's keys are hashes already.
#[derive(Debug, Default)]
pub(crate) struct PlainHasher(u64);

impl Hasher for PlainHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Buffers for the texts of calls and transactions, used again.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity > 0 && capacity <= BUFFER_BYTES_MAX && self.spare.len() < BUFFERS_POOLED {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}
