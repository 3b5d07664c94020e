//! By how much a CSeq was raised inside a dialog, when the route set could not be told any more.
//!
//! A raise counts from the request that was raised: what left before it keeps the number that it left with, and the ACK of
//! an INVITE and the RAck of a PRACK name the INVITE as it left (RFC 3261 §13.2.2.4, RFC 3262 §7.2).
//!
//! Two generations: what nobody asked for during one of them is forgotten with the next. Bounded, and kept in memory only:
//! what is lost costs a dialog whose requests were challenged its next request, no more.

use hashbrown::HashMap;

use crate::limits::{
    NUMBERS_LEFT_KEPT_MS, NUMBERS_LEFT_MAX, SHIFT_KEPT_MS, SHIFT_OVERTAKEN_MAX, SHIFT_STEPS_MAX,
    SHIFTS_MAX,
};

/// A keyed hash of one direction of a dialog.
type Direction = u64;

#[derive(Debug)]
pub(super) struct Shifts {
    young: HashMap<Direction, Raised, ahash::RandomState>,
    old: HashMap<Direction, Raised, ahash::RandomState>,
    turned_ms: u64,
    numbers: Numbers,
}

/// The highest numbers that left, by direction: of all dialogs, where a script may answer challenges.
#[derive(Debug)]
struct Numbers {
    young: HashMap<Direction, Left, ahash::RandomState>,
    old: HashMap<Direction, Left, ahash::RandomState>,
    turned_ms: u64,
}

/// The highest CSeq that left: as its sender wrote it, and as it was sent.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    own: u32,
    sent: u32,
}

/// What was raised in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Raised {
    /// The highest CSeq that left, as its sender wrote it.
    newest: u32,
    /// The shift of what is older than all steps.
    base: u32,
    steps: [Step; SHIFT_STEPS_MAX],
    used: usize,
    /// Requests that were raised past others, each alone: their ACKs and PRACKs name them so.
    overtaken: [Step; SHIFT_OVERTAKEN_MAX],
    overtaken_next: usize,
}

/// From this CSeq on, as its sender writes it, all are raised by this much.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    from: u32,
    shift: u32,
}

impl Raised {
    fn shift_of(&self, cseq: u32) -> u32 {
        let mut overtaken = self.overtaken.iter();
        if let Some(step) = overtaken.find(|step| step.from == cseq && step.shift > 0) {
            return step.shift;
        }
        let steps = self.steps[..self.used].iter().rev();
        let step = steps.into_iter().find(|step| step.from <= cseq);
        step.map_or(self.base, |step| step.shift)
    }

    /// The request with this CSeq, and no other, is raised past what has left since: by so much more.
    fn overtake(&mut self, cseq: u32, by: u32) {
        let step = Step {
            from: cseq,
            shift: self.shift_of(cseq).saturating_add(by),
        };
        let known = self.overtaken.iter().position(|step| step.from == cseq);
        let at = known.unwrap_or(self.overtaken_next);
        if known.is_none() {
            self.overtaken_next = (at + 1) % SHIFT_OVERTAKEN_MAX;
        }
        self.overtaken[at] = step;
    }

    /// The request with this CSeq is raised, and what comes after it.
    fn add(&mut self, cseq: u32, by: u32) {
        // What overtook it has left with the number that it has.
        let from = if cseq < self.newest {
            self.newest.saturating_add(1)
        } else {
            self.newest = cseq;
            cseq
        };
        let last = self.used.checked_sub(1).map(|last| self.steps[last]);
        let shift = last.map_or(self.base, |step| step.shift).saturating_add(by);
        if last.is_some_and(|step| step.from == from) {
            self.used -= 1;
        } else if self.used == SHIFT_STEPS_MAX {
            self.base = self.steps[0].shift;
            self.steps.copy_within(1.., 0);
            self.used -= 1;
        }
        self.steps[self.used] = Step { from, shift };
        self.used += 1;
    }
}

impl Default for Shifts {
    fn default() -> Self {
        // The keys are keyed hashes already: nobody chooses them.
        let hasher = || ahash::RandomState::with_seeds(1, 2, 3, 4);
        Shifts {
            young: HashMap::with_hasher(hasher()),
            old: HashMap::with_hasher(hasher()),
            turned_ms: 0,
            numbers: Numbers {
                young: HashMap::with_hasher(hasher()),
                old: HashMap::with_hasher(hasher()),
                turned_ms: 0,
            },
        }
    }
}

