//! The engine's bounds, and the arithmetic between them.
//!
//! Constants are bounds of a shape; [`Limits`] are those an operator may choose.

pub use crate::proxy::BRANCHES_MAX;

/// Datagrams that one input can leave in the outbox. The fullest are a new request (100 Trying,
/// and a request a branch) and a 2xx (itself, and a CANCEL to each branch that lost). Traces,
/// queries and handovers have bounds of their own.
pub const SENDS_MAX: usize = BRANCHES_MAX + 1;

/// Jobs one input may leave behind; a script cannot make more than a few per branch.
pub const JOBS_MAX: usize = 256;

/// Jobs done for one input before we call it a loop of ours.
pub const JOBS_PER_INPUT_MAX: usize = 4_096;

/// Timers longer than this are cut (24 days): the wheel compares 32-bit milliseconds.
pub const TIMER_MS_MAX: u64 = 1 << 31;

/// An INVITE whose user says nothing gets 100 after this (RFC 3261 §17.2.1).
pub const TRYING_MS: u32 = 200;

/// An INVITE without a final response ends after this, counted from its last provisional one.
/// Longer than any call rings or waits in a queue; only a fault of ours reaches it.
pub const UNANSWERED_INVITE_MS: u32 = 3_600_000;

/// Another request without a final response ends after this: its client gave up long ago.
pub const UNANSWERED_MS: u32 = 300_000;

/// CSeq numbers that we write stay below this (RFC 3261 §8.1.1.5).
pub const CSEQ_MAX: u32 = (1 << 31) - 1;

/// Bytes of a From or To, without its parameters, that another is put in the place of: both go into our
/// Record-Route, which a datagram has to carry.
pub const PARTY_BYTES_MAX: usize = 255;

/// Directions of dialogs whose CSeq was raised inside the dialog, of one shard. The least used are forgotten.
pub const SHIFTS_MAX: usize = 65_536;

/// How many raised requests of one direction of a dialog are told apart. An INVITE behind which more are raised before its
/// ACK has come gets an ACK with another number.
pub const SHIFT_STEPS_MAX: usize = 8;

/// How many requests of one direction of a dialog are remembered that were raised after others had overtaken them.
pub const SHIFT_OVERTAKEN_MAX: usize = 4;

/// Directions of dialogs whose last CSeq is known, of one shard, where a script may answer challenges. The least used are
/// forgotten: two of their requests, challenged at once, may then get one number.
pub const NUMBERS_LEFT_MAX: usize = 65_536;

/// The last CSeq of a direction is known at least so long: longer than a challenge can take (RFC 3261 Timer F, 32 s).
pub const NUMBERS_LEFT_KEPT_MS: u64 = 64_000;

/// What was raised inside a dialog is remembered at least so long after its last request: 6 hours.
pub const SHIFT_KEPT_MS: u64 = 6 * 3_600_000;

/// Seconds a 503 of ours asks to stay away.
pub const RETRY_AFTER_S: u32 = 10;

/// Of a table's places, the share (in percent) that only requests inside a dialog may use.
pub const RESERVE_PERCENT: u32 = 10;

/// INVITEs of one Call-ID, From tag and CSeq that are found by these. A fork upstream makes a few;
/// whoever sends thousands gets transactions all the same, but no long lists.
pub const COPIES_MAX: usize = 16;

/// Bounds an operator may choose. A full table is overload: 503 with Retry-After, counted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Server transactions of one shard.
    pub server_transactions: u32,
    /// Server transactions that the indexes have room for from the start. Growing an index moves all that is in it at
    /// once, and every call of the shard waits: 100 ms and more at half a million.
    pub server_transactions_ready: u32,
    /// Client transactions of one shard.
    pub client_transactions: u32,
    /// Response contexts of one shard.
    pub contexts: u32,
    /// Requests of our own under way.
    pub agents: u32,
    /// Runs that wait for an answer.
    pub parked_runs: u32,
    /// Names in the resolver's cache.
    pub resolver_names: u32,
    /// Bytes kept of messages that made us panic, in all.
    pub quarantine_messages: u32,
    /// What a run may do without waiting; [`RUN_WORK`] says in which units.
    pub run_work: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            server_transactions: 1 << 22,
            server_transactions_ready: 0,
            client_transactions: 1 << 22,
            contexts: 1 << 22,
            agents: 1 << 16,
            parked_runs: 1 << 18,
            resolver_names: 1 << 16,
            quarantine_messages: 64,
            run_work: RUN_WORK,
        }
    }
}

