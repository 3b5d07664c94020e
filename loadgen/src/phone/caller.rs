//! The calling side: INVITE, its responses, CANCEL, forks (RFC 3261 §13.2, §9.1).

use std::net::SocketAddr;

use parser::Message;

use super::call::{Call, Next, Part, Role};
use super::compose::{self, put};
use super::drive::Turn;
use super::limits::FORKS_MAX;
use super::slab::Key;
use super::token::Kind;
use super::transaction::{Machine, Owner, client_invite};
use super::{CallPlan, CallState, Failure, Phone, Stage, Verb, What};

impl Phone {
    pub(crate) fn start_call(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        user: &str,
        to: &str,
        plan: CallPlan,
        tag: u64,
    ) {
        let hop = self
            .settings
            .proxy
            .or_else(|| compose::address_of(to.as_bytes()));
        let room = self.calls.next_key().zip(self.reserve());
        let (Some(hop), Some((key, (transaction, branch))), true) =
            (hop, room, (line as usize) < self.lines.len())
        else {
            return turn.notice(Key::NONE, tag, What::Refused);
        };
        let mut call = Call::new(Role::Caller, line, tag, hop, self.buffers.take());
        self.name_caller(&mut call, key, line, user, to);
        call.local_cseq = 1;
        call.invite_cseq = 1;
        call.invite = transaction;
        call.hold = plan.hold;
        call.reinvite = plan.reinvite;
        self.calls.insert(call);
        self.open += 1;

        turn.notice(key, tag, What::Calling);
        self.send_invite(turn, key, branch);
        if let Some(cancel) = plan.cancel {
            let wait = cancel.draw(&mut self.random);
            self.set_call_timer(key, Next::Cancel, turn.now + wait);
        }
    }

    fn name_caller(&self, call: &mut Call, key: Key, line: u32, user: &str, to: &str) {
        let texts = &self.lines[line as usize];
        let user = if user.is_empty() {
            &self.settings.lines[line as usize].user
        } else {
            user
        }
        .as_bytes();
        let domain = self.settings.domain.as_bytes();
        let call_id = self.mint.token(Kind::CallId, key);
        let tag = self.mint.token(Kind::Tag, key);
        call.text
            .set(Part::CallId, |out| put(out, &[&call_id, b"@", &texts.host]));
        call.text.set(Part::Local, |out| {
            put(out, &[b"<sip:", user, b"@", domain, b">;tag=", &tag])
        });
        call.text
            .set(Part::Contact, |out| self.write_contact(out, line, user));
        call.text
            .set(Part::Remote, |out| put(out, &[b"<", to.as_bytes(), b">"]));
        call.text.set(Part::RemoteTag, |_| {});
        call.text
            .set(Part::Target, |out| put(out, &[to.as_bytes()]));
    }

    /// `sip:user@192.0.2.1:5060`, without brackets.
    pub(crate) fn write_contact(&self, out: &mut Vec<u8>, line: u32, user: &[u8]) {
        put(out, &[b"sip:", user]);
        if !user.is_empty() {
            out.push(b'@');
        }
        out.extend_from_slice(&self.lines[line as usize].sent_by);
        if self.around.transport.is_reliable() {
            out.extend_from_slice(b";transport=tcp");
        }
    }

    /// The INVITE of a new call, or a re-INVITE: both are the dialog's as it stands.
    pub(crate) fn send_invite(&mut self, turn: &mut Turn<'_>, key: Key, branch: [u8; 16]) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let (cseq, line, hop) = (call.invite_cseq, call.line, call.hop);
        let start = turn.begin();
        self.write_request(
            turn,
            call,
            Verb::Invite,
            cseq,
            branch,
            call.text.get(Part::Remote),
        );
        let transaction = self.launch(turn, start, Owner::Call(key), Verb::Invite, cseq, line, hop);
        debug_assert!(transaction.is_some(), "reserved before");
    }

