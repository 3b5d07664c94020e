//! `event_route`: the name by which scripts of 3.4 ask for `event_route` blocks, which the core runs.
//!
//! Keeps no state.

use engine::module::{Exports, Module};

/// The module.
#[derive(Debug)]
pub(crate) struct EventRoute;

impl Module for EventRoute {
    const NAME: &'static str = "event_route";

    fn new() -> Self {
        EventRoute
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.difference(
            "Accepted by name; event routes run whether or not it is loaded, as in 3.5 and later.",
        );
    }
}
