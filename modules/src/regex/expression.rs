//! An expression: compiled within bounds, and matched within bounds.
//!
//! Most are one automaton, which reads each byte once. Look-around, back references and the like cut an expression into
//! several, with steps back between them; those have bounds of their own.

use ::fancy_regex::{BytesMode, Error, Regex, RegexBuilder};

use super::Flags;
use super::limits::{
    BACKTRACKED_BYTES_MAX, BACKTRACKS_MAX, COMPILED_BYTES_MAX, COMPILED_BYTES_USUAL,
};

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    regex: Regex,
    /// Constructs that step back, at most.
    cuts: usize,
    /// Bytes of each of its automata.
    bytes_each: usize,
}

impl Flags {
    pub(super) fn compile(self, pattern: &str) -> Result<Expression, Box<Error>> {
        let within = |bytes_each| {
            RegexBuilder::new(pattern)
                .case_insensitive(self.caseless)
                .multi_line(self.multiline)
                .dot_matches_new_line(self.dotall)
                .ignore_whitespace(self.extended)
                .bytes_mode(BytesMode::Ascii)
                .backtrack_limit(BACKTRACKS_MAX)
                .delegate_size_limit(bytes_each)
                .delegate_dfa_size_limit(bytes_each)
                .build()
                .map(|regex| Expression {
                    regex,
                    cuts: cuts(pattern.as_bytes()),
                    bytes_each,
                })
        };
        within(COMPILED_BYTES_USUAL)
            .or_else(|_| within(COMPILED_BYTES_MAX))
            .map_err(Box::new)
    }
}

impl Expression {
    /// The bytes that it may take, at most: what stands before, in and behind each cut is an automaton.
    pub(super) fn bytes(&self) -> usize {
        2 * self.bytes_each * (1 + 2 * self.cuts)
    }

    /// The error is for a person.
    pub(super) fn is_match(&self, text: &[u8]) -> Result<bool, String> {
        if self.cuts > 0 && text.len() > BACKTRACKED_BYTES_MAX {
            return Err(format!(
                "an expression that steps back, on a text of more than {BACKTRACKED_BYTES_MAX} bytes"
            ));
        }
        self.regex.is_match(text).map_err(|error| error.to_string())
    }
}

/// How many constructs of this expression an automaton does not have. Seen without reading it in full, so that it may be
/// too many, never too few.
fn cuts(pattern: &[u8]) -> usize {
    let is_cut = |at: &usize| match &pattern[*at..] {
        [
            b'\\',
            b'1'..=b'9' | b'k' | b'g' | b'K' | b'G' | b'R' | b'X',
            ..,
        ] => true,
        [b'*' | b'+' | b'?' | b'}', b'+', ..] => true,
        [b'(', b'?', b'<', b'=' | b'!', ..] => true,
        // A flag, a name or nothing: an automaton has those.
        [
            b'(',
            b'?',
            b'<' | b':' | b'a'..=b'z' | b'A'..=b'O' | b'Q'..=b'Z' | b'-',
            ..,
        ] => false,
        [b'(', b'?', b'P', b'<', ..] => false,
        [b'(', b'?' | b'*', ..] => true,
        _ => false,
    };
    (0..pattern.len()).filter(is_cut).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steps_back_is_known_by_its_looks() {
        for (pattern, expected) in [
            (r"^sip:\+?[0-9]+@(?:a|b)\.", 0),
            (r"(?i)abc(?<name>x)(?P<other>y)", 0),
            (r"foo(?!bar)", 1),
            (r"(?<=a)b(?<!c)", 2),
            (r"(a)\1\k<n>", 2),
            (r"(?>a+)b++c*+", 3),
            (r"(?P=name)(?(1)a|b)", 2),
        ] {
            assert_eq!(cuts(pattern.as_bytes()), expected, "{pattern}");
        }
    }

    #[test]
    fn a_match_that_steps_back_has_a_bound_of_text_and_of_steps() {
        let compile = |pattern| Flags::default().compile(pattern).unwrap();
        let text = "a".repeat(BACKTRACKED_BYTES_MAX);
        let longer = format!("{text}a");
        let cut = compile("b(?!c)");
        assert_eq!(cut.is_match(text.as_bytes()), Ok(false));
        assert!(cut.is_match(longer.as_bytes()).is_err());
        assert_eq!(compile("b[^c]").is_match(longer.as_bytes()), Ok(false));
        let endless = compile(r"^(a|a)*\1?b$");
        let error = endless.is_match(&text.as_bytes()[..64]).unwrap_err();
        assert!(error.contains("backtracking"), "{error}");
    }

    #[test]
    fn an_expression_of_many_cuts_is_counted_as_many_automata() {
        let one = Flags::default().compile("a").unwrap();
        let many = Flags::default().compile(&"(?!a{9})".repeat(20)).unwrap();
        assert_eq!(many.bytes(), 41 * one.bytes());
    }
}
