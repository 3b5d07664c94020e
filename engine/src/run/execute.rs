//! The loop over operations, and the routes that call each other.
//!
//! An operation either finishes or says that it waits, having changed nothing; then it is done again when the
//! run resumes. When the stack is back to where its route began, the text of values is forgotten.

use std::sync::Arc;

use script::ops::{LogLevel, Op, OpId, Outcome, Outcomes};
use script::program::{ConstId, Constant, RouteId};
use script::{Program, RouteKind};

use super::calls::{self, Done};
use super::frame::{End, Ended, ErrorInfo, Frame, Run};
use super::linked::{Linked, literal};
use super::machine::park;
use super::value::{Stretch, Value};
use super::{conditions as tests, launch, log, operators, relay, values, watch};
use crate::core::Core;
use crate::input::Ticket;
use crate::limits::RUN_TEXT_MAX;
use crate::limits::WORK_BYTES;
use crate::module::Modules;
use crate::outbox::{Outbox, Output};

/// What an executing run has at hand besides itself.
pub(crate) struct Hands<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) modules: &'a mut Modules,
    pub(crate) linked: &'a Arc<Linked>,
    pub(crate) outbox: &'a mut Outbox,
}

/// What an operation comes to.
pub(super) enum Step {
    Next,
    Jump(OpId),
    Wait(Ticket),
    Stop(End),
}

/// Executes until the run ends or waits.
pub(super) fn go(mut run: Run, hands: &mut Hands<'_>) -> Ended {
    let linked = hands.linked;
    let program = &*linked.program;
    run.inner.work = 0;
    loop {
        let at = run.inner.pc;
        run.state.at = at;
        if let Some(observer) = &mut hands.core.machine.observer {
            observer.hit(at);
        }
        if run.state.trace.is_some() {
            watch::trace(&mut run, program.op(at), hands);
        }
        let begun = match &hands.core.machine.stopwatch {
            Some(watch) if linked.settings.threshold_us > 0 => (watch.read)(),
            _ => 0,
        };
        let text = run.inner.text.len();
        let mut step = match run.inner.launched {
            Some(started) => launch::go_on(&mut run, started, hands),
            None => perform(&mut run, program.op(at), hands),
        };
        let more = run.inner.text.len().saturating_sub(text);
        run.inner.work += (more / WORK_BYTES) as u32;
        if let Some(watch) = hands.core.machine.stopwatch.as_mut().filter(|_| begun > 0) {
            let us = (watch.read)().saturating_sub(begun);
            watch.took(at, us);
        }
        run.inner.pc = loop {
            step = match step {
                Step::Next => break OpId(run.state.at.0 + 1),
                Step::Jump(to) => break to,
                Step::Wait(ticket) => {
                    relay::before_park(&mut run, hands);
                    return park(run, ticket, hands);
                }
                Step::Stop(end) => match relay::branch_route_ended(&mut run, end, hands) {
                    Some(step) => step,
                    None => return Ended::Finished(run, end),
                },
            };
        };
        settle(&mut run);
    }
}

/// Forgets what belonged to the operation, and the text of values once there is no value left.
fn settle(run: &mut Run) {
    let wait = &mut run.state.wait;
    if wait.part != 0 || wait.rounds != 0 {
        wait.part = 0;
        wait.answers.clear();
        wait.rounds = 0;
        run.state.step = 0;
    }
    let (stack, text) = run
        .state
        .frames
        .last()
        .map_or((0, 0), |frame| (frame.stack, frame.text));
    if run.inner.stack.len() == stack as usize {
        run.inner.text.truncate(text as usize);
    }
}

