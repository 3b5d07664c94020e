//! The engine: the list of calls that one input makes.
//!
//! `receive` takes messages from bytes to the main route, `routes` runs routes and what is left to do after them,
//! `commands` answers management, `panic` is the net under all of it. Everything they know is in [`Core`].

mod blacklists;
mod commands;
mod events;
mod panic;
mod receive;
mod reload;
mod routes;
mod timer_routes;

pub(crate) use commands::own_commands;
pub use panic::InHand;

use std::sync::Arc;

use parser::Peek;
use script::Program;
use script::RouteKind;
use script::program::RouteId;

use crate::core::{Core, CoreConfig};
use crate::files::Files;
use crate::input::{Answer, Input, Letter, Now, ShardId, Ticket};
use crate::limits::Limits;
use crate::module::{self, Modules, Registry};
use crate::outbox::Outbox;
use crate::owner::BranchToken;
use crate::resolve::{self, Hosts};
use crate::run::{self, Linked};
use crate::slab::ClientId;
use crate::sockets::Sockets;
use crate::statistics::Counter;
use crate::timer::{Fired, Timer};
use timer_routes::TimerRoutes;

/// What an engine is made of.
pub struct Config<'a> {
    /// Which shard it is.
    pub shard: ShardId,
    /// How many there are.
    pub shards: u16,
    /// The installation's key: who owns what, and the tokens we mint.
    pub owner_key: [u8; 16],
    /// The seed of everything that is chance in here.
    pub seed: u64,
    /// Our listening sockets and names.
    pub sockets: Arc<Sockets>,
    /// The text of `/etc/hosts`.
    pub hosts: Arc<Hosts>,
    /// Reads what modules want to read while they start.
    pub files: Arc<dyn Files>,
    /// The script.
    pub program: Arc<Program>,
    /// The modules of this build.
    pub registry: &'a Registry,
    /// The bounds.
    pub limits: Limits,
}

/// One shard's world.
pub struct Engine {
    core: Core,
    modules: Modules,
    linked: Arc<Linked>,
    registry: Registry,
    /// What a reload has prepared.
    prepared: Option<Arc<Linked>>,
    routes: TopRoutes,
    timer_routes: TimerRoutes,
    /// What starting the modules left behind, until the first input.
    first: Option<Outbox>,
    guard: panic::Guard,
    /// Client transactions whose connection has ended, to be ended one by one.
    closed: Vec<ClientId>,
}

/// The routes that run by themselves.
#[derive(Debug, Default)]
struct TopRoutes {
    main: Option<RouteId>,
    reply: Option<RouteId>,
    local: Option<RouteId>,
    startup: Option<RouteId>,
    /// Modules that want to be called again and again: slot and period in milliseconds.
    periods: Vec<(u16, u32)>,
}

/// Live objects per table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Server transactions.
    pub server_transactions: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Response contexts.
    pub contexts: usize,
    /// Requests of our own.
    pub agents: usize,
    /// Runs that wait.
    pub parked_runs: usize,
    /// Timers, those of modules and routes not counted.
    pub timers: usize,
}

impl Counts {
    /// Whether everything that began has ended.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        *self == Counts::default()
    }
}

impl Engine {
    /// An engine that has heard nothing yet. The error is for a person.
    pub fn new(config: Config<'_>) -> Result<Engine, String> {
        let Config {
            shard,
            shards,
            owner_key,
            seed,
            sockets,
            hosts,
            files,
            program,
            registry,
            limits,
        } = config;
        let mut core = Core::new(CoreConfig {
            shard,
            shards,
            owner_key,
            seed,
            limits,
            sockets,
            hosts,
        });
        if let Some(level) = program.globals.int("log_level") {
            core.log_level = level.clamp(-3, 4) as i8;
        }
        core.proxy.settings.read(&program.globals);
        core.resolver.settings.read(&program.globals);
        core.blacklists = crate::blacklist::Blacklists::of(&program.globals)?;
        let linked =
            Linked::new(program, registry, &mut core.machine.names).map_err(|e| e.to_string())?;
        let linked = Arc::new(linked);
        let mut modules = Modules::new(&linked, registry).map_err(|e| e.to_string())?;
        let mut first = Outbox::new();
        core.files = Some(files);
        module::start(&mut core, &mut modules, &linked, &mut first).map_err(|e| e.to_string())?;
        core.files = None;
        let settings = &mut core.proxy.settings;
        settings.read_flags(&linked.program.globals, &mut core.machine.flags)?;
        Ok(Engine {
            core,
            modules,
            routes: TopRoutes::of(&linked),
            linked,
            registry: registry.clone(),
            prepared: None,
            timer_routes: TimerRoutes::default(),
            first: Some(first),
            guard: panic::Guard::default(),
            closed: Vec::new(),
        })
    }

