//! The target set: RFC 3261 §16.5.
//!
//! Where a request is to go, one entry a branch. Entry 0 is the request itself: while nobody has
//! changed it, its URI is the Request-URI as received. Entries behind it are further branches.
//!
//! Belongs to a scene. All text stands in one buffer that keeps its memory.

use std::ops::Range;

use super::BRANCHES_MAX;
use crate::input::{ConnectionId, SocketId};
use crate::limits::{TARGET_TEXT_BYTES_MAX, TARGETS_TEXT_BYTES};
use crate::run::Avps;

/// Text of one target, in [`TargetSet`]'s buffer.
type Text = Range<u32>;

/// One place a request may go.
#[derive(Clone, Debug)]
pub struct Target {
    uri: Text,
    destination: Text,
    path: Text,
    /// Quality in thousandths, as in Contact; `None` when unsaid, which counts as 1000.
    pub q: Option<u16>,
    /// Branch flags.
    pub flags: u32,
    /// The socket it has to leave by.
    pub socket: Option<SocketId>,
    /// The connection it has to leave by (RFC 5626), when still there.
    pub connection: ConnectionId,
    /// What a script wrote on it (`$msg.branch.attr`), one value a name; it goes with the branch.
    pub attributes: Avps,
}

impl Default for Target {
    fn default() -> Self {
        Target {
            uri: 0..0,
            destination: 0..0,
            path: 0..0,
            q: None,
            flags: 0,
            socket: None,
            connection: ConnectionId::NONE,
            attributes: Avps::default(),
        }
    }
}

/// What makes a new target; what is empty or default is unsaid.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetParts<'a> {
    /// The Request-URI.
    pub uri: &'a [u8],
    /// The next hop instead of it (`$du`).
    pub destination: &'a [u8],
    /// Route values to put in front, as in Path (RFC 3327).
    pub path: &'a [u8],
    /// Quality in thousandths.
    pub q: Option<u16>,
    /// Branch flags.
    pub flags: u32,
    /// The socket it has to leave by.
    pub socket: Option<SocketId>,
    /// The connection it has to leave by.
    pub connection: ConnectionId,
    /// What a script wrote on it.
    pub attributes: Option<&'a Avps>,
}

/// Where a request is to go.
#[derive(Debug, Default)]
pub struct TargetSet {
    text: Vec<u8>,
    /// The length of the text at which it is looked through.
    tidy_at: usize,
    /// Entry 0 is always there as far as callers see; it is pushed when first written.
    targets: Vec<Target>,
    /// What `serialize` set aside for serial forking, best last.
    serial: Vec<Target>,
    /// What branches were made of, as they were then, each with the number of its branch.
    relayed: Vec<(usize, Target)>,
}

