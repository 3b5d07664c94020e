//! The context: everything a module may touch while it is called.

use std::any::Any;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use parser::{Draft, Frame, Message};
use script::program::{Arg, Name};

use crate::core::Core;
use crate::files::FileError;
use crate::input::{Answer, Letter, Now, ShardId, Ticket};
use crate::jobs::Job;
use crate::limits::{
    FILE_BYTES_MAX, FILE_TIMEOUT_MS, OPERATION_WAITS_MAX, RUN_WAITS_MAX, WAIT_MS_MAX,
};
use crate::module::slots::{self, Modules};
use crate::module::{Args, Module, Verdict};
use crate::outbox::{Outbox, Output, Query};
use crate::run::{Attached, Hands, Linked, NameId, RunState, Scene, ValueRef};
use crate::statistics::Counter;

/// What a function of a module works on.
///
/// What it may do with the transaction (`relay`, `reply`, `loose_route`...) is in `proxy`'s half of its methods.
pub struct Context<'a> {
    /// The time of this input.
    pub now: Now,
    /// What we received.
    pub message: &'a Message,
    /// What we will send.
    pub draft: &'a mut Draft,
    /// What the script attached to the message.
    pub scene: &'a mut Attached,
    /// The run: `$rc`, the transaction, the branch.
    pub run: &'a mut RunState,
    /// The calls.
    pub core: &'a mut Core,
    /// The other modules.
    pub modules: &'a mut Modules,
    /// The program and what it names.
    pub program: &'a Arc<Linked>,
    /// What the world has to do.
    pub outbox: &'a mut Outbox,
    /// The module that is called, by its place in the program's list; `u16::MAX` is the core.
    pub(crate) me: u16,
}

/// A variable as a script wrote it: `$variable(name)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenVariable<'a> {
    /// `avp`, `hdr`, `var`...
    pub variable: &'a str,
    /// What stands in parentheses.
    pub name: Option<&'a [u8]>,
}

impl<'a> Context<'a> {
    /// The context of a run, with this scene in view.
    pub(crate) fn new<'h: 'a>(
        scene: &'a mut Scene,
        run: &'a mut RunState,
        hands: &'a mut Hands<'h>,
    ) -> Context<'a> {
        Context {
            now: hands.core.now,
            message: &scene.message,
            draft: &mut scene.draft,
            scene: &mut scene.attached,
            run,
            core: hands.core,
            modules: hands.modules,
            program: hands.linked,
            outbox: hands.outbox,
            me: super::CORE,
        }
    }
}

