//! The table of client transactions: branches, flat copies, timers, CANCEL.
//!
//! The branch of what we send names the slot, so a response needs no lookup. A CANCEL is a client
//! transaction of its own (RFC 3261 §9.1); it has the branch of its INVITE, whose entry names it.

mod peers;

use parser::{Message, Method, writer};

use super::flat::{Flat, Flats};
use super::identity::MethodCode;
use super::machine::{Action, Actions, Timing};
use super::servers::reliability;
use super::{ClientUser, Overload, Start, client, invite_client};
use crate::agent;
use crate::core::Core;
use crate::input::{Flow, Ticket};
use crate::outbox::Outbox;
use crate::owner::{BRANCH_TOKEN_LEN, BranchToken, Token};
use crate::proxy;
use crate::slab::{ClientId, Key, Slab};
use crate::statistics::Counter;
use crate::timer::{Timer, TimerId, Wheel};
use peers::{Neighbours, Peers};

/// The table's number in the top four bits of a ticket.
pub(super) const TICKET_TABLE: u64 = 4;

/// The client transactions of a shard.
#[derive(Debug)]
pub struct ClientTransactions {
    slab: Slab<ClientId, Entry>,
    peers: Peers,
    flats: Flats,
    scratch: Vec<u8>,
}

/// What is known once the request was sent; before, a place is only reserved.
#[derive(Debug)]
struct Entry {
    machine: Machine,
    method: MethodCode,
    user: ClientUser,
    flow: Option<Flow>,
    kept: Flat,
    retransmission: TimerId,
    deadline: TimerId,
    fr_ms: u32,
    fr_inv_ms: u32,
    cancel: Cancel,
    /// The CANCEL of this INVITE.
    canceller: Option<ClientId>,
    /// Reason lines for a CANCEL that has to wait.
    cancel_headers: Option<Box<[u8]>>,
    /// Header lines that its ACK and CANCEL get as the request did (`t_add_hdrs`), each with its CRLF.
    headers: Option<Box<[u8]>>,
    /// How often the request was sent again.
    again: u8,
    /// Whether anybody has answered at all.
    is_heard: bool,
    /// Of a request that went by a stream: its place among those of the same peer.
    neighbours: Option<Neighbours>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// As soon as a provisional response is there.
    Wanted,
    Sent,
}

#[derive(Clone, Copy, Debug)]
enum Machine {
    Reserved,
    Invite(invite_client::InviteClient),
    Other(client::Client),
}

/// An event of either machine.
#[derive(Clone, Copy, Debug)]
enum Event {
    Request,
    Response(u16),
    Cancel,
    Fired(Timer),
    TransportError,
}

impl Machine {
    fn on_event(&mut self, event: Event, timing: &Timing<'_>, actions: &mut Actions) {
        match self {
            Machine::Invite(machine) => {
                use invite_client::Event as To;
                let event = match event {
                    Event::Request => To::Request,
                    Event::Response(status @ ..=199) => To::Provisional(status),
                    Event::Response(200..=299) => To::Success,
                    Event::Response(_) => To::Failure,
                    Event::Cancel => To::Cancel,
                    Event::Fired(Timer::A) => To::TimerA,
                    Event::Fired(Timer::B) => To::TimerB,
                    Event::Fired(Timer::C) => To::TimerC,
                    Event::Fired(Timer::D) => To::TimerD,
                    Event::Fired(Timer::Cancelled) => To::TimerCancelled,
                    Event::Fired(_) => To::TimerM,
                    Event::TransportError => To::TransportError,
                };
                machine.on_event(event, timing, actions);
            }
            Machine::Other(machine) => {
                use client::Event as To;
                let event = match event {
                    Event::Request | Event::Cancel => To::Request,
                    Event::Response(..=199) => To::Provisional,
                    Event::Response(_) => To::Final,
                    Event::Fired(Timer::E) => To::TimerE,
                    Event::Fired(Timer::F) => To::TimerF,
                    Event::Fired(_) => To::TimerK,
                    Event::TransportError => To::TransportError,
                };
                machine.on_event(event, timing, actions);
            }
            Machine::Reserved => {}
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.state() == invite_client::State::Terminated,
            Machine::Other(machine) => machine.state() == client::State::Terminated,
            Machine::Reserved => false,
        }
    }
}

