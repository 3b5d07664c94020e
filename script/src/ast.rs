//! The tree that the parser makes and the lowering takes.
//!
//! Chains of operators and of `else if` are lists, not nested nodes, so the depth of the tree is the depth of the
//! parentheses and blocks a person wrote, which the parser bounds. Variables are kept as they stand in the source;
//! what they mean needs the catalog.

use crate::catalog::RouteKind;
use crate::ops::{Comparison, Operator};
use crate::program::Net;
use crate::source::Span;
use crate::text::Text;

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) kind: RouteKind,
    /// Empty for the unnamed ones.
    pub(crate) name: Vec<u8>,
    pub(crate) interval: u32,
    pub(crate) body: Vec<Statement>,
    /// The head: keyword and name.
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct ModParam {
    pub(crate) modules: Text,
    pub(crate) name: Text,
    pub(crate) value: ModValue,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum ModValue {
    Text(Text),
    Number(i32, Span),
}

impl ModValue {
    pub(crate) fn span(&self) -> Span {
        match self {
            ModValue::Text(text) => text.span,
            ModValue::Number(_, span) => *span,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum StatementKind {
    Empty,
    If(If),
    While(Condition, Vec<Statement>),
    For {
        item: Span,
        source: Span,
        body: Vec<Statement>,
    },
    Switch {
        subject: Span,
        cases: Vec<Case>,
        default: Option<Vec<Statement>>,
    },
    Block(Vec<Statement>),
    Break,
    Command(Command),
    Assign(Assign),
}

#[derive(Debug)]
pub(crate) struct If {
    /// `if` and every `else if` behind it.
    pub(crate) arms: Vec<(Condition, Vec<Statement>)>,
    pub(crate) otherwise: Option<Vec<Statement>>,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) value: CaseValue,
    pub(crate) body: Vec<Statement>,
    pub(crate) span: Span,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CaseValue {
    Number(i32),
    Text(Text),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logic {
    And,
    Or,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) kind: ConditionKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum ConditionKind {
    /// From left to right, whatever the operators.
    Chain(Box<Condition>, Vec<(Logic, Condition)>),
    Not(Box<Condition>),
    Arithmetic(Expression),
    Compare(Compare),
    Variable,
    Number(i32),
    Command(Box<Command>),
    Assign(Assign),
    If(If),
    Block(Vec<Statement>),
}

#[derive(Debug)]
pub(crate) struct Compare {
    pub(crate) left: Span,
    pub(crate) how: How,
    pub(crate) right: Operand,
    pub(crate) right_span: Span,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Compare(Comparison),
    Match { negated: bool },
}

#[derive(Debug)]
pub(crate) enum Operand {
    Variable,
    Text(Text),
    Number(i32),
    Null,
    Net(Net),
}

#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) target: Span,
    pub(crate) how: AssignHow,
    /// `None` is NULL.
    pub(crate) value: Option<Expression>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssignHow {
    Set,
    Replace,
    Compound(Operator),
}

#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) kind: ExpressionKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum ExpressionKind {
    /// From left to right; the looser level holds chains of the tighter one.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    Complement(Box<Expression>),
    Number(i32),
    Text(Text),
    Variable,
    Compare(Box<Compare>),
    Command(Box<Command>),
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum CommandKind {
    Drop,
    Exit,
    Return {
        code: Option<Argument>,
        values: Vec<Argument>,
    },
    Assert(Box<Condition>, Option<Text>),
    Log {
        level: Option<i32>,
        text: Text,
    },
    Error(Text, Text),
    Xlog {
        level: XlogLevel,
        text: Text,
    },
    Route {
        target: Target,
        args: Vec<Argument>,
    },
    Async {
        call: Call,
        route: RouteName,
        timeout: Option<i32>,
    },
    Launch {
        call: Call,
        route: Option<RouteName>,
        param: Option<Text>,
    },
    Call(Call),
}

#[derive(Debug)]
pub(crate) enum XlogLevel {
    Default,
    /// `xdbg`.
    Debug,
    Written(Text),
}

#[derive(Debug)]
pub(crate) enum Target {
    Name(RouteName),
    Text(Text),
    Variable(Span),
}

#[derive(Debug)]
pub(crate) struct RouteName {
    pub(crate) name: Vec<u8>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Span,
    pub(crate) args: Vec<Argument>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) kind: ArgumentKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum ArgumentKind {
    Omitted,
    Text(Text),
    Number(i32),
    Variable,
    Null,
}
