//! Regular expressions that become known at run time. Scripts use few different ones, so they are kept.

use hashbrown::HashMap;
use regex::bytes::Regex;
use script::posix::{Flags, compile};

use crate::limits::PATTERNS_MAX;

/// Compiled patterns by their text.
#[derive(Debug)]
pub(crate) struct Patterns(HashMap<Box<[u8]>, Regex, ahash::RandomState>);

impl Default for Patterns {
    fn default() -> Self {
        Patterns(HashMap::with_hasher(ahash::RandomState::with_seeds(
            9, 10, 11, 12,
        )))
    }
}

impl Patterns {
    /// The compiled pattern, without case; `None` if it is none.
    pub(crate) fn get(&mut self, pattern: &[u8]) -> Option<&Regex> {
        if !self.0.contains_key(pattern) {
            // What peers write may end up in patterns: then the table is only a buffer for the last few.
            if self.0.len() >= PATTERNS_MAX {
                self.0.clear();
            }
            let regex = compile(pattern, Flags::MATCH).ok()?;
            self.0.insert(pattern.into(), regex);
        }
        self.0.get(pattern)
    }
}
