//! Reading, assigning and printing variables as a program writes them.

use script::ops::StoreHow;
use script::program::{
    Context as Which, Format, FormatPart, Index as SpecIndex, Name, SpecId, TransformArg,
};
use script::{Program, RouteKind};

use super::evaluate;
use super::execute::Hands;
use super::frame::{Inner, Run, RunState};
use super::linked::{Linked, Readable, literal};
use super::scene::Scene;
use super::transformations::{self, Family, Outcome, PARAMS_MAX};
use super::value::{Digits, Reading, Stretch, Value, ValueRef};
use crate::input::Ticket;
use crate::limits::RUN_TEXT_MAX;
use crate::module::{Context, ELEMENT, Index, VarArgs, Verdict, call_slot};

/// The value of a variable whose operands stand on the stack from `first`. `Err`: it waits.
pub(super) fn load(
    run: &mut Run,
    id: SpecId,
    first: usize,
    hands: &mut Hands<'_>,
) -> Result<Value, Ticket> {
    let linked = hands.linked;
    let spec = linked.program.spec(id);
    let operands = first..first + usize::from(spec.operands);
    if let Some(absent) = absent(&run.inner.stack[operands.clone()]) {
        return Ok(absent);
    }
    let mut scratch = std::mem::take(&mut run.inner.scratch);
    scratch.clear();
    let reading = read(run, id, first, hands, &mut scratch);
    let value = match reading {
        Some(Reading::Null) => Ok(Value::Null),
        None => Ok(Value::Failed),
        Some(Reading::Int(n)) => Ok(Value::Int(n)),
        Some(Reading::Text) => Ok(Value::Text(keep(&mut run.inner.text, &scratch))),
        Some(Reading::Both(n)) => Ok(Value::Both(n, keep(&mut run.inner.text, &scratch))),
        Some(Reading::Wait(ticket)) => Err(ticket),
    };
    let value = value.and_then(|value| match spec.transforms.is_empty() {
        true => Ok(value),
        false => transform(run, id, operands.end, value, hands, &mut scratch),
    });
    run.inner.scratch = scratch;
    value
}

/// What stands in the place of a value whose operands are not all there.
fn absent(operands: &[Value]) -> Option<Value> {
    if operands.contains(&Value::Failed) {
        return Some(Value::Failed);
    }
    operands.contains(&Value::Null).then_some(Value::Null)
}

fn keep(text: &mut Vec<u8>, bytes: &[u8]) -> Stretch {
    let start = text.len();
    text.extend_from_slice(bytes);
    Stretch::since(text, start)
}

/// Reads the message that the variable is about. `None`: its name or index is none.
fn read(
    run: &mut Run,
    id: SpecId,
    first: usize,
    hands: &mut Hands<'_>,
    out: &mut Vec<u8>,
) -> Option<Reading> {
    let linked = hands.linked;
    let spec = linked.program.spec(id);
    if !name(run, id, first, hands) {
        return None;
    }
    let readable = linked.readable(spec.variable);
    let args = var_args(&run.inner, id, first, linked, hands, None)?;
    let Run { scene, state, .. } = run;
    Some(read_at(
        spec.context,
        scene,
        state,
        readable,
        args,
        hands,
        out,
    ))
}

/// Reads a variable about the message in hand, or about another one of its transaction.
pub(super) fn read_at(
    which: Which,
    scene: &mut Scene,
    state: &mut RunState,
    readable: &Readable,
    args: VarArgs<'_>,
    hands: &mut Hands<'_>,
    out: &mut Vec<u8>,
) -> Reading {
    match which {
        Which::Current => read_here(readable, &mut Context::new(scene, state, hands), args, out),
        Which::Request => {
            let context = state.context.filter(|_| state.kind == RouteKind::Reply);
            let Some((context, mut request)) =
                context.and_then(|id| Some((id, hands.core.take_request_scene(id)?)))
            else {
                return Reading::Null;
            };
            let mut cx = Context::new(&mut request, state, hands);
            let reading = read_here(readable, &mut cx, args, out);
            hands.core.put_request_scene(context, request);
            reading
        }
        Which::Reply => {
            let context = state.context.filter(|_| state.kind == RouteKind::Failure);
            let Some((context, mut reply)) =
                context.and_then(|id| Some((id, hands.core.take_winning_reply(id)?)))
            else {
                return Reading::Null;
            };
            let mut cx = Context::new(&mut reply, state, hands);
            let reading = read_here(readable, &mut cx, args, out);
            hands.core.put_winning_reply(context, reply);
            reading
        }
    }
}

