//! The record of one call: its place in the dialog of RFC 3261 §12 and what its plan still wants.
//!
//! Flat: one buffer of text, taken from the pool and given back, and no other allocation. Calls that only stand
//! are packed smaller, by `pack.rs`.

use std::net::SocketAddr;

use super::slab::Key;
use super::transaction::NEVER;
use super::wheel::TimerId;
use super::{Micros, Spread, Then};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Caller,
    Callee,
    /// Another answer of a forked INVITE: acknowledged and hung up.
    Fork,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallState {
    /// INVITE sent, nothing but 100 heard.
    Calling,
    /// 18x sent or received.
    Ringing,
    /// The answering side's 2xx is out, its ACK is not in.
    Answered,
    /// Both sides talk.
    Established,
    /// Our BYE is out.
    Ending,
}

/// What the call's own timer will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    /// Answer, reject, or ring on.
    FinishRinging,
    /// Say 180 again (§13.3.1.1).
    RingAgain,
    Cancel,
    Reinvite,
    HangUp,
}

impl Next {
    /// The one with this number.
    pub(crate) fn of(number: u8) -> Option<Next> {
        use Next::{Cancel, FinishRinging, HangUp, Nothing, Reinvite, RingAgain};
        [Nothing, FinishRinging, RingAgain, Cancel, Reinvite, HangUp]
            .into_iter()
            .find(|next| *next as u8 == number)
    }
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) role: Role,
    pub(crate) state: CallState,
    pub(crate) line: u32,
    /// What the command gave.
    pub(crate) tag: u64,
    pub(crate) local_cseq: u32,
    /// The CSeq of the last INVITE of ours: what an ACK repeats.
    pub(crate) invite_cseq: u32,
    /// The highest CSeq of theirs; 0 before the first.
    pub(crate) remote_cseq: u32,
    /// The INVITE or re-INVITE that is pending or was last, either way.
    pub(crate) invite: Key,
    pub(crate) cancel: Key,
    pub(crate) timer: TimerId,
    pub(crate) next: Next,
    /// Where requests of the dialog go.
    pub(crate) hop: SocketAddr,
    /// How long it stands once established; `None` when the other side hangs up.
    pub(crate) hold: Option<Spread>,
    pub(crate) reinvite: Option<Spread>,
    /// How an incoming call ends its ringing.
    pub(crate) then: Then,
    /// When the hold time ends; [`NEVER`] when the other side hangs up.
    pub(crate) hang_up_at: Micros,
    /// First of the list of other answers (`Role::Fork`).
    pub(crate) forks: Key,
    /// When the first provisional response but 100 came; 0 before.
    pub(crate) indicated_at: Micros,
    pub(crate) provisionals: u8,
    pub(crate) glares: u8,
    pub(crate) cancel_wanted: bool,
    pub(crate) cancel_ignored: bool,
    /// A re-INVITE of ours waits for its final response.
    pub(crate) reinviting: bool,
    pub(crate) peer_hung_up: bool,
    pub(crate) text: Text,
}

impl Call {
    pub(crate) fn new(role: Role, line: u32, tag: u64, hop: SocketAddr, buffer: Vec<u8>) -> Self {
        Self {
            role,
            state: CallState::Calling,
            line,
            tag,
            local_cseq: 0,
            invite_cseq: 0,
            remote_cseq: 0,
            invite: Key::NONE,
            cancel: Key::NONE,
            timer: TimerId::NONE,
            next: Next::Nothing,
            hop,
            hold: None,
            reinvite: None,
            then: Then::Answer,
            hang_up_at: NEVER,
            forks: Key::NONE,
            indicated_at: 0,
            provisionals: 0,
            glares: 0,
            cancel_wanted: false,
            cancel_ignored: false,
            reinviting: false,
            peer_hung_up: false,
            text: Text::new(buffer),
        }
    }

    /// When the first status came, if a final response comes now.
    pub(crate) fn first_status_at(&self, now: Micros) -> Micros {
        if self.indicated_at == 0 {
            now
        } else {
            self.indicated_at
        }
    }

    /// Whether this provisional response is the first of its code.
    pub(crate) fn is_first(&mut self, status: u16) -> bool {
        let bit = match status {
            100 => 1,
            180 => 2,
            181 => 4,
            182 => 8,
            183 => 16,
            _ => 32,
        };
        let first = self.provisionals & bit == 0;
        self.provisionals |= bit;
        first
    }
}

/// The parts of a call's text, in the order they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    CallId,
    /// Our From or To value, with its tag.
    Local,
    /// Our Contact's URI.
    Contact,
    /// Their To or From value, with its tag once there is one.
    Remote,
    RemoteTag,
    /// The Request-URI of requests of the dialog.
    Target,
    /// The route set as a Route value; empty when there is none.
    Routes,
}

pub(crate) const PARTS: usize = 7;

#[derive(Debug)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    ends: [u16; PARTS],
}

impl Text {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ends: [0; PARTS],
        }
    }

    pub(crate) fn get(&self, part: Part) -> &[u8] {
        let at = part as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[usize::from(start)..usize::from(self.ends[at])]
    }

    /// Writes a part; what stands behind it is gone and has to be written again. A part that would
    /// not fit into 65,535 bytes is left empty.
    pub(crate) fn set(&mut self, part: Part, write: impl FnOnce(&mut Vec<u8>)) {
        let at = part as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.bytes.truncate(usize::from(start));
        write(&mut self.bytes);
        let end = u16::try_from(self.bytes.len()).unwrap_or(start);
        self.bytes.truncate(usize::from(end));
        self.ends[at..].fill(end);
    }

    /// All parts one behind the other, and where each ends.
    pub(crate) fn whole(&self) -> (&[u8], &[u16; PARTS]) {
        (&self.bytes, &self.ends)
    }

    /// What [`whole`](Self::whole) gave; `None` for what it cannot give.
    pub(crate) fn of(bytes: Vec<u8>, ends: [u16; PARTS]) -> Option<Self> {
        let fits = ends.is_sorted() && bytes.len() == usize::from(ends[PARTS - 1]);
        fits.then_some(Self { bytes, ends })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}
