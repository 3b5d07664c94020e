//! Conditions: tests and jumps.
//!
//! A condition is lowered with three labels: where to go on true, on false, and on an error. `!` exchanges the first
//! two and leaves errors alone; `&&` and `||` share one level, so after each term the outcome looks for the next
//! operator that still wants to know.

use super::{Label, Lower};
use crate::ast::{AssignHow, Condition, ConditionKind, Logic};
use crate::ops::{Op, OpId, Outcomes};
use crate::program::Constant;
use crate::source::Span;

/// Where a condition leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exits {
    pub(super) yes: Label,
    pub(super) no: Label,
    pub(super) error: Label,
    /// The label that is placed right behind: no jump needed.
    pub(super) next: Label,
}

impl Lower<'_, '_> {
    /// Emits a condition. Errors go on with the rest, so that more of them are found.
    pub(super) fn condition(&mut self, condition: &Condition, exits: Exits) {
        let span = condition.span;
        let depth = self.depth;
        match &condition.kind {
            ConditionKind::Chain(first, rest) => self.chain(first, rest, exits),
            ConditionKind::Not(inner) => self.condition(
                inner,
                Exits {
                    yes: exits.no,
                    no: exits.yes,
                    ..exits
                },
            ),
            ConditionKind::Arithmetic(inner) => {
                if self.expression(inner).is_some() {
                    self.emit(Op::TestValue, span, 1, 0);
                }
                self.branch(exits, true, span);
            }
            ConditionKind::Compare(compare) => {
                self.compare(compare);
                self.branch(exits, true, span);
            }
            ConditionKind::Variable => {
                if self.load_token(span).is_some() {
                    self.emit(Op::TestValue, span, 1, 0);
                }
                self.branch(exits, true, span);
            }
            ConditionKind::Number(number) => {
                self.push(Constant::Int(*number), span);
                self.emit(Op::TestValue, span, 1, 0);
                self.branch(exits, false, span);
            }
            ConditionKind::Command(command) => {
                self.command(command);
                self.test_rc(exits, span);
            }
            ConditionKind::Assign(assign) => {
                let errors = self.report.errors();
                self.assign(assign, true);
                if assign.how == AssignHow::Set && self.report.errors() == errors {
                    self.report.warn(
                        assign.span,
                        "this assigns, and is true whatever the value",
                        Some("`==` compares".into()),
                    );
                }
                self.test_rc(exits, span);
            }
            ConditionKind::If(inner) => {
                self.if_statement(inner, span);
                self.test_rc(exits, span);
            }
            ConditionKind::Block(body) => {
                self.body(body, span);
                self.test_rc(exits, span);
            }
        }
        self.depth = depth;
    }

    fn test_rc(&mut self, exits: Exits, span: Span) {
        self.emit(Op::TestRc, span, 0, 0);
        self.branch(exits, false, span);
    }

    /// `first op term op term …`, from left to right.
    fn chain(&mut self, first: &Condition, rest: &[(Logic, Condition)], exits: Exits) {
        let starts: Vec<Label> = rest.iter().map(|_| self.label()).collect();
        // For each term: where a true and where a false outcome goes on. `x && ...` is asked after true, `x || ...` after
        // false; other operators are passed by.
        let mut after = vec![(exits.yes, exits.no)];
        for (index, (logic, _)) in rest.iter().enumerate().rev() {
            let (yes, no) = after[after.len() - 1];
            after.push(match logic {
                Logic::And => (starts[index], no),
                Logic::Or => (yes, starts[index]),
            });
        }
        after.reverse();
        for (index, term) in std::iter::once(first)
            .chain(rest.iter().map(|(_, term)| term))
            .enumerate()
        {
            let (yes, no) = after[index];
            let next = starts.get(index).copied().unwrap_or(exits.next);
            self.condition(
                term,
                Exits {
                    yes,
                    no,
                    error: exits.error,
                    next,
                },
            );
            if let Some(start) = starts.get(index) {
                self.place(*start);
            }
        }
    }

    /// Jumps by the last outcome.
    fn branch(&mut self, exits: Exits, can_fail: bool, span: Span) {
        let Exits {
            yes,
            no,
            error,
            next,
        } = exits;
        // What cannot fail need not be asked, and what fails goes where false goes more often than not.
        let error = if can_fail { error } else { no };
        let jump = |lower: &mut Self, when: Outcomes, to: Label| {
            lower.emit(
                Op::JumpIf {
                    when,
                    to: OpId(to.0),
                },
                span,
                0,
                0,
            );
        };
        if next == yes {
            if error == no {
                return jump(self, Outcomes::FALSE.or(Outcomes::ERROR), no);
            }
            if error != yes {
                jump(self, Outcomes::ERROR, error);
            }
            return jump(self, Outcomes::FALSE, no);
        }
        if error == yes {
            jump(self, Outcomes::TRUE.or(Outcomes::ERROR), yes);
        } else {
            jump(self, Outcomes::TRUE, yes);
            if error != no {
                if error == next {
                    jump(self, Outcomes::FALSE, no);
                    return;
                }
                jump(self, Outcomes::ERROR, error);
            }
        }
        if next != no {
            self.jump(no, span);
        }
    }
}
