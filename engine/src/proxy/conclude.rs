//! The decision: RFC 3261 §16.7 steps 6 to 10, when no branch can say anything better.
//!
//! The failure route may try further targets; else the best response goes back, or one that we make.

use parser::HeaderName;

use super::best::{self, Outcome};
use super::branch::{BranchState, Queued};
use super::context::ResponseContext;
use super::ending::notify;
use super::{RelayError, TransactionEventKind, cancel, forward, reply};
use crate::core::Core;
use crate::input::Ticket;
use crate::jobs::Job;
use crate::outbox::Outbox;
use crate::run::Scene;
use crate::statistics::Counter;

/// §16.7 step 6: when no branch can say anything better, decides.
pub(super) fn conclude(core: &mut Core, context: &mut ResponseContext, outbox: &mut Outbox) {
    if context.is_answered() || context.failing || context.is_held() || context.server_ended {
        return;
    }
    let minor = core.proxy.settings.minor_flag;
    let is_minor = |branch: &super::Branch| branch.flags & minor != 0;
    let is_waiting = |branch: &super::Branch| branch.is_open() || branch.replying;
    if context.queued.iter().any(Queued::is_2xx) {
        // Somebody has answered; nothing can say anything better.
        return;
    }
    let round = context.round;
    let mut others = context.branches().iter().filter(|branch| !is_minor(branch));
    if others.any(is_waiting) {
        return;
    }
    if context.branches().iter().any(is_waiting) {
        // Only minor branches go on. What counts has failed: they are stopped and not waited for.
        let has_failed = |branch: &super::Branch| {
            branch.state == BranchState::Completed && branch.code >= 300 && !is_minor(branch)
        };
        if !context.branches()[round..].iter().any(has_failed) {
            return;
        }
        end_minor(core, context, minor, outbox);
    }
    let outcomes = |of_placeholders: bool| {
        let ended = context.branches().iter().zip(0u8..).skip(round);
        ended.filter_map(move |(branch, at)| {
            let counts = branch.state == BranchState::Completed
                && branch.code >= 300
                && branch.is_placeholder == of_placeholders;
            counts.then_some(Outcome {
                branch: at,
                code: branch.code,
            })
        })
    };
    let a_6xx_decides = !core.proxy.settings.branches_after_6xx;
    // What stood for branches that never came counts when there was no other, or when the caller gave up waiting.
    let first = context.cancelled && outcomes(true).next().is_some();
    let best = best::choose(outcomes(first), a_6xx_decides)
        .or_else(|| best::choose(outcomes(!first), a_6xx_decides));
    let Some(best) = best else {
        return;
    };
    context.best = Some(best.branch);
    // A failure route that tries nothing more comes back here: its round is told of, and not failed again
    // even if the route was armed once more.
    let is_news = context.failed_round.replace(round) != Some(round);
    if is_news {
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
    if is_news
        && is_armed
        && core.jobs.push(Job::FailureRoute {
            context: context.id,
        })
    {
        context.failing = true;
        return;
    }
    send_best(core, context, best, outbox);
}

/// Stops the minor branches that are under way (`minor_branch_flag`), and does not wait for what they say.
fn end_minor(core: &mut Core, context: &mut ResponseContext, minor: u32, outbox: &mut Outbox) {
    let is_invite = context.is_invite;
    for branch in context.branches_mut() {
        if branch.flags & minor != 0 && branch.is_open() {
            cancel::stop(core, branch, is_invite, &[], outbox);
            branch.state = BranchState::Discarded;
            branch.code = 487;
        }
    }
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
            let local_reason: &[u8] = match RelayError::BadDestination.status() {
                (local, reason) if local == code => reason,
                _ if code == RelayError::Filtered.status().0 => RelayError::Filtered.status().1,
                _ => b"",
            };
            reply::in_context(core, context, message, attached, code, local_reason, outbox);
            context.scene = Some(request);
        }
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
pub(super) fn send_back(
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
    let request_flags = context
        .scene
        .as_ref()
        .map_or(0, |scene| scene.attached.flags);
    if let Some(server) = context.server
        && request_flags & core.proxy.settings.no_reply_connection_flag != 0
    {
        core.open_nothing_for(server);
    }
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
