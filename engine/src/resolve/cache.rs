//! What is known of names, and what has been asked: bounded, with lifetimes.
//!
//! An entry is either known until it expires or asked for by a list of waiters, so that many who want one
//! name ask once. When the table is full a clock hand looks for an entry that has not been used
//! since it last came by; what is still being asked stays.

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::answer::{RecordType, Records};
use crate::limits::DNS_WAITERS_MAX;

/// A question, as its ticket names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuestionId {
    /// The entry.
    pub slot: u32,
    /// Which question of that entry.
    pub generation: u32,
}

/// What looking a name up gives.
pub(super) enum Known<'a> {
    /// This.
    Records(&'a Records),
    /// It is asked already.
    Asked(u32),
    /// Nothing is known, nobody asked.
    Unknown,
}

enum State<W> {
    Known {
        records: Records,
        until_us: u64,
    },
    Asked {
        since_us: u64,
        until_us: u64,
        waiters: SmallVec<[W; 2]>,
    },
}

struct Entry<W> {
    name: Box<[u8]>,
    record_type: RecordType,
    hash: u64,
    generation: u32,
    /// Used since the hand came by.
    used: bool,
    state: State<W>,
}

/// The table. `W` is what waits.
pub(super) struct Cache<W> {
    hasher: ahash::RandomState,
    index: HashTable<u32>,
    entries: Vec<Entry<W>>,
    hand: usize,
    limit: usize,
}

