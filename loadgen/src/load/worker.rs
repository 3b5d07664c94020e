//! One thread: phones on sockets, by the schedule.
//!
//! A turn starts what is due, receives a batch from every ready socket, lets timers run, and sends. Between
//! turns it waits in epoll; while the next start is less than a millisecond away it only looks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quanta::Clock;

use super::part::{Part, Tag};
use super::people::{Person, fill};
use super::plan::{Callee, Plan, Scenario};
use super::progress::Shared;
use super::schedule::Schedule;
use super::sockets::{Order, Sockets};
use super::tally::Tally;
use super::trace::Traces;
use crate::phone::{
    CallId, Command, Event, Line, Login, Micros, Notice, Outbox, Phone, Resting, Routing, Settings,
    Then, Timers, Verb, What,
};

/// Starts of one turn at most, so that answers are not kept waiting.
const STARTS: usize = 256;
/// The longest wait.
const WAIT_MAX: Micros = 20_000;
/// How often the live figures are refreshed.
const REFRESH: Micros = 200_000;
/// How long registrations of the answering side may take before the run.
const REGISTER_WAIT: Micros = 40_000_000;
/// Registrations in flight before the run.
const REGISTER_WINDOW: usize = 64;

/// A phone, what it left behind, and the first of its sockets.
struct Side {
    phone: Phone,
    outbox: Outbox,
    first: usize,
}

impl Side {
    fn tell(&mut self, now: Micros, event: Event<'_>) {
        self.phone.handle(now, event, &mut self.outbox);
    }

    fn tick(&mut self, now: Micros) {
        if self.phone.next_due().is_some_and(|due| due <= now) {
            self.tell(now, Event::Tick);
        }
    }

    fn send(&mut self, sockets: &mut Sockets) {
        if !self.outbox.sends.is_empty() {
            sockets.send(&self.outbox, self.first);
            self.outbox.sends.clear();
            self.outbox.bytes.clear();
        }
    }
}

/// A part of the run, as far as it is this thread's.
struct Work {
    part: Part,
    /// Who is called or asked, in turn.
    targets: Vec<String>,
    schedule: Schedule,
    /// How many were started.
    number: usize,
}

pub(super) struct Worker {
    plan: Plan,
    thread: usize,
    clock: Clock,
    shared: Arc<Shared>,
    sockets: Sockets,
    caller: Side,
    callee: Option<Side>,
    parts: Vec<Work>,
    random: fastrand::Rng,
    /// The users of scenario `register`, where each stands, and who it is that a registration is of.
    people: Vec<Person>,
    places: HashMap<String, usize>,
    registered_as: HashMap<CallId, usize>,
    /// The registrations that stand, by place.
    registrations: Vec<Option<CallId>>,
    /// Of the answering side, before the run.
    registered: usize,
    unregistered: usize,
    /// When it looked last.
    looked: Micros,
    /// How many were started, of all parts.
    number: usize,
    /// Registrations and requests without an outcome.
    pending: u64,
    tally: Tally,
}

impl Worker {
    /// Binds its sockets. Nothing has been sent yet.
    pub(super) fn new(
        plan: &Plan,
        thread: usize,
        clock: Clock,
        shared: Arc<Shared>,
    ) -> Result<Self, String> {
        let now = micros(&clock);
        let any = SocketAddr::new(plan.local, 0);
        let only_answers = plan.scenario == Scenario::Uas;
        let mut sockets = if only_answers {
            Vec::new()
        } else {
            Sockets::bind_all(any, plan.addresses, plan.sources)?
        };
        let first = sockets.len();
        let answers = plan.has_answering_side();
        if answers {
            let mut at = plan.listen.unwrap_or(any);
            if at.port() != 0 {
                at.set_port(
                    at.port()
                        .wrapping_add((thread * plan.answer_sources) as u16),
                );
            }
            sockets.extend(Sockets::bind_all(at, plan.addresses, plan.answer_sources)?);
        }
        let sockets = Sockets::new(sockets, Order::Kind, true)
            .map_err(|error| format!("cannot poll sockets: {error}"))?;
        let locals: Vec<SocketAddr> = sockets.locals().collect();
        let (caller_locals, callee_locals) = locals.split_at(first);
        let seed = plan.seed.wrapping_add(2 * thread as u64);
        let side = |phone, first| Side {
            phone,
            outbox: Outbox::default(),
            first,
        };
        let mut tally = Tally::new(now);
        tally.receive_buffer = sockets.receive_buffer();
        let parts = plan.parts();
        let people = if plan.registers() {
            plan.people
                .of_thread(thread, plan.threads, plan.users, plan.login.as_ref())
        } else {
            Vec::new()
        };
        let work = |part: Part| Work {
            targets: targets(plan, &part, thread, callee_locals),
            // What it starts, and when, is known when the run begins.
            schedule: Schedule::new(plan.shape(), 1.0, 0, now, 0),
            number: 0,
            part,
        };
        Ok(Self {
            caller: side(phone(plan, "caller", caller_locals, seed, now), 0),
            callee: answers.then(|| {
                side(
                    phone(plan, "callee", callee_locals, seed.wrapping_add(1), now),
                    first,
                )
            }),
            parts: parts.into_iter().map(work).collect(),
            random: fastrand::Rng::with_seed(seed ^ 0x7061_7274),
            plan: plan.clone(),
            thread,
            clock,
            shared,
            sockets,
            registrations: vec![None; people.len()],
            places: people
                .iter()
                .enumerate()
                .map(|(place, person)| (person.user.clone(), place))
                .collect(),
            registered_as: HashMap::new(),
            people,
            registered: 0,
            unregistered: 0,
            looked: 0,
            number: 0,
            pending: 0,
            tally,
        })
    }