fn perform(run: &mut Run, op: Op, hands: &mut Hands<'_>) -> Step {
    let program = &*hands.linked.program;
    let inner = &mut *run.inner;
    match op {
        Op::Push(id) => push_literal(run, program, id),
        Op::PushNull => inner.stack.push(Value::Null),
        Op::PushRc => inner.stack.push(Value::Int(run.state.rc)),
        Op::PushOutcome => inner.stack.push(match inner.outcome {
            Outcome::True => Value::Int(1),
            Outcome::False => Value::Int(0),
            Outcome::Error => Value::Failed,
        }),
        Op::PushCounter(slot) => {
            let count = *counter(run, slot.0);
            run.inner.stack.push(Value::Int(count as i32));
        }
        Op::Load(id) => {
            let operands = usize::from(program.spec(id).operands);
            let first = inner.stack.len() - operands;
            let mark = inner.text.len();
            match values::load(run, id, first, hands) {
                Ok(value) => {
                    run.inner.stack.truncate(first);
                    run.inner.stack.push(value);
                }
                Err(ticket) => {
                    run.inner.text.truncate(mark);
                    return Step::Wait(ticket);
                }
            }
        }
        Op::Format(id) => {
            let format = &program.formats[id.0 as usize];
            let first = inner.stack.len() - usize::from(format.operands);
            let value = values::print(
                inner,
                program,
                format,
                first,
                hands.linked.settings.text_max,
            );
            inner.stack.truncate(first);
            inner.stack.push(value);
        }
        Op::Dup(n) => {
            let first = inner.stack.len() - usize::from(n);
            inner.stack.extend_from_within(first..);
        }
        Op::Lift(n) => {
            let from = inner.stack.len() - 1 - usize::from(n);
            inner.stack[from..].rotate_left(1);
        }
        Op::Pop => {
            inner.stack.pop();
        }
        Op::Arithmetic(operator) => {
            let (left, right) = pop_two(run);
            let value = operators::arithmetic(operator, left, right, &mut run.inner.text);
            finish_operator(run, value);
        }
        Op::Compound(operator) => {
            let (left, right) = pop_two(run);
            let value = operators::compound(operator, left, right, &mut run.inner.text);
            finish_operator(run, value);
        }
        Op::Complement => {
            let value = pop(run);
            let value = value.int().map_or(Value::Failed, |n| Value::Int(!n));
            finish_operator(run, value);
        }
        Op::Store { spec, how } => {
            let operands = usize::from(program.spec(spec).operands);
            let value_at = inner.stack.len() - 1;
            let first = value_at - operands;
            let value = inner.stack[value_at];
            match values::store(run, spec, first, value, how, hands) {
                Ok(rc) => {
                    run.inner.stack.truncate(first);
                    run.state.rc = rc;
                    if rc < 0 {
                        log::warn(run, hands, "assignment failed");
                    }
                }
                Err(ticket) => return Step::Wait(ticket),
            }
        }
        Op::TestValue => {
            let value = pop(run);
            let outcome = tests::is_true(value, &run.inner.text);
            test(run, outcome, hands);
        }
        Op::TestNull { negated } => {
            let value = pop(run);
            test(run, tests::is_null(value, negated), hands);
        }
        Op::TestRc => inner.outcome = outcome_of(run.state.rc >= 0),
        Op::CompareConst { how, constant } => {
            let value = pop(run);
            let outcome =
                tests::compare_literal(how, value, program.constant(constant), &run.inner.text);
            test(run, outcome, hands);
        }
        Op::Compare(how) => {
            let (left, right) = pop_two(run);
            let outcome = tests::compare(how, left, right, &run.inner.text);
            test(run, outcome, hands);
        }
        Op::MatchRegex { regex, negated } => {
            let value = pop(run);
            let regex = &program.regexes[regex.0 as usize].regex;
            let outcome =
                tests::matches(value, |text| regex.is_match(text), negated, &run.inner.text);
            test(run, outcome, hands);
        }
        Op::MatchValue { negated } => {
            let (text, pattern) = pop_two(run);
            let patterns = &mut hands.core.machine.patterns;
            let outcome = tests::matches_value(text, pattern, patterns, negated, &run.inner.text);
            test(run, outcome, hands);
        }
        Op::MatchNet { net, negated } => {
            let value = pop(run);
            let net = &program.nets[net.0 as usize];
            let outcome = tests::is_inside(value, net, negated, &run.inner.text);
            test(run, outcome, hands);
        }
        Op::Jump(to) => return Step::Jump(to),
        Op::JumpIf { when, to } => return jump_if(inner.outcome, when, to),
        Op::Case { constant, to } => {
            let value = inner.stack.last().copied().unwrap_or_default();
            if tests::is_case(value, program.constant(constant), &inner.text) {
                inner.stack.pop();
                return Step::Jump(to);
            }
        }
        Op::LoopStart(slot) => *counter(run, slot.0) = 0,
        Op::LoopGuard { slot, exit } => {
            let count = counter(run, slot.0);
            *count += 1;
            if *count > hands.linked.settings.loops_max {
                log::error(run, hands, "max_while_loops reached, leaving the loop");
                return Step::Jump(exit);
            }
            if let Some(stopped) = work(run, 1, hands) {
                return stopped;
            }
        }
        Op::ForStep { slot, exit } => {
            let value = inner.stack.last().copied().unwrap_or_default();
            if matches!(value, Value::Null | Value::Failed) {
                inner.stack.pop();
                return Step::Jump(exit);
            }
            *counter(run, slot.0) += 1;
            if let Some(stopped) = work(run, 1, hands) {
                return stopped;
            }
        }
        Op::SetRc(rc) => run.state.rc = rc,
        Op::Call(id) => {
            let bytes = run.inner.text.len() + run.scene.bytes();
            if let Some(stopped) = work(run, 1 + bytes / WORK_BYTES, hands) {
                return stopped;
            }
            return finish_call(calls::call(run, id, hands), run, hands);
        }
        Op::Route { route, args } => return call_route(run, Some(route), args, hands),
        Op::RouteByName { args } => {
            let name = inner.stack[inner.stack.len() - 1 - usize::from(args)];
            // A variable that is empty names nothing, though the main route has no name.
            let route = values::text_of(name, inner, |name| match name {
                b"" => None,
                name => hands.linked.route(RouteKind::Request, name),
            });
            let step = call_route(run, route.flatten(), args, hands);
            return step;
        }
        Op::Return { values } => return leave(run, usize::from(values)),
        Op::RouteEnd => return route_end(run),
        Op::Exit => return Step::Stop(End::Exit),
        Op::Drop => return Step::Stop(End::Drop),
        Op::Async(id) => return launch::start(run, id, hands),
        Op::Launch(id) => launch::launch(run, id, hands),
        Op::Log { level, text } => {
            if level <= hands.core.log_level {
                log::write(hands, level, literal(program, text));
            }
            run.state.rc = 1;
        }
        Op::LogGuard { level, skip } => {
            if !log::is_shown(run, level, hands) {
                if level == LogLevel::OnStack {
                    pop(run);
                }
                run.state.rc = 1;
                return Step::Jump(skip);
            }
        }
        Op::Xlog(level) => log::xlog(run, level, hands),
        Op::AssertFailed(text) => {
            let text = text.map_or(&b"assertion failed"[..], |id| literal(program, id));
            log::write(hands, log::CRITICAL, text);
            if hands.linked.settings.abort_on_assert {
                hands.outbox.push(Output::Abort);
                return Step::Stop(End::Exit);
            }
            run.state.raise(ErrorInfo {
                class: ERROR_CLASS_ASSERT,
                level: 1,
                code: 500,
                reason: "server error",
                info: "assertion failed".into(),
            });
            return error_follows(run, hands).unwrap_or(Step::Stop(End::Exit));
        }
    }
    Step::Next
}

