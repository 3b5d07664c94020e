//! `$fu`, `$tu` and their parts, `$ai`, `$pu`, `$re`, `$rt`, `$di`: headers that name somebody.

use parser::{HeaderName, NameAddr};

use super::request_uri::{host, user};
use super::{CoreVariable, not_empty, of_message};
use crate::module::{Context, Shape};
use crate::run::value::Reading;

macro_rules! rows {
    ($($name:literal $of:expr, $part:expr;)*) => {
        &[$(of_message($name, Shape::PLAIN, |cx, _, out| {
            let find: fn(&Context<'_>, fn(NameAddr<'_>, &mut Vec<u8>) -> Reading, &mut Vec<u8>) -> Reading = $of;
            find(cx, $part, out)
        })),*]
    };
}

pub(super) const TABLE: &[CoreVariable] = rows! {
    "fu" from, uri;
    "from" from, uri;
    "fU" from, user_of;
    "from.user" from, user_of;
    "fd" from, host_of;
    "from.domain" from, host_of;
    "fn" from, display;
    "ft" from, tag;
    "tu" to, uri;
    "to" to, uri;
    "tU" to, user_of;
    "to.user" to, user_of;
    "td" to, host_of;
    "to.domain" to, host_of;
    "tn" to, display;
    "tt" to, tag;
    "ai" |cx, part, out| called(cx, b"P-Asserted-Identity", part, out), uri;
    "pu" preferred, uri;
    "pU" preferred, user_of;
    "pd" preferred, host_of;
    "pn" preferred, display;
    "re" |cx, part, out| called(cx, b"Remote-Party-ID", part, out), uri;
    "rt" |cx, part, out| called(cx, b"Refer-To", part, out), uri;
    "di" diversion, uri;
    "dip" diversion, |one, out| Reading::maybe(one.params.get(b"privacy"), out);
    "dir" diversion, |one, out| Reading::maybe(one.params.get(b"reason"), out);
};

type Part = fn(NameAddr<'_>, &mut Vec<u8>) -> Reading;

fn from(cx: &Context<'_>, part: Part, out: &mut Vec<u8>) -> Reading {
    part(cx.message.from(), out)
}

fn to(cx: &Context<'_>, part: Part, out: &mut Vec<u8>) -> Reading {
    part(cx.message.to(), out)
}

fn preferred(cx: &Context<'_>, part: Part, out: &mut Vec<u8>) -> Reading {
    called(cx, b"P-Preferred-Identity", part, out)
}

fn diversion(cx: &Context<'_>, part: Part, out: &mut Vec<u8>) -> Reading {
    called(cx, b"Diversion", part, out)
}

/// The first value of a header that may be a list of addresses.
fn called(cx: &Context<'_>, name: &[u8], part: Part, out: &mut Vec<u8>) -> Reading {
    let Some(header) = cx.message.headers_called(name).next() else {
        return Reading::Null;
    };
    let value = match header.name {
        HeaderName::Other => header.value,
        name => cx
            .message
            .list(name)
            .next()
            .map_or(header.value, |element| element.value),
    };
    match NameAddr::parse(value) {
        Ok(address) => part(address, out),
        Err(_) => Reading::Null,
    }
}

fn uri(address: NameAddr<'_>, out: &mut Vec<u8>) -> Reading {
    not_empty(address.addr_spec, out)
}

fn user_of(address: NameAddr<'_>, out: &mut Vec<u8>) -> Reading {
    user(address.addr_spec, out)
}

fn host_of(address: NameAddr<'_>, out: &mut Vec<u8>) -> Reading {
    host(address.addr_spec, out)
}

fn display(address: NameAddr<'_>, out: &mut Vec<u8>) -> Reading {
    not_empty(address.display.unwrap_or_default(), out)
}

fn tag(address: NameAddr<'_>, out: &mut Vec<u8>) -> Reading {
    Reading::maybe(address.tag(), out)
}
