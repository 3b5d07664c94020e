//! A shard's log lines, collected into pages for the control thread.
//!
//! One ring push a turn at most. When the control thread is slow, lines collect up to a bound and
//! are then dropped, counted; the shard never waits.

use control::{Report, ShardEnd};
use parser::Frame;

use crate::counters::Counters;
use crate::limits::LOG_BYTES;

/// Room of a fresh page.
const PAGE_BYTES: usize = parser::limits::FRAME_CLASSES[1];

/// Pages kept for reuse.
const SPARES_MAX: usize = 8;

pub(crate) struct Logbook {
    page: Frame,
    spares: Vec<Frame>,
}

impl Logbook {
    pub(crate) fn new() -> Logbook {
        Logbook {
            page: Frame::with_capacity(PAGE_BYTES),
            spares: Vec::new(),
        }
    }

    /// Notes a line.
    pub(crate) fn line(&mut self, level: i8, line: &[u8], counters: &mut Counters) {
        if !control::link::push_line(&mut self.page, level, line, LOG_BYTES) {
            counters.log_lines_dropped += 1;
        }
    }

    /// A page that the control thread has written.
    pub(crate) fn give_back(&mut self, page: Frame) {
        if self.spares.len() < SPARES_MAX {
            self.spares.push(page);
        }
    }

    /// Sends the page if there is something on it.
    pub(crate) fn flush(&mut self, control: &mut ShardEnd) {
        if self.page.is_empty() {
            return;
        }
        let empty = self
            .spares
            .pop()
            .unwrap_or_else(|| Frame::with_capacity(PAGE_BYTES));
        let page = std::mem::replace(&mut self.page, empty);
        if let Err(Report::Log(page)) = control.report(Report::Log(page)) {
            // The ring is full: go on with this page.
            let empty = std::mem::replace(&mut self.page, page);
            self.give_back(empty);
        }
    }
}
