//! Commands: calls of functions and routes, logging, and leaving.

use super::Lower;
use super::condition::Exits;
use super::variable::Use;
use crate::ast::{
    self, Argument, ArgumentKind, Command, CommandKind, Condition, RouteName, Target, XlogLevel,
};
use crate::catalog::{ArgKind, ArgSpec, Function, FunctionId, RouteKind};
use crate::known;
use crate::ops::{LogLevel, Op, OpId};
use crate::posix::Flags;
use crate::program::{Arg, Async, AsyncId, Call, CallId, Constant, RouteId};
use crate::report::suggest;
use crate::source::Span;
use crate::survey::Named;
use crate::text::Text;
use crate::variable::{self, Part};

const LEVEL_DEBUG: i8 = 4;
const LEVEL_ERROR: i8 = -1;

impl Lower<'_, '_> {
    /// Emits a command; `$rc` is its result.
    pub(super) fn command(&mut self, command: &Command) -> Option<()> {
        let span = command.span;
        match &command.kind {
            CommandKind::Drop => self.emit(Op::Drop, span, 0, 0),
            CommandKind::Exit => self.emit(Op::Exit, span, 0, 0),
            CommandKind::Return { code, values } => {
                self.return_command(code.as_ref(), values, span)?
            }
            CommandKind::Assert(condition, text) => self.assert(condition, text.as_ref(), span),
            CommandKind::Log { level, text } => {
                let level = level.map_or(LEVEL_DEBUG, |level| level.clamp(-128, 127) as i8);
                let text = self.text(&text.bytes);
                self.emit(Op::Log { level, text }, span, 0, 0);
            }
            CommandKind::Error(one, other) => {
                let text = format!(
                    "error(\"{}\", \"{}\") is not implemented",
                    one.lossy(),
                    other.lossy()
                );
                let text = self.text(text.as_bytes());
                self.emit(
                    Op::Log {
                        level: LEVEL_ERROR,
                        text,
                    },
                    span,
                    0,
                    0,
                );
            }
            CommandKind::Xlog { level, text } => self.xlog(level, text, span)?,
            CommandKind::Route { target, args } => self.route_command(target, args, span)?,
            CommandKind::Async {
                call,
                route,
                timeout,
            } => self.async_command(call, route, *timeout, span)?,
            CommandKind::Launch { call, route, param } => {
                self.launch_command(call, route.as_ref(), param.as_ref(), span)?;
            }
            CommandKind::Call(call) => {
                let id = self.call(call)?;
                let operands = usize::from(self.program.call(id).operands);
                self.emit(Op::Call(id), span, operands, 0);
            }
        }
        Some(())
    }

    fn return_command(
        &mut self,
        code: Option<&Argument>,
        values: &[Argument],
        span: Span,
    ) -> Option<()> {
        match code {
            None => self.push(Constant::Int(1), span),
            Some(code) => self.value(code)?,
        }
        for value in values {
            self.value(value)?;
        }
        self.emit(
            Op::Return {
                values: values.len() as u8,
            },
            span,
            values.len() + 1,
            0,
        );
        Some(())
    }

    /// Emits an argument of `route` or `return`: a string is a format string.
    fn value(&mut self, argument: &Argument) -> Option<()> {
        let span = argument.span;
        match &argument.kind {
            ArgumentKind::Omitted | ArgumentKind::Null => self.emit(Op::PushNull, span, 0, 1),
            ArgumentKind::Number(number) => self.push(Constant::Int(*number), span),
            ArgumentKind::Variable => self.load_token(span)?,
            ArgumentKind::Text(text) => self.text_value(text)?,
        }
        Some(())
    }

    /// Emits a string literal as a format string.
    fn text_value(&mut self, text: &Text) -> Option<()> {
        let parts = variable::format(text, 0, self.report)?;
        if parts.is_empty() {
            self.push(Constant::Str(Box::default()), text.span);
            return Some(());
        }
        self.format(&parts, text.span)
    }

    fn assert(&mut self, condition: &Condition, text: Option<&Text>, span: Span) {
        let (yes, no) = (self.label(), self.label());
        let start = self.program.ops.len();
        self.condition(
            condition,
            Exits {
                yes,
                no,
                error: no,
                next: no,
            },
        );
        self.place(no);
        let text = text.map(|text| self.text(&text.bytes));
        self.emit(Op::AssertFailed(text), span, 0, 0);
        if !self.asserts {
            // Looked at for mistakes, and then not done: `enable_asserts` is off.
            self.program.ops.truncate(start);
            self.program.positions.truncate(start);
        }
        self.place(yes);
        self.emit(Op::SetRc(1), span, 0, 0);
    }

