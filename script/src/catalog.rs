//! The catalog: what scripts may name.
//!
//! Functions, module parameters, variables and transformations of the core and of every loaded module. It is built at
//! load, by an [`Offer`](crate::Offer), and its ids are plain indices: whoever builds it keeps the function pointers
//! in tables of the same order. What OpenSIPS has but nobody offers is in `known`, for better error messages.

use std::collections::HashMap;

/// Index of a function in [`Catalog::functions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u16);

/// Index of a module parameter in [`Catalog::params`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u16);

/// Index of a variable in [`Catalog::variables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(pub u16);

/// Index of a transformation in [`Catalog::transformations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransformId(pub u16);

/// The kinds of routes of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RouteKind {
    /// `route`: received requests, and what is called by `route(x)`.
    Request,
    /// `failure_route`.
    Failure,
    /// `onreply_route`.
    Reply,
    /// `branch_route`.
    Branch,
    /// `error_route`.
    Error,
    /// `local_route`.
    Local,
    /// `startup_route`.
    Startup,
    /// `timer_route`.
    Timer,
    /// `event_route`.
    Event,
}

impl RouteKind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [RouteKind; 9] = [
        RouteKind::Request,
        RouteKind::Failure,
        RouteKind::Reply,
        RouteKind::Branch,
        RouteKind::Error,
        RouteKind::Local,
        RouteKind::Startup,
        RouteKind::Timer,
        RouteKind::Event,
    ];

    /// The word that opens such a block in a script.
    pub fn word(self) -> &'static str {
        match self {
            RouteKind::Request => "route",
            RouteKind::Failure => "failure_route",
            RouteKind::Reply => "onreply_route",
            RouteKind::Branch => "branch_route",
            RouteKind::Error => "error_route",
            RouteKind::Local => "local_route",
            RouteKind::Startup => "startup_route",
            RouteKind::Timer => "timer_route",
            RouteKind::Event => "event_route",
        }
    }
}

/// A set of route kinds: where a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteKinds(pub u16);

impl RouteKinds {
    /// Callable everywhere.
    pub const ALL: RouteKinds = RouteKinds((1 << 9) - 1);
    /// Callable nowhere; the start of a set.
    pub const NONE: RouteKinds = RouteKinds(0);

    /// The set of these kinds.
    pub const fn of(kinds: &[RouteKind]) -> RouteKinds {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u16;
            i += 1;
        }
        RouteKinds(bits)
    }

    /// This set with one more kind.
    pub const fn with(self, kind: RouteKind) -> RouteKinds {
        RouteKinds(self.0 | 1 << kind as u16)
    }

    /// Is the kind in the set?
    pub const fn contains(self, kind: RouteKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    /// The kinds of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = RouteKind> {
        RouteKind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }
}

/// What a function argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// A number literal, or a variable that is read as a number.
    Int,
    /// A string literal (a format string unless raw), or a variable that is read as a string.
    Str,
    /// A variable that the function reads.
    Variable,
    /// A variable that the function writes; checked at load.
    Output,
    /// The variable of this name, which the function is told by the text in its parentheses: `json`.
    Reference(&'static str),
    /// A POSIX extended regular expression, compiled at load if it is a literal.
    Regex,
}

/// One declared argument of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArgSpec {
    /// What it must be.
    pub kind: ArgKind,
    /// May be left out: `f(a,,c)`.
    pub optional: bool,
    /// `!`: a literal without variables only.
    pub literal: bool,
    /// `~`: the text is handed over as it is written, `$` included.
    pub raw: bool,
    /// A raw `/expression/replacement/flags`: variables of the replacement are expanded, what they say stands for itself.
    pub substitution: bool,
    /// Names a route of this kind, so that a literal can be checked at load (`t_on_failure("x")`).
    pub route: Option<RouteKind>,
}

impl ArgSpec {
    /// A mandatory, expanded argument of this kind.
    pub const fn new(kind: ArgKind) -> ArgSpec {
        ArgSpec {
            kind,
            optional: false,
            literal: false,
            raw: false,
            substitution: false,
            route: None,
        }
    }

