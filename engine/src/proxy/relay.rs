//! Relaying: RFC 3261 §16.2 to §16.6. From a script's `t_relay` to the branches it sends.
//!
//! `relay` prepares branches; the script machine then enters each one, runs its branch route and has
//! it sent; `branches_done` says what came of it. A branch whose addresses are not known yet is sent
//! when they are; nobody waits for it.

use parser::{HeaderName, Message, Method};

use super::attachments::RecordRoute;
use super::branch::BranchState;
use super::context::ResponseContext;
use super::forward::{self, Writing};
use super::validate::{self, Refusal};
use super::{
    Address, BRANCHES_MAX, ContextId, RelayError, RelayFlags, RelayOptions, TransactionEventKind,
    identity, reply, response,
};
use crate::core::Core;
use crate::input::{ConnectionId, Transport};
use crate::limits::RESOLVE_ROUNDS_MAX;
use crate::module::{Context, Verdict};
use crate::outbox::Outbox;
use crate::resolve::{Resolved, Waiter};
use crate::run::{Attached, Run, Scene};
use crate::statistics::Counter;
use crate::transaction::{ClientUser, Start, reply_flow};

/// Makes branches of the target set. Never for ACK and CANCEL.
pub(super) fn relay(cx: &mut Context<'_>, options: &RelayOptions<'_>) -> Verdict {
    cx.scene.proxy.relay = RelayFlags::from(options);
    let fixed = &mut cx.scene.proxy.relay_destination;
    fixed.clear();
    fixed.extend_from_slice(options.destination.unwrap_or_default());

    let own = identity::loop_part(cx.message);
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
    if context.cancelled || context.is_answered() {
        return failed(cx.scene, RelayError::Internal);
    }
    context.previous_round = context.round;
    context.round = context.branches().len();
    for at in 0..targets.min(BRANCHES_MAX) {
        let Some(target) = cx.scene.targets.get(at) else {
            break;
        };
        if context.add_branch(&target).is_none() {
            break;
        }
    }
    // What was sent once is not sent again by the next relay of a failure route.
    cx.scene.targets.truncate();
    if context.branches().len() == context.round {
        context.round = context.previous_round;
        return failed(cx.scene, RelayError::NoDestination);
    }
    Verdict::Relay
}

fn failed(attached: &mut Attached, error: RelayError) -> Verdict {
    attached.proxy.error = Some(error);
    Verdict::Return(error.value())
}

/// RFC 3261 §16.3: what may not be forwarded is answered here and now.
fn refuse(cx: &mut Context<'_>, refusal: &Refusal) -> Verdict {
    cx.scene
        .proxy
        .reply_headers
        .extend_from_slice(&refusal.headers);
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
    if let Some(branch) = context.branch(branch) {
        scene.attached.targets.clear();
        scene.attached.targets.set(0, &branch.target());
    }
}