impl Numbers {
    fn get(&self, direction: Direction) -> Option<Left> {
        let young = self.young.get(&direction);
        young.or_else(|| self.old.get(&direction)).copied()
    }

    fn left(&mut self, direction: Direction, own: u32, sent: u32, now_ms: u64) {
        let known = self.get(direction).unwrap_or_default();
        let left = Left {
            own: known.own.max(own),
            sent: known.sent.max(sent),
        };
        let is_full = self.young.len() >= NUMBERS_LEFT_MAX / 2;
        let is_due = now_ms.saturating_sub(self.turned_ms) >= NUMBERS_LEFT_KEPT_MS;
        if (is_full && !self.young.contains_key(&direction)) || is_due {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.turned_ms = now_ms;
        }
        self.young.insert(direction, left);
    }
}

impl Shifts {
    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// By how much the request with this CSeq is raised, and the INVITE that it speaks of; 0 if nothing is known. It is about
    /// to leave.
    pub(super) fn leaving(
        &mut self,
        direction: Direction,
        cseq: u32,
        invite: u32,
        now_ms: u64,
    ) -> (u32, u32) {
        let Some(raised) = self.find(direction, now_ms) else {
            return (0, 0);
        };
        raised.newest = raised.newest.max(cseq);
        (raised.shift_of(cseq), raised.shift_of(invite))
    }

    /// A request left: its CSeq as its sender wrote it, and as it was sent.
    pub(super) fn left(&mut self, direction: Direction, own: u32, sent: u32, now_ms: u64) {
        self.numbers.left(direction, own, sent, now_ms);
    }

    /// Raises a request that has left already, and all that comes after it. It gets a number of its own: others may have left
    /// since, and may have been raised as well. Returns by how much it was raised.
    pub(super) fn again(
        &mut self,
        direction: Direction,
        own: u32,
        sent: u32,
        by: u32,
        now_ms: u64,
    ) -> u32 {
        let last = self.numbers.get(direction).unwrap_or(Left { own, sent });
        let more = last.sent.saturating_sub(sent).saturating_add(by);
        let young = self.young.remove(&direction);
        let known = young.or_else(|| self.old.remove(&direction));
        let mut raised = known.unwrap_or_default();
        raised.newest = raised.newest.max(last.own);
        if more != by || own < raised.newest {
            raised.overtake(own, more);
        }
        raised.add(own, by);
        self.put(direction, raised, now_ms);
        self.left(direction, own, sent.saturating_add(more), now_ms);
        more
    }

    /// Raises the request with this CSeq and all behind it.
    pub(super) fn add(&mut self, direction: Direction, cseq: u32, by: u32, now_ms: u64) {
        let young = self.young.remove(&direction);
        let known = young.or_else(|| self.old.remove(&direction));
        let mut raised = known.unwrap_or_default();
        raised.add(cseq, by);
        self.put(direction, raised, now_ms);
    }

    fn find(&mut self, direction: Direction, now_ms: u64) -> Option<&mut Raised> {
        if let Some(raised) = self.old.remove(&direction) {
            self.put(direction, raised, now_ms);
        }
        self.young.get_mut(&direction)
    }

