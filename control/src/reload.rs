//! Replacing the script on all shards: `reload_routes`, SIGHUP.
//!
//! The script is compiled on a thread of its own, beside the one that runs; then every shard prepares it, and when
//! all have, every shard swaps. Whatever goes wrong before that leaves the old one everywhere. One reload at a time.

use std::sync::Arc;

use engine::input::Reload;
use script::Program;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::limits::{COMPILE_WITHIN, RELOAD_STEP_WITHIN, SWAPS_MAX};
use crate::link::CommandResult;
use crate::management::rpc::Failure;

/// Where programs come from, and who has to know which one runs.
pub trait Scripts: Send + Sync {
    /// Reads and compiles the script as it is now. Takes as long as reading files and a preprocessor take. The error is
    /// for a person: why there is no new program.
    fn compile(&self) -> Result<Fresh, String>;

    /// This program runs on all shards from now on.
    fn adopt(&self, program: Arc<Program>);
}

/// A script that compiled.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The program.
    pub program: Arc<Program>,
    /// What the operator should know, a line each: warnings, and changes that wait for a restart.
    pub remarks: Vec<String>,
}

/// Who asked: an answer for a command, only the log for a signal.
#[derive(Debug, Default)]
pub(crate) struct Asker(pub(crate) Option<Reply>);

/// Where the answer to a command goes, and its number; without one nobody wants to hear it.
pub(crate) type Reply = (Option<Value>, oneshot::Sender<Option<Vec<u8>>>);

/// What the shards are to be told next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing: some have not answered yet.
    Wait,
    /// This step.
    Step(Reload),
    /// Nothing more: it is over.
    Done(Result<(), Failure>),
}

/// A reload under way.
#[derive(Debug)]
pub(crate) struct Reloading {
    pub(crate) began: Instant,
    pub(crate) asker: Asker,
    stage: Stage,
    /// How often the shards were told to prepare.
    rounds: u32,
    /// Tells the answers of this reload from those of an earlier one.
    pub(crate) number: u32,
}

#[derive(Debug)]
enum Stage {
    Compiling,
    Preparing {
        fresh: Fresh,
        missing: usize,
        refused: Option<String>,
        deadline: Instant,
    },
    Swapping {
        fresh: Fresh,
        missing: usize,
        failed: Option<String>,
        deadline: Instant,
    },
}

/// What a reload that changed nothing is answered with.
pub(crate) fn refusal(why: impl Into<String>) -> Failure {
    Failure {
        code: 500,
        message: "Reload failed, the old script goes on".to_owned(),
        data: Some(Value::String(why.into())),
    }
}

impl Reloading {
    pub(crate) fn new(number: u32, asker: Asker) -> Reloading {
        Reloading {
            began: Instant::now(),
            asker,
            stage: Stage::Compiling,
            rounds: 0,
            number,
        }
    }

    /// All shards are told to prepare this program.
    fn prepare(&mut self, fresh: Fresh, shards: usize) -> Next {
        let program = fresh.program.clone();
        self.rounds += 1;
        self.stage = Stage::Preparing {
            fresh,
            missing: shards,
            refused: None,
            deadline: Instant::now() + RELOAD_STEP_WITHIN,
        };
        Next::Step(Reload::Prepare(program))
    }

    /// The script has been compiled, or not.
    pub(crate) fn compiled(&mut self, result: Result<Fresh, String>, shards: usize) -> Next {
        match result {
            Err(why) => Next::Done(Err(refusal(why))),
            Ok(fresh) => self.prepare(fresh, shards),
        }
    }

    /// A shard has answered the step under way.
    pub(crate) fn answered(&mut self, result: CommandResult, shards: usize) -> Next {
        let why = result
            .err()
            .map(|(_, why)| String::from_utf8_lossy(&why).into_owned());
        match &mut self.stage {
            Stage::Compiling => return Next::Wait,
            Stage::Preparing {
                missing, refused, ..
            } => {
                *refused = refused.take().or(why);
                *missing = missing.saturating_sub(1);
                if *missing > 0 {
                    return Next::Wait;
                }
            }
            Stage::Swapping {
                missing, failed, ..
            } => {
                *failed = failed.take().or(why);
                *missing = missing.saturating_sub(1);
                if *missing > 0 {
                    return Next::Wait;
                }
                let Some(why) = failed.take() else {
                    return Next::Done(Ok(()));
                };
                if self.rounds >= SWAPS_MAX {
                    return Next::Done(Err(half(&why)));
                }
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Compiling) {
            // A shard had prepared and was started anew in between, perhaps with the old program: once more for all.
            Stage::Swapping { fresh, .. } => self.prepare(fresh, shards),
            Stage::Preparing {
                refused: Some(why), ..
            } => Next::Done(Err(refusal(why))),
            Stage::Preparing { fresh, .. } => {
                self.stage = Stage::Swapping {
                    fresh,
                    missing: shards,
                    failed: None,
                    deadline: Instant::now() + RELOAD_STEP_WITHIN,
                };
                Next::Step(Reload::Swap)
            }
            Stage::Compiling => Next::Wait,
        }
    }

    /// When the step under way has taken too long.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.stage {
            Stage::Compiling => self.began + COMPILE_WITHIN,
            Stage::Preparing { deadline, .. } | Stage::Swapping { deadline, .. } => *deadline,
        }
    }

    /// The step under way has taken too long.
    pub(crate) fn late(&self) -> Failure {
        match &self.stage {
            Stage::Swapping { .. } => half("a shard does not answer"),
            Stage::Compiling => refusal(
                "the script or its preprocessor could not be read in time; what is read may be no file, or far away",
            ),
            Stage::Preparing { .. } => refusal("a shard does not answer"),
        }
    }

    /// The program that the shards swap to, once they do.
    pub(crate) fn swapping(&self) -> Option<&Fresh> {
        match &self.stage {
            Stage::Swapping { fresh, .. } => Some(fresh),
            _ => None,
        }
    }
}

fn half(why: &str) -> Failure {
    Failure {
        code: 500,
        message: "Reload did not reach every shard; try again".to_owned(),
        data: Some(Value::String(why.to_owned())),
    }
}