    pub(crate) fn on_invite_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        let Some(call) = self.calls.get_mut(key) else {
            self.counters.responses_absorbed += u64::from(status >= 200);
            return;
        };
        if call.invite != transaction {
            // An earlier INVITE: one that credentials replaced, or that of the dialog before a re-INVITE.
            if (200..300).contains(&status) {
                self.on_answer_again(turn, key, message);
            }
            return;
        }
        match (call.state, status) {
            (CallState::Calling | CallState::Ringing, ..200) => {
                self.on_provisional(turn, key, status)
            }
            (CallState::Calling | CallState::Ringing, 200..300) => {
                self.on_answer(turn, key, message)
            }
            (CallState::Calling | CallState::Ringing, _) => {
                self.on_rejection(turn, key, transaction, status, message)
            }
            (_, _) if call.reinviting => {
                self.on_reinvite_response(turn, key, transaction, status, message)
            }
            (_, 200..300) => self.on_answer_again(turn, key, message),
            // Provisional responses of a fork's other branches.
            (_, _) => {}
        }
    }

    fn on_provisional(&mut self, turn: &mut Turn<'_>, key: Key, status: u16) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        if status > 100 {
            call.state = CallState::Ringing;
            call.indicated_at = call.first_status_at(turn.now);
        }
        if call.is_first(status) {
            let tag = call.tag;
            turn.notice(key, tag, What::Provisional(status));
        }
        self.send_cancel(turn, key);
    }

    fn on_answer(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        self.wheel.cancel(&mut call.timer);
        call.next = Next::Nothing;
        let (tag, cancelled) = (call.tag, call.cancel_wanted);
        if !self.enter_dialog(key, message) {
            return self.end_call(turn, key, What::Failed(Failure::Unusable));
        }
        if let Some(call) = self.calls.get_mut(key) {
            call.state = CallState::Established;
            let at = call.first_status_at(turn.now);
            turn.notice(key, tag, What::Indicated { at, answered: true });
        }
        turn.notice(key, tag, What::Answered);
        self.send_ack(turn, key, message.cseq().number, false);
        if cancelled {
            // §15: the 200 crossed our CANCEL.
            return self.hang_up(turn, key);
        }
        self.plan_talk(turn, key);
    }

    /// A further 2xx: of this dialog again, or of another branch of a fork (§13.2.2.4).
    fn on_answer_again(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let their_tag = message.to_tag().unwrap_or_default();
        if their_tag == call.text.get(Part::RemoteTag) {
            self.counters.responses_absorbed += 1;
            return self.send_ack(turn, key, message.cseq().number, true);
        }
        let (mut fork, mut count) = (call.forks, 0);
        while let Some(other) = self.calls.get(fork) {
            if other.text.get(Part::RemoteTag) == their_tag {
                self.counters.responses_absorbed += 1;
                return self.send_ack(turn, fork, message.cseq().number, true);
            }
            (fork, count) = (other.forks, count + 1);
        }
        if count < FORKS_MAX {
            self.refuse_fork(turn, key, message);
        }
    }

    fn refuse_fork(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let buffer = self.buffers.take();
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let tag = call.tag;
        let mut fork = Call::new(Role::Fork, call.line, tag, call.hop, buffer);
        for part in [
            Part::CallId,
            Part::Local,
            Part::Contact,
            Part::Remote,
            Part::RemoteTag,
            Part::Target,
        ] {
            fork.text.set(part, |out| put(out, &[call.text.get(part)]));
        }
        fork.local_cseq = call.invite_cseq;
        fork.invite_cseq = call.invite_cseq;
        fork.state = CallState::Established;
        fork.forks = call.forks;
        let Some(fork) = self.calls.insert(fork) else {
            return;
        };
        if let Some(call) = self.calls.get_mut(key) {
            call.forks = fork;
        }
        if self.enter_dialog(fork, message) {
            turn.notice(key, tag, What::Forked);
            self.send_ack(turn, fork, message.cseq().number, false);
            self.hang_up(turn, fork);
        }
    }

    fn on_rejection(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        if matches!(status, 401 | 407)
            && let Some((retry, cseq)) = self.retry_with_credentials(turn, transaction, message)
        {
            if let Some(call) = self.calls.get_mut(key) {
                call.invite = retry;
                call.local_cseq = cseq;
                call.invite_cseq = cseq;
                call.state = CallState::Calling;
            }
            return;
        }
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let outcome = match status {
            487 if call.cancel_wanted => What::Cancelled { by_us: true },
            401 | 407 => What::Failed(Failure::Challenged(status)),
            _ => What::Failed(Failure::Rejected(status)),
        };
        if matches!(outcome, What::Failed(_)) {
            let (tag, at) = (call.tag, call.first_status_at(turn.now));
            let answered = false;
            turn.notice(key, tag, What::Indicated { at, answered });
        }
        self.end_call(turn, key, outcome);
    }

    /// The user gives up. Before a provisional response there is nothing to cancel yet (§9.1).
    pub(crate) fn cancel(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get_mut(key) else {
            return turn.notice(key, 0, What::Refused);
        };
        if call.role == Role::Caller
            && matches!(call.state, CallState::Calling | CallState::Ringing)
        {
            call.cancel_wanted = true;
            self.send_cancel(turn, key);
        }
    }

    fn send_cancel(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let (invite, line, hop, cseq) = (call.invite, call.line, call.hop, call.invite_cseq);
        if !call.cancel_wanted || !call.cancel.is_none() {
            return;
        }
        let timeout = self.around.timers.timeout();
        let Some(transaction) = self.transactions.get_mut(invite) else {
            return;
        };
        if !matches!(
            transaction.machine,
            Machine::ClientInvite(client_invite::State::Proceeding)
        ) {
            return;
        }
        let start = turn.begin();
        if parser::writer::write_cancel(&transaction.text, &mut turn.out.bytes).is_err() {
            return turn.out.bytes.truncate(start);
        }
        // §9.1: an INVITE that stays without a final response for 64*T1 counts as cancelled.
        transaction.deadline = turn.now + timeout;
        let cancel = self.launch(turn, start, Owner::Call(key), Verb::Cancel, cseq, line, hop);
        if let (Some(call), Some(cancel)) = (self.calls.get_mut(key), cancel) {
            call.cancel = cancel;
        }
        self.settle(turn, invite);
    }

    pub(crate) fn on_call_timeout(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        transaction: Key,
        verb: Verb,
    ) {
        let Some(call) = self.calls.get(key) else {
            return;
        };
        let role = call.role;
        match (verb, call.state) {
            (Verb::Invite, CallState::Calling | CallState::Ringing) if role == Role::Caller => {
                let stage = if call.cancel_wanted {
                    Stage::Cancelling
                } else {
                    Stage::Calling
                };
                self.end_call(turn, key, What::Failed(Failure::Timeout(stage)));
            }
            (Verb::Invite, _) if self.is_server(transaction) => self.on_ack_missing(turn, key),
            (Verb::Invite, _) => self.on_reinvite_timeout(turn, key),
            (Verb::Bye, _) if role != Role::Fork => {
                self.end_call(turn, key, What::Failed(Failure::Timeout(Stage::Bye)));
            }
            // A CANCEL that nobody answers changes nothing: the INVITE has its own deadline.
            (_, _) => {}
        }
    }

    fn is_server(&self, transaction: Key) -> bool {
        self.transactions
            .get(transaction)
            .is_some_and(|t| matches!(t.machine, Machine::ServerInvite(_)))
    }

    /// Where requests to this URI go: to the address in it, else to the proxy, else where we already talk to.
    pub(crate) fn hop_for(&self, uri: &[u8], otherwise: SocketAddr) -> SocketAddr {
        compose::address_of(uri)
            .or(self.settings.proxy)
            .unwrap_or(otherwise)
    }
}
