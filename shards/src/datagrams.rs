//! The UDP sockets of one shard: batches in, batches out, and who could not be reached.
//!
//! What goes out is grouped by socket, destination and size, so that runs stand together; what is about one call
//! stays in the order of writing. A run of equal sizes is one descriptor (`gso` of the profile).

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use engine::{ConnectionId, Flow, SocketId, Ticket, Transport};
use parser::Frame;
use wire::datagram::Datagram;
use wire::limits::{BATCH, PIECES};
use wire::{DatagramSocket, Epoll, Events, Interest, ReceiveBatch, SendBatch, Unreachable};

use crate::counters::Counters;
use crate::limits::{SEND_BUFFER_WAIT, SENDS_REMEMBERED, UNREACHABLE_AFTER_US};

/// Room of a frame that is received into: a call's messages fit.
const FRAME_BYTES: usize = parser::limits::FRAME_CLASSES[0];

/// How often one datagram is offered again after reports about earlier ones.
const RETRIES: u32 = 3;

pub(crate) struct Datagrams {
    /// By `SocketId`; `None` for stream sockets.
    sockets: Vec<Option<DatagramSocket>>,
    receive: ReceiveBatch,
    frames: Vec<Frame>,
    send: SendBatch,
    pending: Vec<Pending>,
    order: Vec<Place>,
    /// How many datagrams of a call are pending, by the low bits of call and destination.
    earlier: Box<[u8; CALLS_TOLD_APART]>,
    recent: Recent,
    room: Epoll,
    room_events: Events,
}

/// A datagram to be sent; its bytes are in the outbox.
struct Pending {
    range: Range<u32>,
    socket: SocketId,
    to: SocketAddr,
    call: u32,
    ticket: Ticket,
}

/// Where a datagram stands in what is sent: what decides, then its number in `pending`.
type Place = (u64, u32);

/// Calls told apart in one flush. Two that are not keep their order, as if they were one.
const CALLS_TOLD_APART: usize = 1024;

/// Datagrams of one call to one peer in one flush that are put in order; what is beyond keeps its place at the end.
const EARLIER_MAX: u8 = 15;

impl Datagrams {
    pub(crate) fn new(
        sockets: Vec<Option<DatagramSocket>>,
        makes_runs: bool,
    ) -> std::io::Result<Datagrams> {
        Ok(Datagrams {
            sockets,
            receive: ReceiveBatch::new(),
            frames: (0..BATCH)
                .map(|_| Frame::with_capacity(FRAME_BYTES))
                .collect(),
            send: SendBatch::new(makes_runs),
            pending: Vec::new(),
            order: Vec::new(),
            earlier: Box::new([0; CALLS_TOLD_APART]),
            recent: Recent::default(),
            room: Epoll::new()?,
            room_events: Events::new(),
        })
    }

    /// Receives at most so many datagrams at a time, instead of as many as a batch holds.
    pub(crate) fn with_batch(mut self, datagrams: usize) -> Datagrams {
        self.frames.truncate(datagrams.max(1));
        self
    }

    /// How many datagrams it receives at a time.
    pub(crate) fn batch(&self) -> usize {
        self.frames.len()
    }

