//! The null forwarder: what a machine can do when a server does nothing but move datagrams.
//!
//! The yardstick beside which a server's cost is quoted, and the server that shows what the generator itself
//! can do. Two sockets: what callers send to the first goes out of the second to the answering side, and back.
//! The n-th caller belongs to the n-th answering socket; nothing is read of what passes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quanta::Clock;

use super::plan::Plan;
use super::progress::Shared;
use super::sockets::{Order, Sockets};
use super::tally::Tally;
use super::worker::micros;
use crate::phone::{Micros, Outbox, Send};

/// The socket that callers know, and the one that the answering side knows.
const CALLERS: usize = 0;
const ANSWERERS: usize = 1;
/// Callers that are told apart; more are given to the answering sockets anew.
const CALLERS_MAX: usize = 4096;

/// How often it is asked what its sockets dropped.
const REFRESH: Micros = 200_000;

pub(super) struct Forwarder {
    plan: Plan,
    clock: Clock,
    shared: Arc<Shared>,
    sockets: Sockets,
    outbox: Outbox,
    pairs: Pairs,
}

impl Forwarder {
    pub(super) fn new(plan: &Plan, clock: Clock, shared: Arc<Shared>) -> Result<Self, String> {
        let first = Sockets::bind(plan.listen.unwrap_or(plan.target), 1)?;
        let mut sockets = first;
        sockets.extend(Sockets::bind(SocketAddr::new(plan.local, 0), 1)?);
        Ok(Self {
            sockets: Sockets::new(sockets, Order::Written, plan.gso)
                .map_err(|error| format!("cannot poll sockets: {error}"))?,
            pairs: Pairs {
                answerers: plan.target,
                count: plan.answer_sources,
                callers: Vec::new(),
            },
            plan: plan.clone(),
            clock,
            shared,
            outbox: Outbox::default(),
        })
    }

    pub(super) fn run(mut self, start: Micros) -> Result<Tally, String> {
        let mut tally = Tally::new(start);
        tally.receive_buffer = self.sockets.receive_buffer();
        let mut passed = 0u64;
        let mut refresh_at = start;
        loop {
            let now = micros(&self.clock);
            let is_over = self.shared.stop.load(Relaxed) || now >= start + self.plan.duration;
            if is_over || now >= refresh_at {
                refresh_at = now + REFRESH;
                self.shared.show_dropped(0, self.sockets.dropped());
            }
            if is_over {
                break;
            }
            let wait = Duration::from_millis(20);
            self.sockets
                .wait(wait)
                .map_err(|error| format!("cannot wait: {error}"))?;
            let (outbox, pairs, every) = (&mut self.outbox, &mut self.pairs, self.plan.drop_every);
            self.sockets.receive(|socket, bytes, from| {
                let (line, to) = match socket {
                    CALLERS => (ANSWERERS, pairs.answerer_of(from)),
                    _ => (CALLERS, pairs.caller_of(from)),
                };
                passed += 1;
                if every > 0 && passed.is_multiple_of(every) {
                    *tally.withheld.entry(kind_of(bytes)).or_default() += 1;
                } else if let Some(to) = to {
                    forward(outbox, line as u32, to, bytes);
                }
            });
            self.sockets.send(outbox, 0);
            outbox.clear();
        }
        tally.traffic = self.sockets.traffic;
        Ok(tally)
    }
}

/// What a datagram that is withheld was, so that every repetition it causes can be told: its method, or its status
/// and the method it answers. The only thing that is ever read of a datagram.
fn kind_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    if !first.starts_with("SIP/") {
        return first.chars().take(16).collect();
    }
    let status = words.next().unwrap_or_default();
    let cseq = text.lines().find_map(|line| line.strip_prefix("CSeq:"));
    let method = cseq.and_then(|cseq| cseq.split_ascii_whitespace().nth(1));
    let kind = format!("{status} {}", method.unwrap_or_default());
    kind.chars().take(20).collect()
}

fn forward(outbox: &mut Outbox, line: u32, to: SocketAddr, bytes: &[u8]) {
    let start = outbox.bytes.len() as u32;
    outbox.bytes.extend_from_slice(bytes);
    outbox.sends.push(Send {
        line,
        to,
        repeated: false,
        start,
        end: outbox.bytes.len() as u32,
    });
}

/// Which caller belongs to which answering socket.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) answerers: SocketAddr,
    pub(super) count: usize,
    pub(super) callers: Vec<SocketAddr>,
}

impl Pairs {
    pub(super) fn answerer_of(&mut self, caller: SocketAddr) -> Option<SocketAddr> {
        let place = match self.callers.iter().position(|&known| known == caller) {
            Some(place) => place,
            None if self.callers.len() < CALLERS_MAX => {
                self.callers.push(caller);
                self.callers.len() - 1
            }
            None => return None,
        };
        let port = self
            .answerers
            .port()
            .checked_add((place % self.count) as u16)?;
        Some(SocketAddr::new(self.answerers.ip(), port))
    }

    pub(super) fn caller_of(&self, answerer: SocketAddr) -> Option<SocketAddr> {
        let place = usize::from(answerer.port().checked_sub(self.answerers.port())?);
        self.callers.get(place).copied()
    }
}
