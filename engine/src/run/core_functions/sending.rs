//! Sending without a transaction.

use super::{CoreFunction, row};
use crate::input::{ConnectionId, Flow, Ticket};
use crate::module::{Args, Context, Verdict};
use crate::sockets::split_destination;
use crate::statistics::Counter;
use parser::Message;

pub(super) const TABLE: &[CoreFunction] = &[
    row("forward", "([str])", |cx, args| cx.forward(args.str(0))),
    row("send", "(str, [str])", send),
];

/// The message as it came, with header lines behind its first line if there are any.
fn send(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let Some((transport, host, port)) = split_destination(args.str(0)) else {
        return Verdict::FAIL;
    };
    let mut uri = std::mem::take(&mut cx.core.machine.scratch);
    uri.clear();
    {
        use std::io::Write;
        uri.extend_from_slice(b"sip:");
        let is_v6 = host.contains(&b':');
        uri.extend_from_slice(if is_v6 { b"[" } else { b"" });
        uri.extend_from_slice(host);
        uri.extend_from_slice(if is_v6 { b"]" } else { b"" });
        // Writing to memory does not fail.
        let _ = port.map(|port| write!(uri, ":{port}"));
        let _ = transport.map(|transport| write!(uri, ";transport={}", transport.as_str()));
    }
    let resolved = cx.resolve(&uri);
    cx.core.machine.scratch = uri;
    let forbidding = cx.core.blacklists.active(cx.scene.proxy.blacklists);
    let address = match resolved {
        Ok(addresses) => addresses.iter().copied().find(|&to| {
            let write = |out: &mut Vec<u8>| write_with(cx.message, args.str(1), out);
            let is_forbidden = cx.core.blacklists.forbid(forbidding, to, cx.now, write);
            if is_forbidden {
                cx.core.statistics.count(Counter::Blacklisted);
            }
            !is_forbidden
        }),
        Err(verdict) => return verdict,
    };
    let Some(address) = address else {
        return Verdict::FAIL;
    };
    let forced = cx.forced_socket();
    let socket = cx.core.sockets.choose(
        address.transport,
        address.address,
        forced,
        Some(cx.scene.flow.socket),
    );
    let Some(socket) = socket else {
        return Verdict::FAIL;
    };
    let flow = Flow {
        socket,
        transport: address.transport,
        remote: address.address,
        connection: ConnectionId::NONE,
    };
    let message = cx.message;
    cx.outbox.send(flow, Ticket::NONE, |out| {
        write_with(message, args.str(1), out);
    });
    Verdict::OK
}

/// Header lines stand behind the first line.
fn write_with(message: &Message, headers: &[u8], out: &mut Vec<u8>) {
    let first_line = usize::from(message.start_line().end);
    let (first, rest) = message.bytes().split_at(first_line);
    out.extend_from_slice(first);
    out.extend_from_slice(headers);
    out.extend_from_slice(rest);
}
