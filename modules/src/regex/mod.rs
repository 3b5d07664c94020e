//! `regex`: Perl's regular expressions, from the script and from a file of groups.
//!
//! Groups are copied: every shard reads the file for itself, at start and on `regex_reload`, and replaces all groups or
//! none. The expressions are `fancy-regex`'s, because scripts use what a finite automaton has not (look-around, back
//! references); a match that tries too much fails instead of holding the shard up.

mod expression;
mod groups;
mod limits;

use engine::module::{
    Args, CommandArgs, CommandResult, Context, Exports, Kind, Module, ParamValue, Routes, Verdict,
};
use hashbrown::HashMap;

use expression::Expression;
use limits::{PATTERN_BYTES_MAX, PATTERNS_BYTES_MAX, PATTERNS_MAX};

/// The module.
#[derive(Debug)]
pub(crate) struct Regex {
    file: Option<String>,
    groups_max: i32,
    group_bytes_max: i32,
    flags: Flags,
    groups: Vec<Expression>,
    patterns: HashMap<Box<[u8]>, Expression, ahash::RandomState>,
    /// What `patterns` may take, all together.
    patterns_bytes: usize,
}

/// How all expressions are meant; `(?i)` and its like change it for one.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    caseless: bool,
    multiline: bool,
    dotall: bool,
    extended: bool,
}

impl Module for Regex {
    const NAME: &'static str = "regex";

    fn new() -> Self {
        Regex {
            file: None,
            groups_max: 20,
            group_bytes_max: 8192,
            flags: Flags::default(),
            groups: Vec::new(),
            // Bounded, and emptied when full: nothing that a peer could aim collisions at.
            patterns: HashMap::with_hasher(ahash::RandomState::with_seeds(5, 6, 7, 8)),
            patterns_bytes: 0,
        }
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
        exports.param("file", Kind::Str, |regex, value| {
            regex.file = Some(value.text().to_owned());
            Ok(())
        });
        exports.param("max_groups", Kind::Int, |regex, value| {
            regex.groups_max = at_least_one(value)?;
            Ok(())
        });
        exports.param("group_max_size", Kind::Int, |regex, value| {
            regex.group_bytes_max = at_least_one(value)?;
            Ok(())
        });
        exports.param("pcre_caseless", Kind::Int, |regex, value| {
            regex.flags.caseless = value.int() != 0;
            Ok(())
        });
        exports.param("pcre_multiline", Kind::Int, |regex, value| {
            regex.flags.multiline = value.int() != 0;
            Ok(())
        });
        exports.param("pcre_dotall", Kind::Int, |regex, value| {
            regex.flags.dotall = value.int() != 0;
            Ok(())
        });
        exports.param("pcre_extended", Kind::Int, |regex, value| {
            regex.flags.extended = value.int() != 0;
            Ok(())
        });
        let pattern = Kind::Str.check(|pattern| {
            let pattern = std::str::from_utf8(pattern).map_err(|error| error.to_string())?;
            // The parameters are not known here, but only this one changes what is an expression.
            let extended = Flags {
                extended: true,
                ..Flags::default()
            };
            match Flags::default().compile(pattern) {
                Err(error) if extended.compile(pattern).is_err() => Err(error.to_string()),
                _ => Ok(()),
            }
        });
        exports.function(
            "pcre_match",
            &[Kind::Str, pattern],
            anywhere,
            |regex, cx, args| {
                let matched = regex.is_match(args.str(0), args.str(1));
                verdict(cx, "pcre_match", matched)
            },
        );
        exports.function(
            "pcre_match_group",
            &[Kind::Str, Kind::Int.optional()],
            anywhere,
            |regex, cx, args: Args<'_>| {
                let matched = regex.is_match_of_group(args.str(0), args.int(1));
                verdict(cx, "pcre_match_group", matched)
            },
        );
        for name in ["regex_reload", "regex:reload"] {
            exports.command(name, &[&[]], Self::reload);
        }
        for name in ["regex_match", "regex:match"] {
            exports.command(name, &[&["string", "pcre_regex"]], |regex, _, args, out| {
                let pattern = args.text("pcre_regex").as_bytes();
                answer(regex.is_match(args.text("string").as_bytes(), pattern), out)
            });
        }
        for name in ["regex_match_group", "regex:match_group"] {
            exports.command(name, &[&["string", "group"]], |regex, _, args, out| {
                let group = args.text("group").parse();
                let group = group.map_err(|_| (400, "group is not a number".to_owned()))?;
                let text = args.text("string").as_bytes();
                answer(regex.is_match_of_group(text, group), out)
            });
        }
        exports.difference(
            "A match that takes more than 20000 steps back fails with a log line, and so does an expression with look-around, back \
             references or possessive repetitions on a text of more than 8192 bytes. `$` is the very end of the text, not \
             also before a last line feed. `\\d`, `\\w` and `(?i)` are about ASCII, as in PCRE without UTF.",
        );
        exports.difference("A group without expressions is an error: it would match everything.");
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        if let Some(file) = self.file.clone() {
            let text = cx.read_file(&file)?;
            self.groups = self.read(&text).map_err(|why| format!("{file}: {why}"))?;
        }
        Ok(())
    }
}

