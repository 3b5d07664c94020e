//! From the tree to operations.
//!
//! Names are looked up here, arguments checked, literals pooled. Jumps are emitted to labels and turned into addresses
//! when the route is complete. The depth of the stack is followed while emitting, so that a run can reserve what a
//! route needs.

mod command;
mod condition;
mod events;
mod expression;
mod statement;
mod variable;

use std::collections::HashMap;
use std::hash::Hash;

use crate::Offer;
use crate::ast;
use crate::catalog::{Catalog, FunctionId, RouteKind};
use crate::limits::{OPS_MAX, STACK_MAX};
use crate::ops::{Op, OpId, Outcomes, Slot};
use crate::posix::{self, Flags};
use crate::program::{
    Call, CallId, ConstId, Constant, Format, FormatId, Net, NetId, Pattern, Program, RegexId,
    Route, RouteId, Spec, SpecId,
};
use crate::report::Report;
use crate::source::Span;
use crate::survey::{Head, Mention, Named, Survey};

/// What a route does to others, for the check of what may be called from where.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// Functions it calls.
    pub(crate) functions: Vec<(FunctionId, Span)>,
    /// Routes it runs in its own kind.
    pub(crate) routes: Vec<RouteId>,
}

/// A place to jump to, known later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label(u32);

/// What names can be looked up in.
pub(crate) struct World<'w> {
    pub(crate) catalog: &'w Catalog,
    /// Modules that are loaded but offered by nobody, which was reported.
    pub(crate) missing: &'w [String],
    pub(crate) offer: &'w dyn Offer,
}

pub(crate) struct Lower<'l, 's> {
    catalog: &'l Catalog,
    missing: &'l [String],
    offer: &'l dyn Offer,
    survey: Option<&'l mut Survey>,
    report: &'l mut Report<'s>,
    program: Program,
    /// By route, in the order of the program.
    uses: Vec<Uses>,
    asserts: bool,
    has_tm: bool,
    constants: HashMap<Constant, ConstId>,
    specs: HashMap<Spec, SpecId>,
    formats: HashMap<Format, FormatId>,
    regexes: HashMap<(ConstId, Flags), RegexId>,
    nets: HashMap<Net, NetId>,
    /// Names of `onreply_route`s that something arms.
    armed: Vec<(RouteKind, Vec<u8>)>,

    // Of the route in hand:
    /// Its index.
    current: usize,
    kind: RouteKind,
    labels: Vec<Option<u32>>,
    /// Where a label was placed last.
    placed: u32,
    /// Where `break` goes.
    breaks: Vec<Label>,
    slots: u16,
    depth: usize,
    depth_max: usize,
}

/// Lowers all routes into the program, which holds everything else already.
pub(crate) fn lower(
    routes: &[ast::Route],
    world: &World<'_>,
    program: Program,
    report: &mut Report<'_>,
    survey: Option<&mut Survey>,
) -> (Program, Vec<Uses>) {
    let mut lower = Lower {
        catalog: world.catalog,
        missing: world.missing,
        offer: world.offer,
        survey,
        asserts: program.globals.is_on("enable_asserts").unwrap_or(false),
        has_tm: program.modules.iter().any(|module| module.name == "tm"),
        report,
        program,
        uses: Vec::new(),
        constants: HashMap::new(),
        specs: HashMap::new(),
        formats: HashMap::new(),
        regexes: HashMap::new(),
        nets: HashMap::new(),
        armed: Vec::new(),
        current: 0,
        kind: RouteKind::Request,
        labels: Vec::new(),
        placed: 0,
        breaks: Vec::new(),
        slots: 0,
        depth: 0,
        depth_max: 0,
    };
    lower.declare(routes);
    for (index, route) in routes.iter().enumerate() {
        lower.route(index, route);
    }
    lower.adopt_reply_zero();
    lower.judge_events(routes);
    (lower.program, lower.uses)
}

