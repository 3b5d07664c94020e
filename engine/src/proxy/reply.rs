//! Replies of our own: RFC 3261 §8.2.6, in a transaction or without one.

use parser::{Message, Method, Response};

use super::context::ResponseContext;
use super::{TransactionEventKind, cancel, ending, identity, warning};
use crate::core::Core;
use crate::input::{Flow, Ticket};
use crate::limits::RETRY_AFTER_S;
use crate::outbox::Outbox;
use crate::run::Attached;
use crate::statistics::Counter;
use crate::transaction::reply_flow;

/// Answers a request in its transaction. `false`: it has its final response already. A final one
/// stops all branches.
pub(super) fn in_context(
    core: &mut Core,
    context: &mut ResponseContext,
    message: &Message,
    attached: &mut Attached,
    code: u16,
    reason: &[u8],
    outbox: &mut Outbox,
) -> bool {
    let Some(server) = context.server.filter(|_| !context.is_answered()) else {
        return false;
    };
    let minted = identity::local_tag(core.proxy.key, message);
    let given_tag = attached.proxy.local_tag.clone();
    let tag = match given_tag.as_slice() {
        b"" => &minted[..],
        tag => tag,
    };
    let given = sign(core, message, attached, code);
    if attached.flags & core.proxy.settings.no_reply_connection_flag != 0 {
        core.open_nothing_for(server);
    }
    let reply = make(message, attached, code, reason, tag);
    let is_sent = core.respond(server, code, outbox, |out| reply.write(message, out));
    attached.proxy.reply_headers.truncate(given);
    if !is_sent {
        return false;
    }
    core.statistics.count(Counter::TmResponsesLocal);
    let reason = if reason.is_empty() {
        parser::writer::reason_of(code).as_bytes()
    } else {
        reason
    };
    remember(
        core,
        context,
        code,
        reason,
        message.to_tag().unwrap_or(tag),
        None,
    );
    if code >= 200 {
        used_up(attached);
        cancel::branches(core, context, &[], None, outbox);
    }
    true
}

/// Answers a request without a transaction.
pub(super) fn without_state(
    core: &mut Core,
    message: &Message,
    attached: &mut Attached,
    code: u16,
    reason: &[u8],
    outbox: &mut Outbox,
) -> bool {
    // §8.2.6 and §17: nobody answers an ACK.
    if attached.proxy.refused || message.method() == Method::Ack {
        return false;
    }
    // §18.2.2: the Via says where to. Only an error route sees a request without one that can be read.
    if message.top_via().sent_by.is_empty() {
        return false;
    }
    let tag = identity::local_tag(core.proxy.key, message);
    let flow = flow_back(message, attached);
    let given = sign(core, message, attached, code);
    let reply = make(message, attached, code, reason, &tag);
    outbox.send(flow, Ticket::NONE, |out| reply.write(message, out));
    attached.proxy.reply_headers.truncate(given);
    core.statistics.count_stateless(code);
    if code >= 200 {
        used_up(attached);
    }
    true
}

/// Answers anything without a scene: what the engine refuses before a script sees it.
pub fn reply_stateless(
    core: &mut Core,
    request: &Message,
    flow: &Flow,
    code: u16,
    reason: &[u8],
    headers: &[u8],
    outbox: &mut Outbox,
) {
    let tag = identity::local_tag(core.proxy.key, request);
    let to_tag = (code > 100).then_some(&tag[..]);
    let source = Some(flow.remote);
    let mut warned = Vec::new();
    if core.proxy.settings.warning {
        warned.extend_from_slice(headers);
        warning::append(core, request, flow, b"", &mut warned);
    }
    let reply = Response {
        code,
        reason,
        to_tag,
        source,
        headers: if warned.is_empty() { headers } else { &warned },
        ..Response::default()
    };
    outbox.send(reply_flow(request, flow, false), Ticket::NONE, |out| {
        reply.write(request, out)
    });
    core.statistics.count_stateless(code);
}

