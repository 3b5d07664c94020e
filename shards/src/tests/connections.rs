use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use engine::{ConnectionId, Flow, ShardId, SocketId, Ticket, Transport};
use wire::stream::StreamOptions;
use wire::{Epoll, Events, Interest, Listener, Stream};

use crate::alarms::{Alarm, Alarms};
use crate::connections::{Connections, Happened, Local, Sender, StreamSettings};
use crate::counters::Counters;

const SECOND: u64 = 1_000_000;
const OURS: SocketId = SocketId(0);
const REQUEST: &str = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// The connections of one shard of two, and a clock.
struct World {
    connections: Connections,
    address: SocketAddr,
    alarms: Alarms,
    counters: Counters,
    now_us: u64,
}

impl World {
    fn new() -> World {
        World::with(StreamSettings::default())
    }

    fn with(settings: StreamSettings) -> World {
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::listen_shared(any, 1, &settings.options)
            .unwrap()
            .remove(0);
        let address = listener.local();
        let locals = vec![Some(Local {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tos: 0,
        })];
        let listeners = vec![(OURS, listener)];
        let connections =
            Connections::new(ShardId(0), 2, [1, 2], settings, locals, listeners).unwrap();
        World {
            connections,
            address,
            alarms: Alarms::default(),
            counters: Counters::default(),
            now_us: SECOND,
        }
    }

    /// What happens next, waiting for it; one line each.
    fn next(&mut self) -> Vec<String> {
        for _ in 0..100 {
            wait_for(
                self.connections.epoll(),
                Interest::READ,
                Duration::from_millis(20),
            );
            let happened = self.advance();
            if !happened.is_empty() {
                return happened;
            }
        }
        panic!("nothing happened within 2 s");
    }

    fn advance(&mut self) -> Vec<String> {
        let mut happened = Vec::new();
        let World {
            connections,
            alarms,
            counters,
            now_us,
            ..
        } = self;
        connections.advance(*now_us, alarms, counters, &mut happened);
        connections.end_closing(counters, &mut happened);
        happened.iter().map(line).collect()
    }

    fn flow(&self, remote: SocketAddr) -> Flow {
        let connection = self
            .connections
            .find(OURS, remote)
            .unwrap_or(ConnectionId::NONE);
        Flow {
            socket: OURS,
            transport: Transport::Tcp,
            remote,
            connection,
        }
    }

    fn send(&mut self, remote: SocketAddr, bytes: &[u8], ticket: u64) -> (bool, Vec<String>) {
        let flow = self.flow(remote);
        let mut happened = Vec::new();
        let World {
            connections,
            counters,
            now_us,
            ..
        } = self;
        let sender = Sender::new(ShardId(0), Ticket(ticket));
        let sent = connections.send(
            flow.connection,
            bytes,
            sender,
            *now_us,
            counters,
            &mut happened,
        );
        (sent.is_ok(), happened.iter().map(line).collect())
    }

    fn open(&mut self, remote: SocketAddr, bytes: &[u8], ticket: u64) -> bool {
        let flow = self.flow(remote);
        let mut happened = Vec::new();
        let World {
            connections,
            alarms,
            counters,
            now_us,
            ..
        } = self;
        let sender = Sender::new(ShardId(0), Ticket(ticket));
        connections
            .open(
                flow,
                bytes,
                sender,
                *now_us,
                alarms,
                counters,
                &mut happened,
            )
            .is_ok()
    }

    /// Time passes; alarms ring.
    fn pass(&mut self, seconds: u64) -> Vec<String> {
        self.now_us += seconds * SECOND;
        let mut happened = Vec::new();
        let World {
            connections,
            alarms,
            counters,
            now_us,
            ..
        } = self;
        while let Some(alarm) = alarms.due(*now_us) {
            if let Alarm::Connection(slot, generation) = alarm {
                connections.deadline(slot, generation, counters, &mut happened);
            }
        }
        for _ in 0..10 {
            connections.sweep(*now_us, counters, &mut happened);
        }
        happened.iter().map(line).collect()
    }

