//! Headers that are one number: Max-Forwards, Content-Length, Expires, Min-Expires, Min-SE, RSeq, Flow-Timer.

use crate::Fault;
use crate::grammar;

/// A number below `bound` that fills `bytes`.
pub fn parse(bytes: &[u8], bound: u64) -> Result<u64, Fault> {
    let mut cursor = grammar::Cursor::new(bytes);
    cursor.skip_blanks();
    let number = cursor.number(bound)?;
    cursor.end()?;
    Ok(number)
}

/// Appends it in decimal.
pub fn write(number: u64, out: &mut Vec<u8>) {
    grammar::write_number(number, out);
}

/// Seconds of an Expires. What is malformed counts as 3600: RFC 3261 §20.10, §20.19.
#[must_use]
pub fn expires(bytes: &[u8]) -> u32 {
    parse(bytes, 1 << 32)
        .ok()
        .and_then(|seconds| u32::try_from(seconds).ok())
        .unwrap_or(3_600)
}

/// Max-Forwards: 0 to 255, §20.22.
pub fn max_forwards(bytes: &[u8]) -> Result<u8, Fault> {
    parse(bytes, 256).map(|hops| u8::try_from(hops).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;

    #[test]
    fn table() {
        assert_eq!(max_forwards(b"70"), Ok(70));
        assert_eq!(max_forwards(b"0068"), Ok(68)); // RFC 4475 §3.1.1.1
        assert_eq!(
            max_forwards(b"256"),
            Err(Fault::expected(Expected::Below(256), 0))
        );
        assert_eq!(
            max_forwards(b"-1"),
            Err(Fault::expected(Expected::Number, 0))
        );
        assert_eq!(max_forwards(b"7 0"), Err(Fault::expected(Expected::End, 2)));
        assert_eq!(expires(b"7200"), 7200);
        assert_eq!(expires(b"0"), 0);
        assert_eq!(expires(b"99999999999999999999999"), 3600);
        assert_eq!(expires(b"Thu, 01 Dec 1994 16:00:00 GMT"), 3600); // RFC 2543 dates are gone
    }

    #[test]
    fn writes_what_it_reads() {
        for number in [0, 9, 10, 70, 4_294_967_295, u64::MAX - 1] {
            let mut text = Vec::new();
            write(number, &mut text);
            assert_eq!(parse(&text, u64::MAX), Ok(number));
        }
    }
}
