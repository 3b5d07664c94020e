//! Carries out what the engine left in the outbox.

use control::{Order, Report};
use engine::input::Answer;
use engine::{ConnectionId, Flow, Input, Output, Query, ShardId, Ticket, Transport};
use parser::Frame;

use crate::alarms::Alarm;
use crate::connections::Sender;
use crate::limits::SLEEPERS_MAX;
use crate::mesh::Parcel;
use crate::shard::Shard;

/// Rounds of one flush: a send that fails is an input, which may send again. What is left then
/// waits for the next turn.
const ROUNDS_MAX: usize = 8;

impl Shard {
    /// Empties the outbox, and gives the engine what that brought about.
    pub(crate) fn flush(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.outbox.outputs().is_empty() && self.inbox.is_empty() {
                return;
            }
            let mut outbox = std::mem::take(&mut self.outbox);
            let (outputs, bytes) = outbox.drain();
            for output in outputs {
                self.deliver(output, bytes);
            }
            self.send_datagrams(bytes);
            outbox.clear();
            self.outbox = outbox;
            for _ in 0..self.inbox.len() {
                if let Some(input) = self.inbox.pop_front() {
                    self.engine.handle(self.now, input, &mut self.outbox);
                }
            }
        }
    }

    fn deliver(&mut self, output: Output, bytes: &[u8]) {
        match output {
            Output::Send {
                range,
                flow,
                call,
                ticket,
            } => match flow.transport {
                Transport::Udp => self.datagrams.queue(range, flow, call, ticket),
                _ => {
                    let message = &bytes[range.start as usize..range.end as usize];
                    self.send_stream(flow, message, Sender::new(self.id, ticket));
                }
            },
            Output::Handover { to, frame, flow } => self.hand_over(to, frame, flow),
            Output::Letter(letter) => self.post(letter),
            Output::Query {
                ticket,
                query,
                deadline_us,
            } => self.ask(ticket, query, deadline_us),
            Output::Log { level, range } => {
                let line = &bytes[range.start as usize..range.end as usize];
                self.logbook.line(level, line, &mut self.counters);
            }
            Output::CommandAnswer { ticket, result } => {
                let copy = |range: std::ops::Range<u32>| {
                    Box::<[u8]>::from(&bytes[range.start as usize..range.end as usize])
                };
                let result = result
                    .map(copy)
                    .map_err(|(code, range)| (code, copy(range)));
                self.answer_command(ticket, result);
            }
            Output::Alias(flow) => self.alias(flow),
            Output::Close(flow) => self.close(flow),
            Output::Abort => self.abort(),
            Output::Quarantine {
                range,
                reason,
                is_sound,
            } => {
                let reason = &bytes[reason.start as usize..reason.end as usize];
                let message = &bytes[range.start as usize..range.end as usize];
                self.quarantine(reason, message, is_sound);
            }
        }
    }

    fn send_datagrams(&mut self, bytes: &[u8]) {
        let (inbox, reported) = (&mut self.inbox, &mut self.reported);
        self.datagrams.flush(
            bytes,
            self.now.mono_us,
            &mut self.counters,
            |ticket, flow| {
                if ticket != Ticket::NONE {
                    inbox.push_back(Input::SendFailed(ticket, flow));
                }
            },
            |socket, one| reported.push((socket, one.to)),
        );
        while let Some((socket, to)) = self.reported.pop() {
            self.tell_unreachable(socket, to);
        }
    }

    /// A message to its owner. What came by a stream may not get lost on the way.
    fn hand_over(&mut self, to: ShardId, frame: Frame, flow: Flow) {
        if flow.transport.is_reliable() {
            self.give(to, Parcel::Message { frame, flow });
            self.counters.handovers += 1;
        } else if self.mesh.offer(to, Parcel::Message { frame, flow }).is_ok() {
            self.counters.handovers += 1;
        } else {
            self.counters.dropped_ring_full += 1;
        }
    }

    fn post(&mut self, letter: engine::Letter) {
        self.counters.letters += 1;
        if letter.to == self.id {
            self.inbox.push_back(Input::Letter(letter));
            return;
        }
        let (to, ticket, is_answer) = (letter.to, letter.ticket, letter.is_answer);
        if self.mesh.give(to, Parcel::Letter(letter)).is_err() {
            self.counters.lost_ring_full += 1;
            // Who asked is told at once; who answered has an asker with a deadline.
            if !is_answer && ticket != Ticket::NONE {
                self.inbox.push_back(Input::Answer(ticket, Answer::Failed));
            }
        }
    }

    fn ask(&mut self, ticket: Ticket, query: Query, deadline_us: u64) {
        let now_us = self.now.mono_us;
        let at_once = match query {
            Query::Dns { name, record_type } => self.dns.ask(
                ticket,
                &name,
                record_type,
                now_us,
                deadline_us,
                &self.epoll,
                &mut self.alarms,
                &mut self.counters,
            ),
            Query::File { path, bytes_max } => {
                match self.control.report(Report::File(ticket, path, bytes_max)) {
                    Ok(()) => None,
                    Err(_) => Some(Answer::Failed),
                }
            }
            Query::Sleep if self.sleepers >= SLEEPERS_MAX => Some(Answer::Slept),
            Query::Sleep => {
                self.sleepers += 1;
                self.alarms.set(deadline_us, Alarm::wake(ticket));
                None
            }
        };
        if let Some(answer) = at_once {
            self.inbox.push_back(Input::Answer(ticket, answer));
        }
    }

    /// Sends by a connection: the one it names, one of ours to that peer, or what the peer's home
    /// knows or opens.
    pub(crate) fn send_stream(&mut self, flow: Flow, message: &[u8], sender: Sender) {
        let named = flow.connection.is_named().then_some(flow.connection);
        let known = named.or_else(|| self.connections.find(flow.socket, flow.remote));
        let home = self.connections.home(flow.socket, flow.remote);
        let now_us = self.now.mono_us;
        let holder = known.map_or(home, |id| id.shard());
        if holder != self.id {
            // Where none is known the home looks, with the same wish.
            let connection = known.unwrap_or(flow.connection);
            let flow = Flow { connection, ..flow };
            let parcel = Parcel::Send {
                frame: Frame::copy_of(message),
                flow,
                sender,
            };
            if self.mesh.give(holder, parcel).is_err() {
                self.counters.lost_ring_full += 1;
                self.tell_unsent(sender, flow);
            }
            return;
        }
        let (counters, happened) = (&mut self.counters, &mut self.happened);
        let sent = match known {
            Some(id) => self
                .connections
                .send(id, message, sender, now_us, counters, happened),
            None if flow.connection == ConnectionId::EXISTING => Err(sender),
            None => self.connections.open(
                flow,
                message,
                sender,
                now_us,
                &mut self.alarms,
                counters,
                happened,
            ),
        };
        if let Err(sender) = sent {
            self.tell_unsent(sender, flow);
        }
    }

    /// Has the shard that holds the connection give it another name.
    pub(crate) fn alias(&mut self, flow: Flow) {
        let holder = flow.connection.shard();
        if holder == self.id {
            self.connections.alias(flow, &mut self.happened);
        } else {
            self.give(holder, Parcel::Alias(flow));
        }
    }

    fn close(&mut self, flow: Flow) {
        let holder = flow.connection.shard();
        if holder == self.id {
            self.connections
                .close(flow.connection, &mut self.counters, &mut self.happened);
        } else {
            self.give(holder, Parcel::Close(flow));
        }
    }

    /// The control thread writes the log, and aborts when it has written why.
    fn abort(&mut self) {
        self.logbook.flush(&mut self.control);
        if self.control.report(Report::Abort).is_err() {
            std::process::abort();
        }
    }

    fn quarantine(&mut self, reason: &[u8], message: &[u8], is_sound: bool) {
        self.logbook.line(-2, reason, &mut self.counters);
        if !message.is_empty() && self.quarantine.keep(self.now.unix_us, reason, message) {
            self.counters.quarantined += 1;
        }
        if !is_sound {
            self.restart_engine();
        }
    }

    /// The engine's tables no longer agree with each other: a fresh one goes on. Its calls are
    /// lost, those of the other shards are not.
    fn restart_engine(&mut self) {
        match (self.make_engine)(self.id) {
            Ok(engine) => {
                self.engine = engine;
                self.logbook.line(
                    -2,
                    b"the engine of this shard was started anew",
                    &mut self.counters,
                );
            }
            Err(error) => {
                // One whose tables do not agree must not go on, and there is no other.
                let line = format!(
                    "the engine of this shard cannot be started anew, so the server ends: {}",
                    error.trim_end()
                );
                self.logbook.line(-2, line.as_bytes(), &mut self.counters);
                self.abort();
            }
        }
    }

    /// Commands and empty pages from the control thread.
    pub(crate) fn receive_orders(&mut self) {
        while let Some(order) = self.control.order() {
            match order {
                Order::Command(ticket, command) => {
                    self.own_statistics = self.statistics_of(&command).map(|json| (ticket, json));
                    self.handle(Input::Command(ticket, command));
                    // So that our half meets its answer, not the next one's.
                    self.flush();
                }
                Order::Answer(ticket, answer) => self.handle(Input::Answer(ticket, answer)),
                Order::Reload(ticket, step) => {
                    self.handle(Input::Reload(ticket, step));
                    self.flush();
                }
                Order::Page(page) => self.logbook.give_back(page),
            }
        }
    }

    fn answer_command(&mut self, ticket: Ticket, result: control::CommandResult) {
        let own = self.own_statistics.take_if(|(of, _)| *of == ticket);
        let result = crate::statistics::join(result, own.map(|(_, json)| json));
        if self.control.report(Report::Answer(ticket, result)).is_err() {
            self.counters.late_answers += 1;
        }
    }
}
