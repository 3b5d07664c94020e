//! `uri`: parts of a SIP URI. What a URI does not have is empty; what is no URI is NULL.

use parser::{Scheme, Uri};

use super::{Arg, Input, Outcome, Transformation, part_or_empty, with_text};
use crate::run::value::ValueRef;

type Read = for<'a> fn(&Uri<'a>) -> Option<&'a [u8]>;

macro_rules! field {
    ($name:literal, $read:expr) => {
        Transformation {
            class: "uri",
            name: $name,
            args: &[],
            apply: |input, _, _| {
                let read: Read = $read;
                field(input, read)
            },
        }
    };
}

pub(super) const TABLE: &[Transformation] = &[
    field!("user", |uri| uri.user),
    field!("host", |uri| Some(uri.host_text)),
    field!("domain", |uri| Some(uri.host_text)),
    field!("passwd", |uri| uri.password),
    Transformation {
        class: "uri",
        name: "port",
        args: &[],
        apply: port,
    },
    field!("params", params),
    Transformation {
        class: "uri",
        name: "param",
        args: &[Arg::Text],
        apply: param,
    },
    field!("headers", |uri| uri.headers),
    field!("transport", |uri| uri.params.get(b"transport")),
    field!("ttl", |uri| uri.params.get(b"ttl")),
    field!("uparam", |uri| uri.params.get(b"user")),
    field!("maddr", |uri| uri.params.get(b"maddr")),
    field!("method", |uri| uri.params.get(b"method")),
    field!("lr", |uri| uri.params.get(b"lr")),
    field!("r2", |uri| uri.params.get(b"r2")),
    Transformation {
        class: "uri",
        name: "schema",
        args: &[],
        apply: scheme,
    },
];

fn field(input: Input<'_>, read: Read) -> Outcome {
    match Uri::parse(input.text) {
        Ok(uri) => part_or_empty(input, read(&uri)),
        Err(_) => Outcome::Null,
    }
}

/// Without the `;` before the first.
fn params<'a>(uri: &Uri<'a>) -> Option<&'a [u8]> {
    let raw = uri.params.raw();
    Some(raw.strip_prefix(b";").unwrap_or(raw))
}

fn port(input: Input<'_>, _: &[ValueRef<'_>], _: &mut Vec<u8>) -> Outcome {
    match Uri::parse(input.text) {
        Ok(Uri {
            port: Some(port), ..
        }) => Outcome::Int(i32::from(port)),
        Ok(_) => Outcome::Part(0..0),
        Err(_) => Outcome::Null,
    }
}

fn param(input: Input<'_>, params: &[ValueRef<'_>], _: &mut Vec<u8>) -> Outcome {
    let Ok(uri) = Uri::parse(input.text) else {
        return Outcome::Null;
    };
    with_text(params, 0, |name| part_or_empty(input, uri.params.get(name)))
}

fn scheme(input: Input<'_>, _: &[ValueRef<'_>], out: &mut Vec<u8>) -> Outcome {
    let Ok(uri) = Uri::parse(input.text) else {
        return Outcome::Null;
    };
    out.extend_from_slice(match uri.scheme {
        Scheme::Sip => b"sip",
        Scheme::Sips => b"sips",
        Scheme::Tel => b"tel",
        Scheme::Other(scheme) => scheme,
    });
    Outcome::Written
}
