//! Our listening sockets: what we are called, and by which of them a message leaves.
//!
//! Copied: every shard has the same list, in the order of the script. No descriptors here; the
//! shard that sends knows which descriptor a [`SocketId`] is.
//!
//! What an operator can name a socket by is `proto:host:port`; what a peer can name us by is any
//! address, advertised address or alias of any socket.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::input::{SocketId, Transport};

/// What the configuration says of one listener, addresses already resolved.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// Where it is bound.
    pub address: SocketAddr,
    /// Host to write into Via and Record-Route instead of the address (`AS host:port`).
    pub advertised_host: Option<String>,
    /// Port to write there instead of the bound one.
    pub advertised_port: Option<u16>,
    /// A name for `$socket_in(tag)` and `force_send_socket`.
    pub tag: Option<String>,
    /// Type of service of what leaves by it; `None` for that of all.
    pub tos: Option<u8>,
    /// Further addresses of ours that a wildcard listener receives on, or the host name it was written as.
    pub aliases: Vec<String>,
}

impl Listener {
    /// A listener with nothing but its address.
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Listener {
            transport,
            address,
            advertised_host: None,
            advertised_port: None,
            tag: None,
            tos: None,
            aliases: Vec::new(),
        }
    }
}

/// One listening socket of ours.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Its number, the same on every shard.
    pub id: SocketId,
    /// Its transport.
    pub transport: Transport,
    /// Where it is bound.
    pub address: SocketAddr,
    /// `udp:192.0.2.1:5060`, as scripts and logs show it.
    pub name: String,
    /// The advertised host, or the address; IPv6 in brackets.
    pub host: String,
    /// The advertised port, or the bound one.
    pub port: u16,
    /// `host:port`, what Via and Record-Route carry.
    pub sent_by: String,
    /// Whether `host` or `port` are advertised ones.
    pub advertised: bool,
    /// The operator's name for it.
    pub tag: Option<String>,
}

/// A name of ours that is not a socket's address. No transport or port 0 stands for any.
#[derive(Clone, Debug)]
struct Alias {
    transport: Option<Transport>,
    host: String,
    port: u16,
}

/// All listening sockets, and every name a peer may call us by.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    sockets: Vec<Socket>,
    aliases: Vec<Alias>,
    advertised_address: Option<String>,
    advertised_port: Option<u16>,
    source_towards: Option<SourceTowards>,
}

/// Which address of this host the routing table chooses towards another.
pub type SourceTowards = fn(SocketAddr) -> Option<IpAddr>;

impl Sockets {
    /// The sockets in the order of the script.
    pub fn new(listeners: impl IntoIterator<Item = Listener>) -> Self {
        let mut sockets = Sockets::default();
        for listener in listeners {
            sockets.add(listener);
        }
        sockets
    }

    /// The global `advertised_address` and `advertised_port`: for sockets that advertise nothing of their own.
    pub fn advertise(&mut self, host: Option<String>, port: Option<u16>) {
        self.advertised_address = host;
        self.advertised_port = port;
        for at in 0..self.sockets.len() {
            if self.sockets[at].advertised {
                continue;
            }
            let (host, port) = (self.advertised_address.clone(), self.advertised_port);
            name(&mut self.sockets[at], host, port);
            let socket = &self.sockets[at];
            if socket.advertised {
                let alias = Alias {
                    transport: Some(socket.transport),
                    host: bare(&socket.host),
                    port: socket.port,
                };
                self.aliases.push(alias);
            }
        }
    }

    /// Adds a socket behind the others.
    pub fn add(&mut self, listener: Listener) -> SocketId {
        let id = SocketId(self.sockets.len() as u16);
        let mut socket = Socket {
            id,
            transport: listener.transport,
            address: listener.address,
            name: format!("{}:{}", listener.transport.as_str(), listener.address),
            host: String::new(),
            port: 0,
            sent_by: String::new(),
            advertised: false,
            tag: listener.tag,
        };
        name(
            &mut socket,
            listener
                .advertised_host
                .or_else(|| self.advertised_address.clone()),
            listener.advertised_port.or(self.advertised_port),
        );
        if socket.advertised {
            self.add_alias(Some(socket.transport), &socket.host, socket.port);
        }
        for alias in &listener.aliases {
            self.add_alias(Some(listener.transport), alias, listener.address.port());
        }
        self.sockets.push(socket);
        id
    }

