use std::net::SocketAddr;
use std::time::Duration;

use engine::{SocketId, Ticket};
use wire::datagram::{Datagram, DatagramOptions};
use wire::{DatagramSocket, Epoll, Events, Interest, SendBatch};

use crate::counters::Counters;
use crate::datagrams::{Datagrams, flow_of};

const OURS: SocketId = SocketId(0);

fn socket() -> DatagramSocket {
    let any = "127.0.0.1:0".parse().unwrap();
    DatagramSocket::bind_shared(any, 1, &DatagramOptions::default())
        .unwrap()
        .remove(0)
}

fn ours() -> (Datagrams, SocketAddr) {
    let socket = socket();
    let address = socket.local();
    (Datagrams::new(vec![Some(socket)], true).unwrap(), address)
}

fn wait_for(socket: &DatagramSocket, interest: Interest) {
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll.add(socket, 0, interest).unwrap();
    epoll.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert!(!events.is_empty(), "nothing came within 2 s");
}

/// What reached a peer so far.
fn received(peer: &DatagramSocket) -> Vec<String> {
    let mut room = [0; 100];
    std::iter::from_fn(|| {
        let len = peer.receive(&mut room).ok()?;
        Some(String::from_utf8(room[..len].to_vec()).unwrap())
    })
    .collect()
}

#[test]
fn what_is_flushed_keeps_its_order_towards_each_destination() {
    let (mut datagrams, _) = ours();
    let peers = [socket(), socket(), socket()];
    let (mut bytes, mut counters) = (Vec::new(), Counters::default());
    for number in 0..90 {
        let start = bytes.len() as u32;
        bytes.extend(format!("{number}").into_bytes());
        let flow = flow_of(OURS, peers[number % 3].local());
        datagrams.queue(start..bytes.len() as u32, flow, 1, Ticket::NONE);
    }
    datagrams.flush(&bytes, 0, &mut counters, |_, _| panic!(), |_, _| panic!());
    for (index, peer) in peers.iter().enumerate() {
        let expected: Vec<String> = (0..30).map(|n| format!("{}", n * 3 + index)).collect();
        assert_eq!(received(peer), expected);
    }
    assert_eq!((counters.datagrams_sent, counters.send_batches), (90, 1));
    // To each: 0 to 9 of one digit, then those of two.
    assert_eq!(counters.datagram_runs, 6);
}

#[test]
fn datagrams_of_one_size_stand_together_and_those_of_one_call_in_order() {
    let (mut datagrams, _) = ours();
    let peer = socket();
    let (mut bytes, mut counters) = (Vec::new(), Counters::default());
    for (call, text) in [
        (1, "invite-1"),
        (1, "ack-1"),
        (2, "ack-2"),
        (3, "invite-3"),
        (1, "bye-1"),
        (4, "bye-4"),
        (3, "cancel-3"),
        (5, "invite-5"),
    ] {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(text.as_bytes());
        let flow = flow_of(OURS, peer.local());
        datagrams.queue(start..bytes.len() as u32, flow, call, Ticket::NONE);
    }
    datagrams.flush(&bytes, 0, &mut counters, |_, _| panic!(), |_, _| panic!());
    assert_eq!(
        received(&peer),
        [
            "invite-1", "invite-3", "invite-5", "ack-2", "bye-4", "cancel-3", "ack-1", "bye-1"
        ]
    );
    assert_eq!(counters.datagram_runs, 4);
}

#[test]
fn many_of_one_call_leave_as_they_were_written() {
    let (mut datagrams, _) = ours();
    let peer = socket();
    let mut counters = Counters::default();
    let bytes: Vec<u8> = (b'!'..=b'@').collect();
    let mut expected = Vec::new();
    for number in 0..30 {
        let range = number..number + 1 + number % 3;
        let flow = flow_of(OURS, peer.local());
        expected.push(
            String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize]).into_owned(),
        );
        datagrams.queue(range, flow, 7, Ticket::NONE);
    }
    datagrams.flush(&bytes, 0, &mut counters, |_, _| panic!(), |_, _| panic!());
    assert_eq!(received(&peer), expected);
}

#[test]
fn who_sent_to_a_closed_port_is_told_once() {
    let (mut datagrams, _) = ours();
    let dead = socket().local();
    let mut counters = Counters::default();
    datagrams.queue(0..1, flow_of(OURS, dead), 1, Ticket(5));
    datagrams.queue(0..1, flow_of(OURS, dead), 1, Ticket::NONE);
    datagrams.flush(b"x", 1_000, &mut counters, |_, _| panic!(), |_, _| {});
    wait_for(datagrams.sockets().next().unwrap().1, Interest::NOTHING);
    let mut reports = Vec::new();
    datagrams.unreachables(OURS, |one| reports.push(one.to));
    assert!(!reports.is_empty() && reports.iter().all(|to| *to == dead));
    let mut told = Vec::new();
    for to in reports {
        datagrams.sent_to(to, 2_000, |ticket| told.push(ticket));
    }
    assert_eq!(told, [Ticket(5)]);
}

