//! The walk from a hop to its addresses: RFC 3263 §4.
//!
//! A pure function over what is known. It either ends with a list or names the records it is
//! missing; then it begins again when they are there, so nothing of a walk has to be kept.

use std::net::IpAddr;

use parser::{Scheme, Uri};
use smallvec::SmallVec;

use super::answer::{Name, Naptr, RecordType, Records};
use super::cache::{Cache, Known};
use super::order;
use super::{Addresses, Hosts, Settings};
use crate::input::Transport;
use crate::limits::{ADDRESSES_MAX, DNS_ALIASES_MAX, DNS_QUESTIONS_MAX};
use crate::proxy::Address;
use crate::random::Random;

/// The next place a request has to reach, as a URI or a script names it.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// `sips`: only TLS will do.
    pub secure: bool,
    /// The name or address; IPv6 without brackets.
    pub host: &'a [u8],
    /// The same, when it is an address.
    pub ip: Option<IpAddr>,
    /// The port, when said.
    pub port: Option<u16>,
    /// The transport, when said.
    pub transport: Option<Transport>,
}

impl<'a> Hop<'a> {
    /// The hop a URI names: its `maddr` before its host. `None` for what is not SIP.
    pub fn of(uri: &Uri<'a>) -> Option<Self> {
        let secure = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other(_) => return None,
        };
        let transport = match uri.params.get(b"transport") {
            Some(name) => Some(Transport::parse(name)?),
            None => None,
        };
        let (host, ip) = match uri.params.get(b"maddr").filter(|maddr| !maddr.is_empty()) {
            Some(maddr) => (without_brackets(maddr), ip_of(maddr)),
            None => (without_brackets(uri.host_text), uri.host.ip()),
        };
        (!host.is_empty()).then_some(Hop {
            secure,
            host,
            ip,
            port: uri.port,
            transport,
        })
    }

    /// The hop of a script's `host`, `port`, `transport`.
    pub fn plain(host: &'a [u8], port: Option<u16>, transport: Option<Transport>) -> Self {
        let host = without_brackets(host);
        Hop {
            secure: false,
            host,
            ip: ip_of(host),
            port,
            transport,
        }
    }

    /// `sips` over what carries TLS: RFC 3261 §26.2.2.
    fn secured(&self, transport: Transport) -> Transport {
        match transport {
            Transport::Udp | Transport::Tcp if self.secure => Transport::Tls,
            Transport::Ws if self.secure => Transport::Wss,
            other => other,
        }
    }

    /// The transport when nothing but the scheme says: §4.1.
    fn default_transport(&self) -> Transport {
        self.secured(Transport::Udp)
    }
}

/// Records that a walk is missing.
pub(super) type Questions = SmallVec<[(Name, RecordType); 2]>;

/// How a walk ended.
pub(super) enum Walked {
    /// With addresses, best first.
    Addresses(Addresses),
    /// Here is nothing to reach.
    Nowhere,
    /// Not yet: these are missing.
    Missing(Questions),
}

/// What a walk reads.
pub(super) struct Walk<'a, W> {
    pub now_us: u64,
    pub cache: &'a mut Cache<W>,
    pub hosts: &'a Hosts,
    pub settings: &'a Settings,
    pub random: &'a mut Random,
    pub missing: Questions,
}

