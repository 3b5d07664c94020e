use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::stream::StreamOptions;
use crate::{Epoll, Events, Interest, Listener, Stream};

fn listen(address: &str, count: usize) -> Vec<Listener> {
    Listener::listen_shared(address.parse().unwrap(), count, &StreamOptions::default()).unwrap()
}

fn connect(remote: SocketAddr) -> Stream {
    let local = if remote.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    Stream::connect(local.parse().unwrap(), remote, &StreamOptions::default()).unwrap()
}

fn wait_for(fd: &impl AsRawFd, what: Interest) {
    let epoll = Epoll::new().unwrap();
    epoll.add(fd, 1, what).unwrap();
    let mut events = Events::new();
    epoll.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert!(!events.is_empty(), "nothing came within 2 s");
}

fn read(stream: &Stream) -> Vec<u8> {
    wait_for(stream, Interest::READ);
    let mut room = [0; 256];
    let len = stream.read(&mut room).unwrap().unwrap();
    room[..len].to_vec()
}

#[test]
fn bytes_go_both_ways_and_the_end_is_seen() {
    for family in ["127.0.0.1:0", "[::1]:0"] {
        let listener = listen(family, 1).remove(0);
        let caller = connect(listener.local());
        wait_for(&listener, Interest::READ);
        let (called, remote) = listener.accept().unwrap().unwrap();
        assert_eq!(remote, caller.local().unwrap());
        wait_for(&caller, Interest::WRITE);
        caller.outcome().unwrap();

        assert_eq!(called.read(&mut [0; 8]).unwrap(), None);
        caller.write(b"ping").unwrap();
        assert_eq!(read(&called), b"ping");
        called.write(b"pong").unwrap();
        assert_eq!(read(&caller), b"pong");
        drop(called);
        assert_eq!(read(&caller), b"");
    }
}

#[test]
fn nobody_there_is_refused() {
    let gone = listen("127.0.0.1:0", 1).remove(0).local();
    let caller = connect(gone);
    wait_for(&caller, Interest::WRITE);
    assert_eq!(
        caller.outcome().unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn an_empty_queue_accepts_nothing() {
    assert!(listen("127.0.0.1:0", 1)[0].accept().unwrap().is_none());
}

#[test]
fn a_port_shared_by_one_server_is_refused_to_another() {
    let ours = listen("127.0.0.1:0", 2);
    let theirs = Listener::listen_shared(ours[0].local(), 2, &StreamOptions::default());
    assert_eq!(theirs.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn listeners_of_one_address_share_the_connections() {
    let shared = listen("127.0.0.1:0", 2);
    let callers: Vec<Stream> = (0..64).map(|_| connect(shared[0].local())).collect();
    for caller in &callers {
        wait_for(caller, Interest::WRITE);
    }
    let counts: Vec<usize> = shared
        .iter()
        .map(|listener| std::iter::from_fn(|| listener.accept().unwrap()).count())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 64);
    assert!(counts.iter().all(|&count| count > 8), "{counts:?}");
}

#[test]
fn a_full_peer_takes_nothing_more() {
    let listener = listen("127.0.0.1:0", 1).remove(0);
    let caller = connect(listener.local());
    wait_for(&caller, Interest::WRITE);
    let page = vec![0; 1 << 20];
    let mut written = 0;
    // Bounded: two socket buffers hold less than 64 MiB.
    for _ in 0..64 {
        match caller.write(&page).unwrap() {
            Some(count) => written += count,
            None => break,
        }
    }
    assert!(written > 0);
    assert_eq!(caller.write(&page).unwrap(), None);
}
