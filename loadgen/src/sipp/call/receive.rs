//! What comes in: whose it is, whether it is a repeat, which step it belongs to.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::super::limits::EARLY_MAX;
use super::super::message::{View, elements, uri_of};
use super::super::program::{Expect, Kind, Optional, Recv};
use super::super::tally::Cause;
use super::act::Acted;
use super::{Call, Dialog, End, Machine, State, World};
use crate::phone::slab::Key;
use crate::phone::{Micros, Outbox};

/// Where a message belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A step of the chain that the call waits at.
    Here(u32),
    /// A step that holds at any time.
    Anywhere(u32),
    /// An optional message of a step that is past: only counted.
    Past(u32),
}

impl Machine<'_> {
    /// A datagram came in on a line.
    pub(crate) fn receive(
        &mut self,
        now: Micros,
        line: u32,
        bytes: &[u8],
        from: SocketAddr,
        out: &mut Outbox,
    ) {
        self.world.now = now;
        let Some(view) = View::read(bytes) else {
            // A keep-alive of empty lines is no mistake.
            self.world.tally.malformed += u64::from(!bytes.trim_ascii().is_empty());
            return;
        };
        let id = own_part(view.call_id);
        let hash = self.hasher.hash_one(id);
        let known = self.by_id.get(&hash).copied();
        let known = known.filter(|&key| self.calls.get(key).is_some_and(|call| call.call_id == id));
        match known {
            Some(key) => self.deliver(key, &view, from, out),
            None => self.receive_new(line, &view, id, from, out),
        }
    }

    /// A request that begins a call, if the scenario begins with it.
    fn receive_new(
        &mut self,
        line: u32,
        view: &View<'_>,
        id: &[u8],
        from: SocketAddr,
        out: &mut Outbox,
    ) {
        let starts = self.world.is_callee() && self.world.begins_with(view);
        if !starts || self.world.stop.is_some() {
            self.world.tally.strays += 1;
            if self.world.is_answered_anyway(view) {
                self.world.answer_stranger(line, view, from, out);
            }
            return;
        }
        let mut call_id = self.world.buffer();
        call_id.extend_from_slice(id);
        let user = 0;
        let now = self.world.now;
        let Some(key) = self.insert(call_id, line, from, now, user) else {
            return;
        };
        // To the first step that waits; what comes before it (a `nop`) happens now.
        self.run(key, out);
        self.deliver(key, view, from, out);
    }

    fn deliver(&mut self, key: Key, view: &View<'_>, from: SocketAddr, out: &mut Outbox) {
        let digest = self.hasher.hash_one(view.bytes);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let world = &mut self.world;
        if world.is_repeat(call, digest, out) {
            return;
        }
        match call.state {
            State::Ended => {
                call.remember(digest);
                world.late(call, view, out);
                return;
            }
            State::Pausing | State::Running => {
                let is_due = world.place_anywhere(call, view).is_some();
                if !is_due && world.is_awaited(call, view) {
                    // Its turn comes when the pause is over.
                    call.remember(digest);
                    if view.status().is_some() {
                        world.wheel.cancel(&mut call.repeat);
                    }
                    let early = call.early.get_or_insert_default();
                    if early.len() < EARLY_MAX {
                        let mut copy = world.pool.pop().unwrap_or_default();
                        copy.extend_from_slice(view.bytes);
                        early.push_back((copy, from));
                    } else {
                        world.tally.late += 1;
                    }
                    return;
                }
            }
            State::Receiving => {}
        }
        if self.take(key, view, digest, from, out) {
            self.run(key, out);
        }
    }

    /// A message that came in a pause has its turn. Whether the call moved on.
    pub(super) fn take_early(
        &mut self,
        key: Key,
        bytes: &[u8],
        from: SocketAddr,
        out: &mut Outbox,
    ) -> bool {
        let digest = self.hasher.hash_one(bytes);
        match View::read(bytes) {
            Some(view) => self.take(key, &view, digest, from, out),
            None => true,
        }
    }

    /// Gives a message to the step that it belongs to. `false`: the call is over.
    fn take(
        &mut self,
        key: Key,
        view: &View<'_>,
        digest: u64,
        from: SocketAddr,
        out: &mut Outbox,
    ) -> bool {
        let Some(call) = self.calls.get_mut(key) else {
            return false;
        };
        let end = self.world.take(call, view, digest, from, out);
        if let Some(end) = end {
            self.finish(key, end, out);
            return false;
        }
        true
    }
}

impl Call {
    pub(super) fn remember(&mut self, digest: u64) {
        self.seen[usize::from(self.seen_next)] = digest;
        self.seen_next = (self.seen_next + 1) % self.seen.len() as u8;
    }

    pub(super) fn dialog(&mut self) -> &mut Dialog {
        self.dialog.get_or_insert_default()
    }
}

