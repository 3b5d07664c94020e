//! A program as text: for golden files, and for people who want to know what a script became.

use std::fmt::{self, Write};

use crate::catalog::Catalog;
use crate::ops::{Comparison, LogLevel, Op, OpId, Operator, Outcomes, StoreHow};
use crate::program::{
    Arg, CallId, ConstId, Constant, Context, FormatPart, Index, Name, Program, ReplacementPart,
    Spec, SpecId, TransformArg,
};

impl Program {
    /// The whole program, one operation a line. The catalog is the one it was compiled with.
    pub fn listing(&self, catalog: &Catalog) -> String {
        let mut out = String::new();
        let listing = Listing {
            program: self,
            catalog,
        };
        // Writing to a string cannot fail.
        let _ = listing.write(&mut out);
        out
    }

    /// One operation as text, for traces.
    pub fn show_op(&self, catalog: &Catalog, at: OpId) -> String {
        Listing {
            program: self,
            catalog,
        }
        .op(self.op(at))
    }
}

struct Listing<'p> {
    program: &'p Program,
    catalog: &'p Catalog,
}

impl Listing<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let program = self.program;
        for module in &program.modules {
            writeln!(out, "module {}", module.name)?;
        }
        for param in &program.modparams {
            writeln!(
                out,
                "modparam {} {} = {}",
                param.module,
                param.name,
                Literal(&param.value)
            )?;
        }
        for (name, (value, _)) in &program.globals.values {
            writeln!(out, "global {name} = {}", Literal(value))?;
        }
        self.write_sockets(out)?;
        for route in &program.routes {
            let name = match route.name.as_slice() {
                b"" => route.kind.word().to_owned(),
                name => format!("{}[{}]", route.kind.word(), String::from_utf8_lossy(name)),
            };
            write!(out, "\n{name}  stack {}", route.stack)?;
            if route.slots > 0 {
                write!(out, ", counters {}", route.slots)?;
            }
            if route.interval > 0 {
                write!(out, ", every {} s", route.interval)?;
            }
            writeln!(out)?;
            let mut line = 0;
            for at in route.entry.0..route.end.0 {
                let here = program.position(OpId(at)).line;
                let shown = if here == line {
                    String::new()
                } else {
                    here.to_string()
                };
                line = here;
                writeln!(out, "{shown:>6} {at:>5}  {}", self.op(program.op(OpId(at))))?;
            }
        }
        Ok(())
    }

    fn write_sockets(&self, out: &mut String) -> fmt::Result {
        let globals = &self.program.globals;
        for socket in &globals.sockets {
            write!(out, "socket {} {}", socket.protocol, socket.host)?;
            write_ports(out, &socket.ports)?;
            if let Some((host, ports)) = &socket.advertised {
                write!(out, " as {host}")?;
                write_ports(out, ports)?;
            }
            let numbers = [
                ("workers", socket.workers),
                ("tos", socket.tos.map(u32::from)),
            ];
            for (word, number) in numbers
                .into_iter()
                .filter_map(|(word, number)| Some((word, number?)))
            {
                write!(out, " {word} {number}")?;
            }
            let names = [("profile", &socket.scaling_profile), ("tag", &socket.tag)];
            for (word, name) in names
                .into_iter()
                .filter_map(|(word, name)| Some((word, name.as_ref()?)))
            {
                write!(out, " {word} {name}")?;
            }
            let flags = [
                ("anycast", socket.anycast),
                ("frag", socket.frag),
                ("reuse_port", socket.reuse_port),
                ("accept_subdomain", socket.accept_subdomain),
                ("proxy_protocol_in", socket.proxy_protocol_in),
                ("proxy_protocol_out", socket.proxy_protocol_out),
            ];
            for (word, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
                write!(out, " {word}")?;
            }
            writeln!(out)?;
        }
        for bond in &globals.bonds {
            let sockets: Vec<_> = bond
                .sockets
                .iter()
                .map(|one| String::from_utf8_lossy(one))
                .collect();
            writeln!(out, "bond {} of {}", bond.name, sockets.join(", "))?;
        }
        for alias in &globals.aliases {
            let protocol = alias.protocol.as_deref().unwrap_or("any");
            let port = alias
                .port
                .map_or("any port".into(), |port| port.to_string());
            let more = if alias.accept_subdomain {
                " accept_subdomain"
            } else {
                ""
            };
            writeln!(out, "alias {protocol} {} {port}{more}", alias.host)?;
        }
        for list in &globals.blacklists {
            write!(out, "blacklist {}", list.name)?;
            let flags = [
                ("read_only", list.read_only),
                ("expire", list.expire),
                ("default", list.default),
            ];
            for (word, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
                write!(out, " {word}")?;
            }
            writeln!(out)?;
            for rule in &list.rules {
                let not = if rule.negated { "not " } else { "" };
                let protocol = rule.protocol.as_deref().unwrap_or("any");
                write!(
                    out,
                    "  {not}{protocol} {}/{}",
                    rule.net.address, rule.net.prefix
                )?;
                if let Some(port) = rule.port {
                    write!(out, " port {port}")?;
                }
                if let Some(pattern) = &rule.pattern {
                    write!(out, " like {}", Quoted(pattern))?;
                }
                writeln!(out)?;
            }
        }
        for profile in &globals.scaling_profiles {
            let down = profile
                .down_to
                .map_or(String::new(), |down| format!(", down to {down}"));
            writeln!(
                out,
                "scaling {} up to {}{down}",
                profile.name, profile.up_to
            )?;
        }
        Ok(())
    }

    fn op(&self, op: Op) -> String {
        match op {
            Op::Push(constant) => format!("push {}", self.constant(constant)),
            Op::PushNull => "push NULL".into(),
            Op::PushRc => "push $rc".into(),
            Op::PushOutcome => "push outcome".into(),
            Op::PushCounter(slot) => format!("push counter {}", slot.0),
            Op::Load(spec) => format!("load {}", self.spec(spec)),
            Op::Format(format) => {
                let format = &self.program.formats[format.0 as usize];
                let parts: Vec<_> = format
                    .parts
                    .iter()
                    .map(|part| match part {
                        FormatPart::Text(text) => self.constant(*text),
                        FormatPart::Operand => "_".into(),
                        FormatPart::Element => "<_>".into(),
                        FormatPart::Escaped(_) => "\\_".into(),
                    })
                    .collect();
                format!("format {}", parts.join(" "))
            }
            Op::Dup(count) => format!("dup {count}"),
            Op::Lift(count) => format!("lift over {count}"),
            Op::Pop => "pop".into(),
            Op::Arithmetic(operator) => format!("arithmetic {}", sign(operator)),
            Op::Compound(operator) => format!("arithmetic {}=", sign(operator)),
            Op::Complement => "arithmetic ~".into(),
            Op::Store { spec, how } => {
                let how = match how {
                    StoreHow::Set => "=",
                    StoreHow::Replace => ":=",
                };
                format!("store {} {how}", self.spec(spec))
            }
            Op::TestValue => "test value".into(),
            Op::TestNull { negated } => format!("test {}= NULL", if negated { "!" } else { "=" }),
            Op::TestRc => "test $rc".into(),
            Op::CompareConst { how, constant } => {
                format!("test {} {}", comparison(how), self.constant(constant))
            }
            Op::Compare(how) => format!("test {} _", comparison(how)),
            Op::MatchRegex { regex, negated } => {
                let source = self.program.regexes[regex.0 as usize].source;
                format!("test {} {}", matching(negated), self.constant(source))
            }
            Op::MatchValue { negated } => format!("test {} _", matching(negated)),
            Op::MatchNet { net, negated } => {
                let net = self.program.nets[net.0 as usize];
                format!(
                    "test {} {}/{}",
                    if negated { "!=" } else { "==" },
                    net.address,
                    net.prefix
                )
            }
            Op::Jump(to) => format!("jump {}", to.0),
            Op::JumpIf { when, to } => format!("jump {} if {}", to.0, outcomes(when)),
            Op::Case { constant, to } => format!("case {} jump {}", self.constant(constant), to.0),
            Op::LoopStart(slot) => format!("loop start {}", slot.0),
            Op::LoopGuard { slot, exit } => format!("loop guard {}, exit {}", slot.0, exit.0),
            Op::ForStep { slot, exit } => format!("for step {}, exit {}", slot.0, exit.0),
            Op::SetRc(rc) => format!("set $rc {rc}"),
            Op::Call(call) => format!("call {}", self.call(call)),
            Op::Route { route, args } => {
                let name = String::from_utf8_lossy(&self.program.routes[usize::from(route.0)].name);
                format!("route[{name}] with {args}")
            }
            Op::RouteByName { args } => format!("route[_] with {args}"),
            Op::Return { values } => format!("return with {values}"),
            Op::RouteEnd => "end".into(),
            Op::Exit => "exit".into(),
            Op::Drop => "drop".into(),
            Op::Async(id) | Op::Launch(id) => {
                let started = &self.program.asyncs[id.0 as usize];
                let word = if matches!(op, Op::Async(_)) {
                    "async"
                } else {
                    "launch"
                };
                let mut text = format!("{word} {}", self.call(started.call));
                if let Some(route) = started.resume {
                    let name =
                        String::from_utf8_lossy(&self.program.routes[usize::from(route.0)].name);
                    let _ = write!(text, ", then route[{name}]");
                }
                if let Some(seconds) = started.timeout {
                    let _ = write!(text, ", within {seconds} s");
                }
                if started.has_param {
                    text.push_str(", with _");
                }
                text
            }
            Op::Log { level, text } => format!("log {level} {}", self.constant(text)),
            Op::LogGuard { level, skip } => {
                format!("log guard {}, skip {}", log_level(level), skip.0)
            }
            Op::Xlog(level) => format!("xlog {}", log_level(level)),
            Op::AssertFailed(text) => match text {
                Some(text) => format!("assert failed {}", self.constant(text)),
                None => "assert failed".into(),
            },
        }
    }

    fn constant(&self, id: ConstId) -> String {
        Literal(self.program.constant(id)).to_string()
    }

    fn spec(&self, id: SpecId) -> String {
        let spec: &Spec = self.program.spec(id);
        let variable = &self.catalog.variable(spec.variable).name;
        let context = match spec.context {
            Context::Current => "",
            Context::Request => "<request>",
            Context::Reply => "<reply>",
        };
        let name = match spec.name {
            Name::None => String::new(),
            Name::Const(name) => match self.program.constant(name) {
                Constant::Str(text) => format!("({})", String::from_utf8_lossy(text)),
                Constant::Int(number) => format!("({number})"),
            },
            Name::Operand | Name::Path => "(_)".into(),
        };
        let index = match spec.index {
            Index::None => String::new(),
            Index::At(index) => format!("[{index}]"),
            Index::All => "[*]".into(),
            Index::Append => "[append]".into(),
            Index::Operand => "[_]".into(),
        };
        let mut text = format!("${context}{variable}{name}{index}");
        for transform in self.program.transforms(spec) {
            let known = self.catalog.transformation(transform.transform);
            let _ = write!(text, "{{{}.{}", known.class, known.name);
            for arg in self.program.transform_args(transform) {
                let _ = write!(text, ",{}", self.transform_arg(*arg));
            }
            text.push('}');
        }
        text
    }

    fn transform_arg(&self, arg: TransformArg) -> String {
        match arg {
            TransformArg::Const(constant) => match self.program.constant(constant) {
                Constant::Str(text) => Quoted(text).to_string(),
                Constant::Int(number) => number.to_string(),
            },
            TransformArg::Operand => "_".into(),
            TransformArg::Substitution(id) => {
                let substitution = &self.program.substitutions[id.0 as usize];
                let source = self.program.regexes[substitution.regex.0 as usize].source;
                let parts: Vec<_> = substitution
                    .replacement
                    .iter()
                    .map(|part| match part {
                        ReplacementPart::Text(text) => self.constant(*text),
                        ReplacementPart::Group(group) => format!("\\{group}"),
                        ReplacementPart::Operand => "_".into(),
                    })
                    .collect();
                let all = if substitution.global { " all" } else { "" };
                format!("{} -> {}{all}", self.constant(source), parts.join(" "))
            }
        }
    }

    fn call(&self, id: CallId) -> String {
        let call = self.program.call(id);
        let mut args: Vec<_> = self
            .program
            .args(call)
            .iter()
            .map(|arg| self.arg(*arg))
            .collect();
        while args.last().is_some_and(String::is_empty) {
            args.pop();
        }
        format!(
            "{}({})",
            self.catalog.function(call.function).name,
            args.join(", ")
        )
    }

    fn arg(&self, arg: Arg) -> String {
        match arg {
            Arg::Omitted => String::new(),
            Arg::Int(number) => number.to_string(),
            Arg::Str(text) => self.constant(text),
            Arg::Regex(regex) => format!(
                "/{}/",
                self.constant(self.program.regexes[regex.0 as usize].source)
            ),
            Arg::Value => "_".into(),
            Arg::Variable(spec) => self.spec(spec),
        }
    }
}

