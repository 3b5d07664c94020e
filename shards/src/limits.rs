//! The bounds of the shell around an engine, and the arithmetic between them.

use std::time::Duration;

/// Shards a core. One is what there should be; a few more may serve an experiment, and beyond this they only
/// wait for each other.
pub const SHARDS_A_CORE_MAX: usize = 8;

/// Files that the process itself has open: standard streams, signals, the control thread's.
pub const FILES_OF_PROCESS: u64 = 16;

/// Files that a shard has open besides its sockets: rings, epolls, eventfds.
pub const FILES_OF_SHARD: u64 = 16;

/// Locked memory that glommio asks for.
pub const LOCKED_BYTES: u64 = 512 * 1024;

/// Parcels that a ring between two shards holds. A turn takes out less than a millisecond's worth,
/// so this is a stall of some milliseconds at full load; beyond it the receiver is overloaded.
pub const RING_PARCELS: usize = 1024;

/// Parcels that must not get lost and wait for room in a full ring, a peer. One reading of one
/// connection can leave this many.
pub const PARCELS_WAITING_MAX: usize = 4096;

/// Parcels taken from one ring in one turn, so that no neighbour starves the network.
pub const PARCELS_A_TURN: usize = 256;

/// Batches read from one UDP socket in one turn.
pub const BATCHES_A_TURN: usize = 4;

/// Datagrams of one socket in one turn, after which no further batch is begun: runs hold up to 64 each.
pub(crate) const DATAGRAMS_A_TURN: u64 = 256;

/// Messages read from all connections in one turn; what is left is reported again.
pub const STREAM_MESSAGES_A_TURN: usize = 128;

/// Connections accepted in one turn.
pub const ACCEPTS_A_TURN: usize = 64;

/// Outputs after which the outbox is flushed in the middle of a turn: a turn of full batches makes about so many, and
/// what leaves together can be put together. More would only make the first of them wait.
pub const OUTPUTS_MAX: usize = 256;

/// Bytes that one connection may owe its peer. A slower peer is a send failure.
pub const WRITE_QUEUE_BYTES_MAX: usize = 256 * 1024;

/// Seconds in which a peer that is owed something must take some of it. One that takes nothing is gone,
/// and what is sent to it should go elsewhere.
pub const STALLED_S_MAX: u64 = 10;

/// Connections of one shard, whatever the script says: a slot is 24 bits of a connection's name.
pub const CONNECTIONS_MAX: usize = 1 << 24;

/// Sends with a ticket that are remembered for a late ICMP error.
pub const SENDS_REMEMBERED: usize = 1024;

/// How late an ICMP error may be. Linux gives up on a silent neighbour after three seconds.
pub const UNREACHABLE_AFTER_US: u64 = 5_000_000;

/// DNS questions of one shard under way at once; each has a socket of its own, so that its port is
/// a secret. More fail at once.
pub const DNS_QUESTIONS_MAX: usize = 256;

/// Name servers that are asked, as in the C library.
pub const DNS_SERVERS_MAX: usize = 3;

/// Runs of one shard that sleep at once. More are woken at once.
pub const SLEEPERS_MAX: usize = 65_536;

/// Bytes of log that a shard collects before it drops lines, counted.
pub const LOG_BYTES: usize = 60_000;

/// Messages in the quarantine that have not reached the disk yet. More are only counted.
pub const QUARANTINE_PENDING_MAX: usize = 16;

/// The longest wait of an idle shard.
pub const IDLE_WAIT: Duration = Duration::from_millis(50);

/// The longest wait that a profile may ask for.
pub const PARK_MAX_MS: u64 = 1_000;

/// The highest number of a core.
pub const CORE_MAX: usize = 4_095;

/// Memory that a profile may speak of, in MiB: 64 TiB.
pub const MEMORY_MAX_MB: u64 = 1 << 26;

/// Bytes that a forwarded request takes with all that belongs to it, both transactions, their messages and the response
/// context: what `memory_mb` of a profile is divided by. A planning figure above what calls were measured to take.
pub const TRANSACTION_BYTES: u64 = 4_096;

/// Transactions of a shard, however little memory there is.
pub const TRANSACTIONS_LEAST: u32 = 1_024;

/// The wait while connections are not read because a neighbour's ring is full.
pub const PAUSED_WAIT: Duration = Duration::from_millis(1);

/// The wait while glommio has work of its own, which advances only when the turn lets it.
pub const BACKGROUND_WAIT: Duration = Duration::from_micros(100);

/// The longest that datagrams may be left to gather: it is added to what a peer waits for.
pub const GATHER_MAX_US: u64 = 5_000;

/// The shortest pause worth its own wake-up.
pub const GATHER_LEAST_US: u64 = 20;

/// Datagrams that have to be expected in a pause: for fewer the answer goes at once.
pub const GATHERED_LEAST: u64 = 2;

/// How late a pause may end.
pub const PAUSE_SLACK: Duration = Duration::from_micros(1);

/// How long a send waits for room in the socket's buffer before the datagram is dropped.
pub const SEND_BUFFER_WAIT: Duration = Duration::from_millis(1);

/// How long accepting pauses after the process ran out of descriptors.
pub const ACCEPT_PAUSE_US: u64 = 100_000;

/// How long the shards may take to stop.
pub const STOP_WITHIN: Duration = Duration::from_millis(1400);

/// How long the control thread may take after them, its last log lines included.
pub const CONTROL_STOP_WITHIN: Duration = Duration::from_millis(300);

/// Files that a shard puts into the quarantine in one run: whoever knows how to make an engine panic
/// does not fill the disk with it. More are only counted.
pub const QUARANTINE_FILES_MAX: u64 = 256;

const _: () = assert!(
    STOP_WITHIN.as_millis() + CONTROL_STOP_WITHIN.as_millis() < 2000,
    "SIGTERM leaves within two seconds"
);
const _: () = assert!(
    control::limits::FAREWELL_WITHIN.as_millis() > STOP_WITHIN.as_millis()
        && control::limits::FAREWELL_WITHIN.as_millis()
            + control::limits::LAST_ANSWERS_WITHIN.as_millis()
            < STOP_WITHIN.as_millis() + CONTROL_STOP_WITHIN.as_millis(),
    "the control thread stays for the slowest shard, and is done before nobody waits for it any more"
);
const _: () = assert!(
    LOG_BYTES <= parser::limits::MESSAGE_BYTES_MAX,
    "log lines travel in a frame"
);
const _: () = assert!(
    PARCELS_WAITING_MAX * 16 >= parser::limits::MESSAGE_BYTES_MAX,
    "a page of the shortest messages fits"
);

/// Ports of its peer that a connection stands for besides its own (RFC 5923): a peer listens on one.
pub const ALIASES_MAX: usize = 4;
