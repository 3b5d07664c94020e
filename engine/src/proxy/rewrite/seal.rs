//! Seals: what we write into a Record-Route so that only we can have written it, bound to one call and one side of it.
//!
//! A number is legible and carries a check. A text is hidden as well: who is called must not read in the Route who
//! the caller was. The check of the text is the start of the key stream (a synthetic initialisation vector), so
//! that two texts never share one.

use std::hash::Hasher;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use siphasher::sip::SipHasher24;

/// What a seal is bound to: Call-ID, and the tag of who began the dialog.
pub(super) type Bound<'a> = [&'a [u8]; 2];

/// Bytes of the check before a hidden text.
const CHECK_LEN: usize = 8;

#[derive(Clone)]
pub(super) struct Sealer {
    check: SipHasher24,
    stream: SipHasher24,
}

impl Sealer {
    /// With keys made of this secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let derive = |label: u8| {
            let half = |number: u8| {
                let mut hasher = SipHasher24::new();
                hasher.write(&[label, number]);
                hasher.write(secret);
                hasher.finish()
            };
            SipHasher24::new_with_keys(half(1), half(2))
        };
        Sealer {
            check: derive(b'c'),
            stream: derive(b's'),
        }
    }

    /// `NUMBER.CHECK`, both hexadecimal.
    pub(super) fn write_number(&self, bound: Bound<'_>, number: u32, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let check = self.check_of(bound, b"", &number.to_le_bytes());
        // Writing into memory does not fail.
        let _ = write!(out, "{number:x}.{check:016x}");
    }

    /// The number, if it is ours.
    pub(super) fn read_number(&self, bound: Bound<'_>, text: &[u8]) -> Option<u32> {
        let (number, check) = std::str::from_utf8(text).ok()?.split_once('.')?;
        let number = u32::from_str_radix(number, 16).ok()?;
        let check = u64::from_str_radix(check, 16).ok()?;
        (check == self.check_of(bound, b"", &number.to_le_bytes())).then_some(number)
    }

    /// The text hidden, in letters that a URI parameter may have.
    pub(super) fn write_text(&self, bound: Bound<'_>, name: &[u8], text: &[u8], out: &mut Vec<u8>) {
        let check = self.check_of(bound, name, text);
        let mut bytes = Vec::with_capacity(CHECK_LEN + text.len());
        bytes.extend_from_slice(&check.to_le_bytes());
        bytes.extend_from_slice(text);
        self.mask(check, &mut bytes[CHECK_LEN..]);
        out.extend_from_slice(URL_SAFE_NO_PAD.encode(&bytes).as_bytes());
    }

    /// The text, if it is ours.
    pub(super) fn read_text(&self, bound: Bound<'_>, name: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (check, text) = bytes.split_at_mut_checked(CHECK_LEN)?;
        let check = u64::from_le_bytes(check.try_into().ok()?);
        self.mask(check, text);
        if check != self.check_of(bound, name, text) {
            return None;
        }
        bytes.drain(..CHECK_LEN);
        Some(bytes)
    }

    fn check_of(&self, bound: Bound<'_>, name: &[u8], text: &[u8]) -> u64 {
        let mut hasher = self.check;
        for part in [bound[0], bound[1], name, text] {
            hasher.write_u32(part.len() as u32);
            hasher.write(part);
        }
        hasher.finish()
    }

    fn mask(&self, check: u64, text: &mut [u8]) {
        for (block, bytes) in (0u32..).zip(text.chunks_mut(8)) {
            let mut hasher = self.stream;
            hasher.write_u64(check);
            hasher.write_u32(block);
            for (byte, mask) in bytes.iter_mut().zip(hasher.finish().to_le_bytes()) {
                *byte ^= mask;
            }
        }
    }
}

impl std::fmt::Debug for Sealer {
    /// Says nothing of the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound<'_> = [b"call-1", b"a1"];

    #[test]
    fn what_is_sealed_opens_for_the_same_call_and_side_only() {
        let sealer = Sealer::of(b"secret");
        let mut number = Vec::new();
        sealer.write_number(BOUND, 3, &mut number);
        let mut text = Vec::new();
        sealer.write_text(BOUND, b"vsf", b"<sip:alice@example.com>", &mut text);
        assert_eq!(sealer.read_number(BOUND, &number), Some(3));
        assert_eq!(
            sealer.read_text(BOUND, b"vsf", &text).as_deref(),
            Some(&b"<sip:alice@example.com>"[..])
        );
        for other in [[&b"call-2"[..], b"a1"], [b"call-1", b"b1"]] {
            assert_eq!(sealer.read_number(other, &number), None);
            assert_eq!(sealer.read_text(other, b"vsf", &text), None);
        }
        assert_eq!(sealer.read_text(BOUND, b"vst", &text), None);
        let stranger = Sealer::of(b"another");
        assert_eq!(stranger.read_number(BOUND, &number), None);
        assert_eq!(stranger.read_text(BOUND, b"vsf", &text), None);
    }

    #[test]
    fn a_changed_letter_opens_nothing_and_harms_nobody() {
        let sealer = Sealer::of(b"secret");
        let mut text = Vec::new();
        sealer.write_text(BOUND, b"vsf", b"<sip:alice@example.com>", &mut text);
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            // The last letter has bits that stand for nothing; they must be zero.
            assert_eq!(sealer.read_text(BOUND, b"vsf", &changed), None, "{at}");
            assert_eq!(sealer.read_text(BOUND, b"vsf", &text[..at]), None, "{at}");
        }
        let garbage: [&[u8]; 6] = [b"", b".", b"1.", b"1.x", b"+1.0", b"\xff.\xff"];
        for garbage in garbage {
            assert_eq!(sealer.read_number(BOUND, garbage), None);
        }
    }

    #[test]
    fn a_hidden_text_does_not_show() {
        let sealer = Sealer::of(b"secret");
        let mut text = Vec::new();
        sealer.write_text(BOUND, b"vsf", b"<sip:alice@example.com>", &mut text);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        assert!(!bytes.windows(5).any(|part| part == b"alice"));
    }
}
