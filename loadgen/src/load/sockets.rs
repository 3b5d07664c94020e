//! The sockets of one thread: received in batches, sent in batches, losses counted.
//!
//! A socket is one line of one phone. What phones want sent is sorted by socket and destination, and then, where
//! it is known that calls do not mind, by kind and size, so that neighbours become runs (`UDP_SEGMENT`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use wire::datagram::{Datagram, DatagramOptions};
use wire::{DatagramSocket, Epoll, Events, Interest, ReceiveBatch, SendBatch};

use crate::phone::Outbox;

/// Asked of the kernel for each socket; what it gave is in the report.
const BUFFER_BYTES: usize = 8 << 20;
/// Of a received datagram that stand in our own buffer; the rest is in the batch's spill.
const DATAGRAM_BYTES: usize = 4096;
/// Batches from one socket before others and the schedule have their turn: a trunk has only this one.
const BATCHES: usize = 4;
/// How often one full send buffer is tried again before the datagrams are given up, counted.
const RETRIES: u32 = 1000;

/// How what goes to one destination is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As it was written.
    Written,
    /// By kind and size: kinds as they follow each other within a call.
    Kind,
}

/// Destination, place among the kinds and sizes, place in the outbox.
type Queued = (SocketAddr, u32, u32);

/// What the sockets counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) receive_calls: u64,
    pub(super) send_calls: u64,
    pub(super) waits: u64,
    /// Given up because the kernel would not take them.
    pub(super) unsent: u64,
    /// Reports that nobody listens there.
    pub(super) unreachable: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, other: &Traffic) {
        self.received += other.received;
        self.sent += other.sent;
        self.receive_calls += other.receive_calls;
        self.send_calls += other.send_calls;
        self.waits += other.waits;
        self.unsent += other.unsent;
        self.unreachable += other.unreachable;
    }
}

pub(super) struct Sockets {
    sockets: Vec<DatagramSocket>,
    epoll: Epoll,
    events: Events,
    batch: ReceiveBatch,
    rooms: Vec<Box<[u8; DATAGRAM_BYTES]>>,
    send_batch: SendBatch,
    /// Places in the outbox, by socket.
    queues: Vec<Vec<Queued>>,
    order: Order,
    ready: Vec<usize>,
    /// Whether a socket had its turn and was not empty: nobody may sleep then.
    pub(super) has_more: bool,
    pub(super) traffic: Traffic,
}

impl Sockets {
    /// `count` sockets at each of `addresses` addresses from that of `address` on, as [`bind`](Self::bind).
    pub(super) fn bind_all(
        address: SocketAddr,
        addresses: usize,
        count: usize,
    ) -> Result<Vec<DatagramSocket>, String> {
        let mut sockets = Vec::with_capacity(addresses * count);
        for number in 0..addresses {
            let ip = match address.ip() {
                IpAddr::V4(ip) => u32::from(ip)
                    .checked_add(number as u32)
                    .map(|ip| IpAddr::V4(ip.into())),
                IpAddr::V6(ip) => u128::from(ip)
                    .checked_add(number as u128)
                    .map(|ip| IpAddr::V6(ip.into())),
            };
            let ip = ip.ok_or("no address is left to count up to")?;
            sockets.extend(Self::bind(SocketAddr::new(ip, address.port()), count)?);
        }
        Ok(sockets)
    }

    /// `count` sockets at `address`, on ports that the kernel chooses when its port is 0, else counted up.
    pub(super) fn bind(address: SocketAddr, count: usize) -> Result<Vec<DatagramSocket>, String> {
        let options = DatagramOptions {
            receive_buffer: BUFFER_BYTES,
            send_buffer: BUFFER_BYTES,
            takes_runs: true,
            ..Default::default()
        };
        let bind = |number: usize| {
            let mut address = address;
            if address.port() != 0 {
                address.set_port(address.port().wrapping_add(number as u16));
            }
            let bound = DatagramSocket::bind_shared(address, 1, &options);
            let bound = bound
                .and_then(|mut sockets| sockets.pop().ok_or_else(|| io::ErrorKind::Other.into()));
            bound.map_err(|error| format!("cannot bind {address}: {error}"))
        };
        (0..count).map(bind).collect()
    }

    pub(super) fn new(
        sockets: Vec<DatagramSocket>,
        order: Order,
        makes_runs: bool,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        for (number, socket) in sockets.iter().enumerate() {
            epoll.add(&Fd(socket.as_raw_fd()), number as u64, Interest::READ)?;
        }
        Ok(Self {
            queues: sockets.iter().map(|_| Vec::new()).collect(),
            sockets,
            epoll,
            events: Events::new(),
            batch: ReceiveBatch::new(),
            rooms: (0..wire::limits::BATCH)
                .map(|_| Box::new([0; DATAGRAM_BYTES]))
                .collect(),
            send_batch: SendBatch::new(makes_runs),
            order,
            ready: Vec::new(),
            has_more: false,
            traffic: Traffic::default(),
        })
    }

