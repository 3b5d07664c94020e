//! The timers of a phone: a hashed hierarchical wheel of three levels, one millisecond a step.
//!
//! Setting and cancelling cost a few links; expired timers are handed out one at a time, so that what
//! one of them does can still cancel the next. Equal times fire in the order they were set.

use super::Micros;

/// Names a timer. [`TimerId::NONE`] is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerId(u32);

impl TimerId {
    pub(crate) const NONE: TimerId = TimerId(NIL);

    pub(crate) fn to_u32(self) -> u32 {
        self.0
    }

    pub(crate) fn from_u32(number: u32) -> TimerId {
        TimerId(number)
    }
}

#[derive(Debug, Clone, Copy)]
struct Node {
    due_ms: u64,
    payload: u64,
    previous: u32,
    next: u32,
    place: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
}

#[derive(Debug)]
pub(crate) struct Wheel {
    nodes: Vec<Node>,
    free: u32,
    lists: Vec<Ends>,
    occupied: [[u64; WORDS]; LEVELS],
    now_ms: u64,
    armed: usize,
}

impl Wheel {
    pub(crate) fn new(now: Micros) -> Self {
        Self {
            nodes: Vec::new(),
            free: NIL,
            lists: vec![
                Ends {
                    first: NIL,
                    last: NIL
                };
                LEVELS * SLOTS
            ],
            occupied: [[0; WORDS]; LEVELS],
            now_ms: now / 1000,
            armed: 0,
        }
    }

    /// Fires at the first whole millisecond that is not before `due`, and never in the millisecond
    /// that is running.
    pub(crate) fn set(&mut self, due: Micros, payload: u64) -> TimerId {
        let due_ms = due.div_ceil(1000).max(self.now_ms + 1);
        let node = Node {
            due_ms,
            payload,
            previous: NIL,
            next: NIL,
            place: 0,
        };
        let id = if self.free == NIL {
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            let id = self.free;
            self.free = self.nodes[id as usize].next;
            self.nodes[id as usize] = node;
            id
        };
        self.armed += 1;
        self.link(id);
        TimerId(id)
    }

    pub(crate) fn cancel(&mut self, id: &mut TimerId) {
        if *id != TimerId::NONE {
            self.unlink(id.0);
            self.release(id.0);
            *id = TimerId::NONE;
        }
    }

    /// The next timer due at `now`, taken out; `None` when time has caught up.
    pub(crate) fn pop(&mut self, now: Micros) -> Option<(TimerId, u64)> {
        let target_ms = now / 1000;
        loop {
            let first = self.lists[self.place_of(0, self.now_ms)].first;
            if first != NIL {
                self.unlink(first);
                let payload = self.nodes[first as usize].payload;
                self.release(first);
                return Some((TimerId(first), payload));
            }
            let next = self.next_step().filter(|&step| step <= target_ms);
            let Some(next) = next else {
                self.now_ms = self.now_ms.max(target_ms);
                return None;
            };
            self.now_ms = next;
            self.cascade();
        }
    }

    /// When to call [`pop`](Self::pop) next: never after the next timer is due, sometimes before.
    pub(crate) fn next_due(&self) -> Option<Micros> {
        if self.lists[self.place_of(0, self.now_ms)].first != NIL {
            return Some(self.now_ms * 1000);
        }
        self.next_step().map(|step| step * 1000)
    }

    /// The next millisecond at which a list becomes due or comes down a level.
    fn next_step(&self) -> Option<u64> {
        if self.armed == 0 {
            return None;
        }
        (0..LEVELS).filter_map(|level| self.next_at(level)).min()
    }

    fn next_at(&self, level: usize) -> Option<u64> {
        let shift = level as u32 * BITS;
        let current = self.now_ms >> shift;
        let ahead = first_set_after(&self.occupied[level], current as usize % SLOTS)?;
        Some((current + ahead as u64) << shift)
    }

    /// Brings down what the upper levels hold for this millisecond.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let shift = level as u32 * BITS;
            if self.now_ms & ((1 << shift) - 1) != 0 {
                continue;
            }
            let place = self.place_of(level, self.now_ms >> shift);
            let mut id = self.lists[place].first;
            self.lists[place] = Ends {
                first: NIL,
                last: NIL,
            };
            self.mark(place, false);
            while id != NIL {
                let next = self.nodes[id as usize].next;
                self.link(id);
                id = next;
            }
        }
    }

    fn link(&mut self, id: u32) {
        let due_ms = self.nodes[id as usize].due_ms;
        let place = self.place_for(due_ms);
        let last = self.lists[place].last;
        let node = &mut self.nodes[id as usize];
        node.place = place as u32;
        node.previous = last;
        node.next = NIL;
        if last == NIL {
            self.lists[place].first = id;
            self.mark(place, true);
        } else {
            self.nodes[last as usize].next = id;
        }
        self.lists[place].last = id;
    }

    fn unlink(&mut self, id: u32) {
        let Node {
            previous,
            next,
            place,
            ..
        } = self.nodes[id as usize];
        let place = place as usize;
        match previous {
            NIL => self.lists[place].first = next,
            previous => self.nodes[previous as usize].next = next,
        }
        match next {
            NIL => self.lists[place].last = previous,
            next => self.nodes[next as usize].previous = previous,
        }
        if self.lists[place].first == NIL {
            self.mark(place, false);
        }
    }

    fn release(&mut self, id: u32) {
        self.nodes[id as usize].next = self.free;
        self.free = id;
        self.armed -= 1;
    }

    fn place_for(&self, due_ms: u64) -> usize {
        for level in 0..LEVELS {
            let shift = level as u32 * BITS;
            if (due_ms >> shift) - (self.now_ms >> shift) < SLOTS as u64 {
                return self.place_of(level, due_ms >> shift);
            }
        }
        // Further away than the wheel reaches: waits in the last list and is put in again from there.
        let top = LEVELS - 1;
        self.place_of(top, (self.now_ms >> (top as u32 * BITS)) + SLOTS as u64 - 1)
    }

    fn place_of(&self, level: usize, step: u64) -> usize {
        level * SLOTS + step as usize % SLOTS
    }

    fn mark(&mut self, place: usize, occupied: bool) {
        let (level, slot) = (place / SLOTS, place % SLOTS);
        let bit = 1 << (slot % 64);
        if occupied {
            self.occupied[level][slot / 64] |= bit;
        } else {
            self.occupied[level][slot / 64] &= !bit;
        }
    }
}

/// How many slots after `from` (1 to `SLOTS - 1`) the next set bit stands, going round.
fn first_set_after(bits: &[u64; WORDS], from: usize) -> Option<usize> {
    let start = (from + 1) % SLOTS;
    for step in 0..=WORDS {
        let word = (start / 64 + step) % WORDS;
        let mut found = bits[word];
        if step == 0 {
            found &= !0 << (start % 64);
        } else if step == WORDS {
            found &= !(!0 << (start % 64));
        }
        if found != 0 {
            let slot = word * 64 + found.trailing_zeros() as usize;
            let ahead = (slot + SLOTS - from) % SLOTS;
            return (ahead != 0).then_some(ahead);
        }
    }
    None
}

/// What a timer takes while it is set.
pub(crate) const TIMER_BYTES: usize = size_of::<Node>();

const NIL: u32 = u32::MAX;
const LEVELS: usize = 3;
const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;
const WORDS: usize = SLOTS / 64;
