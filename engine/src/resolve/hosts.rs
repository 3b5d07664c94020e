//! What this machine says of names: the text of `/etc/hosts`, and the domains that it looks for short ones in.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::limits::SEARCH_DOMAINS_MAX;

/// Addresses by name, as the file's text says.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Domains that a name without a dot is looked for in, in this order.
    pub search: SmallVec<[Box<[u8]>; 2]>,
    names: BTreeMap<Box<[u8]>, SmallVec<[IpAddr; 2]>>,
}

impl Hosts {
    /// Reads the text: an address and its names on every line, `#` begins a comment. Lines that
    /// say something else are skipped, as everyone does.
    pub fn parse(text: &str) -> Self {
        let mut hosts = Hosts::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
                continue;
            };
            for name in words {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let addresses = hosts
                    .names
                    .entry(name.into_bytes().into_boxed_slice())
                    .or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        hosts
    }

    /// With the search list of a `resolv.conf`: its last line `search` or `domain` counts, as in resolver(5).
    #[must_use]
    pub fn with_search(mut self, text: &str) -> Self {
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            if matches!(words.next(), Some("search" | "domain")) {
                let domains = words.map(|word| word.trim_matches('.').to_ascii_lowercase());
                let domains = domains.filter(|domain| !domain.is_empty());
                let domains = domains.map(|domain| domain.into_bytes().into_boxed_slice());
                self.search = domains.take(SEARCH_DOMAINS_MAX).collect();
            }
        }
        self
    }

    /// The addresses of a name, which has to be in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&[IpAddr]> {
        self.names.get(name).map(SmallVec::as_slice)
    }
}
