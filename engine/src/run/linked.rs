//! A program, tied to what the core and the loaded modules offer.
//!
//! Each shard makes its own from the shared [`Program`]: function pointers by the catalog's ids, and the
//! numbers of all names that the script writes down.

use std::sync::Arc;

use script::program::RouteId;
use script::{Catalog, Program, RouteKind};

use super::names::{NameId, Names};
use crate::module::Registry;

/// A program that can run here.
pub struct Linked {
    /// The program.
    pub program: Arc<Program>,
    /// What it names.
    pub catalog: Catalog,
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
    ) -> Result<Linked, String> {
        let _ = (registry, names);
        Ok(Linked {
            program,
            catalog: Catalog::new(),
        })
    }

    /// The route of this kind and name.
    pub fn route(&self, kind: RouteKind, name: &[u8]) -> Option<RouteId> {
        self.program.route(kind, name)
    }

    /// The route that a hook means.
    pub fn hook(&self, kind: RouteKind, name: NameId) -> Option<RouteId> {
        let _ = (kind, name);
        None
    }
}
