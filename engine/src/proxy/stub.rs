#![allow(missing_docs, clippy::todo, unused_variables)]
use super::*;
use crate::core::Core;
use crate::input::Flow;
use crate::outbox::Outbox;
use crate::run::{End, NameId, Run, Scene};
use parser::Message;

pub fn on_response(
    core: &mut Core,
    context: ContextId,
    branch: u8,
    response: Message,
    flow: Flow,
    outbox: &mut Outbox,
) {
    todo!()
}
pub fn on_client_timeout(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    todo!()
}
pub fn on_transport_error(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    todo!()
}
pub fn on_client_ended(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    todo!()
}
pub fn on_server_ended(core: &mut Core, context: ContextId, outbox: &mut Outbox) {
    todo!()
}
pub fn on_ack_2xx(core: &mut Core, context: ContextId) {
    todo!()
}
pub fn on_stray_response(core: &mut Core, response: Message, flow: Flow, outbox: &mut Outbox) {
    todo!()
}
/// Whether this ACK acknowledges a stateless reply of ours and ends here; to be asked for every ACK that matched nothing.
pub fn absorbs_ack(core: &mut Core, request: &Message) -> bool {
    todo!()
}
/// A request run finished: takes its scene.
pub fn request_run_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: Option<ContextId>,
    outbox: &mut Outbox,
) {
    todo!()
}
/// The scene for a failure route; `None`: not to be run (any more).
pub fn begin_failure_route(core: &mut Core, context: ContextId) -> Option<(Box<Scene>, NameId)> {
    todo!()
}
pub fn failure_route_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: ContextId,
    end: End,
    outbox: &mut Outbox,
) {
    todo!()
}
/// The reply route of this step: 0 the branch's, 1 the transaction's.
pub fn reply_hook(core: &Core, context: ContextId, branch: u8, step: u8) -> Option<NameId> {
    todo!()
}
pub fn reply_route_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: ContextId,
    branch: u8,
    step: u8,
    dropped: bool,
    outbox: &mut Outbox,
) {
    todo!()
}
/// After `TransactionEventKind::Ended` was delivered.
pub fn forget(core: &mut Core, context: ContextId) {
    todo!()
}
/// A stateless answer: overload, malformed requests.
pub fn reply_stateless(
    core: &mut Core,
    request: &Message,
    flow: &Flow,
    code: u16,
    reason: &[u8],
    headers: &[u8],
    outbox: &mut Outbox,
) {
    todo!()
}
pub fn before_park(core: &mut Core, run: &mut Run, outbox: &mut Outbox) {
    todo!()
}
pub fn next_branch(core: &mut Core, context: ContextId) -> Option<u8> {
    todo!()
}
pub fn enter_branch(core: &mut Core, scene: &mut Scene, context: ContextId, branch: u8) {
    todo!()
}
pub fn send_branch(
    core: &mut Core,
    scene: &mut Scene,
    context: ContextId,
    branch: u8,
    dropped: bool,
    outbox: &mut Outbox,
) {
    todo!()
}
pub fn branches_done(
    core: &mut Core,
    scene: &mut Scene,
    context: ContextId,
    outbox: &mut Outbox,
) -> i32 {
    todo!()
}
pub fn on_resolved(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    todo!()
}