/// Takes over what the branch's route did, and puts the request back.
fn leave_branch(context: &mut ResponseContext, scene: &mut Scene, branch: u8) {
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

/// Sends a branch, or drops it when its route said so.
pub fn send_branch(
    core: &mut Core,
    scene: &mut Scene,
    context: ContextId,
    branch: u8,
    dropped: bool,
    outbox: &mut Outbox,
) {
    let Some(mut context) = core.contexts.take(context) else {
        return;
    };
    leave_branch(&mut context, scene, branch);
    let is_pending = context
        .branch(branch)
        .is_some_and(|branch| branch.state == BranchState::Pending);
    if !is_pending {
        // A CANCEL has come while the branch's route waited.
    } else if dropped || context.is_answered() {
        if let Some(branch) = context.branch_mut(branch) {
            branch.state = BranchState::Discarded;
        }
    } else {
        start(core, &mut context, scene, branch, outbox);
    }
    core.contexts.put(context);
}

/// Finds a branch's addresses and sends it to the first that can be reached.
pub(super) fn start(
    core: &mut Core,
    context: &mut ResponseContext,
    scene: &Scene,
    at: u8,
    outbox: &mut Outbox,
) {
    let id = context.id;
    let attached = &scene.attached;
    let flags = attached.proxy.relay;
    let Some(branch) = context.branch_mut(at) else {
        return;
    };
    branch.rounds += 1;
    let now = core.now;
    let resolved = match forward::hop_of(
        &scene.message,
        &branch.target(),
        &attached.proxy.relay_destination,
    ) {
        Some(hop) if branch.rounds <= RESOLVE_ROUNDS_MAX => {
            core.resolver
                .resolve(now, &hop, Waiter::Branch(id, at), outbox)
        }
        _ => Resolved::Nowhere,
    };
    match resolved {
        Resolved::Waits => branch.state = BranchState::Resolving,
        Resolved::Nowhere => fail(context, at, RelayError::BadDestination),
        Resolved::Overload => fail(context, at, RelayError::Internal),
        Resolved::Addresses(mut addresses) => {
            if flags.no_dns_failover {
                addresses.truncate(1);
            }
            let said = forward::says_transport(
                &scene.message,
                &branch.target(),
                &attached.proxy.relay_destination,
            );
            let first = addresses.first().map(|first| first.transport);
            if let Some(transport) = first
                && forward::outgrows_udp(core, &scene.message, said, transport)
            {
                // §18.1.1: TCP first; where nobody listens there, UDP is tried all the same.
                let by_tcp = addresses.iter().map(|to| Address {
                    transport: Transport::Tcp,
                    ..*to
                });
                addresses = by_tcp.chain(addresses.iter().copied()).collect();
            }
            branch.addresses = addresses;
            if !send_to_next(core, context, scene, at, outbox) {
                fail(context, at, RelayError::SendFailed);
            }
        }
    }
}

/// A branch that ends before any response: it counts as if this response had come.
fn fail(context: &mut ResponseContext, at: u8, error: RelayError) {
    context.relay_error = Some(error);
    if let Some(branch) = context.branch_mut(at) {
        branch.state = BranchState::Completed;
        branch.code = error.status().0;
        branch.local = true;
    }
}

/// Sends a branch to the next of its addresses that we have a socket for. `false`: none is left.
pub(super) fn send_to_next(
    core: &mut Core,
    context: &mut ResponseContext,
    scene: &Scene,
    at: u8,
    outbox: &mut Outbox,
) -> bool {
    let id = context.id;
    let server = context.server;
    let siblings = match (context.branches().len() - context.round) as u32 {
        1 => u32::from(validate::max_breadth(&scene.message).is_some()),
        many => many,
    };
    let Some(branch) = context.branch_mut(at) else {
        return false;
    };
    while !branch.addresses.is_empty() {
        let to = branch.addresses.remove(0);
        let Some(flow) = forward::flow_to(core, &scene.attached, &branch.target(), to) else {
            continue;
        };
        let call_id = scene.message.call_id();
        let Ok((client, token)) = core.reserve_client(call_id) else {
            core.statistics.count(Counter::Overloaded);
            return false;
        };
        let own_draft = std::mem::take(&mut branch.draft);
        let proxy = &scene.attached.proxy;
        let draft = forward::draft_of(
            core,
            &Writing {
                message: &scene.message,
                base: if branch.has_draft {
                    &own_draft
                } else {
                    &scene.draft
                },
                attached: &scene.attached,
                target: branch.target(),
                record_route: branch.record_route.as_ref().unwrap_or(&proxy.record_route),
                record_route_params: match branch.record_route {
                    Some(_) => &branch.record_route_params,
                    None => &proxy.record_route_params,
                },
                flow,
                token: &token,
                loop_part: &identity::loop_part(&scene.message),
                siblings,
            },
        );
        branch.draft = own_draft;
        branch.state = BranchState::Calling;
        branch.client = Some(client);
        branch.flow = Some(flow);
        // A connection is good for one attempt: when it is gone, the next one opens its own.
        branch.connection = ConnectionId::NONE;
        let user = if proxy.relay.replicate {
            ClientUser::Nobody
        } else {
            ClientUser::Branch(id, at)
        };
        if proxy.relay.replicate {
            branch.client = None;
            branch.state = BranchState::Discarded;
        }
        let start = Start {
            id: client,
            method: scene.message.method(),
            flow,
            user,
            fr_ms: proxy.fr_ms,
            fr_inv_ms: proxy.fr_inv_ms,
        };
        // The caller hears 100 before anybody else hears anything.
        if let Some(server) = server
            && core.tm.auto_100_trying
            && !proxy.relay.replicate
        {
            core.send_trying(server, outbox);
        }
        core.start_client(start, outbox, |out| draft.write(&scene.message, out));
        forward::give_back(core, draft);
        core.statistics.count(Counter::RequestsForwarded);
        return true;
    }
    false
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
    let round = context.round;
    let is_under_way = context.branches()[round..]
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
        response::notify(core, &context, TransactionEventKind::Relayed);
        1
    } else {
        // Nothing left: the branches of this relay do not count, the script is told instead.
        let error = context
            .relay_error
            .take()
            .unwrap_or(RelayError::NoDestination);
        for branch in &mut context.branches_mut()[round..] {
            branch.state = BranchState::Discarded;
        }
        context.round = context.previous_round;
        scene.attached.proxy.error = Some(error);
        if error == RelayError::SendFailed && !flags.no_auto_477 {
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

/// What a context keeps of the request while a branch's route sees another.
#[derive(Debug, Default)]
pub(super) struct Saved {
    is_used: bool,
    targets: super::TargetSet,
    record_route: RecordRoute,
    record_route_params: Vec<u8>,
    forced_socket: Option<crate::input::SocketId>,
    on_reply: Option<crate::run::NameId>,
}

/// Whether a caller forbids cancelling what he started (RFC 3841 §9.1, `no-cancel`).
pub(super) fn forbids_cancel(request: &Message) -> bool {
    request
        .list(HeaderName::RequestDisposition)
        .any(|directive| directive.value.eq_ignore_ascii_case(b"no-cancel"))
}
