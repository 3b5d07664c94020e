//! Parameters: `;name=value;flag;name="quoted value"`, in headers and in URIs.

use crate::Fault;

/// Parameters as they stand, each preceded by `;`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Params<'a> {
    pub(crate) raw: &'a [u8],
}

/// One parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value as written, quotes included; `None` for a flag.
    pub value: Option<&'a [u8]>,
    /// The whole of it, with the `;` before it.
    pub whole: &'a [u8],
}

impl<'a> Params<'a> {
    /// Takes `raw` (`;a=b;c`) as parameters, judging every one.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Fault> {
        let _ = raw;
        todo!()
    }

    /// As they stand.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        std::iter::empty()
    }

    /// The value of the first parameter of this name (case-insensitive), without its quotes; a
    /// flag's is empty.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let _ = name;
        todo!()
    }

    /// Whether a parameter of this name is there.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }
}
