//! The table of connections: slots with generations, and who is reached by which.

use std::net::SocketAddr;

use engine::{ConnectionId, Flow, ShardId, SocketId};
use hashbrown::HashMap;
use wire::Stream;

use super::connection::{Connection, State};
use crate::limits::{ALIASES_MAX, CONNECTIONS_MAX};

type ByPeer<V> = HashMap<(SocketId, SocketAddr), V, ahash::RandomState>;

pub(super) struct Table {
    own: ShardId,
    max: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Of this shard, by socket and peer; of several the newest.
    by_peer: ByPeer<u32>,
    /// Of other shards, whose home we are.
    held: ByPeer<ConnectionId>,
}

struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

impl Table {
    pub(super) fn new(own: ShardId, max: usize, hasher: &ahash::RandomState) -> Table {
        Table {
            own,
            max: max.clamp(1, CONNECTIONS_MAX - 1),
            slots: Vec::new(),
            free: Vec::new(),
            by_peer: ByPeer::with_hasher(hasher.clone()),
            held: ByPeer::with_hasher(hasher.clone()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// Puts a connection into a slot and completes its flow with its name.
    pub(super) fn insert(
        &mut self,
        stream: Stream,
        state: State,
        mut flow: Flow,
        now_s: u32,
    ) -> ConnectionId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                connection: None,
            });
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        // 24 bits, never zero.
        entry.generation = (entry.generation % 0xff_ffff) + 1;
        let id = ConnectionId::new(self.own, entry.generation, slot);
        flow.connection = id;
        entry.connection = Some(Connection::new(stream, state, flow, now_s));
        self.by_peer.insert((flow.socket, flow.remote), slot);
        id
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(id.slot() as usize)?;
        if id.shard() != self.own || slot.generation != id.generation() {
            return None;
        }
        slot.connection.as_mut()
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.connection.as_mut()
    }

    /// Gives a connection another port of its peer as well. False if nothing changed: a connection that really ends there
    /// keeps it.
    pub(super) fn alias(&mut self, id: ConnectionId, port: u16) -> bool {
        let Some(connection) = self.get_mut(id) else {
            return false;
        };
        let (socket, mut peer) = (connection.flow.socket, connection.flow.remote);
        let is_full = connection.aliases.len() >= ALIASES_MAX;
        if port == peer.port() || connection.state == State::Closing {
            return false;
        }
        peer.set_port(port);
        let slot = id.slot();
        let place = (socket, peer);
        match self.by_peer.get(&place).copied() {
            Some(other) if other == slot => return false,
            Some(other) => {
                let other = self.at_mut(other).map(|other| other.flow.remote);
                if other == Some(peer) {
                    return false;
                }
            }
            None => {}
        }
        let Some(connection) = self.at_mut(slot) else {
            return false;
        };
        // It may have been another's since.
        if !connection.aliases.contains(&port) {
            if is_full {
                return false;
            }
            connection.aliases.push(port);
        }
        self.by_peer.insert(place, slot);
        true
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Connection> {
        let connection = self.slots.get_mut(slot as usize)?.connection.take()?;
        let peer = (connection.flow.socket, connection.flow.remote);
        let aliases = connection.aliases.iter().map(|&port| {
            let (socket, mut remote) = peer;
            remote.set_port(port);
            (socket, remote)
        });
        for peer in std::iter::once(peer).chain(aliases) {
            if self.by_peer.get(&peer) == Some(&slot) {
                self.by_peer.remove(&peer);
            }
        }
        self.free.push(slot);
        Some(connection)
    }

    pub(super) fn find(&self, socket: SocketId, remote: SocketAddr) -> Option<ConnectionId> {
        let peer = (socket, remote);
        let own = self.by_peer.get(&peer).and_then(|&slot| {
            let connection = self.slots.get(slot as usize)?.connection.as_ref()?;
            (connection.state != State::Closing).then_some(connection.flow.connection)
        });
        own.or_else(|| self.held.get(&peer).copied())
    }

    pub(super) fn note_held(&mut self, flow: Flow) {
        // Bounded by what the holders may hold; a full home only opens one connection too many.
        if self.held.len() < CONNECTIONS_MAX {
            self.held
                .insert((flow.socket, flow.remote), flow.connection);
        }
    }

    pub(super) fn forget_held(&mut self, flow: Flow) {
        let peer = (flow.socket, flow.remote);
        if self.held.get(&peer) == Some(&flow.connection) {
            self.held.remove(&peer);
        }
    }
}
