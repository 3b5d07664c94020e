//! Beside the scenario: leaving a call in order, and answering what nobody waits for.
//!
//! Made of the messages that were really sent and received, so that identifiers are right whatever the scenario wrote.

use std::net::SocketAddr;

use super::super::message::{Start, View, uri_of};
use super::write::decimal;
use super::{Call, World};
use crate::phone::Outbox;
use crate::phone::compose::put;

impl World<'_> {
    /// A response to what is in `view`, to where the call's messages go.
    pub(super) fn answer(
        &mut self,
        call: &Call,
        view: &View<'_>,
        status: &[u8],
        method: &[u8],
        out: &mut Outbox,
    ) {
        let start = out.bytes.len();
        write_response(view, status, method, &mut out.bytes);
        self.push(call, start, false, out);
        self.tally.answered += 1;
    }

    /// A request of no call gets its 200.
    pub(super) fn answer_stranger(
        &mut self,
        line: u32,
        view: &View<'_>,
        from: SocketAddr,
        out: &mut Outbox,
    ) {
        let start = out.bytes.len();
        write_response(view, b"200 OK", view.cseq_method, &mut out.bytes);
        out.sends.push(crate::phone::Send {
            line,
            to: from,
            repeated: false,
            start: start as u32,
            end: out.bytes.len() as u32,
        });
        self.tally.answered += 1;
    }

    /// What an unexpected message asks for, before its call is given up.
    pub(super) fn settle(&mut self, call: &mut Call, view: &View<'_>, out: &mut Outbox) {
        match view.start {
            Start::Request { method: b"BYE", .. } => {
                self.answer(call, view, b"200 OK", b"BYE", out);
                // Hung up: there is nothing left to leave.
                call.sent.clear();
                call.answer.clear();
            }
            Start::Request {
                method: b"CANCEL", ..
            } => {
                self.answer(call, view, b"200 OK", b"CANCEL", out);
                self.answer(call, view, b"487 Request Terminated", b"INVITE", out);
            }
            Start::Request { .. } => {}
            Start::Response { status } => self.acknowledge(call, view, status, out),
        }
    }

    /// A final response to our INVITE gets its ACK; one that answers the call, its BYE too.
    fn acknowledge(&mut self, call: &mut Call, view: &View<'_>, status: u16, out: &mut Outbox) {
        if status < 200 || view.cseq_method != b"INVITE" || !call.sent.starts_with(b"INVITE ") {
            return;
        }
        let invite = std::mem::take(&mut call.sent);
        if let Some(sent) = View::read(&invite) {
            let to = view.lines(b"To").next();
            let start = out.bytes.len();
            let is_answered = status < 300;
            let branch = is_answered.then_some(&b"a"[..]);
            let contact = view.values(b"Contact").next().filter(|_| is_answered);
            let ack = Tidy {
                method: b"ACK",
                uri: contact.map(uri_of),
                to,
                branch,
                cseq: None,
            };
            ack.write(&sent, &mut out.bytes);
            self.push(call, start, false, out);
            self.tally.tidied += 1;
            // And again when it comes again.
            call.answer.clear();
            call.answer.extend_from_slice(&out.bytes[start..]);
            call.answered = call.newest();
            if is_answered {
                self.hang_up(call, out);
            }
        }
        // It has its final response: nothing of it is left to be cancelled.
        self.pool(invite);
    }

    /// A call that failed is cancelled or hung up, as far as it had come. Only the calling side: what was
    /// acknowledged by us can be hung up by us.
    pub(super) fn tidy(&mut self, call: &mut Call, out: &mut Outbox) {
        if call.sent.starts_with(b"BYE ") || call.sent.starts_with(b"CANCEL ") {
            return;
        }
        let method = self.program.methods.iter().position(|one| one == b"INVITE");
        let is_open = method.is_some_and(|method| call.outstanding & 1 << method != 0);
        if is_open && call.sent.starts_with(b"INVITE ") && !call.last_response_is_none() {
            let start = out.bytes.len();
            if let Some(sent) = View::read(&call.sent) {
                let cancel = Tidy {
                    method: b"CANCEL",
                    uri: None,
                    to: sent.lines(b"To").next(),
                    branch: None,
                    cseq: None,
                };
                cancel.write(&sent, &mut out.bytes);
                self.push(call, start, false, out);
                self.tally.tidied += 1;
            }
        } else if !is_open && call.answer.starts_with(b"ACK ") {
            self.hang_up(call, out);
        }
    }

    /// BYE, made of the ACK.
    fn hang_up(&mut self, call: &mut Call, out: &mut Outbox) {
        let Some(ack) = View::read(&call.answer) else {
            return;
        };
        let Some(to) = ack.lines(b"To").next() else {
            return;
        };
        // Without a tag there was no dialog: it acknowledged a rejection.
        if memchr::memmem::find(to, b"tag=").is_none() {
            return;
        }
        let number = crate::phone::digest::decimal(ack.cseq).unwrap_or(0);
        let start = out.bytes.len();
        let bye = Tidy {
            method: b"BYE",
            uri: None,
            to: Some(to),
            branch: Some(b"b"),
            cseq: Some(i64::from(number.max(call.cseq)) + 1),
        };
        bye.write(&ack, &mut out.bytes);
        self.push(call, start, false, out);
        self.tally.tidied += 1;
    }

    /// Something for a call that is over.
    pub(super) fn late(&mut self, call: &mut Call, view: &View<'_>, out: &mut Outbox) {
        self.tally.late += 1;
        if !self.settings.tidies {
            return;
        }
        match view.start {
            Start::Request { method: b"BYE", .. } => {
                self.answer(call, view, b"200 OK", b"BYE", out);
            }
            Start::Request { .. } => {}
            Start::Response { status } => self.acknowledge(call, view, status, out),
        }
    }
}

