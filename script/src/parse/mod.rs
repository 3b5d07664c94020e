//! From tokens to a tree: the grammar of script-language §3.
//!
//! One function per rule, each moving forward only. A rule that fails has reported why; statements and blocks are where
//! parsing finds its feet again, so that one run shows more than the first mistake.

mod command;
mod expression;
mod global;
mod socket;
mod statement;

pub(crate) use self::global::names as global_names;
pub(crate) use self::socket::PROTOCOLS;
use crate::ast::{ModParam, ModValue, Route, RouteName};
use crate::catalog::RouteKind;
use crate::globals::Globals;
use crate::lex::{Kind, Token, parse_number};
use crate::limits::NESTING_MAX;
use crate::report::Report;
use crate::source::Span;
use crate::text::Text;

/// What a script says, before any name is looked up.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) modules: Vec<Text>,
    pub(crate) modparams: Vec<ModParam>,
    pub(crate) globals: Globals,
    /// Every global parameter that is set, and every option of a socket or alias, for the check that it does something.
    pub(crate) settings: Vec<Setting>,
    /// Protocols that sockets use, for the check that something provides them.
    pub(crate) protocols: Vec<(String, Span)>,
    /// Scaling profiles that something names.
    pub(crate) profiles_used: Vec<(String, Span)>,
    pub(crate) routes: Vec<Route>,
}

/// A global parameter as it is set, by today's name; an option of one as `socket/tag`.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// Its value, if that is a number.
    pub(crate) number: Option<i32>,
    pub(crate) span: Span,
}

/// The rule failed; the reason was reported.
#[derive(Debug)]
struct Failed;

type Parsed<T> = Result<T, Failed>;

/// Parses the whole script. Errors are in the report; what could be understood is returned anyway.
pub(crate) fn parse(tokens: &[Token], report: &mut Report<'_>) -> Script {
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        breakable: 0,
        report,
        script: Script::default(),
    };
    parser.script();
    parser.script
}

struct Parser<'p, 's> {
    tokens: &'p [Token],
    at: usize,
    depth: usize,
    /// Loops and switches around the statement: where `break` may stand.
    breakable: usize,
    report: &'p mut Report<'s>,
    script: Script,
}