impl ClientTransactions {
    /// An empty table of at most `limit`.
    #[must_use]
    pub fn new(limit: u32, seed: u64) -> Self {
        Self {
            slab: Slab::new(limit),
            peers: Peers::new(seed),
            flats: Flats::default(),
            scratch: Vec::new(),
        }
    }

    /// Whether it is still there.
    #[must_use]
    pub fn contains(&self, id: ClientId) -> bool {
        self.slab.contains(id)
    }

    /// By which way its request went.
    #[must_use]
    pub fn flow(&self, id: ClientId) -> Option<Flow> {
        self.slab.get(id)?.flow
    }

    /// The request as it was sent, while it may have to be sent again; of an INVITE with a final
    /// response of 300 or more, the ACK.
    #[must_use]
    pub fn request(&self, id: ClientId) -> &[u8] {
        self.slab.get(id).map_or(&[], |entry| entry.kept.bytes())
    }

    /// Nobody waits for it any more; it goes on by itself to its end.
    pub fn abandon(&mut self, id: ClientId) {
        if let Some(entry) = self.slab.get_mut(id) {
            entry.user = ClientUser::Nobody;
        }
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

    fn remove(&mut self, id: ClientId, wheel: &mut Wheel) -> Option<ClientUser> {
        let mut entry = self.slab.remove(id)?;
        wheel.cancel(&mut entry.retransmission);
        wheel.cancel(&mut entry.deadline);
        self.flats.forget(&mut entry.kept);
        self.unlink(&entry);
        if let Some(canceller) = entry.canceller {
            // A CANCEL ends with its INVITE: nobody could match its response, nobody needs it.
            self.remove(canceller, wheel);
        }
        Some(entry.user)
    }

    /// Says what is wrong, if anything is: an entry without a way to its end.
    pub(crate) fn check(&self, wheel: &Wheel) -> Result<(), String> {
        for (id, entry) in self.slab.iter() {
            if matches!(entry.machine, Machine::Reserved) {
                continue;
            }
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
        }
        self.check_peers()
    }

    /// Users of all transactions, to be compared with what those users believe.
    pub(crate) fn users(&self) -> impl Iterator<Item = (ClientId, ClientUser)> {
        self.slab.iter().map(|(id, entry)| (id, entry.user))
    }
}

impl Core {
    /// Takes a place for a client transaction and mints its branch (without the magic cookie; `.` and more may follow it).
    pub fn reserve_client(
        &mut self,
        call_id: &[u8],
    ) -> Result<(ClientId, Token<BRANCH_TOKEN_LEN>), Overload> {
        let id = self
            .clients
            .slab
            .insert(Entry::reserved())
            .ok_or(Overload)?;
        let hash = self.owner.hash_of_call(call_id);
        Ok((id, self.owner.mint_branch(hash, call_id, id)))
    }

    /// Changes the timer after a provisional response, `fr_inv_timeout`, of a transaction under way; if it runs
    /// already, it begins anew.
    pub fn set_fr_inv_ms(&mut self, id: ClientId, fr_inv_ms: u32) {
        let Some(entry) = self.clients.slab.get_mut(id) else {
            return;
        };
        entry.fr_inv_ms = fr_inv_ms;
        let is_ringing = entry.cancel == Cancel::No
            && matches!(entry.machine, Machine::Invite(machine) if machine.state() == invite_client::State::Proceeding);
        if is_ringing {
            let due = self.now.mono_ms() + u64::from(fr_inv_ms);
            self.wheel
                .reset(&mut entry.deadline, due, Timer::C, id.slot());
        }
    }

    /// Gives a reserved place back unused; ends a transaction under way without a word to its user.
    pub fn release_client(&mut self, id: ClientId) {
        self.clients.remove(id, &mut self.wheel);
    }

