use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::datagram::{Datagram, DatagramOptions, Multicast};
use crate::{DatagramSocket, Epoll, Events, Interest, ReceiveBatch, SendBatch};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

fn one(address: &str) -> DatagramSocket {
    let mut sockets = several(address, 1);
    sockets.remove(0)
}

fn several(address: &str, count: usize) -> Vec<DatagramSocket> {
    DatagramSocket::bind_shared(address.parse().unwrap(), count, &DatagramOptions::default())
        .unwrap()
}

fn send(from: &DatagramSocket, to: SocketAddr, all: &[&[u8]]) {
    let sent = SendBatch::default().send(from, all.iter().map(|bytes| Datagram { bytes, to }));
    assert!(sent.error.is_none(), "{:?}", sent.error);
    assert_eq!(sent.count, all.len());
}

fn wait_for(socket: &DatagramSocket, what: Interest) {
    let epoll = Epoll::new().unwrap();
    epoll.add(socket, 1, what).unwrap();
    let mut events = Events::new();
    epoll.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert!(!events.is_empty(), "nothing came within 2 s");
}

/// Receives all that is there into buffers of `room` bytes.
fn receive(socket: &DatagramSocket, room: usize) -> Vec<(Vec<u8>, SocketAddr)> {
    wait_for(socket, Interest::READ);
    let mut batch = ReceiveBatch::new();
    let mut buffers = vec![vec![0u8; room]; 32];
    let count = batch
        .receive(socket, &mut buffers, |buffer| buffer.as_mut_slice())
        .unwrap();
    (0..count)
        .flat_map(|index| (0..batch.segments(index)).map(move |segment| (index, segment)))
        .map(|(index, segment)| {
            let got = batch.get(index, segment).unwrap();
            let mut bytes = buffers[got.index][got.start..][..got.len].to_vec();
            bytes.extend_from_slice(got.spilled);
            (bytes, got.from)
        })
        .collect()
}

#[test]
fn a_batch_arrives_in_order_with_its_sender_on_both_families() {
    for family in [V4, V6] {
        let (here, there) = (one(family), one(family));
        send(&here, there.local(), &[b"one", b"two", b"three"]);
        let from = here.local();
        assert_eq!(
            receive(&there, 2048),
            [
                (b"one".to_vec(), from),
                (b"two".to_vec(), from),
                (b"three".to_vec(), from)
            ]
        );
    }
}

#[test]
fn a_run_arrives_as_its_datagrams_wherever_the_buffer_ends() {
    let options = DatagramOptions {
        takes_runs: true,
        ..Default::default()
    };
    for room in [2048, 1_000, 700, 500, 60] {
        let here = one(V4);
        let there = DatagramSocket::bind_shared(V4.parse().unwrap(), 1, &options)
            .unwrap()
            .remove(0);
        let run: Vec<Vec<u8>> = (0..6)
            .map(|number| vec![b'0' + number; if number < 5 { 500 } else { 300 }])
            .collect();
        let run: Vec<&[u8]> = run.iter().map(Vec::as_slice).collect();
        send(&here, there.local(), &run);
        send(&here, there.local(), &[b"alone"]);
        let got: Vec<Vec<u8>> = receive(&there, room)
            .into_iter()
            .map(|(bytes, from)| {
                assert_eq!(from, here.local());
                bytes
            })
            .collect();
        let expected: Vec<Vec<u8>> = run
            .iter()
            .map(|one| one.to_vec())
            .chain([b"alone".to_vec()])
            .collect();
        assert_eq!(got, expected, "in buffers of {room}");
    }
}

#[test]
fn large_datagrams_of_one_batch_keep_their_tails_apart() {
    let (here, there) = (one(V4), one(V4));
    let (first, second) = (vec![b'a'; 9_000], vec![b'b'; 60_000]);
    send(&here, there.local(), &[&first, b"small", &second]);
    let got: Vec<Vec<u8>> = receive(&there, 2048)
        .into_iter()
        .map(|(bytes, _)| bytes)
        .collect();
    assert_eq!(got, [first, b"small".to_vec(), second]);
}

