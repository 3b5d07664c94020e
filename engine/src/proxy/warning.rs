//! The Warning of `sip_warning`: RFC 3261 §20.43, with the code and the words that OpenSIPS gives it.
//!
//! Tells whoever looks at a trace what we took for the source and the targets of a request that we answered.

use std::io::Write as _;

use parser::Message;

use crate::core::Core;
use crate::input::Flow;
use crate::limits::WARNING_BYTES_MAX;

/// Appends the line, about a request that came by `flow`. An empty `out_uri` stands for the Request-URI. What would
/// be too long for a reply by UDP is left out.
pub(super) fn append(
    core: &Core,
    request: &Message,
    flow: &Flow,
    out_uri: &[u8],
    out: &mut Vec<u8>,
) {
    let Some(socket) = core.sockets.get(flow.socket) else {
        return;
    };
    let in_uri = request.request_uri();
    let out_uri = if out_uri.is_empty() { in_uri } else { out_uri };
    let begin = out.len();
    // Writing into memory does not fail.
    let _ = write!(
        out,
        "Warning: 392 {} \"Noisy feedback tells:  pid={} req_src_ip={} req_src_port={} in_uri=",
        socket.sent_by,
        core.machine.process,
        flow.remote.ip(),
        flow.remote.port(),
    );
    quote(in_uri, out);
    out.extend_from_slice(b" out_uri=");
    quote(out_uri, out);
    let _ = write!(out, " via_cnt=={}\"\r\n", request.vias().count());
    if out.len() - begin > WARNING_BYTES_MAX {
        out.truncate(begin);
    }
}

/// Inside of a quoted string (§25.1), whatever a malformed request has there.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => out.push(b'?'),
        }
    }
}
