use std::net::SocketAddr;
use std::time::Duration;

use engine::Ticket;
use engine::input::Answer;
use expect_test::{Expect, expect};
use wire::datagram::{Datagram, DatagramOptions};
use wire::stream::StreamOptions;
use wire::{DatagramSocket, Epoll, Events, Interest, Listener, ReceiveBatch, SendBatch};

use crate::alarms::{Alarm, Alarms};
use crate::counters::Counters;
use crate::dns::{Dns, DnsSettings};

fn check(text: &str, expected: Expect) {
    let DnsSettings {
        servers,
        timeout,
        attempts,
    } = DnsSettings::read(text);
    expected.assert_eq(&format!("{servers:?} {timeout:?} {attempts}"));
}

#[test]
fn servers_and_options_are_read_and_the_rest_is_skipped() {
    check(
        "# comment\nnameserver 192.0.2.53\nnameserver 2001:db8::53 # second\nsearch example.com\noptions rotate timeout:3 attempts:4\n",
        expect!["[192.0.2.53:53, [2001:db8::53]:53] 3s 4"],
    );
    check("nameserver nonsense\n", expect!["[127.0.0.1:53] 2s 2"]);
    check(
        "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
        expect!["[1.1.1.1:53, 1.1.1.2:53, 1.1.1.3:53] 2s 2"],
    );
}

/// Name servers on loopback that answer as they are told.
struct World {
    servers: Vec<DatagramSocket>,
    epoll: Epoll,
    alarms: Alarms,
    counters: Counters,
    dns: Dns,
}

const SECOND: u64 = 1_000_000;
const TICKET: Ticket = Ticket(7);

impl World {
    fn new(servers: usize) -> World {
        let bind = |_| {
            let any = "127.0.0.1:0".parse().unwrap();
            DatagramSocket::bind_shared(any, 1, &DatagramOptions::default())
                .unwrap()
                .remove(0)
        };
        World::with((0..servers).map(bind).collect())
    }

    fn with(servers: Vec<DatagramSocket>) -> World {
        let settings = DnsSettings {
            servers: servers.iter().map(DatagramSocket::local).collect(),
            timeout: Duration::from_secs(1),
            attempts: 1,
        };
        World {
            servers,
            epoll: Epoll::new().unwrap(),
            alarms: Alarms::default(),
            counters: Counters::default(),
            dns: Dns::new(settings, 0, 1),
        }
    }

    fn ask(&mut self, name: &str, now_us: u64) -> Option<Answer> {
        let World {
            dns,
            epoll,
            alarms,
            counters,
            ..
        } = self;
        dns.ask(
            TICKET,
            name,
            1,
            now_us,
            now_us + 10 * SECOND,
            epoll,
            alarms,
            counters,
        )
    }

    /// What a server was asked last, and by whom.
    fn asked(&self, server: usize) -> (Vec<u8>, SocketAddr) {
        let socket = &self.servers[server];
        wait_for(socket);
        let mut batch = ReceiveBatch::new();
        let mut room = [[0u8; 512]; 4];
        let count = batch
            .receive(socket, &mut room, |room| room.as_mut_slice())
            .unwrap();
        let last = batch.get(count - 1, 0).unwrap();
        (room[last.index][..last.len].to_vec(), last.from)
    }

    fn say(&self, server: usize, bytes: &[u8], to: SocketAddr) {
        let one = std::iter::once(Datagram { bytes, to });
        assert_eq!(
            SendBatch::default().send(&self.servers[server], one).count,
            1
        );
    }

    /// Waits for the client's channel and lets it look.
    fn look(&mut self, now_us: u64) -> Option<(Ticket, Answer)> {
        let mut events = Events::new();
        self.epoll
            .wait(&mut events, Duration::from_secs(2))
            .unwrap();
        let slot = events.get(0).expect("nothing came within 2 s").token as u32;
        let World {
            dns,
            epoll,
            alarms,
            counters,
            ..
        } = self;
        dns.ready(slot, now_us, epoll, alarms, counters)
    }

    /// Lets the next alarm ring at its time.
    fn alarm(&mut self) -> Option<(Ticket, Answer)> {
        let at_us = self.alarms.next_us().unwrap();
        let Some(Alarm::Question(slot, generation)) = self.alarms.due(at_us) else {
            panic!()
        };
        let World {
            dns,
            epoll,
            alarms,
            counters,
            ..
        } = self;
        dns.deadline(slot, generation, at_us, epoll, alarms, counters)
    }
}

fn wait_for(fd: &impl std::os::fd::AsRawFd) {
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll.add(fd, 0, Interest::READ).unwrap();
    epoll.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert!(!events.is_empty(), "nothing came within 2 s");
}

/// An answer to this question with these flag bytes and nothing in it.
fn answer_to(question: &[u8], flags: [u8; 2]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(&flags);
    answer
}

const FOUND: [u8; 2] = [0x81, 0x80];
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];
const SERVER_FAILURE: [u8; 2] = [0x81, 0x82];
const FORMAT_ERROR: [u8; 2] = [0x81, 0x81];
const CUT: [u8; 2] = [0x83, 0x80];