impl World<'_> {
    /// Answers what was answered before, and knows what came before.
    fn is_repeat(&mut self, call: &Call, digest: u64, out: &mut Outbox) -> bool {
        if !self.settings.repeats {
            return false;
        }
        if digest == call.answered && !call.answer.is_empty() {
            let start = out.bytes.len();
            out.bytes.extend_from_slice(&call.answer);
            self.push(call, start, true, out);
            self.tally.steps[call.answer_step as usize].repeated += 1;
            return true;
        }
        let is_seen = call.seen.contains(&digest);
        if is_seen {
            let place = (call.step as usize).min(self.tally.steps.len() - 1);
            self.tally.steps[place].repeated += 1;
        }
        is_seen
    }

    fn take(
        &mut self,
        call: &mut Call,
        view: &View<'_>,
        digest: u64,
        from: SocketAddr,
        out: &mut Outbox,
    ) -> Option<End> {
        let program = self.program;
        let place = self.place(call, view);
        let Some(place) = place else {
            call.remember(digest);
            return self.unexpected(call, view, out);
        };
        let (Place::Here(at) | Place::Anywhere(at) | Place::Past(at)) = place;
        let step = &program.steps[at as usize];
        let Kind::Recv(recv) = &step.kind else {
            return None;
        };
        if step.lost > 0.0 && self.random.f64() < step.lost {
            self.tally.steps[at as usize].lost += 1;
            return None;
        }
        call.remember(digest);
        self.tally.steps[at as usize].messages += 1;
        if let Place::Past(_) = place {
            return None;
        }
        if view.status().is_some() {
            call.last_response = digest;
        } else {
            call.last_request = digest;
            if self.is_callee() {
                call.peer = from;
            }
        }
        if let Place::Here(_) = place {
            self.wheel.cancel(&mut call.repeat);
        }
        self.keep(call, recv, view);
        let acted = self.act(call, &step.actions, Some(view));
        let to = match acted {
            Acted::End(end) => return Some(end),
            Acted::Jump(to) => Some(to),
            Acted::On => self.jump_from(call, at),
        };
        let to = match (to, place) {
            (Some(to), _) => to,
            (None, Place::Here(at)) if !self.stays(at, recv) => at + 1,
            // Another optional message may come, and the call waits on as it did.
            (None, _) => return None,
        };
        self.wheel.cancel(&mut call.wait);
        call.state = State::Running;
        call.step = to;
        None
    }

    /// Whether the call still waits at its chain after this one: it was optional, and one that is not follows.
    fn stays(&self, at: u32, recv: &Recv) -> bool {
        if recv.optional == Optional::No {
            return false;
        }
        let behind = self.program.steps.iter().skip(at as usize + 1);
        let mut chain = behind.map_while(|step| match &step.kind {
            Kind::Recv(recv) => Some(recv),
            _ => None,
        });
        chain.any(|recv| recv.optional == Optional::No)
    }

    /// Whether a later step waits for this message.
    fn is_awaited(&self, call: &Call, view: &View<'_>) -> bool {
        let mut later = self.program.steps.iter().skip(call.step as usize);
        later.any(|step| matches!(&step.kind, Kind::Recv(recv) if self.fits(call, recv, view)))
    }

    /// What later steps need of the message.
    fn keep(&mut self, call: &mut Call, recv: &Recv, view: &View<'_>) {
        if view.status().is_some_and(|status| status >= 200)
            && let Some(method) = self.method(view)
        {
            call.outstanding &= !(1 << method);
        }
        call.last.clear();
        if recv.keeps_message {
            if call.last.capacity() == 0 {
                call.last = self.pool.pop().unwrap_or_default();
            }
            call.last.extend_from_slice(view.bytes);
        }
        if self.program.uses.peer_tag
            && let Some(tag) = view.peer_tag()
        {
            let kept = &mut call.dialog().peer_tag;
            kept.clear();
            kept.extend_from_slice(tag);
        }
        if recv.keeps_routes {
            keep_routes(call.dialog(), view);
        }
        if recv.keeps_challenge {
            keep_challenge(call.dialog(), view);
        }
    }

    /// The step that a message belongs to.
    fn place(&self, call: &Call, view: &View<'_>) -> Option<Place> {
        if call.state == State::Receiving {
            let chain = self
                .program
                .steps
                .iter()
                .enumerate()
                .skip(call.step as usize);
            for (at, step) in chain {
                let Kind::Recv(recv) = &step.kind else {
                    break;
                };
                if !self.applies(call, step) {
                    continue;
                }
                if self.fits(call, recv, view) {
                    return Some(Place::Here(at as u32));
                }
                if recv.optional == Optional::No {
                    break;
                }
            }
        }
        self.place_anywhere(call, view)
    }

    /// Among the steps that hold at any time, and optional ones that are past.
    fn place_anywhere(&self, call: &Call, view: &View<'_>) -> Option<Place> {
        let mut past = None;
        for (at, step) in self.program.steps.iter().enumerate() {
            let Kind::Recv(recv) = &step.kind else {
                continue;
            };
            match recv.optional {
                Optional::Global if self.fits(call, recv, view) => {
                    return Some(Place::Anywhere(at as u32));
                }
                Optional::Yes if at < call.step as usize && is_late(recv, view) => {
                    past = Some(Place::Past(at as u32));
                }
                _ => {}
            }
        }
        past
    }

    fn fits(&self, call: &Call, recv: &Recv, view: &View<'_>) -> bool {
        match (&recv.expect, view.method(), view.status()) {
            (Expect::Request(expected), Some(method), _) => expected == method,
            (Expect::RequestLike(regex), Some(method), _) => regex.is_match(method),
            (Expect::Response(expected), _, Some(status)) => {
                *expected == status && self.is_outstanding(call, view)
            }
            _ => false,
        }
    }

    /// Whether a response is to a request that has no final one yet.
    pub(super) fn is_outstanding(&self, call: &Call, view: &View<'_>) -> bool {
        call.anything
            || self
                .method(view)
                .is_some_and(|method| call.outstanding & 1 << method != 0)
    }

    fn method(&self, view: &View<'_>) -> Option<usize> {
        let methods = &self.program.methods;
        methods.iter().position(|known| known == view.cseq_method)
    }

    /// Whether a request begins a call here.
    fn begins_with(&self, view: &View<'_>) -> bool {
        let Some(method) = view.method() else {
            return false;
        };
        let first = self
            .program
            .steps
            .iter()
            .map_while(|step| match &step.kind {
                Kind::Send(_) => None,
                Kind::Recv(recv) => Some(Some(recv)),
                _ => Some(None),
            });
        for recv in first.flatten() {
            let fits = match &recv.expect {
                Expect::Request(expected) => expected == method,
                Expect::RequestLike(regex) => regex.is_match(method),
                Expect::Response(_) => false,
            };
            if fits {
                return true;
            }
            if recv.optional == Optional::No {
                break;
            }
        }
        false
    }

    /// A message that no step waits for.
    fn unexpected(&mut self, call: &mut Call, view: &View<'_>, out: &mut Outbox) -> Option<End> {
        if let Some(status) = view.status() {
            // A 100 says nothing that a scenario has to know; what comes after the final response is late.
            if status == 100 || !self.is_outstanding(call, view) {
                self.tally.late += 1;
                return None;
            }
        } else if self.is_answered_anyway(view) {
            self.answer(call, view, b"200 OK", view.cseq_method, out);
            return None;
        }
        let place = self.program.awaited(call.step);
        self.tally.steps[place as usize].unexpected += 1;
        if self.settings.tidies {
            self.settle(call, view, out);
        }
        Some(End::Failed(Cause::Unexpected, place))
    }

    /// `-aa`.
    fn is_answered_anyway(&self, view: &View<'_>) -> bool {
        self.settings.answers
            && matches!(
                view.method(),
                Some(b"INFO" | b"NOTIFY" | b"OPTIONS" | b"UPDATE")
            )
    }
}

