//! The context: everything a module may touch while it is called.

use std::sync::Arc;

use parser::{Draft, Message};

use crate::core::Core;
use crate::input::{Answer, Letter, Now, ShardId, Ticket};
use crate::module::slots::Modules;
use crate::module::{Module, Verdict};
use crate::outbox::{Outbox, Query};
use crate::run::{Attached, Linked, NameId, RunState};

/// What a function of a module works on.
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

/// A format string that a module compiled, by its place in the shard's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatId(pub u32);

impl Context<'_> {
    /// Another module, by type. `None` if it is not loaded, or is itself in the middle of a call.
    pub fn module<M: Module>(&mut self) -> Option<&mut M> {
        self.modules.get_mut::<M>()
    }

    /// Calls another module with this context; it leaves its slot meanwhile.
    pub fn with_module<M: Module, R>(
        &mut self,
        call: impl FnOnce(&mut M, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let _ = call;
        todo!()
    }

    /// A ticket under which this run can wait: hand it to whoever will answer, then return
    /// [`Verdict::Wait`]. `None` when too many runs wait.
    pub fn wait_ticket(&mut self) -> Option<Ticket> {
        todo!()
    }

    /// Asks the world and waits; fails with -1 when too many runs wait.
    pub fn query(&mut self, query: Query, timeout_ms: u32) -> Verdict {
        let _ = (query, timeout_ms);
        todo!()
    }

    /// The answer to what this call waited for; `None` when it is called first.
    pub fn answer(&self) -> Option<&Answer> {
        todo!()
    }

    /// The number of a name (of `$avp` or a route). `None` when there are too many names.
    pub fn name(&mut self, text: &[u8]) -> Option<NameId> {
        self.core.machine.names.intern(text)
    }

    /// The number of the attribute in `$avp(name)`, of a parameter's text.
    pub fn avp_name(&mut self, text: &str) -> Result<NameId, String> {
        let _ = text;
        todo!()
    }

    /// The bit of a named message flag.
    pub fn message_flag(&mut self, name: &[u8]) -> Option<u32> {
        let _ = name;
        todo!()
    }

    /// The bit of a named branch flag.
    pub fn branch_flag(&mut self, name: &[u8]) -> Option<u32> {
        let _ = name;
        todo!()
    }

    /// This shard.
    pub fn shard(&self) -> ShardId {
        todo!()
    }

    /// The shard that owns what has this key: an AoR, the name of a lock.
    pub fn owner_of(&self, key: &[u8]) -> ShardId {
        let _ = key;
        todo!()
    }

    /// Asks this module on another shard, and waits. Fails with -1 when too many runs wait.
    pub fn ask(&mut self, to: ShardId, payload: &[u8]) -> Verdict {
        let _ = (to, payload);
        todo!()
    }

    /// Tells this module on another shard; nobody waits.
    pub fn tell(&mut self, to: ShardId, payload: &[u8]) {
        let _ = (to, payload);
        todo!()
    }

    /// Answers a question of another shard.
    pub fn answer_letter(&mut self, letter: &Letter, payload: &[u8]) {
        let _ = (letter, payload);
        todo!()
    }

    /// Compiles a text with variables; at start only.
    pub fn compile_format(&mut self, text: &str) -> Result<FormatId, String> {
        let _ = text;
        todo!()
    }

    /// Appends the text of a compiled format as it reads now. False if it cannot be printed.
    pub fn format(&mut self, format: FormatId, out: &mut Vec<u8>) -> bool {
        let _ = (format, out);
        todo!()
    }
}
