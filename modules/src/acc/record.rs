//! One accounting record, as a log line.
//!
//! The order of the fields is OpenSIPS's, since people parse these lines:
//! `ACC: transaction answered: timestamp=1277910107;method=INVITE;from_tag=a;to_tag=b;call_id=c;code=200;reason=OK`.

use std::io::Write as _;

/// What the record says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A transaction ended with a final response to be accounted.
    Answered,
    /// An INVITE ended without success.
    Missed,
    /// The script wrote the record itself.
    Requested,
}

impl Event {
    fn text(self) -> &'static str {
        match self {
            Event::Answered => "ACC: transaction answered: ",
            Event::Missed => "ACC: call missed: ",
            Event::Requested => "ACC: request accounted: ",
        }
    }
}

/// The fields of a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record<'a> {
    /// Seconds since the epoch.
    pub(super) time: u64,
    /// The request's method.
    pub(super) method: &'a [u8],
    /// The caller's tag.
    pub(super) from_tag: &'a [u8],
    /// The callee's tag, as soon as there is one.
    pub(super) to_tag: &'a [u8],
    /// The Call-ID.
    pub(super) call_id: &'a [u8],
    /// The status code.
    pub(super) code: &'a [u8],
    /// The reason phrase.
    pub(super) reason: &'a [u8],
}

impl Record<'_> {
    /// Appends the line; extra fields come behind it.
    pub(super) fn write(&self, event: Event, out: &mut Vec<u8>) {
        out.extend_from_slice(event.text().as_bytes());
        let _ = write!(out, "timestamp={}", self.time);
        let fields: [(&str, &[u8]); 6] = [
            ("method", self.method),
            ("from_tag", self.from_tag),
            ("to_tag", self.to_tag),
            ("call_id", self.call_id),
            ("code", self.code),
            ("reason", self.reason),
        ];
        for (name, value) in fields {
            out.push(b';');
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
}

/// The code and reason of a script's comment: `404 Not here`; without a code the whole is reason.
pub(super) fn comment(text: &[u8]) -> (&[u8], &[u8]) {
    match text.split_at_checked(3) {
        Some((code, reason)) if code.iter().all(u8::is_ascii_digit) => {
            (code, reason.trim_ascii_start())
        }
        _ => (b"", text),
    }
}