impl Call {
    /// The digest of the message that came last.
    fn newest(&self) -> u64 {
        let place = usize::from(self.seen_next) + self.seen.len() - 1;
        self.seen[place % self.seen.len()]
    }

    fn last_response_is_none(&self) -> bool {
        // RFC 3261 §9.1: what has had no response at all cannot be cancelled.
        self.last_response == 0
    }
}

/// A request beside the scenario, made of another one.
struct Tidy<'a> {
    method: &'a [u8],
    /// Else that of the other.
    uri: Option<&'a [u8]>,
    to: Option<&'a [u8]>,
    /// A transaction of its own: this behind the other's branch.
    branch: Option<&'a [u8]>,
    cseq: Option<i64>,
}

impl Tidy<'_> {
    fn write(&self, other: &View<'_>, out: &mut Vec<u8>) {
        let uri = match other.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => return,
        };
        put(
            out,
            &[self.method, b" ", self.uri.unwrap_or(uri), b" SIP/2.0\r\n"],
        );
        if let Some(via) = other.lines(b"Via").next() {
            write_via(via, self.branch, out);
        }
        for name in [&b"Route"[..], b"From"] {
            for line in other.lines(name) {
                put(out, &[line, b"\r\n"]);
            }
        }
        if let Some(to) = self.to.or_else(|| other.lines(b"To").next()) {
            put(out, &[to, b"\r\n"]);
        }
        put(out, &[b"Call-ID: ", other.call_id, b"\r\nCSeq: "]);
        match self.cseq {
            Some(number) => decimal(out, number),
            None => out.extend_from_slice(other.cseq),
        }
        put(
            out,
            &[
                b" ",
                self.method,
                b"\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            ],
        );
    }
}

/// A Via line, its branch made longer.
fn write_via(via: &[u8], behind: Option<&[u8]>, out: &mut Vec<u8>) {
    let branch = memchr::memmem::find(via, b"branch=");
    let (Some(branch), Some(behind)) = (branch, behind) else {
        put(out, &[via, b"\r\n"]);
        return;
    };
    let value = &via[branch..];
    let end = value
        .iter()
        .position(|&byte| byte == b';' || byte == b',' || byte == b' ');
    let end = branch + end.unwrap_or(value.len());
    put(out, &[&via[..end], behind, &via[end..], b"\r\n"]);
}

/// A response without a body; its To has a tag.
fn write_response(view: &View<'_>, status: &[u8], method: &[u8], out: &mut Vec<u8>) {
    put(out, &[b"SIP/2.0 ", status, b"\r\n"]);
    for line in view.lines(b"Via") {
        put(out, &[line, b"\r\n"]);
    }
    for line in view.lines(b"From").take(1) {
        put(out, &[line, b"\r\n"]);
    }
    for line in view.lines(b"To").take(1) {
        let tag: &[u8] = match memchr::memmem::find(line, b"tag=") {
            Some(_) => b"",
            None => b";tag=tandem",
        };
        put(out, &[line, tag, b"\r\n"]);
    }
    put(
        out,
        &[
            b"Call-ID: ",
            view.call_id,
            b"\r\nCSeq: ",
            view.cseq,
            b" ",
            method,
            b"\r\nContent-Length: 0\r\n\r\n",
        ],
    );
}
