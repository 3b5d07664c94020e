//! `async` and `launch`: functions whose end another route sees.
//!
//! Every function may wait, so neither is needed to keep other calls going. What they say is what follows: after an
//! `async` a route goes on in the place of all that was called before; a `launch` is followed by nothing of this run,
//! and its route is a run of its own about no message.

use parser::Method;
use script::RouteKind;
use script::ops::OpId;
use script::program::{Async, AsyncId};

use super::calls::{self, AllPrepared, Done};
use super::execute::{self, Hands, Step, enter, finish_call, pop_frame};
use super::frame::{End, Ended, Launched, Run};
use super::machine::{begin_apart, park, tell_end};
use super::value::{Stretch, Value};
use super::{log, relay};
use crate::limits::{JOBS_PER_INPUT_MAX, LAUNCHED_MAX};
use crate::statistics::Counter;

/// `async`: starts the function, in a transaction. When it has answered, now or later, the resume route takes the
/// place of what executes.
pub(super) fn start(run: &mut Run, id: AsyncId, hands: &mut Hands<'_>) -> Step {
    let program = &*hands.linked.program;
    let started = &program.asyncs[id.0 as usize];
    let is_refused = !relay::has_transaction(run, hands);
    if is_refused {
        // Overload: answered already, and nothing is started.
        return resume_route(run, started, -1, hands);
    }
    let now_ms = hands.core.now.mono_ms();
    let limit = &mut run.state.wait.limit;
    if let (Some(seconds), None) = (started.timeout, *limit) {
        *limit = Some(now_ms + u64::from(seconds) * 1000);
    }
    let is_over = limit.is_some_and(|limit| limit <= now_ms);
    match calls::call(run, started.call, hands) {
        Done::Value(rc) => {
            run.state.wait.limit = None;
            if let Some(step) = execute::error_follows(run, hands) {
                return step;
            }
            resume_route(run, started, rc, hands)
        }
        // It was told that its time is over, and would wait on.
        Done::Wait(ticket) if is_over => {
            run.state.wait.clear();
            hands.core.machine.parked.free(ticket);
            resume_route(run, started, -1, hands)
        }
        Done::Wait(ticket) => {
            run.state.is_apart = leaves_vars(run);
            Step::Wait(ticket)
        }
        Done::Relay => finish_call(Done::Relay, run, hands),
    }
}

/// Whether the shard's other runs come between an `async` and its route: in requests and in replies of a transaction.
/// Elsewhere the script only sees a call that took long, and keeps its `$var`.
fn leaves_vars(run: &Run) -> bool {
    match run.state.kind {
        RouteKind::Request => !run.state.is_dummy && run.scene.message.method() != Method::Ack,
        RouteKind::Reply => run.state.context.is_some(),
        _ => false,
    }
}

/// The resume route as the top route, in the place of the routes that led here; in a branch, of the branch's.
fn resume_route(run: &mut Run, started: &Async, rc: i32, hands: &mut Hands<'_>) -> Step {
    let below = run.inner.relay.map_or(0, |relay| relay.frames);
    while run.state.frames.len() > below {
        pop_frame(run);
    }
    run.state.returned.clear();
    run.state.trace = None;
    run.state.wait.limit = None;
    run.state.rc = rc;
    // A route may start itself with functions that never wait.
    if let Some(stopped) = execute::work(run, 1, hands) {
        return stopped;
    }
    match started.resume {
        Some(route) => {
            enter(run, &hands.linked.program, route, OpId(0));
            Step::Jump(run.inner.pc)
        }
        None => Step::Stop(End::Exit),
    }
}

/// `launch`: the function starts with the message in hand, in a run of its own; if it waits, that run goes on
/// without the message. This one goes on at once.
pub(super) fn launch(run: &mut Run, id: AsyncId, hands: &mut Hands<'_>) {
    let program = &*hands.linked.program;
    let started = &program.asyncs[id.0 as usize];
    let operands =
        usize::from(program.call(started.call).operands) + usize::from(started.has_param);
    let first = run.inner.stack.len() - operands;
    let mut other = begin_apart(hands.core, RouteKind::Request);
    for value in &run.inner.stack[first..] {
        let value = copy(*value, &run.inner.text, &mut other.inner.text);
        other.inner.stack.push(value);
    }
    run.inner.stack.truncate(first);
    run.state.rc = 1;
    other.inner.pc = run.state.at;
    other.state.at = run.state.at;
    let param = if started.has_param {
        other.inner.stack.pop()
    } else {
        None
    };
    let mut prepared = AllPrepared::default();
    std::mem::swap(&mut run.state.vars, &mut other.state.vars);
    lend(run, &mut other);
    let done = calls::ask(&mut other, started.call, &mut prepared, hands);
    lend_back(run, &mut other);
    let value = match done {
        Done::Value(value) => {
            calls::answered(&mut other, started.call, &prepared, hands);
            Some(value)
        }
        _ => None,
    };
    std::mem::swap(&mut run.state.vars, &mut other.state.vars);
    other.inner.stack.extend(param);
    other.inner.launched = Some(Launched { id, value });
    match done {
        Done::Wait(ticket) => {
            other.state.is_apart = true;
            park(other, ticket, hands);
        }
        // Nothing is relayed without a message.
        Done::Relay => end_apart(other, hands),
        Done::Value(_) if started.resume.is_none() => end_apart(other, hands),
        Done::Value(_) if hands.core.machine.launched.len() >= LAUNCHED_MAX => {
            hands.core.statistics.count(Counter::BoundsReached);
            end_apart(other, hands);
            log::error(run, hands, "too many routes launched at once");
            run.state.rc = -1;
        }
        Done::Value(_) => hands.core.machine.launched.push_back(other),
    }
}

