//! What the server mints, masked: branches, tags, cookies, nonces. What peers mint stays.
//!
//! A minted value is the same in each run of one build, but a change elsewhere in the server would change it.

use std::collections::BTreeSet;
use std::path::Path;

/// Parameters whose value is minted unless a peer said it first.
const MINTED: [&str; 4] = ["branch=", "tag=", "own=", "did="];
/// Parameters of digest authentication: they stand in quotes.
const QUOTED: [&str; 4] = ["nonce=\"", "opaque=\"", "cnonce=\"", "response=\""];

/// Who said a value first: what a peer said stays readable, also where the server repeats it.
#[derive(Debug, Default)]
pub(super) struct Said {
    by_peers: BTreeSet<String>,
    by_servers: BTreeSet<String>,
    /// Files by the name they have here, and beside the test: so they are shown, from wherever it is played.
    files: Vec<(String, String)>,
}

impl Said {
    /// This file of the test's folder is shown as it is named beside the test.
    pub(super) fn shorten(&mut self, folder: &Path, file: &Path) {
        if let Ok(rest) = file.strip_prefix(folder)
            && rest != file
        {
            let names = (file.display().to_string(), rest.display().to_string());
            self.files.push(names);
        }
    }

    /// Remembers what a message says.
    pub(super) fn hear(&mut self, text: &str, of_server: bool) {
        let (own, others) = match of_server {
            true => (&mut self.by_servers, &self.by_peers),
            false => (&mut self.by_peers, &self.by_servers),
        };
        let plain = MINTED.iter().map(|name| (name, false));
        for (name, is_quoted) in plain.chain(QUOTED.iter().map(|name| (name, true))) {
            for (at, _) in text.match_indices(name) {
                let behind = &text[at + name.len()..];
                let value = if is_quoted {
                    quoted(behind)
                } else {
                    value_at(behind)
                };
                if !value.is_empty() && !others.contains(value) {
                    own.insert(value.to_owned());
                }
            }
        }
    }

    /// The text with what is minted masked.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        'text: while !rest.is_empty() {
            for name in MINTED {
                if let Some(behind) = rest.strip_prefix(name) {
                    let value = value_at(behind);
                    let is_known = value.is_empty() || self.by_peers.contains(value);
                    out += name;
                    out += if is_known { value } else { "*" };
                    rest = &behind[value.len()..];
                    continue 'text;
                }
            }
            for name in QUOTED {
                if let Some(behind) = rest.strip_prefix(name) {
                    let value = quoted(behind);
                    out += name;
                    out += if self.by_peers.contains(value) {
                        value
                    } else {
                        "*"
                    };
                    rest = &behind[value.len()..];
                    continue 'text;
                }
            }
            for (here, shown) in &self.files {
                if let Some(behind) = rest.strip_prefix(here.as_str()) {
                    out += shown;
                    rest = behind;
                    continue 'text;
                }
            }
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out += &rest[..next];
            rest = &rest[next..];
        }
        out
    }
}

fn quoted(text: &str) -> &str {
    text.split('"').next().unwrap_or_default()
}

fn value_at(text: &str) -> &str {
    let is_end = |c: char| {
        // A backslash begins the line end of a message that stands in JSON.
        c.is_whitespace()
            || matches!(
                c,
                ';' | ',' | '>' | '"' | ')' | ']' | '|' | '&' | '?' | '\\'
            )
    };
    text.split(is_end).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_said_stays_and_the_rest_is_masked() {
        let mut said = Said::default();
        said.shorten(Path::new("text"), Path::new("text/a.list"));
        said.hear(
            "From: <sip:a@x>;tag=alice-1\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-1",
            false,
        );
        assert_eq!(
            said.mask("`text/a.list`: text/plain"),
            "`a.list`: text/plain"
        );
        assert_eq!(
            said.mask(r#"branch=z9hG4bK-2\r\nFrom: tag=9f00\r\n"#),
            r#"branch=*\r\nFrom: tag=*\r\n"#
        );
        assert_eq!(
            said.mask("tag=alice-1 tag=9f00 <sip:h;own=77ab;lr>, branch=z9hG4bK-1;x, nonce=\"5\""),
            "tag=alice-1 tag=* <sip:h;own=*;lr>, branch=z9hG4bK-1;x, nonce=\"*\""
        );
    }
}
