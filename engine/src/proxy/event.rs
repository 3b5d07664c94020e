//! What a transaction tells those who watch it: accounting, dialogs, tracing.
//!
//! Delivered as jobs, after the step that caused them; never from inside it. The request is in hand until it is
//! answered and no branch is open; of what comes later ([`AckReceived`](TransactionEventKind::AckReceived) for
//! one) watchers hear without it.

use super::ContextId;

/// One thing that happened to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionEvent {
    /// Whose.
    pub context: ContextId,
    /// What.
    pub kind: TransactionEventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEventKind {
    /// The request was sent to the targets of one `relay`.
    Relayed,
    /// A response came in on a branch, before it is judged.
    ResponseReceived {
        /// The branch.
        branch: u8,
        /// Its status code.
        code: u16,
    },
    /// A response went back to the caller.
    ReplySent {
        /// Its status code.
        code: u16,
        /// Whether we made it ourselves.
        local: bool,
        /// The branch it came from, when it came from one.
        branch: Option<u8>,
    },
    /// All branches have failed with this code and the failure route, if any, is to run or has
    /// nothing more to try: what accounting calls a missed call.
    Failed {
        /// The code of the best response.
        code: u16,
    },
    /// The caller gave up.
    Cancelled,
    /// The ACK to a 2xx of this transaction passed.
    AckReceived,
    /// Server and client transactions are gone. Last of all; the context is dropped after it.
    Ended,
}