impl Lower<'_, '_> {
    /// All names first: a route may be called before it is written.
    fn declare(&mut self, routes: &[ast::Route]) {
        let mut first: HashMap<(RouteKind, &[u8]), Span> = HashMap::new();
        for (index, route) in routes.iter().enumerate() {
            let Ok(number) = u16::try_from(index) else {
                self.report.error(route.span, "more than 65535 routes");
                return;
            };
            let key = (route.kind, route.name.as_slice());
            if let Some(before) = first.get(&key) {
                let place = self.report.source.place(*before);
                let file = &self.report.source.files[usize::from(place.file)].name;
                let hint = format!("the first one is at {file}:{}", place.line);
                let name =
                    String::from_utf8_lossy(self.report.source.text(route.span)).into_owned();
                self.report
                    .error_with(route.span, format!("`{name}` redefined"), hint);
            } else {
                first.insert(key, route.span);
                self.program.route_by_name[route.kind as usize]
                    .insert(route.name.clone(), RouteId(number));
            }
            self.uses.push(Uses::default());
            if let Some(survey) = self.survey.as_deref_mut() {
                survey.routes.push(Head {
                    kind: route.kind,
                    name: String::from_utf8_lossy(&route.name).into_owned(),
                    at: self.report.source.position(route.span),
                    leads_to: Vec::new(),
                });
            }
            self.program.routes.push(Route {
                kind: route.kind,
                name: route.name.clone(),
                entry: OpId(0),
                end: OpId(0),
                slots: 0,
                stack: 0,
                interval: route.interval,
                at: self.report.source.position(route.span),
            });
        }
    }

    fn route(&mut self, index: usize, route: &ast::Route) {
        if index >= self.program.routes.len() || self.report.is_full() {
            return;
        }
        let entry = self.program.ops.len();
        self.kind = route.kind;
        self.labels.clear();
        self.breaks.clear();
        (self.slots, self.depth, self.depth_max) = (0, 0, 0);
        self.current = index;
        if route.kind == RouteKind::Request && route.name.is_empty() {
            self.prologues(route.span);
        }
        if route
            .body
            .iter()
            .all(|statement| matches!(statement.kind, ast::StatementKind::Empty))
        {
            self.emit(Op::SetRc(1), route.span, 0, 0);
        }
        self.statements(&route.body);
        let last = route
            .body
            .last()
            .map_or(route.span, |statement| statement.span);
        self.emit(Op::RouteEnd, last, 0, 0);
        self.resolve_labels(entry);
        let compiled = &mut self.program.routes[index];
        compiled.entry = OpId(entry as u32);
        compiled.end = OpId(self.program.ops.len() as u32);
        compiled.slots = self.slots;
        compiled.stack = self.depth_max as u16;
    }

    /// What modules do before the main route: as if it began with `if (takes()) { route(x); if (!then()) failed(); exit; }`.
    fn prologues(&mut self, span: Span) {
        let catalog = self.catalog;
        for prologue in catalog.prologues() {
            let mut params = self.program.modparams.iter();
            let named = params
                .rfind(|param| param.module == prologue.module && param.name == prologue.route)
                .and_then(|param| param.value.text())
                .map(<[u8]>::to_vec);
            let failure = Outcomes::FALSE.or(Outcomes::ERROR);
            let (main, done) = (self.label(), self.label());
            self.call_hidden(prologue.takes, span);
            self.jump_if(failure, main, span);
            if let Some(name) = named {
                let Some(route) = self.find_route(RouteKind::Request, &name, span) else {
                    continue;
                };
                self.uses[self.current].routes.push(route);
                self.emit(Op::Route { route, args: 0 }, span, 0, 0);
            }
            self.call_hidden(prologue.then, span);
            self.jump_if(Outcomes::TRUE, done, span);
            self.call_hidden(prologue.failed, span);
            self.place(done);
            self.emit(Op::Exit, span, 0, 0);
            self.place(main);
            self.emit(Op::SetRc(1), span, 0, 0);
        }
    }

