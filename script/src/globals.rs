//! The global parameters of a script, by their names.
//!
//! Plain ones are kept as values that were checked for type and range; those with a grammar of their own (sockets,
//! aliases, blacklists, scaling profiles) have their types here.

use std::collections::BTreeMap;

use crate::program::{Constant, Net, Position};

/// Every global parameter of the language: as a script writes it, and the name under which it is kept.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    crate::parse::global_names()
}

/// The global parameters that a script sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globals {
    /// Plain parameters; of several settings the last counts.
    pub values: BTreeMap<&'static str, (Constant, Position)>,
    /// `socket`, in order.
    pub sockets: Vec<Socket>,
    /// `alias`, in order.
    pub aliases: Vec<Alias>,
    /// `dst_blacklist`, in order.
    pub blacklists: Vec<Blacklist>,
    /// `auto_scaling_profile`, in order.
    pub scaling_profiles: Vec<ScalingProfile>,
    /// Socket bonds [4.0]: `socket = bond:name{"...", ...}`.
    pub bonds: Vec<Bond>,
}

impl Globals {
    /// A number or bool (0, 1) that the script sets. Deprecated names are found under their new ones.
    pub fn int(&self, name: &str) -> Option<i32> {
        self.values.get(name).and_then(|(value, _)| value.int())
    }

    /// A bool that the script sets.
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.int(name).map(|value| value != 0)
    }

    /// A string that the script sets.
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).and_then(|(value, _)| value.text())
    }
}

/// A `socket = proto:host:port ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Lower case: `udp`, `tcp`, `tls`.
    pub protocol: String,
    /// An address without brackets, a host, an interface, or `*`.
    pub host: String,
    /// First and last port of each part; empty: the protocol's own port.
    pub ports: Vec<(u16, u16)>,
    /// `as host[:port]`.
    pub advertised: Option<(String, Vec<(u16, u16)>)>,
    /// `use_workers`.
    pub workers: Option<u32>,
    /// `use_auto_scaling_profile`.
    pub scaling_profile: Option<String>,
    /// `tag`.
    pub tag: Option<String>,
    /// `tos`.
    pub tos: Option<u8>,
    /// `anycast`.
    pub anycast: bool,
    /// `frag`.
    pub frag: bool,
    /// `reuse_port`.
    pub reuse_port: bool,
    /// `accept_subdomain`.
    pub accept_subdomain: bool,
    /// `allow_proxy_protocol`, `proxy_protocol`: the header is read.
    pub proxy_protocol_in: bool,
    /// `send_proxy_protocol`, `proxy_protocol`: the header is written.
    pub proxy_protocol_out: bool,
    /// Where.
    pub at: Position,
}

/// An `alias`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Lower case; `None` for any.
    pub protocol: Option<String>,
    /// The name or address.
    pub host: String,
    /// `None` for any.
    pub port: Option<u16>,
    /// Names below it are ours as well.
    pub accept_subdomain: bool,
    /// Where.
    pub at: Position,
}

/// A `dst_blacklist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blacklist {
    /// Its name.
    pub name: String,
    /// Cannot be changed at run time.
    pub read_only: bool,
    /// Its entries end by themselves.
    pub expire: bool,
    /// Applies to every message.
    pub default: bool,
    /// Its rules.
    pub rules: Vec<BlacklistRule>,
    /// Where.
    pub at: Position,
}

/// A rule of a blacklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlacklistRule {
    /// `!`: inverted.
    pub negated: bool,
    /// `None` for any.
    pub protocol: Option<String>,
    /// Destinations.
    pub net: Net,
    /// `None` for any.
    pub port: Option<u16>,
    /// A glob over the message.
    pub pattern: Option<Vec<u8>>,
}

/// An `auto_scaling_profile`. Kept so that references can be checked; Tandem has no processes to scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingProfile {
    /// Its name.
    pub name: String,
    /// Upper bound of workers.
    pub up_to: u32,
    /// Lower bound of workers, if it scales down.
    pub down_to: Option<u32>,
    /// Where.
    pub at: Position,
}

/// A bond: several sockets under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// Its name.
    pub name: String,
    /// Its sockets.
    pub sockets: Vec<Vec<u8>>,
    /// Where.
    pub at: Position,
}
