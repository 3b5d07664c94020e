//! The table of server transactions: matching, flat copies, timers.
//!
//! An entry holds no part of the request, only its identity and what was answered. Two indexes
//! find it: by identity, for the request again, its ACK and CANCEL; and for INVITEs by origin, for
//! the ACK to a 2xx and for merged requests.

use hashbrown::HashTable;
use parser::{Message, Method};

use super::flat::{Flat, Flats};
use super::identity::{Identities, Identity, MethodCode};
use super::machine::{Action, Actions, Reliability, Timing};
use super::{Matched, Overload, TmSettings, invite_server, reply_flow, server};
use crate::core::Core;
use crate::input::{ConnectionId, Flow, Ticket};
use crate::limits::{COPIES_MAX, RESERVE_PERCENT};
use crate::outbox::Outbox;
use crate::proxy::{self, ContextId};
use crate::slab::{Key, ServerId, Slab};
use crate::statistics::Counter;
use crate::timer::{Timer, TimerId, Wheel};

/// The table's number in the top four bits of a ticket.
pub(super) const TICKET_TABLE: u64 = 5;

/// The server transactions of a shard.
#[derive(Debug)]
pub struct ServerTransactions {
    slab: Slab<ServerId, Entry>,
    by_identity: HashTable<u32>,
    by_origin: HashTable<u32>,
    identities: Identities,
    flats: Flats,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    /// Of an INVITE; else 0.
    origin: u64,
    flow: Flow,
    /// The port of the Via, for a connection that is gone (RFC 3261 §18.2.2).
    via_port: u16,
    /// `tcp_no_new_conn_rplflag`: a connection that is gone is not replaced.
    opens_nothing: bool,
    status: u16,
    method: MethodCode,
    machine: Machine,
    kept: Flat,
    retransmission: TimerId,
    deadline: TimerId,
    context: Option<ContextId>,
}

#[derive(Clone, Copy, Debug)]
enum Machine {
    Invite(invite_server::InviteServer),
    Other(server::Server),
}

/// An event of either machine.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    Request,
    Ack,
    Respond(u16),
    Fired(Timer),
    TransportError,
}

impl Machine {
    fn on_event(&mut self, event: Event, timing: &Timing<'_>, actions: &mut Actions) {
        match self {
            Machine::Invite(machine) => {
                use invite_server::Event as To;
                let event = match event {
                    Event::Begin => To::Begin,
                    Event::Request => To::Request,
                    Event::Ack => To::Ack,
                    Event::Respond(100..=199) => To::Provisional,
                    Event::Respond(200..=299) => To::Success,
                    Event::Respond(_) => To::Failure,
                    Event::Fired(Timer::Trying) => To::TimerTrying,
                    Event::Fired(Timer::G) => To::TimerG,
                    Event::Fired(Timer::H) => To::TimerH,
                    Event::Fired(Timer::I) => To::TimerI,
                    Event::Fired(Timer::L) => To::TimerL,
                    Event::Fired(_) => To::TimerUnanswered,
                    Event::TransportError => To::TransportError,
                };
                machine.on_event(event, timing, actions);
            }
            Machine::Other(machine) => {
                use server::Event as To;
                let event = match event {
                    Event::Begin => To::Begin,
                    Event::Request | Event::Ack => To::Request,
                    Event::Respond(100..=199) => To::Provisional,
                    Event::Respond(_) => To::Final,
                    Event::Fired(Timer::J) => To::TimerJ,
                    Event::Fired(_) => To::TimerUnanswered,
                    Event::TransportError => To::TransportError,
                };
                machine.on_event(event, timing, actions);
            }
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.state() == invite_server::State::Terminated,
            Machine::Other(machine) => machine.state() == server::State::Terminated,
        }
    }

    fn is_accepted(&self) -> bool {
        matches!(self, Machine::Invite(machine) if machine.state() == invite_server::State::Accepted)
    }

    fn is_answered(&self) -> bool {
        use invite_server::State::Proceeding as Unanswered;
        use server::State::{Proceeding, Trying};
        match self {
            Machine::Invite(machine) => machine.state() != Unanswered,
            Machine::Other(machine) => !matches!(machine.state(), Trying | Proceeding),
        }
    }
}