    /// A name of ours (`alias=proto:host:port`). No transport or port 0 stands for any.
    pub fn add_alias(&mut self, transport: Option<Transport>, host: &str, port: u16) {
        self.aliases.push(Alias {
            transport,
            host: bare(host),
            port,
        });
    }

    /// All, in the order of the script.
    pub fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The socket of this number.
    pub fn get(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(usize::from(id.0))
    }

    /// Whether `host`, `port` and `transport` are a name of ours. What is `None` matches anything.
    pub fn is_myself(&self, host: &[u8], port: Option<u16>, transport: Option<Transport>) -> bool {
        let host = without_brackets(host);
        let ip = ip_of(host);
        let port_is = |ours: u16| port.is_none_or(|port| port == ours);
        let transport_is = |ours: Transport| transport.is_none_or(|transport| transport == ours);
        self.sockets.iter().any(|socket| {
            ip == Some(socket.address.ip())
                && port_is(socket.address.port())
                && transport_is(socket.transport)
        }) || self.aliases.iter().any(|alias| {
            (alias.port == 0 || port_is(alias.port))
                && alias.transport.is_none_or(transport_is)
                && same_host(alias.host.as_bytes(), host, ip)
        })
    }

    /// The socket that a script means by a text: `udp:192.0.2.1:5060`, `192.0.2.1:5060`, its advertised name or its tag.
    pub fn find(&self, text: &[u8]) -> Option<&Socket> {
        if let Some(socket) = self
            .sockets
            .iter()
            .find(|s| s.tag.as_ref().is_some_and(|tag| tag.as_bytes() == text))
        {
            return Some(socket);
        }
        let (transport, host, port) = split_destination(text)?;
        let ip = ip_of(host);
        self.sockets.iter().find(|socket| {
            let is_bound = ip == Some(socket.address.ip())
                && port.is_none_or(|port| port == socket.address.port());
            let is_advertised = same_host(without_brackets(socket.host.as_bytes()), host, ip)
                && port.is_none_or(|port| port == socket.port);
            transport.is_none_or(|transport| transport == socket.transport)
                && (is_bound || is_advertised)
        })
    }

    /// The socket bound exactly there: for a Via or Route of ours that names its address.
    pub fn bound_at(&self, transport: Transport, address: SocketAddr) -> Option<&Socket> {
        self.sockets
            .iter()
            .find(|s| s.transport == transport && s.address == address)
    }

