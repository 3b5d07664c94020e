//! `docs/opensips.md`: everything that is offered, and everything of OpenSIPS that is not.
//!
//! Written from what the core and the modules export, so it cannot say anything else.

use std::fmt::Write;

use engine::module::{Inventory, Registry};
use script::known::{self, Kind};
use script::{Access, Catalog, Effect, Function, Param, ParamKind, RouteKinds, SubName, Variable};

use crate::effects::EFFECTS;

const HEAD: &str = "\
<!-- Written by `make docs` from what the core and the modules export. Do not edit it: change the exports. -->

# OpenSIPS: what Tandem offers

One section a module, the core's first. What is not offered does not exist for a script: using it is an error at load that names it. What
stands under *not offered* is of OpenSIPS and not built yet, or has no meaning here; *otherwise* says what is deliberately not as there, and
why. Signatures: `int` a number, `str` a text (`!` without variables, `~` taken as it is written), `var` a variable, `out` one that is
assigned, `regex` a regular expression, `[..]` may be left out.

";

/// Statements that are functions to a script, and always there.
const STATEMENTS: &str = "`assert` `async` `break` `drop` `error` `exit` `for` `if` `launch` `log` `return` `route` \
                          `switch` `while` `xdbg` `xlog`";

/// The whole document.
pub(crate) fn text() -> String {
    let registry = modules::registry();
    let catalog = registry.catalog();
    let mut names: Vec<&str> = registry.names().collect();
    names.sort_unstable();
    let mut out = HEAD.to_owned();
    summary(&registry, &catalog, &names, &mut out);
    section(&registry, &catalog, "core", &mut out);
    for name in &names {
        section(&registry, &catalog, name, &mut out);
    }
    not_offered(&names, &mut out);
    out
}

/// What a module offers of one kind of names, and what OpenSIPS has beside.
struct Standing {
    offered: Vec<String>,
    missing: Vec<&'static str>,
}

impl Standing {
    fn of(module: &str, kind: Kind, offered: Vec<String>) -> Standing {
        let missing = known::names_of(module, kind)
            .filter(|name| !matches!(*name, "$"))
            .filter(|name| !offered.iter().any(|one| is_named(one, name)))
            .collect();
        Standing { offered, missing }
    }

    /// Of those that OpenSIPS has; what only we have does not make up for it.
    fn counts(&self, module: &str, kind: Kind) -> String {
        let all = known::names_of(module, kind)
            .filter(|name| *name != "$")
            .count();
        match (all, self.offered.len()) {
            (0, 0) => "–".to_owned(),
            (0, own) => own.to_string(),
            (all, _) => format!("{} / {all}", all - self.missing.len()),
        }
    }
}

/// `<domain>-users` stands for the name with any domain.
fn is_named(offered: &str, known: &str) -> bool {
    match known.split_once('>') {
        Some((_, tail)) if known.starts_with('<') && !tail.is_empty() => offered.ends_with(tail),
        _ => offered == known,
    }
}

