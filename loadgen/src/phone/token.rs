//! What a phone mints: Call-IDs, tags and branches that name the record they belong to.
//!
//! A token is a record's key through a keyed permutation, in hex. So whatever comes back finds its
//! record without a lookup, looks random to others, and never repeats within a phone.

use super::slab::Key;

/// What a token names. Equal keys of different kinds give different tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CallId = 1,
    Tag = 2,
    Branch = 3,
    Registration = 4,
    /// The branch of an ACK to a 2xx: a transaction of its own that nobody answers.
    AckBranch = 5,
    Probe = 6,
}

pub(crate) const TOKEN_BYTES: usize = 16;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Mint {
    key: u64,
}

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            key: mix(seed ^ 0x7461_6e64_656d),
        }
    }

    pub(crate) fn token(&self, kind: Kind, key: Key) -> [u8; TOKEN_BYTES] {
        let bits = key.to_u64();
        let (mut left, mut right) = ((bits >> 32) as u32, bits as u32);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(kind, round, right));
        }
        hex((u64::from(left) << 32) | u64::from(right))
    }

    /// Reads a token back; what is not one of ours names a record that is not there.
    pub(crate) fn read(&self, kind: Kind, token: &[u8]) -> Option<Key> {
        let bits = unhex(token)?;
        let (mut left, mut right) = ((bits >> 32) as u32, bits as u32);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(kind, round, left), left);
        }
        Some(Key::from_u64((u64::from(left) << 32) | u64::from(right)))
    }

    fn round(&self, kind: Kind, round: u64, half: u32) -> u32 {
        let salt = (kind as u64) << 40 | round << 36;
        (mix(self.key ^ salt ^ u64::from(half)) >> 32) as u32
    }
}

const ROUNDS: u64 = 4;

/// The finaliser of splitmix64.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn hex(bits: u64) -> [u8; TOKEN_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[(bits >> (60 - 4 * at)) as usize & 15])
}

fn unhex(token: &[u8]) -> Option<u64> {
    if token.len() != TOKEN_BYTES {
        return None;
    }
    token.iter().try_fold(0u64, |bits, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((bits << 4) | u64::from(value))
    })
}
