//! POSIX extended regular expressions, as scripts write them, for the `regex` crate.
//!
//! The two agree on most. What differs: inside brackets POSIX knows no escapes and takes `[` and `&&` as they are, a
//! backslash before an ordinary letter is that letter (glibc's `\w \W \s \S \b \B \< \>` are kept), a `{` that opens no
//! repetition is a brace, and repetitions may follow each other. The language matches without case, over bytes, and a
//! newline is an ordinary character.

use regex::bytes::{Regex, RegexBuilder};

use crate::limits::{NESTING_MAX, REGEX_BYTES_MAX};

/// How an expression is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags {
    /// `A` matches `a`.
    pub ignore_case: bool,
    /// `^` and `$` match at lines, and `.` does not match their ends.
    pub lines: bool,
}

impl Flags {
    /// As `=~` and arguments of functions are compiled.
    pub const MATCH: Flags = Flags {
        ignore_case: true,
        lines: false,
    };
}

/// Compiles a POSIX extended regular expression; the error is a sentence for people. Also used at run time, for
/// patterns that come from variables.
pub fn compile(pattern: &[u8], flags: Flags) -> Result<Regex, String> {
    compile_within(pattern, flags, REGEX_BYTES_MAX)
}

/// The same, of at most so many bytes compiled, and as many again for what it learns while it matches.
pub fn compile_within(pattern: &[u8], flags: Flags, bytes_max: usize) -> Result<Regex, String> {
    let Ok(text) = std::str::from_utf8(pattern) else {
        return Err("the pattern is not UTF-8".into());
    };
    let translated = translate(text)?;
    RegexBuilder::new(&translated)
        .unicode(false)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.lines)
        .dot_matches_new_line(!flags.lines)
        .size_limit(bytes_max)
        .dfa_size_limit(bytes_max)
        .nest_limit(NESTING_MAX as u32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large when compiled".into(),
            // The last line of a syntax error says what is wrong; the others draw a picture of our translation.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim().trim_start_matches("error: ").to_owned()
            }
        })
}

const TWICE: &str = "a repetition of a repetition: put the first one in parentheses";

fn translate(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    // Whether there is something that a repetition can repeat, and whether it is repeated already.
    let mut atom = Atom::None;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '\\' => {
                let Some(escaped) = after.chars().next() else {
                    return Err("a backslash at the end".into());
                };
                rest = &after[escaped.len_utf8()..];
                match escaped {
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    '<' => out.push_str(r"\b{start}"),
                    '>' => out.push_str(r"\b{end}"),
                    '1'..='9' => return Err("back-references are not possible in a pattern".into()),
                    other => push_literal(&mut out, other),
                }
                atom = Atom::Single;
            }
            '[' => {
                rest = bracket(after, &mut out)?;
                atom = Atom::Single;
            }
            '*' | '+' | '?' => {
                match atom {
                    // POSIX leaves it open; glibc takes a leading `*` as a star and drops the others.
                    Atom::None if c == '*' => push_literal(&mut out, c),
                    Atom::None => return Err(format!("`{c}` repeats nothing")),
                    Atom::Single => out.push(c),
                    // `a{2}*` is not `a{2}`.
                    Atom::Repeated if out.ends_with('}') => return Err(TWICE.into()),
                    // `a*?` would be lazy in our syntax.
                    Atom::Repeated => merge_repetitions(&mut out, c),
                }
                atom = Atom::Repeated;
            }
            '{' => match repetition(after) {
                Some(len) if atom != Atom::None => {
                    let bounds = &after[..len];
                    // `{,3}` is `{0,3}`.
                    let bounds = if bounds.starts_with(',') {
                        format!("0{bounds}")
                    } else {
                        bounds.to_owned()
                    };
                    let whole = format!("{{{bounds}}}");
                    if atom == Atom::Repeated {
                        return Err(TWICE.into());
                    }
                    out.push_str(&whole);
                    rest = &after[len + 1..];
                    atom = Atom::Repeated;
                }
                _ => {
                    push_literal(&mut out, '{');
                    atom = Atom::Single;
                }
            },
            '(' => {
                out.push('(');
                // An extension of Perl's that people do write; POSIX would reject it.
                if let Some(after) = after.strip_prefix("?:") {
                    out.push_str("?:");
                    rest = after;
                }
                atom = Atom::None;
            }
            ')' => {
                out.push(')');
                atom = Atom::Single;
            }
            '|' => {
                out.push('|');
                atom = Atom::None;
            }
            '^' | '$' => {
                out.push(c);
                atom = Atom::None;
            }
            '.' => {
                out.push('.');
                atom = Atom::Single;
            }
            other => {
                push_literal(&mut out, other);
                atom = Atom::Single;
            }
        }
    }
    Ok(out)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    None,
    Single,
    Repeated,
}

