//! Aliases of connections: RFC 5923.
//!
//! Who calls us by a connection may be reached by it at the port he says he listens on, instead of by a connection of
//! ours. The host is the one that the connection comes from, whatever he writes: nobody takes what is another's.

use parser::Message;
use script::globals::Globals;

use crate::core::Core;
use crate::input::Flow;
use crate::outbox::{Outbox, Output};

/// `tcp_accept_aliases`: for whose connections an alias is taken without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptAliases {
    /// 0: nobody's.
    #[default]
    Never,
    /// 1: for those whose top Via has the parameter `alias` (RFC 5923 §4).
    Offered,
    /// 2: for all.
    Always,
}

impl AcceptAliases {
    pub(super) fn of(globals: &Globals) -> AcceptAliases {
        match globals.int("tcp_accept_aliases") {
            Some(1) => AcceptAliases::Offered,
            Some(2) => AcceptAliases::Always,
            _ => AcceptAliases::Never,
        }
    }
}

/// Takes the alias that a request offers, if the script wants those.
pub fn accept_alias(core: &Core, request: &Message, flow: &Flow, outbox: &mut Outbox) {
    let wanted = match core.proxy.settings.accept_aliases {
        AcceptAliases::Never => false,
        AcceptAliases::Offered => request.top_via().params.has(b"alias"),
        AcceptAliases::Always => true,
    };
    if wanted {
        take_alias(request, flow, None, outbox);
    }
}

/// What goes to this port of the peer leaves by his connection from here on, while it lasts; without one it is that of
/// his Via. False: it is not known. Where there is no connection there is nothing to do.
pub(crate) fn take_alias(
    message: &Message,
    flow: &Flow,
    port: Option<u16>,
    outbox: &mut Outbox,
) -> bool {
    let of_via = || {
        let port = message.top_via().port;
        port.unwrap_or(flow.transport.default_port())
    };
    let Some(port) = port.or_else(|| message.is_request().then(of_via)) else {
        // The Via of a response is ours.
        return false;
    };
    if flow.transport.is_reliable() && flow.connection.is_named() && port != flow.remote.port() {
        let mut flow = *flow;
        flow.remote.set_port(port);
        outbox.push(Output::Alias(flow));
    }
    true
}
