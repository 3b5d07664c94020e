//! CSeq: RFC 3261 §20.16. A number and a method: `314159 INVITE`.

use crate::grammar::{Cursor, TOKEN, write_number};
use crate::{Expected, Fault, Method};

/// A CSeq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// The number.
    pub number: u32,
    /// The method.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let number = cursor.number(1 << 32)?;
        let behind = cursor.at;
        cursor.skip_blanks();
        if cursor.at == behind {
            return Err(cursor.expected(Expected::Space));
        }
        let method = Method::of(cursor.some(TOKEN, Expected::Token)?);
        cursor.end()?;
        Ok(Self {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            method,
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_number(self.number.into(), out);
        out.push(b' ');
        out.extend_from_slice(self.method.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, number: u32, method: Method<'_>) {
        let cseq = CSeq::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(cseq, CSeq { number, method }, "{text}");
        let mut written = Vec::new();
        cseq.write(&mut written);
        assert_eq!(CSeq::parse(&written), Ok(cseq));
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            CSeq::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads("314159 INVITE", 314_159, Method::Invite);
        reads("0009\r\n  INVITE", 9, Method::Invite); // RFC 4475 §3.1.1.1
        reads("0  ACK", 0, Method::Ack);
        reads("1 invite", 1, Method::Other(b"invite")); // methods have case, §7.1
        reads("4294967295 X!", u32::MAX, Method::Other(b"X!"));
        fails("INVITE", Expected::Number, 0);
        fails("1INVITE", Expected::Space, 1);
        fails("1 ", Expected::Token, 2);
        fails("1 INVITE 2", Expected::End, 9);
        fails("-1 INVITE", Expected::Number, 0);
        fails("4294967296 INVITE", Expected::Below(1 << 32), 0); // §20.16; what we mint stays below 2^31, §8.1.1.5
        fails("36893488147419103232 REGISTER", Expected::Below(1 << 32), 0); // RFC 4475 §3.1.2.4
    }
}
