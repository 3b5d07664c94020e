//! Branches that come late: a transaction waits for them (`t_wait_for_new_branches`), a route adds them
//! (`t_inject_branches`).
//!
//! Who waits has a branch of its own that is never sent: it is open as any other, so that nothing is decided while
//! more may come. `fr_inv_timeout` ends it, a 2xx, a CANCEL, or the last branch it waited for.
//!
//! What is added from a route that holds the request is sent by that run, as a relay is. From a reply route it
//! becomes a job: the branch route runs over the request, which the reply's run does not have.

use super::branch::{BranchState, Queued};
use super::context::ResponseContext;
use super::view::{enter_branch, leave_injected};
use super::{
    ContextId, RelayError, TargetParts, TransactionEventKind, cancel, ending, relay, runs, send,
};
use crate::core::Core;
use crate::jobs::Job;
use crate::module::{Context, Verdict};
use crate::outbox::Outbox;
use crate::run::Scene;
use crate::statistics::Counter;
use crate::timer::{Timer, TimerId};

/// How long a transaction waits for further branches.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its branch that is never sent.
    branch: u8,
    /// How many more it waits for; `None`: as many as come.
    left: Option<u32>,
    timer: TimerId,
}

/// What else an injection does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Injection {
    /// The branches that are under way are cancelled before.
    pub cancel: bool,
    /// Nothing more is waited for after these.
    pub last: bool,
}

impl Context<'_> {
    /// The transaction goes on waiting when its branches have failed (`t_wait_for_new_branches`), for `max` more of
    /// them at the most. False: there is no transaction, it is answered, or it has no place for another branch.
    pub fn wait_for_branches(&mut self, max: Option<u32>) -> bool {
        let ms = self.timeouts().1.unwrap_or(self.core.tm.fr_inv_ms);
        let Some(id) = self.run.context else {
            return false;
        };
        let core = &mut *self.core;
        let due = core.now.mono_ms() + u64::from(ms);
        let Some(context) = core.contexts.get_mut(id) else {
            return false;
        };
        if context.is_answered() || context.cancelled {
            return false;
        }
        if let Some(waiting) = &mut context.waiting {
            waiting.left = max;
            core.wheel
                .reset(&mut waiting.timer, due, Timer::LateBranches, id.slot);
            return true;
        }
        let Some(branch) = context.add_branch(&TargetParts::default()) else {
            return false;
        };
        if let Some(own) = context.branch_mut(branch) {
            own.state = BranchState::Waiting;
            own.is_placeholder = true;
        }
        self.scene.targets.remember_relayed(usize::from(branch), 0);
        context.waiting = Some(Waiting {
            branch,
            left: max,
            timer: core.wheel.set(due, Timer::LateBranches, id.slot),
        });
        true
    }

    /// Nothing more is waited for (`t_wait_no_more_branches`).
    pub fn wait_no_more(&mut self) -> bool {
        let context = self
            .run
            .context
            .and_then(|id| self.core.contexts.get_mut(id));
        match context {
            Some(context) if context.waiting.is_some() => {
                stop_waiting(context);
                true
            }
            _ => false,
        }
    }

    /// Adds branches to the transaction and has them sent: `targets`, or what the message in hand has for targets.
    /// What is under way goes on.
    pub fn inject_branches(
        &mut self,
        targets: Option<&[TargetParts<'_>]>,
        injection: Injection,
    ) -> Verdict {
        let is_request = self.message.is_request();
        let Some(mut context) = self.run.context.and_then(|id| self.core.contexts.take(id)) else {
            return Verdict::FAIL;
        };
        let is_declined = relay::is_declined(&self.core.proxy.settings, &context);
        if context.is_answered() || context.cancelled || context.failing || is_declined {
            self.core.contexts.put(context);
            return Verdict::Return(RelayError::NoDestination.value());
        }
        if !is_request && !self.core.jobs.has_room() {
            // Nobody would send them. What waits goes on waiting, with its timer.
            self.core.statistics.count(Counter::BoundsReached);
            self.core.contexts.put(context);
            return Verdict::FAIL;
        }
        if injection.cancel {
            cancel::under_way(self.core, &mut context, self.outbox);
        }
        context.previous_round = context.round;
        context.fresh = context.branches().len();
        let own = &self.scene.targets;
        let from_message = (0..own.len()).filter_map(|at| own.get(at));
        // A reply has no Request-URI; only what its route added is a target.
        let from_message = from_message.filter(|target| is_request || !target.uri.is_empty());
        match targets {
            Some(targets) => {
                for target in targets {
                    context.add_branch(target);
                }
            }
            None => {
                for target in from_message {
                    context.add_branch(&target);
                }
            }
        }
        let fresh = context.fresh;
        let added = (context.branches().len() - fresh) as u32;
        if let Some(waiting) = &mut context.waiting {
            waiting.left = waiting.left.map(|left| left.saturating_sub(added));
            if injection.last || waiting.left == Some(0) {
                stop_waiting(&mut context);
            }
        }
        // A failure route sees what each was made of.
        let mut held = context.scene.take();
        let request = match (is_request, &mut held) {
            (true, _) => Some(&mut *self.scene),
            (false, held) => held.as_mut().map(|request| &mut request.attached),
        };
        if let Some(request) = request {
            for (branch, at) in context.branches_mut().iter_mut().zip(0..).skip(fresh) {
                branch.rewrite.copy_from(&request.proxy.rewrite);
                request.targets.remember_parts(at, &branch.target());
            }
        }
        context.scene = held;
        if is_request {
            self.scene.targets.truncate();
        }
        let id = context.id;
        self.core.contexts.put(context);
        if added == 0 {
            return Verdict::Return(RelayError::NoDestination.value());
        }
        if is_request {
            return Verdict::Relay;
        }
        self.scene.targets.clear();
        Verdict::of(self.core.jobs.push(Job::LateBranches { context: id }))
    }
}

