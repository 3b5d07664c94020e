//! Request validation: RFC 3261 §16.3, RFC 5393 §5.
//!
//! Its step 5, Proxy-Require, is judged in `engine/receive.rs`, before any script.

use parser::{Draft, HeaderName, Message};

use super::identity::{self, LoopPart};
use crate::core::Core;

/// Why a request is not forwarded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u16,
    pub reason: &'static [u8],
}

impl Refusal {
    fn new(code: u16, reason: &'static [u8]) -> Self {
        Refusal { code, reason }
    }
}

/// Judges whether a request may be forwarded to `targets` places.
pub(super) fn validate(
    core: &Core,
    message: &Message,
    draft: &Draft,
    targets: usize,
    own: &LoopPart,
) -> Result<(), Refusal> {
    // Whoever counted it down already has judged it: `mf_process_maxfwd_header`.
    if message.max_forwards() == Some(0) && draft.max_forwards().is_none() {
        return Err(Refusal::new(483, b"Too Many Hops"));
    }
    if core.proxy.settings.loop_detection && identity::has_looped(message, &core.sockets, own) {
        return Err(Refusal::new(482, b"Loop Detected"));
    }
    if max_breadth(message).is_some_and(|breadth| (breadth as usize) < targets) {
        return Err(Refusal::new(440, b"Max-Breadth Exceeded"));
    }
    Ok(())
}

/// RFC 5393 §5.3: among how many branches a request may spread.
pub(super) fn max_breadth(message: &Message) -> Option<u32> {
    let field = message.header(HeaderName::MaxBreadth)?;
    std::str::from_utf8(field.value).ok()?.trim().parse().ok()
}
