//! Relaying: RFC 3261 §16.2 to §16.5. From a script's `t_relay` to branches.
//!
//! `relay` prepares branches; the script machine then enters each one (`view`), runs its branch route and has
//! it sent (`send`); `branches_done` says what came of it.

use parser::{Message, Method};

use super::branch::BranchState;
use super::context::ResponseContext;
use super::validate::{self, Refusal};
use super::{
    BRANCHES_MAX, ContextId, ProxySettings, RelayError, RelayFlags, RelayOptions,
    TransactionEventKind, ending, forward, identity, reply,
};
use crate::core::Core;
use crate::limits::RESOLVE_ROUNDS_MAX;
use crate::module::{Context, Verdict};
use crate::outbox::Outbox;
use crate::resolve::{Resolved, Waiter};
use crate::run::{Attached, Run, Scene};
use crate::statistics::Counter;
use crate::transaction::reply_flow;

/// Makes branches of the target set. Never for ACK and CANCEL.
pub(super) fn relay(cx: &mut Context<'_>, options: &RelayOptions<'_>) -> Verdict {
    cx.scene.proxy.relay = RelayFlags::from(options);
    let fixed = &mut cx.scene.proxy.relay_destination;
    fixed.clear();
    fixed.extend_from_slice(options.destination.unwrap_or_default());

    let own = identity::loop_part(cx.message);
    cx.scene.proxy.loop_part = Some(own);
    let targets = cx.scene.targets.len();
    if let Err(refusal) = validate::validate(cx.core, cx.message, cx.draft, targets, &own) {
        return refuse(cx, &refusal);
    }
    if let Some(verdict) = know_addresses(cx) {
        return verdict;
    }
    let id = match ensure_transaction(
        cx.core,
        cx.message,
        cx.scene,
        &mut cx.run.context,
        cx.outbox,
    ) {
        Ok(id) => id,
        Err(error) => return failed(cx.scene, error),
    };
    let Some(context) = cx.core.contexts.get_mut(id) else {
        return failed(cx.scene, RelayError::Internal);
    };
    let is_given_up = context.cancelled && !context.is_answered();
    if context.cancelled || context.is_answered() {
        // §9.2: he gave up while the script waited. What it answers now, to a relay that failed, is
        // not what the caller has to hear.
        if is_given_up {
            cx.reply_in_transaction(487, b"");
        }
        return failed(cx.scene, RelayError::NoDestination);
    }
    if is_declined(&cx.core.proxy.settings, context) {
        return failed(cx.scene, RelayError::Filtered);
    }
    // What another branch met since the last relay says nothing about this one.
    context.relay_error = None;
    context.previous_round = context.round;
    context.fresh = context.branches().len();
    // While others are under way this is one round with them; else they have lost already.
    if !context.is_open() {
        context.round = context.fresh;
    }
    // A copy is one, and leaves what is to be relayed as it was.
    let sent = if options.replicate { 1 } else { targets };
    for at in 0..sent.min(BRANCHES_MAX) {
        let Some(target) = cx.scene.targets.get(at) else {
            break;
        };
        let Some(added) = context.add_branch(&target) else {
            break;
        };
        if let Some(branch) = context.branch_mut(added) {
            branch.rewrite.copy_from(&cx.scene.proxy.rewrite);
        }
        cx.scene.targets.remember_relayed(usize::from(added), at);
    }
    if !options.replicate {
        cx.scene.proxy.rewrite.credentials.clear();
        // What was sent once is not sent again by the next relay of a failure route.
        cx.scene.targets.truncate();
    }
    if context.branches().len() == context.fresh {
        context.round = context.previous_round;
        return failed(cx.scene, RelayError::NoDestination);
    }
    Verdict::Relay
}

/// Whether somebody has said 6xx, and that counts.
pub(super) fn is_declined(settings: &ProxySettings, context: &ResponseContext) -> bool {
    !settings.branches_after_6xx && context.has_declined()
}

fn failed(attached: &mut Attached, error: RelayError) -> Verdict {
    attached.proxy.error = Some(error);
    Verdict::Return(error.value())
}

/// RFC 3261 §16.3: what may not be forwarded is answered here and now.
fn refuse(cx: &mut Context<'_>, refusal: &Refusal) -> Verdict {
    cx.reply_in_transaction(refusal.code, refusal.reason);
    failed(cx.scene, RelayError::BadMessage)
}

