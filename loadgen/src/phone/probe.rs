//! Requests outside any call: OPTIONS and MESSAGE, either way; and answering challenges, whoever was asked.

use std::net::SocketAddr;

use parser::{Challenge, Draft, Frame, HeaderName, Message, Method};

use super::callee::unsupported;
use super::compose::{self, Request, number, put};
use super::digest::{self, Proof};
use super::drive::{COOKIE, Turn};
use super::limits::CHALLENGES_MAX;
use super::slab::Key;
use super::token::Kind;
use super::transaction::Owner;
use super::{Failure, Phone, Stage, Verb, What};

impl Phone {
    pub(crate) fn start_probe(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        verb: Verb,
        to: &str,
        body: &str,
        tag: u64,
    ) {
        let hop = self
            .settings
            .proxy
            .or_else(|| compose::address_of(to.as_bytes()));
        let (Some(hop), Some((key, branch)), Some(texts)) =
            (hop, self.reserve(), self.lines.get(line as usize))
        else {
            return turn.notice(Key::NONE, tag, What::Refused);
        };
        let user = self.settings.lines[line as usize].user.as_bytes();
        let mut parts = [const { Vec::new() }; 4];
        let [from, remote, call_id, headers] = &mut parts;
        let our_tag = self.mint.token(Kind::Probe, key);
        put(
            from,
            &[
                b"<sip:",
                user,
                b"@",
                self.settings.domain.as_bytes(),
                b">;tag=",
                &our_tag,
            ],
        );
        put(remote, &[b"<", to.as_bytes(), b">"]);
        put(
            call_id,
            &[&self.mint.token(Kind::CallId, key), b"-r@", &texts.host],
        );
        if verb == Verb::Options {
            headers.extend_from_slice(b"Accept: application/sdp\r\n");
        } else if !body.is_empty() {
            headers.extend_from_slice(b"Content-Type: text/plain\r\n");
        }
        let start = turn.begin();
        Request {
            verb,
            request_uri: to.as_bytes(),
            transport: self.settings.transport,
            sent_by: &texts.sent_by,
            branch,
            routes: b"",
            from,
            to: remote,
            call_id,
            cseq: 1,
            contact: b"",
            headers,
            text: body.as_bytes(),
            body: b"",
        }
        .write(&mut turn.out.bytes);
        self.launch(turn, start, Owner::Probe(tag), verb, 1, line, hop);
    }

    pub(crate) fn on_probe_response(
        &mut self,
        turn: &mut Turn<'_>,
        tag: u64,
        transaction: Key,
        status: u16,
        message: &Message,
    ) {
        if status < 200 {
            return;
        }
        if matches!(status, 401 | 407)
            && self
                .retry_with_credentials(turn, transaction, message)
                .is_some()
        {
            return;
        }
        turn.notice(Key::NONE, tag, What::Replied(status));
    }

    pub(crate) fn on_probe_timeout(&mut self, turn: &mut Turn<'_>, tag: u64) {
        turn.notice(
            Key::NONE,
            tag,
            What::Failed(Failure::Timeout(Stage::Request)),
        );
    }

    /// OPTIONS, MESSAGE, INFO and NOTIFY are taken; what is no such request is refused (§8.2.1).
    pub(crate) fn on_other_request(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
        verb: Verb,
    ) {
        let dialog = self.dialog_of(message);
        let stray = message.to_tag().is_some() && dialog.is_none();
        let unsupported = unsupported(message);
        let (status, headers): (u16, &[u8]) = match verb {
            Verb::Options | Verb::Message | Verb::Info | Verb::Notify => match &unsupported {
                _ if stray => (481, b""),
                Some(line) => (420, line),
                None => (200, compose::ALLOW_LINE),
            },
            _ if matches!(message.method(), Method::Other(_)) => (501, compose::ALLOW_LINE),
            _ => (405, compose::ALLOW_LINE),
        };
        self.counters.strays += u64::from(stray);
        if let Some(dialog) = dialog {
            self.is_in_order(dialog, message);
        }
        self.reply(
            turn,
            line,
            from,
            message,
            table_key,
            status,
            Owner::Nobody,
            headers,
        );
    }

    /// Sends a challenged request again with credentials (§22.2): same Call-ID, the next CSeq, a new branch. `None`
    /// when there is nothing to answer with, or it was tried before.
    pub(crate) fn retry_with_credentials(
        &mut self,
        turn: &mut Turn<'_>,
        transaction: Key,
        response: &Message,
    ) -> Option<(Key, u32)> {
        let (key, branch) = self.reserve()?;
        let old = self.transactions.get(transaction)?;
        let own = match old.owner {
            Owner::Registration(registration) => self
                .registrations
                .get(registration)
                .and_then(|registration| registration.login.as_deref()),
            Owner::Call(_) | Owner::Probe(_) | Owner::Nobody => None,
        };
        let login = own.or(self.settings.credentials.as_ref())?;
        let answer = match response.status()? {
            401 => HeaderName::Authorization,
            _ => HeaderName::ProxyAuthorization,
        };
        let challenge = Challenge::parse(challenge_of(response)?).ok()?;
        let stale = challenge
            .get(b"stale")
            .is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"));
        if old.challenges >= CHALLENGES_MAX || (old.challenges > 0 && !stale) {
            return None;
        }
        let sent = Message::parse(Frame::copy_of(&old.text)).ok()?;
        let user = if login.user.is_empty() {
            sent.from()
                .uri()
                .ok()
                .and_then(|uri| uri.user)
                .unwrap_or_default()
        } else {
            login.user.as_bytes()
        };
        let cnonce = digest::cnonce(&mut self.random);
        let proof = Proof {
            user,
            password: login.password.as_bytes(),
            method: sent.method().as_bytes(),
            uri: sent.request_uri(),
            body: sent.body(),
            cnonce: &cnonce,
            count: 1,
        };
        let mut line = Vec::with_capacity(256);
        put(&mut line, &[answer.as_str().as_bytes(), b": "]);
        if !digest::write_credentials(&challenge, &proof, &mut line) {
            return None;
        }
        line.extend_from_slice(b"\r\n");

        let cseq = old.cseq + 1;
        let mut draft = Draft::new();
        let mut value = Vec::with_capacity(32);
        put(&mut value, &[COOKIE, &branch]);
        draft.replace(sent.span_of(sent.top_via().branch())?, &value);
        value.clear();
        number(&mut value, cseq);
        put(&mut value, &[b" ", sent.method().as_bytes()]);
        draft.replace(sent.header(HeaderName::CSeq)?.value_span, &value);
        draft.remove_headers(&sent, answer);
        draft.append_header(&line);

        let (owner, verb, from_line, to) = (old.owner, old.verb, old.line, old.to);
        let (challenges, started) = (old.challenges + 1, old.started);
        let start = turn.begin();
        draft.write(&sent, &mut turn.out.bytes);
        self.launch(turn, start, owner, verb, cseq, from_line, to)?;
        if let Some(retry) = self.transactions.get_mut(key) {
            retry.challenges = challenges;
            retry.started = started;
        }
        Some((key, cseq))
    }
}

/// The first challenge of a 401 or 407 that can be answered.
pub(crate) fn challenge_of(response: &Message) -> Option<&[u8]> {
    let asked = match response.status()? {
        401 => HeaderName::WwwAuthenticate,
        _ => HeaderName::ProxyAuthenticate,
    };
    let field = response.headers_named(asked).find(|field| {
        Challenge::parse(field.value).is_ok_and(|challenge| digest::can_answer(&challenge))
    })?;
    Some(field.value)
}