/// Values of all `$avp` of one message. A list of numbers to try is tens; this ends a loop that only adds.
pub const AVPS_MAX: usize = 4096;

/// Bytes of text in all `$avp` of one message.
pub const AVP_BYTES_MAX: usize = 256 << 10;

/// Values of one branch, `$bavp` and attributes each: a few words of a script about one target.
pub const BRANCH_VALUES_MAX: usize = 64;

/// Bytes of their text.
pub const BRANCH_VALUE_BYTES_MAX: usize = 8 << 10;

/// Names of variables, attributes and routes that a shard knows, those made at run time included.
pub const NAMES_MAX: usize = 1 << 18;

/// `$var`s of a shard, counted among the names of everything.
pub const VARS_MAX: usize = 1 << 14;

/// Names that scripts make at run time, as `$avp($fU) = 1` does: peers may have a say in them, and they stay. Half of
/// what `$var` has room for, so that the other half is there for the script that a reload brings.
pub const NAMES_MADE_MAX: usize = VARS_MAX / 2;

/// Bytes of text in all `$var` of a run.
pub const VAR_BYTES_MAX: usize = 1 << 20;

/// Bytes of text that one run's expressions may hold at a time.
pub const RUN_TEXT_MAX: usize = 4 << 20;

/// Bytes that a variable of a text evaluated by `{s.eval}` may take with all its transformations. The text may be a
/// peer's, and transformations in a row multiply.
pub const EVALUATED_BYTES_MAX: usize = 256 << 10;

/// Scenes kept for reuse: as many as transactions begin and end in the same moment.
pub const SCENES_POOLED: usize = 4096;

/// Runs kept for reuse. One executes at a time; the others come from waits that ended together.
pub const RUNS_POOLED: usize = 256;

/// The longest that a run waits when whoever it asks names no time of its own.
pub const WAIT_MS_MAX: u32 = 60_000;

/// Bytes of a file that a module reads: tens of thousands of lines.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// How long the world may take to read one; a management command has 5 seconds in all.
pub const FILE_TIMEOUT_MS: u32 = 4_000;

/// Names of events that a shard knows.
pub const EVENTS_KNOWN_MAX: usize = 1024;

/// Events that wait for their routes to run.
pub const EVENTS_QUEUED_MAX: usize = 1024;

/// Event routes run for one input; those of an event that raises itself go on with the next.
pub const EVENTS_PER_INPUT_MAX: usize = 64;

/// Parameters of an event.
pub const EVENT_PARAMS_MAX: usize = 64;

/// Routes of `launch` that wait for the run which launched them.
pub const LAUNCHED_MAX: usize = 256;

/// How often one operation of a script may wait before it fails: for each name that leads to an address, and for each
/// part of a text that asks for something.
pub const OPERATION_WAITS_MAX: u16 = 64;

/// How often one run may wait: loops inside loops that wait in each round would hold a request for hours.
pub const RUN_WAITS_MAX: u16 = 1_000;

const _: () = assert!(OPERATION_WAITS_MAX > RESOLVE_ROUNDS_MAX as u16);

/// Patterns known at run time that are kept compiled.
pub const PATTERNS_MAX: usize = 256;

/// Bytes that all of them may take on a shard, each counted with what it may grow to.
pub const PATTERNS_BYTES_MAX: usize = 64 << 20;

