//! Flat copies: the bytes of a message as it was sent, kept to be sent again.
//!
//! Buffers come in a few sizes and are used again, so that keeping a copy allocates nothing once
//! the pool has filled, and a copy takes little more room than it has bytes.

/// Sizes of the buffers. A larger message gets one of its own, which is not pooled.
const CLASSES: [usize; 5] = [384, 768, 1_536, 3_072, 8_192];
/// Idle buffers of each size.
const POOLED: [usize; 5] = [8_192, 8_192, 4_096, 512, 128];

/// A copy. Empty: none is kept.
#[derive(Debug, Default)]
pub(super) struct Flat(Vec<u8>);

impl Flat {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The buffers nobody uses.
#[derive(Debug, Default)]
pub(super) struct Flats {
    idle: [Vec<Vec<u8>>; CLASSES.len()],
}

impl Flats {
    /// Makes `flat` a copy of `bytes`.
    pub(super) fn keep(&mut self, flat: &mut Flat, bytes: &[u8]) {
        if flat.0.capacity() < bytes.len() || flat.0.capacity() > 4 * bytes.len().max(CLASSES[0]) {
            self.forget(flat);
            flat.0 = self.take(bytes.len());
        }
        flat.0.clear();
        flat.0.extend_from_slice(bytes);
    }

    /// Empties `flat` and gives its buffer back.
    pub(super) fn forget(&mut self, flat: &mut Flat) {
        let mut buffer = std::mem::take(&mut flat.0);
        // A buffer that grew belongs to no class.
        let Some(class) = CLASSES.iter().position(|&size| size == buffer.capacity()) else {
            return;
        };
        if self.idle[class].len() < POOLED[class] {
            buffer.clear();
            self.idle[class].push(buffer);
        }
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        match CLASSES.iter().position(|&size| size >= len) {
            Some(class) => self.idle[class]
                .pop()
                .unwrap_or_else(|| Vec::with_capacity(CLASSES[class])),
            None => Vec::with_capacity(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_used_again() {
        let (mut flats, mut flat) = (Flats::default(), Flat::default());
        flats.keep(&mut flat, &[1; 700]);
        let place = flat.bytes().as_ptr();
        flats.forget(&mut flat);
        assert!(flat.is_empty());
        flats.keep(&mut flat, &[2; 500]);
        assert_eq!(
            (flat.bytes(), flat.bytes().as_ptr()),
            (&[2u8; 500][..], place)
        );
    }

    #[test]
    fn a_small_copy_does_not_hold_a_large_buffer() {
        let (mut flats, mut flat) = (Flats::default(), Flat::default());
        flats.keep(&mut flat, &[1; 8_000]);
        flats.keep(&mut flat, &[2; 300]);
        assert_eq!(flat.0.capacity(), 384);
        flats.keep(&mut flat, &[3; 20_000]);
        assert_eq!(flat.bytes().len(), 20_000);
    }
}
