//! Variables and format strings: script-language §8.1 and §7.8.
//!
//! Takes them apart; what the names mean is looked up in lowering. Variables nest (`$avp($var(n))`), so every rule knows
//! its depth.

use crate::limits::NESTING_MAX;
use crate::program::Context;
use crate::report::Report;
use crate::source::Span;
use crate::text::Text;

/// A variable as it is written.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) span: Span,
    pub(crate) context: Context,
    pub(crate) name: String,
    pub(crate) sub: Option<Sub>,
    pub(crate) index: Option<Index>,
    pub(crate) transforms: Vec<Transform>,
}

/// The name in parentheses.
#[derive(Debug)]
pub(crate) enum Sub {
    Text(Vec<u8>),
    /// With at least one variable.
    Parts(Vec<Part>),
}

#[derive(Debug)]
pub(crate) enum Index {
    At(i32),
    All,
    Append,
    Variable(Box<Variable>),
}

#[derive(Debug)]
pub(crate) struct Transform {
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) params: Vec<Param>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Param {
    Text(Text),
    Variable(Variable),
}

/// A part of a format string.
#[derive(Debug)]
pub(crate) enum Part {
    Text(Vec<u8>),
    Variable(Variable),
}

/// Reads a variable token of code. `None`: reported.
pub(crate) fn token(span: Span, report: &mut Report<'_>) -> Option<Variable> {
    let text = Text::plain(report.source.text(span), span);
    let (variable, end) = Reader {
        text: &text,
        at: 0,
        depth: 0,
    }
    .variable(report)?;
    if end < text.bytes.len() {
        let tail = text.span_of(end, text.bytes.len());
        let hint =
            "transformations and indices work in parentheses only: `$(name{s.len})`".to_owned();
        report.warn(
            tail,
            "this does nothing: the variable ends before it",
            Some(hint),
        );
    }
    Some(variable)
}

/// Reads a format string. `None`: reported.
pub(crate) fn format(text: &Text, depth: usize, report: &mut Report<'_>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut plain: Vec<u8> = Vec::new();
    let mut at = 0;
    let mut broken = false;
    while at < text.bytes.len() {
        let rest = &text.bytes[at..];
        let run = rest
            .iter()
            .position(|byte| *byte == b'$')
            .unwrap_or(rest.len());
        plain.extend_from_slice(&rest[..run]);
        at += run;
        if at == text.bytes.len() {
            break;
        }
        if text.bytes.get(at + 1) == Some(&b'$') {
            plain.push(b'$');
            at += 2;
            continue;
        }
        match (Reader { text, at, depth }).variable(report) {
            Some((variable, end)) => {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Variable(variable));
                at = end;
            }
            None => {
                broken = true;
                at += 1;
            }
        }
        if report.is_full() {
            return None;
        }
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    (!broken).then_some(parts)
}

