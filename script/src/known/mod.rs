//! What OpenSIPS has: the names of its modules, functions, parameters and variables.
//!
//! For error messages ("is a function of tm", "did you mean"), and, as [`Everything`], an offer of all of it for tests
//! and for checking scripts apart from a server. The list is generated: `regenerate.py` beside it says how.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::catalog::{Access, Catalog, Function, Param, ParamKind, RouteKind, SubName, Variable};
use crate::compile::Offer;
use crate::signature;
use crate::standard;

const NAMES: &str = include_str!("names.txt");

/// Modules of the past, and what to load today.
const OLD_MODULES: &[(&str, &str)] = &[
    ("avpops", "its functions are in sqlops and in the core"),
    ("event_jsonrpc", "load event_stream"),
    ("mi_json", "load httpd and mi_http"),
    ("mi_xmlrpc", "load httpd and mi_xmlrpc_ng"),
    ("siptrace", "load tracer"),
    ("uri", "its functions are in sipmsgops and auth_db"),
    ("uri_db", "its functions are in auth_db"),
    ("xlog", "xlog() is part of the core: remove the line"),
];

/// Functions whose first argument names a route, with its kind.
const ARMS_ROUTES: &[(&str, RouteKind)] = &[
    ("t_on_failure", RouteKind::Failure),
    ("t_on_reply", RouteKind::Reply),
    ("t_on_branch", RouteKind::Branch),
];

struct Names {
    /// With their priorities.
    modules: Vec<(&'static str, &'static str)>,
    lines: HashMap<&'static str, Vec<Line>>,
    functions: HashMap<&'static str, &'static str>,
    variables: HashMap<&'static str, &'static str>,
    events: HashMap<&'static str, &'static str>,
}

/// One name of a module.
#[derive(Debug, Clone, Copy)]
struct Line {
    kind: &'static str,
    name: &'static str,
    rest: &'static str,
}

fn names() -> &'static Names {
    static ONCE: OnceLock<Names> = OnceLock::new();
    ONCE.get_or_init(|| {
        let mut names = Names {
            modules: Vec::new(),
            lines: HashMap::new(),
            functions: HashMap::new(),
            variables: HashMap::new(),
            events: HashMap::new(),
        };
        let mut module = "";
        for text in NAMES.lines() {
            if let Some((name, priority)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
                module = name;
                names.modules.push((module, priority.trim()));
                continue;
            }
            let mut words = text.splitn(3, ' ').chain(std::iter::repeat(""));
            let mut word = || words.next().unwrap_or_default();
            let (kind, name, rest) = (word(), word(), word());
            let line = Line { kind, name, rest };
            names.lines.entry(module).or_default().push(line);
            match kind {
                "f" => drop(names.functions.entry(name).or_insert(module)),
                "v" => drop(names.variables.entry(name).or_insert(module)),
                "e" => drop(names.events.entry(name).or_insert(module)),
                _ => {}
            }
        }
        names
    })
}

/// The names of a module.
fn lines(module: &str) -> &'static [Line] {
    names().lines.get(module).map_or(&[], Vec::as_slice)
}

/// The module of OpenSIPS that has this function.
pub(crate) fn module_of_function(name: &str) -> Option<&'static str> {
    names().functions.get(name).copied()
}

/// The module of OpenSIPS that has this variable.
pub(crate) fn module_of_variable(name: &str) -> Option<&'static str> {
    names().variables.get(name).copied()
}

/// The module of OpenSIPS that raises this event.
pub(crate) fn module_of_event(name: &str) -> Option<&'static str> {
    names().events.get(name).copied()
}

/// The events of OpenSIPS.
pub(crate) fn events() -> impl Iterator<Item = &'static str> {
    modules().flat_map(|module| names_of(module, Kind::Event))
}

/// Has the module of OpenSIPS this parameter?
pub(crate) fn has_param(module: &str, name: &str) -> bool {
    params(module).any(|one| one == name)
}

/// The parameters of a module of OpenSIPS.
pub(crate) fn params(module: &str) -> impl Iterator<Item = &'static str> + use<> {
    lines(module)
        .iter()
        .filter(|line| line.kind == "p")
        .map(|line| line.name)
}

