//! Blacklists: where nothing is sent to (`dst_blacklist`).
//!
//! Each address that a request could be sent to is held against the lists that the message is under: those marked
//! `default`, and what `use_blacklist` and `unuse_blacklist` made of them. A refused address counts as one that cannot be
//! reached: the next one is tried.
//!
//! Copied: every shard has all lists. What scripts change in them reaches all shards in one order: see `change`.

mod change;
pub mod glob;
#[cfg(test)]
mod tests;

use script::globals::{BlacklistRule, Globals};

use crate::input::{Now, Transport};
use crate::proxy::Address;

pub(crate) use change::{Change, What, ask, on_letter, read_net};

/// Lists of a script: a message says in one word which of them it is under.
pub const BLACKLISTS_MAX: usize = 32;

/// Rules of one list. Each is looked at for each address a message is sent to, so that a full one takes some
/// microseconds.
pub const RULES_MAX: usize = 1024;

/// The lists of a script.
#[derive(Debug, Default)]
pub struct Blacklists {
    lists: Vec<List>,
    /// Those that every message is under, a bit each.
    default: u32,
}

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    /// Its name.
    pub(crate) name: String,
    /// Cannot be changed by scripts.
    pub(crate) read_only: bool,
    /// Written as a list whose rules end.
    pub(crate) expire: bool,
    /// Applies to every message.
    pub(crate) default: bool,
    /// Some rule looks at the message.
    has_patterns: bool,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    written: BlacklistRule,
    /// `None` is any.
    transport: Option<Transport>,
    /// When it ends, in milliseconds of the monotonic clock.
    until_ms: Option<u64>,
}

impl Rule {
    fn holds_at(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

impl List {
    /// Its rules that hold now, and in how many seconds each ends.
    pub(crate) fn rules(&self, now: Now) -> impl Iterator<Item = (&BlacklistRule, Option<u64>)> {
        let now_ms = now.mono_ms();
        let rules = self.rules.iter().filter(move |rule| rule.holds_at(now_ms));
        rules.map(move |rule| {
            let left_ms = rule.until_ms.map(|until| until - now_ms);
            (&rule.written, left_ms.map(|ms| ms.div_ceil(1000)))
        })
    }
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
            let mut rules = Vec::with_capacity(written.rules.len());
            for rule in &written.rules {
                let named = rule.protocol.as_deref();
                let transport = named.and_then(|text| Transport::parse(text.as_bytes()));
                if let (Some(text), None) = (named, transport) {
                    return Err(format!("blacklist `{name}`: `{text}` carries no SIP"));
                }
                let protocol = transport.map(|transport| transport.as_str().to_owned());
                rules.push(Rule {
                    written: BlacklistRule {
                        protocol,
                        ..rule.clone()
                    },
                    transport,
                    until_ms: None,
                });
            }
            if rules.len() > RULES_MAX {
                return Err(format!("blacklist `{name}`: more than {RULES_MAX} rules"));
            }
            if written.default {
                all.default |= 1 << all.lists.len();
            }
            all.lists.push(List {
                name: name.clone(),
                read_only: written.read_only,
                expire: written.expire,
                default: written.default,
                has_patterns: rules.iter().any(|rule| rule.written.pattern.is_some()),
                rules,
            });
        }
        Ok(all)
    }

    /// The number of a list.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.lists
            .iter()
            .position(|list| list.name.as_bytes() == name)
    }

    /// The lists a message is under, a bit each; 0 for most.
    pub fn active(&self, chosen: Chosen) -> u32 {
        (self.default | chosen.used) & !chosen.unused
    }

    /// Whether one of these lists forbids an address. `write` makes the message, if a rule looks at it.
    pub fn forbid(
        &self,
        active: u32,
        to: Address,
        now: Now,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        if active == 0 {
            return false;
        }
        let is_active = |at: &usize| active & (1 << at) != 0;
        let mut active = (0..self.lists.len()).filter(is_active);
        let mut text = Vec::new();
        if active.clone().any(|at| self.lists[at].has_patterns) {
            write(&mut text);
        }
        let (ip, port) = (to.address.ip(), to.address.port());
        active.any(|at| {
            self.rule_for(at, Some(to.transport), ip, port, &text, now)
                .is_some()
        })
    }

    /// The first rule of a list that forbids a destination now. Of an unknown transport or port (0) only rules for any
    /// can say something.
    pub fn rule_for(
        &self,
        list: usize,
        transport: Option<Transport>,
        ip: std::net::IpAddr,
        port: u16,
        text: &[u8],
        now: Now,
    ) -> Option<&BlacklistRule> {
        let now_ms = now.mono_ms();
        let mut rules = self.lists.get(list)?.rules.iter();
        let found = rules.find(|rule| {
            let Rule {
                written,
                transport: wanted,
                ..
            } = rule;
            let fits = wanted.is_none_or(|wanted| transport == Some(wanted))
                && written.net.contains(ip)
                && written.port.is_none_or(|wanted| wanted == port)
                && matches_text(written, text);
            fits != written.negated && rule.holds_at(now_ms)
        });
        found.map(|rule| &rule.written)
    }

    /// The lists and what is known of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &List> {
        self.lists.iter()
    }
}

/// No pattern, and an empty one, stand for any message.
fn matches_text(rule: &BlacklistRule, text: &[u8]) -> bool {
    match rule.pattern.as_deref() {
        None | Some([]) => true,
        Some(pattern) => glob::matches(pattern, text, glob::Case::Exact),
    }
}
