//! Replacing the script while it runs: `reload_routes`.
//!
//! Only routes change. Modules keep their instances and parameters, global parameters their values; the program may
//! name no module that does not run. What waits goes on with the program it began in; routes that were asked for by
//! name (`t_on_failure`) are those of the program that runs when they are due, and none if it has none of that name.

use std::sync::Arc;

use script::{Program, RouteKind};

use super::{Engine, TopRoutes};
use crate::input::{Reload, Ticket};
use crate::module;
use crate::outbox::{Outbox, Output};
use crate::run::Linked;

/// The code of a refusal: the script cannot run here.
const REFUSED: i32 = 500;

impl Engine {
    /// Takes one step. The answer is `"OK"`, or why not.
    pub(super) fn reload(&mut self, ticket: Ticket, step: Reload, outbox: &mut Outbox) {
        let done = match step {
            Reload::Prepare(program) => self.prepare(program),
            Reload::Swap => self.swap(),
            Reload::Discard => {
                self.prepared = None;
                Ok(())
            }
        };
        let result = match done {
            Ok(()) => Ok(outbox.write(|out| out.extend_from_slice(b"\"OK\""))),
            Err(reason) => Err((
                REFUSED,
                outbox.write(|out| out.extend_from_slice(reason.as_bytes())),
            )),
        };
        outbox.push(Output::CommandAnswer { ticket, result });
    }

    /// The same in one step, for an engine that starts where others have been reloaded already.
    pub fn replace_script(&mut self, program: Arc<Program>) -> Result<(), String> {
        self.prepare(program)?;
        self.swap()
    }

    fn prepare(&mut self, program: Arc<Program>) -> Result<(), String> {
        self.prepared = None;
        let names = &mut self.core.machine.names;
        let linked = Linked::again(program, &self.registry, names, &self.linked)
            .map_err(|errors| errors.to_string())?;
        if !self.core.machine.flags.clone().add_all(&linked.flags) {
            return Err(
                "more than 32 flags of one class, those of the scripts before counted: a restart forgets them"
                    .to_owned(),
            );
        }
        self.prepared = Some(Arc::new(linked));
        Ok(())
    }

    fn swap(&mut self) -> Result<(), String> {
        let Some(linked) = self.prepared.take() else {
            return Err("nothing is prepared".to_owned());
        };
        self.core.machine.flags.add_all(&linked.flags);
        self.routes = TopRoutes::of(&linked);
        self.linked = linked;
        // Before the first input there is no time yet; it sets them.
        if self.first.is_none() {
            self.set_timer_routes();
        }
        Ok(())
    }
}

impl TopRoutes {
    /// Those of this program.
    pub(super) fn of(linked: &Linked) -> TopRoutes {
        TopRoutes {
            main: linked.route(RouteKind::Request, b""),
            reply: linked.route(RouteKind::Reply, b""),
            local: linked.route(RouteKind::Local, b""),
            startup: linked.route(RouteKind::Startup, b""),
            periods: module::periods(linked).collect(),
        }
    }
}