    /// The same, but it may be left out.
    pub const fn optional(self) -> ArgSpec {
        ArgSpec {
            optional: true,
            ..self
        }
    }

    /// The same, but literal only.
    pub const fn literal(self) -> ArgSpec {
        ArgSpec {
            literal: true,
            ..self
        }
    }

    /// The same, but not expanded.
    pub const fn raw(self) -> ArgSpec {
        ArgSpec { raw: true, ..self }
    }

    /// The same, but it is a substitution: raw, except for the variables of its replacement.
    pub const fn substitution(self) -> ArgSpec {
        ArgSpec {
            raw: true,
            substitution: true,
            ..self
        }
    }

    /// The same, and it names a route.
    pub const fn route(self, kind: RouteKind) -> ArgSpec {
        ArgSpec {
            route: Some(kind),
            ..self
        }
    }
}

/// What a module does with a request before the main route sees it. Its functions take no arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prologue {
    /// The module.
    pub module: String,
    /// Fails: the main route goes on with the request. Succeeds: the module does, and the main route never runs.
    pub takes: FunctionId,
    /// Its parameter that may name a `route[..]` to run first.
    pub route: String,
    /// What the module then does.
    pub then: FunctionId,
    /// And what if that fails.
    pub failed: FunctionId,
}

/// A script function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The module that exports it, or `core`.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Its declared arguments.
    pub args: Vec<ArgSpec>,
    /// Where it may be called.
    pub kinds: RouteKinds,
    /// May stand in `async(...)` and `launch(...)`.
    pub asynchronous: bool,
}

impl Function {
    /// No script can call it: it is part of a [`Prologue`], and there is a blank in its name.
    pub fn is_hidden(&self) -> bool {
        self.name.contains(' ')
    }

    /// Arguments that cannot be left out at the end.
    pub fn args_min(&self) -> usize {
        self.args
            .iter()
            .rposition(|arg| !arg.optional)
            .map_or(0, |last| last + 1)
    }
}

/// What a module parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// A number.
    Int,
    /// A string.
    Str,
    /// Either.
    Any,
}

/// A module parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The module.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: ParamKind,
    /// Setting it again adds, instead of replacing.
    pub repeatable: bool,
}

/// Whether scripts may write a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Only read.
    ReadOnly,
    /// Read and assigned.
    ReadWrite,
}

/// Whether a variable takes a name in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubName {
    /// Never: `$ru`.
    None,
    /// May: `$socket_in`, `$socket_in(port)`.
    Optional,
    /// Must: `$var(x)`.
    Required,
    /// Must, and what variables in it say are elements of a path: `$json(list[$var(i)]/$var(key))`. An element that
    /// was made at run time is framed: byte 1, its length as four bytes (least first), its text.
    Path,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The module that exports it, or `core`.
    pub module: String,
    /// Its name, without `$`.
    pub name: String,
    /// Read-only or not.
    pub access: Access,
    /// Does it take a name in parentheses?
    pub sub_name: SubName,
    /// Does it take an index in brackets?
    pub index: bool,
}

/// A transformation: `{s.substr,0,3}` is `substr` of the class `s`.
///
/// Names are matched without case. The argument kinds used are [`ArgKind::Int`], [`ArgKind::Str`], and
/// [`ArgKind::Regex`] for the `/expression/replacement/flags` of `re.subst`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformation {
    /// The class, lower case: `s`, `uri`, `re`.
    pub class: String,
    /// The operation, lower case: `substr`, `fill.left`.
    pub name: String,
    /// Its parameters.
    pub args: Vec<ArgSpec>,
}

/// Everything that a script may name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    functions: Vec<Function>,
    params: Vec<Param>,
    variables: Vec<Variable>,
    transformations: Vec<Transformation>,
    function_by_name: HashMap<String, FunctionId>,
    param_by_name: HashMap<(String, String), ParamId>,
    variable_by_name: HashMap<String, VariableId>,
    transform_by_name: HashMap<(String, String), TransformId>,
    prologues: Vec<Prologue>,
    events: Vec<String>,
    /// Modules of OpenSIPS that nobody here offers.
    pub(crate) not_offered: Vec<&'static str>,
}

