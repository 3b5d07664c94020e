//! A run: one execution of a top route, and all it needs to wait and go on.

use std::borrow::Cow;

use parser::Draft;
use script::RouteKind;
use script::ops::{OpId, Outcome};
use script::program::RouteId;

use super::scene::Scene;
use super::value::{Store, Value, ValueRef};
use super::vars::Vars;
use super::watch::Trace;
use crate::input::{Answer, Ticket};
use crate::module::Outputs;
use crate::proxy::ContextId;
use crate::timer::TimerId;

/// One execution of a top route.
///
/// Three boxes out of pools. Everything that a wait has to survive is in here, so parking moves pointers.
#[derive(Debug)]
pub struct Run {
    /// The message it is about.
    pub scene: Box<Scene>,
    /// What functions and variables see of it.
    pub state: Box<RunState>,
    /// What only the machine sees of it.
    pub(super) inner: Box<Inner>,
}

/// Names a run of this shard; no other run ever has the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunId(pub u64);

/// What functions and variables see of a run.
#[derive(Debug)]
pub struct RunState {
    /// Which run.
    pub id: RunId,
    /// The kind of route that executes now; `Branch` while a branch route runs inside a relay.
    pub kind: RouteKind,
    /// The kind of the top route: what the run is about.
    pub(crate) top: RouteKind,
    /// The transaction it belongs to. A request's run gets one when a transaction is made.
    pub context: Option<ContextId>,
    /// The branch it is about: that of the response, or the one being sent.
    pub branch: Option<u8>,
    /// `$rc`.
    pub rc: i32,
    /// `$err`.
    pub error: ErrorInfo,
    /// For a call that waits several times: what it wants to remember. 0 when it is called first.
    pub step: u32,
    /// There is no message: what the scene holds is only a form.
    pub is_dummy: bool,
    /// Modules want to hear when it ends.
    pub(crate) is_watched: bool,
    /// The message is malformed: nothing is made of it but an answer without state.
    pub is_broken: bool,
    /// `script_trace`, until the top route ends.
    pub(crate) trace: Option<Box<Trace>>,
    /// It waits without `$var`: an `async` does not keep them, and goes on with the shard's.
    pub(crate) is_apart: bool,
    /// It holds attributes of the transaction's request, which it has to give back.
    pub(crate) shares: bool,
    /// The error was set by the operation being done.
    pub(crate) error_raised: bool,
    /// The operation being done, for log lines and `$cfg_line`.
    pub(crate) at: OpId,
    pub(crate) wait: Waiting,
    pub(crate) frames: Vec<Frame>,
    pub(crate) params: Params,
    /// The names of an event's parameters, which are the first of `params`.
    pub(crate) param_names: Params,
    /// `$return`: the values beside the code.
    pub(crate) returned: Params,
    pub(crate) vars: Vars,
}

/// What a run waits for, and what it has been answered while doing one operation.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Its place among the parked runs, once somebody asked for one.
    pub(crate) ticket: Option<Ticket>,
    /// Until when.
    pub(crate) deadline: Option<u64>,
    /// Until when an `async` may wait in all.
    pub(crate) limit: Option<u64>,
    pub(crate) timer: Option<TimerId>,
    /// One per part of the operation that waited: an operation may read several variables that wait.
    pub(crate) answers: Vec<Option<Answer>>,
    /// How often the operation has waited so far.
    pub(crate) rounds: u16,
    /// How often the run has.
    pub(crate) in_all: u16,
    /// Which part is being done.
    pub(crate) part: usize,
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
    pub info: Cow<'static, str>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) pc: OpId,
    pub(super) outcome: Outcome,
    pub(super) stack: Vec<Value>,
    pub(super) text: Vec<u8>,
    pub(super) counters: Vec<u32>,
    /// What it has done since it began or went on, as [`crate::limits::RUN_WORK`] counts it.
    pub(super) work: u32,
    /// Where variables write before it is known whether they wait.
    pub(super) scratch: Vec<u8>,
    /// A variable's name that was made at run time.
    pub(super) name: Vec<u8>,
    pub(super) outputs: std::cell::RefCell<Outputs>,
    /// The draft as it is for all branches, while a branch route edits its own.
    pub(super) draft: Draft,
    /// Branches are being sent: where their routes begin in `frames`, and what was set aside.
    pub(super) relay: Option<Relaying>,
    /// What `launch` has started.
    pub(super) launched: Option<Launched>,
}

