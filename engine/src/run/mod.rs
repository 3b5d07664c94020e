//! The script machine: executes a program's operations for one message after the other.
//!
//! A run that never waits is a plain function call and allocates nothing: runs, scenes and the text of values
//! are pooled. Any function or variable may wait; then the run parks and does the same operation again when the
//! answer is there. What functions do is not here but in `core_functions` and the modules; what happens by default
//! when a route ends is the business of whoever began the run.
//!
//! Way in: [`begin`], [`execute`], [`resume`].

mod avps;
mod calls;
mod conditions;
mod contexts;
pub(crate) mod core_functions;
mod evaluate;
mod events;
mod execute;
mod flags;
mod frame;
mod kept;
mod launch;
mod linked;
mod log;
mod machine;
mod names;
mod observer;
mod operators;
mod parked;
mod patterns;
mod relay;
mod scene;
pub(crate) mod transformations;
mod value;
mod values;
pub(crate) mod variables;
mod vars;
mod watch;

pub use avps::{Avps, Full};
pub(crate) use events::Event;
pub use events::Events;
pub(crate) use execute::Hands;
pub use flags::FlagNames;
pub(crate) use frame::Params;
pub use frame::{End, Ended, ErrorInfo, Run, RunId, RunState};
pub use linked::Linked;
pub(crate) use machine::execute_event;
pub(crate) use machine::park_command;
pub use machine::{Machine, begin, begin_dummy, execute, on_deadline, resume};
pub use names::{NameId, Names};
pub use observer::Observer;
pub use parked::{Parked, is_run_ticket};
pub use scene::{Attached, Hooks, Scene};
pub use value::{Reading, ValueRef, write_int};
pub(crate) use value::{Store, Value};
pub(crate) use watch::{Stopwatch, Trace};

#[cfg(test)]
mod tests;
