//! `script`: turns a routing script into a program.
//!
//! Bytes of a configuration file go in, a [`Program`] comes out: flat operations, the tables they point into, the
//! global parameters and the module parameters. What goes wrong comes out as [`Diagnostics`], several per run. The
//! crate reads no files (a [`Loader`] does) and knows no SIP state: which functions, variables and modules exist is
//! told by an [`Offer`], which fills a [`Catalog`].
//!
//! The way in is [`compile`]; the language is the one of `opensips.cfg`, dialects 3.4 to 4.0.

mod ast;
pub mod catalog;
mod check;
mod compile;
pub mod diagnostics;
pub mod evaluate;
pub mod globals;
pub mod known;
mod lex;
pub mod limits;
mod listing;
pub mod loader;
mod lower;
pub mod ops;
mod parse;
pub mod posix;
mod preprocess;
pub mod program;
mod report;
pub mod signature;
mod source;
pub mod standard;
pub mod survey;
mod text;
mod variable;

pub use catalog::{
    Access, ArgKind, ArgSpec, Catalog, Function, FunctionId, Param, ParamId, ParamKind, Prologue,
    RouteKind, RouteKinds, SubName, TransformId, Transformation, Variable, VariableId,
};
pub use compile::{Compiled, Effect, Offer, Options, compile, examine};
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use loader::{InMemory, Loader};
pub use ops::{Op, OpId};
pub use program::Program;
pub use survey::Survey;
