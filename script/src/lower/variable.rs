//! Variables: looked up, checked, and loaded or stored.

use super::Lower;
use crate::catalog::{Access, ArgKind, SubName, VariableId};
use crate::known;
use crate::limits::STACK_MAX;
use crate::ops::{Op, Slot, StoreHow};
use crate::posix::Flags;
use crate::program::{
    Constant, Context, Index, Name, ReplacementPart, Spec, SpecId, Substitution, SubstitutionId,
    Transform, TransformArg,
};
use crate::report::suggest;
use crate::source::Span;
use crate::survey::Named;
use crate::text::Text;
use crate::variable::{self, Param, Part, Sub, Variable};

/// Variables of the past: the old name, today's, its sub-name.
const OLD_NAMES: &[(&str, &str, Option<&str>)] = &[
    ("Ri", "socket_in", Some("ip")),
    ("Rp", "socket_in", Some("port")),
    ("af", "socket_in", Some("af")),
    ("br", "msg.branch.uri", None),
    ("bR", "msg.branch.uri", None),
    ("fs", "socket_out", None),
    ("pr", "socket_in", Some("proto")),
    ("proto", "socket_in", Some("proto")),
];

/// What is done with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    /// Assigned by the script, or filled by a function.
    Write,
    /// The source of a `for`, whose index is its counter.
    Iterate(Slot),
}

impl Lower<'_, '_> {
    /// Emits the value of a variable token of code.
    pub(super) fn load_token(&mut self, span: Span) -> Option<()> {
        let variable = variable::token(span, self.report)?;
        self.load(&variable)
    }

    /// Emits the value of a variable.
    pub(super) fn load(&mut self, variable: &Variable) -> Option<()> {
        let spec = self.spec(variable, Use::Read)?;
        let operands = usize::from(self.program.spec(spec).operands);
        self.emit(Op::Load(spec), variable.span, operands, 1);
        Some(())
    }

    /// Emits the assignment of the value that lies under the operands of the variable.
    pub(super) fn store(&mut self, spec: SpecId, how: StoreHow, span: Span) {
        let operands = usize::from(self.program.spec(spec).operands);
        self.emit(Op::Store { spec, how }, span, operands + 1, 0);
    }

    /// Emits the operands of a variable and returns what describes it. `None`: reported.
    pub(super) fn spec(&mut self, written: &Variable, usage: Use) -> Option<SpecId> {
        let (id, old_sub) = self.find_variable(written)?;
        let known = self.catalog.variable(id);
        let name = format!("${}", known.name);
        let span = written.span;

        let is_old = known.name != written.name;
        let read_only = known.access == Access::ReadOnly || is_old;
        if usage == Use::Write {
            if !written.transforms.is_empty() {
                self.report.error_with(
                    span,
                    "a transformation cannot be assigned to",
                    "assign to the plain variable",
                );
                return None;
            }
            if read_only {
                let reason = format!("`${}` is read-only, not writable", written.name);
                match is_old && known.access == Access::ReadWrite {
                    true => self
                        .report
                        .error_with(span, reason, format!("assign `{name}`")),
                    false => self.report.error(span, reason),
                }
                return None;
            }
        }
        if written.context == Context::Request || written.context == Context::Reply {
            let provided = self.has_tm;
            if !provided {
                self.report.error_with(
                    span,
                    "a context is provided by tm",
                    "add loadmodule \"tm.so\"",
                );
                return None;
            }
        }
        let known = self.catalog.variable(id);
        match (known.sub_name, &written.sub) {
            (SubName::None, Some(_)) => {
                self.report
                    .error(span, format!("`{name}` takes no name in parentheses"));
                return None;
            }
            (SubName::Required | SubName::Path, None) if old_sub.is_none() => {
                self.report.error(
                    span,
                    format!("`{name}` needs a name in parentheses: `{name}(...)`"),
                );
                return None;
            }
            _ => {}
        }
        if !known.index && written.index.is_some() {
            self.report.error(span, format!("`{name}` takes no index"));
            return None;
        }

        let before = self.depth;
        let name = match (&written.sub, old_sub) {
            (None, None) => Name::None,
            (None, Some(sub)) => Name::Const(self.text(sub.as_bytes())),
            (Some(Sub::Text(text)), _) => Name::Const(self.text(text)),
            (Some(Sub::Parts(parts)), _) if known.sub_name == SubName::Path => {
                self.path(parts, span)?;
                Name::Path
            }
            (Some(Sub::Parts(parts)), _) => {
                match parts.as_slice() {
                    [Part::Variable(one)] => self.load(one)?,
                    parts => self.format(parts, span)?,
                }
                Name::Operand
            }
        };
        let index = match (&written.index, usage) {
            (_, Use::Iterate(slot)) => {
                self.emit(Op::PushCounter(slot), span, 0, 1);
                Index::Operand
            }
            (None, _) => Index::None,
            (Some(variable::Index::At(index)), _) => Index::At(*index),
            (Some(variable::Index::All), _) => Index::All,
            (Some(variable::Index::Append), Use::Write) => Index::Append,
            (Some(variable::Index::Append), _) => {
                self.report.error(span, "`[append]` is for assignments");
                return None;
            }
            (Some(variable::Index::Variable(variable)), _) => {
                self.load(variable)?;
                Index::Operand
            }
        };
        let mut transforms = Vec::new();
        for one in &written.transforms {
            transforms.push(self.transform(one)?);
        }
        let operands = self.depth - before;
        if operands > STACK_MAX {
            return None;
        }
        let transforms = self.transform_range(transforms);
        let spec = Spec {
            variable: id,
            context: written.context,
            name,
            index,
            transforms,
            operands: operands as u8,
        };
        Some(super::pooled(
            &mut self.program.specs,
            &mut self.specs,
            spec,
            SpecId,
        ))
    }

