//! Stream connections of one shard: RFC 3261 §18 over TCP.
//!
//! A connection belongs to the shard that accepted it; one that we open belongs to its *home*, the
//! shard that a hash of socket and peer names, so that many shards do not open many connections to one
//! trunk. The home of an accepted connection is told who holds it, and so every shard finds every
//! connection in at most two hops: its own table, then the home.
//!
//! An idle connection is a descriptor and a slot. It borrows a frame while a message is incomplete
//! and a queue while the peer reads slowly. Framing is the parser's; here are only bytes.

mod connection;
mod queue;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::{ConnectionId, Flow, ShardId, SocketId, Ticket, Transport};
use parser::Frame;
use wire::stream::StreamOptions;
use wire::{Epoll, Events, Interest, Listener, Stream};

use crate::alarms::{Alarm, Alarms};
use crate::counters::Counters;
use crate::limits::{ACCEPT_PAUSE_US, ACCEPTS_A_TURN, STREAM_MESSAGES_A_TURN};
use connection::{Reading, State};
use table::Table;

pub(crate) use connection::Sender;

/// What the script and the profile say about connections.
#[derive(Clone, Copy, Debug)]
pub struct StreamSettings {
    /// How sockets are made.
    pub options: StreamOptions,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Silence after which a connection is closed.
    pub lifetime: Duration,
    /// How long one message may take to arrive.
    pub message_time: Duration,
    /// Connections of this shard.
    pub connections_max: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        StreamSettings {
            options: StreamOptions::default(),
            // OpenSIPS blocks for 100 ms; ours waits without blocking, so it can afford a slow peer.
            connect_timeout: Duration::from_secs(5),
            lifetime: Duration::from_secs(120),
            message_time: Duration::from_secs(4),
            connections_max: 2048,
        }
    }
}

/// Our end of the connections that a socket opens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local {
    pub(crate) address: IpAddr,
    /// Type of service; 0 leaves it alone.
    pub(crate) tos: u32,
}

/// What happened on the connections and somebody has to be told.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A whole message.
    Message(Frame, Flow),
    /// It was accepted.
    Accepted(Flow),
    /// It is reached by another port of its peer as well.
    Aliased(Flow),
    /// It has ended; said of each port of its peer that it stood for.
    Closed(Flow),
    /// What was to be sent by it was not.
    Unsent(Sender, Flow),
}

/// All connections of one shard.
pub(crate) struct Connections {
    own: ShardId,
    shards: u16,
    settings: StreamSettings,
    homes: ahash::RandomState,
    /// By socket: our end there, `None` if it is no stream socket.
    locals: Vec<Option<Local>>,
    listeners: Vec<(SocketId, Listener)>,
    table: Table,
    epoll: Epoll,
    events: Events,
    /// Slots that have been answered for the last time and close when their queue is empty.
    closing: Vec<u32>,
    page: Box<[u8]>,
    sweep_at: u32,
    accepting: bool,
}

const LISTENER: u64 = 1 << 63;

impl Connections {
    pub(crate) fn new(
        own: ShardId,
        shards: u16,
        seeds: [u64; 2],
        settings: StreamSettings,
        locals: Vec<Option<Local>>,
        listeners: Vec<(SocketId, Listener)>,
    ) -> std::io::Result<Connections> {
        let epoll = Epoll::new()?;
        for (index, (_, listener)) in listeners.iter().enumerate() {
            epoll.add(listener, LISTENER | index as u64, Interest::READ)?;
        }
        // The same on every shard of this run, unknown to peers: nobody can aim at one shard.
        let homes = ahash::RandomState::with_seeds(seeds[0], seeds[1], !seeds[0], !seeds[1]);
        Ok(Connections {
            own,
            shards,
            settings,
            locals,
            listeners,
            table: Table::new(own, settings.connections_max, &homes),
            homes,
            epoll,
            events: Events::new(),
            closing: Vec::new(),
            page: vec![0; parser::limits::MESSAGE_BYTES_MAX + 1].into_boxed_slice(),
            sweep_at: 0,
            accepting: true,
        })
    }