struct Reader<'t> {
    text: &'t Text,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    /// A variable at its `$`, and where it ends.
    fn variable(mut self, report: &mut Report<'_>) -> Option<(Variable, usize)> {
        let start = self.at;
        if self.depth >= NESTING_MAX {
            report.error(
                self.here(),
                format!("variables nested deeper than {NESTING_MAX} levels"),
            );
            return None;
        }
        self.at += 1;
        let variable = match self.byte() {
            Some(b'(') => {
                self.at += 1;
                let variable = self.full(start, report)?;
                if self.byte() != Some(b')') {
                    let span = self.text.span_of(start, self.at);
                    report.error_with(
                        span,
                        "the parenthesis of this variable is not closed",
                        "add `)`",
                    );
                    return None;
                }
                self.at += 1;
                variable
            }
            Some(b'$') => {
                self.at += 1;
                self.named("$".into(), start)
            }
            _ => self.simple(start, report)?,
        };
        let span = self.text.span_of(start, self.at);
        Some((Variable { span, ..variable }, self.at))
    }

    fn named(&self, name: String, start: usize) -> Variable {
        let span = self.text.span_of(start, self.at);
        Variable {
            span,
            context: Context::Current,
            name,
            sub: None,
            index: None,
            transforms: Vec::new(),
        }
    }

    /// `["<" ctx ">"] name [ "(" subname ")" ]`.
    fn simple(&mut self, start: usize, report: &mut Report<'_>) -> Option<Variable> {
        let context = self.context(report)?;
        let from = self.at;
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        {
            self.at += 1;
        }
        // A full stop after a variable ends a sentence: "to $ru."
        while self.at > from && self.text.bytes[self.at - 1] == b'.' {
            self.at -= 1;
        }
        let name = String::from_utf8_lossy(&self.text.bytes[from..self.at]).into_owned();
        if name.is_empty() {
            let hint = "`$$` prints one `$`; a variable is `$name`, `$name(x)` or `$(name)`";
            report.error_with(
                self.text.span_of(start, self.at.max(start + 1)),
                "`$` without the name of a variable",
                hint,
            );
            return None;
        }
        let mut variable = self.named(name, start);
        variable.context = context;
        if self.byte() == Some(b'(') {
            variable.sub = Some(self.sub_name(report)?);
        }
        Some(variable)
    }

    /// The same with index and transformations.
    fn full(&mut self, start: usize, report: &mut Report<'_>) -> Option<Variable> {
        let mut variable = self.simple(start, report)?;
        if self.byte() == Some(b'[') {
            variable.index = Some(self.index(report)?);
        }
        loop {
            self.blanks();
            if self.byte() != Some(b'{') {
                break;
            }
            let transform = self.transform(report)?;
            variable.transforms.push(transform);
        }
        Some(variable)
    }

    fn context(&mut self, report: &mut Report<'_>) -> Option<Context> {
        if self.byte() != Some(b'<') {
            return Some(Context::Current);
        }
        let rest = &self.text.bytes[self.at..];
        for (word, context) in [
            (&b"<request>"[..], Context::Request),
            (b"<reply>", Context::Reply),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Some(context);
            }
        }
        report.error_with(self.here(), "unknown context", "it is <request> or <reply>");
        None
    }

    fn sub_name(&mut self, report: &mut Report<'_>) -> Option<Sub> {
        let open = self.at;
        let end = self.matching(b'(', b')', report)?;
        let inner = self.text.slice(open + 1, end);
        self.at = end + 1;
        if !inner.bytes.contains(&b'$') {
            return Some(Sub::Text(inner.bytes));
        }
        let parts = format(&inner, self.depth + 1, report)?;
        // `$$` makes a name without variables.
        match parts.as_slice() {
            [Part::Text(text)] => Some(Sub::Text(text.clone())),
            _ => Some(Sub::Parts(parts)),
        }
    }

    fn index(&mut self, report: &mut Report<'_>) -> Option<Index> {
        let open = self.at;
        let end = self.matching(b'[', b']', report)?;
        let inner = self.text.slice(open + 1, end);
        self.at = end + 1;
        let text = inner.lossy();
        match text.as_str() {
            "*" => return Some(Index::All),
            "append" => return Some(Index::Append),
            _ => {}
        }
        if inner.bytes.starts_with(b"$") {
            let (variable, read) = Reader {
                text: &inner,
                at: 0,
                depth: self.depth + 1,
            }
            .variable(report)?;
            if read == inner.bytes.len() {
                return Some(Index::Variable(Box::new(variable)));
            }
        } else if let Ok(index) = text.parse() {
            return Some(Index::At(index));
        }
        report.error_with(
            inner.span,
            format!("`{text}` is not an index"),
            "a number, `*`, `append` or a variable",
        );
        None
    }

    /// The closing partner of the byte here.
    fn matching(&self, open: u8, close: u8, report: &mut Report<'_>) -> Option<usize> {
        let mut depth = 0usize;
        for (index, byte) in self.text.bytes[self.at..].iter().enumerate() {
            if *byte == open {
                depth += 1;
            } else if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return Some(self.at + index);
                }
            }
        }
        let close = char::from(close);
        report.error_with(
            self.here(),
            format!("`{}` is not closed", char::from(open)),
            format!("add `{close}`"),
        );
        None
    }

    /// `{class.op,param,...}`.
    fn transform(&mut self, report: &mut Report<'_>) -> Option<Transform> {
        let start = self.at;
        self.at += 1;
        self.blanks();
        let from = self.at;
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        {
            self.at += 1;
        }
        let whole = String::from_utf8_lossy(&self.text.bytes[from..self.at]).into_owned();
        let Some((class, name)) = whole.split_once('.') else {
            let hint = "it is a class and an operation: `{s.len}`";
            report.error_with(
                self.text.span_of(start, self.at),
                "not a transformation",
                hint,
            );
            return None;
        };
        let (class, name) = (class.to_ascii_lowercase(), name.to_ascii_lowercase());
        let mut params = Vec::new();
        loop {
            self.blanks();
            match self.byte() {
                Some(b'}') => break,
                Some(b',') => {
                    self.at += 1;
                    let param = self.param(&class, &name, params.len(), report)?;
                    params.push(param);
                }
                _ => {
                    report.error_with(
                        self.text.span_of(start, self.at),
                        "this transformation is not closed",
                        "add `}`",
                    );
                    return None;
                }
            }
        }
        self.at += 1;
        Some(Transform {
            class,
            name,
            params,
            span: self.text.span_of(start, self.at),
        })
    }

    fn param(
        &mut self,
        class: &str,
        name: &str,
        index: usize,
        report: &mut Report<'_>,
    ) -> Option<Param> {
        let bytes = &self.text.bytes;
        // `{s.select,0,,}`: the separator is any one character, also a comma or a brace.
        if (class, name, index) == ("s", "select", 1) && bytes.get(self.at + 1) == Some(&b'}') {
            let text = self.text.slice(self.at, self.at + 1);
            self.at += 1;
            return Some(Param::Text(text));
        }
        if (class, name, index) == ("re", "subst", 0) {
            self.blanks();
            return self.substitution(report);
        }
        self.blanks();
        if self.byte() == Some(b'$') {
            let (variable, end) = Reader {
                text: self.text,
                at: self.at,
                depth: self.depth + 1,
            }
            .variable(report)?;
            self.at = end;
            return Some(Param::Variable(variable));
        }
        let start = self.at;
        let mut unescaped = Vec::new();
        while let Some(byte) = self.byte() {
            match byte {
                b',' | b'}' => break,
                b'\\' if matches!(bytes.get(self.at + 1), Some(b',' | b'}')) => {
                    self.at += 1;
                    unescaped.push(bytes[self.at]);
                }
                other => unescaped.push(other),
            }
            self.at += 1;
        }
        let mut text = self.text.slice(start, self.at);
        if text.bytes != unescaped {
            text = Text::plain(&unescaped, text.span);
        }
        Some(Param::Text(text))
    }

    /// `/expression/replacement/flags`, any delimiter; taken whole.
    fn substitution(&mut self, report: &mut Report<'_>) -> Option<Param> {
        let start = self.at;
        let delimiter = self.byte()?;
        let mut seen = 0;
        while let Some(byte) = self.byte() {
            self.at += 1;
            match byte {
                b'\\' if self.byte().is_some() => self.at += 1,
                byte if byte == delimiter => {
                    seen += 1;
                    if seen == 3 {
                        break;
                    }
                }
                _ => {}
            }
        }
        if seen < 3 {
            let hint = "it is `/expression/replacement/flags`";
            report.error_with(
                self.text.span_of(start, self.at),
                "this substitution is not closed",
                hint,
            );
            return None;
        }
        while self.byte().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        Some(Param::Text(self.text.slice(start, self.at)))
    }

    fn byte(&self) -> Option<u8> {
        self.text.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self
            .byte()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        {
            self.at += 1;
        }
    }

    fn here(&self) -> Span {
        self.text.span_of(self.at, self.at + 1)
    }
}

