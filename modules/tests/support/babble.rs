//! Scripts made of everything that is offered, from any bytes: what a person would never write, and the machine has to
//! take. Shared by the test `babble` and the fuzz target `machine`.
//!
//! A statement stands on a line of its own, so that lines that do not compile can be taken out; what is left runs.

use std::fmt::Write as _;
use std::path::Path;

use engine::module::Registry;
use script::{Access, ArgKind, ArgSpec, Catalog, Compiled, InMemory, Options, RouteKind, SubName};

/// Statements of one script.
const STATEMENTS_MAX: usize = 40;
/// Blocks inside each other.
const DEPTH_MAX: usize = 3;
/// How often lines that do not compile are taken out.
const ATTEMPTS: usize = 8;
/// Ends the process because the script says so.
const LEFT_OUT: [&str; 1] = ["abort"];
/// Takes requests inside a dialog away from the script altogether.
const NOT_LOADED: [&str; 1] = ["script_helper"];

const TEXTS: [&str; 24] = [
    "",
    "a",
    "x y",
    "sip:bob@10.0.0.3",
    "sip:carol@example.com:5070;transport=tcp;lr",
    "<sip:dave@[2001:db8::1]>;q=0.5, sip:eve@example.com",
    "a=1;b=2;c",
    "1,2,,3",
    "10.0.0.1",
    "10.0.0.0/8",
    "udp:10.0.0.1:5060",
    "/a(.)b/x\\\\1y/g",
    "^[0-9]+$",
    "{\\\"a\\\":[1,{\\\"b\\\":null}],\\\"c\\\":\\\"d\\\"}",
    "<a b=\\\"1\\\"><c>2</c><c/></a>",
    "v=0\\r\\no=- 1 1 IN IP4 10.0.0.2\\r\\ns=-\\r\\nm=audio 4000 RTP/AVP 0 8\\r\\na=rtpmap:0 PCMU/8000\\r\\n",
    "1 + 2 * (3 - 4) / 5",
    "1 2 + 3 *",
    "X-Name: value\\r\\n",
    "application/sdp",
    "20200101T000000|20301231T235959||daily",
    "log",
    "99999999999",
    "INVITE|BYE",
];
const NUMBERS: [i32; 10] = [0, 1, 2, -1, 3, 200, 486, 1000, i32::MAX, i32::MIN + 1];
const NAMES: [&str; 6] = ["a", "b", "c/d", "From", "uri", "j/a[1]"];
const BINARY: [&str; 10] = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"];
const COMPARED: [&str; 8] = ["==", "!=", "<", ">", "<=", ">=", "=~", "!~"];
const LOCAL: [(&str, &str); 6] = [
    ("route", "sub"),
    ("failure_route", "failed"),
    ("onreply_route", "replied"),
    ("branch_route", "branched"),
    ("route", "resumed"),
    ("event_route", "E_BABBLE"),
];

/// Bytes that are left; empty reads as zeros.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                usize::from(first)
            }
            None => 0,
        }
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        let at = if from.len() > 256 {
            self.next() * 256 + self.next()
        } else {
            self.next()
        };
        &from[at % from.len()]
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.next() % of == 1
    }
}

struct Writer<'a, 'b> {
    bytes: Bytes<'a>,
    catalog: &'b Catalog,
    out: String,
    left: usize,
}

/// What all scripts have in common: every module is loaded, and what they export.
pub struct Babbler {
    registry: Registry,
    head: String,
    catalog: Catalog,
}

impl Babbler {
    /// Of everything these modules export.
    pub fn new(registry: Registry) -> Self {
        let loaded: String = registry
            .names()
            .filter(|name| !NOT_LOADED.contains(name))
            .map(|name| format!("loadmodule \"{name}\"\n"))
            .collect();
        let head = format!("max_while_loops=20\nenable_asserts=yes\n{loaded}");
        let catalog = match build(&registry, &format!("{head}route {{ exit; }}\n")) {
            Ok(compiled) => compiled.catalog,
            Err(lines) => panic!("the modules do not load together, lines {lines:?}:\n{head}"),
        };
        Self {
            registry,
            head,
            catalog,
        }
    }

    /// The modules behind the names.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The text that these bytes mean, and its program; no program if nothing of it compiles.
    pub fn script(&self, bytes: &[u8]) -> (String, Option<Compiled>) {
        let mut writer = Writer {
            bytes: Bytes(bytes),
            catalog: &self.catalog,
            out: self.head.clone(),
            left: STATEMENTS_MAX,
        };
        writer.script();
        let mut text = writer.out;
        for _ in 0..ATTEMPTS {
            match build(&self.registry, &text) {
                Ok(compiled) => return (text, Some(compiled)),
                Err(lines) => text = without(&text, &lines),
            }
        }
        (text, None)
    }
}

