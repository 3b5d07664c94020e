//! Calls of a scenario: sans I/O, as the phones are.
//!
//! A [`Machine`] takes a start, a datagram or the time, and leaves datagrams in an [`Outbox`]. A call is a record in
//! a slab that walks through the steps of the program until it has to wait. Nothing here knows a socket or a clock.
//!
//! Owned by the thread: each has its own calls, global variables and users.

mod abort;
mod act;
mod receive;
mod step;
mod write;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::compile::Constants;
use super::limits::{BUFFER_BYTES_MAX, BUFFERS_POOLED, CALLS_MAX};
use super::program::{Program, Role, Scope, Stop, VariableId};
use super::tally::{Cause, Tally, enter};
use super::value::{Value, number_of};
use crate::phone::slab::{Key, Slab};
use crate::phone::wheel::{TimerId, Wheel};
use crate::phone::{Micros, Outbox};

/// What calls of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) constants: Constants,
    /// Where a caller's messages go, when not to the constants' remote.
    pub(crate) via: Option<SocketAddr>,
    pub(crate) base_cseq: u32,
    /// `%u` call number, `%p` process id, `%s` local address.
    pub(crate) call_id_form: String,
    /// Retransmissions of an INVITE, of anything else.
    pub(crate) repeats_max: (u32, u32),
    /// Whether anything is sent again.
    pub(crate) repeats: bool,
    /// Microseconds; of every `recv` without one of its own.
    pub(crate) receive_timeout: Option<Micros>,
    /// Microseconds; of a `pause` that says nothing.
    pub(crate) pause: Micros,
    /// Microseconds; how long a call that is over answers what is repeated.
    pub(crate) linger: Micros,
    /// Requests nobody waits for are answered with 200: INFO, NOTIFY, OPTIONS, UPDATE.
    pub(crate) answers: bool,
    /// What no step waits for is answered, and calls that fail are cancelled or hung up.
    pub(crate) tidies: bool,
    pub(crate) auth_uri: Option<String>,
    pub(crate) users: u32,
    /// `-set`.
    pub(crate) set: Vec<(String, String)>,
    /// Threads of the run: calls are numbered across them.
    pub(crate) threads: u64,
    /// Microseconds since 1970 when the clock of the run was at 0.
    pub(crate) epoch: Micros,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Stopped,
    Failed(Cause, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Receiving,
    Pausing,
    /// Over; only answers what is repeated.
    Ended,
}

/// Which timer of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clocked {
    /// The end of a pause, of waiting for a message, of lingering.
    Wait,
    Repeat,
}

/// What is sent again when the repeat timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    Sent,
    Answer,
}

#[derive(Debug)]
struct Call {
    state: State,
    step: u32,
    number: u64,
    line: u32,
    user: u32,
    peer: SocketAddr,
    started: Micros,
    cseq: u32,
    wait: TimerId,
    repeat: TimerId,
    repeated: Repeated,
    repeats: u32,
    /// Milliseconds until the next retransmission.
    interval: u32,
    /// The step that the wait for a message is charged to.
    awaited: u32,
    /// Methods that have no final response yet, a bit each.
    outstanding: u32,
    /// A request of an unforeseen method has been sent: any response may be its.
    anything: bool,
    /// Digests of the last messages received, so that repeats are known.
    seen: [u64; 4],
    seen_next: u8,
    last_request: u64,
    last_response: u64,
    /// What `answer` answers.
    answered: u64,
    answer_step: u32,
    sent_step: u32,
    /// Timers that have been stopped, a bit each.
    stopped_timers: u32,
    timers: Box<[Micros]>,
    variables: Box<[Value]>,
    /// The row of each file of values.
    rows: Box<[u32]>,
    call_id: Vec<u8>,
    /// The last request sent (no ACK).
    sent: Vec<u8>,
    /// The last response sent, or the last ACK.
    answer: Vec<u8>,
    /// The last message received, if a later step looks at it.
    last: Vec<u8>,
    dialog: Option<Box<Dialog>>,
    early: Option<Box<Early>>,
}

/// Messages that wait until a pause is over, and who sent them.
type Early = VecDeque<(Vec<u8>, SocketAddr)>;

/// What messages said about the way back.
#[derive(Debug, Default)]
struct Dialog {
    peer_tag: Vec<u8>,
    /// A Route value.
    routes: Vec<u8>,
    next_url: Vec<u8>,
    challenge: Vec<u8>,
    /// The challenge came with 407.
    is_proxy: bool,
    /// How often credentials for this challenge were made.
    used: u32,
}

