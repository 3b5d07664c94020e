//! From text to tokens: script-language §2.
//!
//! Tokens are kinds and stretches of text; what a number or a string means is read when it is needed. Unknown bytes are
//! skipped with a warning, as OpenSIPS skips them: a no-break space pasted from a web page must not stop a server.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::VARIABLE_BYTES_MAX;
use crate::report::Report;
use crate::source::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Number,
    Null,
    Str,
    Variable,
    Ip4,
    Ip6,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Semicolon,
    Comma,
    Colon,
    Dot,
    Assign,
    AssignColon,
    AssignPlus,
    AssignMinus,
    AssignStar,
    AssignSlash,
    AssignPercent,
    AssignAmpersand,
    AssignPipe,
    AssignCaret,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Matches,
    NotMatches,
    ShiftLeft,
    ShiftRight,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Ampersand,
    Pipe,
    Caret,
    Tilde,
    Not,
    And,
    Or,
    End,
}

/// Splits the source. `None` if it makes no sense to go on: an open string swallows the rest.
pub(crate) fn lex(report: &mut Report<'_>) -> Option<Vec<Token>> {
    let mut lexer = Lexer {
        bytes: &report.source.bytes,
        at: 0,
        tokens: Vec::new(),
        long_string: None,
    };
    while lexer.at < lexer.bytes.len() {
        if !lexer.step(report) || report.is_full() {
            return None;
        }
    }
    let end = report.source.end();
    lexer.tokens.push(Token {
        kind: Kind::End,
        span: end,
    });
    Some(lexer.tokens)
}

struct Lexer<'s> {
    bytes: &'s [u8],
    at: usize,
    tokens: Vec<Token>,
    /// The first string that spans lines: the likely culprit when a later one does not end.
    long_string: Option<Span>,
}

/// Operators, longest first.
const OPERATORS: [(&[u8], Kind); 42] = [
    (b"<<", Kind::ShiftLeft),
    (b">>", Kind::ShiftRight),
    (b"==", Kind::Equal),
    (b"=~", Kind::Matches),
    (b"!=", Kind::NotEqual),
    (b"!~", Kind::NotMatches),
    (b"<=", Kind::LessOrEqual),
    (b">=", Kind::GreaterOrEqual),
    (b":=", Kind::AssignColon),
    (b"+=", Kind::AssignPlus),
    (b"-=", Kind::AssignMinus),
    (b"*=", Kind::AssignStar),
    (b"/=", Kind::AssignSlash),
    (b"%=", Kind::AssignPercent),
    (b"&=", Kind::AssignAmpersand),
    (b"|=", Kind::AssignPipe),
    (b"^=", Kind::AssignCaret),
    (b"&&", Kind::And),
    (b"||", Kind::Or),
    (b"(", Kind::Open),
    (b")", Kind::Close),
    (b"{", Kind::OpenBrace),
    (b"}", Kind::CloseBrace),
    (b"[", Kind::OpenBracket),
    (b"]", Kind::CloseBracket),
    (b";", Kind::Semicolon),
    (b",", Kind::Comma),
    (b":", Kind::Colon),
    (b".", Kind::Dot),
    (b"=", Kind::Assign),
    (b"<", Kind::Less),
    (b">", Kind::Greater),
    (b"+", Kind::Plus),
    (b"-", Kind::Minus),
    (b"*", Kind::Star),
    (b"/", Kind::Slash),
    (b"%", Kind::Percent),
    (b"&", Kind::Ampersand),
    (b"|", Kind::Pipe),
    (b"^", Kind::Caret),
    (b"~", Kind::Tilde),
    (b"!", Kind::Not),
];