impl Context<'_> {
    /// Another module, by type. `None` if it is not loaded, or is itself in the middle of a call.
    pub fn module<M: Module>(&mut self) -> Option<&mut M> {
        self.modules.get_mut::<M>()
    }

    /// Calls another module with this context; it leaves its slot meanwhile. `None` if it is not loaded or is being
    /// called already.
    pub fn with_module<M: Module, R>(
        &mut self,
        work: impl FnOnce(&mut M, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let slot = self.modules.slot_of::<M>()?;
        slots::call(self, slot, |module, cx| {
            let module = module.any().downcast_mut::<M>()?;
            Some(work(module, cx))
        })?
    }

    /// The place of the module that is called in the program's list: its name in letters, tickets and own requests.
    pub fn slot(&self) -> u16 {
        self.me
    }

    /// A ticket under which this run can wait: hand it to whoever will answer, then return
    /// [`Verdict::Wait`]. `None` when too many runs wait, or this operation or this run has waited too often.
    pub fn wait_ticket(&mut self) -> Option<Ticket> {
        let wait = &self.run.wait;
        if wait.rounds >= OPERATION_WAITS_MAX || wait.in_all >= RUN_WAITS_MAX {
            // What it waits for is old again each time it is known, or another thing each time it asks.
            self.core.statistics.count(Counter::WaitsRefused);
            return None;
        }
        if self.run.wait.ticket.is_none() {
            let ticket = self
                .core
                .machine
                .parked
                .reserve(self.core.limits.parked_runs);
            if ticket.is_none() {
                self.core.statistics.count(Counter::WaitsRefused);
            }
            self.run.wait.ticket = ticket;
        }
        self.run.wait.ticket
    }

    /// This module's `on_run_ended` is called when this run ends.
    pub fn watch_run(&mut self) {
        self.core.machine.watch(self.run, self.me);
    }

    /// Gives back the ticket of [`wait_ticket`](Self::wait_ticket) when nobody will answer it after all.
    pub fn release_wait(&mut self) {
        if let Some(ticket) = self.run.wait.ticket.take() {
            self.run.wait.deadline = None;
            self.core.machine.parked.free(ticket);
        }
    }

    /// Waits no longer than this; otherwise a minute.
    pub fn wait_at_most(&mut self, timeout_ms: u32) {
        // Up: nobody waits less than he was told to.
        let deadline = self.now.mono_us.div_ceil(1000) + u64::from(timeout_ms);
        let wait = &mut self.run.wait;
        wait.deadline = Some(
            wait.deadline
                .map_or(deadline, |earlier| earlier.min(deadline)),
        );
    }

    /// Asks the world and waits; fails with -1 when too many runs wait.
    pub fn query(&mut self, query: Query, timeout_ms: u32) -> Verdict {
        let Some(ticket) = self.wait_ticket() else {
            return Verdict::FAIL;
        };
        let deadline_us = self.now.mono_us + u64::from(timeout_ms) * 1000;
        // The world is asked to answer by then; if it does not, the run goes on a moment later.
        self.wait_at_most(timeout_ms.saturating_add(100));
        self.outbox.push(Output::Query {
            ticket,
            query,
            deadline_us,
        });
        Verdict::Wait(ticket)
    }

    /// The bytes of a file, [`FILE_BYTES_MAX`] at most: at start at once; in a function or a management command the
    /// caller waits, see [`FileError::Waits`]. A relative path is relative to the directory the process started in.
    pub fn read_file(&mut self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let failed = |why: &str| FileError::Failed(format!("cannot read `{path}`: {why}").into());
        if let Some(files) = &self.core.files {
            return match files.read(Path::new(path), FILE_BYTES_MAX) {
                Ok(bytes) => Ok(bytes.into()),
                Err(why) => Err(failed(&why)),
            };
        }
        let read = match self.answer() {
            Some(Answer::File(read)) => read.clone().map_err(|why| failed(&why)),
            Some(Answer::TimedOut) => Err(failed("it took too long")),
            Some(_) => Err(failed("too many files are being read")),
            None => {
                let query = Query::File {
                    path: path.into(),
                    bytes_max: FILE_BYTES_MAX,
                };
                return match self.query(query, FILE_TIMEOUT_MS) {
                    Verdict::Wait(ticket) => Err(FileError::Waits(ticket)),
                    _ => Err(failed("too much waits already")),
                };
            }
        };
        // What the caller waits for next is another answer.
        self.run.wait.part += 1;
        read
    }

    /// The answer to what this call waited for; `None` when it is called first.
    pub fn answer(&self) -> Option<&Answer> {
        let wait = &self.run.wait;
        wait.answers.get(wait.part)?.as_ref()
    }

    /// A part of the operation has answered. If it does not wait, the next part has answers of its own, and a ticket
    /// that was reserved for nothing goes back. It can only wait under the run's own ticket.
    pub(crate) fn settled(&mut self, verdict: Verdict) -> Verdict {
        let wait = &mut self.run.wait;
        let verdict = match verdict {
            Verdict::Wait(ticket) if wait.ticket == Some(ticket) => return verdict,
            Verdict::Wait(_) => {
                debug_assert!(
                    false,
                    "a function waits under a ticket that is not the run's"
                );
                Verdict::FAIL
            }
            verdict => verdict,
        };
        wait.part += 1;
        if let Some(ticket) = wait.ticket.take() {
            wait.deadline = None;
            self.core.machine.parked.free(ticket);
        }
        verdict
    }

    /// Which variable the script wrote as an argument, for functions that work on all its values. `None` if it wrote
    /// something else, or the name in parentheses is made at run time.
    pub fn written_variable(&self, args: &Args<'_>, index: usize) -> Option<WrittenVariable<'_>> {
        let program = &self.program.program;
        let Some(Arg::Variable(spec)) = args.written.get(index) else {
            return None;
        };
        let spec = program.spec(*spec);
        let name = match spec.name {
            Name::None => None,
            Name::Const(id) => Some(program.constant(id).text()?),
            Name::Operand | Name::Path => return None,
        };
        let variable = self.program.catalog.variable(spec.variable).name.as_str();
        Some(WrittenVariable { variable, name })
    }

    /// Assigns `$var(name)`. False when there is no room.
    pub fn set_var(&mut self, name: &[u8], value: ValueRef<'_>) -> bool {
        self.name(name)
            .is_some_and(|name| self.run.vars.set(name, value))
    }

    /// What this module keeps with the run, as `$var` is kept: it starts from what the shard's last run left, and a run
    /// that waits never sees another's. Cloned when a run parks.
    pub fn kept<T: Any + Clone + Debug + Default>(&mut self) -> &mut T {
        self.run.vars.kept.get()
    }

    /// The number of a name (of `$avp` or a route). `None` when too many were made at run time, which is counted and logged.
    pub fn name(&mut self, text: &[u8]) -> Option<NameId> {
        self.core.make_name(text, self.outbox)
    }

    /// The number of the attribute in `$avp(name)`, of a parameter's text.
    pub fn avp_name(&mut self, text: &str) -> Result<NameId, String> {
        let name = super::ParamValue::Str(text).avp()?;
        self.core
            .machine
            .names
            .intern(name.as_bytes())
            .ok_or_else(|| "too many names".to_owned())
    }

    /// Gives a message flag that a parameter names its bit, as a mask: of a module's start, so that all shards agree.
    /// `None` when all 32 are taken.
    pub fn name_message_flag(&mut self, name: &[u8]) -> Option<u32> {
        self.core.machine.flags.add(false, name)
    }

    /// The same of a branch flag.
    pub fn name_branch_flag(&mut self, name: &[u8]) -> Option<u32> {
        self.core.machine.flags.add(true, name)
    }

    /// The bit of a named message flag, as a mask. `None`: nothing in script and parameters names it.
    pub fn message_flag(&self, name: &[u8]) -> Option<u32> {
        self.core.machine.flags.message(name)
    }

    /// The bit of a named branch flag, as a mask. `None`: nothing in script and parameters names it.
    pub fn branch_flag(&self, name: &[u8]) -> Option<u32> {
        self.core.machine.flags.branch(name)
    }

    /// Raises an event: its `event_route` runs on this shard, after what is in hand, and can wait. A parameter without a
    /// name has an empty one. False: too many events wait already, or there are too many names.
    pub fn raise_event(&mut self, name: &[u8], params: &[(&[u8], ValueRef<'_>)]) -> bool {
        self.core.raise_event(&self.program.program, name, params)
    }

    /// This shard.
    pub fn shard(&self) -> ShardId {
        self.core.shard
    }

    /// The shard that owns what has this key: an AoR, the name of a lock.
    pub fn owner_of(&self, key: &[u8]) -> ShardId {
        self.core.owner.of_key(key)
    }

    /// Asks this module on another shard, and waits. Fails with -1 when too many runs wait.
    pub fn ask(&mut self, to: ShardId, payload: &[u8]) -> Verdict {
        let Some(ticket) = self.wait_ticket() else {
            return Verdict::FAIL;
        };
        self.wait_at_most(WAIT_MS_MAX);
        self.write_letter(to, ticket, false, payload);
        Verdict::Wait(ticket)
    }

    /// Tells this module on another shard; nobody waits.
    pub fn tell(&mut self, to: ShardId, payload: &[u8]) {
        self.write_letter(to, Ticket::NONE, false, payload);
    }

    /// Answers a question of another shard. What was only told needs no answer.
    pub fn answer_letter(&mut self, letter: &Letter, payload: &[u8]) {
        if letter.ticket != Ticket::NONE && !letter.is_answer {
            self.write_letter(letter.from, letter.ticket, true, payload);
        }
    }

    /// Answers a question that was put aside: the shard that asked, and the ticket that waits there. Whoever waits on
    /// this shard goes on as soon as the call in hand has ended.
    pub fn answer_ticket(&mut self, to: ShardId, ticket: Ticket, payload: &[u8]) {
        if to == self.core.shard {
            let answer = Answer::Letter(Frame::copy_of(payload));
            self.core.jobs.push(Job::Resume(ticket, answer));
        } else {
            self.write_letter(to, ticket, true, payload);
        }
    }

    fn write_letter(&mut self, to: ShardId, ticket: Ticket, is_answer: bool, payload: &[u8]) {
        self.outbox.push(Output::Letter(Letter {
            from: self.core.shard,
            to,
            module: self.me,
            ticket,
            is_answer,
            payload: Frame::copy_of(payload),
        }));
    }

    /// A line about a mistake of the script that the operator has to look at, with its place.
    pub fn log_error(&mut self, what: std::fmt::Arguments<'_>) {
        const ERROR: i8 = -1;
        self.log_at(ERROR, what);
    }

    /// A line of any level, with the place in the script.
    pub fn log_at(&mut self, level: i8, what: std::fmt::Arguments<'_>) {
        let linked = Arc::clone(self.program);
        let at = linked.program.position(self.run.at);
        self.log(level, |out| {
            use std::io::Write;
            // Writing into memory does not fail.
            let _ = write!(out, "{what} {}:{}", linked.program.file(at), at.line);
        });
    }

    /// A line for the log, if its level is shown: -3 alert to 4 debug.
    pub fn log(&mut self, level: i8, write: impl FnOnce(&mut Vec<u8>)) {
        if level <= self.core.log_level {
            self.outbox.log(level, write);
        }
    }
}
