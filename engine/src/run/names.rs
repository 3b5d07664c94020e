//! Names that scripts give at will: of `$var`s, `$avp`s, flags of routes to run later. Each is a small
//! number, so that storing and comparing one costs nothing.
//!
//! Names written in the script are known from the start, and one that finds no room is an error of the load. Names made
//! at run time are added until there are [`NAMES_MADE_MAX`] of them: they can never take the room of a script's.

use hashbrown::HashMap;

use crate::limits::{NAMES_MADE_MAX, NAMES_MAX};

/// A name, as a number. The same text has the same number for as long as the shard lives, also across a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// All names of a shard.
#[derive(Clone, Debug)]
pub struct Names {
    by_text: HashMap<Box<[u8]>, NameId, ahash::RandomState>,
    texts: Vec<Box<[u8]>>,
    /// How many were made at run time.
    made: usize,
    is_full_told: bool,
}

impl Default for Names {
    fn default() -> Self {
        // Bounded, and filled by scripts: nothing that a peer could aim collisions at.
        Names {
            by_text: HashMap::with_hasher(ahash::RandomState::with_seeds(1, 2, 3, 4)),
            texts: Vec::new(),
            made: 0,
            is_full_told: false,
        }
    }
}

impl Names {
    /// The number of a name that a script, a parameter or the core writes down; a new one is added. `None` when there are
    /// too many.
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

    /// The number of a name made at run time; a new one is added. `None` when there are too many of those.
    pub fn make(&mut self, text: &[u8]) -> Option<NameId> {
        if let Some(id) = self.find(text) {
            return Some(id);
        }
        if self.made >= NAMES_MADE_MAX {
            return None;
        }
        let id = self.intern(text)?;
        self.made += 1;
        Some(id)
    }

    /// Whether it is the first time that somebody says that there is no room.
    pub(crate) fn tells_full(&mut self) -> bool {
        !std::mem::replace(&mut self.is_full_told, true)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Forgets what was added since there were `len`: the names of a script that does not come to run.
    pub(crate) fn cut_back(&mut self, len: usize) {
        for text in self.texts.drain(len..) {
            self.by_text.remove(&text);
        }
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
