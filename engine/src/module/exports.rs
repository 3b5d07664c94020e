//! The export table of a module: what scripts and operators can see of it.

use std::any::Any;
use std::marker::PhantomData;

use script::{ArgKind, ArgSpec, ParamKind, RouteKind, RouteKinds};

use crate::module::{Args, Context, Module, VarArgs, Verdict};
use crate::run::{Reading, ValueRef};

/// What an argument or a parameter must be. Arguments: `Kind::Int`, `Kind::Str.optional()`...
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub(crate) spec: ArgSpec,
    pub(crate) check: Option<Check>,
}

/// Says what is wrong with a literal argument, of a number with its digits.
pub type Check = fn(&[u8]) -> Result<(), String>;

#[expect(non_upper_case_globals, reason = "reads as the enum it stands for")]
impl Kind {
    /// A number.
    pub const Int: Kind = Kind::new(ArgKind::Int);
    /// A text.
    pub const Str: Kind = Kind::new(ArgKind::Str);
    /// A parameter that is either; as an argument, a variable that the function reads.
    pub const Any: Kind = Kind::new(ArgKind::Variable);
    /// A variable that the function reads.
    pub const Variable: Kind = Kind::new(ArgKind::Variable);
    /// A variable that the function assigns with [`Args::set`].
    pub const Output: Kind = Kind::new(ArgKind::Output);
    /// The variable of this name: the function is handed the text in its parentheses.
    pub const fn reference(name: &'static str) -> Kind {
        Kind::new(ArgKind::Reference(name))
    }

    /// A regular expression.
    pub const Regex: Kind = Kind::new(ArgKind::Regex);

    /// It may be left out.
    pub const fn optional(self) -> Kind {
        Kind {
            spec: self.spec.optional(),
            ..self
        }
    }

    /// Only a literal without variables.
    pub const fn literal(self) -> Kind {
        Kind {
            spec: self.spec.literal(),
            ..self
        }
    }

    /// Handed over as it is written, `$` included.
    pub const fn raw(self) -> Kind {
        Kind {
            spec: self.spec.raw(),
            ..self
        }
    }

    /// A sed expression, `/expression/replacement/flags`: as it is written, but for the variables of the replacement.
    /// What they say arrives with a backslash before each backslash and delimiter.
    pub const fn substitution(self) -> Kind {
        Kind {
            spec: self.spec.substitution(),
            ..self
        }
    }

    /// It names a route of this kind; checked at load.
    pub const fn route(self, kind: RouteKind) -> Kind {
        Kind {
            spec: self.spec.route(kind),
            ..self
        }
    }

    /// A literal is checked at load; what is wrong with it becomes a diagnostic at its place in the script.
    pub const fn check(self, check: Check) -> Kind {
        Kind {
            check: Some(check),
            ..self
        }
    }

    const fn new(kind: ArgKind) -> Kind {
        Kind {
            spec: ArgSpec::new(kind),
            check: None,
        }
    }
}

/// The kinds of routes that may call a function: `Routes::REQUEST | Routes::FAILURE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routes(pub(crate) RouteKinds);

#[expect(missing_docs, reason = "the names say it")]
impl Routes {
    pub const ALL: Routes = Routes(RouteKinds::ALL);
    pub const REQUEST: Routes = Routes::of(RouteKind::Request);
    pub const FAILURE: Routes = Routes::of(RouteKind::Failure);
    pub const REPLY: Routes = Routes::of(RouteKind::Reply);
    pub const BRANCH: Routes = Routes::of(RouteKind::Branch);
    pub const ERROR: Routes = Routes::of(RouteKind::Error);
    pub const LOCAL: Routes = Routes::of(RouteKind::Local);
    pub const STARTUP: Routes = Routes::of(RouteKind::Startup);
    pub const TIMER: Routes = Routes::of(RouteKind::Timer);
    pub const EVENT: Routes = Routes::of(RouteKind::Event);

    const fn of(kind: RouteKind) -> Routes {
        Routes(RouteKinds::NONE.with(kind))
    }

    /// Both sets.
    pub const fn or(self, other: Routes) -> Routes {
        Routes(RouteKinds(self.0.0 | other.0.0))
    }
}

impl std::ops::BitOr for Routes {
    type Output = Routes;
    fn bitor(self, other: Routes) -> Routes {
        self.or(other)
    }
}

/// What stands behind a variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub(crate) sub_name: script::SubName,
    pub(crate) index: bool,
}

