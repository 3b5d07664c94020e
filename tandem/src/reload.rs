//! A new script for the server that runs: compiled like the first one, compared with it, remembered for engines that
//! are started anew.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use control::{Fresh, Scripts};
use script::{Program, RouteKind};

use crate::script_file::Origin;

/// The program that runs now, for whoever has to start an engine.
#[derive(Clone, Default)]
pub(crate) struct Current(Arc<RwLock<Option<Arc<Program>>>>);

impl Current {
    /// What took the place of the first program, if anything did.
    pub(crate) fn get(&self) -> Option<Arc<Program>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Where the server's scripts come from.
pub(crate) struct Reloads {
    pub(crate) origin: Origin,
    /// The program the server started with: its modules and parameters are those of the engines.
    pub(crate) first: Arc<Program>,
    pub(crate) current: Current,
}

impl Scripts for Reloads {
    fn compile(&self) -> Result<Fresh, String> {
        self.origin.can_be_read_again()?;
        let compiled = self.origin.compile()?;
        let has_main = |program: &Program| program.route(RouteKind::Request, b"").is_some();
        let running = self.current.get();
        if has_main(running.as_ref().unwrap_or(&self.first)) && !has_main(&compiled.program) {
            return Err(format!(
                "{} has no main `route` any more: every request would be discarded. If that is meant, say `route {{ exit; }}`.",
                self.origin.name()
            ));
        }
        let mut remarks = waiting_for_restart(&self.first, &compiled.program);
        remarks.extend(
            compiled
                .warnings
                .to_string()
                .lines()
                .filter(|line| line.starts_with("warning"))
                .map(str::to_owned),
        );
        Ok(Fresh {
            program: Arc::new(compiled.program),
            remarks,
        })
    }

    fn adopt(&self, program: Arc<Program>) {
        *self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(program);
    }
}

/// What the new script says outside its routes and the running one does not: it counts from the next start.
fn waiting_for_restart(first: &Program, new: &Program) -> Vec<String> {
    let said = |program: &Program| -> BTreeSet<(String, String)> {
        let globals = program.globals.values.iter();
        let globals = globals.map(|(name, (value, _))| ((*name).to_owned(), format!("{value:?}")));
        let sockets = program.globals.sockets.iter().map(|socket| {
            let mut socket = socket.clone();
            socket.at = Default::default();
            ("socket".to_owned(), format!("{socket:?}"))
        });
        let aliases = program.globals.aliases.iter().map(|alias| {
            let mut alias = alias.clone();
            alias.at = Default::default();
            ("alias".to_owned(), format!("{alias:?}"))
        });
        let modparams = program.modparams.iter().map(|one| {
            (
                format!("modparam {} {}", one.module, one.name),
                format!("{:?}", one.value),
            )
        });
        let modules = program
            .modules
            .iter()
            .map(|module| (format!("loadmodule {}", module.name), String::new()));
        globals
            .chain(sockets)
            .chain(aliases)
            .chain(modparams)
            .chain(modules)
            .collect()
    };
    let (first, new) = (said(first), said(new));
    let names: BTreeSet<&String> = first
        .symmetric_difference(&new)
        .map(|(name, _)| name)
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    vec![format!(
        "outside the routes nothing changes before a restart: {}",
        names.join(", ")
    )]
}
