//! Which transaction a request belongs to: RFC 3261 §17.2.3, and §9.2 for CANCEL.
//!
//! The parts that make it up are not kept: a keyed hash of 128 bits stands for them, so that an
//! entry is small and nobody can make two requests look like one.

use std::hash::Hasher;

use parser::header::via::MAGIC_COOKIE;
use parser::{Message, Method};
use siphasher::sip128::{Hasher128, SipHasher13};

/// The hash of what has to be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Identity {
    pub(super) low: u64,
    high: u64,
}

/// A method in a byte, as far as matching needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MethodCode(u8);

impl MethodCode {
    pub(super) const INVITE: MethodCode = MethodCode(0);
    pub(super) const CANCEL: MethodCode = MethodCode(1);

    pub(super) fn of(method: Method<'_>) -> Self {
        use Method::*;
        MethodCode(match method {
            // §17.2.3: an ACK matches the INVITE it acknowledges.
            Invite | Ack => 0,
            Cancel => 1,
            Bye => 2,
            Options => 3,
            Register => 4,
            Prack => 5,
            Subscribe => 6,
            Notify => 7,
            Publish => 8,
            Info => 9,
            Refer => 10,
            Message => 11,
            Update => 12,
            // Two methods nobody knows, under one branch, are told apart well enough by their letters.
            Other(token) => {
                0x80 | token
                    .iter()
                    .fold(0, |sum: u8, byte| sum.rotate_left(1) ^ byte)
            }
        })
    }
}

/// Computes identities with a key of its own.
#[derive(Clone)]
pub(super) struct Identities {
    keyed: SipHasher13,
}

impl Identities {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            keyed: SipHasher13::new_with_keys(seed, !seed),
        }
    }

    /// The identity of a request, whatever its method: a CANCEL and an ACK have that of their INVITE.
    pub(super) fn of(&self, request: &Message) -> Identity {
        let mut hasher = self.keyed;
        let via = request.top_via();
        let branch = via.branch();
        // The cookie by itself identifies nothing (§17.2.3 speaks of RFC 3261 clients only).
        if branch.len() > MAGIC_COOKIE.len() && via.has_magic_cookie() {
            hasher.write_u8(1);
            part(&mut hasher, branch);
            // Letters of a host name mean the same in either case.
            for &byte in via.sent_by {
                hasher.write_u8(byte.to_ascii_lowercase());
            }
        } else {
            // An RFC 2543 client: the Request-URI, tags, Call-ID, CSeq and the top Via as a whole. The To tag
            // stays out: an ACK carries the one of our response, and there is only one final response
            // that it could mean.
            hasher.write_u8(2);
            part(&mut hasher, request.request_uri());
            part(&mut hasher, request.from_tag().unwrap_or_default());
            part(&mut hasher, request.call_id());
            hasher.write_u32(request.cseq().number);
            if let Some(top) = request.top_via_element() {
                part(&mut hasher, top.raw);
            }
        }
        let hash = hasher.finish128();
        Identity {
            low: hash.h1,
            high: hash.h2,
        }
    }

    /// What a request, its copies by other paths, and the ACK to its 2xx have in common: Call-ID, From
    /// tag and CSeq number (§8.2.2.2, §13.2.2.4). Never 0.
    pub(super) fn of_origin(&self, request: &Message) -> u64 {
        let tag = request.from_tag().unwrap_or_default();
        self.of_origin_parts(request.call_id(), tag, request.cseq().number)
    }

    /// The same of its parts.
    pub(super) fn of_origin_parts(&self, call_id: &[u8], from_tag: &[u8], cseq: u32) -> u64 {
        let mut hasher = self.keyed;
        hasher.write_u8(3);
        part(&mut hasher, call_id);
        part(&mut hasher, from_tag);
        hasher.write_u32(cseq);
        hasher.finish128().h1 | 1
    }
}

/// With its length, so that no two lists of parts look alike.
fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write_u16(bytes.len() as u16);
    hasher.write(bytes);
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identities")
    }
}
