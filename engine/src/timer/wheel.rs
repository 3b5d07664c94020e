//! The timer wheel: hashed, hierarchical, sixteen bytes a timer, setting and cancelling O(1).
//!
//! The idea. Time is counted in milliseconds. Level 0 has a list for every millisecond, level 1
//! for every 256 ms, level 2 for every 65.5 s, level 3 for every 4.7 h; a timer stands at the
//! lowest level that reaches it. Each level has 512 lists, twice what its own span of the level
//! above needs: so the *next* list of a level can be spread over the level below a few timers per
//! millisecond, while the current one is being used up, and no tick has to move a whole list. By
//! the time a list's span begins it is empty.
//!
//! Lists are circular and doubly linked through a sentinel; a bit per list says whether it holds
//! anything, which is what makes idle time cheap to cross.

use super::Timer;
use crate::limits::TIMER_MS_MAX;

const LEVELS: usize = 4;
const LISTS: usize = 512;
const LEVEL_BITS: u32 = 8;
/// Sentinels come first in `nodes`; a timer's index is at least this.
const SENTINELS: u32 = (LEVELS * LISTS) as u32;
/// What a free node holds instead of a kind.
const FREE: u32 = u32::MAX;
/// Timers of the next list moved down per tick at the least.
const CASCADE_MIN: u32 = 8;

/// A timer that is set. Whoever set it keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TimerId(u32);

impl TimerId {
    /// Not set.
    pub const NONE: TimerId = TimerId(0);

    /// Whether it is not set.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A timer that was due; it is no longer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// What it was.
    pub timer: Timer,
    /// Whose: the slot it was set with.
    pub slot: u32,
    /// The id it had, so that its owner can tell which of his it was.
    pub id: TimerId,
}

#[derive(Clone, Copy)]
struct Node {
    next: u32,
    prev: u32,
    /// The low 32 bits of the millisecond it is due.
    due: u32,
    /// Kind and slot, or `FREE`.
    what: u32,
}

/// All timers of one engine.
pub struct Wheel {
    nodes: Vec<Node>,
    occupied: [[u64; LISTS / 64]; LEVELS],
    /// The millisecond being used up: everything before it has fired.
    current: u64,
    free: u32,
    live: u32,
    #[cfg(test)]
    moved: u32,
    #[cfg(test)]
    pub(super) most_moved: u32,
}

