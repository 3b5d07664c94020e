//! Registrations: RFC 3261 §10.2, kept up, taken back.

use parser::{Challenge, HeaderName, Message, Uri};

use super::compose::{self, Request, put};
use super::digest::{self, Proof, decimal, number_line};
use super::drive::{TimerKind, Turn, pack};
use super::probe::challenge_of;
use super::slab::Key;
use super::token::Kind;
use super::transaction::Owner;
use super::wheel::TimerId;
use super::{Failure, Login, Phone, Stage, Verb, What};

/// The record of one user's binding.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) user: String,
    line: u32,
    pub(crate) tag: u64,
    cseq: u32,
    /// Asked for, in seconds; 0 takes the binding back.
    wanted: u32,
    /// What a refresh asks for.
    usual: u32,
    /// Granted, in seconds; 0 while there is no binding.
    granted: u32,
    refresh: bool,
    /// A REGISTER is out: another one waits for its answer (§10.2).
    pending: bool,
    timer: TimerId,
    pub(crate) login: Option<Box<Login>>,
    /// The challenge that was answered last, to be answered again.
    nonce: Option<Box<Nonce>>,
}

/// A challenge that stays good.
#[derive(Debug)]
struct Nonce {
    is_proxy: bool,
    challenge: Vec<u8>,
    /// How often it was answered.
    count: u32,
}

/// What a registration is told at first.
pub(crate) struct Wanted<'a> {
    pub(crate) user: &'a str,
    pub(crate) expires: u32,
    pub(crate) refresh: bool,
    pub(crate) login: Option<&'a Login>,
}

impl Registration {
    pub(crate) fn is_registered(&self) -> bool {
        self.granted > 0
    }
}

impl Phone {
    pub(crate) fn start_registration(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        wanted: Wanted<'_>,
        tag: u64,
    ) {
        let Some(place) = self.settings.lines.get(line as usize) else {
            return turn.notice(Key::NONE, tag, What::Refused);
        };
        let Wanted {
            user,
            expires,
            refresh,
            login,
        } = wanted;
        let user = if user.is_empty() { &place.user } else { user }.to_owned();
        let registration = Registration {
            user,
            line,
            tag,
            cseq: 0,
            wanted: expires,
            usual: expires,
            granted: 0,
            refresh,
            pending: false,
            timer: TimerId::NONE,
            login: login.cloned().map(Box::new),
            nonce: None,
        };
        match self.registrations.insert(registration) {
            Some(key) => self.send_register(turn, key),
            None => turn.notice(Key::NONE, tag, What::Refused),
        }
    }

    /// Registers again: for as long as at first, or for `expires` seconds.
    pub(crate) fn register_again(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        expires: Option<u32>,
        tag: u64,
    ) {
        match self.registrations.get_mut(key) {
            Some(registration) if !registration.pending => {
                registration.wanted = expires.unwrap_or(registration.usual);
                self.send_register(turn, key);
            }
            _ => turn.notice(key, tag, What::Refused),
        }
    }

    fn send_register(&mut self, turn: &mut Turn<'_>, key: Key) {
        let domain = self.settings.domain.as_bytes();
        let mut registrar = b"sip:".to_vec();
        registrar.extend_from_slice(domain);
        let hop = self
            .settings
            .proxy
            .or_else(|| compose::address_of(&registrar));
        let Some(registration) = self.registrations.get_mut(key) else {
            return;
        };
        self.wheel.cancel(&mut registration.timer);
        registration.cseq += 1;
        let (cseq, line, tag) = (registration.cseq, registration.line, registration.tag);
        let (Some(hop), Some((_, branch))) = (hop, self.reserve()) else {
            self.registrations.remove(key);
            return turn.notice(key, tag, What::Refused);
        };
        let Some(registration) = self.registrations.get_mut(key) else {
            return;
        };
        let credentials = match &mut registration.nonce {
            Some(nonce) => {
                let login = registration.login.as_deref();
                let login = login.or(self.settings.credentials.as_ref());
                let cnonce = digest::cnonce(&mut self.random);
                nonce.answer(login, &registration.user, &registrar, &cnonce)
            }
            None => Vec::new(),
        };
        registration.pending = true;
        let (user, wanted) = (registration.user.clone(), registration.wanted);
        let texts = &self.lines[line as usize];
        let mut parts = [const { Vec::new() }; 5];
        let [from, to, call_id, contact, headers] = &mut parts;
        put(to, &[b"<sip:", user.as_bytes(), b"@", domain, b">"]);
        put(from, &[to, b";tag=", &self.mint.token(Kind::Probe, key)]);
        put(
            call_id,
            &[&self.mint.token(Kind::Registration, key), b"@", &texts.host],
        );
        self.write_contact(contact, line, user.as_bytes());
        number_line(headers, b"Expires", wanted);
        headers.extend_from_slice(&credentials);
        let start = turn.begin();
        Request {
            verb: Verb::Register,
            request_uri: &registrar,
            transport: self.settings.transport,
            sent_by: &texts.sent_by,
            branch,
            routes: b"",
            from,
            to,
            call_id,
            cseq,
            contact,
            headers,
            text: b"",
            body: b"",
        }
        .write(&mut turn.out.bytes);
        self.launch(
            turn,
            start,
            Owner::Registration(key),
            Verb::Register,
            cseq,
            line,
            hop,
        );
    }

