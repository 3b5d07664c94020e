//! Finding line breaks: the one loop that touches every byte of a head.
//!
//! The idea: compare 64 bytes at once with CR and LF and keep the answer as one `u64`, a bit a
//! byte. A head of 500 bytes is eight such blocks, and every line end is then a `trailing_zeros`
//! away. The tests hold it against a naive twin.

use wide::u8x16;

const BLOCK: usize = 64;

/// The positions of LF, in order, and with `CR` those of CR too.
#[derive(Clone, Debug)]
pub(crate) struct Breaks<'a, const CR: bool = true> {
    bytes: &'a [u8],
    /// Where the block of `mask` begins.
    base: usize,
    /// Those of the block that were not handed out yet.
    mask: u64,
}

impl<'a, const CR: bool> Breaks<'a, CR> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            base: 0,
            mask: mask_at::<CR>(bytes, 0),
        }
    }

    /// The next of them; `bytes.len()` when there is none.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        while self.mask == 0 {
            if self.base >= self.bytes.len() {
                return self.bytes.len();
            }
            self.base += BLOCK;
            self.mask = mask_at::<CR>(self.bytes, self.base);
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        at
    }
}

#[inline]
fn mask_at<const CR: bool>(bytes: &[u8], base: usize) -> u64 {
    match bytes.get(base..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        Some(block) => mask_of::<CR>(block),
        None => mask_of_last::<CR>(bytes.get(base..).unwrap_or_default()),
    }
}

/// The last block is filled up with zeros.
#[inline(never)]
fn mask_of_last<const CR: bool>(rest: &[u8]) -> u64 {
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    mask_of::<CR>(&block)
}

#[inline]
fn mask_of<const CR: bool>(block: &[u8; BLOCK]) -> u64 {
    let (feed, carriage) = (u8x16::splat(b'\n'), u8x16::splat(b'\r'));
    let mut mask = 0;
    for (row, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::new(*sixteen);
        let mut hits = bytes.simd_eq(feed);
        if CR {
            hits |= bytes.simd_eq(carriage);
        }
        mask |= u64::from(hits.to_bitmask()) << (row * 16);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_naive_twin() {
        let mut seed = 0x9e37_79b9_u32;
        for len in [0, 1, 2, 63, 64, 65, 127, 128, 200, 1_000] {
            for _ in 0..50 {
                let bytes: Vec<u8> = (0..len)
                    .map(|_| {
                        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        [b'\r', b'\n', b'a', 0, 0x8d, b'\t', b' ', 0xff][(seed >> 29) as usize]
                    })
                    .collect();
                check::<true>(&bytes, |byte| matches!(byte, b'\r' | b'\n'));
                check::<false>(&bytes, |byte| byte == b'\n');
            }
        }
    }

    fn check<const CR: bool>(bytes: &[u8], is_break: impl Fn(u8) -> bool) {
        let mut breaks = Breaks::<CR>::new(bytes);
        for naive in (0..bytes.len()).filter(|&at| is_break(bytes[at])) {
            assert_eq!(breaks.next(), naive, "{}", bytes.escape_ascii());
        }
        assert_eq!((breaks.next(), breaks.next()), (bytes.len(), bytes.len()));
    }
}
