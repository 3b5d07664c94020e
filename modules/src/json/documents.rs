//! The documents of a run: values that refer to each other, in one table.
//!
//! A value belongs to whatever refers to it: documents, arrays, objects. `json_link` makes a second reference, so there is a
//! count; a circle is refused, so the count is enough. Whatever walks down knows its depth, since links may build what
//! no text could.

use serde_json::{Number, Value as Parsed};

use super::limits::{BYTES_MAX, DOCUMENTS_MAX, VALUES_MAX};
use super::path::{Path, Step};

/// A value, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    /// Bytes as the script or the peer gave them.
    Text(Box<[u8]>),
    Array(Vec<Id>),
    /// In the order of writing.
    Object(Vec<(Box<[u8]>, Id)>),
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such place.
    NoPlace,
    /// There is no room.
    Full,
    /// The value would hold itself.
    Circle,
}

/// All documents of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    names: Vec<(Box<[u8]>, Id)>,
    table: Vec<(u32, Value)>,
    free: Vec<u32>,
    bytes: usize,
    /// References beyond the first of each value: they make lists longer without a value more.
    links: usize,
}

impl Documents {
    /// The value at the end of a path.
    pub(super) fn find(&self, path: &Path<'_>) -> Option<Id> {
        let document = self.document(&path.name)?;
        path.steps
            .iter()
            .try_fold(document, |id, step| self.step(id, step))
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        &self.table[id.0 as usize].1
    }

    /// Makes a value; it goes again with [`Documents::release`] if nothing takes it.
    pub(super) fn add(&mut self, value: Value) -> Result<Id, Refusal> {
        let bytes = own_bytes(&value);
        if self.count() >= VALUES_MAX || self.bytes + bytes > BYTES_MAX {
            return Err(Refusal::Full);
        }
        self.bytes += bytes;
        Ok(match self.free.pop() {
            Some(place) => {
                self.table[place as usize] = (1, value);
                Id(place)
            }
            None => {
                self.table.push((1, value));
                Id(self.table.len() as u32 - 1)
            }
        })
    }

    /// Values, each counted as often as something refers to it.
    fn count(&self) -> usize {
        self.table.len() - self.free.len() + self.links
    }

    /// Takes over what was parsed. Recursive: the parser has a depth.
    pub(super) fn take_in(&mut self, parsed: Parsed) -> Result<Id, Refusal> {
        let value = match parsed {
            Parsed::Null => Value::Null,
            Parsed::Bool(is) => Value::Bool(is),
            Parsed::Number(number) => Value::Number(number),
            Parsed::String(text) => Value::Text(text.into_bytes().into()),
            Parsed::Array(list) => {
                let mut ids = Vec::with_capacity(list.len());
                for one in list {
                    match self.take_in(one) {
                        Ok(id) => ids.push(id),
                        Err(refusal) => return Err(self.give_up(ids, refusal)),
                    }
                }
                Value::Array(ids)
            }
            Parsed::Object(map) => {
                let mut members: Vec<(Box<[u8]>, Id)> = Vec::with_capacity(map.len());
                for (key, one) in map {
                    match self.take_in(one) {
                        Ok(id) => members.push((key.into_bytes().into(), id)),
                        Err(refusal) => {
                            let ids = members.into_iter().map(|(_, id)| id).collect();
                            return Err(self.give_up(ids, refusal));
                        }
                    }
                }
                Value::Object(members)
            }
        };
        let ids: Vec<Id> = children(&value).collect();
        self.add(value)
            .map_err(|refusal| self.give_up(ids, refusal))
    }

    fn give_up(&mut self, ids: Vec<Id>, refusal: Refusal) -> Refusal {
        for id in ids {
            self.release(id);
        }
        refusal
    }

    /// Puts a value at the end of a path, in the place of what is there. The reference in hand goes there or goes.
    pub(super) fn put(&mut self, path: &Path<'_>, value: Id) -> Result<(), Refusal> {
        let put = self.try_put(path, value);
        match put {
            Ok(replaced) => {
                if let Some(replaced) = replaced {
                    self.release(replaced);
                }
                Ok(())
            }
            Err(refusal) => {
                self.release(value);
                Err(refusal)
            }
        }
    }

    /// Puts a value, which is left to the caller if there is no place; otherwise returns what it replaced.
    fn try_put(&mut self, path: &Path<'_>, value: Id) -> Result<Option<Id>, Refusal> {
        let Some((last, before)) = path.steps.split_last() else {
            if let Some(document) = self.names.iter_mut().find(|(name, _)| **name == *path.name) {
                return Ok(Some(std::mem::replace(&mut document.1, value)));
            }
            if self.names.len() >= DOCUMENTS_MAX {
                return Err(Refusal::Full);
            }
            self.names.push((path.name.as_ref().into(), value));
            return Ok(None);
        };
        let document = self.document(&path.name).ok_or(Refusal::NoPlace)?;
        let parent = before
            .iter()
            .try_fold(document, |id, step| self.step(id, step))
            .ok_or(Refusal::NoPlace)?;
        let spare = BYTES_MAX - self.bytes;
        match (&mut self.table[parent.0 as usize].1, last) {
            (Value::Object(members), Step::Key(key)) => {
                if let Some(member) = members.iter_mut().find(|(name, _)| **name == **key) {
                    return Ok(Some(std::mem::replace(&mut member.1, value)));
                }
                if key.len() > spare {
                    return Err(Refusal::Full);
                }
                members.push((key.as_ref().into(), value));
                self.bytes += key.len();
                Ok(None)
            }
            (Value::Array(list), Step::At(index)) => {
                let at = place(*index, list.len()).ok_or(Refusal::NoPlace)?;
                Ok(Some(std::mem::replace(&mut list[at], value)))
            }
            (Value::Array(list), Step::Append) => {
                list.push(value);
                Ok(None)
            }
            _ => Err(Refusal::NoPlace),
        }
    }

