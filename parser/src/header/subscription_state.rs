//! Subscription-State: RFC 6665 §8.2.3. `terminated;reason=timeout;retry-after=5`.

use crate::grammar::{Cursor, TOKEN};
use crate::{Expected, Fault, Params};

/// The state of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated` or another.
    pub state: &'a [u8],
    /// `reason`, `expires`, `retry-after`.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// Reads one value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_blanks();
        let state = cursor.some(TOKEN, Expected::Token)?;
        let params = Params::read(&mut cursor)?;
        cursor.end()?;
        Ok(Self { state, params })
    }

    /// Whether the subscription has ended.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }

    /// `expires`, when it is a number.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        super::number::parse(self.params.get(b"expires")?, 1 << 32)
            .ok()
            .and_then(|s| u32::try_from(s).ok())
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.state);
        out.extend_from_slice(self.params.raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> SubscriptionState<'_> {
        let value = SubscriptionState::parse(text.as_bytes())
            .unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut written = Vec::new();
        value.write(&mut written);
        assert_eq!(
            SubscriptionState::parse(&written),
            Ok(value),
            "{}",
            written.escape_ascii()
        );
        value
    }

    fn fails(text: &str, expected: Expected, at: usize) {
        assert_eq!(
            SubscriptionState::parse(text.as_bytes()),
            Err(Fault::expected(expected, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        assert_eq!(reads("active;expires=3600").expires(), Some(3_600));
        assert!(reads("Terminated;reason=noresource").is_terminated());
        assert_eq!(
            reads("terminated;reason=noresource").params.get(b"reason"),
            Some(&b"noresource"[..])
        );
        fails("", Expected::Token, 0);
        fails("active,pending", Expected::End, 6);
    }
}
