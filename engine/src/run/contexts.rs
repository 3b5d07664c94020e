//! The scenes that a transaction keeps, lent for a moment: its request and its winning reply.

use super::scene::Scene;
use crate::core::Core;
use crate::proxy::ContextId;

impl Core {
    /// The scene of a transaction's request; `None` while a run holds it.
    pub fn take_request_scene(&mut self, id: ContextId) -> Option<Box<Scene>> {
        self.contexts.get_mut(id)?.scene.take()
    }

    /// Puts it back.
    pub fn put_request_scene(&mut self, id: ContextId, scene: Box<Scene>) {
        match self.contexts.get_mut(id) {
            Some(context) => context.scene = Some(scene),
            None => self.machine.give_scene(scene),
        }
    }

    /// The scene of the response that a failure route is about; `None` if we made it ourselves.
    pub fn take_winning_reply(&mut self, id: ContextId) -> Option<Box<Scene>> {
        let context = self.contexts.get_mut(id)?;
        let best = context.best?;
        context.branch_mut(best)?.response.take()
    }

    /// Puts it back.
    pub fn put_winning_reply(&mut self, id: ContextId, reply: Box<Scene>) {
        let context = self.contexts.get_mut(id);
        let branch = context.and_then(|context| {
            let best = context.best?;
            context.branch_mut(best)
        });
        match branch {
            Some(branch) => branch.response = Some(reply),
            None => self.machine.give_scene(reply),
        }
    }
}
