//! The proxy core: RFC 3261 §16, with RFC 5393, 4320, 4321 and 6026.
//!
//! Takes a request from the script to its targets and the responses back: target set, branches,
//! response context, best response, CANCEL, failover. Transactions themselves are in
//! `transaction`; where a target is, in `resolve`; what scripts may call, in `script.rs` here.
//!
//! The way of a request: `relay` (validate, targets, branches), `view` (a branch's route), `send` (addresses,
//! failover), `forward` (one branch as a message). The way back: `response` (a branch speaks), `runs` (reply
//! and failure routes end), `conclude` (the best goes back), `ending`. Branches that are added later are in `late`.
//! `route` and `record_route` are §16.4 and §16.12; what needs no transaction is in `stateless`; CSeq, From and To
//! that differ on both sides in `rewrite`.
//!
//! Owned by the Call-ID. Never runs a script: what has to run next is pushed on `core.jobs`.

mod alias;
mod attachments;
mod best;
mod branch;
mod cancel;
mod conclude;
mod context;
mod elsewhere;
mod ending;
mod event;
mod forward;
mod identity;
mod late;
mod options;
mod path;
mod record_route;
mod relay;
mod reply;
mod response;
mod rewrite;
mod route;
mod runs;
mod script;
mod send;
mod settings;
mod stateless;
mod target;
mod validate;
mod view;
mod warning;

pub(crate) use alias::take_alias;
pub use alias::{AcceptAliases, accept_alias};
pub use attachments::{Advertised, Attachments, RecordRoute, RouteFound};
pub(crate) use attachments::{advertised_port, host_form};
pub use branch::{Branch, BranchState, set_attribute};
pub use context::{ResponseContext, ResponseContexts};
pub use elsewhere::OwnReply;
pub(crate) use ending::discard;
pub use ending::{forget, settle};
pub use event::{TransactionEvent, TransactionEventKind};
pub(crate) use forward::write_via;
pub use late::{Injection, begin_late_branch, late_branch_ended, on_waited};
pub use options::{Address, Cancel, RelayError, RelayFlags, RelayOptions};
pub use path::Path;
pub use relay::{before_park, branches_done};
pub use reply::{absorbs_ack, complain_of_overload, reply_stateless};
pub use response::{
    on_ack_2xx, on_client_ended, on_client_timeout, on_resolved, on_response, on_server_ended,
    on_transport_error,
};
pub use rewrite::{Party, Restore, Rewrite, Rewriting};
pub use runs::{
    begin_failure_route, failure_route_ended, reply_hook, reply_route_ended, request_run_ended,
};
pub use send::send_branch;
pub use settings::{Proxy, ProxySettings};
pub use stateless::{is_to_us, on_stray_response};
pub use target::{Q_MAX, Target, TargetParts, TargetSet};
pub use view::{enter_branch, next_branch};

/// Names one response context: its slot, and which of the slot's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ContextId {
    /// The place in the table.
    pub slot: u32,
    /// Counts from 1.
    pub generation: u32,
}

/// Branches of one forked request. A larger target set is cut, lowest q first.
pub const BRANCHES_MAX: usize = 12;