/// The three parts of `/expression/replacement/flags`.
pub(crate) struct SubstitutionText {
    pub(crate) regex: Vec<u8>,
    pub(crate) replacement: Text,
    pub(crate) flags: Vec<u8>,
}

/// The expression of a substitution with both its delimiters, and what follows: where its variables are. Without a
/// second delimiter nothing follows.
pub(crate) fn split_expression(text: &Text) -> (&[u8], Text) {
    let mut at = 1;
    while at < text.bytes.len() && text.bytes[at] != text.bytes[0] {
        at += if text.bytes[at] == b'\\' { 2 } else { 1 };
    }
    let end = (at + 1).min(text.bytes.len());
    (&text.bytes[..end], text.slice(end, text.bytes.len()))
}

/// Takes a substitution apart; `None` if it is not one.
pub(crate) fn split_substitution(text: &Text) -> Option<SubstitutionText> {
    let delimiter = *text.bytes.first()?;
    let mut ends = Vec::new();
    let mut at = 1;
    while at < text.bytes.len() && ends.len() < 2 {
        match text.bytes[at] {
            b'\\' => at += 1,
            byte if byte == delimiter => ends.push(at),
            _ => {}
        }
        at += 1;
    }
    let [first, second] = ends.as_slice() else {
        return None;
    };
    // An escaped delimiter is the delimiter.
    let mut regex = Vec::new();
    let mut rest = &text.bytes[1..*first];
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'\\' && after.first() == Some(&delimiter) {
            continue;
        }
        regex.push(*byte);
        if let (b'\\', Some((next, after))) = (byte, after.split_first()) {
            regex.push(*next);
            rest = after;
        }
    }
    Some(SubstitutionText {
        regex,
        replacement: text.slice(first + 1, *second),
        flags: text.bytes[second + 1..].to_vec(),
    })
}
