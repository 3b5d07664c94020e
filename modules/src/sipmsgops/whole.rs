//! Questions about a message as a whole: `sipmsg_validate`, `sip_to_json`, `get_glob_headers_values`.

use engine::blacklist::glob::{self, Case};
use engine::module::{Args, Context, Verdict};
use parser::sdp::Sdp;
use parser::{HeaderName, Message, Method, Uri};

use super::SipMsgOps;
use super::body::is_type;
use crate::json;

/// What `sipmsg_validate` found: OpenSIPS's code, and a sentence.
type Wrong = (i32, &'static str);

impl SipMsgOps {
    /// The names and values of the headers whose name fits a shell pattern; the last header is on top of the attributes.
    pub(super) fn glob_headers(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let pattern = args.str(0);
        let mut is_any = false;
        for header in cx
            .message
            .headers()
            .filter(|header| glob::matches(pattern, header.raw_name, Case::Ignored))
        {
            args.set(1, header.raw_name);
            args.set(2, header.value);
            is_any = true;
        }
        Verdict::of(is_any)
    }

    /// `{"first_line":...,"headers":{name:[value...]},"body":...}`.
    pub(super) fn json_of(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let message = cx.message;
        let mut out = b"{\"first_line\":".to_vec();
        let line = message.start_line();
        let line = &message.bytes()[usize::from(line.start)..usize::from(line.end)];
        json::text(line.trim_ascii_end(), &mut out);
        out.extend_from_slice(b",\"headers\":{");
        let is_same = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
        let mut names: Vec<&[u8]> = Vec::new();
        for header in message.headers() {
            if names.iter().any(|name| is_same(name, header.raw_name)) {
                continue;
            }
            if !names.is_empty() {
                out.push(b',');
            }
            names.push(header.raw_name);
            json::text(header.raw_name, &mut out);
            let all = message
                .headers()
                .filter(|one| is_same(one.raw_name, header.raw_name));
            for (place, one) in all.enumerate() {
                out.extend_from_slice(if place == 0 { b":[" } else { b"," });
                json::text(one.value, &mut out);
            }
            out.push(b']');
        }
        out.extend_from_slice(b"},\"body\":");
        json::text(message.body(), &mut out);
        out.push(b'}');
        args.set(0, out.as_slice());
        Verdict::OK
    }

    /// 1, or the code of what is wrong first; its sentence goes to the variable.
    pub(super) fn validate(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let flow = cx.scene.flow;
        let request_uri = cx.request_uri();
        match judge(
            cx.message,
            request_uri,
            flow.transport.is_reliable(),
            args.str(0),
        ) {
            Ok(()) => Verdict::OK,
            Err((code, reason)) => {
                args.set(1, reason);
                Verdict::Return(code)
            }
        }
    }
}

/// Letters that say what else is looked at.
pub(super) fn flags(text: &[u8]) -> Result<(), String> {
    match text.iter().find(|flag| !b"shmrftcu".contains(flag)) {
        Some(other) => Err(format!(
            "`{}` is none of the flags s h m r f t c u",
            char::from(*other)
        )),
        None => Ok(()),
    }
}

fn judge(
    message: &Message,
    request_uri: &[u8],
    is_reliable: bool,
    flags: &[u8],
) -> Result<(), Wrong> {
    let wants = |flag: u8| flags.contains(&flag);
    let has = |name: HeaderName| message.header(name).is_some();
    let need = |name: HeaderName, code: i32, reason: &'static str| {
        if has(name) {
            Ok(())
        } else {
            Err((code, reason))
        }
    };
    need(HeaderName::CallId, -3, "no Call-ID")?;
    match message.content_length() {
        None if is_reliable => return Err((-4, "no Content-Length")),
        Some(length) if length as usize != message.body().len() => {
            return Err((-5, "Content-Length is not the length of the body"));
        }
        _ => {}
    }
    need(HeaderName::CSeq, -7, "no CSeq")?;
    need(HeaderName::From, -8, "no From")?;
    need(HeaderName::To, -9, "no To")?;
    need(HeaderName::Via, -10, "no Via")?;
    if wants(b'h') && message.judge().is_err() {
        return Err((-2, "a header cannot be read"));
    }
    if !message.body().is_empty() {
        need(HeaderName::ContentType, -21, "no Content-Type")?;
        let is_sdp = is_type(
            message.content_type().unwrap_or_default(),
            b"application/sdp",
        );
        if wants(b's') && is_sdp && Sdp::parse(message.body(), 0).is_err() {
            return Err((-6, "the SDP cannot be read"));
        }
    }
    if wants(b't') {
        uri(
            message.to().addr_spec,
            wants(b'u'),
            [
                (-22, "To cannot be read"),
                (-23, "bad host in To"),
                (-29, "bad user in To"),
            ],
        )?;
    }
    if wants(b'f') {
        uri(
            message.from().addr_spec,
            wants(b'u'),
            [
                (-24, "From cannot be read"),
                (-25, "bad host in From"),
                (-28, "bad user in From"),
            ],
        )?;
    }
    if wants(b'c') {
        for contact in message.contacts() {
            let text = contact.value.addr_spec;
            if text != b"*" && Uri::parse(text).is_err() {
                return Err((-26, "Contact cannot be read"));
            }
        }
    }
    match message.status() {
        None => judge_request(message, request_uri, flags),
        Some(status) => judge_response(message, status),
    }
}

