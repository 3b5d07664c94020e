//! The tuning profile: how this machine is used. Which core does what, how large buffers and tables are, and what the
//! machine has to offer.
//!
//! A file of sections, keys and values, as TOML has them; `tuning/` holds samples, `docs/tuning.md` every key. `read`
//! takes lines apart, `keys` knows each key, `machine` is what only `tandem tune` looks at.

mod keys;
mod machine;
mod read;
mod sysctls;

use engine::limits::Limits;

#[cfg(test)]
pub(crate) use keys::names;
pub use machine::{Interrupts, MachineWants, Spread};
pub use read::cpu_list;
pub use sysctls::{Relation, SYSCTLS, Sysctl};

use crate::limits::{TRANSACTION_BYTES, TRANSACTIONS_LEAST};

/// How a machine is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Number of shards; `None` ("auto"): the command line, or one a core.
    pub shards: Option<u16>,
    /// The core of each shard, in order, repeating; empty leaves it to the kernel.
    pub cores: Vec<usize>,
    /// NUMA nodes whose cores the shards get when `cores` is empty; empty: all.
    pub numa_nodes: Vec<usize>,
    /// The cores of the control thread and its helpers; empty: any.
    pub control_cores: Vec<usize>,
    /// Who finds the owner of a datagram.
    pub steering: Steering,
    /// Datagrams of one `recvmmsg`.
    pub batch: usize,
    /// How long a shard with nothing to do looks again before it sleeps; 0 sleeps at once.
    pub spin_us: u64,
    /// The longest sleep of an idle shard in milliseconds.
    pub park_ms: u64,
    /// How long datagrams are left to gather while many come, in microseconds; 0 takes each at once.
    pub gather_us: u64,
    /// Whether runs of datagrams of one size to one peer leave as one (`UDP_SEGMENT`).
    pub gso: bool,
    /// Datagrams of one size from one peer that arrive together are received as one (`UDP_GRO`), by a server of one shard.
    pub gro: bool,
    /// Receive buffer of each UDP socket in bytes; 0 leaves the system's.
    pub udp_receive_buffer: usize,
    /// Send buffer of each UDP socket in bytes; 0 leaves the system's.
    pub udp_send_buffer: usize,
    /// Receive buffer of each TCP socket in bytes; 0 lets the system tune it.
    pub tcp_receive_buffer: usize,
    /// Send buffer of each TCP socket in bytes; 0 lets the system tune it.
    pub tcp_send_buffer: usize,
    /// Parcels that a ring between two shards holds.
    pub ring_parcels: usize,
    /// Memory for the transactions of all shards in MiB; 0: the tables' own bounds alone.
    pub memory_mb: u64,
    /// Bounds of tables.
    pub tables: Tables,
    /// What the machine has to offer: for `tandem tune`; the server does not look at it.
    pub machine: MachineWants,
}

/// How a datagram gets to the shard that owns its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steering {
    /// The best that the kernel permits.
    #[default]
    Auto,
    /// An eBPF program finds the Call-ID and chooses the socket.
    Ebpf,
    /// A classic BPF program finds our token.
    Classic,
    /// The shard that gets it hands it over.
    Mesh,
}

impl Steering {
    /// Its word in a profile.
    pub fn as_str(self) -> &'static str {
        match self {
            Steering::Auto => "auto",
            Steering::Ebpf => "ebpf",
            Steering::Classic => "classic",
            Steering::Mesh => "mesh",
        }
    }
}

/// Bounds of tables, of one shard each; `None` leaves what the program has, or what `memory_mb` makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Server transactions.
    pub server_transactions: Option<u32>,
    /// Server transactions that the indexes have room for from the start.
    pub server_transactions_ready: Option<u32>,
    /// Client transactions.
    pub client_transactions: Option<u32>,
    /// Response contexts: one a request that is forwarded.
    pub response_contexts: Option<u32>,
    /// Requests of our own under way.
    pub own_requests: Option<u32>,
    /// Runs that wait for an answer.
    pub parked_runs: Option<u32>,
    /// Names in the resolver's cache.
    pub resolver_names: Option<u32>,
    /// Connections of all shards together; before the script's `tcp_max_connections`.
    pub connections: Option<u32>,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            shards: None,
            cores: Vec::new(),
            numa_nodes: Vec::new(),
            control_cores: Vec::new(),
            steering: Steering::Auto,
            batch: wire::limits::BATCH,
            spin_us: 0,
            park_ms: crate::limits::IDLE_WAIT.as_millis() as u64,
            gather_us: 0,
            gso: true,
            gro: true,
            udp_receive_buffer: 4 << 20,
            udp_send_buffer: 1 << 20,
            tcp_receive_buffer: 0,
            tcp_send_buffer: 0,
            ring_parcels: crate::limits::RING_PARCELS,
            memory_mb: 0,
            tables: Tables::default(),
            machine: MachineWants::default(),
        }
    }
}

impl Profile {
    /// Reads a profile. All that is wrong with it is said, with its line.
    pub fn read(name: &str, text: &str) -> Result<Profile, String> {
        let mut profile = Profile::default();
        let mut faults = read::Faults::new(name);
        keys::fill(&mut profile, text, &mut faults);
        faults.none_or(profile)
    }

    /// Reads a profile for a process that may use these cores: what names others is wrong as well.
    pub fn read_for(name: &str, text: &str, allowed: &[usize]) -> Result<Profile, String> {
        let mut profile = Profile::default();
        let mut faults = read::Faults::new(name);
        keys::fill(&mut profile, text, &mut faults);
        keys::place(text, allowed, &mut faults);
        faults.none_or(profile)
    }

    /// The bounds of one of `shards` engines, from those the program has by itself.
    pub fn limits(&self, shards: u16, own: Limits) -> Limits {
        let tables = &self.tables;
        let fits = |own: u32| match self.memory_mb {
            0 => own,
            mb => own.min(transactions_in(mb, shards)),
        };
        let server_transactions = tables
            .server_transactions
            .unwrap_or(fits(own.server_transactions));
        let ready = tables.server_transactions_ready;
        Limits {
            server_transactions,
            server_transactions_ready: ready
                .unwrap_or(own.server_transactions_ready)
                .min(server_transactions),
            client_transactions: tables
                .client_transactions
                .unwrap_or(fits(own.client_transactions)),
            contexts: tables.response_contexts.unwrap_or(fits(own.contexts)),
            agents: tables.own_requests.unwrap_or(own.agents),
            parked_runs: tables.parked_runs.unwrap_or(own.parked_runs),
            resolver_names: tables.resolver_names.unwrap_or(own.resolver_names),
            ..own
        }
    }
}

/// Transactions of one shard that this much memory for all of them holds.
pub fn transactions_in(memory_mb: u64, shards: u16) -> u32 {
    let bytes = memory_mb.saturating_mul(1 << 20) / u64::from(shards.max(1));
    let places = bytes / TRANSACTION_BYTES;
    u32::try_from(places)
        .unwrap_or(u32::MAX)
        .max(TRANSACTIONS_LEAST)
}
