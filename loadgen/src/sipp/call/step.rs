//! Steps that a call takes by itself: sending, pausing, beginning to wait.

use super::super::limits::{MESSAGE_MAX, STEPS_MAX};
use super::super::program::{Kind, Pause, Recv, Send, Step, VariableId, What};
use super::super::tally::{Cause, enter};
use super::act::Acted;
use super::{Call, Clocked, End, Repeated, State, World, timer};
use crate::phone::slab::Key;
use crate::phone::{Micros, Outbox};

/// The longest time between two retransmissions that are not INVITEs: T2.
const T2: u32 = 4_000;

impl<'p> World<'p> {
    /// Until the call waits (`None`) or is over.
    pub(super) fn run(&mut self, key: Key, call: &mut Call, out: &mut Outbox) -> Option<End> {
        if call.state != State::Running {
            return None;
        }
        let program = self.program;
        for _ in 0..STEPS_MAX {
            let place = call.step;
            let Some(step) = program.steps.get(place as usize) else {
                return Some(End::Done);
            };
            if !self.applies(call, step) {
                call.step += 1;
                continue;
            }
            match &step.kind {
                Kind::Send(send) => {
                    if let Some(end) = self.send(key, call, step, send, out) {
                        return Some(end);
                    }
                }
                Kind::Recv(recv) => {
                    self.begin_to_receive(key, call, recv);
                    return None;
                }
                Kind::Pause(pause) => {
                    self.tally.steps[place as usize].messages += 1;
                    let time = self.length(call, pause);
                    if time >= 1_000 {
                        call.state = State::Pausing;
                        call.wait = self.wheel.set(self.now + time, timer(key, Clocked::Wait));
                        return None;
                    }
                }
                Kind::Nop => self.tally.steps[place as usize].messages += 1,
                Kind::TimeWait(_) => {
                    self.tally.steps[place as usize].messages += 1;
                    return Some(End::Done);
                }
            }
            match self.act(call, &step.actions, None) {
                Acted::On => self.leave(call),
                Acted::Jump(to) => call.step = to,
                Acted::End(end) => return Some(end),
            }
        }
        Some(End::Failed(Cause::Endless, call.step))
    }

    pub(super) fn applies(&self, call: &Call, step: &Step) -> bool {
        step.when
            .is_none_or(|(id, wanted)| self.value(call, id).is_set() == wanted)
    }

    /// Counts and times what the step says, and goes on to the next.
    pub(super) fn leave(&mut self, call: &mut Call) {
        let place = call.step;
        call.step = self.leave_from(call, place);
    }

    /// The step behind `place`.
    pub(super) fn leave_from(&mut self, call: &mut Call, place: u32) -> u32 {
        self.jump_from(call, place).unwrap_or(place + 1)
    }

    /// Counts and times; where `next` leads if it does.
    pub(super) fn jump_from(&mut self, call: &mut Call, place: u32) -> Option<u32> {
        let program = self.program;
        let step = program.steps.get(place as usize)?;
        if let Some(timer) = step.start_timer {
            call.timers[usize::from(timer)] = self.now;
            call.stopped_timers &= !(1 << timer);
        }
        if let Some(timer) = step.stop_timer {
            let bit = 1 << timer;
            if call.stopped_timers & bit == 0 {
                let time = self.now.saturating_sub(call.timers[usize::from(timer)]);
                enter(&mut self.tally.responses[usize::from(timer)], time);
            }
            if !step.repeats_timer {
                call.stopped_timers |= bit;
            }
        }
        if let Some(counter) = step.counter {
            self.tally.counters[usize::from(counter)] += 1;
        }
        let next = step.next?;
        let is_set = |id: VariableId| self.value(call, id).is_set();
        if !next.test.is_none_or(is_set) {
            return None;
        }
        let taken = next.chance >= 1.0 || self.random.f64() < next.chance;
        taken.then_some(next.step)
    }

