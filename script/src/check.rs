//! What is checked outside of routes: modules, their parameters, sockets, and what calls what.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::ast::{ModParam as Written, ModValue};
use crate::catalog::{Catalog, ParamKind, RouteKind};
use crate::compile::{Effect, Offer};
use crate::known;
use crate::lower::Uses;
use crate::parse::{PROTOCOLS, Script, Setting};
use crate::posix::{self, Flags};
use crate::program::{Constant, LoadedModule, ModParam, Program};
use crate::report::{Report, suggest};
use crate::source::Span;
use crate::survey::{Loaded, ParamSet};
use crate::text::Text;

/// `"/path/name.so"` is the module `name`.
fn module_name(written: &Text) -> String {
    let path = written.lossy();
    let file = path.rsplit('/').next().unwrap_or(&path);
    file.strip_suffix(".so").unwrap_or(file).to_owned()
}

/// The modules that a script loads.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// All of them, in order.
    pub(crate) loaded: Vec<LoadedModule>,
    /// Those that nobody offers. Once this is said, what they would have is not reported one by one.
    pub(crate) missing: Vec<String>,
}

/// Asks for every loaded module, once.
pub(crate) fn modules(
    script: &Script,
    offer: &mut dyn Offer,
    catalog: &mut Catalog,
    report: &mut Report<'_>,
) -> Modules {
    let mut modules = Modules::default();
    for written in &script.modules {
        let name = module_name(written);
        if modules.loaded.iter().any(|module| module.name == name) {
            report.warn(
                written.span,
                format!("module {name} is loaded already"),
                None,
            );
            continue;
        }
        if !offer.module(&name, catalog) {
            unknown_module(&name, written.span, report);
            modules.missing.push(name.clone());
        }
        modules.loaded.push(LoadedModule {
            name,
            at: report.source.position(written.span),
        });
    }
    modules
}

/// Every module has those beside it that it cannot do without.
pub(crate) fn needs(
    script: &Script,
    offer: &dyn Offer,
    modules: &Modules,
    report: &mut Report<'_>,
) {
    let mut told = HashSet::new();
    for written in &script.modules {
        let name = module_name(written);
        if modules.missing.contains(&name) || !told.insert(name.clone()) {
            continue;
        }
        for needed in offer.needs(&name) {
            if !modules.loaded.iter().any(|module| module.name == needed) {
                report.error_with(
                    written.span,
                    format!("module {name} needs the module {needed}"),
                    format!("add loadmodule \"{needed}.so\""),
                );
            }
        }
    }
}

/// The modules that are loaded, for the survey.
pub(crate) fn survey(loaded: &[LoadedModule], missing: &[String]) -> Vec<Loaded> {
    let of = |module: &LoadedModule| Loaded {
        name: module.name.clone(),
        at: module.at,
        is_offered: !missing.contains(&module.name),
    };
    loaded.iter().map(of).collect()
}

fn unknown_module(name: &str, span: Span, report: &mut Report<'_>) {
    if let Some(hint) = known::old_module(name) {
        return report.error_with(span, format!("there is no module `{name}` any more"), hint);
    }
    if known::is_module(name) {
        return report.error_with(
            span,
            format!("`{name}` is a module of OpenSIPS that Tandem does not offer yet"),
            "take it out with all that uses it; docs/opensips.md lists what is offered",
        );
    }
    let reason = format!("unknown module `{name}`");
    match suggest(name, known::modules()) {
        Some(near) => report.error_with(span, reason, format!("did you mean `{near}`?")),
        None => report.error(span, reason),
    }
}

