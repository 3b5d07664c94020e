//! Slabs: the tables that hold transactions, contexts and parked runs by number.
//!
//! A key is a slot and a generation. The generation rises each time a slot is used again, so a key
//! that outlived its entry finds nothing instead of a stranger. Keys say which table they belong to.
//!
//! Bounded: a full slab refuses, which its owner turns into 503.

use std::fmt;
use std::marker::PhantomData;

use crate::agent::AgentId;
use crate::proxy::ContextId;

/// A key of one table: made by [`key!`](crate::key).
pub trait Key: Copy + Eq + fmt::Debug {
    /// From its parts.
    fn new(slot: u32, generation: u32) -> Self;
    /// The place in the table.
    fn slot(self) -> u32;
    /// Which user of that place; counts from 1.
    fn generation(self) -> u32;
}

/// Makes the key type of one table.
#[macro_export]
macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name { slot: u32, generation: u32 }

        impl $crate::slab::Key for $name {
            fn new(slot: u32, generation: u32) -> Self { Self { slot, generation } }
            fn slot(self) -> u32 { self.slot }
            fn generation(self) -> u32 { self.generation }
        }

        impl $name {
            /// Both parts in one number, for tickets.
            #[must_use]
            pub fn bits(self) -> u64 { (u64::from(self.generation) << 32) | u64::from(self.slot) }
            /// From [`bits`](Self::bits).
            #[must_use]
            pub fn from_bits(bits: u64) -> Self { Self { slot: bits as u32, generation: (bits >> 32) as u32 } }
        }
    };
}

key! {
    /// A server transaction.
    ServerId
}
key! {
    /// A client transaction.
    ClientId
}
impl Key for ContextId {
    fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
    fn slot(self) -> u32 {
        self.slot
    }
    fn generation(self) -> u32 {
        self.generation
    }
}

impl Key for AgentId {
    fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
    fn slot(self) -> u32 {
        self.slot
    }
    fn generation(self) -> u32 {
        self.generation
    }
}

/// Generations are 24 bits, as much as a branch token carries.
const GENERATION_MASK: u32 = 0xff_ffff;

struct Entry<T> {
    generation: u32,
    /// Of a free entry: the next free one, counted from 1; 0 ends the list.
    next_free: u32,
    value: Option<T>,
}

/// A table of `T` by `K`.
pub struct Slab<K, T> {
    entries: Vec<Entry<T>>,
    free: u32,
    live: u32,
    limit: u32,
    key: PhantomData<K>,
}

impl<K: Key, T> Slab<K, T> {
    /// An empty table that never holds more than `limit` entries.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            entries: Vec::new(),
            free: 0,
            live: 0,
            limit,
            key: PhantomData,
        }
    }

    /// Puts in what `make` gives for the key it will have. `None`: the table is full.
    pub fn insert_with(&mut self, make: impl FnOnce(K) -> T) -> Option<K> {
        if self.live >= self.limit {
            return None;
        }
        let slot = match self.free {
            0 => {
                self.entries.push(Entry {
                    generation: 0,
                    next_free: 0,
                    value: None,
                });
                self.entries.len() as u32 - 1
            }
            free => free - 1,
        };
        let entry = &mut self.entries[slot as usize];
        self.free = entry.next_free;
        entry.generation = (entry.generation + 1) & GENERATION_MASK;
        if entry.generation == 0 {
            entry.generation = 1;
        }
        let key = K::new(slot, entry.generation);
        entry.value = Some(make(key));
        self.live += 1;
        Some(key)
    }

    /// Puts it in. `None`: the table is full.
    pub fn insert(&mut self, value: T) -> Option<K> {
        self.insert_with(|_| value)
    }

    /// Takes it out.
    pub fn remove(&mut self, key: K) -> Option<T> {
        let entry = self.entries.get_mut(key.slot() as usize)?;
        if entry.generation != key.generation() {
            return None;
        }
        let value = entry.value.take()?;
        entry.next_free = self.free;
        self.free = key.slot() + 1;
        self.live -= 1;
        Some(value)
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self, key: K) -> Option<&T> {
        let entry = self.entries.get(key.slot() as usize)?;
        entry
            .value
            .as_ref()
            .filter(|_| entry.generation == key.generation())
    }

    /// Changes it.
    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.slot() as usize)?;
        let generation = entry.generation;
        entry
            .value
            .as_mut()
            .filter(|_| generation == key.generation())
    }

    /// Whether it is there.
    #[must_use]
    pub fn contains(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// The key of whoever uses this slot now: what a timer of the wheel names.
    #[must_use]
    pub fn key_at(&self, slot: u32) -> Option<K> {
        let entry = self.entries.get(slot as usize)?;
        entry.value.as_ref().map(|_| K::new(slot, entry.generation))
    }

    /// How many are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether nothing more fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.live >= self.limit
    }

    /// How many fit.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// All of them, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        (0u32..).zip(&self.entries).filter_map(|(slot, entry)| {
            entry
                .value
                .as_ref()
                .map(|value| (K::new(slot, entry.generation), value))
        })
    }
}

impl<K, T> fmt::Debug for Slab<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slab({} of {})", self.live, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_outlived_its_entry_finds_nothing() {
        let mut slab = Slab::<ServerId, &str>::new(2);
        let first = slab.insert("first").unwrap();
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second").unwrap();
        assert_eq!(first.slot(), second.slot());
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.key_at(second.slot()), Some(second));
        assert_eq!(ServerId::from_bits(second.bits()), second);
    }

    #[test]
    fn a_full_table_refuses_and_has_room_again_after_a_removal() {
        let mut slab = Slab::<ServerId, u8>::new(2);
        let one = slab.insert(1).unwrap();
        slab.insert(2).unwrap();
        assert_eq!(slab.insert(3), None);
        slab.remove(one);
        assert!(slab.insert(4).is_some());
        assert_eq!(
            slab.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [4, 2]
        );
        assert_eq!(slab.len(), 2);
    }
}