impl ServerTransactions {
    /// An empty table of at most `limit`, whose indexes have room for `ready`; one in two is an INVITE's.
    #[must_use]
    pub fn new(limit: u32, ready: u32, seed: u64) -> Self {
        let ready = ready.min(limit) as usize;
        Self {
            slab: Slab::new(limit),
            by_identity: HashTable::with_capacity(ready),
            by_origin: HashTable::with_capacity(ready / 2),
            identities: Identities::new(seed),
            flats: Flats::default(),
            scratch: Vec::new(),
        }
    }

    /// The response context of a transaction, once it has one.
    #[must_use]
    pub fn context(&self, id: ServerId) -> Option<ContextId> {
        self.slab.get(id)?.context
    }

    /// Says whose it is: who is told of CANCEL, ACK and its end.
    pub fn set_context(&mut self, id: ServerId, context: ContextId) {
        if let Some(entry) = self.slab.get_mut(id) {
            entry.context = Some(context);
        }
    }

    /// Nobody is told of it any more; it goes on by itself to its end.
    pub fn disown(&mut self, id: ServerId) {
        if let Some(entry) = self.slab.get_mut(id) {
            entry.context = None;
        }
    }

    /// Where its responses go.
    #[must_use]
    pub fn reply_flow(&self, id: ServerId) -> Option<Flow> {
        self.slab.get(id).map(|entry| entry.flow)
    }

    /// Changes where its responses go: `force_rport`.
    pub fn set_reply_flow(&mut self, id: ServerId, flow: Flow) {
        if let Some(entry) = self.slab.get_mut(id) {
            entry.flow = flow;
        }
    }

    /// The status of the last response; 0 before the first.
    #[must_use]
    pub fn last_status(&self, id: ServerId) -> u16 {
        self.slab.get(id).map_or(0, |entry| entry.status)
    }

    /// Whether it has had its final response. What is gone has.
    #[must_use]
    pub fn is_answered(&self, id: ServerId) -> bool {
        self.slab
            .get(id)
            .is_none_or(|entry| entry.machine.is_answered())
    }

    /// Whether it is still there.
    #[must_use]
    pub fn contains(&self, id: ServerId) -> bool {
        self.slab.contains(id)
    }

