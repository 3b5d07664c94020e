//! `via`: parts of a Via value.

use parser::{Transport, Via};

use super::{Arg, Input, Outcome, Transformation, part_or_empty, with_text};
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];

macro_rules! row {
    ($name:literal, $args:expr, $apply:expr) => {
        Transformation {
            class: "via",
            name: $name,
            args: $args,
            apply: $apply,
        }
    };
}

pub(super) const TABLE: &[Transformation] = &[
    row!("name", &[], |input, _, _| protocol(input, 0)),
    row!("version", &[], |input, _, _| protocol(input, 1)),
    row!("transport", &[], |input, _, out| with(input, |via| {
        out.extend_from_slice(match via.transport {
            Transport::Udp => b"UDP",
            Transport::Tcp => b"TCP",
            Transport::Tls => b"TLS",
            Transport::Sctp => b"SCTP",
            Transport::TlsSctp => b"TLS-SCTP",
            Transport::Ws => b"WS",
            Transport::Wss => b"WSS",
            Transport::Other(name) => name,
        });
        Outcome::Written
    })),
    row!("host", &[], |input, _, _| host(input)),
    row!("domain", &[], |input, _, _| host(input)),
    row!("port", &[], |input, _, _| with(input, |via| {
        match via.port {
            Some(port) => Outcome::Int(i32::from(port)),
            None => Outcome::Part(0..0),
        }
    })),
    row!("params", &[], |input, _, _| with(input, |via| {
        let raw = via.params.raw();
        part_or_empty(input, Some(raw.strip_prefix(b";").unwrap_or(raw)))
    })),
    row!("param", &[Arg::Text], param),
    row!("comment", &[], |input, _, _| comment(input)),
    row!("branch", &[], |input, _, _| named(input, b"branch")),
    row!("received", &[], |input, _, _| named(input, b"received")),
    row!("rport", &[], |input, _, _| named(input, b"rport")),
];

/// RFC 3261 has no comments in a Via any more, RFC 2543 §6.40 had one at the end.
fn with<'a>(input: Input<'a>, then: impl FnOnce(Via<'a>) -> Outcome) -> Outcome {
    let text = first(input.text);
    let end = match text.ends_with(b")") {
        true => text.iter().position(|byte| *byte == b'('),
        false => None,
    };
    match Via::parse(text[..end.unwrap_or(text.len())].trim_ascii_end()) {
        Ok(via) => then(via),
        Err(_) => Outcome::Null,
    }
}

/// Of several values on one line, the first.
fn first(text: &[u8]) -> &[u8] {
    let mut in_quotes = false;
    let end = text.iter().position(|byte| {
        in_quotes ^= *byte == b'"';
        *byte == b',' && !in_quotes
    });
    text[..end.unwrap_or(text.len())].trim_ascii()
}

fn named(input: Input<'_>, name: &[u8]) -> Outcome {
    with(input, |via| part_or_empty(input, via.params.get(name)))
}

fn param(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |name| named(input, name))
}

fn host(input: Input<'_>) -> Outcome {
    with(input, |via| {
        // What stands before the port; an IPv6 address keeps its brackets.
        let end = via
            .sent_by
            .iter()
            .rposition(|byte| *byte == b':' || *byte == b']');
        let host = match end {
            Some(at) if via.sent_by[at] == b':' => via.sent_by[..at].trim_ascii_end(),
            _ => via.sent_by,
        };
        part_or_empty(input, Some(host))
    })
}

/// `SIP` and `2.0` of `SIP/2.0/UDP`.
fn protocol(input: Input<'_>, place: usize) -> Outcome {
    with(input, |_| {
        let field = first(input.text).split(|byte| *byte == b'/').nth(place);
        part_or_empty(input, field.map(<[u8]>::trim_ascii))
    })
}

fn comment(input: Input<'_>) -> Outcome {
    with(input, |_| {
        let text = first(input.text);
        let open = text.iter().position(|byte| *byte == b'(');
        let close = text.iter().rposition(|byte| *byte == b')');
        match (open, close) {
            (Some(open), Some(close)) if open < close => {
                part_or_empty(input, Some(&text[open + 1..close]))
            }
            _ => Outcome::Part(0..0),
        }
    })
}
