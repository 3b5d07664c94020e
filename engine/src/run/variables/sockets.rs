//! `$si`, `$sp`, `$socket_in`, `$socket_out`: where the message came from, on which socket, and by which one it leaves.

use super::{CoreVariable, of_message, on_message, with_text};
use crate::input::SocketId;
use crate::module::{Context, Shape, VarArgs};
use crate::run::value::{Reading, ValueRef};

pub(super) const TABLE: &[CoreVariable] = &[
    of_message("si", Shape::PLAIN, source),
    of_message("src_ip", Shape::PLAIN, source),
    of_message("sp", Shape::PLAIN, |cx, _, _| {
        Reading::Int(i32::from(cx.scene.flow.remote.port()))
    }),
    of_message("socket_in", Shape::MAY_BE_NAMED, |cx, args, out| {
        field(cx, cx.scene.flow.socket, args.name, out)
    }),
    on_message("socket_out", Shape::MAY_BE_NAMED, read_out, write_out),
];

fn source(cx: &mut Context<'_>, _: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    use std::io::Write;
    let _ = write!(out, "{}", cx.scene.flow.remote.ip());
    Reading::Text
}

/// The socket that the script forced; else the one it came by.
fn read_out(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let forced = cx
        .scene
        .targets
        .get(0)
        .and_then(|target| target.socket)
        .or(cx.scene.proxy.forced_socket);
    match args.name {
        Some(b"forced") => forced.map_or(Reading::Null, |id| field(cx, id, None, out)),
        name => field(cx, forced.unwrap_or(cx.scene.flow.socket), name, out),
    }
}

/// NULL forces none.
fn write_out(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> bool {
    if args.name.is_some() {
        return false;
    }
    let forced = match with_text(value, |text| {
        cx.core.sockets.find(text).map(|socket| socket.id)
    }) {
        None => None,
        Some(None) => return false,
        Some(found) => found,
    };
    cx.scene.proxy.forced_socket = forced;
    true
}

fn field(cx: &Context<'_>, id: SocketId, name: Option<&[u8]>, out: &mut Vec<u8>) -> Reading {
    use std::io::Write;
    let Some(socket) = cx.core.sockets.get(id) else {
        return Reading::Null;
    };
    match name {
        None => out.extend_from_slice(socket.name.as_bytes()),
        Some(b"ip") => {
            let _ = write!(out, "{}", socket.address.ip());
        }
        Some(b"port") => return Reading::Int(i32::from(socket.address.port())),
        Some(b"proto") => out.extend_from_slice(socket.transport.as_str().as_bytes()),
        Some(b"advertised_ip") if socket.advertised => {
            out.extend_from_slice(socket.host.as_bytes())
        }
        Some(b"advertised_port") if socket.advertised => {
            return Reading::Int(i32::from(socket.port));
        }
        Some(b"tag") => return Reading::maybe(socket.tag.as_ref().map(|tag| tag.as_bytes()), out),
        Some(b"anycast") => return Reading::Int(0),
        Some(b"af") => out.extend_from_slice(if socket.address.is_ipv4() {
            b"INET"
        } else {
            b"INET6"
        }),
        Some(_) => return Reading::Null,
    }
    Reading::Text
}
