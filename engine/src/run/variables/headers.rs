//! `$hdr`, `$hdrcnt`, `$hdr_name`, `$ct`, `$ua`, `$path`, `$cT`: headers by name.

use parser::NameAddr;

use super::{CoreVariable, of_message, pick};
use crate::module::{Context, Index, Shape, VarArgs};
use crate::run::value::Reading;

pub(super) const TABLE: &[CoreVariable] = &[
    of_message("hdr", Shape::NAMED_INDEXED, |cx, args, out| {
        pick(
            cx.message
                .headers_called(args.name())
                .map(|header| header.value),
            args.index,
            out,
        )
    }),
    of_message("hdrcnt", Shape::NAMED, |cx, args, _| {
        Reading::Int(cx.message.headers_called(args.name()).count() as i32)
    }),
    of_message("hdr_name", Shape::INDEXED, |cx, args, out| {
        pick(
            cx.message.headers().map(|header| header.raw_name),
            args.index,
            out,
        )
    }),
    of_message("ct", Shape::INDEXED, |cx, args, out| {
        pick(
            cx.message.contacts().map(|contact| contact.raw),
            args.index,
            out,
        )
    }),
    of_message("ct.fields", Shape::NAMED_INDEXED, contact_field),
    of_message("ua", Shape::PLAIN, |cx, _, out| {
        Reading::maybe(
            cx.message
                .headers_called(b"User-Agent")
                .next()
                .map(|header| header.value),
            out,
        )
    }),
    of_message("path", Shape::PLAIN, |cx, _, out| {
        pick(
            cx.message
                .headers_called(b"Path")
                .map(|header| header.value),
            Index::All,
            out,
        )
    }),
];

fn contact_field(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    if args.index == Index::All {
        let start = out.len();
        let values = cx
            .message
            .contacts()
            .filter_map(|one| field_of(one.value, args.name()));
        for value in values {
            if out.len() > start {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(value);
        }
        return match out.len() > start {
            true => Reading::Text,
            false => Reading::Null,
        };
    }
    let place = match args.index {
        Index::At(index) => index,
        _ => 0,
    };
    let place = match usize::try_from(place) {
        Ok(place) => Some(place),
        Err(_) => cx
            .message
            .contacts()
            .count()
            .checked_sub(place.unsigned_abs() as usize),
    };
    let Some(contact) = place.and_then(|place| cx.message.contacts().nth(place)) else {
        return Reading::Null;
    };
    Reading::maybe(field_of(contact.value, args.name()), out)
}

fn field_of<'m>(contact: NameAddr<'m>, name: &[u8]) -> Option<&'m [u8]> {
    match name {
        b"name" => contact.display,
        b"uri" => Some(contact.addr_spec),
        b"params" => {
            let raw = contact.params.raw();
            Some(raw.strip_prefix(b";").unwrap_or(raw)).filter(|raw| !raw.is_empty())
        }
        b"q" | b"expires" | b"methods" | b"received" => contact.params.get(name),
        _ => None,
    }
}