impl<'s> Parser<'_, 's> {
    fn script(&mut self) {
        while self.kind() != Kind::End && !self.report.is_full() {
            if self.take(Kind::Semicolon).is_some() {
                continue;
            }
            let before = self.at;
            if self.statement_at_top().is_err() {
                self.skip_to_top();
                if self.at == before {
                    self.advance();
                }
            }
        }
    }

    fn statement_at_top(&mut self) -> Parsed<()> {
        if self.kind() != Kind::Ident {
            let found = self.describe();
            let hint = match self.kind() {
                Kind::CloseBrace => "a block before this line is closed once too often",
                _ => "here stand `loadmodule`, `modparam`, global parameters and routes",
            };
            self.report
                .error_with(self.span(), format!("{found} outside of any route"), hint);
            return Err(Failed);
        }
        let word = self.word();
        if let Some(kind) = RouteKind::ALL
            .into_iter()
            .find(|kind| kind.word().as_bytes() == word)
        {
            return self.route(kind);
        }
        match word {
            b"loadmodule" => self.load_module(),
            b"modparam" => self.modparam(),
            b"include_file" | b"import_file" => {
                let hint = "write the word and a quoted path first on a line of their own";
                self.report
                    .error_with(self.span(), "an include without a path in quotes", hint);
                Err(Failed)
            }
            _ => self.global(),
        }
    }

    fn load_module(&mut self) -> Parsed<()> {
        self.advance();
        let path = self.string("the name of the module in quotes")?;
        self.script.modules.push(path);
        Ok(())
    }

    fn modparam(&mut self) -> Parsed<()> {
        let start = self.span();
        self.advance();
        self.expect(Kind::Open, "`(` after modparam")?;
        let modules = self.string("the name of the module in quotes")?;
        self.expect(Kind::Comma, "`,` after the module")?;
        let name = self.string("the name of the parameter in quotes")?;
        self.expect(Kind::Comma, "`,` after the name of the parameter")?;
        let value = match self.kind() {
            Kind::Str => ModValue::Text(self.strings("a value")?),
            Kind::Ident => return self.bare_word("a value is a number or a string"),
            _ => {
                let span = self.span();
                let number = self.signed_number("a value: a number or a string")?;
                ModValue::Number(number, span.to(self.previous()))
            }
        };
        self.expect(Kind::Close, "`)` after the value")?;
        let span = start.to(self.previous());
        self.script.modparams.push(ModParam {
            modules,
            name,
            value,
            span,
        });
        Ok(())
    }

    fn route(&mut self, kind: RouteKind) -> Parsed<()> {
        let start = self.span();
        self.advance();
        let mut name = Vec::new();
        let mut interval = 0;
        let word = kind.word();
        match kind {
            RouteKind::Request | RouteKind::Reply if self.kind() != Kind::OpenBracket => {}
            RouteKind::Error | RouteKind::Local | RouteKind::Startup => {
                if self.kind() == Kind::OpenBracket {
                    self.report
                        .error(self.span(), format!("`{word}` takes no name"));
                    return Err(Failed);
                }
            }
            _ => {
                self.expect(Kind::OpenBracket, &format!("`[` and a name after `{word}`"))?;
                name = self.route_name()?.name;
                if kind == RouteKind::Timer {
                    self.expect(Kind::Comma, "`,` and the seconds between two runs")?;
                    let span = self.span();
                    let seconds = self.signed_number("the seconds between two runs")?;
                    match u32::try_from(seconds).ok().filter(|seconds| *seconds > 0) {
                        Some(seconds) => interval = seconds,
                        None => self
                            .report
                            .error(span, "a timer route runs every second or less often"),
                    }
                }
                self.expect(Kind::CloseBracket, "`]` after the name")?;
            }
        }
        // Any zero names the main route.
        if kind == RouteKind::Request && name == b"0" {
            name.clear();
        }
        let span = start.to(self.previous());
        let open = self.expect(Kind::OpenBrace, "`{` and the actions of the route")?;
        self.breakable = 0;
        let body = self.block(open);
        self.script.routes.push(Route {
            kind,
            name,
            interval,
            body,
            span,
        });
        Ok(())
    }

    /// `rname`: a word, a number or a string.
    fn route_name(&mut self) -> Parsed<RouteName> {
        let span = self.span();
        let name = match self.kind() {
            Kind::Str => self.string("")?.bytes,
            Kind::Number => self.signed_number("")?.to_string().into_bytes(),
            Kind::Ident | Kind::And | Kind::Or | Kind::Not | Kind::Null if self.word() != b"!" => {
                let name = self.word().to_vec();
                self.advance();
                name
            }
            _ => return self.expected("the name of a route"),
        };
        if matches!(self.kind(), Kind::Minus | Kind::Dot) {
            let hint = "names with other characters than letters, digits and `_` stand in quotes";
            self.report
                .error_with(self.span(), "the name of a route ends here", hint);
            return Err(Failed);
        }
        Ok(RouteName { name, span })
    }

    /// After an error outside of a block: to the next line that begins something.
    fn skip_to_top(&mut self) {
        let mut depth = 0usize;
        while self.kind() != Kind::End {
            match self.kind() {
                Kind::OpenBrace => depth += 1,
                Kind::CloseBrace => depth = depth.saturating_sub(1),
                _ if self.opens_top(self.at) => return,
                // Whatever begins a line outside of braces begins a statement.
                Kind::Ident if depth == 0 && self.is_first_on_line(self.at) => return,
                _ => {}
            }
            self.advance();
        }
    }

    /// Does a route, `loadmodule` or `modparam` begin at this token? `route(x)` is a call and does not.
    fn opens_top(&self, at: usize) -> bool {
        let kind_at = |at: usize| self.tokens.get(at).map_or(Kind::End, |token| token.kind);
        if kind_at(at) != Kind::Ident || !self.is_first_on_line(at) {
            return false;
        }
        let word = self.report.source.text(self.tokens[at].span);
        match word {
            b"loadmodule" => kind_at(at + 1) == Kind::Str,
            b"modparam" => kind_at(at + 1) == Kind::Open,
            _ => {
                RouteKind::ALL
                    .into_iter()
                    .any(|kind| kind.word().as_bytes() == word)
                    && matches!(kind_at(at + 1), Kind::OpenBrace | Kind::OpenBracket)
            }
        }
    }

    fn is_first_on_line(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).and_then(|before| self.tokens.get(before)) else {
            return true;
        };
        let between = Span {
            start: before.span.end,
            end: self.tokens[at].span.start,
        };
        self.report.source.text(between).contains(&b'\n')
    }

    fn token(&self) -> Token {
        // The last token is the end and is never passed.
        self.tokens.get(self.at).copied().unwrap_or(Token {
            kind: Kind::End,
            span: self.report.source.end(),
        })
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn peek(&self, ahead: usize) -> Kind {
        self.tokens
            .get(self.at + ahead)
            .map_or(Kind::End, |token| token.kind)
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// The token before this one.
    fn previous(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(Span::default(), |token| token.span)
    }

    fn word(&self) -> &'s [u8] {
        self.report.source.text(self.span())
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind() == Kind::Ident && self.word() == word.as_bytes()
    }

    fn advance(&mut self) {
        if self.kind() != Kind::End {
            self.at += 1;
        }
    }

    fn take(&mut self, kind: Kind) -> Option<Span> {
        let token = self.token();
        (token.kind == kind).then(|| {
            self.advance();
            token.span
        })
    }

    fn expect(&mut self, kind: Kind, what: &str) -> Parsed<Span> {
        match self.take(kind) {
            Some(span) => Ok(span),
            None => self.expected(what),
        }
    }

    /// Reports that something else was expected here.
    fn expected<T>(&mut self, what: &str) -> Parsed<T> {
        // Outside of routes a line ends what it says: the next one is not what is wrong.
        if self.depth == 0 && self.at > 0 && self.is_first_on_line(self.at) {
            let here = self.previous().after();
            self.report
                .error(here, format!("expected {what}, found the end of the line"));
            return Err(Failed);
        }
        let found = self.describe();
        self.report
            .error(self.span(), format!("expected {what}, found {found}"));
        Err(Failed)
    }

    fn bare_word<T>(&mut self, what: &str) -> Parsed<T> {
        let word = String::from_utf8_lossy(self.word());
        let hint = format!("{what}; quote it: \"{word}\"");
        self.report
            .error_with(self.span(), format!("bare word `{word}`"), hint);
        Err(Failed)
    }

    fn describe(&self) -> String {
        let text = String::from_utf8_lossy(self.word());
        match self.kind() {
            Kind::End => "the end of the script".into(),
            Kind::Str if text.len() > 30 || text.contains('\n') => "a string".into(),
            _ => format!("`{text}`"),
        }
    }

    fn string(&mut self, what: &str) -> Parsed<Text> {
        match self.kind() {
            Kind::Str => {
                let text = Text::decode(self.word(), self.span());
                self.advance();
                Ok(text)
            }
            Kind::Ident => self.bare_word(&format!("expected {what}")),
            _ => self.expected(what),
        }
    }

    /// Strings in a row are one, where the language allows a row.
    fn strings(&mut self, what: &str) -> Parsed<Text> {
        let mut text = self.string(what)?;
        while self.kind() == Kind::Str {
            let next = self.string(what)?;
            text.append(next);
        }
        Ok(text)
    }

    /// The value of a number token.
    fn number_here(&mut self) -> Parsed<i32> {
        let Some(number) = parse_number(self.word()) else {
            let reason = format!("`{}` is not a number", String::from_utf8_lossy(self.word()));
            let hint = "numbers are decimal, 0x hexadecimal or 0 octal, and fit 32 bits; names begin with a letter";
            self.report.error_with(self.span(), reason, hint);
            return Err(Failed);
        };
        self.advance();
        Ok(number)
    }

    /// `snumber`.
    fn signed_number(&mut self, what: &str) -> Parsed<i32> {
        let minus = match self.kind() {
            Kind::Minus => {
                self.advance();
                true
            }
            Kind::Plus => {
                self.advance();
                false
            }
            _ => false,
        };
        if self.kind() != Kind::Number {
            return self.expected(what);
        }
        let number = self.number_here()?;
        Ok(if minus { number.wrapping_neg() } else { number })
    }

    /// One level deeper, within the bound.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            self.report.error(
                self.span(),
                format!("nested deeper than {NESTING_MAX} levels"),
            );
            return Err(Failed);
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }
}