    fn accept(&mut self) -> Stream {
        let peer = connect(self.address);
        assert_eq!(self.next(), ["accepted"]);
        peer
    }
}

fn line(happened: &Happened) -> String {
    match happened {
        Happened::Message(frame, _) => {
            let text = String::from_utf8_lossy(frame);
            let first = text.lines().next().unwrap_or_default();
            format!("{} bytes: {}", frame.len(), &first[..first.len().min(20)])
        }
        Happened::Accepted(_) => "accepted".into(),
        Happened::Aliased(flow) => format!("alias {}", flow.remote.port()),
        Happened::Closed(_) => "closed".into(),
        Happened::Unsent(sender, _) => format!("unsent {}", sender.ticket.0),
    }
}

fn wait_for(fd: &impl std::os::fd::AsRawFd, interest: Interest, time: Duration) -> bool {
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll.add(fd, 0, interest).unwrap();
    epoll.wait(&mut events, time).unwrap();
    !events.is_empty()
}

fn connect(to: SocketAddr) -> Stream {
    let any = "127.0.0.1:0".parse().unwrap();
    let stream = Stream::connect(any, to, &StreamOptions::default()).unwrap();
    assert!(wait_for(&stream, Interest::WRITE, Duration::from_secs(2)));
    stream
}

fn read(peer: &Stream) -> String {
    assert!(
        wait_for(peer, Interest::READ, Duration::from_secs(2)),
        "nothing came within 2 s"
    );
    let mut room = [0; 4096];
    let len = peer.read(&mut room).unwrap().unwrap();
    String::from_utf8(room[..len].to_vec()).unwrap()
}

fn write(peer: &Stream, text: &str) {
    assert_eq!(peer.write(text.as_bytes()).unwrap(), Some(text.len()));
}

#[test]
fn messages_come_out_whole_however_they_are_cut() {
    let mut world = World::new();
    let peer = world.accept();
    write(&peer, &REQUEST.repeat(3));
    assert_eq!(world.next().len(), 3);
    let (front, back) = REQUEST.split_at(30);
    write(&peer, &format!("{REQUEST}{front}"));
    assert_eq!(world.next(), ["44 bytes: OPTIONS sip:a SIP/2."]);
    write(&peer, &format!("{back}{REQUEST}"));
    assert_eq!(world.next().len(), 2);
    // A byte at a time.
    for at in 0..REQUEST.len() - 1 {
        write(&peer, &REQUEST[at..=at]);
        wait_for(
            world.connections.epoll(),
            Interest::READ,
            Duration::from_secs(2),
        );
        assert!(world.advance().is_empty());
    }
    write(&peer, "\n");
    assert_eq!(world.next(), ["44 bytes: OPTIONS sip:a SIP/2."]);
}

#[test]
fn a_large_message_in_many_pieces_is_one_message() {
    let mut world = World::new();
    let peer = world.accept();
    let body = "x".repeat(60_000);
    let message = format!("MESSAGE sip:a SIP/2.0\r\nContent-Length: 60000\r\n\r\n{body}");
    let mut happened = Vec::new();
    for piece in message.as_bytes().chunks(700) {
        assert_eq!(peer.write(piece).unwrap(), Some(piece.len()));
        happened.extend(world.advance());
    }
    if happened.is_empty() {
        happened = world.next();
    }
    assert_eq!(happened, ["60048 bytes: MESSAGE sip:a SIP/2."]);
}

#[test]
fn a_ping_is_answered_even_in_halves_and_a_pong_is_not() {
    let mut world = World::new();
    let peer = world.accept();
    write(&peer, "\r\n\r\n");
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    assert!(world.advance().is_empty());
    assert_eq!(read(&peer), "\r\n");
    write(&peer, "\r\n");
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    world.advance();
    assert!(!wait_for(&peer, Interest::READ, Duration::from_millis(20)));
    write(&peer, "\r\n");
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    world.advance();
    assert_eq!(read(&peer), "\r\n");
}

