//! From a file to a program: the order of the steps.

use std::path::Path;

use crate::catalog::{Catalog, RouteKind};
use crate::diagnostics::{Diagnostics, Severity};
use crate::loader::Loader;
use crate::program::Program;
use crate::report::Report;
use crate::source::{Source, Span};
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
    /// It protects somebody: a server that only seems to obey it must not start.
    Missing,
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
    let mut source = Source::read(path, loader);
    let faults = std::mem::take(&mut source.faults);
    let mut report = Report::new(&source);
    if !faults.is_empty() {
        for fault in faults {
            report.fault(fault.place, fault.reason, fault.hint);
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
    check::globals(&script, &modules, &catalog, &mut report);
    if let Some(effects) = options.effects {
        check::effects(&script.settings, effects, &mut report);
    }
    let modparams = check::modparams(&script.modparams, &modules, &catalog, &mut report);
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
    let (program, uses) = lower::lower(&script.routes, &catalog, &missing, program, &mut report);
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
