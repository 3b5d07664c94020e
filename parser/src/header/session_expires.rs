//! Session-Expires and Min-SE: RFC 4028 §4, §5. Seconds and who refreshes: `4000;refresher=uac`.

use crate::grammar::{Cursor, write_number};
use crate::{Fault, Params};

/// Who refreshes a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// How long a session lives without a refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionExpires<'a> {
    /// In seconds.
    pub seconds: u32,
    /// `refresher`.
    pub params: Params<'a>,
}

impl<'a> SessionExpires<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let seconds = cursor.number(1 << 32)?;
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self {
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            params,
        })
    }

    /// `refresher`, when it is one of the two.
    #[must_use]
    pub fn refresher(&self) -> Option<Refresher> {
        match self.params.get(b"refresher")? {
            side if side.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            side if side.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            _ => None,
        }
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_number(self.seconds.into(), out);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;

    fn reads(text: &str) -> SessionExpires<'_> {
        let value = SessionExpires::parse(text.as_bytes())
            .unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            SessionExpires::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            SessionExpires::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        assert_eq!(
            (reads("4000").seconds, reads("4000").refresher()),
            (4_000, None)
        );
        assert_eq!(
            reads("1800 ; Refresher=UAS").refresher(),
            Some(Refresher::Uas)
        );
        assert_eq!(reads("90;refresher=b").refresher(), None);
        fails("4294967296", Expected::Below(1 << 32), 0);
        fails("x", Expected::Number, 0);
    }
}
