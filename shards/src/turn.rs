//! The shard's turn: the list of calls. Each room takes a bounded bite, so none starves another.

use std::net::SocketAddr;

use engine::input::Answer;
use engine::{Input, ShardId, SocketId, Ticket};

use crate::alarms::Alarm;
use crate::connections::{Happened, Sender};
use crate::limits::{BATCHES_A_TURN, DATAGRAMS_A_TURN, OUTPUTS_MAX, PARCELS_A_TURN};
use crate::mesh::Parcel;
use crate::shard::Shard;

/// A tenth of a second: the sweep over idle connections looks at a tenth of them each time.
const SWEEP_US: u64 = 100_000;

impl Shard {
    /// One turn.
    pub(crate) fn turn(&mut self) {
        self.now = self.clock.now();
        self.receive_datagrams();
        self.receive_streams();
        // What belongs to others: they may begin while we go on.
        self.flush();
        self.mesh.flush();
        self.receive_parcels();
        self.receive_orders();
        self.ring_alarms();
        self.tick();
        self.flush();
        self.connections
            .end_closing(&mut self.counters, &mut self.happened);
        if !self.happened.is_empty() {
            self.tell_happened();
            self.flush();
        }
        self.mesh.flush();
        self.logbook.flush(&mut self.control);
    }

    /// Gives the engine one input.
    pub(crate) fn handle(&mut self, input: Input) {
        self.engine.handle(self.now, input, &mut self.outbox);
        if self.outbox.outputs().len() >= OUTPUTS_MAX {
            self.flush();
        }
    }

    fn receive_datagrams(&mut self) {
        for _ in 0..self.readable.len() {
            let id = self.readable.remove(0);
            let mut is_empty = false;
            let most = self.counters.datagrams_received + DATAGRAMS_A_TURN;
            for _ in 0..BATCHES_A_TURN {
                if self.counters.datagrams_received >= most {
                    break;
                }
                match self.datagrams.receive(id, &mut self.counters) {
                    Ok(count) => {
                        // What a neighbour told us before a peer sent this is known first: a phone may be called
                        // as soon as its connection has been answered.
                        self.receive_parcels();
                        for index in 0..count {
                            for segment in 0..self.datagrams.segments(index) {
                                let taken =
                                    self.datagrams.take(id, index, segment, &mut self.counters);
                                if let Some((frame, flow)) = taken {
                                    self.handle(Input::Received { frame, flow });
                                }
                            }
                        }
                        is_empty = count < self.datagrams.batch();
                    }
                    // The error of an earlier send; read it, then what came is reported again.
                    Err(_) => {
                        self.read_unreachables(id);
                        is_empty = true;
                    }
                }
                if is_empty {
                    break;
                }
            }
            if !is_empty {
                self.readable.push(id);
            }
        }
    }

    fn receive_streams(&mut self) {
        if !self.streams_ready || self.mesh.is_congested() {
            return;
        }
        self.streams_ready = false;
        let now_us = self.now.mono_us;
        self.connections.advance(
            now_us,
            &mut self.alarms,
            &mut self.counters,
            &mut self.happened,
        );
        self.tell_happened();
    }

    /// Tells engines and neighbours what happened on the connections.
    pub(crate) fn tell_happened(&mut self) {
        let mut happened = std::mem::take(&mut self.happened);
        for event in happened.drain(..) {
            match event {
                Happened::Message(frame, flow) => self.handle(Input::Received { frame, flow }),
                Happened::Accepted(flow) | Happened::Aliased(flow) => {
                    let home = self.connections.home(flow.socket, flow.remote);
                    if home != self.id {
                        self.give(home, Parcel::Holds(flow));
                    }
                }
                Happened::Closed(flow) => {
                    for shard in self.mesh.others() {
                        self.give(shard, Parcel::Closed(flow));
                    }
                    self.handle(Input::Closed(flow));
                }
                Happened::Unsent(sender, flow) => self.tell_unsent(sender, flow),
            }
        }
        // What the engine's answers caused meanwhile is told by the next call.
        happened.append(&mut self.happened);
        self.happened = happened;
    }

    /// Tells whoever sent it that it did not go.
    pub(crate) fn tell_unsent(&mut self, sender: Sender, flow: engine::Flow) {
        if sender.ticket == Ticket::NONE {
            return;
        }
        if sender.shard == self.id {
            self.inbox.push_back(Input::SendFailed(sender.ticket, flow));
        } else {
            self.give(sender.shard, Parcel::SendFailed(sender.ticket, flow));
        }
    }

