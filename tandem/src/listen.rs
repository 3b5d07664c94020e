//! Which addresses are listened on: the script's sockets and the command line's, each one address.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use engine::Transport;
use engine::sockets::{Listener, Sockets};
use script::globals::{Globals, Socket};
use wire::DatagramSocket;
use wire::datagram::DatagramOptions;
use wire::host::InterfaceAddress;

/// All listeners, wildcards and names resolved. The error is for a person.
pub(crate) fn listeners(
    globals: &Globals,
    command_line: &[String],
    replace: bool,
) -> Result<Vec<Listener>, String> {
    let mut own = wire::host::addresses()
        .map_err(|error| format!("cannot list this host's addresses: {error}."))?;
    own.retain(|one| is_usable(one.address));
    let mut listeners = Vec::new();
    if !replace || command_line.is_empty() {
        for socket in &globals.sockets {
            add_socket(socket, &own, &mut listeners)?;
        }
    }
    for text in command_line {
        let fault = || match bad_port(text) {
            Some(port) => {
                format!("-l {text}: `{port}` is no port: a port is a number up to 65535.")
            }
            None => format!("-l {text}: expected proto:address[:port], like udp:192.0.2.1:5060."),
        };
        let (transport, host, port) = match engine::sockets::split_destination(text.as_bytes()) {
            Some((transport, host, port)) => (transport.unwrap_or_default(), host, port),
            None => return Err(fault()),
        };
        let host = std::str::from_utf8(host).map_err(|_| fault())?;
        let port = port.unwrap_or(transport.default_port());
        for address in addresses(host, &own).map_err(|error| format!("-l {text}: {error}"))? {
            push(
                Listener::new(transport, SocketAddr::new(address, port)),
                host,
                &mut listeners,
            );
        }
    }
    Ok(listeners)
}

