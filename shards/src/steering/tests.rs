//! The programs, run by the kernel, against the owner that they copy.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::owner::{Owner, OwnerHash};
use engine::random::Random;
use engine::slab::ClientId;
use expect_test::{expect, expect_file};
use parser::Peek;
use sipx_testkit::{rfc4475, rfc5118};
use wire::datagram::{Datagram, DatagramOptions, ReceiveBatch};
use wire::steering::UNDECIDED;
use wire::{DatagramSocket, SendBatch};

use super::*;

const KEY: [u8; 16] = *b"0123456789abcdef";
const SHARDS: u16 = 64;

/// A program, unless the kernel refuses; then the test says so and proves nothing.
fn loaded(owner: &Owner) -> Option<Program> {
    load(owner)
        .inspect_err(|why| println!("skipped, no eBPF here: {why}"))
        .ok()
}

/// What the owner says, and what the program does.
fn both(owner: &Owner, program: &Program, message: &[u8]) -> (u32, u32) {
    let shard = owner.of(&Peek::read(message));
    let (steered, _) = program.run(message, 1).expect("it runs");
    (shard.map_or(UNDECIDED, |shard| shard.0.into()), steered)
}

fn request(method: &str, call_id: &str, headers: &str) -> Vec<u8> {
    format!(
        "{method} sip:bob@192.0.2.4:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77\r\n{headers}\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn response(call_id: &str, via: &str) -> Vec<u8> {
    format!(
        "SIP/2.0 200 OK\r\nVia: {via}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77\r\n\
         From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.4>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn text(token: &[u8]) -> &str {
    std::str::from_utf8(token).unwrap()
}

/// A response of a call whose token says another hash than its Call-ID has, as after a B2BUA.
fn answered(owner: &Owner, call_id: &str, hash: u32, before: &str, after: &str) -> Vec<u8> {
    let token = owner.mint_branch(
        OwnerHash(hash),
        call_id.as_bytes(),
        ClientId::from_bits(0xab_cdef << 32 | 0x12_3456),
    );
    let via = format!(
        "SIP/2.0/UDP 192.0.2.9:5060{before};branch=z9hG4bK{}{after}",
        text(&token)
    );
    response(call_id, &via)
}

/// A request of a dialog that we recorded a route in.
fn routed(owner: &Owner, call_id: &str, hash: u32, before: &str, after: &str) -> Vec<u8> {
    let cookie = owner.mint_cookie(OwnerHash(hash), call_id.as_bytes());
    let route = format!(
        "Route: <sip:192.0.2.9{before};own={}{after}>\r\n",
        text(&cookie)
    );
    request("BYE", call_id, &route)
}

/// Forms that a peer may choose, each with its name.
fn forms(owner: &Owner) -> Vec<(&'static str, Vec<u8>)> {
    let with = |from: &str, to: &str| {
        let message = String::from_utf8(request("INVITE", "a84b4c76e66710@pc33", "")).unwrap();
        assert!(message.contains(from), "{from}");
        message.replace(from, to).into_bytes()
    };
    let minted = owner.mint_call_id(OwnerHash(0xdead_beef), 0x0123_4567_89ab_cdef);
    let foreign = Owner::new([9; 16], SHARDS).mint_call_id(OwnerHash(1), 2);
    let branch = |before, after| answered(owner, "call@host", 0xfeed_f00d, before, after);
    let route = |before, after| routed(owner, "call@host", 0xfeed_f00d, before, after);
    let long = "x".repeat(256);
    let longer = "x".repeat(257);
    vec![
        ("plain", with("", "")),
        ("compact", with("Call-ID:", "i:")),
        ("compact, blanks", with("Call-ID:", "I \t :")),
        ("letters of any size", with("Call-ID:", "CALL-id:")),
        ("nine blanks", with("Call-ID:", "Call-ID         :")),
        ("folded", with("Call-ID: ", "Call-ID:\r\n  ")),
        ("folded twice", with("Call-ID: ", "Call-ID \t:\r\n\t\r\n ")),
        ("no blank", with("Call-ID: ", "Call-ID:")),
        (
            "blanks around",
            with(
                "Call-ID: a84b4c76e66710@pc33",
                "Call-ID:  a84b4c76e66710@pc33 \t ",
            ),
        ),
        ("many blanks", with("Call-ID: ", "Call-ID:              ")),
        (
            "a bare LF inside",
            with("Max-Forwards: 70\r\n", "Max-Forwards: 70\nCall-ID: no\r\n"),
        ),
        (
            "a bare CR inside",
            with("Max-Forwards: 70", "Max-Forwards: 7\r0"),
        ),
        (
            "looks like it",
            with(
                "Max-Forwards",
                "Call-IDs: no\r\nCall\rID: no\r\nid: no\r\nMax-Forwards",
            ),
        ),
        (
            "inside a folded header",
            with("Max-Forwards: 70", "X: 1\r\n Call-ID: no"),
        ),
        (
            "two",
            with("Max-Forwards", "Call-ID: first\r\nMax-Forwards"),
        ),
        (
            "breaks before",
            [b"\r\n\r\n".to_vec(), with("", "")].concat(),
        ),
        (
            "many breaks before",
            [b"\r\n".repeat(9), with("", "")].concat(),
        ),
        (
            "in the body only",
            with("Call-ID: a84b4c76e66710@pc33\r\n", "")
                .into_iter()
                .chain(*b"Call-ID: body\r\n")
                .collect(),
        ),
        ("cut in the value", with("", "").split_at(205).0.to_vec()),
        ("cut in the name", with("", "").split_at(190).0.to_vec()),
        ("256 bytes", request("INVITE", &long, "")),
        ("257 bytes", request("INVITE", &longer, "")),
        ("no value", request("INVITE", "", "")),
        (
            "far behind",
            request("INVITE", "far", &format!("X: {}\r\n", "y".repeat(2_000))),
        ),
        (
            "300 lines before",
            request("INVITE", "far", &"X: y\r\n".repeat(300)),
        ),
        (
            "lines of all lengths",
            request(
                "INVITE",
                "lines",
                &(0..70)
                    .map(|length| format!("X: {}\r\n", "y".repeat(length)))
                    .collect::<String>(),
            ),
        ),
        ("minted", request("INVITE", text(&minted), "")),
        (
            "minted, with a host",
            request("INVITE", &format!("{}@host", text(&minted)), ""),
        ),
        (
            "minted, longer",
            request("INVITE", &format!("{}0", text(&minted)), ""),
        ),
        (
            "minted, in capitals",
            request("INVITE", &text(&minted).to_uppercase(), ""),
        ),
        ("minted by others", request("INVITE", text(&foreign), "")),
        ("branch", branch("", "")),
        (
            "branch, rport behind",
            branch("", ";rport=5060;received=192.0.2.4"),
        ),
        (
            "branch, rport before",
            branch(";rport=5060;received=192.0.2.4", ""),
        ),
        ("branch, a blank behind", branch("", " ;rport")),
        (
            "branch with a part of the core's",
            branch("", ".0a1b2c3d;rport"),
        ),
        ("branch, longer", branch("", "0")),
        (
            "branch, far behind",
            branch(&format!(";x={}", "y".repeat(200)), ""),
        ),
        ("branch, quoted before", branch(";x=\";branch=no\"", "")),
        (
            "branch of another call",
            response(
                "other@host",
                &text(&branch("", "")).lines().nth(1).unwrap()["Via: ".len()..],
            ),
        ),
        (
            "branch in capitals",
            response(
                "call@host",
                &text(&branch("", "")).lines().nth(1).unwrap()["Via: ".len()..].to_uppercase(),
            ),
        ),
        (
            "branch in a folded, compact Via",
            String::from_utf8(branch("", ""))
                .unwrap()
                .replacen("Via: SIP/2.0/UDP ", "v :\r\n SIP/2.0/UDP\r\n ", 1)
                .replace("Call-ID", "i")
                .into_bytes(),
        ),
        (
            "branch of the second Via",
            response(
                "call@host",
                &format!(
                    "SIP/2.0/UDP 192.0.2.1;branch=1, {}",
                    &text(&branch("", "")).lines().nth(1).unwrap()["Via: ".len()..]
                ),
            ),
        ),
        (
            "stateless branch",
            response(
                "call@host",
                &format!(
                    "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{}",
                    text(&owner.mint_stateless_branch(OwnerHash(77), b"call@host", &[b"1"]))
                ),
            ),
        ),
        (
            "somebody else's branch",
            response(
                "call@host",
                "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-524287-1---abcdef",
            ),
        ),
        ("no branch", response("call@host", "SIP/2.0/UDP 192.0.2.9")),
        ("route", route("", "")),
        ("route as we write it", route(";lr;ftag=88sja8x", "")),
        ("route with more", route(";lr;r2=on", ";nat=yes")),
        (
            "route, sips and a user",
            route(":5061;transport=tls;lr", ""),
        ),
        (
            "route, far behind",
            route(&format!(";x={}", "y".repeat(300)), ""),
        ),
        (
            "route, not first in its line",
            String::from_utf8(route(";lr", ""))
                .unwrap()
                .replace("Route: ", "Route: <sip:first;lr>, ")
                .into_bytes(),
        ),
        (
            "second route",
            String::from_utf8(route(";lr", ""))
                .unwrap()
                .replace("Route: ", "Route: <sip:first;lr>\r\nRoute: ")
                .into_bytes(),
        ),
        (
            "route of another call",
            String::from_utf8(route(";lr", ""))
                .unwrap()
                .replace("call@host", "other@host")
                .into_bytes(),
        ),
        (
            "route behind the Call-ID",
            String::from_utf8(request("BYE", "call@host", ""))
                .unwrap()
                .replace(
                    "CSeq",
                    &format!(
                        "Route: <sip:h;lr;own={}>\r\nCSeq",
                        text(&owner.mint_cookie(OwnerHash(5), b"call@host"))
                    ),
                )
                .into_bytes(),
        ),
        (
            "Record-Route is no route",
            String::from_utf8(route(";lr", ""))
                .unwrap()
                .replace("Route: ", "Record-Route: ")
                .into_bytes(),
        ),
        (
            "in a URI it is OWN",
            String::from_utf8(route(";lr", ""))
                .unwrap()
                .replace(";own=", ";OWN=")
                .into_bytes(),
        ),
        (
            "own without a value",
            request("BYE", "call@host", "Route: <sip:h;own=>\r\n"),
        ),
    ]
}

/// The shard of the Call-ID by itself.
fn names(owner: &Owner, message: &[u8]) -> Option<u32> {
    let call_id = Peek::read(message).call_id?;
    Some(owner.shard(owner.hash_of_call(call_id)).0.into())
}

#[test]
fn ebpf_decides_as_the_owner_for_every_form() {
    let owner = Owner::new(KEY, SHARDS);
    let Some(program) = loaded(&owner) else {
        return;
    };
    let mut odd = String::new();
    for (name, message) in forms(&owner) {
        let (shard, steered) = both(&owner, &program, &message);
        if steered != shard {
            let how = if steered == UNDECIDED {
                "left to the kernel"
            } else {
                "by its Call-ID"
            };
            let _ = writeln!(odd, "{name}: {how}");
            // Never a shard that neither the owner nor the Call-ID names.
            assert!(
                steered == UNDECIDED || names(&owner, &message) == Some(steered),
                "{name}: {steered}, not {shard}"
            );
        }
    }
    expect![[r#"
        nine blanks: left to the kernel
        many blanks: left to the kernel
        many breaks before: left to the kernel
        257 bytes: left to the kernel
        300 lines before: left to the kernel
        branch, quoted before: by its Call-ID
    "#]]
    .assert_eq(&odd);
}

#[test]
fn ebpf_decides_as_the_owner_for_the_torture_messages() {
    let owner = Owner::new(KEY, SHARDS);
    let Some(program) = loaded(&owner) else {
        return;
    };
    let mut odd = String::new();
    let mut count = 0;
    let messages = (rfc4475::CASES.iter().map(|case| (case.name, case.bytes)))
        .chain(rfc5118::CASES.iter().map(|case| (case.name, case.bytes)));
    for (name, message) in messages {
        count += 1;
        let (shard, steered) = both(&owner, &program, message);
        if steered != shard {
            let _ = writeln!(odd, "{name}: {shard}, steered to {steered}");
        }
    }
    let _ = writeln!(odd, "of {count} messages");
    expect![[r#"
        of 62 messages
    "#]]
    .assert_eq(&odd);
}

#[test]
fn ebpf_decides_as_the_owner_whatever_happens_to_a_message() {
    // Its twin is `Peek` and `Owner::of`: random changes must not lead it to a third shard often.
    let owner = Owner::new(KEY, SHARDS);
    let Some(program) = loaded(&owner) else {
        return;
    };
    let forms = forms(&owner);
    let mut random = Random::new(7);
    let (mut same, mut undecided, mut by_call_id, mut other) = (0, 0, 0, 0);
    for _ in 0..20_000 {
        let mut message = forms[random.below(forms.len() as u32) as usize].1.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(message.len() as u32) as usize;
            match random.below(4) {
                0 => message[at] = random.next_u64() as u8,
                1 => message[at] = b" \t\r\n:;,=<>"[random.below(10) as usize],
                2 => drop(message.remove(at)),
                _ => message.insert(at, b" \t\r\n:;,=<>"[random.below(10) as usize]),
            }
        }
        let (shard, steered) = both(&owner, &program, &message);
        match steered {
            steered if steered == shard => same += 1,
            UNDECIDED => undecided += 1,
            // A token that is too oddly written for it.
            steered if names(&owner, &message) == Some(steered) => by_call_id += 1,
            _ => other += 1,
        }
    }
    println!(
        "{same} the same, {undecided} left to the kernel, {by_call_id} by their Call-ID, {other} otherwise"
    );
    assert!(same > 18_000, "{same}");
    assert!(other < 100, "{other}");
}

#[test]
fn ebpf_looks_no_further_than_its_bounds() {
    let owner = Owner::new(KEY, SHARDS);
    let Some(program) = loaded(&owner) else {
        return;
    };
    let mut random = Random::new(3);
    for length in 1..1_500 {
        let noise: Vec<u8> = (0..length)
            .map(|_| b"\r\n i:vr;,"[random.below(9) as usize])
            .collect();
        let (steered, _) = program.run(&noise, 1).unwrap();
        assert!(
            steered < u32::from(SHARDS) || steered == UNDECIDED,
            "{steered}"
        );
    }
    // What an earlier datagram left behind is not read again.
    let whole = request("INVITE", "one@host", "");
    program.run(&whole, 1).unwrap();
    let cut = whole
        .windows(9)
        .position(|bytes| bytes == b"Call-ID: ")
        .unwrap();
    assert_eq!(program.run(&whole[..cut + 3], 1).unwrap().0, UNDECIDED);
}

/// The sockets of a server and one peer, with one port.
struct Line {
    sockets: Vec<DatagramSocket>,
    peer: DatagramSocket,
}

impl Line {
    fn new(host: &str, shards: u16) -> Option<Line> {
        let bind = |count| {
            let address: SocketAddr = format!("{host}:0").parse().unwrap();
            let options = DatagramOptions {
                receive_buffer: 8 << 20,
                ..DatagramOptions::default()
            };
            DatagramSocket::bind_shared(address, count, &options)
        };
        let sockets = bind(usize::from(shards))
            .inspect_err(|error| println!("skipped: {host}: {error}"))
            .ok()?;
        let peer = bind(1).unwrap().remove(0);
        Some(Line { sockets, peer })
    }

    /// Sends one datagram: the number of the socket that gets it.
    fn way_of(&self, message: &[u8]) -> usize {
        self.send(message);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            for (number, socket) in self.sockets.iter().enumerate() {
                if received(socket) > 0 {
                    return number;
                }
            }
        }
        panic!("nothing came");
    }

    fn send(&self, message: &[u8]) {
        let to = self.sockets[0].local();
        let one = Datagram { bytes: message, to };
        let sent = SendBatch::new(false).send(&self.peer, std::iter::once(one));
        assert_eq!(sent.count, 1, "{:?}", sent.error);
    }

    /// How many each socket has got.
    fn counts(&self) -> Vec<usize> {
        self.sockets.iter().map(received).collect()
    }

    fn first(&self) -> [&DatagramSocket; 1] {
        [&self.sockets[0]]
    }
}

fn received(socket: &DatagramSocket) -> usize {
    let mut batch = ReceiveBatch::new();
    let mut rooms = vec![vec![0u8; 2048]; 32];
    let mut count = 0;
    loop {
        match batch
            .receive(socket, &mut rooms, |room| room.as_mut_slice())
            .unwrap()
        {
            0 => return count,
            some => count += some,
        }
    }
}

#[test]
fn a_socket_gets_what_its_shard_owns() {
    for host in ["127.0.0.1", "[::1]"] {
        for shards in [2, 4] {
            let owner = Owner::new(KEY, shards);
            let Some(line) = Line::new(host, shards) else {
                continue;
            };
            match Steered::attach(Steering::Ebpf, &owner, &line.first()) {
                Ok(steered) => assert_eq!(steered.level(), Steering::Ebpf),
                Err(why) => return println!("skipped: {why}"),
            }
            for number in 0..64u32 {
                let call_id = format!("{number}@host");
                let hash = number.wrapping_mul(0x9e37_79b9);
                // The last is more than a packet of most networks holds, and than the kernel keeps in one piece.
                for message in [
                    request("INVITE", &call_id, ""),
                    answered(&owner, &call_id, hash, "", ""),
                    routed(&owner, &call_id, hash, ";lr", ""),
                    [request("INVITE", &call_id, ""), vec![b'x'; 30_000]].concat(),
                ] {
                    let expected = owner.of(&Peek::read(&message)).unwrap();
                    assert_eq!(
                        line.way_of(&message),
                        usize::from(expected.0),
                        "{host}, {shards} shards"
                    );
                }
            }
        }
    }
}

#[test]
fn classic_brings_home_what_carries_our_token() {
    for host in ["127.0.0.1", "[::1]"] {
        for (shards, shortest) in [(2, false), (4, false), (64, false), (4, true)] {
            let owner = Owner::new(KEY, shards);
            let Some(line) = Line::new(host, shards) else {
                continue;
            };
            if shortest {
                line.sockets[0]
                    .steer_classic(&classic::shortest(shards))
                    .unwrap();
            } else {
                let steered = Steered::attach(Steering::Classic, &owner, &line.first()).unwrap();
                assert_eq!(steered.level(), Steering::Classic);
            }
            for number in 0..64u32 {
                let call_id = format!("{number}@host");
                let hash = number.wrapping_mul(0x9e37_79b9);
                // Longer names move what is looked for over every place in a word.
                let name = "h".repeat(number as usize % 7);
                for message in [
                    answered(&owner, &call_id, hash, &name, ""),
                    answered(&owner, &call_id, hash, &name, ".0a1b2c3d;rport=5060"),
                    routed(&owner, &call_id, hash, &format!("{name};lr"), ""),
                    routed(
                        &owner,
                        &call_id,
                        hash,
                        &format!("{name};lr;ftag=1"),
                        ";nat=yes",
                    ),
                ] {
                    let expected = owner.of(&Peek::read(&message)).unwrap();
                    assert_eq!(
                        line.way_of(&message),
                        usize::from(expected.0),
                        "{host}, {shards} shards: {}",
                        message.escape_ascii()
                    );
                }
            }
            // What it cannot read goes somewhere, and never always to the first for want of bytes.
            for odd in [
                &b""[..],
                b"\r\n\r\n",
                b"SIP/2.0 200 OK\r\nVia: z9hG4bK",
                b"BYE sip:x SIP/2.0\r\nRoute: <;own=",
            ] {
                line.way_of(odd);
            }
        }
    }
}

/// Calls from one port, by socket.
fn spread(steering: Steering, shards: u16) -> Option<Vec<usize>> {
    const CALLS: usize = 2_000;
    let owner = Owner::new(KEY, shards);
    let line = Line::new("127.0.0.1", shards)?;
    if let Err(why) = Steered::attach(steering, &owner, &line.first()) {
        println!("skipped: {why}");
        return None;
    }
    let mut counts = vec![0; usize::from(shards)];
    for number in 0..CALLS {
        line.send(&request("INVITE", &format!("{number}-call@trunk"), ""));
        if number % 50 == 49 {
            counts
                .iter_mut()
                .zip(line.counts())
                .for_each(|(sum, count)| *sum += count);
        }
    }
    let begun = Instant::now();
    while counts.iter().sum::<usize>() < CALLS && begun.elapsed() < Duration::from_secs(2) {
        counts
            .iter_mut()
            .zip(line.counts())
            .for_each(|(sum, count)| *sum += count);
    }
    assert_eq!(counts.iter().sum::<usize>(), CALLS);
    Some(counts)
}

#[test]
fn calls_from_one_port_spread_evenly_and_without_steering_not_at_all() {
    for shards in [2, 4] {
        let mesh = spread(Steering::Mesh, shards).unwrap();
        assert_eq!(
            mesh.iter().filter(|&&count| count > 0).count(),
            1,
            "{mesh:?}"
        );
        let Some(ebpf) = spread(Steering::Ebpf, shards) else {
            return;
        };
        let mean = 2_000.0 / f64::from(shards);
        let chi_square: f64 = ebpf
            .iter()
            .map(|&count| (count as f64 - mean).powi(2) / mean)
            .sum();
        // One in ten thousand chances exceeds it with one degree of freedom, and with three.
        let bound = if shards == 2 { 15.1 } else { 21.1 };
        assert!(chi_square < bound, "{ebpf:?}: {chi_square}");
    }
}

#[test]
fn one_shard_has_nothing_to_steer() {
    let line = Line::new("127.0.0.1", 1).unwrap();
    let steered = Steered::attach(Steering::Ebpf, &Owner::new(KEY, 1), &line.first()).unwrap();
    assert_eq!(steered.describe(), None);
}

#[test]
fn the_listings_are_as_they_were() {
    let owner = Owner::new(KEY, 4);
    let ebpf = ebpf::program(&owner.steering_keys(), 4);
    expect_file!["../../testdata/steering-ebpf.listing"].assert_eq(&ebpf.listing());
    let classic = classic::shortest(4);
    expect_file!["../../testdata/steering-classic.listing"].assert_eq(&classic.listing());
    let longest = classic::program(4);
    assert!(longest.len() <= wire::steering::classic::INSTRUCTIONS_MAX);
}

#[test]
#[ignore = "a measurement: cargo test --release -p shards --lib how_long -- --ignored --nocapture"]
fn how_long_a_datagram_takes() {
    let owner = Owner::new(KEY, 4);
    let Some(program) = loaded(&owner) else {
        return;
    };
    for (name, message) in [
        (
            "request",
            request("INVITE", "a84b4c76e66710@pc33.example.com", ""),
        ),
        (
            "response",
            answered(
                &owner,
                "a84b4c76e66710@pc33.example.com",
                1,
                "",
                ";rport=5060",
            ),
        ),
        (
            "routed",
            routed(&owner, "a84b4c76e66710@pc33.example.com", 1, ";lr", ""),
        ),
    ] {
        let best = (0..5)
            .map(|_| program.run(&message, 200_000).unwrap().1)
            .min();
        println!("{name}, {} bytes: {:?}", message.len(), best.unwrap());
    }
}
