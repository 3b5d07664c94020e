//! `$shv`: variables that all shards share.
//!
//! Each value carries when it was written and by whom. A shard that hears of an older write than it
//! has already ignores it, so all shards end with the same value in whatever order they hear.

use engine::module::{CommandArgs, CommandResult, Context, Exports, VarArgs, Verdict};
use engine::run::{Reading, ValueRef};
use hashbrown::HashMap;

use super::{CfgUtils, tell_all};
use crate::json;
use crate::usrloc::bytes::{Reader, put_number, put_text};

/// Shared variables of an installation.
const VARIABLES_MAX: usize = 4096;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Int(i32),
    Text(Box<[u8]>),
}

/// When a value was written, and by which shard.
type Written = (u64, u16);

/// All of them, as this shard knows them.
#[derive(Debug)]
pub(super) struct Shared {
    values: HashMap<Box<[u8]>, (Value, Written), ahash::RandomState>,
}

impl Default for Shared {
    fn default() -> Self {
        // Names come from the script, not from peers: nobody can choose them to collide.
        Shared {
            values: HashMap::with_hasher(ahash::RandomState::with_seeds(1, 2, 3, 4)),
        }
    }
}

impl Shared {
    /// `name=i:5` or `name=s:text`, before anything runs.
    pub(super) fn preset(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = assignment(text)?;
        if self.set(name.as_bytes(), value, (0, 0)) {
            Ok(())
        } else {
            Err(format!("more than {VARIABLES_MAX} shared variables"))
        }
    }

    fn set(&mut self, name: &[u8], value: Value, written: Written) -> bool {
        let is_full = self.values.len() >= VARIABLES_MAX;
        match self.values.get_mut(name) {
            Some(known) if known.1 > written => true,
            Some(known) => {
                *known = (value, written);
                true
            }
            None if is_full => false,
            None => {
                self.values.insert(name.into(), (value, written));
                true
            }
        }
    }

    /// Another shard has written.
    pub(super) fn hear(&mut self, change: &[u8]) {
        let mut reader = Reader::new(change);
        let Some((name, value, written)) = read(&mut reader) else {
            return;
        };
        self.set(name, value, written);
    }
}

/// `name=i:5` or `name=s:text`.
pub(super) fn assignment(text: &str) -> Result<(String, Value), String> {
    let wrong = || format!("`{text}` is not `name=i:number` or `name=s:text`");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = match value.split_once(':') {
        Some(("i" | "I", number)) => Value::Int(number.trim().parse().map_err(|_| wrong())?),
        Some(("s" | "S", text)) => Value::Text(text.as_bytes().into()),
        _ => return Err(wrong()),
    };
    match name.trim() {
        "" => Err(wrong()),
        name => Ok((name.to_owned(), value)),
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], Value, Written)> {
    let name = reader.text()?;
    let written = (reader.number()?, reader.number()? as u16);
    let value = match reader.byte()? {
        0 => Value::Int(reader.fixed()? as i32),
        _ => Value::Text(reader.text()?.into()),
    };
    Some((name, value, written))
}

fn write(name: &[u8], value: &Value, written: Written) -> Vec<u8> {
    let mut out = vec![b'v'];
    put_text(&mut out, name);
    put_number(&mut out, written.0);
    put_number(&mut out, u64::from(written.1));
    match value {
        Value::Int(number) => {
            out.push(0);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Text(text) => {
            out.push(1);
            put_text(&mut out, text);
        }
    }
    out
}

impl CfgUtils {
    /// 0 before the first assignment.
    pub(super) fn read_shared(
        &mut self,
        _: &mut Context<'_>,
        args: VarArgs<'_>,
        out: &mut Vec<u8>,
    ) -> Reading {
        match self.shared.values.get(args.name()) {
            Some((Value::Int(number), _)) => Reading::Int(*number),
            Some((Value::Text(text), _)) => Reading::text(text, out),
            None => Reading::Int(0),
        }
    }

    pub(super) fn write_shared(
        &mut self,
        cx: &mut Context<'_>,
        args: VarArgs<'_>,
        value: ValueRef<'_>,
    ) -> Verdict {
        let value = match value {
            ValueRef::Null => Value::Int(0),
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::Str(text) | ValueRef::Both(_, text) => Value::Text(text.into()),
        };
        Verdict::of(self.share(cx, args.name(), value))
    }

    fn share(&mut self, cx: &mut Context<'_>, name: &[u8], value: Value) -> bool {
        // Never older than what it replaces, also when the wall clock was set back.
        let newest = self
            .shared
            .values
            .get(name)
            .map_or(0, |known| known.1.0 + 1);
        let written = (cx.now.unix_us.max(newest), cx.shard().0);
        let letter = write(name, &value, written);
        let kept = self.shared.set(name, value, written);
        if kept {
            tell_all(cx, &letter);
        }
        kept
    }
}

/// The management commands.
pub(super) fn export_commands(exports: &mut Exports<CfgUtils>) {
    exports.command("shv_get", &[&[], &["name"]], get);
    exports.command("shv_set", &[&["name", "type", "value"]], set);
    exports.command("rand_set_prob", &[&["prob_proc"]], set_probability);
    exports.command("rand_reset_prob", &[&[]], |cfgutils, _, _, out| {
        // Every shard hears this command.
        cfgutils.probability = cfgutils.initial_probability;
        out.extend_from_slice(b"\"OK\"");
        Ok(())
    });
    exports.command("rand_get_prob", &[&[]], |cfgutils, _, _, out| {
        out.extend_from_slice(format!("{{\"Probability\":{}}}", cfgutils.probability).as_bytes());
        Ok(())
    });
}

fn set_probability(
    cfgutils: &mut CfgUtils,
    _: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    match args.text("prob_proc").parse() {
        Ok(percent @ 0..=100) => cfgutils.probability = percent,
        _ => return Err((400, "not between 0 and 100 percent".into())),
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

fn get(
    cfgutils: &mut CfgUtils,
    _: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let wanted = args.get("name");
    let mut names: Vec<&Box<[u8]>> = cfgutils.shared.values.keys().collect();
    names.retain(|name| wanted.is_none_or(|wanted| wanted.as_bytes() == &***name));
    if wanted.is_some() && names.is_empty() {
        return Err((404, "Variable not found".into()));
    }
    names.sort_unstable();
    out.extend_from_slice(b"[");
    for (place, name) in names.into_iter().enumerate() {
        out.extend_from_slice(if place > 0 {
            b",{\"name\":"
        } else {
            b"{\"name\":"
        });
        json::text(name, out);
        out.extend_from_slice(b",\"value\":");
        match &cfgutils.shared.values[&**name].0 {
            Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Text(text) => json::text(text, out),
        }
        out.push(b'}');
    }
    out.push(b']');
    Ok(())
}

fn set(
    cfgutils: &mut CfgUtils,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let value = match args.text("type") {
        "int" => Value::Int(
            args.text("value")
                .parse()
                .map_err(|_| (400, "not a number".to_owned()))?,
        ),
        "str" => Value::Text(args.text("value").as_bytes().into()),
        _ => return Err((400, "type is int or str".into())),
    };
    if !cfgutils.share(cx, args.text("name").as_bytes(), value) {
        return Err((500, "too many shared variables".into()));
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}