    /// Gives a neighbour what has to arrive.
    pub(crate) fn give(&mut self, to: ShardId, parcel: Parcel) {
        if self.mesh.give(to, parcel).is_err() {
            self.counters.lost_ring_full += 1;
        }
    }

    fn receive_parcels(&mut self) {
        for from in self.mesh.others() {
            for _ in 0..PARCELS_A_TURN {
                let Some(parcel) = self.mesh.take(from) else {
                    break;
                };
                self.open_parcel(from, parcel);
            }
        }
    }

    fn open_parcel(&mut self, from: ShardId, parcel: Parcel) {
        match parcel {
            Parcel::Message { frame, flow } => {
                self.counters.handovers_received += 1;
                self.handle(Input::Handover { frame, flow, from });
            }
            Parcel::Letter(letter) => self.handle(Input::Letter(letter)),
            Parcel::Send {
                frame,
                flow,
                sender,
            } => self.send_stream(flow, &frame, sender),
            Parcel::SendFailed(ticket, flow) => self.handle(Input::SendFailed(ticket, flow)),
            Parcel::Holds(flow) => self.connections.note_held(flow),
            Parcel::Alias(flow) => self.alias(flow),
            Parcel::Closed(flow) => {
                self.connections.forget_held(flow);
                self.handle(Input::Closed(flow));
            }
            Parcel::Close(flow) => {
                let id = flow.connection;
                self.connections
                    .close(id, &mut self.counters, &mut self.happened);
            }
            Parcel::Unreachable(socket, to) => self.unreachable(socket, to),
        }
    }

    fn ring_alarms(&mut self) {
        let now_us = self.now.mono_us;
        while let Some(alarm) = self.alarms.due(now_us) {
            match alarm {
                Alarm::Wake(ticket) => {
                    self.sleepers -= 1;
                    self.handle(Input::Answer(Ticket(ticket), Answer::Slept));
                }
                Alarm::Question(slot, generation) => {
                    let answered = self.dns.deadline(
                        slot,
                        generation,
                        now_us,
                        &self.epoll,
                        &mut self.alarms,
                        &mut self.counters,
                    );
                    if let Some((ticket, answer)) = answered {
                        self.handle(Input::Answer(ticket, answer));
                    }
                }
                Alarm::Connection(slot, generation) => self.connections.deadline(
                    slot,
                    generation,
                    &mut self.counters,
                    &mut self.happened,
                ),
                Alarm::Accept => self.connections.accepting(true),
                Alarm::Sweep => {
                    self.connections
                        .sweep(now_us, &mut self.counters, &mut self.happened);
                    self.alarms.set(now_us + SWEEP_US, Alarm::Sweep);
                }
            }
        }
        self.tell_happened();
    }

    pub(crate) fn question_ready(&mut self, slot: u32) {
        let now_us = self.now.mono_us;
        let answered = self.dns.ready(
            slot,
            now_us,
            &self.epoll,
            &mut self.alarms,
            &mut self.counters,
        );
        if let Some((ticket, answer)) = answered {
            self.inbox.push_back(Input::Answer(ticket, answer));
        }
    }

    fn tick(&mut self) {
        if self
            .engine
            .next_due()
            .is_some_and(|due_us| due_us <= self.now.mono_us)
        {
            self.handle(Input::Tick);
        }
    }

    /// Reads a socket's ICMP errors.
    pub(crate) fn read_unreachables(&mut self, id: SocketId) {
        let mut found: [Option<SocketAddr>; wire::limits::UNREACHABLES] = Default::default();
        let mut count = 0;
        self.datagrams.unreachables(id, |one| {
            if let Some(place) = found.get_mut(count) {
                *place = Some(one.to);
                count += 1;
            }
        });
        for to in found.into_iter().flatten() {
            self.tell_unreachable(id, to);
        }
    }

    /// An ICMP error came to us. The kernel chooses the socket of a group by its own hash, so the
    /// datagram may have been anybody's.
    pub(crate) fn tell_unreachable(&mut self, id: SocketId, to: SocketAddr) {
        self.counters.unreachable += 1;
        for shard in self.mesh.others() {
            // Best effort, as ICMP is.
            let _ = self.mesh.offer(shard, Parcel::Unreachable(id, to));
        }
        self.unreachable(id, to);
    }

    fn unreachable(&mut self, id: SocketId, to: SocketAddr) {
        let (now_us, inbox) = (self.now.mono_us, &mut self.inbox);
        let flow = crate::datagrams::flow_of(id, to);
        self.datagrams.sent_to(to, now_us, |ticket| {
            inbox.push_back(Input::SendFailed(ticket, flow));
        });
    }
}
