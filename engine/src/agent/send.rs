//! Sending a request of ours, and what comes of it: RFC 3261 §8.1.2 and §8.1.3.

use parser::{HeaderName, Message, Method, Uri};

use super::table::Agent;
use super::{AgentEvent, AgentId, AgentOwner, OwnRequest, build};
use crate::core::Core;
use crate::input::{ConnectionId, Flow, SocketId, Transport};
use crate::jobs::Job;
use crate::limits::RESOLVE_ROUNDS_MAX;
use crate::outbox::Outbox;
use crate::proxy::RelayError;
use crate::resolve::{Addresses, Hop, Resolved, Waiter};
use crate::run::{Scene, ValueRef};
use crate::statistics::Counter;
use crate::transaction::{ClientUser, Start};

/// Makes a request of ours; it leaves after its `local_route`, as a job of this input.
pub fn send_request(
    core: &mut Core,
    request: &OwnRequest<'_>,
    outbox: &mut Outbox,
) -> Result<AgentId, RelayError> {
    let _ = outbox;
    let is_ours = request.call_id.is_empty()
        || core.owner.shard(core.owner.hash_of_call(request.call_id)) == core.shard;
    if !is_ours {
        // Its responses would go to another shard: the owner of that Call-ID has to send it.
        return Err(RelayError::Internal);
    }
    let message = build::build(core, request).ok_or(RelayError::BadMessage)?;
    let flow = placeholder_flow(core, request.socket);
    let mut scene = core.machine.take_scene(message, flow);
    if !request.destination.is_empty() {
        scene.targets.set_destination(0, request.destination);
    }
    if let Some(facts) = scene.targets.facts_mut(0) {
        facts.socket = request.socket;
        facts.connection = request.connection;
    }
    if !request.context.is_empty()
        && let Some(name) = core.machine.names.intern(CONTEXT_AVP)
    {
        // A context longer than all attributes together is left out, as if a script had set it.
        let _ = scene.avps.set(name, ValueRef::Str(request.context));
    }
    // `local_route` sees it as `$T_fr_timeout`, and may change it.
    scene.proxy.fr_ms = (request.timeout_ms > 0).then_some(request.timeout_ms);
    let agent = Agent {
        owner: request.owner,
        scene: None,
        client: None,
        addresses: Addresses::new(),
        destination: Vec::new(),
        socket: request.socket,
        connection: request.connection,
        timeout_ms: None,
        own_ack: request.own_ack,
        is_proceeding: false,
        is_told: false,
        rounds: 0,
    };
    let Some(id) = core.agents.slab.insert(agent) else {
        core.statistics.count(Counter::Overloaded);
        core.machine.give_scene(scene);
        return Err(RelayError::Internal);
    };
    if core.jobs.len() >= crate::limits::JOBS_MAX {
        core.agents.slab.remove(id);
        core.machine.give_scene(scene);
        core.statistics.count(Counter::BoundsReached);
        return Err(RelayError::Internal);
    }
    core.jobs.push(Job::LocalRoute { agent: id, scene });
    Ok(id)
}

/// A request of ours came by no way; scripts see the socket it will probably leave by.
fn placeholder_flow(core: &Core, socket: Option<SocketId>) -> Flow {
    let socket = socket
        .and_then(|id| core.sockets.get(id))
        .or_else(|| core.sockets.iter().next());
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    Flow {
        socket: socket.map_or(SocketId(0), |socket| socket.id),
        transport: socket.map_or(Transport::Udp, |socket| socket.transport),
        remote: socket.map_or(nowhere, |socket| socket.address),
        connection: ConnectionId::NONE,
    }
}

/// The `local_route` has seen it: it leaves, unless that dropped it.
pub fn local_route_ended(
    core: &mut Core,
    scene: Box<Scene>,
    agent: AgentId,
    dropped: bool,
    outbox: &mut Outbox,
) {
    let Some(entry) = core.agents.slab.get_mut(agent) else {
        return core.machine.give_scene(scene);
    };
    // The route may have sent it elsewhere.
    if let Some(target) = scene.targets.get(0) {
        entry.destination.extend_from_slice(target.destination);
        entry.socket = target.socket.or(scene.proxy.forced_socket);
    }
    entry.timeout_ms = scene.proxy.fr_ms;
    entry.scene = Some(scene);
    if dropped {
        return end(core, agent, 477, true, None);
    }
    find(core, agent, outbox);
}

/// The addresses it waits for may be known now.
pub fn on_resolved(core: &mut Core, agent: AgentId, outbox: &mut Outbox) {
    if core
        .agents
        .slab
        .get(agent)
        .is_some_and(|agent| agent.client.is_none() && !agent.is_told)
    {
        find(core, agent, outbox);
    }
}

