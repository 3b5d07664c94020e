//! One shard: what it owns, and its life on an executor.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use control::ShardEnd;
use engine::{Engine, Input, Now, Outbox, ShardId, SocketId, Ticket};
use wire::{Epoll, Events, Interest};

use crate::alarms::{Alarm, Alarms};
use crate::clock::Clock;
use crate::connections::{Connections, Happened};
use crate::counters::Counters;
use crate::datagrams::Datagrams;
use crate::dns::Dns;
use crate::gather::Gather;
use crate::limits::{BACKGROUND_WAIT, PAUSED_WAIT};
use crate::logbook::Logbook;
use crate::mesh::{Bell, Mesh};
use crate::quarantine::{Background, Quarantine};
use crate::start::EngineMaker;

/// What stands behind an epoll token: the kind in the upper half, a number in the lower.
pub(crate) mod token {
    pub(crate) const BELL: u64 = 0;
    pub(crate) const STREAMS: u64 = 1 << 32;
    pub(crate) const DATAGRAM: u64 = 2 << 32;
    pub(crate) const QUESTION: u64 = 3 << 32;
    pub(crate) const KIND: u64 = 0xffff_ffff << 32;
}

/// One core's world.
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) engine: Engine,
    pub(crate) make_engine: EngineMaker,
    pub(crate) outbox: Outbox,
    /// Inputs that the shell itself has for the engine.
    pub(crate) inbox: VecDeque<Input>,
    pub(crate) clock: Clock,
    pub(crate) now: Now,
    pub(crate) datagrams: Datagrams,
    pub(crate) connections: Connections,
    pub(crate) happened: Vec<Happened>,
    pub(crate) mesh: Mesh,
    pub(crate) control: ShardEnd,
    pub(crate) logbook: Logbook,
    pub(crate) dns: Dns,
    pub(crate) alarms: Alarms,
    pub(crate) sleepers: usize,
    pub(crate) quarantine: Quarantine,
    pub(crate) background: Background,
    pub(crate) counters: Counters,
    /// The answer to a statistics command, the shell's half.
    pub(crate) own_statistics: Option<(Ticket, String)>,
    /// Destinations that a flush found unreachable, until it is over.
    pub(crate) reported: Vec<(SocketId, SocketAddr)>,
    pub(crate) epoll: Epoll,
    events: Events,
    bell: Bell,
    /// UDP sockets with something to read.
    pub(crate) readable: Vec<SocketId>,
    pub(crate) streams_ready: bool,
    streams_watched: bool,
    spin_us: u64,
    /// The longest sleep.
    park: Duration,
    gather: Gather,
}

/// What a shard is made of.
pub(crate) struct Parts {
    pub(crate) id: ShardId,
    pub(crate) engine: Engine,
    pub(crate) make_engine: EngineMaker,
    pub(crate) clock: Clock,
    pub(crate) datagrams: Datagrams,
    pub(crate) connections: Connections,
    pub(crate) mesh: Mesh,
    pub(crate) bell: Bell,
    pub(crate) control: ShardEnd,
    pub(crate) dns: Dns,
    pub(crate) quarantine: Quarantine,
    pub(crate) background: Background,
    pub(crate) spin_us: u64,
    pub(crate) park: Duration,
    pub(crate) gather_us: u64,
}

impl Shard {
    pub(crate) fn new(parts: Parts) -> io::Result<Shard> {
        let epoll = Epoll::new()?;
        epoll.add(parts.bell.doorbell(), token::BELL, Interest::READ)?;
        epoll.add(parts.connections.epoll(), token::STREAMS, Interest::READ)?;
        for (id, socket) in parts.datagrams.sockets() {
            epoll.add(socket, token::DATAGRAM | u64::from(id.0), Interest::READ)?;
        }
        let mut clock = parts.clock;
        let now = clock.now();
        let mut alarms = Alarms::default();
        alarms.set(now.mono_us, Alarm::Sweep);
        Ok(Shard {
            id: parts.id,
            engine: parts.engine,
            make_engine: parts.make_engine,
            outbox: Outbox::new(),
            inbox: VecDeque::new(),
            clock,
            now,
            datagrams: parts.datagrams,
            connections: parts.connections,
            happened: Vec::new(),
            mesh: parts.mesh,
            control: parts.control,
            logbook: Logbook::new(),
            dns: parts.dns,
            alarms,
            sleepers: 0,
            quarantine: parts.quarantine,
            background: parts.background,
            counters: Counters::default(),
            own_statistics: None,
            reported: Vec::new(),
            epoll,
            events: Events::new(),
            bell: parts.bell,
            readable: Vec::new(),
            streams_ready: false,
            streams_watched: true,
            spin_us: parts.spin_us,
            park: parts.park,
            gather: Gather::new(parts.gather_us),
        })
    }

