//! The table of calls: those that move, as records, and those that only stand, packed.
//!
//! A generator holds calls by the hundred thousand, and nearly all of them wait for their end. Such a call rests:
//! `pack.rs` writes it in about a hundred bytes, and its record serves the next call. Whoever touches a call
//! wakes it first, so nobody but this file and `drive.rs` knows the difference.

use super::call::{Call, Role};
use super::pack::{self, Packed};
use super::slab::Key;
use super::squeeze::Dictionary;
use super::store::{Block, Store};
use super::wheel::{TIMER_BYTES, TimerId};
use super::{CallState, Resting};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    /// Its record's place.
    Moving(u32),
    Resting(Block),
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    place: Place,
}

#[derive(Debug)]
pub(crate) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
    max: usize,
    moving: Vec<Option<Call>>,
    spare: Vec<u32>,
    store: Store,
    dictionary: Dictionary,
    resting: Resting,
    /// Woken by the event that is being handled.
    woken: Vec<Key>,
    scratch: Vec<u8>,
}

impl Calls {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            max,
            moving: Vec::new(),
            spare: Vec::new(),
            store: Store::default(),
            dictionary: Dictionary::default(),
            resting: Resting::default(),
            woken: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Those that rest, and what they take.
    pub(crate) fn resting(&self) -> Resting {
        self.resting
    }

    /// The key that the next [`insert`](Self::insert) gives; `None` when the table is full.
    pub(crate) fn next_key(&self) -> Option<Key> {
        match self.free.last() {
            Some(&slot) => Some(Key {
                slot,
                generation: self.slots[slot as usize].generation,
            }),
            None if self.slots.len() < self.max => Some(Key {
                slot: self.slots.len() as u32,
                generation: 1,
            }),
            None => None,
        }
    }

    /// Takes a call in; `None` when the table is full.
    pub(crate) fn insert(&mut self, call: Call) -> Option<Key> {
        let key = self.next_key()?;
        let place = Place::Moving(self.record(call));
        if self.free.pop().is_some() {
            self.slots[key.slot as usize].place = place;
        } else {
            self.slots.push(Slot {
                generation: 1,
                place,
            });
        }
        Some(key)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Call> {
        let at = self.record_of(key)?;
        self.moving[at].as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Call> {
        let at = self.record_of(key)?;
        self.moving[at].as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Call> {
        let at = self.record_of(key)?;
        let call = self.moving[at].take()?;
        self.spare.push(at as u32);
        let slot = &mut self.slots[key.slot as usize];
        slot.place = Place::Free;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.free.push(key.slot);
        Some(call)
    }

    /// Every call that has or will have an outcome of its own, by slot.
    pub(crate) fn open(&self) -> impl Iterator<Item = (Key, CallState)> {
        self.slots.iter().enumerate().filter_map(|(slot, entry)| {
            let key = Key {
                slot: slot as u32,
                generation: entry.generation,
            };
            match entry.place {
                Place::Free => None,
                Place::Resting(_) => Some((key, CallState::Established)),
                Place::Moving(at) => {
                    let call = self.moving[at as usize].as_ref()?;
                    (call.role != Role::Fork).then_some((key, call.state))
                }
            }
        })
    }

    pub(crate) fn is_resting(&self, key: Key) -> bool {
        matches!(self.place_of(key), Some(Place::Resting(_)))
    }

    /// Packs a call away. Its buffer is free then; `None` when it has to stay as it is.
    pub(crate) fn rest(&mut self, key: Key) -> Option<Vec<u8>> {
        let at = self.record_of(key)?;
        self.scratch.clear();
        pack::write(
            self.moving[at].as_ref()?,
            &mut self.dictionary,
            &mut self.scratch,
        );
        let block = self.store.put(&self.scratch)?;
        let call = self.moving[at].take()?;
        self.spare.push(at as u32);
        self.slots[key.slot as usize].place = Place::Resting(block);
        self.resting.calls += 1;
        self.resting.bytes += bytes_of(&self.store, block, call.timer);
        Some(call.text.into_buffer())
    }

    /// Makes a resting call move again, with a buffer for its text.
    pub(crate) fn wake(&mut self, key: Key, buffer: Vec<u8>) {
        let Some(Place::Resting(block)) = self.place_of(key) else {
            return;
        };
        let packed = Packed(self.store.get(block));
        let Some(call) = packed.read(&self.dictionary, buffer) else {
            debug_assert!(false, "what was packed is read");
            return;
        };
        self.resting.calls -= 1;
        self.resting.bytes -= bytes_of(&self.store, block, call.timer);
        self.store.free(block);
        let place = Place::Moving(self.record(call));
        self.slots[key.slot as usize].place = place;
        self.woken.push(key);
    }

    /// One that was woken since the last time, until there is none.
    pub(crate) fn next_woken(&mut self) -> Option<Key> {
        self.woken.pop()
    }

    fn record(&mut self, call: Call) -> u32 {
        match self.spare.pop() {
            Some(at) => {
                self.moving[at as usize] = Some(call);
                at
            }
            None => {
                self.moving.push(Some(call));
                (self.moving.len() - 1) as u32
            }
        }
    }

    fn place_of(&self, key: Key) -> Option<Place> {
        let slot = self.slots.get(key.slot as usize)?;
        (slot.generation == key.generation).then_some(slot.place)
    }

    fn record_of(&self, key: Key) -> Option<usize> {
        match self.place_of(key)? {
            Place::Moving(at) => Some(at as usize),
            Place::Resting(_) => {
                debug_assert!(false, "whoever touches a call wakes it first");
                None
            }
            Place::Free => None,
        }
    }
}

/// What a resting call takes: its block, its slot, and its timer if it has one.
fn bytes_of(store: &Store, block: Block, timer: TimerId) -> usize {
    let timer = if timer == TimerId::NONE {
        0
    } else {
        TIMER_BYTES
    };
    store.size(block) + size_of::<Slot>() + timer
}