    fn xlog(&mut self, level: &XlogLevel, text: &Text, span: Span) -> Option<()> {
        let level = match level {
            XlogLevel::Default => LogLevel::Default,
            XlogLevel::Debug => LogLevel::Fixed(LEVEL_DEBUG),
            XlogLevel::Written(level) => self.log_level(level)?,
        };
        let pushed = usize::from(level == LogLevel::OnStack);
        let skip = self.label();
        self.emit(
            Op::LogGuard {
                level,
                skip: OpId(skip.0),
            },
            span,
            0,
            0,
        );
        let ok = self.text_value(text);
        self.emit(Op::Xlog(level), span, 1 + pushed, 0);
        self.place(skip);
        ok
    }

    /// `L_ERR` and the like, by their third letter, or a variable in quotes.
    fn log_level(&mut self, text: &Text) -> Option<LogLevel> {
        if text.bytes.contains(&b'$') {
            match variable::format(text, 0, self.report)?.as_slice() {
                [Part::Variable(variable)] => self.load(variable)?,
                _ => {
                    self.report.error_with(
                        text.span,
                        "not a log level",
                        "L_ALERT to L_DBG, or one variable",
                    );
                    return None;
                }
            }
            return Some(LogLevel::OnStack);
        }
        let level = match text.bytes.get(2) {
            Some(b'A') => -3,
            Some(b'C') => -2,
            Some(b'E') => LEVEL_ERROR,
            Some(b'W') => 1,
            Some(b'N') => 2,
            Some(b'I') => 3,
            Some(b'D') => LEVEL_DEBUG,
            _ => {
                let hint = "L_ALERT, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO or L_DBG";
                self.report.error_with(
                    text.span,
                    format!("`{}` is not a log level", text.lossy()),
                    hint,
                );
                return None;
            }
        };
        Some(LogLevel::Fixed(level))
    }

    fn route_command(&mut self, target: &Target, args: &[Argument], span: Span) -> Option<()> {
        let depth = self.depth;
        let route = match target {
            Target::Name(name) => Some(self.request_route(&name.name, name.span)?),
            Target::Variable(variable) => {
                self.load_token(*variable)?;
                None
            }
            Target::Text(text) => {
                let parts = variable::format(text, 0, self.report)?;
                match parts.as_slice() {
                    [] => Some(self.request_route(b"", text.span)?),
                    [Part::Text(name)] => Some(self.request_route(name, text.span)?),
                    parts => {
                        self.format(parts, text.span)?;
                        None
                    }
                }
            }
        };
        for arg in args {
            self.value(arg)?;
        }
        let count = args.len() as u8;
        let pops = self.depth - depth;
        match route {
            Some(route) => {
                self.uses[self.current].routes.push(route);
                self.emit(Op::Route { route, args: count }, span, pops, 0);
            }
            None => self.emit(Op::RouteByName { args: count }, span, pops, 0),
        }
        Some(())
    }

    /// Finds a `route[name]`. `None`: reported.
    fn request_route(&mut self, name: &[u8], span: Span) -> Option<RouteId> {
        let key = if name == b"0" { &b""[..] } else { name };
        self.find_route(RouteKind::Request, key, span)
    }

    pub(super) fn find_route(
        &mut self,
        kind: RouteKind,
        name: &[u8],
        span: Span,
    ) -> Option<RouteId> {
        let found = self.program.route(kind, name);
        self.mention_route(kind, name);
        if found.is_none() {
            let written = String::from_utf8_lossy(name).into_owned();
            let names: Vec<String> = self
                .program
                .routes
                .iter()
                .filter(|route| route.kind == kind)
                .map(|route| String::from_utf8_lossy(&route.name).into_owned())
                .collect();
            let reason = format!("`{}[{written}]` is not defined", kind.word());
            match suggest(&written, names.iter().map(String::as_str)) {
                Some(near) => {
                    self.report
                        .error_with(span, reason, format!("did you mean `{near}`?"))
                }
                None => self.report.error(span, reason),
            }
        }
        found
    }

