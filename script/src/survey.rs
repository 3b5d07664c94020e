//! What a script names, whether it is offered or not: for tools that explain a script.

use crate::catalog::RouteKind;
use crate::program::Position;

/// Everything that a script names.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The files it was read from; the first is the script itself.
    pub files: Vec<String>,
    /// Lines of all of them.
    pub lines: usize,
    /// The modules it loads.
    pub modules: Vec<Loaded>,
    /// The global parameters it sets, by today's names; options of sockets as `socket/tag`.
    pub globals: Vec<Set>,
    /// The module parameters it sets; one for every module that is matched.
    pub modparams: Vec<ParamSet>,
    /// What its routes name, in their order.
    pub mentions: Vec<Mention>,
    /// Its routes.
    pub routes: Vec<Head>,
}

/// A `loadmodule`.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The module.
    pub name: String,
    /// Where.
    pub at: Position,
    /// Somebody offers it.
    pub is_offered: bool,
}

/// A global parameter that is set.
#[derive(Debug, Clone)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Its value, if that is a number.
    pub number: Option<i32>,
    /// Where.
    pub at: Position,
}

/// A `modparam`.
#[derive(Debug, Clone)]
pub struct ParamSet {
    /// The module, or the expression if it matches none.
    pub module: String,
    /// The parameter.
    pub name: String,
    /// Where.
    pub at: Position,
    /// Somebody offers it.
    pub is_offered: bool,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A function.
    Function,
    /// A variable, without `$`.
    Variable,
    /// A transformation, with its class.
    Transformation,
}

/// A name in a route.
#[derive(Debug, Clone)]
pub struct Mention {
    /// What it names.
    pub named: Named,
    /// The name.
    pub name: String,
    /// Who offers it.
    pub module: Option<String>,
    /// Index of the route in [`Survey::routes`].
    pub route: usize,
    /// Where.
    pub at: Position,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; empty if it has none.
    pub name: String,
    /// Where it begins.
    pub at: Position,
    /// The routes that it calls, starts or arms by literal names, each once.
    pub leads_to: Vec<(RouteKind, String)>,
}

impl Head {
    /// As it is written in a script: `failure_route[x]`.
    pub fn title(&self) -> String {
        title(self.kind, &self.name)
    }
}

/// The head of a route as it is written in a script.
pub fn title(kind: RouteKind, name: &str) -> String {
    match name {
        "" => kind.word().to_owned(),
        name => format!("{}[{name}]", kind.word()),
    }
}