    /// Registers the users of the answering side, when they are called by name.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        if self.plan.callee != Callee::Registered {
            return Ok(());
        }
        let (users, deadline) = (self.plan.users as usize, self.now() + REGISTER_WAIT);
        let mut asked = 0;
        while self.registered < users {
            let now = self.now();
            if self.unregistered > 0 || now > deadline {
                let (done, refused) = (self.registered, self.unregistered);
                return Err(format!(
                    "{done} of {users} users of the answering side registered, {refused} were refused"
                ));
            }
            while asked < users && asked - self.registered < REGISTER_WINDOW {
                let user = callee_user(self.thread, asked);
                let line = (asked % (self.plan.answer_sources * self.plan.addresses)) as u32;
                let command = Command::Register {
                    line,
                    user: &user,
                    expires: 7200,
                    refresh: true,
                    login: None,
                    tag: now,
                };
                if let Some(callee) = &mut self.callee {
                    callee.tell(now, Event::Command(command));
                }
                asked += 1;
            }
            self.turn(1_000)?;
        }
        self.show();
        Ok(())
    }

    /// Runs the schedule from `start` on, then waits for what is open.
    pub(super) fn run(mut self, start: Micros) -> Result<Tally, String> {
        let answers_only = self.plan.scenario == Scenario::Uas;
        for (number, work) in self.parts.iter_mut().enumerate() {
            let (rate, mut calls) = self.plan.share(self.thread, &work.part);
            if work.part.refresh {
                calls = calls.min(self.people.len() as u64);
            }
            let seed =
                self.plan.seed ^ ((self.thread as u64) << 32) ^ 0x5c4e ^ ((number as u64) << 16);
            let shape = work.part.shape(&self.plan);
            work.schedule = Schedule::new(shape, rate, calls, start + work.part.begin, seed);
            if answers_only {
                work.schedule.stop();
            }
        }
        let keeps = self.parts.iter().any(|work| work.part.refresh);
        let planned = self.planned();
        self.tally = Tally {
            receive_buffer: self.tally.receive_buffer,
            planned,
            ..Tally::new(start)
        };
        let ends = self.parts.iter().map(|work| work.schedule.end());
        self.tally.offered_until = ends.max().unwrap_or(start);
        self.tally.kinds = self.parts.iter().map(|work| work.part.kind()).collect();
        self.tally.traces = Traces::of_starts(self.plan.whole_rate());
        self.tally
            .divide(self.parts.iter().map(|work| work.part.name.as_str()));
        // What gathers is looked at in time; without this it still is, a little later.
        let _ = wire::process::set_timer_slack(Duration::from_micros(1));
        let mut refresh_at = start + REFRESH;
        let mut drain_until = None;
        let mut idle_since = None;
        loop {
            let now = self.now();
            if let Some(since) = idle_since.take() {
                self.tally.idle += now.saturating_sub(since);
            }
            let moved = self.moved();
            let stopped = self.shared.stop.load(Relaxed);
            if stopped {
                for work in &mut self.parts {
                    work.schedule.stop();
                }
                self.tally.offered_until = self.tally.offered_until.min(now);
            }
            for _ in 0..STARTS {
                let Some((part, _)) = self.next().filter(|&(_, next)| next <= now) else {
                    break;
                };
                if let Some(intended) = self.parts[part].schedule.take(now) {
                    self.start(part, intended);
                }
            }
            let next = self.next().map(|(_, next)| next);
            self.tally.is_offering = next.is_some();
            if answers_only && (stopped || now >= start + self.plan.duration) {
                break;
            }
            let stays = keeps && !stopped && now < start + self.plan.duration;
            if !answers_only && next.is_none() && !stays {
                let until = *drain_until.get_or_insert(now + self.plan.drain);
                if self.is_done() || now >= until {
                    break;
                }
            }
            let callee_due = self
                .callee
                .as_ref()
                .and_then(|callee| callee.phone.next_due());
            let due = [next, self.caller.phone.next_due(), callee_due]
                .into_iter()
                .flatten()
                .min();
            let due = due.unwrap_or(Micros::MAX);
            self.turn(due.saturating_sub(now).min(WAIT_MAX))?;
            if self.moved() == moved {
                idle_since = Some(now);
            }
            if now >= refresh_at {
                // In step with the seconds of the run, however late this turn is.
                refresh_at += (now - refresh_at) / REFRESH * REFRESH + REFRESH;
                self.count_repetitions(now);
                self.show();
            }
        }
        self.send();
        self.count_repetitions(self.now());
        self.show();
        Ok(self.close())
    }

    fn count_repetitions(&mut self, now: Micros) {
        let mut sum = *self.caller.phone.counters();
        if let Some(callee) = &self.callee {
            sum.add(callee.phone.counters());
        }
        let theirs = sum.requests_absorbed + sum.responses_absorbed;
        self.tally.count_repetitions(now, sum.repeated(), theirs);
    }

    /// The part that starts something next, and when.
    fn next(&self) -> Option<(usize, Micros)> {
        let nexts = self.parts.iter().enumerate();
        nexts
            .filter_map(|(part, work)| Some((part, work.schedule.next()?)))
            .min_by_key(|&(_, next)| next)
    }

    /// The final responses that are no failure.
    fn planned(&self) -> Vec<u16> {
        let mut planned = self.plan.accepted.clone();
        if self.callee.is_some() {
            if let Then::Reject(status) = self.plan.answering.then {
                planned.push(status);
            }
            if self.plan.odds.reject.0 > 0 {
                planned.push(self.plan.odds.status);
            }
        }
        planned
    }

    /// Grows whenever something starts, comes or goes; a turn that leaves it was spent looking.
    fn moved(&self) -> u64 {
        let traffic = &self.sockets.traffic;
        self.tally.started + traffic.received + traffic.sent
    }

    fn is_done(&self) -> bool {
        let callee_open = self
            .callee
            .as_ref()
            .map_or(0, |callee| callee.phone.open_calls());
        self.pending == 0 && self.caller.phone.open_calls() == 0 && callee_open == 0
    }

    /// Starts one, late if need be; what it is late by is counted.
    fn start(&mut self, part: usize, intended: Micros) {
        let now = self.now();
        self.tally.start(intended, now);
        self.tally.start_of(part);
        let sources = self.plan.sources * self.plan.addresses;
        let line = (self.number % sources) as u32;
        self.number += 1;
        let work = &mut self.parts[part];
        let number = work.number;
        work.number += 1;
        let to = work
            .targets
            .get(number % work.targets.len().max(1))
            .map_or("", String::as_str);
        let mut tag = Tag {
            intended,
            part,
            is_patience: false,
            is_followed: false,
        };
        let (verb, body) = match work.part.scenario {
            Scenario::Call | Scenario::Baseline | Scenario::Find | Scenario::Compare => {
                let (plan, is_patience) = work.part.choice.draw(&mut self.random);
                tag.is_patience = is_patience;
                tag.is_followed = self.tally.traces.follows(number as u64);
                let command = Command::Call {
                    line,
                    user: "",
                    to,
                    plan,
                    tag: tag.to_u64(),
                };
                return self.caller.tell(now, Event::Command(command));
            }
            Scenario::Options => (Verb::Options, ""),
            Scenario::Message => (Verb::Message, work.part.body.as_str()),
            Scenario::Register => {
                let place = number % self.registrations.len();
                return self.register(part, place, now, tag.to_u64());
            }
            Scenario::Uas | Scenario::Forward | Scenario::Mix | Scenario::Connections => return,
        };
        let command = Command::Request {
            line,
            verb,
            to,
            body,
            tag: tag.to_u64(),
        };
        self.pending += 1;
        self.caller.tell(now, Event::Command(command));
    }

    fn register(&mut self, part: usize, place: usize, now: Micros, tag: u64) {
        self.pending += 1;
        if let Some(registration) = self.registrations[place] {
            let command = Command::Refresh(registration, tag);
            return self.caller.tell(now, Event::Command(command));
        }
        let person = &self.people[place];
        let login = person.login();
        let part = &self.parts[part].part;
        let command = Command::Register {
            line: (place % (self.plan.sources * self.plan.addresses)) as u32,
            user: &person.user,
            expires: part.expires,
            refresh: part.refresh,
            login: login.as_ref(),
            tag,
        };
        self.caller.tell(now, Event::Command(command));
    }

    /// Sends, receives, lets timers run, sends.
    fn turn(&mut self, wait: Micros) -> Result<(), String> {
        self.send();
        let gathers = self.gather();
        // The kernel rounds up to a millisecond: what is due sooner is looked for.
        let wait = if gathers { 0 } else { wait / 1_000 };
        self.sockets
            .wait(Duration::from_millis(wait))
            .map_err(|error| format!("cannot wait: {error}"))?;
        let now = self.now();
        self.looked = now;
        let (caller, callee) = (&mut self.caller, &mut self.callee);
        self.sockets.receive(|number, bytes, from| match callee {
            Some(callee) if number >= callee.first => {
                let line = (number - callee.first) as u32;
                callee.tell(now, Event::Received { line, bytes, from });
            }
            _ => caller.tell(
                now,
                Event::Received {
                    line: number as u32,
                    bytes,
                    from,
                },
            ),
        });
        self.caller.tick(now);
        if let Some(callee) = &mut self.callee {
            callee.tick(now);
        }
        self.listen();
        self.send();
        Ok(())
    }

    /// Sleeps until what comes has had time to gather. `false`: there is nothing to sleep for.
    fn gather(&mut self) -> bool {
        let until = self.looked + self.plan.gather;
        let time = until.saturating_sub(self.now());
        if self.plan.gather == 0 || time == 0 || self.sockets.has_more {
            return false;
        }
        wire::process::pause(Duration::from_micros(time));
        true
    }

    fn send(&mut self) {
        self.caller.send(&mut self.sockets);
        if let Some(callee) = &mut self.callee {
            callee.send(&mut self.sockets);
        }
    }

    /// Enters what the phones said into the account.
    fn listen(&mut self) {
        let mut notices = std::mem::take(&mut self.caller.outbox.notices);
        for notice in notices.drain(..) {
            if self.is_refresh(&notice) {
                self.tally.refresh(notice.what);
                self.remember(&notice);
                continue;
            }
            self.tally.caller_notice(&notice);
            self.note(&notice);
        }
        self.caller.outbox.notices = notices;
        let Some(callee) = &mut self.callee else {
            return;
        };
        for notice in callee.outbox.notices.drain(..) {
            self.tally.callee_notice(&notice);
            match notice.what {
                What::Registered(_) => self.registered += 1,
                What::Refused => self.unregistered += 1,
                // The answering side's calls have no tag, its registrations have.
                What::Failed(_) if notice.tag != 0 => self.unregistered += 1,
                _ => {}
            }
        }
    }

    /// Whether a registration that stood before says this: it was refreshed because its time ran out.
    fn is_refresh(&self, notice: &Notice) -> bool {
        let part = self.parts.get(Tag::from_u64(notice.tag).part);
        let keeps = part.is_some_and(|work| work.part.refresh);
        keeps
            && matches!(notice.what, What::Registered(_) | What::Failed(_))
            && self.registered_as.contains_key(&notice.call)
    }

    fn note(&mut self, notice: &Notice) {
        if !notice.what.is_outcome() {
            return;
        }
        let part = &self.parts[Tag::from_u64(notice.tag).part].part;
        if part.calls() {
            return;
        }
        self.pending -= 1;
        if part.scenario == Scenario::Register {
            self.remember(notice);
        }
    }

    /// A registration that stands is refreshed the next time; one that failed starts anew.
    fn remember(&mut self, notice: &Notice) {
        match notice.what {
            What::Registered(_) if !self.registered_as.contains_key(&notice.call) => {
                let user = self.caller.phone.user_of(notice.call);
                if let Some(&place) = user.and_then(|user| self.places.get(user)) {
                    self.registrations[place] = Some(notice.call);
                    self.registered_as.insert(notice.call, place);
                }
            }
            What::Failed(_) => {
                if let Some(place) = self.registered_as.remove(&notice.call)
                    && self.registrations[place] == Some(notice.call)
                {
                    self.registrations[place] = None;
                }
            }
            _ => {}
        }
    }

    fn show(&mut self) {
        // Of the live figures; the last word is `close`'s.
        self.tally.caller = *self.caller.phone.counters();
        if let Some(callee) = &self.callee {
            self.tally.callee = *callee.phone.counters();
        }
        let callee_open = self
            .callee
            .as_ref()
            .map_or(0, |callee| callee.phone.open_calls());
        let open = self.caller.phone.open_calls() as u64 + self.pending;
        let open = if self.plan.scenario == Scenario::Uas {
            callee_open as u64
        } else {
            open
        };
        self.shared.show(self.thread, &self.tally, open);
        let callee = self.callee.as_ref();
        let callee = callee.map_or_else(Resting::default, |callee| callee.phone.resting());
        let caller = self.caller.phone.resting();
        self.tally.held.look(open, caller, callee);
        self.shared
            .show_dropped(self.thread, self.sockets.dropped());
    }

    /// The account, with what never came to an end.
    fn close(mut self) -> Tally {
        for (_, state) in self.caller.phone.calls() {
            *self.tally.lost.entry(state).or_default() += 1;
        }
        self.tally.lost_others = self.pending;
        self.tally.caller = *self.caller.phone.counters();
        if let Some(callee) = &self.callee {
            self.tally.callee = *callee.phone.counters();
            self.tally.callee_open = callee.phone.open_calls() as u64;
        }
        self.tally.traffic = self.sockets.traffic;
        self.tally
    }

    fn now(&self) -> Micros {
        micros(&self.clock)
    }
}

