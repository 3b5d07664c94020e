//! A program, tied to what the core and the loaded modules offer.
//!
//! Each shard makes its own from the shared [`Program`]: function pointers by the catalog's ids, and the numbers of
//! all names that the script writes down. Made again from the same program it is the same, on every shard.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use script::catalog::{FunctionId, ParamId, TransformId, VariableId};
use script::ops::{Op, OpId};
use script::program::{Arg, ConstId, Constant, LoadedModule, Name, Position, RouteId, SpecId};
use script::{ArgKind, Catalog, Diagnostic, Diagnostics, Program, RouteKind, Severity};

use super::core_functions;
use super::flags::FlagNames;
use super::names::{NameId, Names};
use super::transformations::{self, Transformation};
use super::variables::{self, CoreVariable};
use crate::limits::VARS_MAX;
use crate::module::erased::{ErasedCall, ErasedRead, ErasedSet, ErasedWrite, Table};
use crate::module::{Args, Check, Context, PreparedOnce, Registry, Verdict, add_core, add_module};

/// A program that can run here.
pub struct Linked {
    /// The program.
    pub program: Arc<Program>,
    /// What it names.
    pub catalog: Catalog,
    /// The modules that run, by slot.
    pub(crate) loaded: Vec<LoadedModule>,
    /// What the modules export, by slot. Functions and variables have moved to the lists below.
    pub(crate) tables: Vec<Table>,
    /// Slots in the order of starting.
    pub(crate) start_order: Vec<u16>,
    pub(crate) functions: Vec<Callee>,
    pub(crate) variables: Vec<Readable>,
    pub(crate) transformations: Vec<&'static Transformation>,
    pub(crate) names: ConstNames,
    /// What modules prepare once for a place in the script, by the number of the call.
    pub(crate) prepared: Vec<OnceLock<PreparedOnce>>,
    params: Vec<(u16, usize)>,
    routes: HashMap<(RouteKind, NameId), RouteId, ahash::RandomState>,
    pub(crate) settings: Settings,
    /// The flags it names.
    pub(crate) flags: FlagNames,
}

/// Why a program that names too much does not run.
const NO_ROOM: &str = "too many names of variables and routes, those of the scripts before and those made at run time \
                       counted: a restart forgets them";

/// Where a variable stands first.
fn place_of(program: &Program, spec: usize) -> Position {
    let is_it = |id: SpecId| id.0 as usize == spec;
    let at = program.ops.iter().position(|op| match op {
        Op::Load(id) | Op::Store { spec: id, .. } => is_it(*id),
        _ => false,
    });
    at.map_or(Position::default(), |at| program.position(OpId(at as u32)))
}

/// The names that a program's literals are.
#[derive(Debug, Default)]
pub(crate) struct ConstNames(Vec<Option<NameId>>);

impl ConstNames {
    /// `errors`: those that find no room.
    fn new(
        program: &Program,
        names: &mut Names,
        errors: &mut Vec<(Position, String)>,
    ) -> ConstNames {
        let mut list = vec![None; program.constants.len()];
        for (at, spec) in program.specs.iter().enumerate() {
            if let Name::Const(id) = spec.name
                && let Some(text) = program.constant(id).text()
            {
                let number = names.intern(text);
                list[id.0 as usize] = number;
                if number.is_none() {
                    errors.push((place_of(program, at), NO_ROOM.to_owned()));
                    break;
                }
            }
        }
        ConstNames(list)
    }

    pub(crate) fn of(&self, id: ConstId) -> Option<NameId> {
        self.0.get(id.0 as usize).copied().flatten()
    }
}

/// Global parameters that the machine looks at for every message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) loops_max: u32,
    pub(crate) text_max: usize,
    /// Bytes of one `xlog`.
    pub(crate) xlog_max: usize,
    /// `exec_msg_threshold`; 0 is off.
    pub(crate) threshold_us: u32,
    pub(crate) xlog_level: i8,
    pub(crate) xlog_print_level: i8,
    pub(crate) abort_on_assert: bool,
    pub(crate) error_route: Option<RouteId>,
}

