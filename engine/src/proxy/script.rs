//! What scripts can do with the proxy core: the methods that `tm`, `sl`, `rr` and `signaling` offer.

use std::net::IpAddr;

use parser::{HeaderName, Method, Uri};

use super::attachments::RecordRoute;
use super::context::ResponseContext;
use super::{
    BRANCHES_MAX, Cancel, RelayOptions, cancel, forward, identity, relay, reply, rewrite, route,
    stateless,
};
use crate::agent::{self, AgentId, OwnRequest};
use crate::input::Transport;
use crate::limits::HOST_NAME_MAX;
use crate::module::{Context, Verdict};
use crate::proxy::RelayError;
use crate::resolve::{Addresses, Hop, Resolved, Waiter};
use crate::transaction::{ClientId, Matched};
use script::RouteKind;

impl Context<'_> {
    /// Whether there is a message, and one that can be sent on or made a transaction of.
    fn is_whole(&self) -> bool {
        !self.run.is_dummy && !self.run.is_broken
    }

    /// Makes the transaction of the request in hand (`t_newtran`). False: it has one, it cannot have one,
    /// or a table is full (and the request has been answered so).
    pub fn new_transaction(&mut self) -> bool {
        let is_impossible = !self.is_whole() || self.message.method() == Method::Ack;
        if is_impossible || self.run.context.is_some() {
            return false;
        }
        let made = relay::ensure_transaction(
            self.core,
            self.message,
            self.scene,
            &mut self.run.context,
            self.outbox,
        );
        let Some(context) = made.ok().and_then(|id| self.core.contexts.get_mut(id)) else {
            return false;
        };
        context.made_by_script = true;
        if let Some(server) = context.server
            && self.core.tm.auto_100_trying
        {
            self.core.send_trying(server, self.outbox);
        }
        true
    }

    /// Whether the request in hand belongs to a transaction (`t_check_trans`): an ACK or CANCEL by what it
    /// means, any other by what was made of it. Retransmissions never come this far.
    ///
    /// Scripts relay an ACK that is known here at once, as one that needs no routing. So the ACK to a 2xx
    /// whose Route leads to us is not known until `loose_route` has taken that out (RFC 3261 §16.4).
    pub fn check_transaction(&mut self) -> Verdict {
        let is_known = match self.scene.proxy.matched {
            Some(Matched::AckTo2xx(_)) => {
                self.scene.proxy.route.done || !route::leads_to_us(self.core, self.message)
            }
            Some(Matched::Cancel(_)) => true,
            _ => self.run.context.is_some(),
        };
        Verdict::of(is_known)
    }

    /// Whether the request in hand is the ACK to a 2xx that we made ourselves.
    fn acknowledges_us(&self) -> bool {
        self.transaction()
            .is_some_and(|context| context.status_local)
    }

    /// Sends the request in hand to its target set (`t_relay`). An ACK goes on without state, unless it was for us; a CANCEL
    /// stops the branches of its INVITE and is answered.
    pub fn relay(&mut self, options: &RelayOptions<'_>) -> Verdict {
        if !self.is_whole() {
            return Verdict::FAIL;
        }
        match self.message.method() {
            // It has arrived: nobody is behind us.
            Method::Ack if self.acknowledges_us() => Verdict::OK,
            Method::Ack => stateless::forward(self, options.destination.unwrap_or_default()),
            Method::Cancel => match self.scene.proxy.matched {
                Some(Matched::Cancel(server)) => {
                    match self.run.context {
                        // Its run has waited, so it has a transaction already.
                        Some(_) => drop(self.reply_in_transaction(200, b"canceling")),
                        None => cancel::answer(self.core, self.message, self.scene, self.outbox),
                    }
                    let mut headers = std::mem::take(&mut self.scene.proxy.cancel_headers);
                    if options.pass_reason && headers.is_empty() {
                        for field in self.message.headers_named(HeaderName::Reason) {
                            headers.extend_from_slice(field.line.of(self.message.bytes()));
                        }
                    }
                    cancel::request(self.core, server, &headers, self.outbox);
                    self.scene.proxy.cancel_headers = headers;
                    Verdict::OK
                }
                // §16.10: no response context here; somebody behind us may have one.
                _ => stateless::forward(self, options.destination.unwrap_or_default()),
            },
            _ => relay::relay(self, options),
        }
    }

    /// Sends the request in hand on without state (`forward`), to `destination` or its target.
    pub fn forward(&mut self, destination: &[u8]) -> Verdict {
        if !self.is_whole() {
            return Verdict::FAIL;
        }
        stateless::forward(self, destination)
    }

    /// Answers: in the transaction if there is one, else without (`send_reply`).
    pub fn reply(&mut self, code: u16, reason: &[u8]) -> bool {
        match self.run.context {
            Some(_) => self.reply_in_transaction(code, reason),
            None => self.reply_stateless(code, reason),
        }
    }

    /// Answers in the transaction, which is made if there is none (`t_reply`).
    pub fn reply_in_transaction(&mut self, code: u16, reason: &[u8]) -> bool {
        let is_answerable = self.is_whole() && self.message.method() != Method::Ack;
        if !is_answerable || !(100..700).contains(&code) {
            return false;
        }
        let id = relay::ensure_transaction(
            self.core,
            self.message,
            self.scene,
            &mut self.run.context,
            self.outbox,
        );
        let Some(mut context) = id.ok().and_then(|id| self.core.contexts.take(id)) else {
            return false;
        };
        context.made_by_script = true;
        let is_sent = reply::in_context(
            self.core,
            &mut context,
            self.message,
            self.scene,
            code,
            reason,
            self.outbox,
        );
        self.core.contexts.put(context);
        is_sent
    }

    /// Answers without a transaction (`sl_send_reply`).
    pub fn reply_stateless(&mut self, code: u16, reason: &[u8]) -> bool {
        if self.run.is_dummy || !(100..700).contains(&code) {
            return false;
        }
        reply::without_state(
            self.core,
            self.message,
            self.scene,
            code,
            reason,
            self.outbox,
        )
    }

    /// Answers what went wrong last (`sl_reply_error`).
    pub fn reply_error(&mut self) -> bool {
        let (code, reason) = self
            .scene
            .proxy
            .error
            .unwrap_or(RelayError::Internal)
            .status();
        self.reply(code, reason)
    }

    /// Appends the To-tag that answers of ours to this request carry (`$sig_local_totag`).
    pub fn write_local_tag(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&identity::local_tag(self.core.proxy.key, self.message));
    }

    /// Asks branches to stop (`t_cancel_branch`).
    pub fn cancel_branches(&mut self, which: Cancel) -> bool {
        let Some(mut context) = self.run.context.and_then(|id| self.core.contexts.take(id)) else {
            return false;
        };
        let current = self.run.branch;
        match which {
            Cancel::All => cancel::branches(self.core, &mut context, &[], None, self.outbox),
            Cancel::Others => cancel::branches(self.core, &mut context, &[], current, self.outbox),
            Cancel::This => {
                let is_invite = context.is_invite;
                if let Some(branch) = current.and_then(|at| context.branch_mut(at)) {
                    cancel::stop(self.core, branch, is_invite, &[], self.outbox);
                }
            }
        }
        self.core.contexts.put(context);
        true
    }

    /// Whether the caller has given up (`t_was_cancelled`).
    pub fn was_cancelled(&self) -> bool {
        self.transaction().is_some_and(|context| context.cancelled)
    }

    /// The response context of this run's transaction. In the run of an ACK or CANCEL: that of the INVITE.
    pub fn transaction(&self) -> Option<&ResponseContext> {
        let id = self.run.context.or_else(|| match self.scene.proxy.matched {
            Some(Matched::AckTo2xx(server) | Matched::Cancel(server)) => {
                self.core.servers.context(server)
            }
            _ => None,
        });
        self.core.contexts.get(id?)
    }

    /// Wants to be told what happens to this request's transaction, now or as soon as it is made: the
    /// module that is called now gets `on_transaction`.
    pub fn watch_transaction(&mut self) {
        debug_assert!(self.me < 64, "a program has fewer modules");
        let bit = 1u64.checked_shl(u32::from(self.me)).unwrap_or_default();
        self.scene.proxy.watchers |= bit;
        if let Some(context) = self
            .run
            .context
            .and_then(|id| self.core.contexts.get_mut(id))
        {
            context.watchers |= bit;
        }
    }

    /// Works through the Route headers (`loose_route`). 1: the request is routed by them; -1: not.
    pub fn loose_route(&mut self) -> i32 {
        let was_done = self.scene.proxy.route.done;
        let is_routed = route::loose_route(self.core, self.message, self.draft, self.scene);
        if is_routed && !was_done {
            rewrite::remember(self.core, self.message, &mut self.scene.proxy.rewrite);
        }
        if is_routed { 1 } else { -1 }
    }

    /// The tag that replies of ours to this request have (`$sig_local_totag`).
    pub fn local_tag(&mut self) -> &[u8] {
        let tag = &mut self.scene.proxy.local_tag;
        if tag.is_empty() {
            tag.extend_from_slice(&identity::local_tag(self.core.proxy.key, self.message));
        }
        tag
    }

    /// Our Record-Route goes into every branch (`record_route`). False: it does already.
    pub fn record_route(&mut self, user: Option<&[u8]>) -> bool {
        if self.scene.proxy.record_route != RecordRoute::None {
            return false;
        }
        self.scene.proxy.record_route = RecordRoute::Own(user.unwrap_or_default().to_vec());
        true
    }

    /// A Record-Route with these addresses instead of ours (`record_route_preset`).
    pub fn record_route_preset(&mut self, first: &[u8], second: Option<&[u8]>) -> bool {
        if self.scene.proxy.record_route != RecordRoute::None {
            return false;
        }
        self.scene.proxy.record_route =
            RecordRoute::Preset(first.to_vec(), second.map(<[u8]>::to_vec));
        true
    }

    /// A parameter for our Record-Route (`add_rr_param`), whether it is asked for before or after this.
    pub fn add_rr_param(&mut self, param: &[u8]) -> bool {
        self.scene.proxy.add_record_route_param(param);
        true
    }

    /// Answers go to the source port, asked for or not (`force_rport`, RFC 3581).
    pub fn force_rport(&mut self) {
        self.scene.proxy.force_rport = true;
        let flow = reply::flow_back(self.message, self.scene);
        if let Some(context) = self
            .run
            .context
            .and_then(|id| self.core.contexts.get_mut(id))
        {
            context.reply_flow = Some(flow);
            if let Some(server) = context.server {
                self.core.servers.set_reply_flow(server, flow);
            }
        }
    }

    /// Whether this names us. What is `None` matches anything.
    pub fn is_myself(&self, host: &[u8], port: Option<u16>, transport: Option<Transport>) -> bool {
        self.core.sockets.is_myself(host, port, transport)
    }

    /// Sends a request of our own; its owner is told how it goes on.
    pub fn send_request(&mut self, request: &OwnRequest<'_>) -> Result<AgentId, RelayError> {
        agent::send_request(self.core, request, self.outbox)
    }

    /// Where a URI leads (RFC 3263). `Err`: return this verdict, and call again when called again.
    pub fn resolve(&mut self, uri: &[u8]) -> Result<Addresses, Verdict> {
        let hop = Uri::parse(uri).ok().as_ref().and_then(Hop::of);
        let Some(hop) = hop else {
            return Err(Verdict::FAIL);
        };
        let is_known = hop.ip.is_some() || self.core.resolver.knows(self.now, &hop);
        let ticket = if is_known {
            crate::input::Ticket::NONE
        } else {
            self.wait_ticket().ok_or(Verdict::FAIL)?
        };
        match self
            .core
            .resolver
            .resolve(self.now, &hop, Waiter::Run(ticket), self.outbox)
        {
            Resolved::Addresses(addresses) => Ok(addresses),
            Resolved::Waits => Err(Verdict::Wait(ticket)),
            Resolved::Nowhere | Resolved::Overload => Err(Verdict::FAIL),
        }
    }

    /// An address of a host, of one family or of both (IPv4 first). `Err`: return this verdict, and call again when
    /// called again; it is a failure when there is none.
    pub fn resolve_host(&mut self, host: &[u8], ipv4: bool, ipv6: bool) -> Result<IpAddr, Verdict> {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(byte);
        if host.is_empty() || host.len() > HOST_NAME_MAX || !host.iter().all(is_name) {
            return Err(Verdict::FAIL);
        }
        let ticket = match Hop::plain(host, None, None).ip {
            Some(_) => crate::input::Ticket::NONE,
            None => self.wait_ticket().ok_or(Verdict::FAIL)?,
        };
        let waiter = Waiter::Run(ticket);
        let families = (ipv4, ipv6);
        let resolver = &mut self.core.resolver;
        match resolver.resolve_host(self.now, host, families, waiter, self.outbox) {
            Resolved::Addresses(addresses) => addresses
                .first()
                .map(|one| one.address.ip())
                .ok_or(Verdict::FAIL),
            Resolved::Waits => Err(Verdict::Wait(ticket)),
            Resolved::Nowhere | Resolved::Overload => Err(Verdict::FAIL),
        }
    }

    /// The final-response timers of this transaction, in ms (`$T_fr_timeout`, `$T_fr_inv_timeout`): of what is sent
    /// from now on, and the second also of what is under way.
    pub fn set_timeouts(&mut self, fr_ms: Option<u32>, fr_inv_ms: Option<u32>) {
        let (kind, at) = (self.run.kind, self.run.branch);
        let mut context = self
            .run
            .context
            .and_then(|id| self.core.contexts.get_mut(id));
        let (fr, fr_inv) = match (kind, &mut context) {
            (RouteKind::Branch, Some(context)) => match at.and_then(|at| context.branch_mut(at)) {
                Some(branch) => (&mut branch.fr_ms, &mut branch.fr_inv_ms),
                None => return,
            },
            // A reply route holds the reply; the request is with the context.
            (RouteKind::Reply, Some(context)) => match &mut context.scene {
                Some(request) => {
                    let proxy = &mut request.attached.proxy;
                    (&mut proxy.fr_ms, &mut proxy.fr_inv_ms)
                }
                None => return,
            },
            _ => (&mut self.scene.proxy.fr_ms, &mut self.scene.proxy.fr_inv_ms),
        };
        *fr = fr_ms.or(*fr);
        *fr_inv = fr_inv_ms.or(*fr_inv);
        let (Some(ms), Some(context)) = (fr_inv_ms, context) else {
            return;
        };
        let under_way = context.branches().iter().enumerate();
        let clients: smallvec::SmallVec<[ClientId; BRANCHES_MAX]> = under_way
            .filter(|(place, _)| kind != RouteKind::Reply || at.map(usize::from) == Some(*place))
            .filter_map(|(_, branch)| branch.client)
            .collect();
        for client in clients {
            self.core.set_fr_inv_ms(client, ms);
        }
    }

    /// The final-response timers as they are for what the route is about, in ms; `None` is the parameter's.
    pub fn timeouts(&self) -> (Option<u32>, Option<u32>) {
        let own = |proxy: &super::Attachments| (proxy.fr_ms, proxy.fr_inv_ms);
        let context = self.run.context.and_then(|id| self.core.contexts.get(id));
        let of_request = match (self.run.kind, context) {
            (RouteKind::Reply, Some(context)) => context
                .scene
                .as_ref()
                .map_or((None, None), |request| own(&request.attached.proxy)),
            _ => own(&self.scene.proxy),
        };
        let branch = self.run.branch.and_then(|at| context?.branch(at));
        match branch {
            Some(branch) => (
                branch.fr_ms.or(of_request.0),
                branch.fr_inv_ms.or(of_request.1),
            ),
            None => of_request,
        }
    }

    /// Header lines for the CANCELs of this transaction (`t_add_cancel_reason`), each with its CRLF.
    pub fn add_cancel_headers(&mut self, lines: &[u8]) {
        self.scene.proxy.cancel_headers.extend_from_slice(lines);
    }

    /// The Request-URI as it will be sent.
    pub fn request_uri(&self) -> &[u8] {
        match self.scene.targets.uri(0) {
            [] => self.message.request_uri(),
            uri => uri,
        }
    }

    /// Gives entry 0 of the target set a URI of its own, as swapping and serial forking want it.
    pub fn own_request_uri(&mut self) {
        if self.scene.targets.uri(0).is_empty() {
            self.scene.targets.set_uri(0, self.message.request_uri());
        }
    }

    /// Orders the target set for serial forking (`serialize_branches`). -1: there is only one.
    pub fn serialize_branches(&mut self, clear: bool, keep_order: bool) -> i32 {
        self.own_request_uri();
        self.scene.targets.serialize(clear, keep_order);
        1
    }

    /// Makes the next group the target set (`next_branches`): 1 more are left, 2 it was the last, -1 none.
    pub fn next_branches(&mut self) -> i32 {
        self.scene.targets.next_group()
    }

    /// The socket that the request in hand is bound to leave by, when one is forced.
    pub fn forced_socket(&self) -> Option<crate::input::SocketId> {
        forward::forced_socket(self.scene, &self.scene.targets.get(0).unwrap_or_default())
    }
}