    /// Whether there is no place for this request. The last places are for requests inside a dialog: overload
    /// sheds new calls first.
    #[must_use]
    pub fn is_overloaded(&self, request: &Message) -> bool {
        let limit = u64::from(self.slab.limit());
        let reserve = if request.to_tag().is_none() {
            limit * u64::from(RESERVE_PERCENT) / 100
        } else {
            0
        };
        self.slab.len() as u64 >= limit - reserve
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// The INVITE that came before with the same Call-ID, From tag and CSeq, but by another path. A
    /// user agent answers 482 to such a request if it is outside of a dialog (§8.2.2.2).
    #[must_use]
    pub fn merged(&self, request: &Message) -> Option<ServerId> {
        if request.to_tag().is_some() || request.method() != Method::Invite {
            return None;
        }
        let identity = self.identities.of(request);
        self.of_origin(request, |entry| entry.identity != identity)
    }

    /// The INVITE with these that has no final response yet.
    #[must_use]
    pub fn invite_of(&self, call_id: &[u8], from_tag: &[u8], cseq: u32) -> Option<ServerId> {
        let origin = self.identities.of_origin_parts(call_id, from_tag, cseq);
        self.at_origin(origin, |entry| !entry.machine.is_answered())
    }

    fn of_origin(&self, request: &Message, wanted: impl Fn(&Entry) -> bool) -> Option<ServerId> {
        self.at_origin(self.identities.of_origin(request), wanted)
    }

    fn at_origin(&self, origin: u64, wanted: impl Fn(&Entry) -> bool) -> Option<ServerId> {
        let slot = *self.by_origin.find(origin, |&slot| {
            self.at(slot)
                .is_some_and(|(_, entry)| entry.origin == origin && wanted(entry))
        })?;
        self.slab.key_at(slot)
    }

    /// The origin under which this INVITE can be found; 0 when so many copies are there already that
    /// looking among them would cost more than it gives.
    fn free_origin(&self, request: &Message) -> u64 {
        let origin = self.identities.of_origin(request);
        let copies = self.by_origin.iter_hash(origin).take(COPIES_MAX).count();
        if copies < COPIES_MAX { origin } else { 0 }
    }

    fn of_identity(
        &self,
        identity: Identity,
        wanted: impl Fn(MethodCode) -> bool,
    ) -> Option<ServerId> {
        let slot = *self.by_identity.find(identity.low, |&slot| {
            self.at(slot)
                .is_some_and(|(_, entry)| entry.identity == identity && wanted(entry.method))
        })?;
        self.slab.key_at(slot)
    }

    fn at(&self, slot: u32) -> Option<(ServerId, &Entry)> {
        let id = self.slab.key_at(slot)?;
        Some((id, self.slab.get(id)?))
    }

    fn index(&mut self, id: ServerId, identity: Identity, origin: u64) {
        let slab = &self.slab;
        let entry = |slot: u32| slab.key_at(slot).and_then(|id| slab.get(id));
        self.by_identity
            .insert_unique(identity.low, id.slot(), |&slot| {
                entry(slot).map_or(0, |entry| entry.identity.low)
            });
        if origin != 0 {
            self.by_origin.insert_unique(origin, id.slot(), |&slot| {
                entry(slot).map_or(0, |entry| entry.origin)
            });
        }
    }

    /// Takes an entry out of everything.
    fn remove(&mut self, id: ServerId, wheel: &mut Wheel) -> Option<Option<ContextId>> {
        let mut entry = self.slab.remove(id)?;
        wheel.cancel(&mut entry.retransmission);
        wheel.cancel(&mut entry.deadline);
        self.flats.forget(&mut entry.kept);
        if let Ok(found) = self
            .by_identity
            .find_entry(entry.identity.low, |&slot| slot == id.slot())
        {
            found.remove();
        }
        if entry.origin != 0
            && let Ok(found) = self
                .by_origin
                .find_entry(entry.origin, |&slot| slot == id.slot())
        {
            found.remove();
        }
        Some(entry.context)
    }

    /// Says what is wrong, if anything is: an entry without a way to its end, or an index that lies.
    pub(crate) fn check(&self, wheel: &Wheel) -> Result<(), String> {
        for (id, entry) in self.slab.iter() {
            if entry.deadline.is_none() {
                return Err(format!("{id:?} will never end: {:?}", entry.machine));
            }
            for timer in [entry.retransmission, entry.deadline] {
                if !timer.is_none() && wheel.slot_of(timer) != Some(id.slot()) {
                    return Err(format!("{id:?} holds a timer of somebody else"));
                }
            }
            if entry.machine.is_terminated() {
                return Err(format!("{id:?} has ended and is still there"));
            }
            if self
                .by_identity
                .find(entry.identity.low, |&slot| slot == id.slot())
                .is_none()
            {
                return Err(format!("{id:?} cannot be matched"));
            }
        }
        if self.by_identity.len() != self.slab.len() {
            return Err(format!(
                "{} transactions, {} in the index",
                self.slab.len(),
                self.by_identity.len()
            ));
        }
        Ok(())
    }

    /// How many INVITEs can be found by origin.
    #[cfg(test)]
    pub(super) fn origins(&self) -> usize {
        self.by_origin.len()
    }

    /// All that have this context: what is dropped after a panic.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ServerId> {
        self.slab.iter().map(|(id, _)| id)
    }
}

impl Core {
    /// Matches a request to its transaction (RFC 3261 §17.2.3) and answers what needs no script.
    pub fn match_request(
        &mut self,
        request: &Message,
        _flow: &Flow,
        outbox: &mut Outbox,
    ) -> Matched {
        let servers = &self.servers;
        let identity = servers.identities.of(request);
        match request.method() {
            Method::Ack => {
                match servers.of_identity(identity, |method| method == MethodCode::INVITE) {
                    Some(id)
                        if servers
                            .slab
                            .get(id)
                            .is_some_and(|entry| entry.machine.is_accepted()) =>
                    {
                        Matched::AckTo2xx(id)
                    }
                    Some(id) => {
                        self.server_event(id, Event::Ack, outbox, |_| ());
                        Matched::AckToFinal
                    }
                    None => match servers.of_origin(request, |entry| entry.machine.is_accepted()) {
                        Some(id) => Matched::AckTo2xx(id),
                        None => Matched::New,
                    },
                }
            }
            Method::Cancel => {
                if let Some(id) =
                    servers.of_identity(identity, |method| method == MethodCode::CANCEL)
                {
                    self.retransmitted(id, outbox);
                    return Matched::Retransmission;
                }
                match servers.of_identity(identity, |method| method != MethodCode::CANCEL) {
                    Some(id) => Matched::Cancel(id),
                    None => Matched::New,
                }
            }
            method => {
                let code = MethodCode::of(method);
                match servers.of_identity(identity, |method| method == code) {
                    Some(id) => {
                        self.retransmitted(id, outbox);
                        Matched::Retransmission
                    }
                    None => Matched::New,
                }
            }
        }
    }