/// The state of a run while it sends branches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relaying {
    pub(super) kind: RouteKind,
    pub(super) branch: Option<u8>,
    /// How many frames lie below the branch route's.
    pub(super) frames: usize,
    /// The call that relays.
    pub(super) at: OpId,
}

/// A function that `launch` started, on operands that stand on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Launched {
    pub(super) id: script::program::AsyncId,
    /// What it came to, if it did not wait: only its route is to do.
    pub(super) value: Option<i32>,
}

/// A route that executes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) route: RouteId,
    /// Where its caller goes on.
    pub(crate) back: OpId,
    pub(crate) stack: u32,
    pub(crate) text: u32,
    pub(crate) counters: u32,
    /// Its first parameter.
    pub(crate) params: u32,
    /// How much text of parameters lies below its own.
    pub(crate) params_text: u32,
}

/// Values that outlive an operation, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pub(crate) values: Vec<Value>,
    pub(crate) store: Store,
}

impl Params {
    pub(crate) fn get(&self, place: usize) -> ValueRef<'_> {
        self.values
            .get(place)
            .map_or(ValueRef::Null, |value| value.with(&self.store.text))
    }

    pub(crate) fn push(&mut self, value: ValueRef<'_>) {
        let value = self.store.keep(value);
        self.values.push(value);
    }

    pub(crate) fn cut_back(&mut self, values: u32, text: u32) {
        self.values.truncate(values as usize);
        self.store.text.truncate(text as usize);
    }

    pub(crate) fn clear(&mut self) {
        self.cut_back(0, 0);
    }
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
    Finished(Run, End),
    /// It is parked; [`resume`](super::resume) goes on.
    Waits(Ticket),
}

impl RunState {
    pub(super) fn new() -> RunState {
        RunState {
            id: RunId::default(),
            kind: RouteKind::Request,
            top: RouteKind::Request,
            context: None,
            branch: None,
            rc: 1,
            error: ErrorInfo::default(),
            step: 0,
            is_dummy: false,
            is_watched: false,
            error_raised: false,
            trace: None,
            is_broken: false,
            is_apart: false,
            shares: false,
            at: OpId(0),
            wait: Waiting::default(),
            frames: Vec::new(),
            params: Params::default(),
            param_names: Params::default(),
            returned: Params::default(),
            vars: Vars::default(),
        }
    }

    /// Forgets everything but `$var`, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.context = None;
        self.branch = None;
        self.rc = 1;
        self.error = ErrorInfo::default();
        self.step = 0;
        self.is_dummy = false;
        self.is_watched = false;
        self.error_raised = false;
        self.trace = None;
        self.is_broken = false;
        self.is_apart = false;
        self.shares = false;
        self.wait.clear();
        self.frames.clear();
        self.params.clear();
        self.param_names.clear();
        self.returned.clear();
    }

    /// Sets `$err`; the error route follows, where there is one for this kind of route.
    pub fn raise(&mut self, error: ErrorInfo) {
        self.error = error;
        self.error_raised = true;
    }
}

impl Waiting {
    pub(super) fn clear(&mut self) {
        self.ticket = None;
        self.deadline = None;
        self.limit = None;
        self.answers.clear();
        self.rounds = 0;
        self.in_all = 0;
        self.part = 0;
    }
}

impl Inner {
    pub(super) fn new() -> Inner {
        Inner {
            pc: OpId(0),
            outcome: Outcome::False,
            stack: Vec::new(),
            text: Vec::new(),
            counters: Vec::new(),
            work: 0,
            scratch: Vec::new(),
            name: Vec::new(),
            outputs: std::cell::RefCell::default(),
            draft: Draft::new(),
            relay: None,
            launched: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.outcome = Outcome::False;
        self.stack.clear();
        self.text.clear();
        self.counters.clear();
        self.outputs.get_mut().clear();
        self.draft.clear();
        self.relay = None;
        self.launched = None;
    }
}
