//! The script machine: executes a program's operations for one message after the other.
//!
//! A run that never waits is a plain function call and allocates nothing: runs, scenes and the text of values
//! are pooled. Any function or variable may wait; then the run parks and does the same operation again when the
//! answer is there. What functions do is not here but in `core_functions` and the modules; what happens by default
//! when a route ends is the business of whoever began the run.
//!
//! Way in: [`begin`], [`execute`], [`resume`].

mod avps;
mod frame;
mod limits;
mod linked;
mod machine;
mod names;
mod parked;
mod scene;
mod value;
mod vars;

pub use avps::{Avps, Full};
pub use frame::{End, Ended, ErrorInfo, Run, RunState};
pub use linked::Linked;
pub use machine::{Machine, begin, execute, resume};
pub use names::{NameId, Names};
pub use parked::{Parked, is_run_ticket};
pub use scene::{Attached, Hooks, Scene};
pub(crate) use value::Value;
pub use value::{Reading, ValueRef, write_int};
