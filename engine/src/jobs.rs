//! Jobs: what one input still has to do after the call that found it out.
//!
//! Nothing in the engine recurses: the proxy core, a transaction or a module that wants a script to
//! run leaves a [`Job`], and `Engine::handle` does jobs until none is left.

use std::collections::VecDeque;

use parser::Message;

use crate::agent::{AgentEvent, AgentId};
use crate::input::{Answer, Ticket};
use crate::limits::JOBS_MAX;
use crate::proxy::{ContextId, TransactionEvent};
use crate::run::{RunId, Scene};

/// One thing to do.
#[derive(Debug)]
pub enum Job {
    /// Run an armed `onreply_route` over this response, then go on with it.
    ReplyRoute {
        /// Whose.
        context: ContextId,
        /// Which branch answered.
        branch: u8,
        /// The response.
        scene: Box<Scene>,
        /// 0: the branch's route, 1: the transaction's.
        step: u8,
    },
    /// Run the armed `failure_route`: every branch has failed.
    FailureRoute {
        /// Whose.
        context: ContextId,
    },
    /// Send branches that were added to a request which no run holds, each after its branch route.
    LateBranches {
        /// Whose.
        context: ContextId,
    },
    /// Run `local_route` over a request of our own before it leaves.
    LocalRoute {
        /// Which.
        agent: AgentId,
        /// The request.
        scene: Box<Scene>,
    },
    /// Tell the modules that watch this transaction.
    Notify(TransactionEvent),
    /// Tell the owner of a request of our own how it went on.
    AgentResponse {
        /// What happened.
        event: AgentEvent,
        /// The response, when a peer sent one.
        response: Option<Message>,
    },
    /// Run the `timer_route` of this number.
    TimerRoute(u16),
    /// Go on with a parked run.
    Resume(Ticket, Answer),
    /// Tell a module, by its slot, that a run which it watches has ended.
    RunEnded {
        /// Who watches.
        module: u16,
        /// Which.
        run: RunId,
    },
}

/// Why a route runs: who takes the scene back when it ends, now or after a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The main route, about a request received.
    #[default]
    Request,
    /// The unnamed `onreply_route`, about a response that is not matched yet.
    AnyReply,
    /// An armed `onreply_route`.
    Reply {
        /// 0: the branch's, 1: the transaction's.
        step: u8,
    },
    /// An armed `failure_route`.
    Failure,
    /// The branch route of a branch that was added later.
    LateBranch,
    /// `local_route`, about this request of ours.
    Local(AgentId),
}

/// The queue. Bounded: what does not fit is dropped and counted by the caller.
#[derive(Debug, Default)]
pub struct Jobs {
    queue: VecDeque<Job>,
}

impl Jobs {
    /// Leaves a job. `false`: the queue is full and the job is gone.
    pub fn push(&mut self, job: Job) -> bool {
        if !self.has_room() {
            return false;
        }
        self.queue.push_back(job);
        true
    }

    /// Whether another would fit.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.len() < JOBS_MAX
    }

    /// The oldest job.
    pub fn pop(&mut self) -> Option<Job> {
        self.queue.pop_front()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Drops what is left to do, after a panic. The runs that have ended stay told of: a module would keep what it
    /// holds for them.
    pub fn clear(&mut self) {
        self.queue.retain(|job| matches!(job, Job::RunEnded { .. }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_drops_keeps_the_ends_of_runs() {
        let mut jobs = Jobs::default();
        jobs.push(Job::TimerRoute(1));
        let (module, run) = (2, RunId(3));
        jobs.push(Job::RunEnded { module, run });
        jobs.push(Job::TimerRoute(4));
        jobs.clear();
        assert!(matches!(
            jobs.pop(),
            Some(Job::RunEnded {
                module: 2,
                run: RunId(3)
            })
        ));
        assert!(jobs.is_empty());
    }
}
