//! Request forwarding: RFC 3261 §16.6. One target becomes one message and one way to send it.

use parser::{Draft, HeaderName, Message, NameAddr, Uri};

use super::attachments::{Advertised, Attachments, RecordRoute};
use super::identity::LoopPart;
use super::{Address, Rewrite, TargetParts, record_route, rewrite};
use crate::core::Core;
use crate::input::{ConnectionId, Flow, SocketId, Transport};
use crate::resolve::Hop;
use crate::run::{Attached, Scene};
use crate::sockets::split_destination;

/// A header that RFC 3261 §20.22 wants in every request.
const MAX_FORWARDS: u8 = 70;

/// RFC 5393 §5.3.3: the breadth of a request that says none.
const MAX_BREADTH: u32 = 60;

/// Where a target leads next: a destination the script fixed, its next hop (`$du`), its path, or its Request-URI.
pub(super) fn hop_of<'a>(
    message: &'a Message,
    target: &TargetParts<'a>,
    fixed: &'a [u8],
) -> Option<Hop<'a>> {
    if !fixed.is_empty() {
        let (transport, host, port) = split_destination(fixed)?;
        return Some(Hop::plain(host, port, transport));
    }
    let uri = if !target.destination.is_empty() {
        target.destination
    } else if !target.path.is_empty() {
        first_path(target.path)?
    } else if !target.uri.is_empty() {
        target.uri
    } else {
        message.request_uri()
    };
    Hop::of(&Uri::parse(uri).ok()?)
}

/// The URI of the first value in a Path.
fn first_path(path: &[u8]) -> Option<&[u8]> {
    let end = path
        .iter()
        .position(|&byte| byte == b'>')
        .map_or(path.len(), |at| at + 1);
    Some(NameAddr::parse(path.get(..end)?).ok()?.addr_spec)
}

/// By which way a target is reached at an address. `None`: we have no socket that could.
pub(super) fn flow_to(
    core: &Core,
    attached: &Attached,
    target: &TargetParts<'_>,
    to: Address,
) -> Option<Flow> {
    let forced = target
        .socket
        .or(attached.proxy.forced_socket)
        .or(attached.proxy.route.socket);
    let socket =
        core.sockets
            .choose(to.transport, to.address, forced, Some(attached.flow.socket))?;
    let connection = if to.transport.is_reliable() {
        // `tcp_no_new_conn_bflag`: who cannot be called is reached by what he opened, or not at all.
        match target.flags & core.proxy.settings.no_connection_flag {
            0 => target.connection,
            _ if target.connection.is_none() => ConnectionId::EXISTING,
            _ => target.connection,
        }
    } else {
        ConnectionId::NONE
    };
    Some(Flow {
        socket,
        transport: to.transport,
        remote: to.address,
        connection,
    })
}

/// What a request is written from.
pub(super) struct Writing<'a> {
    pub message: &'a Message,
    /// What the script made of it.
    pub base: &'a Draft,
    pub attached: &'a Attached,
    pub target: TargetParts<'a>,
    /// What this branch alone says of Record-Route.
    pub record_route: &'a RecordRoute,
    pub record_route_params: &'a [u8],
    /// What else differs from what we received.
    pub rewrite: &'a Rewrite,
    /// By which way it goes.
    pub flow: Flow,
    /// The branch without the magic cookie, and its loop part.
    pub token: &'a [u8],
    pub loop_part: Option<&'a LoopPart>,
    /// Among how many branches this relay shares the breadth; 0 leaves it alone.
    pub siblings: u32,
}

/// Makes the draft of one branch. It is the core's own one, taken out for the time of sending.
pub(super) fn draft_of(core: &mut Core, writing: &Writing<'_>) -> Draft {
    let mut draft = std::mem::take(&mut core.proxy.draft);
    let mut line = std::mem::take(&mut core.proxy.line);
    draft.copy_from(writing.base);
    let Writing {
        message,
        attached,
        target,
        flow,
        ..
    } = writing;

    if !target.uri.is_empty() {
        draft.set_request_uri(target.uri);
    }
    if draft.max_forwards().is_none() {
        draft.set_max_forwards(
            message
                .max_forwards()
                .map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1)),
        );
    }
    stamp(
        message,
        &mut draft,
        &attached.flow,
        &attached.proxy,
        &mut line,
    );
    if flow.transport.is_reliable() {
        draft.require_content_length();
    }
    for header in attached
        .proxy
        .request_headers
        .split_inclusive(|&byte| byte == b'\n')
    {
        draft.append_header(header);
    }
    if !target.path.is_empty() {
        line.clear();
        line.extend_from_slice(b"Route: ");
        line.extend_from_slice(target.path);
        draft.prepend_header(&line);
    }
    let secure = draft
        .effective_request_uri(message)
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"));
    line.clear();
    let (wanted, params) = (writing.record_route, writing.record_route_params);
    let passage = record_route::Passage {
        secure,
        came: attached.flow.socket,
        leaves: flow.socket,
        named: &attached.proxy.advertised,
    };
    let told = rewrite::route_params(core, message, writing.rewrite);
    if told.is_empty() {
        record_route::write(core, message, wanted, params, passage, &mut line);
    } else {
        let params = [params, &told].concat();
        record_route::write(core, message, wanted, &params, passage, &mut line);
    }
    if !line.is_empty() {
        draft.prepend_header(&line);
    }
    if let Some(path) = &attached.proxy.path {
        line.clear();
        super::path::write(
            core,
            path,
            &attached.flow,
            flow.socket,
            &attached.proxy.advertised,
            &mut line,
        );
        draft.prepend_header(&line);
    }
    rewrite::apply(message, &mut draft, writing.rewrite, &mut line);
    breadth(message, &mut draft, writing.siblings, &mut line);
    via(
        core,
        flow,
        &attached.proxy.advertised,
        writing.token,
        writing.loop_part,
        attached.proxy.add_local_rport,
        &mut line,
    );
    draft.prepend_header(&line);

    core.proxy.line = line;
    draft
}

