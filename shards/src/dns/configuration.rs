//! Which servers are asked, and how long: `/etc/resolv.conf`, resolver(5).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::limits::DNS_SERVERS_MAX;

const PORT: u16 = 53;

/// How DNS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// Never empty.
    pub servers: Vec<SocketAddr>,
    /// Of one try.
    pub timeout: Duration,
    /// Tries a server.
    pub attempts: u32,
}

impl Default for DnsSettings {
    fn default() -> Self {
        DnsSettings::read("")
    }
}

impl DnsSettings {
    /// What this machine uses.
    pub fn of_this_host() -> DnsSettings {
        DnsSettings::read(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    /// Reads the text of a `resolv.conf`; what is not understood is skipped, as the C library does.
    pub fn read(text: &str) -> DnsSettings {
        let mut settings = DnsSettings {
            servers: Vec::new(),
            timeout: Duration::from_secs(2),
            attempts: 2,
        };
        for line in text.lines() {
            let mut words = line
                .split(['#', ';'])
                .next()
                .unwrap_or_default()
                .split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    if let Some(address) = address
                        && settings.servers.len() < DNS_SERVERS_MAX
                    {
                        settings.servers.push(SocketAddr::new(address, PORT));
                    }
                }
                Some("options") => words.for_each(|word| settings.option(word)),
                _ => {}
            }
        }
        if settings.servers.is_empty() {
            settings
                .servers
                .push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT));
        }
        settings
    }

    fn option(&mut self, word: &str) {
        let number = |text: &str| text.parse::<u32>().ok();
        if let Some(seconds) = word.strip_prefix("timeout:").and_then(number) {
            self.timeout = Duration::from_secs(seconds.clamp(1, 30).into());
        } else if let Some(attempts) = word.strip_prefix("attempts:").and_then(number) {
            self.attempts = attempts.clamp(1, 5);
        }
    }
}