    /// Sends a request and starts its client transaction. `write` appends the whole message.
    pub fn start_client(
        &mut self,
        start: Start<'_>,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(entry) = self.clients.slab.get_mut(start.id) else {
            return;
        };
        debug_assert!(
            matches!(entry.machine, Machine::Reserved),
            "a transaction starts once"
        );
        entry.machine = match start.method {
            Method::Invite => Machine::Invite(invite_client::InviteClient::new()),
            _ => Machine::Other(client::Client::new()),
        };
        entry.method = MethodCode::of(start.method);
        entry.user = start.user;
        entry.flow = Some(start.flow);
        entry.fr_ms = start.fr_ms.unwrap_or(self.tm.fr_ms);
        entry.fr_inv_ms = start.fr_inv_ms.unwrap_or(self.tm.fr_inv_ms);
        entry.headers = (!start.headers.is_empty()).then(|| start.headers.into());
        self.statistics.count(Counter::ClientTransactions);
        let range = outbox.send(start.flow, ticket(start.id), write);
        self.clients
            .flats
            .keep(&mut entry.kept, outbox.slice(&range));
        self.clients.link(start.id, start.flow);
        self.client_event(start.id, Event::Request, None, outbox);
    }

    /// Cancels an INVITE (RFC 3261 §9.1): now, or as soon as a provisional response is there.
    /// `headers` are further header lines (Reason), each with its CRLF.
    pub fn cancel_client(&mut self, id: ClientId, headers: &[u8], outbox: &mut Outbox) {
        let Some(entry) = self.clients.slab.get_mut(id) else {
            return;
        };
        let Machine::Invite(machine) = entry.machine else {
            return;
        };
        if entry.cancel != Cancel::No {
            return;
        }
        match machine.state() {
            invite_client::State::Calling => {
                entry.cancel = Cancel::Wanted;
                entry.cancel_headers = (!headers.is_empty()).then(|| headers.into());
            }
            invite_client::State::Proceeding => self.send_cancel(id, headers, outbox),
            _ => {}
        }
    }

    fn send_cancel(&mut self, id: ClientId, headers: &[u8], outbox: &mut Outbox) {
        let ClientTransactions {
            slab,
            flats,
            scratch,
            ..
        } = &mut self.clients;
        let Some(entry) = slab.get_mut(id) else {
            return;
        };
        entry.cancel = Cancel::Sent;
        let Some(flow) = entry.flow else { return };
        scratch.clear();
        if writer::write_cancel(entry.kept.bytes(), scratch).is_err() {
            debug_assert!(false, "what we sent can be cancelled");
            return;
        }
        // Behind the headers stands an empty line; a CANCEL has no body.
        let end = scratch.len().saturating_sub(2);
        let more = entry.headers.as_deref().unwrap_or_default();
        scratch.splice(end..end, headers.iter().chain(more).copied());
        let user = ClientUser::Nobody;
        let Some(canceller) = slab.insert(Entry {
            user,
            flow: Some(flow),
            fr_ms: self.tm.fr_ms,
            ..Entry::reserved()
        }) else {
            // No place for a CANCEL: the INVITE ends by its own timers.
            self.statistics.count(Counter::Overloaded);
            return;
        };
        let range = outbox.send(flow, Ticket::NONE, |out| out.extend_from_slice(scratch));
        if let Some(entry) = slab.get_mut(canceller) {
            entry.machine = Machine::Other(client::Client::new());
            flats.keep(&mut entry.kept, outbox.slice(&range));
        }
        if let Some(entry) = slab.get_mut(id) {
            entry.canceller = Some(canceller);
        }
        self.client_event(canceller, Event::Request, None, outbox);
        self.client_event(id, Event::Cancel, None, outbox);
    }

    /// Gives a response to its client transaction (RFC 3261 §17.1.3). What matches none comes back.
    pub(crate) fn match_response(
        &mut self,
        response: Message,
        flow: Flow,
        outbox: &mut Outbox,
    ) -> Result<(), Message> {
        let Some(id) = self.client_of(&response) else {
            return Err(response);
        };
        self.in_hand.client = Some(id);
        let status = response.status().unwrap_or(0);
        self.client_event(id, Event::Response(status), Some((response, flow)), outbox);
        Ok(())
    }