/// Gives the core its draft back.
pub(super) fn give_back(core: &mut Core, draft: Draft) {
    core.proxy.draft = draft;
}

/// `received` and `rport` in the Via of whoever sent the request: RFC 3261 §18.2.1, RFC 3581 §4.
pub(super) fn stamp(
    message: &Message,
    draft: &mut Draft,
    flow: &Flow,
    attached: &Attachments,
    line: &mut Vec<u8>,
) {
    draft.stamp_received(message, flow.remote);
    if !attached.force_rport {
        return;
    }
    let Some(top) = message
        .top_via_element()
        .filter(|top| top.value.rport().is_none())
    else {
        return;
    };
    // The script insists: as if the Via had asked.
    line.clear();
    top.value.write_received(flow.remote, true, line);
    draft.replace(top.span, line);
}

pub(super) fn port_text(port: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut at = digits.len();
    let mut rest = port;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[at..];
        }
    }
}

/// Our Via: RFC 3261 §16.6 step 8, with rport asked for when the script wants it (RFC 3581 §3).
pub(super) fn via(
    core: &Core,
    flow: &Flow,
    named: &Advertised,
    token: &[u8],
    loop_part: Option<&LoopPart>,
    rport: bool,
    line: &mut Vec<u8>,
) {
    line.clear();
    line.extend_from_slice(b"Via: SIP/2.0/");
    line.extend_from_slice(flow.transport.as_via().as_bytes());
    line.push(b' ');
    if let Some(socket) = core.sockets.get(flow.socket) {
        named.write(socket, line);
    }
    line.extend_from_slice(b";branch=");
    line.extend_from_slice(parser::header::via::MAGIC_COOKIE);
    line.extend_from_slice(token);
    if let Some(loop_part) = loop_part {
        line.push(b'.');
        line.extend_from_slice(loop_part);
    }
    if rport {
        line.extend_from_slice(b";rport");
    }
}

/// The Via line of a request of our own.
pub(crate) fn write_via(
    core: &Core,
    flow: &Flow,
    named: &Advertised,
    token: &[u8],
    line: &mut Vec<u8>,
) {
    via(core, flow, named, token, None, false, line);
}

/// RFC 5393 §5.3.3: what a request may spread to is shared among its branches.
fn breadth(message: &Message, draft: &mut Draft, siblings: u32, line: &mut Vec<u8>) {
    let known = super::validate::max_breadth(message);
    if siblings == 0 || (siblings == 1 && known.is_none()) {
        return;
    }
    let share = known.unwrap_or(MAX_BREADTH) / siblings;
    for field in message.headers_named(HeaderName::MaxBreadth) {
        draft.delete(field.line);
    }
    line.clear();
    line.extend_from_slice(b"Max-Breadth: ");
    line.extend_from_slice(port_text(share.clamp(1, 60_000) as u16, &mut [0; 5]));
    draft.append_header(line);
}

/// Whether a request that would go by UDP is too long for it and may go by TCP: RFC 3261 §18.1.1. Our own headers
/// are counted as their usual size; a little early is no harm.
pub(super) fn outgrows_udp(core: &Core, scene: &Scene, target: &TargetParts<'_>) -> bool {
    const OUR_HEADERS: usize = 200;
    let Some(max) = core.proxy.settings.udp_bytes_max else {
        return false;
    };
    scene.message.bytes().len() + OUR_HEADERS > max as usize
        && core.sockets.first(Transport::Tcp, None).is_some()
        // Where a transport is named it is not ours to choose.
        && hop_of(&scene.message, target, &scene.proxy.relay_destination).is_none_or(|hop| hop.transport.is_none())
}

/// The socket a target is bound to, when its list of headers or script said so.
pub(super) fn forced_socket(attached: &Attached, target: &TargetParts<'_>) -> Option<SocketId> {
    target.socket.or(attached.proxy.forced_socket)
}

/// Whether a message has a Via behind the first: a response without is not for anybody but us.
pub(super) fn has_next_via(response: &Message) -> bool {
    response.has_second_via()
}
