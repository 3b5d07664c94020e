//! `json`: documents that scripts read, edit and write (RFC 8259).
//!
//! Documents belong to the run, as `$var` does: nothing of them is shared between shards, and a run that waits keeps
//! its own. `documents` holds them, `path` leads into them, `render` writes them. (`text` is what management commands
//! write their answers with.)

mod documents;
mod limits;
mod path;
mod render;
mod text;

use std::rc::Rc;

use engine::module::{
    Args, Context, Exports, Index, Kind, Module, PathText, Routes, Shape, VarArgs, Verdict,
};
use engine::run::{Reading, ValueRef};
use serde_json::Value as Parsed;

use documents::{Documents, Refusal, Value, place};
use limits::TEXT_MAX;
use path::Path;
use render::{Form, render};
pub(crate) use text::text;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Json {
    quotes_long: bool,
}

/// The documents of a run. Parking copies a pointer; whoever writes then makes a copy of its own.
#[derive(Clone, Debug, Default)]
struct Kept(Rc<Documents>);

const NOTICE: i8 = 2;

impl Module for Json {
    const NAME: &'static str = "json";

    fn new() -> Self {
        Json::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere = Routes::REQUEST
            | Routes::FAILURE
            | Routes::REPLY
            | Routes::BRANCH
            | Routes::LOCAL
            | Routes::STARTUP
            | Routes::TIMER
            | Routes::EVENT;
        exports.param("enable_long_quoting", Kind::Int, |json, value| {
            json.quotes_long = value.int() != 0;
            Ok(())
        });
        let json = Kind::reference("json");
        exports.function("json_link", &[json, json], anywhere, Self::link);
        exports.function(
            "json_merge",
            &[Kind::Str, Kind::Str, Kind::Output],
            Routes::ALL,
            Self::merge,
        );
        exports.set_variable(
            "json",
            Shape::PATH_INDEXED,
            Self::read,
            |_, cx, args, value| write(cx, args, value),
        );
        // Written, they are all the same variable.
        exports.set_variable(
            "json_pretty",
            Shape::PATH,
            |json, cx, args, out| json.read_as(Form::Pretty, cx, args, out),
            |_, cx, args, value| write(cx, args, value),
        );
        exports.set_variable(
            "json_compact",
            Shape::PATH,
            |json, cx, args, out| json.read_as(Form::Compact, cx, args, out),
            |_, cx, args, value| write(cx, args, value),
        );
        exports.set_variable(
            "json_compact_noescape",
            Shape::PATH,
            |json, cx, args, out| json.read_as(Form::CompactNoEscape, cx, args, out),
            |_, cx, args, value| write(cx, args, value),
        );
        exports.difference(
            "Documents belong to the run, as `$var` does. A circle made with `json_link` is refused (-1) instead of \
             crashing later.",
        );
        exports.difference(
            "A number beyond 32 bits reads as the nearest number that has them, unless `enable_long_quoting` makes it \
             text. A number with a fraction is written in its shortest form.",
        );
        exports.difference(
            "Reading what is not there is NULL without a log line: loops end that way. `[n]` beyond the last element \
             cannot be assigned; `[]` appends.",
        );
    }
}

impl Json {
    /// A value; with an index, one of the values in it.
    fn read(&mut self, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        let Index::At(index) = args.index else {
            return match args.index {
                Index::None => self.read_as(Form::Spaced, cx, args, out),
                _ => Reading::Null,
            };
        };
        let whole = PathText::new(args.name());
        if let Some(keys) = whole.strip_suffix(b".keys") {
            let Some((documents, id)) = find(cx, keys) else {
                return Reading::Null;
            };
            return match documents.get(id) {
                Value::Object(members) => match place(index, members.len()) {
                    Some(at) => Reading::text(&members[at].0, out),
                    None => Reading::Null,
                },
                _ => Reading::Null,
            };
        }
        let path = whole.strip_suffix(b".values").unwrap_or(whole);
        let Some((documents, id)) = find(cx, path) else {
            return Reading::Null;
        };
        let one = match documents.get(id) {
            Value::Object(members) => place(index, members.len()).map(|at| members[at].1),
            Value::Array(list) => place(index, list.len()).map(|at| list[at]),
            _ => None,
        };
        match one {
            Some(id) => self.reading(documents, id, Form::Spaced, out),
            None => Reading::Null,
        }
    }

    fn read_as(
        &self,
        form: Form,
        cx: &mut Context<'_>,
        args: VarArgs<'_>,
        out: &mut Vec<u8>,
    ) -> Reading {
        match find(cx, PathText::new(args.name())) {
            Some((documents, id)) => self.reading(documents, id, form, out),
            None => Reading::Null,
        }
    }

