//! Arguments of functions and variables, as views: literals were compiled at load, variables were evaluated
//! before the call.

use std::any::Any;
use std::sync::OnceLock;

use regex::bytes::Regex;

use crate::run::{NameId, Store, Value, ValueRef};

/// The arguments of one call, in the declared order.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    pub(crate) prepared: &'a OnceLock<PreparedOnce>,
    /// As the script has them.
    pub(crate) written: &'a [script::program::Arg],
    pub(crate) list: &'a [Arg<'a>],
    pub(crate) outputs: &'a std::cell::RefCell<Outputs>,
}

/// What a module made of the literals of one place in the script.
pub(crate) struct PreparedOnce(Box<dyn Any + Send + Sync>);

/// One argument.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Omitted,
    Value(ValueRef<'a>),
    Regex(&'a Regex),
    Output,
}

/// What a function assigns to its output arguments; done by the machine when it returns.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    store: Store,
    list: Vec<(usize, Value)>,
}

impl<'a> Args<'a> {
    /// Whether an argument was given.
    pub fn has(&self, index: usize) -> bool {
        !matches!(self.list.get(index), None | Some(Arg::Omitted))
    }

    /// A number; 0 if it was left out.
    pub fn int(&self, index: usize) -> i32 {
        self.maybe_int(index).unwrap_or(0)
    }

    /// A number, if it was given.
    pub fn maybe_int(&self, index: usize) -> Option<i32> {
        self.value(index).int()
    }

    /// A text; empty if it was left out.
    pub fn str(&self, index: usize) -> &'a [u8] {
        self.maybe_str(index).unwrap_or_default()
    }

    /// A text, if it was given.
    pub fn maybe_str(&self, index: usize) -> Option<&'a [u8]> {
        self.value(index).text()
    }

    /// The value of a variable argument; NULL if it was left out.
    pub fn value(&self, index: usize) -> ValueRef<'a> {
        match self.list.get(index) {
            Some(Arg::Value(value)) => *value,
            _ => ValueRef::Null,
        }
    }

    /// A regular expression, if it was given.
    pub fn regex(&self, index: usize) -> Option<&'a Regex> {
        match self.list.get(index) {
            Some(Arg::Regex(regex)) => Some(regex),
            _ => None,
        }
    }

    /// Whether the script wrote the argument down, so that it is the same in every call from this place.
    pub fn is_literal(&self, index: usize) -> bool {
        use script::program::Arg::{Int, Regex, Str};
        matches!(self.written.get(index), Some(Int(_) | Str(_) | Regex(_)))
    }

    /// What is prepared once for the place in the script that calls, from its literal arguments: made when it is
    /// asked for first, and gone with the program when a reload replaces it. `None` if it was made as another type.
    pub fn prepared<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&'a T> {
        self.prepared
            .get_or_init(|| PreparedOnce(Box::new(make())))
            .0
            .downcast_ref()
    }

    /// Assigns an output argument; it happens when the function has returned. Of an argument that was left out,
    /// nothing happens.
    pub fn set<'v>(&self, index: usize, value: impl Into<ValueRef<'v>>) {
        if let Some(Arg::Output) = self.list.get(index) {
            self.outputs.borrow_mut().push(index, value.into());
        }
    }
}

impl Outputs {
    fn push(&mut self, index: usize, value: ValueRef<'_>) {
        let value = self.store.keep(value);
        self.list.push((index, value));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, ValueRef<'_>)> {
        self.list
            .iter()
            .map(|(index, value)| (*index, value.with(&self.store.text)))
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.store.text.clear();
    }
}

/// What stands behind a variable's name: `$name(name)[index]`.
#[derive(Clone, Copy, Debug)]
pub struct VarArgs<'a> {
    /// The name in parentheses.
    pub name: Option<&'a [u8]>,
    /// The same as a number, for what is stored by it.
    pub name_id: Option<NameId>,
    /// The index in brackets.
    pub index: Index,
    /// When written: by `:=` instead of `=`.
    pub replaces: bool,
}

/// The index of a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// Without.
    #[default]
    None,
    /// A number; negative counts from the end.
    At(i32),
    /// `[*]`.
    All,
    /// `[append]`.
    Append,
}

impl VarArgs<'_> {
    /// The name in parentheses; empty if there is none.
    pub fn name(&self) -> &[u8] {
        self.name.unwrap_or_default()
    }
}