fn bytes(answer: Option<(Ticket, Answer)>) -> Vec<u8> {
    match answer {
        Some((TICKET, Answer::Dns(frame))) => frame.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_comes_back_as_it_is_and_so_does_a_missing_name() {
    for flags in [FOUND, NO_SUCH_NAME] {
        let mut world = World::new(1);
        assert!(world.ask("sip.example.com", SECOND).is_none());
        let (question, client) = world.asked(0);
        let answer = answer_to(&question, flags);
        world.say(0, &answer, client);
        assert_eq!(bytes(world.look(SECOND)), answer);
    }
}

#[test]
fn what_answers_another_question_is_not_listened_to() {
    let mut world = World::new(1);
    world.ask("sip.example.com", SECOND);
    let (question, client) = world.asked(0);
    let mut other_number = answer_to(&question, FOUND);
    other_number[0] ^= 1;
    let mut other_name = answer_to(&question, FOUND);
    other_name[13] = b'x';
    for forged in [&other_number, &other_name, &question, &vec![0; 3]] {
        world.say(0, forged, client);
        assert!(world.look(SECOND).is_none());
    }
    let answer = answer_to(&question, FOUND);
    world.say(0, &answer, client);
    assert_eq!(bytes(world.look(SECOND)), answer);
}

#[test]
fn a_server_that_fails_or_is_silent_leaves_it_to_the_next() {
    let mut world = World::new(3);
    world.ask("sip.example.com", SECOND);
    let (question, client) = world.asked(0);
    world.say(0, &answer_to(&question, SERVER_FAILURE), client);
    assert!(world.look(SECOND).is_none());
    world.asked(1);
    // The alarm of the first try means nothing any more, that of the second does.
    assert!(world.alarm().is_none());
    assert!(world.alarm().is_none());
    let (question, client) = world.asked(2);
    let answer = answer_to(&question, FOUND);
    world.say(2, &answer, client);
    assert_eq!(bytes(world.look(3 * SECOND)), answer);
    // The next question begins where somebody answers.
    world.ask("other.example.com", 3 * SECOND);
    world.asked(2);
}

#[test]
fn silence_of_all_is_a_failure() {
    let mut world = World::new(2);
    world.ask("sip.example.com", SECOND);
    assert!(world.alarm().is_none());
    assert!(matches!(world.alarm(), Some((TICKET, Answer::Failed))));
    assert_eq!(
        (world.counters.dns_questions, world.counters.dns_failures),
        (2, 1)
    );
}

#[test]
fn a_server_that_is_not_there_is_noticed_at_once() {
    let mut world = World::new(2);
    world.servers.remove(0);
    world.ask("sip.example.com", SECOND);
    assert!(world.look(SECOND).is_none());
    let (question, client) = world.asked(0);
    let answer = answer_to(&question, FOUND);
    world.say(0, &answer, client);
    assert_eq!(bytes(world.look(SECOND)), answer);
}

#[test]
fn an_old_server_is_asked_without_the_extension() {
    let mut world = World::new(2);
    world.ask("sip.example.com", SECOND);
    let (extended, client) = world.asked(0);
    world.say(0, &answer_to(&extended, FORMAT_ERROR), client);
    assert!(world.look(SECOND).is_none());
    let (plain, client) = world.asked(0);
    assert_eq!(
        (extended.len() - plain.len(), extended[11], plain[11]),
        (11, 1, 0)
    );
    let answer = answer_to(&plain, FOUND);
    world.say(0, &answer, client);
    assert_eq!(bytes(world.look(SECOND)), answer);
}

#[test]
fn a_cut_answer_is_asked_for_again_over_tcp() {
    // A TCP listener first, then UDP on its port.
    let listener =
        Listener::listen_shared("127.0.0.1:0".parse().unwrap(), 1, &StreamOptions::default())
            .unwrap()
            .remove(0);
    let udp =
        DatagramSocket::bind_shared(listener.local(), 1, &DatagramOptions::default()).unwrap();
    let mut world = World::with(udp);
    world.ask("sip.example.com", SECOND);
    let (question, client) = world.asked(0);
    world.say(0, &answer_to(&question, CUT), client);
    assert!(world.look(SECOND).is_none());
    assert!(
        world.look(SECOND).is_none(),
        "connected: the question goes out"
    );
    wait_for(&listener);
    let (stream, _) = listener.accept().unwrap().unwrap();
    wait_for(&stream);
    let mut room = [0; 512];
    let len = stream.read(&mut room).unwrap().unwrap();
    assert_eq!(room[..2], ((len - 2) as u16).to_be_bytes());
    let mut events = Events::new();
    world.epoll.wait(&mut events, Duration::ZERO).unwrap();
    assert!(
        events.is_empty(),
        "room to write keeps nobody awake who has written"
    );
    let answer = answer_to(&room[2..len], FOUND);
    stream.write(&(answer.len() as u16).to_be_bytes()).unwrap();
    stream.write(&answer).unwrap();
    let found = (0..1000).find_map(|_| world.look(SECOND));
    assert_eq!(bytes(found), answer);
}

#[test]
fn what_is_no_name_fails_at_once() {
    let mut world = World::new(1);
    let endless = "a".repeat(64);
    assert!(matches!(world.ask(&endless, SECOND), Some(Answer::Failed)));
}