    fn client_of(&self, response: &Message) -> Option<ClientId> {
        let (_, token) = self
            .owner
            .read_branch(response.top_via().branch(), response.call_id())?;
        let BranchToken::Client(id) = token else {
            return None;
        };
        let entry = self.clients.slab.get(id)?;
        // §17.1.3: the method of the CSeq tells the response to a CANCEL from that to its INVITE.
        match MethodCode::of(response.cseq().method) {
            MethodCode::CANCEL if entry.method != MethodCode::CANCEL => {
                entry.canceller.filter(|&id| self.clients.contains(id))
            }
            method => (method == entry.method && entry.flow.is_some()).then_some(id),
        }
    }

    /// A timer of a client transaction has fired.
    pub(crate) fn on_client_timer(
        &mut self,
        slot: u32,
        timer: Timer,
        id: TimerId,
        outbox: &mut Outbox,
    ) {
        let Some(key) = self.clients.slab.key_at(slot) else {
            return;
        };
        let Some(entry) = self.clients.slab.get_mut(key) else {
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
        self.in_hand.client = Some(key);
        self.client_event(key, Event::Fired(timer), None, outbox);
    }

    /// What a client transaction sent did not arrive.
    pub(crate) fn on_client_send_failed(&mut self, id: ClientId, outbox: &mut Outbox) {
        self.client_event(id, Event::TransportError, None, outbox);
    }

    /// A connection has ended: requests that went by it and nobody answered will not be answered. Says whose they
    /// are; thousands may have gone by one connection, so each is ended on its own (`end_of_closed`).
    pub(crate) fn clients_of(&self, closed: Flow) -> impl Iterator<Item = ClientId> {
        // Who sent before the connection was open does not know its name.
        let clients = &self.clients;
        clients.of_peer(closed).filter(move |&id| {
            clients.flow(id).is_some_and(|used| {
                (used.transport, used.remote) == (closed.transport, closed.remote)
                    && (used.connection == closed.connection || !used.connection.is_named())
            })
        })
    }

    /// The connection of one of them has ended.
    pub(crate) fn end_of_closed(&mut self, id: ClientId, outbox: &mut Outbox) {
        let Some(entry) = self.clients.slab.get(id) else {
            return;
        };
        self.in_hand.client = Some(id);
        if let ClientUser::Branch(context, _) = entry.user {
            self.in_hand.context = Some(context);
        }
        self.client_event(id, Event::TransportError, None, outbox);
    }

    fn client_event(
        &mut self,
        id: ClientId,
        event: Event,
        mut response: Option<(Message, Flow)>,
        outbox: &mut Outbox,
    ) {
        let now_ms = self.now.mono_ms();
        let ClientTransactions {
            slab,
            flats,
            scratch,
            ..
        } = &mut self.clients;
        let Some(entry) = slab.get_mut(id) else {
            return;
        };
        let Some(flow) = entry.flow else { return };
        let timing = Timing {
            tm: &self.tm,
            reliability: reliability(flow),
            fr_ms: entry.fr_ms,
            fr_inv_ms: entry.fr_inv_ms,
        };
        let mut actions = Actions::none();
        entry.machine.on_event(event, &timing, &mut actions);
        entry.is_heard |= matches!(event, Event::Response(_));
        let is_heard = entry.is_heard;
        let mut tell = None;
        for &action in actions.as_slice() {
            match action {
                Action::SendKept => {
                    outbox.send(flow, ticket(id), |out| {
                        out.extend_from_slice(entry.kept.bytes())
                    });
                    if matches!(event, Event::Fired(_)) {
                        self.statistics.count(Counter::OwnRetransmissions);
                        entry.again = entry.again.saturating_add(1);
                        self.statistics.count(match entry.again {
                            1 => Counter::RequestAgain1,
                            2 => Counter::RequestAgain2,
                            3 => Counter::RequestAgain3,
                            _ => Counter::RequestAgainLater,
                        });
                    }
                }
                Action::Acknowledge => {
                    let Some((response, _)) = &response else {
                        continue;
                    };
                    scratch.clear();
                    if writer::write_ack(entry.kept.bytes(), response, scratch).is_ok() {
                        if let Some(headers) = &entry.headers {
                            let end = scratch.len().saturating_sub(2);
                            scratch.splice(end..end, headers.iter().copied());
                        }
                        outbox.send(flow, Ticket::NONE, |out| out.extend_from_slice(scratch));
                        flats.keep(&mut entry.kept, scratch);
                    } else {
                        debug_assert!(false, "what we sent can be acknowledged");
                    }
                }
                Action::Forget => flats.forget(&mut entry.kept),
                Action::Set(timer, ms) => {
                    let place = match timer {
                        Timer::A | Timer::E => &mut entry.retransmission,
                        _ => &mut entry.deadline,
                    };
                    self.wheel
                        .reset(place, now_ms + u64::from(ms), timer, id.slot());
                }
                Action::StopRetransmitting => self.wheel.cancel(&mut entry.retransmission),
                Action::TellResponse | Action::TellTimeout | Action::TellTransportError => {
                    tell = Some(action)
                }
                // The request went out, and its copy was taken, when the transaction started.
                Action::KeepAndSend | Action::SendOnly => {}
            }
        }
        let user = entry.user;
        let is_waiting_for_cancel = entry.cancel == Cancel::Wanted
            && matches!(entry.machine, Machine::Invite(machine) if machine.state() == invite_client::State::Proceeding);
        let headers = if is_waiting_for_cancel {
            entry.cancel_headers.take()
        } else {
            None
        };
        let has_ended = entry.machine.is_terminated();
        if has_ended {
            self.clients.remove(id, &mut self.wheel);
        } else if is_waiting_for_cancel {
            self.send_cancel(id, headers.as_deref().unwrap_or_default(), outbox);
        }
        match tell {
            Some(Action::TellResponse) => {
                if let Some((response, flow)) = response.take() {
                    self.tell_response(user, response, flow, outbox);
                }
            }
            Some(Action::TellTimeout) => {
                self.statistics.count(Counter::Timeouts);
                if !is_heard {
                    self.statistics.count(Counter::TimeoutsSilent);
                } else if matches!(event, Event::Fired(Timer::C)) {
                    self.statistics.count(Counter::TimeoutsRinging);
                }
                match user {
                    ClientUser::Branch(context, branch) => {
                        proxy::on_client_timeout(self, context, branch, Some(id), outbox)
                    }
                    ClientUser::Agent(agent) => agent::on_timeout(self, agent, outbox),
                    ClientUser::Nobody => {}
                }
            }
            Some(_) => match user {
                ClientUser::Branch(context, branch) => {
                    proxy::on_transport_error(self, context, branch, outbox)
                }
                ClientUser::Agent(agent) => agent::on_transport_error(self, agent, outbox),
                ClientUser::Nobody => {}
            },
            None => {}
        }
        if has_ended {
            match user {
                ClientUser::Branch(context, branch) => {
                    proxy::on_client_ended(self, context, branch, outbox)
                }
                ClientUser::Agent(agent) => agent::on_ended(self, agent, outbox),
                ClientUser::Nobody => {}
            }
        }
    }

    fn tell_response(
        &mut self,
        user: ClientUser,
        response: Message,
        flow: Flow,
        outbox: &mut Outbox,
    ) {
        match user {
            ClientUser::Branch(context, branch) => {
                proxy::on_response(self, context, branch, response, flow, outbox)
            }
            ClientUser::Agent(agent) => agent::on_response(self, agent, response, flow, outbox),
            ClientUser::Nobody => {}
        }
    }
}

impl Entry {
    fn reserved() -> Self {
        Self {
            machine: Machine::Reserved,
            method: MethodCode::CANCEL,
            user: ClientUser::Nobody,
            flow: None,
            kept: Flat::default(),
            retransmission: TimerId::NONE,
            deadline: TimerId::NONE,
            fr_ms: 0,
            fr_inv_ms: 0,
            cancel: Cancel::No,
            canceller: None,
            cancel_headers: None,
            headers: None,
            again: 0,
            is_heard: false,
            neighbours: None,
        }
    }
}

fn ticket(id: ClientId) -> Ticket {
    super::ticket(TICKET_TABLE, id)
}