fn read_here(
    readable: &Readable,
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
) -> Reading {
    match readable {
        Readable::Core(row) if row.of_message && cx.run.is_dummy => Reading::Null,
        Readable::Core(row) => (row.read)(cx, args, out),
        Readable::Module { slot, read, .. } => {
            let reading = call_slot(cx, *slot, |module, cx| read(module.any(), cx, args, out));
            let reading = reading.unwrap_or(Reading::Null);
            let waits = match reading {
                Reading::Wait(ticket) => Verdict::Wait(ticket),
                _ => Verdict::OK,
            };
            if cx.settled(waits) == waits {
                reading
            } else {
                Reading::Null
            }
        }
    }
}

/// Makes the text of a name that is on the stack. False if it cannot be one.
fn name(run: &mut Run, id: SpecId, first: usize, hands: &Hands<'_>) -> bool {
    let name = hands.linked.program.spec(id).name;
    if !matches!(name, Name::Operand | Name::Path) {
        return true;
    }
    let inner = &mut *run.inner;
    let mut digits = Digits::default();
    let Some(text) = inner.stack[first].bytes(&inner.text, &mut digits) else {
        return false;
    };
    inner.name.clear();
    inner.name.extend_from_slice(text);
    true
}

/// `how` it is assigned, if it is.
fn var_args<'a>(
    inner: &'a Inner,
    id: SpecId,
    first: usize,
    linked: &'a Linked,
    hands: &mut Hands<'_>,
    how: Option<StoreHow>,
) -> Option<VarArgs<'a>> {
    let spec = linked.program.spec(id);
    let (name, name_id, mut next) = match spec.name {
        Name::None => (None, None, first),
        Name::Const(id) => (
            Some(literal(&linked.program, id)),
            linked.names.of(id),
            first,
        ),
        Name::Path => (Some(&inner.name[..]), None, first + 1),
        Name::Operand => {
            // What is only read must not fill the table: peers write such names.
            let id = match how {
                Some(_) => hands.core.make_name(&inner.name, hands.outbox),
                None => hands.core.machine.names.find(&inner.name),
            };
            (Some(&inner.name[..]), id, first + 1)
        }
    };
    let index = match spec.index {
        SpecIndex::None => Index::None,
        SpecIndex::At(n) => Index::At(n),
        SpecIndex::All => Index::All,
        SpecIndex::Append => Index::Append,
        SpecIndex::Operand => {
            let index = inner.stack[next].int()?;
            next += 1;
            Index::At(index)
        }
    };
    debug_assert!(
        next <= first + usize::from(spec.operands),
        "name and index are operands of the variable"
    );
    Some(VarArgs {
        name,
        name_id,
        index,
        replaces: how == Some(StoreHow::Replace),
    })
}

