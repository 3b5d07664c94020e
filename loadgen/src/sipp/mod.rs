//! SIPp scenario files: users' own calls, written in XML.
//!
//! `xml` reads the file, `compile` makes a [`program`] of it once, `call` walks calls through it. What stays outside:
//! sockets, threads and the schedule, which are those of every other run (`crate::load::sipp`). The format is that of
//! SIPp's documentation; `docs/sipp-scenarios.md` says what of it is here.
//!
//! Sans I/O as the phones are, so that a call can be tested on a clock that is not real. Owned by the thread: each has
//! its own calls, global variables and users, and its own account, added up at the end.

pub(crate) mod builtin;
pub(crate) mod call;
mod chance;
pub(crate) mod compile;
pub(crate) mod diagnostic;
pub(crate) mod injection;
mod limits;
#[cfg(test)]
mod listing;
mod message;
pub(crate) mod program;
pub(crate) mod tally;
mod value;
mod xml;

#[cfg(test)]
mod tests;
