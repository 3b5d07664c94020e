//! RAck: RFC 3262 §7.2. The RSeq of a response and the CSeq of its request: `776656 1 INVITE`.

#[cfg(test)]
use crate::Method;
use crate::grammar::{Cursor, is_blank, write_number};
use crate::{CSeq, Expected, Fault};

/// Which provisional response is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RAck<'a> {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq of the request it answered.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        // RFC 3262 §7.1: 1 to 2^32 - 1.
        let rseq = cursor.number(1 << 32)?;
        if !matches!(cursor.peek(), Some(byte) if is_blank(byte)) {
            return Err(cursor.expected(Expected::Space));
        }
        let at = cursor.at;
        let cseq = CSeq::parse(&bytes[at..]).map_err(|fault| fault.shifted(at))?;
        Ok(Self {
            rseq: u32::try_from(rseq).unwrap_or(u32::MAX),
            cseq,
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_number(self.rseq.into(), out);
        out.push(b' ');
        self.cseq.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> RAck<'_> {
        let value = RAck::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            RAck::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            RAck::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        let rack = reads("776656\t1 INVITE");
        assert_eq!(
            (rack.rseq, rack.cseq),
            (
                776_656,
                CSeq {
                    number: 1,
                    method: Method::Invite
                }
            )
        );
        fails("776656", Expected::Space, 6);
        fails("776656 INVITE", Expected::Number, 7);
        fails("4294967296 1 INVITE", Expected::Below(1 << 32), 0);
    }
}
