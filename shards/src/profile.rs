//! The tuning profile: how this machine is used. Which core does what, how large buffers are.
//!
//! A file of `key = value` lines, as TOML has them; `tuning/` holds samples with every key.

use std::fmt::Write as _;

/// How a machine is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Number of shards; `None`: the command line or the number of cores says it.
    pub shards: Option<u16>,
    /// The core of each shard, in order, repeating; empty leaves it to the kernel.
    pub cores: Vec<usize>,
    /// The core of the control thread.
    pub control_core: Option<usize>,
    /// How long a shard with nothing to do looks again before it sleeps; 0 sleeps at once.
    pub spin_us: u64,
    /// How long datagrams are left to gather while many come, in microseconds; 0 takes each at once.
    pub gather_us: u64,
    /// Whether runs of datagrams of one size to one peer leave as one (`UDP_SEGMENT`).
    pub gso: bool,
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
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            shards: None,
            cores: Vec::new(),
            control_core: None,
            spin_us: 0,
            gather_us: 0,
            gso: true,
            udp_receive_buffer: 4 << 20,
            udp_send_buffer: 1 << 20,
            tcp_receive_buffer: 0,
            tcp_send_buffer: 0,
            ring_parcels: crate::limits::RING_PARCELS,
        }
    }
}

const KEYS: &str = "shards, cores, control_core, spin_us, gather_us, gso, udp_receive_buffer, udp_send_buffer, \
                    tcp_receive_buffer, tcp_send_buffer, ring_parcels";

impl Profile {
    /// Reads a profile for a machine with these cores. All that is wrong with it is said, a line each.
    pub fn read(name: &str, text: &str, machine: &[usize]) -> Result<Profile, String> {
        let mut profile = Profile::default();
        let mut faults = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let done = match line.split_once('=') {
                Some((key, value)) => profile.set(key.trim(), value.trim(), machine),
                None => Err("expected `key = value`".to_owned()),
            };
            if let Err(fault) = done {
                let _ = writeln!(faults, "{name}:{number}: {fault}");
            }
        }
        if faults.is_empty() {
            Ok(profile)
        } else {
            Err(faults)
        }
    }

    fn set(&mut self, key: &str, value: &str, machine: &[usize]) -> Result<(), String> {
        let fault = |expected: &str| format!("`{key}` is {expected}, not `{value}`");
        let number = |from: u64, to: u64| {
            let digits = value.replace('_', "");
            let number = digits
                .parse::<u64>()
                .ok()
                .filter(|number| (from..=to).contains(number));
            number.ok_or_else(|| fault(&format!("a number from {from} to {to}")))
        };
        let has = |core: usize| {
            let fault = || format!("`{key}`: there is no core {core} here; there are {machine:?}");
            machine.contains(&core).then_some(core).ok_or_else(fault)
        };
        let bytes = || number(0, 1 << 30).map(|bytes| bytes as usize);
        match key {
            "shards" => self.shards = Some(number(1, 1024)? as u16),
            "cores" => {
                let list = value
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                let words = list
                    .ok_or_else(|| fault("a list like [0, 1]"))?
                    .split(',')
                    .map(str::trim);
                let cores = words
                    .filter(|word| !word.is_empty())
                    .map(str::parse::<usize>);
                self.cores = cores
                    .collect::<Result<_, _>>()
                    .map_err(|_| fault("a list like [0, 1]"))?;
                for &core in &self.cores {
                    has(core)?;
                }
            }
            "control_core" => self.control_core = Some(has(number(0, 4096)? as usize)?),
            "spin_us" => self.spin_us = number(0, 1_000_000)?,
            "gather_us" => self.gather_us = number(0, crate::limits::GATHER_MAX_US)?,
            "gso" => {
                self.gso = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(fault("true or false")),
                }
            }
            "udp_receive_buffer" => self.udp_receive_buffer = bytes()?,
            "udp_send_buffer" => self.udp_send_buffer = bytes()?,
            "tcp_receive_buffer" => self.tcp_receive_buffer = bytes()?,
            "tcp_send_buffer" => self.tcp_send_buffer = bytes()?,
            "ring_parcels" => self.ring_parcels = number(16, 1 << 20)? as usize,
            _ => return Err(format!("there is no `{key}`; there are {KEYS}")),
        }
        Ok(())
    }
}
