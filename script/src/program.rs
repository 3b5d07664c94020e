//! A compiled script.
//!
//! Immutable and shared by all shards. [`Program::ops`] is flat; everything an operation points to is in a table beside
//! it, by id. Literals are pooled: equal literals have equal [`ConstId`]s, so a name can be resolved once per id. An
//! engine may walk [`Program::calls`] and [`Program::specs`] once at load and keep what it makes of them (flags, slots,
//! header names, URIs) in tables of its own under the same ids.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use regex::bytes::Regex;

use crate::catalog::{FunctionId, ParamId, RouteKind, TransformId, VariableId};
use crate::globals::Globals;
use crate::ops::{Op, OpId};

/// Index into [`Program::constants`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConstId(pub u32);

/// Index into [`Program::specs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpecId(pub u32);

/// Index into [`Program::formats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FormatId(pub u32);

/// Index into [`Program::regexes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegexId(pub u32);

/// Index into [`Program::nets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetId(pub u32);

/// Index into [`Program::calls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// Index into [`Program::asyncs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AsyncId(pub u32);

/// Index into [`Program::substitutions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubstitutionId(pub u32);

/// Index into [`Program::routes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u16);

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// Index into [`Program::files`].
    pub file: u16,
    /// Column, from 1, in bytes.
    pub column: u16,
    /// Line, from 1.
    pub line: u32,
}

/// A compiled script.
#[derive(Debug, Default)]
pub struct Program {
    /// The files it was read from; the first is the script itself.
    pub files: Vec<String>,
    /// The modules it loads, in order, each once.
    pub modules: Vec<LoadedModule>,
    /// Its module parameters, in order; one per matched module.
    pub modparams: Vec<ModParam>,
    /// Its global parameters.
    pub globals: Globals,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its operations.
    pub ops: Vec<Op>,
    /// Where each operation was written.
    pub positions: Vec<Position>,
    /// Literals.
    pub constants: Vec<Constant>,
    /// Variables as they are used.
    pub specs: Vec<Spec>,
    /// Transformations of `specs`.
    pub transforms: Vec<Transform>,
    /// Parameters of `transforms`.
    pub transform_args: Vec<TransformArg>,
    /// The substitutions of `{re.subst}`.
    pub substitutions: Vec<Substitution>,
    /// Format strings.
    pub formats: Vec<Format>,
    /// Regular expressions.
    pub regexes: Vec<Pattern>,
    /// Networks.
    pub nets: Vec<Net>,
    /// Function calls.
    pub calls: Vec<Call>,
    /// Arguments of `calls`.
    pub args: Vec<Arg>,
    /// What `async` and `launch` start.
    pub asyncs: Vec<Async>,
    /// By the number of the kind; looked up while running, so without making a key.
    pub(crate) route_by_name: [HashMap<Vec<u8>, RouteId>; RouteKind::ALL.len()],
}

impl Program {
    /// Finds a route by kind and name. The name of an unnamed route is empty; `route[0]` is the unnamed one.
    pub fn route(&self, kind: RouteKind, name: &[u8]) -> Option<RouteId> {
        self.route_by_name[kind as usize].get(name).copied()
    }

    /// The operation at this place.
    #[inline]
    pub fn op(&self, at: OpId) -> Op {
        self.ops[at.0 as usize]
    }

    /// The literal of this id.
    #[inline]
    pub fn constant(&self, id: ConstId) -> &Constant {
        &self.constants[id.0 as usize]
    }

    /// The variable of this id.
    #[inline]
    pub fn spec(&self, id: SpecId) -> &Spec {
        &self.specs[id.0 as usize]
    }

    /// The transformations of a variable, in the order they are applied.
    #[inline]
    pub fn transforms(&self, spec: &Spec) -> &[Transform] {
        &self.transforms[range(&spec.transforms)]
    }

    /// The parameters of a transformation.
    #[inline]
    pub fn transform_args(&self, transform: &Transform) -> &[TransformArg] {
        &self.transform_args[range(&transform.args)]
    }

    /// The function call of this id.
    #[inline]
    pub fn call(&self, id: CallId) -> &Call {
        &self.calls[id.0 as usize]
    }

    /// The arguments of a call.
    #[inline]
    pub fn args(&self, call: &Call) -> &[Arg] {
        &self.args[range(&call.args)]
    }

