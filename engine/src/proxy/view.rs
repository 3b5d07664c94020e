//! The view of a branch: what its branch route sees of the request, and what it may change.

use parser::Draft;

use super::attachments::RecordRoute;
use super::context::ResponseContext;
use super::{ContextId, TargetSet};
use crate::core::Core;
use crate::input::SocketId;
use crate::run::{NameId, Scene};

/// The next branch that wants to be sent.
pub fn next_branch(core: &mut Core, context: ContextId) -> Option<u8> {
    core.contexts.get(context)?.next_pending()
}

/// Shows a branch's route the request as this branch has it. The draft is the machine's to keep.
pub fn enter_branch(core: &mut Core, scene: &mut Scene, context: ContextId, branch: u8) {
    let Some(context) = core.contexts.get_mut(context) else {
        return;
    };
    let saved = &mut context.saved;
    std::mem::swap(&mut saved.targets, &mut scene.attached.targets);
    let proxy = &mut scene.attached.proxy;
    saved.record_route = proxy.record_route.clone();
    saved.record_route_params.clear();
    saved
        .record_route_params
        .extend_from_slice(&proxy.record_route_params);
    saved.forced_socket = proxy.forced_socket;
    saved.on_reply = scene.attached.hooks.on_reply.take();
    saved.is_used = true;
    if let Some(branch) = context.branch_mut(branch) {
        scene.attached.targets.clear();
        scene.attached.targets.set(0, &branch.target());
        std::mem::swap(&mut branch.rewrite, &mut scene.attached.proxy.rewrite);
    }
}

/// Takes over what the branch's route did, and puts the request back.
pub(super) fn leave_branch(context: &mut ResponseContext, scene: &mut Scene, branch: u8) {
    if !context.saved.is_used {
        return;
    }
    context.saved.is_used = false;
    let mut saved = std::mem::take(&mut context.saved);
    let attached = &mut scene.attached;
    if let Some(branch) = context.branch_mut(branch) {
        if let Some(target) = attached.targets.get(0) {
            branch.update(&target);
        }
        branch.socket = branch.socket.or(attached.proxy.forced_socket);
        branch.on_reply = attached.hooks.on_reply;
        std::mem::swap(&mut branch.rewrite, &mut attached.proxy.rewrite);
        if attached.hooks.on_branch.is_some() {
            branch.draft.copy_from(&scene.draft);
            branch.has_draft = true;
        }
        let differs = attached.proxy.record_route != saved.record_route
            || attached.proxy.record_route_params != saved.record_route_params;
        if differs {
            branch.record_route = Some(attached.proxy.record_route.clone());
            branch
                .record_route_params
                .extend_from_slice(&attached.proxy.record_route_params);
        }
    }
    std::mem::swap(&mut saved.targets, &mut attached.targets);
    std::mem::swap(&mut saved.record_route, &mut attached.proxy.record_route);
    std::mem::swap(
        &mut saved.record_route_params,
        &mut attached.proxy.record_route_params,
    );
    attached.proxy.forced_socket = saved.forced_socket;
    attached.hooks.on_reply = saved.on_reply;
    context.saved = saved;
}

/// Keeps the draft that all branches start from while a late branch's route edits its own. A relay's run does that
/// by itself.
pub(super) fn keep_draft(core: &mut Core, scene: &Scene, context: ContextId) {
    if let Some(context) = core.contexts.get_mut(context) {
        let kept = context.saved.draft.get_or_insert_default();
        kept.copy_from(&scene.draft);
    }
}

/// Puts that draft back.
pub(super) fn leave_injected(context: &mut ResponseContext, scene: &mut Scene) {
    if let Some(kept) = context.saved.draft.take() {
        scene.draft.copy_from(&kept);
    }
}

/// What a context keeps of the request while a branch's route sees another.
#[derive(Debug, Default)]
pub(super) struct Saved {
    is_used: bool,
    draft: Option<Box<Draft>>,
    targets: TargetSet,
    record_route: RecordRoute,
    record_route_params: Vec<u8>,
    forced_socket: Option<SocketId>,
    on_reply: Option<NameId>,
}