/// Checks every `modparam` against the modules its expression matches.
pub(crate) fn modparams(
    written: &[Written],
    modules: &Modules,
    catalog: &Catalog,
    offer: &mut dyn Offer,
    report: &mut Report<'_>,
    mut survey: Option<&mut Vec<ParamSet>>,
) -> Vec<ModParam> {
    let mut params = Vec::new();
    for one in written {
        let mut named = Vec::new();
        let before = params.len();
        modparam(one, modules, catalog, report, &mut params, &mut named);
        for param in &params[before..] {
            if let Err(reason) = offer.judge_param(&param.module, &param.name, &param.value) {
                let reason = format!(
                    "parameter `{}` of module {}: {reason}",
                    param.name, param.module
                );
                report.error(one.value.span(), reason);
            }
        }
        if let Some(survey) = survey.as_deref_mut() {
            survey.append(&mut named);
        }
    }
    params
}

fn modparam(
    written: &Written,
    modules: &Modules,
    catalog: &Catalog,
    report: &mut Report<'_>,
    params: &mut Vec<ModParam>,
    survey: &mut Vec<ParamSet>,
) {
    let pattern = written.modules.lossy();
    let anchored = format!("^({pattern})$");
    let regex = match posix::compile(anchored.as_bytes(), Flags::MATCH) {
        Ok(regex) => regex,
        Err(reason) => {
            return report.error(
                written.modules.span,
                format!("bad regular expression: {reason}"),
            );
        }
    };
    let name = written.name.lossy();
    let value = match &written.value {
        ModValue::Text(text) => Constant::Str(text.bytes.as_slice().into()),
        ModValue::Number(number, _) => Constant::Int(*number),
    };
    let mut matched = false;
    for module in modules
        .loaded
        .iter()
        .filter(|module| regex.is_match(module.name.as_bytes()))
    {
        matched = true;
        let found = catalog.find_param(&module.name, &name);
        survey.push(ParamSet {
            module: module.name.clone(),
            name: name.clone(),
            at: report.source.position(written.span),
            is_offered: found.is_some(),
        });
        let Some(id) = found else {
            if !modules.missing.contains(&module.name) {
                unknown_param(&module.name, &name, written, catalog, report);
            }
            continue;
        };
        let wrong = match (catalog.param(id).kind, &written.value) {
            (ParamKind::Int, ModValue::Text(text)) => Some((text.span, "a number")),
            (ParamKind::Str, ModValue::Number(_, span)) => Some((*span, "a string")),
            _ => None,
        };
        if let Some((span, wanted)) = wrong {
            let reason = format!(
                "parameter `{name}` of module {} has another type: it is {wanted}",
                module.name
            );
            let hint = match &value {
                Constant::Int(number) => format!("write \"{number}\" in quotes"),
                Constant::Str(text) => match String::from_utf8_lossy(text).trim().parse::<i32>() {
                    Ok(number) => format!("write {number} without quotes"),
                    Err(_) => "write a number".into(),
                },
            };
            report.error_with(span, reason, hint);
            continue;
        }
        let at = report.source.position(written.span);
        params.push(ModParam {
            module: module.name.clone(),
            param: id,
            name: name.clone(),
            value: value.clone(),
            at,
        });
    }
    if !matched {
        survey.push(ParamSet {
            module: pattern.clone(),
            name: name.clone(),
            at: report.source.position(written.span),
            is_offered: false,
        });
        let reason = format!("no loaded module matches `{pattern}`");
        if known::is_module(&pattern) {
            report.error_with(written.modules.span, reason, catalog.way_to(&pattern));
        } else {
            match suggest(
                &pattern,
                modules.loaded.iter().map(|module| module.name.as_str()),
            ) {
                Some(near) => report.error_with(
                    written.modules.span,
                    reason,
                    format!("did you mean `{near}`?"),
                ),
                None => report.error(written.modules.span, reason),
            }
        }
    }
}

fn unknown_param(
    module: &str,
    name: &str,
    written: &Written,
    catalog: &Catalog,
    report: &mut Report<'_>,
) {
    let span = written.name.span;
    if known::has_param(module, name) {
        report.error(
            span,
            format!("`{name}` is a parameter of module {module} that Tandem does not offer yet"),
        );
        return;
    }
    let reason = format!("parameter `{name}` not found in module {module}");
    let of_opensips: Vec<&str> = known::params(module).collect();
    let offered = catalog
        .params()
        .iter()
        .filter(|param| param.module == module)
        .map(|param| param.name.as_str());
    match suggest(name, offered.chain(of_opensips)) {
        Some(near) => report.error_with(span, reason, format!("did you mean `{near}`?")),
        None => report.error(span, reason),
    }
}