    /// Equal chains of transformations would be told apart by their ranges; only the empty one is shared.
    fn transform_range(&mut self, transforms: Vec<Transform>) -> std::ops::Range<u32> {
        if transforms.is_empty() {
            return 0..0;
        }
        let start = self.program.transforms.len() as u32;
        self.program.transforms.extend(transforms);
        start..self.program.transforms.len() as u32
    }

    fn find_variable(&mut self, written: &Variable) -> Option<(VariableId, Option<&'static str>)> {
        let name = written.name.as_str();
        let catalog = self.catalog;
        let offering = |id: VariableId| catalog.variable(id).module.as_str();
        if let Some(id) = catalog.find_variable(name) {
            self.mention(Named::Variable, name, Some(offering(id)), written.span);
            return Some((id, None));
        }
        let old = OLD_NAMES.iter().find(|(old, ..)| *old == name);
        if let Some((_, new, sub)) = old
            && let Some(id) = self.catalog.find_variable(new)
        {
            self.mention(Named::Variable, name, Some(offering(id)), written.span);
            let new = sub.map_or(format!("${new}"), |sub| format!("${new}({sub})"));
            let hint = Some(format!("write `{new}`"));
            self.report
                .warn(written.span, format!("`${name}` is an old name"), hint);
            return Some((id, *sub));
        }
        self.mention(Named::Variable, name, None, written.span);
        let reason = format!("unknown variable `${name}`");
        match known::module_of_variable(name) {
            Some(module) if self.missing.iter().any(|missing| missing == module) => {}
            Some(module) if self.is_loaded(module) => {
                let hint = format!("OpenSIPS has it in {module}; Tandem does not offer it yet");
                self.report.error_with(written.span, reason, hint);
            }
            Some(module) => {
                let way = self.catalog.way_to(module);
                let hint = format!("it is a variable of module {module}: {way}");
                self.report.error_with(written.span, reason, hint);
            }
            None => match suggest(
                name,
                self.catalog.variables().iter().map(|one| one.name.as_str()),
            ) {
                Some(near) => {
                    self.report
                        .error_with(written.span, reason, format!("did you mean `${near}`?"))
                }
                None => self.report.error(written.span, reason),
            },
        }
        None
    }

    pub(super) fn is_loaded(&self, module: &str) -> bool {
        module == "core" || self.program.modules.iter().any(|one| one.name == module)
    }

