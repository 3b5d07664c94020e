//! Calling functions: arguments from the stack to views, the verdict to `$rc`, output variables afterwards.

use regex::bytes::Regex;
use script::ArgKind;
use script::limits::CALL_ARGS_MAX;
use script::ops::{Op, StoreHow};
use script::program::{Arg as Written, CallId, Name};

use super::execute::Hands;
use super::frame::Run;
use super::linked::{Callee, literal};
use super::value::{Digits, Stretch, Value, ValueRef};
use super::{log, values};
use crate::input::Ticket;
use crate::module::{Arg, Args, Context, Verdict, call_slot};

/// What a call comes to.
pub(super) enum Done {
    Value(i32),
    Wait(Ticket),
    Relay,
}

/// The arguments of a call, evaluated.
pub(super) type AllPrepared = [Prepared; CALL_ARGS_MAX];

/// An argument, evaluated.
#[derive(Clone, Default)]
pub(super) enum Prepared {
    #[default]
    Omitted,
    Int(i32),
    Literal(script::program::ConstId),
    Regex(script::program::RegexId),
    Value(Value),
    Compiled(Regex),
    /// An output variable, with the place of its operands.
    Output(usize),
}

/// Calls a function; its operands stay on the stack until it has answered.
pub(super) fn call(run: &mut Run, id: CallId, hands: &mut Hands<'_>) -> Done {
    let mut prepared = AllPrepared::default();
    match ask(run, id, &mut prepared, hands) {
        Done::Value(value) => {
            answered(run, id, &prepared, hands);
            Done::Value(value)
        }
        done => done,
    }
}

/// The first half of a call: the function has answered, or waits.
pub(super) fn ask(
    run: &mut Run,
    id: CallId,
    prepared: &mut AllPrepared,
    hands: &mut Hands<'_>,
) -> Done {
    let call = hands.linked.program.call(id);
    let first = run.inner.stack.len() - usize::from(call.operands);
    let mark = run.inner.text.len();
    match prepare(run, id, first, prepared, hands) {
        Ok(true) => {}
        Ok(false) => return Done::Value(-1),
        Err(ticket) => {
            run.inner.text.truncate(mark);
            return Done::Wait(ticket);
        }
    }
    match invoke(run, id, prepared, hands) {
        Verdict::Return(value) => Done::Value(value),
        Verdict::Wait(ticket) => {
            run.inner.outputs.get_mut().clear();
            run.inner.text.truncate(mark);
            Done::Wait(ticket)
        }
        // The operands go when the branches are sent.
        Verdict::Relay => Done::Relay,
    }
}

/// The second half, of a function that has answered: its output variables; then its operands go.
pub(super) fn answered(run: &mut Run, id: CallId, prepared: &AllPrepared, hands: &mut Hands<'_>) {
    assign_outputs(run, id, prepared, hands);
    let operands = usize::from(hands.linked.program.call(id).operands);
    run.inner.stack.truncate(run.inner.stack.len() - operands);
}

/// The call of the operation in hand has sent its branches.
pub(super) fn relayed(run: &mut Run, value: i32, hands: &mut Hands<'_>) -> Done {
    let program = &hands.linked.program;
    if let Op::Call(id) = program.op(run.state.at) {
        let first = run.inner.stack.len() - usize::from(program.call(id).operands);
        run.inner.stack.truncate(first);
    }
    Done::Value(value)
}

/// Evaluates the arguments. `false`: one has no reading of its kind, so the function is not called.
fn prepare(
    run: &mut Run,
    id: CallId,
    first: usize,
    prepared: &mut AllPrepared,
    hands: &mut Hands<'_>,
) -> Result<bool, Ticket> {
    let linked = hands.linked;
    let call = linked.program.call(id);
    let mut next = first;
    for (place, arg) in linked
        .program
        .args(call)
        .iter()
        .enumerate()
        .take(CALL_ARGS_MAX)
    {
        prepared[place] = match *arg {
            Written::Omitted => Prepared::Omitted,
            Written::Int(n) => Prepared::Int(n),
            Written::Str(id) => Prepared::Literal(id),
            Written::Regex(id) => Prepared::Regex(id),
            Written::Value => {
                let value = run.inner.stack[next];
                next += 1;
                match of_kind(run, value, linked.arg_kind(call.function, place), hands) {
                    Some(prepared) => prepared,
                    None => return Ok(false),
                }
            }
            Written::Variable(spec) => {
                let at = next;
                next += usize::from(linked.program.spec(spec).operands);
                let kind = linked.arg_kind(call.function, place);
                if kind == ArgKind::Output {
                    Prepared::Output(at)
                } else if matches!(kind, ArgKind::Reference(_)) {
                    match linked.program.spec(spec).name {
                        Name::Const(id) => Prepared::Literal(id),
                        Name::None => return Ok(false),
                        Name::Operand | Name::Path => match run.inner.stack[at] {
                            Value::Null | Value::Failed => return Ok(false),
                            value => Prepared::Value(value),
                        },
                    }
                } else {
                    match values::load(run, spec, at, hands)? {
                        Value::Failed => return Ok(false),
                        value => Prepared::Value(value),
                    }
                }
            }
        };
    }
    Ok(true)
}

