//! Conditions, expressions and assignments.
//!
//! `&&` and `||` are one level, the five arithmetic operators are one level, the five on bits are one looser level, and
//! all of them go from left to right.

use std::net::IpAddr;

use super::{Failed, Parsed, Parser};
use crate::ast::{
    Assign, AssignHow, Compare, Condition, ConditionKind, Expression, ExpressionKind, How, Logic,
    Operand,
};
use crate::lex::Kind;
use crate::ops::{Comparison, Operator};
use crate::program::Net;
use crate::source::Span;

impl Parser<'_, '_> {
    /// `exp`.
    pub(super) fn condition(&mut self) -> Parsed<Condition> {
        self.nested(|parser| parser.condition_chain())
    }

    fn condition_chain(&mut self) -> Parsed<Condition> {
        let first = self.condition_term()?;
        let mut rest = Vec::new();
        loop {
            let logic = match self.kind() {
                Kind::And => Logic::And,
                Kind::Or => Logic::Or,
                _ => break,
            };
            self.advance();
            rest.push((logic, self.condition_term()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let span = first.span.to(self.previous());
        Ok(Condition {
            kind: ConditionKind::Chain(Box::new(first), rest),
            span,
        })
    }

    fn condition_term(&mut self) -> Parsed<Condition> {
        let start = self.span();
        let mut nots = 0usize;
        while self.take(Kind::Not).is_some() {
            nots += 1;
        }
        let inner = self.condition_primary()?;
        // Two of them cancel out, also for errors, which they leave alone.
        if nots.is_multiple_of(2) {
            return Ok(inner);
        }
        let span = start.to(self.previous());
        Ok(Condition {
            kind: ConditionKind::Not(Box::new(inner)),
            span,
        })
    }

    fn condition_primary(&mut self) -> Parsed<Condition> {
        let start = self.span();
        let kind = match self.kind() {
            Kind::Open => {
                self.advance();
                let inner = self.condition()?;
                self.expect(Kind::Close, "`)`")?;
                return Ok(inner);
            }
            Kind::OpenBracket => {
                self.advance();
                let inner = self.expression()?;
                self.expect(Kind::CloseBracket, "`]` after the arithmetic test")?;
                ConditionKind::Arithmetic(inner)
            }
            Kind::OpenBrace => {
                self.advance();
                let breakable = std::mem::take(&mut self.breakable);
                let body = self.nested(|parser| Ok(parser.block(start)));
                self.breakable = breakable;
                ConditionKind::Block(body?)
            }
            Kind::Variable => self.condition_on_variable()?,
            Kind::Number | Kind::Minus | Kind::Plus => {
                let number = self.signed_number("a number")?;
                self.no_comparison_here(start)?;
                ConditionKind::Number(number)
            }
            Kind::Ident if self.word() == b"if" => {
                let breakable = std::mem::take(&mut self.breakable);
                let inner = self.if_statement();
                self.breakable = breakable;
                ConditionKind::If(inner?)
            }
            Kind::Ident => {
                let command = self.command()?;
                self.no_comparison_here(start)?;
                ConditionKind::Command(Box::new(command))
            }
            Kind::Str | Kind::Null | Kind::Ip4 | Kind::Ip6 => {
                self.advance();
                self.no_comparison_here(start)?;
                let hint = "a condition begins with a variable, a function, `!`, `(` or `[`";
                self.report
                    .error_with(start, "a condition cannot begin with this", hint);
                return Err(Failed);
            }
            _ => return self.expected("a condition"),
        };
        Ok(Condition {
            kind,
            span: start.to(self.previous()),
        })
    }

    /// A comparison compares a variable; anything else on its left is a frequent mistake.
    fn no_comparison_here(&mut self, left: Span) -> Parsed<()> {
        if comparison(self.kind()).is_none() {
            return Ok(());
        }
        let hint = "put the variable on the left, or test the result: `$rc`, `[ ... ]`, or an assignment before";
        self.report.error_with(
            left.to(self.previous()),
            "the left side of a comparison must be a variable",
            hint,
        );
        Err(Failed)
    }

    fn condition_on_variable(&mut self) -> Parsed<ConditionKind> {
        if comparison(self.peek(1)).is_some() {
            return Ok(ConditionKind::Compare(self.comparison()?));
        }
        if assignment(self.peek(1)).is_some() {
            return Ok(ConditionKind::Assign(self.assignment()?));
        }
        let variable = self.span();
        self.advance();
        if let Some((_, sign)) = arithmetic(self.kind()) {
            let reason = format!("a calculation with `{sign}` cannot stand alone in a condition");
            self.report.error_with(
                variable.to(self.span()),
                reason,
                "put it in brackets: `[ ... ]`",
            );
            return Err(Failed);
        }
        Ok(ConditionKind::Variable)
    }

    /// `VAR cmpop operand`.
    fn comparison(&mut self) -> Parsed<Compare> {
        let left = self.span();
        self.advance();
        let how = comparison(self.kind()).unwrap_or(How::Compare(Comparison::Equal));
        let operator = self.span();
        self.advance();
        let start = self.span();
        let right = match self.kind() {
            Kind::Variable => {
                self.advance();
                Operand::Variable
            }
            Kind::Str => Operand::Text(self.string("a string")?),
            Kind::Number | Kind::Minus | Kind::Plus => {
                Operand::Number(self.signed_number("a number")?)
            }
            Kind::Null => {
                self.advance();
                Operand::Null
            }
            Kind::Ip4 | Kind::Ip6 => Operand::Net(self.net()?),
            Kind::OpenBracket if self.peek(1) == Kind::Ip6 => {
                self.advance();
                let net = self.net()?;
                self.expect(Kind::CloseBracket, "`]`")?;
                Operand::Net(net)
            }
            Kind::Ident => return self.bare_word("strings stand in quotes"),
            _ => {
                return self
                    .expected("a variable, string, number, NULL or address to compare with");
            }
        };
        let right_span = start.to(self.previous());
        let fits = match (how, &right) {
            (How::Match { .. }, Operand::Variable | Operand::Text(_)) => true,
            (How::Match { .. }, _) => false,
            (How::Compare(Comparison::Equal | Comparison::NotEqual), _) => true,
            (How::Compare(_), Operand::Null | Operand::Net(_)) => false,
            (How::Compare(_), _) => true,
        };
        if !fits {
            let hint = match how {
                How::Match { .. } => "a regular expression is a string or a variable",
                How::Compare(_) => "only `==` and `!=` go with NULL and addresses",
            };
            let sign = String::from_utf8_lossy(self.report.source.text(operator)).into_owned();
            self.report
                .error_with(right_span, format!("`{sign}` does not go with this"), hint);
            return Err(Failed);
        }
        Ok(Compare {
            left,
            how,
            right,
            right_span,
            span: left.to(right_span),
        })
    }

    /// An address, or a network with its prefix or mask.
    pub(super) fn net(&mut self) -> Parsed<Net> {
        let span = self.span();
        let Some(address) = self.ip()? else {
            return self.expected("an address");
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if self.take(Kind::Slash).is_none() {
            return Ok(Net {
                address,
                prefix: bits,
            });
        }
        let prefix = match self.kind() {
            Kind::Ip4 if address.is_ipv4() => match self.ip()? {
                Some(IpAddr::V4(mask)) => {
                    let bits = mask.to_bits();
                    if bits.leading_ones() + bits.trailing_zeros() < 32 {
                        let hint = "the ones of a mask stand in front: 255.255.0.0";
                        self.report.error_with(
                            span.to(self.previous()),
                            format!("`{mask}` is no mask of a network"),
                            hint,
                        );
                        return Err(Failed);
                    }
                    bits.leading_ones() as i32
                }
                _ => 0,
            },
            _ => self.signed_number("the length of the prefix")?,
        };
        match u8::try_from(prefix).ok().filter(|prefix| *prefix <= bits) {
            Some(prefix) => Ok(Net {
                address: masked(address, prefix),
                prefix,
            }),
            None => {
                self.report.error(
                    span.to(self.previous()),
                    format!("a prefix is 0 to {bits} bits long"),
                );
                Err(Failed)
            }
        }
    }

    /// An address token, if one is here.
    pub(super) fn ip(&mut self) -> Parsed<Option<IpAddr>> {
        if !matches!(self.kind(), Kind::Ip4 | Kind::Ip6) {
            return Ok(None);
        }
        let address = std::str::from_utf8(self.word())
            .ok()
            .and_then(|text| text.parse().ok());
        self.advance();
        Ok(address)
    }

    /// `assignment`, at its variable.
    pub(super) fn assignment(&mut self) -> Parsed<Assign> {
        let target = self.span();
        self.advance();
        let Some(how) = assignment(self.kind()) else {
            // A `$` without a name was reported by the lexer.
            if self.report.source.text(target) == b"$" {
                return Err(Failed);
            }
            let found = self.describe();
            let hint = match self.kind() {
                Kind::Equal => "`=` assigns; `==` compares and stands in conditions",
                Kind::OpenBracket => "an index is inside the parentheses: `$(avp(x)[0])`",
                Kind::OpenBrace => "transformations are inside the parentheses: `$(avp(x){s.len})`",
                _ => "a variable here is assigned: `$var(x) = ...`",
            };
            self.report.error_with(
                self.span(),
                format!("expected an assignment, found {found}"),
                hint,
            );
            return Err(Failed);
        };
        self.advance();
        let value = match self.kind() {
            Kind::Null => {
                let span = self.span();
                self.advance();
                if matches!(how, AssignHow::Compound(_)) {
                    self.report
                        .error(span, "NULL can be assigned, not calculated with");
                    return Err(Failed);
                }
                None
            }
            _ => Some(self.expression()?),
        };
        Ok(Assign {
            target,
            how,
            value,
            span: target.to(self.previous()),
        })
    }

    /// `aexp`: the level of the operators on bits.
    fn expression(&mut self) -> Parsed<Expression> {
        self.nested(|parser| {
            parser.expression_chain(
                |kind| bitwise(kind).map(|(operator, _)| operator),
                |parser| parser.sum(),
            )
        })
    }

    fn sum(&mut self) -> Parsed<Expression> {
        self.expression_chain(
            |kind| arithmetic(kind).map(|(operator, _)| operator),
            |parser| parser.expression_term(),
        )
    }

    fn expression_chain(
        &mut self,
        operator: impl Fn(Kind) -> Option<Operator>,
        term: impl Fn(&mut Self) -> Parsed<Expression>,
    ) -> Parsed<Expression> {
        let first = term(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = operator(self.kind()) {
            self.advance();
            rest.push((operator, term(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let span = first.span.to(self.previous());
        Ok(Expression {
            kind: ExpressionKind::Chain(Box::new(first), rest),
            span,
        })
    }

    fn expression_term(&mut self) -> Parsed<Expression> {
        let start = self.span();
        let kind = match self.kind() {
            Kind::Tilde => {
                self.advance();
                let inner = self.nested(|parser| parser.expression_term())?;
                ExpressionKind::Complement(Box::new(inner))
            }
            Kind::Open => {
                self.advance();
                let inner = self.expression()?;
                self.expect(Kind::Close, "`)`")?;
                return Ok(inner);
            }
            Kind::Number => ExpressionKind::Number(self.number_here()?),
            Kind::Minus | Kind::Plus => ExpressionKind::Number(self.signed_number("a number")?),
            Kind::Str => ExpressionKind::Text(self.string("a string")?),
            Kind::Variable if comparison(self.peek(1)).is_some() => {
                ExpressionKind::Compare(Box::new(self.comparison()?))
            }
            Kind::Variable => {
                self.advance();
                ExpressionKind::Variable
            }
            Kind::Ident if self.peek(1) != Kind::Open => {
                return self.bare_word("a string stands in quotes");
            }
            Kind::Ident => ExpressionKind::Command(Box::new(self.command()?)),
            Kind::Null => {
                self.report
                    .error(start, "NULL can be assigned, not calculated with");
                return Err(Failed);
            }
            _ => return self.expected("a value"),
        };
        if self.kind() == Kind::Str {
            let hint = "strings are joined by `+`";
            self.report
                .error_with(self.span(), "a second string in a row", hint);
            return Err(Failed);
        }
        Ok(Expression {
            kind,
            span: start.to(self.previous()),
        })
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(one) => {
            IpAddr::V4((one.to_bits() & !u32::MAX.checked_shr(prefix).unwrap_or(0)).into())
        }
        IpAddr::V6(one) => {
            IpAddr::V6((one.to_bits() & !u128::MAX.checked_shr(prefix).unwrap_or(0)).into())
        }
    }
}

fn comparison(kind: Kind) -> Option<How> {
    Some(match kind {
        Kind::Equal => How::Compare(Comparison::Equal),
        Kind::NotEqual => How::Compare(Comparison::NotEqual),
        Kind::Less => How::Compare(Comparison::Less),
        Kind::Greater => How::Compare(Comparison::Greater),
        Kind::LessOrEqual => How::Compare(Comparison::LessOrEqual),
        Kind::GreaterOrEqual => How::Compare(Comparison::GreaterOrEqual),
        Kind::Matches => How::Match { negated: false },
        Kind::NotMatches => How::Match { negated: true },
        _ => return None,
    })
}

fn assignment(kind: Kind) -> Option<AssignHow> {
    Some(match kind {
        Kind::Assign => AssignHow::Set,
        Kind::AssignColon => AssignHow::Replace,
        Kind::AssignPlus => AssignHow::Compound(Operator::Add),
        Kind::AssignMinus => AssignHow::Compound(Operator::Subtract),
        Kind::AssignStar => AssignHow::Compound(Operator::Multiply),
        Kind::AssignSlash => AssignHow::Compound(Operator::Divide),
        Kind::AssignPercent => AssignHow::Compound(Operator::Modulo),
        Kind::AssignAmpersand => AssignHow::Compound(Operator::And),
        Kind::AssignPipe => AssignHow::Compound(Operator::Or),
        Kind::AssignCaret => AssignHow::Compound(Operator::Xor),
        _ => return None,
    })
}

fn arithmetic(kind: Kind) -> Option<(Operator, char)> {
    Some(match kind {
        Kind::Plus => (Operator::Add, '+'),
        Kind::Minus => (Operator::Subtract, '-'),
        Kind::Star => (Operator::Multiply, '*'),
        Kind::Slash => (Operator::Divide, '/'),
        Kind::Percent => (Operator::Modulo, '%'),
        _ => return None,
    })
}

fn bitwise(kind: Kind) -> Option<(Operator, &'static str)> {
    Some(match kind {
        Kind::Ampersand => (Operator::And, "&"),
        Kind::Pipe => (Operator::Or, "|"),
        Kind::Caret => (Operator::Xor, "^"),
        Kind::ShiftLeft => (Operator::ShiftLeft, "<<"),
        Kind::ShiftRight => (Operator::ShiftRight, ">>"),
        _ => return None,
    })
}