/// A table is full: 503, and when to come again.
pub(super) fn overloaded(
    core: &mut Core,
    request: &Message,
    came: &Flow,
    back: Flow,
    outbox: &mut Outbox,
) {
    let tag = identity::local_tag(core.proxy.key, request);
    let mut headers = format!("Retry-After: {RETRY_AFTER_S}\r\n").into_bytes();
    if core.proxy.settings.warning {
        warning::append(core, request, came, b"", &mut headers);
    }
    let reply = Response {
        code: 503,
        to_tag: Some(&tag),
        source: Some(came.remote),
        headers: &headers,
        ..Response::default()
    };
    outbox.send(back, Ticket::NONE, |out| reply.write(request, out));
    core.statistics.count_stateless(503);
    complain_of_overload(core, request, came, outbox);
}

/// Says so in the log.
pub fn complain_of_overload(core: &mut Core, request: &Message, came: &Flow, outbox: &mut Outbox) {
    let what = format_args!("request answered 503: no place for another transaction");
    core.complain(came, request.bytes(), what, outbox);
}

/// Whether an ACK answers a reply that we made without a transaction: it ends here (§17.1.1.3 gives it our tag).
pub fn absorbs_ack(core: &mut Core, request: &Message) -> bool {
    request.method() == Method::Ack
        && request
            .to_tag()
            .is_some_and(|tag| tag == identity::local_tag(core.proxy.key, request))
}

/// By which way a reply goes: §18.2.2 and RFC 3581, unless the script says otherwise.
pub(super) fn flow_back(message: &Message, attached: &Attached) -> Flow {
    if attached.proxy.reply_to_via
        && !attached.flow.transport.is_reliable()
        && let Some(ip) = message.top_via().host.ip()
    {
        let port = message
            .top_via()
            .port
            .unwrap_or(attached.flow.transport.default_port());
        return Flow {
            remote: (ip, port).into(),
            ..attached.flow
        };
    }
    reply_flow(message, &attached.flow, attached.proxy.force_rport)
}

fn make<'a>(
    message: &Message,
    attached: &'a Attached,
    code: u16,
    reason: &'a [u8],
    tag: &'a [u8],
) -> Response<'a> {
    // §12.1.1: what makes a dialog carries the route.
    let makes_dialog = matches!(
        message.method(),
        Method::Invite | Method::Subscribe | Method::Refer | Method::Notify
    );
    Response {
        code,
        reason,
        to_tag: (code > 100).then_some(tag),
        record_route: makes_dialog && (101..300).contains(&code),
        source: Some(attached.flow.remote),
        force_rport: attached.proxy.force_rport,
        headers: &attached.proxy.reply_headers,
        content_type: &attached.proxy.reply_content_type,
        body: &attached.proxy.reply_body,
    }
}

/// Puts our own lines behind the headers that the script gave; says where those end.
fn sign(core: &Core, message: &Message, attached: &mut Attached, code: u16) -> usize {
    let headers = &mut attached.proxy.reply_headers;
    let given = headers.len();
    if code > 100 {
        headers.extend_from_slice(&core.proxy.settings.server_header);
    }
    if core.proxy.settings.warning {
        let target = attached.targets.get(0);
        let out_uri = target.map_or(&b""[..], |target| target.uri);
        warning::append(core, message, &attached.flow, out_uri, headers);
    }
    given
}

/// What a script gave for the next final reply has been sent.
fn used_up(attached: &mut Attached) {
    attached.proxy.reply_headers.clear();
    attached.proxy.reply_content_type.clear();
    attached.proxy.reply_body.clear();
}

/// Keeps what went to the caller, and tells the watchers.
pub(super) fn remember(
    core: &mut Core,
    context: &mut ResponseContext,
    code: u16,
    reason: &[u8],
    tag: &[u8],
    branch: Option<u8>,
) {
    let was_answered = context.is_answered();
    if was_answered && context.to_tag == tag {
        // The 2xx again: everybody knows.
        return;
    }
    // A later 2xx of another branch does not change what the call has become.
    if !was_answered {
        context.status = code;
        context.status_local = branch.is_none();
        context.status_branch = branch;
        context.reason.clear();
        parser::writer::write_reason(reason, &mut context.reason);
        context.to_tag.clear();
        context.to_tag.extend_from_slice(tag);
    }
    let kind = TransactionEventKind::ReplySent {
        code,
        local: branch.is_none(),
        branch,
    };
    ending::notify(core, context, kind);
}
