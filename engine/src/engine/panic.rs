//! The panic door: no message may take down the other calls.
//!
//! Every input is taken inside a net. When something in there panics, what the unit of work in hand wrote is cut off
//! the outbox, the call it was about is dropped, and the bytes leave as a quarantine record. Then the
//! tables are walked; whether they are still sound is part of the record, and a shard whose engine
//! is not sound starts anew.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Engine;
use crate::input::Input;
use crate::outbox::{Outbox, Output};
use crate::proxy::{self, ContextId};
use crate::slab::{ClientId, ServerId};
use crate::statistics::Counter;
use crate::transaction::ClientUser;

/// What has to be known when a panic comes by.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// The bytes of the message in hand.
    message: Vec<u8>,
    /// Up to here the outbox belongs to work that is done.
    mark: (usize, usize),
    /// Panics of one input: a few, then no more of its work is done.
    caught: u32,
}

/// Timers that may panic in one tick before the rest has to wait for the next.
const CAUGHT_PER_INPUT_MAX: u32 = 8;

/// Which call the work in hand is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct InHand {
    /// Its server transaction.
    pub server: Option<ServerId>,
    /// Its client transaction.
    pub client: Option<ClientId>,
    /// Its response context.
    pub context: Option<ContextId>,
}

impl Engine {
    /// Takes an input, whatever happens.
    pub(super) fn guarded(&mut self, input: Input, outbox: &mut Outbox) {
        self.guard.message.clear();
        if let Input::Received { frame, .. } | Input::Handover { frame, .. } = &input {
            self.guard.message.extend_from_slice(frame);
        }
        self.guard.mark = outbox.mark();
        self.guard.caught = 0;
        let mut input = Some(input);
        loop {
            let work = AssertUnwindSafe(|| {
                match input.take() {
                    Some(input) => self.take(input, outbox),
                    // What a panic left: those who watched its run.
                    None => self.do_jobs(outbox),
                }
                self.done(outbox);
                self.end_closed(outbox);
                self.fire_due(outbox);
            });
            let Err(cause) = catch_unwind(work) else {
                return;
            };
            self.caught(&*cause, outbox);
            if self.guard.caught >= CAUGHT_PER_INPUT_MAX {
                return;
            }
        }
    }

    /// Ends what went by a connection that is gone, each a unit of work of its own: the jobs of one have to be done
    /// before the next makes its own.
    fn end_closed(&mut self, outbox: &mut Outbox) {
        while let Some(id) = self.closed.pop() {
            self.core.end_of_closed(id, outbox);
            self.do_jobs(outbox);
            self.done(outbox);
        }
    }

    /// Fires what is due, each timer a unit of work of its own.
    fn fire_due(&mut self, outbox: &mut Outbox) {
        while let Some(fired) = self.core.wheel.pop(self.core.now.mono_ms()) {
            self.fire(fired, outbox);
            self.do_jobs(outbox);
            self.done(outbox);
        }
    }

    fn done(&mut self, outbox: &Outbox) {
        self.guard.mark = outbox.mark();
        self.core.in_hand = InHand::default();
    }

    fn caught(&mut self, cause: &(dyn Any + Send), outbox: &mut Outbox) {
        self.guard.caught += 1;
        self.core.statistics.count(Counter::Panics);
        outbox.cut_back(self.guard.mark);
        let dropped = catch_unwind(AssertUnwindSafe(|| self.drop_in_hand()));
        let run = self.core.machine.take_executing();
        self.core.tell_run_ended(run);
        let sound = match dropped {
            Ok(()) => self.check_invariants(),
            Err(_) => Err("dropping the call panicked as well".to_owned()),
        };
        let cause = cause
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| cause.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without words");
        let range = outbox.write(|out| out.extend_from_slice(&self.guard.message));
        let reason = outbox.write(|out| {
            out.extend_from_slice(cause.as_bytes());
            if let Err(wrong) = &sound {
                out.extend_from_slice(b"; not sound: ");
                out.extend_from_slice(wrong.as_bytes());
            }
        });
        outbox.push(Output::Quarantine {
            range,
            reason,
            is_sound: sound.is_ok(),
        });
        self.done(outbox);
    }

    /// Drops the call that the work in hand was about.
    fn drop_in_hand(&mut self) {
        let core = &mut self.core;
        core.jobs.clear();
        core.machine.after_panic();
        let InHand {
            server,
            client,
            context,
        } = std::mem::take(&mut core.in_hand);
        let of_server = server.and_then(|server| core.servers.context(server));
        let of_client = core.clients.users().find_map(|(id, user)| match user {
            ClientUser::Branch(context, _) if Some(id) == client => Some(context),
            _ => None,
        });
        let context = context.or(of_server).or(of_client);
        if let Some(context) = context {
            let belongs =
                |user: ClientUser| matches!(user, ClientUser::Branch(owner, _) if owner == context);
            let clients: Vec<ClientId> = core
                .clients
                .users()
                .filter(|(_, u)| belongs(*u))
                .map(|(id, _)| id)
                .collect();
            let servers: Vec<ServerId> = core.servers.ids().collect();
            for id in clients {
                core.release_client(id);
            }
            for id in servers {
                if core.servers.context(id) == Some(context) {
                    core.release_server(id);
                }
            }
            proxy::discard(core, context);
        }
        if let Some(server) = server {
            core.release_server(server);
        }
        if let Some(client) = client {
            core.release_client(client);
        }
    }
}
