//! What must hold for every message a server sends and after every step, whatever the weather.
//!
//! A checker knows what was sent, never how the engine decided. Each objection names its RFC section.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::SocketAddr;

use engine::outbox::Output;
use parser::{Frame, HeaderName, Message, Method};

/// Invariants of an engine are walked every so many steps; always at the end.
const STEPS_BETWEEN_WALKS: u64 = 64;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The final responses to one request.
#[derive(Clone, Copy, Debug, Default)]
struct Finals {
    success: Option<u16>,
    failure: Option<u16>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Checkers {
    steps: u64,
    /// Requests a server sent, by branch and method: the hash of the bytes.
    requests: Map<(Vec<u8>, Vec<u8>), u64>,
    /// Branches for which somebody sent a provisional response.
    provisional: Map<Vec<u8>, ()>,
    /// Responses a server sent, by receiver, branch and CSeq method: the final statuses so far.
    finals: Map<(SocketAddr, Vec<u8>, Vec<u8>), Finals>,
    /// INVITEs that open a dialog as they reached a phone, by phone, Call-ID and CSeq: the branch.
    invites: Map<(SocketAddr, Vec<u8>, u32), Vec<u8>>,
    /// First objection of a place that cannot return one.
    objection: Option<String>,
}

impl Checkers {
    /// A server sent this: here it is, parsed. The error says what is wrong with it.
    pub fn server_sent(
        &mut self,
        now_us: u64,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Result<Message, String> {
        let mut message = Message::parse(Frame::copy_of(bytes)).map_err(|rejected| {
            format!(
                "{now_us} us: a server sent what does not parse: {}",
                rejected.fault
            )
        })?;
        message
            .check()
            .map_err(|fault| format!("{now_us} us: a server sent a malformed message: {fault}"))?;
        let wrong = |what: &str| {
            Err(format!(
                "{now_us} us: {from} to {to}: {what}:\n{}",
                String::from_utf8_lossy(bytes)
            ))
        };
        let branch = message.top_via().branch().to_vec();
        let method = message.cseq().method.as_bytes().to_vec();
        match message.status() {
            None => self.request_sent(&message, branch, method),
            Some(status) => self.response_sent(to, &message, status, branch, method),
        }
        .or_else(|what| wrong(&what))?;
        Ok(message)
    }

    fn request_sent(
        &mut self,
        message: &Message,
        branch: Vec<u8>,
        method: Vec<u8>,
    ) -> Result<(), String> {
        if message.max_forwards().is_none() {
            return Err("a request without Max-Forwards (RFC 3261 §16.6 step 3)".into());
        }
        if message.headers_named(HeaderName::Via).count() == 0 || !branch.starts_with(b"z9hG4bK") {
            return Err(
                "a request whose top Via branch has no magic cookie (RFC 3261 §8.1.1.7)".into(),
            );
        }
        if message.method() == Method::Cancel && !self.provisional.contains_key(&branch) {
            return Err("a CANCEL before any provisional response (RFC 3261 §9.1)".into());
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(message.bytes());
        match self.requests.insert((branch, method), hash) {
            Some(before) if before != hash && message.method() != Method::Ack => {
                Err("a retransmission that differs from the request (RFC 3261 §17.1.1.2)".into())
            }
            _ => Ok(()),
        }
    }

    fn response_sent(
        &mut self,
        to: SocketAddr,
        message: &Message,
        status: u16,
        branch: Vec<u8>,
        method: Vec<u8>,
    ) -> Result<(), String> {
        let is_invite = message.cseq().method == Method::Invite;
        if status == 408 && !is_invite {
            return Err("408 to a non-INVITE request (RFC 4320 §4.2)".into());
        }
        let finals = self.finals.entry((to, branch, method)).or_default();
        match (*finals, status) {
            (
                Finals {
                    success: Some(before),
                    ..
                }
                | Finals {
                    failure: Some(before),
                    ..
                },
                ..200,
            ) => Err(format!("{status} after {before} (RFC 3261 §17.2.1)")),
            // A 2xx of another branch overtakes a failure that is still being repeated (§16.7 step 5);
            // a failure that was not sent before a 2xx must never be.
            (
                Finals {
                    success: Some(before),
                    failure: None,
                },
                300..,
            ) => Err(format!("{status} after {before} (RFC 3261 §16.7)")),
            (
                Finals {
                    failure: Some(before),
                    ..
                },
                300..,
            ) if before != status => Err(format!(
                "{status} after {before}: two final responses (RFC 3261 §16.7)"
            )),
            (
                Finals {
                    failure: Some(before),
                    ..
                },
                200..300,
            ) if !is_invite => Err(format!(
                "{status} after {before}: two final responses (RFC 3261 §17.2.2)"
            )),
            (_, 200..300) => {
                finals.success = Some(status);
                Ok(())
            }
            (_, 300..) => {
                finals.failure = Some(status);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A phone sent this.
    pub fn phone_sent(&mut self, _now_us: u64, _from: SocketAddr, _to: SocketAddr, bytes: &[u8]) {
        let Ok(message) = Message::parse(Frame::copy_of(bytes)) else {
            return;
        };
        if message.status().is_some_and(|status| status < 200) {
            self.provisional
                .insert(message.top_via().branch().to_vec(), ());
        }
    }

    /// This reached a phone.
    pub fn reached_phone(&mut self, now_us: u64, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Ok(message) = Message::parse(Frame::copy_of(bytes)) else {
            return;
        };
        if !message.is_request() || message.method() != Method::Invite || message.to_tag().is_some()
        {
            return;
        }
        let branch = message.top_via().branch().to_vec();
        let key = (to, message.call_id().to_vec(), message.cseq().number);
        let before = self.invites.entry(key).or_insert_with(|| branch.clone());
        if *before != branch && self.objection.is_none() {
            self.objection = Some(format!(
                "{now_us} us: {from} to {to}: a retransmitted INVITE became a second call (RFC 3261 §17.2.3):\n{}",
                String::from_utf8_lossy(bytes)
            ));
        }
    }

    /// An engine took an input to completion.
    pub fn engine_stepped(&mut self, engine: &engine::Engine) -> Result<(), String> {
        if let Some(objection) = self.objection.take() {
            return Err(objection);
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_BETWEEN_WALKS) {
            engine.check_invariants()
        } else {
            Ok(())
        }
    }

    /// Anything else that left an engine.
    pub fn other_output(&mut self, output: &Output) -> Result<(), String> {
        match output {
            Output::Quarantine { .. } => Err(format!("an engine caught a panic: {output:?}")),
            Output::CommandAnswer { result: Err(_), .. } => {
                Err(format!("a shard refused a reload: {output:?}"))
            }
            _ => Ok(()),
        }
    }
}