impl<W: PartialEq> Walk<'_, W> {
    pub(super) fn run(mut self, hop: &Hop<'_>) -> Walked {
        let mut addresses = Addresses::new();
        self.hop(hop, &mut addresses);
        if !self.missing.is_empty() {
            Walked::Missing(self.missing)
        } else if addresses.is_empty() {
            Walked::Nowhere
        } else {
            Walked::Addresses(addresses)
        }
    }

    fn hop(&mut self, hop: &Hop<'_>, addresses: &mut Addresses) {
        let said = hop.transport.map(|transport| hop.secured(transport));
        if let Some(ip) = hop.ip {
            let transport = said.unwrap_or(hop.default_transport());
            return self.push(
                addresses,
                transport,
                ip,
                hop.port.unwrap_or(transport.default_port()),
            );
        }
        let name: Name = hop.host.iter().map(u8::to_ascii_lowercase).collect();
        let name = name.strip_suffix(b".").unwrap_or(&name);
        let is_local = self.hosts.get(name).is_some();
        if hop.port.is_some() || is_local {
            // A port says that there is no SRV to look for; nor does a name of the hosts file have one.
            let transport = said.unwrap_or(hop.default_transport());
            return self.host(
                addresses,
                transport,
                name,
                hop.port.unwrap_or(transport.default_port()),
            );
        }
        match said {
            Some(transport) => {
                if !self.service(
                    addresses,
                    transport,
                    &service_name(transport, hop.secure, name),
                ) {
                    self.host(addresses, transport, name, transport.default_port());
                }
            }
            None => self.discover(hop, name, addresses),
        }
    }

    /// No port, no transport: NAPTR says which, else the first transport that has SRV records.
    fn discover(&mut self, hop: &Hop<'_>, name: &[u8], addresses: &mut Addresses) {
        if self.settings.naptr {
            match self.records(name, RecordType::Naptr) {
                None => return,
                Some(Records::Naptr(services)) => {
                    for service in &services {
                        if let Some(transport) = self.usable(service, hop.secure) {
                            if service.to_srv {
                                self.service(addresses, transport, &service.replacement);
                            } else {
                                self.host(
                                    addresses,
                                    transport,
                                    &service.replacement,
                                    transport.default_port(),
                                );
                            }
                        }
                    }
                    if !addresses.is_empty() || !self.missing.is_empty() {
                        return;
                    }
                }
                Some(_) => {}
            }
        }
        if self.settings.srv {
            for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
                let fits = transport == Transport::Tls || !hop.secure;
                if !fits || !self.settings.speaks(transport) {
                    continue;
                }
                let found = self.service(
                    addresses,
                    transport,
                    &service_name(transport, hop.secure, name),
                );
                if found || !self.missing.is_empty() {
                    return;
                }
            }
        }
        let transport = hop.default_transport();
        self.host(addresses, transport, name, transport.default_port());
    }

    /// The transport of a NAPTR service, when it is one that we speak and the scheme permits.
    fn usable(&self, service: &Naptr, secure: bool) -> Option<Transport> {
        let transport = match &*service.service {
            b"sip+d2u" if !secure => Transport::Udp,
            b"sip+d2t" if !secure => Transport::Tcp,
            b"sip+d2s" if !secure => Transport::Sctp,
            b"sip+d2w" if !secure => Transport::Ws,
            b"sips+d2t" => Transport::Tls,
            b"sips+d2w" => Transport::Wss,
            _ => return None,
        };
        self.settings.speaks(transport).then_some(transport)
    }

    /// The servers of a service. Says whether there are SRV records (or will be known to be).
    fn service(&mut self, addresses: &mut Addresses, transport: Transport, name: &[u8]) -> bool {
        if !self.settings.srv {
            return false;
        }
        let mut servers = match self.records(name, RecordType::Srv) {
            None => return true,
            Some(Records::Srv(servers)) => servers,
            Some(_) => return false,
        };
        order::by_weight(&mut servers, self.random);
        for server in &servers {
            self.host(addresses, transport, &server.target, server.port);
        }
        !servers.is_empty()
    }

    /// The addresses of a host.
    fn host(&mut self, addresses: &mut Addresses, transport: Transport, name: &[u8], port: u16) {
        if let Some(ip) = ip_of(name) {
            return self.push(addresses, transport, ip, port);
        }
        let hosts = self.hosts;
        if let Some(ips) = hosts.get(name) {
            for ip in ips {
                self.push(addresses, transport, *ip, port);
            }
            return;
        }
        if self.settings.ipv4
            && let Some(Records::A(ips)) = self.records(name, RecordType::A)
        {
            for ip in ips {
                self.push(addresses, transport, IpAddr::V4(ip), port);
            }
        }
        if self.settings.ipv6
            && let Some(Records::Aaaa(ips)) = self.records(name, RecordType::Aaaa)
        {
            for ip in ips {
                self.push(addresses, transport, IpAddr::V6(ip), port);
            }
        }
    }

    fn push(&self, addresses: &mut Addresses, transport: Transport, ip: IpAddr, port: u16) {
        let address = Address {
            transport,
            address: (ip, port).into(),
        };
        if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// The records of a name, through its aliases; `None` when they have to be asked for first.
    fn records(&mut self, name: &[u8], record_type: RecordType) -> Option<Records> {
        let mut name = Name::from_slice(name);
        for _ in 0..=DNS_ALIASES_MAX {
            match self.cache.lookup(self.now_us, &name, record_type) {
                Known::Records(Records::Alias(target)) => name = Name::from_slice(target),
                Known::Records(records) => return Some(records.clone()),
                Known::Asked(_) | Known::Unknown => {
                    if self.missing.len() < DNS_QUESTIONS_MAX {
                        self.missing.push((name, record_type));
                    }
                    return None;
                }
            }
        }
        Some(Records::Failed)
    }
}

/// `_sip._udp.example.com`: RFC 3263 §4.1 and §4.2.
fn service_name(transport: Transport, secure: bool, name: &[u8]) -> Name {
    let prefix: &[u8] = match transport {
        Transport::Udp => b"_sip._udp.",
        Transport::Tcp => b"_sip._tcp.",
        Transport::Sctp => b"_sip._sctp.",
        Transport::Tls => b"_sips._tcp.",
        Transport::Ws if secure => b"_sips._ws.",
        Transport::Ws => b"_sip._ws.",
        Transport::Wss => b"_sips._ws.",
    };
    prefix.iter().chain(name).copied().collect()
}

fn without_brackets(host: &[u8]) -> &[u8] {
    host.strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .unwrap_or(host)
}

fn ip_of(host: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(without_brackets(host))
        .ok()?
        .parse()
        .ok()
}
