//! CANCEL: RFC 3261 §9.2 and §16.10.

use parser::{HeaderName, Message, Method};

use super::branch::BranchState;
use super::context::ResponseContext;
use super::{TransactionEventKind, conclude, ending, reply};
use crate::core::Core;
use crate::outbox::Outbox;
use crate::run::Scene;
use crate::transaction::ServerId;

/// Stops the branches of the request that a CANCEL means; whoever sent it has been answered.
///
/// `headers` go into our own CANCELs, each with its CRLF, besides what the transaction has for them.
pub(super) fn request(core: &mut Core, server: ServerId, headers: &[u8], outbox: &mut Outbox) {
    let Some(mut context) = core
        .servers
        .context(server)
        .and_then(|id| core.contexts.take(id))
    else {
        return;
    };
    // §9.2: after a final response, and for anything but an INVITE, it changes nothing.
    if context.is_answered() || !context.is_invite || context.cancelled {
        return core.contexts.put(context);
    }
    context.cancelled = true;
    ending::notify(core, &context, TransactionEventKind::Cancelled);
    let mut all = headers.to_vec();
    if let Some(scene) = &context.scene {
        all.extend_from_slice(&scene.proxy.cancel_headers);
    }
    branches(core, &mut context, &all, None, outbox);
    // While a run holds the request, its end does this.
    if !context.is_held() {
        answer_if_alone(core, &mut context, outbox);
        conclude::conclude(core, &mut context, outbox);
    }
    ending::finish(core, context);
}

/// A cancelled request without a branch is answered by us.
pub(super) fn answer_if_alone(core: &mut Core, context: &mut ResponseContext, outbox: &mut Outbox) {
    if context.is_answered()
        || !context
            .branches()
            .iter()
            .all(|branch| branch.state == BranchState::Discarded)
    {
        return;
    }
    let Some(mut scene) = context.scene.take() else {
        return;
    };
    let Scene {
        message, attached, ..
    } = &mut *scene;
    reply::in_context(core, context, message, attached, 487, b"", outbox);
    context.scene = Some(scene);
}

/// Asks all open branches to stop, but for one. Those that were never sent are done with at once.
pub(super) fn branches(
    core: &mut Core,
    context: &mut ResponseContext,
    headers: &[u8],
    except: Option<u8>,
    outbox: &mut Outbox,
) {
    let is_invite = context.is_invite;
    for (branch, at) in context.branches_mut().iter_mut().zip(0u8..) {
        if Some(at) != except {
            stop(core, branch, is_invite, headers, outbox);
        }
    }
}

/// Asks those to stop that were sent and go on; what is yet to be sent, or to come, stays.
pub(super) fn under_way(core: &mut Core, context: &mut ResponseContext, outbox: &mut Outbox) {
    let is_invite = context.is_invite;
    for branch in context.branches_mut() {
        if branch.state != BranchState::Waiting {
            stop(core, branch, is_invite, &[], outbox);
        }
    }
}

/// Asks one branch to stop. §9.1: only an INVITE can be; its 487 says when it has.
pub(super) fn stop(
    core: &mut Core,
    branch: &mut super::Branch,
    is_invite: bool,
    headers: &[u8],
    outbox: &mut Outbox,
) {
    match branch.state {
        BranchState::Pending | BranchState::Resolving | BranchState::Waiting => {
            branch.state = BranchState::Completed;
            branch.code = 487;
            branch.local = true;
            branch.cancelled = true;
        }
        BranchState::Calling | BranchState::Proceeding if is_invite && !branch.cancelled => {
            branch.cancelled = true;
            // What failed is not tried elsewhere after this.
            branch.addresses.clear();
            if let Some(client) = branch.client {
                core.cancel_client(client, headers, outbox);
            }
        }
        _ => {}
    }
}

/// Answers a CANCEL: 200, with the tag that our answers to the request itself would have (§9.2).
pub(super) fn answer(
    core: &mut Core,
    message: &Message,
    attached: &mut crate::run::Attached,
    outbox: &mut Outbox,
) {
    debug_assert!(message.method() == Method::Cancel);
    let Ok(server) = core.create_server(message, &attached.flow) else {
        reply::without_state(core, message, attached, 200, b"canceling", outbox);
        return;
    };
    let flow = reply::flow_back(message, attached);
    core.servers.set_reply_flow(server, flow);
    let tag = super::identity::local_tag(core.proxy.key, message);
    let reply = parser::Response {
        code: 200,
        reason: b"canceling",
        to_tag: Some(&tag),
        source: Some(attached.flow.remote),
        force_rport: attached.proxy.force_rport,
        ..parser::Response::default()
    };
    core.respond(server, 200, outbox, |out| reply.write(message, out));
}

/// Whether a caller forbids cancelling what he started (RFC 3841 §9.1, `no-cancel`).
pub(super) fn forbids_cancel(request: &Message) -> bool {
    request
        .list(HeaderName::RequestDisposition)
        .any(|directive| directive.value.eq_ignore_ascii_case(b"no-cancel"))
}
