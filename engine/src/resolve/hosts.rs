//! The text of `/etc/hosts`: names that need no DNS.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smallvec::SmallVec;

/// Addresses by name, as the file's text says.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
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

    /// The addresses of a name, which has to be in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&[IpAddr]> {
        self.names.get(name).map(SmallVec::as_slice)
    }
}
