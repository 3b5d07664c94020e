//! What both sides do once a call stands: requests of the dialog, ACK, BYE, re-INVITE (RFC 3261 §12, §14, §15).

use std::net::SocketAddr;

use parser::{Message, NameAddr};
use smallvec::SmallVec;

use super::call::{Call, Next, Part, Role, Text};
use super::compose::{self, Request, put};
use super::drive::{Input, TimerKind, Turn, pack};
use super::limits::{GLARES_MAX, ROUTES_MAX};
use super::slab::Key;
use super::token::{Kind, TOKEN_BYTES};
use super::transaction::{Machine, NEVER, Owner, server_invite};
use super::wheel::TimerId;
use super::{CallState, Failure, Micros, Phone, Routing, Session, Spread, Verb, What};

/// Record-Route elements on their way into a route set.
pub(crate) type Routes<'a> = SmallVec<[NameAddr<'a>; 8]>;

/// The remote target and the route set, as requests of the dialog will carry them. Behind a strict router
/// (RFC 3261 §12.2.1.1) the first route is the Request-URI and the target stands last.
pub(crate) fn set_route_set(text: &mut Text, target: &[u8], routes: &[NameAddr<'_>]) {
    let strict = routes
        .first()
        .filter(|first| !first.uri().is_ok_and(|uri| uri.params.has(b"lr")));
    let rest = if strict.is_some() {
        &routes[1..]
    } else {
        routes
    };
    text.set(Part::Target, |out| {
        put(out, &[strict.map_or(target, |first| first.addr_spec)])
    });
    text.set(Part::Routes, |out| {
        for (at, route) in rest.iter().enumerate() {
            let before: &[u8] = if at == 0 { b"" } else { b", " };
            put(
                out,
                &[before, b"<", route.addr_spec, b">", route.params.raw()],
            );
        }
        if strict.is_some() {
            let before: &[u8] = if rest.is_empty() { b"" } else { b", " };
            put(out, &[before, b"<", target, b">"]);
        }
    });
}

impl Phone {
    /// The dialog as a 2xx to our INVITE describes it (§12.1.2). `false` when it makes none.
    pub(crate) fn enter_dialog(&mut self, key: Key, message: &Message) -> bool {
        let Some(tag) = message.to_tag() else {
            return false;
        };
        let unrouted = self.settings.routing == Routing::Unrouted;
        let contact = message
            .contacts()
            .next()
            .map(|contact| contact.value.addr_spec);
        let Some(call) = self.calls.get_mut(key) else {
            return false;
        };
        let first_target: SmallVec<[u8; 128]> = SmallVec::from_slice(call.text.get(Part::Target));
        let target = match (unrouted, contact) {
            (true, _) => &first_target[..],
            (false, Some(contact)) => contact,
            (false, None) => return false,
        };
        let mut routes = Routes::new();
        if !unrouted {
            routes.extend(
                message
                    .record_routes()
                    .map(|route| route.value)
                    .take(ROUTES_MAX),
            );
            routes.reverse();
        }
        let to = message
            .header(parser::HeaderName::To)
            .map_or(&b""[..], |field| field.value);
        call.text.set(Part::Remote, |out| put(out, &[to]));
        call.text.set(Part::RemoteTag, |out| put(out, &[tag]));
        set_route_set(&mut call.text, target, &routes);
        if !unrouted {
            let Some(call) = self.calls.get(key) else {
                return false;
            };
            let hop = self.hop_of(call);
            if let Some(call) = self.calls.get_mut(key) {
                call.hop = hop;
            }
        }
        true
    }

    /// A target refresh: a re-INVITE or its 2xx names a new Contact.
    fn refresh_target(&mut self, key: Key, message: &Message) {
        let contact = message
            .contacts()
            .next()
            .map(|contact| contact.value.addr_spec);
        let (Some(contact), Routing::RouteSet) = (contact, self.settings.routing) else {
            return;
        };
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let routes: SmallVec<[u8; 256]> = SmallVec::from_slice(call.text.get(Part::Routes));
        if call.text.get(Part::Target) == contact {
            return;
        }
        call.text.set(Part::Target, |out| put(out, &[contact]));
        call.text.set(Part::Routes, |out| put(out, &[&routes]));
    }

    /// The next hop of requests of the dialog: the first route, else the target.
    pub(crate) fn hop_of(&self, call: &Call) -> SocketAddr {
        let routes = call.text.get(Part::Routes);
        let first = NameAddr::parse(first_of(routes))
            .ok()
            .map(|route| route.addr_spec);
        self.hop_for(
            first.unwrap_or_else(|| call.text.get(Part::Target)),
            call.hop,
        )
    }

    /// Writes a request of the dialog as it stands now.
    pub(crate) fn write_request(
        &self,
        turn: &mut Turn<'_>,
        call: &Call,
        verb: Verb,
        cseq: u32,
        branch: [u8; TOKEN_BYTES],
        to: &[u8],
    ) {
        let text = &call.text;
        let line = &self.lines[call.line as usize];
        let opens = verb == Verb::Invite;
        let with_session = match self.settings.session {
            Session::Offer => opens,
            Session::Late => verb == Verb::Ack,
            Session::None => false,
        };
        Request {
            verb,
            request_uri: text.get(Part::Target),
            transport: self.settings.transport,
            sent_by: &line.sent_by,
            branch,
            routes: text.get(Part::Routes),
            from: text.get(Part::Local),
            to,
            call_id: text.get(Part::CallId),
            cseq,
            contact: if opens || verb == Verb::Update {
                text.get(Part::Contact)
            } else {
                b""
            },
            headers: if opens { compose::ALLOW_LINE } else { b"" },
            text: b"",
            body: if with_session { &line.session } else { b"" },
        }
        .write(&mut turn.out.bytes);
    }

    /// The ACK to a 2xx: the same bytes each time, under a branch of its own.
    pub(crate) fn send_ack(&mut self, turn: &mut Turn<'_>, key: Key, cseq: u32, repeated: bool) {
        if self.settings.faults.lose_ack.strikes(&mut self.random) {
            return;
        }
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let (line, hop) = (call.line, call.hop);
        let named = Key {
            generation: key.generation ^ (cseq << 20),
            ..key
        };
        let start = turn.begin();
        let branch = self.mint.token(Kind::AckBranch, named);
        self.write_request(
            turn,
            call,
            Verb::Ack,
            cseq,
            branch,
            call.text.get(Part::Remote),
        );
        self.counters.requests_sent += 1;
        turn.send(start, line, hop, repeated);
        self.duplicate(turn);
    }

    /// What the plan wants of a call that stands.
    pub(crate) fn plan_talk(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let (hold, reinvite) = (call.hold, call.reinvite);
        let wait = hold.map(|hold| hold.draw(&mut self.random));
        let reinvite = reinvite.map(|reinvite| reinvite.draw(&mut self.random));
        if wait == Some(0) {
            return self.hang_up(turn, key);
        }
        let hang_up_at = wait.map_or(NEVER, |wait| turn.now + wait);
        if let Some(call) = self.calls.get_mut(key) {
            call.hang_up_at = hang_up_at;
        }
        match reinvite {
            Some(reinvite) if turn.now + reinvite < hang_up_at => {
                self.set_call_timer(key, Next::Reinvite, turn.now + reinvite);
            }
            _ => self.set_call_timer(key, Next::HangUp, hang_up_at),
        }
    }

    pub(crate) fn set_call_timer(&mut self, key: Key, next: Next, due: Micros) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        self.wheel.cancel(&mut call.timer);
        call.next = next;
        if due < NEVER {
            call.timer = self.wheel.set(due, pack(TimerKind::Call, key));
        }
    }

    pub(crate) fn on_call_timer(&mut self, turn: &mut Turn<'_>, key: Key) {
        self.wake(key);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        call.timer = TimerId::NONE;
        let hang_up_at = call.hang_up_at;
        match std::mem::replace(&mut call.next, Next::Nothing) {
            Next::Nothing => {}
            Next::FinishRinging => self.finish_kept(turn, key),
            Next::RingAgain => self.ring_again(turn, key),
            Next::Cancel => self.cancel(turn, key),
            Next::HangUp => self.hang_up(turn, key),
            Next::Reinvite => {
                self.reinvite(turn, key);
                self.set_call_timer(key, Next::HangUp, hang_up_at);
            }
        }
    }

    // BYE.

    pub(crate) fn hang_up(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get_mut(key) else {
            return turn.notice(key, 0, What::Refused);
        };
        match (call.state, call.role) {
            (CallState::Calling | CallState::Ringing, Role::Caller) => self.cancel(turn, key),
            (CallState::Calling | CallState::Ringing, _) => self.reject(turn, key, 603),
            // §15: the callee must not send BYE before the ACK.
            (CallState::Answered, _) => call.hold = Some(Spread::Fixed(0)),
            (CallState::Established, _) => self.send_bye(turn, key),
            (CallState::Ending, _) => {}
        }
    }

    pub(crate) fn send_bye(&mut self, turn: &mut Turn<'_>, key: Key) {
        let wrong_tag = self.settings.faults.wrong_tag.strikes(&mut self.random);
        let Some((_, branch)) = self.reserve() else {
            return;
        };
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        self.wheel.cancel(&mut call.timer);
        call.state = CallState::Ending;
        call.local_cseq += 1;
        let (cseq, line, hop) = (call.local_cseq, call.line, call.hop);
        let mut to: SmallVec<[u8; 128]> = SmallVec::from_slice(call.text.get(Part::Remote));
        if wrong_tag {
            to.extend_from_slice(b"-wrong");
        }
        let start = turn.begin();
        if let Some(call) = self.calls.get(key) {
            self.write_request(turn, call, Verb::Bye, cseq, branch, &to);
        }
        self.launch(turn, start, Owner::Call(key), Verb::Bye, cseq, line, hop);
    }

    pub(crate) fn on_bye_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let peer_hung_up = call.peer_hung_up;
        if status < 200 || call.role == Role::Fork {
            return;
        }
        if self
            .retry_challenged(turn, key, transaction, status, message)
            .is_some()
        {
            return;
        }
        let started = self
            .transactions
            .get(transaction)
            .map_or(turn.now, |t| t.started);
        // Both hung up at once: whichever came second finds no dialog.
        let ended = status < 300 || (status == 481 && peer_hung_up);
        let outcome = if ended {
            What::Ended {
                by_us: true,
                answer: turn.now - started,
            }
        } else {
            What::Failed(Failure::ByeRejected(status))
        };
        self.end_call(turn, key, outcome);
    }

    pub(crate) fn on_bye(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
    ) {
        let Some(key) = self.dialog_of(message) else {
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
        if !self.is_in_order(key, message) {
            return self.reply(
                turn,
                line,
                from,
                message,
                table_key,
                500,
                Owner::Nobody,
                b"",
            );
        }
        self.reply(
            turn,
            line,
            from,
            message,
            table_key,
            200,
            Owner::Nobody,
            b"",
        );
        self.stop_answering(turn, key);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        match (call.role, call.state) {
            (Role::Fork, _) => {}
            (Role::Callee, CallState::Ringing) => self.finish_cancelled(turn, key),
            (_, CallState::Ending) => call.peer_hung_up = true,
            (_, _) => self.end_call(
                turn,
                key,
                What::Ended {
                    by_us: false,
                    answer: 0,
                },
            ),
        }
    }

    /// A 2xx of ours whose ACK was lost is not repeated once the caller hung up.
    fn stop_answering(&mut self, turn: &Turn<'_>, key: Key) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let invite = call.invite;
        let waits = self.transactions.get(invite).is_some_and(|t| {
            matches!(
                t.machine,
                Machine::ServerInvite(server_invite::State::Accepted)
            )
        });
        if waits {
            self.step(turn, invite, Input::Ack);
            self.settle(turn, invite);
        }
    }

    /// Frees a call and says how it ended.
    pub(crate) fn end_call(&mut self, turn: &mut Turn<'_>, key: Key, outcome: What) {
        let Some(mut call) = self.calls.remove(key) else {
            return;
        };
        self.wheel.cancel(&mut call.timer);
        self.open -= 1;
        turn.notice(key, call.tag, outcome);
        let mut fork = call.forks;
        self.buffers.give(call.text.into_buffer());
        while let Some(mut other) = self.calls.remove(fork) {
            self.wheel.cancel(&mut other.timer);
            fork = other.forks;
            self.buffers.give(other.text.into_buffer());
        }
    }

    // re-INVITE.

    pub(crate) fn reinvite(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some((transaction, branch)) = self.reserve() else {
            return;
        };
        let Some(call) = self
            .calls
            .get_mut(key)
            .filter(|call| call.state == CallState::Established && !call.reinviting)
        else {
            return turn.notice(key, 0, What::Refused);
        };
        call.local_cseq += 1;
        call.invite_cseq = call.local_cseq;
        call.invite = transaction;
        call.reinviting = true;
        self.send_invite(turn, key, branch);
    }

    /// Answers a challenge to a request inside a dialog. The transaction of its next try, and its CSeq.
    fn retry_challenged(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) -> Option<(Key, u32)> {
        if !matches!(status, 401 | 407) {
            return None;
        }
        let (retry, cseq) = self.retry_with_credentials(turn, transaction, message)?;
        if let Some(call) = self.calls.get_mut(key) {
            call.local_cseq = cseq;
        }
        Some((retry, cseq))
    }

    pub(crate) fn on_reinvite_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        if status < 200 {
            return;
        }
        if let Some((retry, cseq)) = self.retry_challenged(turn, key, transaction, status, message)
        {
            if let Some(call) = self.calls.get_mut(key) {
                (call.invite, call.invite_cseq) = (retry, cseq);
            }
            return;
        }
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        call.reinviting = false;
        call.glares += u8::from(status == 491);
        let (tag, role, state, glares) = (call.tag, call.role, call.state, call.glares);
        match status {
            200..300 => {
                self.refresh_target(key, message);
                self.send_ack(turn, key, message.cseq().number, false);
            }
            // §14.1: whoever chose the Call-ID waits longer.
            491 if state == CallState::Established && glares <= GLARES_MAX => {
                let wait = match role {
                    Role::Caller => Spread::Uniform(2_100_000, 4_000_000),
                    Role::Callee | Role::Fork => Spread::Uniform(0, 2_000_000),
                };
                let due = turn.now + wait.draw(&mut self.random);
                self.set_call_timer(key, Next::Reinvite, due);
            }
            // §12.2.1.2: the dialog is gone.
            408 | 481 if state == CallState::Established => {
                self.send_bye(turn, key);
                return self.end_call(turn, key, What::Failed(Failure::Rejected(status)));
            }
            _ => {}
        }
        turn.notice(key, tag, What::Reinvited(status));
    }

    pub(crate) fn on_reinvite_timeout(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get_mut(key).filter(|call| call.reinviting) else {
            return;
        };
        call.reinviting = false;
        let tag = call.tag;
        turn.notice(key, tag, What::Reinvited(408));
        self.hang_up(turn, key);
    }

    /// An INVITE inside a dialog (§14.2).
    pub(crate) fn on_reinvite(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
    ) {
        let Some(key) = self.dialog_of(message) else {
            self.counters.strays += 1;
            return self.turn_down(turn, line, from, message, table_key, 481, b"");
        };
        let in_order = self.is_in_order(key, message);
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let (state, invite) = (call.state, call.invite);
        let unfinished = self.transactions.get(invite).is_some_and(|t| {
            use server_invite::State::{Accepted, Proceeding};
            matches!(t.machine, Machine::ServerInvite(Proceeding | Accepted))
        });
        let refusal: Option<(u16, &[u8])> = match state {
            _ if !in_order => Some((500, b"")),
            _ if call.reinviting => Some((491, b"")),
            _ if unfinished => Some((500, b"Retry-After: 5\r\n")),
            CallState::Established => None,
            CallState::Calling | CallState::Ringing | CallState::Answered | CallState::Ending => {
                Some((481, b""))
            }
        };
        if let Some((status, headers)) = refusal {
            return self.turn_down(turn, line, from, message, table_key, status, headers);
        }
        let machine = Machine::ServerInvite(server_invite::State::Proceeding);
        let owner = Owner::Call(key);
        let transaction =
            self.create_server(turn, line, from, message, machine, owner, [table_key, 0]);
        let Some(transaction) = transaction else {
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
        if let Some(call) = self.calls.get_mut(key) {
            call.invite = transaction;
        }
        self.refresh_target(key, message);
        self.respond_to_invite(turn, key, message, 200);
    }

    // UPDATE (RFC 3311), as a target refresh without an offer.

    pub(crate) fn update(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some((_, branch)) = self.reserve() else {
            return;
        };
        let Some(call) = self
            .calls
            .get_mut(key)
            .filter(|call| call.state == CallState::Established)
        else {
            return turn.notice(key, 0, What::Refused);
        };
        call.local_cseq += 1;
        let (cseq, line, hop) = (call.local_cseq, call.line, call.hop);
        let start = turn.begin();
        if let Some(call) = self.calls.get(key) {
            let to = call.text.get(Part::Remote);
            self.write_request(turn, call, Verb::Update, cseq, branch, to);
        }
        self.launch(turn, start, Owner::Call(key), Verb::Update, cseq, line, hop);
    }

    pub(crate) fn on_update_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        if status < 200 {
            return;
        }
        if matches!(status, 401 | 407)
            && let Some((_, cseq)) = self.retry_with_credentials(turn, transaction, message)
        {
            if let Some(call) = self.calls.get_mut(key) {
                call.local_cseq = cseq;
            }
            return;
        }
        if (200..300).contains(&status) {
            self.refresh_target(key, message);
        }
        if let Some(call) = self.calls.get(key) {
            turn.notice(key, call.tag, What::Updated(status));
        }
    }

    pub(crate) fn on_update(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
    ) {
        let status = match self.dialog_of(message) {
            None => 481,
            Some(key) if !self.is_in_order(key, message) => 500,
            Some(key) => {
                self.refresh_target(key, message);
                200
            }
        };
        self.counters.strays += u64::from(status == 481);
        self.reply(
            turn,
            line,
            from,
            message,
            table_key,
            status,
            Owner::Nobody,
            b"",
        );
    }

    // Matching.

    /// The dialog that a request belongs to (§12.2.2).
    pub(crate) fn dialog_of(&mut self, message: &Message) -> Option<Key> {
        let key = self.mint.read(Kind::Tag, message.to_tag()?)?;
        self.wake(key);
        let call = self.calls.get(key)?;
        if call.text.get(Part::CallId) != message.call_id() {
            return None;
        }
        let their_tag = message.from_tag().unwrap_or_default();
        let mut candidate = key;
        while let Some(call) = self.calls.get(candidate) {
            if call.text.get(Part::RemoteTag) == their_tag {
                return Some(candidate);
            }
            candidate = call.forks;
        }
        None
    }

    /// Whether a request's CSeq is above the last one's; takes it over if it is.
    pub(crate) fn is_in_order(&mut self, key: Key, message: &Message) -> bool {
        let Some(call) = self.calls.get_mut(key) else {
            return false;
        };
        let number = message.cseq().number;
        let in_order = number > call.remote_cseq || call.remote_cseq == 0;
        if in_order {
            call.remote_cseq = number;
        }
        in_order
    }
}

/// The first element of a Route value that we joined ourselves.
fn first_of(routes: &[u8]) -> &[u8] {
    let end = routes
        .iter()
        .position(|&byte| byte == b'>')
        .map_or(0, |at| at + 1);
    &routes[..end]
}
