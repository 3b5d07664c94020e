//! `ip`: addresses, as text and as the bytes of their family.

use std::net::IpAddr;

use script::program::Net;

use super::{Arg, Family, Input, Outcome, Transformation, with_text};
use crate::run::conditions::address;
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];

macro_rules! row {
    ($name:literal, $args:expr, $apply:expr) => {
        Transformation {
            class: "ip",
            name: $name,
            args: $args,
            apply: $apply,
        }
    };
}

pub(super) const TABLE: &[Transformation] = &[
    row!("family", &[], family),
    row!("ntop", &[], ntop),
    row!("pton", &[], pton),
    row!("isip", &[], |input, _, _| is(input, |_| true)),
    row!("isip4", &[], |input, _, _| is(input, |ip| ip.is_ipv4())),
    row!("isip6", &[], |input, _, _| is(input, |ip| ip.is_ipv6())),
    row!("matches", &[Arg::Text], matches),
    row!("resolve", &[], |_, _, _| Outcome::Resolve(Family::Any)),
    row!("resolve4", &[], |_, _, _| Outcome::Resolve(Family::V4)),
    row!("resolve6", &[], |_, _, _| Outcome::Resolve(Family::V6)),
    row!("isprivate", &[], |input, _, _| is(input, is_private)),
];

fn is(input: Input<'_>, test: fn(IpAddr) -> bool) -> Outcome {
    Outcome::Int(i32::from(address(input.text).is_some_and(test)))
}

fn family(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    out.extend_from_slice(match input.text.len() {
        4 => b"INET",
        16 => b"INET6",
        _ => return Outcome::Null,
    });
    Outcome::Written
}

fn ntop(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let ip = match input.text.len() {
        4 => <[u8; 4]>::try_from(input.text).map(IpAddr::from),
        _ => <[u8; 16]>::try_from(input.text).map(IpAddr::from),
    };
    let Ok(ip) = ip else { return Outcome::Null };
    out.extend_from_slice(ip.to_string().as_bytes());
    Outcome::Written
}

fn pton(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    match address(input.text) {
        Some(IpAddr::V4(ip)) => out.extend_from_slice(&ip.octets()),
        Some(IpAddr::V6(ip)) => out.extend_from_slice(&ip.octets()),
        None => return Outcome::Null,
    }
    Outcome::Written
}

/// `10.0.0.0/8`; without a length, that one address.
fn matches(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let net = with_text(params, 0, |text| {
        let (net, prefix) = match text.iter().position(|byte| *byte == b'/') {
            Some(slash) => (
                &text[..slash],
                Some(std::str::from_utf8(&text[slash + 1..]).ok()?.parse().ok()?),
            ),
            None => (text, None),
        };
        let address = address(net)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(whole);
        (prefix <= whole).then_some(Net { address, prefix })
    });
    match (net, address(input.text)) {
        (Some(net), Some(ip)) => Outcome::Int(i32::from(net.contains(ip))),
        _ => Outcome::Null,
    }
}

/// RFC 1918, RFC 6598, RFC 4193, loopback and link-local.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