    /// The smallest receive buffer among them, as the kernel counts it.
    pub(super) fn receive_buffer(&self) -> usize {
        self.sockets
            .iter()
            .filter_map(|socket| socket.receive_buffer().ok())
            .min()
            .unwrap_or(0)
    }

    /// Datagrams that the kernel dropped because one of them was full.
    pub(super) fn dropped(&self) -> u64 {
        let dropped = self
            .sockets
            .iter()
            .filter_map(|socket| socket.dropped().ok());
        dropped.map(u64::from).sum()
    }

    pub(super) fn locals(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(DatagramSocket::local)
    }

    /// Waits at most so long for something to receive.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        self.traffic.waits += 1;
        self.epoll.wait(&mut self.events, timeout)?;
        self.ready.clear();
        for event in self.events.iter() {
            let number = event.token as usize;
            self.ready.push(number);
            if event.failed {
                self.traffic.unreachable +=
                    self.sockets[number].unreachables().iter().count() as u64;
            }
        }
        Ok(())
    }

    /// What each socket that was ready has, [`BATCHES`] at most; `take` gets socket number, bytes and sender.
    pub(super) fn receive(&mut self, mut take: impl FnMut(usize, &[u8], SocketAddr)) {
        let mut long = Vec::new();
        self.has_more = false;
        for &number in &self.ready {
            let mut drained = false;
            for _ in 0..BATCHES {
                if drained {
                    break;
                }
                let socket = &self.sockets[number];
                let got = match self
                    .batch
                    .receive(socket, &mut self.rooms, |room| &mut room[..])
                {
                    Ok(got) => got,
                    Err(_) => {
                        self.traffic.unreachable += socket.unreachables().iter().count() as u64;
                        drained = true;
                        continue;
                    }
                };
                self.traffic.receive_calls += 1;
                drained = drained || got < wire::limits::BATCH;
                let batch = &self.batch;
                let datagrams = (0..got).flat_map(|place| {
                    (0..batch.segments(place)).filter_map(move |segment| batch.get(place, segment))
                });
                for datagram in datagrams {
                    self.traffic.received += 1;
                    let bytes = &self.rooms[datagram.index][datagram.start..][..datagram.len];
                    if datagram.spilled.is_empty() {
                        take(number, bytes, datagram.from);
                    } else {
                        long.clear();
                        long.extend_from_slice(bytes);
                        long.extend_from_slice(datagram.spilled);
                        take(number, &long, datagram.from);
                    }
                }
            }
            self.has_more |= !drained;
        }
    }

    /// Sends all that an outbox holds; `first` is the socket of the phone's line 0.
    pub(super) fn send(&mut self, outbox: &Outbox, first: usize) {
        for (place, send) in outbox.sends.iter().enumerate() {
            let kind = match self.order {
                Order::Written => 0,
                Order::Kind => kind_and_size(outbox.bytes_of(send)),
            };
            self.queues[first + send.line as usize].push((send.to, kind, place as u32));
        }
        for (socket, queue) in self.sockets.iter().zip(&mut self.queues) {
            queue.sort_unstable();
            let (mut done, mut retries) = (0, 0);
            while done < queue.len() {
                let datagrams = queue[done..].iter().map(|&(_, _, place)| {
                    let send = &outbox.sends[place as usize];
                    Datagram {
                        bytes: outbox.bytes_of(send),
                        to: send.to,
                    }
                });
                let sent = self.send_batch.send(socket, datagrams);
                self.traffic.send_calls += 1;
                self.traffic.sent += sent.count as u64;
                done += sent.count;
                if let Some(error) = sent.error {
                    self.traffic.unreachable += socket.unreachables().iter().count() as u64;
                    retries += 1;
                    if retries > RETRIES || !is_passing(&error) {
                        // This one cannot go; those behind it may.
                        self.traffic.unsent += 1;
                        done += 1;
                    }
                }
            }
            queue.clear();
        }
    }
}

/// Where a message stands among those that leave together. Of one call nothing overtakes: provisional before final
/// responses, ACK before the requests of its dialog, INVITE before its CANCEL. Within a kind the longest is first,
/// as only the last of a run may be shorter.
fn kind_and_size(bytes: &[u8]) -> u32 {
    let kind = if bytes.starts_with(b"SIP/2.0 1") {
        0
    } else if bytes.starts_with(b"SIP/") {
        1
    } else if bytes.starts_with(b"ACK ") {
        2
    } else if bytes.starts_with(b"INVITE ") {
        3
    } else {
        4
    };
    kind << 16 | (0xffff - bytes.len().min(0xffff) as u32)
}

/// Errors after which the same datagram may still go: a full buffer, or a report about an earlier one.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, Interrupted, NetworkUnreachable, WouldBlock,
    };
    matches!(
        error.kind(),
        WouldBlock | Interrupted | ConnectionRefused | HostUnreachable | NetworkUnreachable
    ) || error.raw_os_error() == Some(libc::ENOBUFS)
}

struct Fd(RawFd);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}
