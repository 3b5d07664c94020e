//! `maxfwd`: loop protection by Max-Forwards (RFC 3261 §16.3, step 3).
//!
//! Keeps no state.

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Verdict};

/// The module.
#[derive(Debug)]
pub(crate) struct MaxFwd {
    max_limit: i32,
}

impl Module for MaxFwd {
    const NAME: &'static str = "maxfwd";

    fn new() -> Self {
        MaxFwd { max_limit: 256 }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("max_limit", Kind::Int, Self::set_max_limit);
        exports.function(
            "mf_process_maxfwd_header",
            &[Kind::Int],
            Routes::REQUEST,
            Self::process,
        );
        exports.function(
            "is_maxfwd_lt",
            &[Kind::Int],
            Routes::REQUEST | Routes::FAILURE | Routes::BRANCH,
            Self::is_below,
        );
    }
}

impl MaxFwd {
    fn set_max_limit(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            limit @ 1..=256 => {
                self.max_limit = limit;
                Ok(())
            }
            other => Err(format!("{other} is not between 1 and 256")),
        }
    }

    /// 1: counted down. 2: was missing, added. -1: used up.
    fn process(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let limit = |hops: i32| hops.clamp(0, self.max_limit.min(255)) as u8;
        match cx.message.max_forwards() {
            Some(0) => Verdict::FAIL,
            Some(hops) => {
                cx.draft.set_max_forwards(limit(i32::from(hops) - 1));
                Verdict::OK
            }
            None => {
                cx.draft.set_max_forwards(limit(args.int(0)));
                Verdict::Return(2)
            }
        }
    }

    fn is_below(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match cx.message.max_forwards() {
            Some(hops) => Verdict::of(i32::from(hops) < args.int(0)),
            None => Verdict::FAIL,
        }
    }
}
