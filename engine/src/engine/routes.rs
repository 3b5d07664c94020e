//! Running routes, and the jobs that are left after them.
//!
//! Whoever began a run wants its scene back when it ends, now or after a wait: its [`Purpose`]
//! stands in the scene and says who.

use parser::{Frame, Message};
use script::RouteKind;
use script::program::RouteId;

use super::Engine;
use crate::agent;
use crate::input::{Answer, Ticket};
use crate::jobs::{Job, Purpose};
use crate::limits::{EVENTS_PER_INPUT_MAX, JOBS_PER_INPUT_MAX};
use crate::module;
use crate::outbox::Outbox;
use crate::proxy::{self, ContextId, TransactionEventKind};
use crate::run::{self, End, Ended, Scene};
use crate::statistics::Counter;

/// What a scene holds when its message has gone elsewhere.
fn blank() -> Message {
    match Message::parse(Frame::copy_of(b"SIP/2.0 100 Blank\r\n\r\n")) {
        Ok(message) => message,
        Err(rejected) => rejected.message,
    }
}

impl Engine {
    /// Runs a top route over a scene, as far as it goes.
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each thing a run has to know"
    )]
    pub(super) fn run(
        &mut self,
        kind: RouteKind,
        route: RouteId,
        mut scene: Box<Scene>,
        context: Option<ContextId>,
        branch: Option<u8>,
        purpose: Purpose,
        outbox: &mut Outbox,
    ) {
        scene.proxy.purpose = purpose;
        let run = run::begin(&mut self.core, kind, scene, context, branch);
        let ended = run::execute(
            run,
            route,
            &mut self.core,
            &mut self.modules,
            &self.linked,
            outbox,
        );
        self.finish(ended, outbox);
    }

    /// Runs a route that is about no message.
    pub(super) fn run_apart(&mut self, kind: RouteKind, route: RouteId, outbox: &mut Outbox) {
        let run = run::begin_dummy(&mut self.core, kind);
        let ended = run::execute(
            run,
            route,
            &mut self.core,
            &mut self.modules,
            &self.linked,
            outbox,
        );
        self.finish(ended, outbox);
    }

    /// Goes on with a parked run.
    pub(super) fn resume(&mut self, ticket: Ticket, answer: Answer, outbox: &mut Outbox) {
        match run::resume(ticket, answer, &mut self.core, &mut self.modules, outbox) {
            Some(ended) => self.finish(ended, outbox),
            None => self.core.statistics.count(Counter::LateAnswers),
        }
    }

    /// A run has ended, or waits. Does what its kind of route does by default.
    pub(super) fn finish(&mut self, ended: Ended, outbox: &mut Outbox) {
        let Ended::Finished(run, end) = ended else {
            return;
        };
        let (context, branch) = (run.state.context, run.state.branch);
        if run.state.is_dummy {
            self.core.machine.end_dummy(run);
            return;
        }
        let scene = self.core.machine.end(run);
        let core = &mut self.core;
        match (scene.proxy.purpose, context, branch) {
            (Purpose::Request, context, _) => {
                proxy::request_run_ended(core, scene, context, outbox)
            }
            (Purpose::AnyReply, ..) => self.any_reply_ended(scene, end, outbox),
            (Purpose::Reply { step }, Some(context), Some(branch)) => {
                proxy::reply_route_ended(
                    core,
                    scene,
                    context,
                    branch,
                    step,
                    end == End::Drop,
                    outbox,
                );
            }
            (Purpose::Failure, Some(context), _) => {
                proxy::failure_route_ended(core, scene, context, end, outbox)
            }
            (Purpose::LateBranch, Some(context), Some(branch)) => {
                let dropped = end == End::Drop;
                proxy::late_branch_ended(core, scene, context, branch, dropped, outbox)
            }
            (Purpose::Local(agent), ..) => {
                agent::local_route_ended(core, scene, agent, end == End::Drop, outbox)
            }
            (Purpose::Reply { .. } | Purpose::Failure | Purpose::LateBranch, ..) => {
                debug_assert!(false, "such a run has a context");
                core.machine.give_scene(scene);
            }
        }
    }

    fn any_reply_ended(&mut self, mut scene: Box<Scene>, end: End, outbox: &mut Outbox) {
        // What the route changed goes with the response to whoever it belongs to.
        std::mem::swap(&mut self.core.reply_draft, &mut scene.draft);
        let flow = scene.flow;
        let response = std::mem::replace(&mut scene.message, blank());
        self.core.machine.give_scene(scene);
        if end == End::Drop && response.status().is_some_and(|status| status < 200) {
            self.core.statistics.count(Counter::ResponsesDropped);
        } else {
            self.deliver_response(response, flow, outbox);
        }
        self.core.reply_draft.clear();
    }

    /// Does what is left to do, until nothing is.
    pub(super) fn do_jobs(&mut self, outbox: &mut Outbox) {
        let mut events = EVENTS_PER_INPUT_MAX;
        for _ in 0..JOBS_PER_INPUT_MAX {
            if let Some(job) = self.core.jobs.pop() {
                self.do_job(job, outbox);
            } else if events > 0 && !self.core.machine.events.is_empty() {
                events -= 1;
                self.hear(outbox);
            } else {
                return;
            }
        }
        debug_assert!(false, "jobs make jobs for ever");
        self.core.statistics.count(Counter::BoundsReached);
        self.core.jobs.clear();
    }

    /// Runs the route of the event raised first.
    fn hear(&mut self, outbox: &mut Outbox) {
        let Some(event) = self.core.machine.events.pop() else {
            return;
        };
        // A reload may have taken it away meanwhile.
        let Some(route) = self.linked.hook(RouteKind::Event, event.name) else {
            return;
        };
        let ended = run::execute_event(
            event,
            route,
            &mut self.core,
            &mut self.modules,
            &self.linked,
            outbox,
        );
        self.finish(ended, outbox);
    }

    fn do_job(&mut self, job: Job, outbox: &mut Outbox) {
        let core = &mut self.core;
        match job {
            Job::ReplyRoute {
                context,
                branch,
                scene,
                step,
            } => {
                core.in_hand.context = Some(context);
                let hook = proxy::reply_hook(core, context, branch, step);
                match hook.and_then(|name| self.linked.hook(RouteKind::Reply, name)) {
                    Some(route) => {
                        let purpose = Purpose::Reply { step };
                        self.run(
                            RouteKind::Reply,
                            route,
                            scene,
                            Some(context),
                            Some(branch),
                            purpose,
                            outbox,
                        );
                    }
                    None => {
                        proxy::reply_route_ended(core, scene, context, branch, step, false, outbox)
                    }
                }
            }
            Job::FailureRoute { context } => {
                core.in_hand.context = Some(context);
                let Some((scene, name)) = proxy::begin_failure_route(core, context) else {
                    return;
                };
                match self.linked.hook(RouteKind::Failure, name) {
                    Some(route) => {
                        self.run(
                            RouteKind::Failure,
                            route,
                            scene,
                            Some(context),
                            None,
                            Purpose::Failure,
                            outbox,
                        );
                    }
                    None => proxy::failure_route_ended(core, scene, context, End::Route, outbox),
                }
            }
            Job::LateBranches { context } => {
                core.in_hand.context = Some(context);
                let Some((scene, branch)) = proxy::begin_late_branch(core, context) else {
                    return;
                };
                let hook = scene.hooks.on_branch;
                match hook.and_then(|name| self.linked.hook(RouteKind::Branch, name)) {
                    Some(route) => self.run(
                        RouteKind::Branch,
                        route,
                        scene,
                        Some(context),
                        Some(branch),
                        Purpose::LateBranch,
                        outbox,
                    ),
                    None => proxy::late_branch_ended(core, scene, context, branch, false, outbox),
                }
            }
            Job::LocalRoute { agent, scene } => match self.routes.local {
                Some(route) => self.run(
                    RouteKind::Local,
                    route,
                    scene,
                    None,
                    None,
                    Purpose::Local(agent),
                    outbox,
                ),
                None => agent::local_route_ended(core, scene, agent, false, outbox),
            },
            Job::Notify(event) => {
                core.in_hand.context = Some(event.context);
                module::on_transaction(core, &mut self.modules, &self.linked, outbox, &event);
                match event.kind {
                    TransactionEventKind::Ended => proxy::forget(&mut self.core, event.context),
                    // The last that needs the request in hand.
                    TransactionEventKind::ReplySent { code: 200.., .. } => {
                        proxy::settle(&mut self.core, event.context)
                    }
                    _ => {}
                }
            }
            Job::AgentResponse { event, response } => {
                module::on_response(
                    core,
                    &mut self.modules,
                    &self.linked,
                    outbox,
                    &event,
                    response.as_ref(),
                );
            }
            Job::TimerRoute(at) => {
                if let Some(route) = self.timer_routes.route(at) {
                    self.run_apart(RouteKind::Timer, route, outbox);
                }
            }
            Job::Resume(ticket, answer) => self.resume(ticket, answer, outbox),
            Job::RunEnded { module, run } => {
                module::on_run_ended(core, &mut self.modules, &self.linked, outbox, module, run);
            }
        }
    }
}
