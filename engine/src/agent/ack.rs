//! The ACK to a 2xx: RFC 3261 §13.2.2.4. It belongs to no transaction; every 2xx gets one, a repeated one too.

use parser::{Message, Uri, writer};

use super::AgentId;
use crate::core::Core;
use crate::input::{ConnectionId, Flow, Ticket};
use crate::outbox::Outbox;
use crate::resolve::{Hop, Resolved, Waiter};
use crate::statistics::Counter;

/// Acknowledges the 2xx to an INVITE of ours that came by this flow.
pub(super) fn acknowledge(
    core: &mut Core,
    id: AgentId,
    response: &Message,
    came: Flow,
    outbox: &mut Outbox,
) {
    let Some(scene) = core
        .agents
        .slab
        .get(id)
        .and_then(|agent| agent.scene.as_ref())
    else {
        return;
    };
    let mut invite = Vec::new();
    scene.draft.write(&scene.message, &mut invite);
    let named = scene.proxy.advertised.clone();
    // A branch of its own; no transaction stands behind it.
    let Ok((client, token)) = core.reserve_client(response.call_id()) else {
        core.statistics.count(Counter::Overloaded);
        return;
    };
    core.release_client(client);
    let mut via = Vec::new();
    crate::proxy::write_via(core, &came, &named, &token, &mut via);
    let mut ack = Vec::new();
    let Ok(next) = writer::write_ack_2xx(&invite, response, &via, &mut ack) else {
        core.statistics.count(Counter::AcksUnmatched);
        return;
    };
    let flow = flow_to(core, &next, came, outbox);
    outbox.send(flow, Ticket::NONE, |out| out.extend_from_slice(&ack));
}

/// Where the ACK goes by the same socket. A name that would have to be looked up first leads back to where the 2xx came
/// from: it cannot wait, the peer repeats the 2xx until it is there.
fn flow_to(core: &mut Core, next: &[u8], came: Flow, outbox: &mut Outbox) -> Flow {
    let hop = Uri::parse(next).ok().as_ref().and_then(Hop::of);
    let Some(hop) = hop.filter(|hop| hop.ip.is_some() || core.resolver.knows(core.now, hop)) else {
        return came;
    };
    let now = core.now;
    let found = core
        .resolver
        .resolve(now, &hop, Waiter::Run(Ticket::NONE), outbox);
    match found {
        Resolved::Addresses(addresses) => addresses
            .iter()
            .find(|to| to.transport == came.transport)
            .map_or(came, |to| Flow {
                remote: to.address,
                connection: if to.address == came.remote {
                    came.connection
                } else {
                    ConnectionId::NONE
                },
                ..came
            }),
        Resolved::Waits | Resolved::Nowhere | Resolved::Overload => came,
    }
}
