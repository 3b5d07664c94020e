//! What the end of a run means for its request: main route, failure route, reply routes.
//!
//! A run holds the request it works on. What comes meanwhile waits in the context's queue, in order, and
//! is taken up when the run gives the request back. The runs themselves are begun by the engine.

use super::branch::Queued;
use super::conclude::conclude;
use super::context::ResponseContext;
use super::ending::finish;
use super::response::{judge, not_sent, resolved, take_response, timed_out};
use super::{ContextId, cancel};
use crate::core::Core;
use crate::jobs::Job;
use crate::limits::CONTEXT_QUEUE_MAX;
use crate::outbox::Outbox;
use crate::run::{End, NameId, Scene};
use crate::statistics::Counter;

/// A request's run has ended: its scene belongs to its context again, or to nobody.
pub fn request_run_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: Option<ContextId>,
    outbox: &mut Outbox,
) {
    let taken = context.and_then(|id| core.contexts.take(id));
    let Some(mut context) = taken else {
        return core.machine.give_scene(scene);
    };
    context.scene = Some(scene);
    if context.cancelled {
        cancel::answer_if_alone(core, &mut context, outbox);
    }
    let is_under_way = context.is_open()
        || context
            .branches()
            .iter()
            .any(|branch| branch.client.is_some());
    if !context.is_answered() && !is_under_way {
        // The script made a transaction and left it: nobody will ever answer it.
        if let Some(server) = context.server.filter(|_| !context.server_ended) {
            core.release_server(server);
        }
        context.server_ended = true;
    }
    after_run(core, context, outbox);
}

/// The scene and route of a failure route that is to run now. It is disarmed by that.
pub fn begin_failure_route(core: &mut Core, context: ContextId) -> Option<(Box<Scene>, NameId)> {
    let context = core.contexts.get_mut(context)?;
    let mut scene = context.scene.take()?;
    let Some(route) = scene.hooks.on_failure.take() else {
        context.scene = Some(scene);
        context.failing = false;
        return None;
    };
    // The request as it was when the branch that won was relayed, with the flags that the branch has now.
    if let Some(best) = context.best {
        scene.targets.return_to(usize::from(best));
        if let (Some(target), Some(branch)) = (scene.targets.facts_mut(0), context.branch(best)) {
            target.flags = branch.flags;
        }
    }
    Some((scene, route))
}

/// A failure route has ended: new branches go on, else the best response goes back.
pub fn failure_route_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: ContextId,
    _end: End,
    outbox: &mut Outbox,
) {
    let Some(mut context) = core.contexts.take(context) else {
        return core.machine.give_scene(scene);
    };
    context.scene = Some(scene);
    context.failing = false;
    after_run(core, context, outbox);
}

/// Does what waited for the end of a run.
pub(super) fn after_run(core: &mut Core, mut context: Box<ResponseContext>, outbox: &mut Outbox) {
    drain(core, &mut context, outbox);
    conclude(core, &mut context, outbox);
    finish(core, context);
}

/// The reply route of a branch's response: 0 the branch's own, 1 the transaction's.
pub fn reply_hook(core: &Core, context: ContextId, branch: u8, step: u8) -> Option<NameId> {
    let context = core.contexts.get(context)?;
    hook(context, branch, step)
}

pub(super) fn hook(context: &ResponseContext, branch: u8, step: u8) -> Option<NameId> {
    match step {
        0 => context.branch(branch)?.on_reply,
        1 => context.scene.as_ref()?.hooks.on_reply,
        _ => None,
    }
}

/// A reply route has ended. What it dropped was provisional, or it is not dropped.
pub fn reply_route_ended(
    core: &mut Core,
    scene: Box<Scene>,
    context: ContextId,
    branch: u8,
    step: u8,
    dropped: bool,
    outbox: &mut Outbox,
) {
    let Some(mut context) = core.contexts.take(context) else {
        return core.machine.give_scene(scene);
    };
    let is_provisional = scene.message.status().is_some_and(|code| code < 200);
    if let Some(request) = context.scene.as_mut() {
        request.flags = scene.flags;
    }
    if let (Some(branch), Some(target)) = (context.branch_mut(branch), scene.targets.get(0)) {
        branch.flags = target.flags;
    }
    let has_second = step == 0 && hook(&context, branch, 1).is_some();
    let is_room = core.jobs.has_room();
    if has_second && !is_room {
        core.statistics.count(Counter::BoundsReached);
    }
    if dropped && is_provisional {
        core.machine.give_scene(scene);
    } else if has_second && is_room {
        core.jobs.push(Job::ReplyRoute {
            context: context.id,
            branch,
            scene,
            step: 1,
        });
        return core.contexts.put(context);
    } else if context.is_held() {
        // A failure route has begun meanwhile; what this response means waits for its end.
        if let Some(branch) = context.branch_mut(branch) {
            branch.replying = false;
        }
        queue(core, &mut context, Queued::Judge { branch, scene });
        return finish(core, context);
    } else {
        judge(core, &mut context, branch, scene, outbox);
    }
    if let Some(branch) = context.branch_mut(branch) {
        branch.replying = false;
    }
    conclude(core, &mut context, outbox);
    drain(core, &mut context, outbox);
    finish(core, context);
}

pub(super) fn queue(core: &mut Core, context: &mut ResponseContext, event: Queued) {
    if context.queued.len() < CONTEXT_QUEUE_MAX {
        context.queued.push_back(event);
        return;
    }
    core.statistics.count(Counter::BoundsReached);
    // A provisional response is the least that can be lost.
    let is_provisional = |queued: &Queued| matches!(queued, Queued::Response { scene, .. } if scene.message.status().is_some_and(|code| code < 200));
    let lost = match context.queued.iter().position(is_provisional) {
        Some(at) => {
            let lost = context.queued.remove(at);
            context.queued.push_back(event);
            lost
        }
        None => Some(event),
    };
    if let Some(Queued::Response { scene, .. } | Queued::Judge { scene, .. }) = lost {
        core.machine.give_scene(scene);
    }
}

/// Takes up what waited, in order; what a reply route of its branch still holds up waits on.
fn drain(core: &mut Core, context: &mut ResponseContext, outbox: &mut Outbox) {
    for _ in 0..context.queued.len() {
        if context.is_held() || context.failing {
            return;
        }
        let Some(event) = context.queued.pop_front() else {
            return;
        };
        match event {
            Queued::Response { branch, scene } => {
                if context.branch(branch).is_some_and(|branch| branch.replying) {
                    context.queued.push_back(Queued::Response { branch, scene });
                } else {
                    take_response(core, context, branch, scene, outbox);
                }
            }
            Queued::Judge { branch, scene } => {
                judge(core, context, branch, scene, outbox);
                conclude(core, context, outbox);
            }
            Queued::Timeout { branch } => timed_out(core, context, branch, outbox),
            Queued::TransportError { branch } => not_sent(core, context, branch, outbox),
            Queued::Resolved { branch } => resolved(core, context, branch, outbox),
            Queued::LateBranches => {
                let id = context.id;
                if !core.jobs.push(Job::LateBranches { context: id }) {
                    core.statistics.count(Counter::BoundsReached);
                    super::late::drop_pending(context);
                    conclude(core, context, outbox);
                }
            }
        }
    }
}
