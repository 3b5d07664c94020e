//! What tells one request from another: tags that we mint, and the loop part of our branches.

use std::hash::Hasher;

use parser::{HeaderName, Message};
use siphasher::sip::SipHasher13;

use crate::sockets::Sockets;

/// One direction of a dialog: who sends and who receives (RFC 3261 §12.2.1.1 counts a CSeq for each).
pub(super) fn direction(key: (u64, u64), request: &Message) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
    part(&mut hasher, b"direction");
    part(&mut hasher, request.call_id());
    part(&mut hasher, request.from_tag().unwrap_or_default());
    part(&mut hasher, request.to_tag().unwrap_or_default());
    hasher.finish()
}

/// Sixteen hexadecimal digits.
pub(super) type Tag = [u8; 16];

/// Eight hexadecimal digits: two requests of one call that differ look alike once in four thousand million.
pub(super) type LoopPart = [u8; 8];

/// The To-tag of replies that we make to a request: the same for each retransmission and for the ACK
/// that answers it (RFC 3261 §17.1.1.3 gives an ACK the Via of its INVITE).
pub(super) fn local_tag(key: (u64, u64), request: &Message) -> Tag {
    let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
    part(&mut hasher, request.call_id());
    part(&mut hasher, request.from_tag().unwrap_or_default());
    part(&mut hasher, request.top_via().branch());
    hasher.write_u32(request.cseq().number);
    hex(hasher.finish())
}

/// The loop part of a request that is forwarded without state. An INVITE, its CANCEL and the ACK to its
/// failure must have one branch (RFC 3261 §16.11), so of [`loop_part`] only what all of them share: credentials
/// and Proxy-Require are the INVITE's alone (§9.1, §22.1), and the ACK has a To tag.
pub(super) fn stateless_loop_part(request: &Message) -> LoopPart {
    let mut hasher = SipHasher13::new();
    part(&mut hasher, request.request_uri());
    for field in request.headers_named(HeaderName::Route) {
        part(&mut hasher, field.value);
    }
    part(&mut hasher, request.call_id());
    part(&mut hasher, request.from_tag().unwrap_or_default());
    hasher.write_u32(request.cseq().number);
    hex(hasher.finish())
}

/// The loop part of a branch: RFC 5393 §4.2. Everything that decides where a request goes, and
/// nothing that changes on the way round a loop.
pub(super) fn loop_part(request: &Message) -> LoopPart {
    // No secret: whoever forges it makes his own request fail.
    let mut hasher = SipHasher13::new();
    part(&mut hasher, request.request_uri());
    for name in [
        HeaderName::Route,
        HeaderName::ProxyRequire,
        HeaderName::ProxyAuthorization,
    ] {
        for field in request.headers_named(name) {
            part(&mut hasher, field.value);
        }
    }
    part(&mut hasher, request.call_id());
    part(&mut hasher, request.from_tag().unwrap_or_default());
    part(&mut hasher, request.to_tag().unwrap_or_default());
    hasher.write_u32(request.cseq().number);
    hex(hasher.finish())
}

/// Whether this request was here before and would be treated the same again: RFC 3261 §16.3 step 4.
pub(super) fn has_looped(request: &Message, sockets: &Sockets, own: &LoopPart) -> bool {
    request.vias().any(|via| {
        let part = via.value.branch().rsplit(|&byte| byte == b'.').next();
        part.is_some_and(|part| part == &own[..])
            && sockets.is_myself(via.value.host_text(), via.value.port.or(Some(5060)), None)
    })
}

fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write_u32(bytes.len() as u32);
    hasher.write(bytes);
}

fn hex<const N: usize>(number: u64) -> [u8; N] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[(number >> (60 - 4 * at)) as usize & 15])
}

/// The host of a Via's sent-by as written.
pub(super) trait HostText<'a> {
    fn host_text(&self) -> &'a [u8];
}

impl<'a> HostText<'a> for parser::Via<'a> {
    fn host_text(&self) -> &'a [u8] {
        let sent_by = self.sent_by;
        let end = match self.port {
            Some(_) => sent_by
                .iter()
                .rposition(|&byte| byte == b':')
                .unwrap_or(sent_by.len()),
            None => sent_by.len(),
        };
        sent_by[..end].trim_ascii()
    }
}
