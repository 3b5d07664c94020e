//! Stateless forwarding: RFC 3261 §16.11. ACKs to a 2xx, a script's `forward()`, and responses that no
//! transaction waits for.

use parser::header::via::MAGIC_COOKIE;
use parser::{Draft, HeaderName, Message, Method};

use super::attachments::RecordRoute;
use super::forward::{self, Writing};
use super::identity::HostText;
use super::validate::{self, Refusal};
use super::{Address, RelayError, TargetParts, identity, reply, response};
use crate::core::Core;
use crate::input::{ConnectionId, Flow, Ticket, Transport};
use crate::limits::RESOLVE_ROUNDS_MAX;
use crate::module::{Context, Verdict};
use crate::outbox::Outbox;
use crate::owner::BranchToken;
use crate::resolve::{Addresses, Hop, Resolved, Waiter};
use crate::sockets::split_destination;
use crate::statistics::Counter;

/// Forwards the request in hand to its first target, or to a destination the script fixes.
pub(super) fn forward(cx: &mut Context<'_>, destination: &[u8]) -> Verdict {
    let is_ack = cx.message.method() == Method::Ack;
    let own = identity::stateless_loop_part(cx.message);
    if let Err(Refusal { code, reason }) =
        validate::validate(cx.core, cx.message, cx.draft, 1, &own)
    {
        if is_ack {
            // Nobody answers an ACK (§17.1.1.3): it ends here.
            cx.core.statistics.count(Counter::AcksNotForwarded);
        } else {
            reply::without_state(cx.core, cx.message, cx.scene, code, reason, cx.outbox);
        }
        return failed(cx, RelayError::BadMessage);
    }
    let addresses = match addresses(cx, destination) {
        Ok(addresses) => addresses,
        Err(verdict) => return verdict,
    };
    let core = &mut *cx.core;
    let attached = &*cx.scene;
    let Some(target) = attached.targets.get(0) else {
        return Verdict::FAIL;
    };
    let mut ways = addresses
        .iter()
        .filter_map(|&to| Some((to, forward::flow_to(core, attached, &target, to)?)))
        .peekable();
    if ways.peek().is_none() {
        return failed(cx, RelayError::SendFailed);
    }
    let call_id = cx.message.call_id();
    let top = cx.message.top_via();
    // §16.11: the same for each retransmission, for the ACK to a failure and for CANCEL, which the next
    // hop has to match, so from what all of them share. The branch of an RFC 3261 client is enough;
    // what tells requests of RFC 2543 apart is its §17.2.3, the To tag left out, which only the ACK has.
    let number = cx.message.cseq().number.to_be_bytes();
    let whole_via = cx.message.top_via_element().map_or(&b""[..], |via| via.raw);
    let by_branch: [&[u8]; 2] = [top.branch(), top.sent_by];
    let by_parts: [&[u8]; 4] = [
        cx.message.request_uri(),
        cx.message.from_tag().unwrap_or_default(),
        &number,
        whole_via,
    ];
    let identity: &[&[u8]] = if top.has_magic_cookie() && top.branch().len() > MAGIC_COOKIE.len() {
        &by_branch
    } else {
        &by_parts
    };
    let token =
        core.owner
            .mint_stateless_branch(core.owner.hash_of_call(call_id), call_id, identity);
    let forbidding = core.blacklists.active(attached.proxy.blacklists);
    let ways: Addressed = ways.collect();
    for (to, flow) in ways {
        let writing = Writing {
            message: cx.message,
            base: cx.draft,
            attached,
            target,
            record_route: if is_ack {
                &RecordRoute::None
            } else {
                &attached.proxy.record_route
            },
            record_route_params: &attached.proxy.record_route_params,
            rewrite: &attached.proxy.rewrite,
            flow,
            token: &token,
            loop_part: Some(&own),
            siblings: 0,
        };
        let draft = forward::draft_of(core, &writing);
        let write = |out: &mut Vec<u8>| draft.write(cx.message, out);
        if core.blacklists.forbid(forbidding, to, core.now, write) {
            core.statistics.count(Counter::Blacklisted);
            forward::give_back(core, draft);
            continue;
        }
        cx.outbox
            .send(flow, Ticket::NONE, |out| draft.write(cx.message, out));
        forward::give_back(core, draft);
        core.statistics.count(Counter::RequestsForwarded);
        return Verdict::OK;
    }
    failed(cx, RelayError::Filtered)
}

/// Addresses, each with the way to it.
type Addressed = smallvec::SmallVec<[(Address, Flow); 2]>;

fn failed(cx: &mut Context<'_>, error: RelayError) -> Verdict {
    cx.scene.proxy.error = Some(error);
    Verdict::Return(error.value())
}

/// Where it goes; waits for the resolver where there is a place to wait.
/// A destination that the call names goes before everything else.
fn hop_to<'a>(message: &'a Message, target: &TargetParts<'a>, fixed: &'a [u8]) -> Option<Hop<'a>> {
    if fixed.is_empty() {
        return forward::hop_of(message, target, fixed);
    }
    let (transport, host, port) = split_destination(fixed)?;
    Some(Hop::plain(host, port, transport))
}

