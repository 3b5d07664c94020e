//! Names of flags: script-language §7.9. Each class has 32.
//!
//! A flag's number travels: registrations keep branch flags, and shards tell each other. So the numbers are given out
//! in the order of the script before anything runs, the same on every shard.

use script::program::{Arg, Name, Position};
use script::{Catalog, Program};

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
        let message = others
            .message
            .iter()
            .all(|name| self.message(name).is_some());
        let branch = others.branch.iter().all(|name| self.branch(name).is_some());
        message && branch
    }

    fn add(&mut self, is_branch: bool, name: &[u8]) -> Option<u32> {
        if is_branch {
            self.branch(name)
        } else {
            self.message(name)
        }
    }

    /// The mask of a message flag. `None` when all 32 are named already.
    pub fn message(&mut self, name: &[u8]) -> Option<u32> {
        mask(&mut self.message, name)
    }

    /// The mask of a branch flag. `None` when all 32 are named already.
    pub fn branch(&mut self, name: &[u8]) -> Option<u32> {
        mask(&mut self.branch, name)
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

fn mask(names: &mut Vec<Box<[u8]>>, name: &[u8]) -> Option<u32> {
    let place = match names.iter().position(|one| **one == *name) {
        Some(place) => place,
        None if names.len() < 32 => {
            names.push(name.into());
            names.len() - 1
        }
        None => return None,
    };
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
