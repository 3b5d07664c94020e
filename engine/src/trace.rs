//! The ladder: one line for each message that comes or goes, when somebody asked for it.
//!
//! Off, it costs one test of a boolean. On, lines leave as `Output::Log` at debug level:
//! `udp:10.0.0.1:5060 < 10.0.0.9:5060 INVITE sip:bob@example.com SIP/2.0`.

use std::io::Write as _;

use memchr::memchr;
use parser::Message;

use crate::input::{Flow, SocketId};
use crate::outbox::{Outbox, Output};
use crate::sockets::Sockets;

/// Whether messages leave a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace {
    /// On.
    pub on: bool,
}

impl Trace {
    /// A line for what has come.
    pub(crate) fn received(
        self,
        sockets: &Sockets,
        message: &Message,
        flow: Flow,
        outbox: &mut Outbox,
    ) {
        outbox.log(4, |out| line(sockets, '<', flow, message.bytes(), out));
    }

    /// A line for everything that goes: the outputs from `first` on.
    pub(crate) fn sent(self, sockets: &Sockets, first: usize, outbox: &mut Outbox) {
        for at in first..outbox.outputs().len() {
            let Output::Send { range, flow, .. } = &outbox.outputs()[at] else {
                continue;
            };
            let (range, flow) = (range.clone(), *flow);
            let mut text = Vec::new();
            line(sockets, '>', flow, outbox.slice(&range), &mut text);
            outbox.log(4, |out| out.extend_from_slice(&text));
        }
    }
}

fn line(sockets: &Sockets, arrow: char, flow: Flow, bytes: &[u8], out: &mut Vec<u8>) {
    let end = memchr(b'\r', bytes).unwrap_or(bytes.len());
    let first = bytes[..end].escape_ascii();
    // Writing to a vector does not fail.
    let _ = write!(
        out,
        "{} {arrow} {} {first}",
        name(sockets, flow.socket),
        flow.remote
    );
}

fn name(sockets: &Sockets, id: SocketId) -> &str {
    sockets.get(id).map_or("?", |socket| socket.name.as_str())
}