impl Shape {
    /// `$name`
    pub const PLAIN: Shape = Shape {
        sub_name: script::SubName::None,
        index: false,
    };
    /// `$name[index]`
    pub const INDEXED: Shape = Shape {
        sub_name: script::SubName::None,
        index: true,
    };
    /// `$name(name)`
    pub const NAMED: Shape = Shape {
        sub_name: script::SubName::Required,
        index: false,
    };
    /// `$name` or `$name(name)`
    pub const MAY_BE_NAMED: Shape = Shape {
        sub_name: script::SubName::Optional,
        index: false,
    };
    /// `$name(name)[index]`
    pub const NAMED_INDEXED: Shape = Shape {
        sub_name: script::SubName::Required,
        index: true,
    };
    /// `$name(path)[index]`: see [`PathText`](crate::module::PathText).
    pub const PATH_INDEXED: Shape = Shape {
        sub_name: script::SubName::Path,
        index: true,
    };
    /// `$name(path)`: see [`PathText`](crate::module::PathText).
    pub const PATH: Shape = Shape {
        sub_name: script::SubName::Path,
        index: false,
    };
    /// `$name` or `$name(name)`, with or without `[index]`
    pub const MAY_BE_NAMED_INDEXED: Shape = Shape {
        sub_name: script::SubName::Optional,
        index: true,
    };
}

/// The value of a `modparam`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamValue<'a> {
    /// A number.
    Int(i32),
    /// A text.
    Str(&'a str),
}

impl<'a> ParamValue<'a> {
    /// The number; 0 of a text, which a parameter of `Kind::Int` is never given.
    pub fn int(self) -> i32 {
        match self {
            ParamValue::Int(n) => n,
            ParamValue::Str(_) => 0,
        }
    }

    /// The text; empty of a number, which a parameter of `Kind::Str` is never given.
    pub fn text(self) -> &'a str {
        match self {
            ParamValue::Int(_) => "",
            ParamValue::Str(text) => text,
        }
    }

    /// The name of the attribute in `"$avp(name)"`.
    pub fn avp(self) -> Result<&'a str, String> {
        let text = self.text().trim();
        text.strip_prefix("$avp(")
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|name| !name.is_empty())
            .ok_or_else(|| format!("`{text}` is not `$avp(name)`"))
    }
}

/// The parameters of a management command.
#[derive(Clone, Copy, Debug)]
pub struct CommandArgs<'a> {
    pub(crate) list: &'a [(Option<String>, String)],
    /// The parameter names of the recipe that fits; one that may be left out ends in `?`.
    pub(crate) recipe: &'a [&'static str],
}

/// What a management command answers: JSON text was appended to the buffer, or a code and a message.
pub type CommandResult = Result<(), (i32, String)>;

impl<'a> CommandArgs<'a> {
    /// The parameter of this name, given by name or by its place in the recipe.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let by_name = self
            .list
            .iter()
            .find(|(key, _)| key.as_deref() == Some(name));
        let place = self
            .recipe
            .iter()
            .position(|one| one.trim_end_matches('?') == name);
        let by_place = || {
            place
                .and_then(|place| self.list.get(place))
                .filter(|(key, _)| key.is_none())
        };
        by_name.or_else(by_place).map(|(_, value)| value.as_str())
    }

    /// The parameter of this name; empty if it was not given.
    pub fn text(&self, name: &str) -> &'a str {
        self.get(name).unwrap_or_default()
    }
}

/// The export table of a module.
pub struct Exports<M> {
    pub(crate) table: Table,
    module: PhantomData<M>,
}

impl<M: Module> Exports<M> {
    pub(crate) fn new() -> Self {
        Exports {
            table: Table::default(),
            module: PhantomData,
        }
    }