fn end_apart(other: Run, hands: &mut Hands<'_>) {
    tell_end(&other, hands.core);
    hands.core.machine.end_apart(other);
}

/// The launched run sees the message and the transaction of the one that launches.
fn lend(run: &mut Run, other: &mut Run) {
    std::mem::swap(&mut run.scene, &mut other.scene);
    other.state.kind = run.state.kind;
    other.state.context = run.state.context;
    other.state.branch = run.state.branch;
    other.state.is_dummy = run.state.is_dummy;
}

fn lend_back(run: &mut Run, other: &mut Run) {
    std::mem::swap(&mut run.scene, &mut other.scene);
    run.state.context = other.state.context.take();
    other.state.kind = RouteKind::Request;
    other.state.branch = None;
    other.state.is_dummy = true;
}

fn copy(value: Value, from: &[u8], to: &mut Vec<u8>) -> Value {
    let start = to.len();
    match value {
        Value::Text(stretch) => {
            to.extend_from_slice(&from[stretch.range()]);
            Value::Text(Stretch::since(to, start))
        }
        Value::Both(n, stretch) => {
            to.extend_from_slice(&from[stretch.range()]);
            Value::Both(n, Stretch::since(to, start))
        }
        value => value,
    }
}

/// The first step of a launched run: what is left of the call, then its route.
pub(super) fn go_on(run: &mut Run, launched: Launched, hands: &mut Hands<'_>) -> Step {
    let program = &*hands.linked.program;
    let started = &program.asyncs[launched.id.0 as usize];
    let param = if started.has_param {
        run.inner.stack.pop()
    } else {
        None
    };
    let done = match launched.value {
        Some(value) => Done::Value(value),
        None => calls::call(run, started.call, hands),
    };
    match done {
        Done::Value(rc) => {
            run.state.rc = rc;
            run.state.error_raised = false;
            run.inner.launched = None;
            let Some(route) = started.resume else {
                return Step::Stop(End::Route);
            };
            let (params, text) = (
                run.state.params.values.len(),
                run.state.params.store.text.len(),
            );
            if let Some(param) = param {
                run.state.params.push(param.with(&run.inner.text));
            }
            run.inner.stack.clear();
            run.inner.text.clear();
            execute::enter_with(run, program, route, OpId(0), params as u32, text as u32);
            Step::Jump(run.inner.pc)
        }
        Done::Wait(ticket) => {
            run.inner.stack.extend(param);
            run.state.is_apart = true;
            Step::Wait(ticket)
        }
        // Nothing is relayed without a message.
        Done::Relay => Step::Stop(End::Route),
    }
}

/// Runs the routes of launched functions that did not wait, now that the run which launched them has ended or waits.
pub(super) fn run_routes(ended: &mut Ended, hands: &mut Hands<'_>) {
    swap_vars(ended, hands);
    for _ in 0..JOBS_PER_INPUT_MAX {
        let Some(mut launched) = hands.core.machine.launched.pop_front() else {
            break;
        };
        hands.core.machine.swap_vars(&mut launched);
        hands.core.machine.executing = launched.state.id;
        if let Ended::Finished(run, _) = execute::go(launched, hands) {
            tell_end(&run, hands.core);
            hands.core.machine.end_dummy(run);
        }
    }
    if !hands.core.machine.launched.is_empty() {
        drop_routes(hands);
    }
    swap_vars(ended, hands);
}

/// Routes that launch each other without ever waiting: what is left of them never runs.
fn drop_routes(hands: &mut Hands<'_>) {
    let mut dropped = 0;
    while let Some(launched) = hands.core.machine.launched.pop_front() {
        if dropped == 0 {
            log::error(&launched, hands, "routes launch each other without end");
        }
        dropped += 1;
        hands.core.statistics.count(Counter::BoundsReached);
        end_apart(launched, hands);
    }
}

/// A run that has ended lends its `$var` to those that come after it.
fn swap_vars(ended: &mut Ended, hands: &mut Hands<'_>) {
    if let Ended::Finished(run, _) = ended {
        hands.core.machine.swap_vars(run);
    }
}
