//! The alphabet of RFC 3261 §25.1 and a cursor over a value.
//!
//! A value may still hold folding; the index has made sure that its CR and LF stand in CRLF before
//! a blank only, so here the four of them are blanks alike.

use wide::u8x16;

use crate::{Expected, Fault};

/// Characters of a token.
pub(crate) const TOKEN: u8 = 1;
/// Characters of a userpart or password; escapes not counted.
pub(crate) const USER: u8 = 2;
/// Characters of a URI parameter; escapes not counted.
pub(crate) const URI_PARAM: u8 = 4;
/// Characters of one label of a host name: no dot.
pub(crate) const LABEL: u8 = 8;
/// Characters of URI headers, with what stands between them; escapes not counted.
pub(crate) const URI_HEADER: u8 = 16;
/// Characters of a header parameter's unquoted value.
pub(crate) const VALUE: u8 = 32;
/// Characters of a word (Call-ID).
pub(crate) const WORD: u8 = 64;
/// Characters of any absolute URI.
pub(crate) const URI: u8 = 128;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    mark(&mut table, b"-.!%*_+`'~", TOKEN);
    // `#` is not in the grammar, but dial strings like `*21#` arrive unescaped everywhere.
    mark(&mut table, b"-_.!~*'()&=+$,;?/#", USER);
    mark(&mut table, b"-_.!~*'()[]/:&+$", URI_PARAM);
    // `_` is not a host character for RFC 1123, but is for the DNS names people use.
    mark(&mut table, b"-_", LABEL);
    mark(&mut table, b"-_.!~*'()[]/?:+$=&", URI_HEADER);
    mark(&mut table, b"-.!%*_+`'~()<>:\\\"/[]?{}", WORD);
    mark(&mut table, b";/?:@&=+$,-_.!~*'()%#[]|", URI);
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] |= TOKEN | USER | URI_PARAM | LABEL | URI_HEADER | WORD | URI;
        }
        // What ends a value: blanks, separators, brackets and quotes. All else passes untouched.
        let ends =
            byte <= 0x20 || byte == 0x7f || matches!(byte as u8, b'"' | b',' | b';' | b'<' | b'>');
        if !ends {
            table[byte] |= VALUE;
        }
        byte += 1;
    }
    table
}

const fn mark(table: &mut [u8; 256], bytes: &[u8], class: u8) {
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] |= class;
        at += 1;
    }
}

/// Whether `byte` is of one of these classes.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Whether all bytes are of this class, and there is one.
pub(crate) fn all(bytes: &[u8], class: u8) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is(byte, class))
}

/// How many bytes at the front are of the class [`VALUE`]: what ends one is looked for in sixteen bytes at once.
#[inline]
pub(crate) fn run_of_value(bytes: &[u8]) -> usize {
    let mut len = 0;
    for sixteen in bytes.as_chunks::<16>().0 {
        let all = u8x16::new(*sixteen);
        // Blanks and control characters: those that are not more than a blank.
        let mut ends = all.min(u8x16::splat(b' ')).simd_eq(all);
        for byte in [b'"', b',', b';', b'<', b'>', 0x7f] {
            ends |= all.simd_eq(u8x16::splat(byte));
        }
        let mask = ends.to_bitmask();
        if mask != 0 {
            return len + mask.trailing_zeros() as usize;
        }
        len += 16;
    }
    len + run(&bytes[len..], VALUE)
}

/// How many bytes at the front are of this class.
#[inline]
pub(crate) fn run(bytes: &[u8], class: u8) -> usize {
    // By fours, so that most bytes cost no comparison with the end.
    let (fours, last) = bytes.as_chunks::<4>();
    let mut len = 0;
    for four in fours {
        for (place, &byte) in four.iter().enumerate() {
            if !is(byte, class) {
                return len + place;
            }
        }
        len += 4;
    }
    for &byte in last {
        if !is(byte, class) {
            break;
        }
        len += 1;
    }
    len
}

/// A blank of a value, folding included.
#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without the blanks at both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Appends a number in decimal.
pub(crate) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a quoted string without its quotes and escapes; anything else as it is.
pub(crate) fn write_unquoted(text: &[u8], out: &mut Vec<u8>) {
    let [b'"', inner @ .., b'"'] = text else {
        out.extend_from_slice(text);
        return;
    };
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        out.push(if byte == b'\\' {
            bytes.next().copied().unwrap_or(byte)
        } else {
            byte
        });
    }
}

/// A quoted string's inside as written; anything else as it is.
pub(crate) fn without_quotes(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

/// A place in a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(crate) fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek()
            && is_blank(byte)
        {
            self.at += 1;
        }
    }

    /// Passes `byte` if it stands here.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.expected(Expected::Byte(byte)))
        }
    }

    /// Passes bytes of this class; may be none.
    #[inline]
    pub(crate) fn take(&mut self, class: u8) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = if class == VALUE {
            run_of_value(rest)
        } else {
            run(rest, class)
        };
        let taken = &rest[..len];
        self.at += taken.len();
        taken
    }

    /// Passes at least one byte of this class.
    #[inline]
    pub(crate) fn some(&mut self, class: u8, expected: Expected) -> Result<&'a [u8], Fault> {
        let taken = self.take(class);
        if taken.is_empty() {
            Err(self.expected(expected))
        } else {
            Ok(taken)
        }
    }

    /// Passes a quoted string; the opening quote stands here. The answer holds both quotes.
    pub(crate) fn quoted(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => {
                    self.at = self.bytes.len();
                    return Err(self.expected(Expected::ClosingQuote));
                }
            }
        }
        self.at += 1;
        Ok(self.since(start))
    }

    /// Passes a decimal number below `bound`.
    pub(crate) fn number(&mut self, bound: u64) -> Result<u64, Fault> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected(Expected::Number));
        }
        if number >= bound {
            return Err(Fault::expected(Expected::Below(bound), start));
        }
        Ok(number)
    }

    /// Blanks, then nothing.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.skip_blanks();
        if self.at >= self.bytes.len() {
            Ok(())
        } else {
            Err(self.expected(Expected::End))
        }
    }

    /// The bytes passed since `start`.
    #[inline]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    #[cold]
    pub(crate) fn expected(&self, expected: Expected) -> Fault {
        Fault::expected(expected, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_class_does() {
        for byte in 0..=u8::MAX {
            for at in [0, 1, 7, 15, 16, 17, 31, 40] {
                let mut bytes = [b'x'; 48];
                bytes[at] = byte;
                assert_eq!(run_of_value(&bytes), run(&bytes, VALUE), "{byte} at {at}");
            }
        }
    }
}
