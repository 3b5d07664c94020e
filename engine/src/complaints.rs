//! Complaints: a line for the log about a message that we do not take as it came.
//!
//! What scripts and modules say goes to the outbox by itself. How many malformed messages come is the peer's choice,
//! so a shard says [`COMPLAINTS_PER_S`] of them a second and leaves the others out; the next line says how many
//! those were. Of the peer's bytes a line holds the first one, cut, quoted and escaped: it is no line of ours.

use std::fmt;
use std::io::Write as _;

use crate::core::Core;
use crate::input::Flow;
use crate::limits::{COMPLAINT_BYTES_MAX, COMPLAINTS_PER_S};
use crate::outbox::Outbox;

/// Shown unless the operator wants errors only: it is the peer's mistake.
const WARNING: i8 = 1;

/// How many were said of late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Complaints {
    second: u64,
    said: u32,
    left_out: u64,
}

impl Complaints {
    /// Whether there is room for one more, and how many had none since the last.
    fn admit(&mut self, second: u64) -> Option<u64> {
        if self.second != second {
            self.second = second;
            self.said = 0;
        }
        if self.said >= COMPLAINTS_PER_S {
            self.left_out += 1;
            return None;
        }
        self.said += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Core {
    /// Says what is wrong with a message, who sent it, and how it begins.
    pub(crate) fn complain(
        &mut self,
        flow: &Flow,
        message: &[u8],
        what: fmt::Arguments<'_>,
        outbox: &mut Outbox,
    ) {
        if self.log_level < WARNING {
            return;
        }
        let Some(left_out) = self.complaints.admit(self.now.mono_ms() / 1000) else {
            return;
        };
        let first = message
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap_or_default();
        let shown = &first[..first.len().min(COMPLAINT_BYTES_MAX)];
        let dots = if shown.len() < first.len() { "..." } else { "" };
        outbox.log(WARNING, |out| {
            // Writing into memory does not fail.
            let _ = write!(
                out,
                "{what}, from {}:{}: \"{}\"{dots}",
                flow.transport.as_str(),
                flow.remote,
                shown.escape_ascii()
            );
            if left_out > 0 {
                let _ = write!(out, " ({left_out} more were not logged)");
            }
        });
    }
}