    fn call_hidden(&mut self, function: FunctionId, span: Span) {
        let id = CallId(self.program.calls.len() as u32);
        let at = self.report.source.position(span);
        self.program.calls.push(Call {
            function,
            args: 0..0,
            operands: 0,
            at,
        });
        self.emit(Op::Call(id), span, 0, 0);
        self.emit(Op::TestRc, span, 0, 0);
    }

    fn jump_if(&mut self, when: Outcomes, to: Label, span: Span) {
        let to = OpId(to.0);
        self.emit(Op::JumpIf { when, to }, span, 0, 0);
    }

    /// Remembers a name for the survey, if one is made.
    fn mention(&mut self, named: Named, name: &str, module: Option<&str>, span: Span) {
        if let Some(survey) = self.survey.as_deref_mut() {
            let at = self.report.source.position(span);
            survey.mentions.push(Mention {
                named,
                name: name.to_owned(),
                module: module.map(str::to_owned),
                route: self.current,
                at,
            });
        }
    }

    /// The same for a route that the one in hand leads to.
    fn mention_route(&mut self, kind: RouteKind, name: &[u8]) {
        let current = self.current;
        let head = self
            .survey
            .as_deref_mut()
            .and_then(|survey| survey.routes.get_mut(current));
        if let Some(head) = head {
            let to = (kind, String::from_utf8_lossy(name).into_owned());
            if !head.leads_to.contains(&to) {
                head.leads_to.push(to);
            }
        }
    }

    /// `onreply_route[0]` is the unnamed one, unless there is one or something arms "0".
    fn adopt_reply_zero(&mut self) {
        let armed = self.armed.contains(&(RouteKind::Reply, b"0".to_vec()));
        let unnamed = self.program.route(RouteKind::Reply, b"");
        if armed || unnamed.is_some() {
            return;
        }
        if let Some(id) = self.program.route(RouteKind::Reply, b"0") {
            self.program.route_by_name[RouteKind::Reply as usize].insert(Vec::new(), id);
        }
    }

    /// Emits an operation that takes and leaves so many values.
    fn emit(&mut self, op: Op, span: Span, pops: usize, pushes: usize) {
        self.depth = self.depth.saturating_sub(pops) + pushes;
        if self.depth > STACK_MAX {
            self.report
                .error(span, format!("more than {STACK_MAX} values at once"));
            self.depth = STACK_MAX;
        }
        self.depth_max = self.depth_max.max(self.depth);
        if self.program.ops.len() >= OPS_MAX {
            return self.report.error(
                span,
                format!("the script compiles to more than {OPS_MAX} operations"),
            );
        }
        self.program.ops.push(op);
        self.program
            .positions
            .push(self.report.source.position(span));
    }

    fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() as u32 - 1)
    }

    /// The next operation is what this label means.
    fn place(&mut self, label: Label) {
        self.placed = self.program.ops.len() as u32;
        self.labels[label.0 as usize] = Some(self.placed);
    }

    fn jump(&mut self, to: Label, span: Span) {
        self.emit(Op::Jump(OpId(to.0)), span, 0, 0);
    }

    fn resolve_labels(&mut self, entry: usize) {
        let end = self.program.ops.len() as u32;
        for op in &mut self.program.ops[entry..] {
            if let Some(target) = target_mut(op) {
                // Every label is placed, unless an error stopped the lowering.
                let at = self
                    .labels
                    .get(target.0 as usize)
                    .copied()
                    .flatten()
                    .unwrap_or(end.saturating_sub(1));
                // A label at the very end stands on the `RouteEnd`, which is always emitted last.
                *target = OpId(at.min(end.saturating_sub(1)));
            }
        }
    }

    fn slot(&mut self, span: Span) -> Slot {
        let slot = self.slots;
        match self.slots.checked_add(1) {
            Some(next) => self.slots = next,
            None => self
                .report
                .error(span, "more than 65535 loops in one route"),
        }
        Slot(slot)
    }

    fn constant(&mut self, constant: Constant) -> ConstId {
        pooled(
            &mut self.program.constants,
            &mut self.constants,
            constant,
            ConstId,
        )
    }

    fn text(&mut self, bytes: &[u8]) -> ConstId {
        self.constant(Constant::Str(bytes.into()))
    }

    fn net(&mut self, net: Net) -> NetId {
        pooled(&mut self.program.nets, &mut self.nets, net, NetId)
    }

    /// Compiles a literal expression; `None`: reported.
    fn regex(&mut self, pattern: &[u8], flags: Flags, span: Span) -> Option<RegexId> {
        let source = self.text(pattern);
        if let Some(known) = self.regexes.get(&(source, flags)) {
            return Some(*known);
        }
        match posix::compile(pattern, flags) {
            Ok(regex) => {
                let id = RegexId(self.program.regexes.len() as u32);
                self.program.regexes.push(Pattern { source, regex });
                self.regexes.insert((source, flags), id);
                Some(id)
            }
            Err(reason) => {
                self.report
                    .error(span, format!("bad regular expression: {reason}"));
                None
            }
        }
    }

    /// Emits the operands and the text of a format string.
    fn format(&mut self, parts: &[crate::variable::Part], span: Span) -> Option<()> {
        self.format_of(parts, crate::program::FormatPart::Operand, span)
    }

    /// Emits the text of a path, in which each variable is an element.
    fn path(&mut self, parts: &[crate::variable::Part], span: Span) -> Option<()> {
        self.format_of(parts, crate::program::FormatPart::Element, span)
    }

    /// The text of a substitution: what its variables say is escaped.
    fn escaped(
        &mut self,
        parts: &[crate::variable::Part],
        delimiter: u8,
        span: Span,
    ) -> Option<()> {
        self.format_of(parts, crate::program::FormatPart::Escaped(delimiter), span)
    }

    fn format_of(
        &mut self,
        parts: &[crate::variable::Part],
        operand: crate::program::FormatPart,
        span: Span,
    ) -> Option<()> {
        use crate::program::FormatPart;
        use crate::variable::Part;
        if let [Part::Text(text)] = parts {
            let constant = self.text(text);
            self.emit(Op::Push(constant), span, 0, 1);
            return Some(());
        }
        let mut compiled = Vec::with_capacity(parts.len());
        let mut operands = 0usize;
        let mut ok = true;
        for part in parts {
            match part {
                Part::Text(text) => compiled.push(FormatPart::Text(self.text(text))),
                Part::Variable(variable) => {
                    ok &= self.load(variable).is_some();
                    operands += 1;
                    compiled.push(operand);
                }
            }
        }
        let format = Format {
            parts: compiled,
            operands: operands.min(STACK_MAX) as u8,
        };
        let id = pooled(
            &mut self.program.formats,
            &mut self.formats,
            format,
            FormatId,
        );
        self.emit(Op::Format(id), span, operands, 1);
        ok.then_some(())
    }
}

fn pooled<T: Clone + Eq + Hash, I: Copy>(
    list: &mut Vec<T>,
    known: &mut HashMap<T, I>,
    one: T,
    id: impl Fn(u32) -> I,
) -> I {
    *known.entry(one).or_insert_with_key(|one| {
        list.push(one.clone());
        id(list.len() as u32 - 1)
    })
}

fn target_mut(op: &mut Op) -> Option<&mut OpId> {
    match op {
        Op::Jump(to) | Op::JumpIf { to, .. } | Op::Case { to, .. } => Some(to),
        Op::LoopGuard { exit, .. } | Op::ForStep { exit, .. } => Some(exit),
        Op::LogGuard { skip, .. } => Some(skip),
        _ => None,
    }
}
