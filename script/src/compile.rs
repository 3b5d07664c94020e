//! From a file to a program: the order of the steps.

use std::path::Path;

use crate::catalog::{Catalog, Function, RouteKind};
use crate::diagnostics::{Diagnostics, Severity};
use crate::loader::Loader;
use crate::program::{Constant, Program};
use crate::report::Report;
use crate::source::{Source, Span};
use crate::survey::{Set, Survey};
use crate::{check, known, lex, lower, parse};

/// Who knows what the core and the modules offer.
pub trait Offer {
    /// Adds what the core offers. Called once, first.
    fn core(&mut self, catalog: &mut Catalog);

    /// Adds what this module offers; false if there is no such module. Called once per loaded module, in the order of
    /// the script.
    fn module(&mut self, name: &str, catalog: &mut Catalog) -> bool;

    /// Whether there is such a module: a hint must not lead to one that is refused.
    fn offers(&self, _name: &str) -> bool {
        true
    }

    /// The modules that this one cannot do without.
    fn needs(&self, _module: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// What is wrong with the value of a module parameter, beyond its type. Called for each that is set, in the order of
    /// the script.
    fn judge_param(&mut self, _module: &str, _name: &str, _value: &Constant) -> Result<(), String> {
        Ok(())
    }

    /// What is wrong with a literal argument of a function, beyond its signature. Of a number: its digits.
    fn judge_argument(&self, _: &Function, _place: usize, _literal: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// What the server says about compiling.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Which global parameters have an effect, by today's name; options of sockets and aliases as `socket/tag` and
    /// `alias/accept_subdomain`. What a script sets and is not listed is a warning, so that nothing is lost in silence.
    /// `None`: nobody knows, and nothing is warned of.
    pub effects: Option<&'static [(&'static str, Effect)]>,
}

/// What setting a global parameter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What the language says.
    Any,
    /// Nothing, and nothing is lost by it; this is why.
    Idle(&'static str),
    /// What this value says happens always; another one changes nothing.
    Only(i32),
}

/// A script that compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// What it names; its ids are those of the program.
    pub catalog: Catalog,
    /// What the operator should look at.
    pub warnings: Diagnostics,
}

/// Compiles a script. Checking only is the same, with the result thrown away.
///
/// The steps: includes, tokens, tree; then the loaded modules are asked for what they offer, and names are looked up
/// in that; then operations. Each step reports all it finds; the next one runs only where that makes sense. The error
/// holds the warnings too.
pub fn compile(
    path: &Path,
    loader: &mut dyn Loader,
    offer: &mut dyn Offer,
    options: &Options,
) -> Result<Compiled, Diagnostics> {
    run(path, loader, offer, options, None)
}

/// Compiles a script, and says what it names: all of it that could be read, if it does not compile.
pub fn examine(
    path: &Path,
    loader: &mut dyn Loader,
    offer: &mut dyn Offer,
    options: &Options,
) -> (Survey, Result<Compiled, Diagnostics>) {
    let mut survey = Survey::default();
    let result = run(path, loader, offer, options, Some(&mut survey));
    (survey, result)
}

fn run(
    path: &Path,
    loader: &mut dyn Loader,
    offer: &mut dyn Offer,
    options: &Options,
    mut survey: Option<&mut Survey>,
) -> Result<Compiled, Diagnostics> {
    let mut source = Source::read(path, loader);
    let faults = std::mem::take(&mut source.faults);
    let mut report = Report::new(&source);
    if !faults.is_empty() {
        let has_rest = !loader.has_preprocessor() && faults.iter().all(|fault| fault.leaves_rest);
        for fault in faults {
            report.fault(fault.place, fault.reason, fault.hint);
        }
        // The missing file may hold what names mean: only what is wrong by itself is looked for.
        if has_rest && let Some(tokens) = lex::lex(&mut report) {
            let script = parse::parse(&tokens, &mut report);
            check::modules(&script, offer, &mut Catalog::new(), &mut report);
        }
        return Err(report.finish(Severity::Warning));
    }
    let Some(tokens) = lex::lex(&mut report) else {
        return Err(report.finish(Severity::Warning));
    };
    let script = parse::parse(&tokens, &mut report);
    drop(tokens);

    let mut catalog = Catalog::new();
    offer.core(&mut catalog);
    catalog.not_offered = known::modules()
        .filter(|name| !offer.offers(name))
        .collect();
    let modules = check::modules(&script, offer, &mut catalog, &mut report);
    check::needs(&script, offer, &modules, &mut report);
    check::globals(&script, &modules, &catalog, &mut report);
    if let Some(effects) = options.effects {
        check::effects(&script.settings, effects, &mut report);
    }
    let named = survey.as_deref_mut().map(|survey| &mut survey.modparams);
    let modparams = check::modparams(
        &script.modparams,
        &modules,
        &catalog,
        offer,
        &mut report,
        named,
    );
    if !script
        .routes
        .iter()
        .any(|route| route.kind == RouteKind::Request && route.name.is_empty())
    {
        report.warn(
            Span::default(),
            "there is no main `route`: every request is discarded",
            None,
        );
    }

    let files = source.files.iter().map(|file| file.name.clone()).collect();
    let missing = modules.missing;
    let modules = modules.loaded;
    let program = Program {
        files,
        modules,
        modparams,
        globals: script.globals,
        ..Program::default()
    };
    if let Some(survey) = survey.as_deref_mut() {
        survey.files.clone_from(&program.files);
        survey.lines = source.lines.len();
        survey.modules = check::survey(&program.modules, &missing);
        survey.globals = script
            .settings
            .iter()
            .map(|setting| Set {
                name: setting.name.clone(),
                number: setting.number,
                at: source.position(setting.span),
            })
            .collect();
    }
    let world = lower::World {
        catalog: &catalog,
        missing: &missing,
        offer,
    };
    let (program, uses) = lower::lower(&script.routes, &world, program, &mut report, survey);
    if report.errors() > 0 {
        return Err(report.finish(Severity::Warning));
    }
    check::reachability(&program, &uses, &catalog, &mut report);
    Ok(Compiled {
        program,
        catalog,
        warnings: report.finish(Severity::Warning),
    })
}
