//! Comparing URIs: RFC 3261 §19.1.4, RFC 3966 §4.

use super::escape::decoded;
use super::{Scheme, Uri};
use crate::limits::PARAMS_MAX;
use crate::{Param, Params};

/// Parameters that never match when only one of the two URIs has them. RFC 3261 names `user`,
/// `ttl`, `method` and `maddr`; its examples hold `transport` to the same.
const STRICT: [&[u8]; 5] = [b"transport", b"user", b"ttl", b"method", b"maddr"];

impl Uri<'_> {
    /// RFC 3261 §19.1.4 (RFC 3966 §4 for `tel`). URIs of other schemes are compared as text.
    /// Two with more than `PARAMS_MAX` parameters or headers never match.
    #[must_use]
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => same_sip(self, other),
            (Scheme::Tel, Scheme::Tel) => same_tel(self, other),
            (Scheme::Other(a), Scheme::Other(b)) => {
                a.eq_ignore_ascii_case(b) && self.rest == other.rest
            }
            (Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Other(_), _) => false,
        }
    }
}

fn same_sip(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    same_option(a.user, b.user)
        && same_option(a.password, b.password)
        && a.host.equivalent(&b.host)
        && a.port == b.port
        && same_sip_params(&a.params, &b.params)
        && same_headers(a, b)
}

fn same_option(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b, false),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Equal text, where `%HH` of a character that is not reserved equals the character.
fn same(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    if a == b {
        return true;
    }
    units(a, ignore_case).eq(units(b, ignore_case))
}

/// Characters with escapes decoded, and whether a reserved one was escaped (then it means itself,
/// not its function).
fn units(bytes: &[u8], ignore_case: bool) -> impl Iterator<Item = (u8, bool)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let byte = *bytes.get(at)?;
        let escaped = decoded(&bytes[at..]);
        at += if escaped.is_some() { 3 } else { 1 };
        let byte = escaped.unwrap_or(byte);
        let kept = escaped.is_some() && b";/?:@&=+$,%".contains(&byte);
        Some((
            if ignore_case {
                byte.to_ascii_lowercase()
            } else {
                byte
            },
            kept,
        ))
    })
}

fn same_sip_params(a: &Params<'_>, b: &Params<'_>) -> bool {
    one_way(a, b, true) && one_way(b, a, true)
}

/// Whether every parameter of `a` that has to be in `b` is, with the same value.
fn one_way(a: &Params<'_>, b: &Params<'_>, only_strict: bool) -> bool {
    if a.iter().count() > PARAMS_MAX {
        return false;
    }
    a.iter().all(|param| match find(b, param.name) {
        Some(twin) => same(value(&param), value(&twin), true),
        None => only_strict && !STRICT.iter().any(|name| same(name, param.name, true)),
    })
}

fn find<'a>(params: &Params<'a>, name: &[u8]) -> Option<Param<'a>> {
    params
        .iter()
        .take(PARAMS_MAX)
        .find(|param| same(param.name, name, true))
}

fn value<'a>(param: &Param<'a>) -> &'a [u8] {
    param.value.unwrap_or_default()
}

/// Headers are never ignored; their order is.
fn same_headers(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let count = a.header_fields().count();
    if count != b.header_fields().count() || count > PARAMS_MAX {
        return false;
    }
    a.header_fields().all(|(name, text)| {
        b.header_fields()
            .any(|(other, twin)| same(name, other, true) && same(text, twin, false))
    })
}

fn same_tel(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    same_digits(a.user.unwrap_or_default(), b.user.unwrap_or_default())
        && same_tel_params(&a.params, &b.params)
        && same_tel_params(&b.params, &a.params)
}

fn same_digits(a: &[u8], b: &[u8]) -> bool {
    digits(a).eq(digits(b))
}

/// A number without its visual separators.
fn digits(number: &[u8]) -> impl Iterator<Item = u8> {
    let visual = |byte: &&u8| matches!(byte, b'-' | b'.' | b'(' | b')');
    number
        .iter()
        .filter(move |byte| !visual(byte))
        .map(u8::to_ascii_lowercase)
}

/// All parameters count, also those only one of the two has.
fn same_tel_params(a: &Params<'_>, b: &Params<'_>) -> bool {
    if a.iter().count() > PARAMS_MAX {
        return false;
    }
    a.iter().all(|param| {
        let is_number = [&b"phone-context"[..], b"ext"]
            .iter()
            .any(|name| same(name, param.name, true));
        find(b, param.name).is_some_and(|twin| match is_number && !value(&param).contains(&b'%') {
            true if value(&param).iter().any(u8::is_ascii_alphabetic) => {
                same(value(&param), value(&twin), true)
            }
            true => same_digits(value(&param), value(&twin)),
            false => same(value(&param), value(&twin), true),
        })
    })
}
