//! Moving a message allocates nothing once everything has its working size: in by a batch, over a ring to another
//! shard, out by a batch; in and out by a connection.

use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::measure;
use engine::{Flow, ShardId, SocketId, Ticket, Transport};
use wire::datagram::DatagramOptions;
use wire::stream::StreamOptions;
use wire::{DatagramSocket, Epoll, Events, Interest, Listener, Stream};

use crate::alarms::Alarms;
use crate::connections::{Connections, Happened, Local, Sender, StreamSettings};
use crate::counters::Counters;
use crate::datagrams::Datagrams;
use crate::mesh::{Bell, Mesh, Parcel};

/// Rounds until everything has its working size, and rounds that are counted.
const ROUNDS: usize = 200;

/// Runs `round` until it is warm and counts what it then allocates.
fn check(mut round: impl FnMut()) {
    (0..ROUNDS).for_each(|_| round());
    let counted = measure(|| (0..ROUNDS).for_each(|_| round()));
    assert_eq!(counted.count_total, 0);
}

fn message() -> Vec<u8> {
    let body = "x".repeat(500);
    format!("MESSAGE sip:a SIP/2.0\r\nContent-Length: 500\r\n\r\n{body}").into_bytes()
}

const OURS: SocketId = SocketId(0);

#[test]
fn a_datagram_from_socket_to_shard_to_socket() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let bind = || {
        DatagramSocket::bind_shared(any, 1, &DatagramOptions::default())
            .unwrap()
            .remove(0)
    };
    let socket = bind();
    let peer = DatagramSocket::connect(socket.local()).unwrap();
    let mut datagrams = Datagrams::new(vec![Some(socket)], true).unwrap();
    let bells = [Bell::new().unwrap(), Bell::new().unwrap()];
    let mut meshes = Mesh::between(&bells, 64);
    let (message, mut arena, mut counters) = (message(), Vec::new(), Counters::default());
    let mut room = [0; 2048];
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll
        .add(datagrams.sockets().next().unwrap().1, 0, Interest::READ)
        .unwrap();
    check(|| {
        for _ in 0..4 {
            peer.send(&message).unwrap();
        }
        epoll.wait(&mut events, Duration::from_secs(1)).unwrap();
        let count = datagrams.receive(OURS, &mut counters).unwrap();
        for index in 0..count {
            let (frame, flow) = datagrams.take(OURS, index, 0, &mut counters).unwrap();
            meshes[0]
                .offer(ShardId(1), Parcel::Message { frame, flow })
                .unwrap();
        }
        meshes[0].flush();
        arena.clear();
        while let Some(Parcel::Message { frame, flow }) = meshes[1].take(ShardId(0)) {
            let start = arena.len() as u32;
            arena.extend_from_slice(&frame);
            datagrams.queue(start..arena.len() as u32, flow, 1, Ticket(1));
        }
        datagrams.flush(&arena, 0, &mut counters, |_, _| panic!(), |_, _| panic!());
        while peer.receive(&mut room).is_ok() {}
    });
    assert!(counters.datagrams_sent >= 2 * ROUNDS as u64);
}

#[test]
fn a_message_in_and_out_by_a_connection() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::listen_shared(any, 1, &StreamOptions::default())
        .unwrap()
        .remove(0);
    let address = listener.local();
    let mut connections = Connections::new(
        ShardId(0),
        1,
        [1, 2],
        StreamSettings::default(),
        vec![Some(Local {
            address: any.ip(),
            tos: 0,
        })],
        vec![(OURS, listener)],
    )
    .unwrap();
    let peer = Stream::connect(any, address, &StreamOptions::default()).unwrap();
    let (mut alarms, mut counters, mut happened) =
        (Alarms::default(), Counters::default(), Vec::new());
    let (message, mut room) = (message(), [0; 8192]);
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll.add(connections.epoll(), 0, Interest::READ).unwrap();
    while connections.len() == 0 {
        epoll.wait(&mut events, Duration::from_secs(1)).unwrap();
        connections.advance(1, &mut alarms, &mut counters, &mut happened);
    }
    happened.clear();
    let mut answered = 0;
    check(|| {
        // In two pieces, so that there is an incomplete message as well.
        for piece in [&message[..100], &message[100..]] {
            assert_eq!(peer.write(piece).unwrap(), Some(piece.len()));
            epoll.wait(&mut events, Duration::from_secs(1)).unwrap();
            connections.advance(1, &mut alarms, &mut counters, &mut happened);
            // Nobody rings them here.
            while alarms.due(u64::MAX).is_some() {}
        }
        let mut to_send: Option<Flow> = None;
        for event in happened.drain(..) {
            if let Happened::Message(_, flow) = event {
                to_send = Some(flow);
            }
        }
        if let Some(flow) = to_send {
            assert_eq!(flow.transport, Transport::Tcp);
            let nobody = Sender::new(ShardId(0), Ticket::NONE);
            let id = flow.connection;
            connections
                .send(id, &message, nobody, 1, &mut counters, &mut happened)
                .unwrap();
            answered += 1;
        }
        while peer.read(&mut room).is_ok_and(|count| count.is_some()) {}
    });
    assert!(answered >= 2 * ROUNDS - 2, "{answered}");
}
