//! `$ru` and its parts, `$ou` and its parts: the Request-URI as it will be sent, and as it came.

use parser::{Scheme, Uri};

use super::{CoreVariable, of_message, on_message, with_text};
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::{Digits, Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    on_message("ru", Shape::PLAIN, read, write),
    on_message("ruri", Shape::PLAIN, read, write),
    on_message(
        "rU",
        Shape::PLAIN,
        |cx, _, out| user(current(cx), out),
        write_user,
    ),
    on_message(
        "ruri.user",
        Shape::PLAIN,
        |cx, _, out| user(current(cx), out),
        write_user,
    ),
    on_message(
        "rd",
        Shape::PLAIN,
        |cx, _, out| host(current(cx), out),
        write_host,
    ),
    on_message(
        "ruri.domain",
        Shape::PLAIN,
        |cx, _, out| host(current(cx), out),
        write_host,
    ),
    on_message("rp", Shape::PLAIN, |cx, _, _| port(current(cx)), write_port),
    of_message("rP", Shape::PLAIN, |cx, _, out| protocol(current(cx), out)),
    on_message("ru_q", Shape::PLAIN, read_q, write_q),
    of_message("ou", Shape::PLAIN, |cx, _, out| {
        super::not_empty(cx.message.request_uri(), out)
    }),
    of_message("ouri", Shape::PLAIN, |cx, _, out| {
        super::not_empty(cx.message.request_uri(), out)
    }),
    of_message("oU", Shape::PLAIN, |cx, _, out| {
        user(cx.message.request_uri(), out)
    }),
    of_message("od", Shape::PLAIN, |cx, _, out| {
        host(cx.message.request_uri(), out)
    }),
    of_message("op", Shape::PLAIN, |cx, _, _| {
        port(cx.message.request_uri())
    }),
    of_message("oP", Shape::PLAIN, |cx, _, out| {
        protocol(cx.message.request_uri(), out)
    }),
];

/// The Request-URI that will be sent; empty in a response.
pub(crate) fn current<'c>(cx: &'c Context<'_>) -> &'c [u8] {
    if !cx.message.is_request() {
        return b"";
    }
    match cx.scene.targets.uri(0) {
        b"" => cx.message.request_uri(),
        uri => uri,
    }
}

fn read(cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    super::not_empty(current(cx), out)
}

fn write(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    let set = |uri: &[u8]| !uri.is_empty() && cx.scene.targets.set_uri(0, uri);
    cx.message.is_request() && with_text(value, set).unwrap_or(false)
}

/// NULL takes the user away.
fn write_user(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |user| rewrite(cx, Part::User(user)))
        .unwrap_or_else(|| rewrite(cx, Part::User(b"")))
}

fn write_host(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |host| {
        !host.is_empty() && rewrite(cx, Part::Host(host))
    })
    .unwrap_or(false)
}

/// NULL takes the port away.
fn write_port(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    with_text(value, |port| rewrite(cx, Part::Port(port)))
        .unwrap_or_else(|| rewrite(cx, Part::Port(b"")))
}

fn read_q(cx: &mut Context<'_>, _: VarArgs<'_>, _: &mut Vec<u8>) -> Reading {
    if !cx.message.is_request() {
        return Reading::Null;
    }
    let q = cx.scene.targets.get(0).and_then(|target| target.q);
    Reading::Int(q.map_or(-1, i32::from))
}

fn write_q(cx: &mut Context<'_>, _: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    // A text is an error, also one that reads as a number.
    let ValueRef::Int(q @ -1..=1000) = value else {
        return false;
    };
    cx.scene
        .targets
        .facts_mut(0)
        .map(|target| target.q = u16::try_from(q).ok())
        .is_some()
}

/// What takes the place of a part of the Request-URI; empty takes it away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// The user; a password goes with the user it belonged to.
    User(&'a [u8]),
    /// The same, for a user that is only made longer or shorter.
    UserKeepingPassword(&'a [u8]),
    /// The password; without a user there is none.
    Password(&'a [u8]),
    /// The host; the port stays.
    Host(&'a [u8]),
    /// `host:port`.
    HostAndPort(&'a [u8]),
    /// The port.
    Port(&'a [u8]),
}

/// Writes the Request-URI anew with another part. False if it is no SIP URI, or would be none.
pub(crate) fn rewrite(cx: &mut Context<'_>, part: Part<'_>) -> bool {
    let mut text = std::mem::take(&mut cx.core.machine.scratch);
    text.clear();
    let done = compose(current(cx), part, &mut text)
        && Uri::parse(&text).is_ok()
        && cx.scene.targets.set_uri(0, &text);
    cx.core.machine.scratch = text;
    done
}

/// Appends a URI with another part.
pub(crate) fn compose(uri: &[u8], part: Part<'_>, out: &mut Vec<u8>) -> bool {
    let Ok(uri) = Uri::parse(uri) else {
        return false;
    };
    match uri.scheme {
        Scheme::Sip => out.extend_from_slice(b"sip:"),
        Scheme::Sips => out.extend_from_slice(b"sips:"),
        Scheme::Tel | Scheme::Other(_) => return false,
    }
    let user = match part {
        Part::User(user) | Part::UserKeepingPassword(user) => user,
        _ => uri.user.unwrap_or_default(),
    };
    let password = match part {
        Part::User(_) => None,
        Part::Password(password) => Some(password),
        _ => uri.password,
    };
    out.extend_from_slice(user);
    if let Some(password) = password.filter(|password| !user.is_empty() && !password.is_empty()) {
        out.push(b':');
        out.extend_from_slice(password);
    }
    if !user.is_empty() {
        out.push(b'@');
    }
    out.extend_from_slice(match part {
        Part::Host(host) | Part::HostAndPort(host) => host,
        _ => uri.host_text,
    });
    let mut digits = Digits::default();
    let port = match part {
        Part::Port(port) => port,
        Part::HostAndPort(_) => b"",
        _ => uri.port.map_or(&b""[..], |port| digits.of(i32::from(port))),
    };
    if !port.is_empty() {
        out.push(b':');
        out.extend_from_slice(port);
    }
    out.extend_from_slice(uri.params.raw());
    if let Some(headers) = uri.headers {
        out.push(b'?');
        out.extend_from_slice(headers);
    }
    true
}

pub(super) fn user(uri: &[u8], out: &mut Vec<u8>) -> Reading {
    let user = Uri::parse(uri)
        .ok()
        .and_then(|uri| uri.user)
        .filter(|user| !user.is_empty());
    Reading::maybe(user, out)
}

pub(super) fn host(uri: &[u8], out: &mut Vec<u8>) -> Reading {
    let host = Uri::parse(uri)
        .ok()
        .map(|uri| uri.host_text)
        .filter(|host| !host.is_empty());
    Reading::maybe(host, out)
}

/// What is not written is 5060.
pub(super) fn port(uri: &[u8]) -> Reading {
    match Uri::parse(uri) {
        Ok(uri) => Reading::Int(uri.port.map_or(5060, i32::from)),
        Err(_) => Reading::Null,
    }
}

/// The transport parameter; what is not written is TLS for `sips`, else UDP.
pub(super) fn protocol(uri: &[u8], out: &mut Vec<u8>) -> Reading {
    let Ok(uri) = Uri::parse(uri) else {
        return Reading::Null;
    };
    let default: &[u8] = if uri.scheme == Scheme::Sips {
        b"tls"
    } else {
        b"udp"
    };
    Reading::text(uri.params.get(b"transport").unwrap_or(default), out)
}