/// Microseconds of this clock; all threads share its start.
pub(super) fn micros(clock: &Clock) -> Micros {
    clock.delta_as_nanos(0, clock.raw()) / 1_000
}

fn phone(plan: &Plan, name: &str, locals: &[SocketAddr], seed: u64, now: Micros) -> Phone {
    let mut settings = Settings::new(name, &plan.domain, plan.target, seed);
    settings.lines = locals
        .iter()
        .map(|&local| Line {
            user: name.to_owned(),
            local,
        })
        .collect();
    settings.proxy = (plan.scenario != Scenario::Baseline).then_some(plan.target);
    settings.routing = if plan.unrouted {
        Routing::Unrouted
    } else {
        Routing::RouteSet
    };
    settings.timers = Timers {
        linger: plan.linger,
        repeats: plan.retransmit,
        ..Timers::default()
    };
    settings.answering = plan.answering;
    settings.odds = plan.odds;
    settings.session = plan.session;
    settings.check = plan.check;
    settings.reuse_nonce = !plan.fresh_nonce;
    settings.credentials = plan
        .login
        .clone()
        .map(|(user, password)| Login { user, password });
    Phone::new(settings, now)
}

/// Who is called or asked, in turn.
fn targets(plan: &Plan, part: &Part, thread: usize, callees: &[SocketAddr]) -> Vec<String> {
    let users = plan.users;
    let other = match (&part.to, &plan.callee) {
        (Some(uri), _) => Some(uri),
        (None, Callee::Other(uri)) => Some(uri),
        (None, _) => None,
    };
    match (part.scenario, other) {
        (Scenario::Register | Scenario::Uas | Scenario::Forward, _) => Vec::new(),
        (_, Some(uri)) if uri.contains('{') => (0..users).map(|user| fill(uri, user)).collect(),
        (_, Some(uri)) => vec![uri.clone()],
        (Scenario::Options, _) => vec![format!("sip:{}", plan.target)],
        (_, None) if plan.callee == Callee::Registered => (0..users as usize)
            .map(|user| format!("sip:{}@{}", callee_user(thread, user), plan.domain))
            .collect(),
        (_, None) => (0..users as usize)
            .map(|user| format!("sip:callee{user}@{}", callees[user % callees.len()]))
            .collect(),
    }
}

fn callee_user(thread: usize, number: usize) -> String {
    format!("callee{thread}-{number}")
}
