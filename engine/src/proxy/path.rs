//! Path: RFC 3327. A proxy at the edge asks the registrar to send requests for this contact through it.
//!
//! Only writing; a Path that a registrar stored comes back as Route, which `route` reads.

use super::attachments::Advertised;
use crate::core::Core;
use crate::input::{Flow, SocketId, Transport};
use crate::sockets::Socket;

/// The Path that a script asked for (`add_path`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The user part of our URI.
    pub user: Vec<u8>,
    /// Whether it says where the request came from (`received`).
    pub received: bool,
    /// Whether there are two where the request changes sides, as Record-Routes are.
    pub double: bool,
}

/// Appends the Path lines of a request that came by one flow and leaves by a socket; the one that
/// the registrar has to send to is first.
pub(super) fn write(
    core: &Core,
    wanted: &Path,
    came: &Flow,
    leaves: SocketId,
    named: &Advertised,
    out: &mut Vec<u8>,
) {
    let (Some(inner), Some(outer)) = (core.sockets.get(came.socket), core.sockets.get(leaves))
    else {
        return;
    };
    let is_double = wanted.double && inner.id != outer.id;
    let mut line = |socket: &Socket, received: bool| {
        out.extend_from_slice(b"Path: <sip:");
        if !wanted.user.is_empty() {
            out.extend_from_slice(&wanted.user);
            out.push(b'@');
        }
        named.write(socket, out);
        if socket.transport != Transport::Udp {
            out.extend_from_slice(b";transport=");
            out.extend_from_slice(socket.transport.as_str().as_bytes());
        }
        out.extend_from_slice(b";lr");
        if is_double {
            out.extend_from_slice(b";r2=on");
        }
        if received {
            out.extend_from_slice(format!(";received=sip:{}", came.remote).as_bytes());
            if came.transport != Transport::Udp {
                // Escaped: they belong to the URI inside.
                out.extend_from_slice(b"%3Btransport%3D");
                out.extend_from_slice(came.transport.as_str().as_bytes());
            }
        }
        out.extend_from_slice(b">\r\n");
    };
    line(outer, wanted.received);
    if is_double {
        line(inner, false);
    }
}