    /// Readable when something is to be done here.
    pub(crate) fn epoll(&self) -> &Epoll {
        &self.epoll
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The shard that opens connections between this socket and this peer.
    pub(crate) fn home(&self, socket: SocketId, remote: SocketAddr) -> ShardId {
        ShardId((self.homes.hash_one((socket.0, remote)) % u64::from(self.shards)) as u16)
    }

    /// The connection to this peer, as far as this shard knows.
    pub(crate) fn find(&self, socket: SocketId, remote: SocketAddr) -> Option<ConnectionId> {
        self.table.find(socket, remote)
    }

    /// A connection of ours has another name: what goes to `remote` leaves by it.
    pub(crate) fn alias(&mut self, flow: Flow, happened: &mut Vec<Happened>) {
        if self.table.alias(flow.connection, flow.remote.port()) {
            happened.push(Happened::Aliased(flow));
        }
    }

    /// Another shard holds this connection, and we are its home.
    pub(crate) fn note_held(&mut self, flow: Flow) {
        self.table.note_held(flow);
    }

    /// Another shard's connection has ended.
    pub(crate) fn forget_held(&mut self, flow: Flow) {
        self.table.forget_held(flow);
    }

    /// Sends by a connection of this shard.
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        sender: Sender,
        now_us: u64,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) -> Result<(), Sender> {
        let Some(connection) = self.table.get_mut(id) else {
            return Err(sender);
        };
        connection.active_s = seconds(now_us);
        match connection.write(bytes, sender, seconds(now_us)) {
            Ok(()) => counters.stream_messages_sent += 1,
            Err(connection::WriteError::QueueFull(sender)) => {
                counters.write_queue_full += 1;
                return Err(sender);
            }
            Err(connection::WriteError::Broken(sender)) => {
                self.end(id.slot(), counters, happened);
                return Err(sender);
            }
        }
        connection.ask(&self.epoll);
        Ok(())
    }