/// `$err.class` of a failed assertion.
const ERROR_CLASS_ASSERT: i32 = 4;

/// What follows a function: its value, or the branches it prepared.
pub(super) fn finish_call(done: Done, run: &mut Run, hands: &mut Hands<'_>) -> Step {
    match done {
        Done::Value(rc) => {
            run.state.rc = rc;
            if let Some(step) = error_follows(run, hands) {
                return step;
            }
            if rc == 0 {
                Step::Stop(End::Exit)
            } else {
                Step::Next
            }
        }
        Done::Wait(ticket) => Step::Wait(ticket),
        Done::Relay => relay::begin(run, hands),
    }
}

/// The step into the error route, if the action in hand has set error information.
pub(super) fn error_follows(run: &mut Run, hands: &mut Hands<'_>) -> Option<Step> {
    if !std::mem::take(&mut run.state.error_raised) {
        return None;
    }
    error_route(run, hands)
}

/// The error route takes the place of what executes. Not in replies, local requests and itself.
fn error_route(run: &mut Run, hands: &mut Hands<'_>) -> Option<Step> {
    let route = hands.linked.settings.error_route?;
    let is_branch = run.inner.relay.is_some();
    if is_branch
        || matches!(
            run.state.top,
            RouteKind::Reply | RouteKind::Local | RouteKind::Error
        )
    {
        return None;
    }
    run.inner.clear();
    run.state.frames.clear();
    run.state.params.clear();
    run.state.kind = RouteKind::Error;
    run.state.top = RouteKind::Error;
    enter(run, &hands.linked.program, route, OpId(0));
    Some(Step::Jump(run.inner.pc))
}

fn push_literal(run: &mut Run, program: &Program, id: ConstId) {
    let inner = &mut *run.inner;
    let value = match program.constant(id) {
        Constant::Int(n) => Value::Literal(*n),
        Constant::Str(text) => {
            let start = inner.text.len();
            inner.text.extend_from_slice(text);
            Value::Text(Stretch::since(&inner.text, start))
        }
    };
    inner.stack.push(value);
}

fn pop(run: &mut Run) -> Value {
    run.inner.stack.pop().unwrap_or_default()
}

fn pop_two(run: &mut Run) -> (Value, Value) {
    let right = pop(run);
    (pop(run), right)
}

/// What failed is told by whoever wants to use it.
fn finish_operator(run: &mut Run, value: Value) {
    let is_full = run.inner.text.len() > RUN_TEXT_MAX;
    run.inner
        .stack
        .push(if is_full { Value::Failed } else { value });
}

fn test(run: &mut Run, outcome: Outcome, hands: &mut Hands<'_>) {
    if outcome == Outcome::Error {
        log::warn(run, hands, "error in expression");
    }
    run.inner.outcome = outcome;
}

fn outcome_of(is_true: bool) -> Outcome {
    if is_true {
        Outcome::True
    } else {
        Outcome::False
    }
}

