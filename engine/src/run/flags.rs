//! Names of flags: script-language §7.9. Each class has 32, numbered as they come up.

/// The names of message and branch flags; the place is the bit.
#[derive(Debug, Default)]
pub struct FlagNames {
    message: Vec<Box<[u8]>>,
    branch: Vec<Box<[u8]>>,
}

impl FlagNames {
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
