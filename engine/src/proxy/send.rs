//! Sending branches: RFC 3261 §16.6 steps 7 to 10, RFC 3263.
//!
//! A branch whose addresses are not known yet is sent when they are; nobody waits for it.

use super::branch::BranchState;
use super::context::ResponseContext;
use super::forward::{self, Writing};
use super::view::leave_branch;
use super::{Address, ContextId, RelayError, identity, validate};
use crate::core::Core;
use crate::input::{ConnectionId, Transport};
use crate::limits::RESOLVE_ROUNDS_MAX;
use crate::outbox::Outbox;
use crate::resolve::{Resolved, Waiter};
use crate::run::Scene;
use crate::statistics::Counter;
use crate::transaction::{ClientUser, Start};

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
            if flags.no_dns_failover || core.proxy.settings.no_dns_failover {
                addresses.truncate(1);
            }
            let first = addresses.first().map(|first| first.transport);
            if first == Some(Transport::Udp) && forward::outgrows_udp(core, scene, &branch.target())
            {
                // §18.1.1: TCP first; where nobody listens there, UDP is tried all the same.
                let by_tcp = addresses.iter().map(|to| Address {
                    transport: Transport::Tcp,
                    ..*to
                });
                addresses = by_tcp.chain(addresses.iter().copied()).collect();
            }
            branch.addresses = addresses;
            if let Err(error) = send_to_next(core, context, scene, at, outbox) {
                fail(context, at, error);
            }
        }
    }
}

/// A branch that ends before any response: it counts as if this response had come.
fn fail(context: &mut ResponseContext, at: u8, error: RelayError) {
    context.relay_error = Some(error);
    if let Some(branch) = context.branch_mut(at) {
        branch.state = BranchState::Completed;
        branch.code = match error {
            // §16.9: as if it had been answered 503. A relay of which nothing could be sent says 477 all
            // the same, by its `relay_error`.
            RelayError::SendFailed => 503,
            other => other.status().0,
        };
        branch.local = true;
    }
}

/// Sends a branch to the next of its addresses that we have a socket for and no blacklist forbids. An error: none is left.
pub(super) fn send_to_next(
    core: &mut Core,
    context: &mut ResponseContext,
    scene: &Scene,
    at: u8,
    outbox: &mut Outbox,
) -> Result<(), RelayError> {
    let mut error = RelayError::SendFailed;
    let forbidding = core.blacklists.active(scene.attached.proxy.blacklists);
    let id = context.id;
    let server = context.server;
    let siblings = match (context.branches().len() - context.round) as u32 {
        1 => u32::from(validate::max_breadth(&scene.message).is_some()),
        many => many,
    };
    let Some(branch) = context.branch_mut(at) else {
        return Err(RelayError::Internal);
    };
    while !branch.addresses.is_empty() {
        let to = branch.addresses.remove(0);
        let Some(flow) = forward::flow_to(core, &scene.attached, &branch.target(), to) else {
            continue;
        };
        let call_id = scene.message.call_id();
        let Ok((client, token)) = core.reserve_client(call_id) else {
            core.statistics.count(Counter::Overloaded);
            return Err(error);
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
                rewrite: &branch.rewrite,
                flow,
                token: &token,
                loop_part: Some(
                    &proxy
                        .loop_part
                        .unwrap_or_else(|| identity::loop_part(&scene.message)),
                ),
                siblings,
            },
        );
        branch.draft = own_draft;
        let write = |out: &mut Vec<u8>| draft.write(&scene.message, out);
        if core.blacklists.forbid(forbidding, to, core.now, write) {
            core.statistics.count(Counter::Blacklisted);
            core.release_client(client);
            forward::give_back(core, draft);
            error = RelayError::Filtered;
            continue;
        }
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
            fr_ms: branch.fr_ms.or(proxy.fr_ms),
            fr_inv_ms: branch.fr_inv_ms.or(proxy.fr_inv_ms),
            headers: &proxy.request_headers,
        };
        // The caller hears 100 before anybody else hears anything.
        if let Some(server) = server
            && core.tm.auto_100_trying
            && !proxy.relay.replicate
        {
            core.send_trying(server, outbox);
        }
        if draft.is_overfull() {
            // More edits than a draft holds: what would leave is not what the script wanted.
            core.statistics.count(Counter::BoundsReached);
            core.release_client(client);
            branch.client = None;
            branch.state = BranchState::Completed;
            forward::give_back(core, draft);
            return Err(RelayError::SendFailed);
        }
        core.start_client(start, outbox, |out| draft.write(&scene.message, out));
        forward::give_back(core, draft);
        core.statistics.count(Counter::RequestsForwarded);
        return Ok(());
    }
    Err(error)
}