/// Finds where it goes, and sends it there.
fn find(core: &mut Core, id: AgentId, outbox: &mut Outbox) {
    let now = core.now;
    let Some(agent) = core.agents.slab.get_mut(id) else {
        return;
    };
    let Some(scene) = &agent.scene else { return };
    agent.rounds += 1;
    let uri = match (agent.destination.is_empty(), scene.targets.uri(0)) {
        (false, _) => &agent.destination[..],
        (true, []) => scene.message.request_uri(),
        (true, uri) => uri,
    };
    let hop = Uri::parse(uri).ok().as_ref().and_then(Hop::of);
    let resolved = match hop {
        Some(hop) if agent.rounds <= RESOLVE_ROUNDS_MAX => {
            core.resolver.resolve(now, &hop, Waiter::Agent(id), outbox)
        }
        _ => Resolved::Nowhere,
    };
    match resolved {
        Resolved::Waits => {}
        Resolved::Addresses(addresses) => {
            agent.addresses = addresses;
            if !send(core, id, outbox) {
                end(core, id, NOT_SENT, true, None);
            }
        }
        Resolved::Nowhere => end(core, id, 478, true, None),
        Resolved::Overload => end(core, id, 503, true, None),
    }
}

/// Sends it to the next of its addresses. `false`: none is left.
fn send(core: &mut Core, id: AgentId, outbox: &mut Outbox) -> bool {
    let Some(agent) = core.agents.slab.get_mut(id) else {
        return false;
    };
    let Some(scene) = agent.scene.take() else {
        return false;
    };
    let mut addresses = std::mem::take(&mut agent.addresses);
    let (socket, connection, fr_ms) = (agent.socket, agent.connection, agent.timeout_ms);
    let mut client = None;
    while client.is_none() && !addresses.is_empty() {
        let to = addresses.remove(0);
        let Some(socket) = core.sockets.choose(to.transport, to.address, socket, None) else {
            continue;
        };
        let connection = if to.transport.is_reliable() {
            connection
        } else {
            ConnectionId::NONE
        };
        let flow = Flow {
            socket,
            transport: to.transport,
            remote: to.address,
            connection,
        };
        client = start(core, id, &scene, flow, fr_ms, outbox);
    }
    let Some(agent) = core.agents.slab.get_mut(id) else {
        return false;
    };
    agent.scene = Some(scene);
    agent.addresses = addresses;
    agent.connection = ConnectionId::NONE;
    agent.is_proceeding = false;
    if client.is_none() {
        return false;
    }
    let before = std::mem::replace(&mut agent.client, client);
    if let Some(before) = before {
        core.clients.abandon(before);
    }
    true
}

fn start(
    core: &mut Core,
    id: AgentId,
    scene: &Scene,
    flow: Flow,
    fr_ms: Option<u32>,
    outbox: &mut Outbox,
) -> Option<crate::transaction::ClientId> {
    let (client, token) = core.reserve_client(scene.message.call_id()).ok()?;
    let mut draft = scene.draft.clone();
    if let uri @ [_, ..] = scene.targets.uri(0) {
        draft.set_request_uri(uri);
    }
    draft.remove_first_of_list(&scene.message, HeaderName::Via);
    let mut via = Vec::with_capacity(96);
    crate::proxy::write_via(core, &flow, &scene.proxy.advertised, &token, &mut via);
    draft.prepend_header(&via);
    let forbidding = core.blacklists.active(scene.proxy.blacklists);
    let to = crate::proxy::Address {
        transport: flow.transport,
        address: flow.remote,
    };
    let write = |out: &mut Vec<u8>| draft.write(&scene.message, out);
    if core.blacklists.forbid(forbidding, to, core.now, write) {
        core.statistics.count(Counter::Blacklisted);
        core.release_client(client);
        return None;
    }
    let start = Start {
        id: client,
        method: scene.message.method(),
        flow,
        user: ClientUser::Agent(id),
        fr_ms,
        fr_inv_ms: scene.proxy.fr_inv_ms,
        headers: b"",
    };
    core.start_client(start, outbox, |out| draft.write(&scene.message, out));
    Some(client)
}

