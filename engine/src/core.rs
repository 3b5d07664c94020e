//! The core: everything that the proxy, the user agents, the script machine and modules work on at once.
//!
//! Plain fields, so that borrows split by field. What belongs to a room is that room's type; this
//! file only puts them side by side.

use std::sync::Arc;

use crate::agent::Agents;
use crate::complaints::Complaints;
use parser::Draft;

use crate::engine::InHand;
use crate::files::Files;
use crate::input::{Now, ShardId};
use crate::jobs::{Job, Jobs};
use crate::limits::{EVENT_PARAMS_MAX, Limits, NAMES_MADE_MAX};
use crate::outbox::Outbox;
use crate::owner::Owner;
use crate::proxy::{Proxy, ResponseContexts};
use crate::random::Random;
use crate::resolve::{Hosts, Resolver};
use crate::run::{Event, Machine, NameId, Params, RunId, ValueRef};
use crate::sockets::Sockets;
use crate::statistics::{Counter, Statistics};
use crate::timer::Wheel;
use crate::trace::Trace;
use crate::transaction::{ClientTransactions, ServerTransactions, TmSettings};

/// The level of what the operator has to look at.
const ERROR: i8 = -1;

/// What an engine keeps, without its modules and its program.
#[derive(Debug)]
pub struct Core {
    /// The time of the input in hand.
    pub now: Now,
    /// The time of the first input.
    pub started: Now,
    /// Which shard we are.
    pub shard: ShardId,
    /// The bounds.
    pub limits: Limits,
    /// Our listening sockets and names.
    pub sockets: Arc<Sockets>,
    /// Who owns what, and the tokens we mint.
    pub owner: Owner,
    /// All timers.
    pub wheel: Wheel,
    /// Server transactions.
    pub servers: ServerTransactions,
    /// Client transactions.
    pub clients: ClientTransactions,
    /// Settings of `tm`.
    pub tm: TmSettings,
    /// Counters.
    pub statistics: Statistics,
    /// Seeded chance.
    pub random: Random,
    /// What runs share: scenes, parked runs, names.
    pub machine: Machine,
    /// Settings of the proxy core, and its buffers.
    pub proxy: Proxy,
    /// Requests on their way, and what their branches said.
    pub contexts: ResponseContexts,
    /// Requests of our own.
    pub agents: Agents,
    /// Where names lead.
    pub resolver: Resolver,
    /// Where nothing is sent to.
    pub blacklists: crate::blacklist::Blacklists,
    /// What this input still has to do.
    pub jobs: Jobs,
    /// Which call the work in hand is about, should it panic.
    pub in_hand: InHand,
    /// What the unnamed `onreply_route` changed in the response in hand; whoever takes the response
    /// takes this into the response's scene.
    pub reply_draft: Draft,
    /// What was said of late about messages that we do not take.
    pub complaints: Complaints,
    /// The ladder.
    pub trace: Trace,
    /// Reads files at once; only while modules start.
    pub(crate) files: Option<Arc<dyn Files>>,
    /// Module parameters and global switches that change at run time: `log_level`.
    pub log_level: i8,
}

/// What a core is made of.
#[derive(Debug)]
pub struct CoreConfig {
    /// Which shard we are.
    pub shard: ShardId,
    /// How many there are.
    pub shards: u16,
    /// The installation's key.
    pub owner_key: [u8; 16],
    /// The seed of this engine's chance.
    pub seed: u64,
    /// The bounds.
    pub limits: Limits,
    /// Our listening sockets and names.
    pub sockets: Arc<Sockets>,
    /// The text of `/etc/hosts`.
    pub hosts: Arc<Hosts>,
}

impl Core {
    /// Sets the statistics that are not counted but looked up, before somebody reads them.
    pub fn look_up_statistics(&mut self) {
        let in_use = self.servers.len() + self.clients.len();
        self.statistics.set(Counter::InUse, in_use as u64);
    }

    /// The modules that watch a run hear that it has ended, after what is being done.
    pub(crate) fn tell_run_ended(&mut self, run: RunId) {
        for module in self.machine.unwatch(run) {
            self.jobs.push(Job::RunEnded { module, run });
        }
    }

    /// A core where nothing has happened yet.
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        let CoreConfig {
            shard,
            shards,
            owner_key,
            seed,
            limits,
            sockets,
            hosts,
        } = config;
        let mut random = Random::new(seed);
        let resolver = Resolver::new(
            &sockets,
            hosts,
            limits.resolver_names as usize,
            random.next_u64(),
        );
        let mut proxy = Proxy::new((random.next_u64(), random.next_u64()));
        proxy.rewriting.set_secret(&owner_key);
        Self {
            now: Now::default(),
            started: Now::default(),
            shard,
            sockets,
            owner: Owner::new(owner_key, shards),
            wheel: Wheel::new(0),
            servers: ServerTransactions::new(
                limits.server_transactions,
                limits.server_transactions_ready,
                random.next_u64(),
            ),
            clients: ClientTransactions::new(limits.client_transactions, random.next_u64()),
            tm: TmSettings::default(),
            statistics: Statistics::new(),
            random,
            machine: Machine::default(),
            proxy,
            contexts: ResponseContexts::new(limits.contexts),
            agents: Agents::new(limits.agents),
            resolver,
            blacklists: Default::default(),
            jobs: Jobs::default(),
            in_hand: InHand::default(),
            reply_draft: Draft::new(),
            complaints: Complaints::default(),
            trace: Trace::default(),
            files: None,
            log_level: 2,
            limits,
        }
    }

    /// The number of a name made at run time. `None`: there are too many, which is counted, and logged the first time.
    pub(crate) fn make_name(&mut self, text: &[u8], outbox: &mut Outbox) -> Option<NameId> {
        let made = self.machine.names.make(text);
        if made.is_none() {
            self.statistics.count(Counter::BoundsReached);
            if self.machine.names.tells_full() && self.log_level >= ERROR {
                outbox.log(ERROR, |out| {
                    use std::io::Write;
                    let _ = write!(
                        out,
                        "scripts have made {NAMES_MADE_MAX} names of variables and routes at run time; further ones are \
                         refused until a restart"
                    );
                });
            }
        }
        made
    }

    /// Raises an event: see [`Context::raise_event`](crate::module::Context::raise_event).
    pub(crate) fn raise_event(
        &mut self,
        program: &script::Program,
        name: &[u8],
        params: &[(&[u8], ValueRef<'_>)],
    ) -> bool {
        let machine = &mut self.machine;
        // A name that is new takes a place only if there is one among the events: peers may have a say in it.
        let known = machine.names.find(name);
        if known.is_none() && machine.events.is_full() {
            return false;
        }
        let Some(id) = known.or_else(|| machine.names.intern(name)) else {
            return false;
        };
        let is_known = machine.events.publish(id);
        let is_heard = program.route(script::RouteKind::Event, name).is_some();
        if !is_known || !is_heard {
            return is_known;
        }
        let mut event = Event {
            name: id,
            names: Params::default(),
            values: Params::default(),
        };
        for (name, value) in params.iter().take(EVENT_PARAMS_MAX) {
            event.names.push(ValueRef::Str(name));
            event.values.push(*value);
        }
        let is_raised = machine.events.push(event);
        if !is_raised {
            self.statistics.count(Counter::BoundsReached);
        }
        is_raised
    }
}
