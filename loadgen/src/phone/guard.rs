//! The challenging side: 401 and 407, and whether what comes back is right (RFC 3261 §22, RFC 7616).
//!
//! Keeps nothing: the nonce is made of the call and the CSeq that was challenged. So an answer is only taken when it
//! comes in the same call with the CSeq right behind the challenged one (§22.2 wants it raised), and once. Inside a dialog
//! others that are under way at the same time may lie between.

use std::net::SocketAddr;

use parser::{Credentials, HeaderName, Message};

use super::compose::put;
use super::digest::{self, Proof};
use super::drive::Turn;
use super::transaction::Owner;
use super::{Phone, Verb};

/// Whom a phone lets through.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The realm of its challenges.
    pub realm: String,
    /// The one user it knows.
    pub user: String,
    /// His password.
    pub password: String,
    /// Whether it asks as a proxy: 407 instead of 401.
    pub proxy: bool,
    /// The algorithm of its challenges; empty says none, which is MD5.
    pub algorithm: String,
    /// The qop of its challenges; empty asks for none (RFC 2069).
    pub qop: String,
}

/// How far behind the challenged CSeq its answer may be inside a dialog.
const ANSWER_BEHIND_MAX: u32 = 3;

/// What a request proves.
enum Proved {
    Right,
    /// The nonce is ours, the response is not.
    Wrong,
    /// Nothing, or something about another nonce.
    Nothing {
        stale: bool,
    },
}

impl Phone {
    /// Challenges a request, or turns it down. `false`: there is no guard, or it lets the request through.
    pub(crate) fn is_stopped(
        &mut self,
        turn: &mut Turn<'_>,
        line: u32,
        from: SocketAddr,
        message: &Message,
        table_key: u64,
        verb: Verb,
    ) -> bool {
        let Some(guard) = &self.settings.guard else {
            return false;
        };
        let (status, headers) = match guard.judge(message) {
            Proved::Right => return false,
            Proved::Wrong => (403, Vec::new()),
            Proved::Nothing { stale } => (
                if guard.proxy { 407 } else { 401 },
                guard.challenge(message, stale),
            ),
        };
        // What is challenged counts in the order of its dialog (§12.2.2); what belongs to none is told so later.
        let status = match (message.to_tag().is_some(), self.dialog_of(message)) {
            (true, None) => return false,
            (true, Some(key)) if !self.is_in_order(key, message) => 500,
            _ => status,
        };
        let headers = if status == 500 { &[][..] } else { &headers };
        if verb == Verb::Invite {
            self.turn_down(turn, line, from, message, table_key, status, headers);
        } else {
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
        true
    }
}

impl Guard {
    fn judge(&self, message: &Message) -> Proved {
        let name = if self.proxy {
            HeaderName::ProxyAuthorization
        } else {
            HeaderName::Authorization
        };
        let answers = message
            .headers_named(name)
            .filter_map(|field| Credentials::parse(field.value).ok());
        let Some(answer) = answers
            .into_iter()
            .find(|answer| answer.get(b"realm") == Some(self.realm.as_bytes()))
        else {
            return Proved::Nothing { stale: false };
        };
        let own = message.cseq().number;
        let behind_max = message.to_tag().map_or(1, |_| ANSWER_BEHIND_MAX);
        let is_ours = (1..=behind_max).any(|behind| {
            let challenged = nonce(message, own.wrapping_sub(behind));
            answer.get(b"nonce") == Some(challenged.as_bytes())
        });
        if !is_ours {
            return Proved::Nothing { stale: true };
        }
        let proof = Proof {
            user: self.user.as_bytes(),
            password: self.password.as_bytes(),
            method: message.method().as_bytes(),
            uri: message.request_uri(),
            body: message.body(),
            cnonce: answer.get(b"cnonce").unwrap_or_default(),
            count: 1,
        };
        let algorithm = Some(self.algorithm.as_bytes()).filter(|name| !name.is_empty());
        let qop = Some(self.qop.as_bytes()).filter(|qop| !qop.is_empty());
        let expected = digest::response(algorithm, qop, &answer, &proof);
        let is_right = answer.get(b"username") == Some(self.user.as_bytes())
            && answer.get(b"uri") == Some(message.request_uri())
            && answer.get(b"opaque") == Some(b"keep")
            && expected
                .is_some_and(|expected| answer.get(b"response") == Some(expected.as_bytes()));
        if is_right {
            Proved::Right
        } else {
            Proved::Wrong
        }
    }

    fn challenge(&self, message: &Message, stale: bool) -> Vec<u8> {
        let mut line = Vec::with_capacity(160);
        let name: &[u8] = if self.proxy {
            b"Proxy-Authenticate"
        } else {
            b"WWW-Authenticate"
        };
        let nonce = nonce(message, message.cseq().number);
        put(
            &mut line,
            &[name, b": Digest realm=\"", self.realm.as_bytes()],
        );
        put(
            &mut line,
            &[b"\", nonce=\"", nonce.as_bytes(), b"\", opaque=\"keep\""],
        );
        if !self.algorithm.is_empty() {
            put(&mut line, &[b", algorithm=", self.algorithm.as_bytes()]);
        }
        if !self.qop.is_empty() {
            put(&mut line, &[b", qop=\"", self.qop.as_bytes(), b"\""]);
        }
        if stale {
            put(&mut line, &[b", stale=true"]);
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

/// The nonce of the challenge to the request with this CSeq.
fn nonce(message: &Message, cseq: u32) -> String {
    let parts = (message.call_id(), message.from_tag(), cseq);
    // Fixed seeds: a run is repeated exactly, and what is guarded here is a test.
    format!(
        "{:016x}",
        ahash::RandomState::with_seeds(5, 6, 7, 8).hash_one(parts)
    )
}
