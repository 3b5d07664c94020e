//! Connections that are opened and kept: `tandem-loadgen connections TARGET`.
//!
//! Each is a TCP connection on which two CRLF go out from time to time and one has to come back (RFC 5626
//! §3.5.1, §4.4.1). A connection is good when it stands at the end and every ping of it was answered in time; each that is
//! not is counted by what happened to it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hdrhistogram::Histogram;
use quanta::Clock;
use serde_json::{Value, json};
use wire::readiness::Event;
use wire::stream::StreamOptions;
use wire::{Epoll, Events, Interest, Stream};

use super::plan::Plan;
use super::progress::{Shared, time};
use super::schedule::Schedule;
use super::tally::{Tally, histogram};
use super::worker::micros;
use crate::phone::Micros;

const PING: &[u8] = b"\r\n\r\n";
/// How long connecting may take: as long as a transaction.
const CONNECT: Micros = 32_000_000;
/// The longest wait.
const WAIT_MAX: Micros = 20_000;
/// Connections begun in one turn.
const STARTS: usize = 64;
/// Read at once; a peer that says more is read again.
const READ_BYTES: usize = 2048;
/// Descriptors that the process needs besides its connections.
const OTHER_FILES: u64 = 64;

/// What `connections` is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// Connections of all threads.
    pub(super) count: u64,
    /// From one ping to the next, at most; each time 80 to 100 percent of it (RFC 5626 §4.4.1).
    pub(super) every: Micros,
    /// How long a pong may take.
    pub(super) pong: Micros,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            count: 1_000,
            every: 30_000_000,
            pong: 10_000_000,
        }
    }
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// Open at once, of each thread the most.
    open: u64,
    pings: u64,
    pongs: u64,
    time: Option<Histogram<u64>>,
}

