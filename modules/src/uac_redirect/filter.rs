//! Filters that a script adds for one request: patterns that accept, patterns that deny.

use regex::bytes::Regex;

/// Patterns of one kind that may be combined, the parameter's included.
const FILTERS_MAX: usize = 6;

/// Which patterns of that kind a new one takes the place of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reset {
    default: bool,
    added: bool,
}

impl Reset {
    /// `reset_all`, `reset_default`, `reset_added`, or nothing.
    pub(super) fn parse(text: &[u8]) -> Result<Reset, String> {
        let (default, added) = match text.trim_ascii() {
            b"" => (false, false),
            b"reset_all" => (true, true),
            b"reset_default" => (true, false),
            b"reset_added" => (false, true),
            other => {
                return Err(format!(
                    "`{}` is none of reset_all, reset_default, reset_added",
                    other.escape_ascii()
                ));
            }
        };
        Ok(Reset { default, added })
    }
}

/// What was added, for each kind.
#[derive(Debug, Default)]
pub(super) struct Filters {
    accept: Kind,
    deny: Kind,
}

#[derive(Debug, Default)]
struct Kind {
    without_default: bool,
    added: Vec<Regex>,
}

impl Filters {
    /// Adds one. False: there are too many.
    pub(super) fn add(&mut self, accepts: bool, reset: Reset, regex: &Regex) -> bool {
        let kind = if accepts {
            &mut self.accept
        } else {
            &mut self.deny
        };
        kind.without_default |= reset.default;
        if reset.added {
            kind.added.clear();
        }
        let used = kind.added.len() + usize::from(!kind.without_default);
        if used >= FILTERS_MAX {
            return false;
        }
        kind.added.push(regex.clone());
        true
    }

    /// Whether a pattern of that kind, or the one of the parameter, matches.
    pub(super) fn matches(&self, accepts: bool, default: Option<&Regex>, uri: &[u8]) -> bool {
        let kind = if accepts { &self.accept } else { &self.deny };
        let default = default.filter(|_| !kind.without_default);
        kind.added
            .iter()
            .chain(default)
            .any(|regex| regex.is_match(uri))
    }
}