#[test]
fn what_cannot_be_framed_is_passed_on_answered_and_closed() {
    let mut world = World::new();
    let peer = world.accept();
    let remote = peer.local().unwrap();
    write(
        &peer,
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: nonsense\r\n\r\n",
    );
    let flow = world.flow(remote);
    let mut happened = Vec::new();
    for _ in 0..100 {
        wait_for(
            world.connections.epoll(),
            Interest::READ,
            Duration::from_millis(20),
        );
        let World {
            connections,
            alarms,
            counters,
            now_us,
            ..
        } = &mut world;
        connections.advance(*now_us, alarms, counters, &mut happened);
        if !happened.is_empty() {
            break;
        }
    }
    assert_eq!(
        happened.iter().map(line).collect::<Vec<_>>(),
        ["51 bytes: OPTIONS sip:a SIP/2."]
    );
    let World {
        connections,
        counters,
        now_us,
        ..
    } = &mut world;
    let sender = Sender::new(ShardId(0), Ticket::NONE);
    connections
        .send(
            flow.connection,
            b"SIP/2.0 400 no\r\n\r\n",
            sender,
            *now_us,
            counters,
            &mut happened,
        )
        .unwrap();
    happened.clear();
    connections.end_closing(counters, &mut happened);
    assert_eq!(happened.iter().map(line).collect::<Vec<_>>(), ["closed"]);
    assert_eq!(read(&peer), "SIP/2.0 400 no\r\n\r\n");
    assert_eq!(
        (world.counters.framing_lost, world.connections.len()),
        (1, 0)
    );
}

#[test]
fn what_is_sent_goes_back_by_the_connection_that_came() {
    let mut world = World::new();
    let peer = world.accept();
    let remote = peer.local().unwrap();
    assert_eq!(
        world.send(remote, b"SIP/2.0 200 OK\r\n\r\n", 1),
        (true, vec![])
    );
    assert_eq!(read(&peer), "SIP/2.0 200 OK\r\n\r\n");
}

#[test]
fn a_connection_is_opened_once_and_what_was_sent_before_it_is_there_arrives_in_order() {
    let mut world = World::new();
    let any = "127.0.0.1:0".parse().unwrap();
    let peer = Listener::listen_shared(any, 1, &StreamOptions::default())
        .unwrap()
        .remove(0);
    assert!(world.open(peer.local(), b"one ", 1));
    assert_eq!(world.send(peer.local(), b"two", 2), (true, vec![]));
    wait_for(&peer, Interest::READ, Duration::from_secs(2));
    let (called, _) = peer.accept().unwrap().unwrap();
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    assert!(world.advance().is_empty());
    assert_eq!(read(&called), "one two");
    assert_eq!(
        (world.counters.connections_opened, world.connections.len()),
        (1, 1)
    );
    // And it serves requests of the peer.
    write(&called, REQUEST);
    assert_eq!(world.next(), ["44 bytes: OPTIONS sip:a SIP/2."]);
}

#[test]
fn nobody_there_tells_each_sender() {
    let mut world = World::new();
    let any = "127.0.0.1:0".parse().unwrap();
    let gone = Listener::listen_shared(any, 1, &StreamOptions::default())
        .unwrap()
        .remove(0)
        .local();
    assert!(world.open(gone, b"one", 1));
    world.send(gone, b"two", 2);
    assert_eq!(world.next(), ["unsent 1", "unsent 2", "closed"]);
    assert_eq!(
        (world.counters.connections_failed, world.connections.len()),
        (1, 0)
    );
    assert!(world.connections.find(OURS, gone).is_none());
}

