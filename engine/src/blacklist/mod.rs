//! Blacklists: where nothing is sent to (`dst_blacklist`).
//!
//! Each address that a request could be sent to is held against the lists that the message is under: those marked
//! `default`, and what `use_blacklist` and `unuse_blacklist` made of them. A refused address counts as one that cannot be
//! reached: the next one is tried.
//!
//! Copied: every shard has the lists of the script, and nothing changes them while it runs.

mod glob;

use script::globals::{Blacklist, BlacklistRule, Globals};

use crate::input::Transport;
use crate::proxy::Address;

/// Lists of a script: a message says in one word which of them it is under.
pub const BLACKLISTS_MAX: usize = 32;

/// The lists of a script.
#[derive(Debug, Default)]
pub struct Blacklists {
    lists: Vec<List>,
    /// Those that every message is under, a bit each.
    default: u32,
}

#[derive(Debug)]
struct List {
    written: Blacklist,
    /// Its rules' transports, in their order; `None` is any.
    transports: Vec<Option<Transport>>,
}

/// What a message says of the lists it is under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    used: u32,
    unused: u32,
}

impl Chosen {
    /// `use_blacklist`.
    pub fn insert(&mut self, list: usize) {
        self.used |= 1 << list;
        self.unused &= !(1 << list);
    }

    /// `unuse_blacklist`.
    pub fn remove(&mut self, list: usize) {
        self.used &= !(1 << list);
        self.unused |= 1 << list;
    }
}

impl Blacklists {
    /// Those of a script. The error is for a person.
    pub fn of(globals: &Globals) -> Result<Blacklists, String> {
        let mut all = Blacklists::default();
        for written in &globals.blacklists {
            let name = &written.name;
            if all.find(name.as_bytes()).is_some() {
                return Err(format!("there are two blacklists `{name}`"));
            }
            if all.lists.len() == BLACKLISTS_MAX {
                return Err(format!("more than {BLACKLISTS_MAX} blacklists"));
            }
            let mut transports = Vec::with_capacity(written.rules.len());
            for rule in &written.rules {
                let named = rule.protocol.as_deref();
                let transport = named.and_then(|text| Transport::parse(text.as_bytes()));
                if let (Some(text), None) = (named, transport) {
                    return Err(format!("blacklist `{name}`: `{text}` carries no SIP"));
                }
                transports.push(transport);
            }
            if written.default {
                all.default |= 1 << all.lists.len();
            }
            let written = written.clone();
            all.lists.push(List {
                written,
                transports,
            });
        }
        Ok(all)
    }

    /// The number of a list.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.lists
            .iter()
            .position(|list| list.written.name.as_bytes() == name)
    }

    /// The lists a message is under, a bit each; 0 for most.
    pub fn active(&self, chosen: Chosen) -> u32 {
        (self.default | chosen.used) & !chosen.unused
    }

    /// Whether one of these lists forbids an address. `write` makes the message, if a rule looks at it.
    pub fn forbid(&self, active: u32, to: Address, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if active == 0 {
            return false;
        }
        let is_active = |at: &usize| active & (1 << at) != 0;
        let mut text = Vec::new();
        if (0..self.lists.len()).filter(is_active).any(|at| {
            self.lists[at]
                .written
                .rules
                .iter()
                .any(|rule| rule.pattern.is_some())
        }) {
            write(&mut text);
        }
        (0..self.lists.len()).filter(is_active).any(|at| {
            self.rule_for(
                at,
                Some(to.transport),
                to.address.ip(),
                to.address.port(),
                &text,
            )
            .is_some()
        })
    }

    /// The first rule of a list that forbids a destination. Of an unknown transport or port (0) only rules for any can
    /// say something.
    pub fn rule_for(
        &self,
        list: usize,
        transport: Option<Transport>,
        ip: std::net::IpAddr,
        port: u16,
        text: &[u8],
    ) -> Option<usize> {
        let list = self.lists.get(list)?;
        let rules = list.written.rules.iter().zip(&list.transports);
        rules.into_iter().position(|(rule, wanted)| {
            let fits = wanted.is_none_or(|wanted| transport == Some(wanted))
                && rule.net.contains(ip)
                && rule.port.is_none_or(|wanted| wanted == port)
                && matches_text(rule, text);
            fits != rule.negated
        })
    }

    /// The lists and what is known of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Blacklist> {
        self.lists.iter().map(|list| &list.written)
    }
}

/// No pattern, and an empty one, stand for any message.
fn matches_text(rule: &BlacklistRule, text: &[u8]) -> bool {
    match rule.pattern.as_deref() {
        None | Some([]) => true,
        Some(pattern) => glob::matches(pattern, text),
    }
}