struct Standings([(Kind, &'static str, Standing); 6]);

impl Standings {
    fn of(registry: &Registry, catalog: &Catalog, module: &str) -> Standings {
        let inventory = registry.inventory(module).unwrap_or_default();
        let names = |kind: Kind| -> Vec<String> {
            let mut names: Vec<String> = match kind {
                Kind::Function => of(catalog.functions(), module, |one: &Function| {
                    (&one.module, &one.name)
                }),
                Kind::Parameter => of(catalog.params(), module, |one: &Param| {
                    (&one.module, &one.name)
                }),
                Kind::Variable => of(catalog.variables(), module, |one: &Variable| {
                    (&one.module, &one.name)
                }),
                Kind::Command => commands(module, &inventory),
                Kind::Statistic => owned(&inventory.statistics),
                Kind::Event => owned(&inventory.events),
            };
            // Parts of a prologue are for no script.
            names.retain(|name| !name.contains(' '));
            names.sort_by_key(|name| (name.to_lowercase(), name.clone()));
            names.dedup();
            names
        };
        let row = |kind, word| (kind, word, Standing::of(module, kind, names(kind)));
        Standings([
            row(Kind::Function, "functions"),
            row(Kind::Parameter, "parameters"),
            row(Kind::Variable, "variables"),
            row(Kind::Command, "commands"),
            row(Kind::Statistic, "statistics"),
            row(Kind::Event, "events"),
        ])
    }
}

fn of<T>(rows: &[T], module: &str, names: fn(&T) -> (&String, &String)) -> Vec<String> {
    let rows = rows.iter().map(names);
    rows.filter(|(of, _)| *of == module)
        .map(|(_, name)| name.clone())
        .collect()
}

fn commands(module: &str, inventory: &Inventory) -> Vec<String> {
    let mut commands = owned(&inventory.commands);
    if module == "core" {
        commands.extend(control::own_commands().map(str::to_owned));
    }
    commands
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn summary(registry: &Registry, catalog: &Catalog, names: &[&str], out: &mut String) {
    out.push_str(
        "| module | functions | parameters | variables | commands | statistics | events |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|\n");
    for module in std::iter::once("core").chain(names.iter().copied()) {
        let standings = Standings::of(registry, catalog, module);
        let _ = write!(out, "| [{module}](#{module}) |");
        for (kind, _, standing) in &standings.0 {
            let counts = match (module, kind) {
                ("core", Kind::Parameter) => "[below](#global-parameters)".to_owned(),
                _ => standing.counts(module, *kind),
            };
            let _ = write!(out, " {counts} |");
        }
        out.push('\n');
    }
    out.push_str("\n*n / m*: n of the m names that OpenSIPS has.\n");
}

fn section(registry: &Registry, catalog: &Catalog, module: &str, out: &mut String) {
    let inventory = registry.inventory(module).unwrap_or_default();
    let standings = Standings::of(registry, catalog, module);
    let _ = write!(out, "\n## {module}\n");
    if !inventory.needs.is_empty() {
        let needs: Vec<_> = inventory
            .needs
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = write!(out, "\nNeeds {}.\n", needs.join(", "));
    }
    functions(catalog, module, out);
    parameters(catalog, module, out);
    if module == "core" {
        global_parameters(out);
    }
    rest(catalog, module, &standings, out);
    differences(&inventory, out);
}

fn functions(catalog: &Catalog, module: &str, out: &mut String) {
    let mut functions: Vec<_> = catalog
        .functions()
        .iter()
        .filter(|one| one.module == module && !one.is_hidden())
        .collect();
    if functions.is_empty() {
        return;
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    out.push_str("\n| function | in |\n|---|---|\n");
    for function in functions {
        let asynchronous = if function.asynchronous {
            "; `async`"
        } else {
            ""
        };
        let signature = script::signature::write(&function.args);
        let _ = writeln!(
            out,
            "| `{}{signature}` | {}{asynchronous} |",
            function.name,
            routes(function.kinds)
        );
    }
}

/// The kinds of routes that may call a function.
pub(super) fn routes(kinds: RouteKinds) -> String {
    if kinds == RouteKinds::ALL {
        return "all routes".to_owned();
    }
    let words: Vec<_> = kinds
        .iter()
        .map(|kind| format!("`{}`", kind.word()))
        .collect();
    words.join(" ")
}

fn parameters(catalog: &Catalog, module: &str, out: &mut String) {
    let mut params: Vec<_> = catalog
        .params()
        .iter()
        .filter(|one| one.module == module)
        .collect();
    if params.is_empty() {
        return;
    }
    params.sort_by(|a, b| a.name.cmp(&b.name));
    out.push_str("\n| parameter | takes |\n|---|---|\n");
    for param in params {
        let takes = match param.kind {
            ParamKind::Int => "a number",
            ParamKind::Str => "a text",
            ParamKind::Any => "a number or a text",
        };
        let many = if param.repeatable { "; repeatable" } else { "" };
        let _ = writeln!(out, "| `{}` | {takes}{many} |", param.name);
    }
}

fn global_parameters(out: &mut String) {
    out.push_str("\n### Global parameters\n\n| parameter | here |\n|---|---|\n");
    for (written, kept) in script::globals::names() {
        let _ = writeln!(out, "| `{written}` | {} |", global(written, kept));
    }
}

/// What setting a global parameter does.
pub(super) fn global(written: &str, kept: &str) -> String {
    if written != kept {
        return format!("as `{kept}`");
    }
    let effect = EFFECTS.iter().find(|(name, _)| *name == kept);
    match effect.map(|(_, effect)| *effect) {
        Some(Effect::Any) => "in effect".to_owned(),
        Some(Effect::Idle(why)) => format!("accepted, nothing to do: {why}"),
        Some(Effect::Only(value)) => format!("always {value}; another value is warned of"),
        None => "no effect, which is warned of".to_owned(),
    }
}

fn rest(catalog: &Catalog, module: &str, standings: &Standings, out: &mut String) {
    let mut rows: Vec<(&str, String, String)> = Vec::new();
    if module == "core" {
        rows.push(("statements", STATEMENTS.to_owned(), "–".to_owned()));
    }
    for (kind, word, standing) in &standings.0 {
        let offered = match kind {
            // They have their own tables above.
            Kind::Function | Kind::Parameter if !standing.offered.is_empty() => "above".to_owned(),
            Kind::Variable => variables(catalog, module),
            _ => list(standing.offered.iter().map(String::as_str)),
        };
        rows.push((
            word,
            offered,
            list(
                standing
                    .missing
                    .iter()
                    .map(|name| variable_name(*kind, name)),
            ),
        ));
    }
    if module == "core" {
        let has = |class: &str, name: &str| catalog.find_transformation(class, name).is_some();
        let all = script::standard::TRANSFORMATIONS;
        let missing = all.iter().filter(|(class, name, _)| !has(class, name));
        rows.push((
            "transformations",
            list(
                catalog
                    .transformations()
                    .iter()
                    .map(|one| format!("{{{}.{}}}", one.class, one.name)),
            ),
            list(missing.map(|(class, name, _)| format!("{{{class}.{name}}}"))),
        ));
    }
    rows.retain(|(_, offered, missing)| offered != "–" || missing != "–");
    rows.retain(|(_, offered, missing)| offered != "above" || missing != "–");
    if rows.is_empty() {
        return;
    }
    out.push_str("\n| | offered | not offered |\n|---|---|---|\n");
    for (word, offered, missing) in rows {
        let _ = writeln!(out, "| {word} | {offered} | {missing} |");
    }
}

fn variable_name(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Variable => format!("${name}"),
        _ => name.to_owned(),
    }
}

/// With what may follow the name; an arrow: it can be assigned.
fn variables(catalog: &Catalog, module: &str) -> String {
    let mut variables: Vec<_> = catalog
        .variables()
        .iter()
        .filter(|one| one.module == module)
        .collect();
    variables.sort_by_key(|one| (one.name.to_lowercase(), &one.name));
    list(variables.into_iter().map(|one| {
        let sub_name = match one.sub_name {
            SubName::None => "",
            SubName::Optional => "[(..)]",
            SubName::Required | SubName::Path => "(..)",
        };
        let index = if one.index { "[n]" } else { "" };
        let access = if one.access == Access::ReadWrite {
            " ="
        } else {
            ""
        };
        format!("${}{sub_name}{index}{access}", one.name)
    }))
}

fn list(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    if names.is_empty() {
        "–".to_owned()
    } else {
        names.join(" ")
    }
}

fn differences(inventory: &Inventory, out: &mut String) {
    if inventory.differences.is_empty() {
        return;
    }
    out.push_str("\nOtherwise than in OpenSIPS, or with bounds of its own:\n\n");
    for sentence in &inventory.differences {
        let _ = writeln!(out, "* {sentence}");
    }
}

fn not_offered(names: &[&str], out: &mut String) {
    out.push_str(
        "\n## Modules that are not offered\n\nBy priority: P0 is what most servers need, P3 what hardly any does. `loadmodule` of one is an \
         error that says so.\n\n| | modules |\n|---|---|\n",
    );
    let all = known::modules_by_priority();
    for priority in ["P0", "P1", "P2", "P3"] {
        let missing = all
            .iter()
            .filter(|(name, one)| *one == priority && !names.contains(name));
        let _ = writeln!(
            out,
            "| {priority} | {} |",
            list(missing.map(|(name, _)| name))
        );
    }
}
