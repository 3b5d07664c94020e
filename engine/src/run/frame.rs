//! A run: one execution of a top route, and all it needs to wait and go on.

use script::RouteKind;
use script::ops::{OpId, Outcome};
use script::program::RouteId;

use super::names::NameId;
use super::scene::Scene;
use super::value::{Store, Value};
use super::vars::Vars;
use crate::input::{Answer, Ticket};
use crate::proxy::ContextId;

/// One execution of a top route.
///
/// Pooled and boxed. Everything that a wait has to survive is in here, so parking moves a pointer.
#[derive(Debug)]
pub struct Run {
    /// The message it is about.
    pub scene: Box<Scene>,
    /// What functions and variables see of it.
    pub state: RunState,
    /// What only the machine sees of it.
    pub(super) inner: Inner,
}

/// What functions and variables see of a run.
#[derive(Debug)]
pub struct RunState {
    /// The kind of route that executes now; `Branch` while a branch route runs inside a relay.
    pub kind: RouteKind,
    /// The transaction it belongs to. A request's run gets one when a transaction is made.
    pub context: Option<ContextId>,
    /// The branch it is about: that of the response, or the one being sent.
    pub branch: Option<u8>,
    /// `$rc`.
    pub rc: i32,
    /// `$err`.
    pub error: ErrorInfo,
    /// Counts the steps of one call that waits several times; 0 when it is called first.
    pub step: u32,
    /// The operation being done, for log lines and `$cfg_line`.
    pub(crate) at: OpId,
    /// The run's place among the parked ones, once somebody asked for a ticket.
    pub(crate) ticket: Option<Ticket>,
    /// What the parked operation waited for, by the order in which its parts waited.
    pub(crate) answers: Vec<Option<Answer>>,
    /// Which part of the operation is being done.
    pub(crate) part: usize,
    /// The program it runs.
    pub(crate) top: RouteId,
}

/// `$err.*`: what went wrong last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorInfo {
    /// Its class; 0 when nothing went wrong.
    pub class: i32,
    /// Its severity.
    pub level: i32,
    /// A status code that would answer it.
    pub code: i32,
    /// The reason phrase that goes with the code.
    pub reason: &'static str,
    /// What happened.
    pub info: &'static str,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) pc: OpId,
    pub(super) outcome: Outcome,
    pub(super) stack: Vec<Value>,
    pub(super) text: Vec<u8>,
    pub(super) frames: Vec<Frame>,
    pub(super) counters: Vec<u32>,
    /// Parameters of the routes in `frames`, and the last returned values.
    pub(super) params: Vec<Value>,
    pub(super) returned: Vec<Value>,
    pub(super) store: Store,
    pub(super) vars: Vars,
}

/// A route that executes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) route: RouteId,
    /// Where its caller goes on.
    pub(super) back: OpId,
    pub(super) stack: u32,
    pub(super) text: u32,
    pub(super) counters: u32,
    pub(super) params: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The top route came to its end or returned.
    Route,
    /// `exit`, or something returned 0.
    Exit,
    /// `drop`.
    Drop,
}

/// What executing came to.
#[derive(Debug)]
pub enum Ended {
    /// It is over. Whoever began it does what the kind of route does by default, and hands the run to
    /// [`Machine::end`](super::Machine::end).
    Finished(Box<Run>, End),
    /// It is parked; [`resume`](super::resume) goes on.
    Waits(Ticket),
}

/// The name of a route that a hook holds.
pub type RouteName = NameId;