    fn send(
        &mut self,
        key: Key,
        call: &mut Call,
        step: &Step,
        send: &'p Send,
        out: &mut Outbox,
    ) -> Option<End> {
        let place = call.step;
        if matches!(send.what, What::Request(_) | What::Computed) {
            call.cseq = call.cseq.wrapping_add(1);
        }
        let start = out.bytes.len();
        self.write_message(&send.template, call, &mut out.bytes);
        let end = out.bytes.len();
        if end - start > MESSAGE_MAX {
            out.bytes.truncate(start);
            return Some(End::Failed(Cause::TooLong, place));
        }
        let what = match send.what {
            What::Computed => self.computed(call, &out.bytes[start..end]),
            what => what,
        };
        let copy = match what {
            What::Request(method) | What::Cancel(method) => {
                call.outstanding |= 1 << method;
                call.sent_step = place;
                &mut call.sent
            }
            What::Response => {
                call.answered = call.last_request;
                call.answer_step = place;
                &mut call.answer
            }
            What::Ack | What::Computed => {
                call.answered = call.last_response;
                call.answer_step = place;
                &mut call.answer
            }
        };
        copy.clear();
        copy.extend_from_slice(&out.bytes[start..end]);
        let tally = &mut self.tally.steps[place as usize];
        if step.lost > 0.0 && self.random.f64() < step.lost {
            tally.lost += 1;
            out.bytes.truncate(start);
        } else {
            tally.messages += 1;
            self.push(call, start, false, out);
        }
        if let (Some(t1), true) = (send.retrans, self.settings.repeats) {
            self.wheel.cancel(&mut call.repeat);
            call.repeated = match what {
                What::Request(_) | What::Cancel(_) => Repeated::Sent,
                What::Response | What::Ack | What::Computed => Repeated::Answer,
            };
            call.repeats = 0;
            call.interval = t1;
            let due = self.now + u64::from(t1) * 1_000;
            call.repeat = self.wheel.set(due, timer(key, Clocked::Repeat));
        }
        None
    }

    /// What a message is whose first line was computed.
    fn computed(&self, call: &mut Call, bytes: &[u8]) -> What {
        if bytes.starts_with(b"SIP/") {
            return What::Response;
        }
        let method = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
        if method == b"ACK" {
            return What::Ack;
        }
        match self
            .program
            .methods
            .iter()
            .position(|known| known == method)
        {
            Some(place) => What::Request(place as u8),
            None => {
                call.anything = true;
                What::Computed
            }
        }
    }

    /// What stands in the outbox from `start` on goes to the peer.
    pub(super) fn push(&self, call: &Call, start: usize, repeated: bool, out: &mut Outbox) {
        out.sends.push(crate::phone::Send {
            line: call.line,
            to: call.peer,
            repeated,
            start: start as u32,
            end: out.bytes.len() as u32,
        });
    }

    /// The repeat timer fired: once more, or it was enough.
    pub(super) fn repeat(&mut self, key: Key, call: &mut Call, out: &mut Outbox) -> Option<End> {
        let (bytes, place) = match call.repeated {
            Repeated::Sent => (&call.sent, call.sent_step),
            Repeated::Answer => (&call.answer, call.answer_step),
        };
        let is_invite = bytes.starts_with(b"INVITE ");
        let (invites, others) = self.settings.repeats_max;
        if call.repeats >= if is_invite { invites } else { others } {
            self.tally.steps[place as usize].timeouts += 1;
            return Some(End::Failed(Cause::Retransmissions, place));
        }
        let start = out.bytes.len();
        out.bytes.extend_from_slice(bytes);
        self.push(call, start, true, out);
        self.tally.steps[place as usize].repeated += 1;
        call.repeats += 1;
        // RFC 3261: Timer A doubles without end, E and G stop at T2.
        call.interval = match is_invite {
            true => call.interval.saturating_mul(2),
            false => call.interval.saturating_mul(2).min(T2.max(call.interval)),
        };
        let due = self.now + u64::from(call.interval) * 1_000;
        call.repeat = self.wheel.set(due, timer(key, Clocked::Repeat));
        None
    }

    fn begin_to_receive(&mut self, key: Key, call: &mut Call, recv: &Recv) {
        call.state = State::Receiving;
        let own = recv
            .chain_timeout
            .map(|(time, step)| (u64::from(time) * 1_000, step));
        let awaited = self.program.awaited(call.step);
        let all = self.settings.receive_timeout.map(|time| (time, awaited));
        if let Some((time, step)) = own.or(all) {
            call.awaited = step;
            call.wait = self.wheel.set(self.now + time, timer(key, Clocked::Wait));
        }
    }

    /// Nothing came: on with `ontimeout`, or the call has failed.
    pub(super) fn receive_timed_out(&mut self, call: &mut Call) -> Option<End> {
        let program = self.program;
        let place = call.awaited;
        self.tally.steps[place as usize].timeouts += 1;
        let on_timeout = match program.steps.get(place as usize).map(|step| &step.kind) {
            Some(Kind::Recv(recv)) => recv.on_timeout,
            _ => None,
        };
        let Some(to) = on_timeout else {
            return Some(End::Failed(Cause::Timeout, place));
        };
        self.wheel.cancel(&mut call.repeat);
        call.state = State::Running;
        call.step = to;
        None
    }

    /// Microseconds.
    fn length(&mut self, call: &Call, pause: &Pause) -> Micros {
        let milliseconds = match pause {
            Pause::Default => return self.settings.pause,
            Pause::For(distribution) => distribution.sample(&mut self.random),
            Pause::Variable(id) => self.value(call, *id).number(),
        };
        // A day is the longest; `as` takes what is below zero or no number to zero.
        (milliseconds.min(86_400_000.0) * 1_000.0) as Micros
    }
}