#[test]
fn connecting_has_a_deadline() {
    let mut world = World::new();
    // A full queue of a listener that never accepts: the handshake does not end.
    let options = StreamOptions {
        backlog: 1,
        ..Default::default()
    };
    let deaf = Listener::listen_shared("127.0.0.1:0".parse().unwrap(), 1, &options)
        .unwrap()
        .remove(0);
    let any = "127.0.0.1:0".parse().unwrap();
    let _fill: Vec<Stream> = (0..3)
        .map(|_| Stream::connect(any, deaf.local(), &options).unwrap())
        .collect();
    assert!(world.open(deaf.local(), b"one", 1));
    world.advance();
    assert_eq!(world.pass(4), Vec::<String>::new());
    assert_eq!(world.pass(2), ["unsent 1", "closed"]);
}

#[test]
fn a_slow_reader_is_owed_only_so_much() {
    let mut world = World::new();
    let peer = world.accept();
    let remote = peer.local().unwrap();
    let page = vec![b'x'; 60_000];
    // Bounded: socket buffers and the queue together hold less than 64 MiB.
    let refused = (0..1200).find(|&number| !world.send(remote, &page, number).0);
    assert!(refused.is_some());
    assert_eq!(world.counters.write_queue_full, 1);
    drop(peer);
    let ended = world.next();
    assert!(
        ended.len() > 1 && ended.last().unwrap() == "closed",
        "{ended:?}"
    );
    assert!(
        ended[..ended.len() - 1]
            .iter()
            .all(|line| line.starts_with("unsent"))
    );
}

#[test]
fn silence_and_endless_messages_end_a_connection() {
    let mut world = World::new();
    let silent = world.accept();
    assert_eq!(world.pass(100), Vec::<String>::new());
    let endless = world.accept();
    write(&endless, "OPTIONS sip:a SIP/2.0\r\n");
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    world.advance();
    assert_eq!(world.pass(3), Vec::<String>::new());
    assert_eq!(world.pass(2), ["closed"]);
    assert_eq!(read(&endless), "");
    assert_eq!(world.pass(20), ["closed"]);
    assert_eq!(read(&silent), "");
}

#[test]
fn a_busy_stream_that_is_always_inside_some_message_lives() {
    let mut world = World::new();
    let peer = world.accept();
    let (front, back) = REQUEST.split_at(30);
    write(&peer, front);
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    world.advance();
    for _ in 0..20 {
        assert_eq!(world.pass(1), Vec::<String>::new());
        write(&peer, &format!("{back}{front}"));
        assert_eq!(world.next(), ["44 bytes: OPTIONS sip:a SIP/2."]);
    }
    // The last one counts by itself.
    assert_eq!(world.pass(3), Vec::<String>::new());
    assert_eq!(world.pass(1), ["closed"]);
}

#[test]
fn a_peer_that_takes_nothing_of_what_it_is_owed_is_gone() {
    let mut world = World::new();
    let peer = world.accept();
    let remote = peer.local().unwrap();
    let page = vec![b'x'; 60_000];
    // Bounded: socket buffers and the queue together hold less than 64 MiB.
    let refused = (0..1200).find(|&number| !world.send(remote, &page, number).0);
    assert!(refused.is_some());
    assert_eq!(world.pass(9), Vec::<String>::new());
    // Trying again and again is no sign of life of the peer.
    assert!(!world.send(remote, &page, 9999).0);
    let ended = world.pass(1);
    assert!(
        ended.len() > 1 && ended.last().unwrap() == "closed",
        "{ended:?}"
    );
}

#[test]
fn too_many_connections_are_refused() {
    let mut world = World::with(StreamSettings {
        connections_max: 1,
        ..Default::default()
    });
    let _first = world.accept();
    let second = connect(world.address);
    wait_for(
        world.connections.epoll(),
        Interest::READ,
        Duration::from_secs(2),
    );
    assert!(world.advance().is_empty());
    assert_eq!(read(&second), "");
    assert_eq!(world.counters.connections_refused, 1);
}

