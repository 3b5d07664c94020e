//! Commands: what the language knows by itself, and calls of functions.

use super::{Failed, Parsed, Parser};
use crate::ast::{Argument, ArgumentKind, Call, Command, CommandKind, Target, XlogLevel};
use crate::lex::Kind;
use crate::limits::{CALL_ARGS_MAX, ROUTE_ARGS_MAX};

impl Parser<'_, '_> {
    /// `cmd`, at its word.
    pub(super) fn command(&mut self) -> Parsed<Command> {
        self.nested(|parser| parser.command_here())
    }

    fn command_here(&mut self) -> Parsed<Command> {
        let start = self.span();
        let word = self.word();
        let has_parenthesis = self.peek(1) == Kind::Open;
        let kind = match word {
            b"drop" | b"exit" => {
                self.advance();
                if self.take(Kind::Open).is_some() {
                    self.expect(Kind::Close, "`)`")?;
                }
                if word == b"drop" {
                    CommandKind::Drop
                } else {
                    CommandKind::Exit
                }
            }
            b"return" => self.return_command()?,
            b"assert" if has_parenthesis => {
                self.advance();
                self.advance();
                let condition = self.condition()?;
                let text = match self.take(Kind::Comma) {
                    Some(_) => Some(self.string("a text")?),
                    None => None,
                };
                self.expect(Kind::Close, "`)`")?;
                CommandKind::Assert(Box::new(condition), text)
            }
            b"log" if has_parenthesis => {
                self.advance();
                self.advance();
                let level = match self.kind() {
                    Kind::Number | Kind::Minus | Kind::Plus => {
                        let level = self.signed_number("a level")?;
                        self.expect(Kind::Comma, "`,` after the level")?;
                        Some(level)
                    }
                    _ => None,
                };
                let text = self.string("a text")?;
                self.expect(Kind::Close, "`)`")?;
                CommandKind::Log { level, text }
            }
            b"error" if has_parenthesis => {
                self.advance();
                self.advance();
                let one = self.string("a text")?;
                self.expect(Kind::Comma, "`,`")?;
                let other = self.string("a text")?;
                self.expect(Kind::Close, "`)`")?;
                CommandKind::Error(one, other)
            }
            b"xlog" | b"xdbg" if has_parenthesis => self.xlog_command(word == b"xdbg")?,
            b"route" if has_parenthesis => self.route_command()?,
            b"async" if has_parenthesis => self.async_command()?,
            b"launch" if has_parenthesis => self.launch_command()?,
            _ => CommandKind::Call(self.call()?),
        };
        Ok(Command {
            kind,
            span: start.to(self.previous()),
        })
    }

    fn return_command(&mut self) -> Parsed<CommandKind> {
        self.advance();
        match self.kind() {
            Kind::Variable | Kind::Number | Kind::Minus | Kind::Plus => {
                let code = self.argument()?;
                Ok(CommandKind::Return {
                    code: Some(code),
                    values: Vec::new(),
                })
            }
            Kind::Open => {
                self.advance();
                if self.take(Kind::Close).is_some() {
                    return Ok(CommandKind::Return {
                        code: None,
                        values: Vec::new(),
                    });
                }
                let code = self.argument()?;
                if !matches!(code.kind, ArgumentKind::Variable | ArgumentKind::Number(_)) {
                    let hint = "values follow the code: `return(1, \"value\")`";
                    self.report.error_with(
                        code.span,
                        "the code must be a number or a variable",
                        hint,
                    );
                    return Err(Failed);
                }
                let values = self.more_arguments("values")?;
                Ok(CommandKind::Return {
                    code: Some(code),
                    values,
                })
            }
            _ => Ok(CommandKind::Return {
                code: None,
                values: Vec::new(),
            }),
        }
    }

    fn xlog_command(&mut self, debug: bool) -> Parsed<CommandKind> {
        self.advance();
        self.advance();
        let start = self.at;
        let mut text = self.strings("a text")?;
        let mut level = if debug {
            XlogLevel::Debug
        } else {
            XlogLevel::Default
        };
        if !debug && self.take(Kind::Comma).is_some() {
            if self.at - start > 2 {
                self.report.error(text.span, "the level is one string");
                return Err(Failed);
            }
            let first = std::mem::replace(&mut text, self.strings("a text")?);
            level = XlogLevel::Written(first);
        }
        self.expect(Kind::Close, "`)` after the text")?;
        Ok(CommandKind::Xlog { level, text })
    }

    fn route_command(&mut self) -> Parsed<CommandKind> {
        self.advance();
        self.advance();
        let target = match self.kind() {
            Kind::Variable => {
                let span = self.span();
                self.advance();
                Target::Variable(span)
            }
            Kind::Str => Target::Text(self.string("the name of a route")?),
            _ => Target::Name(self.route_name()?),
        };
        let args = self.more_arguments("parameters")?;
        Ok(CommandKind::Route { target, args })
    }

