//! When the shell itself has to look again: sleepers, deadlines of questions and of connecting.
//!
//! SIP's own timers are the engine's wheel; this heap is short. Alarms are never taken back: who
//! set one checks whether it still means anything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use engine::Ticket;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// Wake who waits under this ticket.
    Wake(u64),
    /// A DNS question: slot and generation.
    Question(u32, u32),
    /// A connection that should be open by now: slot and generation.
    Connection(u32, u32),
    /// Accept again.
    Accept,
    /// Look for connections that are over.
    Sweep,
}

impl Alarm {
    pub(crate) fn wake(ticket: Ticket) -> Alarm {
        Alarm::Wake(ticket.0)
    }
}

/// All alarms of a shard.
#[derive(Default)]
pub(crate) struct Alarms {
    heap: BinaryHeap<Reverse<(u64, Alarm)>>,
}

impl Alarms {
    pub(crate) fn set(&mut self, at_us: u64, alarm: Alarm) {
        self.heap.push(Reverse((at_us, alarm)));
    }

    /// The next one that is due.
    pub(crate) fn due(&mut self, now_us: u64) -> Option<Alarm> {
        let Reverse((at_us, alarm)) = *self.heap.peek()?;
        if at_us > now_us {
            return None;
        }
        self.heap.pop();
        Some(alarm)
    }

    /// When the next one is due.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_us, _))| *at_us)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}
