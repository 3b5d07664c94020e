//! Drives the transactions: begins them, moves them by inputs and timers, repeats, frees.
//!
//! What arrives comes from `arrive.rs`; what follows goes to the calls.

use std::hash::Hasher;
use std::net::SocketAddr;

use super::call::Role;
use super::limits::{BUFFER_BYTES_MAX, BUFFERS_POOLED, REST_MIN};
use super::slab::Key;
use super::squeeze::TEXT_MAX;
use super::token::{Kind, TOKEN_BYTES};
use super::transaction::{
    Actions, Machine, NEVER, Owner, Transaction, client_invite, client_other, server_invite,
    server_other,
};
use super::wheel::TimerId;
use super::{CallId, CallState, Micros, Notice, Outbox, Phone, Send, Verb, What};

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
            repeat_at: actions
                .repeat_in
                .filter(|_| self.around.timers.repeats)
                .map_or(NEVER, |wait| turn.now + wait),
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

    pub(crate) fn repeat(&mut self, turn: &mut Turn<'_>, key: Key) {
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
        if let Owner::Call(call) = transaction.owner
            && let Some(tag) = self.calls.get(call).map(|call| call.tag)
        {
            turn.notice(call, tag, What::Repeated(transaction.verb));
        }
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
            let wait = if self.around.timers.repeats {
                wait
            } else {
                NEVER
            };
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
        let owner = self.transactions.get(key).map(|t| (t.owner, t.verb));
        if actions.timeout {
            self.on_timeout(turn, key);
        }
        self.settle(turn, key);
        if let (Input::Deadline, Some((Owner::Call(call), Verb::Invite))) = (input, owner) {
            self.rest(turn.now, call);
        }
    }

    // Calls that stand.

    /// Packs a call that only waits for its end, or for the other side's.
    pub(crate) fn rest(&mut self, now: Micros, key: Key) {
        if self.calls.is_resting(key) {
            return;
        }
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let may = call.role != Role::Fork
            && call.state == CallState::Established
            && !call.reinviting
            && call.forks.is_none()
            && call.hang_up_at.saturating_sub(now) >= REST_MIN
            && call.text.len() <= TEXT_MAX
            && self.transactions.get(call.invite).is_none();
        if may && let Some(buffer) = self.calls.rest(key) {
            self.buffers.give(buffer);
        }
    }

    /// Must come before anything is asked of a call that may rest.
    pub(crate) fn wake(&mut self, key: Key) {
        if self.calls.is_resting(key) {
            let buffer = self.buffers.take();
            self.calls.wake(key, buffer);
        }
    }

    fn on_timeout(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(transaction) = self.transactions.get(key) else {
            return;
        };
        let (owner, verb) = (transaction.owner, transaction.verb);
        if let Owner::Call(call) = owner {
            self.wake(call);
        }
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
