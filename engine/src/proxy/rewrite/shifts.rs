//! By how much a CSeq was raised inside a dialog, when the route set could not be told any more.
//!
//! Two generations: what nobody asked for during one of them is forgotten with the next. Bounded, and kept in memory only:
//! what is lost costs a dialog whose requests were challenged its next request, no more.

use hashbrown::HashMap;

use crate::limits::{SHIFT_KEPT_MS, SHIFTS_MAX};

/// A keyed hash of one direction of a dialog.
type Direction = u64;

#[derive(Debug)]
pub(super) struct Shifts {
    young: HashMap<Direction, u32, ahash::RandomState>,
    old: HashMap<Direction, u32, ahash::RandomState>,
    turned_ms: u64,
}

impl Default for Shifts {
    fn default() -> Self {
        // The keys are keyed hashes already: nobody chooses them.
        let hasher = || ahash::RandomState::with_seeds(1, 2, 3, 4);
        Shifts {
            young: HashMap::with_hasher(hasher()),
            old: HashMap::with_hasher(hasher()),
            turned_ms: 0,
        }
    }
}

impl Shifts {
    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// The shift of a direction; 0 if none is known.
    pub(super) fn get(&mut self, direction: Direction, now_ms: u64) -> u32 {
        if let Some(&shift) = self.young.get(&direction) {
            return shift;
        }
        match self.old.remove(&direction) {
            Some(shift) => {
                self.put(direction, shift, now_ms);
                shift
            }
            None => 0,
        }
    }

    /// Adds to it.
    pub(super) fn add(&mut self, direction: Direction, by: u32, now_ms: u64) {
        let shift = self.get(direction, now_ms).saturating_add(by);
        self.put(direction, shift, now_ms);
    }

    fn put(&mut self, direction: Direction, shift: u32, now_ms: u64) {
        let is_full = self.young.len() >= SHIFTS_MAX / 2 && !self.young.contains_key(&direction);
        if is_full || now_ms.saturating_sub(self.turned_ms) >= SHIFT_KEPT_MS {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.turned_ms = now_ms;
        }
        self.young.insert(direction, shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_add_up_and_outlive_one_generation_unasked() {
        let mut shifts = Shifts::default();
        shifts.add(7, 1, 0);
        shifts.add(7, 2, 10);
        assert_eq!(shifts.get(7, 20), 3);
        shifts.add(8, 1, SHIFT_KEPT_MS);
        assert_eq!(shifts.get(7, SHIFT_KEPT_MS), 3);
        shifts.add(9, 1, 3 * SHIFT_KEPT_MS);
        shifts.add(9, 1, 5 * SHIFT_KEPT_MS);
        assert_eq!(
            (
                shifts.get(7, 5 * SHIFT_KEPT_MS),
                shifts.get(9, 5 * SHIFT_KEPT_MS)
            ),
            (0, 2)
        );
    }

    #[test]
    fn there_are_never_more_than_the_bound() {
        let mut shifts = Shifts::default();
        for direction in 0..3 * SHIFTS_MAX as u64 {
            shifts.add(direction, 1, 0);
            assert!(shifts.young.len() + shifts.old.len() <= SHIFTS_MAX);
        }
        assert_eq!(shifts.get(3 * SHIFTS_MAX as u64 - 1, 0), 1);
    }
}
