//! Response processing: RFC 3261 §16.7, with RFC 4320 and RFC 6026.
//!
//! What a branch says goes through its reply routes (`runs`), then is judged: provisional responses and
//! 2xx go back at once, everything else waits until no branch can say anything better (`conclude`).
//!
//! A context leaves its table while it is worked on: `take` at the beginning, `finish` at the end.

use parser::{HeaderName, Message};

use super::branch::{BranchState, Queued};
use super::conclude::{conclude, send_back};
use super::context::ResponseContext;
use super::ending::{finish, notify};
use super::runs::{hook, queue};
use super::{ContextId, TransactionEventKind, cancel, forward, rewrite, send};
use crate::core::Core;
use crate::input::Flow;
use crate::jobs::Job;
use crate::outbox::Outbox;
use crate::run::Scene;
use crate::statistics::Counter;
use crate::transaction::ClientId;

/// A branch has answered.
pub fn on_response(
    core: &mut Core,
    context: ContextId,
    branch: u8,
    response: Message,
    flow: Flow,
    outbox: &mut Outbox,
) {
    core.statistics.count(Counter::TmResponsesReceived);
    let code = response.status().unwrap_or_default();
    let Some(mut context) = core.contexts.take(context) else {
        return super::on_stray_response(core, response, flow, outbox);
    };
    let mut scene = core.machine.take_scene(response, flow);
    // What the unnamed onreply_route made of it.
    std::mem::swap(&mut scene.draft, &mut core.reply_draft);
    let held = context.is_held();
    let Some(entry) = context.branch_mut(branch) else {
        core.machine.give_scene(scene);
        return finish(core, context);
    };
    if entry.state == BranchState::Calling {
        entry.state = BranchState::Proceeding;
    }
    if held || entry.replying {
        queue(core, &mut context, Queued::Response { branch, scene });
    } else {
        notify(
            core,
            &context,
            TransactionEventKind::ResponseReceived { branch, code },
        );
        take_response(core, &mut context, branch, scene, outbox);
    }
    finish(core, context);
}

/// A 2xx of a branch that was given up: its client transaction is gone, and the call may still be looking for
/// somebody else. It is that call's answer like any other, and ends the search (RFC 6026 §7).
pub(super) fn on_late_2xx(
    core: &mut Core,
    context: ContextId,
    branch: u8,
    response: Message,
    flow: Flow,
    outbox: &mut Outbox,
) {
    core.in_hand.context = Some(context);
    let of = core.contexts.get(context);
    let trying = of
        .filter(|context| !goes_on(context))
        .and_then(|context| context.branch(branch))
        .filter(|branch| branch.is_open())
        .and_then(|branch| branch.client);
    if let Some(client) = trying {
        // The same branch rings at its next address: `judge` cancels the others only.
        core.cancel_client(client, &[], outbox);
    }
    on_response(core, context, branch, response, flow, outbox);
}

/// A branch's client transaction has waited long enough: timers B, C and F. Without one it is the branch that
/// stood for others that never came.
pub fn on_client_timeout(
    core: &mut Core,
    context: ContextId,
    branch: u8,
    client: Option<ClientId>,
    outbox: &mut Outbox,
) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    if let Some(client) = client.filter(|_| context.is_invite) {
        core.contexts.give_up(&mut context, client, branch);
    }
    if context.is_held() {
        queue(core, &mut context, Queued::Timeout { branch });
    } else {
        timed_out(core, &mut context, branch, outbox);
    }
    finish(core, context);
}

/// What a branch sent did not arrive.
pub fn on_transport_error(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    if context.is_held() {
        queue(core, &mut context, Queued::TransportError { branch });
    } else {
        not_sent(core, &mut context, branch, outbox);
    }
    finish(core, context);
}

/// The addresses that a branch waits for may be known now.
pub fn on_resolved(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    if context.is_held() {
        queue(core, &mut context, Queued::Resolved { branch });
    } else {
        resolved(core, &mut context, branch, outbox);
    }
    finish(core, context);
}

