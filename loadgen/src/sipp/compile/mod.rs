//! From elements to a [`Program`].
//!
//! Everything that a scenario cannot mean is said here, with its place in the file; a file with one mistake never
//! starts. `steps` reads messages and pauses, `actions` what they do, `keywords` the `[words]` of texts, `flow`
//! follows the way of a call through the finished steps.

mod actions;
mod attributes;
mod flow;
mod keywords;
mod steps;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use attributes::Attributes;

use super::diagnostic::{Diagnostic, Source, nearest};
use super::injection::Injection;
use super::limits::{COUNTERS_MAX, DIAGNOSTICS_MAX, METHODS_MAX, TIMERS_MAX, VARIABLES_MAX};
use super::program::{
    Kind, Program, Role, Scope, Slots, Step, Template, Uses, Variable, VariableId,
};
use super::xml::{self, Attribute, Element};

/// What keywords mean that is the same for all calls.
#[derive(Clone, Debug)]
pub(crate) struct Constants {
    pub(crate) service: String,
    pub(crate) local_ip: IpAddr,
    pub(crate) media_ip: IpAddr,
    pub(crate) media_port: u16,
    /// Where calls go; without one, the peer of the call.
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) remote_host: String,
    pub(crate) pid: u32,
    /// `-key`.
    pub(crate) keys: Vec<(String, String)>,
    /// Variables that `-set` gives a value.
    pub(crate) set: Vec<String>,
}

/// Reads and compiles a scenario; all its mistakes at once.
pub(crate) fn compile(
    source: &Source,
    files: Vec<Injection>,
    constants: &Constants,
) -> Result<Program, Vec<Diagnostic>> {
    let root = xml::read(source).map_err(|mistake| vec![mistake])?;
    let mut compiler = Compiler {
        source,
        constants,
        files,
        mistakes: Vec::new(),
        steps: Vec::new(),
        jumps: Vec::new(),
        labels: HashMap::new(),
        variables: Vec::new(),
        timers: Vec::new(),
        counters: Vec::new(),
        methods: Vec::new(),
        response_bounds: Vec::new(),
        length_bounds: Vec::new(),
        cells: HashMap::new(),
        uses: Uses::default(),
        step: 0,
    };
    for name in &constants.set {
        compiler.declare(name, Scope::Global);
    }
    let name = compiler.scenario(&root);
    compiler.finish(name)
}

/// A variable and what is known of it.
struct Known {
    variable: Variable,
    /// The first place that reads it and the first that gives it a value.
    read: Option<Range<usize>>,
    written: bool,
}

/// A label that something jumps to.
struct Jump {
    step: usize,
    label: String,
    at: Range<usize>,
    on_timeout: bool,
}

struct Compiler<'a> {
    source: &'a Source,
    constants: &'a Constants,
    files: Vec<Injection>,
    mistakes: Vec<Diagnostic>,
    steps: Vec<Step>,
    jumps: Vec<Jump>,
    labels: HashMap<String, u32>,
    variables: Vec<Known>,
    timers: Vec<String>,
    counters: Vec<String>,
    methods: Vec<Vec<u8>>,
    response_bounds: Vec<(usize, Vec<u64>)>,
    length_bounds: Vec<u64>,
    cells: HashMap<(u16, u32, u16), Template>,
    uses: Uses,
    /// The step that is being read.
    step: usize,
}

/// What may stand in a scenario.
const ELEMENTS: &str = "send, recv, pause, nop, timewait, label, Global, User, Reference, \
                        ResponseTimeRepartition, CallLengthRepartition";