/// Bytes that a pattern known at run time may take compiled, and as much again while it matches. One that needs more is
/// counted as the largest there is.
pub const PATTERN_BYTES_USUAL: usize = 128 << 10;

const _: () = assert!(
    2 * PATTERN_BYTES_USUAL * PATTERNS_MAX <= PATTERNS_BYTES_MAX
        && 2 * script::limits::REGEX_BYTES_MAX <= PATTERNS_BYTES_MAX,
    "usual patterns are all kept, and a large one has room"
);

/// What a run may do without waiting, unless [`Limits::run_work`] says otherwise: a second or two of the most expensive
/// functions. A loop alone has `max_while_loops`; loops inside loops and routes that call each other multiply. A round
/// of a loop, a call of a route and a call of a function are one each, and [`WORK_BYTES`] of text are one more.
pub const RUN_WORK: u32 = 500_000;

/// Bytes that count as much as a round of a loop: of texts that expressions make, and of what a function may go over
/// when it is called (the message, its edits, its targets).
pub const WORK_BYTES: usize = 1024;

/// Bytes of one text of a target: its URI, its next hop, its Path. A head of 32 KiB has no room for more of them.
pub const TARGET_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Bytes of all texts of a message's targets, from which on those that nothing means any more are dropped.
pub const TARGETS_TEXT_BYTES: usize = 64 * 1024;

const _: () = assert!(BRANCHES_MAX < 16, "a branch is four bits of a ticket");
const _: () = assert!(
    JOBS_MAX >= 8 * BRANCHES_MAX,
    "each branch may answer while its siblings are told"
);

/// Addresses of one hop, for failover.
pub const ADDRESSES_MAX: usize = 8;

/// Domains of the search list; resolver(5) knows six.
pub const SEARCH_DOMAINS_MAX: usize = 6;

/// Records of one DNS answer that are kept.
pub const DNS_RECORDS_MAX: usize = 16;

/// Bytes of a host name that a script resolves (RFC 1035 §2.3.4).
pub const HOST_NAME_MAX: usize = 253;

/// Names that stand for each other in a row (CNAME).
pub const DNS_ALIASES_MAX: usize = 8;

/// Questions one step of a resolution asks at once.
pub const DNS_QUESTIONS_MAX: usize = 16;

/// Who waits for one question.
pub const DNS_WAITERS_MAX: usize = 1_024;

/// How long a question may take.
pub const DNS_TIMEOUT_MS: u64 = 5_000;

/// The shortest lifetime of a record: those who wait for it have to find it.
pub const DNS_TTL_MIN_S: u32 = 1;

/// The longest lifetime of a record: a day.
pub const DNS_TTL_MAX_S: u32 = 86_400;

/// How long we believe that there is nothing, at most (RFC 2308 §5 permits hours; a new number should work sooner).
pub const DNS_NEGATIVE_S: u32 = 60;

/// How long we do not ask again after no or a broken answer.
pub const DNS_FAILED_S: u32 = 5;

/// Lines a second that a shard logs about messages it does not take. Enough to find a phone that errs; a scanner
/// does not fill the disk.
pub const COMPLAINTS_PER_S: u32 = 10;

/// Bytes of such a message that the line shows. Escaped they are four times as many.
pub const COMPLAINT_BYTES_MAX: usize = 160;

/// Response contexts kept for reuse.
pub const CONTEXTS_POOLED: usize = 1_024;

/// Events that wait in one context while a run holds its request.
pub const CONTEXT_QUEUE_MAX: usize = 32;

/// How often one relay or branch waits for the resolver: NAPTR, SRV, addresses, and aliases between them, and all of it
/// again in each domain of the search list, whose names seldom have aliases.
pub const RESOLVE_ROUNDS_MAX: u8 = 8 + 3 * SEARCH_DOMAINS_MAX as u8;

/// Bytes of the Warning line of `sip_warning`; a longer one is left out, so that the reply still fits a datagram.
pub const WARNING_BYTES_MAX: usize = 1024;
