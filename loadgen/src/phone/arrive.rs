//! What reaches a phone: messages, to the transaction and then the call they belong to.
//!
//! A response finds its transaction by the token in our branch. A request finds its by a hash of what
//! RFC 3261 §17.2.3 compares, in one table; an INVITE stands there twice, the second time without its
//! branch, so that a merged request is seen (§8.2.2.2).

use std::net::SocketAddr;

use ahash::RandomState;
use parser::{Frame, Message, Rejected, Response, Via};

use super::callee::unsupported;
use super::compose::ALLOW_LINE;
use super::drive::{COOKIE, Input, Turn};
use super::slab::Key;
use super::token::{Kind, TOKEN_BYTES};
use super::transaction::{Machine, NEVER, Owner, Transaction, server_invite, server_other};
use super::wheel::TimerId;
use super::{Micros, Phone, Verb};

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
        let mut message = match Message::parse(Frame::copy_of(bytes)) {
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

    fn client_of(&mut self, message: &Message, verb: Verb) -> Option<Key> {
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
            Owner::Call(call) => {
                self.wake(call);
                self.calls.get(call).map(|call| call.cancel)
            }
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
        if let Owner::Call(call) = owner {
            self.wake(call);
        }
        match (owner, verb) {
            (Owner::Call(call), Verb::Invite) => {
                self.on_invite_response(turn, call, key, status, message)
            }
            (Owner::Call(call), Verb::Bye) => {
                self.on_bye_response(turn, call, key, status, message)
            }
            (Owner::Call(call), Verb::Update) => {
                self.on_update_response(turn, call, key, status, message)
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
        let method = if verb == Verb::Ack {
            b"INVITE"
        } else {
            message.method().as_bytes()
        };
        let table_key = self.table_key(message, method);
        let known = self.servers.get(&table_key).copied();
        match (known, verb) {
            (known, Verb::Ack) => self.on_ack(turn, known, message),
            (Some(key), _) => self.on_repeated_request(turn, key, line, from, message),
            (None, Verb::Invite | Verb::Bye | Verb::Update)
                if self.is_stopped(turn, line, from, message, table_key, verb) => {}
            (None, Verb::Invite) => self.on_invite(turn, line, from, message, table_key),
            (None, Verb::Cancel) => self.on_cancel(turn, line, from, message, table_key),
            (None, Verb::Bye) => self.on_bye(turn, line, from, message, table_key),
            (None, Verb::Update) => self.on_update(turn, line, from, message, table_key),
            (None, _) => self.on_other_request(turn, line, from, message, table_key, verb),
        }
    }

    /// The ACK to a failure comes under its INVITE's branch, the ACK to a 2xx under its own: then the
    /// dialog knows which INVITE it means.
    fn on_ack(&mut self, turn: &mut Turn<'_>, known: Option<Key>, message: &Message) {
        let key = known.or_else(|| {
            let dialog = self.dialog_of(message)?;
            let call = self.calls.get(dialog)?;
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
                let unsupported = unsupported(message).filter(|_| status == 420);
                let headers: &[u8] = match (&unsupported, Verb::of(message.method())) {
                    (Some(line), _) => line,
                    (None, Verb::Invite | Verb::Bye | Verb::Cancel) => b"",
                    (None, _) => ALLOW_LINE,
                };
                self.write_response(turn, line, from, message, status, &tag, headers, true);
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
    pub(crate) fn table_key(&self, message: &Message, method: &[u8]) -> u64 {
        let via = message.top_via();
        if via.has_magic_cookie() {
            return hash_of((via.branch(), via.sent_by, method));
        }
        // A peer of RFC 2543: no branch to trust, so everything else has to agree.
        let cseq = message.cseq().number;
        hash_of((
            via.sent_by,
            method,
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
}

/// When a late retransmission goes out: after the peer's Timer K would have, before Timer J.
const LATE: Micros = 2_000_000;

fn is_ack(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ACK ")
}

fn hash_of(parts: impl std::hash::Hash) -> u64 {
    // Fixed seeds: a run is repeated exactly. Zero means "no place" in a transaction's record.
    RandomState::with_seeds(1, 2, 3, 4).hash_one(parts).max(1)
}
