//! What a feature module sees of the engine, and what it shows of itself.
//!
//! A module is one instance per shard: its parameters are fields, its functions are in its export table, and what
//! it asks of the engine goes through the [`Context`]. No module is named here.

mod args;
mod context;
mod dispatch;
pub(crate) mod exports;
mod inventory;
mod path;
mod registry;
mod slots;

pub(crate) use args::{Arg, Outputs, PreparedOnce};
pub use args::{Args, Index, VarArgs};
pub use context::{Context, WrittenVariable};
pub(crate) use dispatch::resume_command;
pub use dispatch::{
    CommandName, commands, on_answer, on_command, on_letter, on_response, on_run_ended, on_timer,
    on_transaction, periods, start, statistics,
};
pub(crate) use exports as erased;
pub use exports::{Check, CommandArgs, CommandResult, Exports, Kind, ParamValue, Routes, Shape};
pub use inventory::Inventory;
pub(crate) use path::ELEMENT;
pub use path::PathText;
pub use registry::Registry;
pub(crate) use registry::{add_core, add_module};
pub use slots::Modules;
pub(crate) use slots::call as call_slot;

use parser::Message;

use crate::agent::AgentEvent;
use crate::input::{Answer, Letter, Ticket};
use crate::proxy::TransactionEvent;
use crate::run::RunId;

/// The core's place among the modules, behind them all: its name in letters.
pub(crate) const CORE: u16 = u16::MAX;

/// A feature module.
pub trait Module: Sized + 'static {
    /// The name that `loadmodule` knows it by.
    const NAME: &'static str;

    /// An instance with its parameters' defaults.
    fn new() -> Self;

    /// What scripts and operators can see of it.
    fn exports(exports: &mut Exports<Self>);

    /// Called once per shard, after the parameters are set and the modules it needs have started.
    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let _ = cx;
        Ok(())
    }

    /// A question from its likeness on another shard (answers to a run's own questions resume the run instead).
    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        let _ = (cx, letter);
    }

    /// The period it asked for is over.
    fn on_timer(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// Something happened to a transaction it watches.
    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent) {
        let _ = (cx, event);
    }

    /// A request of ours that names this module as its owner has ended or been answered.
    fn on_response(
        &mut self,
        cx: &mut Context<'_>,
        event: &AgentEvent,
        response: Option<&Message>,
    ) {
        let _ = (cx, event, response);
    }

    /// A run that it watches ([`Context::watch_run`]) has ended: by itself, by `exit`, or by a panic.
    fn on_run_ended(&mut self, cx: &mut Context<'_>, run: RunId) {
        let _ = (cx, run);
    }

    /// The answer to a query that it asked outside of a run.
    fn on_answer(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Answer) {
        let _ = (cx, ticket, answer);
    }
}

/// What a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A value: positive is success, negative failure, 0 stops the script.
    Return(i32),
    /// Not yet: the run parks under this ticket and calls again with the same arguments.
    Wait(Ticket),
    /// The proxy core has prepared branches: the machine runs the branch route for each and sends them.
    Relay,
}

impl Verdict {
    /// Success.
    pub const OK: Verdict = Verdict::Return(1);
    /// Failure.
    pub const FAIL: Verdict = Verdict::Return(-1);

    /// 1 or -1.
    pub fn of(success: bool) -> Verdict {
        if success { Verdict::OK } else { Verdict::FAIL }
    }
}
