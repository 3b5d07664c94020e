//! Functions of the core: script-language §10. One file a family.
//!
//! What OpenSIPS has and is not in a table here is a load error that names it.

mod blacklists;
mod branches;
mod destination;
mod events;
mod flags;
mod request_uri;
mod sending;
mod values;

use crate::module::{Args, Check, Context, Verdict};

/// A function of the core.
pub(crate) struct CoreFunction {
    pub(crate) name: &'static str,
    /// As `script::signature` reads it.
    pub(crate) signature: &'static str,
    /// What else a literal argument must be, by its place.
    pub(crate) checks: &'static [Option<Check>],
    pub(crate) call: fn(&mut Context<'_>, Args<'_>) -> Verdict,
}

/// All of them, in the order of the catalog.
pub(crate) fn table() -> impl Iterator<Item = &'static CoreFunction> {
    let families: [&'static [CoreFunction]; 8] = [
        flags::TABLE,
        request_uri::TABLE,
        destination::TABLE,
        branches::TABLE,
        sending::TABLE,
        blacklists::TABLE,
        values::TABLE,
        events::TABLE,
    ];
    families.into_iter().flatten()
}

const fn row(
    name: &'static str,
    signature: &'static str,
    call: fn(&mut Context<'_>, Args<'_>) -> Verdict,
) -> CoreFunction {
    CoreFunction {
        name,
        signature,
        checks: &[],
        call,
    }
}

const fn checked(
    name: &'static str,
    signature: &'static str,
    checks: &'static [Option<Check>],
    call: fn(&mut Context<'_>, Args<'_>) -> Verdict,
) -> CoreFunction {
    CoreFunction {
        name,
        signature,
        checks,
        call,
    }
}
