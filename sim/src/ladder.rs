//! A call as a ladder: who sent what to whom, when, in one line a message.
//!
//! Describes messages for people; decides nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use parser::{Frame, Message};

/// What became of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives once.
    Arrives,
    /// The network loses it.
    Lost,
    /// It arrives twice.
    Twice,
}

/// The lines so far, and the names of the addresses.
#[derive(Debug, Default)]
pub struct Ladder {
    names: BTreeMap<SocketAddr, String>,
    lines: Vec<Line>,
    with_cseq: bool,
}

#[derive(Debug)]
struct Line {
    at_us: u64,
    from: String,
    to: String,
    what: String,
    call_id: String,
}

impl Ladder {
    /// An empty one; `with_cseq` shows the CSeq number of each message.
    #[must_use]
    pub fn new(with_cseq: bool) -> Self {
        Ladder {
            with_cseq,
            ..Ladder::default()
        }
    }

    /// Gives an address its name.
    pub fn name(&mut self, address: SocketAddr, name: &str) {
        self.names.insert(address, name.to_owned());
    }

    /// Notes a message as it is sent.
    pub fn sent(&mut self, at_us: u64, from: SocketAddr, to: SocketAddr, bytes: &[u8], fate: Fate) {
        let (mut what, call_id) = describe(bytes, self.with_cseq);
        match fate {
            Fate::Arrives => {}
            Fate::Lost => what.push_str("  (lost)"),
            Fate::Twice => what.push_str("  (twice)"),
        }
        let (from, to) = (self.name_of(from), self.name_of(to));
        self.lines.push(Line {
            at_us,
            from,
            to,
            what,
            call_id,
        });
    }

    /// Notes something that is not a message.
    pub fn note(&mut self, at_us: u64, who: &str, what: String) {
        self.lines.push(Line {
            at_us,
            from: who.to_owned(),
            to: String::new(),
            what,
            call_id: String::new(),
        });
    }

    /// The whole ladder, its times counted from `zero_us`.
    pub fn text_from(&self, zero_us: u64) -> String {
        self.text(zero_us, |_| true)
    }

    /// The ladder of one call, by Call-ID.
    pub fn of_call(&self, call_id: &str) -> String {
        self.text(0, |line| line.call_id == call_id)
    }

    fn text(&self, zero_us: u64, wanted: impl Fn(&Line) -> bool) -> String {
        let width = self.names.values().map(String::len).max().unwrap_or(6);
        let mut out = String::new();
        for line in self.lines.iter().filter(|line| wanted(line)) {
            let ms = line.at_us.saturating_sub(zero_us) / 1000;
            let arrow = if line.to.is_empty() { " " } else { ">" };
            let text = format!(
                "{ms:>6}ms  {:width$} {arrow} {:width$}  {}",
                line.from, line.to, line.what
            );
            let _ = writeln!(out, "{}", text.trim_end());
        }
        out
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was sent yet.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn name_of(&self, address: SocketAddr) -> String {
        self.names
            .get(&address)
            .cloned()
            .unwrap_or_else(|| address.to_string())
    }
}

/// The line a person reads, and the Call-ID it belongs to.
pub(crate) fn describe(bytes: &[u8], with_cseq: bool) -> (String, String) {
    let Ok(message) = Message::parse(Frame::copy_of(bytes)) else {
        return (
            format!("{} bytes that are not SIP", bytes.len()),
            String::new(),
        );
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let cseq = message.cseq();
    let mut what = match message.status() {
        None => format!("{} {}", message.method(), text(message.request_uri())),
        // A response to anything but INVITE says to what.
        Some(status) if cseq.method == parser::Method::Invite => {
            format!("{status} {}", text(message.reason()))
        }
        Some(status) => format!("{status} {} ({})", text(message.reason()), cseq.method),
    };
    if with_cseq {
        let _ = write!(what, "  #{}", cseq.number);
    }
    (what, text(message.call_id()))
}
