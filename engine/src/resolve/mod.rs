//! Where a URI leads: RFC 3263.
//!
//! A walk over what is known: numeric hosts, the text of `/etc/hosts`, and a cache of DNS records
//! with their lifetimes. Where a record is missing, the question leaves as a `Query::Dns`, and whoever
//! asked is woken to walk again when the answer is there. No I/O here, and no callback.
//!
//! Copied: every shard keeps a cache of its own.

pub mod answer;
mod cache;
mod hosts;
mod order;
mod walk;

use std::io::Write as _;

use script::globals::Globals;
use smallvec::SmallVec;

use answer::{RecordType, Records};
use cache::{Cache, GENERATION_MASK, Known, QuestionId};
use walk::{Walk, Walked};

pub use hosts::Hosts;
pub use walk::Hop;

use crate::core::Core;
use crate::input::{Answer, Now, Ticket, Transport};
use crate::jobs::Job;
use crate::limits::{DNS_FAILED_S, DNS_NEGATIVE_S, DNS_TIMEOUT_MS, DNS_TTL_MAX_S, DNS_TTL_MIN_S};
use crate::outbox::{Outbox, Output, Query};
use crate::proxy::{Address, ContextId};
use crate::random::Random;
use crate::run::ValueRef;
use crate::sockets::Sockets;
use std::sync::Arc;

/// Where to send, best first.
pub type Addresses = SmallVec<[Address; 2]>;

/// The log level of warnings.
const WARNING: i8 = 1;

/// Who is woken when an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// A branch that cannot be sent yet.
    Branch(ContextId, u8),
    /// A parked run.
    Run(Ticket),
    /// A request of our own.
    Agent(crate::agent::AgentId),
}

/// What resolving gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Where to send, best first; never empty.
    Addresses(Addresses),
    /// The name leads nowhere.
    Nowhere,
    /// Asked; the waiter is woken and resolves again.
    Waits,
    /// Too much is asked already: overload.
    Overload,
}

/// What an operator may choose, and what our sockets can do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Ask for NAPTR.
    pub naptr: bool,
    /// Ask for SRV.
    pub srv: bool,
    /// Ask for A.
    pub ipv4: bool,
    /// Ask for AAAA.
    pub ipv6: bool,
    /// `dns_use_search_list`: a name without a dot is looked for in the domains of the search list first.
    pub search: bool,
    /// `exec_dns_threshold`: an answer that takes longer, in microseconds, is a warning; 0 is off.
    pub threshold_us: u64,
    /// Transports that we have sockets for.
    transports: SmallVec<[Transport; 6]>,
}

impl Settings {
    /// What these sockets can reach.
    pub fn of(sockets: &Sockets) -> Self {
        let mut transports = SmallVec::new();
        for socket in sockets.iter() {
            if !transports.contains(&socket.transport) {
                transports.push(socket.transport);
            }
        }
        Settings {
            naptr: true,
            srv: true,
            ipv4: sockets.iter().any(|socket| socket.address.is_ipv4()),
            ipv6: sockets.iter().any(|socket| socket.address.is_ipv6()),
            search: true,
            threshold_us: 0,
            transports,
        }
    }

    /// Takes over what a script sets by global parameters.
    pub fn read(&mut self, globals: &Globals) {
        self.naptr = globals.is_on("dns_try_naptr").unwrap_or(self.naptr);
        self.ipv6 &= globals.is_on("dns_try_ipv6").unwrap_or(true);
        self.search = globals.is_on("dns_use_search_list").unwrap_or(true);
        let threshold = globals.int("exec_dns_threshold").unwrap_or(0);
        self.threshold_us = u64::try_from(threshold).unwrap_or(0);
    }

    fn speaks(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }
}

/// Finds addresses for hops.
pub struct Resolver {
    /// May be changed between resolutions.
    pub settings: Settings,
    hosts: Arc<Hosts>,
    cache: Cache<Waiter>,
    random: Random,
    /// Questions asked, answers that came, and answers too late or malformed.
    pub counters: Counters,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Questions sent.
    pub asked: u64,
    /// Answers used.
    pub answered: u64,
    /// Answers to nothing, and those that could not be read.
    pub dropped: u64,
}