    /// Takes away what is at the end of a path. A member that is not there is gone already.
    pub(super) fn remove(&mut self, path: &Path<'_>) -> Result<(), Refusal> {
        let Some((last, before)) = path.steps.split_last() else {
            if let Some(at) = self.names.iter().position(|(name, _)| **name == *path.name) {
                let (_, id) = self.names.swap_remove(at);
                self.release(id);
            }
            return Ok(());
        };
        let document = self.document(&path.name).ok_or(Refusal::NoPlace)?;
        let parent = before
            .iter()
            .try_fold(document, |id, step| self.step(id, step))
            .ok_or(Refusal::NoPlace)?;
        let gone = match (&mut self.table[parent.0 as usize].1, last) {
            (Value::Object(members), Step::Key(key)) => {
                let Some(at) = members.iter().position(|(name, _)| **name == **key) else {
                    return Ok(());
                };
                self.bytes -= key.len();
                members.remove(at).1
            }
            (Value::Array(list), Step::At(index)) => {
                let at = place(*index, list.len()).ok_or(Refusal::NoPlace)?;
                list.remove(at)
            }
            _ => return Err(Refusal::NoPlace),
        };
        self.release(gone);
        Ok(())
    }

    /// Lets the end of one path be the same value as the end of another.
    pub(super) fn link(&mut self, to: &Path<'_>, from: &Path<'_>) -> Result<(), Refusal> {
        let source = self.find(from).ok_or(Refusal::NoPlace)?;
        if let Some((_, before)) = to.steps.split_last() {
            let document = self.document(&to.name).ok_or(Refusal::NoPlace)?;
            let parent = before
                .iter()
                .try_fold(document, |id, step| self.step(id, step))
                .ok_or(Refusal::NoPlace)?;
            if self.reaches(source, parent) {
                return Err(Refusal::Circle);
            }
        }
        if self.count() >= VALUES_MAX {
            return Err(Refusal::Full);
        }
        self.links += 1;
        self.table[source.0 as usize].0 += 1;
        self.put(to, source)
    }

    fn reaches(&self, from: Id, target: Id) -> bool {
        let mut seen = vec![false; self.table.len()];
        let mut rest = vec![from];
        while let Some(id) = rest.pop() {
            if id == target {
                return true;
            }
            if !std::mem::replace(&mut seen[id.0 as usize], true) {
                rest.extend(children(self.get(id)));
            }
        }
        false
    }

    /// One reference less.
    pub(super) fn release(&mut self, id: Id) {
        let mut rest = vec![id];
        while let Some(id) = rest.pop() {
            let (count, value) = &mut self.table[id.0 as usize];
            *count -= 1;
            if *count > 0 {
                self.links -= 1;
            } else {
                let value = std::mem::replace(value, Value::Null);
                self.bytes -= own_bytes(&value);
                rest.extend(children(&value));
                self.free.push(id.0);
            }
        }
    }

    fn document(&self, name: &[u8]) -> Option<Id> {
        self.names
            .iter()
            .find(|(one, _)| **one == *name)
            .map(|(_, id)| *id)
    }

    fn step(&self, id: Id, step: &Step<'_>) -> Option<Id> {
        match (self.get(id), step) {
            (Value::Object(members), Step::Key(key)) => members
                .iter()
                .find(|(name, _)| **name == **key)
                .map(|(_, id)| *id),
            (Value::Array(list), Step::At(index)) => {
                place(*index, list.len()).map(|place| list[place])
            }
            _ => None,
        }
    }

    /// How much there is: values and bytes.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.count(), self.bytes)
    }
}

fn children(value: &Value) -> impl Iterator<Item = Id> {
    let (list, members) = match value {
        Value::Array(list) => (&list[..], &[][..]),
        Value::Object(members) => (&[][..], &members[..]),
        _ => (&[][..], &[][..]),
    };
    list.iter()
        .copied()
        .chain(members.iter().map(|(_, id)| *id))
}

/// Bytes that go with a value, those of its children not counted.
fn own_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Object(members) => members.iter().map(|(key, _)| key.len()).sum(),
        _ => 0,
    }
}

/// The place that an index means, counted from the end if it is negative.
pub(super) fn place(index: i32, len: usize) -> Option<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => len.checked_sub(index.unsigned_abs() as usize)?,
    };
    (place < len).then_some(place)
}