/// `auto_aliases`: the names that the hosts file or reverse DNS give the listeners' addresses are names of ours. A
/// name service that does not answer holds the start up only so long; the error names what stays without.
pub(crate) fn add_names(
    listeners: &mut [Listener],
    name_of: fn(IpAddr) -> Option<String>,
    within: Duration,
) -> Result<(), String> {
    let mut missing: Vec<IpAddr> = Vec::new();
    for listener in listeners.iter() {
        let address = listener.address.ip();
        if !missing.contains(&address) {
            missing.push(address);
        }
    }
    let (found, is_found) = mpsc::channel();
    for &address in &missing {
        let found = found.clone();
        // All at once; one that never ends is left behind.
        std::thread::spawn(move || found.send((address, name_of(address))));
    }
    drop(found);
    let deadline = Instant::now() + within;
    while !missing.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok((address, name)) = is_found.recv_timeout(left) else {
            break;
        };
        missing.retain(|one| *one != address);
        let Some(name) = name else { continue };
        for listener in listeners.iter_mut() {
            if listener.address.ip() == address && !listener.aliases.contains(&name) {
                listener.aliases.push(name.clone());
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.iter().map(IpAddr::to_string).collect();
    Err(format!(
        "auto_aliases: no answer within {} s about the names of {}; write them as alias=.",
        within.as_secs(),
        missing.join(", ")
    ))
}

/// What stands for a port and is none, if the rest can be read without it.
fn bad_port(text: &str) -> Option<&str> {
    let (rest, port) = text.rsplit_once(':')?;
    let (_, _, other) = engine::sockets::split_destination(rest.as_bytes())?;
    (other.is_none() && !port.is_empty()).then_some(port)
}

/// The list as the engine knows it, with every name of ours.
pub(crate) fn sockets(listeners: &[Listener], globals: &Globals) -> Sockets {
    let mut sockets = Sockets::new(listeners.iter().cloned());
    let text = |name: &str| {
        globals
            .text(name)
            .map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let port = globals
        .int("advertised_port")
        .and_then(|port| u16::try_from(port).ok());
    let host = text("advertised_address");
    if host.is_some() || port.is_some() {
        sockets.advertise(host, port);
    }
    if globals.is_on("mhomed") == Some(true) {
        sockets.choose_by_route(wire::host::source_towards);
    }
    for alias in &globals.aliases {
        let transport = alias
            .protocol
            .as_ref()
            .and_then(|name| Transport::parse(name.as_bytes()));
        sockets.add_alias(transport, &alias.host, alias.port.unwrap_or(0));
    }
    sockets
}

fn add_socket(
    socket: &Socket,
    own: &[InterfaceAddress],
    listeners: &mut Vec<Listener>,
) -> Result<(), String> {
    let place = format!("socket={}:{}", socket.protocol, socket.host);
    let transport = Transport::parse(socket.protocol.as_bytes())
        .ok_or_else(|| format!("{place}: `{}` is not built yet.", socket.protocol))?;
    let ports = flat(&socket.ports);
    let ports = if ports.is_empty() {
        vec![transport.default_port()]
    } else {
        ports
    };
    let advertised_ports = socket
        .advertised
        .as_ref()
        .map(|(_, ports)| flat(ports))
        .unwrap_or_default();
    for address in addresses(&socket.host, own).map_err(|error| format!("{place}: {error}"))? {
        for (index, &port) in ports.iter().enumerate() {
            let mut listener = Listener::new(transport, SocketAddr::new(address, port));
            listener.advertised_host = socket.advertised.as_ref().map(|(host, _)| host.clone());
            // Position by position; one port stands for all.
            listener.advertised_port = advertised_ports
                .get(index)
                .or(advertised_ports.first())
                .copied();
            listener.tag = socket.tag.clone();
            listener.tos = socket.tos;
            push(listener, &socket.host, listeners);
        }
    }
    Ok(())
}

/// Whether sockets can be bound there. An IPv6 address that is still being checked for duplicates
/// cannot, and a wildcard should not fail because of it.
fn is_usable(address: IpAddr) -> bool {
    DatagramSocket::bind_shared(SocketAddr::new(address, 0), 1, &DatagramOptions::default()).is_ok()
}

fn flat(ports: &[(u16, u16)]) -> Vec<u16> {
    ports
        .iter()
        .flat_map(|&(first, last)| first..=last)
        .collect()
}

/// Adds a listener once; a host name it was written as is a name of ours.
fn push(mut listener: Listener, written: &str, listeners: &mut Vec<Listener>) {
    let is_name = written.parse::<IpAddr>().is_err() && written != "*";
    if is_name && written.contains('.') {
        listener.aliases.push(written.to_owned());
    }
    let same =
        |one: &Listener| one.transport == listener.transport && one.address == listener.address;
    // Port 0 is a new one each time.
    if listener.address.port() == 0 || !listeners.iter().any(same) {
        listeners.push(listener);
    }
}

/// The addresses that `*`, an interface, an address or a name stands for.
fn addresses(host: &str, own: &[InterfaceAddress]) -> Result<Vec<IpAddr>, String> {
    let all = |wanted: &dyn Fn(&InterfaceAddress) -> bool| -> Vec<IpAddr> {
        own.iter()
            .filter(|one| wanted(one))
            .map(|one| one.address)
            .collect()
    };
    if host == "*" {
        return Ok(all(&|_| true));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        // A Via or Contact with 0.0.0.0 reaches nobody: a wildcard is each address of ours.
        return Ok(match address {
            IpAddr::V4(v4) if v4.is_unspecified() => all(&|one| one.address.is_ipv4()),
            IpAddr::V6(v6) if v6.is_unspecified() => all(&|one| one.address.is_ipv6()),
            _ => vec![address],
        });
    }
    let of_interface = all(&|one| one.interface == host);
    if !of_interface.is_empty() {
        return Ok(of_interface);
    }
    let resolved = (host, 0).to_socket_addrs();
    match resolved.ok().and_then(|mut found| found.next()) {
        Some(found) => Ok(vec![found.ip()]),
        None => Err(format!(
            "`{host}` is no address, interface or host name of this machine."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(transport: Transport, address: &str) -> Listener {
        Listener::new(transport, address.parse().unwrap())
    }

    #[test]
    fn names_of_addresses_are_names_of_every_socket_there_and_a_slow_one_is_left_out() {
        let mut listeners = vec![
            listener(Transport::Udp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "192.0.2.1:5080"),
            listener(Transport::Udp, "192.0.2.2:5060"),
            listener(Transport::Udp, "192.0.2.3:5060"),
        ];
        let name_of = |address: IpAddr| match address.to_string().as_str() {
            "192.0.2.1" => Some("sip.example.org".to_owned()),
            "192.0.2.2" => None,
            _ => {
                std::thread::sleep(Duration::from_secs(60));
                Some("too.late".to_owned())
            }
        };
        let begun = Instant::now();
        let error = add_names(&mut listeners, name_of, Duration::from_secs(1)).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(
            error,
            "auto_aliases: no answer within 1 s about the names of 192.0.2.3; write them as alias=."
        );
        let sockets = Sockets::new(listeners);
        let is_ours =
            |transport, port| sockets.is_myself(b"sip.example.org", Some(port), Some(transport));
        assert!(is_ours(Transport::Udp, 5060));
        assert!(is_ours(Transport::Tcp, 5080));
        assert!(!is_ours(Transport::Udp, 5080));
        assert!(!sockets.is_myself(b"too.late", None, None));
    }
}
