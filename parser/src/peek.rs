//! `Peek`: only what chooses a shard.
//!
//! Reads the Call-ID, the top Via's branch and the first Route, and stops at the blank line or at
//! `HEAD_BYTES_MAX`. It judges nothing: what is malformed is simply not found.

/// What chooses the shard of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peek<'a> {
    /// Whether it begins as a response (`SIP/`). Else it is taken for a request.
    pub is_response: bool,
    /// The value of the first Call-ID (also `i`).
    pub call_id: Option<&'a [u8]>,
    /// The branch of the top Via, as written.
    pub branch: Option<&'a [u8]>,
    /// The raw value of the first Route header line.
    pub route: Option<&'a [u8]>,
}

impl<'a> Peek<'a> {
    /// Reads what it finds.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let _ = bytes;
        todo!()
    }
}
