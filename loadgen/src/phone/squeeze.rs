//! Texts that resemble each other, made short.
//!
//! The calls of a run differ in their tokens and a few digits. So a text is written as pieces of texts seen
//! before (the dictionary, which only grows, and not far), pieces of itself, hex digits two in a byte, and
//! the rest as it is. What is written can always be read back: the dictionary never forgets.

/// The texts that others are written with.
#[derive(Debug)]
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    /// Where four bytes with this hash stand; the last ones that had it.
    places: Vec<u16>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            places: vec![NOWHERE; 1 << PLACES_BITS],
        }
    }
}

impl Dictionary {
    /// Appends the short form. A text that would stay long is learnt first, while there is room.
    pub(crate) fn squeeze(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        self.write(text, out);
        if (out.len() - start) * 2 > text.len() && self.learn(text) {
            out.truncate(start);
            self.write(text, out);
        }
    }

    /// Appends the text that was squeezed; `None` when nothing that was squeezed reads so.
    pub(crate) fn expand(&self, mut squeezed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        while let Some((&first, rest)) = squeezed.split_first() {
            squeezed = match first {
                ..HEX => {
                    let (piece, rest) = rest.split_at_checked(usize::from(first) + 1)?;
                    out.extend_from_slice(piece);
                    rest
                }
                HEX..COPY => {
                    let (pairs, rest) =
                        rest.split_at_checked(usize::from(first - HEX) + HEX_PAIRS_MIN)?;
                    out.extend(
                        pairs
                            .iter()
                            .flat_map(|pair| [pair >> 4, pair & 15])
                            .map(digit),
                    );
                    rest
                }
                COPY.. => {
                    let (place, rest) = rest.split_at_checked(2)?;
                    let place = usize::from(u16::from_le_bytes([place[0], place[1]]));
                    let len = usize::from(first - COPY) + COPY_MIN;
                    if place < DICTIONARY_BYTES {
                        out.extend_from_slice(self.bytes.get(place..place + len)?);
                    } else {
                        let from = start + place - DICTIONARY_BYTES;
                        if from + len > out.len() {
                            return None;
                        }
                        out.extend_from_within(from..from + len);
                    }
                    rest
                }
            };
        }
        Some(())
    }

    fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut own = [NOWHERE; 1 << OWN_BITS];
        let (mut at, mut plain_from) = (0, 0);
        while at < text.len() {
            let hash = hash(&text[at..]);
            let known = hash.map_or(0, |hash| {
                let place = usize::from(self.places[hash as usize >> (32 - PLACES_BITS)]);
                common(self.bytes.get(place..).unwrap_or_default(), &text[at..])
            });
            let before = hash.map_or(NOWHERE, |hash| own[hash as usize >> (32 - OWN_BITS)]);
            let repeated = match text.get(usize::from(before)..at) {
                Some(earlier) => common(earlier, &text[at..]),
                None => 0,
            };
            let len = known.max(repeated).min(COPY_MAX);
            if len < COPY_MIN {
                if let Some(hash) = hash {
                    own[hash as usize >> (32 - OWN_BITS)] = at as u16;
                }
                at += 1;
                continue;
            }
            plain(&text[plain_from..at], out);
            let place = if known >= repeated {
                let hash = hash.unwrap_or_default();
                self.places[hash as usize >> (32 - PLACES_BITS)]
            } else {
                before + DICTIONARY_BYTES as u16
            };
            out.push(COPY + (len - COPY_MIN) as u8);
            out.extend_from_slice(&place.to_le_bytes());
            at += len;
            plain_from = at;
        }
        plain(&text[plain_from..], out);
    }

    fn learn(&mut self, text: &[u8]) -> bool {
        let start = self.bytes.len();
        if start + text.len() > DICTIONARY_BYTES {
            return false;
        }
        self.bytes.extend_from_slice(text);
        for at in start..self.bytes.len() {
            if let Some(hash) = hash(&self.bytes[at..]) {
                self.places[hash as usize >> (32 - PLACES_BITS)] = at as u16;
            }
        }
        true
    }
}

/// What stands nowhere else: runs of hex digits by twos, anything else as it is.
fn plain(mut text: &[u8], out: &mut Vec<u8>) {
    while !text.is_empty() {
        let hex = text.iter().take_while(|&&byte| is_digit(byte)).count() / 2;
        if hex >= HEX_PAIRS_MIN {
            let hex = hex.min(HEX_PAIRS_MAX);
            out.push(HEX + (hex - HEX_PAIRS_MIN) as u8);
            let (digits, rest) = text.split_at(2 * hex);
            out.extend(
                digits
                    .chunks_exact(2)
                    .map(|pair| value(pair[0]) << 4 | value(pair[1])),
            );
            text = rest;
            continue;
        }
        // Up to where hex digits are worth it.
        let least = 2 * HEX_PAIRS_MIN;
        let end = (1..text.len())
            .find(|&at| {
                text[at..].len() >= least && text[at..at + least].iter().all(|&byte| is_digit(byte))
            })
            .unwrap_or(text.len())
            .min(PLAIN_MAX);
        out.push((end - 1) as u8);
        out.extend_from_slice(&text[..end]);
        text = &text[end..];
    }
}

fn hash(text: &[u8]) -> Option<u32> {
    let four = text.first_chunk()?;
    Some(u32::from_le_bytes(*four).wrapping_mul(0x9e37_79b1))
}

fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.wrapping_sub(b'a' - 10),
    }
}

fn digit(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' - 10 + value,
    }
}

/// A piece begins with a byte that says what it is: plain and how long, hex digits, or a copy.
const HEX: u8 = 0x80;
const COPY: u8 = 0xa0;
const PLAIN_MAX: usize = HEX as usize;
const HEX_PAIRS_MIN: usize = 3;
const HEX_PAIRS_MAX: usize = HEX_PAIRS_MIN + (COPY - HEX) as usize - 1;
/// A copy takes three bytes.
const COPY_MIN: usize = 5;
const COPY_MAX: usize = COPY_MIN + (u8::MAX - COPY) as usize;

/// Texts of a few dozen kinds of calls. Places behind it are places in the text itself.
const DICTIONARY_BYTES: usize = 16 << 10;
const PLACES_BITS: u32 = 12;
const OWN_BITS: u32 = 8;
const NOWHERE: u16 = u16::MAX;

/// The longest text that is squeezed.
pub(crate) const TEXT_MAX: usize = 4 << 10;
const _: () = assert!(DICTIONARY_BYTES + TEXT_MAX < NOWHERE as usize);