/// Waits until the addresses of all targets are known, so that `t_relay` can say what does not resolve. A
/// target that only a branch route names is found later.
fn know_addresses(cx: &mut Context<'_>) -> Option<Verdict> {
    for at in 0..cx.scene.targets.len() {
        let attached = &*cx.scene;
        let target = attached.targets.get(at)?;
        if !target.connection.is_none() {
            continue;
        }
        let Some(hop) = forward::hop_of(cx.message, &target, &attached.proxy.relay_destination)
        else {
            continue;
        };
        if hop.ip.is_some() || cx.core.resolver.knows(cx.now, &hop) {
            continue;
        }
        if attached.proxy.resolve_rounds >= RESOLVE_ROUNDS_MAX {
            return None;
        }
        // Without a place to wait the branch waits by itself.
        let ticket = cx.wait_ticket()?;
        let attached = &*cx.scene;
        let target = attached.targets.get(at)?;
        let hop = forward::hop_of(cx.message, &target, &attached.proxy.relay_destination)?;
        if cx
            .core
            .resolver
            .resolve(cx.now, &hop, Waiter::Run(ticket), cx.outbox)
            == Resolved::Waits
        {
            cx.scene.proxy.resolve_rounds += 1;
            return Some(Verdict::Wait(ticket));
        }
    }
    None
}

/// The transaction of a request, made when it has none yet.
pub(super) fn ensure_transaction(
    core: &mut Core,
    message: &Message,
    attached: &mut Attached,
    context: &mut Option<ContextId>,
    outbox: &mut Outbox,
) -> Result<ContextId, RelayError> {
    if let Some(id) = *context {
        return Ok(id);
    }
    if attached.proxy.refused {
        return Err(RelayError::Internal);
    }
    match make_transaction(core, message, attached) {
        Some(id) => {
            *context = Some(id);
            Ok(id)
        }
        None => {
            core.statistics.count(Counter::Overloaded);
            let flow = reply_flow(message, &attached.flow, attached.proxy.force_rport);
            reply::overloaded(core, message, &attached.flow, flow, outbox);
            attached.proxy.refused = true;
            Err(RelayError::Internal)
        }
    }
}

fn make_transaction(core: &mut Core, message: &Message, attached: &Attached) -> Option<ContextId> {
    let id = core.contexts.insert()?;
    let Ok(server) = core.create_server(message, &attached.flow) else {
        core.contexts.remove(id, drop);
        return None;
    };
    let flow = reply_flow(message, &attached.flow, attached.proxy.force_rport);
    core.servers.set_context(server, id);
    core.servers.set_reply_flow(server, flow);
    let context = core.contexts.get_mut(id)?;
    context.server = Some(server);
    context.reply_flow = Some(flow);
    context.is_invite = message.method() == Method::Invite;
    context.watchers = attached.proxy.watchers;
    Some(id)
}

/// A run is about to park: its request becomes a transaction, so that retransmissions are absorbed and a
/// CANCEL finds it. An ACK never does.
pub fn before_park(core: &mut Core, run: &mut Run, outbox: &mut Outbox) {
    let is_request = run.scene.message.is_request() && run.state.kind == script::RouteKind::Request;
    if is_request && run.scene.message.method() != Method::Ack {
        let Scene {
            message, attached, ..
        } = &mut *run.scene;
        // Overload has been answered; the run goes on to find that out.
        let _ = ensure_transaction(core, message, attached, &mut run.state.context, outbox);
    }
}

/// What the relay came to: 1, or why nothing was sent.
pub fn branches_done(
    core: &mut Core,
    scene: &mut Scene,
    context: ContextId,
    outbox: &mut Outbox,
) -> i32 {
    let Some(mut context) = core.contexts.take(context) else {
        return RelayError::Internal.value();
    };
    let flags = scene.attached.proxy.relay;
    let fresh = context.fresh;
    let is_under_way = context.branches()[fresh..]
        .iter()
        .any(|branch| branch.is_open() || branch.client.is_some());
    let value = if is_under_way || flags.replicate || context.is_answered() {
        if let Some(server) = context.server
            && core.tm.auto_100_trying
            && context.is_invite
            && !flags.replicate
        {
            core.send_trying(server, outbox);
        }
        ending::notify(core, &context, TransactionEventKind::Relayed);
        1
    } else {
        // Nothing left: the branches of this relay do not count, the script is told instead.
        let error = context
            .relay_error
            .take()
            .unwrap_or(RelayError::NoDestination);
        for branch in &mut context.branches_mut()[fresh..] {
            branch.state = BranchState::Discarded;
        }
        context.round = context.previous_round;
        scene.attached.proxy.error = Some(error);
        // Whoever made the transaction himself answers himself, and a failure route has a response in hand.
        let is_ours = !context.made_by_script && context.fresh == 0;
        let cannot_go = matches!(error, RelayError::SendFailed | RelayError::BadDestination);
        if cannot_go && is_ours && !flags.no_auto_477 {
            let (code, reason) = error.status();
            reply::in_context(
                core,
                &mut context,
                &scene.message,
                &mut scene.attached,
                code,
                reason,
                outbox,
            );
        }
        error.value()
    };
    context.relay_error = None;
    core.contexts.put(context);
    value
}
