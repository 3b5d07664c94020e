use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Two networks, both families, TCP beside the first, an advertised address, a tag and an alias.
fn office() -> Sockets {
    use Transport::*;
    let mut outer = Listener::new(Udp, address("198.51.100.1:5060"));
    outer.advertised_host = Some("sip.example.com".into());
    outer.advertised_port = Some(5070);
    outer.tag = Some("outer".into());
    let mut sockets = Sockets::new([
        Listener::new(Udp, address("127.0.0.1:5060")),
        Listener::new(Udp, address("10.0.0.1:5060")),
        Listener::new(Tcp, address("10.0.0.1:5060")),
        outer,
        Listener::new(Udp, address("[2001:db8::1]:5060")),
    ]);
    sockets.add_alias(None, "Example.com", 0);
    sockets
}

#[track_caller]
fn is(host: &str, port: Option<u16>, transport: Option<Transport>, expected: bool) {
    assert_eq!(
        office().is_myself(host.as_bytes(), port, transport),
        expected,
        "{host} {port:?} {transport:?}"
    );
}

#[test]
fn a_peer_may_call_us_by_address_advertised_name_or_alias() {
    is("10.0.0.1", None, None, true);
    is("10.0.0.1", Some(5060), Some(Transport::Tcp), true);
    is("10.0.0.1", Some(5061), None, false);
    is("198.51.100.1", Some(5060), Some(Transport::Tcp), false);
    is("sip.example.com", Some(5070), None, true);
    is("SIP.example.com", None, None, true);
    is("sip.example.com", Some(5060), None, false);
    is("example.com", Some(9), Some(Transport::Wss), true);
    is("[2001:DB8:0::1]", Some(5060), None, true); // RFC 5118 §4.1
    is("2001:db8::1", None, None, true);
    is("example.org", None, None, false);
    is("", None, None, false);
}

#[track_caller]
fn leaves(
    to: &str,
    transport: Transport,
    forced: Option<u16>,
    received: Option<u16>,
    expected: Option<u16>,
) {
    let chosen = office().choose(
        transport,
        address(to),
        forced.map(SocketId),
        received.map(SocketId),
    );
    assert_eq!(
        chosen,
        expected.map(SocketId),
        "{to} {transport:?} forced {forced:?} received {received:?}"
    );
}

#[test]
fn a_message_leaves_by_a_socket_that_reaches_its_destination() {
    use Transport::*;
    leaves("10.0.0.9:5060", Udp, None, Some(1), Some(1));
    leaves("10.0.0.9:5060", Udp, None, Some(3), Some(3)); // it came by the outer one
    leaves("10.0.0.9:5060", Udp, Some(3), Some(1), Some(3));
    leaves("10.0.0.9:5060", Tcp, None, Some(1), Some(2));
    leaves("10.0.0.9:5060", Tcp, Some(1), None, Some(2)); // TCP at the forced address
    leaves("10.0.0.9:5060", Udp, None, Some(0), Some(1)); // loopback does not reach it
    leaves("127.0.0.1:5080", Udp, None, Some(1), Some(0));
    leaves("[2001:db8::9]:5060", Udp, Some(1), Some(1), Some(4));
    leaves("[2001:db8::9]:5060", Tcp, None, None, None);
    leaves("10.0.0.9:5061", Tls, None, None, None);
}

#[track_caller]
fn found(text: &str, expected: Option<&str>) {
    let sockets = office();
    assert_eq!(
        sockets.find(text.as_bytes()).map(|s| s.name.as_str()),
        expected,
        "{text}"
    );
}

#[test]
fn a_script_names_a_socket_by_address_or_tag() {
    found("udp:10.0.0.1:5060", Some("udp:10.0.0.1:5060"));
    found("tcp:10.0.0.1:5060", Some("tcp:10.0.0.1:5060"));
    found("10.0.0.1", Some("udp:10.0.0.1:5060"));
    found("outer", Some("udp:198.51.100.1:5060"));
    found("udp:sip.example.com:5070", Some("udp:198.51.100.1:5060"));
    found("udp:[2001:db8::1]:5060", Some("udp:[2001:db8::1]:5060"));
    found("udp:10.0.0.1:5061", None);
    found("udp:", None);
    found("udp:10.0.0.1:port", None);
}

#[test]
fn what_via_says_of_a_socket() {
    let sockets = office();
    let sent_by: Vec<&str> = sockets
        .iter()
        .map(|socket| socket.sent_by.as_str())
        .collect();
    assert_eq!(
        sent_by,
        [
            "127.0.0.1:5060",
            "10.0.0.1:5060",
            "10.0.0.1:5060",
            "sip.example.com:5070",
            "[2001:db8::1]:5060"
        ]
    );
}

#[test]
fn a_global_advertised_address_is_for_sockets_without_their_own() {
    let mut sockets = office();
    sockets.advertise(Some("nat.example.net".into()), None);
    assert_eq!(
        sockets.get(SocketId(1)).unwrap().sent_by,
        "nat.example.net:5060"
    );
    assert_eq!(
        sockets.get(SocketId(3)).unwrap().sent_by,
        "sip.example.com:5070"
    );
    assert!(sockets.is_myself(b"nat.example.net", Some(5060), None));
}

#[test]
fn with_mhomed_the_route_chooses_unless_the_script_does() {
    let at = |transport, address: &str| Listener::new(transport, address.parse().unwrap());
    let mut sockets = Sockets::new([
        at(Transport::Udp, "192.0.2.1:5060"),
        at(Transport::Udp, "10.0.0.1:5060"),
        at(Transport::Udp, "10.0.0.1:5080"),
        at(Transport::Tcp, "10.0.0.1:5060"),
    ]);
    sockets.choose_by_route(|destination| match destination.ip() {
        IpAddr::V4(v4) if v4.octets()[0] == 10 => Some([10, 0, 0, 1].into()),
        IpAddr::V4(v4) if v4.octets()[0] == 172 => Some([172, 16, 0, 1].into()),
        _ => None,
    });
    let chosen = |transport, to: &str, forced: Option<u16>, received| {
        let (forced, received) = (forced.map(SocketId), Some(SocketId(received)));
        let id = sockets.choose(transport, to.parse().unwrap(), forced, received);
        sockets.get(id.unwrap()).unwrap().name.clone()
    };
    let udp = Transport::Udp;
    assert_eq!(chosen(udp, "10.0.0.9:5060", None, 0), "udp:10.0.0.1:5060");
    assert_eq!(
        chosen(Transport::Tcp, "10.0.0.9:5060", None, 0),
        "tcp:10.0.0.1:5060"
    );
    // The one it came by, where that begins the route as well.
    assert_eq!(chosen(udp, "10.0.0.9:5060", None, 2), "udp:10.0.0.1:5080");
    assert_eq!(
        chosen(udp, "10.0.0.9:5060", Some(0), 2),
        "udp:192.0.2.1:5060"
    );
    // A route that begins where nobody listens, and none at all.
    assert_eq!(chosen(udp, "172.16.0.9:5060", None, 2), "udp:10.0.0.1:5080");
    assert_eq!(
        chosen(udp, "198.51.100.9:5060", None, 0),
        "udp:192.0.2.1:5060"
    );
}