impl Resolver {
    /// With an empty cache for at most `names_max` records.
    pub fn new(sockets: &Sockets, hosts: Arc<Hosts>, names_max: usize, seed: u64) -> Self {
        Resolver {
            settings: Settings::of(sockets),
            hosts,
            cache: Cache::new(names_max, seed),
            random: Random::new(seed ^ 0x7265_736f_6c76_6500),
            counters: Counters::default(),
        }
    }

    /// Where `hop` leads. Asks what is missing, with `waiter` to be woken.
    pub fn resolve(
        &mut self,
        now: Now,
        hop: &Hop<'_>,
        waiter: Waiter,
        outbox: &mut Outbox,
    ) -> Resolved {
        let mut random = self.random.clone();
        let walked = self.walk(now, hop, &mut random);
        self.random = random;
        match walked {
            Walked::Addresses(addresses) => Resolved::Addresses(addresses),
            Walked::Nowhere => Resolved::Nowhere,
            Walked::Missing(questions) => {
                let mut waits = false;
                for (name, record_type) in &questions {
                    waits |= self.ask(now, name, *record_type, waiter, outbox);
                }
                if waits {
                    Resolved::Waits
                } else {
                    Resolved::Overload
                }
            }
        }
    }

    /// Whether resolving `hop` would end without a question.
    pub fn knows(&mut self, now: Now, hop: &Hop<'_>) -> bool {
        // Its own chance: asking must not change whom the next resolution prefers.
        let mut random = self.random.clone();
        !matches!(self.walk(now, hop, &mut random), Walked::Missing(_))
    }

    /// The walk of a hop; of a short name, in each domain of the search list before that of the name itself. The first
    /// that leads anywhere, or does not know yet, decides.
    fn walk(&mut self, now: Now, hop: &Hop<'_>, random: &mut Random) -> Walked {
        let mut walk = |hop: &Hop<'_>| {
            let walk = Walk {
                now_us: now.mono_us,
                cache: &mut self.cache,
                hosts: &self.hosts,
                settings: &self.settings,
                random: &mut *random,
                missing: SmallVec::new(),
            };
            walk.run(hop)
        };
        let is_short = hop.ip.is_none() && !hop.host.contains(&b'.');
        if self.settings.search && is_short && !self.hosts.search.is_empty() {
            let is_known = self.hosts.get(&hop.host.to_ascii_lowercase()).is_some();
            for domain in self.hosts.search.iter().filter(|_| !is_known) {
                let host = [hop.host, b".", domain].concat();
                let walked = walk(&Hop {
                    host: &host,
                    ..*hop
                });
                if !matches!(walked, Walked::Nowhere) {
                    return walked;
                }
            }
        }
        walk(hop)
    }

    /// An address of a host, of one family or of both with IPv4 first, whatever our sockets can reach: what scripts
    /// want to know. A hop to any port asks for nothing else.
    pub fn resolve_host(
        &mut self,
        now: Now,
        host: &[u8],
        (ipv4, ipv6): (bool, bool),
        waiter: Waiter,
        outbox: &mut Outbox,
    ) -> Resolved {
        let mine = self.settings.clone();
        (self.settings.ipv4, self.settings.ipv6) = (ipv4, ipv6);
        let resolved = self.resolve(now, &Hop::plain(host, Some(1), None), waiter, outbox);
        self.settings = mine;
        match resolved {
            Resolved::Addresses(mut addresses) => {
                addresses.retain(|one| match one.address.is_ipv4() {
                    true => ipv4,
                    false => ipv6,
                });
                match addresses.is_empty() {
                    true => Resolved::Nowhere,
                    false => Resolved::Addresses(addresses),
                }
            }
            other => other,
        }
    }

    fn ask(
        &mut self,
        now: Now,
        name: &[u8],
        record_type: RecordType,
        waiter: Waiter,
        outbox: &mut Outbox,
    ) -> bool {
        if let Known::Asked(slot) = self.cache.lookup(now.mono_us, name, record_type) {
            return self.cache.wait(slot, waiter);
        }
        let deadline_us = now.mono_us + DNS_TIMEOUT_MS * 1000;
        // The world answers by the deadline; one that is late by more than a second is asked again.
        let until_us = deadline_us + 1_000_000;
        let Some(id) = self
            .cache
            .ask(now.mono_us, until_us, name, record_type, waiter)
        else {
            return false;
        };
        self.counters.asked += 1;
        let query = Query::Dns {
            name: String::from_utf8_lossy(name).into_owned(),
            record_type: record_type as u16,
        };
        outbox.push(Output::Query {
            ticket: ticket(id),
            query,
            deadline_us,
        });
        true
    }

    /// Takes the world's answer; gives back who is to be woken.
    pub fn answer(&mut self, now: Now, ticket: Ticket, answer: &Answer) -> SmallVec<[Waiter; 2]> {
        let id = question_id(ticket);
        let Some((name, record_type)) = self.cache.question(id) else {
            self.counters.dropped += 1;
            return SmallVec::new();
        };
        let reply = match answer {
            Answer::Dns(bytes) => answer::read(bytes, name, record_type),
            _ => None,
        };
        let (records, ttl) = match reply {
            Some(reply) => {
                self.counters.answered += 1;
                let ttl = match reply.records {
                    Records::Failed => DNS_FAILED_S,
                    Records::Nothing => reply.ttl.unwrap_or(DNS_NEGATIVE_S).min(DNS_NEGATIVE_S),
                    _ => reply.ttl.unwrap_or(DNS_TTL_MIN_S),
                };
                (reply.records, ttl)
            }
            None => {
                self.counters.dropped += 1;
                (Records::Failed, DNS_FAILED_S)
            }
        };
        // Never zero: those who wait for it have to find it when they are woken.
        let ttl_us = u64::from(ttl.clamp(DNS_TTL_MIN_S, DNS_TTL_MAX_S)) * 1_000_000;
        self.cache.answer(id, records, now.mono_us + ttl_us)
    }

    /// Records in the cache, asked or known.
    pub fn names(&self) -> usize {
        self.cache.len()
    }
}