/// What a function call runs.
pub(crate) enum Callee {
    Core(fn(&mut Context<'_>, Args<'_>) -> Verdict),
    Module { slot: u16, call: ErasedCall },
}

/// What reads and writes a variable.
pub(crate) enum Readable {
    Core(&'static CoreVariable),
    Module {
        slot: u16,
        read: ErasedRead,
        write: Option<ErasedWrite>,
    },
}

impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked")
            .field("modules", &self.program.modules.len())
            .finish_non_exhaustive()
    }
}

impl Linked {
    /// Ties a program to the functions of the registry. `names` are the shard's, so that what was attached to
    /// messages under an earlier program keeps its meaning.
    pub fn new(
        program: Arc<Program>,
        registry: &Registry,
        names: &mut Names,
    ) -> Result<Linked, Diagnostics> {
        let loaded = program.modules.clone();
        Linked::tie(program, loaded, registry, names)
    }

    /// The same for a program that takes the place of another: it may name the modules that run, in any order, and no
    /// others. Its routes are what counts; global parameters stay what they were.
    pub fn again(
        program: Arc<Program>,
        registry: &Registry,
        names: &mut Names,
        running: &Linked,
    ) -> Result<Linked, Diagnostics> {
        let mut linked = Linked::tie(program, running.loaded.clone(), registry, names)?;
        linked.settings = Settings {
            error_route: linked.settings.error_route,
            ..running.settings
        };
        linked.start_order.clone_from(&running.start_order);
        Ok(linked)
    }

    fn tie(
        program: Arc<Program>,
        loaded: Vec<LoadedModule>,
        registry: &Registry,
        names: &mut Names,
    ) -> Result<Linked, Diagnostics> {
        let mut errors = Vec::new();
        let known = names.len();
        let mut linked = Linked::empty(program, loaded, names, &mut errors);
        add_core(&mut linked.catalog);
        linked
            .functions
            .extend(core_functions::table().map(|row| Callee::Core(row.call)));
        linked
            .variables
            .extend(variables::table().map(Readable::Core));
        linked.transformations.extend(transformations::table());
        let mut checks = core_checks();
        for named in &linked.program.modules.clone() {
            let slot = linked.loaded.iter().position(|one| one.name == named.name);
            match (registry.entry(&named.name), slot) {
                (Some(entry), Some(slot)) => {
                    linked.add(slot, &named.name, (entry.exports)(), &mut checks);
                }
                (Some(_), None) => errors.push((
                    named.at,
                    format!(
                        "module `{}` is not loaded in the running server; a module is added by a restart",
                        named.name
                    ),
                )),
                (None, _) => errors.push((
                    named.at,
                    format!("module `{}` is not in this build", named.name),
                )),
            }
        }
        // What runs and is not named any more keeps its commands, periods and statistics.
        for slot in 0..linked.loaded.len() {
            let silent = &linked.loaded[slot].name;
            if !linked.program.modules.iter().any(|one| one.name == *silent)
                && let Some(entry) = registry.entry(silent)
            {
                linked.tables[slot] = (entry.exports)();
            }
        }
        // The numbers of what a missing module would offer are not in the tables.
        if errors.is_empty() {
            linked.check_calls(&checks, &mut errors);
            linked.check_vars(&mut errors);
            linked.order(&mut errors);
            match FlagNames::of(&linked.program, &linked.catalog) {
                Ok(flags) => linked.flags = flags,
                Err(at) => errors.push((at, "more than 32 flags of one class".to_owned())),
            }
        }
        if errors.is_empty() {
            return Ok(linked);
        }
        names.cut_back(known);
        let list = errors
            .into_iter()
            .map(|(at, reason)| linked.diagnostic(at, reason))
            .collect();
        Err(Diagnostics {
            list,
            ..Diagnostics::default()
        })
    }

