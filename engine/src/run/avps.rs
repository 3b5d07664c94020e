//! `$avp`: attributes of a message or transaction, each name a stack of values: script-language §8.2.
//!
//! One list, newest last, and one arena of text. Names are few per message, so finding one is a walk.

use super::names::NameId;
use super::value::{Reading, Store, Value, ValueRef};
use crate::limits::{AVP_BYTES_MAX, AVPS_MAX};
use crate::module::Index;

/// The attributes of one message or transaction.
#[derive(Clone, Debug, Default)]
pub struct Avps {
    entries: Vec<(NameId, Value)>,
    store: Store,
}

/// There is no room for one more value, or for its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Avps {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.store.text.clear();
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The newest value: `$avp(name)`.
    pub fn get(&self, name: NameId) -> Option<ValueRef<'_>> {
        self.at(name, 0)
    }

    /// The value at an index: 0 is the newest, -1 the oldest.
    pub fn at(&self, name: NameId, index: i32) -> Option<ValueRef<'_>> {
        let place = self.place(name, index)?;
        Some(self.entries[place].1.with(&self.store.text))
    }

    /// All values of a name, newest first.
    pub fn all(&self, name: NameId) -> impl Iterator<Item = ValueRef<'_>> {
        self.entries
            .iter()
            .rev()
            .filter(move |entry| entry.0 == name)
            .map(|entry| entry.1.with(&self.store.text))
    }

    /// Everything, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, ValueRef<'_>)> {
        self.entries
            .iter()
            .rev()
            .map(|entry| (entry.0, entry.1.with(&self.store.text)))
    }

    /// Adds a value on top: `$avp(name) = value`.
    pub fn push(&mut self, name: NameId, value: ValueRef<'_>) -> Result<(), Full> {
        let value = self.keep_one_more(value)?;
        self.entries.push((name, value));
        Ok(())
    }

    /// Adds a value at the bottom: `$(avp(name)[append]) = value`.
    pub fn append(&mut self, name: NameId, value: ValueRef<'_>) -> Result<(), Full> {
        let value = self.keep_one_more(value)?;
        self.entries.insert(0, (name, value));
        Ok(())
    }

    /// Puts a value in the place of another: `$(avp(name)[index]) = value`. False if there is none at that index.
    pub fn replace(&mut self, name: NameId, index: i32, value: ValueRef<'_>) -> Result<bool, Full> {
        let Some(place) = self.place(name, index) else {
            return Ok(false);
        };
        let value = self.keep(value)?;
        self.entries[place].1 = value;
        Ok(true)
    }

    /// Drops all values of the name, then adds one: `$avp(name) := value`.
    pub fn set(&mut self, name: NameId, value: ValueRef<'_>) -> Result<(), Full> {
        self.remove_all(name);
        self.push(name, value)
    }

    /// Drops the value at an index: `$(avp(name)[index]) = NULL`. False if there is none.
    pub fn remove(&mut self, name: NameId, index: i32) -> bool {
        let Some(place) = self.place(name, index) else {
            return false;
        };
        self.entries.remove(place);
        true
    }

    /// Drops all values of the name: `$avp(name) := NULL`.
    pub fn remove_all(&mut self, name: NameId) {
        self.entries.retain(|entry| entry.0 != name);
    }

    /// How many values a name has.
    pub fn count(&self, name: NameId) -> usize {
        self.entries.iter().filter(|entry| entry.0 == name).count()
    }

    /// What `$avp(name)[index]` reads: without an index the newest value, `[*]` all of them.
    pub fn read(&self, name: NameId, index: Index, out: &mut Vec<u8>) -> Reading {
        let one = |value: Option<ValueRef<'_>>, out: &mut Vec<u8>| {
            value.map_or(Reading::Null, |value| Reading::of(value, out))
        };
        match index {
            Index::None | Index::Append => one(self.get(name), out),
            Index::At(index) => one(self.at(name, index), out),
            Index::All => {
                let mut is_any = false;
                for value in self.all(name) {
                    if is_any {
                        out.extend_from_slice(b", ");
                    }
                    is_any = true;
                    value.write(out);
                }
                if is_any { Reading::Text } else { Reading::Null }
            }
        }
    }

    /// Assigns `$avp(name)[index]`; `replaces` is `:=`. `false`: no room, or no value at that index.
    pub fn assign(
        &mut self,
        name: NameId,
        index: Index,
        replaces: bool,
        value: ValueRef<'_>,
    ) -> bool {
        let replaces_all = replaces || index == Index::All;
        match (value, index) {
            (ValueRef::Null, _) if replaces_all => {
                self.remove_all(name);
                true
            }
            (ValueRef::Null, Index::At(index)) => {
                self.remove(name, index);
                true
            }
            (ValueRef::Null, _) => {
                self.remove(name, 0);
                true
            }
            (value, _) if replaces_all => self.set(name, value).is_ok(),
            (value, Index::At(index)) => self.replace(name, index, value) == Ok(true),
            (value, Index::Append) => self.append(name, value).is_ok(),
            (value, _) => self.push(name, value).is_ok(),
        }
    }

    /// Whether one more value fits within bounds that are narrower than a transaction's: a branch's.
    pub fn has_room(&mut self, value: ValueRef<'_>, values_max: usize, bytes_max: usize) -> bool {
        let bytes = value.text().map_or(0, <[u8]>::len);
        if self.store.text.len() + bytes > bytes_max {
            self.store
                .pack(self.entries.iter_mut().map(|entry| &mut entry.1));
        }
        self.entries.len() < values_max && self.store.text.len() + bytes <= bytes_max
    }

    /// Becomes a copy of `other`.
    pub fn copy_from(&mut self, other: &Avps) {
        self.entries.clone_from(&other.entries);
        self.store.text.clone_from(&other.store.text);
    }

    fn place(&self, name: NameId, index: i32) -> Option<usize> {
        let mut of_name = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.0 == name)
            .map(|(place, _)| place);
        match usize::try_from(index) {
            Ok(from_newest) => of_name.rev().nth(from_newest),
            Err(_) => of_name.nth(index.unsigned_abs() as usize - 1),
        }
    }

    fn keep_one_more(&mut self, value: ValueRef<'_>) -> Result<Value, Full> {
        if self.entries.len() >= AVPS_MAX {
            return Err(Full);
        }
        self.keep(value)
    }

    fn keep(&mut self, value: ValueRef<'_>) -> Result<Value, Full> {
        let bytes = value.text().map_or(0, <[u8]>::len);
        if self.store.text.len() + bytes > AVP_BYTES_MAX {
            self.store
                .pack(self.entries.iter_mut().map(|entry| &mut entry.1));
            if self.store.text.len() + bytes > AVP_BYTES_MAX {
                return Err(Full);
            }
        }
        Ok(self.store.keep(value))
    }
}
