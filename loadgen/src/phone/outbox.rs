//! What a phone leaves behind after an event: bytes to send, and notices of what happened.
//!
//! One outbox serves any number of phones and is cleared by whoever carries its content away.

use std::net::SocketAddr;
use std::ops::Range;

use super::{CallId, Micros, Verb};

/// Sends and notices, in the order they happened. Keeps its memory when cleared.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The bytes of all sends, one behind the other.
    pub bytes: Vec<u8>,
    /// What to send.
    pub sends: Vec<Send>,
    /// What happened.
    pub notices: Vec<Notice>,
}

impl Outbox {
    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sends.clear();
        self.notices.clear();
    }

    /// The bytes of a send.
    #[must_use]
    pub fn bytes_of(&self, send: &Send) -> &[u8] {
        &self.bytes[send.range()]
    }
}

/// One message to send.
#[derive(Clone, Copy, Debug)]
pub struct Send {
    /// From which line.
    pub line: u32,
    /// To where.
    pub to: SocketAddr,
    /// Whether the same message has been sent before.
    pub repeated: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Send {
    /// Where its bytes stand in [`Outbox::bytes`].
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Something that happened to a call, a registration or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The call; [`CallId::NONE`] for what belongs to none.
    pub call: CallId,
    /// What the command that began it gave: a caller's tag, 0 on the answering side.
    pub tag: u64,
    /// When.
    pub at: Micros,
    /// What.
    pub what: What,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The caller's INVITE goes out.
    Calling,
    /// The first provisional response of this code came (100 included).
    Provisional(u16),
    /// How the caller's INVITE ended, and when its first status came: a provisional response but 100, or else the
    /// final one (RFC 6076 §4.3). Comes before [`Answered`](Self::Answered) or a failure with a response.
    Indicated {
        /// When the first status came.
        at: Micros,
        /// Whether the INVITE was answered with a 2xx.
        answered: bool,
    },
    /// A request of ours for a call was sent again.
    Repeated(Verb),
    /// The caller got its 200 and sent the ACK.
    Answered,
    /// A call came in.
    Incoming,
    /// The answering side got its ACK.
    Acknowledged,
    /// A re-INVITE of ours was answered with this code.
    Reinvited(u16),
    /// An UPDATE of ours was answered with this code.
    Updated(u16),
    /// Another branch of a forked call answered too; it was acknowledged and hung up.
    Forked,
    /// The call was hung up; `by_us` after our BYE was answered, which took `answer` microseconds.
    Ended {
        /// Who said BYE.
        by_us: bool,
        /// From BYE to its response; 0 when the BYE was the peer's.
        answer: Micros,
    },
    /// The call was given up with CANCEL: ours (487 came), or the peer's.
    Cancelled {
        /// Who cancelled.
        by_us: bool,
    },
    /// The call, registration or request failed. Nothing more comes of it.
    Failed(Failure),
    /// The registrar took us, for this many seconds.
    Registered(u32),
    /// The registrar let us go.
    Unregistered,
    /// A request outside calls got this final response.
    Replied(u16),
    /// A command could not be obeyed: unknown call, wrong state, table full.
    Refused,
}

impl What {
    /// Whether this is the last a call, registration attempt or request is heard of: exactly one such
    /// notice comes of each.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        matches!(
            self,
            What::Ended { .. }
                | What::Cancelled { .. }
                | What::Failed(_)
                | What::Registered(_)
                | What::Unregistered
                | What::Replied(_)
                | What::Refused
        )
    }
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// The request was answered with this code (300 and above).
    Rejected(u16),
    /// No final response in time.
    Timeout(Stage),
    /// The BYE was answered with this code (300 and above).
    ByeRejected(u16),
    /// The answering side never saw an ACK.
    NoAck,
    /// The credentials were not accepted, or there were none and the code is this.
    Challenged(u16),
    /// A 2xx that makes no dialog: no tag or no Contact.
    Unusable,
}

/// What was waited for when time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Any response to the INVITE (Timer B).
    Calling,
    /// A final response to a cancelled INVITE.
    Cancelling,
    /// The response to BYE (Timer F).
    Bye,
    /// The response to REGISTER, OPTIONS or another request outside calls (Timer F).
    Request,
}

/// What a phone counted, for itself, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counters {
    pub requests_sent: u64,
    pub responses_sent: u64,
    pub requests_received: u64,
    pub responses_received: u64,
    /// Ours, by our timers: what the peer (or the way to it) lost or was late with.
    pub invites_repeated: u64,
    pub byes_repeated: u64,
    pub others_repeated: u64,
    pub responses_repeated: u64,
    /// Theirs: requests and final responses that came again.
    pub requests_absorbed: u64,
    pub responses_absorbed: u64,
    /// Messages that belong to nothing: unknown branch, unknown dialog.
    pub strays: u64,
    /// Messages that the parser refused.
    pub malformed: u64,
}

impl Counters {
    /// Adds another phone's.
    pub fn add(&mut self, other: &Counters) {
        self.requests_sent += other.requests_sent;
        self.responses_sent += other.responses_sent;
        self.requests_received += other.requests_received;
        self.responses_received += other.responses_received;
        self.invites_repeated += other.invites_repeated;
        self.byes_repeated += other.byes_repeated;
        self.others_repeated += other.others_repeated;
        self.responses_repeated += other.responses_repeated;
        self.requests_absorbed += other.requests_absorbed;
        self.responses_absorbed += other.responses_absorbed;
        self.strays += other.strays;
        self.malformed += other.malformed;
    }

    /// Everything sent again by our own timers.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.invites_repeated + self.byes_repeated + self.others_repeated + self.responses_repeated
    }
}
