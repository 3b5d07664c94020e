//! (until the proxy's response contexts are here)

use parser::Message;

use super::scene::Scene;
use crate::core::Core;
use crate::proxy::ContextId;

impl Core {
    /// The scene of a transaction's request, for a moment.
    pub fn take_request_scene(&mut self, _id: ContextId) -> Option<Box<Scene>> {
        None
    }

    /// Puts it back.
    pub fn put_request_scene(&mut self, _id: ContextId, scene: Box<Scene>) {
        self.machine.give_scene(scene);
    }

    /// The best response so far, for a moment.
    pub fn take_winning_reply(&mut self, _id: ContextId) -> Option<Message> {
        None
    }

    /// Puts it back.
    pub fn put_winning_reply(&mut self, _id: ContextId, _reply: Message) {}
}

pub(super) fn next_branch(_core: &mut Core, _id: ContextId) -> Option<u8> {
    None
}
pub(super) fn enter_branch(_core: &mut Core, _scene: &mut Scene, _id: ContextId, _branch: u8) {}
pub(super) fn send_branch(
    _core: &mut Core,
    _scene: &mut Scene,
    _id: ContextId,
    _branch: u8,
    _dropped: bool,
    _outbox: &mut crate::Outbox,
) {
}
pub(super) fn branches_done(_core: &mut Core, _scene: &mut Scene, _id: ContextId, _outbox: &mut crate::Outbox) -> i32 {
    1
}
pub(super) fn before_park(_core: &mut Core, _run: &mut super::Run, _outbox: &mut crate::Outbox) {}
