//! `$var`: single values that belong to a run and are left to the next one.

use super::kept::Kept;
use super::names::NameId;
use super::value::{Store, Value, ValueRef};
use crate::limits::{VAR_BYTES_MAX, VARS_MAX};

/// The script variables of a run, or of a shard between two runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vars {
    entries: Vec<Option<Value>>,
    store: Store,
    /// What modules keep as long.
    pub(crate) kept: Kept,
}

impl Vars {
    /// Its value; 0 before the first assignment.
    pub(crate) fn get(&self, name: NameId) -> ValueRef<'_> {
        match self.entries.get(name.0 as usize) {
            Some(Some(value)) => value.with(&self.store.text),
            _ => ValueRef::Int(0),
        }
    }

    /// Assigns. False when there is no room.
    pub(crate) fn set(&mut self, name: NameId, value: ValueRef<'_>) -> bool {
        let place = name.0 as usize;
        if place >= VARS_MAX {
            return false;
        }
        if place >= self.entries.len() {
            self.entries.resize(place + 1, None);
        }
        // A text that fits where the old one was stays there: counting in a loop takes no room.
        if let (ValueRef::Str(text), Some(Value::Text(old))) = (value, &mut self.entries[place])
            && text.len() <= old.len as usize
        {
            old.len = text.len() as u32;
            let range = old.range();
            self.store.text[range].copy_from_slice(text);
            return true;
        }
        let bytes = value.text().map_or(0, <[u8]>::len);
        if self.store.text.len() + bytes > VAR_BYTES_MAX {
            // What cannot be assigned leaves the old value.
            let others = self.entries.iter().enumerate();
            let others = others.filter(|(other, _)| *other != place);
            let kept: usize = others.map(|(_, value)| text_len(*value)).sum();
            if kept + bytes > VAR_BYTES_MAX {
                return false;
            }
            self.entries[place] = None;
            self.store.pack(self.entries.iter_mut().flatten());
        }
        self.entries[place] = Some(self.store.keep(value));
        true
    }

    /// Becomes a copy of `other`.
    pub(crate) fn copy_from(&mut self, other: &Vars) {
        self.entries.clone_from(&other.entries);
        self.store.text.clone_from(&other.store.text);
        self.kept.clone_from(&other.kept);
    }
}

fn text_len(value: Option<Value>) -> usize {
    match value {
        Some(Value::Text(stretch) | Value::Both(_, stretch)) => stretch.len as usize,
        _ => 0,
    }
}
