//! `tandem tune`: what this machine offers, what a profile wants of it, and how to bring them together.
//!
//! `machine` reads facts from `/proc` and `/sys` (or from a copy of them: `--root`), `settings` are the files that can be
//! written, each with what it should hold, `check` compares, `apply` writes and undoes, `suggest` writes a profile. What
//! profiles are is in `shards`.

mod apply;
mod check;
mod finding;
mod machine;
mod settings;
mod suggest;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use apply::{Applied, Order, apply, undo};
pub(crate) use check::check;
pub(crate) use finding::{Grade, as_json, as_text};
pub(crate) use machine::{Machine, Root, cpu_quota, fitting};
pub(crate) use suggest::suggest;

/// Where `apply` keeps what was before, below the directory of an installation's state.
pub(crate) const UNDO_FILE: &str = "tune-undo.json";
