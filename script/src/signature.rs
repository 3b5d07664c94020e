//! Signatures as text: `(str, [int], var) @ REQ|FAIL`.
//!
//! The form in which tables of functions are written down: kinds `int str var regex`, `[x]` optional, `!` literal only,
//! `~` not expanded, and after `@` the route kinds. `out` is a variable that must be writable.

use crate::catalog::{ArgKind, ArgSpec, RouteKind, RouteKinds};

/// Reads a signature; `None` if it is not one.
pub fn parse(text: &str) -> Option<(Vec<ArgSpec>, RouteKinds)> {
    let (args, kinds) = match text.split_once('@') {
        Some((args, kinds)) => (args, parse_kinds(kinds)?),
        None => (text, RouteKinds::ALL),
    };
    let inner = args.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    if inner.is_empty() {
        return Some((Vec::new(), kinds));
    }
    let args = inner
        .split(',')
        .map(|arg| parse_arg(arg.trim()))
        .collect::<Option<Vec<_>>>()?;
    Some((args, kinds))
}

/// Writes arguments as [`parse`] reads them.
pub fn write(args: &[ArgSpec]) -> String {
    let args: Vec<String> = args.iter().map(write_arg).collect();
    format!("({})", args.join(", "))
}

fn write_arg(arg: &ArgSpec) -> String {
    let word = match arg.kind {
        ArgKind::Int => "int",
        ArgKind::Str => "str",
        ArgKind::Variable | ArgKind::Reference(_) => "var",
        ArgKind::Output => "out",
        ArgKind::Regex => "regex",
    };
    let marks = match (arg.literal, arg.raw) {
        (true, true) => "!~",
        (true, false) => "!",
        (false, true) => "~",
        (false, false) => "",
    };
    match arg.optional {
        true => format!("[{word}{marks}]"),
        false => format!("{word}{marks}"),
    }
}

fn parse_arg(text: &str) -> Option<ArgSpec> {
    let (text, optional) = match text.strip_prefix('[') {
        Some(inner) => (inner.strip_suffix(']')?, true),
        None => (text, false),
    };
    let word = text.trim_end_matches(['!', '~']);
    let kind = match word {
        "int" => ArgKind::Int,
        "str" => ArgKind::Str,
        "var" => ArgKind::Variable,
        "out" => ArgKind::Output,
        "regex" => ArgKind::Regex,
        _ => return None,
    };
    let marks = &text[word.len()..];
    let spec = ArgSpec {
        optional,
        literal: marks.contains('!'),
        raw: marks.contains('~'),
        ..ArgSpec::new(kind)
    };
    Some(spec)
}

fn parse_kinds(text: &str) -> Option<RouteKinds> {
    text.split('|').try_fold(RouteKinds::NONE, |kinds, word| {
        Some(match word.trim() {
            "ALL" => RouteKinds::ALL,
            "REQ" => kinds.with(RouteKind::Request),
            "FAIL" => kinds.with(RouteKind::Failure),
            "ONREPLY" => kinds.with(RouteKind::Reply),
            "BRANCH" => kinds.with(RouteKind::Branch),
            "ERROR" => kinds.with(RouteKind::Error),
            "LOCAL" => kinds.with(RouteKind::Local),
            "STARTUP" => kinds.with(RouteKind::Startup),
            "TIMER" => kinds.with(RouteKind::Timer),
            "EVENT" => kinds.with(RouteKind::Event),
            _ => return None,
        })
    })
}
