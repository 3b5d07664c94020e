//! Names of flags: script-language §7.9. Each class has 32.
//!
//! A flag's number travels: registrations keep branch flags, and shards tell each other. So the numbers are given out
//! in the order of the script before anything runs, the same on every shard; a name that is only made at run time is
//! no flag's.

use script::ops::Op;
use script::program::{Arg, Name, Position};
use script::{Catalog, Program};

/// Flags of a class: the bits of a number.
const FLAGS_MAX: usize = 32;

/// The names of message and branch flags; the place is the bit.
#[derive(Clone, Debug, Default)]
pub struct FlagNames {
    message: Vec<Box<[u8]>>,
    branch: Vec<Box<[u8]>>,
}

impl FlagNames {
    /// The flags that a program writes down. `Err`: where there are too many.
    pub(super) fn of(program: &Program, catalog: &Catalog) -> Result<FlagNames, Position> {
        let mut names = FlagNames::default();
        for call in &program.calls {
            let is_branch = match catalog.function(call.function).name.as_str() {
                "setflag" | "resetflag" | "isflagset" => false,
                "setbflag" | "resetbflag" | "isbflagset" => true,
                _ => continue,
            };
            if let Some(Arg::Str(id)) = program.args(call).first()
                && let Some(name) = program.constant(*id).text()
            {
                names.add(is_branch, name).ok_or(call.at)?;
            }
        }
        // `$branch(flags) = "a b"` names some, too.
        for pair in program.ops.windows(2) {
            let &[Op::Push(id), Op::Store { spec, .. }] = pair else {
                continue;
            };
            let variable = catalog.variable(program.spec(spec).variable).name.as_str();
            if !matches!(variable, "branch" | "msg.branch.flags" | "branch.flags") {
                continue;
            }
            let is_flags = match program.spec(spec).name {
                Name::Const(field) => program.constant(field).text() == Some(b"flags"),
                _ => variable != "branch",
            };
            let text = program.constant(id).text().filter(|_| is_flags);
            let words = text.unwrap_or_default().split(|&byte| byte == b' ');
            for name in words.filter(|name| !name.is_empty()) {
                names.add(true, name).ok_or(Position::default())?;
            }
        }
        for spec in &program.specs {
            let is_branch = match catalog.variable(spec.variable).name.as_str() {
                "msg.flag" => false,
                "msg.branch.flag" | "branch.flag" | "tm.branch.flag" => true,
                _ => continue,
            };
            if let Name::Const(id) = spec.name
                && let Some(name) = program.constant(id).text()
            {
                names.add(is_branch, name).ok_or(Position::default())?;
            }
        }
        Ok(names)
    }

    /// Adds the flags of a program behind those that have a number. `false`: not all found room.
    pub(crate) fn add_all(&mut self, others: &FlagNames) -> bool {
        let mut fits = true;
        for name in &others.message {
            fits &= self.add(false, name).is_some();
        }
        for name in &others.branch {
            fits &= self.add(true, name).is_some();
        }
        fits
    }

    /// The mask of a flag, which has a number from now on. `None` when all 32 are named already.
    pub(crate) fn add(&mut self, is_branch: bool, name: &[u8]) -> Option<u32> {
        let names = if is_branch {
            &mut self.branch
        } else {
            &mut self.message
        };
        if let Some(mask) = mask(names, name) {
            return Some(mask);
        }
        if names.len() >= FLAGS_MAX {
            return None;
        }
        names.push(name.into());
        mask(names, name)
    }

    /// The mask of a message flag. `None`: nothing names it.
    pub fn message(&self, name: &[u8]) -> Option<u32> {
        mask(&self.message, name)
    }

    /// The mask of a branch flag. `None`: nothing names it.
    pub fn branch(&self, name: &[u8]) -> Option<u32> {
        mask(&self.branch, name)
    }

    /// Appends the names of the message flags in `bits`.
    pub fn write_message(&self, bits: u32, out: &mut Vec<u8>) {
        write(&self.message, bits, out);
    }

    /// Appends the names of the branch flags in `bits`.
    pub fn write_branch(&self, bits: u32, out: &mut Vec<u8>) {
        write(&self.branch, bits, out);
    }
}

fn mask(names: &[Box<[u8]>], name: &[u8]) -> Option<u32> {
    let place = names.iter().position(|one| **one == *name)?;
    Some(1 << place)
}

fn write(names: &[Box<[u8]>], bits: u32, out: &mut Vec<u8>) {
    let start = out.len();
    for (place, name) in names.iter().enumerate() {
        if bits & 1 << place != 0 {
            if out.len() > start {
                out.push(b' ');
            }
            out.extend_from_slice(name);
        }
    }
}