    /// Where an operation was written.
    pub fn position(&self, at: OpId) -> Position {
        self.positions
            .get(at.0 as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The name of a file.
    pub fn file(&self, position: Position) -> &str {
        self.files
            .get(usize::from(position.file))
            .map_or("", String::as_str)
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Program>();
};

#[inline]
fn range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// A `loadmodule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModule {
    /// The name, without path and `.so`.
    pub name: String,
    /// Where.
    pub at: Position,
}

/// A `modparam`, for one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModParam {
    /// The module.
    pub module: String,
    /// The parameter.
    pub param: ParamId,
    /// Its name.
    pub name: String,
    /// What it is set to.
    pub value: Constant,
    /// Where.
    pub at: Position,
}

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constant {
    /// A number.
    Int(i32),
    /// Text, escapes resolved.
    Str(Box<[u8]>),
}

impl Constant {
    /// The number, if it is one.
    pub fn int(&self) -> Option<i32> {
        match self {
            Constant::Int(number) => Some(*number),
            Constant::Str(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Constant::Int(_) => None,
            Constant::Str(text) => Some(text),
        }
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; empty for the unnamed ones.
    pub name: Vec<u8>,
    /// Its first operation.
    pub entry: OpId,
    /// Behind its last operation.
    pub end: OpId,
    /// Counters that its frame needs.
    pub slots: u16,
    /// Values that it has on the stack at most, not counting those of routes it calls.
    pub stack: u16,
    /// Seconds between two runs of a `timer_route`, otherwise 0.
    pub interval: u32,
    /// Where.
    pub at: Position,
}

/// A variable as it is used in one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Which variable.
    pub variable: VariableId,
    /// Of which message.
    pub context: Context,
    /// The name in parentheses.
    pub name: Name,
    /// The index in brackets.
    pub index: Index,
    /// Into [`Program::transforms`].
    pub transforms: Range<u32>,
    /// Values it takes from the stack: for the name, the index, and the parameters of the transformations.
    pub operands: u8,
}

/// Which message a variable is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The one in hand.
    Current,
    /// `<request>`: the transaction's request.
    Request,
    /// `<reply>`: the winning reply.
    Reply,
}

/// The name of a variable in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// Without.
    None,
    /// Literal text; a number is its text.
    Const(ConstId),
    /// On the stack.
    Operand,
    /// On the stack, and not worth remembering: paths are made of what peers write.
    Path,
}

/// The index of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// Without.
    None,
    /// A number; negative counts from the end.
    At(i32),
    /// `[*]`.
    All,
    /// `[append]`.
    Append,
    /// On the stack.
    Operand,
}

/// One transformation of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transform {
    /// Which.
    pub transform: TransformId,
    /// Into [`Program::transform_args`].
    pub args: Range<u32>,
}

/// A parameter of a transformation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransformArg {
    /// A literal.
    Const(ConstId),
    /// A variable; its value is on the stack.
    Operand,
    /// `/expression/replacement/flags`.
    Substitution(SubstitutionId),
}

/// What `{re.subst}` does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Substitution {
    /// What to find.
    pub regex: RegexId,
    /// What to put there.
    pub replacement: Vec<ReplacementPart>,
    /// Every match, not only the first.
    pub global: bool,
    /// Values it takes from the stack, one per variable of the replacement.
    pub operands: u8,
}

/// A part of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplacementPart {
    /// Text.
    Text(ConstId),
    /// `\0` to `\9`.
    Group(u8),
    /// A variable; its value is on the stack.
    Operand,
}

/// A format string: the text it prints, in parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Format {
    /// The parts, in order.
    pub parts: Vec<FormatPart>,
    /// Values it takes from the stack: as many as there are `Operand`s.
    pub operands: u8,
}

/// A part of a format string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FormatPart {
    /// Text.
    Text(ConstId),
    /// The next value.
    Operand,
    /// The next value, as an element of a path: see [`SubName::Path`](crate::SubName::Path).
    Element,
    /// The next value, a backslash before each backslash and each of these bytes; NULL is nothing.
    Escaped(u8),
}

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As it was written: POSIX extended.
    pub source: ConstId,
    /// Ready to match: case-insensitive unless `{re.subst}` says otherwise.
    pub regex: Regex,
}

/// A network, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net {
    /// The address, host bits cleared.
    pub address: IpAddr,
    /// Length of the prefix.
    pub prefix: u8,
}

impl Net {
    /// Of any address in it. The prefix must be one: 32 or 128 at most.
    pub fn new(address: IpAddr, prefix: u8) -> Net {
        let address = match address {
            IpAddr::V4(one) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32)));
                IpAddr::V4((one.to_bits() & mask.unwrap_or(0)).into())
            }
            IpAddr::V6(one) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128)));
                IpAddr::V6((one.to_bits() & mask.unwrap_or(0)).into())
            }
        };
        Net { address, prefix }
    }

    /// Is the address inside?
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(one)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                (net.to_bits() ^ one.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(net), IpAddr::V6(one)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                (net.to_bits() ^ one.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

/// A function call.
///
/// Its operands were pushed argument by argument. If a [`Arg::Value`] is NULL or failed, or has no reading of the
/// declared kind, the call fails with -1 without running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub function: FunctionId,
    /// Into [`Program::args`]; as many as the function declares, those left out at the end included.
    pub args: Range<u32>,
    /// Values it takes from the stack.
    pub operands: u8,
    /// Where, for messages of the engine's own checks.
    pub at: Position,
}

/// An argument of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arg {
    /// Left out.
    Omitted,
    /// A number literal.
    Int(i32),
    /// A string literal without variables.
    Str(ConstId),
    /// A compiled literal.
    Regex(RegexId),
    /// A value on the stack (one operand), to be read as the function declares: number, string, or regular expression.
    Value,
    /// A variable itself, to be read or written by the function. Its own operands are on the stack.
    Variable(SpecId),
}

/// What an `async` or `launch` starts, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Async {
    /// The call; its operands are on the stack.
    pub call: CallId,
    /// The route that goes on when it has finished.
    pub resume: Option<RouteId>,
    /// Seconds that it may take.
    pub timeout: Option<u32>,
    /// A text for `$param(1)` of that route is on the stack, above the operands of the call.
    pub has_param: bool,
}