    /// A parameter. A setter that fails stops the start with its message and the place in the script.
    pub fn param(
        &mut self,
        name: &'static str,
        kind: Kind,
        set: fn(&mut M, ParamValue<'_>) -> Result<(), String>,
    ) {
        self.add_param(name, kind, false, set);
    }

    /// A parameter that may be set several times; each adds.
    pub fn param_list(
        &mut self,
        name: &'static str,
        kind: Kind,
        add: fn(&mut M, ParamValue<'_>) -> Result<(), String>,
    ) {
        self.add_param(name, kind, true, add);
    }

    fn add_param(
        &mut self,
        name: &'static str,
        kind: Kind,
        repeatable: bool,
        set: fn(&mut M, ParamValue<'_>) -> Result<(), String>,
    ) {
        let kind = match kind.spec.kind {
            ArgKind::Int => ParamKind::Int,
            ArgKind::Str | ArgKind::Regex => ParamKind::Str,
            ArgKind::Variable | ArgKind::Output | ArgKind::Reference(_) => ParamKind::Any,
        };
        let set =
            Box::new(move |module: &mut dyn Any, value: ParamValue<'_>| set(own(module), value));
        self.table.params.push(ParamRow {
            name,
            kind,
            repeatable,
            set,
        });
    }

    /// A script function.
    pub fn function(
        &mut self,
        name: &'static str,
        args: &[Kind],
        routes: Routes,
        call: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
    ) {
        self.add_function(name, args, routes, false, call);
    }

    /// A script function that may stand in `async(...)` and `launch(...)` as well.
    pub fn async_function(
        &mut self,
        name: &'static str,
        args: &[Kind],
        routes: Routes,
        call: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
    ) {
        self.add_function(name, args, routes, true, call);
    }

    fn add_function(
        &mut self,
        name: &'static str,
        args: &[Kind],
        routes: Routes,
        asynchronous: bool,
        call: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
    ) {
        let call = Box::new(
            move |module: &mut dyn Any, cx: &mut Context<'_>, args: Args<'_>| {
                call(own(module), cx, args)
            },
        );
        self.table.functions.push(FunctionRow {
            name,
            args: args.to_vec(),
            routes,
            asynchronous,
            call,
        });
    }

    /// A variable to read. Its text is appended to the buffer.
    pub fn variable(
        &mut self,
        name: &'static str,
        shape: Shape,
        read: fn(&mut M, &mut Context<'_>, VarArgs<'_>, &mut Vec<u8>) -> Reading,
    ) {
        self.add_variable(name, shape, read, None);
    }

    /// A variable to read and write. `ValueRef::Null` deletes; the verdict is the assignment's `$rc`.
    pub fn set_variable(
        &mut self,
        name: &'static str,
        shape: Shape,
        read: fn(&mut M, &mut Context<'_>, VarArgs<'_>, &mut Vec<u8>) -> Reading,
        write: fn(&mut M, &mut Context<'_>, VarArgs<'_>, ValueRef<'_>) -> Verdict,
    ) {
        let write: ErasedWrite = Box::new(
            move |module: &mut dyn Any,
                  cx: &mut Context<'_>,
                  args: VarArgs<'_>,
                  value: ValueRef<'_>| { write(own(module), cx, args, value) },
        );
        self.add_variable(name, shape, read, Some(write));
    }

    fn add_variable(
        &mut self,
        name: &'static str,
        shape: Shape,
        read: fn(&mut M, &mut Context<'_>, VarArgs<'_>, &mut Vec<u8>) -> Reading,
        write: Option<ErasedWrite>,
    ) {
        let read = Box::new(
            move |module: &mut dyn Any,
                  cx: &mut Context<'_>,
                  args: VarArgs<'_>,
                  out: &mut Vec<u8>| { read(own(module), cx, args, out) },
        );
        self.table.variables.push(VariableRow {
            name,
            shape,
            read,
            write,
        });
    }

    /// A management command. Each recipe is one set of parameter names; `"name?"` may be left out. It is asked for by
    /// this name, or since OpenSIPS 4.0 as `module:name`.
    pub fn command(
        &mut self,
        name: &'static str,
        recipes: &[&[&'static str]],
        run: fn(&mut M, &mut Context<'_>, CommandArgs<'_>, &mut Vec<u8>) -> CommandResult,
    ) {
        self.command_as(name, name, recipes, run);
    }

    /// A management command whose name has no module's mark since OpenSIPS 4.0: `ul_dump` is `usrloc:dump`.
    pub fn command_as(
        &mut self,
        name: &'static str,
        later: &'static str,
        recipes: &[&[&'static str]],
        run: fn(&mut M, &mut Context<'_>, CommandArgs<'_>, &mut Vec<u8>) -> CommandResult,
    ) {
        let run = Box::new(
            move |module: &mut dyn Any,
                  cx: &mut Context<'_>,
                  args: CommandArgs<'_>,
                  out: &mut Vec<u8>| { run(own(module), cx, args, out) },
        );
        self.table.commands.push(CommandRow {
            name,
            later,
            recipes: recipes.iter().map(|recipe| recipe.to_vec()).collect(),
            run,
        });
    }

    /// A statistic: read when somebody asks, added over all shards.
    pub fn statistic(&mut self, name: &'static str, read: fn(&M) -> u64) {
        let read = Box::new(move |module: &mut dyn Any| read(own(module)));
        self.table.statistics.push(StatisticRow { name, read });
    }

    /// An event that it raises.
    pub fn event(&mut self, name: &'static str) {
        self.table.events.push(name);
    }

    /// What is deliberately not as in OpenSIPS, or has a bound of its own, and why: a sentence or two for operators,
    /// in Markdown. It becomes a line of `docs/opensips.md`, and `tandem explain` shows it to whoever uses the module.
    pub fn difference(&mut self, sentence: &'static str) {
        self.table.differences.push(sentence);
    }

    /// What it does with every request before the main route: if `takes` succeeds, the main route never sees it. Then
    /// the `route[..]` that the parameter `route` names runs, if it is set; unless that exits, `then` is called, and
    /// `failed` if that fails. 0 of any of them ends the script, as everywhere.
    pub fn prologue(
        &mut self,
        route: &'static str,
        takes: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
        then: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
        failed: fn(&mut M, &mut Context<'_>, Args<'_>) -> Verdict,
    ) {
        self.table.prologue = Some(route);
        for (name, call) in PROLOGUE.into_iter().zip([takes, then, failed]) {
            self.add_function(name, &[], Routes::REQUEST, false, call);
        }
    }

    /// `on_timer` is called every so many milliseconds.
    pub fn timer(&mut self, period_ms: u32) {
        self.table.timer_ms = Some(period_ms);
    }

    /// Modules that must be loaded as well, and that start first.
    pub fn needs(&mut self, modules: &[&'static str]) {
        self.table.needs.extend_from_slice(modules);
    }

    /// Modules that start first if they are loaded.
    pub fn after(&mut self, modules: &[&'static str]) {
        self.table.after.extend_from_slice(modules);
    }
}

/// What a module exports, its type forgotten.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) params: Vec<ParamRow>,
    pub(crate) functions: Vec<FunctionRow>,
    pub(crate) variables: Vec<VariableRow>,
    pub(crate) commands: Vec<CommandRow>,
    pub(crate) statistics: Vec<StatisticRow>,
    pub(crate) events: Vec<&'static str>,
    pub(crate) differences: Vec<&'static str>,
    pub(crate) timer_ms: Option<u32>,
    /// The parameter that names the route of its prologue.
    pub(crate) prologue: Option<&'static str>,
    pub(crate) needs: Vec<&'static str>,
    pub(crate) after: Vec<&'static str>,
}

/// The functions of a prologue. No script can write a blank in a name.
pub(crate) const PROLOGUE: [&str; 3] = ["prologue takes", "prologue then", "prologue failed"];

pub(crate) type ErasedSet =
    Box<dyn Fn(&mut dyn Any, ParamValue<'_>) -> Result<(), String> + Send + Sync>;
pub(crate) type ErasedCall =
    Box<dyn Fn(&mut dyn Any, &mut Context<'_>, Args<'_>) -> Verdict + Send + Sync>;
pub(crate) type ErasedRead =
    Box<dyn Fn(&mut dyn Any, &mut Context<'_>, VarArgs<'_>, &mut Vec<u8>) -> Reading + Send + Sync>;
pub(crate) type ErasedWrite =
    Box<dyn Fn(&mut dyn Any, &mut Context<'_>, VarArgs<'_>, ValueRef<'_>) -> Verdict + Send + Sync>;
pub(crate) type ErasedCommand = Box<
    dyn Fn(&mut dyn Any, &mut Context<'_>, CommandArgs<'_>, &mut Vec<u8>) -> CommandResult
        + Send
        + Sync,
>;
pub(crate) type ErasedStatistic = Box<dyn Fn(&mut dyn Any) -> u64 + Send + Sync>;

pub(crate) struct ParamRow {
    pub(crate) name: &'static str,
    pub(crate) kind: ParamKind,
    pub(crate) repeatable: bool,
    pub(crate) set: ErasedSet,
}

pub(crate) struct FunctionRow {
    pub(crate) name: &'static str,
    pub(crate) args: Vec<Kind>,
    pub(crate) routes: Routes,
    pub(crate) asynchronous: bool,
    pub(crate) call: ErasedCall,
}

pub(crate) struct VariableRow {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) read: ErasedRead,
    pub(crate) write: Option<ErasedWrite>,
}

pub(crate) struct CommandRow {
    pub(crate) name: &'static str,
    /// Since OpenSIPS 4.0, behind the module and a colon.
    pub(crate) later: &'static str,
    pub(crate) recipes: Vec<Vec<&'static str>>,
    pub(crate) run: ErasedCommand,
}

pub(crate) struct StatisticRow {
    pub(crate) name: &'static str,
    pub(crate) read: ErasedStatistic,
}

fn own<M: Module>(module: &mut dyn Any) -> &mut M {
    module
        .downcast_mut()
        .expect("a table is only used with the instance of its module")
}