#[test]
fn a_name_of_an_ended_connection_never_means_the_next_one() {
    let mut world = World::new();
    let peer = world.accept();
    let old = world.flow(peer.local().unwrap()).connection;
    drop(peer);
    assert_eq!(world.next(), ["closed"]);
    let peer = world.accept();
    let new = world.flow(peer.local().unwrap()).connection;
    assert_eq!((old.slot(), old == new), (new.slot(), false));
    let sender = Sender::new(ShardId(0), Ticket(1));
    let World {
        connections,
        counters,
        now_us,
        ..
    } = &mut world;
    assert!(
        connections
            .send(old, b"x", sender, *now_us, counters, &mut Vec::new())
            .is_err()
    );
}

#[test]
fn the_home_of_a_connection_knows_who_holds_it() {
    let mut world = World::new();
    let remote: SocketAddr = "192.0.2.7:40000".parse().unwrap();
    let elsewhere = ConnectionId::new(ShardId(1), 1, 5);
    let flow = Flow {
        connection: elsewhere,
        ..world.flow(remote)
    };
    world.connections.note_held(flow);
    assert_eq!(world.connections.find(OURS, remote), Some(elsewhere));
    world.connections.forget_held(Flow {
        connection: ConnectionId::new(ShardId(1), 2, 5),
        ..flow
    });
    assert_eq!(world.connections.find(OURS, remote), Some(elsewhere));
    world.connections.forget_held(flow);
    assert_eq!(world.connections.find(OURS, remote), None);
}

#[test]
fn homes_are_spread_and_the_same_for_everybody() {
    let (one, other) = (World::new(), World::new());
    let homes: Vec<u16> = (0..200)
        .map(|port| {
            let remote = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1000 + port);
            let home = one.connections.home(OURS, remote);
            assert_eq!(other.connections.home(OURS, remote), home);
            home.0
        })
        .collect();
    let second = homes.iter().filter(|&&home| home == 1).count();
    assert!((60..140).contains(&second), "{second} of 200");
}

#[test]
fn a_connection_is_found_by_its_alias_until_it_ends() {
    let mut world = World::new();
    let peer = connect(world.address);
    assert_eq!(world.next(), ["accepted"]);
    let own = peer.local().unwrap();
    let at = |port| SocketAddr::new(own.ip(), port);
    let flow = world.flow(own);
    let alias = |world: &mut World, flow: Flow, port| {
        let mut happened = Vec::new();
        let remote = at(port);
        world
            .connections
            .alias(Flow { remote, ..flow }, &mut happened);
        happened.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(alias(&mut world, flow, own.port()), [""; 0]);
    assert_eq!(alias(&mut world, flow, 1), ["alias 1"]);
    assert_eq!(alias(&mut world, flow, 1), [""; 0]);
    assert_eq!(world.connections.find(OURS, at(1)), Some(flow.connection));
    // A later connection of the same peer takes it over.
    let other = connect(world.address);
    assert_eq!(world.next(), ["accepted"]);
    let second = world.flow(other.local().unwrap());
    assert_eq!(alias(&mut world, second, 1), ["alias 1"]);
    assert_eq!(world.connections.find(OURS, at(1)), Some(second.connection));
    // A port at which another connection really ends is nobody's alias.
    assert_eq!(alias(&mut world, second, own.port()), [""; 0]);
    for port in 2..=4 {
        assert_eq!(alias(&mut world, second, port), [format!("alias {port}")]);
    }
    assert_eq!(alias(&mut world, second, 5), [""; 0]);
    drop(peer);
    assert_eq!(world.next(), ["closed", "closed"]);
    assert_eq!(world.connections.find(OURS, at(1)), Some(second.connection));
    drop(other);
    let ended = ["closed"; 5];
    assert_eq!(world.next(), ended);
    assert_eq!(world.connections.find(OURS, at(1)), None);
}
