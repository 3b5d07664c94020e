//! What a profile wants of its machine. `tandem tune` compares and sets it; the server does not look at it.

/// What the machine has to offer; `None` and empty: nothing is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineWants {
    /// At least this kernel: major and minor version.
    pub kernel: Option<(u32, u32)>,
    /// Cores that the server may use, at least.
    pub cores: Option<usize>,
    /// NUMA nodes, at least.
    pub nodes: Option<usize>,
    /// Memory in MiB, at least.
    pub memory_mb: Option<u64>,
    /// Open files of a process, at least (the hard limit).
    pub open_files: Option<u64>,
    /// Locked memory of a process in KiB, at least.
    pub locked_memory_kb: Option<u64>,
    /// The frequency governor of the cores in use.
    pub governor: Option<String>,
    /// The current clock source.
    pub clocksource: Option<String>,
    /// What `transparent_hugepage/enabled` says.
    pub transparent_hugepages: Option<String>,
    /// The network interface; `None`: all that are hardware.
    pub interface: Option<String>,
    /// Receive queues of the interface, at least.
    pub nic_queues: Option<usize>,
    /// Which cores the kernel spreads received packets over in software (RPS).
    pub rps: Option<Spread>,
    /// Which cores use which transmit queue (XPS).
    pub xps: Option<Spread>,
    /// Which cores take the interrupts of the queues.
    pub interrupts: Option<Interrupts>,
    /// Whether irqbalance may run, which moves interrupts about.
    pub irqbalance: Option<bool>,
    /// Kernel settings by name, with the value of [`SYSCTLS`](super::SYSCTLS)' relation.
    pub sysctls: Vec<(String, u64)>,
}

/// A mask of cores for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// None: what the device does is enough.
    Off,
    /// The cores of the shards.
    Shards,
}

/// The cores that take a device's interrupts, a queue each, in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// Those of the shards.
    Shards,
    /// These.
    Cores(Vec<usize>),
}