/// Applies the transformations; their operands are the last ones before `end`.
fn transform(
    run: &mut Run,
    id: SpecId,
    end: usize,
    mut value: Value,
    hands: &mut Hands<'_>,
    scratch: &mut Vec<u8>,
) -> Result<Value, Ticket> {
    let program = &*hands.linked.program;
    let transforms = program.transforms(program.spec(id));
    let operands_of =
        |args: &[TransformArg]| -> usize { args.iter().map(|arg| operands(program, arg)).sum() };
    let all: usize = transforms
        .iter()
        .map(|one| operands_of(program.transform_args(one)))
        .sum();
    let mut next = end - all;
    for one in transforms {
        if matches!(value, Value::Null | Value::Failed) {
            return Ok(value);
        }
        let inner = &mut *run.inner;
        let args = program.transform_args(one);
        let row = hands.linked.transformation(one.transform);
        scratch.clear();
        let mut digits = Digits::default();
        let input = transformations::Input {
            text: value.bytes(&inner.text, &mut digits).unwrap_or_default(),
            int: value.int(),
        };
        let outcome = if let [TransformArg::Substitution(id)] = args {
            let substitution = &program.substitutions[id.0 as usize];
            let used = usize::from(substitution.operands);
            let values = &inner.stack[next..next + used];
            next += used;
            transformations::substitute(
                program,
                substitution,
                input.text,
                values,
                &inner.text,
                scratch,
            )
        } else {
            let mut params = [ValueRef::Null; PARAMS_MAX];
            for (param, arg) in params.iter_mut().zip(args) {
                *param = match arg {
                    TransformArg::Const(id) => match program.constant(*id) {
                        script::program::Constant::Int(n) => ValueRef::Int(*n),
                        script::program::Constant::Str(text) => ValueRef::Str(text),
                    },
                    TransformArg::Operand => {
                        next += 1;
                        inner.stack[next - 1].with(&inner.text)
                    }
                    TransformArg::Substitution(_) => ValueRef::Null,
                };
            }
            (row.apply)(input, &params[..args.len().min(PARAMS_MAX)], scratch)
        };
        // A row of transformations that each make the text longer.
        let is_full = inner.text.len() + scratch.len() > RUN_TEXT_MAX;
        let outcome = if is_full { Outcome::Null } else { outcome };
        value = match (outcome, value) {
            (Outcome::Evaluate, value) => {
                let mut digits = Digits::default();
                let text = value.bytes(&inner.text, &mut digits).unwrap_or_default();
                let text = text.to_vec();
                scratch.clear();
                match evaluate::text(run, &text, hands, scratch)? {
                    Some(()) => Value::Text(keep(&mut run.inner.text, scratch)),
                    None => Value::Null,
                }
            }
            (Outcome::Resolve(family), value) => {
                let mut digits = Digits::default();
                let text = value.bytes(&inner.text, &mut digits).unwrap_or_default();
                let mut cx = Context::new(&mut run.scene, &mut run.state, hands);
                match resolve(&mut cx, text, family) {
                    Ok(Some(address)) => {
                        scratch.clear();
                        scratch.extend_from_slice(address.to_string().as_bytes());
                        Value::Text(keep(&mut inner.text, scratch))
                    }
                    Ok(None) => Value::Null,
                    Err(ticket) => return Err(ticket),
                }
            }
            (Outcome::Null, _) => Value::Null,
            (Outcome::Int(n), _) => Value::Int(n),
            (Outcome::Written, _) => Value::Text(keep(&mut inner.text, scratch)),
            (Outcome::Part(range), Value::Text(whole) | Value::Both(_, whole)) => {
                Value::Text(Stretch {
                    start: whole.start + range.start as u32,
                    len: range.len() as u32,
                })
            }
            (Outcome::Part(range), value) => {
                let mut digits = Digits::default();
                let text = value.int().map_or(&b""[..], |n| digits.of(n));
                Value::Text(keep(&mut inner.text, text.get(range).unwrap_or_default()))
            }
        };
    }
    Ok(value)
}

/// An address of a host. `Err`: it waits for DNS.
fn resolve(
    cx: &mut Context<'_>,
    host: &[u8],
    family: Family,
) -> Result<Option<std::net::IpAddr>, Ticket> {
    let found = cx.resolve_host(host, family != Family::V6, family != Family::V4);
    let verdict = match found {
        Ok(_) => Verdict::OK,
        Err(verdict) => verdict,
    };
    match cx.settled(verdict) {
        Verdict::Wait(ticket) => Err(ticket),
        _ => Ok(found.ok()),
    }
}

fn operands(program: &Program, arg: &TransformArg) -> usize {
    match arg {
        TransformArg::Const(_) => 0,
        TransformArg::Operand => 1,
        TransformArg::Substitution(id) => {
            usize::from(program.substitutions[id.0 as usize].operands)
        }
    }
}

/// Assigns; the operands of the variable stand on the stack from `first`. The value is the assignment's `$rc`.
pub(super) fn store(
    run: &mut Run,
    id: SpecId,
    first: usize,
    value: Value,
    how: StoreHow,
    hands: &mut Hands<'_>,
) -> Result<i32, Ticket> {
    let linked = hands.linked;
    let spec = linked.program.spec(id);
    let operands = &run.inner.stack[first..first + usize::from(spec.operands)];
    if value == Value::Failed || absent(operands).is_some() || !name(run, id, first, hands) {
        return Ok(-1);
    }
    let Some(args) = var_args(&run.inner, id, first, linked, hands, Some(how)) else {
        return Ok(-1);
    };
    let value = value.with(&run.inner.text);
    let readable = linked.readable(spec.variable);
    let verdict = match spec.context {
        Which::Current => {
            let mut cx = Context::new(&mut run.scene, &mut run.state, hands);
            write_here(readable, &mut cx, args, value)
        }
        Which::Request => {
            let context = run
                .state
                .context
                .filter(|_| run.state.kind == RouteKind::Reply);
            let Some((context, mut request)) =
                context.and_then(|id| Some((id, hands.core.take_request_scene(id)?)))
            else {
                return Ok(-1);
            };
            let mut cx = Context::new(&mut request, &mut run.state, hands);
            let verdict = write_here(readable, &mut cx, args, value);
            hands.core.put_request_scene(context, request);
            verdict
        }
        Which::Reply => {
            let context = run
                .state
                .context
                .filter(|_| run.state.kind == RouteKind::Failure);
            let Some((context, mut reply)) =
                context.and_then(|id| Some((id, hands.core.take_winning_reply(id)?)))
            else {
                return Ok(-1);
            };
            let mut cx = Context::new(&mut reply, &mut run.state, hands);
            let verdict = write_here(readable, &mut cx, args, value);
            hands.core.put_winning_reply(context, reply);
            verdict
        }
    };
    match verdict {
        Verdict::Return(rc) => Ok(if rc < 0 { -1 } else { 1 }),
        Verdict::Wait(ticket) => Err(ticket),
        Verdict::Relay => Ok(-1),
    }
}