/// The table of tickets that is the resolver's.
pub const TICKET_TABLE: u64 = 2;

fn ticket(id: QuestionId) -> Ticket {
    Ticket(
        TICKET_TABLE << 60 | u64::from(id.generation & GENERATION_MASK) << 32 | u64::from(id.slot),
    )
}

fn question_id(ticket: Ticket) -> QuestionId {
    QuestionId {
        slot: ticket.0 as u32,
        generation: (ticket.0 >> 32) as u32 & GENERATION_MASK,
    }
}

/// An answer took its time (`exec_dns_threshold`): a warning, and an event. Nothing but those who asked waited for it.
pub fn judge(core: &mut Core, program: &script::Program, ticket: Ticket, outbox: &mut Outbox) {
    let limit_us = core.resolver.settings.threshold_us;
    if limit_us == 0 {
        return;
    }
    let Some((name, since_us)) = core.resolver.cache.asked(question_id(ticket)) else {
        return;
    };
    let took_us = core.now.mono_us.saturating_sub(since_us);
    if took_us <= limit_us {
        return;
    }
    let name = name.to_vec();
    if WARNING <= core.log_level {
        outbox.log(WARNING, |out| {
            // Writing into memory does not fail.
            let _ = write!(
                out,
                "exec_dns_threshold exceeded: the answer about {} took {took_us} us, more than {limit_us}",
                name.escape_ascii()
            );
        });
    }
    let params = [
        (&b"source"[..], ValueRef::from("dns lookup")),
        (
            b"time",
            ValueRef::from(i32::try_from(took_us).unwrap_or(i32::MAX)),
        ),
        (b"extra", ValueRef::from(&name[..])),
    ];
    core.raise_event(program, b"E_CORE_THRESHOLD", &params);
}

/// The world answered a question: wakes who waits for it.
pub fn on_answer(core: &mut Core, ticket: Ticket, answer: &Answer, outbox: &mut Outbox) {
    let now = core.now;
    for waiter in core.resolver.answer(now, ticket, answer) {
        match waiter {
            Waiter::Branch(context, branch) => {
                crate::proxy::on_resolved(core, context, branch, outbox)
            }
            Waiter::Agent(agent) => crate::agent::on_resolved(core, agent, outbox),
            Waiter::Run(ticket) => {
                core.jobs.push(Job::Resume(ticket, Answer::Slept));
            }
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resolver({} records)", self.cache.len())
    }
}

#[cfg(test)]
mod tests;