impl Compiler<'_> {
    fn complain(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.mistakes
            .push(self.source.diagnostic(at, message, help));
    }

    /// The whole file; the name of the scenario.
    fn scenario(&mut self, root: &Element) -> String {
        if root.name != "scenario" {
            let message = format!("`{}` is not a scenario", root.name);
            self.complain(root.at.clone(), message, "a file is one <scenario>");
            return String::new();
        }
        let mut attributes = Attributes::of(root);
        let name = attributes.take("name").map(|name| name.value.clone());
        self.no_more(&attributes);
        // Scopes first: a message may name a variable before the declaration.
        for element in &root.children {
            match element.name.as_str() {
                "Global" => self.variables_of(element, Scope::Global),
                "User" => self.variables_of(element, Scope::User),
                _ => {}
            }
        }
        for element in &root.children {
            self.element(element);
        }
        name.unwrap_or_default()
    }

    fn element(&mut self, element: &Element) {
        if let Some(stray) = element.stray.clone() {
            self.complain(stray, "text outside of CDATA", "write <![CDATA[ ... ]]>");
        }
        match element.name.as_str() {
            "send" => self.send(element),
            "recv" => self.recv(element),
            "pause" => self.pause(element),
            "nop" => self.nop(element),
            "timewait" => self.timewait(element),
            "label" => self.label(element),
            "Global" | "User" => {}
            "Reference" => self.references(element),
            "ResponseTimeRepartition" => self.response_repartition(element),
            "CallLengthRepartition" => self.length_repartition(element),
            "sendCmd" | "recvCmd" => self.complain(
                element.at.clone(),
                format!("`{}` is not supported", element.name),
                "a scenario here has no second one to talk to (3PCC); run the other side by itself",
            ),
            "init" => self.complain(
                element.at.clone(),
                "`init` is not supported",
                "give global variables their value with -set NAME VALUE",
            ),
            "action" => self.complain(
                element.at.clone(),
                "an `action` belongs into a `recv`, `send` or `nop`",
                "",
            ),
            other => {
                let help = match nearest(other, ELEMENTS.split(", ")) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("supported: {ELEMENTS}"),
                };
                self.complain(
                    element.at.clone(),
                    format!("`{other}` is not known here"),
                    help,
                );
            }
        }
    }

    fn finish(mut self, name: String) -> Result<Program, Vec<Diagnostic>> {
        self.land_jumps();
        let start = 0..1;
        let role = self.steps.iter().find_map(|step| match step.kind {
            Kind::Send(_) => Some(Role::Caller),
            Kind::Recv(_) => Some(Role::Callee),
            _ => None,
        });
        if role.is_none() && self.mistakes.is_empty() {
            self.complain(start, "the scenario neither sends nor receives", "");
        }
        let mistakes: Vec<_> = self
            .variables
            .iter()
            .filter(|known| !known.written)
            .filter_map(|known| Some((known.read.clone()?, known.variable.name.clone())))
            .collect();
        for (at, name) in mistakes {
            let message = format!("`{name}` is read, but nothing gives it a value");
            self.complain(
                at,
                message,
                "assign_to of an action, -set, or <Reference variables=\"...\"/>",
            );
        }
        if !self.mistakes.is_empty() {
            self.mistakes.sort_by(|a, b| a.order().cmp(&b.order()));
            self.mistakes.truncate(DIAGNOSTICS_MAX);
            return Err(self.mistakes);
        }
        let mut slots = Slots::default();
        let mut variables: Vec<Variable> = self
            .variables
            .into_iter()
            .map(|known| known.variable)
            .collect();
        for variable in &mut variables {
            let next = match variable.scope {
                Scope::Call => &mut slots.call,
                Scope::Global => &mut slots.global,
                Scope::User => &mut slots.user,
            };
            variable.slot = *next;
            *next += 1;
        }
        let mut program = Program {
            name,
            role: role.unwrap_or(Role::Caller),
            steps: self.steps,
            variables,
            slots,
            timers: self.timers,
            counters: self.counters,
            methods: self.methods,
            response_bounds: self.response_bounds,
            length_bounds: self.length_bounds,
            files: self.files,
            cells: self.cells,
            uses: self.uses,
        };
        flow::follow(&mut program);
        Ok(program)
    }

    /// Jumps know their labels only now.
    fn land_jumps(&mut self) {
        for jump in std::mem::take(&mut self.jumps) {
            let Some(&step) = self.labels.get(&jump.label) else {
                let labels = self.labels.keys().map(String::as_str);
                let help = match nearest(&jump.label, labels) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "there is no <label id=\"...\"/> of this name".to_owned(),
                };
                let message = format!("no label `{}`", jump.label);
                self.complain(jump.at, message, help);
                continue;
            };
            let from = &mut self.steps[jump.step];
            match (&mut from.kind, jump.on_timeout) {
                (Kind::Recv(recv), true) => recv.on_timeout = Some(step),
                _ => {
                    if let Some(next) = &mut from.next {
                        next.step = step;
                    }
                }
            }
        }
    }

    fn variables_of(&mut self, element: &Element, scope: Scope) {
        let mut attributes = Attributes::of(element);
        if let Some(list) = attributes.take("variables") {
            for name in names(&list.value) {
                self.declare(name, scope);
            }
        }
        self.no_more(&attributes);
    }

    /// `Reference` names variables that are written and never read, or the other way: that is meant then.
    fn references(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        if let Some(list) = attributes.take("variables") {
            for name in names(&list.value) {
                let id = self.declare(name, Scope::Call);
                self.variables[usize::from(id)].written = true;
            }
        }
        self.no_more(&attributes);
    }

    /// Known from now on; global and user variables are never without a value: they begin unset.
    fn declare(&mut self, name: &str, scope: Scope) -> VariableId {
        let place = self.place_of(name);
        let known = &mut self.variables[place];
        if scope != Scope::Call {
            known.variable.scope = scope;
            known.written = true;
        }
        place as VariableId
    }

    fn place_of(&mut self, name: &str) -> usize {
        let found = self
            .variables
            .iter()
            .position(|known| known.variable.name == name);
        found.unwrap_or_else(|| {
            self.variables.push(Known {
                variable: Variable {
                    name: name.to_owned(),
                    scope: Scope::Call,
                    slot: 0,
                },
                read: None,
                written: false,
            });
            self.variables.len() - 1
        })
    }

    fn variable(&mut self, name: &str, at: Range<usize>) -> VariableId {
        let name = name.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !is_name {
            let message = format!("`{name}` is no name of a variable");
            self.complain(at, message, "letters, digits, `_`, `-`, `.`");
            return 0;
        }
        let place = self.place_of(name);
        if place >= VARIABLES_MAX {
            self.complain(at, format!("more than {VARIABLES_MAX} variables"), "");
            return 0;
        }
        place as VariableId
    }

    /// A variable that is looked at.
    fn read_variable(&mut self, name: &str, at: Range<usize>) -> VariableId {
        let id = self.variable(name, at.clone());
        if let Some(known) = self.variables.get_mut(usize::from(id)) {
            known.read.get_or_insert(at);
        }
        id
    }

    /// A variable that is given a value.
    fn written_variable(&mut self, name: &str, at: Range<usize>) -> VariableId {
        let id = self.variable(name, at);
        if let Some(known) = self.variables.get_mut(usize::from(id)) {
            known.written = true;
        }
        id
    }

    fn timer(&mut self, attribute: &Attribute) -> Option<u8> {
        // `rtd="true"` is the first timer of old, and `false` is none.
        let name = match attribute.value.as_str() {
            "true" => "1",
            "false" => return None,
            name => name,
        };
        self.timer_named(name, attribute)
    }

    fn timer_named(&mut self, name: &str, attribute: &Attribute) -> Option<u8> {
        let place = place_in(&mut self.timers, name);
        if place >= TIMERS_MAX {
            self.complain(
                attribute.value_at.clone(),
                format!("more than {TIMERS_MAX} response timers"),
                "",
            );
            return None;
        }
        Some(place as u8)
    }

    fn counter(&mut self, attribute: &Attribute) -> Option<u16> {
        let place = place_in(&mut self.counters, &attribute.value);
        if place >= COUNTERS_MAX {
            self.complain(
                attribute.value_at.clone(),
                format!("more than {COUNTERS_MAX} counters"),
                "",
            );
            return None;
        }
        Some(place as u16)
    }

    fn method(&mut self, name: &[u8], at: Range<usize>) -> u8 {
        if let Some(place) = self.methods.iter().position(|known| known == name) {
            return place as u8;
        }
        if self.methods.len() == METHODS_MAX {
            self.complain(at, format!("more than {METHODS_MAX} methods"), "");
            return 0;
        }
        self.methods.push(name.to_vec());
        (self.methods.len() - 1) as u8
    }

    fn response_repartition(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        let timer = match attributes.take("name") {
            Some(name) => self.timer_named(&name.value, name),
            None => Some(place_in(&mut self.timers, "1") as u8),
        };
        let bounds = self.bounds(element, &mut attributes);
        if let Some(timer) = timer {
            self.response_bounds.push((usize::from(timer), bounds));
        }
        self.no_more(&attributes);
    }

    fn length_repartition(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.length_bounds = self.bounds(element, &mut attributes);
        self.no_more(&attributes);
    }

    /// `10, 20, 50`: milliseconds.
    fn bounds(&mut self, element: &Element, attributes: &mut Attributes<'_>) -> Vec<u64> {
        let Some(list) = attributes.take("value") else {
            self.complain(
                element.at.clone(),
                format!("`{}` has no `value`", element.name),
                "value=\"10, 20, 50\": bounds in milliseconds",
            );
            return Vec::new();
        };
        let bounds: Result<Vec<u64>, _> = list
            .value
            .split(',')
            .map(|bound| bound.trim().parse::<u64>())
            .collect();
        match bounds {
            Ok(bounds) if bounds.is_sorted() => bounds,
            _ => {
                self.complain(
                    list.value_at.clone(),
                    "these are no bounds",
                    "rising numbers of milliseconds: \"10, 20, 50\"",
                );
                Vec::new()
            }
        }
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Where a name stands in a list; it is put there when it is not.
fn place_in(list: &mut Vec<String>, name: &str) -> usize {
    list.iter()
        .position(|known| known == name)
        .unwrap_or_else(|| {
            list.push(name.to_owned());
            list.len() - 1
        })
}
