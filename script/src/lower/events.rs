//! Whether something runs an `event_route`: modules and the core raise events, and so does the script itself.

use super::Lower;
use crate::ast;
use crate::catalog::RouteKind;
use crate::known;
use crate::program::Arg;
use crate::report::suggest;

const BY_HAND: &str =
    "only `raise_event` can run this route, of the script or of the management interface";

impl Lower<'_, '_> {
    /// An event route that nothing runs is likely a mistake, and never an error: the management command `raise_event`
    /// can name any event.
    pub(super) fn judge_events(&mut self, routes: &[ast::Route]) {
        let heard = routes.iter().filter(|route| route.kind == RouteKind::Event);
        for route in heard {
            let name = String::from_utf8_lossy(&route.name).into_owned();
            if self.catalog.events().contains(&name) || self.raises(&route.name) {
                continue;
            }
            let (reason, hint) = match known::module_of_event(&name) {
                Some("core") => (
                    format!("`{name}` is an event of the core that Tandem does not raise yet"),
                    BY_HAND.to_owned(),
                ),
                Some(module) if self.is_loaded(module) => (
                    format!(
                        "`{name}` is an event of module {module} that Tandem does not raise yet"
                    ),
                    BY_HAND.to_owned(),
                ),
                Some(module) => (
                    format!("`{name}` is an event of module {module}, which is not loaded"),
                    self.catalog.way_to(module),
                ),
                None => (
                    format!("nothing here raises `{name}`"),
                    match suggest(&name, known::events()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => BY_HAND.to_owned(),
                    },
                ),
            };
            self.report.warn(route.span, reason, Some(hint));
        }
    }

    /// Whether the script itself may raise an event: it names this one, or finds the name only when it runs.
    fn raises(&self, event: &[u8]) -> bool {
        let Some(raise) = self.catalog.find_function("raise_event") else {
            return false;
        };
        let calls = self.program.calls.iter();
        calls
            .filter(|call| call.function == raise)
            .filter_map(|call| self.program.args.get(call.args.start as usize))
            .any(|arg| match arg {
                Arg::Str(name) => self.program.constant(*name).text() == Some(event),
                _ => true,
            })
    }
}