/// A client transaction of a branch is gone.
pub fn on_client_ended(core: &mut Core, context: ContextId, branch: u8, _outbox: &mut Outbox) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    if let Some(branch) = context.branch_mut(branch) {
        // Failover may have put another in its place.
        branch.client = branch
            .client
            .filter(|&client| core.clients.contains(client));
    }
    finish(core, context);
}

/// The server transaction is gone.
pub fn on_server_ended(core: &mut Core, context: ContextId, outbox: &mut Outbox) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    context.server_ended = true;
    if !context.is_answered() {
        // Nobody is left to answer: branches that still try need not.
        cancel::branches(core, &mut context, &[], None, outbox);
    }
    finish(core, context);
}

/// The ACK to a 2xx of ours or of a branch has passed.
pub fn on_ack_2xx(core: &mut Core, context: ContextId) {
    if let Some(context) = core.contexts.take(context) {
        notify(core, &context, TransactionEventKind::AckReceived);
        core.contexts.put(context);
    }
}

/// Takes our Via off a response and gives it to the reply routes, or judges it at once when there is none.
pub(super) fn take_response(
    core: &mut Core,
    context: &mut ResponseContext,
    branch: u8,
    mut scene: Box<Scene>,
    outbox: &mut Outbox,
) {
    let code = scene.message.status().unwrap_or_default();
    let Some(entry) = context.branch_mut(branch) else {
        return core.machine.give_scene(scene);
    };
    if code < 200 || entry.is_open() {
        entry.code = code;
    }
    let is_ours_alone = !forward::has_next_via(&scene.message);
    let Scene { message, draft, .. } = &mut *scene;
    draft.remove_first_of_list(message, HeaderName::Via);
    if let (Some(request), Some(entry)) = (&context.scene, context.branch(branch)) {
        rewrite::put_back(core, &request.message, &entry.rewrite, message, draft);
    }
    // §16.7 step 3: without a second Via it was meant for us; nobody is waiting for it.
    if is_ours_alone && code < 200 {
        return core.machine.give_scene(scene);
    }
    let step = [0, 1]
        .into_iter()
        .find(|&step| hook(context, branch, step).is_some());
    // Without room for the route the response goes on without it: what it means must not be lost.
    let is_room = step.is_none() || core.jobs.has_room();
    if !is_room {
        core.statistics.count(Counter::BoundsReached);
    }
    match step.filter(|_| is_room) {
        Some(step) => {
            if let Some(request) = &context.scene {
                scene.flags = request.flags;
            }
            if let Some(entry) = context.branch_mut(branch) {
                entry.replying = true;
                if let Some(target) = scene.targets.facts_mut(0) {
                    target.flags = entry.flags;
                }
            }
            core.jobs.push(Job::ReplyRoute {
                context: context.id,
                branch,
                scene,
                step,
            });
        }
        None => {
            judge(core, context, branch, scene, outbox);
            conclude(core, context, outbox);
        }
    }
}

/// §16.7 steps 4 and 5: goes back at once, or waits for the others.
pub(super) fn judge(
    core: &mut Core,
    context: &mut ResponseContext,
    at: u8,
    scene: Box<Scene>,
    outbox: &mut Outbox,
) {
    let code = scene.message.status().unwrap_or_default();
    let is_invite = context.is_invite;
    let is_answered = context.is_answered();
    let round = context.round;
    let Some(branch) = context.branch_mut(at) else {
        return core.machine.give_scene(scene);
    };
    let was_open = branch.is_open();
    match code {
        // RFC 4320 §4.1: no provisional response to anything but an INVITE goes further.
        101..=199 if is_invite && !is_answered && was_open => {
            send_back(core, context, Some(at), scene, outbox)
        }
        // RFC 6026: every 2xx to an INVITE goes back, however many and however late.
        200..=299 if is_invite || (!is_answered && was_open) => {
            branch.state = BranchState::Completed;
            branch.code = code;
            branch.local = false;
            send_back(core, context, Some(at), scene, outbox);
            if !goes_on(context) {
                cancel::branches(core, context, &[], Some(at), outbox);
            }
        }
        300.. if was_open => {
            branch.code = code;
            branch.local = false;
            branch.state = BranchState::Completed;
            let wants_another =
                code == 503 && !branch.cancelled && !is_answered && !branch.addresses.is_empty();
            if wants_another && try_next(core, context, at, outbox) {
                return core.machine.give_scene(scene);
            }
            let Some(branch) = context.branch_mut(at) else {
                return core.machine.give_scene(scene);
            };
            if let Some(before) = branch.response.replace(scene) {
                core.machine.give_scene(before);
            }
            // §16.7 step 5: a 6xx decides; the others need not go on.
            let decides = code >= 600 && !core.proxy.settings.branches_after_6xx;
            if decides && usize::from(at) >= round {
                cancel::branches(core, context, &[], Some(at), outbox);
            }
        }
        _ => core.machine.give_scene(scene),
    }
}

