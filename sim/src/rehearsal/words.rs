//! A line of a test file in words that know their column.

use std::net::{IpAddr, SocketAddr};

use super::fault::Fault;
use super::plan::At;

/// A statement: its first line, and the indented lines below it.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub(super) file: &'a str,
    pub(super) number: usize,
    pub(super) line: &'a str,
    pub(super) below: Vec<(usize, &'a str)>,
}

/// What is left of a line.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) statement: &'a Statement<'a>,
    at: usize,
}

/// A word and where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    start: usize,
}

impl<'a> Statement<'a> {
    pub(super) fn words(&'a self) -> Words<'a> {
        Words {
            statement: self,
            at: 0,
        }
    }

    pub(super) fn at(&self) -> At {
        At {
            line: self.number,
            column: 1,
            width: self.line.trim_end().len(),
        }
    }

    /// A fault in one of the lines below.
    pub(super) fn fault_below(
        &self,
        (number, line): (usize, &str),
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) -> Fault {
        let lead = line.len() - line.trim_start().len();
        Fault {
            file: self.file.to_owned(),
            line: number,
            column: lead + 1,
            width: line.trim().len(),
            text: line.to_owned(),
            reason: reason.into(),
            hint: hint.into(),
            details: String::new(),
        }
    }

    /// Complains of the first line below, if there is one.
    pub(super) fn nothing_below(&self) -> Result<(), Fault> {
        match self.below.first() {
            None => Ok(()),
            Some(line) => Err(self.fault_below(
                *line,
                "an indented line belongs to the line above it, which takes none",
                "write it at the beginning of the line",
            )),
        }
    }
}

impl<'a> Words<'a> {
    pub(super) fn peek(&self) -> Option<Word<'a>> {
        let rest = &self.statement.line[self.at..];
        let lead = rest.len() - rest.trim_start().len();
        let word = rest.split_whitespace().next()?;
        Some(Word {
            text: word,
            start: self.at + lead,
        })
    }

    pub(super) fn next(&mut self) -> Option<Word<'a>> {
        let word = self.peek()?;
        self.at = word.start + word.text.len();
        Some(word)
    }

    /// The next word if it is this one.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_there = self.peek().is_some_and(|word| word.text == text);
        if is_there {
            self.next();
        }
        is_there
    }

    /// All that is left, as it was written.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = self.statement.line[self.at..].trim();
        self.at = self.statement.line.len();
        rest
    }

    pub(super) fn want(&mut self, what: &str, hint: &str) -> Result<Word<'a>, Fault> {
        match self.next() {
            Some(word) => Ok(word),
            None => Err(self.fault_at_end(format!("{what} is missing"), hint)),
        }
    }

    /// Complains of what is left.
    pub(super) fn end(&mut self, hint: &str) -> Result<(), Fault> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(self.fault(word, format!("`{}` is too much", word.text), hint)),
        }
    }

    pub(super) fn place(&self, word: Word<'_>) -> At {
        At {
            line: self.statement.number,
            column: word.start + 1,
            width: word.text.len(),
        }
    }

    pub(super) fn fault(
        &self,
        word: Word<'_>,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) -> Fault {
        Fault {
            file: self.statement.file.to_owned(),
            line: self.statement.number,
            column: word.start + 1,
            width: word.text.len(),
            text: self.statement.line.to_owned(),
            reason: reason.into(),
            hint: hint.into(),
            details: String::new(),
        }
    }

    pub(super) fn fault_at_end(&self, reason: impl Into<String>, hint: impl Into<String>) -> Fault {
        let word = Word {
            text: "",
            start: self.statement.line.trim_end().len() + 1,
        };
        self.fault(word, reason, hint)
    }

    pub(super) fn number<N: std::str::FromStr>(
        &mut self,
        what: &str,
        hint: &str,
    ) -> Result<N, Fault> {
        let word = self.want(what, hint)?;
        word.text
            .parse()
            .map_err(|_| self.fault(word, format!("`{}` is no {what}", word.text), hint))
    }

    /// `5s`, `200ms`, `2m`, `1h`.
    pub(super) fn time(&mut self) -> Result<u64, Fault> {
        const HINT: &str = "a number with its unit: 200ms, 5s, 2m, 1h";
        let word = self.want("a time", HINT)?;
        let text = word.text.trim_end_matches([',', ';']);
        time_of(text).ok_or_else(|| self.fault(word, format!("`{text}` is no time"), HINT))
    }

    /// `10.0.0.1`, `10.0.0.1:5062`, `[2001:db8::1]:5060`.
    pub(super) fn address(&mut self) -> Result<SocketAddr, Fault> {
        const HINT: &str = "an address, with its port if that is not 5060: 10.0.0.1:5062";
        let word = self.want("an address", HINT)?;
        address_of(word.text, 5060)
            .ok_or_else(|| self.fault(word, format!("`{}` is no address", word.text), HINT))
    }
}

/// An address with or without port.
pub(super) fn address_of(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(ip, port))
}

fn time_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