    /// The socket that Via or Record-Route of ours named as `host:port`, `transport` when known.
    pub fn named(
        &self,
        host: &[u8],
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Option<&Socket> {
        let host = without_brackets(host);
        let ip = ip_of(host);
        let matches = |socket: &&Socket| {
            let default = socket.transport.default_port();
            let is_port = |ours: u16| port.unwrap_or(default) == ours;
            transport.is_none_or(|transport| transport == socket.transport)
                && ((ip == Some(socket.address.ip()) && is_port(socket.address.port()))
                    || (same_host(without_brackets(socket.host.as_bytes()), host, ip)
                        && is_port(socket.port)))
        };
        self.sockets.iter().find(matches)
    }

    /// `mhomed`: messages leave by the socket at the address that the routing table chooses.
    pub fn choose_by_route(&mut self, source_towards: SourceTowards) {
        self.source_towards = Some(source_towards);
    }

    /// By which socket a message to `destination` leaves.
    ///
    /// A forced one that can reach it wins, then one at the forced address with the right
    /// transport, then (`mhomed`) one where the route begins, then the one the message came by, then the first that can. A loopback socket reaches
    /// only this host, so it is not chosen for others while there is another.
    pub fn choose(
        &self,
        transport: Transport,
        destination: SocketAddr,
        forced: Option<SocketId>,
        received: Option<SocketId>,
    ) -> Option<SocketId> {
        let reaches = |socket: &Socket| {
            socket.transport == transport && socket.address.is_ipv4() == destination.is_ipv4()
        };
        let near = |socket: &Socket| {
            socket.address.ip().is_unspecified()
                || socket.address.ip().is_loopback() == destination.ip().is_loopback()
        };
        if let Some(forced) = forced.and_then(|id| self.get(id)) {
            if reaches(forced) {
                return Some(forced.id);
            }
            let beside =
                |socket: &&Socket| reaches(socket) && socket.address.ip() == forced.address.ip();
            if let Some(socket) = self.sockets.iter().find(beside) {
                return Some(socket.id);
            }
        }
        let received = received
            .and_then(|id| self.get(id))
            .filter(|socket| reaches(socket));
        let source = self.source_towards.and_then(|ask| ask(destination));
        if let Some(source) = source {
            let begins_here = |socket: &&Socket| socket.address.ip() == source;
            let of_ours = || {
                self.sockets
                    .iter()
                    .find(|socket| reaches(socket) && begins_here(socket))
            };
            if let Some(socket) = received.filter(begins_here).or_else(of_ours) {
                return Some(socket.id);
            }
        }
        received
            .filter(|socket| near(socket))
            .or_else(|| {
                self.sockets
                    .iter()
                    .find(|socket| reaches(socket) && near(socket))
            })
            .or(received)
            .or_else(|| self.sockets.iter().find(|socket| reaches(socket)))
            .map(|socket| socket.id)
    }

    /// The first socket of a transport, `is_ipv4` when the family matters.
    pub fn first(&self, transport: Transport, is_ipv4: Option<bool>) -> Option<&Socket> {
        self.sockets.iter().find(|s| {
            s.transport == transport && is_ipv4.is_none_or(|v4| s.address.is_ipv4() == v4)
        })
    }
}

/// Fills what Via and Record-Route will say of a socket.
fn name(socket: &mut Socket, host: Option<String>, port: Option<u16>) {
    socket.advertised = host.is_some() || port.is_some();
    socket.host = host.unwrap_or_else(|| match socket.address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    if socket.host.contains(':') && !socket.host.starts_with('[') {
        socket.host = format!("[{}]", socket.host);
    }
    socket.port = port.unwrap_or(socket.address.port());
    socket.sent_by.clear();
    let _ = write!(socket.sent_by, "{}:{}", socket.host, socket.port);
}

/// Splits `[proto:]host[:port]`, the form of destinations in scripts. IPv6 stands in brackets.
pub fn split_destination(text: &[u8]) -> Option<(Option<Transport>, &[u8], Option<u16>)> {
    let (transport, rest) = match text.iter().position(|&byte| byte == b':') {
        Some(colon) if !text.starts_with(b"[") => match Transport::parse(&text[..colon]) {
            Some(transport) => (Some(transport), &text[colon + 1..]),
            None => (None, text),
        },
        _ => (None, text),
    };
    let (host, port) = if rest.starts_with(b"[") {
        let end = rest.iter().position(|&byte| byte == b']')?;
        (&rest[1..end], rest[end + 1..].strip_prefix(b":"))
    } else {
        match rest.iter().position(|&byte| byte == b':') {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        }
    };
    if host.is_empty() {
        return None;
    }
    let port = match port {
        Some(digits) => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
        None => None,
    };
    Some((transport, host, port))
}

fn same_host(ours: &[u8], theirs: &[u8], their_ip: Option<IpAddr>) -> bool {
    // RFC 5118 §4.1: one IPv6 address has many spellings, so addresses compare as addresses.
    ours.eq_ignore_ascii_case(theirs) || (their_ip.is_some() && ip_of(ours) == their_ip)
}

fn without_brackets(host: &[u8]) -> &[u8] {
    host.strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .unwrap_or(host)
}

fn bare(host: &str) -> String {
    String::from_utf8_lossy(without_brackets(host.as_bytes())).to_ascii_lowercase()
}

fn ip_of(host: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(host).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
