//! The mesh: a ring from every shard to every other, and a doorbell for who sleeps.
//!
//! What does not fit: a datagram is dropped and counted, as the network would; what came by a
//! stream, and what shards tell each other, waits in a bounded queue, and while anything waits no
//! connection is read. One wake-up a batch: a neighbour is rung only at the end of a turn, and only
//! if it sleeps.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use engine::{Flow, Letter, ShardId, SocketId, Ticket};
use parser::Frame;
use rtrb::{Consumer, Producer, RingBuffer};
use wire::Doorbell;

use crate::connections::Sender;
use crate::limits::PARCELS_WAITING_MAX;

/// What one shard gives another.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// A message whose owner you are.
    Message { frame: Frame, flow: Flow },
    /// From a module to its likeness.
    Letter(Letter),
    /// Send this by a connection of yours, or open one: you are its home.
    Send {
        frame: Frame,
        flow: Flow,
        sender: Sender,
    },
    /// What you asked me to send could not be sent.
    SendFailed(Ticket, Flow),
    /// I hold a connection whose home you are: tell others.
    Holds(Flow),
    /// What goes to this peer leaves by this connection of yours.
    Alias(Flow),
    /// A connection has ended.
    Closed(Flow),
    /// End this connection of yours.
    Close(Flow),
    /// A destination of yours may be unreachable: the ICMP error came to me.
    Unreachable(SocketId, SocketAddr),
}

/// Rings a shard if it sleeps.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    doorbell: Doorbell,
    asleep: Arc<AtomicBool>,
}

impl Bell {
    pub(crate) fn new() -> std::io::Result<Bell> {
        Ok(Bell {
            doorbell: Doorbell::new()?,
            asleep: Arc::new(AtomicBool::new(false)),
        })
    }

    /// Called after something was put where the shard looks.
    pub(crate) fn ring_if_asleep(&self) {
        // Pairs with the fence in `fall_asleep`: either the sleeper sees what was put, or we see
        // that it sleeps.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.doorbell.ring();
        }
    }

    /// Rings whatever the shard does.
    pub(crate) fn ring(&self) {
        self.doorbell.ring();
    }

    /// The shard will wait after one more look at everything it is told by.
    pub(crate) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The shard looks again.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    pub(crate) fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

/// One shard's end of the mesh.
pub(crate) struct Mesh {
    own: ShardId,
    peers: Vec<Option<Peer>>,
    waiting: usize,
}

struct Peer {
    outgoing: Producer<Parcel>,
    incoming: Consumer<Parcel>,
    waiting: VecDeque<Parcel>,
    bell: Bell,
    to_ring: bool,
}

/// Why a parcel did not go: no room.
#[derive(Debug)]
pub(crate) struct Full;

impl Mesh {
    /// The ends of a mesh between all shards, one bell each.
    pub(crate) fn between(bells: &[Bell], ring_parcels: usize) -> Vec<Mesh> {
        let shards = bells.len();
        let mut outgoing: Vec<Vec<Option<Producer<Parcel>>>> = Vec::new();
        let mut incoming: Vec<Vec<Option<Consumer<Parcel>>>> = (0..shards)
            .map(|_| (0..shards).map(|_| None).collect())
            .collect();
        for from in 0..shards {
            outgoing.push((0..shards).map(|_| None).collect());
            for to in (0..shards).filter(|&to| to != from) {
                let (producer, consumer) = RingBuffer::new(ring_parcels);
                outgoing[from][to] = Some(producer);
                incoming[to][from] = Some(consumer);
            }
        }
        outgoing
            .into_iter()
            .zip(incoming)
            .enumerate()
            .map(|(own, (outgoing, incoming))| Mesh {
                own: ShardId(own as u16),
                peers: outgoing
                    .into_iter()
                    .zip(incoming)
                    .zip(bells)
                    .map(|((outgoing, incoming), bell)| {
                        Some(Peer {
                            outgoing: outgoing?,
                            incoming: incoming?,
                            waiting: VecDeque::new(),
                            bell: bell.clone(),
                            to_ring: false,
                        })
                    })
                    .collect(),
                waiting: 0,
            })
            .collect()
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> u16 {
        self.peers.len() as u16
    }

    /// All shards but this one.
    pub(crate) fn others(&self) -> impl Iterator<Item = ShardId> + use<> {
        let own = self.own;
        (0..self.shards())
            .map(ShardId)
            .filter(move |&shard| shard != own)
    }

    /// Gives a parcel that may get lost.
    pub(crate) fn offer(&mut self, to: ShardId, parcel: Parcel) -> Result<(), Full> {
        let peer = self.peer(to)?;
        // Behind what waits, to keep the order.
        if !peer.waiting.is_empty() {
            return Err(Full);
        }
        peer.outgoing.push(parcel).map_err(|_| Full)?;
        peer.to_ring = true;
        Ok(())
    }

    /// Gives a parcel that has to arrive: it waits for room. It fails only when too many wait.
    pub(crate) fn give(&mut self, to: ShardId, parcel: Parcel) -> Result<(), Full> {
        let peer = self.peer(to)?;
        peer.to_ring = true;
        let parcel = if peer.waiting.is_empty() {
            match peer.outgoing.push(parcel) {
                Ok(()) => return Ok(()),
                Err(rtrb::PushError::Full(parcel)) => parcel,
            }
        } else {
            parcel
        };
        if peer.waiting.len() >= PARCELS_WAITING_MAX {
            return Err(Full);
        }
        peer.waiting.push_back(parcel);
        self.waiting += 1;
        Ok(())
    }

    fn peer(&mut self, to: ShardId) -> Result<&mut Peer, Full> {
        self.peers
            .get_mut(usize::from(to.0))
            .and_then(Option::as_mut)
            .ok_or(Full)
    }

    /// The next parcel from this neighbour.
    pub(crate) fn take(&mut self, from: ShardId) -> Option<Parcel> {
        self.peers
            .get_mut(usize::from(from.0))?
            .as_mut()?
            .incoming
            .pop()
            .ok()
    }

    /// Whether something waits for room: then no connection is read.
    pub(crate) fn is_congested(&self) -> bool {
        self.waiting > 0
    }

    /// Whether a neighbour has put something.
    pub(crate) fn has_parcels(&self) -> bool {
        self.peers
            .iter()
            .flatten()
            .any(|peer| !peer.incoming.is_empty())
    }

    /// Ends a turn: moves on what waits, and wakes each neighbour that got something.
    pub(crate) fn flush(&mut self) {
        for peer in self.peers.iter_mut().flatten() {
            while let Some(parcel) = peer.waiting.pop_front() {
                self.waiting -= 1;
                if let Err(rtrb::PushError::Full(parcel)) = peer.outgoing.push(parcel) {
                    peer.waiting.push_front(parcel);
                    self.waiting += 1;
                    break;
                }
                peer.to_ring = true;
            }
            if std::mem::take(&mut peer.to_ring) {
                peer.bell.ring_if_asleep();
            }
        }
    }
}
