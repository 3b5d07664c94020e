//! What a tool may see of a shard's runs: how often each operation was executed, and the values at the end of each
//! run. A server has none; a run then pays one test of a pointer an operation.

use std::sync::Arc;

use script::program::RouteId;
use script::{OpId, Program, RouteKind};

use super::execute::{Hands, enter, go};
use super::frame::{End, Ended, Run};

/// Sees every run of a shard.
#[derive(Debug)]
pub struct Observer {
    /// How often each operation of the program was executed.
    pub hits: Vec<u32>,
    /// A route that is run at the end of every other one, with the same message and the same values.
    epilogue: Option<RouteId>,
}

impl Observer {
    /// Nothing seen yet. `epilogue` names a `route` of the program.
    #[must_use]
    pub fn new(program: &Arc<Program>, epilogue: &[u8]) -> Observer {
        Observer {
            hits: vec![0; program.ops.len()],
            epilogue: program
                .route(RouteKind::Request, epilogue)
                .filter(|_| !epilogue.is_empty()),
        }
    }

    #[inline]
    pub(super) fn hit(&mut self, at: OpId) {
        // After a reload the operations are others; a tool that counts them makes a new engine.
        if let Some(hits) = self.hits.get_mut(at.0 as usize) {
            *hits = hits.saturating_add(1);
        }
    }
}

/// A run is over: the epilogue, if somebody observes. How the run ended stays as it was.
pub(super) fn run_ended(run: Run, end: End, hands: &mut Hands<'_>) -> Ended {
    let observer = hands.core.machine.observer.as_ref();
    let Some(route) = observer.and_then(|observer| observer.epilogue) else {
        return Ended::Finished(run, end);
    };
    let mut run = run;
    let rc = run.state.rc;
    run.inner.clear();
    run.state.frames.clear();
    run.state.params.clear();
    enter(&mut run, &hands.linked.program, route, OpId(0));
    match go(run, hands) {
        Ended::Finished(mut run, _) => {
            run.state.rc = rc;
            Ended::Finished(run, end)
        }
        waits @ Ended::Waits(_) => waits,
    }
}