/// A provisional response or a request again, of a step that is past.
fn is_late(recv: &Recv, view: &View<'_>) -> bool {
    match (&recv.expect, view.method(), view.status()) {
        (Expect::Response(expected), _, Some(status)) => *expected == status && status < 200,
        _ => false,
    }
}

/// The part of a Call-ID that is ours: `1///2-3@host` is `2-3@host`.
fn own_part(call_id: &[u8]) -> &[u8] {
    match memchr::memmem::rfind(call_id, b"///") {
        Some(place) => &call_id[place + 3..],
        None => call_id,
    }
}

/// Record-Route of a request in its order, of a response the other way round (RFC 3261 §12.1), and Contact.
fn keep_routes(dialog: &mut Dialog, view: &View<'_>) {
    let mut routes: VecDeque<&[u8]> = VecDeque::new();
    for value in view.values(b"Record-Route") {
        for element in elements(value) {
            match view.status() {
                Some(_) => routes.push_front(element),
                None => routes.push_back(element),
            }
        }
    }
    dialog.routes.clear();
    for (place, route) in routes.into_iter().enumerate() {
        if place > 0 {
            dialog.routes.extend_from_slice(b", ");
        }
        dialog.routes.extend_from_slice(route);
    }
    if let Some(contact) = view.values(b"Contact").next() {
        let contact = elements(contact).next().unwrap_or(contact);
        dialog.next_url.clear();
        dialog.next_url.extend_from_slice(uri_of(contact));
    }
}

/// The first challenge that we know how to answer.
fn keep_challenge(dialog: &mut Dialog, view: &View<'_>) {
    for (name, is_proxy) in [
        (&b"WWW-Authenticate"[..], false),
        (&b"Proxy-Authenticate"[..], true),
    ] {
        for value in view.values(name) {
            let can_answer = parser::Challenge::parse(value)
                .is_ok_and(|challenge| crate::phone::digest::can_answer(&challenge));
            if can_answer {
                dialog.challenge.clear();
                dialog.challenge.extend_from_slice(value);
                dialog.is_proxy = is_proxy;
                dialog.used = 0;
                return;
            }
        }
    }
}