    /// Opens a connection and sends by it as soon as it is there.
    #[expect(
        clippy::too_many_arguments,
        reason = "a send, and where its effects go"
    )]
    pub(crate) fn open(
        &mut self,
        flow: Flow,
        bytes: &[u8],
        sender: Sender,
        now_us: u64,
        alarms: &mut Alarms,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) -> Result<(), Sender> {
        let local = self
            .locals
            .get(usize::from(flow.socket.0))
            .copied()
            .flatten();
        let (Some(local), Transport::Tcp) = (local, flow.transport) else {
            return Err(sender);
        };
        if self.table.is_full() {
            counters.connections_refused += 1;
            return Err(sender);
        }
        let from = SocketAddr::new(local.address, 0);
        let options = StreamOptions {
            tos: local.tos,
            ..self.settings.options
        };
        let stream = match Stream::connect(from, flow.remote, &options) {
            Ok(stream) => stream,
            Err(_) => {
                counters.connections_failed += 1;
                return Err(sender);
            }
        };
        let id = self
            .table
            .insert(stream, State::Connecting, flow, seconds(now_us));
        let Some(connection) = self.table.get_mut(id) else {
            return Err(sender);
        };
        if self
            .epoll
            .add(&connection.stream, token(id), Interest::WRITE)
            .is_err()
        {
            self.end(id.slot(), counters, happened);
            counters.connections_failed += 1;
            return Err(sender);
        }
        let deadline = now_us + self.settings.connect_timeout.as_micros() as u64;
        alarms.set(deadline, Alarm::Connection(id.slot(), id.generation()));
        match connection.write(bytes, sender, seconds(now_us)) {
            Ok(()) => {
                counters.stream_messages_sent += 1;
                Ok(())
            }
            Err(
                connection::WriteError::QueueFull(sender) | connection::WriteError::Broken(sender),
            ) => Err(sender),
        }
    }

    /// Closes a connection once what it owes is written.
    pub(crate) fn close(
        &mut self,
        id: ConnectionId,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        if let Some(connection) = self.table.get_mut(id) {
            if connection.owes() {
                connection.state = State::Closing;
                self.closing.push(id.slot());
            } else {
                self.end(id.slot(), counters, happened);
            }
        }
    }

    /// Accepts, reads and writes what is ready. Messages come out whole, in the order of each stream.
    pub(crate) fn advance(
        &mut self,
        now_us: u64,
        alarms: &mut Alarms,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        if self.epoll.wait(&mut self.events, Duration::ZERO).is_err() {
            return;
        }
        for index in 0..self.events.len() {
            let Some(event) = self.events.get(index) else {
                break;
            };
            if event.token & LISTENER != 0 {
                let listener = (event.token & !LISTENER) as usize;
                self.accept(listener, now_us, alarms, counters, happened);
                continue;
            }
            // Level-triggered: what is left is reported by the next call.
            if happened.len() >= STREAM_MESSAGES_A_TURN {
                break;
            }
            self.serve(event, now_us, counters, happened);
        }
    }

    fn serve(
        &mut self,
        event: wire::readiness::Event,
        now_us: u64,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        let id = ConnectionId(event.token);
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        if connection.state == State::Connecting {
            if event.failed || connection.stream.outcome().is_err() {
                counters.connections_failed += 1;
                self.end(id.slot(), counters, happened);
                return;
            }
            connection.state = State::Open;
            counters.connections_opened += 1;
        }
        if event.writable && connection.drain(seconds(now_us)).is_err() {
            self.end(id.slot(), counters, happened);
            return;
        }
        if event.readable || event.failed {
            connection.active_s = seconds(now_us);
            let reading = connection.read(&mut self.page, seconds(now_us), |frame, flow| {
                counters.stream_messages_received += 1;
                happened.push(Happened::Message(frame, flow));
            });
            match reading {
                Reading::Open => {}
                Reading::Lost => {
                    // The last bytes went up as a message, so that the engine can say what is
                    // wrong with them; its answer leaves before the connection does.
                    counters.framing_lost += 1;
                    connection.state = State::Closing;
                    self.closing.push(id.slot());
                }
                Reading::Ended => {
                    self.end(id.slot(), counters, happened);
                    return;
                }
            }
        }
        if let Some(connection) = self.table.get_mut(id) {
            connection.ask(&self.epoll);
        }
    }

    fn accept(
        &mut self,
        index: usize,
        now_us: u64,
        alarms: &mut Alarms,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        for _ in 0..ACCEPTS_A_TURN {
            let (socket, listener) = &self.listeners[index];
            let socket = *socket;
            let (stream, remote) = match listener.accept() {
                Ok(Some(accepted)) => accepted,
                Ok(None) => return,
                Err(_) => {
                    // Out of descriptors: the listener stays readable, so look away for a while.
                    self.accepting(false);
                    alarms.set(now_us + ACCEPT_PAUSE_US, Alarm::Accept);
                    return;
                }
            };
            if self.table.is_full() {
                counters.connections_refused += 1;
                continue;
            }
            counters.connections_accepted += 1;
            let flow = Flow {
                socket,
                transport: Transport::Tcp,
                remote,
                connection: ConnectionId::NONE,
            };
            let id = self
                .table
                .insert(stream, State::Open, flow, seconds(now_us));
            let Some(connection) = self.table.get_mut(id) else {
                continue;
            };
            let flow = connection.flow;
            if self
                .epoll
                .add(&connection.stream, token(id), Interest::READ)
                .is_err()
            {
                self.end(id.slot(), counters, happened);
                continue;
            }
            happened.push(Happened::Accepted(flow));
        }
    }

    /// Whether new connections are taken.
    pub(crate) fn accepting(&mut self, accepting: bool) {
        if self.accepting == accepting {
            return;
        }
        self.accepting = accepting;
        let interest = if accepting {
            Interest::READ
        } else {
            Interest::NOTHING
        };
        for (index, (_, listener)) in self.listeners.iter().enumerate() {
            let _ = self
                .epoll
                .modify(listener, LISTENER | index as u64, interest);
        }
    }

    /// The deadline to be open has come.
    pub(crate) fn deadline(
        &mut self,
        slot: u32,
        generation: u32,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        let id = ConnectionId::new(self.own, generation, slot);
        if self
            .table
            .get_mut(id)
            .is_some_and(|connection| connection.state == State::Connecting)
        {
            counters.connections_failed += 1;
            self.end(slot, counters, happened);
        }
    }

    /// Ends the closing ones that owe nothing any more.
    pub(crate) fn end_closing(&mut self, counters: &mut Counters, happened: &mut Vec<Happened>) {
        let mut index = 0;
        while index < self.closing.len() {
            let slot = self.closing[index];
            let owes = self
                .table
                .at_mut(slot)
                .is_some_and(|one| one.state == State::Closing && one.owes());
            if owes {
                index += 1;
                continue;
            }
            self.closing.swap_remove(index);
            if self
                .table
                .at_mut(slot)
                .is_some_and(|one| one.state == State::Closing)
            {
                self.end(slot, counters, happened);
            }
        }
    }

    /// Looks at a tenth of the connections for those that are over; called ten times a second.
    pub(crate) fn sweep(
        &mut self,
        now_us: u64,
        counters: &mut Counters,
        happened: &mut Vec<Happened>,
    ) {
        let slots = self.table.slots();
        let now_s = seconds(now_us);
        for _ in 0..slots.div_ceil(10) {
            self.sweep_at = if self.sweep_at + 1 >= slots {
                0
            } else {
                self.sweep_at + 1
            };
            let is_over = self
                .table
                .at_mut(self.sweep_at)
                .is_some_and(|one| one.is_over(now_s, &self.settings));
            if is_over {
                self.end(self.sweep_at, counters, happened);
            }
        }
    }

    fn end(&mut self, slot: u32, counters: &mut Counters, happened: &mut Vec<Happened>) {
        let Some(mut connection) = self.table.remove(slot) else {
            return;
        };
        counters.connections_closed += 1;
        // Closing the descriptor would do; but a copy of it may live in a child process.
        let _ = self.epoll.remove(&connection.stream);
        let flow = connection.flow;
        for sender in connection.unsent() {
            happened.push(Happened::Unsent(sender, flow));
        }
        for &port in &connection.aliases {
            let mut alias = flow;
            alias.remote.set_port(port);
            happened.push(Happened::Closed(alias));
        }
        happened.push(Happened::Closed(flow));
    }
}

/// The token of a connection is its name.
fn token(id: ConnectionId) -> u64 {
    id.0
}

fn seconds(now_us: u64) -> u32 {
    (now_us / 1_000_000) as u32
}

/// Who wants to know that a message could not be sent.
impl Sender {
    pub(crate) fn new(shard: ShardId, ticket: Ticket) -> Sender {
        Sender { shard, ticket }
    }
}
