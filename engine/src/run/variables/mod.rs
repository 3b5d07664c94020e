//! Variables of the core: script-language §8, pseudo-variables "core". One file a family.
//!
//! Reading is about the message in hand, with what the script changed of it; writing goes to the draft's side: the target
//! set, flags, attributes. What OpenSIPS has and is not in a table here is a load error that names it.

mod addresses;
mod branches;
mod destination;
mod digest;
mod flags;
mod headers;
mod message;
mod request_uri;
mod script_state;
mod sdp;
mod sockets;
mod stores;
mod time;

use super::value::{Reading, ValueRef};
use crate::module::{Context, Index, Shape, VarArgs};

pub(crate) use request_uri::{
    Part, current as current_request_uri, rewrite as rewrite_request_uri,
};

/// A variable of the core.
pub(crate) struct CoreVariable {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// It is about the message, so it is NULL where there is none.
    pub(crate) of_message: bool,
    pub(crate) read: Read,
    pub(crate) write: Option<Write>,
}

pub(crate) type Read = fn(&mut Context<'_>, VarArgs<'_>, &mut Vec<u8>) -> Reading;
/// Assigns; false if that cannot be.
pub(crate) type Write = fn(&mut Context<'_>, VarArgs<'_>, ValueRef<'_>) -> bool;

/// All of them, in the order of the catalog.
pub(crate) fn table() -> impl Iterator<Item = &'static CoreVariable> {
    let families: [&'static [CoreVariable]; 13] = [
        stores::TABLE,
        script_state::TABLE,
        request_uri::TABLE,
        destination::TABLE,
        addresses::TABLE,
        headers::TABLE,
        message::TABLE,
        sockets::TABLE,
        time::TABLE,
        flags::TABLE,
        branches::TABLE,
        digest::TABLE,
        sdp::TABLE,
    ];
    families.into_iter().flatten()
}

/// About the message, to read.
const fn of_message(name: &'static str, shape: Shape, read: Read) -> CoreVariable {
    CoreVariable {
        name,
        shape,
        of_message: true,
        read,
        write: None,
    }
}

/// About the message, to read and write.
const fn on_message(name: &'static str, shape: Shape, read: Read, write: Write) -> CoreVariable {
    CoreVariable {
        name,
        shape,
        of_message: true,
        read,
        write: Some(write),
    }
}

/// About something else, to read.
const fn fact(name: &'static str, shape: Shape, read: Read) -> CoreVariable {
    CoreVariable {
        name,
        shape,
        of_message: false,
        read,
        write: None,
    }
}

/// About something else, to read and write.
const fn state(name: &'static str, shape: Shape, read: Read, write: Write) -> CoreVariable {
    CoreVariable {
        name,
        shape,
        of_message: false,
        read,
        write: Some(write),
    }
}

/// The one that an index means, of values that can be gone through again: the first without an index, all of them
/// joined by `, ` for `[*]`.
fn pick<'v>(
    values: impl Iterator<Item = &'v [u8]> + Clone,
    index: Index,
    out: &mut Vec<u8>,
) -> Reading {
    let nth = |index: i32| match usize::try_from(index) {
        Ok(place) => values.clone().nth(place),
        Err(_) => {
            let len = values.clone().count();
            let place = len.checked_sub(index.unsigned_abs() as usize)?;
            values.clone().nth(place)
        }
    };
    match index {
        Index::None | Index::Append => Reading::maybe(nth(0), out),
        Index::At(index) => Reading::maybe(nth(index), out),
        Index::All => {
            let mut is_any = false;
            for value in values {
                if is_any {
                    out.extend_from_slice(b", ");
                }
                is_any = true;
                out.extend_from_slice(value);
            }
            if is_any { Reading::Text } else { Reading::Null }
        }
    }
}

/// Text that is not there when it is empty.
fn not_empty(text: &[u8], out: &mut Vec<u8>) -> Reading {
    Reading::maybe((!text.is_empty()).then_some(text), out)
}

/// Does something with the text of a value, a number's in decimal. NULL has none.
fn with_text<R>(value: ValueRef<'_>, then: impl FnOnce(&[u8]) -> R) -> Option<R> {
    match value {
        ValueRef::Null => None,
        ValueRef::Int(n) => Some(then(super::value::Digits::default().of(n))),
        ValueRef::Str(text) | ValueRef::Both(_, text) => Some(then(text)),
    }
}
