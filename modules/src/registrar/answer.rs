//! What the 200 to a REGISTER says: RFC 3261 §10.3 step 8, and Path (RFC 3327 §5.3).

use std::io::Write as _;

use parser::Message;

use super::contacts::supports_path;
use super::flags::PathMode;
use crate::usrloc::binding::Bindings;
use crate::usrloc::update::is_equivalent;

/// Appends the Contact header, one value a binding that has not ended.
///
/// `only` names the contacts to be told of, when it is not all.
pub(super) fn write_contacts(
    bindings: Bindings<'_>,
    only: Option<&Message>,
    received_parameter: &[u8],
    now: u32,
    out: &mut Vec<u8>,
) {
    let mut first = true;
    for binding in bindings.filter(|binding| !binding.is_expired(now)) {
        let is_asked = |message: &Message| {
            message
                .contacts()
                .any(|element| is_equivalent(element.value.addr_spec, binding.contact))
        };
        if only.is_some_and(|message| !is_asked(message)) {
            continue;
        }
        out.extend_from_slice(if first { b"Contact: <" } else { b", <" });
        first = false;
        out.extend_from_slice(binding.contact);
        // Writing to memory does not fail.
        let _ = write!(out, ">;expires={}", binding.expires - now);
        if let Some(q) = binding.q {
            out.extend_from_slice(b";q=");
            write_q(q, out);
        }
        if !binding.received.is_empty() {
            quoted(received_parameter, binding.received, out);
        }
        if !binding.instance.is_empty() {
            quoted(b"+sip.instance", binding.instance, out);
        }
        if let Some(id) = binding.reg_id.checked_sub(1) {
            let _ = write!(out, ";reg-id={id}");
        }
    }
    if !first {
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the Path of the request, where the phone is to be told of it.
pub(super) fn write_path(message: &Message, mode: PathMode, out: &mut Vec<u8>) {
    let told = match mode {
        PathMode::Ignored | PathMode::Off => false,
        PathMode::Lazy | PathMode::Strict => supports_path(message),
    };
    if told {
        copy_path(message, out);
    }
}

/// Appends the Path of the request.
pub(super) fn copy_path(message: &Message, out: &mut Vec<u8>) {
    for element in message.paths() {
        out.extend_from_slice(b"Path: ");
        out.extend_from_slice(element.raw);
        out.extend_from_slice(b"\r\n");
    }
}

fn quoted(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(b';');
    out.extend_from_slice(name);
    out.extend_from_slice(b"=\"");
    out.extend_from_slice(value);
    out.push(b'"');
}

/// `1`, `0.5`, `0.125`: RFC 3261 §25.1, qvalue.
pub(super) fn write_q(q: u16, out: &mut Vec<u8>) {
    if q >= 1000 {
        out.push(b'1');
        return;
    }
    out.push(b'0');
    if q == 0 {
        return;
    }
    let _ = write!(out, ".{q:03}");
    while out.last() == Some(&b'0') {
        out.pop();
    }
}
