//! The answering side: INVITE in, ringing, 2xx until its ACK, rejection, CANCEL (RFC 3261 §13.3, §9.2).

use std::net::SocketAddr;

use parser::{Frame, HeaderName, Message, Response, Uri};

use super::call::{Call, Next, Part, Role};
use super::compose::{self, put};
use super::dialog::{Routes, set_route_set};
use super::drive::{Input, Turn};
use super::limits::ROUTES_MAX;
use super::slab::Key;
use super::token::Kind;
use super::transaction::{Machine, Owner, server_invite};
use super::{CallState, Failure, Phone, Routing, Session, Then, What};

impl Phone {
    /// An INVITE that no transaction knows.
    pub(crate) fn on_invite(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
    ) {
        if message.to_tag().is_some() {
            return self.on_reinvite(turn, line, from, message, table_key);
        }
        let answering = self.settings.answering;
        if answering.then == Then::Silent {
            return;
        }
        let merged_key = self.merged_key(message);
        if self.servers.contains_key(&merged_key) {
            return self.turn_down(turn, line, from, message, table_key, 482, b"");
        }
        if let Some(unsupported) = unsupported(message) {
            return self.turn_down(turn, line, from, message, table_key, 420, &unsupported);
        }
        let Some(call) = self.calls.next_key() else {
            return self.turn_down(
                turn,
                line,
                from,
                message,
                table_key,
                503,
                b"Retry-After: 5\r\n",
            );
        };
        let machine = Machine::ServerInvite(server_invite::State::Proceeding);
        let places = [table_key, merged_key];
        let Some(transaction) = self.create_server(
            turn,
            line,
            from,
            message,
            machine,
            Owner::Call(call),
            places,
        ) else {
            return self.turn_down(
                turn,
                line,
                from,
                message,
                table_key,
                503,
                b"Retry-After: 5\r\n",
            );
        };
        let mut record = Call::new(Role::Callee, line, 0, from, self.buffers.take());
        self.name_callee(&mut record, call, message);
        record.state = CallState::Ringing;
        record.invite = transaction;
        record.remote_cseq = message.cseq().number;
        let then = self.settings.odds.then(answering.then, &mut self.random);
        record.then = then;
        record.hold = answering
            .hang_up
            .filter(|_| self.settings.odds.hangs_up(&mut self.random));
        self.calls.insert(record);
        self.open += 1;
        turn.notice(call, 0, What::Incoming);
        if answering.trying {
            self.respond_to_invite(turn, call, message, 100);
        }
        self.begin_ringing(turn, call, message, answering.ringing, then);
    }

    fn begin_ringing(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        message: &Message,
        ringing: Option<u16>,
        then: Then,
    ) {
        // Busy and the like are said at once; only what is answered rings before.
        if let Some(status) = ringing
            && !matches!(then, Then::Reject(486 | 600))
        {
            self.respond_to_invite(turn, key, message, status);
        }
        let wait = self.settings.answering.ring.draw(&mut self.random);
        if wait == 0 && then != Then::Ring {
            return self.finish_ringing(turn, key, message);
        }
        let mut text = self.buffers.take();
        text.extend_from_slice(message.bytes());
        let invite = self.calls.get(key).map_or(Key::NONE, |call| call.invite);
        if let Some(transaction) = self.transactions.get_mut(invite) {
            transaction.text = text;
        }
        if then != Then::Ring {
            self.set_call_timer(key, Next::FinishRinging, turn.now + wait);
        } else if self.around.timers.ringing > 0 && ringing.is_some() {
            self.set_call_timer(key, Next::RingAgain, turn.now + self.around.timers.ringing);
        }
    }

    /// The end of the ring time, or a command.
    pub(crate) fn finish_ringing(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        match call.then {
            Then::Answer => {
                self.respond_to_invite(turn, key, message, 200);
                if let Some(call) = self.calls.get_mut(key) {
                    call.state = CallState::Answered;
                }
                if self.settings.faults.second_final.strikes(&mut self.random) {
                    self.write_final(turn, key, message, 486);
                }
            }
            Then::Reject(status) => {
                self.respond_to_invite(turn, key, message, status);
                self.end_call(turn, key, What::Failed(Failure::Rejected(status)));
            }
            Then::Ring | Then::Silent => {}
        }
    }

    /// The same from the INVITE that was kept while it rang.
    pub(crate) fn finish_kept(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(message) = self.kept_invite(key) else {
            return;
        };
        self.finish_ringing(turn, key, &message);
    }