/// RFC 3841 §9.1: a caller may want the others to go on until they answer for themselves.
fn goes_on(context: &ResponseContext) -> bool {
    context.scene.as_ref().is_some_and(|request| {
        request.proxy.relay.allow_no_cancel && cancel::forbids_cancel(&request.message)
    })
}

/// RFC 3263 §4.3: the next address of the same target, by a transaction of its own.
fn try_next(core: &mut Core, context: &mut ResponseContext, at: u8, outbox: &mut Outbox) -> bool {
    let Some(scene) = context.scene.take() else {
        return false;
    };
    let before = context
        .branch_mut(at)
        .and_then(|branch| branch.client.take());
    let is_sent = send::send_to_next(core, context, &scene, at, outbox).is_ok();
    context.scene = Some(scene);
    match before {
        Some(client) if is_sent => core.clients.abandon(client),
        Some(_) => {
            if let Some(branch) = context.branch_mut(at) {
                branch.client = before;
            }
        }
        None => {}
    }
    is_sent
}

pub(super) fn timed_out(
    core: &mut Core,
    context: &mut ResponseContext,
    at: u8,
    outbox: &mut Outbox,
) {
    let Some(branch) = context.branch_mut(at).filter(|branch| branch.is_open()) else {
        return;
    };
    let said_nothing = branch.state == BranchState::Calling;
    let is_cancelled = branch.cancelled;
    let client = branch.client;
    if said_nothing
        && !is_cancelled
        && !branch.addresses.is_empty()
        && try_next(core, context, at, outbox)
    {
        return;
    }
    if let Some(branch) = context.branch_mut(at) {
        branch.state = BranchState::Completed;
        branch.local = true;
        branch.code = if is_cancelled { 487 } else { 408 };
    }
    // §16.8: somebody is ringing; he has to stop.
    if let Some(client) = client.filter(|_| !said_nothing) {
        core.cancel_client(client, &[], outbox);
    }
    conclude(core, context, outbox);
}

pub(super) fn not_sent(
    core: &mut Core,
    context: &mut ResponseContext,
    at: u8,
    outbox: &mut Outbox,
) {
    let Some(branch) = context.branch_mut(at).filter(|branch| branch.is_open()) else {
        return;
    };
    let is_cancelled = branch.cancelled;
    if !is_cancelled && !branch.addresses.is_empty() && try_next(core, context, at, outbox) {
        return;
    }
    if let Some(branch) = context.branch_mut(at) {
        branch.state = BranchState::Completed;
        branch.local = true;
        // §16.9: as if the request had been answered 503.
        branch.code = if is_cancelled { 487 } else { 503 };
    }
    conclude(core, context, outbox);
}

pub(super) fn resolved(
    core: &mut Core,
    context: &mut ResponseContext,
    at: u8,
    outbox: &mut Outbox,
) {
    if context
        .branch(at)
        .is_none_or(|branch| branch.state != BranchState::Resolving)
    {
        return;
    }
    let Some(scene) = context.scene.take() else {
        return;
    };
    send::start(core, context, &scene, at, outbox);
    context.scene = Some(scene);
    conclude(core, context, outbox);
}
