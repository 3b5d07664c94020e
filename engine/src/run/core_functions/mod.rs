//! placeholder
use crate::module::{Args, Check, Context, Verdict};
pub(crate) struct CoreFunction {
    pub(crate) name: &'static str,
    pub(crate) signature: &'static str,
    pub(crate) checks: &'static [Option<Check>],
    pub(crate) call: fn(&mut Context<'_>, Args<'_>) -> Verdict,
}
pub(crate) const TABLE: &[CoreFunction] = &[];