impl TargetSet {
    /// Only the request as received.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.tidy_at = 0;
        self.targets.clear();
        self.serial.clear();
        self.relayed.clear();
    }

    /// Becomes a copy of `other`.
    pub fn copy_from(&mut self, other: &TargetSet) {
        self.clear();
        self.text.extend_from_slice(&other.text);
        self.targets.extend(other.targets.iter().cloned());
        self.serial.extend(other.serial.iter().cloned());
        self.relayed.extend(other.relayed.iter().cloned());
    }

    /// How many, entry 0 included.
    pub fn len(&self) -> usize {
        self.targets.len().max(1)
    }

    /// Bytes of the texts of all entries.
    pub fn bytes(&self) -> usize {
        let of = |target: &Target| target.uri.len() + target.destination.len() + target.path.len();
        self.targets.iter().map(of).sum()
    }

    /// Never: entry 0 is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Entry `at`, or nothing past the end.
    pub fn get(&self, at: usize) -> Option<TargetParts<'_>> {
        match self.targets.get(at) {
            Some(target) => Some(self.parts(target)),
            None => (at == 0).then(TargetParts::default),
        }
    }

    fn parts<'a>(&'a self, target: &'a Target) -> TargetParts<'a> {
        TargetParts {
            uri: self.slice(&target.uri),
            destination: self.slice(&target.destination),
            path: self.slice(&target.path),
            q: target.q,
            flags: target.flags,
            socket: target.socket,
            connection: target.connection,
            attributes: Some(&target.attributes),
        }
    }

    fn slice(&self, text: &Text) -> &[u8] {
        &self.text[text.start as usize..text.end as usize]
    }

    fn keep(&mut self, bytes: &[u8]) -> Text {
        if self.text.len() + bytes.len() > self.tidy_at.max(TARGETS_TEXT_BYTES) {
            self.tidy();
            // Twice what is left, so that tidying is rare whatever is left.
            self.tidy_at = 2 * self.text.len();
        }
        let start = self.text.len() as u32;
        self.text.extend_from_slice(bytes);
        start..self.text.len() as u32
    }

    /// Drops what no target says any more: a script may change a URI as often as it likes.
    fn tidy(&mut self) {
        let old = std::mem::take(&mut self.text);
        let relayed = self.relayed.iter_mut().map(|(_, target)| target);
        let all = self.targets.iter_mut().chain(&mut self.serial);
        for target in all.chain(relayed) {
            for text in [&mut target.uri, &mut target.destination, &mut target.path] {
                let start = self.text.len() as u32;
                self.text
                    .extend_from_slice(&old[text.start as usize..text.end as usize]);
                *text = start..self.text.len() as u32;
            }
        }
    }

    fn entry(&mut self, at: usize) -> Option<&mut Target> {
        if self.targets.is_empty() {
            self.targets.push(Target::default());
        }
        self.targets.get_mut(at)
    }

    /// The Request-URI of entry `at`; empty while entry 0 is as received.
    pub fn uri(&self, at: usize) -> &[u8] {
        self.targets
            .get(at)
            .map_or(&[], |target| self.slice(&target.uri))
    }

    /// Sets the Request-URI of an entry; says whether there is such an entry, and the text can stand
    /// in a request line.
    pub fn set_uri(&mut self, at: usize, uri: &[u8]) -> bool {
        if !fits_a_line(uri) {
            return false;
        }
        let text = self.keep(uri);
        self.entry(at).map(|target| target.uri = text).is_some()
    }

    /// The next hop of entry `at` (`$du`); empty when unset.
    pub fn destination(&self, at: usize) -> &[u8] {
        self.targets
            .get(at)
            .map_or(&[], |target| self.slice(&target.destination))
    }

    /// Sets the next hop of an entry; an empty one unsets it.
    pub fn set_destination(&mut self, at: usize, destination: &[u8]) -> bool {
        if destination.len() > TARGET_TEXT_BYTES_MAX {
            return false;
        }
        let text = self.keep(destination);
        self.entry(at)
            .map(|target| target.destination = text)
            .is_some()
    }

    /// The Path values of entry `at`.
    pub fn path(&self, at: usize) -> &[u8] {
        self.targets
            .get(at)
            .map_or(&[], |target| self.slice(&target.path))
    }

    /// Sets the Path values of an entry; says whether there is such an entry, and the text can stand in a header.
    pub fn set_path(&mut self, at: usize, path: &[u8]) -> bool {
        if !fits_a_header(path) {
            return false;
        }
        let text = self.keep(path);
        self.entry(at).map(|target| target.path = text).is_some()
    }

    /// What of an entry is not text: q, flags, socket, connection, attributes.
    pub fn facts_mut(&mut self, at: usize) -> Option<&mut Target> {
        self.entry(at)
    }

    /// Puts a whole entry in the place of another; says whether there is such an entry, and its text can stand in a
    /// request.
    pub fn set(&mut self, at: usize, parts: &TargetParts<'_>) -> bool {
        if !fits(parts) || self.entry(at).is_none() {
            return false;
        }
        let target = self.make(parts);
        self.targets[at] = target;
        true
    }

    fn make(&mut self, parts: &TargetParts<'_>) -> Target {
        Target {
            uri: self.keep(parts.uri),
            destination: self.keep(parts.destination),
            path: self.keep(parts.path),
            q: parts.q,
            flags: parts.flags,
            socket: parts.socket,
            connection: parts.connection,
            attributes: parts.attributes.cloned().unwrap_or_default(),
        }
    }

    /// Adds an entry; says at which place, or that the set is full or its text cannot stand in a request.
    pub fn push(&mut self, parts: &TargetParts<'_>) -> Option<usize> {
        if self.len() >= BRANCHES_MAX || !fits(parts) {
            return None;
        }
        self.entry(0);
        let target = self.make(parts);
        self.targets.push(target);
        Some(self.targets.len() - 1)
    }

    /// Removes an entry; what is behind it moves up. Entry 0 stays: it is the request.
    pub fn remove(&mut self, at: usize) -> bool {
        let is_there = at > 0 && at < self.targets.len();
        if is_there {
            self.targets.remove(at);
        }
        is_there
    }

    /// Exchanges two entries. Entry 0 has to have a URI of its own by then.
    pub fn swap(&mut self, a: usize, b: usize) -> bool {
        let is_there = a < self.len() && b < self.len() && self.entry(0).is_some();
        if is_there {
            self.targets.swap(a, b);
        }
        is_there
    }

    /// Remembers what a branch was made of: entry `at`, as it is now. False: there is no such entry.
    pub fn remember_relayed(&mut self, branch: usize, at: usize) -> bool {
        let target = match self.targets.get(at) {
            Some(target) => target.clone(),
            None if at == 0 => Target::default(),
            None => return false,
        };
        self.relayed.push((branch, target));
        true
    }

    /// The same of a target that is no entry.
    pub fn remember_parts(&mut self, branch: usize, parts: &TargetParts<'_>) {
        let target = self.make(parts);
        self.relayed.push((branch, target));
    }

    /// Makes what branch `branch` was made of entry 0: the request as it was when that was relayed.
    pub fn return_to(&mut self, branch: usize) {
        let found = self.relayed.iter().find(|(of, _)| *of == branch);
        if let Some((_, target)) = found.cloned()
            && let Some(first) = self.entry(0)
        {
            *first = target;
        }
    }

    /// Removes all entries behind entry 0.
    pub fn truncate(&mut self) {
        self.targets.truncate(1);
    }

    /// Sets all targets aside for serial forking, ordered by q; says how many groups of equal q there are. What stays
    /// is entry 0 as it was, until [`next_group`](Self::next_group). `keep_order` makes every target a group of
    /// its own, in the order they stand.
    ///
    /// Entry 0 takes part; whoever calls has to have given it a URI of its own before.
    pub fn serialize(&mut self, clear: bool, keep_order: bool) -> usize {
        if clear {
            self.serial.clear();
        }
        self.entry(0);
        let from = self.serial.len();
        self.serial.extend(self.targets.iter().cloned());
        self.targets.truncate(1);
        let fresh = &mut self.serial[from..];
        if keep_order {
            // Descending numbers that no two share make every target its own group.
            let last = fresh.len() as u16;
            for (at, target) in fresh.iter_mut().enumerate() {
                target.q = Some(Q_MAX + last - at as u16);
            }
        } else {
            // Stable: equals keep their order. Highest first.
            fresh.sort_by_key(|target| std::cmp::Reverse(target.q.unwrap_or(Q_MAX)));
        }
        // Best last, so that taking a group is a pop; what was set aside earlier comes later.
        fresh.reverse();
        self.serial.rotate_left(from);
        self.groups()
    }

    /// Makes the next group of serial forking the target set. 1: more are left, 2: it was the last, -1: there was none.
    pub fn next_group(&mut self) -> i32 {
        let Some(best) = self.serial.pop() else {
            return -1;
        };
        let q = best.q;
        self.targets.clear();
        self.targets.push(best);
        while self.serial.last().is_some_and(|kept| kept.q == q) {
            let kept = self.serial.pop();
            self.targets.extend(kept);
        }
        if self.serial.is_empty() { 2 } else { 1 }
    }

    fn groups(&self) -> usize {
        self.serial.chunk_by(|a, b| a.q == b.q).count()
    }
}

/// Scripts make URIs of what peers wrote, folds and decoded escapes included: a blank or a line end would
/// begin another part of the message.
fn fits_a_line(uri: &[u8]) -> bool {
    uri.len() <= TARGET_TEXT_BYTES_MAX && uri.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

/// A Path may be folded, as peers write it: a line end with no blank behind it would begin a header of its own.
fn fits_a_header(value: &[u8]) -> bool {
    value.len() <= TARGET_TEXT_BYTES_MAX
        && value.iter().enumerate().all(|(at, byte)| {
            let rest = &value[at + 1..];
            match byte {
                0 => false,
                b'\r' => rest.first() == Some(&b'\n'),
                b'\n' => {
                    let is_after_cr = at > 0 && value[at - 1] == b'\r';
                    is_after_cr && matches!(rest.first(), Some(b' ' | b'\t'))
                }
                _ => true,
            }
        })
}

fn fits(parts: &TargetParts<'_>) -> bool {
    fits_a_line(parts.uri) && fits_a_header(parts.path)
}

/// The highest quality, and what no q at all counts as (RFC 3261 §20.10).
pub const Q_MAX: u16 = 1000;

#[cfg(test)]
#[path = "tests/target.rs"]
mod tests;
