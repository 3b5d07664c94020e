//! The loop over operations.

use std::sync::Arc;

use parser::Message;
use script::RouteKind;
use script::program::RouteId;

use super::frame::{Ended, Run};
use super::linked::Linked;
use super::names::Names;
use super::parked::Parked;
use super::scene::{Scene, Scenes};
use super::vars::Vars;
use crate::core::Core;
use crate::input::{Answer, Flow, Ticket};
use crate::module::Modules;
use crate::outbox::Outbox;
use crate::proxy::ContextId;

/// What a shard's runs share.
#[derive(Debug, Default)]
pub struct Machine {
    /// Names of variables, attributes and routes.
    pub names: Names,
    /// Runs that wait.
    pub parked: Parked,
    scenes: Scenes,
    vars: Vars,
}

impl Machine {
    /// A scene for a message just received.
    pub fn take_scene(&mut self, message: Message, flow: Flow) -> Box<Scene> {
        self.scenes.take(message, flow)
    }

    /// A scene nobody needs any more.
    pub fn give_scene(&mut self, scene: Box<Scene>) {
        self.scenes.give(scene);
    }

    /// A run that ended: its scene comes back, the rest is reused.
    pub fn end(&mut self, run: Box<Run>) -> Box<Scene> {
        let _ = (run, &mut self.vars);
        todo!()
    }
}

/// A run about this scene, to be executed.
pub fn begin(
    core: &mut Core,
    kind: RouteKind,
    scene: Box<Scene>,
    context: Option<ContextId>,
    branch: Option<u8>,
) -> Box<Run> {
    let _ = (core, kind, scene, context, branch);
    todo!()
}

/// Executes a top route until it ends or waits.
pub fn execute(
    run: Box<Run>,
    route: RouteId,
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) -> Ended {
    let _ = (run, route, core, modules, linked, outbox);
    todo!()
}

/// Goes on with a parked run. `None` if the ticket is late.
pub fn resume(
    ticket: Ticket,
    answer: Answer,
    core: &mut Core,
    modules: &mut Modules,
    outbox: &mut Outbox,
) -> Option<Ended> {
    let _ = (ticket, answer, core, modules, outbox);
    todo!()
}
