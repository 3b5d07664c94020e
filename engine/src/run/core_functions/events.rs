//! `raise_event`.

use script::program::{Arg, Name};

use super::{CoreFunction, row};
use crate::module::{Args, Context, Verdict};
use crate::run::NameId;
use crate::run::value::ValueRef;

pub(super) const TABLE: &[CoreFunction] = &[row("raise_event", "(str, [var], [var])", raise)];

/// Names and values of the parameters are those of two `$avp`, newest first; one alone gives values. Any other
/// variable gives the one value it has.
fn raise(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let (names, values) = match (args.has(1), args.has(2)) {
        (_, true) => (Some(1), Some(2)),
        (true, false) => (None, Some(1)),
        (false, false) => (None, None),
    };
    // The attributes are the scene's, which raising does not touch.
    let avps = std::mem::take(&mut cx.scene.avps);
    let all = |at: Option<usize>| -> Vec<ValueRef<'_>> {
        let Some(at) = at.filter(|at| args.has(*at)) else {
            return Vec::new();
        };
        match avp_of(cx, args, at) {
            Some(name) => avps.all(name).collect(),
            None => vec![args.value(at)],
        }
    };
    let (names, values) = (all(names), all(values));
    let params: Vec<_> = values
        .into_iter()
        .enumerate()
        .map(|(at, value)| {
            let name = names.get(at).and_then(|name| name.text());
            (name.unwrap_or_default(), value)
        })
        .collect();
    let is_raised = cx.raise_event(args.str(0), &params);
    cx.scene.avps = avps;
    Verdict::of(is_raised)
}

/// The attribute that an argument names, if it is a plain `$avp(name)`.
fn avp_of(cx: &Context<'_>, args: Args<'_>, at: usize) -> Option<NameId> {
    let Some(Arg::Variable(spec)) = args.written.get(at) else {
        return None;
    };
    let spec = cx.program.program.spec(*spec);
    let is_avp = cx.program.catalog.variable(spec.variable).name == "avp";
    match spec.name {
        Name::Const(id) if is_avp && spec.transforms.is_empty() => cx.program.names.of(id),
        _ => None,
    }
}