/// The text with an empty statement in the place of each of these lines.
fn without(text: &str, lines: &[u32]) -> String {
    let kept = text.lines().zip(1..).map(
        |(line, number)| {
            if lines.contains(&number) { ";" } else { line }
        },
    );
    kept.collect::<Vec<_>>().join("\n")
}

/// The program, or the lines that something is wrong with.
fn build(registry: &Registry, text: &str) -> Result<Compiled, Vec<u32>> {
    let path = Path::new("babble.cfg");
    registry
        .compile(path, &mut InMemory::new(path, text), &Options::default())
        .map_err(|errors| errors.list.iter().map(|one| one.line).collect())
}

impl Writer<'_, '_> {
    fn script(&mut self) {
        self.route("route");
        for (kind, name) in LOCAL {
            self.route(&format!("{kind}[{name}]"));
        }
        for kind in [
            "error_route",
            "local_route",
            "startup_route",
            "onreply_route",
        ] {
            if self.bytes.one_in(3) {
                self.route(kind);
            }
        }
    }

    fn route(&mut self, head: &str) {
        let _ = writeln!(self.out, "{head} {{");
        let count = 1 + self.bytes.next() % 12;
        for _ in 0..count {
            self.statement(0);
        }
        self.out.push_str("}\n");
    }

    fn statement(&mut self, depth: usize) {
        if self.left == 0 {
            self.out.push_str(";\n");
            return;
        }
        self.left -= 1;
        match self.bytes.next() % 20 {
            0..=6 => {
                let call = self.call();
                let _ = writeln!(self.out, "{call};");
            }
            7..=10 => {
                let (variable, value) = (self.variable(true), self.expression(0));
                let how = *self
                    .bytes
                    .pick(&["=", "=", "=", ":=", "+=", "-=", "*=", "|="]);
                let _ = writeln!(self.out, "{variable} {how} {value};");
            }
            11 | 12 => {
                let text = self.format();
                let _ = writeln!(self.out, "xlog(\"{text}\");");
            }
            13 | 14 if depth < DEPTH_MAX => {
                let condition = self.condition(0);
                let _ = writeln!(self.out, "if ({condition})");
                self.block(depth);
                if self.bytes.one_in(2) {
                    self.out.push_str("else\n");
                    self.block(depth);
                }
            }
            15 if depth < DEPTH_MAX => {
                let condition = self.condition(0);
                let _ = writeln!(self.out, "while ({condition})");
                self.block(depth);
            }
            16 if depth < DEPTH_MAX => {
                let variable = self.variable(false);
                let name = *self.bytes.pick(&NAMES);
                let _ = writeln!(self.out, "for ($var(i) in $(avp({name})[*]))");
                self.block(depth);
                let _ = writeln!(self.out, "switch ({variable}) {{\ncase 1:\ncase \"a\":");
                self.statement(depth + 1);
                self.out.push_str("break;\ndefault:\n");
                self.statement(depth + 1);
                self.out.push_str("}\n");
            }
            17 => {
                let (call, seconds) = (self.call(), self.bytes.next() % 3);
                let _ = match self.bytes.next() % 3 {
                    0 => writeln!(self.out, "async({call}, resumed, {seconds});"),
                    1 => writeln!(self.out, "launch({call}, resumed);"),
                    _ => writeln!(self.out, "launch({call});"),
                };
            }
            18 => {
                let (one, other) = (self.value(), self.value());
                let _ = writeln!(self.out, "route(sub, {one}, {other});");
            }
            _ => {
                let end = *self.bytes.pick(&[
                    "t_relay();",
                    "t_on_failure(\"failed\"); t_on_reply(\"replied\"); t_on_branch(\"branched\"); t_relay();",
                    "send_reply(200, \"OK\");",
                    "raise_event(\"E_BABBLE\");",
                    "return(1);",
                    "return(-1, 2, \"x\");",
                    "drop;",
                    "exit;",
                ]);
                let _ = writeln!(self.out, "{end}");
            }
        }
    }

    fn block(&mut self, depth: usize) {
        self.out.push_str("{\n");
        for _ in 0..1 + self.bytes.next() % 3 {
            self.statement(depth + 1);
        }
        self.out.push_str("}\n");
    }

    fn call(&mut self) -> String {
        let functions = self.catalog.functions();
        let function = self.bytes.pick(functions);
        if LEFT_OUT.contains(&function.name.as_str()) {
            return "send_reply(404, \"Gone\")".to_owned();
        }
        let given = function.args_min()
            + self.bytes.next() % (function.args.len() + 1 - function.args_min());
        let args: Vec<String> = function.args[..given]
            .iter()
            .map(|spec| self.arg(spec))
            .collect();
        format!("{}({})", function.name, args.join(", "))
    }

