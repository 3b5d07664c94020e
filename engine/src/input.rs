//! What can happen to an engine: everything that comes in by the door.
//!
//! No behaviour here, only the nouns that engine, shards and sim share.

use std::net::SocketAddr;
use std::sync::Arc;

use parser::Frame;
use script::Program;

/// The time of one input. `mono_us` never goes back and drives timers; `unix_us` is wall time for
/// expiry, `$Ts`, nonces and Date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Microseconds since an arbitrary start.
    pub mono_us: u64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub unix_us: u64,
}

impl Now {
    /// Milliseconds of the monotonic clock, the unit of the timer wheel.
    pub fn mono_ms(self) -> u64 {
        self.mono_us / 1000
    }

    /// Whole seconds since the epoch.
    pub fn unix_s(self) -> u64 {
        self.unix_us / 1_000_000
    }
}

/// A shard of this installation, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

/// A listening socket of the configuration, counted from 0 in the order of the script; the same
/// number on every shard. Its addresses are in [`crate::sockets::Sockets`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SocketId(pub u16);

/// How bytes travel (RFC 3261 §18). Only the ones whose wire exists so far are opened; the names are all here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
    Sctp,
}

impl Transport {
    /// Whether retransmission is the transport's work (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Lower case, as in URIs and scripts: `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
            Transport::Sctp => "sctp",
        }
    }

    /// Upper case, as in Via.
    pub fn as_via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
            Transport::Sctp => "SCTP",
        }
    }

    /// Reads either spelling, ignoring case.
    pub fn parse(text: &[u8]) -> Option<Transport> {
        use Transport::*;
        [Udp, Tcp, Tls, Ws, Wss, Sctp]
            .into_iter()
            .find(|t| text.eq_ignore_ascii_case(t.as_str().as_bytes()))
    }

    /// The port that is meant when a URI or Via names none.
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp | Transport::Sctp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

/// A connection of a stream transport. Names the shard that holds it, so that anyone can find it.
/// Zero is "none yet": the shard that sends opens or reuses one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// No connection: datagrams, or "open one".
    pub const NONE: ConnectionId = ConnectionId(0);

    /// One that is open already, whichever: none is opened for it. No real one has this name.
    pub const EXISTING: ConnectionId = ConnectionId(1);

    /// Whether it names a connection: neither [`NONE`](Self::NONE) nor [`EXISTING`](Self::EXISTING).
    pub fn is_named(self) -> bool {
        self.generation() != 0
    }

    /// Packs shard (16 bits), generation (24 bits) and slot (24 bits). Generation counts from 1.
    pub fn new(shard: ShardId, generation: u32, slot: u32) -> Self {
        ConnectionId(
            (u64::from(shard.0) << 48)
                | (u64::from(generation & 0xff_ffff) << 24)
                | u64::from(slot & 0xff_ffff),
        )
    }

    /// The shard that holds the connection.
    pub fn shard(self) -> ShardId {
        ShardId((self.0 >> 48) as u16)
    }

    /// Distinguishes the users of one slot.
    pub fn generation(self) -> u32 {
        (self.0 >> 24) as u32 & 0xff_ffff
    }

    /// The place in the holding shard's table.
    pub fn slot(self) -> u32 {
        self.0 as u32 & 0xff_ffff
    }

    /// Whether this is [`ConnectionId::NONE`].
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// One way between us and a peer: the socket of ours, the peer's address, and for streams the
/// connection. What is received says by which flow it came; what is sent says by which it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Our end.
    pub socket: SocketId,
    /// The transport of that socket.
    pub transport: Transport,
    /// The peer's end.
    pub remote: SocketAddr,
    /// The connection, for stream transports.
    pub connection: ConnectionId,
}

/// Names one thing that waits: which table, which slot, which generation. An answer to a ticket
/// whose generation has passed is late; it is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

impl Ticket {
    /// Nobody waits.
    pub const NONE: Ticket = Ticket(0);
}

/// Everything that can happen to an engine.
#[derive(Debug)]
pub enum Input {
    /// A datagram, or one framed message of a stream, as it came from the network.
    Received {
        /// The bytes.
        frame: Frame,
        /// By which way it came.
        flow: Flow,
    },
    /// The same, received by another shard and handed to us as the owner; never handed on again.
    Handover {
        /// The bytes.
        frame: Frame,
        /// By which way it came to the other shard.
        flow: Flow,
        /// The shard that received it.
        from: ShardId,
    },
    /// A question or an answer from another shard's module.
    Letter(Letter),
    /// Time has passed: fire what is due. Sent when [`crate::Engine::next_due`] says so.
    Tick,
    /// The world answers a query, or says that it failed.
    Answer(Ticket, Answer),
    /// Bytes that an `Output::Send` with this ticket left for a flow could not be sent: connection
    /// refused or closed, ICMP error, full buffer.
    SendFailed(Ticket, Flow),
    /// A stream connection has ended; no ticket, whoever used it may care.
    Closed(Flow),
    /// A management command. The answer leaves as `Output::CommandAnswer` with the same ticket.
    Command(Ticket, Command),
    /// One step of replacing the script. Its answer leaves like a command's.
    Reload(Ticket, Reload),
}

/// The steps of replacing the script on all shards: each prepares, and when all have, each swaps. What a shard
/// cannot run is refused in the first step, so no shard ever runs what another could not.
#[derive(Clone, Debug)]
pub enum Reload {
    /// Tie this program to the modules that run, and keep it ready. What was prepared before is forgotten.
    Prepare(Arc<Program>),
    /// Run what was prepared from now on. Runs that wait go on with the program they began in.
    Swap,
    /// Forget what was prepared.
    Discard,
}

/// Between modules of two shards. The payload is the modules' own agreement.
#[derive(Debug)]
pub struct Letter {
    /// Who wrote.
    pub from: ShardId,
    /// Who reads.
    pub to: ShardId,
    /// The module on both sides, by its place in the program's list of modules; the core is behind them all.
    pub module: u16,
    /// In a question: what waits at the sender. In an answer: the same ticket, back.
    pub ticket: Ticket,
    /// Whether this answers a question.
    pub is_answer: bool,
    /// What it says.
    pub payload: Frame,
}

/// What the world says to a query.
#[derive(Debug)]
pub enum Answer {
    /// The raw DNS response message.
    Dns(Frame),
    /// What another shard's module answered.
    Letter(Frame),
    /// The bytes of a file, or why it cannot be read.
    File(Result<Arc<[u8]>, Arc<str>>),
    /// A pause asked for by a run is over.
    Slept,
    /// It failed: no server, refused, full ring.
    Failed,
    /// The deadline passed first.
    TimedOut,
}

/// A management command (MI): its name and parameters, already decoded from whatever transport carried it.
#[derive(Clone, Debug)]
pub struct Command {
    /// `which`, `ul_dump`, `usrloc:dump`...
    pub name: String,
    /// In order; named parameters carry their name.
    pub parameters: Vec<(Option<String>, String)>,
}