impl Catalog {
    /// An empty catalog.
    pub fn new() -> Catalog {
        Catalog::default()
    }

    /// What an operator has to do about a name of a module that is not loaded.
    pub(crate) fn way_to(&self, module: &str) -> String {
        if self.not_offered.contains(&module) {
            format!("Tandem does not offer the module {module} yet")
        } else {
            format!("add loadmodule \"{module}.so\"")
        }
    }

    /// Adds a function. Of two with the same name, the first one added is found by scripts.
    pub fn add_function(&mut self, function: Function) -> FunctionId {
        let id = FunctionId(index(self.functions.len()));
        self.function_by_name
            .entry(function.name.clone())
            .or_insert(id);
        self.functions.push(function);
        id
    }

    /// Adds an event that the core or a loaded module raises.
    pub fn add_event(&mut self, name: &str) {
        self.events.push(name.to_owned());
    }

    /// The events that the core and the loaded modules raise.
    pub(crate) fn events(&self) -> &[String] {
        &self.events
    }

    /// Adds what a module does before every main route.
    pub fn add_prologue(&mut self, prologue: Prologue) {
        self.prologues.push(prologue);
    }

    /// What modules do before the main route, in the order of loading.
    pub fn prologues(&self) -> &[Prologue] {
        &self.prologues
    }

    /// Adds a module parameter.
    pub fn add_param(&mut self, param: Param) -> ParamId {
        let id = ParamId(index(self.params.len()));
        self.param_by_name
            .entry((param.module.clone(), param.name.clone()))
            .or_insert(id);
        self.params.push(param);
        id
    }

    /// Adds a variable. Of two with the same name, the first one added is found by scripts.
    pub fn add_variable(&mut self, variable: Variable) -> VariableId {
        let id = VariableId(index(self.variables.len()));
        self.variable_by_name
            .entry(variable.name.clone())
            .or_insert(id);
        self.variables.push(variable);
        id
    }

    /// Adds a transformation.
    pub fn add_transformation(&mut self, transformation: Transformation) -> TransformId {
        let id = TransformId(index(self.transformations.len()));
        let key = (
            transformation.class.to_ascii_lowercase(),
            transformation.name.to_ascii_lowercase(),
        );
        self.transform_by_name.entry(key).or_insert(id);
        self.transformations.push(transformation);
        id
    }

    /// The function of this id.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[usize::from(id.0)]
    }

    /// The parameter of this id.
    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[usize::from(id.0)]
    }

    /// The variable of this id.
    pub fn variable(&self, id: VariableId) -> &Variable {
        &self.variables[usize::from(id.0)]
    }

    /// The transformation of this id.
    pub fn transformation(&self, id: TransformId) -> &Transformation {
        &self.transformations[usize::from(id.0)]
    }

    /// All functions, in the order they were added.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// All parameters, in the order they were added.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// All variables, in the order they were added.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// All transformations, in the order they were added.
    pub fn transformations(&self) -> &[Transformation] {
        &self.transformations
    }

    /// Finds a function; names are case sensitive.
    pub fn find_function(&self, name: &str) -> Option<FunctionId> {
        self.function_by_name.get(name).copied()
    }

    /// Finds a parameter of a module.
    pub fn find_param(&self, module: &str, name: &str) -> Option<ParamId> {
        self.param_by_name
            .get(&(module.to_owned(), name.to_owned()))
            .copied()
    }

    /// Finds a variable; names are case sensitive.
    pub fn find_variable(&self, name: &str) -> Option<VariableId> {
        self.variable_by_name.get(name).copied()
    }

    /// Finds a transformation; class and name in any case.
    pub fn find_transformation(&self, class: &str, name: &str) -> Option<TransformId> {
        self.transform_by_name
            .get(&(class.to_ascii_lowercase(), name.to_ascii_lowercase()))
            .copied()
    }
}

fn index(len: usize) -> u16 {
    u16::try_from(len).expect("a catalog holds fewer than 65536 names of a kind")
}
