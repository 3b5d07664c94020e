//! `re`: substitution by regular expression. The expression and the replacement were prepared at load.

use script::Program;
use script::program::{ReplacementPart, Substitution};

use super::{Arg, Outcome, Transformation};
use crate::limits::RUN_TEXT_MAX;
use crate::run::linked::literal;
use crate::run::value::{Digits, Value};

pub(super) const TABLE: &[Transformation] = &[Transformation {
    class: "re",
    name: "subst",
    args: &[Arg::Substitution],
    // The machine calls `substitute`, which needs what was prepared.
    apply: |_, _, _| Outcome::Null,
}];

/// Replaces the first match, or every one. `values` are the variables of the replacement, their text in `arena`.
pub(crate) fn substitute(
    program: &Program,
    substitution: &Substitution,
    text: &[u8],
    values: &[Value],
    arena: &[u8],
    out: &mut Vec<u8>,
) -> Outcome {
    let regex = &program.regexes[substitution.regex.0 as usize].regex;
    let mut at = 0;
    let mut is_found = false;
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { break };
        out.extend_from_slice(&text[at..whole.start()]);
        at = whole.end();
        is_found = true;
        let mut values = values.iter();
        for part in &substitution.replacement {
            match part {
                ReplacementPart::Text(id) => out.extend_from_slice(literal(program, *id)),
                ReplacementPart::Group(n) => {
                    out.extend_from_slice(
                        found
                            .get(usize::from(*n))
                            .map_or(b"", |group| group.as_bytes()),
                    );
                }
                ReplacementPart::Operand => {
                    let mut digits = Digits::default();
                    let value = values.next().copied().unwrap_or_default();
                    out.extend_from_slice(value.bytes(arena, &mut digits).unwrap_or_default());
                }
            }
        }
        if !substitution.global {
            break;
        }
        // A match a byte, and a value for each.
        if out.len() > RUN_TEXT_MAX {
            return Outcome::Null;
        }
    }
    if !is_found {
        return Outcome::Part(0..text.len());
    }
    out.extend_from_slice(&text[at..]);
    Outcome::Written
}