    fn retransmitted(&mut self, id: ServerId, outbox: &mut Outbox) {
        self.statistics.count(Counter::RequestRetransmissions);
        self.server_event(id, Event::Request, outbox, |_| ());
    }

    /// Makes the server transaction of a request that matched none. An INVITE's says 100 by itself
    /// after 200 ms if nothing else was said.
    pub fn create_server(&mut self, request: &Message, flow: &Flow) -> Result<ServerId, Overload> {
        let method = MethodCode::of(request.method());
        let is_invite = method == MethodCode::INVITE;
        let servers = &mut self.servers;
        if servers.is_overloaded(request) {
            return Err(Overload);
        }
        let identity = servers.identities.of(request);
        let origin = if is_invite {
            servers.free_origin(request)
        } else {
            0
        };
        let mut kept = Flat::default();
        if is_invite {
            servers.scratch.clear();
            let trying = parser::Response {
                code: 100,
                source: Some(flow.remote),
                ..Default::default()
            };
            trying.write(request, &mut servers.scratch);
            servers.flats.keep(&mut kept, &servers.scratch);
        }
        let entry = Entry {
            identity,
            origin,
            flow: reply_flow::reply_flow(request, flow, false),
            via_port: reply_flow::via_port(request, flow),
            opens_nothing: false,
            status: 0,
            method,
            machine: if is_invite {
                Machine::Invite(invite_server::InviteServer::new())
            } else {
                Machine::Other(server::Server::new())
            },
            kept,
            retransmission: TimerId::NONE,
            deadline: TimerId::NONE,
            context: None,
        };
        let id = servers.slab.insert(entry).ok_or(Overload)?;
        servers.index(id, identity, origin);
        self.in_hand.server = Some(id);
        self.statistics.count(Counter::ServerTransactions);
        self.server_begin(id);
        Ok(id)
    }

    fn server_begin(&mut self, id: ServerId) {
        let now_ms = self.now.mono_ms();
        let Some(entry) = self.servers.slab.get_mut(id) else {
            return;
        };
        let mut actions = Actions::none();
        entry
            .machine
            .on_event(Event::Begin, &timing(&self.tm, entry.flow), &mut actions);
        for &action in actions.as_slice() {
            if let Action::Set(timer, ms) = action {
                entry.set(timer, ms, id, now_ms, &mut self.wheel);
            }
        }
    }

    /// Says 100 now, if nothing was said yet.
    pub fn send_trying(&mut self, id: ServerId, outbox: &mut Outbox) {
        let Some(entry) = self.servers.slab.get(id) else {
            return;
        };
        if entry.status == 0 && entry.method == MethodCode::INVITE {
            self.server_event(id, Event::Fired(Timer::Trying), outbox, |_| ());
        }
    }

    /// Sends a response and keeps a flat copy as long as it may have to be repeated. `write`
    /// appends the whole message. `false`: the transaction is gone or has had its final response.
    pub fn respond(
        &mut self,
        id: ServerId,
        status: u16,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(entry) = self.servers.slab.get_mut(id) else {
            return false;
        };
        // RFC 6026: a further 2xx to an INVITE passes through.
        if entry.machine.is_answered()
            && !(entry.machine.is_accepted() && (200..300).contains(&status))
        {
            return false;
        }
        if status >= 200 && !entry.machine.is_answered() {
            self.statistics.count_final(status);
        }
        entry.status = status;
        self.server_event(id, Event::Respond(status), outbox, write);
        true
    }

    /// Nobody will ever answer it: it goes without a word, and its request's retransmissions are new requests.
    pub fn release_server(&mut self, id: ServerId) {
        self.servers.remove(id, &mut self.wheel);
    }

    /// Its responses go by connections that are open, or not at all.
    pub(crate) fn open_nothing_for(&mut self, id: ServerId) {
        if let Some(entry) = self.servers.slab.get_mut(id) {
            entry.opens_nothing = true;
        }
    }