#[test]
fn a_report_about_one_peer_does_not_cost_another_its_datagram() {
    let (mut datagrams, _) = ours();
    let (alive, dead) = (socket(), socket().local());
    let mut counters = Counters::default();
    datagrams.queue(0..1, flow_of(OURS, dead), 1, Ticket(5));
    datagrams.flush(b"x", 1_000, &mut counters, |_, _| panic!(), |_, _| {});
    wait_for(datagrams.sockets().next().unwrap().1, Interest::NOTHING);
    datagrams.queue(0..1, flow_of(OURS, alive.local()), 1, Ticket(6));
    let mut reports = Vec::new();
    datagrams.flush(
        b"x",
        1_000,
        &mut counters,
        |_, _| panic!(),
        |_, one| reports.push(one.to),
    );
    assert_eq!(reports, [dead]);
    wait_for(&alive, Interest::READ);
    assert_eq!(received(&alive), ["x"]);
}

#[test]
fn a_datagram_that_cannot_go_fails_and_the_next_one_goes() {
    let (mut datagrams, _) = ours();
    let alive = socket();
    let mut counters = Counters::default();
    let bytes = vec![b'x'; 70_000];
    // Larger than UDP can carry.
    datagrams.queue(0..70_000, flow_of(OURS, alive.local()), 1, Ticket(5));
    datagrams.queue(0..3, flow_of(OURS, alive.local()), 1, Ticket(6));
    let mut failed = Vec::new();
    datagrams.flush(
        &bytes,
        0,
        &mut counters,
        |ticket, _| failed.push(ticket),
        |_, _| {},
    );
    assert_eq!(failed, [Ticket(5)]);
    assert_eq!(received(&alive), ["xxx"]);
}

#[test]
fn received_datagrams_become_frames_whatever_their_size_and_pings_do_not() {
    let (mut datagrams, address) = ours();
    let peer = socket();
    let (small, large) = (vec![b's'; 600], vec![b'l'; 30_000]);
    let all = [small.as_slice(), b"\r\n\r\n", &large, b"\0"];
    let sent = SendBatch::default().send(
        &peer,
        all.iter().map(|bytes| Datagram { bytes, to: address }),
    );
    assert_eq!(sent.count, 4);
    wait_for(datagrams.sockets().next().unwrap().1, Interest::READ);
    let mut counters = Counters::default();
    let count = datagrams.receive(OURS, &mut counters).unwrap();
    let frames: Vec<_> = (0..count)
        .filter_map(|index| datagrams.take(OURS, index, 0, &mut counters))
        .collect();
    assert_eq!(frames.len(), 2);
    assert_eq!(
        (&frames[0].0[..], &frames[1].0[..]),
        (&small[..], &large[..])
    );
    assert_eq!(frames[0].1, flow_of(OURS, peer.local()));
    assert_eq!((counters.datagrams_received, counters.keepalives), (4, 2));
}

#[test]
fn the_datagrams_of_a_run_become_frames_of_their_own() {
    let options = wire::datagram::DatagramOptions {
        takes_runs: true,
        ..Default::default()
    };
    let here = DatagramSocket::bind_shared("127.0.0.1:0".parse().unwrap(), 1, &options)
        .unwrap()
        .remove(0);
    let address = here.local();
    let mut datagrams = Datagrams::new(vec![Some(here)], true).unwrap();
    let peer = socket();
    let run: Vec<Vec<u8>> = (0..9).map(|number| vec![b'0' + number; 700]).collect();
    let bytes = run.iter().map(|bytes| Datagram { bytes, to: address });
    assert_eq!(SendBatch::default().send(&peer, bytes).runs, 1);
    wait_for(datagrams.sockets().next().unwrap().1, Interest::READ);
    let mut counters = Counters::default();
    let count = datagrams.receive(OURS, &mut counters).unwrap();
    let mut frames = Vec::new();
    for index in 0..count {
        for segment in 0..datagrams.segments(index) {
            frames.extend(datagrams.take(OURS, index, segment, &mut counters));
        }
    }
    assert_eq!(count, 1, "one for the kernel");
    assert!(
        frames
            .iter()
            .map(|(frame, _)| &frame[..])
            .eq(run.iter().map(Vec::as_slice))
    );
    assert!(
        frames
            .iter()
            .all(|(_, flow)| *flow == flow_of(OURS, peer.local()))
    );
    assert_eq!(counters.datagrams_received, 9);
}