    fn reading(
        &self,
        documents: &Documents,
        id: documents::Id,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Reading {
        let start = out.len();
        match documents.get(id) {
            Value::Text(text) => return Reading::text(text, out),
            Value::Number(number) if !number.is_f64() => {
                // What is no `i64` is above all of them.
                let number = number.as_i64().unwrap_or(i64::MAX);
                match i32::try_from(number) {
                    Ok(number) => return Reading::Int(number),
                    Err(_) if self.quotes_long => {}
                    Err(_) if number < 0 => return Reading::Int(i32::MIN),
                    Err(_) => return Reading::Int(i32::MAX),
                }
            }
            _ => {}
        }
        if render(documents, id, form, out) {
            Reading::Text
        } else {
            out.truncate(start);
            Reading::Null
        }
    }

    /// 1: both names are the same value now. -1: there is no such place, or it would hold itself.
    fn link(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (to, from) = (PathText::new(args.str(0)), PathText::new(args.str(1)));
        let paths = Path::parse(to).and_then(|to| Ok((to, Path::parse(from)?)));
        let linked = match paths {
            Ok((to, from)) => Rc::make_mut(&mut cx.kept::<Kept>().0).link(&to, &from),
            Err(why) => {
                cx.log_error(format_args!("json_link: {why}"));
                return Verdict::FAIL;
            }
        };
        if let Err(refusal) = linked {
            refused(cx, to, refusal);
        }
        Verdict::of(linked.is_ok())
    }

    /// Members of the second object come to those of the first, or in their place; objects in both are merged. 1, or -1
    /// if one of them is no object.
    fn merge(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let main = parse(args.str(0));
        let patch = parse(args.str(1));
        let (mut main, patch) = match (main, patch) {
            (Ok(main @ Parsed::Object(_)), Ok(patch @ Parsed::Object(_))) => (main, patch),
            (Err(why), _) | (_, Err(why)) => {
                cx.log_error(format_args!("json_merge: not JSON: {why}"));
                return Verdict::FAIL;
            }
            _ => {
                cx.log_error(format_args!("json_merge: both have to be objects"));
                return Verdict::FAIL;
            }
        };
        merge(&mut main, patch);
        let mut scratch = Documents::default();
        let mut out = Vec::new();
        let is_written = scratch
            .take_in(main)
            .is_ok_and(|id| render(&scratch, id, Form::Spaced, &mut out));
        if is_written {
            args.set(2, &out[..]);
        }
        Verdict::of(is_written)
    }
}

fn find<'c>(cx: &'c mut Context<'_>, path: PathText<'_>) -> Option<(&'c Documents, documents::Id)> {
    let path = Path::parse(path).ok()?;
    let documents = &*cx.kept::<Kept>().0;
    documents.find(&path).map(|id| (documents, id))
}

/// 1: assigned. -1: there is no such place, or `:=` was given no JSON.
fn write(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> Verdict {
    let text = PathText::new(args.name());
    let path = match Path::parse(text) {
        Ok(_) if args.index != Index::None => Err("an index in brackets is for reading"),
        parsed => parsed,
    };
    let path = match path {
        Ok(path) => path,
        Err(why) => {
            cx.log_error(format_args!("$json({}): {why}", shown(text)));
            return Verdict::FAIL;
        }
    };
    let parsed = match value {
        ValueRef::Str(json) if args.replaces => match parse(json) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                cx.log_error(format_args!("$json({}): not JSON: {why}", shown(text)));
                return Verdict::FAIL;
            }
        },
        _ => None,
    };
    let documents = Rc::make_mut(&mut cx.kept::<Kept>().0);
    let added = match (value, parsed) {
        (ValueRef::Null, _) => None,
        (_, Some(parsed)) => Some(documents.take_in(parsed)),
        (ValueRef::Int(n) | ValueRef::Both(n, _), _) => {
            Some(documents.add(Value::Number(n.into())))
        }
        (ValueRef::Str(text), _) => Some(documents.add(Value::Text(text.into()))),
    };
    let done = match added {
        None => documents.remove(&path),
        Some(added) => added.and_then(|id| documents.put(&path, id)),
    };
    if let Err(refusal) = done {
        refused(cx, text, refusal);
    }
    Verdict::of(done.is_ok())
}

fn refused(cx: &mut Context<'_>, path: PathText<'_>, refusal: Refusal) {
    let path = shown(path);
    match refusal {
        Refusal::NoPlace => cx.log_at(
            NOTICE,
            format_args!("$json({path}): there is no such place"),
        ),
        Refusal::Full => cx.log_error(format_args!(
            "$json({path}): too many or too large documents"
        )),
        Refusal::Circle => cx.log_error(format_args!("$json({path}): it would hold itself")),
    }
}

fn shown(path: PathText<'_>) -> String {
    String::from_utf8_lossy(&path.written()).into_owned()
}

fn parse(text: &[u8]) -> Result<Parsed, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("longer than {TEXT_MAX} bytes"));
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// Recursive: the parser has a depth.
fn merge(main: &mut Parsed, patch: Parsed) {
    match (main, patch) {
        (Parsed::Object(main), Parsed::Object(patch)) => {
            for (key, value) in patch {
                match main.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => drop(main.insert(key, value)),
                }
            }
        }
        (main, patch) => *main = patch,
    }
}

#[cfg(test)]
mod tests;
