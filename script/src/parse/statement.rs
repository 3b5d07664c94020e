//! Blocks and statements.

use super::{Failed, Parsed, Parser};
use crate::ast::{Case, CaseValue, Condition, ConditionKind, If, Statement, StatementKind};
use crate::lex::Kind;
use crate::source::Span;

impl Parser<'_, '_> {
    /// The actions up to the `}` of this `{`. What fails inside is reported and skipped.
    pub(super) fn block(&mut self, open: Span) -> Vec<Statement> {
        let mut body = Vec::new();
        loop {
            if self.take(Kind::CloseBrace).is_some() {
                return body;
            }
            if self.kind() == Kind::End || self.opens_top(self.at) {
                if !self.report.is_full() {
                    self.report
                        .error_with(open, "this block is not closed", "add `}`");
                }
                return body;
            }
            if self.report.is_full() {
                self.at = self.tokens.len().saturating_sub(1);
                return body;
            }
            self.statement_or_skip(&mut body);
        }
    }

    fn statement_or_skip(&mut self, body: &mut Vec<Statement>) {
        match self.statement() {
            Ok(statement) => body.push(statement),
            Err(Failed) => self.skip_statement(),
        }
    }

    /// After an error: behind the next `;`, or before the `}` that closes the block.
    fn skip_statement(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.kind() {
                Kind::End => return,
                _ if self.opens_top(self.at) => return,
                Kind::OpenBrace => depth += 1,
                Kind::CloseBrace if depth == 0 => return,
                Kind::CloseBrace => {
                    depth -= 1;
                    // What follows on the same line belongs to what was skipped, and so does an `else`.
                    let next = self.at + 1;
                    let goes_on = self.is_else(next)
                        || !(self.is_first_on_line(next)
                            || matches!(self.peek(1), Kind::CloseBrace | Kind::End));
                    if depth == 0 && !goes_on {
                        self.advance();
                        return;
                    }
                }
                Kind::Semicolon if depth == 0 => {
                    self.advance();
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn is_else(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| self.report.source.text(token.span) == b"else")
    }

    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        self.nested(|parser| parser.statement_here())
    }

    fn statement_here(&mut self) -> Parsed<Statement> {
        let start = self.span();
        let kind = match self.kind() {
            Kind::Semicolon => {
                self.advance();
                StatementKind::Empty
            }
            Kind::OpenBrace => {
                self.advance();
                StatementKind::Block(self.block(start))
            }
            Kind::Variable => {
                let assign = self.assignment()?;
                self.semicolon()?;
                StatementKind::Assign(assign)
            }
            Kind::Ident => match self.word() {
                b"if" => StatementKind::If(self.if_statement()?),
                b"while" => self.while_statement()?,
                b"for" => self.for_statement()?,
                b"switch" => self.switch_statement()?,
                b"break" => {
                    self.advance();
                    if self.breakable == 0 {
                        let hint = "`return` leaves a route, `exit` ends the script";
                        self.report.error_with(
                            start,
                            "`break` stands outside of while, for and switch",
                            hint,
                        );
                    }
                    self.semicolon()?;
                    StatementKind::Break
                }
                b"else" => {
                    self.report.error_with(
                        start,
                        "`else` without `if`",
                        "is there a `;` before it?",
                    );
                    return Err(Failed);
                }
                b"case" | b"default" => {
                    self.report.error(
                        start,
                        format!(
                            "`{}` outside of switch",
                            String::from_utf8_lossy(self.word())
                        ),
                    );
                    return Err(Failed);
                }
                _ => {
                    let command = self.command()?;
                    self.semicolon()?;
                    StatementKind::Command(command)
                }
            },
            Kind::Slash if self.peek(1) == Kind::Slash => {
                self.report
                    .error_with(start, "`//` begins no comment", "write `#`, or `/* */`");
                return Err(Failed);
            }
            _ => return self.expected("an action"),
        };
        Ok(Statement {
            kind,
            span: start.to(self.previous()),
        })
    }

    /// The `;` that ends an action; if it is missing, the end of the action is shown, not the next line.
    fn semicolon(&mut self) -> Parsed<()> {
        if self.take(Kind::Semicolon).is_some() {
            return Ok(());
        }
        let here = self.previous().after();
        match self.kind() {
            // What follows begins an action: only the `;` is missing, and nothing needs to be skipped.
            Kind::CloseBrace | Kind::Ident | Kind::Variable
                if self.is_first_on_line(self.at) || self.is_close() =>
            {
                self.report.error_with(here, "missing `;`", "add `;`");
                Ok(())
            }
            _ => {
                let found = self.describe();
                self.report
                    .error(self.span(), format!("missing `;` before {found}"));
                Err(Failed)
            }
        }
    }

    fn is_close(&self) -> bool {
        self.kind() == Kind::CloseBrace
    }

    /// `stm`: an action, or actions in braces.
    fn body(&mut self) -> Parsed<Vec<Statement>> {
        let open = self.span();
        if self.take(Kind::OpenBrace).is_some() {
            return self.nested(|parser| Ok(parser.block(open)));
        }
        Ok(vec![self.statement()?])
    }

    /// `if` and its `else if`s, in a loop: a chain of thousands is not deep.
    pub(super) fn if_statement(&mut self) -> Parsed<If> {
        let mut arms = Vec::new();
        loop {
            self.advance();
            let condition = self.guard("`(` after `if`")?;
            arms.push((condition, self.body()?));
            if !self.is_word("else") {
                return Ok(If {
                    arms,
                    otherwise: None,
                });
            }
            self.advance();
            if !self.is_word("if") {
                let otherwise = Some(self.body()?);
                return Ok(If { arms, otherwise });
            }
        }
    }

    /// The condition in its parentheses. One that is broken stands for any: what it guards is looked at all the same.
    fn guard(&mut self, open: &str) -> Parsed<Condition> {
        let start = self.span();
        let guard = self.guard_here(open);
        if guard.is_ok() || !self.skip_to_block() {
            return guard;
        }
        Ok(Condition {
            kind: ConditionKind::Number(1),
            span: start,
        })
    }

    fn guard_here(&mut self, open: &str) -> Parsed<Condition> {
        self.expect(Kind::Open, open)?;
        let condition = self.condition()?;
        self.expect(Kind::Close, "`)` after the condition")?;
        if matches!(self.kind(), Kind::And | Kind::Or) {
            let reason = format!("the condition ends before {}", self.describe());
            let hint = "one more pair of parentheses goes around all of it";
            self.report.error_with(self.span(), reason, hint);
            return Err(Failed);
        }
        Ok(condition)
    }

    /// To the `{` of the statement in hand; false, and nothing is skipped, if it has none.
    fn skip_to_block(&mut self) -> bool {
        let ahead = self.tokens[self.at..].iter().position(|token| {
            matches!(
                token.kind,
                Kind::OpenBrace | Kind::CloseBrace | Kind::Semicolon | Kind::End
            )
        });
        let Some(block) = ahead.map(|ahead| self.at + ahead) else {
            return false;
        };
        let is_block = self.tokens[block].kind == Kind::OpenBrace
            && !(self.at..block).any(|at| self.opens_top(at));
        if is_block {
            self.at = block;
        }
        is_block
    }

    fn while_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let condition = self.guard("`(` after `while`")?;
        let body = self.breakable_body()?;
        Ok(StatementKind::While(condition, body))
    }