/// A response to a request of ours. RFC 3263 §4.3: a 503 is a reason to try the next address.
pub fn on_response(
    core: &mut Core,
    agent: AgentId,
    response: Message,
    flow: Flow,
    outbox: &mut Outbox,
) {
    let wants_ack = response
        .status()
        .is_some_and(|code| (200..300).contains(&code))
        && response.cseq().method == Method::Invite
        && core
            .agents
            .slab
            .get(agent)
            .is_some_and(|entry| !entry.own_ack);
    if wants_ack {
        super::ack::acknowledge(core, agent, &response, flow, outbox);
    }
    let Some(entry) = core.agents.slab.get_mut(agent) else {
        return;
    };
    let code = response.status().unwrap_or_default();
    entry.is_proceeding = true;
    let is_success = (200..300).contains(&code);
    match code {
        100 => {}
        101..=199 if !entry.is_told => tell(core, agent, code, false, Some(response)),
        503 if !entry.is_told && !entry.addresses.is_empty() && send(core, agent, outbox) => {}
        200..
            if !core
                .agents
                .slab
                .get(agent)
                .is_some_and(|entry| entry.is_told) =>
        {
            end(core, agent, code, false, Some(response));
        }
        // RFC 3261 §13.2.2.4: other branches of a forked INVITE of ours may answer as well.
        _ if is_success => tell(core, agent, code, false, Some(response)),
        _ => {}
    }
}

/// Nobody has answered.
pub fn on_timeout(core: &mut Core, agent: AgentId, outbox: &mut Outbox) {
    let Some(entry) = core.agents.slab.get(agent) else {
        return;
    };
    let may_try_next = !entry.is_proceeding && !entry.is_told && !entry.addresses.is_empty();
    let ringing = entry.client.filter(|_| entry.is_proceeding);
    if let Some(client) = ringing {
        // Somebody is ringing, and whoever wanted him hears 408: he has to stop (RFC 3261 §9.1).
        core.cancel_client(client, &[], outbox);
    }
    if !(may_try_next && send(core, agent, outbox)) {
        end(core, agent, 408, true, None);
    }
}

/// It could not be sent.
pub fn on_transport_error(core: &mut Core, agent: AgentId, outbox: &mut Outbox) {
    let Some(entry) = core.agents.slab.get(agent) else {
        return;
    };
    let may_try_next = !entry.is_told && !entry.addresses.is_empty();
    if !(may_try_next && send(core, agent, outbox)) {
        end(core, agent, NOT_SENT, true, None);
    }
}

/// Cancels an INVITE of ours by its Call-ID and CSeq number. False: there is none under way here. Goes through all
/// requests of ours: for operators.
pub fn cancel(core: &mut Core, call_id: &[u8], cseq: u32, outbox: &mut Outbox) -> bool {
    let is_it = |scene: &Scene| {
        let message = &scene.message;
        message.method() == Method::Invite
            && message.call_id() == call_id
            && message.cseq().number == cseq
    };
    let client = core
        .agents
        .slab
        .iter()
        .filter(|(_, agent)| !agent.is_told && agent.scene.as_deref().is_some_and(is_it))
        .find_map(|(_, agent)| agent.client);
    if let Some(client) = client {
        core.cancel_client(client, &[], outbox);
    }
    client.is_some()
}

/// Its client transaction is gone, and with it the last that could happen to it.
pub fn on_ended(core: &mut Core, agent: AgentId, _outbox: &mut Outbox) {
    let Some(entry) = core.agents.slab.get(agent) else {
        return;
    };
    // Failover may have put another in its place.
    if entry
        .client
        .is_some_and(|client| core.clients.contains(client))
    {
        return;
    }
    if !entry.is_told {
        end(core, agent, 408, true, None);
    }
    if let Some(scene) = core.agents.slab.remove(agent).and_then(|entry| entry.scene) {
        core.machine.give_scene(scene);
    }
}

/// It has ended for its owner; what was never sent ends altogether.
fn end(core: &mut Core, id: AgentId, code: u16, local: bool, response: Option<Message>) {
    let Some(agent) = core.agents.slab.get_mut(id) else {
        return;
    };
    if agent.is_told {
        return;
    }
    agent.is_told = true;
    let was_sent = agent.client.is_some();
    tell(core, id, code, local, response);
    if !was_sent && let Some(scene) = core.agents.slab.remove(id).and_then(|entry| entry.scene) {
        core.machine.give_scene(scene);
    }
}

fn tell(core: &mut Core, id: AgentId, code: u16, local: bool, response: Option<Message>) {
    let Some(owner) = core.agents.slab.get(id).map(|agent| agent.owner) else {
        return;
    };
    if owner == AgentOwner::Nobody {
        return;
    }
    let event = AgentEvent {
        agent: id,
        owner,
        code,
        local,
    };
    if !core.jobs.push(Job::AgentResponse { event, response }) {
        core.statistics.count(Counter::BoundsReached);
    }
}

/// The attribute that tells `local_route` what a request of ours is about, as OpenSIPS calls it.
const CONTEXT_AVP: &[u8] = b"uac_ctx";

/// RFC 3261 §8.1.3.1: a request that cannot be sent is as if it had been answered so.
const NOT_SENT: u16 = 503;
