//! A zone as text in, the ordered targets out. The world's answers are real DNS bytes.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use parser::Frame;

use super::*;
use crate::input::SocketId;
use crate::sockets::Listener;

/// One line: `name ttl type data...`.
struct Zone(Vec<Vec<String>>);

impl Zone {
    fn new(text: &str) -> Self {
        let line = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        Zone(
            text.lines()
                .map(line)
                .filter(|words| !words.is_empty())
                .collect(),
        )
    }

    /// The response message to a question, with the CNAMEs and what they lead to.
    fn answer(&self, name: &str, record_type: u16) -> Vec<u8> {
        let mut records = Vec::new();
        let mut wanted = name.to_owned();
        loop {
            let of_type = |kind: &str| {
                self.0
                    .iter()
                    .filter(|w| w[0] == wanted && w[2] == kind)
                    .collect::<Vec<_>>()
            };
            let found = of_type(type_name(record_type));
            if !found.is_empty() {
                records.extend(found);
                break;
            }
            match of_type("CNAME").first() {
                Some(alias) => {
                    records.push(alias);
                    wanted = alias[3].clone();
                }
                None => break,
            }
        }
        let exists = self.0.iter().any(|words| words[0] == name);
        let mut bytes = vec![0, 1, 0x81, if exists { 0x80 } else { 0x83 }, 0, 1];
        bytes.extend((records.len() as u16).to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        write_name(name, &mut bytes);
        bytes.extend(record_type.to_be_bytes());
        bytes.extend([0, 1]);
        for words in records {
            write_name(&words[0], &mut bytes);
            let kind: u16 = match words[2].as_str() {
                "A" => 1,
                "AAAA" => 28,
                "SRV" => 33,
                "NAPTR" => 35,
                "CNAME" => 5,
                other => panic!("{other}"),
            };
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1]);
            bytes.extend(words[1].parse::<u32>().unwrap().to_be_bytes());
            let data = data(&words[2], &words[3..]);
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }
}

fn type_name(record_type: u16) -> &'static str {
    match record_type {
        1 => "A",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        _ => "?",
    }
}

fn data(kind: &str, words: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    let number = |at: usize| words[at].parse::<u16>().unwrap().to_be_bytes();
    match kind {
        "A" => out.extend(words[0].parse::<std::net::Ipv4Addr>().unwrap().octets()),
        "AAAA" => out.extend(words[0].parse::<std::net::Ipv6Addr>().unwrap().octets()),
        "CNAME" => write_name(&words[0], &mut out),
        "SRV" => {
            (0..3).for_each(|at| out.extend(number(at)));
            write_name(&words[3], &mut out);
        }
        "NAPTR" => {
            (0..2).for_each(|at| out.extend(number(at)));
            for text in [&words[2], &words[3], ""] {
                out.push(text.len() as u8);
                out.extend(text.bytes());
            }
            write_name(&words[4], &mut out);
        }
        other => panic!("{other}"),
    }
    out
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend(label.bytes());
    }
    out.push(0);
}

fn resolver(seed: u64) -> Resolver {
    let at = |text: &str| text.parse().unwrap();
    let sockets = Sockets::new([
        Listener::new(Transport::Udp, at("10.0.0.1:5060")),
        Listener::new(Transport::Tcp, at("10.0.0.1:5060")),
        Listener::new(Transport::Tls, at("10.0.0.1:5061")),
        Listener::new(Transport::Udp, at("[2001:db8::1]:5060")),
    ]);
    let hosts = "127.0.0.1 localhost\n::1 localhost\n10.9.9.9 pbx PBX.lan # the old one\n";
    Resolver::new(&sockets, Arc::new(Hosts::parse(hosts)), 100, seed)
}

/// `[sips] host [:port] [transport]`
fn hop(text: &str) -> (bool, String, Option<u16>, Option<Transport>) {
    let mut words = text.split_whitespace().peekable();
    let secure = words.next_if_eq(&"sips").is_some();
    let host = words.next().unwrap().to_owned();
    let mut found = (secure, host, None, None);
    for word in words {
        match word.strip_prefix(':') {
            Some(port) => found.2 = Some(port.parse().unwrap()),
            None => found.3 = Some(Transport::parse(word.as_bytes()).unwrap()),
        }
    }
    found
}

