//! Route preprocessing: RFC 3261 §16.4, and §16.12 for strict routers on either side.
//!
//! Finds what a Route header says about this request, takes our own entries out and says where
//! the request goes next. A request that a script does not ask this of is routed by its target alone.

use parser::{Draft, Message, NameAddr, Uri};

use super::attachments::RouteFound;
use super::rewrite;
use crate::core::Core;
use crate::input::Transport;
use crate::owner::COOKIE_PARAM;
use crate::run::Attached;

/// Does it; says whether the request is routed by a Route header.
pub(super) fn loose_route(
    core: &Core,
    message: &Message,
    draft: &mut Draft,
    attached: &mut Attached,
) -> bool {
    let from_strict = came_from_strict_router(core, message);
    let found = follow(core, message, draft, attached, from_strict);
    attached.proxy.route.done = true;
    attached.proxy.route.routed = found;
    found
}

/// Whether the first Route is ours.
pub(super) fn leads_to_us(core: &Core, message: &Message) -> bool {
    let top = message.routes().next();
    top.is_some_and(|top| ours(core, &top.value).is_some())
}

/// §16.4: a strict router before us has put our own Record-Route into the Request-URI. We know it by
/// the cookie, which nobody else can make.
fn came_from_strict_router(core: &Core, message: &Message) -> bool {
    let Ok(uri) = Uri::parse(message.request_uri()) else {
        return false;
    };
    uri.params.has(b"lr")
        && uri
            .params
            .get(COOKIE_PARAM)
            .is_some_and(|cookie| core.owner.read_cookie(cookie, message.call_id()).is_some())
}

fn follow(
    core: &Core,
    message: &Message,
    draft: &mut Draft,
    attached: &mut Attached,
    from_strict: bool,
) -> bool {
    let mut routes = message.routes().peekable();
    if routes.peek().is_none() {
        return false;
    }
    let mut last = None;
    let mut received = None;
    if from_strict {
        // The target was put at the end of the Routes; it goes back where it belongs.
        last = message.routes().last();
        if let (Some(last), Ok(own)) = (&last, Uri::parse(message.request_uri())) {
            attached.targets.set_uri(0, last.value.addr_spec);
            draft.remove_element(message, last.span);
            keep_params(core, message, &own, attached);
        }
    } else {
        // Ours on top: at most two, one for each side that the request has.
        for _ in 0..2 {
            let own = routes.peek().and_then(|top| ours(core, &top.value));
            let (Some(own), Some(top)) = (own, routes.peek()) else {
                break;
            };
            draft.remove_element(message, top.span);
            let is_double = own.params.has(b"r2");
            received = received.or(own.params.get(b"received"));
            keep_params(core, message, &own, attached);
            routes.next();
            if !is_double {
                break;
            }
        }
    }
    let mut next = routes.next();
    if next.is_some_and(|next| last.is_some_and(|last| last.span == next.span)) {
        next = None;
    }
    if let (None, Some(received), true) = (next, received, core.proxy.settings.path_received) {
        let mut uri = Vec::with_capacity(received.len());
        parser::uri::unescape(received, &mut uri);
        if attached.targets.set_destination(0, &uri) {
            return true;
        }
    }
    let Some(next) = next else {
        // A request that begins a dialog and names only us was given us as its outbound proxy: its target
        // is for the script to find.
        return from_strict || message.to_tag().is_some();
    };
    let Ok(uri) = next.value.uri() else {
        return true;
    };
    if uri.params.has(b"lr") {
        attached.targets.set_destination(0, next.value.addr_spec);
        return true;
    }
    // §16.6 step 6: the next one is a strict router. It wants to be the Request-URI, and the target
    // to be the last Route.
    let mut line = Vec::from(&b"Route: <"[..]);
    let target = attached.targets.uri(0);
    line.extend_from_slice(if target.is_empty() {
        message.request_uri()
    } else {
        target
    });
    line.extend_from_slice(b">");
    draft.remove_element(message, next.span);
    draft.append_header(&line);
    attached.targets.set_uri(0, next.value.addr_spec);
    true
}

/// The URI of a Route when it names us.
fn ours<'m>(core: &Core, route: &NameAddr<'m>) -> Option<Uri<'m>> {
    let uri = route.uri().ok()?;
    let transport = uri.params.get(b"transport").and_then(Transport::parse);
    let default = transport.unwrap_or_default().default_port();
    let is_named =
        core.sockets
            .is_myself(uri.host_text, Some(uri.port.unwrap_or(default)), transport);
    let user = uri.user.unwrap_or_default();
    let is_ignored = !user.is_empty() && user == core.proxy.settings.ignore_user;
    (is_named && !is_ignored).then_some(uri)
}

/// Keeps what a Route of ours says: its parameters, who called, and by which socket the other side is reached.
fn keep_params(core: &Core, message: &Message, own: &Uri<'_>, attached: &mut Attached) {
    let transport = own
        .params
        .get(b"transport")
        .and_then(Transport::parse)
        .unwrap_or_default();
    let socket = core
        .sockets
        .named(own.host_text, own.port, Some(transport))
        .map(|socket| socket.id);
    let downstream = own
        .params
        .get(b"ftag")
        .map(|tag| message.from_tag() == Some(tag));
    let is_second = attached.proxy.route.socket.is_some();
    attached.proxy.route = RouteFound {
        socket: socket.or(attached.proxy.route.socket),
        downstream: downstream.or(attached.proxy.route.downstream),
        unknown_socket: socket.is_none() || attached.proxy.route.unknown_socket,
        ..attached.proxy.route
    };
    if !is_second {
        attached.proxy.route_params.clear();
        attached
            .proxy
            .route_params
            .extend_from_slice(own.params.raw());
        rewrite::follow(core, message, own.params, &mut attached.proxy.rewrite);
    }
}