/// Nobody will send those that were added: they do not count.
pub(super) fn drop_pending(context: &mut ResponseContext) {
    for branch in context.branches_mut() {
        if branch.state == BranchState::Pending {
            branch.state = BranchState::Discarded;
        }
    }
}

/// Ends the branch that stands for those to come. It counts only when there is no other.
fn stop_waiting(context: &mut ResponseContext) {
    let Some(own) = context.waiting.as_ref().map(|waiting| waiting.branch) else {
        return;
    };
    let has_others = context
        .branches()
        .iter()
        .any(|branch| !branch.is_placeholder && branch.state != BranchState::Discarded);
    if let Some(branch) = context
        .branch_mut(own)
        .filter(|branch| branch.state == BranchState::Waiting)
    {
        branch.local = true;
        branch.code = 408;
        branch.state = if has_others {
            BranchState::Discarded
        } else {
            BranchState::Completed
        };
    }
}

/// Whoever waits no more needs no timer.
pub(super) fn tidy(core: &mut Core, context: &mut ResponseContext) {
    let is_over = context.waiting.as_ref().is_some_and(|waiting| {
        let own = context.branch(waiting.branch);
        own.is_none_or(|own| own.state != BranchState::Waiting)
    });
    if is_over {
        forget(core, context);
    }
}

/// The same for a context that goes, whatever it waits for.
pub(super) fn forget(core: &mut Core, context: &mut ResponseContext) {
    if let Some(mut waiting) = context.waiting.take() {
        core.wheel.cancel(&mut waiting.timer);
    }
}

/// A transaction has waited long enough.
pub fn on_waited(core: &mut Core, slot: u32, timer: TimerId, outbox: &mut Outbox) {
    let found = core.contexts.at_mut(slot).and_then(|context| {
        let waiting = context.waiting.as_mut().filter(|it| it.timer == timer)?;
        waiting.timer = TimerId::NONE;
        Some((context.id, waiting.branch))
    });
    match found {
        Some((context, branch)) => super::on_client_timeout(core, context, branch, None, outbox),
        None => debug_assert!(false, "a timer fires for whoever holds it"),
    }
}

/// Takes the request and shows the next branch that was added. `None`: a run has it, or none is left.
pub fn begin_late_branch(core: &mut Core, id: ContextId) -> Option<(Box<Scene>, u8)> {
    let mut context = core.contexts.take(id)?;
    if context.is_held() || context.failing {
        runs::queue(core, &mut context, Queued::LateBranches);
        core.contexts.put(context);
        return None;
    }
    let next = context.next_pending();
    let scene = next.and_then(|_| context.scene.take());
    core.contexts.put(context);
    let (mut scene, branch) = (scene?, next?);
    enter_branch(core, &mut scene, id, branch);
    super::view::keep_draft(core, &scene, id);
    Some((scene, branch))
}

/// A late branch's route has ended, or it has none: it is sent. What it means when nothing more is to be sent is judged
/// as the end of any run.
pub fn late_branch_ended(
    core: &mut Core,
    mut scene: Box<Scene>,
    id: ContextId,
    branch: u8,
    dropped: bool,
    outbox: &mut Outbox,
) {
    send::send_branch(core, &mut scene, id, branch, dropped, outbox);
    let Some(mut context) = core.contexts.take(id) else {
        return core.machine.give_scene(scene);
    };
    leave_injected(&mut context, &mut scene);
    context.scene = Some(scene);
    if context.next_pending().is_some() {
        if core.jobs.push(Job::LateBranches { context: id }) {
            return core.contexts.put(context);
        }
        core.statistics.count(Counter::BoundsReached);
        drop_pending(&mut context);
    }
    ending::notify(core, &context, TransactionEventKind::Relayed);
    runs::after_run(core, context, outbox);
}
