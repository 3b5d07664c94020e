//! (until scripts' texts can be compiled by themselves)

/// A format string that a module compiled, by its place in the shard's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatId(pub u32);