/// `a**` is `a*`, `a+*` and the like are `a*`; `a??` is `a?`.
fn merge_repetitions(out: &mut String, next: char) {
    let last = out.pop().unwrap_or('*');
    out.push(if last == next { last } else { '*' });
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        out.push('\\');
        out.push(c);
    } else if c.is_ascii() {
        out.push(c);
    } else {
        // Beyond ASCII a character is its bytes.
        let mut buffer = [0; 4];
        out.push_str("(?:");
        for byte in c.encode_utf8(&mut buffer).bytes() {
            out.push_str(&format!(r"(?-u:\x{byte:02x})"));
        }
        out.push(')');
    }
}

/// A bracket expression, behind its `[`. Returns what follows its `]`.
fn bracket<'a>(text: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut rest = text;
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        let Some(c) = rest.chars().next() else {
            return Err("`[` without `]`".into());
        };
        if let Some(after) = rest.strip_prefix("[:") {
            let end = after.find(":]").ok_or("`[:` without `:]`")?;
            if !CLASSES.contains(&&after[..end]) {
                return Err(format!("no class is called `{}`", &after[..end]));
            }
            out.push_str(&format!("[:{}:]", &after[..end]));
            rest = &after[end + 2..];
        } else if c == ']' && !first {
            out.push(']');
            return Ok(&rest[1..]);
        } else {
            rest = &rest[c.len_utf8()..];
            match c {
                '-' if !first && !rest.starts_with(']') => out.push('-'),
                c if c.is_ascii_punctuation() => {
                    out.push('\\');
                    out.push(c);
                }
                c if c.is_ascii() => out.push(c),
                c => {
                    let mut buffer = [0; 4];
                    for byte in c.encode_utf8(&mut buffer).bytes() {
                        out.push_str(&format!(r"\x{byte:02x}"));
                    }
                }
            }
        }
        first = false;
    }
}

/// `3`, `3,`, `,3`, `3,5` before a `}`: the length of the bounds.
fn repetition(text: &str) -> Option<usize> {
    let end = text.bytes().take(16).position(|byte| byte == b'}')?;
    let bounds = &text[..end];
    let fits = bounds
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b',');
    (fits && bounds.bytes().any(|byte| byte.is_ascii_digit()) && bounds.matches(',').count() <= 1)
        .then_some(end)
}

const CLASSES: [&str; 12] = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "xdigit",
];

#[cfg(test)]
mod tests {
    use super::{Flags, compile};

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern.as_bytes(), Flags::MATCH)
            .expect(pattern)
            .is_match(text.as_bytes())
    }

    #[test]
    fn posix_expressions_mean_what_they_say() {
        assert!(matches(r"^\+[1-9][0-9]+$", "+4930123"));
        assert!(!matches(r"^\+[1-9][0-9]+$", "4930123"));
        assert!(matches("^SIP:ALICE@", "sip:alice@example.com"));
        assert!(matches("^[0-9]{3,5}$", "1234"));
        assert!(matches("^[^@:]+@example\\.com$", "bob@example.com"));
        assert!(matches("[[:digit:]]+", "a1"));
        assert!(matches("[]x]", "]"));
        assert!(matches("[a[]", "["));
        assert!(matches("[a&&b]", "&"));
        assert!(
            matches(r"[\.]", "\\"),
            "a backslash in brackets is a backslash"
        );
        assert!(matches("a{b", "a{b"));
        assert!(matches("a{,2}$", "aa"));
        assert!(matches("x.y", "x\ny"), "a newline is an ordinary character");
        assert!(matches("(INVITE|MESSAGE)", "message"));
        assert!(matches("a**b", "aaab"));
        assert!(matches("^(a{2})*$", "aaaa"));
        assert!(matches(r"\/", "/"));
        assert!(
            matches(r"\d", "d"),
            "an escaped ordinary letter is the letter"
        );
        assert!(matches("é", "é"));
        assert!(matches("<sip:", "<sip:"));
    }

    #[test]
    fn broken_expressions_are_refused_in_words() {
        for broken in [
            "(",
            "a)",
            "[a",
            "+a",
            "a\\",
            "[[:digi:]]",
            "(a)\\1",
            "a{5,2}",
            "a{2}*",
            "a*{2}",
            "((((((a{200}){200}){200})))",
        ] {
            let error = compile(broken.as_bytes(), Flags::MATCH).expect_err(broken);
            assert!(
                !error.is_empty() && !error.contains('\n'),
                "{broken}: {error}"
            );
        }
    }
}
