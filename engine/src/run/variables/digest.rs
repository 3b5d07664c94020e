//! `$au`, `$ar`, `$auth.nonce`, `$challenge.realm`...: credentials and challenges.

use parser::{Credentials, HeaderName};

use super::{CoreVariable, of_message};
use crate::module::{Context, Shape};
use crate::run::value::Reading;

macro_rules! rows {
    ($($name:literal $read:expr;)*) => {
        &[$(of_message($name, Shape::PLAIN, |cx, _, out| {
            let read: fn(&Context<'_>, &mut Vec<u8>) -> Reading = $read;
            read(cx, out)
        })),*]
    };
}

pub(super) const TABLE: &[CoreVariable] = rows! {
    "au" |cx, out| Reading::maybe(credential(cx, b"username").map(|name| split(name).0), out);
    "ad" |cx, out| Reading::maybe(credential(cx, b"username").and_then(|name| split(name).1), out);
    "aU" |cx, out| Reading::maybe(credential(cx, b"username"), out);
    "Au" |cx, out| Reading::text(credential(cx, b"username").unwrap_or(cx.message.from().addr_spec), out);
    "ar" |cx, out| Reading::maybe(credential(cx, b"realm"), out);
    "adu" |cx, out| Reading::maybe(credential(cx, b"uri"), out);
    "an" |cx, out| Reading::maybe(credential(cx, b"nonce"), out);
    "auth.nonce" |cx, out| Reading::maybe(credential(cx, b"nonce"), out);
    "auth.resp" |cx, out| Reading::maybe(credential(cx, b"response"), out);
    "auth.opaque" |cx, out| Reading::maybe(credential(cx, b"opaque"), out);
    "auth.alg" |cx, out| Reading::maybe(credential(cx, b"algorithm"), out);
    "auth.qop" |cx, out| Reading::maybe(credential(cx, b"qop"), out);
    "auth.nc" |cx, out| Reading::maybe(credential(cx, b"nc"), out);
    "auth.cnonce" |cx, out| Reading::maybe(credential(cx, b"cnonce"), out);
    "challenge.realm" |cx, out| Reading::maybe(challenge(cx, b"realm"), out);
    "challenge.nonce" |cx, out| Reading::maybe(challenge(cx, b"nonce"), out);
    "challenge.opaque" |cx, out| Reading::maybe(challenge(cx, b"opaque"), out);
    "challenge.algorithm" |cx, out| Reading::maybe(challenge(cx, b"algorithm"), out);
    "challenge.qop" |cx, out| Reading::maybe(challenge(cx, b"qop"), out);
    "challenge.ck" |cx, out| Reading::maybe(challenge(cx, b"ck"), out);
    "challenge.ik" |cx, out| Reading::maybe(challenge(cx, b"ik"), out);
};

/// Out of Proxy-Authorization, else Authorization.
fn credential<'m>(cx: &Context<'m>, name: &[u8]) -> Option<&'m [u8]> {
    let message = cx.message;
    let header = message
        .header(HeaderName::ProxyAuthorization)
        .or_else(|| message.header(HeaderName::Authorization))?;
    Credentials::parse(header.value)
        .ok()
        .filter(Credentials::is_digest)?
        .get(name)
}

/// Out of the challenge of a 401 or 407.
fn challenge<'m>(cx: &Context<'m>, name: &[u8]) -> Option<&'m [u8]> {
    let message = cx.message;
    let header = match message.status()? {
        401 => message.header(HeaderName::WwwAuthenticate),
        407 => message.header(HeaderName::ProxyAuthenticate),
        _ => None,
    }?;
    Credentials::parse(header.value)
        .ok()
        .filter(Credentials::is_digest)?
        .get(name)
}

/// User and domain of `bob@example.com`.
fn split(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    match name.iter().position(|byte| *byte == b'@') {
        Some(at) => (&name[..at], Some(&name[at + 1..])),
        None => (name, None),
    }
}