    pub(crate) fn on_register_response(
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
            if let Some(registration) = self.registrations.get_mut(key) {
                registration.cseq = cseq;
                if self.settings.reuse_nonce {
                    registration.nonce = Nonce::of(message).map(Box::new);
                }
            }
            return;
        }
        let Some(registration) = self.registrations.get_mut(key) else {
            return;
        };
        registration.pending = false;
        let tag = registration.tag;
        match status {
            200..300 if registration.wanted == 0 => {
                self.drop_registration(key);
                turn.notice(key, tag, What::Unregistered);
            }
            200..300 => self.on_registered(turn, key, message),
            423 => self.on_too_brief(turn, key, message),
            401 | 407 => self.fail_registration(turn, key, Failure::Challenged(status)),
            _ => self.fail_registration(turn, key, Failure::Rejected(status)),
        }
    }

    fn on_registered(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let Some(registration) = self.registrations.get(key) else {
            return;
        };
        let mut ours = Vec::with_capacity(64);
        self.write_contact(&mut ours, registration.line, registration.user.as_bytes());
        let binding = message
            .contacts()
            .find(|contact| is_same(contact.value.addr_spec, &ours));
        let granted = binding
            .and_then(|contact| contact.value.expires())
            .or_else(|| message.expires());
        let Some(registration) = self.registrations.get_mut(key) else {
            return;
        };
        let granted = granted.unwrap_or(registration.wanted).max(1);
        registration.granted = granted;
        let (tag, refresh) = (registration.tag, registration.refresh);
        if refresh {
            // A tenth of its time is left for retransmissions.
            let due = turn.now + u64::from(granted) * 900_000;
            registration.timer = self.wheel.set(due, pack(TimerKind::Registration, key));
        }
        turn.notice(key, tag, What::Registered(granted));
    }

    /// §10.2.8: Min-Expires says what would do.
    fn on_too_brief(&mut self, turn: &mut Turn<'_>, key: Key, message: &Message) {
        let least = message
            .header(HeaderName::MinExpires)
            .and_then(|field| decimal(field.value));
        let Some(registration) = self.registrations.get_mut(key) else {
            return;
        };
        match least {
            Some(least) if least > registration.wanted => {
                (registration.wanted, registration.usual) = (least, least);
                self.send_register(turn, key);
            }
            _ => self.fail_registration(turn, key, Failure::Rejected(423)),
        }
    }

    fn fail_registration(&mut self, turn: &mut Turn<'_>, key: Key, failure: Failure) {
        let Some(registration) = self.registrations.get(key) else {
            return;
        };
        let tag = registration.tag;
        self.drop_registration(key);
        turn.notice(key, tag, What::Failed(failure));
    }

    fn drop_registration(&mut self, key: Key) {
        if let Some(mut registration) = self.registrations.remove(key) {
            self.wheel.cancel(&mut registration.timer);
        }
    }

    pub(crate) fn on_register_timeout(&mut self, turn: &mut Turn<'_>, key: Key) {
        self.fail_registration(turn, key, Failure::Timeout(Stage::Request));
    }

    pub(crate) fn on_registration_timer(&mut self, turn: &mut Turn<'_>, key: Key) {
        if let Some(registration) = self.registrations.get_mut(key) {
            registration.timer = TimerId::NONE;
            self.register_again(turn, key, None, 0);
        }
    }
}

impl Nonce {
    /// The challenge of a 401 or 407, as answered once.
    fn of(message: &Message) -> Option<Nonce> {
        let challenge = challenge_of(message)?.to_vec();
        Some(Nonce {
            is_proxy: message.status()? == 407,
            challenge,
            count: 1,
        })
    }

    /// The header line that answers it once more; empty when there is nothing to answer with.
    fn answer(&mut self, login: Option<&Login>, user: &str, uri: &[u8], cnonce: &[u8]) -> Vec<u8> {
        let (Some(login), Ok(challenge)) = (login, Challenge::parse(&self.challenge)) else {
            return Vec::new();
        };
        self.count += 1;
        let user = if login.user.is_empty() {
            user
        } else {
            &login.user
        };
        let proof = Proof {
            user: user.as_bytes(),
            password: login.password.as_bytes(),
            method: b"REGISTER",
            uri,
            body: b"",
            cnonce,
            count: self.count,
        };
        let mut line = Vec::with_capacity(256);
        line.extend_from_slice(if self.is_proxy {
            b"Proxy-Authorization: "
        } else {
            b"Authorization: "
        });
        if !digest::write_credentials(&challenge, &proof, &mut line) {
            return Vec::new();
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    matches!((Uri::parse(one), Uri::parse(other)), (Ok(one), Ok(other)) if one.equivalent(&other))
}