/// A value as the function declares it; NULL is of no kind.
fn of_kind(run: &mut Run, value: Value, kind: ArgKind, hands: &mut Hands<'_>) -> Option<Prepared> {
    let text = &mut run.inner.text;
    match kind {
        ArgKind::Int => value.int().map(Prepared::Int),
        ArgKind::Regex => {
            let mut digits = Digits::default();
            let pattern = value.bytes(text, &mut digits)?;
            hands
                .core
                .machine
                .patterns
                .get(pattern)
                .cloned()
                .map(Prepared::Compiled)
        }
        ArgKind::Str | ArgKind::Variable | ArgKind::Output | ArgKind::Reference(_) => match value {
            Value::Null | Value::Failed => None,
            Value::Text(_) | Value::Both(..) => Some(Prepared::Value(value)),
            Value::Int(n) | Value::Literal(n) => {
                let start = text.len();
                text.extend_from_slice(Digits::default().of(n));
                Some(Prepared::Value(Value::Both(n, Stretch::since(text, start))))
            }
        },
    }
}

/// Calls the function behind the pointer.
fn invoke(run: &mut Run, id: CallId, prepared: &AllPrepared, hands: &mut Hands<'_>) -> Verdict {
    let linked = hands.linked;
    let program = &*linked.program;
    let call = program.call(id);
    let Run {
        scene,
        state,
        inner,
    } = run;
    let mut list = [Arg::Omitted; CALL_ARGS_MAX];
    for (arg, prepared) in list.iter_mut().zip(prepared) {
        *arg = match prepared {
            Prepared::Omitted => Arg::Omitted,
            Prepared::Int(n) => Arg::Value(ValueRef::Int(*n)),
            Prepared::Literal(id) => Arg::Value(ValueRef::Str(literal(program, *id))),
            Prepared::Regex(id) => Arg::Regex(&program.regexes[id.0 as usize].regex),
            Prepared::Compiled(regex) => Arg::Regex(regex),
            Prepared::Value(value) => Arg::Value(value.with(&inner.text)),
            Prepared::Output(_) => Arg::Output,
        };
    }
    let args = Args {
        prepared: &linked.prepared[id.0 as usize],
        written: program.args(call),
        list: &list,
        outputs: &inner.outputs,
    };
    let mut cx = Context::new(scene, state, hands);
    let verdict = match linked.callee(call.function) {
        Callee::Core(call) => call(&mut cx, args),
        Callee::Module { slot, call } => {
            // Its module is in the middle of a call: the script cannot come here, a module's own call can.
            call_slot(&mut cx, *slot, |module, cx| call(module.any(), cx, args))
                .unwrap_or(Verdict::FAIL)
        }
    };
    cx.settled(verdict)
}

/// Assigns what the function left for its output variables.
fn assign_outputs(run: &mut Run, id: CallId, prepared: &AllPrepared, hands: &mut Hands<'_>) {
    if run.inner.outputs.get_mut().is_empty() {
        return;
    }
    let linked = hands.linked;
    let args = linked.program.args(linked.program.call(id));
    let mut outputs = run.inner.outputs.take();
    for (place, value) in outputs.iter() {
        let (Some(Written::Variable(spec)), Some(Prepared::Output(at))) =
            (args.get(place), prepared.get(place))
        else {
            continue;
        };
        let value = {
            let text = &mut run.inner.text;
            let start = text.len();
            match value {
                ValueRef::Null => Value::Null,
                ValueRef::Int(n) => Value::Int(n),
                ValueRef::Str(bytes) => {
                    text.extend_from_slice(bytes);
                    Value::Text(Stretch::since(text, start))
                }
                ValueRef::Both(n, bytes) => {
                    text.extend_from_slice(bytes);
                    Value::Both(n, Stretch::since(text, start))
                }
            }
        };
        if !matches!(
            values::store(run, *spec, *at, value, StoreHow::Set, hands),
            Ok(1)
        ) {
            log::warn(run, hands, "an output variable cannot be assigned");
        }
    }
    outputs.clear();
    *run.inner.outputs.get_mut() = outputs;
}