    fn for_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.expect(Kind::Open, "`(` after `for`")?;
        let item = self.expect(Kind::Variable, "the variable that takes the values")?;
        if !self.is_word("in") {
            return self.expected("`in`");
        }
        self.advance();
        let source = self.expect(Kind::Variable, "a variable with the index `[*]`")?;
        self.expect(Kind::Close, "`)`")?;
        let body = self.breakable_body()?;
        Ok(StatementKind::For { item, source, body })
    }

    fn breakable_body(&mut self) -> Parsed<Vec<Statement>> {
        self.breakable += 1;
        let body = self.body();
        self.breakable -= 1;
        body
    }

    fn switch_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.expect(Kind::Open, "`(` after `switch`")?;
        let subject = self.expect(Kind::Variable, "a variable")?;
        self.expect(Kind::Close, "`)` after the variable")?;
        let open = self.expect(Kind::OpenBrace, "`{` and the cases")?;
        self.breakable += 1;
        let cases = self.cases(open);
        self.breakable -= 1;
        let (cases, default) = cases?;
        if cases.is_empty() {
            self.report.error(open, "a switch without `case`");
        }
        Ok(StatementKind::Switch {
            subject,
            cases,
            default,
        })
    }

    fn cases(&mut self, open: Span) -> Parsed<(Vec<Case>, Option<Vec<Statement>>)> {
        let mut cases: Vec<Case> = Vec::new();
        let mut default = None;
        loop {
            let span = self.span();
            if self.take(Kind::CloseBrace).is_some() {
                return Ok((cases, default));
            }
            if self.is_word("case") {
                self.advance();
                if default.is_some() {
                    self.report.error(span, "`default` must be the last");
                }
                let value = match self.kind() {
                    Kind::Str => CaseValue::Text(self.string("a value")?),
                    Kind::Ident => return self.bare_word("a case is a number or a string"),
                    _ => CaseValue::Number(self.signed_number("a number or a string")?),
                };
                let span = span.to(self.previous());
                self.expect(Kind::Colon, "`:` after the value")?;
                let body = self.case_body();
                cases.push(Case { value, body, span });
            } else if self.is_word("default") {
                self.advance();
                self.expect(Kind::Colon, "`:` after `default`")?;
                if default.is_some() {
                    self.report.error(span, "a second `default`");
                }
                default = Some(self.case_body());
            } else if self.kind() == Kind::End || self.opens_top(self.at) || self.report.is_full() {
                self.report
                    .error_with(open, "this block is not closed", "add `}`");
                return Err(Failed);
            } else {
                return self.expected("`case`, `default` or `}`");
            }
        }
    }

    /// The actions up to the next case.
    fn case_body(&mut self) -> Vec<Statement> {
        let mut body = Vec::new();
        while !(matches!(self.kind(), Kind::CloseBrace | Kind::End)
            || self.is_word("case")
            || self.is_word("default")
            || self.opens_top(self.at)
            || self.report.is_full())
        {
            self.statement_or_skip(&mut body);
        }
        body
    }
}
