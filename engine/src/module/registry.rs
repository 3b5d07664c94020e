//! All modules that can be loaded, by name.

use crate::module::Module;

/// The modules of this build. The crate `modules` fills one.
#[derive(Default)]
pub struct Registry {
    entries: Vec<&'static str>,
}

impl Registry {
    /// Only the core.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds a module.
    pub fn add<M: Module>(&mut self) -> &mut Self {
        self.entries.push(M::NAME);
        self
    }
}

impl script::Offer for &Registry {
    fn core(&mut self, catalog: &mut script::Catalog) {
        let _ = catalog;
    }

    fn module(&mut self, name: &str, catalog: &mut script::Catalog) -> bool {
        let _ = catalog;
        self.entries.contains(&name)
    }
}