fn jump_if(outcome: Outcome, when: Outcomes, to: OpId) -> Step {
    if when.contains(outcome) {
        Step::Jump(to)
    } else {
        Step::Next
    }
}

fn counter(run: &mut Run, slot: u16) -> &mut u32 {
    let base = run.state.frames.last().map_or(0, |frame| frame.counters);
    let place = base as usize + usize::from(slot);
    &mut run.inner.counters[place]
}

/// Goes into a route; its parameters stand in `params` already.
pub(super) fn enter(run: &mut Run, program: &Program, route: RouteId, back: OpId) {
    let (params, params_text) = (
        run.state.params.values.len(),
        run.state.params.store.text.len(),
    );
    enter_with(run, program, route, back, params as u32, params_text as u32);
}

pub(super) fn enter_with(
    run: &mut Run,
    program: &Program,
    route: RouteId,
    back: OpId,
    params: u32,
    params_text: u32,
) {
    let inner = &mut *run.inner;
    let counters = inner.counters.len() as u32;
    let of = &program.routes[usize::from(route.0)];
    inner
        .counters
        .resize(counters as usize + usize::from(of.slots), 0);
    run.state.frames.push(Frame {
        route,
        back,
        stack: inner.stack.len() as u32,
        text: inner.text.len() as u32,
        counters,
        params,
        params_text,
    });
    inner.pc = of.entry;
}

/// Loops inside loops and routes that call each other multiply; a run that would take the shard for itself ends.
pub(super) fn work(run: &mut Run, more: usize, hands: &mut Hands<'_>) -> Option<Step> {
    run.inner.work = run.inner.work.saturating_add(more as u32);
    (run.inner.work > hands.core.limits.run_work).then(|| {
        log::error(run, hands, "too much work without waiting, ending the run");
        Step::Stop(End::Exit)
    })
}

fn call_route(run: &mut Run, route: Option<RouteId>, args: u8, hands: &mut Hands<'_>) -> Step {
    if let Some(stopped) = work(run, 1, hands) {
        return stopped;
    }
    let program = &*hands.linked.program;
    let is_named = matches!(program.op(run.state.at), Op::RouteByName { .. });
    let first = run.inner.stack.len() - usize::from(args);
    let base = first - usize::from(is_named);
    let too_deep = run.state.frames.len() >= script::limits::ROUTE_DEPTH_MAX;
    let Some(route) = route.filter(|_| !too_deep) else {
        let what = if too_deep {
            "routes call each other too deep"
        } else {
            "no route of that name"
        };
        log::error(run, hands, what);
        run.inner.stack.truncate(base);
        run.state.rc = -1;
        return Step::Next;
    };
    let Run { state, inner, .. } = run;
    let (params, params_text) = (state.params.values.len(), state.params.store.text.len());
    for value in &inner.stack[first..] {
        state.params.push(value.with(&inner.text));
    }
    // Values live until the next call.
    state.returned.clear();
    inner.stack.truncate(base);
    let back = OpId(state.at.0 + 1);
    enter_with(run, program, route, back, params as u32, params_text as u32);
    Step::Jump(run.inner.pc)
}

fn leave(run: &mut Run, values: usize) -> Step {
    let Run { state, inner, .. } = run;
    let first = inner.stack.len() - values;
    state.returned.clear();
    let code = inner.stack[first - 1];
    let rc = match code {
        Value::Null | Value::Failed => -1,
        Value::Text(_) => 1,
        Value::Int(n) | Value::Literal(n) | Value::Both(n, _) => n,
    };
    for value in &inner.stack[first..] {
        state.returned.push(value.with(&inner.text));
    }
    state.rc = rc;
    pop_route(run)
}

fn route_end(run: &mut Run) -> Step {
    if run.state.rc == 0 {
        run.state.rc = 1;
    }
    run.state.returned.clear();
    pop_route(run)
}

/// Back to the caller, or the end of a top route.
fn pop_route(run: &mut Run) -> Step {
    let is_branch = run
        .inner
        .relay
        .is_some_and(|relay| run.state.frames.len() == relay.frames + 1);
    if run.state.frames.len() <= 1 || is_branch {
        return Step::Stop(End::Route);
    }
    let back = pop_frame(run);
    if run.state.rc == 0 {
        return Step::Stop(End::Exit);
    }
    Step::Jump(back)
}

/// Drops the frame on top and everything that belonged to it.
pub(super) fn pop_frame(run: &mut Run) -> OpId {
    let Some(frame) = run.state.frames.pop() else {
        return OpId(0);
    };
    let inner = &mut *run.inner;
    inner.stack.truncate(frame.stack as usize);
    inner.text.truncate(frame.text as usize);
    inner.counters.truncate(frame.counters as usize);
    run.state.params.cut_back(frame.params, frame.params_text);
    frame.back
}