    fn transform(&mut self, written: &variable::Transform) -> Option<Transform> {
        let (class, name) = (&written.class, &written.name);
        let found = self.catalog.find_transformation(class, name);
        let offering = found.map(|_| "core");
        self.mention(
            Named::Transformation,
            &format!("{class}.{name}"),
            offering,
            written.span,
        );
        let Some(id) = found else {
            let reason = format!("unknown transformation `{class}.{name}`");
            let of_class = self
                .catalog
                .transformations()
                .iter()
                .filter(|one| one.class == *class);
            let near = suggest(name, of_class.map(|one| one.name.as_str()));
            match near {
                Some(near) => self.report.error_with(
                    written.span,
                    reason,
                    format!("did you mean `{class}.{near}`?"),
                ),
                None => self.report.error(written.span, reason),
            }
            return None;
        };
        let catalog = self.catalog;
        let declared = &catalog.transformation(id).args;
        let least = declared
            .iter()
            .rposition(|arg| !arg.optional)
            .map_or(0, |last| last + 1);
        if written.params.len() < least || written.params.len() > declared.len() {
            let wanted = match (least, declared.len()) {
                (least, most) if least == most => format!("{least}"),
                (least, most) => format!("{least} to {most}"),
            };
            let reason = format!(
                "`{class}.{name}` takes {wanted} parameters, not {}",
                written.params.len()
            );
            self.report.error(written.span, reason);
            return None;
        }
        let mut args = Vec::new();
        for (param, spec) in written.params.iter().zip(declared) {
            args.push(self.transform_arg(param, spec.kind)?);
        }
        let start = self.program.transform_args.len() as u32;
        self.program.transform_args.extend(args);
        let args = if written.params.is_empty() {
            0..0
        } else {
            start..self.program.transform_args.len() as u32
        };
        Some(Transform {
            transform: id,
            args,
        })
    }

    fn transform_arg(&mut self, param: &Param, kind: ArgKind) -> Option<TransformArg> {
        match (param, kind) {
            (Param::Text(text), ArgKind::Regex) => self.substitution(text),
            (Param::Text(text), ArgKind::Int) => {
                let trimmed = text.lossy();
                match trimmed.trim().parse() {
                    Ok(number) => Some(TransformArg::Const(self.constant(Constant::Int(number)))),
                    Err(_) => {
                        self.report
                            .error(text.span, format!("`{}` is not a number", trimmed.trim()));
                        None
                    }
                }
            }
            (Param::Text(text), _) => Some(TransformArg::Const(self.text(&text.bytes))),
            (Param::Variable(variable), _) => {
                self.load(variable)?;
                Some(TransformArg::Operand)
            }
        }
    }

    fn substitution(&mut self, text: &Text) -> Option<TransformArg> {
        let Some(split) = variable::split_substitution(text) else {
            self.report.error_with(
                text.span,
                "not a substitution",
                "it is `/expression/replacement/flags`",
            );
            return None;
        };
        let mut flags = Flags {
            ignore_case: false,
            lines: true,
        };
        let mut global = false;
        for flag in &split.flags {
            match flag {
                b'i' => flags.ignore_case = true,
                b's' => flags.lines = false,
                b'g' => global = true,
                other => {
                    let reason = format!("unknown flag `{}`", char::from(*other));
                    self.report.error_with(
                        text.span,
                        reason,
                        "i ignores case, s lets `.` match line ends, g is global",
                    );
                    return None;
                }
            }
        }
        let regex = self.regex(&split.regex, flags, text.span)?;
        let before = self.depth;
        let mut replacement = Vec::new();
        for part in variable::format(&split.replacement, 1, self.report)? {
            match part {
                Part::Text(text) => self.replacement_text(&text, &mut replacement),
                Part::Variable(variable) => {
                    self.load(&variable)?;
                    replacement.push(ReplacementPart::Operand);
                }
            }
        }
        let operands = (self.depth - before).min(STACK_MAX) as u8;
        let id = SubstitutionId(self.program.substitutions.len() as u32);
        self.program.substitutions.push(Substitution {
            regex,
            replacement,
            global,
            operands,
        });
        Some(TransformArg::Substitution(id))
    }

    /// Text with `\0` to `\9`; other escaped bytes are themselves.
    fn replacement_text(&mut self, text: &[u8], parts: &mut Vec<ReplacementPart>) {
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match (byte, after.split_first()) {
                (b'\\', Some((digit, after))) if digit.is_ascii_digit() => {
                    if !plain.is_empty() {
                        parts.push(ReplacementPart::Text(self.text(&plain)));
                        plain.clear();
                    }
                    parts.push(ReplacementPart::Group(digit - b'0'));
                    rest = after;
                }
                (b'\\', Some((escaped, after))) => {
                    plain.push(*escaped);
                    rest = after;
                }
                (byte, _) => plain.push(*byte),
            }
        }
        if !plain.is_empty() {
            parts.push(ReplacementPart::Text(self.text(&plain)));
        }
    }
}
