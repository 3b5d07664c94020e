//! Regular expressions that become known at run time. Scripts use few different ones, so they are kept.

use hashbrown::HashMap;
use regex::bytes::Regex;
use script::limits::REGEX_BYTES_MAX;
use script::posix::{Flags, compile_within};

use crate::limits::{PATTERN_BYTES_USUAL, PATTERNS_BYTES_MAX, PATTERNS_MAX};

/// Compiled patterns by their text.
#[derive(Debug)]
pub(crate) struct Patterns {
    compiled: HashMap<Box<[u8]>, Regex, ahash::RandomState>,
    /// What they may take, all together.
    bytes: usize,
}

impl Default for Patterns {
    fn default() -> Self {
        Patterns {
            compiled: HashMap::with_hasher(ahash::RandomState::with_seeds(9, 10, 11, 12)),
            bytes: 0,
        }
    }
}

impl Patterns {
    /// The compiled pattern, without case; `None` if it is none.
    pub(crate) fn get(&mut self, pattern: &[u8]) -> Option<&Regex> {
        if !self.compiled.contains_key(pattern) {
            let (regex, bytes) = compile(pattern)?;
            let is_full = self.compiled.len() >= PATTERNS_MAX;
            // What peers write may end up in patterns: then the table is only a buffer for the last few.
            if is_full || self.bytes + bytes > PATTERNS_BYTES_MAX {
                self.compiled.clear();
                self.bytes = 0;
            }
            self.bytes += bytes;
            self.compiled.insert(pattern.into(), regex);
        }
        self.compiled.get(pattern)
    }
}

/// A pattern, and the bytes it may take.
fn compile(pattern: &[u8]) -> Option<(Regex, usize)> {
    [PATTERN_BYTES_USUAL, REGEX_BYTES_MAX]
        .into_iter()
        .find_map(|bytes| {
            let regex = compile_within(pattern, Flags::MATCH, bytes).ok()?;
            Some((regex, 2 * bytes))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_all_patterns_are_bounded() {
        let mut patterns = Patterns::default();
        for n in 0..PATTERNS_MAX {
            assert!(patterns.get(format!("^sip:{n}@").as_bytes()).is_some());
        }
        assert_eq!(patterns.compiled.len(), PATTERNS_MAX);
        assert!(patterns.bytes <= PATTERNS_BYTES_MAX);
        // Few large ones: they make room long before there are as many.
        let mut most = 0;
        for n in 0..64 {
            let large = format!("{n}([a-z]{{40}}[0-9]){{200}}");
            assert!(patterns.get(large.as_bytes()).is_some(), "{n}");
            assert!(patterns.bytes <= PATTERNS_BYTES_MAX);
            most = most.max(patterns.compiled.len());
        }
        assert!(patterns.compiled.len() < 64, "{most}");
    }

    #[test]
    fn what_is_no_pattern_takes_nothing() {
        let mut patterns = Patterns::default();
        assert!(patterns.get(b"(").is_none());
        assert_eq!(patterns.bytes, 0);
    }
}