/// Sockets need their protocol's module; scaling profiles must exist.
pub(crate) fn globals(
    script: &Script,
    modules: &Modules,
    catalog: &Catalog,
    report: &mut Report<'_>,
) {
    let mut told = HashSet::new();
    for (protocol, span) in &script.protocols {
        let Some((_, module)) = PROTOCOLS.iter().find(|(name, _)| name == protocol) else {
            continue;
        };
        if !modules.loaded.iter().any(|one| one.name == *module) && told.insert(protocol) {
            let hint = catalog.way_to(module);
            report.error_with(
                *span,
                format!("no loaded module provides the protocol {protocol}"),
                hint,
            );
        }
    }
    for (name, span) in &script.profiles_used {
        if !script
            .globals
            .scaling_profiles
            .iter()
            .any(|profile| profile.name == *name)
        {
            report.error(*span, format!("there is no auto_scaling_profile `{name}`"));
        }
    }
}

/// Says which global parameters and options of sockets do nothing here.
pub(crate) fn effects(settings: &[Setting], effects: &[(&str, Effect)], report: &mut Report<'_>) {
    for setting in settings {
        let name = match setting.name.split_once('/') {
            Some((of, option)) => format!("the option `{option}` of `{of}`"),
            None => format!("`{}`", setting.name),
        };
        let effect = effects.iter().find(|(name, _)| *name == setting.name);
        match effect.map(|(_, effect)| *effect) {
            Some(Effect::Any | Effect::Idle(_)) => {}
            Some(Effect::Only(number)) if setting.number == Some(number) => {}
            Some(Effect::Only(number)) => report.warn(
                setting.span,
                format!("{name} has no effect: here it is always {number}"),
                None,
            ),
            None => report.warn(setting.span, format!("{name} has no effect here"), None),
        }
    }
}

/// Follows `route(x)` from the routes that something other than the script runs, and warns where a function is reached
/// from a kind of route it is not made for. In the kind it stands in itself, this was an error already.
pub(crate) fn reachability(
    program: &Program,
    uses: &[Uses],
    catalog: &Catalog,
    report: &mut Report<'_>,
) {
    let mut told = HashSet::new();
    for kind in RouteKind::ALL
        .into_iter()
        .filter(|kind| *kind != RouteKind::Request)
    {
        // The route through which each one was reached first, for the message.
        let mut from: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::new();
        for (index, route) in program.routes.iter().enumerate() {
            if route.kind == kind {
                from.insert(index, index);
                queue.push_back(index);
            }
        }
        while let Some(index) = queue.pop_front() {
            let top = from[&index];
            let Some(used) = uses.get(index) else {
                continue;
            };
            for next in &used.routes {
                let next = usize::from(next.0);
                if let std::collections::hash_map::Entry::Vacant(e) = from.entry(next) {
                    e.insert(top);
                    queue.push_back(next);
                }
            }
            if index == top {
                continue;
            }
            for (function, span) in &used.functions {
                let function = catalog.function(*function);
                if function.kinds.contains(kind) || !told.insert((kind, span.start)) {
                    continue;
                }
                let head = head(program, top);
                let reason = format!(
                    "`{}` is not made for {}, and {head} leads here",
                    function.name,
                    kind.word()
                );
                report.warn(*span, reason, Some("there it fails with -1".into()));
            }
        }
    }
}

fn head(program: &Program, index: usize) -> String {
    let route = &program.routes[index];
    match route.name.as_slice() {
        b"" => route.kind.word().to_owned(),
        name => format!("{}[{}]", route.kind.word(), String::from_utf8_lossy(name)),
    }
}
