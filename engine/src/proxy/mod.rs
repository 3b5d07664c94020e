//! The proxy core: RFC 3261 §16, with RFC 5393, 4320, 4321 and 6026.
//!
//! Takes a request from the script to its targets and the responses back: target set, branches,
//! response context, best response, CANCEL, failover. Transactions themselves are in
//! `transaction`; where a target is, in `resolve`; what scripts may call, in `script.rs` here.
//!
//! Owned by the Call-ID. Never runs a script: what has to run next is pushed on `core.jobs`.

mod attachments;
mod best;
mod branch;
mod cancel;
mod context;
mod event;
mod forward;
mod identity;
mod options;
mod path;
mod record_route;
mod relay;
mod reply;
mod response;
mod route;
mod script;
mod settings;
mod stateless;
mod target;
mod validate;

pub use attachments::{Attachments, RecordRoute, RouteFound};
pub use branch::{Branch, BranchState};
pub use context::{ResponseContext, ResponseContexts};
pub use event::{TransactionEvent, TransactionEventKind};
pub(crate) use forward::write_via;
pub use options::{Address, Cancel, RelayError, RelayFlags, RelayOptions};
pub use path::Path;
pub use relay::{before_park, branches_done, enter_branch, next_branch, send_branch};
pub use reply::{absorbs_ack, reply_stateless};
pub(crate) use response::discard;
pub use response::{
    begin_failure_route, failure_route_ended, forget, on_ack_2xx, on_client_ended,
    on_client_timeout, on_resolved, on_response, on_server_ended, on_transport_error, reply_hook,
    reply_route_ended, request_run_ended,
};
pub use settings::{Proxy, ProxySettings};
pub use stateless::on_stray_response;
pub use target::{Q_MAX, Target, TargetParts, TargetSet};

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