    /// The sockets by number.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (SocketId, &DatagramSocket)> {
        let numbered = (0..).map(SocketId).zip(&self.sockets);
        numbered.filter_map(|(id, socket)| Some((id, socket.as_ref()?)))
    }

    /// Receives a batch; what came is fetched with [`take`](Self::take). An error of an earlier
    /// send may stand in the way; then nothing came, and the error queue has to be read.
    pub(crate) fn receive(
        &mut self,
        id: SocketId,
        counters: &mut Counters,
    ) -> std::io::Result<usize> {
        let Some(Some(socket)) = self.sockets.get(usize::from(id.0)) else {
            return Ok(0);
        };
        let count = self
            .receive
            .receive(socket, &mut self.frames, Frame::spare_mut)?;
        if count > 0 {
            counters.receive_batches += 1;
        }
        Ok(count)
    }

    /// Of how many datagrams number `index` of the last batch consists: more than one where a run came (`gro` of the
    /// profile).
    pub(crate) fn segments(&self, index: usize) -> usize {
        self.receive.segments(index)
    }

    /// Datagram `segment` of number `index` of the last batch. `None`: not worth a message.
    pub(crate) fn take(
        &mut self,
        id: SocketId,
        index: usize,
        segment: usize,
        counters: &mut Counters,
    ) -> Option<(Frame, Flow)> {
        counters.datagrams_received += 1;
        let is_run = self.receive.segments(index) > 1;
        let Some(received) = self.receive.get(index, segment) else {
            counters.dropped_unreadable += 1;
            return None;
        };
        let (len, spilled, remote) = (received.len, received.spilled, received.from);
        if is_run {
            return self.take_of_run(id, index, segment, counters);
        }
        let frame = &mut self.frames[received.index];
        frame.set_len(len);
        if is_keepalive(frame) {
            counters.keepalives += 1;
            return None;
        }
        if !spilled.is_empty() {
            let mut whole = Frame::with_capacity(len + spilled.len());
            whole.extend(frame);
            whole.extend(spilled);
            std::mem::swap(frame, &mut whole);
            let flow = flow_of(id, remote);
            return Some((std::mem::replace(frame, whole), flow));
        }
        let frame = std::mem::replace(frame, Frame::with_capacity(FRAME_BYTES));
        Some((frame, flow_of(id, remote)))
    }

    /// A copy of one datagram of a run: the others still stand beside it.
    fn take_of_run(
        &mut self,
        id: SocketId,
        index: usize,
        segment: usize,
        counters: &mut Counters,
    ) -> Option<(Frame, Flow)> {
        let received = self.receive.get(index, segment)?;
        let front = self.frames[received.index].spare_mut();
        let front = &front[received.start..received.start + received.len];
        let mut frame = Frame::with_capacity(front.len() + received.spilled.len());
        frame.extend(front);
        frame.extend(received.spilled);
        if is_keepalive(&frame) {
            counters.keepalives += 1;
            return None;
        }
        Some((frame, flow_of(id, received.from)))
    }

    /// Notes a datagram for the next [`flush`](Self::flush).
    pub(crate) fn queue(&mut self, range: Range<u32>, flow: Flow, call: u32, ticket: Ticket) {
        let Flow {
            socket, remote: to, ..
        } = flow;
        self.pending.push(Pending {
            range,
            socket,
            to,
            call,
            ticket,
        });
    }

    /// Sends what was queued. `failed` is told of each that could not be sent.
    pub(crate) fn flush(
        &mut self,
        bytes: &[u8],
        now_us: u64,
        counters: &mut Counters,
        mut failed: impl FnMut(Ticket, Flow),
        mut unreachable: impl FnMut(SocketId, Unreachable),
    ) {
        self.sort();
        let mut at = 0;
        let mut retries = 0;
        while at < self.order.len() {
            let first = &self.pending[self.order[at].1 as usize];
            let socket_id = first.socket;
            let same_socket =
                |&&(_, number): &&Place| self.pending[number as usize].socket == socket_id;
            let run = self.order[at..].iter().take(PIECES).take_while(same_socket);
            let batch = run.map(|&(_, number)| {
                let one = &self.pending[number as usize];
                Datagram {
                    bytes: slice(bytes, &one.range),
                    to: one.to,
                }
            });
            let Some(Some(socket)) = self.sockets.get(usize::from(socket_id.0)) else {
                counters.send_errors += 1;
                failed(first.ticket, flow_of(first.socket, first.to));
                at += 1;
                continue;
            };
            let sent = self.send.send(socket, batch);
            if sent.count > 0 {
                counters.send_batches += 1;
                counters.datagram_runs += sent.runs as u64;
                counters.datagrams_sent += sent.count as u64;
                for &(_, number) in &self.order[at..at + sent.count] {
                    let one = &self.pending[number as usize];
                    self.recent.note(one.to, one.ticket, now_us);
                }
                at += sent.count;
                retries = 0;
            }
            let Some(error) = sent.error else { continue };
            retries += 1;
            if error.kind() == std::io::ErrorKind::WouldBlock || is_out_of_buffers(&error) {
                if retries <= 1 {
                    wait_for_room(&self.room, &mut self.room_events, socket);
                    continue;
                }
                // As if the network had lost it: retransmission is the engine's answer.
                counters.dropped_send_buffer += 1;
            } else {
                let mut reports = 0;
                for one in socket.unreachables().iter() {
                    reports += 1;
                    unreachable(socket_id, one);
                }
                if reports > 0 && retries <= RETRIES {
                    continue;
                }
                counters.send_errors += 1;
                failed(first.ticket, flow_of(first.socket, first.to));
            }
            at += 1;
            retries = 0;
        }
        self.pending.clear();
        self.order.clear();
    }

    /// Orders what is pending by socket, destination and size, so that runs form; what is about one call stays in the
    /// order of writing.
    ///
    /// The key is 16 bits of the socket, 28 of a hash of the destination, 4 for how many of the same call go before,
    /// 16 of the size. Two destinations of one hash only stand in one group.
    fn sort(&mut self) {
        for (number, one) in (0..).zip(&self.pending) {
            let to = hash(one.to);
            let earlier = &mut self.earlier[place_of(one.call, to)];
            let before = *earlier;
            *earlier = before.saturating_add(1).min(EARLIER_MAX);
            // Larger ones first: a run may end with one that is shorter.
            let size = match before {
                EARLIER_MAX => 0,
                _ => 0xffff - one.range.len().min(0xffff) as u64,
            };
            let key = u64::from(one.socket.0) << 48 | to << 20 | u64::from(before) << 16 | size;
            self.order.push((key, number));
        }
        for one in &self.pending {
            self.earlier[place_of(one.call, hash(one.to))] = 0;
        }
        self.order.sort_unstable();
    }

    /// Reads the error queue of a socket.
    pub(crate) fn unreachables(&self, id: SocketId, mut tell: impl FnMut(Unreachable)) {
        if let Some(Some(socket)) = self.sockets.get(usize::from(id.0)) {
            socket.unreachables().iter().for_each(&mut tell);
        }
    }

    /// Who sent to this destination lately and wants to know: each is told once.
    pub(crate) fn sent_to(&mut self, to: SocketAddr, now_us: u64, tell: impl FnMut(Ticket)) {
        self.recent.take(to, now_us, tell);
    }
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u32>) -> &'a [u8] {
    bytes
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
}