    /// Lives until told to stop. Blocks the executor between turns, except while glommio has work
    /// of its own, which advances only when it is let. What it has counted is its last word, before the
    /// executor and all that the shard owns are taken down.
    pub(crate) async fn live(mut self, stop: Arc<AtomicBool>, ended: mpsc::Sender<Counters>) {
        while !stop.load(Ordering::Relaxed) {
            self.turn();
            let received = self.counters.datagrams_received;
            self.gather.looked(self.now.mono_us, received);
            if self.background.is_busy() {
                self.look(Duration::ZERO);
                glommio::timer::sleep(BACKGROUND_WAIT).await;
            } else {
                self.rest();
            }
        }
        // What the last turn left has been sent; what waits for peers ends with us.
        self.turn();
        // The control side stays as long as somebody may report to it.
        drop(self.control);
        let _ = ended.send(self.counters);
    }

    /// Waits for the next thing to do.
    fn rest(&mut self) {
        if self.has_work() {
            return self.look(Duration::ZERO);
        }
        let now_us = self.clock.mono_us();
        if let Some(time_us) = self.gather.pause(now_us, self.next_us()) {
            self.counters.pauses += 1;
            // Nobody rings for a shard that is awake: what comes is found after the pause.
            wire::process::pause(Duration::from_micros(time_us));
            self.look(Duration::ZERO);
            if self.has_work() || self.is_due() {
                return;
            }
        }
        if self.spin_us > 0 {
            let until = self.clock.mono_us() + self.spin_us;
            while self.clock.mono_us() < until {
                self.look(Duration::ZERO);
                if self.has_work() || self.is_due() {
                    return;
                }
            }
        }
        self.bell.fall_asleep();
        let time = if self.has_work() {
            Duration::ZERO
        } else {
            self.time_to_wait()
        };
        self.look(time);
        self.bell.wake_up();
    }

    /// Whether the next turn has something to do right away.
    fn has_work(&self) -> bool {
        !self.readable.is_empty()
            || (self.streams_ready && !self.mesh.is_congested())
            || self.mesh.has_parcels()
            || self.control.has_orders()
            || !self.inbox.is_empty()
            // What the last rounds of a flush left.
            || !self.outbox.outputs().is_empty()
            || !self.happened.is_empty()
    }

    fn is_due(&self) -> bool {
        self.next_us()
            .is_some_and(|next_us| next_us <= self.clock.mono_us())
    }

    fn next_us(&self) -> Option<u64> {
        [self.engine.next_due(), self.alarms.next_us()]
            .into_iter()
            .flatten()
            .min()
    }

    fn time_to_wait(&self) -> Duration {
        let longest = if self.mesh.is_congested() {
            PAUSED_WAIT
        } else {
            self.park
        };
        match self.next_us() {
            Some(next_us) => longest.min(Duration::from_micros(
                next_us.saturating_sub(self.clock.mono_us()),
            )),
            None => longest,
        }
    }

    /// Asks the kernel what is ready, waiting at most so long, and notes it for the next turn.
    fn look(&mut self, time: Duration) {
        // While a neighbour's ring is full, connections are not even looked at: what is in them
        // stays in the kernel, and the peers slow down.
        let watch = !self.mesh.is_congested();
        if watch != self.streams_watched {
            let interest = if watch {
                Interest::READ
            } else {
                Interest::NOTHING
            };
            if !watch {
                self.counters.stream_pauses += 1;
            }
            let _ = self
                .epoll
                .modify(self.connections.epoll(), token::STREAMS, interest);
            self.streams_watched = watch;
        }
        if self.epoll.wait(&mut self.events, time).is_err() {
            return;
        }
        for index in 0..self.events.len() {
            let Some(event) = self.events.get(index) else {
                break;
            };
            let number = event.token & !token::KIND;
            match event.token & token::KIND {
                token::BELL => {
                    self.bell.doorbell().answer();
                    self.counters.wakeups += 1;
                }
                token::STREAMS => self.streams_ready = true,
                token::QUESTION => self.question_ready(number as u32),
                _ => {
                    let id = SocketId(number as u16);
                    if event.failed {
                        self.read_unreachables(id);
                    }
                    if event.readable && !self.readable.contains(&id) {
                        self.readable.push(id);
                    }
                }
            }
        }
    }
}