const WAITER: Waiter = Waiter::Run(Ticket(7));

fn show(resolved: &Resolved) -> String {
    match resolved {
        Resolved::Addresses(addresses) => {
            let list: Vec<_> = addresses
                .iter()
                .map(|to| format!("{}:{}", to.transport.as_str(), to.address))
                .collect();
            list.join(" ")
        }
        other => format!("{other:?}"),
    }
}

/// Resolves, answering every question from the zone, and writes down what happened.
fn story(resolver: &mut Resolver, now_s: u64, zone: &Zone, text: &str, out: &mut String) {
    let now = Now {
        mono_us: now_s * 1_000_000,
        unix_us: 0,
    };
    let (secure, host, port, transport) = hop(text);
    let hop = Hop {
        secure,
        ..Hop::plain(host.as_bytes(), port, transport)
    };
    writeln!(out, "{text}").unwrap();
    for _ in 0..10 {
        let mut outbox = Outbox::new();
        let resolved = resolver.resolve(now, &hop, WAITER, &mut outbox);
        if resolved != Resolved::Waits {
            writeln!(out, "  = {}", show(&resolved)).unwrap();
            return;
        }
        let (outputs, _) = outbox.drain();
        for output in outputs {
            let Output::Query {
                ticket,
                query: Query::Dns { name, record_type },
                ..
            } = output
            else {
                panic!()
            };
            writeln!(out, "  ? {name} {}", type_name(record_type)).unwrap();
            let answer = Answer::Dns(Frame::copy_of(&zone.answer(&name, record_type)));
            resolver.answer(now, ticket, &answer);
        }
    }
    panic!("never ends:\n{out}");
}

#[track_caller]
fn check(zone: &str, hops: &str, expected: Expect) {
    let (zone, mut resolver, mut out) = (Zone::new(zone), resolver(1), String::new());
    for hop in hops.lines().map(str::trim).filter(|line| !line.is_empty()) {
        story(&mut resolver, 0, &zone, hop, &mut out);
    }
    expected.assert_eq(&out);
}

