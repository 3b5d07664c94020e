//! `tandem explain FILE`: what a script uses, and the standing of each.
//!
//! A script that does not compile is explained as well, as far as it can be read: what is missing is what one wants to
//! know. `--all` prints `docs/opensips.md` instead: everything that is offered of all that OpenSIPS has.

mod document;
mod page;

use std::collections::BTreeMap;
use std::process::ExitCode;

use engine::module::Registry;
use script::known;
use script::survey::{Named, Survey, title};
use script::{Diagnostics, RouteKind};
use serde_json::{Value, json};

use super::{Command, ScriptArguments, check};
use crate::script_file::Origin;

pub(crate) const COMMAND: Command = Command {
    name: "explain",
    usage: "FILE [-p COMMAND] [-o NAME[=VALUE]] [--json] | --all",
    does: "what a script uses and the standing of each; all that is offered",
    options: OPTIONS,
    run,
};

const OPTIONS: &str = "  FILE, -f FILE      the routing script (`-`: standard input)
  -p COMMAND         send the script through this command first: -p m4; no shell
  -o NAME[=VALUE]    a value for $argv(NAME); repeatable
  --json             one JSON document
  --all              print docs/opensips.md: all that is offered, and all of OpenSIPS that is not
  -h, --help         this help
";

fn run(parser: &mut lexopt::Parser) -> Result<ExitCode, String> {
    let mut script = ScriptArguments::default();
    let Some([as_json, all]) = script.read(&COMMAND, parser, ["json", "all"])? else {
        return COMMAND.say_help();
    };
    if all {
        super::say(&document::text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = script.finish("explain")?;
    let origin = Origin::find(&arguments)?;
    let (survey, result) = origin.examine()?;
    let found = match result {
        Ok(compiled) => check::on_trial(compiled, &arguments.defines, &origin.name()),
        Err(found) => found,
    };
    if survey.files.is_empty() {
        return Err(found.to_string());
    }
    let explained = Explained::of(&origin.name(), &survey, &found, &modules::registry());
    let text = if as_json {
        format!("{:#}\n", explained.json(&found))
    } else {
        explained.page()
    };
    super::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// How a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does what OpenSIPS documents, or what the differences say.
    Offered,
    /// Accepted; why it does nothing.
    NoEffect(String),
    /// A name of OpenSIPS, or of nobody; what to do.
    NotOffered(String),
}

/// A name that the script uses.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) name: String,
    pub(super) standing: Standing,
    /// The lines it stands on, `FILE:LINE`; of the script itself the line alone.
    pub(super) places: Vec<String>,
}

/// A route, and where it leads.
#[derive(Debug)]
pub(super) struct Leads {
    pub(super) route: String,
    pub(super) place: String,
    pub(super) to: Vec<String>,
    /// Nothing that is written out leads here; a name in a variable still may.
    pub(super) is_unreached: bool,
}

#[derive(Debug)]
pub(super) struct Explained {
    pub(super) file: String,
    pub(super) lines: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    /// Modules, global parameters, module parameters, functions, variables, transformations.
    pub(super) groups: [(&'static str, Vec<Used>); 6],
    pub(super) routes: Vec<Leads>,
    /// By module, the core's first.
    pub(super) differences: Vec<(String, Vec<&'static str>)>,
}

impl Explained {
    fn of(file: &str, survey: &Survey, found: &Diagnostics, registry: &Registry) -> Explained {
        let place = |at: script::program::Position| match survey.files.get(usize::from(at.file)) {
            Some(name) if at.file > 0 => format!("{name}:{}", at.line),
            _ => at.line.to_string(),
        };
        let loaded: Vec<&str> = survey.modules.iter().map(|one| one.name.as_str()).collect();
        let mut modules = Names::default();
        for one in &survey.modules {
            let standing = match one.is_offered {
                true => Standing::Offered,
                false => Standing::NotOffered(module_hint(&one.name)),
            };
            modules.add(&one.name, standing, place(one.at));
        }
        let mut globals = Names::default();
        for one in &survey.globals {
            globals.add(&one.name, global(&one.name, one.number), place(one.at));
        }
        let mut params = Names::default();
        for one in &survey.modparams {
            let standing = match one.is_offered {
                true => Standing::Offered,
                false
                    if survey
                        .modules
                        .iter()
                        .any(|m| m.name == one.module && !m.is_offered) =>
                {
                    Standing::NotOffered(format!("the module {} is not offered", one.module))
                }
                false => Standing::NotOffered("no such parameter is offered".to_owned()),
            };
            params.add(
                &format!("{}:{}", one.module, one.name),
                standing,
                place(one.at),
            );
        }
        let of = |named: Named| {
            let mut names = Names::default();
            for one in survey.mentions.iter().filter(|one| one.named == named) {
                let shown = match named {
                    Named::Function => one.name.clone(),
                    Named::Variable => format!("${}", one.name),
                    Named::Transformation => format!("{{{}}}", one.name),
                };
                let standing = match &one.module {
                    Some(_) => Standing::Offered,
                    None => Standing::NotOffered(name_hint(named, &one.name, &loaded, registry)),
                };
                names.add(&shown, standing, place(one.at));
            }
            names.list
        };
        let is_called = |kind: RouteKind, name: &str| {
            let mut heads = survey.routes.iter();
            heads.any(|head| head.leads_to.iter().any(|to| to.0 == kind && to.1 == name))
        };
        let routes = survey.routes.iter().map(|head| Leads {
            route: head.title(),
            place: place(head.at),
            to: head
                .leads_to
                .iter()
                .map(|(kind, name)| title(*kind, name))
                .collect(),
            is_unreached: is_armed_by_name(head.kind)
                && !head.name.is_empty()
                && !is_called(head.kind, &head.name),
        });
        let differences = std::iter::once("core").chain(loaded.iter().copied());
        let differences = differences
            .filter_map(|name| Some((name.to_owned(), registry.inventory(name)?.differences)))
            .filter(|(_, sentences)| !sentences.is_empty());
        let errors = found.errors();
        Explained {
            file: file.to_owned(),
            lines: survey.lines,
            errors,
            warnings: found.list.len() - errors,
            groups: [
                ("modules", modules.list),
                ("global parameters", globals.list),
                ("module parameters", params.list),
                ("functions", of(Named::Function)),
                ("variables", of(Named::Variable)),
                ("transformations", of(Named::Transformation)),
            ],
            routes: routes.collect(),
            differences: differences.collect(),
        }
    }

    fn json(&self, found: &Diagnostics) -> Value {
        let mut document = check::document(&self.file, found);
        document["lines"] = Value::from(self.lines);
        for (group, used) in &self.groups {
            let key = match *group {
                "global parameters" => "globalParameters",
                "module parameters" => "moduleParameters",
                other => other,
            };
            document[key] = used.iter().map(used_json).collect();
        }
        let routes = self.routes.iter().map(|one| {
            json!({ "route": one.route, "place": one.place, "leadsTo": one.to, "unreached": one.is_unreached })
        });
        document["routes"] = routes.collect();
        let differences = self.differences.iter();
        document["differences"] = differences
            .map(|(module, sentences)| (module.clone(), Value::from(sentences.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        document
    }
}

/// These run only if something names them.
fn is_armed_by_name(kind: RouteKind) -> bool {
    use RouteKind::*;
    matches!(kind, Request | Failure | Reply | Branch)
}

fn used_json(used: &Used) -> Value {
    let (standing, why) = match &used.standing {
        Standing::Offered => ("offered", None),
        Standing::NoEffect(why) => ("no effect", Some(why)),
        Standing::NotOffered(why) => ("not offered", Some(why)),
    };
    json!({ "name": used.name, "standing": standing, "why": why, "places": used.places })
}

/// Names in the order in which they are first used, each with all its places.
#[derive(Default)]
struct Names {
    list: Vec<Used>,
    by_name: BTreeMap<String, usize>,
}

impl Names {
    fn add(&mut self, name: &str, standing: Standing, place: String) {
        let at = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.list.push(Used {
                name: name.to_owned(),
                standing,
                places: Vec::new(),
            });
            self.list.len() - 1
        });
        if self.list[at].places.last() != Some(&place) {
            self.list[at].places.push(place);
        }
    }
}

fn global(name: &str, number: Option<i32>) -> Standing {
    use script::Effect;
    let effect = crate::effects::EFFECTS.iter().find(|(one, _)| *one == name);
    match effect.map(|(_, effect)| *effect) {
        Some(Effect::Any) => Standing::Offered,
        Some(Effect::Only(only)) if number == Some(only) => Standing::Offered,
        Some(Effect::Idle(why)) => Standing::NoEffect(why.to_owned()),
        Some(Effect::Only(only)) => Standing::NoEffect(format!("here it is always {only}")),
        None => Standing::NoEffect("not built yet".to_owned()),
    }
}

fn module_hint(name: &str) -> String {
    let modules = known::modules_by_priority();
    let known = modules.iter().find(|(one, _)| *one == name);
    match known {
        Some(_) => "a module of OpenSIPS".to_owned(),
        None => "no module of OpenSIPS".to_owned(),
    }
}

/// What is to be done about a name that nobody offers.
fn name_hint(named: Named, name: &str, loaded: &[&str], registry: &Registry) -> String {
    let kind = match named {
        Named::Function => known::Kind::Function,
        Named::Variable => known::Kind::Variable,
        Named::Transformation => return "no such transformation is offered".to_owned(),
    };
    let modules = known::modules_by_priority();
    let mut owners = std::iter::once("core").chain(modules.iter().map(|(module, _)| *module));
    let owner = owners.find(|module| known::names_of(module, kind).any(|one| one == name));
    match owner {
        None => "OpenSIPS has no such name".to_owned(),
        Some("core") => "of OpenSIPS's core".to_owned(),
        Some(owner) if loaded.contains(&owner) => format!("of module {owner}"),
        Some(owner) if registry.inventory(owner).is_some() => {
            format!("of module {owner}, which is not loaded")
        }
        Some(owner) => format!("of module {owner}, which is not offered"),
    }
}