/// Is there such a module in OpenSIPS?
pub(crate) fn is_module(name: &str) -> bool {
    modules().any(|module| module == name)
}

/// The modules of OpenSIPS.
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    names().modules.iter().map(|(name, _)| *name)
}

/// What a name of OpenSIPS is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function of scripts.
    Function,
    /// A parameter of a module.
    Parameter,
    /// A variable.
    Variable,
    /// A management command.
    Command,
    /// A statistic.
    Statistic,
    /// An event.
    Event,
}

/// The names of one kind that a module of OpenSIPS has; of the core for `core`.
pub fn names_of(module: &str, kind: Kind) -> impl Iterator<Item = &'static str> + use<> {
    let word = match kind {
        Kind::Function => "f",
        Kind::Parameter => "p",
        Kind::Variable => "v",
        Kind::Command => "m",
        Kind::Statistic => "s",
        Kind::Event => "e",
    };
    lines(module)
        .iter()
        .filter(move |line| line.kind == word)
        .map(|line| line.name)
}

/// The modules of OpenSIPS without the core, each with its priority: `P0` is what most servers need, `P3` what hardly
/// any does.
pub fn modules_by_priority() -> Vec<(&'static str, &'static str)> {
    let mut modules: Vec<_> = names().modules.clone();
    modules.retain(|(name, _)| *name != "core");
    modules.sort_by_key(|(name, priority)| (*priority, *name));
    modules
}

/// What to do about a module of the past.
pub(crate) fn old_module(name: &str) -> Option<&'static str> {
    OLD_MODULES
        .iter()
        .find(|(old, _)| *old == name)
        .map(|(_, hint)| *hint)
}

/// Offers all that OpenSIPS has. Nothing of it can run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everything;

impl Offer for Everything {
    fn core(&mut self, catalog: &mut Catalog) {
        add(catalog, "core");
        standard::add_transformations(catalog);
    }

    fn module(&mut self, name: &str, catalog: &mut Catalog) -> bool {
        is_module(name) && name != "core" && {
            add(catalog, name);
            true
        }
    }
}

fn add(catalog: &mut Catalog, wanted: &str) {
    let lines = lines(wanted);
    for Line { kind, name, rest } in lines.iter().copied() {
        let (module, name_owned) = (wanted.to_owned(), name.to_owned());
        match kind {
            "f" => {
                let Some((mut args, kinds)) = signature::parse(rest) else {
                    continue;
                };
                let armed = ARMS_ROUTES.iter().find(|(arming, _)| *arming == name);
                if let (Some(first), Some((_, kind))) = (args.first_mut(), armed) {
                    first.route = Some(*kind);
                }
                let asynchronous = lines
                    .iter()
                    .any(|line| line.kind == "a" && line.name == name);
                catalog.add_function(Function {
                    module,
                    name: name_owned,
                    args,
                    kinds,
                    asynchronous,
                });
            }
            "p" => {
                let kind = match rest.trim_end_matches('*') {
                    "i" => ParamKind::Int,
                    "a" => ParamKind::Any,
                    _ => ParamKind::Str,
                };
                catalog.add_param(Param {
                    module,
                    name: name_owned,
                    kind,
                    repeatable: rest.ends_with('*'),
                });
            }
            "v" => {
                let access = if rest.contains('w') {
                    Access::ReadWrite
                } else {
                    Access::ReadOnly
                };
                let sub_name = match (rest.contains('n'), rest.contains('o')) {
                    (true, _) => SubName::Required,
                    (_, true) => SubName::Optional,
                    _ => SubName::None,
                };
                let index = rest.contains('i');
                catalog.add_variable(Variable {
                    module,
                    name: name_owned,
                    access,
                    sub_name,
                    index,
                });
            }
            "e" => catalog.add_event(name),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{lines, modules, signature};

    #[test]
    fn every_signature_of_the_list_can_be_read() {
        let all: Vec<_> = modules().flat_map(lines).collect();
        let functions = all.iter().filter(|line| line.kind == "f");
        let broken: Vec<_> = functions
            .filter(|line| signature::parse(line.rest).is_none())
            .collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert!(all.len() > 2500);
    }
}