impl<W: PartialEq> Cache<W> {
    /// An empty one of at most `limit` entries. The seed keeps peers from choosing names that collide.
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        Cache {
            hasher: ahash::RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 0x5349_5020),
            index: HashTable::new(),
            entries: Vec::new(),
            hand: 0,
            limit: limit.max(1),
        }
    }

    /// How many entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn hash(&self, name: &[u8], record_type: RecordType) -> u64 {
        self.hasher.hash_one((name, record_type as u16))
    }

    fn find(&self, hash: u64, name: &[u8], record_type: RecordType) -> Option<u32> {
        let entries = &self.entries;
        let is_it = |&slot: &u32| {
            entries
                .get(slot as usize)
                .is_some_and(|e| e.record_type == record_type && *e.name == *name)
        };
        self.index.find(hash, is_it).copied()
    }

    /// What is known now. `name` is in lower case.
    pub(super) fn lookup(
        &mut self,
        now_us: u64,
        name: &[u8],
        record_type: RecordType,
    ) -> Known<'_> {
        let hash = self.hash(name, record_type);
        let Some(slot) = self.find(hash, name, record_type) else {
            return Known::Unknown;
        };
        let entry = &mut self.entries[slot as usize];
        entry.used = true;
        match &entry.state {
            State::Known { records, until_us } if now_us < *until_us => Known::Records(records),
            State::Asked { until_us, .. } if now_us < *until_us => Known::Asked(slot),
            _ => Known::Unknown,
        }
    }

    /// Puts another waiter on a question. `false`: too many wait for it.
    pub(super) fn wait(&mut self, slot: u32, waiter: W) -> bool {
        match self
            .entries
            .get_mut(slot as usize)
            .map(|entry| &mut entry.state)
        {
            Some(State::Asked { waiters, .. }) => {
                if waiters.contains(&waiter) {
                    return true;
                }
                let has_room = waiters.len() < DNS_WAITERS_MAX;
                if has_room {
                    waiters.push(waiter);
                }
                has_room
            }
            _ => false,
        }
    }

    /// Remembers that it is asked now. `None`: the table is full of questions.
    pub(super) fn ask(
        &mut self,
        now_us: u64,
        until_us: u64,
        name: &[u8],
        record_type: RecordType,
        waiter: W,
    ) -> Option<QuestionId> {
        let hash = self.hash(name, record_type);
        let mut waiters = SmallVec::new();
        waiters.push(waiter);
        let slot = match self.find(hash, name, record_type) {
            Some(slot) => slot,
            None => self.place(now_us, hash, name, record_type)?,
        };
        let entry = &mut self.entries[slot as usize];
        if let State::Asked {
            waiters: before, ..
        } = &mut entry.state
        {
            // Its deadline passed without an answer: they wait on with the new question.
            waiters.extend(before.drain(..));
            waiters.truncate(DNS_WAITERS_MAX);
        }
        entry.generation = entry.generation.wrapping_add(1) & GENERATION_MASK;
        entry.state = State::Asked {
            since_us: now_us,
            until_us,
            waiters,
        };
        Some(QuestionId {
            slot,
            generation: entry.generation,
        })
    }

    /// What was asked; `None` when the answer is late.
    pub(super) fn question(&self, id: QuestionId) -> Option<(&[u8], RecordType)> {
        let entry = self
            .entries
            .get(id.slot as usize)
            .filter(|entry| entry.generation == id.generation)?;
        matches!(entry.state, State::Asked { .. }).then_some((&*entry.name, entry.record_type))
    }

    /// What was asked, and since when; `None` when the answer is late.
    pub(super) fn asked(&self, id: QuestionId) -> Option<(&[u8], u64)> {
        let (name, _) = self.question(id)?;
        match self.entries.get(id.slot as usize)?.state {
            State::Asked { since_us, .. } => Some((name, since_us)),
            State::Known { .. } => None,
        }
    }

    /// Remembers the answer; gives back who waited for it.
    pub(super) fn answer(
        &mut self,
        id: QuestionId,
        records: Records,
        until_us: u64,
    ) -> SmallVec<[W; 2]> {
        let entry = self
            .entries
            .get_mut(id.slot as usize)
            .filter(|entry| entry.generation == id.generation);
        let Some(entry) = entry else {
            return SmallVec::new();
        };
        match std::mem::replace(&mut entry.state, State::Known { records, until_us }) {
            State::Asked { waiters, .. } => waiters,
            State::Known { .. } => SmallVec::new(),
        }
    }

    /// A new entry, in the place of one that is no longer needed when the table is full.
    fn place(
        &mut self,
        now_us: u64,
        hash: u64,
        name: &[u8],
        record_type: RecordType,
    ) -> Option<u32> {
        let state = State::Known {
            records: Records::Nothing,
            until_us: 0,
        };
        let mut entry = Entry {
            name: name.into(),
            record_type,
            hash,
            generation: 0,
            used: true,
            state,
        };
        let slot = if self.entries.len() < self.limit {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let slot = self.make_room(now_us)?;
            let before = &self.entries[slot];
            if let Ok(found) = self
                .index
                .find_entry(before.hash, |&at| at as usize == slot)
            {
                found.remove();
            }
            entry.generation = before.generation;
            self.entries[slot] = entry;
            slot
        };
        let entries = &self.entries;
        self.index
            .insert_unique(hash, slot as u32, |&at| entries[at as usize].hash);
        Some(slot as u32)
    }

    /// Looks at a few entries only: whoever asks for a million names must not make each question a walk
    /// over the table. Of those the hand came by, one that was used just now is better than none.
    fn make_room(&mut self, now_us: u64) -> Option<usize> {
        let mut used = None;
        // In a small table twice round: the first round may only clear the marks.
        for _ in 0..(self.entries.len() * 2).min(LOOKS_MAX) {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            let entry = &mut self.entries[slot];
            match entry.state {
                // Somebody waits for it; every question is answered, by its deadline at the latest.
                State::Asked { .. } => {}
                State::Known { until_us, .. } if now_us >= until_us => return Some(slot),
                _ if !entry.used => return Some(slot),
                _ => {
                    entry.used = false;
                    used.get_or_insert(slot);
                }
            }
        }
        used
    }
}

/// Entries that one search for room looks at.
const LOOKS_MAX: usize = 64;

/// Generations share a ticket with the table's number and the slot.
pub(super) const GENERATION_MASK: u32 = 0x0fff_ffff;

#[cfg(test)]
#[path = "tests/cache.rs"]
mod tests;