    /// Takes one input to completion.
    ///
    /// Afterwards `outbox` holds everything the world has to do: bytes to send, messages for other
    /// shards, questions for backends. Nothing else leaves the engine, and nothing waits inside it.
    pub fn handle(&mut self, now: Now, input: Input, outbox: &mut Outbox) {
        self.core.now = now;
        outbox.about(0);
        let traced = outbox.outputs().len();
        self.guarded(input, outbox);
        if self.core.trace.on {
            self.core.trace.sent(&self.core.sockets, traced, outbox);
        }
    }

    /// When `Input::Tick` is wanted, in microseconds of the monotonic clock. May be earlier than anything is due.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let is_left = !self.core.machine.events.is_empty() || !self.closed.is_empty();
        if self.first.is_some() || is_left {
            return Some(0);
        }
        self.core.wheel.next_due().map(|ms| ms * 1000)
    }

    /// Touches what a message will need, ahead of its `handle`. Changes nothing, promises nothing.
    pub fn prefetch(&self, peek: &Peek<'_>) {
        if let (Some(branch), Some(call_id)) = (peek.branch, peek.call_id)
            && peek.is_response
            && let Some((_, BranchToken::Client(id))) = self.core.owner.read_branch(branch, call_id)
        {
            std::hint::black_box(self.core.clients.contains(id));
        }
    }

    /// Live objects per table: after calm, none.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let core = &self.core;
        let periodic = self.timer_routes.len() + self.routes.periods.len();
        Counts {
            server_transactions: core.servers.len(),
            client_transactions: core.clients.len(),
            contexts: core.contexts.len(),
            agents: core.agents.len(),
            parked_runs: core.machine.parked.len(),
            timers: if self.first.is_some() {
                0
            } else {
                core.wheel.len().saturating_sub(periodic)
            },
        }
    }

    /// Says what is wrong inside, if anything is. Costs a walk over all tables.
    pub fn check_invariants(&self) -> Result<(), String> {
        let core = &self.core;
        core.servers.check(&core.wheel)?;
        core.clients.check(&core.wheel)?;
        if !core.jobs.is_empty() {
            return Err(format!("{} jobs left behind", core.jobs.len()));
        }
        for (id, user) in core.clients.users() {
            if let crate::transaction::ClientUser::Branch(context, branch) = user
                && core
                    .contexts
                    .get(context)
                    .is_none_or(|context| context.branch(branch).is_none())
            {
                return Err(format!(
                    "{id:?} answers to branch {branch} of {context:?}, which is gone"
                ));
            }
        }
        for id in core.servers.ids() {
            if let Some(context) = core.servers.context(id)
                && core.contexts.get(context).is_none()
            {
                return Err(format!("{id:?} belongs to {context:?}, which is gone"));
            }
        }
        for context in core.contexts.iter() {
            if let Some(server) = context.server
                && core
                    .servers
                    .context(server)
                    .is_some_and(|owner| owner != context.id)
            {
                return Err(format!(
                    "{:?} answers by the server transaction of another",
                    context.id
                ));
            }
            let sent = context.branches().iter().filter_map(|branch| branch.client);
            for client in sent {
                if !core.clients.contains(client) {
                    return Err(format!(
                        "{:?} waits for {client:?}, which is gone",
                        context.id
                    ));
                }
            }
            let has_server = context
                .server
                .is_some_and(|server| core.servers.contains(server));
            let has_client = context
                .branches()
                .iter()
                .any(|branch| branch.client.is_some());
            // A reply route waits over what came last.
            let is_replying = context.branches().iter().any(|branch| branch.replying);
            if !has_server
                && !has_client
                && !is_replying
                && !context.is_held()
                && !context.failing
                && !context.is_open()
            {
                return Err(format!(
                    "{:?} has nothing left to wait for and is still there",
                    context.id
                ));
            }
        }
        Ok(())
    }

    /// What the engine keeps, for tests and tools that look inside.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What the command line gives the script: `$argv`.
    pub fn set_arguments(&mut self, arguments: Vec<(String, String)>) {
        self.core.machine.arguments = arguments;
    }

    /// Looks on from here on: counts operations, and runs the route `epilogue` at the end of every run, unless it is
    /// empty.
    pub fn observe(&mut self, epilogue: &[u8]) {
        let observer = run::Observer::new(&self.linked.program, epilogue);
        self.core.machine.observer = Some(Box::new(observer));
    }

    /// Lends a clock that counts microseconds, from anywhere but 0: `exec_msg_threshold` has an effect with it only.
    pub fn set_stopwatch(&mut self, read: fn() -> u64) {
        self.core.machine.stopwatch = Some(run::Stopwatch::new(read));
    }

    /// Turns the ladder on or off.
    pub fn set_trace(&mut self, on: bool) {
        self.core.trace.on = on;
    }

    fn take(&mut self, input: Input, outbox: &mut Outbox) {
        if let Some(first) = self.first.take() {
            self.begin(first, outbox);
        }
        match input {
            Input::Received { frame, flow } => self.receive(frame, flow, None, outbox),
            Input::Handover { frame, flow, from } => self.receive(frame, flow, Some(from), outbox),
            Input::Letter(letter) => self.take_letter(letter, outbox),
            Input::Tick => {}
            Input::Answer(ticket, answer) => self.take_answer(ticket, answer, outbox),
            Input::SendFailed(ticket, flow) => {
                self.core.statistics.count(Counter::SendFailures);
                self.core.on_send_failed(ticket, flow, outbox);
            }
            Input::Closed(flow) => self.closed.extend(self.core.clients_of(flow)),
            Input::Command(ticket, command) => self.command(ticket, &command, outbox),
            Input::Reload(ticket, step) => self.reload(ticket, step, outbox),
        }
        self.do_jobs(outbox);
    }

    /// The first input: time begins, what `new` left goes out, `startup_route` runs.
    fn begin(&mut self, mut first: Outbox, outbox: &mut Outbox) {
        let core = &mut self.core;
        core.started = core.now;
        core.machine.parked.begin(core.now.mono_us);
        core.wheel.begin(core.now.mono_ms());
        outbox.append(&mut first);
        for (at, &(_, ms)) in (0..).zip(&self.routes.periods) {
            core.wheel
                .set(core.now.mono_ms() + u64::from(ms), Timer::Module, at);
        }
        self.set_timer_routes();
        if let Some(route) = self.routes.startup.filter(|_| self.is_first()) {
            self.run_apart(RouteKind::Startup, route, outbox);
        }
    }

    /// The startup route and the timer routes run once in an installation, not once a shard. What they leave in `$var`
    /// is this shard's; `$shv` is every shard's.
    fn is_first(&self) -> bool {
        self.core.shard == ShardId(0)
    }

    fn set_timer_routes(&mut self) {
        if self.is_first() {
            let core = &mut self.core;
            self.timer_routes
                .set(&self.linked, &mut core.wheel, core.now.mono_ms());
        }
    }

    fn take_letter(&mut self, letter: Letter, outbox: &mut Outbox) {
        if letter.is_answer {
            self.take_answer(letter.ticket, Answer::Letter(letter.payload), outbox);
        } else if letter.module == module::CORE {
            crate::blacklist::on_letter(&mut self.core, &letter, outbox);
        } else {
            module::on_letter(
                &mut self.core,
                &mut self.modules,
                &self.linked,
                outbox,
                &letter,
            );
        }
    }

    fn take_answer(&mut self, ticket: Ticket, answer: Answer, outbox: &mut Outbox) {
        match ticket.0 >> 60 {
            resolve::TICKET_TABLE => {
                resolve::judge(&mut self.core, &self.linked.program, ticket, outbox);
                resolve::on_answer(&mut self.core, ticket, &answer, outbox);
            }
            _ if run::is_run_ticket(ticket) => self.resume(ticket, answer, outbox),
            _ => self.core.statistics.count(Counter::LateAnswers),
        }
    }

    fn fire(&mut self, fired: Fired, outbox: &mut Outbox) {
        use Timer::*;
        let Fired { timer, slot, id } = fired;
        match timer {
            A | B | C | D | E | F | K | M | Cancelled => {
                self.core.on_client_timer(slot, timer, id, outbox)
            }
            G | H | I | J | L | Trying | Unanswered => {
                self.core.on_server_timer(slot, timer, id, outbox)
            }
            LateBranches => crate::proxy::on_waited(&mut self.core, slot, id, outbox),
            Parked => {
                let ended =
                    crate::run::on_deadline(slot, &mut self.core, &mut self.modules, outbox);
                if let Some(ended) = ended {
                    self.finish(ended, outbox);
                }
            }
            TimerRoute => {
                let core = &mut self.core;
                self.timer_routes
                    .again(slot, &mut core.wheel, core.now.mono_ms());
                core.jobs.push(crate::jobs::Job::TimerRoute(slot as u16));
            }
            Module => {
                let (module, ms) = self.routes.periods[slot as usize];
                self.core
                    .wheel
                    .set(self.core.now.mono_ms() + u64::from(ms), timer, slot);
                module::on_timer(
                    &mut self.core,
                    &mut self.modules,
                    &self.linked,
                    outbox,
                    module,
                );
            }
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("shard", &self.core.shard)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
