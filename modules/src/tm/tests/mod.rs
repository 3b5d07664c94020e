//! What scripts see of transactions: one file a behaviour.

mod branches;
mod commands;
mod flows;
mod late;

use crate::harness::World;

/// What every script here loads.
pub(super) const HEAD: &str = r#"
    loadmodule "sl"
    loadmodule "tm"
    loadmodule "signaling"
    loadmodule "sipmsgops"
    loadmodule "rr"
    loadmodule "textops"
"#;

/// A world of one engine that runs this script behind the usual modules.
pub(super) fn world(script: &str) -> World {
    World::new(&format!("{HEAD}{script}"))
}
