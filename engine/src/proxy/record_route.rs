//! Record-Route: RFC 3261 §16.6 step 4, two of them where a request changes sides (RFC 5658).

use parser::Message;

use super::attachments::Advertised;
use super::{Attachments, RecordRoute};
use crate::core::Core;
use crate::input::{SocketId, Transport};
use crate::owner::COOKIE_PARAM;
use crate::sockets::Socket;

/// Between which sockets a request passes, and how it has to be reached again.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    /// `sips`: RFC 3261 §16.6 step 4 keeps it so.
    pub secure: bool,
    /// The socket it came by.
    pub came: SocketId,
    /// The socket it leaves by.
    pub leaves: SocketId,
    /// What we call ourselves.
    pub named: &'a Advertised,
}

/// Appends the Record-Route lines of a request; the one that the next hop sees first is first.
pub(super) fn write(
    core: &Core,
    message: &Message,
    wanted: &RecordRoute,
    params: &[u8],
    passage: Passage<'_>,
    out: &mut Vec<u8>,
) {
    let sockets = &core.sockets;
    let Passage {
        secure,
        came,
        leaves,
        named,
    } = passage;
    match wanted {
        RecordRoute::None => {}
        RecordRoute::Own(user) => {
            let (Some(came), Some(leaves)) = (sockets.get(came), sockets.get(leaves)) else {
                return;
            };
            let is_double = came.id != leaves.id && core.proxy.settings.double_record_route;
            let mut line = |socket: &Socket| {
                out.extend_from_slice(b"Record-Route: <");
                out.extend_from_slice(if secure { b"sips:" } else { b"sip:" });
                if !user.is_empty() {
                    out.extend_from_slice(user);
                    out.push(b'@');
                }
                address(socket, named, out);
                out.extend_from_slice(b";lr");
                if is_double {
                    out.extend_from_slice(b";r2=on");
                }
                finish(core, message, params, out);
            };
            line(leaves);
            if is_double {
                line(came);
            }
        }
        RecordRoute::Preset(first, second) => {
            let mut line = |address: &[u8]| {
                out.extend_from_slice(b"Record-Route: <");
                out.extend_from_slice(if secure { b"sips:" } else { b"sip:" });
                out.extend_from_slice(address);
                out.extend_from_slice(b";lr");
                if second.is_some() {
                    out.extend_from_slice(b";r2=on");
                }
                finish(core, message, params, out);
            };
            line(first);
            if let Some(second) = second {
                line(second);
            }
        }
    }
}

/// `host:port[;transport=...]` of a socket of ours.
fn address(socket: &Socket, named: &Advertised, out: &mut Vec<u8>) {
    named.write(socket, out);
    if socket.transport != Transport::Udp {
        out.extend_from_slice(b";transport=");
        out.extend_from_slice(socket.transport.as_str().as_bytes());
    }
}

/// The parameters that every Record-Route of ours ends with.
fn finish(core: &Core, message: &Message, params: &[u8], out: &mut Vec<u8>) {
    // A quoted tag (lenient phones have them) could hold what ends a URI.
    if core.proxy.settings.append_from_tag
        && let Some(tag) = message.from_tag().filter(|tag| Message::is_token(tag))
    {
        out.extend_from_slice(b";ftag=");
        out.extend_from_slice(tag);
    }
    let call_id = message.call_id();
    let cookie = core
        .owner
        .mint_cookie(core.owner.hash_of_call(call_id), call_id);
    out.push(b';');
    out.extend_from_slice(COOKIE_PARAM);
    out.push(b'=');
    out.extend_from_slice(&cookie);
    out.extend_from_slice(params);
    out.extend_from_slice(b">\r\n");
}

impl Attachments {
    /// A further parameter of our Record-Route; a missing `;` in front is added.
    pub fn add_record_route_param(&mut self, param: &[u8]) {
        if !param.starts_with(b";") {
            self.record_route_params.push(b';');
        }
        self.record_route_params.extend_from_slice(param);
    }
}