impl Kept {
    pub(super) fn add(&mut self, other: &Kept) {
        self.open += other.open;
        self.pings += other.pings;
        self.pongs += other.pongs;
        match (&mut self.time, &other.time) {
            (Some(ours), Some(theirs)) => {
                // Same bounds, so it always fits.
                let added = ours.add(theirs);
                debug_assert!(added.is_ok());
            }
            (ours @ None, theirs) => ours.clone_from(theirs),
            (Some(_), None) => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Kept,
    /// A ping is out.
    Asked,
    Gone,
}

struct Connection {
    stream: Option<Stream>,
    state: State,
    intended: Micros,
    asked: Micros,
    /// When its timer is due; an earlier entry of the queue means nothing.
    due: Micros,
}

pub(super) struct Connector {
    plan: Plan,
    thread: usize,
    clock: Clock,
    shared: Arc<Shared>,
    epoll: Epoll,
    connections: Vec<Connection>,
    timers: BinaryHeap<Reverse<(Micros, usize)>>,
    random: fastrand::Rng,
    open: u64,
    tally: Tally,
}

impl Connector {
    pub(super) fn new(
        plan: &Plan,
        thread: usize,
        clock: Clock,
        shared: Arc<Shared>,
    ) -> Result<Self, String> {
        let files = wire::process::raise_open_files(0)
            .map_err(|error| format!("cannot ask how many files may be open: {error}"))?;
        let wanted = plan.keeping.count + OTHER_FILES;
        if files < wanted {
            return Err(format!(
                "{wanted} files have to be open at once, the system allows {files}: `ulimit -n` raises it"
            ));
        }
        let seed = plan.seed.wrapping_add(thread as u64);
        Ok(Self {
            epoll: Epoll::new().map_err(|error| format!("cannot poll: {error}"))?,
            connections: Vec::new(),
            timers: BinaryHeap::new(),
            random: fastrand::Rng::with_seed(seed),
            open: 0,
            tally: Tally::new(micros(&clock)),
            plan: plan.clone(),
            thread,
            clock,
            shared,
        })
    }

    pub(super) fn run(mut self, start: Micros) -> Result<Tally, String> {
        let threads = self.plan.threads as u64;
        let count = self.plan.keeping.count / threads
            + u64::from((self.thread as u64) < self.plan.keeping.count % threads);
        let rate = self.plan.rate / threads as f64;
        let mut schedule = Schedule::new(self.plan.shape(), rate, count, start, self.plan.seed);
        self.tally = Tally::new(start);
        self.tally.offered_until = schedule.end();
        self.tally.kept.time = Some(histogram());
        let end = start + self.plan.duration;
        let mut events = Events::new();
        let mut shown = 0;
        loop {
            let now = micros(&self.clock);
            if self.shared.stop.load(Relaxed) || now >= end {
                break;
            }
            for _ in 0..STARTS {
                let Some(intended) = schedule.take(now) else {
                    break;
                };
                self.open(intended, now);
            }
            self.tick(now);
            let due = self.timers.peek().map(|&Reverse((due, _))| due);
            let next = [schedule.next(), due, Some(end)]
                .into_iter()
                .flatten()
                .min();
            let wait = next
                .map_or(0, |next| next.saturating_sub(now))
                .min(WAIT_MAX);
            self.epoll
                .wait(&mut events, Duration::from_millis(wait / 1_000))
                .map_err(|error| format!("cannot wait: {error}"))?;
            let now = micros(&self.clock);
            for event in events.iter() {
                self.on_event(event, now);
            }
            if now >= shown + WAIT_MAX * 10 {
                shown = now;
                self.shared.show(self.thread, &self.tally, self.open);
            }
        }
        Ok(self.close())
    }

    fn open(&mut self, intended: Micros, now: Micros) {
        self.tally.start(intended, now);
        let place = self.connections.len();
        let local = SocketAddr::new(nth(self.plan.local, place % self.plan.addresses), 0);
        // The kernel's own probes are left out: what keeps these connections is to be seen.
        let options = StreamOptions {
            keepalive: None,
            ..StreamOptions::default()
        };
        let stream = Stream::connect(local, self.plan.target, &options);
        let added = stream.and_then(|stream| {
            self.epoll.add(&stream, place as u64, Interest::WRITE)?;
            Ok(stream)
        });
        let (stream, failure) = match added {
            Ok(stream) => (Some(stream), None),
            Err(error) => (None, Some(error)),
        };
        self.connections.push(Connection {
            stream,
            state: State::Connecting,
            intended,
            asked: 0,
            due: 0,
        });
        match failure {
            Some(error) => self.fail(place, now, &not_opened(&error)),
            None => self.wait(place, now + CONNECT),
        }
    }

    fn wait(&mut self, place: usize, due: Micros) {
        self.connections[place].due = due;
        self.timers.push(Reverse((due, place)));
    }

    fn tick(&mut self, now: Micros) {
        while let Some(&Reverse((due, place))) = self.timers.peek() {
            if due > now {
                return;
            }
            self.timers.pop();
            let connection = &self.connections[place];
            if connection.due != due {
                continue;
            }
            match connection.state {
                State::Connecting => self.fail(place, now, "no connection in 32 s"),
                State::Kept => self.ping(place, now),
                State::Asked => {
                    let cause = format!("no pong in {}", time(self.plan.keeping.pong));
                    self.fail(place, now, &cause);
                }
                State::Gone => {}
            }
        }
    }

    fn ping(&mut self, place: usize, now: Micros) {
        let connection = &mut self.connections[place];
        let Some(stream) = &connection.stream else {
            return;
        };
        match stream.write(PING) {
            Ok(Some(written)) if written == PING.len() => {
                self.tally.kept.pings += 1;
                connection.state = State::Asked;
                connection.asked = now;
                self.wait(place, now + self.plan.keeping.pong);
            }
            Ok(_) => self.fail(place, now, "the peer takes no more bytes"),
            Err(error) => self.fail(place, now, &broken(&error)),
        }
    }

    fn on_event(&mut self, event: Event, now: Micros) {
        let place = event.token as usize;
        let Some(connection) = self.connections.get_mut(place) else {
            return;
        };
        let Some(stream) = &connection.stream else {
            return;
        };
        if connection.state == State::Connecting {
            match stream.outcome() {
                Ok(()) if !event.writable => {}
                Ok(()) => match self.epoll.modify(stream, event.token, Interest::READ) {
                    Ok(()) => self.on_connected(place, now),
                    Err(error) => self.fail(place, now, &broken(&error)),
                },
                Err(error) => self.fail(place, now, &not_opened(&error)),
            }
            return;
        }
        let mut room = [0; READ_BYTES];
        match stream.read(&mut room) {
            Ok(None) => {}
            Ok(Some(0)) => self.fail(place, now, "closed by the peer"),
            Ok(Some(read)) => self.on_bytes(place, now, &room[..read]),
            Err(error) => self.fail(place, now, &broken(&error)),
        }
    }

    fn on_connected(&mut self, place: usize, now: Micros) {
        let connection = &mut self.connections[place];
        connection.state = State::Kept;
        let took = now.saturating_sub(connection.intended).max(1);
        self.tally.response.saturating_record(took);
        self.open += 1;
        self.tally.kept.open = self.tally.kept.open.max(self.open);
        self.rest(place, now);
    }

    fn on_bytes(&mut self, place: usize, now: Micros, bytes: &[u8]) {
        let connection = &mut self.connections[place];
        // Requests of the server are none of ours: this is not a phone.
        if connection.state != State::Asked || !bytes.contains(&b'\n') {
            return;
        }
        connection.state = State::Kept;
        let took = now.saturating_sub(connection.asked).max(1);
        let asked = connection.asked;
        self.tally.kept.pongs += 1;
        if let Some(times) = &mut self.tally.kept.time {
            times.saturating_record(took);
        }
        self.rest(place, asked);
    }

    /// Until the next ping.
    fn rest(&mut self, place: usize, since: Micros) {
        let every = self.plan.keeping.every;
        let wait = self.random.u64(every * 4 / 5..=every);
        self.wait(place, since + wait);
    }

    fn fail(&mut self, place: usize, now: Micros, cause: &str) {
        let connection = &mut self.connections[place];
        if matches!(connection.state, State::Kept | State::Asked) {
            self.open -= 1;
        }
        connection.state = State::Gone;
        // Closing takes it out of epoll.
        connection.stream = None;
        self.tally.fail_named(cause, now);
    }

    fn close(mut self) -> Tally {
        let now = micros(&self.clock);
        for connection in &self.connections {
            match connection.state {
                State::Kept | State::Asked => self.tally.succeed(now),
                State::Connecting => self
                    .tally
                    .fail_named("not connected when the run ended", now),
                State::Gone => {}
            }
        }
        self.shared.show(self.thread, &self.tally, 0);
        self.tally
    }
}

fn not_opened(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused by the peer".to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "no port is left at this address: --addresses takes more of them".to_owned()
        }
        _ => format!("not opened: {error}"),
    }
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "reset by the peer".to_owned()
        }
        _ => format!("broken: {error}"),
    }
}

/// The n-th address from this one on.
fn nth(first: IpAddr, number: usize) -> IpAddr {
    match first {
        IpAddr::V4(ip) => IpAddr::V4(u32::from(ip).wrapping_add(number as u32).into()),
        IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).wrapping_add(number as u128).into()),
    }
}

pub(super) fn line(out: &mut String, tally: &Tally) {
    let kept = &tally.kept;
    let Some(times) = &kept.time else { return };
    let [median, tail] = [0.5, 0.99].map(|quantile| time(times.value_at_quantile(quantile)));
    let _ = writeln!(
        out,
        "kept      {} connections at once; {} of {} pings answered, p50 {median} p99 {tail}",
        kept.open, kept.pongs, kept.pings
    );
}

/// `null` when it was no run of connections.
pub(super) fn json(tally: &Tally) -> Value {
    let kept = &tally.kept;
    kept.time.as_ref().map_or(Value::Null, |times| {
        json!({
            "open": kept.open, "pings": kept.pings, "pongs": kept.pongs, "pong_us": super::record::times(times),
        })
    })
}