impl Regex {
    fn read(&self, text: &[u8]) -> Result<Vec<Expression>, String> {
        let [groups_max, bytes_max] = [self.groups_max, self.group_bytes_max].map(|n| n as usize);
        groups::read(text, self.flags, groups_max, bytes_max)
    }

    /// All groups are those of the file as it is now, or stay as they are.
    fn reload(
        &mut self,
        cx: &mut Context<'_>,
        _: CommandArgs<'_>,
        out: &mut Vec<u8>,
    ) -> CommandResult {
        let Some(file) = self.file.clone() else {
            return Err((400, "no file is set".to_owned()));
        };
        let text = cx.read_file(&file)?;
        self.groups = self
            .read(&text)
            .map_err(|why| (500, format!("{file}: {why}")))?;
        out.extend_from_slice(b"\"OK\"");
        Ok(())
    }

    /// The error is for a person.
    fn is_match(&mut self, text: &[u8], pattern: &[u8]) -> Result<bool, String> {
        if !self.patterns.contains_key(pattern) {
            if pattern.len() > PATTERN_BYTES_MAX {
                return Err(format!("longer than {PATTERN_BYTES_MAX} bytes"));
            }
            let said =
                |error: &dyn std::fmt::Display| format!("`{}`: {error}", pattern.escape_ascii());
            let source = std::str::from_utf8(pattern).map_err(|error| said(&error))?;
            let compiled = self.flags.compile(source).map_err(|error| said(&error))?;
            if compiled.bytes() > PATTERNS_BYTES_MAX {
                return Err(said(&"too large when compiled"));
            }
            // What peers write may end up in patterns: then the table is only a buffer for the last few.
            let is_full = self.patterns.len() >= PATTERNS_MAX;
            if is_full || self.patterns_bytes + compiled.bytes() > PATTERNS_BYTES_MAX {
                self.patterns.clear();
                self.patterns_bytes = 0;
            }
            self.patterns_bytes += compiled.bytes();
            self.patterns.insert(pattern.into(), compiled);
        }
        self.patterns[pattern].is_match(text)
    }

    fn is_match_of_group(&self, text: &[u8], group: i32) -> Result<bool, String> {
        let groups = self.groups.len();
        let place = usize::try_from(group).ok();
        match place.and_then(|place| self.groups.get(place)) {
            Some(expression) => expression.is_match(text),
            None if self.file.is_none() => Err("no file is set".to_owned()),
            None => Err(format!("there is no group {group}, the file has {groups}")),
        }
    }
}

/// 1: it matches. -1: it does not, or cannot be told.
fn verdict(cx: &mut Context<'_>, name: &str, matched: Result<bool, String>) -> Verdict {
    match matched {
        Ok(is_match) => Verdict::of(is_match),
        Err(why) => {
            cx.log_error(format_args!("{name}: {why}"));
            Verdict::FAIL
        }
    }
}

fn answer(matched: Result<bool, String>, out: &mut Vec<u8>) -> CommandResult {
    let is_match = matched.map_err(|why| (400, why))?;
    out.extend_from_slice(if is_match {
        b"\"Match\""
    } else {
        b"\"Not Match\""
    });
    Ok(())
}

fn at_least_one(value: ParamValue<'_>) -> Result<i32, String> {
    match value.int() {
        n if n > 0 => Ok(n),
        n => Err(format!("{n} is not at least 1")),
    }
}

#[cfg(test)]
mod tests;