    fn async_command(
        &mut self,
        call: &ast::Call,
        route: &RouteName,
        timeout: Option<i32>,
        span: Span,
    ) -> Option<()> {
        if !self.has_tm {
            self.report.error_with(
                span,
                "async needs the module tm",
                "add loadmodule \"tm.so\"",
            );
        }
        let id = self.call(call);
        let resume = self.request_route(&route.name, route.span);
        let call = self.asynchronous(call, id?)?;
        let timeout = timeout
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0);
        let started = AsyncId(self.program.asyncs.len() as u32);
        self.program.asyncs.push(Async {
            call,
            resume: Some(resume?),
            timeout,
            has_param: false,
        });
        let operands = usize::from(self.program.call(call).operands);
        self.uses[self.current].routes.push(resume?);
        self.emit(Op::Async(started), span, operands, 0);
        Some(())
    }

    fn launch_command(
        &mut self,
        call: &ast::Call,
        route: Option<&RouteName>,
        param: Option<&Text>,
        span: Span,
    ) -> Option<()> {
        let id = self.call(call);
        let resume = match route {
            Some(route) => Some(self.request_route(&route.name, route.span)?),
            None => None,
        };
        let call = self.asynchronous(call, id?)?;
        if let Some(param) = param {
            self.text_value(param)?;
        }
        let started = AsyncId(self.program.asyncs.len() as u32);
        self.program.asyncs.push(Async {
            call,
            resume,
            timeout: None,
            has_param: param.is_some(),
        });
        let operands = usize::from(self.program.call(call).operands) + usize::from(param.is_some());
        self.emit(Op::Launch(started), span, operands, 0);
        Some(())
    }

    fn asynchronous(&mut self, written: &ast::Call, id: CallId) -> Option<CallId> {
        let function = self.catalog.function(self.program.call(id).function);
        if !function.asynchronous {
            let hint = "call it directly: nothing that waits stops other calls";
            let reason = format!("`{}` cannot be started asynchronously", function.name);
            self.report.error_with(written.name, reason, hint);
            return None;
        }
        Some(id)
    }

    /// Emits the operands of a call.
    fn call(&mut self, call: &ast::Call) -> Option<CallId> {
        let Some(function) = self.find_function(call.name) else {
            // Its variables are looked at all the same.
            let depth = self.depth;
            for arg in &call.args {
                self.value(arg);
            }
            self.depth = depth;
            return None;
        };
        let catalog = self.catalog;
        let declared = catalog.function(function);
        if !declared.kinds.contains(self.kind) {
            let kinds: Vec<_> = declared.kinds.iter().map(RouteKind::word).collect();
            let reason = format!(
                "`{}` is not allowed in a {}",
                declared.name,
                self.kind.word()
            );
            self.report
                .error_with(call.name, reason, format!("it is for {}", kinds.join(", ")));
        }
        self.uses[self.current]
            .functions
            .push((function, call.name));
        self.count_arguments(call, function)?;

        let depth = self.depth;
        let mut args = Vec::with_capacity(declared.args.len());
        let mut ok = true;
        for (index, spec) in declared.args.iter().enumerate() {
            let arg = match call.args.get(index) {
                None => Some(Arg::Omitted),
                Some(written) if matches!(written.kind, ArgumentKind::Omitted) => {
                    Some(Arg::Omitted)
                }
                Some(written) => match (&written.kind, spec.substitution) {
                    (ArgumentKind::Text(text), true) => {
                        self.substitution_argument(text, declared, index)
                    }
                    _ => {
                        let arg = self.argument(written, *spec, index, &declared.name);
                        self.judge(declared, index, arg.as_ref(), written.span);
                        arg
                    }
                },
            };
            ok &= arg.is_some();
            args.push(arg.unwrap_or(Arg::Omitted));
        }
        let operands = self.depth - depth;
        if !ok {
            self.depth = depth;
            return None;
        }
        let start = self.program.args.len() as u32;
        self.program.args.extend(args);
        let args = start..self.program.args.len() as u32;
        let id = CallId(self.program.calls.len() as u32);
        let at = self.report.source.position(call.name);
        self.program.calls.push(Call {
            function,
            args,
            operands: operands.min(255) as u8,
            at,
        });
        Some(id)
    }

    /// What the function itself has to say about a literal.
    fn judge(&mut self, function: &Function, place: usize, arg: Option<&Arg>, span: Span) {
        match arg {
            Some(Arg::Str(id)) => {
                let text = self.program.constant(*id).text().unwrap_or_default();
                let text = text.to_vec();
                self.judge_text(function, place, &text, span);
            }
            Some(Arg::Int(number)) => {
                self.judge_text(function, place, number.to_string().as_bytes(), span);
            }
            _ => {}
        }
    }

    fn judge_text(&mut self, function: &Function, place: usize, text: &[u8], span: Span) {
        if let Err(reason) = self.offer.judge_argument(function, place, text) {
            let reason = format!("parameter {} of `{}`: {reason}", place + 1, function.name);
            self.report.error(span, reason);
        }
    }

    fn count_arguments(&mut self, call: &ast::Call, function: FunctionId) -> Option<()> {
        let catalog = self.catalog;
        let declared = catalog.function(function);
        let (given, least, most) = (call.args.len(), declared.args_min(), declared.args.len());
        let name = &declared.name;
        // `f()` has one omitted argument only in writing.
        if given > most {
            let span = call.args[most].span.to(call.args[given - 1].span);
            self.report.error(
                span,
                format!("too many parameters: `{name}` takes {}", up_to(least, most)),
            );
            return None;
        }
        if given < least {
            self.report.error(
                call.span,
                format!("too few parameters: `{name}` takes {}", up_to(least, most)),
            );
            return None;
        }
        let omitted = call
            .args
            .iter()
            .zip(&declared.args)
            .position(|(written, spec)| {
                matches!(written.kind, ArgumentKind::Omitted) && !spec.optional
            });
        if let Some(index) = omitted {
            let reason = format!("omitted mandatory parameter {} of `{name}`", index + 1);
            self.report.error(call.args[index].span, reason);
            return None;
        }
        Some(())
    }

    /// Emits one argument by the table of script-language §7.7. `None`: reported.
    fn argument(
        &mut self,
        written: &Argument,
        spec: ArgSpec,
        index: usize,
        name: &str,
    ) -> Option<Arg> {
        let span = written.span;
        let number = index + 1;
        match (spec.kind, &written.kind) {
            (ArgKind::Int, ArgumentKind::Number(value)) => Some(Arg::Int(*value)),
            (ArgKind::Int, ArgumentKind::Text(text)) => {
                let hint = match text.lossy().parse::<i32>() {
                    Ok(value) => format!("write {value} without quotes"),
                    Err(_) => "a number or a variable".to_owned(),
                };
                self.report.error_with(
                    span,
                    format!("parameter {number} of `{name}` is a number"),
                    hint,
                );
                None
            }
            (ArgKind::Str, ArgumentKind::Text(text)) => {
                self.text_argument(text, spec, number, name)
            }
            (ArgKind::Str, ArgumentKind::Number(value)) => {
                let reason = format!("parameter {number} of `{name}` is a string");
                self.report
                    .error_with(span, reason, format!("write \"{value}\" in quotes"));
                None
            }
            (ArgKind::Regex, ArgumentKind::Text(text)) => {
                Some(Arg::Regex(self.regex(&text.bytes, Flags::MATCH, span)?))
            }
            (ArgKind::Regex, ArgumentKind::Number(_)) => {
                self.report.error(
                    span,
                    format!("parameter {number} of `{name}` is a regular expression"),
                );
                None
            }
            (ArgKind::Variable | ArgKind::Output, ArgumentKind::Variable) => {
                let variable = variable::token(span, self.report)?;
                let usage = if spec.kind == ArgKind::Output {
                    Use::Write
                } else {
                    Use::Read
                };
                let errors = self.report.errors();
                let found = self.spec(&variable, usage);
                if found.is_none() && self.report.errors() == errors + 1 && usage == Use::Write {
                    self.report
                        .amend_last(&format!("`{name}` writes to its parameter {number}"));
                }
                Some(Arg::Variable(found?))
            }
            (ArgKind::Reference(of), ArgumentKind::Variable) => {
                let variable = variable::token(span, self.report)?;
                if variable.name != of || variable.index.is_some() {
                    let reason = format!("parameter {number} of `{name}` is a `${of}(...)`");
                    self.report.error(span, reason);
                    return None;
                }
                Some(Arg::Variable(self.spec(&variable, Use::Read)?))
            }
            (ArgKind::Variable | ArgKind::Output | ArgKind::Reference(_), _) => {
                let reason = format!("parameter {number} of `{name}` is a variable");
                self.report
                    .error_with(span, reason, "write a variable without quotes");
                None
            }
            (_, ArgumentKind::Variable) if spec.literal => {
                self.report.error(
                    span,
                    format!(
                        "parameter {number} of `{name}` must be written out, without variables"
                    ),
                );
                None
            }
            (_, ArgumentKind::Variable) => {
                self.load_token(span)?;
                Some(Arg::Value)
            }
            // The parser has reported NULL, and omitted ones do not come here.
            (_, ArgumentKind::Null | ArgumentKind::Omitted) => None,
        }
    }

    fn text_argument(
        &mut self,
        text: &Text,
        spec: ArgSpec,
        number: usize,
        name: &str,
    ) -> Option<Arg> {
        if spec.raw {
            return Some(Arg::Str(self.text(&text.bytes)));
        }
        if spec.literal && text.bytes.contains(&b'$') {
            let reason =
                format!("parameter {number} of `{name}` must be written out, without variables");
            self.report.error(text.span, reason);
            return None;
        }
        let parts = variable::format(text, 0, self.report)?;
        let plain = match parts.as_slice() {
            [] => &b""[..],
            [Part::Text(plain)] => plain,
            parts => {
                self.format(parts, text.span)?;
                return Some(Arg::Value);
            }
        };
        if let Some(kind) = spec.route {
            self.find_route(kind, plain, text.span)?;
            self.armed.push((kind, plain.to_vec()));
        }
        Some(Arg::Str(self.text(plain)))
    }

    /// `/expression/replacement/flags`: as it is written, except for the variables behind the expression.
    fn substitution_argument(
        &mut self,
        text: &Text,
        function: &Function,
        index: usize,
    ) -> Option<Arg> {
        let (expression, rest) = variable::split_expression(text);
        let parts = variable::format(&rest, 0, self.report)?;
        let literal = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(_) => Vec::new(),
        };
        // What a variable says is no part of its form.
        let form: Vec<u8> = expression
            .iter()
            .copied()
            .chain(parts.iter().flat_map(literal))
            .collect();
        self.judge_text(function, index, &form, text.span);
        if !parts.iter().any(|part| matches!(part, Part::Variable(_))) {
            return Some(Arg::Str(self.text(&form)));
        }
        let delimiter = *expression.first()?;
        let whole: Vec<Part> = std::iter::once(Part::Text(expression.to_vec()))
            .chain(parts)
            .collect();
        self.escaped(&whole, delimiter, text.span)?;
        Some(Arg::Value)
    }

    fn find_function(&mut self, span: Span) -> Option<FunctionId> {
        let name = String::from_utf8_lossy(self.report.source.text(span)).into_owned();
        if let Some(id) = self.catalog.find_function(&name) {
            let catalog = self.catalog;
            let module = catalog.function(id).module.as_str();
            self.mention(Named::Function, &name, Some(module), span);
            return Some(id);
        }
        self.mention(Named::Function, &name, None, span);
        let unknown = format!("`{name}` is not offered by any loaded module");
        match known::module_of_function(&name) {
            Some(module) if self.missing.iter().any(|missing| missing == module) => {}
            Some(module) if self.is_loaded(module) => {
                let owner = if module == "core" {
                    "the core".to_owned()
                } else {
                    format!("module {module}")
                };
                let reason =
                    format!("`{name}` is a function of {owner} that Tandem does not offer yet");
                self.report.error(span, reason);
            }
            Some(module) => {
                let way = self.catalog.way_to(module);
                let hint = format!("it is a function of module {module}: {way}");
                self.report.error_with(span, unknown, hint);
            }
            None => {
                let near = suggest(
                    &name,
                    self.catalog
                        .functions()
                        .iter()
                        .filter(|one| !one.is_hidden())
                        .map(|one| one.name.as_str()),
                );
                let hint = near
                    .and_then(|near| self.catalog.find_function(near))
                    .map(|id| self.catalog.function(id));
                match hint {
                    Some(near) if near.module == "core" => {
                        self.report.error_with(
                            span,
                            unknown,
                            format!("did you mean `{}`?", near.name),
                        );
                    }
                    Some(near) => {
                        let hint =
                            format!("did you mean `{}` (module {})?", near.name, near.module);
                        self.report.error_with(span, unknown, hint);
                    }
                    None => self.report.error_with(
                        span,
                        unknown,
                        "unknown command: is a loadmodule missing?",
                    ),
                }
            }
        }
        None
    }
}

fn up_to(least: usize, most: usize) -> String {
    match (least, most) {
        (0, 0) => "none".into(),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("{least} to {most}"),
    }
}