impl Lexer<'_> {
    /// One token, blank or comment. False stops.
    fn step(&mut self, report: &mut Report<'_>) -> bool {
        let rest = &self.bytes[self.at..];
        match rest[0] {
            b' ' | b'\t' | b'\r' | b'\n' | 0x08 => self.at += 1,
            b'\\' if rest.get(1) == Some(&b'\n') => self.at += 2,
            b'\\' if rest.starts_with(b"\\\r\n") => self.at += 3,
            b'#' => {
                self.at += rest
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(rest.len())
            }
            b'/' if rest.get(1) == Some(&b'*') => return self.comment(report),
            b'"' | b'\'' => return self.string(report),
            b'$' => self.variable(report),
            _ if self.address() => {}
            byte if byte.is_ascii_alphabetic() => self.word(),
            byte if byte.is_ascii_digit() => self.number(),
            _ => self.operator(report),
        }
        true
    }

    fn push(&mut self, kind: Kind, len: usize) {
        let span = Span::new(self.at, self.at + len);
        self.tokens.push(Token { kind, span });
        self.at += len;
    }

    fn comment(&mut self, report: &mut Report<'_>) -> bool {
        let start = self.at;
        let mut depth = 0usize;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return true;
                }
            } else {
                self.at += 1;
            }
        }
        let hint = match depth {
            1 => "add `*/`".to_owned(),
            _ => format!("comments nest: each `/*` inside needs its own `*/`; {depth} are missing"),
        };
        report.error_with(
            Span::new(start, start + 2),
            "this comment is not closed",
            hint,
        );
        false
    }

    fn string(&mut self, report: &mut Report<'_>) -> bool {
        let quote = self.bytes[self.at];
        let mut end = self.at + 1;
        loop {
            match self.bytes.get(end) {
                None => {
                    let whole = Span::new(self.at, self.at + 1);
                    let span = self.long_string.unwrap_or(whole);
                    let hint = "a quote is missing on this line or on one before it";
                    report.error_with(span, "this string is not closed", hint);
                    return false;
                }
                // Both bytes of an escape belong to the string, also `\"`.
                Some(b'\\') if quote == b'"' => end += 2,
                Some(byte) if *byte == quote => break,
                Some(_) => end += 1,
            }
        }
        if self.long_string.is_none() && self.bytes[self.at..end].contains(&b'\n') {
            self.long_string = Some(Span::new(self.at, end + 1));
        }
        self.push(Kind::Str, end + 1 - self.at);
        true
    }

    /// Script-language §2.2: up to a terminator outside parentheses, or behind the first closed parenthesis.
    fn variable(&mut self, report: &mut Report<'_>) {
        let rest = &self.bytes[self.at + 1..];
        let mut depth = 0usize;
        let mut len = None;
        for (index, byte) in rest.iter().enumerate().take(VARIABLE_BYTES_MAX) {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => {
                    len = Some(index + 1);
                    break;
                }
                b')' if depth > 1 => depth -= 1,
                b')' => {
                    len = Some(index);
                    break;
                }
                b' ' | b'\t' | b'\r' | b'\n' | 0x08 | b';' | b',' | b'=' | b'<' | b'>' | b'!'
                | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'~'
                    if depth == 0 =>
                {
                    len = Some(index);
                    break;
                }
                _ => {}
            }
        }
        let len = match len {
            Some(len) => len,
            None => {
                let line = rest
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(rest.len());
                let span = Span::new(self.at, self.at + 1 + line.min(40));
                report.error_with(
                    span,
                    "the parenthesis of this variable is not closed",
                    "add `)`",
                );
                line
            }
        };
        if len == 0 {
            let span = Span::new(self.at, self.at + 1);
            match rest.first() {
                Some(b'<') => {
                    let hint = "in code the context stands in parentheses: `$(<reply>rs)`";
                    report.error_with(span, "a variable without a name", hint);
                }
                _ => report.error(span, "a variable without a name"),
            }
        }
        self.push(Kind::Variable, len + 1);
    }

    /// IPv4 and IPv6 addresses, before words and numbers take their beginning.
    fn address(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        if !(rest[0].is_ascii_hexdigit() || rest.starts_with(b"::")) {
            return false;
        }
        let in_address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let len = rest.iter().take(48).take_while(in_address).count();
        let (run, next) = rest.split_at(len);
        let next = next.first().copied().unwrap_or(b'\n');
        if run.contains(&b':') {
            // A longer word is not an address: `default:`, `cafe::bar`. A trailing colon or dot is not part of it.
            let text = std::str::from_utf8(run).unwrap_or_default();
            if !next.is_ascii_alphanumeric() && next != b'_' && text.parse::<Ipv6Addr>().is_ok() {
                self.push(Kind::Ip6, len);
                return true;
            }
        }
        let digits = rest
            .iter()
            .take(16)
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count();
        let text = std::str::from_utf8(&rest[..digits]).unwrap_or_default();
        let next = rest.get(digits).copied().unwrap_or(b'\n');
        if !next.is_ascii_alphabetic() && text.parse::<Ipv4Addr>().is_ok() {
            self.push(Kind::Ip4, digits);
            return true;
        }
        false
    }

    fn word(&mut self) {
        let rest = &self.bytes[self.at..];
        let len = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let kind = match &rest[..len] {
            // The operators in letters, as the words of sockets, have two spellings.
            b"and" | b"AND" => Kind::And,
            b"or" | b"OR" => Kind::Or,
            b"not" | b"NOT" => Kind::Not,
            b"null" | b"NULL" => Kind::Null,
            b"yes" | b"true" | b"on" | b"enable" | b"no" | b"false" | b"off" | b"disable" => {
                Kind::Number
            }
            _ => Kind::Ident,
        };
        self.push(kind, len);
    }

    /// A number, or what begins like one; whether it is one is asked where it is used.
    fn number(&mut self) {
        let rest = &self.bytes[self.at..];
        let len = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        self.push(Kind::Number, len);
    }

    fn operator(&mut self, report: &mut Report<'_>) {
        let rest = &self.bytes[self.at..];
        if let Some((text, kind)) = OPERATORS.iter().find(|(text, _)| rest.starts_with(text)) {
            return self.push(*kind, text.len());
        }
        let known =
            |byte: &u8| byte.is_ascii() && (byte.is_ascii_alphanumeric() || is_known(*byte));
        let len = rest.iter().position(known).unwrap_or(rest.len()).max(1);
        let span = Span::new(self.at, self.at + len);
        let is_name = rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
        if is_name && rest[..len].iter().all(|byte| *byte == b'_') {
            let hint = "a name begins with a letter; with `_` before it, it stands in quotes";
            report.warn(
                span,
                "a `_` before a name is skipped",
                Some(hint.to_owned()),
            );
        } else {
            report.warn(span, "bytes that mean nothing are skipped", None);
        }
        self.at += len;
    }
}

fn is_known(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | 0x08 | b'#' | b'"' | b'\'' | b'$' | b'\\'
    ) || OPERATORS.iter().any(|(text, _)| text[0] == byte)
}

/// The value of a NUMBER token: decimal, hexadecimal, octal, or a word for 1 or 0. Hexadecimal fills all 32 bits.
pub(crate) fn parse_number(text: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?;
    match text {
        "yes" | "true" | "on" | "enable" => Some(1),
        "no" | "false" | "off" | "disable" => Some(0),
        "0" => Some(0),
        _ => {
            if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                return u32::from_str_radix(hex, 16).ok().map(u32::cast_signed);
            }
            if let Some(octal) = text.strip_prefix('0') {
                return i32::from_str_radix(octal, 8).ok();
            }
            // 2147483648 is written with a minus before it.
            text.parse::<u32>()
                .ok()
                .filter(|number| *number <= 1 << 31)
                .map(u32::cast_signed)
        }
    }
}