fn addresses(cx: &mut Context<'_>, destination: &[u8]) -> Result<Addresses, Verdict> {
    let attached = &*cx.scene;
    let hop = attached
        .targets
        .get(0)
        .and_then(|target| hop_to(cx.message, &target, destination));
    let Some(hop) = hop else {
        return Err(failed(cx, RelayError::BadDestination));
    };
    let is_known = hop.ip.is_some() || cx.core.resolver.knows(cx.now, &hop);
    let ticket = match is_known || attached.proxy.resolve_rounds >= RESOLVE_ROUNDS_MAX {
        true => None,
        false => cx.wait_ticket(),
    };
    let attached = &*cx.scene;
    let hop = attached
        .targets
        .get(0)
        .and_then(|target| hop_to(cx.message, &target, destination));
    let Some(hop) = hop else {
        return Err(failed(cx, RelayError::BadDestination));
    };
    let waiter = Waiter::Run(ticket.unwrap_or(Ticket::NONE));
    match cx.core.resolver.resolve(cx.now, &hop, waiter, cx.outbox) {
        Resolved::Addresses(addresses) => Ok(addresses),
        Resolved::Waits => match ticket {
            Some(ticket) => {
                cx.scene.proxy.resolve_rounds += 1;
                Err(Verdict::Wait(ticket))
            }
            None => Err(failed(cx, RelayError::Internal)),
        },
        Resolved::Nowhere => Err(failed(cx, RelayError::BadDestination)),
        Resolved::Overload => Err(failed(cx, RelayError::Internal)),
    }
}

/// A response that matches no client transaction.
///
/// RFC 6026 §7: strays are not forwarded, since anybody could make us send them. Two are not strays, and
/// our own branch proves it: those to requests that we forwarded without state, and late 2xx to an INVITE.
/// `disable_stateless_fwd=no` passes on all whose top Via is ours (RFC 3261 §16.11).
pub fn on_stray_response(core: &mut Core, response: Message, flow: Flow, outbox: &mut Outbox) {
    let token = core
        .owner
        .read_branch(response.top_via().branch(), response.call_id())
        .map(|(_, token)| token);
    let is_late_2xx = response.cseq().method == Method::Invite
        && response
            .status()
            .is_some_and(|code| (200..300).contains(&code));
    if let Some(BranchToken::Client(client)) = token.filter(|_| is_late_2xx)
        && let Some((context, branch)) = core.contexts.gave_up(client)
    {
        return response::on_late_2xx(core, context, branch, response, flow, outbox);
    }
    let may_pass = match token {
        Some(BranchToken::Stateless) => true,
        Some(BranchToken::Client(_)) => is_late_2xx || core.proxy.settings.forward_strays,
        None => core.proxy.settings.forward_strays && is_to_us(core, &response),
    };
    let is_sent = may_pass && send_on(core, &response, &flow, outbox);
    core.statistics.count(if is_sent {
        Counter::ResponsesForwarded
    } else {
        Counter::ResponsesUnmatched
    });
}

/// Whether the top Via of a response is a name of ours (RFC 3261 §16.7 step 3).
pub fn is_to_us(core: &Core, response: &Message) -> bool {
    let top = response.top_via();
    let Some(transport) = Transport::parse(top.transport.as_bytes()) else {
        return false;
    };
    let port = top.port.unwrap_or(transport.default_port());
    core.sockets
        .is_myself(top.host_text(), Some(port), Some(transport))
}

/// Sends a response on by its second Via: RFC 3261 §18.2.2.
fn send_on(core: &mut Core, response: &Message, came: &Flow, outbox: &mut Outbox) -> bool {
    let Some(next) = response.vias().nth(1).map(|element| element.value) else {
        return false;
    };
    let Some(transport) = Transport::parse(next.transport.as_bytes()) else {
        return false;
    };
    let sent_by = next.port.unwrap_or(transport.default_port());
    let to = if let Some(maddr) = next.maddr() {
        lookup(
            core,
            &Hop::plain(maddr, Some(sent_by), Some(transport)),
            outbox,
        )
    } else if let Some(ip) = next.received() {
        let port = next.rport().flatten().unwrap_or(sent_by);
        Some(Address {
            transport,
            address: (ip, port).into(),
        })
    } else {
        let host = match next.port {
            Some(_) => next
                .sent_by
                .rsplitn(2, |&byte| byte == b':')
                .last()
                .unwrap_or_default(),
            None => next.sent_by,
        };
        lookup(
            core,
            &Hop::plain(host.trim_ascii(), Some(sent_by), Some(transport)),
            outbox,
        )
    };
    let Some(to) = to else { return false };
    let Some(socket) = core
        .sockets
        .choose(to.transport, to.address, None, Some(came.socket))
    else {
        return false;
    };
    // What the unnamed reply route has changed already.
    let mut draft = std::mem::take(&mut core.reply_draft);
    draft.remove_first_of_list(response, HeaderName::Via);
    if to.transport.is_reliable() {
        draft.require_content_length();
    }
    let flow = Flow {
        socket,
        transport: to.transport,
        remote: to.address,
        connection: ConnectionId::NONE,
    };
    outbox.send(flow, Ticket::NONE, |out| {
        Draft::write(&draft, response, out)
    });
    // Empty again: its edits belong to this response only.
    draft.clear();
    core.reply_draft = draft;
    true
}

/// An address, when it is known already; else it is asked for, and the retransmission finds it.
fn lookup(core: &mut Core, hop: &Hop<'_>, outbox: &mut Outbox) -> Option<Address> {
    match core
        .resolver
        .resolve(core.now, hop, Waiter::Run(Ticket::NONE), outbox)
    {
        Resolved::Addresses(addresses) => addresses.first().copied(),
        _ => None,
    }
}
