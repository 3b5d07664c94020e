//! Statements.

use super::condition::Exits;
use super::variable::Use;
use super::{Label, Lower};
use crate::ast::{Case, CaseValue, CommandKind, Condition, If, Statement, StatementKind};
use crate::ops::{Op, OpId, StoreHow};
use crate::program::Constant;
use crate::source::Span;
use crate::variable::{self, Index};

/// The word of a statement that nothing behind it follows.
fn end_of(statement: &Statement) -> Option<&'static str> {
    match &statement.kind {
        StatementKind::Command(command) => match command.kind {
            CommandKind::Exit => Some("exit"),
            CommandKind::Drop => Some("drop"),
            CommandKind::Return { .. } => Some("return"),
            _ => None,
        },
        _ => None,
    }
}

/// Whether it does nothing but end something: `exit; break;` is a habit, and nothing is lost by it.
fn is_end(statement: &Statement) -> bool {
    matches!(statement.kind, StatementKind::Empty | StatementKind::Break)
        || end_of(statement).is_some()
}

impl Lower<'_, '_> {
    pub(super) fn statements(&mut self, statements: &[Statement]) {
        let mut ended = None;
        for statement in statements {
            if self.report.is_full() {
                return;
            }
            if let Some(word) = ended.take_if(|_| !is_end(statement)) {
                self.report.warn(
                    statement.span,
                    format!("this is never reached: `{word}` stands before it"),
                    None,
                );
            }
            ended = ended.or(end_of(statement));
            let depth = self.depth;
            self.statement(statement);
            self.depth = depth;
        }
    }

    /// Statements as one action: with none, the action succeeds.
    pub(super) fn body(&mut self, statements: &[Statement], span: Span) {
        if statements
            .iter()
            .all(|statement| matches!(statement.kind, StatementKind::Empty))
        {
            self.emit(Op::SetRc(1), span, 0, 0);
        }
        self.statements(statements);
    }

    fn statement(&mut self, statement: &Statement) {
        let span = statement.span;
        match &statement.kind {
            StatementKind::Empty => {}
            StatementKind::If(inner) => self.if_statement(inner, span),
            StatementKind::While(condition, body) => self.while_statement(condition, body, span),
            StatementKind::For { item, source, body } => {
                self.for_statement(*item, *source, body, span)
            }
            StatementKind::Switch {
                subject,
                cases,
                default,
            } => self.switch(*subject, cases, default.as_deref(), span),
            StatementKind::Block(body) => self.body(body, span),
            StatementKind::Break => {
                if let Some(end) = self.breaks.last().copied() {
                    self.jump(end, span);
                }
            }
            StatementKind::Command(command) => {
                self.command(command);
            }
            StatementKind::Assign(assign) => {
                self.assign(assign, false);
            }
        }
    }

    pub(super) fn if_statement(&mut self, statement: &If, span: Span) {
        let end = self.label();
        for (condition, body) in &statement.arms {
            let (yes, no) = (self.label(), self.label());
            self.condition(
                condition,
                Exits {
                    yes,
                    no,
                    error: no,
                    next: yes,
                },
            );
            self.place(yes);
            self.body(body, condition.span);
            self.jump_unless_gone(end, condition.span);
            self.place(no);
        }
        match &statement.otherwise {
            Some(body) => self.body(body, span),
            // Nothing was done, which stops nothing either.
            None => self.emit(Op::SetRc(0), span, 0, 0),
        }
        self.place(end);
    }

    /// A jump, unless the last operation never gets here.
    fn jump_unless_gone(&mut self, to: Label, span: Span) {
        let here = self.program.ops.len() as u32;
        let is_target = self.placed == here;
        let gone = matches!(
            self.program.ops.last(),
            Some(
                Op::Exit
                    | Op::Drop
                    | Op::Return { .. }
                    | Op::Jump(_)
                    | Op::Async(_)
                    | Op::AssertFailed(_)
            )
        );
        if is_target || !gone {
            self.jump(to, span);
        }
    }

