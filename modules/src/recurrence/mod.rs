//! Time recurrences: the times that `20210104T080000|20210104T180000||WEEKLY|||MO,TU` means.
//!
//! Written as OpenSIPS writes them: the fields of RFC 2445 §4.3.10 in a fixed order between `|`, with a time zone
//! before them if not the system's, joined by `&`, `/` (or), `!` and parentheses. This file reads expressions, `rule`
//! one recurrence, `fields` what stands between two `|`.
//!
//! Keeps no state. The time is an argument, the zones are data of the build.

mod fields;
mod rule;

use std::fmt;

use chrono_tz::Tz;

use rule::Rule;

/// Bytes of an expression.
const TEXT_MAX: usize = 8192;

/// Parentheses and negations in each other.
const DEPTH_MAX: usize = 32;

/// A recurrence, or several joined.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence(Node);

#[derive(Clone, Debug)]
enum Node {
    Rule(Box<Rule>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// What is wrong, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn malformed<T>(what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(what.into()))
}

impl Recurrence {
    /// Reads an expression.
    pub(crate) fn parse(text: &str) -> Result<Recurrence, Malformed> {
        if text.len() > TEXT_MAX {
            return malformed(format!("longer than {TEXT_MAX} bytes"));
        }
        let mut reader = Reader {
            rest: text,
            depth: 0,
        };
        let node = reader.any()?;
        match reader.rest.trim_start() {
            "" => Ok(Recurrence(node)),
            rest => malformed(format!("`{rest}` is left over")),
        }
    }

    /// Whether it holds at this moment, in seconds since 1970. `zone` is for recurrences that name none.
    pub(crate) fn matches(&self, unix_s: i64, zone: Tz) -> bool {
        self.0.matches(unix_s, zone)
    }
}

impl Node {
    fn matches(&self, unix_s: i64, zone: Tz) -> bool {
        match self {
            Node::Rule(rule) => rule.matches(unix_s, zone),
            Node::Not(node) => !node.matches(unix_s, zone),
            Node::All(nodes) => nodes.iter().all(|node| node.matches(unix_s, zone)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(unix_s, zone)),
        }
    }
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// One or more of what `&` binds closer.
    fn any(&mut self) -> Result<Node, Malformed> {
        let mut nodes = vec![self.all()?];
        while self.eat('/') {
            nodes.push(self.all()?);
        }
        Ok(joined(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, Malformed> {
        let mut nodes = vec![self.one()?];
        while self.eat('&') {
            nodes.push(self.one()?);
        }
        Ok(joined(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return malformed(format!(
                "more than {DEPTH_MAX} parentheses and negations in each other"
            ));
        }
        let node = if self.eat('!') {
            Node::Not(Box::new(self.one()?))
        } else if self.eat('(') {
            let node = self.any()?;
            if !self.eat(')') {
                return malformed("`)` is missing");
            }
            node
        } else {
            Node::Rule(Box::new(Rule::parse(self.rule())?))
        };
        self.depth -= 1;
        Ok(node)
    }

    /// The text of one recurrence. A slash in the name of its zone is no operator.
    fn rule(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let is_zoned = text.starts_with(|first: char| first.is_ascii_alphabetic());
        let fields = if is_zoned {
            text.find('|').unwrap_or(0)
        } else {
            0
        };
        let is_end = |letter: char| matches!(letter, '&' | '/' | '!' | '(' | ')');
        let end = text[fields..]
            .find(is_end)
            .map_or(text.len(), |at| fields + at);
        self.rest = &text[end..];
        text[..end].trim_end()
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn joined(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            nodes.push(last);
            join(nodes)
        }
        (_, None) => join(nodes),
    }
}

#[cfg(test)]
mod tests;
