//! A table of records named by slot and generation. Freed slots are used again, last freed first,
//! so a steady load stays in a warm piece of memory and allocates nothing.

/// Names a record. A key of an earlier generation finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Key {
    /// Names nothing.
    pub(crate) const NONE: Key = Key {
        slot: u32::MAX,
        generation: 0,
    };

    pub(crate) fn to_u64(self) -> u64 {
        (u64::from(self.generation) << 32) | u64::from(self.slot)
    }

    pub(crate) fn from_u64(bits: u64) -> Key {
        Key {
            slot: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }

    pub(crate) fn is_none(self) -> bool {
        self == Key::NONE
    }
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    record: Option<T>,
}

#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    max: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            max,
        }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The key that the next [`insert`](Self::insert) gives; `None` when the table is full.
    pub(crate) fn next_key(&self) -> Option<Key> {
        match self.free.last() {
            Some(&slot) => Some(Key {
                slot,
                generation: self.entries[slot as usize].generation,
            }),
            None if self.entries.len() < self.max => Some(Key {
                slot: self.entries.len() as u32,
                generation: 1,
            }),
            None => None,
        }
    }

    /// Takes a record in; `None` when the table is full.
    pub(crate) fn insert(&mut self, record: T) -> Option<Key> {
        let key = self.next_key()?;
        if self.free.pop().is_some() {
            self.entries[key.slot as usize].record = Some(record);
        } else {
            self.entries.push(Entry {
                generation: 1,
                record: Some(record),
            });
        }
        Some(key)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.entries.get(key.slot as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.record.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.slot as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.record.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.slot as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        let record = entry.record.take()?;
        entry.generation = entry.generation.wrapping_add(1).max(1);
        self.free.push(key.slot);
        Some(record)
    }

    /// All records, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries.iter().enumerate().filter_map(|(slot, entry)| {
            let key = Key {
                slot: slot as u32,
                generation: entry.generation,
            };
            entry.record.as_ref().map(|record| (key, record))
        })
    }
}