    /// A timer of a server transaction has fired.
    pub(crate) fn on_server_timer(
        &mut self,
        slot: u32,
        timer: Timer,
        id: TimerId,
        outbox: &mut Outbox,
    ) {
        let Some(key) = self.servers.slab.key_at(slot) else {
            return;
        };
        let Some(entry) = self.servers.slab.get_mut(key) else {
            return;
        };
        if entry.retransmission == id {
            entry.retransmission = TimerId::NONE;
        } else if entry.deadline == id {
            entry.deadline = TimerId::NONE;
        } else {
            debug_assert!(false, "a timer fires for whoever holds it");
            return;
        }
        self.in_hand.server = Some(key);
        self.server_event(key, Event::Fired(timer), outbox, |_| ());
    }

    /// What a server transaction sent did not arrive. On a connection, another one is tried once (§18.2.2).
    pub(crate) fn on_server_send_failed(&mut self, id: ServerId, flow: Flow, outbox: &mut Outbox) {
        let Some(entry) = self.servers.slab.get_mut(id) else {
            return;
        };
        let is_first = flow.connection.is_named() && entry.flow.connection == flow.connection;
        if flow.transport.is_reliable() && is_first {
            entry.flow.connection = match entry.opens_nothing {
                true => ConnectionId::EXISTING,
                false => ConnectionId::NONE,
            };
            entry.flow.remote.set_port(entry.via_port);
            if !entry.kept.is_empty() {
                let ticket = ticket(id);
                outbox.send(entry.flow, ticket, |out| {
                    out.extend_from_slice(entry.kept.bytes())
                });
            }
            return;
        }
        self.server_event(id, Event::TransportError, outbox, |_| ());
    }

    fn server_event(
        &mut self,
        id: ServerId,
        event: Event,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let now_ms = self.now.mono_ms();
        let ServerTransactions { slab, flats, .. } = &mut self.servers;
        let Some(entry) = slab.get_mut(id) else {
            return;
        };
        let mut actions = Actions::none();
        entry
            .machine
            .on_event(event, &timing(&self.tm, entry.flow), &mut actions);
        let mut write = Some(write);
        for &action in actions.as_slice() {
            match action {
                Action::SendKept => {
                    if !entry.kept.is_empty() {
                        outbox.send(entry.flow, ticket(id), |out| {
                            out.extend_from_slice(entry.kept.bytes())
                        });
                    }
                    match event {
                        Event::Fired(Timer::G) => {
                            self.statistics.count(Counter::OwnRetransmissions);
                            self.statistics.count(Counter::ResponseAgain);
                        }
                        Event::Fired(Timer::Trying) => entry.status = 100,
                        _ => {}
                    }
                }
                Action::KeepAndSend | Action::SendOnly => {
                    let Some(write) = write.take() else { continue };
                    let range = outbox.send(entry.flow, ticket(id), write);
                    if action == Action::KeepAndSend {
                        flats.keep(&mut entry.kept, outbox.slice(&range));
                    }
                }
                Action::Forget => flats.forget(&mut entry.kept),
                Action::Set(timer, ms) => entry.set(timer, ms, id, now_ms, &mut self.wheel),
                Action::StopRetransmitting => self.wheel.cancel(&mut entry.retransmission),
                Action::TellTimeout => self.statistics.count(Counter::Timeouts),
                Action::Acknowledge | Action::TellResponse | Action::TellTransportError => {
                    debug_assert!(false, "{action:?} is for clients");
                }
            }
        }
        if entry.machine.is_terminated()
            && let Some(Some(context)) = self.servers.remove(id, &mut self.wheel)
        {
            proxy::on_server_ended(self, context, outbox);
        }
    }
}

impl Entry {
    fn set(&mut self, timer: Timer, ms: u32, id: ServerId, now_ms: u64, wheel: &mut Wheel) {
        let place = match timer {
            Timer::G | Timer::Trying => &mut self.retransmission,
            _ => &mut self.deadline,
        };
        wheel.reset(place, now_ms + u64::from(ms), timer, id.slot());
    }
}

fn timing(tm: &TmSettings, flow: Flow) -> Timing<'_> {
    Timing {
        tm,
        reliability: reliability(flow),
        fr_ms: tm.fr_ms,
        fr_inv_ms: tm.fr_inv_ms,
    }
}

pub(super) fn reliability(flow: Flow) -> Reliability {
    if flow.transport.is_reliable() {
        Reliability::Reliable
    } else {
        Reliability::Unreliable
    }
}

fn ticket(id: ServerId) -> Ticket {
    super::ticket(TICKET_TABLE, id)
}
