//! The bindings of one table (`location`), as far as they live on this shard.
//!
//! Finds, replaces and forgets the record of an address-of-record. What a REGISTER may change is in
//! `update`; who asks from where is in the door.
//!
//! Made for millions: a record is one allocation that holds the address and all its bindings as
//! bytes, 20 bytes of this table point to it, and a refresh writes into the room it already has.
//! There is no timer per binding: the earliest end of each record stands in an array of its own,
//! 4 bytes each, which the sweep reads through once per `timer_interval`, a slice every second.

use super::binding::{Binding, Bindings};
use super::bytes::{Reader, put_text};
use hashbrown::HashTable;

/// No record: a free slot.
const NEVER: u32 = u32::MAX;

/// The records of one table.
#[derive(Debug)]
pub(crate) struct Table {
    records: Vec<Box<[u8]>>,
    /// The earliest end of the record in the same slot.
    ends: Vec<u32>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: ahash::RandomState,
    contacts: u64,
    expired: u64,
    swept: usize,
    scratch: Vec<u8>,
}

/// Collects the bindings that a record shall hold from now on.
#[derive(Debug)]
pub(crate) struct Rewrite<'a> {
    bytes: &'a mut Vec<u8>,
    contacts: u64,
    ends: u32,
}

impl Rewrite<'_> {
    /// One more.
    pub(crate) fn push(&mut self, binding: &Binding<'_>) {
        binding.write(self.bytes);
        self.contacts += 1;
        self.ends = self.ends.min(binding.expires);
    }
}

impl Table {
    /// An empty one; `seeds` make its hashes.
    pub(crate) fn new(seeds: [u64; 4]) -> Self {
        Table {
            records: Vec::new(),
            ends: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: ahash::RandomState::with_seeds(seeds[0], seeds[1], seeds[2], seeds[3]),
            contacts: 0,
            expired: 0,
            swept: 0,
            scratch: Vec::new(),
        }
    }

    /// The bindings of an address-of-record, ended ones included until they are swept.
    pub(crate) fn bindings(&self, aor: &[u8]) -> Bindings<'_> {
        self.find(aor).map_or_else(Bindings::default, |slot| {
            split(&self.records[slot as usize]).1
        })
    }

    /// Lets `change` read the bindings of an address-of-record and say what they shall be. When it
    /// returns an error nothing has changed.
    pub(crate) fn rewrite<E>(
        &mut self,
        aor: &[u8],
        change: impl FnOnce(Bindings<'_>, &mut Rewrite<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let slot = self.find(aor);
        let old = slot.map_or_else(Bindings::default, |slot| {
            split(&self.records[slot as usize]).1
        });
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        put_text(&mut bytes, aor);
        let mut rewrite = Rewrite {
            bytes: &mut bytes,
            contacts: 0,
            ends: NEVER - 1,
        };
        let result = change(old, &mut rewrite);
        let (contacts, ends) = (rewrite.contacts, rewrite.ends);
        if result.is_ok() {
            self.contacts = self.contacts - old.count() as u64 + contacts;
            match (slot, contacts) {
                (None, 0) => {}
                (None, _) => self.insert(aor, &bytes, ends),
                (Some(slot), 0) => self.remove(slot),
                (Some(slot), _) => self.replace(slot, &bytes, ends),
            }
        }
        self.scratch = bytes;
        result
    }

    /// Forgets what has ended, in the next `slots` slots, but of no more than `records` records: what is
    /// left waits for the next sweep. `ended` sees each binding before it goes.
    pub(crate) fn sweep(
        &mut self,
        now: u32,
        slots: usize,
        mut records: usize,
        mut ended: impl FnMut(&[u8], &Binding<'_>),
    ) {
        for _ in 0..slots.min(self.ends.len()) {
            let slot = self.swept;
            self.swept = (slot + 1) % self.ends.len();
            if self.ends[slot] > now {
                continue;
            }
            let Some(left) = records.checked_sub(1) else {
                self.swept = slot;
                return;
            };
            records = left;
            let aor = split(&self.records[slot]).0.to_vec();
            let mut gone = 0;
            let Ok(()) = self.rewrite::<std::convert::Infallible>(&aor, |old, rewrite| {
                for binding in old {
                    if binding.is_expired(now) {
                        ended(&aor, &binding);
                        gone += 1;
                    } else {
                        rewrite.push(&binding);
                    }
                }
                Ok(())
            });
            self.expired += gone;
        }
    }

    /// Addresses-of-record with at least one binding.
    pub(crate) fn users(&self) -> u64 {
        self.index.len() as u64
    }

    /// Bindings.
    pub(crate) fn contacts(&self) -> u64 {
        self.contacts
    }

    /// Bindings that have ended without being renewed.
    pub(crate) fn expired(&self) -> u64 {
        self.expired
    }

    /// Slots, free ones included: what a sweep walks.
    pub(crate) fn slots(&self) -> usize {
        self.ends.len()
    }

    /// The record in a slot: a long listing walks slots a page at a time.
    pub(crate) fn record(&self, slot: usize) -> Option<(&[u8], Bindings<'_>)> {
        (*self.ends.get(slot)? != NEVER).then(|| split(&self.records[slot]))
    }

    fn find(&self, aor: &[u8]) -> Option<u32> {
        self.index
            .find(self.hasher.hash_one(aor), |slot| {
                split(&self.records[*slot as usize]).0 == aor
            })
            .copied()
    }

    fn insert(&mut self, aor: &[u8], bytes: &[u8], ends: u32) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.records[slot as usize] = bytes.into();
                self.ends[slot as usize] = ends;
                slot
            }
            None => {
                self.records.push(bytes.into());
                self.ends.push(ends);
                (self.records.len() - 1) as u32
            }
        };
        let Table {
            index,
            hasher,
            records,
            ..
        } = self;
        index.insert_unique(hasher.hash_one(aor), slot, |slot| {
            hasher.hash_one(split(&records[*slot as usize]).0)
        });
    }

    fn replace(&mut self, slot: u32, bytes: &[u8], ends: u32) {
        let record = &mut self.records[slot as usize];
        if record.len() == bytes.len() {
            record.copy_from_slice(bytes);
        } else {
            *record = bytes.into();
        }
        self.ends[slot as usize] = ends;
    }

    fn remove(&mut self, slot: u32) {
        let hash = self.hasher.hash_one(split(&self.records[slot as usize]).0);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        self.records[slot as usize] = Box::default();
        self.ends[slot as usize] = NEVER;
        self.free.push(slot);
    }
}

/// The address-of-record and the bindings of a record.
fn split(record: &[u8]) -> (&[u8], Bindings<'_>) {
    let mut reader = Reader::new(record);
    let aor = reader.text().unwrap_or_default();
    (aor, Bindings::new(reader.rest()))
}