/// Everything but the calls.
struct World<'p> {
    program: &'p Program,
    settings: &'p Settings,
    /// Ports of the lines.
    ports: Vec<u16>,
    now: Micros,
    wheel: Wheel,
    random: fastrand::Rng,
    tally: Tally,
    globals: Vec<Value>,
    users: Vec<Vec<Value>>,
    /// Users whose call is over.
    free_users: Vec<u32>,
    stop: Option<Stop>,
    log: Vec<u8>,
    warnings: Vec<String>,
    pool: Vec<Vec<u8>>,
}

pub(crate) struct Machine<'p> {
    world: World<'p>,
    calls: Slab<Call>,
    by_id: HashMap<u64, Key, ahash::RandomState>,
    hasher: ahash::RandomState,
    /// Calls that are not over.
    open: usize,
    /// The number of the next call.
    number: u64,
}

impl<'p> Machine<'p> {
    /// `thread` numbers its calls apart from those of others.
    pub(crate) fn new(
        program: &'p Program,
        settings: &'p Settings,
        ports: Vec<u16>,
        thread: usize,
        seed: u64,
        now: Micros,
    ) -> Self {
        let mut globals = vec![Value::Unset; usize::from(program.slots.global)];
        for (name, text) in &settings.set {
            let found = program
                .variables
                .iter()
                .find(|known| known.name == *name && known.scope == Scope::Global);
            if let Some(variable) = found {
                globals[usize::from(variable.slot)] = given(text);
            }
        }
        let users = vec![
            vec![Value::Unset; usize::from(program.slots.user)];
            settings.users.max(1) as usize
        ];
        Self {
            world: World {
                program,
                settings,
                ports,
                now,
                wheel: Wheel::new(now),
                random: fastrand::Rng::with_seed(seed),
                tally: Tally::new(program, now),
                globals,
                users,
                free_users: Vec::new(),
                stop: None,
                log: Vec::new(),
                warnings: Vec::new(),
                pool: Vec::new(),
            },
            calls: Slab::new(CALLS_MAX),
            by_id: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 4, 5, 6)),
            hasher: ahash::RandomState::with_seeds(seed, 1, 2, 3),
            open: 0,
            number: thread as u64 + 1,
        }
    }

    /// Starts a call that was meant to start at `intended`.
    pub(crate) fn start(&mut self, now: Micros, intended: Micros, user: u32, out: &mut Outbox) {
        self.world.now = now;
        let line =
            ((self.number / self.world.settings.threads) % self.world.ports.len() as u64) as u32;
        let remote = self
            .world
            .settings
            .via
            .or(self.world.settings.constants.remote);
        let Some(peer) = remote else {
            return;
        };
        let mut call_id = self.world.buffer();
        self.write_call_id(&mut call_id);
        if let Some(key) = self.insert(call_id, line, peer, intended, user) {
            enter(&mut self.world.tally.lateness, now.saturating_sub(intended));
            self.world.tally.last_start = now;
            self.run(key, out);
        }
    }

    /// Lets timers run that are due.
    pub(crate) fn tick(&mut self, now: Micros, out: &mut Outbox) {
        self.world.now = now;
        while let Some((_, payload)) = self.world.wheel.pop(now) {
            let is_repeat = payload & REPEAT_BIT != 0;
            let key = Key::from_u64(payload & !REPEAT_BIT);
            if is_repeat {
                self.repeat(key, out);
            } else {
                self.wait_is_over(key, out);
            }
        }
    }

    pub(crate) fn next_due(&self) -> Option<Micros> {
        self.world.wheel.next_due()
    }

    /// Calls that are not over.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.world.tally
    }

    /// Counts from now on.
    pub(crate) fn begin(&mut self, now: Micros) {
        self.world.tally = Tally::new(self.world.program, now);
    }

    /// What the scenario asked of the whole run.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.world.stop
    }

    /// Users whose call is over.
    pub(crate) fn free_users(&mut self) -> &mut Vec<u32> {
        &mut self.world.free_users
    }

    /// What `<log>` wrote.
    pub(crate) fn log(&mut self) -> &mut Vec<u8> {
        &mut self.world.log
    }

    /// What `<warning>` said.
    pub(crate) fn warnings(&mut self) -> &mut Vec<String> {
        &mut self.world.warnings
    }

    /// The account; what is open is failed by its step.
    pub(crate) fn close(mut self) -> Tally {
        let open = self
            .calls
            .iter()
            .filter(|(_, call)| call.state != State::Ended);
        let steps: Vec<u32> = open.map(|(_, call)| call.step).collect();
        for step in steps {
            let step = self.world.program.awaited(step);
            self.world.tally.fail(Cause::Open, step);
        }
        self.world.tally
    }

    /// A record for a new call; `None`: the table is full, counted.
    fn insert(
        &mut self,
        call_id: Vec<u8>,
        line: u32,
        peer: SocketAddr,
        started: Micros,
        user: u32,
    ) -> Option<Key> {
        let hash = self.hasher.hash_one(&call_id[..]);
        let (program, number) = (self.world.program, self.number);
        let rows = self.world.rows(number, user);
        let call = Call {
            state: State::Running,
            step: 0,
            number,
            line,
            user,
            peer,
            started,
            cseq: self.world.settings.base_cseq.wrapping_sub(1),
            wait: TimerId::NONE,
            repeat: TimerId::NONE,
            repeated: Repeated::Sent,
            repeats: 0,
            interval: 0,
            awaited: 0,
            outstanding: 0,
            anything: false,
            seen: [0; 4],
            seen_next: 0,
            last_request: 0,
            last_response: 0,
            answered: 0,
            answer_step: 0,
            sent_step: 0,
            stopped_timers: 0,
            timers: vec![started; program.timers.len()].into_boxed_slice(),
            variables: vec![Value::Unset; usize::from(program.slots.call)].into_boxed_slice(),
            rows,
            call_id,
            sent: self.world.buffer(),
            answer: self.world.buffer(),
            last: Vec::new(),
            dialog: None,
            early: None,
        };
        let Some(key) = self.calls.insert(call) else {
            self.world.tally.refused += 1;
            return None;
        };
        self.by_id.insert(hash, key);
        self.number += self.world.settings.threads;
        self.open += 1;
        let tally = &mut self.world.tally;
        tally.started += 1;
        tally.open_max = tally.open_max.max(self.open as u64);
        tally.mark(self.world.now, 0);
        Some(key)
    }

    fn write_call_id(&self, out: &mut Vec<u8>) {
        let settings = self.world.settings;
        let mut letters = settings.call_id_form.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            match letters.next() {
                Some('u') => write::decimal(out, self.number as i64),
                Some('p') => write::decimal(out, i64::from(settings.constants.pid)),
                Some('s') => {
                    out.extend_from_slice(settings.constants.local_ip.to_string().as_bytes());
                }
                Some(other) => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {}
            }
        }
    }

    /// Walks on until the call waits or is over; early messages come in their turn.
    fn run(&mut self, key: Key, out: &mut Outbox) {
        loop {
            let Some(call) = self.calls.get_mut(key) else {
                return;
            };
            if let Some(end) = self.world.run(key, call, out) {
                self.finish(key, end, out);
                return;
            }
            let early = match (call.state, &mut call.early) {
                (State::Receiving, Some(early)) => early.pop_front(),
                _ => None,
            };
            let Some((bytes, from)) = early else {
                return;
            };
            let moved = self.take_early(key, &bytes, from, out);
            self.world.pool(bytes);
            if !moved {
                return;
            }
        }
    }

    /// The call is over; its record stays while it may be repeated to.
    fn finish(&mut self, key: Key, end: End, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let world = &mut self.world;
        let now = world.now;
        world.wheel.cancel(&mut call.wait);
        world.wheel.cancel(&mut call.repeat);
        call.state = State::Ended;
        self.open -= 1;
        match end {
            End::Done => {
                world.tally.succeeded += 1;
                world.tally.mark(now, 1);
                enter(&mut world.tally.lengths, now.saturating_sub(call.started));
            }
            End::Stopped => world.tally.stopped += 1,
            End::Failed(cause, step) => {
                world.tally.fail(cause, step);
                world.tally.mark(now, 2);
            }
        }
        if end != End::Done && world.settings.tidies {
            world.tidy(call, out);
        }
        if world.settings.users > 0 {
            world.free_users.push(call.user);
        }
        // Whoever ended well has nothing to take back.
        if end == End::Done {
            world.pool(std::mem::take(&mut call.sent));
        }
        world.pool(std::mem::take(&mut call.last));
        for (bytes, _) in call.early.take().into_iter().flat_map(|early| *early) {
            world.pool(bytes);
        }
        call.variables = Box::default();
        let linger = world.linger(call);
        if linger == 0 {
            self.remove(key);
        } else {
            call.wait = world.wheel.set(now + linger, timer(key, Clocked::Wait));
        }
    }

    fn remove(&mut self, key: Key) {
        let Some(mut call) = self.calls.remove(key) else {
            return;
        };
        self.world.wheel.cancel(&mut call.wait);
        self.world.wheel.cancel(&mut call.repeat);
        let hash = self.hasher.hash_one(&call.call_id[..]);
        if self.by_id.get(&hash) == Some(&key) {
            self.by_id.remove(&hash);
        }
        for buffer in [call.call_id, call.sent, call.answer, call.last] {
            self.world.pool(buffer);
        }
    }

    /// A pause, a wait for a message or the time to linger has passed.
    fn wait_is_over(&mut self, key: Key, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        call.wait = TimerId::NONE;
        let end = match call.state {
            State::Ended => {
                self.remove(key);
                return;
            }
            State::Pausing => {
                call.state = State::Running;
                self.world.leave(call);
                None
            }
            State::Receiving => self.world.receive_timed_out(call),
            State::Running => None,
        };
        match end {
            Some(end) => self.finish(key, end, out),
            None => self.run(key, out),
        }
    }

    fn repeat(&mut self, key: Key, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        call.repeat = TimerId::NONE;
        if let Some(end) = self.world.repeat(key, call, out) {
            self.finish(key, end, out);
        }
    }
}