    fn put(&mut self, direction: Direction, raised: Raised, now_ms: u64) {
        let is_full = self.young.len() >= SHIFTS_MAX / 2;
        if is_full || now_ms.saturating_sub(self.turned_ms) >= SHIFT_KEPT_MS {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.turned_ms = now_ms;
        }
        self.young.insert(direction, raised);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shift of the request with CSeq 100.
    fn shift(shifts: &mut Shifts, direction: Direction, now_ms: u64) -> u32 {
        shifts.leaving(direction, 100, 0, now_ms).0
    }

    #[test]
    fn shifts_add_up_and_outlive_one_generation_unasked() {
        let mut shifts = Shifts::default();
        shifts.add(7, 1, 1, 0);
        shifts.add(7, 1, 2, 10);
        assert_eq!(shift(&mut shifts, 7, 20), 3);
        shifts.add(8, 1, 1, SHIFT_KEPT_MS);
        assert_eq!(shift(&mut shifts, 7, SHIFT_KEPT_MS), 3);
        shifts.add(9, 1, 1, 3 * SHIFT_KEPT_MS);
        shifts.add(9, 1, 1, 5 * SHIFT_KEPT_MS);
        assert_eq!(
            (
                shift(&mut shifts, 7, 5 * SHIFT_KEPT_MS),
                shift(&mut shifts, 9, 5 * SHIFT_KEPT_MS)
            ),
            (0, 2)
        );
    }

    #[test]
    fn what_left_before_a_raise_keeps_its_number() {
        let mut shifts = Shifts::default();
        // PRACK 2 of INVITE 1 is challenged, then UPDATE 3, whose nonce is stale.
        shifts.add(7, 2, 1, 0);
        assert_eq!(shifts.leaving(7, 3, 1, 0), (1, 0));
        shifts.add(7, 3, 1, 0);
        shifts.add(7, 3, 1, 0);
        assert_eq!(shifts.leaving(7, 1, 1, 0), (0, 0), "ACK");
        assert_eq!(shifts.leaving(7, 4, 4, 0), (3, 3), "INVITE");
        // It is not answered yet when the answer to INFO 5, and then to INFO 4, comes.
        assert_eq!(shifts.leaving(7, 6, 6, 0), (3, 3), "INVITE");
        shifts.add(7, 5, 1, 0);
        shifts.add(7, 4, 1, 0);
        assert_eq!(shifts.leaving(7, 6, 6, 0), (3, 3), "ACK");
        assert_eq!(shifts.leaving(7, 7, 7, 0), (5, 5), "BYE");
    }

    #[test]
    fn two_that_are_challenged_at_once_get_two_numbers() {
        let mut shifts = Shifts::default();
        for cseq in [5, 6] {
            shifts.left(7, cseq, cseq, 0);
        }
        assert_eq!(shifts.again(7, 5, 5, 1, 0), 2, "5 again, as 7");
        assert_eq!(shifts.again(7, 6, 6, 1, 0), 2, "6 again, as 8");
        assert_eq!(shifts.leaving(7, 5, 5, 0), (2, 2), "ACK of 5");
        assert_eq!(shifts.leaving(7, 6, 6, 0), (2, 2), "ACK of 6");
        assert_eq!(shifts.leaving(7, 7, 7, 0), (2, 2), "the next, as 9");
        shifts.left(7, 7, 9, 0);
        assert_eq!(shifts.again(7, 7, 9, 1, 0), 1, "7 again, as 10");
        assert_eq!(shifts.leaving(7, 8, 8, 0), (3, 3), "the next, as 11");
    }

    #[test]
    fn the_last_numbers_are_bounded_and_forgotten() {
        let mut shifts = Shifts::default();
        for direction in 0..2 * NUMBERS_LEFT_MAX as u64 {
            shifts.left(direction, 1, 1, 0);
            let numbers = &shifts.numbers;
            assert!(numbers.young.len() + numbers.old.len() <= NUMBERS_LEFT_MAX);
        }
        shifts.left(1, 9, 9, 1);
        shifts.left(2, 1, 1, 1 + NUMBERS_LEFT_KEPT_MS);
        assert_eq!(shifts.numbers.get(1).map(|left| left.sent), Some(9));
        shifts.left(2, 1, 1, 1 + 2 * NUMBERS_LEFT_KEPT_MS);
        assert!(shifts.numbers.get(1).is_none());
    }

    #[test]
    fn the_oldest_of_too_many_raises_become_one() {
        let mut shifts = Shifts::default();
        let count = SHIFT_STEPS_MAX as u32 + 2;
        for cseq in 1..=count {
            shifts.add(7, 10 * cseq, 1, 0);
        }
        for cseq in 3..=count {
            assert_eq!(
                shifts.leaving(7, 10 * cseq, 10 * cseq - 1, 0),
                (cseq, cseq - 1)
            );
        }
        assert_eq!(shifts.leaving(7, 10, 1, 0), (2, 2));
    }

    #[test]
    fn there_are_never_more_than_the_bound() {
        let mut shifts = Shifts::default();
        for direction in 0..3 * SHIFTS_MAX as u64 {
            shifts.add(direction, 1, 1, 0);
            assert!(shifts.young.len() + shifts.old.len() <= SHIFTS_MAX);
        }
        assert_eq!(shift(&mut shifts, 3 * SHIFTS_MAX as u64 - 1, 0), 1);
    }
}
