//! name-addr and addr-spec: From, To, Contact, Route, Record-Route, Path, Refer-To and their like.
//! RFC 3261 §20.10, §25.1: `"A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s`.

use crate::{Fault, Params, Uri};

/// A display name, a URI and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes included; `None` where there is none.
    pub display: Option<&'a [u8]>,
    /// The URI as written, without brackets. `*` for the Contact of that name.
    pub addr_spec: &'a [u8],
    /// Whether the URI stands in angle brackets.
    pub bracketed: bool,
    /// The header's parameters: `tag`, `q`, `expires`. Not the URI's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. Judges its own structure, not the URI inside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let _ = bytes;
        todo!()
    }
    /// The URI.
    pub fn uri(&self) -> Result<Uri<'a>, Fault> {
        Uri::parse(self.addr_spec)
    }
    /// The tag; `None` where there is none.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get(b"tag")
    }
    /// Whether it is `Contact: *`.
    #[must_use]
    pub fn is_star(&self) -> bool {
        self.addr_spec == b"*"
    }
    /// `expires` of a Contact. What is malformed counts as 3600 (RFC 3261 §20.10).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        todo!()
    }
    /// `q` of a Contact in thousandths. What is malformed is as if it were absent.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        todo!()
    }
    /// Appends the display name without quotes and escapes.
    pub fn write_display_text(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
}