fn write_here(
    readable: &Readable,
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    value: ValueRef<'_>,
) -> Verdict {
    match readable {
        Readable::Core(row) if row.of_message && cx.run.is_dummy => Verdict::FAIL,
        Readable::Core(row) => row
            .write
            .map_or(Verdict::FAIL, |write| Verdict::of(write(cx, args, value))),
        Readable::Module { slot, write, .. } => {
            let Some(write) = write else {
                return Verdict::FAIL;
            };
            let verdict = call_slot(cx, *slot, |module, cx| write(module.any(), cx, args, value));
            let verdict = verdict.unwrap_or(Verdict::FAIL);
            cx.settled(verdict)
        }
    }
}

/// The text of a format string; its operands stand on the stack from `first`.
pub(super) fn print(
    inner: &mut Inner,
    program: &Program,
    format: &Format,
    first: usize,
    text_max: usize,
) -> Value {
    let start = inner.text.len();
    let mut next = first;
    for part in &format.parts {
        match part {
            FormatPart::Text(id) => inner.text.extend_from_slice(literal(program, *id)),
            FormatPart::Element => {
                let value = inner.stack[next];
                next += 1;
                match frame(value, &mut inner.text) {
                    Some(()) => {}
                    None => return value,
                }
            }
            FormatPart::Escaped(delimiter) => {
                let value = inner.stack[next];
                next += 1;
                if value == Value::Failed {
                    return Value::Failed;
                }
                escape(value, *delimiter, &mut inner.text);
            }
            FormatPart::Operand => {
                let value = inner.stack[next];
                next += 1;
                match value {
                    Value::Failed => return Value::Failed,
                    Value::Null => inner.text.extend_from_slice(b"<null>"),
                    Value::Int(n) | Value::Literal(n) => {
                        inner.text.extend_from_slice(Digits::default().of(n))
                    }
                    Value::Text(stretch) | Value::Both(_, stretch) => {
                        inner.text.extend_from_within(stretch.range())
                    }
                }
            }
        }
    }
    let text = Stretch::since(&inner.text, start);
    if text.len as usize > text_max {
        Value::Failed
    } else {
        Value::Text(text)
    }
}

/// Appends a value, a backslash before what would not stand for itself in a substitution.
fn escape(value: Value, delimiter: u8, text: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Failed => {}
        Value::Int(n) | Value::Literal(n) => {
            for byte in Digits::default().of(n) {
                push_escaped(*byte, delimiter, text);
            }
        }
        Value::Text(stretch) | Value::Both(_, stretch) => {
            for at in stretch.range() {
                push_escaped(text[at], delimiter, text);
            }
        }
    }
}

fn push_escaped(byte: u8, delimiter: u8, text: &mut Vec<u8>) {
    if byte == b'\\' || byte == delimiter {
        text.push(b'\\');
    }
    text.push(byte);
}

/// Appends an element of a path. `None`: it has no text.
fn frame(value: Value, text: &mut Vec<u8>) -> Option<()> {
    let mut digits = Digits::default();
    let number = value.int().map(|n| digits.of(n));
    let (range, bytes) = match value {
        Value::Null | Value::Failed => return None,
        Value::Text(stretch) | Value::Both(_, stretch) => (stretch.range(), &b""[..]),
        Value::Int(_) | Value::Literal(_) => (0..0, number.unwrap_or_default()),
    };
    let len = (range.len() + bytes.len()) as u32;
    text.push(ELEMENT);
    text.extend_from_slice(&len.to_le_bytes());
    text.extend_from_within(range);
    text.extend_from_slice(bytes);
    Some(())
}

/// Does something with the text of a value; `None` if it has none.
pub(super) fn text_of<R>(value: Value, inner: &Inner, then: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let mut digits = Digits::default();
    value.bytes(&inner.text, &mut digits).map(then)
}
