//! The edits of a draft: sorted by place, texts in one arena.

use std::cmp::Reverse;

use crate::Span;
use crate::limits::{DRAFT_BYTES_MAX, EDITS_MAX};
use crate::writer::write_header_line;

/// A text in the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    start: u32,
    end: u32,
}

/// `text` stands in the place of `span`; an empty span is an insertion, an empty text a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Span,
    pub(super) text: Text,
}

/// Where an edit belongs in the walk: insertions come before removals that begin at the same
/// place, longer removals before shorter ones.
pub(super) type Place = (u16, u8, Reverse<usize>);

/// The second field of a place.
pub(super) mod rank {
    pub(in crate::draft) const PREPENDED: u8 = 0;
    pub(in crate::draft) const INSERTION: u8 = 1;
    pub(in crate::draft) const APPENDED: u8 = 2;
    pub(in crate::draft) const REMOVAL: u8 = 3;
}

#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    sorted: Vec<Edit>,
    arena: Vec<u8>,
    pub(super) overfull: bool,
}

impl Edit {
    pub(super) fn place(&self) -> Place {
        let rank = if self.span.is_empty() {
            rank::INSERTION
        } else {
            rank::REMOVAL
        };
        (self.span.start, rank, Reverse(self.span.len()))
    }
}

impl Edits {
    pub(super) fn clear(&mut self) {
        self.sorted.clear();
        self.arena.clear();
        self.overfull = false;
    }

    pub(super) fn copy_from(&mut self, other: &Self) {
        self.sorted.clone_from(&other.sorted);
        self.arena.clone_from(&other.arena);
        self.overfull = other.overfull;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.len()
    }

    pub(super) fn sorted(&self) -> &[Edit] {
        &self.sorted
    }

    pub(super) fn text(&self, text: Text) -> &[u8] {
        self.arena
            .get(text.start as usize..text.end as usize)
            .unwrap_or_default()
    }

    /// Keeps a text. One too many is left out, and said to be.
    pub(super) fn keep(&mut self, text: &[u8]) -> Text {
        self.keep_with(|out| out.extend_from_slice(text))
    }

    /// Keeps a header line, with its CRLF, however it ended. An empty one is none: a blank line would end
    /// the headers.
    pub(super) fn keep_line(&mut self, line: &[u8]) -> Text {
        self.keep_with(|out| write_header_line(line, out))
    }

    pub(super) fn keep_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let start = self.arena.len();
        write(&mut self.arena);
        if self.arena.len() > DRAFT_BYTES_MAX {
            self.arena.truncate(start);
            self.overfull = true;
        }
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Text {
            start: offset(start),
            end: offset(self.arena.len()),
        }
    }

    /// Adds an edit. A second removal of the same span takes the place of the first.
    pub(super) fn add(&mut self, edit: Edit) {
        if edit.span.is_empty() && edit.span.start > edit.span.end {
            return;
        }
        let place = edit.place();
        let after = self.sorted.partition_point(|other| other.place() <= place);
        if !edit.span.is_empty()
            && let Some(twin) = after.checked_sub(1).and_then(|at| self.sorted.get_mut(at))
            && twin.span == edit.span
        {
            twin.text = edit.text;
        } else if self.sorted.len() >= EDITS_MAX {
            self.overfull = true;
        } else {
            self.sorted.insert(after, edit);
        }
    }

    /// Removes a span unless an edit of it is there already.
    pub(super) fn add_once(&mut self, span: Span) {
        if !self.covers(span) {
            self.add(Edit {
                span,
                text: Text::default(),
            });
        }
    }

    /// Whether one removal without a text of its own takes all of `span`.
    pub(super) fn covers(&self, span: Span) -> bool {
        self.sorted.iter().any(|edit| {
            edit.text.start == edit.text.end
                && edit.span.start <= span.start
                && span.end <= edit.span.end
                && !edit.span.is_empty()
        })
    }
}