    /// `{ "," value } ")"` of `route` and `return`.
    fn more_arguments(&mut self, what: &str) -> Parsed<Vec<Argument>> {
        let mut args = Vec::new();
        while self.take(Kind::Comma).is_some() {
            let arg = self.argument()?;
            if args.len() == ROUTE_ARGS_MAX {
                self.report
                    .error(arg.span, format!("more than {ROUTE_ARGS_MAX} {what}"));
            }
            if matches!(arg.kind, ArgumentKind::Omitted) {
                return self.expected("a value");
            }
            args.push(arg);
        }
        args.truncate(ROUTE_ARGS_MAX);
        self.expect(Kind::Close, "`,` or `)`")?;
        Ok(args)
    }

    fn async_command(&mut self) -> Parsed<CommandKind> {
        self.advance();
        self.advance();
        let call = self.inner_call()?;
        self.expect(Kind::Comma, "`,` and the route that goes on afterwards")?;
        let route = self.route_name()?;
        let timeout = match self.take(Kind::Comma) {
            Some(_) => Some(self.signed_number("a time in seconds")?),
            None => None,
        };
        self.expect(Kind::Close, "`)`")?;
        Ok(CommandKind::Async {
            call,
            route,
            timeout,
        })
    }

    fn launch_command(&mut self) -> Parsed<CommandKind> {
        self.advance();
        self.advance();
        let call = self.inner_call()?;
        let mut route = None;
        let mut param = None;
        if self.take(Kind::Comma).is_some() {
            route = Some(self.route_name()?);
            if self.take(Kind::Comma).is_some() {
                param = Some(self.string("a text")?);
            }
        }
        self.expect(Kind::Close, "`)`")?;
        Ok(CommandKind::Launch { call, route, param })
    }

    fn inner_call(&mut self) -> Parsed<Call> {
        if self.kind() != Kind::Ident {
            return self.expected("a function");
        }
        self.call()
    }

    /// `call`, at its name.
    fn call(&mut self) -> Parsed<Call> {
        let name = self.span();
        self.advance();
        if self.kind() != Kind::Open {
            let word = String::from_utf8_lossy(self.report.source.text(name)).into_owned();
            let hint = match self.kind() {
                Kind::Assign => "global parameters stand outside of routes",
                _ if word == "continue" => {
                    "there is none: put what follows into an `if`, or leave with `break`"
                }
                _ => "a function is called with parentheses: `name()`",
            };
            self.report
                .error_with(name, format!("bare word `{word}`"), hint);
            return Err(Failed);
        }
        self.advance();
        let mut args = Vec::new();
        if self.take(Kind::Close).is_none() {
            loop {
                let arg = self.argument()?;
                if args.len() == CALL_ARGS_MAX {
                    self.report
                        .error(arg.span, format!("more than {CALL_ARGS_MAX} arguments"));
                }
                if matches!(arg.kind, ArgumentKind::Null) {
                    let hint =
                        "only route() and return() take NULL; assign it to a variable before";
                    self.report
                        .error_with(arg.span, "a function does not take NULL", hint);
                }
                if args.len() < CALL_ARGS_MAX {
                    args.push(arg);
                }
                if self.take(Kind::Close).is_some() {
                    break;
                }
                self.expect(Kind::Comma, "`,` or `)` after an argument")?;
            }
        }
        Ok(Call {
            name,
            args,
            span: name.to(self.previous()),
        })
    }

    /// `arg`, `rarg`, `retval`: a literal, a variable, or nothing.
    fn argument(&mut self) -> Parsed<Argument> {
        let span = self.span();
        let kind = match self.kind() {
            Kind::Comma | Kind::Close => {
                return Ok(Argument {
                    kind: ArgumentKind::Omitted,
                    span,
                });
            }
            Kind::Str => ArgumentKind::Text(self.string("a string")?),
            Kind::Number | Kind::Minus | Kind::Plus => {
                ArgumentKind::Number(self.signed_number("a number")?)
            }
            Kind::Variable => {
                self.advance();
                ArgumentKind::Variable
            }
            Kind::Null => {
                self.advance();
                ArgumentKind::Null
            }
            Kind::Ident if self.peek(1) == Kind::Open => {
                let hint = "call it before, and pass a variable";
                self.report
                    .error_with(span, "an argument cannot be a call", hint);
                return Err(Failed);
            }
            Kind::Ident => return self.bare_word("bad argument: strings stand in quotes"),
            Kind::Ip4 | Kind::Ip6 => {
                return self.bare_word("bad argument: an address stands in quotes");
            }
            _ => return self.expected("an argument"),
        };
        let span = span.to(self.previous());
        match self.kind() {
            Kind::Str => {
                self.report.error(self.span(), "a second string in a row");
                Err(Failed)
            }
            Kind::Plus
            | Kind::Minus
            | Kind::Star
            | Kind::Slash
            | Kind::Percent
            | Kind::Ampersand
            | Kind::Pipe => {
                let hint = "assign it to a variable before, or write the variables into one string: \"$var(a)$var(b)\"";
                self.report.error_with(
                    span.to(self.span()),
                    "an argument cannot be a calculation",
                    hint,
                );
                Err(Failed)
            }
            Kind::OpenBrace | Kind::OpenBracket if matches!(kind, ArgumentKind::Variable) => {
                let hint = "write it inside the parentheses: `$(var(x){s.len})`, `$(avp(x)[0])`";
                self.report
                    .error_with(self.span(), "the variable ends before this", hint);
                Err(Failed)
            }
            _ => Ok(Argument { kind, span }),
        }
    }
}
