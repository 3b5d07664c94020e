//! Names that scripts give at will: of `$var`s, `$avp`s, flags of routes to run later. Each is a small
//! number, so that storing and comparing one costs nothing.
//!
//! Names written in the script are known from the start; names made at run time are added until
//! [`NAMES_MAX`], after which a new one is refused.

use hashbrown::HashMap;

use crate::limits::NAMES_MAX;

/// A name, as a number. The same text has the same number for as long as the shard lives, also across a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// All names of a shard.
#[derive(Clone, Debug)]
pub struct Names {
    by_text: HashMap<Box<[u8]>, NameId, ahash::RandomState>,
    texts: Vec<Box<[u8]>>,
}

impl Default for Names {
    fn default() -> Self {
        // Bounded, and filled by scripts: nothing that a peer could aim collisions at.
        Names {
            by_text: HashMap::with_hasher(ahash::RandomState::with_seeds(1, 2, 3, 4)),
            texts: Vec::new(),
        }
    }
}

impl Names {
    /// The number of a name; a new one is added. `None` when there are too many.
    pub fn intern(&mut self, text: &[u8]) -> Option<NameId> {
        if let Some(&id) = self.by_text.get(text) {
            return Some(id);
        }
        if self.texts.len() >= NAMES_MAX {
            return None;
        }
        let id = NameId(self.texts.len() as u32);
        self.texts.push(text.into());
        self.by_text.insert(text.into(), id);
        Some(id)
    }

    /// The number of a name that was used before.
    pub fn find(&self, text: &[u8]) -> Option<NameId> {
        self.by_text.get(text).copied()
    }

    /// The text of a name.
    pub fn text(&self, id: NameId) -> &[u8] {
        self.texts.get(id.0 as usize).map_or(b"", |text| text)
    }
}