fn judge_request(message: &Message, request_uri: &[u8], flags: &[u8]) -> Result<(), Wrong> {
    let wants = |flag: u8| flags.contains(&flag);
    if wants(b'r') {
        uri(
            request_uri,
            wants(b'u'),
            [
                (-11, "the Request-URI cannot be read"),
                (-12, "bad host in the Request-URI"),
                (-27, "bad user in the Request-URI"),
            ],
        )?;
    } else if Uri::parse(request_uri).is_err() {
        return Err((-11, "the Request-URI cannot be read"));
    }
    if !wants(b'm') && message.header(HeaderName::MaxForwards).is_none() {
        return Err((-13, "no Max-Forwards"));
    }
    let method = message.method();
    // RFC 3261 §8.1.1.8: whoever makes a dialog says where it is.
    if matches!(method, Method::Invite) && message.header(HeaderName::Contact).is_none() {
        return Err((-14, "no Contact"));
    }
    // RFC 3327 §4.
    if !matches!(method, Method::Register) && message.header(HeaderName::Path).is_some() {
        return Err((-15, "Path in a request that is no REGISTER"));
    }
    Ok(())
}

/// RFC 3261 Table 2: what certain responses have to say.
fn judge_response(message: &Message, status: u16) -> Result<(), Wrong> {
    let (name, wrong): (&[u8], Wrong) = match status {
        405 => (b"Allow", (-16, "no Allow in a 405")),
        423 => (b"Min-Expires", (-17, "no Min-Expires in a 423")),
        407 => (
            b"Proxy-Authenticate",
            (-18, "no Proxy-Authenticate in a 407"),
        ),
        420 => (b"Unsupported", (-19, "no Unsupported in a 420")),
        401 => (b"WWW-Authenticate", (-20, "no WWW-Authenticate in a 401")),
        _ => return Ok(()),
    };
    match message.headers_called(name).next() {
        Some(_) => Ok(()),
        None => Err(wrong),
    }
}

/// A URI, its host and, when asked for, its user.
fn uri(text: &[u8], with_user: bool, wrong: [Wrong; 3]) -> Result<(), Wrong> {
    let Ok(parsed) = Uri::parse(text) else {
        return Err(wrong[0]);
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let host_is_good = parsed.host.ip().is_some() || parsed.host_text.iter().all(is_name);
    if parsed.is_sip() && (parsed.host_text.is_empty() || !host_is_good) {
        return Err(wrong[1]);
    }
    match parsed.user {
        Some(user) if with_user && !parser::uri::is_user(user) => Err(wrong[2]),
        _ => Ok(()),
    }
}
