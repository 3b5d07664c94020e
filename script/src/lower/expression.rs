//! Expressions and assignments.

use super::Lower;
use super::variable::Use;
use crate::ast::{Assign, AssignHow, Compare, Expression, ExpressionKind, How, Operand};
use crate::ops::{Comparison, Op, Operator, StoreHow};
use crate::posix::Flags;
use crate::program::Constant;
use crate::source::Span;
use crate::text::Text;
use crate::variable;

impl Lower<'_, '_> {
    /// Emits a value.
    pub(super) fn expression(&mut self, expression: &Expression) -> Option<()> {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Chain(first, rest) => {
                self.expression(first)?;
                for (operator, term) in rest {
                    self.expression(term)?;
                    self.warn_of_mixed_literals(*operator, term, first);
                    self.emit(Op::Arithmetic(*operator), span, 2, 1);
                }
            }
            ExpressionKind::Complement(inner) => {
                self.expression(inner)?;
                self.emit(Op::Complement, span, 1, 1);
            }
            ExpressionKind::Number(number) => self.push(Constant::Int(*number), span),
            ExpressionKind::Text(text) => {
                self.warn_of_variable_in(text);
                self.push(Constant::Str(text.bytes.as_slice().into()), span)
            }
            ExpressionKind::Variable => self.load_token(span)?,
            ExpressionKind::Compare(compare) => {
                self.compare(compare)?;
                self.emit(Op::PushOutcome, span, 0, 1);
            }
            ExpressionKind::Command(command) => {
                self.command(command)?;
                self.emit(Op::PushRc, span, 0, 1);
            }
        }
        Some(())
    }

    /// `1 + "2"` and `"a" + 1` fail whenever they run: literals never change their kind.
    fn warn_of_mixed_literals(
        &mut self,
        operator: Operator,
        right: &Expression,
        first: &Expression,
    ) {
        let mixed = match (&first.kind, &right.kind) {
            (ExpressionKind::Text(_), ExpressionKind::Number(_)) => operator == Operator::Add,
            (ExpressionKind::Number(_), ExpressionKind::Text(_)) => true,
            _ => false,
        };
        if mixed {
            let hint = match right.kind {
                ExpressionKind::Number(_) => "write the number in quotes",
                _ => "write the number without quotes, or convert with {s.int}",
            };
            self.report.warn(
                right.span,
                "a string and a number do not mix: this always fails",
                Some(hint.into()),
            );
        }
    }

    /// Strings of expressions are no format strings: `$var(x) = "sip:$fd"` assigns a dollar sign.
    fn warn_of_variable_in(&mut self, text: &Text) {
        let mut rest = text.bytes.as_slice();
        while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
            rest = &rest[dollar + 1..];
            let start = text.bytes.len() - rest.len();
            let name = rest.strip_prefix(b"(").unwrap_or(rest);
            let len = name
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
                .count();
            let name = String::from_utf8_lossy(&name[..len]);
            if self
                .catalog
                .find_variable(name.trim_end_matches('.'))
                .is_none()
            {
                continue;
            }
            let hint = "join it with `+`, as in \"sip:\" + $fd";
            return self.report.warn(
                text.span_of(start - 1, start),
                format!("this string is taken as it is: `${name}` in it is no variable"),
                Some(hint.into()),
            );
        }
    }

    pub(super) fn push(&mut self, constant: Constant, span: Span) {
        let id = self.constant(constant);
        self.emit(Op::Push(id), span, 0, 1);
    }

    /// Emits a comparison; the outcome is left in the run.
    pub(super) fn compare(&mut self, compare: &Compare) -> Option<()> {
        let span = compare.span;
        let left = self.load_token(compare.left);
        match (compare.how, &compare.right) {
            (How::Compare(how), Operand::Null) => {
                self.emit(
                    Op::TestNull {
                        negated: how == Comparison::NotEqual,
                    },
                    span,
                    1,
                    0,
                );
            }
            (How::Compare(how), Operand::Net(net)) => {
                let net = self.net(*net);
                self.emit(
                    Op::MatchNet {
                        net,
                        negated: how == Comparison::NotEqual,
                    },
                    span,
                    1,
                    0,
                );
            }
            (How::Compare(how), Operand::Number(number)) => {
                let constant = self.constant(Constant::Int(*number));
                self.emit(Op::CompareConst { how, constant }, span, 1, 0);
            }
            (How::Compare(how), Operand::Text(text)) => {
                self.warn_of_variable_in(text);
                let constant = self.text(&text.bytes);
                self.emit(Op::CompareConst { how, constant }, span, 1, 0);
            }
            (How::Compare(how), Operand::Variable) => {
                self.load_token(compare.right_span)?;
                self.emit(Op::Compare(how), span, 2, 0);
            }
            (How::Match { negated }, Operand::Text(text)) => {
                let regex = self.regex(&text.bytes, Flags::MATCH, compare.right_span)?;
                self.emit(Op::MatchRegex { regex, negated }, span, 1, 0);
            }
            // The parser lets nothing else through.
            (How::Match { negated }, _) => {
                self.load_token(compare.right_span)?;
                self.emit(Op::MatchValue { negated }, span, 2, 0);
            }
        }
        left
    }

    /// Emits an assignment; `$rc` is its success.
    pub(super) fn assign(&mut self, assign: &Assign, in_condition: bool) -> Option<()> {
        let target = variable::token(assign.target, self.report)?;
        let errors = self.report.errors();
        let depth = self.depth;
        let how = match assign.how {
            AssignHow::Set | AssignHow::Compound(_) => StoreHow::Set,
            AssignHow::Replace => StoreHow::Replace,
        };
        let Some(spec) = self.spec(&target, Use::Write) else {
            // `($si==A && $sp=5060)` is what people mean to be a comparison.
            if in_condition && self.report.errors() > errors {
                self.report.amend_last("`=` assigns; did you mean `==`?");
            }
            self.depth = depth;
            if let Some(value) = &assign.value {
                self.expression(value);
            }
            self.depth = depth;
            return None;
        };
        let operands = self.depth - depth;
        if let AssignHow::Compound(operator) = assign.how {
            if operands > 0 {
                self.emit(Op::Dup(operands as u8), assign.span, 0, operands);
            }
            self.emit(Op::Load(spec), assign.span, operands, 1);
            self.expression(assign.value.as_ref()?)?;
            self.emit(Op::Compound(operator), assign.span, 2, 1);
        } else {
            match &assign.value {
                None => self.emit(Op::PushNull, assign.span, 0, 1),
                Some(value) => self.expression(value)?,
            }
        }
        self.store(spec, how, assign.span);
        Some(())
    }
}
