//! (names that the run and module rooms are about to land)
#![allow(clippy::todo, unused_variables, dead_code, missing_docs)]
use crate::agent::AgentEvent;
use crate::core::Core;
use crate::input::{Command, Letter, Ticket};
use crate::module::Modules;
use crate::outbox::Outbox;
use crate::proxy::TransactionEvent;
use crate::run::{Ended, Linked, Run};
use parser::Message;
use std::sync::Arc;

pub(super) mod module {
    use super::*;
    pub fn start(
        c: &mut Core,
        m: &mut Modules,
        l: &Arc<Linked>,
        o: &mut Outbox,
    ) -> Result<(), String> {
        todo!()
    }
    pub fn periods(l: &Linked) -> impl Iterator<Item = (u16, u32)> {
        std::iter::empty()
    }
    pub fn on_timer(c: &mut Core, m: &mut Modules, l: &Arc<Linked>, o: &mut Outbox, slot: u16) {
        todo!()
    }
    pub fn on_letter(
        c: &mut Core,
        m: &mut Modules,
        l: &Arc<Linked>,
        o: &mut Outbox,
        letter: &Letter,
    ) {
        todo!()
    }
    pub fn on_transaction(
        c: &mut Core,
        m: &mut Modules,
        l: &Arc<Linked>,
        o: &mut Outbox,
        e: &TransactionEvent,
    ) {
        todo!()
    }
    pub fn on_response(
        c: &mut Core,
        m: &mut Modules,
        l: &Arc<Linked>,
        o: &mut Outbox,
        e: &AgentEvent,
        r: Option<&Message>,
    ) {
        todo!()
    }
    pub fn on_command(
        c: &mut Core,
        m: &mut Modules,
        l: &Arc<Linked>,
        o: &mut Outbox,
        t: Ticket,
        k: &Command,
    ) -> bool {
        todo!()
    }
    pub fn commands(l: &Linked) -> impl Iterator<Item = &'static str> {
        std::iter::empty()
    }
    pub fn statistics<'l>(m: &mut Modules, l: &'l Linked) -> Vec<(&'l str, &'static str, u64)> {
        todo!()
    }
}
pub(super) fn begin_dummy(c: &mut Core, k: script::RouteKind) -> Box<Run> {
    todo!()
}
pub(super) fn on_deadline(s: u32, c: &mut Core, m: &mut Modules, o: &mut Outbox) -> Option<Ended> {
    todo!()
}
pub(super) fn modules_new(l: &Linked, r: &crate::module::Registry) -> Result<Modules, String> {
    Ok(Modules::default())
}
