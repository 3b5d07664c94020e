//! Hexadecimal digits.

/// Appends two lower-case digits a byte.
pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Appends the bytes that pairs of digits stand for. False if there is anything else.
pub(super) fn unhex(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(unhex_digit(*high)? << 4 | unhex_digit(*low)?),
        _ => None,
    });
    for byte in pairs {
        let Some(byte) = byte else { return false };
        out.push(byte);
    }
    true
}

pub(super) fn unhex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}
