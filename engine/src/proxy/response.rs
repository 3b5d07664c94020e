//! Response processing: RFC 3261 §16.7, with RFC 4320 and RFC 6026.
//!
//! What a branch says goes through its reply routes, then is judged: provisional responses and 2xx
//! go back at once, everything else waits until no branch can say anything better. Then the failure
//! route may try further targets; else the best response goes back.
//!
//! A context leaves its table while it is worked on (`take`, `finish`).

use parser::{HeaderName, Message};

use super::best::{self, Outcome};
use super::branch::{BranchState, Queued};
use super::context::ResponseContext;
use super::{ContextId, TransactionEvent, TransactionEventKind, cancel, forward, relay, reply};
use crate::core::Core;
use crate::input::{Flow, Ticket};
use crate::jobs::Job;
use crate::limits::CONTEXT_QUEUE_MAX;
use crate::outbox::Outbox;
use crate::run::{End, NameId, Scene};
use crate::statistics::Counter;

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

/// A branch's client transaction has waited long enough: timers B, C and F.
pub fn on_client_timeout(core: &mut Core, context: ContextId, branch: u8, outbox: &mut Outbox) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
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
fn after_run(core: &mut Core, mut context: Box<ResponseContext>, outbox: &mut Outbox) {
    conclude(core, &mut context, outbox);
    drain(core, &mut context, outbox);
    finish(core, context);
}

/// The reply route of a branch's response: 0 the branch's own, 1 the transaction's.
pub fn reply_hook(core: &Core, context: ContextId, branch: u8, step: u8) -> Option<NameId> {
    let context = core.contexts.get(context)?;
    hook(context, branch, step)
}

fn hook(context: &ResponseContext, branch: u8, step: u8) -> Option<NameId> {
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
    if dropped && is_provisional {
        core.machine.give_scene(scene);
    } else if step == 0 && hook(&context, branch, 1).is_some() {
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

/// The watchers know that it has ended.
pub fn forget(core: &mut Core, context: ContextId) {
    let Core {
        contexts, machine, ..
    } = core;
    if contexts.get(context).is_some_and(|context| context.ending) {
        contexts.remove(context, |scene| machine.give_scene(scene));
    }
}

/// Drops a context whose work made us panic, whatever state that left it in.
pub(crate) fn discard(core: &mut Core, context: ContextId) {
    let Core {
        contexts, machine, ..
    } = core;
    contexts.remove(context, |scene| machine.give_scene(scene));
}

/// Tells the watchers, if there are any.
pub(super) fn notify(core: &mut Core, context: &ResponseContext, kind: TransactionEventKind) {
    if context.watchers != 0
        && !core.jobs.push(Job::Notify(TransactionEvent {
            context: context.id,
            kind,
        }))
    {
        core.statistics.count(Counter::BoundsReached);
    }
}

/// Puts a context back, or ends it when nothing can happen to it any more.
pub(super) fn finish(core: &mut Core, mut context: Box<ResponseContext>) {
    let id = context.id;
    let is_over = context.is_over() && context.queued.is_empty() && !context.ending;
    if is_over && context.watchers != 0 {
        context.ending = true;
        let is_told = core.jobs.push(Job::Notify(TransactionEvent {
            context: id,
            kind: TransactionEventKind::Ended,
        }));
        core.contexts.put(context);
        if !is_told {
            core.statistics.count(Counter::BoundsReached);
            forget(core, id);
        }
    } else {
        context.ending |= is_over;
        let is_ending = context.ending && context.watchers == 0;
        core.contexts.put(context);
        if is_ending {
            forget(core, id);
        }
    }
}

fn queue(core: &mut Core, context: &mut ResponseContext, event: Queued) {
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
        }
    }
}