    pub(crate) fn ring_again(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(message) = self.kept_invite(key) else {
            return;
        };
        let status = self.settings.answering.ringing.unwrap_or(180);
        self.respond_to_invite(turn, key, &message, status);
        self.set_call_timer(key, Next::RingAgain, turn.now + self.around.timers.ringing);
    }

    fn kept_invite(&self, key: Key) -> Option<Message> {
        let invite = self.calls.get(key)?.invite;
        let transaction = self.transactions.get(invite)?;
        Message::parse(Frame::copy_of(&transaction.text)).ok()
    }

    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, key: Key) {
        self.decide(turn, key, Then::Answer);
    }

    pub(crate) fn reject(&mut self, turn: &mut Turn<'_>, key: Key, status: u16) {
        self.decide(turn, key, Then::Reject(status));
    }

    fn decide(&mut self, turn: &mut Turn<'_>, key: Key, then: Then) {
        match self.calls.get_mut(key) {
            Some(call) if call.role == Role::Callee && call.state == CallState::Ringing => {
                call.then = then;
                self.wheel.cancel(&mut call.timer);
                self.finish_kept(turn, key);
            }
            _ => turn.notice(key, 0, What::Refused),
        }
    }

    /// Sends a response of the call's INVITE and moves its transaction.
    pub(crate) fn respond_to_invite(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        message: &Message,
        status: u16,
    ) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let invite = call.invite;
        if self.transactions.get(invite).is_none() {
            return;
        }
        let start = turn.begin();
        self.write_invite_response(turn, key, message, status);
        let lost = status >= 200 && self.settings.faults.lose_response.strikes(&mut self.random);
        self.step(turn, invite, Input::Respond(status));
        let Some(transaction) = self.transactions.get_mut(invite) else {
            return;
        };
        transaction.status = status;
        let (line, to) = (transaction.line, transaction.to);
        if status >= 200 {
            if transaction.text.capacity() == 0 {
                transaction.text = self.buffers.take();
            }
            transaction.text.clear();
            transaction.text.extend_from_slice(&turn.out.bytes[start..]);
        }
        if lost {
            turn.out.bytes.truncate(start);
        } else {
            self.counters.responses_sent += 1;
            turn.send(start, line, to, false);
            self.duplicate(turn);
        }
        self.settle(turn, invite);
    }

    fn write_invite_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        message: &Message,
        status: u16,
    ) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let Some(transaction) = self.transactions.get(call.invite) else {
            return;
        };
        let tag = self.mint.token(Kind::Tag, key);
        let dialog = (101..300).contains(&status);
        let mut headers = std::mem::take(&mut self.scratch);
        headers.clear();
        if dialog {
            put(
                &mut headers,
                &[b"Contact: <", call.text.get(Part::Contact), b">\r\n"],
            );
        } else if (300..400).contains(&status) && !self.settings.elsewhere.is_empty() {
            let contact = self.settings.elsewhere.as_bytes();
            put(&mut headers, &[b"Contact: ", contact, b"\r\n"]);
        }
        if (200..300).contains(&status) {
            headers.extend_from_slice(compose::ALLOW_LINE);
        }
        let with_session =
            matches!(status, 183 | 200..300) && self.settings.session != Session::None;
        Response {
            code: status,
            to_tag: (status > 100).then_some(&tag),
            record_route: dialog && self.settings.routing == Routing::RouteSet,
            // Where its response goes has the address it came from; the port matters only where rport asks.
            source: Some(transaction.to),
            headers: &headers,
            content_type: compose::SDP_TYPE,
            body: if with_session {
                &self.lines[call.line as usize].session
            } else {
                b""
            },
            ..Response::default()
        }
        .write(message, &mut turn.out.bytes);
        self.scratch = headers;
    }

    /// A knob: a final response outside any order.
    fn write_final(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message, status: u16) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let Some(transaction) = self.transactions.get(call.invite) else {
            return;
        };
        let (line, to) = (transaction.line, transaction.to);
        let start = turn.begin();
        self.write_invite_response(turn, key, message, status);
        self.counters.responses_sent += 1;
        turn.send(start, line, to, false);
    }

    /// A final response to an INVITE that becomes no call.
    #[allow(clippy::too_many_arguments, reason = "a request and its answer")]
    pub(crate) fn turn_down(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
        status: u16,
        headers: &[u8],
    ) {
        let machine = Machine::ServerInvite(server_invite::State::Proceeding);
        let owner = Owner::Nobody;
        let key = self.create_server(turn, line, from, message, machine, owner, [table_key, 0]);
        let tag = self.tag_for(key.unwrap_or(Key::NONE), owner);
        let start = turn.begin();
        self.write_response(turn, line, from, message, status, &tag, headers, false);
        let Some(key) = key else { return };
        self.step(turn, key, Input::Respond(status));
        let mut text = self.buffers.take();
        let end = turn.out.sends.last().map_or(start, |send| send.range().end);
        text.extend_from_slice(&turn.out.bytes[start..end]);
        if let Some(transaction) = self.transactions.get_mut(key) {
            transaction.status = status;
            transaction.text = text;
        }
        self.settle(turn, key);
    }

    /// The dialog as an INVITE describes it (§12.1.1).
    fn name_callee(&self, call: &mut Call, key: Key, message: &Message) {
        let tag = self.mint.token(Kind::Tag, key);
        let raw = |name| message.header(name).map_or(&b""[..], |field| field.value);
        let user = Uri::parse(message.request_uri())
            .ok()
            .and_then(|uri| uri.user)
            .unwrap_or_default();
        let line = call.line;
        call.text
            .set(Part::CallId, |out| put(out, &[message.call_id()]));
        call.text.set(Part::Local, |out| {
            put(out, &[raw(HeaderName::To), b";tag=", &tag])
        });
        call.text
            .set(Part::Contact, |out| self.write_contact(out, line, user));
        call.text
            .set(Part::Remote, |out| put(out, &[raw(HeaderName::From)]));
        call.text.set(Part::RemoteTag, |out| {
            put(out, &[message.from_tag().unwrap_or_default()])
        });
        let target = message
            .contacts()
            .next()
            .map_or(&b""[..], |contact| contact.value.addr_spec);
        let routes: Routes<'_> = match self.settings.routing {
            Routing::RouteSet => message
                .record_routes()
                .map(|route| route.value)
                .take(ROUTES_MAX)
                .collect(),
            Routing::Unrouted => Routes::new(),
        };
        set_route_set(&mut call.text, target, &routes);
        call.hop = self.hop_of(call);
    }

    /// The ACK to our 2xx.
    pub(crate) fn on_acknowledged(&mut self, turn: &mut Turn<'_>, transaction: Key) {
        let Some(Owner::Call(key)) = self.transactions.get(transaction).map(|t| t.owner) else {
            return;
        };
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        if call.state == CallState::Answered {
            call.state = CallState::Established;
            let tag = call.tag;
            turn.notice(key, tag, What::Acknowledged);
            self.plan_talk(turn, key);
        }
    }

    /// §13.3.1.4: no ACK came in 64*T1, so the session is ended.
    pub(crate) fn on_ack_missing(&mut self, turn: &mut Turn<'_>, key: Key) {
        if let Some(call) = self.calls.get_mut(key) {
            call.state = CallState::Established;
        }
        self.send_bye(turn, key);
        self.end_call(turn, key, What::Failed(Failure::NoAck));
    }

    pub(crate) fn on_cancel(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
    ) {
        let invite = self
            .servers
            .get(&self.table_key(message, b"INVITE"))
            .copied();
        let Some(invite) = invite.filter(|&key| self.transactions.get(key).is_some()) else {
            self.counters.strays += 1;
            return self.reply(
                turn,
                line,
                from,
                message,
                table_key,
                481,
                Owner::Nobody,
                b"",
            );
        };
        let owner = self
            .transactions
            .get(invite)
            .map_or(Owner::Nobody, |t| t.owner);
        self.reply(turn, line, from, message, table_key, 200, owner, b"");
        let Owner::Call(key) = owner else { return };
        let ignored = self.settings.faults.ignore_cancel.strikes(&mut self.random);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        if call.state != CallState::Ringing || call.cancel_ignored {
            return;
        }
        if ignored {
            call.cancel_ignored = true;
            if call.then == Then::Ring {
                call.then = Then::Answer;
                self.finish_kept(turn, key);
            }
            return;
        }
        self.finish_cancelled(turn, key);
    }

    /// 487 to the INVITE.
    pub(crate) fn finish_cancelled(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(invite) = self.kept_invite(key) else {
            return;
        };
        self.respond_to_invite(turn, key, &invite, 487);
        self.end_call(turn, key, What::Cancelled { by_us: false });
    }
}

/// RFC 3261 §8.2.2.3: extensions that the request insists on and a phone does not have, as a header line.
pub(crate) fn unsupported(message: &Message) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    for option in message.list(HeaderName::Require) {
        let before: &[u8] = if line.is_empty() {
            b"Unsupported: "
        } else {
            b", "
        };
        put(&mut line, &[before, option.raw]);
    }
    if line.is_empty() {
        return None;
    }
    line.extend_from_slice(b"\r\n");
    Some(line)
}
