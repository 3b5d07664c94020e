//! From a file to a program: the order of the steps.

use std::path::Path;

use crate::catalog::Catalog;
use crate::diagnostics::Diagnostics;
use crate::loader::Loader;
use crate::program::Program;

/// Who knows what the core and the modules offer.
pub trait Offer {
    /// Adds what the core offers. Called once, first.
    fn core(&mut self, catalog: &mut Catalog);

    /// Adds what this module offers; false if there is no such module. Called once per loaded module, in the order of
    /// the script.
    fn module(&mut self, name: &str, catalog: &mut Catalog) -> bool;
}

/// What the command line says about compiling.
#[derive(Debug, Clone, Default)]
pub struct Options {}

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
pub fn compile(
    path: &Path,
    loader: &mut dyn Loader,
    offer: &mut dyn Offer,
    options: &Options,
) -> Result<Compiled, Diagnostics> {
    let _ = (path, loader, options);
    let mut catalog = Catalog::new();
    offer.core(&mut catalog);
    Ok(Compiled {
        program: Program::default(),
        catalog,
        warnings: Diagnostics::default(),
    })
}