pub(crate) fn flow_of(socket: SocketId, remote: SocketAddr) -> Flow {
    Flow {
        socket,
        transport: Transport::Udp,
        remote,
        connection: ConnectionId::NONE,
    }
}

/// Pings of NAT traversal: CRLF, or a zero byte. No SIP message is that short.
fn is_keepalive(bytes: &[u8]) -> bool {
    bytes.len() <= 4 && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

fn is_out_of_buffers(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

/// Waits a moment until the socket takes something again.
fn wait_for_room(epoll: &Epoll, events: &mut Events, socket: &DatagramSocket) {
    if epoll.add(socket, 0, Interest::WRITE).is_ok() {
        let _ = epoll.wait(events, SEND_BUFFER_WAIT);
        let _ = epoll.remove(socket);
    }
}

fn place_of(call: u32, to: u64) -> usize {
    (u64::from(call) ^ to) as usize % CALLS_TOLD_APART
}

/// 28 bits that differ for most destinations; not a secret.
fn hash(to: SocketAddr) -> u64 {
    let ip = match to.ip() {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    ((ip << 16 | u64::from(to.port())).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 36
}

/// The last sends somebody waits for, by destination.
#[derive(Default)]
struct Recent {
    list: Vec<Option<(SocketAddr, Ticket, u64)>>,
    next: usize,
}

impl Recent {
    fn note(&mut self, to: SocketAddr, ticket: Ticket, now_us: u64) {
        if ticket == Ticket::NONE {
            return;
        }
        let entry = Some((to, ticket, now_us));
        if self.list.len() < SENDS_REMEMBERED {
            self.list.push(entry);
        } else {
            self.list[self.next] = entry;
            self.next = (self.next + 1) % SENDS_REMEMBERED;
        }
    }

    fn take(&mut self, to: SocketAddr, now_us: u64, mut tell: impl FnMut(Ticket)) {
        for entry in &mut self.list {
            let hit = entry.is_some_and(|(sent_to, _, at_us)| {
                sent_to == to && now_us.saturating_sub(at_us) <= UNREACHABLE_AFTER_US
            });
            if hit && let Some((_, ticket, _)) = entry.take() {
                tell(ticket);
            }
        }
    }
}