#[test]
fn a_run_is_sent_as_one_and_arrives_as_many() {
    for family in [V4, V6] {
        let (here, there, other) = (one(family), one(family), one(family));
        let all: Vec<(Vec<u8>, SocketAddr)> = [
            (b'a', 700, &there),
            (b'b', 700, &there),
            // Shorter: the end of a run.
            (b'c', 300, &there),
            (b'd', 300, &there),
            (b'e', 300, &other),
            // Larger than the one before: the next run.
            (b'f', 301, &other),
            // Nothing is no part of a run.
            (b'g', 0, &other),
            (b'h', 2_000, &there),
            (b'i', 2_000, &there),
        ]
        .map(|(byte, len, to)| (vec![byte; len], to.local()))
        .into();
        let sent = SendBatch::default().send(
            &here,
            all.iter().map(|(bytes, to)| Datagram { bytes, to: *to }),
        );
        assert!(sent.error.is_none(), "{:?}", sent.error);
        assert_eq!((sent.count, sent.runs), (9, 7));
        for socket in [&there, &other] {
            let got: Vec<Vec<u8>> = receive(socket, 4096).into_iter().map(|got| got.0).collect();
            let meant = all.iter().filter(|(_, to)| *to == socket.local());
            assert_eq!(
                got,
                meant.map(|(bytes, _)| bytes.clone()).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn a_run_is_at_most_what_the_kernel_takes_and_the_rest_is_offered_again() {
    let (here, there) = (one(V4), one(V4));
    let payload = [b'x'; 100];
    let to = there.local();
    let datagrams = || {
        std::iter::repeat_n(
            Datagram {
                bytes: &payload,
                to,
            },
            130,
        )
    };
    let mut batch = SendBatch::default();
    let sent = batch.send(&here, datagrams());
    assert_eq!((sent.count, sent.runs), (130, 3));
    let whole = [b'y'; 1_400];
    let sent = batch.send(
        &here,
        std::iter::repeat_n(Datagram { bytes: &whole, to }, 60),
    );
    assert_eq!((sent.count, sent.runs), (60, 2), "64 KiB are a run");
    let sent = batch.send(&here, std::iter::repeat_n(Datagram { bytes: b"", to }, 40));
    assert_eq!((sent.count, sent.runs), (32, 32), "a batch has 32 runs");
    let mut single = SendBatch::new(false);
    let sent = single.send(&here, datagrams());
    assert_eq!((sent.count, sent.runs), (32, 32));
}

#[test]
fn what_the_kernel_will_not_cut_up_is_sent_singly() {
    let (here, there) = (one(V4), one(V4));
    // Without a checksum there are no runs.
    crate::option::set(&here, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
    let to = there.local();
    let mut batch = SendBatch::default();
    let large = [b'x'; 500];
    let sent = batch.send(
        &here,
        std::iter::repeat_n(Datagram { bytes: &large, to }, 3),
    );
    assert_eq!((sent.count, sent.runs), (3, 3), "{:?}", sent.error);
    assert_eq!(receive(&there, 1024).len(), 3);
    // Smaller ones are tried once more, larger ones never again.
    for bytes in [&large[..400], &large[..450], &large[..]] {
        let sent = batch.send(&here, std::iter::repeat_n(Datagram { bytes, to }, 3));
        assert_eq!((sent.count, sent.runs), (3, 3), "{:?}", sent.error);
    }
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    let (here, there) = (one(V4), one(V4));
    send(&here, there.local(), &[b""]);
    assert_eq!(receive(&there, 2048), [(Vec::new(), here.local())]);
}

#[test]
fn nothing_there_is_no_error() {
    let socket = one(V4);
    let mut buffers = vec![vec![0u8; 64]; 4];
    let count = ReceiveBatch::new().receive(&socket, &mut buffers, |buffer| buffer.as_mut_slice());
    assert_eq!(count.unwrap(), 0);
}

#[test]
fn a_port_shared_by_one_server_is_refused_to_another() {
    for family in [V4, V6] {
        let ours = several(family, 3);
        let theirs = DatagramSocket::bind_shared(ours[0].local(), 2, &DatagramOptions::default());
        assert_eq!(theirs.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

#[test]
fn sockets_of_one_address_share_what_comes() {
    let shared = several(V4, 4);
    let to = shared[0].local();
    for _ in 0..256 {
        send(&one(V4), to, &[b"x"]);
    }
    let counts: Vec<usize> = shared
        .iter()
        .map(|socket| {
            let mut buffers = vec![vec![0u8; 16]; 32];
            let mut total = 0;
            loop {
                let mut batch = ReceiveBatch::new();
                match batch
                    .receive(socket, &mut buffers, |buffer| buffer.as_mut_slice())
                    .unwrap()
                {
                    0 => return total,
                    count => total += count,
                }
            }
        })
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 256);
    // The first was bound before the group existed and must be part of it all the same.
    assert!(counts.iter().all(|&count| count > 16), "{counts:?}");
}

#[test]
fn a_closed_port_is_reported_with_its_address_and_spares_the_others() {
    for family in [V4, V6] {
        let (here, alive) = (one(family), one(family));
        let dead = one(family).local();
        send(&here, dead, &[b"anybody?"]);
        wait_for(&here, Interest::NOTHING);
        let reports: Vec<_> = here
            .unreachables()
            .iter()
            .map(|one| (one.to, one.errno))
            .collect();
        assert_eq!(reports, [(dead, libc::ECONNREFUSED)]);
        // The queue is empty, so nobody else's datagram pays for it.
        send(&here, alive.local(), &[b"hello"]);
        assert_eq!(receive(&alive, 64).len(), 1);
    }
}

#[test]
fn an_unread_report_stops_a_send_until_it_is_read() {
    let (here, alive) = (one(V4), one(V4));
    let dead = one(V4).local();
    send(&here, dead, &[b"anybody?"]);
    wait_for(&here, Interest::NOTHING);
    let mut batch = SendBatch::default();
    let datagram = Datagram {
        bytes: b"hello",
        to: alive.local(),
    };
    let sent = batch.send(&here, std::iter::once(datagram));
    assert_eq!(
        (sent.count, sent.error.unwrap().raw_os_error()),
        (0, Some(libc::ECONNREFUSED))
    );
    assert_eq!(here.unreachables().iter().count(), 1);
    assert_eq!(batch.send(&here, std::iter::once(datagram)).count, 1);
}

#[test]
fn a_connected_socket_talks_to_its_peer() {
    let server = one(V4);
    let client = DatagramSocket::connect(server.local()).unwrap();
    client.send(b"question").unwrap();
    let asked = receive(&server, 64);
    assert_eq!(asked, [(b"question".to_vec(), client.local())]);
    send(&server, client.local(), &[b"answer"]);
    wait_for(&client, Interest::READ);
    let mut room = [0; 64];
    let len = client.receive(&mut room).unwrap();
    assert_eq!(&room[..len], b"answer");
}

#[test]
fn an_address_that_is_not_ours_cannot_be_bound() {
    let elsewhere = "203.0.113.7:5060".parse().unwrap();
    let error = DatagramSocket::bind_shared(elsewhere, 1, &DatagramOptions::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

#[test]
fn type_of_service_and_multicast_are_as_they_were_asked_for() {
    let bind = |address: &str, tos, multicast| {
        let options = DatagramOptions {
            tos,
            multicast,
            ..DatagramOptions::default()
        };
        DatagramSocket::bind_shared(address.parse().unwrap(), 2, &options).unwrap()
    };
    let far = Multicast {
        loopback: true,
        ttl: Some(7),
    };
    for socket in &bind(V4, 0xb8, far) {
        let socket = socket2::SockRef::from(socket);
        assert_eq!(socket.tos_v4().unwrap(), 0xb8);
        assert!(socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
    }
    for socket in &bind(V6, 0xb8, far) {
        let socket = socket2::SockRef::from(socket);
        assert_eq!(socket.tclass_v6().unwrap(), 0xb8);
        assert!(socket.multicast_loop_v6().unwrap());
        assert_eq!(socket.multicast_hops_v6().unwrap(), 7);
    }
    let plain = bind(V4, 0, Multicast::default());
    let plain = socket2::SockRef::from(&plain[0]);
    assert!(!plain.multicast_loop_v4().unwrap());
    assert_eq!(plain.multicast_ttl_v4().unwrap(), 1);
}
