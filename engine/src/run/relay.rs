//! Sending branches from inside a run: RFC 3261 §16.6 with a branch route before each.
//!
//! The proxy core prepared the branches; for each, the run's scene shows that branch, the branch route runs as a frame
//! of the same run, and the branch is sent or dropped. The call that relayed yields when all are gone.

use parser::Method;
use script::RouteKind;

use super::calls;
use super::execute::{Hands, Step, enter, finish_call, pop_frame};
use super::frame::{End, Relaying, Run};
use crate::proxy;

/// The call returned `Relay`: goes on with the first branch.
pub(super) fn begin(run: &mut Run, hands: &mut Hands<'_>) -> Step {
    let Run {
        scene,
        state,
        inner,
    } = run;
    inner.draft.copy_from(&scene.draft);
    inner.relay = Some(Relaying {
        kind: state.kind,
        branch: state.branch,
        frames: state.frames.len(),
        at: state.at,
    });
    next(run, hands)
}

/// A route has stopped. `None` if it was not a branch's: then the run is over.
pub(super) fn branch_route_ended(run: &mut Run, end: End, hands: &mut Hands<'_>) -> Option<Step> {
    let relay = run.inner.relay?;
    if run.state.frames.len() <= relay.frames {
        return None;
    }
    while run.state.frames.len() > relay.frames {
        pop_frame(run);
    }
    send(run, end == End::Drop, hands);
    Some(next(run, hands))
}

/// Goes into the next branch's route; sends branches that have none; finishes the call after the last.
fn next(run: &mut Run, hands: &mut Hands<'_>) -> Step {
    let Some(context) = run.state.context else {
        return finish(run, -1, hands);
    };
    while let Some(branch) = proxy::next_branch(hands.core, context) {
        run.state.kind = RouteKind::Branch;
        run.state.branch = Some(branch);
        proxy::enter_branch(hands.core, &mut run.scene, context, branch);
        let hook = run
            .scene
            .hooks
            .on_branch
            .and_then(|name| hands.linked.hook(RouteKind::Branch, name));
        if let Some(route) = hook {
            let back = run.state.at;
            enter(run, &hands.linked.program, route, back);
            return Step::Jump(run.inner.pc);
        }
        send(run, false, hands);
    }
    let value = proxy::branches_done(hands.core, &mut run.scene, context, hands.outbox);
    finish(run, value, hands)
}

/// Sends the branch in view or drops it, and shows the request as it is for all again.
fn send(run: &mut Run, is_dropped: bool, hands: &mut Hands<'_>) {
    let (Some(context), Some(branch)) = (run.state.context, run.state.branch) else {
        return;
    };
    proxy::send_branch(
        hands.core,
        &mut run.scene,
        context,
        branch,
        is_dropped,
        hands.outbox,
    );
    run.scene.draft.copy_from(&run.inner.draft);
}

fn finish(run: &mut Run, value: i32, hands: &mut Hands<'_>) -> Step {
    if let Some(relay) = run.inner.relay.take() {
        run.state.kind = relay.kind;
        run.state.branch = relay.branch;
        run.state.at = relay.at;
    }
    run.inner.draft.clear();
    let done = calls::relayed(run, value, hands);
    finish_call(done, run, hands)
}

/// Makes the transaction that an `async` works in. False: a table is full, and the request has been answered so.
/// What has no transaction by nature (an ACK, a request of ours, what is about no message) does without.
pub(super) fn has_transaction(run: &mut Run, hands: &mut Hands<'_>) -> bool {
    before_park(run, hands);
    let refused = run.scene.proxy.refused;
    run.state.context.is_some() || !refused
}

/// Before its first wait, a request becomes a server transaction: retransmissions are absorbed, a CANCEL finds it.
/// An ACK never makes one.
pub(super) fn before_park(run: &mut Run, hands: &mut Hands<'_>) {
    let is_request = run.state.kind == RouteKind::Request;
    if is_request
        && run.state.context.is_none()
        && run.scene.message.method() != Method::Ack
        && !run.state.is_dummy
        && !run.state.is_broken
    {
        proxy::before_park(hands.core, run, hands.outbox);
    }
}
