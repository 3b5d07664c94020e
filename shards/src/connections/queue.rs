//! What a connection owes its peer, and who sent it.

use std::collections::VecDeque;

use super::connection::Sender;
use crate::limits::WRITE_QUEUE_BYTES_MAX;

#[derive(Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// Bytes at the front that are written.
    written: usize,
    /// Where each message ends, counted like `bytes`.
    ends: VecDeque<(usize, Sender)>,
}

impl Queue {
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.bytes.len() - self.written + len <= WRITE_QUEUE_BYTES_MAX
    }

    pub(super) fn push(&mut self, bytes: &[u8], sender: Sender) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push_back((self.bytes.len(), sender));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    pub(super) fn front(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.written = (self.written + count).min(self.bytes.len());
        while self
            .ends
            .front()
            .is_some_and(|&(end, _)| end <= self.written)
        {
            self.ends.pop_front();
        }
        // Move down what is left once the written part is the larger one, so that a connection
        // that never quite empties stays bounded.
        if self.written > self.bytes.len() / 2 {
            let moved = self.written;
            self.bytes.drain(..moved);
            self.written = 0;
            for (end, _) in &mut self.ends {
                *end -= moved;
            }
        }
    }

    pub(super) fn into_senders(self) -> impl Iterator<Item = Sender> {
        self.ends.into_iter().map(|(_, sender)| sender)
    }
}
