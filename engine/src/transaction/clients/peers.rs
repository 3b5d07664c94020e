//! Which client transactions went by a stream to whom: those who have to hear that a connection ended.
//!
//! A list a peer, linked through the entries. A trunk has tens of thousands of calls at one address; under one
//! hash they would make each insertion and removal a walk over all of them.

use std::net::SocketAddr;

use ahash::RandomState;
use hashbrown::HashTable;

use super::{ClientTransactions, Entry};
use crate::input::{Flow, Transport};
use crate::slab::{ClientId, Key};

/// The lists, by peer.
#[derive(Debug)]
pub(super) struct Peers {
    heads: HashTable<Head>,
    hasher: RandomState,
}

/// The list of one peer. Never empty.
#[derive(Debug)]
struct Head {
    peer: (Transport, SocketAddr),
    first: u32,
}

/// An entry's neighbours in its peer's list, by slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    before: Option<u32>,
    after: Option<u32>,
}

impl Peers {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            heads: HashTable::new(),
            hasher: RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 1),
        }
    }
}

impl ClientTransactions {
    /// Puts a transaction first in the list of the peer it went to, if that is a stream's.
    pub(super) fn link(&mut self, id: ClientId, flow: Flow) {
        if !flow.transport.is_reliable() {
            return;
        }
        let peer = (flow.transport, flow.remote);
        let Peers { heads, hasher } = &mut self.peers;
        let hash = hasher.hash_one(peer);
        let after = match heads.find_mut(hash, |head| head.peer == peer) {
            Some(head) => Some(std::mem::replace(&mut head.first, id.slot())),
            None => {
                let head = Head {
                    peer,
                    first: id.slot(),
                };
                heads.insert_unique(hash, head, |head| hasher.hash_one(head.peer));
                None
            }
        };
        if let Some(neighbours) = self.neighbours(after) {
            neighbours.before = Some(id.slot());
        }
        if let Some(entry) = self.slab.get_mut(id) {
            entry.neighbours = Some(Neighbours {
                before: None,
                after,
            });
        }
    }

    /// Takes an entry that has left its slot out of its peer's list.
    pub(super) fn unlink(&mut self, entry: &Entry) {
        let (Some(Neighbours { before, after }), Some(flow)) = (entry.neighbours, entry.flow)
        else {
            return;
        };
        if let Some(neighbours) = self.neighbours(after) {
            neighbours.before = before;
        }
        if let Some(neighbours) = self.neighbours(before) {
            neighbours.after = after;
            return;
        }
        let peer = (flow.transport, flow.remote);
        let Peers { heads, hasher } = &mut self.peers;
        if let Ok(mut head) = heads.find_entry(hasher.hash_one(peer), |head| head.peer == peer) {
            match after {
                Some(first) => head.get_mut().first = first,
                None => drop(head.remove()),
            }
        }
    }

    /// Those that went to this peer, the latest first.
    pub(super) fn of_peer(&self, flow: Flow) -> impl Iterator<Item = ClientId> {
        let peer = (flow.transport, flow.remote);
        let Peers { heads, hasher } = &self.peers;
        let first = heads
            .find(hasher.hash_one(peer), |head| head.peer == peer)
            .and_then(|head| self.slab.key_at(head.first));
        std::iter::successors(first, |&id| {
            let after = self.slab.get(id)?.neighbours?.after?;
            self.slab.key_at(after)
        })
    }

    fn neighbours(&mut self, slot: Option<u32>) -> Option<&mut Neighbours> {
        let id = self.slab.key_at(slot?)?;
        self.slab.get_mut(id)?.neighbours.as_mut()
    }

    /// Says what is wrong with the lists, if anything is.
    pub(super) fn check_peers(&self) -> Result<(), String> {
        let linked = self
            .slab
            .iter()
            .filter(|(_, entry)| entry.neighbours.is_some())
            .count();
        let mut listed = 0;
        for head in &self.peers.heads {
            let mut before = None;
            let mut next = Some(head.first);
            while let Some(slot) = next {
                let entry = self.slab.key_at(slot).and_then(|id| self.slab.get(id));
                let neighbours = entry.and_then(|entry| entry.neighbours);
                let Some(neighbours) = neighbours.filter(|it| it.before == before) else {
                    return Err(format!("slot {slot} stands wrong in the list of its peer"));
                };
                before = Some(slot);
                next = neighbours.after;
                listed += 1;
                if listed > linked {
                    return Err("a list of a peer has no end".to_owned());
                }
            }
        }
        if listed != linked {
            return Err(format!(
                "{linked} entries went by streams, {listed} are listed"
            ));
        }
        Ok(())
    }
}
