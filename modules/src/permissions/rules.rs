//! Rules of `permissions.allow` and `permissions.deny`: who may call whom.
//!
//! A line is `left : right`; each side is `ALL` or quoted regular expressions with commas between, and may except
//! others: `ALL EXCEPT "^sip:guest@"`. `#` begins a comment. A pair matches a rule when its first URI matches the left
//! side and its second the right.

use regex::bytes::Regex;
use script::posix;

/// Rules of one file.
const RULES_MAX: usize = 10_000;

/// The rules of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    left: Side,
    right: Side,
}

#[derive(Clone, Debug)]
struct Side {
    /// Empty: all.
    any: Vec<Regex>,
    except: Vec<Regex>,
}

impl Rules {
    /// The error names the line.
    pub(super) fn parse(text: &[u8]) -> Result<Rules, String> {
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let line = String::from_utf8_lossy(line);
            let rule = rule(&line).map_err(|why| format!("line {number}: {why}"))?;
            rules.extend(rule);
            if rules.len() > RULES_MAX {
                return Err(format!("more than {RULES_MAX} rules"));
            }
        }
        Ok(Rules(rules))
    }

    pub(super) fn holds(&self, left: &[u8], right: &[u8]) -> bool {
        self.0
            .iter()
            .any(|rule| rule.left.holds(left) && rule.right.holds(right))
    }
}

impl Side {
    fn holds(&self, uri: &[u8]) -> bool {
        let is_in = |list: &[Regex]| list.iter().any(|regex| regex.is_match(uri));
        (self.any.is_empty() || is_in(&self.any)) && !is_in(&self.except)
    }
}

/// `None` of a line that says nothing.
fn rule(line: &str) -> Result<Option<Rule>, String> {
    let mut rest = line.trim();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(None);
    }
    let left = side(&mut rest)?;
    rest = rest
        .strip_prefix(':')
        .ok_or_else(|| format!("`:` is missing before `{rest}`"))?
        .trim_start();
    let right = side(&mut rest)?;
    if rest.is_empty() || rest.starts_with('#') {
        Ok(Some(Rule { left, right }))
    } else {
        Err(format!("`{rest}` is left over"))
    }
}

fn side(rest: &mut &str) -> Result<Side, String> {
    let any = if word(rest, "ALL") {
        Vec::new()
    } else {
        list(rest)?
    };
    let except = if word(rest, "EXCEPT") {
        list(rest)?
    } else {
        Vec::new()
    };
    Ok(Side { any, except })
}

fn word(rest: &mut &str, wanted: &str) -> bool {
    let is_there = rest
        .get(..wanted.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(wanted));
    if is_there {
        *rest = rest[wanted.len()..].trim_start();
    }
    is_there
}

fn list(rest: &mut &str) -> Result<Vec<Regex>, String> {
    let mut list = Vec::new();
    loop {
        let quoted = rest
            .strip_prefix('"')
            .ok_or_else(|| format!("`\"` or `ALL` is missing before `{rest}`"))?;
        let (pattern, behind) = quoted
            .split_once('"')
            .ok_or_else(|| "a quote is not closed".to_owned())?;
        let flags = posix::Flags {
            ignore_case: true,
            lines: false,
        };
        list.push(posix::compile(pattern.as_bytes(), flags)?);
        *rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => *rest = more.trim_start(),
            None => return Ok(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, left: &str, right: &str) -> bool {
        Rules::parse(text.as_bytes())
            .unwrap()
            .holds(left.as_bytes(), right.as_bytes())
    }

    #[test]
    fn a_rule_matches_both_sides() {
        let text = "# who\n\n\"^sip:(alice|bob)@a\\.com$\", \"^sip:.*@b\\.com$\" : ALL EXCEPT \"^sip:00\", \"^sip:900\" # far\n";
        assert!(holds(text, "sip:Alice@a.com", "sip:1@x"));
        assert!(holds(text, "sip:carol@b.com", "sip:1@x"));
        assert!(!holds(text, "sip:carol@a.com", "sip:1@x"));
        assert!(!holds(text, "sip:alice@a.com", "sip:0049@x"));
        assert!(!holds(text, "sip:alice@a.com", "sip:9001@x"));
        assert!(holds("ALL : ALL", "", ""));
        assert!(!holds("", "sip:a@b", "sip:a@b"));
    }

    #[test]
    fn what_is_no_rule_is_named_with_its_line() {
        let wrong = |text: &str| Rules::parse(text.as_bytes()).unwrap_err();
        assert_eq!(wrong("\nALL"), "line 2: `:` is missing before ``");
        assert_eq!(
            wrong("ALL : sip"),
            "line 1: `\"` or `ALL` is missing before `sip`"
        );
        assert_eq!(wrong("\"a : ALL"), "line 1: a quote is not closed");
        assert_eq!(wrong("ALL : ALL ALL"), "line 1: `ALL` is left over");
        assert!(wrong("\"(\" : ALL").starts_with("line 1: "));
    }
}