    fn arg(&mut self, spec: &ArgSpec) -> String {
        if let Some(kind) = spec.route {
            let name = match kind {
                RouteKind::Failure => "failed",
                RouteKind::Reply => "replied",
                RouteKind::Branch => "branched",
                RouteKind::Event => "E_BABBLE",
                _ => "sub",
            };
            return format!("\"{name}\"");
        }
        match spec.kind {
            ArgKind::Int if self.bytes.one_in(3) => self.variable(false),
            ArgKind::Int => self.bytes.pick(&NUMBERS).to_string(),
            ArgKind::Str if spec.literal || spec.raw => self.text(),
            ArgKind::Str => match self.bytes.next() % 3 {
                0 => self.variable(false),
                1 => format!("\"{}\"", self.format()),
                _ => self.text(),
            },
            ArgKind::Variable => self.variable(false),
            ArgKind::Output => self.variable(true),
            ArgKind::Reference(name) => format!("$({name}(a))"),
            ArgKind::Regex if self.bytes.one_in(3) => self.variable(false),
            ArgKind::Regex => self.text(),
        }
    }

    fn text(&mut self) -> String {
        format!("\"{}\"", self.bytes.pick(&TEXTS))
    }

    fn format(&mut self) -> String {
        let mut text = self.bytes.pick(&TEXTS).replace('$', "$$");
        for _ in 0..self.bytes.next() % 3 {
            text.push_str(&self.variable(false));
            text.push(' ');
        }
        text
    }

    fn value(&mut self) -> String {
        match self.bytes.next() % 3 {
            0 => self.text(),
            1 => self.bytes.pick(&NUMBERS).to_string(),
            _ => self.variable(false),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        let left = self.value();
        if depth < DEPTH_MAX && self.bytes.one_in(3) {
            let operator = *self.bytes.pick(&BINARY);
            let right = self.expression(depth + 1);
            return format!("{left} {operator} ({right})");
        }
        match self.bytes.next() % 12 {
            0 => "NULL".to_owned(),
            1 => self.call(),
            _ => left,
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let variable = self.variable(false);
        let one = match self.bytes.next() % 6 {
            0 => variable,
            1 => self.call(),
            2 => format!("{variable} == NULL"),
            3 => format!("{variable} != 10.0.0.0/8"),
            _ => {
                let (operator, value) = (*self.bytes.pick(&COMPARED), self.value());
                format!("{variable} {operator} {value}")
            }
        };
        if depth < DEPTH_MAX && self.bytes.one_in(4) {
            let other = self.condition(depth + 1);
            let operator = *self.bytes.pick(&["&&", "||"]);
            return format!("{one} {operator} !({other})");
        }
        one
    }

    /// A variable, with everything that may stand behind its name.
    fn variable(&mut self, is_written: bool) -> String {
        let variables = self.catalog.variables();
        let mut variable = self.bytes.pick(variables);
        if self.bytes.one_in(2) || (is_written && variable.access == Access::ReadOnly) {
            let name = *self.bytes.pick(&["var", "avp", "json", "xml", "ru", "du"]);
            variable = variables
                .iter()
                .find(|one| one.name == name)
                .unwrap_or(variable);
        }
        let mut text = variable.name.clone();
        if self.bytes.one_in(12) {
            let context = *self.bytes.pick(&["<request>", "<reply>"]);
            text.insert_str(0, context);
        }
        let is_named = match variable.sub_name {
            SubName::None => false,
            SubName::Optional => self.bytes.one_in(2),
            SubName::Required | SubName::Path => true,
        };
        if is_named {
            let name = match self.bytes.next() % 8 {
                0 => "$var(a)",
                _ => self.bytes.pick(&NAMES),
            };
            let _ = write!(text, "({name})");
        }
        if variable.index && self.bytes.one_in(3) {
            let index = *self.bytes.pick(&["0", "1", "-1", "7", "*", "$var(i)"]);
            let _ = write!(text, "[{index}]");
        }
        if !is_written {
            for _ in 0..(self.bytes.next() % 4).saturating_sub(1) {
                self.transformation(&mut text);
            }
        }
        format!("$({text})")
    }

    fn transformation(&mut self, text: &mut String) {
        let one = self.bytes.pick(self.catalog.transformations());
        let _ = write!(text, "{{{}.{}", one.class, one.name);
        for spec in &one.args {
            if spec.optional && self.bytes.one_in(2) {
                break;
            }
            let arg = match spec.kind {
                ArgKind::Int => self.bytes.pick(&NUMBERS).to_string(),
                ArgKind::Regex => "/(.)/x\\1/g".to_owned(),
                _ => match self.bytes.next() % 4 {
                    0 => "$var(a)".to_owned(),
                    _ => (*self.bytes.pick(&["a", "x", "10.0.0.0/8", ";", "PCMU", "m"])).to_owned(),
                },
            };
            let _ = write!(text, ",{arg}");
        }
        text.push('}');
    }
}
