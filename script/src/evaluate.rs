//! Format strings that are known only while running: `{s.eval}`.
//!
//! Takes the text apart as at load; what the names mean is looked up by whoever evaluates it.

use crate::program::Context;
use crate::report::Report;
use crate::source::{Source, Span};
use crate::text::Text;
use crate::variable::{self, Param, Part, Sub};

/// A part of a format string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(Vec<u8>),
    /// A variable.
    Variable(Box<Variable>),
}

/// A variable as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Of which message.
    pub context: Context,
    /// Its name.
    pub name: String,
    /// The name in parentheses.
    pub sub: Option<Vec<Piece>>,
    /// The index in brackets.
    pub index: Option<Index>,
    /// Its transformations, in order.
    pub transforms: Vec<Transform>,
}

/// The index of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// A number; negative counts from the end.
    At(i32),
    /// `[*]`.
    All,
    /// The value of another variable.
    Variable(Box<Variable>),
}

/// A transformation: class and operation in lower case, and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    /// The class.
    pub class: String,
    /// The operation.
    pub name: String,
    /// The parameters; a literal is one text.
    pub params: Vec<Piece>,
}

/// Takes a format string apart; `None` if it is none.
pub fn format(text: &[u8]) -> Option<Vec<Piece>> {
    let source = Source::default();
    let mut report = Report::new(&source);
    let text = Text::plain(text, Span::new(0, text.len()));
    let parts = variable::format(&text, 0, &mut report)?;
    pieces(parts)
}

fn pieces(parts: Vec<Part>) -> Option<Vec<Piece>> {
    let piece = |part| {
        Some(match part {
            Part::Text(text) => Piece::Text(text),
            Part::Variable(one) => Piece::Variable(Box::new(variable(one)?)),
        })
    };
    parts.into_iter().map(piece).collect()
}

fn variable(written: variable::Variable) -> Option<Variable> {
    let transform = |one: variable::Transform| {
        let param = |param| {
            Some(match param {
                Param::Text(text) => Piece::Text(text.bytes),
                Param::Variable(one) => Piece::Variable(Box::new(variable(one)?)),
            })
        };
        Some(Transform {
            params: one.params.into_iter().map(param).collect::<Option<_>>()?,
            class: one.class,
            name: one.name,
        })
    };
    Some(Variable {
        context: written.context,
        name: written.name,
        sub: match written.sub {
            None => None,
            Some(Sub::Text(text)) => Some(vec![Piece::Text(text)]),
            Some(Sub::Parts(parts)) => Some(pieces(parts)?),
        },
        index: match written.index {
            None => None,
            Some(variable::Index::At(index)) => Some(Index::At(index)),
            Some(variable::Index::All) => Some(Index::All),
            Some(variable::Index::Append) => return None,
            Some(variable::Index::Variable(one)) => {
                Some(Index::Variable(Box::new(variable(*one)?)))
            }
        },
        transforms: written
            .transforms
            .into_iter()
            .map(transform)
            .collect::<Option<_>>()?,
    })
}
