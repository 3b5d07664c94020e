//! Frames: owned byte buffers of bounded size, drawn from a pool of the thread and given back on drop.
//!
//! A frame may be handed to another thread; it is then given back there. Pools are bounded, so
//! frames that migrate one way cost an allocation each and never pile up.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use crate::limits::{FRAME_CLASSES, FRAMES_POOLED, MESSAGE_BYTES_MAX};

/// A byte buffer of at most 65,535 bytes.
pub struct Frame {
    /// Whole capacity, always initialised. Empty only while dropping.
    room: Box<[u8]>,
    len: usize,
}

thread_local! {
    static POOLS: RefCell<[Vec<Box<[u8]>>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

impl Frame {
    /// An empty frame with room for at least `capacity` bytes (at most 65,535).
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let class = class_for(capacity);
        let pooled = POOLS
            .try_with(|pools| pools.borrow_mut()[class].pop())
            .ok()
            .flatten();
        let room = pooled.unwrap_or_else(|| vec![0; FRAME_CLASSES[class]].into_boxed_slice());
        Self { room, len: 0 }
    }

    /// A frame holding `bytes`, cut at 65,535.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut frame = Self::with_capacity(bytes.len());
        frame.extend(bytes);
        frame
    }

    /// The whole room, to be received into; then call [`set_len`](Self::set_len).
    pub fn spare_mut(&mut self) -> &mut [u8] {
        let capacity = self.capacity();
        &mut self.room[..capacity]
    }

    /// How many bytes it can hold without changing its class.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.room.len().min(MESSAGE_BYTES_MAX)
    }

    /// Says how many bytes of the room are filled; cut at the capacity.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity());
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Drops the first `count` bytes.
    pub fn cut_front(&mut self, count: usize) {
        let count = count.min(self.len);
        self.room.copy_within(count..self.len, 0);
        self.len -= count;
    }

    /// Adds `bytes` at the end, moving to a larger class if needed. What does not fit into 65,535
    /// bytes is left out; the answer says how many bytes were taken.
    pub fn extend(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(MESSAGE_BYTES_MAX - self.len);
        let end = self.len + taken;
        if end > self.capacity() {
            let mut larger = Self::with_capacity(end);
            larger.room[..self.len].copy_from_slice(self);
            larger.len = self.len;
            *self = larger;
        }
        self.room[self.len..end].copy_from_slice(&bytes[..taken]);
        self.len = end;
        taken
    }
}

fn class_for(capacity: usize) -> usize {
    FRAME_CLASSES
        .iter()
        .position(|&class| capacity <= class)
        .unwrap_or(FRAME_CLASSES.len() - 1)
}

impl Drop for Frame {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.room);
        let Some(class) = FRAME_CLASSES.iter().position(|&class| room.len() == class) else {
            return;
        };
        // The pool is gone while its thread ends; then the room is simply freed.
        let _ = POOLS.try_with(|pools| {
            let pool = &mut pools.borrow_mut()[class];
            if pool.len() < FRAMES_POOLED[class] {
                pool.push(room);
            }
        });
    }
}

impl Deref for Frame {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        Self::copy_of(self)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes: {})", self.len, self.escape_ascii())
    }
}