impl World<'_> {
    fn buffer(&mut self) -> Vec<u8> {
        self.pool.pop().unwrap_or_default()
    }

    fn pool(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if self.pool.len() < BUFFERS_POOLED && (1..=BUFFER_BYTES_MAX).contains(&capacity) {
            buffer.clear();
            self.pool.push(buffer);
        }
    }

    /// The rows of a call, one a file.
    fn rows(&mut self, number: u64, user: u32) -> Box<[u32]> {
        use super::injection::Order;
        let files = &self.program.files;
        files
            .iter()
            .map(|file| {
                let rows = file.rows() as u64;
                match file.order {
                    Order::Sequential => ((number - 1) % rows) as u32,
                    Order::Random => self.random.u64(..rows) as u32,
                    Order::User => (u64::from(user) % rows) as u32,
                }
            })
            .collect()
    }

    fn value<'a>(&'a self, call: &'a Call, id: VariableId) -> &'a Value {
        let variable = &self.program.variables[usize::from(id)];
        let slot = usize::from(variable.slot);
        match variable.scope {
            Scope::Call => call.variables.get(slot),
            Scope::Global => self.globals.get(slot),
            Scope::User => self
                .users
                .get(call.user as usize)
                .and_then(|values| values.get(slot)),
        }
        .unwrap_or(&Value::Unset)
    }

    fn assign(&mut self, call: &mut Call, id: VariableId, value: Value) {
        let variable = &self.program.variables[usize::from(id)];
        let slot = usize::from(variable.slot);
        let place = match variable.scope {
            Scope::Call => call.variables.get_mut(slot),
            Scope::Global => self.globals.get_mut(slot),
            Scope::User => self
                .users
                .get_mut(call.user as usize)
                .and_then(|values| values.get_mut(slot)),
        };
        if let Some(place) = place {
            *place = value;
        }
    }

    /// How long a call that is over stays.
    fn linger(&self, call: &Call) -> Micros {
        let step = self.program.steps.get(call.step as usize);
        match step.map(|step| &step.kind) {
            Some(super::program::Kind::TimeWait(time)) => {
                self.settings.linger.max(u64::from(*time) * 1_000)
            }
            _ => self.settings.linger,
        }
    }

    fn is_callee(&self) -> bool {
        self.program.role == Role::Callee
    }
}

/// What `-set` gives: a number if it is one.
fn given(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(_) => number_of(text.as_bytes())
            .map_or_else(|| Value::Text(text.as_bytes().to_vec()), Value::Number),
        Err(_) => Value::Text(text.as_bytes().to_vec()),
    }
}

/// A timer's name: the key of its call (a slot is 31 bits) and which of its timers.
fn timer(key: Key, which: Clocked) -> u64 {
    match which {
        Clocked::Wait => key.to_u64(),
        Clocked::Repeat => key.to_u64() | REPEAT_BIT,
    }
}

const REPEAT_BIT: u64 = 1 << 31;