    fn while_statement(&mut self, condition: &Condition, body: &[Statement], span: Span) {
        let (again, inside, exit, end) = (self.label(), self.label(), self.label(), self.label());
        let slot = self.slot(span);
        self.emit(Op::LoopStart(slot), span, 0, 0);
        self.place(again);
        self.emit(
            Op::LoopGuard {
                slot,
                exit: OpId(exit.0),
            },
            span,
            0,
            0,
        );
        self.condition(
            condition,
            Exits {
                yes: inside,
                no: exit,
                error: exit,
                next: inside,
            },
        );
        self.place(inside);
        self.breaks.push(end);
        self.body(body, condition.span);
        self.breaks.pop();
        self.jump_unless_gone(again, span);
        self.place(exit);
        // A loop that ended by itself has succeeded, whatever its condition called.
        self.emit(Op::SetRc(1), span, 0, 0);
        self.place(end);
    }

    fn for_statement(&mut self, item: Span, source: Span, body: &[Statement], span: Span) {
        let target = variable::token(item, self.report);
        let Some(values) = variable::token(source, self.report) else {
            return;
        };
        if !matches!(values.index, Some(Index::All)) {
            let name = &values.name;
            let hint = format!("write `$({name}(...)[*])`");
            self.report.error_with(
                source,
                "a `for` goes over a variable with the index `[*]`",
                hint,
            );
            return;
        }
        let Some(target) = target else { return };
        if !matches!(target.name.as_str(), "var" | "avp" | "json") || target.index.is_some() {
            self.report.error_with(
                item,
                "the values of a `for` go to $var, $avp or $json",
                "write `$var(it)`",
            );
            return;
        }
        let how = if target.name == "json" {
            StoreHow::Replace
        } else {
            StoreHow::Set
        };

        let (again, exit, end) = (self.label(), self.label(), self.label());
        let slot = self.slot(span);
        self.emit(Op::LoopStart(slot), span, 0, 0);
        self.place(again);
        let Some(spec) = self.spec(&values, Use::Iterate(slot)) else {
            return;
        };
        let operands = usize::from(self.program.spec(spec).operands);
        self.emit(Op::Load(spec), source, operands, 1);
        self.emit(
            Op::ForStep {
                slot,
                exit: OpId(exit.0),
            },
            span,
            0,
            0,
        );
        let before = self.depth;
        let Some(spec) = self.spec(&target, Use::Write) else {
            return;
        };
        if self.depth > before {
            self.emit(Op::Lift((self.depth - before) as u8), item, 0, 0);
        }
        self.store(spec, how, item);
        self.breaks.push(end);
        self.body(body, span);
        self.breaks.pop();
        self.jump_unless_gone(again, span);
        self.place(exit);
        self.emit(Op::SetRc(1), span, 0, 0);
        self.place(end);
    }

    fn switch(&mut self, subject: Span, cases: &[Case], default: Option<&[Statement]>, span: Span) {
        self.warn_of_repeated_cases(cases);
        let depth = self.depth;
        if self.load_token(subject).is_none() {
            self.depth = depth + 1;
        }
        let end = self.label();
        let bodies: Vec<Label> = cases.iter().map(|_| self.label()).collect();
        for (case, body) in cases.iter().zip(&bodies) {
            let constant = match &case.value {
                CaseValue::Number(number) => self.constant(Constant::Int(*number)),
                CaseValue::Text(text) => self.text(&text.bytes),
            };
            self.emit(
                Op::Case {
                    constant,
                    to: OpId(body.0),
                },
                case.span,
                0,
                0,
            );
        }
        self.emit(Op::Pop, span, 1, 0);
        let fallback = self.label();
        if default.is_none() {
            self.emit(Op::SetRc(1), span, 0, 0);
            self.jump(end, span);
        } else {
            self.jump(fallback, span);
        }
        self.breaks.push(end);
        for (case, body) in cases.iter().zip(&bodies) {
            self.depth = depth;
            self.place(*body);
            self.body(&case.body, case.span);
        }
        // The last case falls into the default.
        self.place(fallback);
        if let Some(body) = default {
            self.body(body, span);
        }
        self.breaks.pop();
        self.place(end);
    }

    fn warn_of_repeated_cases(&mut self, cases: &[Case]) {
        let mut numbers = std::collections::HashSet::new();
        let mut texts = std::collections::HashSet::new();
        for case in cases {
            let is_new = match &case.value {
                CaseValue::Number(number) => numbers.insert(*number),
                CaseValue::Text(text) => texts.insert(text.bytes.to_ascii_lowercase()),
            };
            if !is_new {
                self.report.warn(
                    case.span,
                    "this case was there before: it is never chosen",
                    None,
                );
            }
        }
    }
}
