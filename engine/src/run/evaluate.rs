//! `{s.eval}`: a text that is a format string, evaluated when it is known.
//!
//! Nothing is compiled and nothing kept: the text is taken apart each time, names are looked up in the catalog, and
//! what a name does not mean is NULL as a whole. Texts in it are not evaluated again.

use script::evaluate::{self, Index as Written, Piece, Variable};

use super::execute::Hands;
use super::frame::Run;
use super::transformations::{self, Outcome, PARAMS_MAX};
use super::value::{Digits, Reading, Store, Value, ValueRef};
use super::values::read_at;
use crate::input::Ticket;
use crate::limits::EVALUATED_BYTES_MAX;
use crate::module::{ELEMENT, Index, VarArgs};

/// What evaluating comes to, if it does not wait.
pub(super) type Evaluated<T> = Result<Option<T>, Ticket>;

/// Writes what the text says. `None`: it is no format string, or says more than `pv_print_buf_size`. `Err`: it waits.
pub(super) fn text(
    run: &mut Run,
    text: &[u8],
    hands: &mut Hands<'_>,
    out: &mut Vec<u8>,
) -> Evaluated<()> {
    match evaluate::format(text) {
        Some(pieces) => write(run, &pieces, hands, out),
        None => Ok(None),
    }
}

fn write(
    run: &mut Run,
    pieces: &[Piece],
    hands: &mut Hands<'_>,
    out: &mut Vec<u8>,
) -> Evaluated<()> {
    for piece in pieces {
        let mut store = Store::default();
        let Some(value) = value(run, piece, hands, &mut store)? else {
            return Ok(None);
        };
        match value.with(&store.text) {
            ValueRef::Null => out.extend_from_slice(b"<null>"),
            value => value.write(out),
        }
        if out.len() > hands.linked.settings.text_max {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// A name whose variables are elements of a path, each in its frame; see [`script::SubName::Path`].
fn write_path(
    run: &mut Run,
    pieces: &[Piece],
    hands: &mut Hands<'_>,
    out: &mut Vec<u8>,
) -> Evaluated<()> {
    for piece in pieces {
        let mut store = Store::default();
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Variable(one) => {
                let Some(value) = variable(run, one, hands, &mut store)? else {
                    return Ok(None);
                };
                let mut text = Vec::new();
                value.with(&store.text).write(&mut text);
                out.push(ELEMENT);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(&text);
            }
        }
    }
    Ok(Some(()))
}

fn value(
    run: &mut Run,
    piece: &Piece,
    hands: &mut Hands<'_>,
    store: &mut Store,
) -> Evaluated<Value> {
    match piece {
        Piece::Text(text) => Ok(Some(store.keep(ValueRef::Str(text)))),
        Piece::Variable(one) => variable(run, one, hands, store),
    }
}

fn variable(
    run: &mut Run,
    written: &Variable,
    hands: &mut Hands<'_>,
    store: &mut Store,
) -> Evaluated<Value> {
    let linked = hands.linked;
    let Some(id) = linked.catalog.find_variable(&written.name) else {
        return Ok(None);
    };
    let known = linked.catalog.variable(id);
    let takes_name = match known.sub_name {
        script::SubName::None => written.sub.is_none(),
        script::SubName::Required | script::SubName::Path => written.sub.is_some(),
        script::SubName::Optional => true,
    };
    if !takes_name || (written.index.is_some() && !known.index) {
        return Ok(None);
    }
    let mut name = Vec::new();
    if let Some(sub) = &written.sub {
        let done = match known.sub_name {
            script::SubName::Path => write_path(run, sub, hands, &mut name)?,
            _ => write(run, sub, hands, &mut name)?,
        };
        if done.is_none() {
            return Ok(None);
        }
    }
    let index = match &written.index {
        None => Index::None,
        Some(Written::At(at)) => Index::At(*at),
        Some(Written::All) => Index::All,
        Some(Written::Variable(one)) => match variable(run, one, hands, &mut Store::default())? {
            None => return Ok(None),
            Some(value) => match value.int() {
                Some(at) => Index::At(at),
                None => return Ok(Some(Value::Null)),
            },
        },
    };
    let args = VarArgs {
        name: written.sub.as_ref().map(|_| &name[..]),
        // A peer's text must not fill the table of names: what nobody has named has no value.
        name_id: hands.core.machine.names.find(&name),
        index,
        replaces: false,
    };
    let mut text = Vec::new();
    let readable = linked.readable(id);
    let reading = read_at(
        written.context,
        &mut run.scene,
        &mut run.state,
        readable,
        args,
        hands,
        &mut text,
    );
    let mut value = match reading {
        Reading::Null => Value::Null,
        Reading::Int(n) => Value::Int(n),
        Reading::Text => store.keep(ValueRef::Str(&text)),
        Reading::Both(n) => store.keep(ValueRef::Both(n, &text)),
        Reading::Wait(ticket) => return Err(ticket),
    };
    for one in &written.transforms {
        let Some(id) = linked.catalog.find_transformation(&one.class, &one.name) else {
            return Ok(None);
        };
        if value.is_null() {
            continue;
        }
        let mut params: [(Value, Store); PARAMS_MAX] = Default::default();
        for (param, piece) in params.iter_mut().zip(&one.params) {
            let Some(value) = self::value(run, piece, hands, &mut param.1)? else {
                return Ok(None);
            };
            param.0 = value;
        }
        let mut views = [ValueRef::Null; PARAMS_MAX];
        for (view, param) in views.iter_mut().zip(&params) {
            *view = param.0.with(&param.1.text);
        }
        let used = one.params.len().min(PARAMS_MAX);
        text.clear();
        let mut digits = Digits::default();
        let input = transformations::Input {
            text: value.bytes(&store.text, &mut digits).unwrap_or_default(),
            int: value.int(),
        };
        let outcome = (linked.transformation(id).apply)(input, &views[..used], &mut text);
        if store.text.len() + text.len() > EVALUATED_BYTES_MAX {
            return Ok(None);
        }
        value = match outcome {
            Outcome::Int(n) => Value::Int(n),
            Outcome::Part(range) => {
                text.extend_from_slice(input.text.get(range).unwrap_or_default());
                store.keep(ValueRef::Str(&text))
            }
            Outcome::Written => store.keep(ValueRef::Str(&text)),
            // Not what is evaluated, and nothing that waits or is prepared at load, inside of what is evaluated.
            Outcome::Null | Outcome::Evaluate | Outcome::Resolve(_) => Value::Null,
        };
    }
    Ok(Some(value))
}
