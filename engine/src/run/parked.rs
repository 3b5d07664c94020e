//! Runs that wait, by ticket: a bounded slab with generations.
//!
//! A slot is reserved when a function asks for a ticket, filled when the run parks, and freed when
//! the answer comes or the function did not wait after all. A ticket of an earlier generation is late.

use std::sync::Arc;

use super::frame::Run;
use super::linked::Linked;
use crate::input::{Command, Ticket};

/// The table's number in the top four bits of a ticket.
const TABLE: u64 = 3;

/// A run that waits, and the program it goes on with.
#[derive(Debug)]
pub(crate) struct ParkedRun {
    pub(crate) run: Run,
    pub(crate) linked: Arc<Linked>,
    /// The management command that waits, where it is not a route: it is called again.
    pub(crate) command: Option<Box<(Ticket, Command)>>,
}

/// All runs that wait.
#[derive(Debug, Default)]
pub struct Parked {
    slots: Vec<Slot>,
    free: Vec<u32>,
    waiting: usize,
    /// What generations count from.
    first: u32,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    run: Option<ParkedRun>,
}

impl Parked {
    /// How many runs wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// The engine begins: what an engine before it on this shard asked for may still be answered, and its tickets must
    /// not be ours. Generations count from somewhere else each time.
    pub(crate) fn begin(&mut self, mono_us: u64) {
        self.first = (mono_us.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
    }

    /// A place for a run that is about to wait; `None` if `limit` places are taken.
    pub(crate) fn reserve(&mut self, limit: u32) -> Option<Ticket> {
        let limit = (limit as usize).min(1 << PLACE_BITS);
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.slots.len() < limit => {
                self.slots.push(Slot {
                    generation: self.first,
                    run: None,
                });
                self.slots.len() as u32 - 1
            }
            None => return None,
        };
        let generation = self.slots[place as usize].generation;
        Some(Parked::ticket(generation, place))
    }

    pub(crate) fn fill(&mut self, ticket: Ticket, run: ParkedRun) {
        if let Some(slot) = self.slot(ticket) {
            slot.run = Some(run);
            self.waiting += 1;
        }
    }

    /// Takes the run of a ticket out and frees its place; `None` if the ticket is late.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<ParkedRun> {
        let run = self.slot(ticket)?.run.take()?;
        self.waiting -= 1;
        self.free(ticket);
        Some(run)
    }

    pub(crate) fn free(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slot(ticket) {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(Parked::place(ticket));
        }
    }

    /// The ticket of the run at a place, whose timer has fired.
    pub(crate) fn fired(&mut self, place: u32) -> Option<Ticket> {
        let slot = self.slots.get_mut(place as usize)?;
        slot.run.as_mut()?.run.state.wait.timer = None;
        Some(Parked::ticket(slot.generation, place))
    }

    #[cfg(test)]
    pub(crate) fn at(&self, place: u32) -> Option<Ticket> {
        let slot = self.slots.get(place as usize)?;
        slot.run
            .is_some()
            .then(|| Parked::ticket(slot.generation, place))
    }

    /// The run's place in the table.
    pub(crate) fn place(ticket: Ticket) -> u32 {
        (ticket.0 & PLACE_MASK) as u32
    }

    fn ticket(generation: u32, place: u32) -> Ticket {
        Ticket(TABLE << 60 | u64::from(generation) << PLACE_BITS | u64::from(place))
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        if !is_run_ticket(ticket) {
            return None;
        }
        let generation = (ticket.0 >> PLACE_BITS) as u32;
        self.slots
            .get_mut(Parked::place(ticket) as usize)
            .filter(|slot| slot.generation == generation)
    }
}

/// Whether a ticket names a parked run.
pub fn is_run_ticket(ticket: Ticket) -> bool {
    ticket.0 >> 60 == TABLE
}

/// A place is also a timer's slot.
const PLACE_BITS: u32 = 27;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

const _: () = assert!(
    PLACE_BITS + 32 < 60,
    "generation and place stay below the table's number"
);