impl Wheel {
    /// An empty wheel that begins at this millisecond.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        let nodes = (0..SENTINELS)
            .map(|list| Node {
                next: list,
                prev: list,
                due: 0,
                what: FREE,
            })
            .collect();
        Self {
            nodes,
            occupied: [[0; LISTS / 64]; LEVELS],
            current: now_ms,
            free: 0,
            live: 0,
            #[cfg(test)]
            moved: 0,
            #[cfg(test)]
            most_moved: 0,
        }
    }

    /// Says what time it is when nobody has asked for any yet; nothing may be set.
    pub fn begin(&mut self, now_ms: u64) {
        debug_assert!(self.is_empty(), "time begins before timers");
        if self.is_empty() {
            self.current = now_ms;
        }
    }

    /// Sets a timer for `due_ms`. What is due already fires in the next millisecond, never in the
    /// one that set it, so no chain of timers can hold an input for ever.
    pub fn set(&mut self, due_ms: u64, timer: Timer, slot: u32) -> TimerId {
        let due = due_ms.clamp(self.current + 1, self.current + TIMER_MS_MAX);
        let node = Node {
            next: 0,
            prev: 0,
            due: due as u32,
            what: timer.pack(slot),
        };
        let index = if self.free == 0 {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let index = self.free;
            self.free = self.nodes[index as usize].next;
            self.nodes[index as usize] = node;
            index
        };
        self.live += 1;
        self.link(index, due);
        TimerId(index)
    }

    /// Cancels a timer, if it is set, and forgets its id.
    pub fn cancel(&mut self, id: &mut TimerId) {
        let index = std::mem::take(id).0;
        if index == 0 {
            return;
        }
        self.unlink(index);
        self.release(index);
    }

    /// Sets `id` anew, whether it was set or not.
    pub fn reset(&mut self, id: &mut TimerId, due_ms: u64, timer: Timer, slot: u32) {
        self.cancel(id);
        *id = self.set(due_ms, timer, slot);
    }

    /// The next timer that is due at `now_ms`, in order of time and, within a millisecond, in
    /// the order its list was made. `None`: nothing more, and the wheel has arrived at `now_ms`.
    pub fn pop(&mut self, now_ms: u64) -> Option<Fired> {
        loop {
            let list = (self.current as usize % LISTS) as u32;
            let index = self.nodes[list as usize].next;
            if index != list {
                let what = self.nodes[index as usize].what;
                self.unlink(index);
                self.release(index);
                let (timer, slot) = Timer::unpack(what);
                return Some(Fired {
                    timer,
                    slot,
                    id: TimerId(index),
                });
            }
            if self.current >= now_ms {
                return None;
            }
            self.step(now_ms);
        }
    }

    /// The millisecond at which [`pop`](Self::pop) has to be called next: never later than the
    /// first timer, sometimes earlier, when a list far away has to be looked into.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        (0..LEVELS)
            .filter_map(|level| self.first_occupied(level))
            .min()
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The slot that `id` is set for; `None` if it is not set.
    #[must_use]
    pub fn slot_of(&self, id: TimerId) -> Option<u32> {
        let node = self.nodes.get(id.0 as usize)?;
        (id.0 >= SENTINELS && node.what != FREE).then(|| Timer::unpack(node.what).1)
    }

    /// Whether `id` is set for this kind and slot.
    #[must_use]
    pub fn is_set(&self, id: TimerId, timer: Timer, slot: u32) -> bool {
        !id.is_none()
            && self
                .nodes
                .get(id.0 as usize)
                .is_some_and(|node| node.what == timer.pack(slot))
    }

    /// Goes on by one millisecond, or over a stretch that holds nothing.
    fn step(&mut self, now_ms: u64) {
        let boundary = (self.current | 0xff) + 1;
        let waiting = (1..LEVELS).any(|level| !self.is_list_empty(self.next_list(level)));
        let target = if waiting {
            self.current + 1
        } else {
            let near = self.first_occupied(0).unwrap_or(u64::MAX);
            let far = if self.occupied[1..].iter().flatten().all(|&bits| bits == 0) {
                u64::MAX
            } else {
                boundary
            };
            near.min(far).min(now_ms)
        };
        self.current = target;
        if waiting || target == boundary {
            self.cascade();
        }
    }

    /// Moves part of each level's next list down; all of it when this tick is its border.
    fn cascade(&mut self) {
        #[cfg(test)]
        let before = self.moved;
        for level in (1..LEVELS).rev() {
            let shift = LEVEL_BITS * level as u32;
            let begins = self.current & ((1 << shift) - 1) == 0;
            if begins {
                // This list's span begins now. What the ticks before did not move goes down at once.
                let list = self.list(level, self.current);
                self.move_down(list, u32::MAX);
            }
            // As many per tick as would empty a list that held every timer there is.
            let budget = (self.live >> shift) + CASCADE_MIN;
            self.move_down(self.next_list(level), budget);
        }
        #[cfg(test)]
        {
            self.most_moved = self.most_moved.max(self.moved - before);
        }
    }

    fn move_down(&mut self, list: u32, mut budget: u32) {
        while budget > 0 {
            let index = self.nodes[list as usize].next;
            if index == list {
                return;
            }
            self.unlink(index);
            let due = self.due(index);
            self.link(index, due);
            budget -= 1;
            #[cfg(test)]
            {
                self.moved += 1;
            }
        }
    }

    /// Links `index` at the lowest level that reaches `due`: the level below a border that is
    /// the current or the next one.
    fn link(&mut self, index: u32, due: u64) {
        let level = (0..LEVELS - 1)
            .find(|&level| {
                let border = LEVEL_BITS * (level as u32 + 1);
                (due >> border) - (self.current >> border) <= 1
            })
            .unwrap_or(LEVELS - 1);
        let list = self.list(level, due);
        let last = self.nodes[list as usize].prev;
        let node = &mut self.nodes[index as usize];
        node.next = list;
        node.prev = last;
        self.nodes[last as usize].next = index;
        self.nodes[list as usize].prev = index;
        let bit = list as usize % LISTS;
        self.occupied[level][bit / 64] |= 1 << (bit % 64);
    }

    fn unlink(&mut self, index: u32) {
        let Node {
            next, prev, what, ..
        } = self.nodes[index as usize];
        assert!(what != FREE, "a timer is cancelled or fired once");
        self.nodes[prev as usize].next = next;
        self.nodes[next as usize].prev = prev;
        if next == prev && next < SENTINELS {
            let (level, bit) = (next as usize / LISTS, next as usize % LISTS);
            self.occupied[level][bit / 64] &= !(1 << (bit % 64));
        }
    }

    fn release(&mut self, index: u32) {
        self.nodes[index as usize] = Node {
            next: self.free,
            prev: 0,
            due: 0,
            what: FREE,
        };
        self.free = index;
        self.live -= 1;
    }

    /// The millisecond `index` is due. It is at most [`TIMER_MS_MAX`] ahead, so 32 bits say it all.
    fn due(&self, index: u32) -> u64 {
        let ahead = self.nodes[index as usize]
            .due
            .wrapping_sub(self.current as u32);
        self.current + u64::from(ahead)
    }

    fn list(&self, level: usize, ms: u64) -> u32 {
        let slot = (ms >> (LEVEL_BITS * level as u32)) as usize % LISTS;
        (level * LISTS + slot) as u32
    }

    fn next_list(&self, level: usize) -> u32 {
        self.list(level, self.current + (1 << (LEVEL_BITS * level as u32)))
    }

    fn is_list_empty(&self, list: u32) -> bool {
        self.nodes[list as usize].next == list
    }

    /// When the span of the first list in use at this level begins.
    fn first_occupied(&self, level: usize) -> Option<u64> {
        let shift = LEVEL_BITS * level as u32;
        let from = (self.current >> shift) as usize % LISTS;
        let words = &self.occupied[level];
        let first = words[from / 64] >> (from % 64);
        let distance = if first != 0 {
            first.trailing_zeros() as usize
        } else {
            // The words after, round the wheel, and at last the word's own lower bits.
            (1..=LISTS / 64).find_map(|step| {
                let word = words[(from / 64 + step) % (LISTS / 64)];
                (word != 0).then(|| step * 64 - from % 64 + word.trailing_zeros() as usize)
            })?
        };
        Some((((self.current >> shift) + distance as u64) << shift).max(self.current))
    }
}

impl std::fmt::Debug for Wheel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wheel({} timers at {} ms)", self.live, self.current)
    }
}

const _: () = assert!(std::mem::size_of::<Node>() == 16, "sixteen bytes a timer");