    fn empty(
        program: Arc<Program>,
        loaded: Vec<LoadedModule>,
        names: &mut Names,
        errors: &mut Vec<(Position, String)>,
    ) -> Linked {
        let mut routes = HashMap::with_hasher(ahash::RandomState::with_seeds(5, 6, 7, 8));
        for (at, route) in program.routes.iter().enumerate() {
            match names.intern(&route.name) {
                Some(name) => {
                    routes.insert((route.kind, name), RouteId(at as u16));
                }
                None => {
                    errors.push((program.position(route.entry), NO_ROOM.to_owned()));
                    break;
                }
            }
        }
        Linked {
            catalog: Catalog::new(),
            tables: std::iter::repeat_with(Table::default)
                .take(loaded.len())
                .collect(),
            loaded,
            start_order: Vec::new(),
            functions: Vec::new(),
            variables: Vec::new(),
            transformations: Vec::new(),
            names: ConstNames::new(&program, names, errors),
            prepared: std::iter::repeat_with(OnceLock::new)
                .take(program.calls.len())
                .collect(),
            params: Vec::new(),
            routes,
            settings: Settings::of(&program),
            flags: FlagNames::default(),
            program,
        }
    }

    fn add(
        &mut self,
        place: usize,
        name: &str,
        mut table: Table,
        checks: &mut Vec<Vec<Option<Check>>>,
    ) {
        let slot = place as u16;
        add_module(name, &table, &mut self.catalog);
        for row in table.functions.drain(..) {
            checks.push(row.args.iter().map(|kind| kind.check).collect());
            self.functions.push(Callee::Module {
                slot,
                call: row.call,
            });
        }
        for row in table.variables.drain(..) {
            self.variables.push(Readable::Module {
                slot,
                read: row.read,
                write: row.write,
            });
        }
        self.params
            .extend((0..table.params.len()).map(|row| (slot, row)));
        self.tables[place] = table;
    }

    /// Literals that a function looks at closer than its signature says.
    fn check_calls(&self, checks: &[Vec<Option<Check>>], errors: &mut Vec<(Position, String)>) {
        for call in &self.program.calls {
            let function = self.catalog.function(call.function);
            for (place, arg) in self.program.args(call).iter().enumerate() {
                let check = checks[usize::from(call.function.0)]
                    .get(place)
                    .copied()
                    .flatten();
                let literal = match arg {
                    Arg::Str(id) => self.program.constant(*id).text().map(Cow::Borrowed),
                    Arg::Int(number) => Some(Cow::Owned(number.to_string().into_bytes())),
                    _ => None,
                };
                if let (Some(check), Some(literal)) = (check, literal)
                    && let Err(reason) = check(&literal)
                {
                    errors.push((
                        call.at,
                        format!("argument {} of `{}`: {reason}", place + 1, function.name),
                    ));
                }
            }
        }
    }

    /// `$var`s are kept by their numbers, and there are fewer of those than of names.
    fn check_vars(&self, errors: &mut Vec<(Position, String)>) {
        let specs = self.program.specs.iter().enumerate();
        let beyond = specs.filter(|(_, spec)| {
            let Name::Const(id) = spec.name else {
                return false;
            };
            let number = self.names.of(id).map_or(0, |name| name.0 as usize);
            number >= VARS_MAX && self.catalog.variable(spec.variable).name == "var"
        });
        if let Some((at, _)) = beyond.into_iter().next() {
            errors.push((place_of(&self.program, at), NO_ROOM.to_owned()));
        }
    }

    /// Puts modules behind those they need.
    fn order(&mut self, errors: &mut Vec<(Position, String)>) {
        let loaded = &self.loaded;
        let slot_of = |name: &str| loaded.iter().position(|one| one.name == name);
        for (slot, table) in self.tables.iter().enumerate() {
            for missing in table.needs.iter().filter(|name| slot_of(name).is_none()) {
                let name = &loaded[slot].name;
                errors.push((
                    loaded[slot].at,
                    format!(
                        "module `{name}` needs module `{missing}`; add loadmodule \"{missing}.so\""
                    ),
                ));
            }
        }
        let waits_for = |slot: usize| {
            let table = &self.tables[slot];
            table
                .needs
                .iter()
                .chain(&table.after)
                .filter_map(|name| slot_of(name))
                .filter(move |one| *one != slot)
        };
        let mut order: Vec<u16> = Vec::new();
        while order.len() < self.tables.len() {
            let is_started = |slot: usize| order.contains(&(slot as u16));
            let next = (0..self.tables.len())
                .find(|&slot| !is_started(slot) && waits_for(slot).all(is_started));
            // Modules that wait for each other start in the order of the script.
            let next = next.or_else(|| (0..self.tables.len()).find(|&slot| !is_started(slot)));
            let Some(next) = next else { break };
            order.push(next as u16);
        }
        self.start_order = order;
    }

