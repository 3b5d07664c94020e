//! The one clock: what happens next, in order of time, and of scheduling where times are equal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things that will happen, each at its microsecond.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    scheduled: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at_us: u64,
    sequence: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at_us, self.sequence) == (other.at_us, other.sequence)
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.sequence).cmp(&(other.at_us, other.sequence))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue {
            heap: BinaryHeap::new(),
            scheduled: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Lets `what` happen at `at_us`.
    pub fn at(&mut self, at_us: u64, what: T) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry {
            at_us,
            sequence: self.scheduled,
            what,
        }));
    }

    /// The next thing, unless it comes after `until_us`.
    pub fn next(&mut self, until_us: u64) -> Option<(u64, T)> {
        if self
            .heap
            .peek()
            .is_none_or(|Reverse(entry)| entry.at_us > until_us)
        {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(entry)| (entry.at_us, entry.what))
    }

    /// How many things are still to happen.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is to happen any more.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_the_order_of_scheduling() {
        let mut queue = Queue::default();
        for (at, what) in [(5, 'b'), (1, 'a'), (5, 'c')] {
            queue.at(at, what);
        }
        assert_eq!(queue.next(4), Some((1, 'a')));
        assert_eq!(queue.next(4), None);
        assert_eq!(queue.next(5), Some((5, 'b')));
        assert_eq!(queue.next(5), Some((5, 'c')));
        assert!(queue.is_empty());
    }
}