fn write_ports(out: &mut String, ports: &[(u16, u16)]) -> fmt::Result {
    for (first, last) in ports {
        if first == last {
            write!(out, " {first}")?
        } else {
            write!(out, " {first}-{last}")?
        }
    }
    Ok(())
}

/// A literal as it could be written.
struct Literal<'c>(&'c Constant);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Constant::Int(number) => write!(f, "{number}"),
            Constant::Str(text) => Quoted(text).fmt(f),
        }
    }
}

struct Quoted<'t>(&'t [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Modulo => "%",
        Operator::And => "&",
        Operator::Or => "|",
        Operator::Xor => "^",
        Operator::ShiftLeft => "<<",
        Operator::ShiftRight => ">>",
    }
}

fn comparison(how: Comparison) -> &'static str {
    match how {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::Greater => ">",
        Comparison::LessOrEqual => "<=",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn matching(negated: bool) -> &'static str {
    if negated { "!~" } else { "=~" }
}

fn outcomes(when: Outcomes) -> String {
    let mut words = Vec::new();
    for (outcome, word) in [
        (Outcomes::TRUE, "true"),
        (Outcomes::FALSE, "false"),
        (Outcomes::ERROR, "error"),
    ] {
        if when.0 & outcome.0 != 0 {
            words.push(word);
        }
    }
    words.join(" or ")
}

fn log_level(level: LogLevel) -> String {
    match level {
        LogLevel::Fixed(level) => level.to_string(),
        LogLevel::Default => "default".into(),
        LogLevel::OnStack => "_".into(),
    }
}