    /// An error at a place of the script.
    pub(crate) fn diagnostic(&self, at: Position, reason: String) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: self.program.file(at).to_owned(),
            line: at.line,
            column: u32::from(at.column),
            end_column: u32::from(at.column) + 1,
            reason,
            hint: None,
            included_from: Vec::new(),
            context: Vec::new(),
        }
    }

    /// The route of this kind and name; the name of the main route is empty.
    pub fn route(&self, kind: RouteKind, name: &[u8]) -> Option<RouteId> {
        // `route[0]` is the main route, also by a name made at run time.
        let is_main = kind == RouteKind::Request && name.iter().all(|byte| *byte == b'0');
        let name = if is_main { b"" } else { name };
        self.program.route(kind, name)
    }

    /// The route that a hook means; `None` if the program has none of that name.
    pub fn hook(&self, kind: RouteKind, name: NameId) -> Option<RouteId> {
        self.routes.get(&(kind, name)).copied()
    }

    /// The `timer_route`s: which, its name, its period in seconds.
    pub fn timer_routes(&self) -> impl Iterator<Item = (RouteId, &[u8], u32)> {
        let routes = self.program.routes.iter().enumerate();
        routes
            .filter(|(_, route)| route.kind == RouteKind::Timer)
            .map(|(at, route)| (RouteId(at as u16), &*route.name, route.interval))
    }

    pub(crate) fn param(&self, id: ParamId) -> Option<(u16, &ErasedSet)> {
        let (slot, row) = *self.params.get(usize::from(id.0))?;
        Some((slot, &self.tables[usize::from(slot)].params.get(row)?.set))
    }

    pub(crate) fn callee(&self, id: FunctionId) -> &Callee {
        &self.functions[usize::from(id.0)]
    }

    pub(crate) fn arg_kind(&self, id: FunctionId, place: usize) -> ArgKind {
        self.catalog
            .function(id)
            .args
            .get(place)
            .map_or(ArgKind::Str, |arg| arg.kind)
    }

    pub(crate) fn readable(&self, id: VariableId) -> &Readable {
        &self.variables[usize::from(id.0)]
    }

    pub(crate) fn transformation(&self, id: TransformId) -> &'static Transformation {
        self.transformations[usize::from(id.0)]
    }
}

impl Settings {
    fn of(program: &Program) -> Settings {
        let level = |name: &str| {
            program
                .globals
                .int(name)
                .map_or(2, |n| n.clamp(-3, 4) as i8)
        };
        let at_least = |name: &str, or: i32| program.globals.int(name).unwrap_or(or).max(0) as u32;
        Settings {
            loops_max: at_least("max_while_loops", 10_000),
            text_max: at_least("pv_print_buf_size", 20_000) as usize,
            xlog_max: at_least("xlog_buf_size", 4096) as usize,
            threshold_us: at_least("exec_msg_threshold", 0),
            xlog_level: level("xlog_level"),
            xlog_print_level: level("xlog_print_level"),
            abort_on_assert: program.globals.is_on("abort_on_assert").unwrap_or(false),
            error_route: program.route(RouteKind::Error, b""),
        }
    }
}

fn core_checks() -> Vec<Vec<Option<Check>>> {
    core_functions::table()
        .map(|row| row.checks.to_vec())
        .collect()
}

/// The text of a literal; empty of a number.
pub(crate) fn literal(program: &Program, id: ConstId) -> &[u8] {
    match program.constant(id) {
        Constant::Str(text) => text,
        Constant::Int(_) => b"",
    }
}