/// Takes our Via off a response and gives it to the reply routes, or judges it at once when there is none.
fn take_response(
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
    // §16.7 step 3: without a second Via it was meant for us; nobody is waiting for it.
    if is_ours_alone && code < 200 {
        return core.machine.give_scene(scene);
    }
    let step = [0, 1]
        .into_iter()
        .find(|&step| hook(context, branch, step).is_some());
    match step {
        Some(step) => {
            if let Some(request) = &context.scene {
                scene.flags = request.flags;
            }
            if let Some(entry) = context.branch_mut(branch) {
                entry.replying = true;
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
fn judge(
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
            cancel::branches(core, context, &[], Some(at), outbox);
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
            if code >= 600 && usize::from(at) >= round {
                cancel::branches(core, context, &[], Some(at), outbox);
            }
        }
        _ => core.machine.give_scene(scene),
    }
}

/// RFC 3263 §4.3: the next address of the same target, by a transaction of its own.
fn try_next(core: &mut Core, context: &mut ResponseContext, at: u8, outbox: &mut Outbox) -> bool {
    let Some(scene) = context.scene.take() else {
        return false;
    };
    let before = context
        .branch_mut(at)
        .and_then(|branch| branch.client.take());
    let is_sent = relay::send_to_next(core, context, &scene, at, outbox);
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

fn timed_out(core: &mut Core, context: &mut ResponseContext, at: u8, outbox: &mut Outbox) {
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

fn not_sent(core: &mut Core, context: &mut ResponseContext, at: u8, outbox: &mut Outbox) {
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
        // §16.9 would have 503; 477 tells the script that it was ours.
        branch.code = if is_cancelled { 487 } else { 477 };
    }
    conclude(core, context, outbox);
}

fn resolved(core: &mut Core, context: &mut ResponseContext, at: u8, outbox: &mut Outbox) {
    if context
        .branch(at)
        .is_none_or(|branch| branch.state != BranchState::Resolving)
    {
        return;
    }
    let Some(scene) = context.scene.take() else {
        return;
    };
    relay::start(core, context, &scene, at, outbox);
    context.scene = Some(scene);
    conclude(core, context, outbox);
}

/// §16.7 step 6: when no branch can say anything better, decides.
pub(super) fn conclude(core: &mut Core, context: &mut ResponseContext, outbox: &mut Outbox) {
    if context.is_answered() || context.failing || context.is_held() || context.server_ended {
        return;
    }
    let is_waiting = |branch: &super::Branch| branch.is_open() || branch.replying;
    if context.branches().iter().any(is_waiting) {
        return;
    }
    let round = context.round;
    let outcomes = context
        .branches()
        .iter()
        .zip(0u8..)
        .skip(round)
        .filter_map(|(branch, at)| {
            let counts = branch.state == BranchState::Completed && branch.code >= 300;
            counts.then_some(Outcome {
                branch: at,
                code: branch.code,
            })
        });
    let Some(best) = best::choose(outcomes) else {
        return;
    };
    context.best = Some(best.branch);
    // A failure route that tries nothing more comes back here; its round has been told of.
    if context.failed_round.replace(round) != Some(round) {
        notify(
            core,
            context,
            TransactionEventKind::Failed { code: best.code },
        );
    }
    let is_armed = context
        .scene
        .as_ref()
        .is_some_and(|scene| scene.hooks.on_failure.is_some());
    if is_armed
        && core.jobs.push(Job::FailureRoute {
            context: context.id,
        })
    {
        context.failing = true;
        return;
    }
    send_best(core, context, best, outbox);
}

/// §16.7 steps 7 to 10: the best response goes back, or one that we make in its place.
fn send_best(core: &mut Core, context: &mut ResponseContext, best: Outcome, outbox: &mut Outbox) {
    let code = match best.code {
        503 if !core.proxy.settings.pass_503 => 500,
        408 if context.cancelled => 487,
        code => code,
    };
    if code == 408 && !context.is_invite {
        // RFC 4320 §4.2: whoever asked has given up by now; a 408 would only do harm.
        if let Some(server) = context.server {
            core.release_server(server);
        }
        context.server_ended = true;
        return;
    }
    let response = context
        .branch_mut(best.branch)
        .and_then(|branch| branch.response.take());
    match response {
        Some(mut scene) if code == best.code || code == 500 => {
            if code != best.code {
                scene.draft.set_status(500, b"Server Internal Error");
            }
            if matches!(best.code, 401 | 407) {
                add_challenges(context, best.branch, &mut scene);
            }
            send_back(core, context, Some(best.branch), scene, outbox);
        }
        response => {
            if let Some(scene) = response {
                core.machine.give_scene(scene);
            }
            let Some(mut request) = context.scene.take() else {
                return;
            };
            let Scene {
                message, attached, ..
            } = &mut *request;
            reply::in_context(
                core,
                context,
                message,
                attached,
                code,
                local_reason(code),
                outbox,
            );
            context.scene = Some(request);
        }
    }
}

fn local_reason(code: u16) -> &'static [u8] {
    match code {
        477 => b"Send failed",
        478 => b"Unresolvable destination",
        _ => b"",
    }
}

/// §16.7 step 7: the caller has to answer the challenges of all branches, so he gets all of them.
fn add_challenges(context: &ResponseContext, best: u8, scene: &mut Scene) {
    for (at, branch) in context.branches().iter().enumerate().skip(context.round) {
        if at == usize::from(best) || !matches!(branch.code, 401 | 407) {
            continue;
        }
        let Some(other) = &branch.response else {
            continue;
        };
        for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
            for field in other.message.headers_named(name) {
                scene
                    .draft
                    .append_header(field.line.of(other.message.bytes()));
            }
        }
    }
}

/// Sends a branch's response to the caller.
fn send_back(
    core: &mut Core,
    context: &mut ResponseContext,
    branch: Option<u8>,
    scene: Box<Scene>,
    outbox: &mut Outbox,
) {
    if !forward::has_next_via(&scene.message) {
        return core.machine.give_scene(scene);
    }
    let received = scene.message.status().unwrap_or_default();
    let code = if received == 503 && !core.proxy.settings.pass_503 {
        500
    } else {
        received
    };
    let write = |out: &mut Vec<u8>| scene.draft.write(&scene.message, out);
    let is_sent = context
        .server
        .is_some_and(|server| core.respond(server, code, outbox, write));
    if !is_sent {
        // The server transaction is gone: a late 2xx goes back without one (RFC 6026).
        let Some(flow) = context.reply_flow.filter(|_| (200..300).contains(&code)) else {
            return core.machine.give_scene(scene);
        };
        outbox.send(flow, Ticket::NONE, write);
    }
    core.statistics.count(Counter::TmResponsesRelayed);
    let reason = if code == received {
        scene.message.reason()
    } else {
        b"Server Internal Error"
    };
    let tag = scene.message.to_tag().unwrap_or_default();
    reply::remember(core, context, code, reason, tag, branch);
    core.machine.give_scene(scene);
}