#[test]
fn addresses_and_hosts_need_no_question() {
    check(
        "",
        "
        192.0.2.1
        192.0.2.1 :5080 tcp
        [2001:db8::9] udp
        sips 192.0.2.1
        sips 192.0.2.1 tcp
        localhost
        PBX.lan. tcp
        ",
        expect![[r#"
            192.0.2.1
              = udp:192.0.2.1:5060
            192.0.2.1 :5080 tcp
              = tcp:192.0.2.1:5080
            [2001:db8::9] udp
              = udp:[2001:db8::9]:5060
            sips 192.0.2.1
              = tls:192.0.2.1:5061
            sips 192.0.2.1 tcp
              = tls:192.0.2.1:5061
            localhost
              = udp:127.0.0.1:5060 udp:[::1]:5060
            PBX.lan. tcp
              = tcp:10.9.9.9:5060
        "#]],
    );
}

#[test]
fn a_name_without_a_dot_is_looked_for_in_the_search_list() {
    let zone = Zone::new(
        "
        gw.lab.example 60 A 192.0.2.3
        bare           60 A 192.0.2.4
        ",
    );
    let resolv = "domain old.example\nsearch Corp.Example. lab.example # and no more\n";
    let mut resolver = resolver(1);
    resolver.settings.ipv6 = false;
    let hosts = (*resolver.hosts).clone().with_search(resolv);
    resolver.hosts = Arc::new(hosts);
    let mut out = String::new();
    for hop in [
        "gw :5060 udp",
        "bare :5060 udp",
        "pbx tcp",
        "10.0.0.7",
        "gw.old :5060 udp",
    ] {
        story(&mut resolver, 0, &zone, hop, &mut out);
    }
    resolver.settings.search = false;
    story(&mut resolver, 0, &zone, "gw :5060 udp", &mut out);
    expect![[r#"
        gw :5060 udp
          ? gw.corp.example A
          ? gw.lab.example A
          = udp:192.0.2.3:5060
        bare :5060 udp
          ? bare.corp.example A
          ? bare.lab.example A
          ? bare A
          = udp:192.0.2.4:5060
        pbx tcp
          = tcp:10.9.9.9:5060
        10.0.0.7
          = udp:10.0.0.7:5060
        gw.old :5060 udp
          ? gw.old A
          = Nowhere
        gw :5060 udp
          ? gw A
          = Nowhere
    "#]]
    .assert_eq(&out);
}

/// RFC 3263 §4.1's example, with a transport that we do not speak.
const EXAMPLE: &str = "
    example.com            300 NAPTR 30 50 s SIP+D2U _sip._udp.example.com
    example.com            300 NAPTR 10 50 s SIPS+D2T _sips._tcp.example.com
    example.com            300 NAPTR 20 50 s SIP+D2T _sip._tcp.example.com
    example.com            300 NAPTR 5  50 s SIP+D2S _sip._sctp.example.com
    _sips._tcp.example.com 300 SRV 0 1 5061 server1.example.com
    _sip._tcp.example.com  300 SRV 0 1 5060 server1.example.com
    _sip._tcp.example.com  300 SRV 1 1 5062 server2.example.com
    _sip._udp.example.com  300 SRV 0 0 5060 server2.example.com
    server1.example.com    300 A 192.0.2.1
    server1.example.com    300 AAAA 2001:db8::1
    server2.example.com    300 CNAME cluster.example.net
    cluster.example.net    300 A 192.0.2.2
";

#[test]
fn naptr_chooses_the_transport_and_srv_the_servers() {
    check(
        EXAMPLE,
        "example.com",
        expect![[r#"
            example.com
              ? example.com NAPTR
              ? _sips._tcp.example.com SRV
              ? _sip._tcp.example.com SRV
              ? _sip._udp.example.com SRV
              ? server1.example.com A
              ? server1.example.com AAAA
              ? server2.example.com A
              ? server2.example.com AAAA
              ? cluster.example.net AAAA
              = tls:192.0.2.1:5061 tls:[2001:db8::1]:5061 tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5062 udp:192.0.2.2:5060
        "#]],
    );
}

#[test]
fn what_is_known_is_not_asked_again() {
    check(
        EXAMPLE,
        "
        example.com tcp
        example.com tcp
        Example.COM tcp
        server1.example.com :5070 udp
        ",
        expect![[r#"
            example.com tcp
              ? _sip._tcp.example.com SRV
              ? server1.example.com A
              ? server1.example.com AAAA
              ? server2.example.com A
              ? server2.example.com AAAA
              ? cluster.example.net AAAA
              = tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5062
            example.com tcp
              = tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5062
            Example.COM tcp
              = tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5062
            server1.example.com :5070 udp
              = udp:192.0.2.1:5070 udp:[2001:db8::1]:5070
        "#]],
    );
}

#[test]
fn sips_takes_only_what_tls_carries() {
    check(
        EXAMPLE,
        "sips example.com",
        expect![[r#"
            sips example.com
              ? example.com NAPTR
              ? _sips._tcp.example.com SRV
              ? server1.example.com A
              ? server1.example.com AAAA
              = tls:192.0.2.1:5061 tls:[2001:db8::1]:5061
        "#]],
    );
}

#[test]
fn without_naptr_and_srv_the_name_itself_is_the_server() {
    check(
        "
        plain.example.org 60 A 192.0.2.7
        tcp.example.org 60 A 192.0.2.8
        _sip._tcp.tcp.example.org 60 SRV 0 0 5090 tcp.example.org
        ",
        "
        plain.example.org
        tcp.example.org
        nobody.example.org
        ",
        expect![[r#"
            plain.example.org
              ? plain.example.org NAPTR
              ? _sip._udp.plain.example.org SRV
              ? _sip._tcp.plain.example.org SRV
              ? _sips._tcp.plain.example.org SRV
              ? plain.example.org A
              ? plain.example.org AAAA
              = udp:192.0.2.7:5060
            tcp.example.org
              ? tcp.example.org NAPTR
              ? _sip._udp.tcp.example.org SRV
              ? _sip._tcp.tcp.example.org SRV
              ? tcp.example.org A
              ? tcp.example.org AAAA
              = tcp:192.0.2.8:5090
            nobody.example.org
              ? nobody.example.org NAPTR
              ? _sip._udp.nobody.example.org SRV
              ? _sip._tcp.nobody.example.org SRV
              ? _sips._tcp.nobody.example.org SRV
              ? nobody.example.org A
              ? nobody.example.org AAAA
              = Nowhere
        "#]],
    );
}

#[test]
fn a_record_is_asked_again_when_its_lifetime_is_over() {
    let zone = Zone::new("plain.example.org 30 A 192.0.2.7");
    let (mut resolver, mut out) = (resolver(1), String::new());
    for now_s in [0, 29, 30] {
        story(
            &mut resolver,
            now_s,
            &zone,
            "plain.example.org :5060",
            &mut out,
        );
    }
    expect![[r#"
        plain.example.org :5060
          ? plain.example.org A
          ? plain.example.org AAAA
          = udp:192.0.2.7:5060
        plain.example.org :5060
          = udp:192.0.2.7:5060
        plain.example.org :5060
          ? plain.example.org A
          = udp:192.0.2.7:5060
    "#]]
    .assert_eq(&out);
}

#[test]
fn weights_share_the_load_of_one_priority() {
    let zone = Zone::new(
        "
        _sip._udp.example.com 300 SRV 0 90 5060 a.example.com
        _sip._udp.example.com 300 SRV 0 10 5060 b.example.com
        _sip._udp.example.com 300 SRV 1 0 5060 c.example.com
        a.example.com 300 A 192.0.2.1
        b.example.com 300 A 192.0.2.2
        c.example.com 300 A 192.0.2.3
        ",
    );
    let mut resolver = resolver(42);
    story(
        &mut resolver,
        0,
        &zone,
        "example.com udp",
        &mut String::new(),
    );
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..1000 {
        let mut out = String::new();
        story(&mut resolver, 0, &zone, "example.com udp", &mut out);
        let addresses: Vec<&str> = out.split_whitespace().skip(3).collect();
        assert_eq!(addresses[2], "udp:192.0.2.3:5060", "the backup is last");
        *first.entry(addresses[0].to_owned()).or_insert(0) += 1;
    }
    let share = first["udp:192.0.2.1:5060"];
    assert!(
        (850..=950).contains(&share),
        "90 of 100, and it was {share} of 1000"
    );
}

#[test]
fn many_who_want_one_name_ask_once_and_all_are_woken() {
    let mut resolver = resolver(1);
    let hop = Hop::plain(b"pbx.example.com", Some(5060), None);
    let mut outbox = Outbox::new();
    for waiter in 1..=3 {
        let resolved = resolver.resolve(
            Now::default(),
            &hop,
            Waiter::Run(Ticket(waiter)),
            &mut outbox,
        );
        assert_eq!(resolved, Resolved::Waits);
    }
    assert_eq!(outbox.outputs().len(), 2, "A and AAAA");
    let Output::Query { ticket, .. } = outbox.outputs()[0] else {
        panic!()
    };
    let woken = resolver.answer(Now::default(), ticket, &Answer::TimedOut);
    assert_eq!(
        woken[..],
        [1, 2, 3].map(|ticket| Waiter::Run(Ticket(ticket)))
    );
    assert!(
        resolver
            .answer(Now::default(), ticket, &Answer::Failed)
            .is_empty(),
        "late answers are dropped"
    );
    assert_eq!(resolver.counters.dropped, 2);
}

#[test]
fn a_resolver_full_of_questions_says_so() {
    let sockets = Sockets::new([Listener::new(
        Transport::Udp,
        "10.0.0.1:5060".parse().unwrap(),
    )]);
    let mut resolver = Resolver::new(&sockets, Arc::default(), 2, 1);
    let mut outbox = Outbox::new();
    let mut ask = |name: &str| {
        resolver.resolve(
            Now::default(),
            &Hop::plain(name.as_bytes(), Some(1), None),
            WAITER,
            &mut outbox,
        )
    };
    assert_eq!(ask("a.example"), Resolved::Waits);
    assert_eq!(ask("b.example"), Resolved::Waits);
    assert_eq!(ask("c.example"), Resolved::Overload);
    assert_eq!(SocketId(0), sockets.iter().next().unwrap().id);
}
